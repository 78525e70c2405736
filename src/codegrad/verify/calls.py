"""Checks that are pairs: the candidate sees the arguments, we keep the expectation."""

from collections.abc import Sequence

from codegrad.sandbox import Call, CallOutcome, CallRun
from codegrad.task import CallCheck, Constraint, RaisesCheck, Sources, Task
from codegrad.tasks.literals import call_text, shorten, show
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.comparison import TYPES_ALONE, distance, matches, same_output
from codegrad.verify.stage import Workbench

STAGE = "tests"
_VALUE_LIMIT = 400


def run_calls(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `CallCheck` or `RaisesCheck`, in order."""
    by_function: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        check = constraint.check
        assert isinstance(check, CallCheck | RaisesCheck)
        name = check.function or task.entry_point
        by_function.setdefault(name, []).append(constraint)
    verdicts: list[Verdict] = []
    for function, group in by_function.items():
        calls = [as_call(constraint) for constraint in group]
        run = bench.sandbox.call(
            sources[task.main],
            function,
            calls,
            limits=bench.limits,
            context=task.context,
        )
        verdicts += judge_calls(run, function, group)
    return verdicts


def as_call(constraint: Constraint) -> Call:
    """Return the call that a constraint asks for."""
    check = constraint.check
    assert isinstance(check, CallCheck | RaisesCheck)
    return Call(check.args, dict(check.kwargs))


def judge_calls(
    run: CallRun, function: str, constraints: Sequence[Constraint]
) -> list[Verdict]:
    """Compare what came back with what was expected."""
    if not run.load.ok:
        return [
            _load_failure(run, function, constraint, constraint.check)
            for constraint in constraints
        ]
    return [
        _judge(outcome, function, constraint)
        for outcome, constraint in zip(run.calls, constraints, strict=True)
    ]


def _judge(outcome: CallOutcome, function: str, constraint: Constraint) -> Verdict:
    check = constraint.check
    assert isinstance(check, CallCheck | RaisesCheck)
    if outcome.kind == "not_run":
        return Verdict(
            constraint.name,
            STAGE,
            Status.UNKNOWN,
            outcome.message or "not tried: too many earlier calls had to be killed",
            distance=1.0,
        )
    holds, gap = _compare(outcome, check)
    if holds:
        return Verdict(
            constraint.name, STAGE, Status.PASSED, checked=1, cpu_s=outcome.cpu_s
        )
    example = Counterexample(
        call=shorten(call_text(function, check.args, dict(check.kwargs)), _VALUE_LIMIT),
        expected=expectation(check),
        observed=describe(outcome, wants_output=_wants_output(check)),
        line=outcome.line,
    )
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


def _compare(
    outcome: CallOutcome, check: CallCheck | RaisesCheck
) -> tuple[bool, float]:
    """Return whether the outcome is the expected one, and how far it is from it."""
    if isinstance(check, RaisesCheck):
        raised = outcome.kind == "raised"
        return raised and outcome.error == check.error, 0.5 if raised else 1.0
    if outcome.kind != "returned":
        return False, 1.0
    value_holds, gap = True, 0.0
    if check.compares_result:
        value_holds, gap = _compare_values(outcome.value, check)
    if check.prints is not None:
        shown = outcome.stdout
        if not check.compares_result and outcome.value is not None:
            shown += show(outcome.value)
        prints = same_output(
            shown,
            check.prints,
            any_spacing=check.any_spacing,
            any_at_dots=check.any_at_dots,
        )
        gap = max(gap, 0.0 if prints else distance(shown, check.prints))
        return value_holds and prints, gap
    return value_holds, gap


def _compare_values(value: object, check: CallCheck) -> tuple[bool, float]:
    if not matches(value, check.expected, check.tolerance):
        return False, distance(value, check.expected)
    if not matches(value, check.expected, check.tolerance, exact=check.exact):
        return False, TYPES_ALONE
    return True, distance(value, check.expected)


def _wants_output(check: CallCheck | RaisesCheck) -> bool:
    return isinstance(check, CallCheck) and check.prints is not None


def expectation(check: CallCheck | RaisesCheck) -> str:
    """Return what should have happened, in words or as a literal."""
    if isinstance(check, RaisesCheck):
        return f"raises {check.error}"
    if check.prints is not None:
        return f"prints {shorten(repr(check.prints), _VALUE_LIMIT)}"
    value = shorten(show(check.expected), _VALUE_LIMIT)
    return value if check.tolerance is None else f"{value} ± {check.tolerance:g}"


def describe(outcome: CallOutcome, *, wants_output: bool = False) -> str:
    """Return what did happen, in words or as a literal."""
    match outcome.kind:
        case "returned":
            value = shorten(show(outcome.value), _VALUE_LIMIT)
            if wants_output:
                return f"{value} and prints {shorten(repr(outcome.stdout))}"
            return value
        case "raised":
            where = f" at line {outcome.line}" if outcome.line else ""
            message = f": {shorten(outcome.message)}" if outcome.message else ""
            return f"raises {outcome.error}{message}{where}"
        case "timeout":
            return f"does not return ({outcome.message or 'stopped at the time limit'})"
        case _:
            return f"ends the process ({outcome.message or outcome.kind})"


def _load_failure(
    run: CallRun,
    function: str,
    constraint: Constraint,
    check: object,
) -> Verdict:
    assert isinstance(check, CallCheck | RaisesCheck)
    load = run.load
    where = f" at line {load.line}" if load.line else ""
    observed = f"the module cannot be loaded: {load.error}: {load.message}{where}"
    example = Counterexample(
        call=shorten(call_text(function, check.args, dict(check.kwargs)), _VALUE_LIMIT),
        expected=expectation(check),
        observed=observed,
        line=load.line,
    )
    return Verdict(
        constraint.name,
        STAGE,
        Status.REFUTED,
        observed,
        counterexamples=(example,),
        checked=1,
        distance=1.0,
    )
