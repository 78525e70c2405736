"""Grade many candidates against the same inputs, each in a process of its own.

A `Host` is a zygote below a sandbox's zygote: it holds the inputs of one task at a time
and forks a confined child for each candidate, which therefore needs neither to receive
nor to decode them. Inputs are no secret; sources and expectations never enter the
host. What a child writes is untrusted: it is compared as bytes, or read by a reader
that knows plain values only.
"""

import contextlib
import marshal
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from codegrad.sandbox import answering
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.outcome import Ending
from codegrad.sandbox.worker import Sandbox
from codegrad.sandbox.zygote import ZygoteLostError, kernel_limits

MODULE = "codegrad.sandbox.answering"
"""What a sandbox has to preload to be able to host."""

MAX_RUNS = 5000
"""Candidates for which one host is used."""

MOST_HELD_BYTES = 4 << 20
"""Inputs that one host holds, one task after the other: what it has freed still costs
every fork."""

Taker = Callable[[bytearray], bool]
"""Is given all bytes of the records so far; returns whether to go on."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Limits of one candidate."""

    call_s: float = 1.0
    """Processor seconds of one call."""

    silence_s: float = 5.0
    """Seconds without a sign of life, which a sleeping candidate does not give."""

    total_s: float = 60.0
    """Seconds for all calls together."""

    memory_mb: int = 4096
    """Address space of the process, in MiB."""

    result_bytes: int = 256 << 20
    """Bytes of results."""


@dataclass(frozen=True, slots=True)
class HostRun:
    """How one candidate's process ended."""

    ending: Ending
    """`EXITED` if it said all it had to say or was told to stop, else `TIMEOUT` or
    `DIED`."""

    message: str = ""
    """What ended it."""

    cpu_s: float = 0.0
    """Processor seconds, user and system."""


class Host:
    """Holds the inputs of one task; runs candidates on them, one after the other.

    A sandbox serves one host at a time, and no other job while it does.

    Args:
        sandbox: A sandbox that preloads `MODULE`.
        inputs: Arguments and keyword arguments of each call; plain builtins.
        limits: The limits of each candidate.

    Raises:
        ValueError: If an input is not made of plain builtins.
        SandboxError: If no confined process can be started.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        inputs: Sequence[tuple[Sequence[Any], Mapping[str, Any]]],
        limits: HostLimits | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._control: socket.socket | None = None
        self._runs = self._held_bytes = 0
        self._hold(inputs, limits)

    def _hold(
        self,
        inputs: Sequence[tuple[Sequence[Any], Mapping[str, Any]]],
        limits: HostLimits | None,
    ) -> None:
        self._limits = limits or HostLimits()
        bounds = Limits(cpu_s=self._limits.total_s, memory_mb=self._limits.memory_mb)
        held = {
            "inputs": tuple((tuple(args), dict(kwargs)) for args, kwargs in inputs),
            "limits": kernel_limits(bounds),
        }
        self._data = marshal.dumps(held, answering.PLAIN_VERSION)
        self._held_bytes += len(self._data)

    def load(
        self,
        inputs: Sequence[tuple[Sequence[Any], Mapping[str, Any]]],
        limits: HostLimits | None = None,
    ) -> None:
        """Hold the inputs of another task instead.

        Raises:
            ValueError: If an input is not made of plain builtins.
        """
        self._hold(inputs, limits)
        if self._control is None:
            return
        if self._held_bytes > MOST_HELD_BYTES:
            self.close()
            return
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._control, [answering.LOAD], [reading])
        except OSError:
            self._drop()
        finally:
            os.close(reading)
        self._write_data(writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the host; the sandbox is free for other jobs."""
        if self._control is None:
            return
        self._control.close()
        self._control = None
        try:
            self._sandbox.end_host()
        except ZygoteLostError:
            self._sandbox.lose()

    def run(  # noqa: PLR0913 - one options list
        self,
        source: str,
        entry: str,
        take: Taker,
        *,
        only: Sequence[int] | None = None,
        goes_on: bool = False,
        is_timed: bool = False,
        context: str = "",
        patience: float = 1.0,
    ) -> HostRun:
        """Run one candidate; `take` sees its records as they arrive.

        Args:
            source: The candidate's module.
            entry: The function to call, or `Class.method` of a class without
                arguments.
            take: Is called with all bytes so far; False ends the candidate.
            only: Call these inputs alone, by index, and send long values whole.
            goes_on: Whether to go on after a call that raised.
            is_timed: Send the processor seconds of each call, too.
            context: Source to execute in the module before the candidate's.
            patience: Factor on the limits that are not on processor time.

        Raises:
            SandboxError: If no confined process can be started.
        """
        limits = replace(
            self._limits,
            silence_s=self._limits.silence_s * patience,
            total_s=self._limits.total_s * patience,
        )
        job = {
            "source": source,
            "entry": entry,
            "only": None if only is None else list(only),
            "goes_on": goes_on,
            "is_timed": is_timed,
            "context": context,
            "call_s": self._limits.call_s,
        }
        near, far = socket.socketpair()
        try:
            try:
                control = self._start(far)
            finally:
                far.close()
            data = marshal.dumps(job, answering.PLAIN_VERSION)
            frame = struct.pack("<I", len(data)) + data
            reader = _Reader(near, frame, take, limits)
            reader.follow()
            return self._end(control, reader)
        except ZygoteLostError:
            self._drop()
            return HostRun(Ending.DIED, "the process that runs candidates was killed")
        except BaseException:
            self._drop()
            raise
        finally:
            near.close()

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        self._sandbox.lose()

    def _start(self, far: socket.socket) -> socket.socket:
        if self._runs >= MAX_RUNS:
            self.close()
        for _ in range(2):
            control = self._control or self._begin()
            self._runs += 1
            try:
                socket.send_fds(control, [answering.START], [far.fileno()])
            except OSError:
                self._drop()
            else:
                return control
        raise ZygoteLostError

    def _begin(self) -> socket.socket:
        kind = socket.SOCK_STREAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
        near, far = socket.socketpair(socket.AF_UNIX, kind)
        reading, writing = os.pipe()
        try:
            self._sandbox.begin_host(MODULE, (far.fileno(), reading))
        finally:
            far.close()
            os.close(reading)
        self._write_data(writing)
        near.settimeout(20.0)
        self._control, self._runs = near, 0
        self._held_bytes = len(self._data)
        return near

    def _write_data(self, writing: int) -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as stream:
            stream.write(self._data)

    def _end(self, control: socket.socket, reader: "_Reader") -> HostRun:
        try:
            control.send(answering.STOP)
            data = control.recv(answering.ENDED.size)
            status, cpu_s = answering.ENDED.unpack(data)
        except (OSError, struct.error) as error:
            raise ZygoteLostError from error
        ending, message = reader.ending, reader.message
        if ending is Ending.DIED and os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                ending, message = Ending.TIMEOUT, "the processor time was spent"
            elif number != signal.SIGKILL:
                message = f"the process was ended by {signal.Signals(number).name}"
        return HostRun(ending, message, cpu_s)


