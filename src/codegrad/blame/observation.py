"""Runs of failing and passing checks under observation.

In: a program and the checks to run again. Out: one `Observation` for each. Invariant:
what is observed is only used to point at places; it decides no status, because a
candidate could falsify it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from codegrad.sandbox import Call, Limits, Sandbox, Trace
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Constraint,
    RaisesCheck,
    Sources,
    Task,
)

MAX_OBSERVED = 60
"""Checks that are run again; more do not sharpen the picture."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Where one check went."""

    constraint: str
    path: str
    lines: frozenset[int]
    """Lines that were reached."""

    exception_lines: tuple[int, ...] = ()
    """Lines where an exception was raised or passed through, deepest first."""

    values: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    """In order of execution: line, and the variables on arriving there."""

    calls: tuple[tuple[str, str], ...] = ()
    """Pairs of caller and callee among the program's functions."""


class Observer:
    """Runs checks again with tracing switched on, isolated as always."""

    def __init__(self, sandbox: Callable[[], Sandbox], limits: Limits) -> None:
        self._sandbox = sandbox
        self._limits = limits

    def observe(
        self, sources: Sources, task: Task, constraints: Sequence[Constraint]
    ) -> list[Observation]:
        """Return what the checks of `constraints` did, where it can be observed."""
        chosen = constraints[:MAX_OBSERVED]
        found = self._calls(sources, task, chosen)
        for shared in (False, True):
            group = [
                c
                for c in chosen
                if isinstance(c.check, AssertionCheck)
                and c.check.shares_process is shared
            ]
            found += self._assertions(sources, task, group, shared=shared)
        return found

    def _calls(
        self, sources: Sources, task: Task, constraints: Sequence[Constraint]
    ) -> list[Observation]:
        by_function: dict[str, list[tuple[str, Call]]] = {}
        for constraint in constraints:
            check = constraint.check
            if isinstance(check, CallCheck | RaisesCheck):
                call = Call(check.args, dict(check.kwargs))
                name = check.function or task.entry_point
                by_function.setdefault(name, []).append((constraint.name, call))
        found: list[Observation] = []
        for function, group in by_function.items():
            run = self._sandbox().call(
                sources[task.main],
                function,
                [call for _, call in group],
                limits=self._limits,
                context=task.context,
                trace=True,
            )
            for (name, _), outcome in zip(group, run.calls, strict=False):
                if outcome.trace is not None:
                    found.append(_observation(name, task.main, [outcome.trace]))
        return found

    def _assertions(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        *,
        shared: bool,
    ) -> list[Observation]:
        if not constraints:
            return []
        run = self._sandbox().check(
            sources[task.main],
            task.entry_point,
            [
                constraint.check.source
                for constraint in constraints
                if isinstance(constraint.check, AssertionCheck)
            ],
            prelude=task.prelude,
            context=task.context,
            shared=shared,
            limits=self._limits,
            trace=True,
        )
        return [
            _observation(constraint.name, task.main, [outcome.trace])
            for constraint, outcome in zip(constraints, run.tests, strict=True)
            if outcome.trace is not None
        ]


def _observation(name: str, path: str, traces: Iterable[Trace]) -> Observation:
    lines: set[int] = set()
    exceptions: list[int] = []
    values: list[tuple[int, tuple[tuple[str, str], ...]]] = []
    calls: dict[tuple[str, str], None] = {}
    for trace in traces:
        lines |= {line for line, _ in trace.lines}
        exceptions += trace.exception_lines
        values += trace.values
        calls |= dict.fromkeys(trace.calls)
    return Observation(
        name,
        path,
        frozenset(lines),
        tuple(dict.fromkeys(exceptions)),
        tuple(values),
        tuple(calls),
    )
