"""The candidate against a reference implementation, on generated inputs.

Inputs on which the reference raises, hangs or returns something that cannot be
compared are outside the domain.
"""

from collections.abc import Sequence

from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import Constraint
from codegrad.verdict import Counterexample, Verdict
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
EXPLORED = 60
"""Inputs that Hypothesis adds if no difference was found."""


def judge_reference(constraint: Constraint, session: Session) -> Verdict:
    """Return `REFUTED` with a shrunk input on which candidate and reference differ."""
    comparison = Comparison(session)
    failing = comparison.differing(session.in_domain(session.inputs.all))
    if not session.reference.load.ok:
        load = session.reference.load
        reason = f"the reference cannot be loaded: {load.error}: {load.message}"
        return unknown(constraint, STAGE, reason)
    if not failing:
        failing = comparison.differing(session.explore(EXPLORED))
    if not failing:
        reason = "" if comparison.checked else "the reference accepts no input tried"
        return passed(constraint, STAGE, comparison.checked, reason)
    ordered = smallest_first(failing)
    first = session.shrunk(ordered[0], comparison.differs_many)
    chosen = [first, *(a for a in ordered[1:MAX_COUNTEREXAMPLES] if a != first)]
    examples = [
        _counterexample(session, args, ordered[0] if args is first else args)
        for args in chosen
    ]
    share = len(failing) / max(1, comparison.checked)
    return refuted(constraint, STAGE, examples, comparison.checked, share)


def reference_failure(session: Session, args: Args) -> Counterexample | None:
    """Return the counterexample that `args` is, or None if there is no difference."""
    comparison = Comparison(session)
    if not comparison.differing(session.in_domain([args])):
        return None
    smaller = session.shrunk(args, comparison.differs_many)
    return _counterexample(session, smaller, args)


def _counterexample(session: Session, args: Args, original: Args) -> Counterexample:
    expected = repr(_told(session.reference.call([args])[0]))
    outcome = session.candidate.call([args])[0]
    return session.counterexample(args, expected, outcome, original)


class Comparison:
    """Compares candidate and reference and counts what could be compared."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tolerance = max(
            (k.tolerance for k in session.inputs.known if k.tolerance), default=None
        )
        self.checked = 0

    def differing(self, inputs: Sequence[Args]) -> list[Args]:
        """Return the inputs on which candidate and reference differ, in order."""
        if not inputs:
            return []
        wanted = self._session.reference.call(inputs)
        inside = [
            (args, good)
            for args, good in zip(inputs, wanted, strict=True)
            if good.kind is Ending.RETURNED and not is_opaque(_told(good))
        ]
        found = self._session.candidate.call([args for args, _ in inside])
        differing = []
        for (args, good), ours in zip(inside, found, strict=True):
            if self._session.is_excused(args, ours):
                continue
            self.checked += 1
            if self._differs(good, ours):
                differing.append(args)
        return differing

    def differs_many(self, batch: Sequence[Args]) -> list[bool]:
        """Return for each input whether candidate and reference differ."""
        before = self.checked
        differing = set(map(repr, self.differing(self._session.in_domain(batch))))
        self.checked = before
        return [repr(args) in differing for args in batch]

    def _differs(self, good: CallOutcome, ours: CallOutcome) -> bool:
        if ours.kind is not Ending.RETURNED or is_opaque(_told(ours)):
            return True
        return not agree(_told(ours), _told(good), self._tolerance)


def _told(outcome: CallOutcome) -> object:
    """Return what a call tells: its result, or what it did to its arguments."""
    if outcome.value is None and outcome.mutated is not None:
        return outcome.mutated
    return outcome.value
