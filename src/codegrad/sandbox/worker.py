"""The sandbox: run candidates, tests and programs in confined processes.

One `Sandbox` owns one zygote, which is started when it is first needed and forks a
fresh child for every job. Jobs and results travel between this process and the
children directly. What a candidate does wrong comes back as a value.
"""

import contextlib
import mmap
import os
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.errors import SandboxError
from codegrad.sandbox import child
from codegrad.sandbox.asserts import rewrite_asserts
from codegrad.sandbox.layers import LayerReport
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.outcome import (
    Call,
    CallOutcome,
    CallRecord,
    CallRun,
    CheckRun,
    Ending,
    LoadOutcome,
    ProgramOutcome,
    TestOutcome,
    Trace,
)
from codegrad.sandbox.pump import Channel, Pump
from codegrad.sandbox.zygote import (
    Ended,
    Kid,
    ZygoteLostError,
    ZygoteProcess,
    kernel_limits,
)

MAX_RESTARTS = 3
"""Fresh children for the rest of a job after one that hung or died."""

TRACE_EVENTS = 100_000
"""Executed lines after which a traced call or test ends as a timeout."""

_DEFAULT = Limits()


class Sandbox:
    """Runs untrusted code in confined processes.

    Use one sandbox from one thread at a time; a pool is several sandboxes. The
    context manager, or `close`, ends its processes.

    Args:
        python: The interpreter of the candidate, CPython 3.9 or later; by default
            this one.
        allow_unsafe: Go on where neither Landlock nor a private file system is
            available.
        read_paths: Directories that candidates may read besides the interpreter's
            own libraries.
        preload: Modules to import once for all jobs. A name below `codegrad` is
            loaded from this installation, whatever the interpreter.
        layers_off: Layers to leave out, to see what holds without them.

    Example:
        >>> with Sandbox() as sandbox:
        ...     run = sandbox.call("def f(x): return x + 1", "f", [Call((1,))])
        >>> run.calls[0].value
        2
    """

    def __init__(
        self,
        python: Path | None = None,
        *,
        allow_unsafe: bool = False,
        read_paths: Sequence[Path] = (),
        preload: Sequence[str] = (),
        layers_off: Sequence[str] = (),
    ) -> None:
        self._python = python
        self._allow_unsafe = allow_unsafe
        self._read_paths = tuple(read_paths)
        self._preload = tuple(preload)
        self._layers_off = tuple(layers_off)
        self._process: ZygoteProcess | None = None
        self.restarts = 0
        """How often the zygote died or fell silent and was replaced."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def layers(self) -> LayerReport:
        """The isolation layers that hold here; starts the zygote.

        Raises:
            UnsafeSandboxError: If the user's files would be in reach.
            SandboxError: If the interpreter cannot be started.
        """
        return self._zygote().layers

    def close(self) -> None:
        """End the zygote and everything below it; a later job starts a new one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def call(
        self,
        source: str,
        entry: str,
        calls: Sequence[Call],
        *,
        limits: Limits = _DEFAULT,
        context: str = "",
        trace: bool = False,
    ) -> CallRun:
        """Call a function with each of `calls`; the candidate sees inputs only.

        Every call gets its own copy of its arguments. A call that hangs or kills the
        process is reported, and the rest run in a fresh one, up to three times;
        after that the rest are `NOT_RUN`. `entry` names a function of the module;
        methods are out of scope.

        Args:
            source: The candidate's module.
            entry: The function to call.
            calls: The arguments.
            limits: `wall_s` and `cpu_s` are for one call, and for loading.
            context: Source to execute in the module before the candidate's.
            trace: Record lines, values, exceptions and calls of each call.

        Raises:
            ValueError: If an argument is of a kind that cannot cross.
            SandboxError: If no confined process can be started.
        """
        encoded = [_encode_call(call) for call in calls]
        job = _job(source, entry, context, limits, trace=trace)
        gathered: list[CallOutcome] = []
        load = LoadOutcome(Ending.NOT_RUN)
        cpu_s, restarts = 0.0, -1
        while restarts < MAX_RESTARTS and (len(gathered) < len(calls) or restarts < 0):
            rest = encoded[len(gathered) :]
            batch = _CallBatch({**job, "calls": rest}, len(rest), limits)
            cpu_s += self._run(batch)
            gathered += batch.outcomes
            restarts += 1
            if restarts == 0 or not batch.load.ok:
                load = batch.load
            if not batch.load.ok:
                break
        missing = len(calls) - len(gathered)
        gathered += [CallOutcome(Ending.NOT_RUN)] * missing
        return CallRun(load, tuple(gathered), cpu_s)

    def check(
        self,
        source: str,
        entry: str,
        tests: Sequence[str],
        *,
        prelude: str = "",
        context: str = "",
        shared: bool = False,
        limits: Limits = _DEFAULT,
        trace: bool = False,
    ) -> CheckRun:
        """Run tests against a candidate that lives in another process.

        A test is Python: statements, usually with asserts. In it, `entry` and
        `candidate` call the candidate's function, and so does every other public
        name that the candidate defines, unless it is the name of a builtin.
        Arguments that the candidate changes are changed in the test, too.

        Args:
            source: The candidate's module.
            entry: The function under test.
            tests: Pieces of Python, each run in its own copy of the prelude's names.
            prelude: Source to execute once before the tests, in their process.
            context: Source to execute in the module before the candidate's.
            shared: Run test and candidate in one process, for tests that need the
                candidate's objects. A candidate can then forge its results.
            limits: `wall_s` and `cpu_s` are for one test, and for loading.
            trace: Record lines, values, exceptions and calls of each test.

        Raises:
            SandboxError: If no confined process can be started.
        """
        job = _job(source, entry, context, limits, trace=trace)
        job["prelude"] = rewrite_asserts(prelude, entry)
        rewritten = [rewrite_asserts(test, entry) for test in tests]
        gathered: list[TestOutcome] = []
        load = before = LoadOutcome(Ending.NOT_RUN)
        cpu_s, restarts = 0.0, -1
        while restarts < MAX_RESTARTS and (len(gathered) < len(tests) or restarts < 0):
            rest = rewritten[len(gathered) :]
            batch = _CheckBatch({**job, "tests": rest}, len(rest), limits, shared=shared)
            cpu_s += self._run(batch)
            gathered += batch.outcomes
            restarts += 1
            is_ready = batch.load.ok and batch.prelude.ok
            if restarts == 0 or not is_ready:
                load, before = batch.load, batch.prelude
            if not is_ready:
                break
        missing = len(tests) - len(gathered)
        gathered += [TestOutcome(Ending.NOT_RUN)] * missing
        return CheckRun(load, tuple(gathered), not shared, before, cpu_s)

    def program(
        self,
        source: str,
        stdins: Sequence[str],
        *,
        limits: Limits = _DEFAULT,
        context: str = "",
    ) -> tuple[ProgramOutcome, ...]:
        """Run a program once for each of `stdins`, each in its own process.

        Raises:
            SandboxError: If no confined process can be started.
        """
        job = _job(source, "", context, limits, trace=False)
        outcomes = []
        for stdin in stdins:
            batch = _ProgramBatch(job, stdin, limits)
            cpu_s = self._run(batch)
            outcomes.append(replace(batch.outcome, cpu_s=cpu_s))
        return tuple(outcomes)

    def kernel(
        self, module: str, job: object, *, limits: Limits = _DEFAULT
    ) -> "KernelRun":
        """Run `module.run(job, emit)` of a preloaded module in a confined process.

        Candidate code may run in the same process, so what comes back is a hint and
        no evidence. Iterate over the result for the frames; afterwards it says how
        the run ended and how far it came. `limits.wall_s` is the longest silence
        without a frame or a new mark; `limits.cpu_s` is for the whole run.

        Args:
            module: A name that was given as `preload`.
            job: JSON-ready data for the module.
            limits: The limits of the run.

        Raises:
            ValueError: If `module` was not preloaded.
            SandboxError: If no confined process can be started.
        """
        if module not in self._preload:
            raise ValueError(f"{module} was not given as preload")
        return KernelRun(self, module, job, limits)

    def _zygote(self) -> ZygoteProcess:
        if self._process is None:
            self._process = ZygoteProcess(
                self._python,
                allow_unsafe=self._allow_unsafe,
                read_paths=self._read_paths,
                preload=self._preload,
                layers_off=self._layers_off,
            )
        return self._process

    def _run(self, batch: "_Batch") -> float:
        """Run one batch to its end; return its processor seconds."""
        for _ in _steps(self, batch):
            pass
        return batch.cpu_s

    def _begin(self, kids: Sequence[Kid]) -> ZygoteProcess:
        """Start the children of a job, in a new zygote if the old one is gone."""
        for _ in range(2):
            zygote = self._zygote()
            try:
                zygote.start(kids)
            except ZygoteLostError:
                self._lose()
            else:
                return zygote
        raise SandboxError("the sandbox's zygote dies as soon as it is started")

    def _lose(self) -> None:
        self.close()
        self.restarts += 1


