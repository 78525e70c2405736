"""Checks that are statements with asserts, run beside the candidate."""

from collections.abc import Sequence

from codegrad.sandbox import TestOutcome
from codegrad.task import AssertionCheck, Constraint, Sources, Task
from codegrad.tasks.literals import call_text, shorten, show
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.comparison import distance
from codegrad.verify.stage import Workbench

STAGE = "tests"
_VALUE_LIMIT = 400


def run_assertions(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `AssertionCheck`, in order."""
    found: dict[str, Verdict] = {}
    for shared in (False, True):
        group = [
            constraint
            for constraint in constraints
            if isinstance(constraint.check, AssertionCheck)
            and constraint.check.shares_process is shared
        ]
        if not group:
            continue
        run = bench.sandbox.check(
            sources[task.main],
            task.entry_point,
            [assertion_source(constraint) for constraint in group],
            prelude=task.prelude,
            context=task.context,
            shared=shared,
            limits=bench.limits,
        )
        for constraint, outcome in zip(group, run.tests, strict=True):
            found[constraint.name] = judge_assertion(
                constraint, outcome, task.entry_point, forge_proof=not shared
            )
    return [found[constraint.name] for constraint in constraints]


def assertion_source(constraint: Constraint) -> str:
    """Return the statements of an `AssertionCheck`."""
    assert isinstance(constraint.check, AssertionCheck)
    return constraint.check.source


def judge_assertion(
    constraint: Constraint, outcome: TestOutcome, function: str, *, forge_proof: bool
) -> Verdict:
    """Turn what a test reported into a verdict."""
    if outcome.kind == "not_run" or _could_not_ask(outcome):
        reason = outcome.message or "not tried: too many earlier tests were killed"
        return Verdict(
            constraint.name,
            STAGE,
            Status.UNKNOWN,
            reason,
            distance=1.0,
            forge_proof=forge_proof,
        )
    if outcome.kind == "passed":
        return Verdict(
            constraint.name,
            STAGE,
            Status.PASSED,
            checked=max(1, len(outcome.calls)),
            forge_proof=forge_proof,
        )
    example = _counterexample(constraint, outcome, function)
    gap = distance(outcome.observed, outcome.expected) if outcome.has_values else 1.0
    return Verdict(
        constraint.name,
        STAGE,
        Status.REFUTED,
        str(example),
        counterexamples=(example,),
        checked=max(1, len(outcome.calls)),
        distance=gap,
        forge_proof=forge_proof,
    )


def _could_not_ask(outcome: TestOutcome) -> bool:
    """Return whether a value of the test could not be sent: that refutes nothing.

    A candidate that raises an error of this name was called, and is refuted.
    """
    return (
        outcome.kind == "raised"
        and outcome.error == "CannotCrossError"
        and not outcome.calls
    )


def _counterexample(
    constraint: Constraint, outcome: TestOutcome, function: str
) -> Counterexample:
    call = constraint.text
    if outcome.calls:
        last = outcome.calls[-1]
        call = call_text(function, last.args, dict(last.kwargs))
    expected, observed = f"`{constraint.text}` holds", outcome.message
    if outcome.has_values:
        expected = show(outcome.expected)
        observed = show(outcome.observed)
    elif outcome.kind == "raised":
        where = f" at line {outcome.line}" if outcome.line else ""
        observed = f"raises {outcome.error}: {outcome.message}{where}"
    elif outcome.kind == "timeout":
        observed = "does not return within the time limit"
    elif outcome.kind == "died":
        observed = f"ends the process ({outcome.message})"
    return Counterexample(
        call=shorten(call, _VALUE_LIMIT),
        expected=shorten(expected, _VALUE_LIMIT),
        observed=shorten(observed or "the assertion is false", _VALUE_LIMIT),
        line=outcome.line,
    )
