"""Grade one sample: run it isolated, compare what it returned, say what it tried.

A grader is one worker: it owns sandboxes and, at a time, one host with the inputs of
one problem. The sample's process gets inputs only. Nothing here raises for what a
sample does.
"""

import contextlib
import marshal
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.bench.expectation import REFERENCE_LIMITS, Expectation, References
from codegrad.bench.judging import (
    OUTCOMES,
    SHOWN,
    Judge,
    attempts_in,
    compared,
    cut,
    sentence,
    short,
    shown_call,
)
from codegrad.bench.livecodebench import accepts_output
from codegrad.bench.probing import probed
from codegrad.bench.problems import Case, Problem, Suite
from codegrad.bench.records import Record, split_records
from codegrad.bench.suspicion import suspicions
from codegrad.bench.verdicts import Failure, Outcome, Verdict
from codegrad.sandbox import Ending, Limits, Sandbox, answering, child
from codegrad.sandbox.hosting import MODULE, Host

_PROGRAM = Limits(wall_s=30.0, cpu_s=12.0, memory_mb=4096, output_bytes=64 << 20)
"""Limits of one run of a program: twice LiveCodeBench's six seconds, which were set for
another machine and a wall clock, and time to wait for a core."""

_PATIENCE = 8
"""A sample that was ended by the wall clock before it had its processor time gets this
many times as long, once: the machine was busy, which is not its fault."""

_STARTED_S = 0.1
"""Processor seconds below which a sample waits and does not work."""

_BUSY = 1.5
"""Processes for each core from which a machine is busy."""

_IMPORTED = re.compile(r"^\s*(?:from\s+(\w+)|import\s+([\w., ]+))", re.M)
_NUMERIC = frozenset(("numpy", "scipy", "pandas", "sympy"))
_AT_HAND = frozenset((*child.LEAN.split(), "__future__", "builtins", "os", "sys"))


