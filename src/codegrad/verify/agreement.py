"""Agreement among candidates: what most programs that pass the same tests return.

In: other candidates for the task. Out: inputs on which nearly all of them return one
value and this candidate another. Nobody said that the many are right, so it is soft.
An input counts only if it is like the known ones, because outside the domain every
candidate does as it likes.
"""

from collections.abc import Sequence

from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import AgreementCheck, Constraint, Origin
from codegrad.verdict import Verdict
from codegrad.verify.calling import Caller
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import agree, is_opaque
from codegrad.verify.session import (
    MAX_COUNTEREXAMPLES,
    Session,
    passed,
    refuted,
    smallest_first,
    unknown,
)

STAGE = "properties"
QUORUM = 4
"""Other candidates that must return the same value."""

_SHARE = 0.8
"""The share of those that return a value which must agree on it."""

_CPU_S = 0.5
"""Processor seconds for the calls of one other candidate."""


def agreement_constraint(peers: Sequence[str]) -> Constraint:
    """Return the soft constraint to return what nearly all of `peers` return.

    Args:
        peers: Texts of other candidates for the task, without the one that is judged.
            They should pass its tests and be made independently of each other.
    """
    texts = tuple(dict.fromkeys(peers))
    return Constraint(
        "agreement",
        STAGE,
        f"returns what {len(texts)} other candidates return",
        AgreementCheck(texts),
        Origin.GENERATED,
        hard=False,
    )


def judge_agreement(constraint: Constraint, session: Session) -> Verdict:
    """Return `REFUTED` with inputs on which nearly all others return another value."""
    assert isinstance(constraint.check, AgreementCheck)
    others = [
        Caller(
            session.bench,
            text,
            session.entry,
            context=session.task.context,
            cpu_s=_CPU_S,
            seen=session.seen_of(text),
        )
        for text in constraint.check.peers
        if text != session.source
    ]
    if len(others) < QUORUM:
        reason = f"{len(others)} other candidates are too few to agree"
        return unknown(constraint, STAGE, reason)
    inputs = session.in_domain([*_known(session), *session.inputs.like])
    rows = [caller.call(inputs) for caller in others]
    ours = session.candidate.call(inputs)
    checked = 0
    differing: dict[str, tuple[Args, CallOutcome, int]] = {}
    for args, mine, *theirs in zip(inputs, ours, *rows, strict=True):
        common, votes = _common(theirs)
        if common is None or mine.kind is Ending.NOT_RUN:
            continue
        checked += 1
        if _differs(mine, common) and not session.is_excused(args, mine):
            differing[repr(args)] = (args, common, votes)
    if not differing:
        return passed(constraint, STAGE, checked, "too few other candidates agree")
    chosen = smallest_first([args for args, _, _ in differing.values()])
    examples = []
    for args in chosen[:MAX_COUNTEREXAMPLES]:
        _, common, votes = differing[repr(args)]
        expected = f"{common.value!r}, as {votes} of {len(others)} candidates return"
        outcome = session.candidate.call([args])[0]
        examples.append(session.counterexample(args, expected, outcome, args))
    share = len(differing) / max(1, checked)
    return refuted(constraint, STAGE, examples, checked, share)


def _known(session: Session) -> list[Args]:
    return [known.args for known in session.inputs.known]


def _common(outcomes: Sequence[CallOutcome]) -> tuple[CallOutcome | None, int]:
    """Return the outcome whose value nearly all share, and how many do."""
    returned = [
        outcome
        for outcome in outcomes
        if outcome.kind is Ending.RETURNED and not is_opaque(outcome.value)
    ]
    best, most = None, 0
    for outcome in returned[: len(returned) // 2 + 1]:
        votes = sum(agree(outcome.value, other.value) for other in returned)
        if votes > most:
            best, most = outcome, votes
    tried = sum(outcome.kind is not Ending.NOT_RUN for outcome in outcomes)
    if most < QUORUM or most < _SHARE * tried:
        return None, most
    return best, most


def _differs(mine: CallOutcome, common: CallOutcome) -> bool:
    return mine.kind is not Ending.RETURNED or not agree(mine.value, common.value)
