"""Claims that are conditions: of results, of arguments, at a line, of the cost.

In: a claim, a program, its task. Out: `CheckedClaim`. Invariant: what is right is read
from the user's examples alone; a condition that they do not meet is refuted.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegrad.code import Program
from codegrad.contract import Clause, ClauseKind
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    TELLING,
    AssumesClaim,
    CheckedClaim,
    Claim,
    ClaimStatus,
    CostClaim,
    InvariantClaim,
    PostClaim,
    PropertyClaim,
)
from codegrad.engines.relations import holds, is_relation, relation_test, table_of
from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.task import (
    CallCheck,
    ClauseCheck,
    Constraint,
    CostCheck,
    Origin,
    Task,
)
from codegrad.tasks.literals import call_text, literal, shorten
from codegrad.verdict import Counterexample, Status
from codegrad.verify.calls import describe
from codegrad.verify.clauses import known_inputs, run_clauses
from codegrad.verify.comparison import matches
from codegrad.verify.contracts import evaluate
from codegrad.verify.efficiency import EfficiencyStage
from codegrad.verify.growth import growth_of
from codegrad.verify.stage import Workbench

_MAX_GENERATED = 60
_MAX_STATES = 400
_STATE = "_codegrad_state"


def check_post(
    claim: PostClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm a postcondition that the examples meet and the program breaks."""
    if _names(claim.expression) is None:
        return _unchecked(claim, "the condition is not a Python expression")
    examples = examples_of(task)
    if not examples or not known_inputs(task):
        return _unchecked(claim, "no example says whether the condition is meant")
    clause = Clause(ClauseKind.POST, claim.expression, 0, "critic")
    constraint = Constraint(
        "claim",
        "tests",
        f"post: {claim.expression}",
        ClauseCheck(clause),
        Origin.GENERATED,
        hard=False,
    )
    # The right results, as a function: what the user expects must meet the condition.
    right = {**program.sources, task.main: table_of(task, examples)}
    (meant,) = run_clauses(right, replace(task, context=""), [constraint], bench)
    if meant.status is not Status.PASSED:
        why = f"the user's own examples do not meet it: {meant.reason}"
        if meant.status is Status.REFUTED:
            return _refuted(claim, why)
        return _unchecked(claim, why)
    (found,) = run_clauses(program.sources, task, [constraint], bench)
    if found.status is not Status.REFUTED:
        return _refuted(claim, "the program meets it on every known input")
    return _confirmed(claim, found.reason, found.counterexamples[0], AGREED)


