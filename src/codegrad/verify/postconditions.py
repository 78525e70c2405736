"""Postconditions on generated inputs that meet the preconditions.

Beside `clauses.py`, which checks the calls that the task itself names.
"""

from collections.abc import Sequence

from codegrad.contract import ClauseKind
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import ClauseCheck, Constraint
from codegrad.tasks.literals import shorten
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.contracts import allowed_errors, evaluate, is_allowed
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import is_opaque
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
"""Inputs that Hypothesis adds if no violation was found."""


def judge_clause(constraint: Constraint, session: Session) -> Verdict:
    """Return what generated inputs establish about a postcondition."""
    assert isinstance(constraint.check, ClauseCheck)
    checker = _Checker(session, constraint.check.clause.expression)
    failing = checker.failing(session.in_domain(session.inputs.all))
    if not failing and not checker.trouble:
        failing = checker.failing(session.in_domain(session.inputs.explore(EXPLORED)))
    if failing:
        return _refuted(constraint, checker, failing)
    if checker.trouble:
        reason = f"the clause cannot be evaluated: {checker.trouble}"
        return Verdict(
            constraint.name,
            STAGE,
            Status.UNKNOWN,
            reason,
            checked=checker.reached,
            distance=1.0,
        )
    if not checker.reached:
        reason = "no generated input meets the preconditions"
        return unknown(constraint, STAGE, reason)
    return passed(constraint, STAGE, checker.reached, "")


class _Checker:
    """Asks one postcondition about many calls."""

    def __init__(self, session: Session, expression: str) -> None:
        self.session = session
        self.expression = expression
        self.reached = 0
        self.trouble = ""
        contract = session.task.contract
        self._allowed = allowed_errors(session.task)
        self._has_domain = bool(
            contract.of(ClauseKind.PRE) or contract.of(ClauseKind.RAISES)
        )

    def failing(self, inputs: Sequence[Args]) -> list[Args]:
        """Return the inputs that break the clause; count those that reached it."""
        outcomes = self.session.candidate.call(inputs)
        returned = [
            (args, outcome)
            for args, outcome in zip(inputs, outcomes, strict=True)
            if outcome.kind is Ending.RETURNED and not is_opaque(outcome.value)
        ]
        truths = self._truths(returned)
        failing = set()
        for (args, _), truth in zip(returned, truths, strict=True):
            if truth.kind is Ending.RETURNED:
                self.reached += 1
                if not truth.value:
                    failing.add(repr(args))
            elif truth.kind is not Ending.NOT_RUN and not self.trouble:
                self.trouble = shorten(f"{truth.error}: {truth.message}")
        for args, outcome in zip(inputs, outcomes, strict=True):
            if outcome.kind not in {Ending.RETURNED, Ending.NOT_RUN}:
                breaks = self._breaks(args, outcome)
                self.reached += breaks
                if breaks:
                    failing.add(repr(args))
        return [args for args in inputs if repr(args) in failing]

    def failing_many(self, batch: Sequence[Args]) -> list[bool]:
        """Return for each input whether it breaks the clause within the domain."""
        before = self.reached
        failing = set(map(repr, self.failing(self.session.in_domain(batch))))
        self.reached = before
        return [repr(args) in failing for args in batch]

    def _truths(
        self, returned: Sequence[tuple[Args, CallOutcome]]
    ) -> Sequence[CallOutcome]:
        if not returned:
            return ()
        session = self.session
        calls = [
            (outcome.value, args, _after(args, outcome)) for args, outcome in returned
        ]
        return evaluate(
            session.bench.sandbox,
            session.task,
            self.expression,
            calls,
            session.candidate.limits,
        )

    def _breaks(self, args: Args, outcome: CallOutcome) -> bool:
        """Return whether a call that did not return breaks the contract."""
        if outcome.error and is_allowed(outcome.error, self._allowed):
            return False
        if not (self._has_domain or self.session.inputs.profile.admits(args)):
            return False
        return not self.session.is_excused(args, outcome)


def _after(args: Args, outcome: CallOutcome) -> Args:
    """Return the arguments after the call, if they can be sent on."""
    changed = outcome.mutated
    return args if changed is None or is_opaque(changed) else changed


def _refuted(
    constraint: Constraint, checker: _Checker, failing: Sequence[Args]
) -> Verdict:
    session = checker.session
    ordered = smallest_first(failing)
    share = len(failing) / max(1, checker.reached)
    first = session.shrunk(ordered[0], checker.failing_many)
    chosen = [first, *(a for a in ordered[1:MAX_COUNTEREXAMPLES] if a != first)]
    examples = [
        _counterexample(checker, args, ordered[0] if args is first else args)
        for args in chosen
    ]
    return refuted(constraint, STAGE, examples, checker.reached, share)


def _counterexample(checker: _Checker, args: Args, original: Args) -> Counterexample:
    session = checker.session
    outcome = session.candidate.call([args])[0]
    example = session.counterexample(
        args, f"post: {checker.expression}", outcome, original
    )
    if outcome.kind is not Ending.RETURNED:
        return example
    return Counterexample(
        example.call,
        example.expected,
        f"result == {example.observed}",
        example.line,
        example.shrunk_from,
    )


def clause_failure(
    constraint: Constraint, session: Session, args: Args
) -> Counterexample | None:
    """Return the counterexample that `args` is, or None if it breaks nothing."""
    assert isinstance(constraint.check, ClauseCheck)
    checker = _Checker(session, constraint.check.clause.expression)
    if not checker.failing(session.in_domain([args])):
        return None
    smaller = session.shrunk(args, checker.failing_many)
    return _counterexample(checker, smaller, args)
