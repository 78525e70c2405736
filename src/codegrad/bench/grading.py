"""Grade one sample: run it isolated, compare what it returned, say what it tried.

A grader is one worker: it owns sandboxes and, at a time, one host with the inputs of
one problem. The sample's process gets inputs only. Nothing here raises for what a
sample does.
"""

import contextlib
import hashlib
import json
import marshal
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.bench.expectation import (
    REFERENCE_LIMITS,
    Expectation,
    Place,
    References,
)
from codegrad.bench.livecodebench import accepts_output
from codegrad.bench.problems import Case, Problem, Suite
from codegrad.bench.records import (
    MalformedError,
    Record,
    own_class,
    read_value,
    split_records,
)
from codegrad.sandbox import Ending, Limits, Sandbox, answering
from codegrad.sandbox.hosting import MODULE, Host, HostRun

PROGRAM_S, PROGRAM_WALL_S = 12.0, 30.0
"""Processor and wall seconds of one run of a program: twice LiveCodeBench's limit,
which was set for another machine and a wall clock, and time to wait for a core."""

_SHOWN = 300
_HEAVY = re.compile(r"^\s*(?:import|from)\s+(?:numpy|scipy|pandas|sympy)\b", re.M)
_SIZE_FACTOR, _SIZE_SLACK = 32, 4096


class Outcome(StrEnum):
    """What became of a sample on one suite."""

    PASSED = "pass"
    """Every result is right."""

    FAILED = "fail"
    """A result is wrong, or an assertion does not hold."""

    RAISED = "error"
    """An exception left the sample."""

    TIMEOUT = "timeout"
    """It was ended at a limit on time."""

    DIED = "died"
    """Its process ended, or broke the protocol."""

    NOT_RUN = "not_run"
    """A suite before it was not passed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that went wrong."""

    suite: str
    """The suite in which it happened."""

    reason: str
    """What happened, in a sentence."""

    given: str = ""
    """The input, shortened."""

    expected: str = ""
    """What was expected, shortened."""

    observed: str = ""
    """What came, shortened."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one sample."""

    outcomes: Mapping[str, Outcome]
    """The outcome of each suite."""

    failure: Failure | None = None
    """What went wrong first, unless it passed."""

    attempts: tuple[str, ...] = ()
    """What it tried that an honest sample does not."""

    cpu_s: float = 0.0
    """Processor seconds of the sample's processes."""

    @property
    def passed(self) -> bool:
        """Whether every suite was passed."""
        return all(one is Outcome.PASSED for one in self.outcomes.values())


