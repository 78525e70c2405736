"""What a critic claims is executed before anybody acts on it.

In: a claim, a program, its task. Out: `CheckedClaim`. Invariant: a claim is confirmed
only by what the program did in the sandbox; a claim that contradicts a constraint of
the user is refuted, whoever made it.
"""

from dataclasses import replace
from typing import assert_never

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
    PropertyClaim,
)
from codegrad.engines.condition_checks import (
    check_assumption,
    check_cost,
    check_invariant,
    check_post,
    check_property,
)
from codegrad.engines.intent import Expectation, Said, said_of
from codegrad.engines.literal_calls import possible_call
from codegrad.sandbox import Call, CallOutcome
from codegrad.task import Task
from codegrad.tasks.literals import call_text, read_call, shorten
from codegrad.verdict import Counterexample
from codegrad.verify.calls import describe
from codegrad.verify.comparison import same_output
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
        case PropertyClaim():
            return check_property(claim, task, program, bench)
        case CostClaim():
            return check_cost(claim, task, program, bench)
        case _:
            assert_never(claim)


def unchecked(claim: Claim, why: str) -> CheckedClaim:
    """Return that a claim could not be run."""
    return CheckedClaim(claim, ClaimStatus.UNCHECKED, why)


def _check_call(
    claim: InputClaim, task: Task, program: Program, bench: Workbench
) -> CheckedClaim:
    call = possible_call(claim.call, program.sources[task.main])
    functions = {code.name for code in program.codes}
    if call is None or call.function not in functions:
        why = "it is no possible call of a known function with literal arguments"
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
    outcome = run.calls[0]
    claim = _quoted(claim, outcome)
    if Expectation.read(claim.expected) is None:
        why = "the expected result is neither a literal nor `raises NAME`"
        return unchecked(claim, why)
    return _judge_call(claim, outcome, said_of(claim, task, bench))


def _quoted(claim: InputClaim, outcome: CallOutcome) -> InputClaim:
    """Return the claim with quotes around texts that were written without.

    Only where the function returns a text: elsewhere it is prose.
    """
    if not isinstance(outcome.value, str):
        return claim

    def quoted(text: str) -> str:
        return text if not text or Expectation.read(text) else repr(text)

    return replace(
        claim, expected=quoted(claim.expected), observed=quoted(claim.observed)
    )


def _judge_call(
    claim: InputClaim, outcome: CallOutcome, known: Said | None
) -> CheckedClaim:
    call, expected = read_call(claim.call), Expectation.read(claim.expected)
    assert call is not None
    assert expected is not None
    observed = Expectation.read(claim.observed) if claim.observed else None
    why = ""
    if observed is not None and not observed.is_met(outcome):
        why = f"it {_did(outcome)}, not {shorten(claim.observed, _SHOWN)}"
    elif expected.is_met(outcome):
        why = f"it {_did(outcome)} already"
    elif known is not None and not known.agrees:
        why = f"a constraint says otherwise: {known.text}"
    if why:
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    example = Counterexample(
        shorten(call_text(call.function, call.args, call.kwargs), _SHOWN),
        shorten(str(expected), _SHOWN),
        describe(outcome),
        outcome.line,
    )
    weight = AGREED if known else OBSERVED
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
    known = said_of(claim, task, bench)
    said = outcome.stdout if outcome.kind == "exited" else str(outcome.kind)
    did = f"it prints {shorten(repr(said), _SHOWN)}"
    why = ""
    if outcome.kind == "exited" and same_output(outcome.stdout, claim.expected):
        why = "it prints that already"
    elif known is not None and not known.agrees:
        why = f"a constraint says otherwise: {known.text}"
    elif claim.observed and not same_output(said, claim.observed):
        why = did
    if why:
        return CheckedClaim(claim, ClaimStatus.REFUTED, why)
    example = Counterexample(
        f"stdin {shorten(repr(claim.call), _SHOWN)}",
        shorten(repr(claim.expected), _SHOWN),
        shorten(repr(said), _SHOWN),
        outcome.line,
    )
    weight = AGREED if known else OBSERVED
    return CheckedClaim(claim, ClaimStatus.CONFIRMED, did, example, weight)


def _did(outcome: CallOutcome) -> str:
    said = describe(outcome)
    return f"returns {said}" if outcome.kind == "returned" else said
