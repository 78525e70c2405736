"""Postconditions on generated inputs that meet the preconditions.

Beside `clauses.py`, which checks the calls that the task itself names.
"""

from collections.abc import Sequence

from codegrad.contract import Clause, ClauseKind
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import ClauseCheck, Constraint
from codegrad.tasks.literals import shorten
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.contracts import allowed_errors, evaluate, is_allowed
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import is_sendable
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
    checker = _Checker(session, constraint.check.clause)
    failing = checker.failing(session.in_domain(session.inputs.all))
    if not failing and not checker.trouble:
        failing = checker.failing(session.explore(EXPLORED))
    if checker.reached and not failing:
        # Beside plain results, one that is none cannot be what was meant.
        failing = checker.opaque
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
        reason = "no generated input meets the preconditions and gives a plain result"
        return unknown(constraint, STAGE, session.domain_trouble or reason)
    if checker.undecided:
        return unknown(constraint, STAGE, checker.undecided)
    reason = ""
    if checker.left_out:
        reason = f"{checker.left_out} generated inputs left out: no result to judge"
    return passed(constraint, STAGE, checker.reached, reason)


class _Checker:
    """Asks one postcondition about many calls."""

    def __init__(self, session: Session, clause: Clause) -> None:
        self.session = session
        self.expression = clause.expression
        self.reached = 0
        self.left_out = 0
        """Calls without a result that say nothing about the contract."""
        self.opaque: list[Args] = []
        """Calls whose result is of a kind that cannot be examined."""
        self.undecided = ""
        """Why a call that does say something could not be judged."""
        self.trouble = ""
        contract = session.task.contract
        self._sees_change = contract.sees_change(clause)
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
            if outcome.kind is Ending.RETURNED and is_sendable(outcome.value)
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
            if self._without_result(args, outcome):
                failing.add(repr(args))
        return [args for args in inputs if repr(args) in failing]

    def _without_result(self, args: Args, outcome: CallOutcome) -> bool:
        """Count a call that gave no value to judge; return whether it breaks."""
        if outcome.kind is Ending.RETURNED:
            if not is_sendable(outcome.value):
                self.opaque.append(args)
            return False
        if outcome.kind is not Ending.NOT_RUN and self._breaks(args, outcome):
            self.reached += 1
            return True
        if outcome.kind is Ending.DIED:
            self.undecided = "a call ended its process"
        else:
            self.left_out += 1
        return False

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
            (outcome.value, args, self._after(args, outcome))
            for args, outcome in returned
        ]
        return evaluate(
            session.bench.sandbox,
            session.task,
            self.expression,
            calls,
            session.candidate.limits,
        )

    def _after(self, args: Args, outcome: CallOutcome) -> Args:
        """Return what a parameter's name means in the clause."""
        changed = outcome.mutated
        if changed is None or not self._sees_change or not is_sendable(changed):
            return args
        return changed

    def _breaks(self, args: Args, outcome: CallOutcome) -> bool:
        """Return whether a call that did not return breaks the contract."""
        if outcome.error and is_allowed(outcome.error, self._allowed):
            return False
        if not (self._has_domain or self.session.inputs.profile.admits(args)):
            return False
        return not self.session.is_excused(args, outcome)


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
    checker = _Checker(session, constraint.check.clause)
    if not checker.failing(session.in_domain([args])):
        return None
    smaller = session.shrunk(args, checker.failing_many)
    return _counterexample(checker, smaller, args)
