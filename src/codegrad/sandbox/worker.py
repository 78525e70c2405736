"""The sandbox: run candidates, tests and programs in confined processes.

One `Sandbox` owns one zygote, which is started when it is first needed and forks a
fresh child for every job. Jobs and results travel between this process and the
children directly. What a candidate does wrong comes back as a value.
"""

import os
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from codegrad.errors import SandboxError
from codegrad.sandbox import child
from codegrad.sandbox.asserts import rewrite_asserts
from codegrad.sandbox.jobs import (
    Batch,
    CallBatch,
    CheckBatch,
    KernelBatch,
    ProgramBatch,
)
from codegrad.sandbox.layers import LayerReport
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.outcome import (
    Call,
    CallOutcome,
    CallRun,
    CheckRun,
    Ending,
    LoadOutcome,
    ProgramOutcome,
    TestOutcome,
)
from codegrad.sandbox.pump import Pump
from codegrad.sandbox.zygote import Ended, Kid, ZygoteLostError, ZygoteProcess

MAX_RESTARTS = 3
"""Fresh children for the rest of a job after one that hung or died."""

MOST_WALL = 3
"""A kernel may take this many times its processor and silence limits in all."""

AFTER_HANG_S = 0.5
"""Seconds that a call or test may take once an earlier one of its run has hung: a
program that hangs once mostly hangs often. What is stopped at this shorter limit is
`NOT_RUN`, because the limit that was asked for was not reached."""

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
        is_lean: Leave rarer modules of the standard library to be imported when they
            are used, so that a fork costs less.

    Example:
        >>> with Sandbox() as sandbox:
        ...     run = sandbox.call("def f(x): return x + 1", "f", [Call((1,))])
        >>> run.calls[0].value
        2
    """

    def __init__(  # noqa: PLR0913 - one options list
        self,
        python: Path | None = None,
        *,
        allow_unsafe: bool = False,
        read_paths: Sequence[Path] = (),
        preload: Sequence[str] = (),
        layers_off: Sequence[str] = (),
        is_lean: bool = False,
    ) -> None:
        self._python = python
        self._allow_unsafe = allow_unsafe
        self._read_paths = tuple(read_paths)
        self._preload = tuple(preload)
        self._layers_off = tuple(layers_off)
        self._is_lean = is_lean
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

    def call(  # noqa: PLR0913 - one options list, as in the sibling methods
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
        job = _job(source, entry, context, limits)
        gathered: list[CallOutcome] = []
        load = LoadOutcome(Ending.NOT_RUN)
        cpu_s, restarts = 0.0, -1
        while restarts < MAX_RESTARTS and (len(gathered) < len(calls) or restarts < 0):
            rest = encoded[len(gathered) :]
            job["trace"] = _trace_settings(limits) if trace else None
            batch = CallBatch({**job, "calls": rest}, len(rest), limits)
            cpu_s += self._run(batch)
            gathered += _cut_short(batch.outcomes, limits)
            limits = _after_hang(gathered, limits)
            restarts += 1
            if restarts == 0 or not batch.load.ok:
                load = batch.load
            if not batch.load.ok:
                break
        missing = len(calls) - len(gathered)
        gathered += [CallOutcome(Ending.NOT_RUN)] * missing
        return CallRun(load, tuple(gathered), cpu_s)

    def check(  # noqa: PLR0913 - each option is one of the job's own
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
        job = _job(source, entry, context, limits)
        job["prelude"] = rewrite_asserts(prelude, entry)
        rewritten = [rewrite_asserts(test, entry) for test in tests]
        gathered: list[TestOutcome] = []
        load = before = LoadOutcome(Ending.NOT_RUN)
        cpu_s, restarts = 0.0, -1
        while restarts < MAX_RESTARTS and (len(gathered) < len(tests) or restarts < 0):
            rest = rewritten[len(gathered) :]
            job["trace"] = _trace_settings(limits) if trace else None
            batch = CheckBatch({**job, "tests": rest}, len(rest), limits, shared=shared)
            cpu_s += self._run(batch)
            gathered += _cut_short(batch.outcomes, limits)
            limits = _after_hang(gathered, limits)
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
        job = _job(source, "", context, limits)
        outcomes = []
        for stdin in stdins:
            batch = ProgramBatch(job, stdin, limits)
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

    def begin_host(self, module: str, fds: Sequence[int]) -> None:
        """Start a host; see `codegrad.sandbox.hosting`, which calls this."""
        for _ in range(2):
            try:
                self._zygote().start_host(module, fds)
            except ZygoteLostError:
                self.lose()
            else:
                return
        raise SandboxError("the sandbox's zygote dies as soon as it is started")

    def end_host(self) -> None:
        """End the host and what is below it."""
        if self._process is not None:
            self._process.end()

    def lose(self) -> None:
        """Give a zygote up whose state is unknown; a later job starts a new one."""
        self._lose()

    def _zygote(self) -> ZygoteProcess:
        if self._process is None:
            self._process = ZygoteProcess(
                self._python,
                allow_unsafe=self._allow_unsafe,
                read_paths=self._read_paths,
                preload=self._preload,
                layers_off=self._layers_off,
                is_lean=self._is_lean,
            )
        return self._process

    def _run(self, batch: "Batch") -> float:
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


class KernelRun:
    """A kernel at work: iterate for its frames, then ask how it ended."""

    def __init__(
        self, sandbox: Sandbox, module: str, job: object, limits: Limits
    ) -> None:
        self._batch = KernelBatch(module, job, limits)
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
        self._steps.close()


def _steps(sandbox: Sandbox, batch: Batch) -> Generator[None, None, None]:
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


def _close_far_ends(batch: Batch) -> None:
    for channel in batch.channels:
        channel.far.close()
    for fd in batch.spare:
        os.close(fd)
    batch.spare = []


def _follow(batch: Batch, pump: Pump) -> Generator[None, None, bool]:
    """Read answers until the batch is done, dead or late; return whether late."""
    wall_s = batch.limits.wall_s
    deadline = time.monotonic() + wall_s
    # Signs of life put the deadline off, but not for ever.
    last = time.monotonic() + MOST_WALL * (wall_s + batch.limits.cpu_s)
    while True:
        in_time = pump.step(min(deadline, last))
        if time.monotonic() >= last and batch.is_open_ended:
            return True
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


def _job(source: str, entry: str, context: str, limits: Limits) -> dict[str, Any]:
    return {
        "source": source,
        "entry": entry,
        "context": context,
        "output_bytes": limits.output_bytes,
    }


def _trace_settings(limits: Limits) -> dict[str, Any]:
    # The child's clock starts later than ours, so its deadline must be shorter.
    return {"events": TRACE_EVENTS, "wall_s": limits.wall_s * 0.8}


def _encode_call(call: Call) -> list[Any]:
    encoded = [
        [child.encode(arg) for arg in call.args],
        {name: child.encode(value) for name, value in call.kwargs.items()},
    ]
    if _has_opaque(encoded):
        raise ValueError(f"an argument cannot be sent to the candidate: {call!r:.200}")
    return encoded


def _has_opaque(data: object) -> bool:
    if isinstance(data, list):
        return any(_has_opaque(item) for item in data)
    if isinstance(data, dict):
        return "o" in data or any(_has_opaque(item) for item in data.values())
    return False


_Outcome = TypeVar("_Outcome", CallOutcome, TestOutcome)


def _after_hang(
    outcomes: Sequence[CallOutcome | TestOutcome], limits: Limits
) -> Limits:
    """Return the limits for what comes after `outcomes`."""
    if not outcomes or outcomes[-1].kind is not Ending.TIMEOUT:
        return limits
    if limits.wall_s <= AFTER_HANG_S:
        return limits
    return replace(limits, wall_s=AFTER_HANG_S, is_shortened=True)


def _cut_short(outcomes: Sequence[_Outcome], limits: Limits) -> list[_Outcome]:
    """Mark as not run what was stopped at a limit that nobody asked for."""
    if not limits.is_shortened:
        return list(outcomes)
    why = f"stopped after {limits.wall_s:g} s, because an earlier one did not return"
    return [
        replace(outcome, kind=Ending.NOT_RUN, message=why)
        if outcome.kind is Ending.TIMEOUT
        else outcome
        for outcome in outcomes
    ]