class _Reader:
    """Sends a job and reads records until there is nothing more to wait for."""

    def __init__(
        self, sock: socket.socket, job: bytes, take: Taker, limits: HostLimits
    ) -> None:
        self.sock = sock
        self.out = memoryview(job)
        self.take = take
        self.limits = limits
        self.raw = bytearray()
        self.records = bytearray()
        self.ending = Ending.DIED
        self.message = "the process ended without an answer"

    def follow(self) -> None:
        """Read until the end, a deadline, or until `take` has had enough."""
        self.sock.settimeout(0.0)
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | select.POLLOUT)
        last = time.monotonic() + self.limits.total_s
        deadline = time.monotonic() + self.limits.silence_s
        while True:
            left = min(deadline, last) - time.monotonic()
            ready = poll.poll(max(left, 0.0) * 1000)
            if not ready:
                self.ending = Ending.TIMEOUT
                self.message = "no answer before the deadline"
                return
            flags = ready[0][1]
            if flags & select.POLLOUT and self._write():
                poll.modify(self.sock, select.POLLIN)
            if flags & (select.POLLIN | select.POLLHUP | select.POLLERR):
                if not self._read():
                    return
                deadline = time.monotonic() + self.limits.silence_s

    def _write(self) -> bool:
        """Write what fits; return whether nothing is left."""
        try:
            self.out = self.out[self.sock.send(self.out) :]
        except BlockingIOError:
            return False
        except OSError:
            # The child is gone; what it wrote before can still be read.
            return True
        return not self.out

    def _read(self) -> bool:
        """Read what is there; return whether more is wanted."""
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        if not data:
            return False
        self.raw += data
        before = len(self.records)
        while len(self.raw) >= 4:  # noqa: PLR2004 - the head of a frame
            (size,) = struct.unpack_from("<I", self.raw)
            if len(self.records) + size > self.limits.result_bytes:
                self.message = "more results than allowed"
                return False
            if len(self.raw) < 4 + size:
                break
            self.records += self.raw[4 : 4 + size]
            del self.raw[: 4 + size]
        if len(self.records) == before:
            return True
        if self.take(self.records):
            return True
        self.ending, self.message = Ending.EXITED, ""
        return False