def check_assumption(
    claim: AssumesClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm a condition on the arguments that tells right calls from wrong ones."""
    if _names(claim.expression) is None:
        return _unchecked(claim, "the condition is not a Python expression")
    trials = _example_trials(task, program, bench)
    weight = TELLING
    if not any(trial.is_wrong for trial in trials):
        trials += _generated_trials(task, program, bench)
        weight = OBSERVED
    holds = _hold(claim.expression, [trial.call for trial in trials], task, bench)
    if not trials or None in holds:
        return _unchecked(claim, "the condition cannot be evaluated on known inputs")
    inside = [t for t, held in zip(trials, holds, strict=True) if held]
    outside = [t for t, held in zip(trials, holds, strict=True) if not held]
    if not inside or not outside:
        why = f"{'every' if inside else 'no'} known input meets it"
        return _unchecked(claim, why)
    for trial in inside:
        if trial.is_wrong:
            why = f"where it holds the program is wrong too: {trial.text(task)}"
            return _refuted(claim, why)
    wrong = [trial for trial in outside if trial.is_wrong]
    if not wrong:
        return _refuted(claim, "the program is right where it does not hold")
    smallest = min(wrong, key=lambda trial: len(trial.text(task)))
    example = Counterexample(
        smallest.text(task),
        smallest.expected,
        describe(smallest.outcome),
        smallest.outcome.line,
    )
    why = f"{len(wrong)} known inputs break it, and there the program is wrong"
    return _confirmed(claim, why, example, weight)


def check_invariant(
    claim: InvariantClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm a condition at a line that fails in failing runs and nowhere else."""
    names = _names(claim.expression)
    if names is None:
        return _unchecked(claim, "the condition is not a Python expression")
    trials = _example_trials(task, program, bench, traced=True)
    failing = [trial for trial in trials if trial.is_wrong]
    if not failing:
        return _unchecked(claim, "no example fails, so no run tells")
    states = [
        (trial, state)
        for trial in trials
        for state in _states(trial.outcome, claim.line, names)
    ][:_MAX_STATES]
    held = _hold_in(claim.expression, names, [s for _, s in states], bench)
    if not any(trial.is_wrong for trial, _ in states) or None in held:
        why = f"no failing example shows plain values of it at line {claim.line}"
        return _unchecked(claim, why)
    broken = [pair for pair, truth in zip(states, held, strict=True) if not truth]
    for trial, _ in broken:
        if not trial.is_wrong:
            why = f"a run that passes breaks it as well: {trial.text(task)}"
            return _refuted(claim, why)
    if not broken:
        return _refuted(claim, "it holds whenever the line is reached")
    trial, state = broken[0]
    seen = ", ".join(f"{name} = {value!r}" for name, value in state.items())
    example = Counterexample(
        trial.text(task), str(claim), shorten(seen or "false"), claim.line
    )
    is_telling = any(not known.is_wrong for known, _ in states)
    weight = TELLING if is_telling else OBSERVED
    return _confirmed(claim, f"it is false there: {seen}", example, weight)


def check_property(
    claim: PropertyClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm a relation between calls that the program breaks on known inputs."""
    if not is_relation(claim.expression, task.entry_point):
        return _unchecked(claim, f"it is no expression that calls {task.entry_point}")
    if not relation_test(task, claim.expression):
        return _unchecked(claim, "no input is known")
    right = table_of(task, examples_of(task))
    bare = replace(task, context="")
    if holds(right, bare, claim.expression, bench, bench.limits) is False:
        return _refuted(claim, "the user's own examples do not meet it")
    source = program.sources[task.main]
    held = holds(source, task, claim.expression, bench, bench.limits)
    if held is None:
        return _unchecked(claim, "it cannot be evaluated on known inputs")
    if held:
        return _refuted(claim, "the program meets it on every known input")
    example = Counterexample(claim.expression, "true", "false")
    return _confirmed(claim, "it is false on a known input", example, OBSERVED)


def check_cost(
    claim: CostClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm that processor time grows faster than the claimed class."""
    limit = growth_of(claim.limit)
    if limit is None:
        return _unchecked(claim, "it is not a class that is known, such as O(n log n)")
    constraint = Constraint("claim", "efficiency", str(claim), CostCheck(str(limit)))
    (found,) = EfficiencyStage().run(program.sources, task, [constraint], bench)
    if found.status is Status.REFUTED:
        stated = task.contract.of(ClauseKind.COST)
        is_stated = any(growth_of(c.expression) == limit for c in stated)
        weight = AGREED if is_stated else OBSERVED
        return _confirmed(claim, found.reason, found.counterexamples[0], weight)
    if found.status is Status.UNKNOWN:
        return _unchecked(claim, found.reason)
    return _refuted(claim, found.reason)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One call of the program and whether it was wrong."""

    call: Call
    outcome: CallOutcome
    is_wrong: bool
    expected: str

    def text(self, task: Task) -> str:
        text = call_text(task.entry_point, self.call.args, dict(self.call.kwargs))
        return shorten(text)


def _example_trials(
    task: Task, program: Program, bench: Workbench, *, traced: bool = False
) -> list[_Trial]:
    """Return what the program does with the user's examples."""
    examples = examples_of(task)
    calls = [Call(check.args, dict(check.kwargs)) for check in examples]
    outcomes = _outcomes(task, program, bench, calls, traced=traced)
    return [
        _Trial(
            call,
            outcome,
            not (
                outcome.kind is Ending.RETURNED
                and matches(
                    outcome.value, check.expected, check.tolerance, exact=check.exact
                )
            ),
            shorten(repr(check.expected)),
        )
        for check, call, outcome in zip(examples, calls, outcomes, strict=False)
    ]


def _generated_trials(task: Task, program: Program, bench: Workbench) -> list[_Trial]:
    """Return calls like the examples; one that raises or hangs is wrong."""
    inputs = bench.memory.of(task).inputs.like[:_MAX_GENERATED]
    calls = [Call(args) for args in inputs]
    outcomes = _outcomes(task, program, bench, calls)
    return [
        _Trial(call, outcome, outcome.kind is not Ending.RETURNED, "a result")
        for call, outcome in zip(calls, outcomes, strict=False)
    ]


def _outcomes(
    task: Task,
    program: Program,
    bench: Workbench,
    calls: Sequence[Call],
    *,
    traced: bool = False,
) -> Sequence[CallOutcome]:
    if not calls:
        return ()
    run = bench.sandbox.call(
        program.sources[task.main],
        task.entry_point,
        calls,
        limits=bench.limits,
        context=task.context,
        trace=traced,
    )
    return run.calls if run.load.ok else ()


def _states(
    outcome: CallOutcome, line: int, names: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the variables at each arrival at `line`, where all of them are plain."""
    for number, pairs in outcome.trace.values if outcome.trace else ():
        seen = dict(pairs)
        if number != line or not set(names) <= seen.keys():
            continue
        values: dict[str, Any] = {}
        for name in names:
            try:
                is_plain, value = literal(ast.parse(seen[name], mode="eval").body)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                break
            if not is_plain or value is ... or "..." in seen[name]:
                break  # it was shortened when it was seen
            values[name] = value
        else:
            yield values


def _hold(
    expression: str, calls: Sequence[Call], task: Task, bench: Workbench
) -> list[bool | None]:
    """Return whether a condition holds of the arguments; None if it cannot say."""
    rows = [(None, call.args, call.args) for call in calls]
    if any(call.kwargs for call in calls) or not rows:
        return [None]
    found = evaluate(bench.sandbox, task, expression, rows, bench.limits)
    return [_truth(outcome) for outcome in found]


def _hold_in(
    expression: str,
    names: Sequence[str],
    states: Sequence[dict[str, Any]],
    bench: Workbench,
) -> list[bool | None]:
    """Return whether a condition holds of variables; None if it cannot say."""
    if not states:
        return [None]
    source = f"def {_STATE}({', '.join(names)}):\n    return bool({expression})\n"
    calls = [Call(tuple(state[name] for name in names)) for state in states]
    run = bench.sandbox.call(source, _STATE, calls, limits=bench.limits)
    return [_truth(outcome) for outcome in run.calls] if run.load.ok else [None]


def _truth(outcome: CallOutcome) -> bool | None:
    return bool(outcome.value) if outcome.kind is Ending.RETURNED else None


def _names(expression: str) -> list[str] | None:
    """Return the variables of an expression in order; None if it is none."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bound = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return sorted({n for n in used if n not in bound and not hasattr(builtins, n)})


def examples_of(task: Task) -> list[CallCheck]:
    """Return the calls of the entry point whose results the user gave."""
    return [
        c.check
        for c in task.constraints
        if isinstance(c.check, CallCheck)
        and c.check.compares_result
        and c.origin is not Origin.GENERATED
        and c.check.function in {"", task.entry_point}
    ]


def _confirmed(
    claim: Claim, why: str, example: Counterexample, weight: float
) -> CheckedClaim:
    return CheckedClaim(claim, ClaimStatus.CONFIRMED, why, example, weight)


def _refuted(claim: Claim, why: str) -> CheckedClaim:
    return CheckedClaim(claim, ClaimStatus.REFUTED, why)


def _unchecked(claim: Claim, why: str) -> CheckedClaim:
    return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
