"""The jobs of a sandbox: which children each needs, and what their answers mean.

A batch is one job in one set of children. It opens their channels, sends each what
it needs and nothing of what it must not see, and turns frames into outcomes.
"""

# What a child sends has no type until it is taken apart; an override of a method of
# `Batch` does what is written there.
# ruff: noqa: ANN401, D102

import contextlib
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegrad.sandbox.answers import (
    MALFORMED,
    call_outcome,
    failure_parts,
    test_outcome,
    trace_from,
)
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.outcome import (
    CallOutcome,
    Ending,
    LoadOutcome,
    ProgramOutcome,
    TestOutcome,
    Trace,
)
from codegrad.sandbox.pump import Channel, Pipe, Pump
from codegrad.sandbox.zygote import Ended, Kid, kernel_limits


class Batch:
    """One job in one set of children: what to send, and what to make of the answers.

    Subclasses say which children there are and read their frames.
    """

    is_open_ended = False
    """Whether the number of answers is up to the child."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.cpu_s = 0.0
        self.is_done = False
        self.channels: list[Channel] = []
        self.spare: list[int] = []
        """Descriptors to close once the children have them."""

    def channel(self) -> Channel:
        """Open a channel to one more child."""
        channel = Channel(self.limits.result_bytes)
        self.channels.append(channel)
        return channel

    def open(self) -> list[Kid]:
        """Open the channels; return the children to start."""
        raise NotImplementedError

    def begin(self, pump: Pump) -> None:
        """Send the job."""
        raise NotImplementedError

    def advance(self) -> bool:
        """Read what has arrived; return whether the deadline starts anew."""
        raise NotImplementedError

    def has_ended(self) -> bool:
        """Whether no further answer can come."""
        return any(channel.is_closed for channel in self.channels)

    def is_alive_still(self) -> bool:
        """Whether there are signs of life at the deadline."""
        return False

    def finish(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        """Explain an end that is not the regular one."""
        raise NotImplementedError

    def close(self) -> None:
        """Close every descriptor."""
        for channel in self.channels:
            channel.close()
        for fd in self.spare:
            with contextlib.suppress(OSError):
                os.close(fd)
        self.spare = []


class _LoadingBatch(Batch):
    """A batch whose first answer says whether the candidate could be loaded."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.load = LoadOutcome(Ending.NOT_RUN)

    def read_load(self, message: Sequence[Any]) -> None:
        """Take the frame about loading; there is one.

        Raises:
            ValueError: If there was one already.
        """
        if self.load.ending is not Ending.NOT_RUN:
            raise ValueError("loaded twice")
        failure, printed = message[1], str(message[2])
        if failure is None:
            self.load = LoadOutcome(stdout=printed)
        else:
            error, text, line = failure_parts(failure)
            self.load = LoadOutcome(Ending.RAISED, error, text, line, printed)
            self.is_done = True


