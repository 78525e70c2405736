"""Checks of a program that reads standard input and writes standard output."""

from collections.abc import Sequence

from codegrad.sandbox import ProgramOutcome
from codegrad.task import Constraint, Sources, StdinCheck, Task
from codegrad.tasks.literals import shorten
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.comparison import distance, same_output
from codegrad.verify.stage import Workbench

STAGE = "tests"
_VALUE_LIMIT = 400


def run_programs(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `StdinCheck`, in order."""
    outcomes = bench.sandbox.program(
        sources[task.main],
        [stdin_of(constraint).stdin for constraint in constraints],
        limits=bench.limits,
        context=task.context,
    )
    return [
        _judge(constraint, outcome)
        for constraint, outcome in zip(constraints, outcomes, strict=True)
    ]


def stdin_of(constraint: Constraint) -> StdinCheck:
    """Return the case of a constraint."""
    assert isinstance(constraint.check, StdinCheck)
    return constraint.check


def _judge(constraint: Constraint, outcome: ProgramOutcome) -> Verdict:
    case = stdin_of(constraint)
    right = outcome.kind == "exited" and same_output(outcome.stdout, case.stdout)
    if right:
        return Verdict(
            constraint.name, STAGE, Status.PASSED, checked=1, cpu_s=outcome.cpu_s
        )
    observed = repr(outcome.stdout)
    if outcome.kind == "raised":
        last = outcome.stderr.strip().rpartition("\n")[2]
        where = f" at line {outcome.line}" if outcome.line else ""
        observed = f"raises {last or 'an exception'}{where}"
    elif outcome.kind != "exited":
        observed = outcome.kind.replace("_", " ")
    example = Counterexample(
        call=f"stdin {shorten(repr(case.stdin), _VALUE_LIMIT)}",
        expected=shorten(repr(case.stdout), _VALUE_LIMIT),
        observed=shorten(observed, _VALUE_LIMIT),
        line=outcome.line,
    )
    gap = 1.0
    if outcome.kind == "exited":
        gap = distance(outcome.stdout.split("\n"), case.stdout.split("\n"))
    return Verdict(
        constraint.name,
        STAGE,
        Status.REFUTED,
        str(example),
        counterexamples=(example,),
        checked=1,
        distance=gap,
        cpu_s=outcome.cpu_s,
    )
