"""Stage 4: examples, asserts, postconditions, cases and the project's own tests.

Each kind of check has a module of its own; this one hands every constraint to its
kind and puts the verdicts back in order.
"""

from collections.abc import Callable, Sequence

from codegrad.task import (
    AssertionCheck,
    CallCheck,
    ClauseCheck,
    Constraint,
    PytestCheck,
    RaisesCheck,
    Sources,
    StdinCheck,
    Task,
    UnreadableCheck,
)
from codegrad.verdict import Status, Verdict
from codegrad.verify.assertions import run_assertions
from codegrad.verify.calls import run_calls
from codegrad.verify.clauses import run_clauses
from codegrad.verify.programs import run_programs
from codegrad.verify.stage import Workbench
from codegrad.verify.suites import run_pytest

_Runner = Callable[[Sources, Task, Sequence[Constraint], Workbench], list[Verdict]]


def _leave_open(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return `UNKNOWN` for what cannot be read."""
    del sources, task, bench
    return [
        Verdict(c.name, "tests", Status.UNKNOWN, c.check.reason)
        for c in constraints
        if isinstance(c.check, UnreadableCheck)
    ]


_RUNNERS: tuple[tuple[tuple[type, ...], _Runner], ...] = (
    ((CallCheck, RaisesCheck), run_calls),
    ((AssertionCheck,), run_assertions),
    ((ClauseCheck,), run_clauses),
    ((UnreadableCheck,), _leave_open),
    ((StdinCheck,), run_programs),
    ((PytestCheck,), run_pytest),
)


class TestsStage:
    """Runs every test of the task in isolation."""

    __test__ = False  # pytest collects classes by this name
    name = "tests"

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return one verdict for each constraint, in order."""
        found: dict[str, Verdict] = {}
        for kinds, runner in _RUNNERS:
            chosen = [c for c in constraints if isinstance(c.check, kinds)]
            if chosen:
                for verdict in runner(sources, task, chosen, bench):
                    found[verdict.constraint] = verdict
        return [found[c.name] for c in constraints if c.name in found]
