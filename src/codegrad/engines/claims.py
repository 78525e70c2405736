"""What a critic claims is executed before anybody acts on it.

In: a claim that can be checked, a program, its task. Out: `CheckedClaim`. Invariant: a
claim is confirmed only by what the program did in the sandbox; a claim that contradicts
a constraint of the user is refuted, whoever made it.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from codegrad.code import Program
from codegrad.contract import Clause, ClauseKind
from codegrad.sandbox import Call, CallOutcome
from codegrad.task import (
    CallCheck,
    ClauseCheck,
    Constraint,
    Origin,
    RaisesCheck,
    StdinCheck,
    Task,
)
from codegrad.tasks.literals import (
    LiteralCall,
    call_text,
    literal,
    literal_call,
    shorten,
)
from codegrad.verdict import Counterexample, Status
from codegrad.verify.calls import describe
from codegrad.verify.clauses import known_inputs, run_clauses
from codegrad.verify.comparison import matches, same_output
from codegrad.verify.stage import Workbench

_SHOWN = 300

OBSERVED = 0.5
"""Weight of a claim whose observation was confirmed; what is right is only claimed."""

AGREED = 0.9
"""Weight of a claim that a constraint of the user confirms as well."""


class ClaimStatus(StrEnum):
    """What running a claim established."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNCHECKED = "unchecked"
    """It could not be run here; it is dropped too, and counted on its own."""


@dataclass(frozen=True, slots=True)
class InputClaim:
    """On this input the program does one thing and should do another."""

    call: str
    """A call with literal arguments, or the standard input of a program."""

    expected: str
    """A literal, `raises NAME`, or what a program should print."""

    observed: str = ""
    """What the program is said to do; empty if the critic does not say."""


@dataclass(frozen=True, slots=True)
class PostClaim:
    """After every call this holds of `result` and the arguments, and it does not."""

    expression: str


Claim = InputClaim | PostClaim


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim and what came of it."""

    claim: Claim
    status: ClaimStatus
    why: str
    counterexample: Counterexample | None = None
    """What was seen, if the claim is confirmed."""

    weight: float = 0.0
    """How much the confirmation says, 0 to 1."""


def check_claim(
    claim: Claim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Run `claim` against the program as it is."""
    if task.repository is not None:
        why = "claims about a project's own functions are not run"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
    if isinstance(claim, PostClaim):
        return _check_post(claim, task, program, bench)
    if task.is_program:
        return _check_stdin(claim, task, program, bench)
    return _check_call(claim, task, program, bench)


def _check_call(
    claim: InputClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    try:
        call = literal_call(ast.parse(claim.call.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        call = None
    functions = {code.name for code in program.codes}
    if call is None or call.function not in functions:
        why = "it is not a call of a known function with literal arguments"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
    expected = _Expectation.read(claim.expected)
    if expected is None:
        why = "the expected result is neither a literal nor `raises NAME`"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
    run = bench.sandbox.call(
        program.sources[task.main],
        call.function,
        [Call(call.args, call.kwargs)],
        limits=bench.limits,
        context=task.context,
    )
    if not run.load.ok:
        why = "the module cannot be loaded, so nothing can be observed"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
    return _judge_call(claim, task, call, expected, run.calls[0])


def _judge_call(
    claim: InputClaim,
    task: Task,
    call: LiteralCall,
    expected: "_Expectation",
    outcome: CallOutcome,
) -> CheckedClaim:
    said = _Expectation.read(claim.observed) if claim.observed else None
    given = _given(task, call.function, call.args, call.kwargs)
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


def _check_post(
    claim: PostClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    """Confirm a postcondition that the examples meet and the program breaks."""
    try:
        ast.parse(claim.expression, mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        why = "the condition is not a Python expression"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
    examples = _examples(task)
    if not examples or not known_inputs(task):
        why = "no example says whether the condition is meant"
        return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)
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
    right = {**program.sources, task.main: _table(task, examples)}
    (meant,) = run_clauses(right, replace(task, context=""), [constraint], bench)
    if meant.status is not Status.PASSED:
        why = f"the user's own examples do not meet it: {meant.reason}"
        refuted = meant.status is Status.REFUTED
        status = ClaimStatus.REFUTED if refuted else ClaimStatus.UNCHECKED
        return CheckedClaim(claim, status, why)
    (found,) = run_clauses(program.sources, task, [constraint], bench)
    if found.status is not Status.REFUTED:
        why = "the program meets it on every known input"
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    return CheckedClaim(
        claim, ClaimStatus.CONFIRMED, found.reason, found.counterexamples[0], AGREED
    )


@dataclass(frozen=True, slots=True)
class _Expectation:
    """A result as a value, or an exception by name."""

    value: Any = None
    error: str = ""

    @classmethod
    def read(cls, text: str) -> "_Expectation | None":
        words = text.strip().split()
        if len(words) >= 2 and words[0] in {"raise", "raises"}:  # noqa: PLR2004 - NAME
            return cls(error=words[1].rstrip(":.,(").partition("(")[0])
        try:
            is_literal, value = literal(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return cls(value=value) if is_literal else None

    def is_met(self, outcome: CallOutcome) -> bool:
        if self.error:
            return outcome.kind == "raised" and outcome.error == self.error
        return outcome.kind == "returned" and matches(outcome.value, self.value)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a constraint of the user says about one input."""

    check: CallCheck | RaisesCheck
    text: str

    def agrees(self, other: _Expectation) -> bool:
        if isinstance(self.check, RaisesCheck):
            return other.error == self.check.error
        if other.error or not self.check.compares_result:
            return False
        return matches(other.value, self.check.expected, self.check.tolerance)


def _given(
    task: Task, function: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _Given | None:
    for constraint in task.constraints:
        check = constraint.check
        if not isinstance(check, CallCheck | RaisesCheck):
            continue
        name = check.function or task.entry_point
        if (name, check.args, dict(check.kwargs)) == (function, args, kwargs):
            return _Given(check, constraint.text)
    return None


def _examples(task: Task) -> list[CallCheck]:
    return [
        c.check
        for c in task.constraints
        if isinstance(c.check, CallCheck)
        and c.check.compares_result
        and c.check.function in {"", task.entry_point}
    ]


def _table(task: Task, examples: Sequence[CallCheck]) -> str:
    """Return a module whose entry point knows the expected results and no more."""
    rows = [(check.args, dict(check.kwargs), check.expected) for check in examples]
    return (
        f"_ROWS = {rows!r}\n"
        f"def {task.entry_point}(*args, **kwargs):\n"
        "    for known, named, result in _ROWS:\n"
        "        if (known, named) == (args, kwargs):\n"
        "            return result\n"
        "    raise LookupError\n"
    )


def _did(outcome: CallOutcome) -> str:
    said = describe(outcome)
    return f"returns {said}" if outcome.kind == "returned" else said