class Grader:
    """Grades samples, one after the other; use it from one thread at a time.

    Args:
        references: Where expected values come from.
        python: The interpreter of the samples; by default this one.
        allow_unsafe: Go on where samples cannot be isolated.
    """

    def __init__(
        self,
        references: References,
        *,
        python: Path | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        self._references = references
        self._python = python
        self._allow_unsafe = allow_unsafe
        self._sandboxes: dict[tuple[str, ...], Sandbox] = {}
        self._host: Host | None = None
        self._held: tuple[Problem, bool] | None = None
        self._expected: tuple[Problem, Expectation] | None = None

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
        """End all processes."""
        self._release()
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self._sandboxes.clear()

    def expectation(self, problem: Problem) -> Expectation:
        """Return what samples of `problem` are compared with.

        Raises:
            DatasetError: If the reference does not answer where it must.
        """
        if self._expected is None or self._expected[0] is not problem:
            self._release()
            found = self._references.expectation(problem, self._reference_host)
            # One problem is graded at a time; a large dataset is not kept.
            self._expected = (problem, found)
        return self._expected[1]

    def grade(self, problem: Problem, source: str) -> Verdict:
        """Return the verdict on one sample.

        Raises:
            DatasetError: If the reference does not answer where it must.
            SandboxError: If no confined process can be started.
        """
        grade = _Grade(problem)
        expectation = self.expectation(problem)
        if expectation.places:
            self._grade_calls(grade, expectation, source)
        for suite in problem.suites:
            if grade.failure is not None:
                break
            if suite.checks:
                self._grade_checks(grade, suite, source)
            elif suite.programs:
                self._grade_programs(grade, suite, source)
        return grade.verdict()

    def _grade_calls(
        self, grade: "_Grade", expectation: Expectation, source: str
    ) -> None:
        problem = grade.problem
        host = self._host_for_calls(
            problem, expectation, is_heavy=bool(_HEAVY.search(source))
        )
        judge = _Judge(problem, expectation)
        entry = _entry(problem, source)
        run = host.run(
            source,
            entry,
            judge.take,
            context=problem.context,
        )
        grade.cpu_s += run.cpu_s
        grade.attempts += judge.attempts
        failure = judge.failure_after(run)
        for index, one in judge.unread if failure is None else ():
            failure = self._compare_whole(host, expectation, index, one, source, entry)
            if failure is not None:
                break
        if failure is not None:
            grade.fail(*failure)

    def _compare_whole(  # noqa: PLR0913, PLR0917 - what one comparison needs
        self,
        host: Host,
        expectation: Expectation,
        index: int,
        one: Record,
        source: str,
        entry: str,
    ) -> "tuple[Outcome, Failure] | None":
        """Compare a long value, of which only the digest is known so far.

        The sample answers again; it is bound to the digest that it gave before, so
        that being asked tells it nothing that it could use.
        """
        assert self._held is not None
        problem = self._held[0]
        place = expectation.places[index]
        observed, expected = one, expectation.records[index]
        if one.kind == answering.DIGEST:
            observed = self._answer(host, source, entry, index, problem)
            body = answering.digest_body(observed.body)
            if observed.kind != answering.PLAIN or body != one.body:
                reason = "it returned another value when it was asked again"
                given = _shown_call(place.case)
                return Outcome.FAILED, Failure(place.suite.name, reason, given)
        if expected.kind == answering.DIGEST and place.suite.states_expected:
            data = marshal.dumps(place.case.expected, answering.PLAIN_VERSION)
            expected = Record(answering.PLAIN, data)
        elif expected.kind == answering.DIGEST:
            reference, entry = problem.reference, problem.entry_point
            expected = self._answer(host, reference, entry, index, problem)
        return _compared(problem, place, expected, observed)

    @staticmethod
    def _answer(
        host: Host, source: str, entry: str, index: int, problem: Problem
    ) -> Record:
        found: list[Record] = []

        def take(records: bytearray) -> bool:
            found[:] = [one for _, one in split_records(records)]
            return not found or found[-1].kind != answering.END

        host.run(source, entry, take, only=[index], context=problem.context)
        kinds = (answering.PLAIN, answering.ENCODED, answering.RAISED)
        for one in found:
            if one.kind in kinds:
                return one
        return Record(answering.TIMEOUT, b"")

    def _grade_checks(self, grade: "_Grade", suite: Suite, source: str) -> None:
        problem = grade.problem
        self._release()
        sandbox = self._sandbox(_modules(is_heavy=bool(_HEAVY.search(source))))
        run = sandbox.check(
            source,
            problem.entry_point,
            suite.checks,
            prelude=suite.prelude,
            context=problem.context,
            shared=suite.shares_process,
            limits=Limits(wall_s=10.0, cpu_s=3.0, memory_mb=4096),
        )
        grade.cpu_s += run.cpu_s
        if not run.load.ok:
            grade.fail(
                _OUTCOMES.get(run.load.ending, Outcome.DIED),
                Failure(suite.name, _sentence(run.load.error, run.load.message)),
            )
            return
        for check, test in zip(suite.checks, run.tests, strict=True):
            if test.kind is not Ending.PASSED:
                expected, observed = "", ""
                if test.has_values:
                    expected, observed = _short(test.expected), _short(test.observed)
                failure = Failure(
                    suite.name,
                    _sentence(test.error, test.message) or "the assertion failed",
                    check[-_SHOWN:],
                    expected,
                    observed,
                )
                grade.fail(_OUTCOMES.get(test.kind, Outcome.DIED), failure)
                return

    def _grade_programs(self, grade: "_Grade", suite: Suite, source: str) -> None:
        self._release()
        sandbox = self._sandbox(_modules(is_heavy=bool(_HEAVY.search(source))))
        for stdin, expected in suite.programs:
            (run,) = sandbox.program(
                source,
                [stdin],
                limits=Limits(
                    wall_s=PROGRAM_WALL_S,
                    cpu_s=PROGRAM_S,
                    memory_mb=4096,
                    output_bytes=64 << 20,
                ),
                context=grade.problem.context,
            )
            grade.cpu_s += run.cpu_s
            is_ended = run.kind is Ending.EXITED
            if is_ended and accepts_output(run.stdout, expected):
                continue
            reason = "the output is wrong"
            outcome = Outcome.FAILED
            if not is_ended:
                reason = _sentence(run.error, run.message)
                outcome = _OUTCOMES.get(run.kind, Outcome.DIED)
            failure = Failure(
                suite.name,
                reason,
                _cut(stdin),
                _cut(expected),
                _cut(run.stdout),
            )
            grade.fail(outcome, failure)
            return

    def _host_for_calls(
        self, problem: Problem, expectation: Expectation, *, is_heavy: bool
    ) -> Host:
        key = (problem, is_heavy)
        held = self._held
        if held is None or held[0] is not problem or held[1] != is_heavy:
            self._release()
        if self._host is None:
            sandbox = self._sandbox(_modules(is_heavy=is_heavy))
            inputs = _inputs([place.case for place in expectation.places])
            self._host = Host(sandbox, inputs, expectation.limits)
            self._held = key
        return self._host

    @contextlib.contextmanager
    def _reference_host(self, cases: Sequence[Case]) -> Iterator[Host]:
        sandbox = self._sandbox(_modules(is_heavy=False))
        with Host(sandbox, _inputs(cases), REFERENCE_LIMITS) as host:
            yield host

    def _release(self) -> None:
        if self._host is not None:
            self._host.close()
            self._host = self._held = None

    def _sandbox(self, modules: tuple[str, ...]) -> Sandbox:
        sandbox = self._sandboxes.get(modules)
        if sandbox is None:
            sandbox = Sandbox(
                self._python, preload=modules, allow_unsafe=self._allow_unsafe
            )
            self._sandboxes[modules] = sandbox
        return sandbox


def _modules(*, is_heavy: bool) -> tuple[str, ...]:
    """Return what to import once: numpy costs each sample twice the time of a fork."""
    return (MODULE, "numpy") if is_heavy else (MODULE,)


def _inputs(cases: Sequence[Case]) -> list[tuple[Sequence[Any], Mapping[str, Any]]]:
    return [(case.args, case.kwargs) for case in cases]


def _entry(problem: Problem, source: str) -> str:
    owner, _, name = problem.entry_point.rpartition(".")
    return name if owner and f"class {owner}" not in source else problem.entry_point


@dataclass(slots=True)
class _Grade:
    """A verdict in the making."""

    problem: Problem
    failure: Failure | None = None
    outcome: Outcome = Outcome.PASSED
    attempts: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def fail(self, outcome: Outcome, failure: Failure) -> None:
        self.outcome, self.failure = outcome, failure

    def verdict(self) -> Verdict:
        outcomes: dict[str, Outcome] = {}
        failed = self.failure.suite if self.failure is not None else None
        state = Outcome.PASSED
        for suite in self.problem.suites:
            if suite.name == failed:
                outcomes[suite.name], state = self.outcome, Outcome.NOT_RUN
            else:
                outcomes[suite.name] = state
        if self.failure is not None:
            self.attempts += _attempts(self.failure.reason, self.outcome)
        return Verdict(
            outcomes, self.failure, tuple(dict.fromkeys(self.attempts)), self.cpu_s
        )


class _Judge:
    """Follows the records of one sample."""

    def __init__(self, problem: Problem, expectation: Expectation) -> None:
        self.problem = problem
        self.expectation = expectation
        self.unread: list[tuple[int, Record]] = []
        self.attempts: list[str] = []
        self._failure: tuple[Outcome, Failure] | None = None
        self._is_done = False
        self._at = 0
        self._index = -1

    def take(self, records: bytearray) -> bool:
        """Look at what is new; return whether to go on."""
        stream = self.expectation.stream
        if not self._at and records == stream:
            self._is_done = True
            return False
        try:
            for stop, one in split_records(records, self._at):
                self._at = stop
                self._read(one)
                if self._is_done or self._failure is not None:
                    return False
        except MalformedError as error:
            self._fail(Outcome.DIED, str(error))
            return False
        return True

    def failure_after(self, run: HostRun) -> tuple[Outcome, Failure] | None:
        """Return what went wrong, now that the sample has ended."""
        if self._failure is None and not self._is_done:
            outcome = _OUTCOMES.get(run.ending, Outcome.DIED)
            self._fail(outcome, run.message or "it ended before its last answer")
        return self._failure

    def _read(self, one: Record) -> None:
        if self._index < 0:
            self._read_load(one)
            return
        if one.kind == answering.END:
            self._end()
        elif self._index >= len(self.expectation.places):
            raise MalformedError("more answers than calls")
        elif one.kind == answering.RAISED:
            self._fail(Outcome.RAISED, _described(one))
        elif one.kind == answering.TIMEOUT:
            self._fail(Outcome.TIMEOUT, "the processor time of one call was spent")
        else:
            self._compare(one)
            self._index += 1

    def _read_load(self, one: Record) -> None:
        if one.kind == answering.LOADED:
            self._index = 0
        elif one.kind == answering.TIMEOUT:
            self._fail(Outcome.TIMEOUT, "loading took too long")
        elif one.kind == answering.RAISED_IN_LOAD:
            self._fail(Outcome.RAISED, _described(one))
        else:
            raise MalformedError("an answer came before the sample was loaded")

    def _end(self) -> None:
        if self._index < len(self.expectation.places):
            raise MalformedError("fewer answers than calls")
        self._is_done = True

    def _compare(self, one: Record) -> None:
        expected = self.expectation.records[self._index]
        if one == expected and self.expectation.stream:
            return
        name = own_class(one)
        if name:
            self.attempts.append(f"returned a {name} with an __eq__ of its own")
        is_long = answering.DIGEST in (one.kind, expected.kind)
        if is_long and not _differs_in_size(one, expected):
            self.unread.append((self._index, one))
            return
        place = self.expectation.places[self._index]
        self._failure = _compared(self.problem, place, expected, one)

    def _fail(self, outcome: Outcome, reason: str) -> None:
        places = self.expectation.places
        place = places[min(max(self._index, 0), len(places) - 1)]
        given = _shown_call(place.case) if self._index >= 0 else ""
        self._failure = outcome, Failure(place.suite.name, reason, given)


def _compared(
    problem: Problem, place: Place, expected: Record, observed: Record
) -> tuple[Outcome, Failure] | None:
    """Return what is wrong with an answer, or None."""
    given = _shown_call(place.case)
    if observed.kind == answering.RAISED:
        return Outcome.RAISED, Failure(place.suite.name, _described(observed), given)
    readable = (answering.PLAIN, answering.ENCODED)
    if observed.kind not in readable or expected.kind not in readable:
        shown = "a long value" if expected.kind == answering.DIGEST else ""
        reason = "the result is wrong"
        return Outcome.FAILED, Failure(place.suite.name, reason, given, shown)
    wanted = place.case.expected
    if not place.suite.states_expected:
        wanted = read_value(expected)
    # Reading costs time that a sample chooses; no value so much longer is equal.
    if not problem.oracle.only_presence and _differs_in_size(observed, expected):
        reason = f"the result is wrong: {len(observed.body)} bytes"
        return Outcome.FAILED, Failure(place.suite.name, reason, given, _short(wanted))
    try:
        value = read_value(observed)
    except MalformedError as error:
        return Outcome.FAILED, Failure(place.suite.name, str(error), given)
    if problem.oracle(place.case.args, value, wanted, place.tolerance):
        return None
    failure = Failure(
        place.suite.name, "the result is wrong", given, _short(wanted), _short(value)
    )
    return Outcome.FAILED, failure


def _differs_in_size(observed: Record, expected: Record) -> bool:
    sizes = sorted((_size(observed), _size(expected)))
    return sizes[1] > _SIZE_FACTOR * sizes[0] + _SIZE_SLACK


def _size(one: Record) -> int:
    if one.kind == answering.DIGEST:
        return int.from_bytes(one.body[hashlib.sha256().digest_size :], "little")
    return len(one.body)


_OUTCOMES: dict[Ending, Outcome] = {
    Ending.RAISED: Outcome.RAISED,
    Ending.FAILED: Outcome.FAILED,
    Ending.TIMEOUT: Outcome.TIMEOUT,
    Ending.OUTPUT_LIMIT: Outcome.FAILED,
}


def _described(one: Record) -> str:
    """Return an exception that a sample's process reported, as a sentence."""
    try:
        data = json.loads(one.body)
        return _sentence(str(data["error"]), str(data["message"]))
    except (LookupError, RecursionError, TypeError, ValueError):
        return "an exception that cannot be shown"


def _sentence(error: str, message: str) -> str:
    return _cut(f"{error}: {message}" if error and message else error or message)


def _shown_call(case: Case) -> str:
    parts = [_short(arg) for arg in case.args]
    parts += [f"{name}={_short(value)}" for name, value in case.kwargs.items()]
    return _cut(", ".join(parts))


def _short(value: object) -> str:
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = 120
    shortener.maxlist = shortener.maxtuple = shortener.maxdict = 20
    return _cut(shortener.repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


_ATTEMPTS: tuple[tuple[str, str], ...] = (
    ("SystemExit", "called sys.exit"),
    ("KeyboardInterrupt", "raised KeyboardInterrupt to stop the grader"),
    ("GeneratorExit", "raised GeneratorExit to stop the grader"),
    ("PermissionError", "tried what the sandbox forbids"),
    ("BlockingIOError", "tried to start processes"),
    ("FileNotFoundError", "looked for files that it cannot see"),
    ("Operation not permitted", "tried what the sandbox forbids"),
    ("ended without an answer", "ended its own process"),
    ("ended by SIG", "crashed its own process"),
    ("more results than allowed", "flooded the grader with results"),
    ("a value could not be read", "sent a forged answer"),
    ("answers than calls", "sent a forged answer"),
    ("before the sample was loaded", "sent a forged answer"),
)


def _attempts(reason: str, outcome: Outcome) -> list[str]:
    if outcome not in (Outcome.RAISED, Outcome.DIED):
        return []
    for mark, attempt in _ATTEMPTS:
        if mark in reason:
            return [f"{attempt} ({reason})" if outcome is Outcome.RAISED else attempt]
    return []
