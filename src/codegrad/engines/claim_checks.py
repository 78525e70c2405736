"""What a critic claims is executed before anybody acts on it.

In: a claim, a program, its task. Out: `CheckedClaim`. Invariant: a claim is confirmed
only by what the program did in the sandbox; a claim that contradicts a constraint of
the user is refuted, whoever made it.
"""

import ast
from dataclasses import dataclass
from typing import Any, assert_never

from codegrad.code import Program
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    AssumesClaim,
    CheckedClaim,
    Claim,
    ClaimStatus,
    CostClaim,
    InputClaim,
    InvariantClaim,
    PostClaim,
)
from codegrad.engines.condition_checks import (
    check_assumption,
    check_cost,
    check_invariant,
    check_post,
)
from codegrad.sandbox import Call, CallOutcome
from codegrad.task import CallCheck, RaisesCheck, StdinCheck, Task
from codegrad.tasks.literals import (
    LiteralCall,
    call_text,
    literal,
    read_call,
    shorten,
)
from codegrad.verdict import Counterexample
from codegrad.verify.calls import describe
from codegrad.verify.comparison import matches, same_output
from codegrad.verify.stage import Workbench

_SHOWN = 300


def check_claim(  # noqa: PLR0911 - one answer a kind of claim
    claim: Claim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Run `claim` against the program as it is."""
    if task.repository is not None:
        return unchecked(claim, "claims about a project's own functions are not run")
    match claim:
        case InputClaim():
            if task.is_program:
                return _check_stdin(claim, task, program, bench)
            return _check_call(claim, task, program, bench)
        case _ if task.is_program:
            return unchecked(claim, "a program has no arguments and no result")
        case PostClaim():
            return check_post(claim, task, program, bench)
        case AssumesClaim():
            return check_assumption(claim, task, program, bench)
        case InvariantClaim():
            return check_invariant(claim, task, program, bench)
        case CostClaim():
            return check_cost(claim, task, program, bench)
        case _:
            assert_never(claim)


def unchecked(claim: Claim, why: str) -> CheckedClaim:
    """Return that a claim could not be run."""
    return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)


@dataclass(frozen=True, slots=True)
class Expectation:
    """A result as a value, or an exception by name."""

    value: Any = None
    error: str = ""

    @classmethod
    def read(cls, text: str) -> "Expectation | None":
        """Return what `text` expects, or None if it is no literal and no `raises`.

        Example:
            >>> Expectation.read("raises ValueError: empty").error
            'ValueError'
            >>> Expectation.read("[1, 2]").value
            [1, 2]
        """
        words = text.strip().split()
        if len(words) >= 2 and words[0] in {"raise", "raises"}:  # noqa: PLR2004 - NAME
            return cls(error=words[1].rstrip(":.,(").partition("(")[0])
        try:
            is_literal, value = literal(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return cls(value=value) if is_literal else None

    def is_met(self, outcome: CallOutcome) -> bool:
        """Return whether a call did what is expected."""
        if self.error:
            return outcome.kind == "raised" and outcome.error == self.error
        return outcome.kind == "returned" and matches(outcome.value, self.value)


def _check_call(
    claim: InputClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    call = read_call(claim.call)
    functions = {code.name for code in program.codes}
    if call is None or call.function not in functions:
        why = "it is not a call of a known function with literal arguments"
        return unchecked(claim, why)
    expected = Expectation.read(claim.expected)
    if expected is None:
        why = "the expected result is neither a literal nor `raises NAME`"
        return unchecked(claim, why)
    run = bench.sandbox.call(
        program.sources[task.main],
        call.function,
        [Call(call.args, call.kwargs)],
        limits=bench.limits,
        context=task.context,
    )
    if not run.load.ok:
        return unchecked(claim, "the module cannot be loaded, so nothing is observed")
    return _judge_call(claim, task, call, expected, run.calls[0])


def _judge_call(
    claim: InputClaim,
    task: Task,
    call: LiteralCall,
    expected: Expectation,
    outcome: CallOutcome,
) -> CheckedClaim:
    said = Expectation.read(claim.observed) if claim.observed else None
    given = _given(task, call)
    why = ""
    if said is not None and not said.is_met(outcome):
        why = f"it {_did(outcome)}, not {shorten(claim.observed, _SHOWN)}"
    elif expected.is_met(outcome):
        why = f"it {_did(outcome)} already"
    elif given is not None and not given.agrees(expected):
        why = f"a constraint says otherwise: {given.text}"
    if why:
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    example = Counterexample(
        shorten(call_text(call.function, call.args, call.kwargs), _SHOWN),
        shorten(claim.expected.strip(), _SHOWN)
        + ("" if given else " (so the critic says)"),
        describe(outcome),
        outcome.line,
    )
    weight = AGREED if given else OBSERVED
    return CheckedClaim(
        claim, ClaimStatus.CONFIRMED, f"it {_did(outcome)}", example, weight
    )


def _check_stdin(
    claim: InputClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    (outcome,) = bench.sandbox.program(
        program.sources[task.main],
        [claim.call],
        limits=bench.limits,
        context=task.context,
    )
    if outcome.kind == "exited" and same_output(outcome.stdout, claim.expected):
        why = "it prints that already"
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    weight = OBSERVED
    for constraint in task.constraints:
        check = constraint.check
        if isinstance(check, StdinCheck) and same_output(check.stdin, claim.call):
            if not same_output(check.stdout, claim.expected):
                why = f"a constraint says otherwise: {constraint.text}"
                return CheckedClaim(claim, ClaimStatus.REFUTED, why)
            weight = AGREED
    said = outcome.stdout if outcome.kind == "exited" else str(outcome.kind)
    if claim.observed and not same_output(said, claim.observed):
        why = f"it prints {shorten(repr(said), _SHOWN)}"
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    example = Counterexample(
        f"stdin {shorten(repr(claim.call), _SHOWN)}",
        shorten(repr(claim.expected), _SHOWN),
        shorten(repr(said), _SHOWN),
        outcome.line,
    )
    why = f"it prints {shorten(repr(said), _SHOWN)}"
    return CheckedClaim(claim, ClaimStatus.CONFIRMED, why, example, weight)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a constraint of the user says about one input."""

    check: CallCheck | RaisesCheck
    text: str

    def agrees(self, other: Expectation) -> bool:
        if isinstance(self.check, RaisesCheck):
            return other.error == self.check.error
        if other.error or not self.check.compares_result:
            return False
        return matches(other.value, self.check.expected, self.check.tolerance)


def _given(task: Task, call: LiteralCall) -> _Given | None:
    for constraint in task.constraints:
        check = constraint.check
        if not isinstance(check, CallCheck | RaisesCheck):
            continue
        named = (check.function or task.entry_point, check.args, dict(check.kwargs))
        if named == (call.function, call.args, call.kwargs):
            return _Given(check, constraint.text)
    return None


def _did(outcome: CallOutcome) -> str:
    said = describe(outcome)
    return f"returns {said}" if outcome.kind == "returned" else said