class CallBatch(_LoadingBatch):
    """Calls in one child."""

    def __init__(self, job: Mapping[str, Any], count: int, limits: Limits) -> None:
        super().__init__(limits)
        self.job = job
        self.count = count
        self.outcomes: list[CallOutcome] = []
        self.spent: Trace | None = None

    def open(self) -> list[Kid]:
        channel = self.channel()
        bounds = kernel_limits(self.limits, calls=self.count)
        return [Kid("call", (channel.far.fileno(),), bounds)]

    def begin(self, pump: Pump) -> None:
        channel = self.channels[0]
        channel.send(self.job)
        pump.add(channel)

    def advance(self) -> bool:
        channel = self.channels[0]
        count = 0
        for message in channel.take():
            count += 1
            try:
                self._read(message)
            except MALFORMED:
                channel.fail("an answer could not be understood")
        if self.load.ok and len(self.outcomes) >= self.count:
            self.is_done = True
        return bool(count)

    def _read(self, message: Any) -> None:
        if message[0] == "load":
            self.read_load(message)
        elif message[0] == "spent" and self.spent is None:
            self.spent = trace_from(message[2])
        elif message[0] == "call" and message[1] == len(self.outcomes) < self.count:
            self.outcomes.append(call_outcome(message[2]))
        else:
            # Answers to nothing would put off the deadline for ever.
            raise ValueError("not the answer that is due")

    def finish(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        if self.is_done:
            return
        ending, text = _explain(ended, self.channels[:1], is_late=is_late)
        if self.spent is not None:
            ending, text = Ending.TIMEOUT, "the trace budget was spent"
        if self.load.ending is Ending.NOT_RUN:
            self.load = LoadOutcome(ending, message=text)
        else:
            self.outcomes.append(CallOutcome(ending, message=text, trace=self.spent))


class CheckBatch(_LoadingBatch):
    """Tests in one tester, against one candidate."""

    def __init__(
        self, job: Mapping[str, Any], count: int, limits: Limits, *, shared: bool
    ) -> None:
        super().__init__(limits)
        self.job = job
        self.count = count
        self.shared = shared
        self.prelude = LoadOutcome(Ending.NOT_RUN)
        self.outcomes: list[TestOutcome] = []
        self.traces: dict[int, Trace] = {}
        self.spent: int | None = None
        self.has_trace = bool(job.get("trace"))
        self.is_tested = False

    def open(self) -> list[Kid]:
        bounds = kernel_limits(self.limits, calls=self.count)
        first = self.channel()
        if self.shared:
            return [Kid("shared", (first.far.fileno(),), bounds)]
        second = self.channel()
        link, far = _pair()
        self.spare += [link, far]
        return [
            Kid("serve", (first.far.fileno(), link), bounds),
            Kid("test", (second.far.fileno(), far), bounds),
        ]

    def begin(self, pump: Pump) -> None:
        if self.shared:
            self.channels[0].send(self.job)
        else:
            # Each side gets what it needs and nothing of the other's.
            hidden = ("tests", "prelude")
            job = {key: self.job[key] for key in self.job if key not in hidden}
            self.channels[0].send(job)
            hidden = ("source", "context")
            job = {key: self.job[key] for key in self.job if key not in hidden}
            self.channels[1].send(job)
        for channel in self.channels:
            pump.add(channel)

    def advance(self) -> bool:
        count = 0
        for index, channel in enumerate(self.channels):
            is_tester = self.shared or index == 1
            for message in channel.take():
                count += 1
                try:
                    self._read(message, is_tester=is_tester, is_candidate=index == 0)
                except MALFORMED:
                    channel.fail("an answer could not be understood")
        self.is_tested |= (
            self.load.ok and self.prelude.ok and len(self.outcomes) >= self.count
        )
        if self.is_tested and (self.shared or not self.has_trace):
            self.is_done = True
        return bool(count)

    def _read(self, message: Any, *, is_tester: bool, is_candidate: bool) -> None:
        kind = message[0]
        if is_candidate and kind == "load":
            self.read_load(message)
        elif is_candidate and kind in ("trace", "spent"):
            self._read_trace(kind, int(message[1]), message[2])
        elif is_tester and kind == "prelude":
            self._read_prelude(message[1])
        elif is_tester and kind == "test":
            self._read_test(message[2])
        else:
            raise ValueError("not the answer that is due")

    def _read_trace(self, kind: str, index: int, found: Any) -> None:
        if index in self.traces or not 0 <= index < self.count:
            raise ValueError("not the answer that is due")
        self.traces[index] = trace_from(found)
        if kind == "spent":
            self.spent = index

    def _read_test(self, found: Any) -> None:
        # What ended the candidate is found out when its process is reaped.
        if found["kind"] != "died" and len(self.outcomes) < self.count:
            self.outcomes.append(test_outcome(found))

    def _read_prelude(self, failure: Any) -> None:
        if self.prelude.ending is not Ending.NOT_RUN:
            raise ValueError("the prelude ran twice")
        if failure is None:
            self.prelude = LoadOutcome()
        else:
            error, text, line = failure_parts(failure)
            self.prelude = LoadOutcome(Ending.RAISED, error, text, line)
            self.is_done = True

    def has_ended(self) -> bool:
        if self.is_tested:
            return self.channels[0].is_closed
        # A tester whose candidate is gone reports the test and ends by itself.
        return self.channels[-1].is_closed

    def finish(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        if not (self.is_done or self.is_tested):
            self._finish_early(ended, is_late=is_late)
        self.outcomes = [
            replace(outcome, trace=self.traces.get(index, outcome.trace))
            for index, outcome in enumerate(self.outcomes)
        ]

    def _finish_early(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        ending, text = _explain(ended, self.channels, is_late=is_late)
        if self.spent is not None:
            ending, text = Ending.TIMEOUT, "the trace budget was spent"
        if self.load.ending is Ending.NOT_RUN:
            self.load = LoadOutcome(ending, message=text)
        elif self.load.ok and self.prelude.ending is Ending.NOT_RUN:
            self.prelude = LoadOutcome(ending, message=text)
        elif self.load.ok and self.prelude.ok:
            self.outcomes.append(TestOutcome(ending, message=text))


class ProgramBatch(Batch):
    """One run of a program."""

    def __init__(self, job: Mapping[str, Any], stdin: str, limits: Limits) -> None:
        super().__init__(limits)
        self.job = job
        self.stdin = stdin.encode("utf-8", "surrogateescape")
        self.outcome = ProgramOutcome(Ending.DIED)
        self.pipes: list[Pipe] = []

    def open(self) -> list[Kid]:
        channel = self.channel()
        near_in, far_in = _pipe(is_input=True)
        near_out, far_out = _pipe(is_input=False)
        near_err, far_err = _pipe(is_input=False)
        cap = self.limits.output_bytes
        self.pipes = [
            Pipe(near_in, self.stdin, 0),
            Pipe(near_out, b"", cap),
            Pipe(near_err, b"", cap),
        ]
        self.spare += [far_in, far_out, far_err]
        fds = (channel.far.fileno(), far_in, far_out, far_err)
        return [Kid("program", fds, kernel_limits(self.limits))]

    def begin(self, pump: Pump) -> None:
        self.channels[0].send(self.job)
        pump.add(self.channels[0])
        for pipe in self.pipes:
            pump.add(pipe)

    def advance(self) -> bool:
        for message in self.channels[0].take():
            with contextlib.suppress(*MALFORMED):
                self._read(message)
        return False

    def _read(self, message: Any) -> None:
        found = message[1]
        error, text, line = "", "", None
        if found["kind"] == "raised":
            error, text, line = failure_parts(found)
        self.outcome = ProgramOutcome(
            kind=Ending.RAISED if found["kind"] == "raised" else Ending.EXITED,
            returncode=int(found["returncode"]),
            error=error,
            message=text,
            line=line,
        )

    def has_ended(self) -> bool:
        # The channel closes first; what was printed may still be in the pipes.
        if any(pipe.is_over for pipe in self.pipes):
            return True
        return self.channels[0].is_closed and all(
            pipe.is_closed for pipe in self.pipes[1:]
        )

    def finish(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        outcome = self.outcome
        if any(pipe.is_over for pipe in self.pipes):
            text = f"more than {self.limits.output_bytes} bytes of output"
            outcome = ProgramOutcome(Ending.OUTPUT_LIMIT, message=text)
        elif outcome.returncode is None or is_late:
            outcome = self._unfinished(ended, is_late=is_late)
        stdout, stderr = (
            bytes(pipe.kept).decode("utf-8", "replace") for pipe in self.pipes[1:]
        )
        self.outcome = replace(outcome, stdout=stdout, stderr=stderr)

    def _unfinished(self, ended: tuple[Ended, ...], *, is_late: bool) -> ProgramOutcome:
        status = ended[0].status if ended else 0
        if ended and not is_late and os.WIFEXITED(status):
            # os._exit is a way to end, too.
            return ProgramOutcome(Ending.EXITED, returncode=os.WEXITSTATUS(status))
        ending, text = _explain(ended, self.channels, is_late=is_late)
        return ProgramOutcome(ending, message=text)

    def close(self) -> None:
        super().close()
        for pipe in self.pipes:
            pipe.close()


class KernelBatch(Batch):
    """One run of a kernel."""

    is_open_ended = True

    def __init__(self, module: str, job: object, limits: Limits) -> None:
        super().__init__(limits)
        self.job = {"module": module, "job": job}
        self.frames: list[Any] = []
        self.ended = ""
        self.message = ""
        self._shared = -1
        self._mark = self._seen = -1

    @property
    def mark(self) -> int:
        """The last index that the kernel marked; -1 if none."""
        if self._shared >= 0:
            # Not mapped: the child may cut the file, and touching what is gone from a
            # mapping would end this process.
            data = os.pread(self._shared, 8, 0)
            if len(data) == 8:  # noqa: PLR2004 - one integer
                (self._mark,) = struct.unpack("<q", data)
        return self._mark

    def open(self) -> list[Kid]:
        channel = self.channel()
        fd = _memory_file()
        os.pwrite(fd, struct.pack("<q", -1), 0)
        self.spare.append(fd)
        self._shared = os.dup(fd)
        fds = (channel.far.fileno(), fd)
        return [Kid("kernel", fds, kernel_limits(self.limits))]

    def begin(self, pump: Pump) -> None:
        self.channels[0].send(self.job)
        pump.add(self.channels[0])

    def advance(self) -> bool:
        count = 0
        for message in self.channels[0].take():
            count += 1
            kind = message[0]
            if kind == "frame":
                self.frames += message[1:2]
            elif kind == "end":
                self.ended, self.is_done = "finished", True
            elif kind == "error":
                self.ended, self.is_done = "died", True
                self.message = str(message[1:])[:4000]
        return bool(count)

    def is_alive_still(self) -> bool:
        mark = self.mark
        is_alive, self._seen = mark != self._seen, mark
        return is_alive

    def finish(self, ended: tuple[Ended, ...], *, is_late: bool) -> None:
        if not self.is_done:
            ending, self.message = _explain(ended, self.channels, is_late=is_late)
            self.ended = ending.value

    def close(self) -> None:
        if self._shared >= 0:
            self._mark = self.mark
            os.close(self._shared)
            self._shared = -1
        super().close()


def _pair() -> tuple[int, int]:
    left, right = socket.socketpair()
    return left.detach(), right.detach()


def _pipe(*, is_input: bool) -> tuple[int, int]:
    reader, writer = os.pipe()
    near, far = (writer, reader) if is_input else (reader, writer)
    os.set_blocking(near, False)
    return near, far


def _memory_file() -> int:
    if sys.platform == "linux":
        return os.memfd_create("codegrad-mark")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _explain(
    ended: tuple[Ended, ...], channels: Sequence[Channel], *, is_late: bool
) -> tuple[Ending, str]:
    """Return how a job ended that gave no answer, and what to say about it."""
    if is_late:
        return Ending.TIMEOUT, "no answer before the deadline"
    if not ended:
        return Ending.DIED, "the process that runs candidates was killed"
    for channel in channels:
        if channel.reason:
            return Ending.DIED, channel.reason
    for one in ended:
        if os.WIFSIGNALED(one.status):
            number = os.WTERMSIG(one.status)
            if number == signal.SIGXCPU:
                return Ending.TIMEOUT, "the processor time was spent"
            if number != signal.SIGKILL:
                name = signal.Signals(number).name
                return Ending.DIED, f"the process was ended by {name}"
    return Ending.DIED, "the process ended without an answer"
