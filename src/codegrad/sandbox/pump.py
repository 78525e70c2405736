"""Move bytes between this process and its children without waiting on one of them.

A `Pump` watches any number of ends; each is read and written as far as it goes.
What arrives is untrusted: sizes are capped, and a frame that cannot be read closes
the channel.
"""

import json
import os
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

from codegrad.sandbox import child

_CHUNK = 1 << 16
_HEADER = struct.Struct("<I")


class End(Protocol):
    """One descriptor that a pump watches."""

    is_closed: bool
    """Whether the other side is gone or the end is of no more use."""

    @property
    def wants_write(self) -> bool:
        """Whether bytes are waiting to be written."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def on_readable(self) -> None:
        """Read what is there."""

    def on_writable(self) -> None:
        """Write what fits."""


class Channel:
    """The parent's end of a child's channel: a job goes out, frames come in."""

    def __init__(self, limit: int) -> None:
        self.sock, self.far = socket.socketpair()
        self.sock.settimeout(0.0)
        self.is_closed = False
        self.reason = ""
        self._limit = limit
        self._out = memoryview(b"")
        self._in = bytearray()
        self._frames: deque[list[Any]] = deque()

    @property
    def wants_write(self) -> bool:
        """Whether bytes are waiting to be written."""
        return bool(self._out)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.sock.fileno()

    def send(self, message: object) -> None:
        """Queue one frame."""
        self._out = memoryview(bytes(self._out) + child.pack(message))
        self.on_writable()

    def take(self) -> Iterator[list[Any]]:
        """Yield the frames that have arrived, oldest first."""
        while self._frames:
            yield self._frames.popleft()

    def on_writable(self) -> None:
        """Write what fits."""
        try:
            self._out = self._out[self.sock.send(self._out) :]
        except BlockingIOError:
            return
        except OSError:
            # The child is gone; what it wrote before can still be read.
            self._out = memoryview(b"")

    def on_readable(self) -> None:
        """Read what is there."""
        try:
            data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return
        self._in += data
        self._limit -= len(data)
        if self._limit < 0:
            self.fail("more results than allowed")
            return
        self._parse()

    def fail(self, reason: str) -> None:
        """Stop listening to a child that breaks the protocol."""
        self.is_closed = True
        self.reason = reason

    def _parse(self) -> None:
        start = 0
        while len(self._in) - start >= _HEADER.size:
            (size,) = _HEADER.unpack_from(self._in, start)
            if size > child.FRAME_BYTES:
                self.fail("a frame was too large")
                return
            stop = start + _HEADER.size + size
            if len(self._in) < stop:
                break
            try:
                frame = json.loads(self._in[start + _HEADER.size : stop])
            except (ValueError, RecursionError):
                frame = None
            if not (isinstance(frame, list) and frame and isinstance(frame[0], str)):
                self.fail("a frame could not be read")
                return
            self._frames.append(frame)
            start = stop
        del self._in[:start]

    def close(self) -> None:
        """Close both ends."""
        self.sock.close()
        self.far.close()


class Pipe:
    """The parent's end of one standard stream of a program."""

    def __init__(self, fd: int, data: bytes, limit: int) -> None:
        self.fd = fd
        self.out = memoryview(data)
        self.is_input = limit == 0
        self.limit = limit
        self.kept = bytearray()
        self.is_over = False
        self.is_closed = False
        if self.is_input and not data:
            self.close()

    @property
    def wants_write(self) -> bool:
        """Whether input is waiting to be written."""
        return bool(self.out)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self.fd

    def on_writable(self) -> None:
        """Write what fits; close at the end, which the program sees as such."""
        try:
            self.out = self.out[os.write(self.fd, self.out) :]
        except BlockingIOError:
            return
        except OSError:
            self.out = memoryview(b"")
        if not self.out:
            self.close()

    def on_readable(self) -> None:
        """Read what is there, up to the limit."""
        if self.is_input:
            # A pipe that nobody reads any more reports itself as readable.
            self.close()
            return
        try:
            data = os.read(self.fd, 1 << 16)
        except BlockingIOError:
            return
        room = self.limit - len(self.kept)
        self.kept += data[:room]
        self.is_over |= len(data) > room
        self.is_closed |= not data

    def close(self) -> None:
        """Close the descriptor."""
        self.is_closed = True
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Pump:
    """Watches ends until something happens or a deadline passes."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._events: dict[End, int] = {}

    def add(self, end: End) -> None:
        """Watch one more end."""
        self._watch(end)

    def step(self, deadline: float) -> bool:
        """Wait for traffic and move it; return False if `deadline` passed instead.

        `deadline` is in seconds of `time.monotonic`.
        """
        left = deadline - time.monotonic()
        ready = self._selector.select(max(left, 0.0))
        for key, events in ready:
            end: End = key.data
            if events & selectors.EVENT_WRITE:
                end.on_writable()
            if events & selectors.EVENT_READ:
                end.on_readable()
            self._watch(end)
        return bool(ready) or time.monotonic() < deadline

    def close(self) -> None:
        """Forget all ends; they stay open."""
        self._selector.close()

    def _watch(self, end: End) -> None:
        wanted = 0
        if not end.is_closed:
            wanted = selectors.EVENT_READ
            if end.wants_write:
                wanted |= selectors.EVENT_WRITE
        before = self._events.get(end, 0)
        if wanted == before:
            return
        if not before:
            self._selector.register(end, wanted, end)
        elif not wanted:
            self._selector.unregister(end)
        else:
            self._selector.modify(end, wanted, end)
        self._events[end] = wanted
