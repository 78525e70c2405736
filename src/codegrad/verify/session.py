"""What the stages that generate inputs share while they look at one candidate.

In: a task, a candidate and the workbench. Out: `Session`: the inputs inside the domain,
callers for candidate and reference, and shrinking. Invariant: what does not depend on
the candidate is worked out once for a task.
"""

from collections.abc import Callable, Sequence

from codegrad.contract import ClauseKind
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import Constraint, Sources
from codegrad.tasks.literals import call_text, shorten
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.calling import Caller
from codegrad.verify.calls import describe
from codegrad.verify.contracts import evaluate
from codegrad.verify.inputs import Args
from codegrad.verify.memory import Remembered
from codegrad.verify.shrink import shrink, size
from codegrad.verify.stage import Workbench

VALUE_LIMIT = 400
MAX_COUNTEREXAMPLES = 3
SHRINK_CALLS = 30
_MAX_CONFIRMATIONS = 3

_EXHAUSTED = frozenset({"RecursionError", "MemoryError", "OverflowError"})


class Session:
    """One candidate under examination."""

    def __init__(
        self,
        sources: Sources,
        remembered: Remembered,
        bench: Workbench,
        *,
        cpu_s: float = 4.0,
    ) -> None:
        self.task = remembered.task
        self.inputs = remembered.inputs
        self.bench = bench
        self.source = sources[self.task.main]
        self.entry = self.task.entry_point
        self._remembered = remembered
        self._confirmed: dict[str, bool] = {}
        self.candidate = Caller(
            bench, self.source, self.entry, context=self.task.context, cpu_s=cpu_s
        )
        self.reference = Caller(
            bench,
            self.task.reference,
            self.entry,
            context=self.task.context,
            cpu_s=cpu_s,
            seen=remembered.reference,
        )

    @property
    def domain_trouble(self) -> str:
        """What a precondition raised on an input, if one did."""
        return self._remembered.domain_trouble

    def seen_of(self, text: str) -> dict[str, CallOutcome]:
        """Return what is known of the calls of another candidate, to be added to."""
        return self._remembered.peers.setdefault(text, {})

    def explore(self, count: int) -> list[Args]:
        """Return inputs inside the domain that Hypothesis draws."""
        drawn = self._remembered.explored
        if count not in drawn:
            drawn[count] = self.inputs.explore(count)
        return self.in_domain(drawn[count])

    def in_domain(self, inputs: Sequence[Args]) -> list[Args]:
        """Return the inputs that meet the preconditions, in order.

        A precondition that raises does not admit the input.
        """
        before = self.task.contract.of(ClauseKind.PRE)
        if not before:
            return list(inputs)
        known = self._remembered.domain
        missing = {repr(a): a for a in inputs if repr(a) not in known}
        if missing:
            outcomes = evaluate(
                self.bench.sandbox,
                self.task,
                " and ".join(f"({clause.expression})" for clause in before),
                [(None, args, args) for args in missing.values()],
                self.candidate.limits,
            )
            for key, outcome in zip(missing, outcomes, strict=True):
                if outcome.error and not self._remembered.domain_trouble:
                    self._remembered.domain_trouble = (
                        f"a precondition raises {outcome.error}: {outcome.message}"
                    )
                known[key] = outcome.kind is Ending.RETURNED and bool(outcome.value)
        return [args for args in inputs if known[repr(args)]]

    def is_excused(self, args: Args, outcome: CallOutcome) -> bool:
        """Return whether a failure says nothing: the input is just too large."""
        if outcome.kind is Ending.RETURNED:
            return False
        if outcome.kind is Ending.RAISED and outcome.error not in _EXHAUSTED:
            return False
        if outcome.kind is Ending.NOT_RUN or not self.inputs.is_small(args):
            return True
        if outcome.kind is Ending.RAISED:
            return False
        # The limits of generated calls are tight; the full ones decide, but only so
        # often: each look at a hang costs the full time limit.
        key = repr(args)
        if key not in self._confirmed:
            # One call that hangs is enough to refute.
            is_known = any(self._confirmed.values())
            if is_known or len(self._confirmed) >= _MAX_CONFIRMATIONS:
                return True
            self._confirmed[key] = self.candidate.is_confirmed(args)
        return not self._confirmed[key]

    def shrunk(
        self, args: Args, fails_many: Callable[[Sequence[Args]], Sequence[bool]]
    ) -> Args:
        """Return a smaller input that fails in the same way."""
        return shrink(args, fails_many, max_calls=SHRINK_CALLS)

    def call_text(self, args: Args) -> str:
        """Return the call as it can be pasted."""
        return shorten(call_text(self.entry, args, {}), VALUE_LIMIT)

    def counterexample(
        self, args: Args, expected: str, outcome: CallOutcome, original: Args
    ) -> Counterexample:
        """Return a failing call of the candidate."""
        return Counterexample(
            call=self.call_text(args),
            expected=shorten(expected, VALUE_LIMIT),
            observed=describe(outcome),
            line=outcome.line,
            shrunk_from=""
            if repr(args) == repr(original)
            else self.call_text(original),
        )


def usual_inputs(session: Session) -> list[Args]:
    """Return the known inputs and the generated ones that are like them."""
    known = [known.args for known in session.inputs.known]
    return session.in_domain([*known, *session.inputs.like]) or session.in_domain(
        session.inputs.all
    )


def smallest_first(inputs: Sequence[Args]) -> list[Args]:
    """Return inputs by size, equal ones in their order."""
    return sorted(inputs, key=size)


def unknown(constraint: Constraint, stage: str, reason: str) -> Verdict:
    """Return the verdict that nothing was established."""
    return Verdict(
        constraint.name, stage, Status.UNKNOWN, reason, distance=float(constraint.hard)
    )


def passed(constraint: Constraint, stage: str, checked: int, reason: str) -> Verdict:
    """Return `PASSED`, or `UNKNOWN` if no input reached the check."""
    if not checked:
        return unknown(constraint, stage, reason or "no generated input reaches it")
    return Verdict(constraint.name, stage, Status.PASSED, reason, checked=checked)


def refuted(
    constraint: Constraint,
    stage: str,
    examples: Sequence[Counterexample],
    checked: int,
    share: float,
) -> Verdict:
    """Return `REFUTED` with the counterexamples, smallest first."""
    return Verdict(
        constraint.name,
        stage,
        Status.REFUTED,
        str(examples[0]),
        counterexamples=tuple(examples),
        checked=checked,
        distance=min(1.0, share),
    )