class _Batch:
    """One job in one set of children: what to send, and what to make of the answers.

    Subclasses say which children there are and read their frames.
    """

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


def _steps(sandbox: Sandbox, batch: _Batch) -> Iterator[None]:
    """Run a batch to its end; yields whenever answers may have arrived."""
    pump = Pump()
    ended: tuple[Ended, ...] | None = None
    zygote = None
    try:
        kids = batch.open()
        zygote = sandbox._begin(kids)  # noqa: SLF001 - the other half of this module
        _close_far_ends(batch)
        batch.begin(pump)
        is_late = yield from _follow(batch, pump)
        ended = zygote.end()
        batch.cpu_s = sum(one.cpu_s for one in ended)
        batch.finish(ended, is_late=is_late)
    except ZygoteLostError:
        batch.finish((), is_late=False)
    finally:
        # After anything unexpected the zygote's state is unknown: start afresh.
        if ended is None and zygote is not None:
            sandbox._lose()  # noqa: SLF001 - the other half of this module
        pump.close()
        batch.close()


def _close_far_ends(batch: _Batch) -> None:
    for channel in batch.channels:
        channel.far.close()
    for fd in batch.spare:
        os.close(fd)
    batch.spare = []


def _follow(batch: _Batch, pump: Pump) -> Iterator[None]:
    """Read answers until the batch is done, dead or late; return whether late."""
    wall_s = batch.limits.wall_s
    deadline = time.monotonic() + wall_s
    while True:
        in_time = pump.step(deadline)
        if batch.advance():
            deadline = time.monotonic() + wall_s
            in_time = True
        yield
        if batch.is_done or batch.has_ended():
            return False
        if not in_time:
            if not batch.is_alive_still():
                return True
            deadline = time.monotonic() + wall_s


