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

import hashlib
import json
import marshal
import os
import signal
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

_HELD: dict[str, Any] = {"inputs": ()}


def hold(data: bytes) -> None:
    """Take the inputs of a task: a tuple of (arguments, keyword arguments)."""
    _HELD["inputs"] = marshal.loads(data)  # noqa: S302 - written by our own parent


def run(channel: int) -> None:
    """Answer one job: load the source, make the calls, write the records."""
    job = child.read_frame(channel)
    _Answers(channel, job).give()


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

    def __init__(self, channel: int, job: dict[str, Any]) -> None:
        self.channel = channel
        self.job = job
        self.parts: list[bytes] = []
        self.is_sending = False
        self.count = self.seen = self.ticks = 0
        self.limit_ticks = max(1, round(job["call_s"] / TICK_S))

    def give(self) -> None:
        """Load the candidate and call it; stop where it raises, unless told not to."""
        signal.signal(signal.SIGPROF, self.tick)
        signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        function = self.load()
        if function is not None:
            self.parts.append(record(LOADED, b""))
            self.call(function)
        signal.setitimer(signal.ITIMER_PROF, 0)
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
        inputs, only = _HELD["inputs"], self.job["only"]
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
            view = view[os.write(self.channel, view) :]
        self.is_sending = False


def _encoded(value: Any) -> bytes:
    """Return a value that is not plain, in the codec of the border."""
    kind = type(value)
    own = kind.__module__ == "candidate" and "__eq__" in vars(kind)
    name = kind.__name__ if own else ""
    return json.dumps([name, child.encode(value)], check_circular=False).encode()
