"""The far side of grading: call one candidate with inputs that its zygote holds.

A host (see `codegrad.sandbox.hosting`) holds the inputs of one task and forks a child
for each candidate. The child gets nothing but the candidate's source and answers with
one record an input, in order; expectations never come here. Plain values are written
with `marshal`, which is as fast as it gets; the parent never loads them with it.

Standard library of CPython 3.9 or later only.
"""

# Values of any type pass; this file is loaded without its package.
# ruff: noqa: ANN401

from __future__ import annotations

import _thread
import contextlib
import gc
import hashlib
import json
import marshal
import os
import signal
import socket
import struct
import sys
import time
import types
from typing import Any

from codegrad.sandbox import child

RECORD = struct.Struct("<cI")
"""The head of a record: its kind and the length of its body."""

LOADED, RAISED_IN_LOAD = b"O", b"L"
PLAIN, ENCODED, DIGEST = b"M", b"J", b"D"
RAISED, TIMEOUT, SPENT, END = b"E", b"T", b"S", b"."

PLAIN_VERSION = 2
"""The newest `marshal` format without references: equal bytes mean equal values."""

DIGEST_BYTES = 1 << 14
"""Plain values longer than this cross as their digest."""

TICK_S = 0.1
"""Processor seconds between two looks at the clock, and between two signs of life."""

FLUSH_BYTES = 1 << 20

START, STOP, LOAD = b"s", b"e", b"l"
"""What the parent asks of a host: to fork a child, to end it and say how it did, or to
hold the inputs of another task."""

ENDED = struct.Struct("<id")
"""How a child ended: its wait status and its processor seconds."""


def host(zygote: Any, control: int, data: int) -> None:
    """Hold the inputs of one task after the other; fork a child for each candidate.

    This is a zygote of its own, made for speed: whatever can be done once is done
    here, and nothing that a child inherits was written by a candidate.
    """
    kind = socket.SOCK_STREAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
    # Asking the kernel for the kind of socket is not among a zygote's rights.
    sock = socket.socket(socket.AF_UNIX, kind, 0, fileno=control)
    answers = _Answers()
    signal.signal(signal.SIGPROF, answers.tick)
    _prepare(zygote)
    is_alone = zygote.states.is_on("pid_namespace")
    order, fd = LOAD, data
    while order in (START, LOAD):
        if order == LOAD:
            answers.hold(fd)
            order, fd = _next(sock)
            continue
        pid = os.fork()
        if pid == 0:
            try:
                _confine(zygote, fd, answers.limits)
                answers.give()
            except BaseException:  # noqa: BLE001, S110 - whatever happens, never return
                pass
            finally:
                os._exit(0)
        os.close(fd)
        is_wanted = sock.recv(1) == STOP
        ended = _end(pid, zygote.proc, is_alone=is_alone)
        if not is_wanted:
            return
        sock.send(ended)
        order, fd = _next(sock)


def _prepare(zygote: Any) -> None:
    """Do once what holds for every child."""
    for number in range(3):
        os.dup2(zygote.null, number)
    if zygote.ruleset is not None and zygote.filter is not None:
        # Without the filter, which refuses `kill`, each child needs a domain of its
        # own: signals may pass inside a domain.
        zygote.ruleset.enforce()
    # Large stacks let the limit on memory stop a bomb of threads.
    with contextlib.suppress(ValueError, OSError):
        _thread.stack_size(64 << 20)
    if zygote.must_seed:
        sys.modules["random"].seed(0)
    gc.collect()