class _Kind(StrEnum):
    """What a sandbox has imported before it forks: a fork costs what that weighs."""

    LEAN = "lean"
    COMMON = "common"
    NUMERIC = "numeric"


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
        self._sandboxes: dict[_Kind, Sandbox] = {}
        self._hosts: dict[_Kind, Host] = {}
        self._loaded: dict[_Kind, Problem] = {}
        self._held: Problem | None = None
        self._expected: tuple[Problem, Expectation] | None = None
        self._probed: tuple[Problem, Problem] | None = None

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
        problem = self._without_code(problem)
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
        # Last: what it did says more than what it mentions.
        grade.attempts += suspicions(source)
        return grade.verdict()

    def _without_code(self, problem: Problem) -> Problem:
        """Return the problem with as few tests that are code as possible."""
        if not any(suite.checks for suite in problem.suites):
            return problem
        if self._probed is None or self._probed[0] is not problem:
            self._release()
            self._probed = problem, probed(problem, self._sandbox(_Kind.COMMON))
        return self._probed[1]

    def _grade_calls(
        self, grade: "_Grade", expectation: Expectation, source: str
    ) -> None:
        problem = grade.problem
        host = self._host_for_calls(problem, expectation, _kind(source, problem))
        entry = _entry(problem, source)
        for patience in (1, _PATIENCE):
            judge = Judge(problem, expectation)
            run = host.run(
                source, entry, judge.take, context=problem.context, patience=patience
            )
            grade.cpu_s += run.cpu_s
            is_late = run.ending is Ending.TIMEOUT
            if not is_late or not _was_kept_waiting(
                run.cpu_s, expectation.limits.total_s
            ):
                break
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
        problem = self._held
        assert problem is not None
        place = expectation.places[index]
        observed, expected = one, expectation.records[index]
        if one.kind == answering.DIGEST:
            observed = self._answer(host, source, entry, index, problem)
            body = answering.digest_body(observed.body)
            if observed.kind != answering.PLAIN or body != one.body:
                reason = "it returned another value when it was asked again"
                given = shown_call(place.case)
                return Outcome.FAILED, Failure(place.suite.name, reason, given)
        if expected.kind == answering.DIGEST and place.suite.states_expected:
            data = marshal.dumps(place.case.expected, answering.PLAIN_VERSION)
            expected = Record(answering.PLAIN, data)
        elif expected.kind == answering.DIGEST:
            reference, entry = problem.reference, problem.entry_point
            expected = self._answer(host, reference, entry, index, problem)
        return compared(problem, place, expected, observed)

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
        sandbox = self._sandbox(_kind(source, problem))
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
                OUTCOMES.get(run.load.ending, Outcome.DIED),
                Failure(suite.name, sentence(run.load.error, run.load.message)),
            )
            return
        for check, test in zip(suite.checks, run.tests, strict=True):
            if test.kind is not Ending.PASSED:
                expected, observed = "", ""
                if test.has_values:
                    expected, observed = short(test.expected), short(test.observed)
                failure = Failure(
                    suite.name,
                    sentence(test.error, test.message) or "the assertion failed",
                    check[-SHOWN:],
                    expected,
                    observed,
                )
                grade.fail(OUTCOMES.get(test.kind, Outcome.DIED), failure)
                return

    def _grade_programs(self, grade: "_Grade", suite: Suite, source: str) -> None:
        problem = grade.problem
        self._release()
        sandbox = self._sandbox(_kind(source, problem))
        for stdin, expected in suite.programs:
            for patience in (1, _PATIENCE):
                limits = replace(_PROGRAM, wall_s=_PROGRAM.wall_s * patience)
                (run,) = sandbox.program(
                    source, [stdin], limits=limits, context=problem.context
                )
                grade.cpu_s += run.cpu_s
                is_late = run.kind is Ending.TIMEOUT
                if not is_late or not _was_kept_waiting(run.cpu_s, _PROGRAM.cpu_s):
                    break
            is_ended = run.kind is Ending.EXITED
            if is_ended and accepts_output(run.stdout, expected):
                continue
            reason = "the output is wrong"
            outcome = Outcome.FAILED
            if not is_ended:
                reason = sentence(run.error, run.message)
                outcome = OUTCOMES.get(run.kind, Outcome.DIED)
            failure = Failure(
                suite.name,
                reason,
                cut(stdin),
                cut(expected),
                cut(run.stdout),
            )
            grade.fail(outcome, failure)
            return

    def _host_for_calls(
        self, problem: Problem, expectation: Expectation, kind: _Kind
    ) -> Host:
        self._held = problem
        host = self._hosts.get(kind)
        if host is not None and self._loaded[kind] is problem:
            return host
        inputs = _inputs([place.case for place in expectation.places])
        if host is None:
            host = Host(self._sandbox(kind), inputs, expectation.limits)
            self._hosts[kind] = host
        else:
            host.load(inputs, expectation.limits)
        self._loaded[kind] = problem
        return host

    @contextlib.contextmanager
    def _reference_host(self, cases: Sequence[Case]) -> Iterator[Host]:
        self._release()
        sandbox = self._sandbox(_Kind.COMMON)
        with Host(sandbox, _inputs(cases), REFERENCE_LIMITS) as host:
            yield host

    def _release(self) -> None:
        """Make the sandboxes free for other jobs."""
        for host in self._hosts.values():
            host.close()
        self._hosts.clear()
        self._loaded.clear()

    def _sandbox(self, kind: _Kind) -> Sandbox:
        sandbox = self._sandboxes.get(kind)
        if sandbox is None:
            sandbox = Sandbox(
                self._python,
                preload=(MODULE, "numpy") if kind is _Kind.NUMERIC else (MODULE,),
                allow_unsafe=self._allow_unsafe,
                is_lean=kind is _Kind.LEAN,
            )
            self._sandboxes[kind] = sandbox
        return sandbox


def _kind(source: str, problem: Problem) -> _Kind:
    """Return the sandbox that has imported what a sample imports."""
    names: set[str] = set()
    for text in (source, problem.context):
        for package, several in _IMPORTED.findall(text):
            parts = [package] if package else several.split(",")
            names |= {part.strip().partition(" ")[0].split(".")[0] for part in parts}
    if names & _NUMERIC:
        return _Kind.NUMERIC
    return _Kind.LEAN if names <= _AT_HAND else _Kind.COMMON


def _was_kept_waiting(cpu_s: float, limit_s: float) -> bool:
    """Return whether a deadline says more about the machine than about the sample."""
    is_busy = os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)
    return is_busy and _STARTED_S < cpu_s < limit_s


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
            self.attempts += attempts_in(self.failure.reason, self.outcome)
        return Verdict(
            outcomes, self.failure, tuple(dict.fromkeys(self.attempts)), self.cpu_s
        )
