"""Checks that are the project's own pytest tests."""

from collections.abc import Sequence

from codegrad.sandbox.repository import NodeOutcome, run_suite
from codegrad.task import Constraint, PytestCheck, Sources, Task
from codegrad.tasks.literals import shorten
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.comparison import distance
from codegrad.verify.stage import Workbench

STAGE = "tests"
_VALUE_LIMIT = 400


def run_pytest(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `PytestCheck`, in order.

    The tests share a process with the candidate, so no verdict is forge-proof.
    """
    assert task.repository is not None
    run = run_suite(
        task.repository,
        sources,
        select=[node_of(constraint) for constraint in constraints],
        limits=bench.suite_limits,
        allow_unsafe=bench.allow_unsafe,
    )
    outcomes = {outcome.node: outcome for outcome in run.outcomes}
    refusal = ""
    if run.load is not None:
        refusal = (
            f"{run.load.path} cannot be imported: {run.load.error}: {run.load.message}"
        )
    return [
        _judge(constraint, outcomes.get(node_of(constraint)), refusal)
        for constraint in constraints
    ]


def node_of(constraint: Constraint) -> str:
    """Return pytest's name for the test of a constraint."""
    assert isinstance(constraint.check, PytestCheck)
    return constraint.check.node


def _judge(
    constraint: Constraint, outcome: NodeOutcome | None, refusal: str
) -> Verdict:
    if refusal:
        return _verdict(constraint, Status.REFUTED, refusal, checked=1)
    if outcome is None or outcome.kind in {"not_run", "skipped"}:
        reason = outcome.message if outcome else "pytest no longer collects it"
        return _verdict(constraint, Status.UNKNOWN, reason)
    if outcome.holds:
        return _verdict(constraint, Status.PASSED, "", checked=1, gap=0.0)
    example = Counterexample(
        call=shorten(outcome.statement or outcome.node, _VALUE_LIMIT),
        expected=shorten(outcome.expected or "the test passes", _VALUE_LIMIT),
        observed=shorten(_observed(outcome), _VALUE_LIMIT),
        line=outcome.place[1] if outcome.place else None,
    )
    gap = 1.0
    if outcome.has_values:
        gap = max(0.05, distance(outcome.observed, outcome.expected))
    return _verdict(
        constraint, Status.REFUTED, str(example), example, checked=1, gap=gap
    )


def _observed(outcome: NodeOutcome) -> str:
    if outcome.has_values:
        return outcome.observed
    where = f" at {outcome.place[0]}:{outcome.place[1]}" if outcome.place else ""
    match outcome.kind:
        case "raised":
            return f"raises {outcome.error}: {outcome.message}{where}"
        case "timeout":
            return f"does not return within the time limit{where}"
        case "died":
            return f"ends the process ({outcome.message})"
        case _:
            return outcome.message or "the assertion is false"


def _verdict(  # noqa: PLR0913, PLR0917 - one value for each field that differs
    constraint: Constraint,
    status: Status,
    reason: str,
    example: Counterexample | None = None,
    checked: int = 0,
    gap: float = 1.0,
) -> Verdict:
    return Verdict(
        constraint.name,
        STAGE,
        status,
        reason,
        counterexamples=(example,) if example else (),
        checked=checked,
        distance=gap,
        forge_proof=False,
    )