def _end(pid: int, proc: int, *, is_alone: bool) -> bytes:
    """Kill and reap a child and whatever it left; return how it ended."""
    # Killed before it is reaped: until then its number cannot be another's.
    os.kill(pid, signal.SIGKILL)
    if is_alone:
        with contextlib.suppress(OSError):
            os.kill(-1, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    if not is_alone:
        child.kill_descendants(proc, everything=False)
    return ENDED.pack(status, usage.ru_utime + usage.ru_stime)


def _next(sock: socket.socket) -> tuple[bytes, int]:
    """Wait for an order; return it and its descriptor, or nothing at the end."""
    try:
        order, ancillary, _, _ = sock.recvmsg(1, _ANCILLARY)
    except OSError:
        return b"", -1
    if not ancillary:
        return b"", -1
    (fd,) = struct.unpack("i", ancillary[0][2][:4])
    return order, int(fd)


_ANCILLARY = socket.CMSG_SPACE(4)


def _confine(zygote: Any, fd: int, limits: dict[str, int]) -> None:
    """Take from a forked child what the host still needs."""
    if zygote.states.is_on("rlimits"):
        child.set_limits(limits)
    if zygote.kernel is not None:
        zygote.kernel.prctl(child.PR_SET_PDEATHSIG, signal.SIGKILL)
    if zygote.ruleset is not None and zygote.filter is None:
        zygote.ruleset.enforce()
    if fd != child.CHANNEL:
        os.dup2(fd, child.CHANNEL)
    os.closerange(child.CHANNEL + 1, 256)
    if zygote.filter is not None:
        zygote.filter.install()
    gc.enable()


def plain_record(data: bytes) -> bytes:
    """Return the record of a value from its `marshal` form."""
    if len(data) > DIGEST_BYTES:
        return record(DIGEST, digest_body(data))
    return record(PLAIN, data)


def record(kind: bytes, body: bytes) -> bytes:
    """Return one record."""
    return RECORD.pack(kind, len(body)) + body


def digest_body(data: bytes) -> bytes:
    """Return what stands for a long value: its digest and its length."""
    return hashlib.sha256(data).digest() + struct.pack("<Q", len(data))


class _Answers:
    """The answers of one candidate."""

    def __init__(self) -> None:
        self.inputs: Any = ()
        self.limits: dict[str, int] = {}
        self.job: dict[str, Any] = {}
        self.parts: list[bytes] = []
        self.is_sending = False
        self.count = self.seen = self.ticks = 0
        self.limit_ticks = 1

    def hold(self, fd: int) -> None:
        """Read the inputs of a task, and the limits of its candidates."""
        with open(fd, "rb") as stream:
            held = marshal.loads(stream.read())  # noqa: S302 - written by our own parent
        self.inputs, self.limits = held["inputs"], held["limits"]
        # Otherwise a collection in a child would write to, and so copy, all of them.
        gc.freeze()

    def give(self) -> None:
        """Load the candidate and call it; stop where it raises, unless told not to."""
        self.job = job = marshal.loads(_read_job())  # noqa: S302 - written by our parent
        self.limit_ticks = max(1, round(job["call_s"] / TICK_S))
        signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        function = self.load()
        if function is not None:
            self.parts.append(record(LOADED, b""))
            self.call(function)
        self.parts.append(record(END, b""))
        self.flush()

    def load(self) -> Any:
        """Execute the source; return the function to call, or None."""
        module = types.ModuleType("candidate")
        # dataclasses and typing look a class's module up by name.
        sys.modules["candidate"] = module
        job = self.job
        try:
            for text, name in (
                (job["context"], "<context>"),
                (job["source"], child.CANDIDATE_FILE),
            ):
                code = compile(text, name, "exec", dont_inherit=True)
                exec(code, module.__dict__)  # noqa: S102 - the purpose of this process
            function: Any = module
            for index, name in enumerate(job["entry"].split(".")):
                function = vars(module)[name] if not index else getattr(function, name)
                if isinstance(function, type):
                    function = function()
        except BaseException as error:  # noqa: BLE001 - turned into a message
            body = json.dumps(child.describe(error)).encode()
            self.parts.append(record(RAISED_IN_LOAD, body))
            return None
        return function

    def call(self, function: Any) -> None:
        """Make the calls."""
        inputs, only = self.inputs, self.job["only"]
        goes_on, is_timed = self.job["goes_on"], self.job["is_timed"]
        chosen = inputs if only is None else [inputs[index] for index in only]
        limit = DIGEST_BYTES if only is None else child.FRAME_BYTES
        dumps, parts, pack = marshal.dumps, self.parts, RECORD.pack
        for args, kwargs in chosen:
            if is_timed:
                started = time.process_time()
            try:
                value = function(*args, **kwargs) if kwargs else function(*args)
                try:
                    data = dumps(value, PLAIN_VERSION)
                    kind = PLAIN
                    if len(data) > limit:
                        kind, data = DIGEST, digest_body(data)
                except ValueError:
                    kind, data = ENCODED, _encoded(value)
            except BaseException as error:  # noqa: BLE001 - turned into a message
                kind, data = RAISED, json.dumps(child.describe(error)).encode()
            parts += (pack(kind, len(data)), data)
            if is_timed:
                spent = struct.pack("<d", time.process_time() - started)
                parts.append(record(SPENT, spent))
            self.count += 1
            if kind == RAISED and not goes_on:
                break

    def tick(self, _number: int, _frame: Any) -> None:
        """Show life, and end a call that has spent its processor time."""
        self.ticks = 0 if self.count != self.seen else self.ticks + 1
        self.seen = self.count
        if self.is_sending:
            return
        if self.ticks >= self.limit_ticks:
            self.parts.append(record(TIMEOUT, b""))
            self.flush()
            # An exception could be caught by the candidate; leaving cannot.
            os._exit(0)
        self.flush()

    def flush(self) -> None:
        """Send what there is, which may be an empty frame."""
        self.is_sending = True
        parts, count = self.parts, len(self.parts)
        body = b"".join(parts[:count])
        # Only what was taken is dropped: the clock can interrupt anywhere.
        del parts[:count]
        view = memoryview(struct.pack("<I", len(body)) + body)
        while view:
            view = view[os.write(child.CHANNEL, view) :]
        self.is_sending = False


def _read_job() -> bytes:
    """Read one frame; from the parent, which sends nothing after it."""
    data = os.read(child.CHANNEL, 1 << 16)
    (size,) = struct.unpack_from("<I", data)
    chunks, left = [data], size + 4 - len(data)
    while left > 0:
        data = os.read(child.CHANNEL, min(left, 1 << 20))
        if not data:
            raise EOFError
        chunks.append(data)
        left -= len(data)
    return b"".join(chunks)[4:]


def _encoded(value: Any) -> bytes:
    """Return a value that is not plain, in the codec of the border."""
    kind = type(value)
    own = kind.__module__ == "candidate" and "__eq__" in vars(kind)
    name = kind.__name__ if own else ""
    return json.dumps([name, child.encode(value)], check_circular=False).encode()