class _LoadingBatch(_Batch):
    """A batch whose first answer says whether the candidate could be loaded."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.load = LoadOutcome(Ending.NOT_RUN)

    def read_load(self, message: Sequence[Any]) -> None:
        """Take the frame about loading."""
        failure, printed = message[1], str(message[2])
        if failure is None:
            self.load = LoadOutcome(stdout=printed)
        else:
            error, text, line = _failure(failure)
            self.load = LoadOutcome(Ending.RAISED, error, text, line, printed)
            self.is_done = True


class _CallBatch(_LoadingBatch):
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
            except _MALFORMED:
                channel.fail("an answer could not be understood")
        if self.load.ok and len(self.outcomes) >= self.count:
            self.is_done = True
        return bool(count)

    def _read(self, message: Any) -> None:
        if message[0] == "load":
            self.read_load(message)
        elif message[0] == "spent":
            self.spent = _trace(message[2])
        elif message[0] == "call" and len(self.outcomes) < self.count:
            self.outcomes.append(_call_outcome(message[2]))

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


class _CheckBatch(_LoadingBatch):
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
                count += is_tester or message[:1] == ["load"]
                try:
                    self._read(message, is_tester=is_tester, is_candidate=index == 0)
                except _MALFORMED:
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
            self.traces[int(message[1])] = _trace(message[2])
            if kind == "spent":
                self.spent = int(message[1])
        elif is_tester and kind == "prelude":
            self._read_prelude(message[1])
        elif is_tester and kind == "test" and len(self.outcomes) < self.count:
            if message[2]["kind"] != "died":
                self.outcomes.append(_test_outcome(message[2]))

    def _read_prelude(self, failure: Any) -> None:
        if failure is None:
            self.prelude = LoadOutcome()
        else:
            error, text, line = _failure(failure)
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


class _ProgramBatch(_Batch):
    """One run of a program."""

    def __init__(self, job: Mapping[str, Any], stdin: str, limits: Limits) -> None:
        super().__init__(limits)
        self.job = job
        self.stdin = stdin.encode("utf-8", "surrogateescape")
        self.outcome = ProgramOutcome(Ending.DIED)
        self.pipes: list[_Pipe] = []

    def open(self) -> list[Kid]:
        channel = self.channel()
        near_in, far_in = _pipe(is_input=True)
        near_out, far_out = _pipe(is_input=False)
        near_err, far_err = _pipe(is_input=False)
        cap = self.limits.output_bytes
        self.pipes = [
            _Pipe(near_in, self.stdin, 0),
            _Pipe(near_out, b"", cap),
            _Pipe(near_err, b"", cap),
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
            with contextlib.suppress(*_MALFORMED):
                self._read(message)
        return False

    def _read(self, message: Any) -> None:
        found = message[1]
        error, text, line = "", "", None
        if found["kind"] == "raised":
            error, text, line = _failure(found)
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


class _Pipe:
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


class KernelRun:
    """A kernel at work: iterate for its frames, then ask how it ended."""

    def __init__(
        self, sandbox: Sandbox, module: str, job: object, limits: Limits
    ) -> None:
        self._batch = _KernelBatch(module, job, limits)
        self._steps = _steps(sandbox, self._batch)

    def __iter__(self) -> Iterator[Any]:
        """Yield the frames of the kernel until it ends."""
        for _ in self._steps:
            frames, self._batch.frames = self._batch.frames, []
            yield from frames
        yield from self._batch.frames
        self._batch.frames = []

    @property
    def ended(self) -> str:
        """How it ended: `finished`, `timeout` or `died`; empty while it runs."""
        return self._batch.ended

    @property
    def message(self) -> str:
        """What ended it, if it did not finish."""
        return self._batch.message

    @property
    def mark(self) -> int:
        """The last index that the kernel marked; -1 if none."""
        return self._batch.mark

    @property
    def cpu_s(self) -> float:
        """Processor seconds of the run."""
        return self._batch.cpu_s

    def close(self) -> None:
        """Kill the kernel, if it still runs."""
        self._steps.close()  # type: ignore[attr-defined] - a generator


class _KernelBatch(_Batch):
    """One run of a kernel."""

    def __init__(self, module: str, job: object, limits: Limits) -> None:
        super().__init__(limits)
        self.job = {"module": module, "job": job}
        self.frames: list[Any] = []
        self.ended = ""
        self.message = ""
        self._shared: mmap.mmap | None = None
        self._mark = self._seen = -1

    @property
    def mark(self) -> int:
        """The last index that the kernel marked; -1 if none."""
        if self._shared is not None:
            (self._mark,) = struct.unpack_from("<q", self._shared, 0)
        return self._mark

    def open(self) -> list[Kid]:
        channel = self.channel()
        fd = _memory_file()
        os.ftruncate(fd, 8)
        self.spare.append(fd)
        self._shared = mmap.mmap(fd, 8)
        struct.pack_into("<q", self._shared, 0, -1)
        fds = (channel.far.fileno(), fd)
        return [Kid("kernel", fds, kernel_limits(self.limits))]

    def begin(self, pump: Pump) -> None:
        self.channels[0].send(self.job)
        pump.add(self.channels[0])

    def advance(self) -> bool:
        count = 0
        for message in self.channels[0].take():
            count += 1
            kind = message[0] if isinstance(message, list) and message else ""
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
        if self._shared is not None:
            self._mark = self.mark
            self._shared.close()
            self._shared = None
        super().close()


# What a frame of the wrong shape raises while it is taken apart.
_MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def _job(
    source: str, entry: str, context: str, limits: Limits, *, trace: bool
) -> dict[str, Any]:
    # The child's clock starts later than ours, so its deadline must be shorter.
    settings = {"events": TRACE_EVENTS, "wall_s": limits.wall_s * 0.8}
    return {
        "source": source,
        "entry": entry,
        "context": context,
        "output_bytes": limits.output_bytes,
        "trace": settings if trace else None,
    }


def _encode_call(call: Call) -> list[Any]:
    encoded = [
        [child.encode(arg) for arg in call.args],
        {name: child.encode(value) for name, value in call.kwargs.items()},
    ]
    if _has_opaque(encoded):
        raise ValueError(f"an argument cannot be sent to the candidate: {call!r:.200}")
    return encoded


def _has_opaque(data: Any) -> bool:
    if isinstance(data, list):
        return any(_has_opaque(item) for item in data)
    if isinstance(data, dict):
        return "o" in data or any(_has_opaque(item) for item in data.values())
    return False


def _pair() -> tuple[int, int]:
    import socket

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


def _failure(data: Mapping[str, Any]) -> tuple[str, str, int | None]:
    line = data["line"]
    return (
        str(data["error"])[:100],
        str(data["message"])[:1000],
        line if isinstance(line, int) else None,
    )


def _call_outcome(found: Mapping[str, Any]) -> CallOutcome:
    mutated = found["mutated"]
    kind = Ending(found["kind"])
    error, text, line = _failure(found) if kind is Ending.RAISED else ("", "", None)
    return CallOutcome(
        kind=kind,
        value=child.decode(found["value"]) if kind is Ending.RETURNED else None,
        error=error,
        message=text,
        line=line,
        mutated=None if mutated is None else tuple(map(child.decode, mutated)),
        stdout=str(found["stdout"]),
        cpu_s=float(found["cpu_s"]),
        trace=_trace(found["trace"]) if "trace" in found else None,
    )


def _test_outcome(found: Mapping[str, Any]) -> TestOutcome:
    kind = Ending(found["kind"])
    error, text = "", ""
    if kind is not Ending.PASSED:
        error, text, _ = _failure(found)
    line = found.get("line")
    has_values = "observed" in found
    return TestOutcome(
        kind=kind,
        observed=child.decode(found["observed"]) if has_values else None,
        expected=child.decode(found["expected"]) if has_values else None,
        has_values=has_values,
        message=text,
        error="AssertionError" if error == "ComparisonError" else error,
        line=line if isinstance(line, int) else None,
        calls=tuple(_call_record(entry) for entry in found.get("calls", ())),
        stdout=str(found["stdout"]),
        is_opaque=bool(found.get("opaque")),
        trace=_trace(found["trace"]) if "trace" in found else None,
    )


def _call_record(entry: Sequence[Any]) -> CallRecord:
    args, kwargs, kind, value = entry
    is_raised = kind == "raised"
    return CallRecord(
        args=tuple(map(child.decode, args)),
        kwargs={str(name): child.decode(item) for name, item in kwargs.items()},
        kind=Ending.RAISED if is_raised else Ending.RETURNED,
        value=str(value) if is_raised else child.decode(value),
    )


def _trace(data: Mapping[str, Any]) -> Trace:
    return Trace(
        lines=tuple((int(line), int(hits)) for line, hits in data["lines"]),
        values=tuple(
            (int(line), tuple((str(name), str(text)) for name, text in state))
            for line, state in data["values"][:300]
        ),
        exception_lines=tuple(int(line) for line in data["exceptions"]),
        calls=tuple((str(caller), str(callee)) for caller, callee in data["calls"]),
        events=int(data["events"]),
    )


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
