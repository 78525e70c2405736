"""Generated constraints on their way to be trusted.

In: suggestions of models, the candidates that a run has seen. Out: the constraints that
are trusted enough, each with its number. Invariant: a hypothesis that contradicts an
example of the user, or that no faulty program would break, is never a constraint; a
generated constraint is soft unless its trust is at least what the user asked for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from codegrad.contract import Clause, ClauseKind
from codegrad.engines.claims import (
    Claim,
    CostClaim,
    InputClaim,
    PostClaim,
    PropertyClaim,
    Suggestion,
    read_claim,
)
from codegrad.engines.condition_checks import examples_of
from codegrad.engines.intent import Expectation, said_of
from codegrad.engines.literal_calls import possible_call
from codegrad.engines.relations import holds, relation_test, table_of
from codegrad.optim.gate import is_stub
from codegrad.optim.trust import SOFT, Evidence, agreement, trust
from codegrad.sandbox import Call, CallOutcome, Ending, Limits
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Check,
    ClauseCheck,
    Constraint,
    CostCheck,
    Origin,
    RaisesCheck,
    StdinCheck,
    Task,
)
from codegrad.tasks.literals import call_text, read_call, shorten
from codegrad.verify.comparison import matches, same_output
from codegrad.verify.contracts import evaluate
from codegrad.verify.mutants import mutants
from codegrad.verify.oracles import is_sendable
from codegrad.verify.stage import Workbench

MAX_CANDIDATES = 12
"""Candidates that are asked what they say of a hypothesis."""

MAX_HYPOTHESES = 40
MUTANTS = 20
"""Faulty programs of which one has to break a hypothesis."""

UNSEEN = 0.9
"""The most trust without a program that says something: answers of one model may share
a misreading, and the calibration is of what programs say."""

_LIMITS = Limits(wall_s=1.0, cpu_s=1.0)
_SHOWN = 200

Meets = list[bool | None]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A suggestion and how far it is trusted."""

    suggestion: Suggestion
    trust: float = 0.0
    why: str = "not weighed yet"

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "claim": str(self.suggestion.claim),
            "data": _claim_data(self.suggestion.claim),
            "source": self.suggestion.source,
            "others": self.suggestion.others,
            "against": self.suggestion.against,
            "trust": self.trust,
            "why": self.why,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Hypothesis":
        """Return what `to_data` returned, without its name for people."""
        claim = read_claim(data["data"])
        assert claim is not None
        suggestion = Suggestion(
            claim, str(data["source"]), int(data["others"]), int(data["against"])
        )
        return cls(suggestion, float(data["trust"]), str(data["why"]))


class Hypotheses:
    """The hypotheses of one run, weighed again whenever there are new candidates."""

    def __init__(
        self, task: Task, bench: Workbench, *, hard_from: float | None = None
    ) -> None:
        self._task = task
        self._bench = bench
        self._hard_from = hard_from
        self._known: dict[str, Hypothesis] = {}
        self._weighed: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self._known)

    def add(self, suggestions: Iterable[Suggestion]) -> None:
        """Take note of new hypotheses; one that is known stays as it is.

        What a program is said to do now is no part of a hypothesis.
        """
        for suggestion in suggestions:
            if not self._can_be_checked(suggestion.claim):
                continue
            claim = _plain(suggestion.claim, is_program=self._task.is_program)
            key = str(claim)
            if key not in self._known and len(self._known) < MAX_HYPOTHESES:
                self._known[key] = Hypothesis(replace(suggestion, claim=claim))
                self._weighed = None

    def _can_be_checked(self, claim: Claim) -> bool:
        """Return whether a claim is about what the task is about."""
        if not isinstance(claim, InputClaim):
            checkable = PostClaim | PropertyClaim | CostClaim
            return isinstance(claim, checkable) and not self._task.is_program
        if self._task.is_program:
            return True
        call = possible_call(claim.call, self._task.source)
        meant = Expectation.read(claim.expected)
        return (
            call is not None
            and meant is not None
            and call.function == self._task.entry_point
        )

    def weigh(self, candidates: Sequence[str]) -> bool:
        """Ask the candidates; return whether the trusted constraints are others now.

        Candidates are texts of the main module; stubs are not asked.
        """
        task = self._task
        chosen = tuple(
            text
            for text in dict.fromkeys(candidates)
            if not (task.entry_point and is_stub(text, task.entry_point))
        )[-MAX_CANDIDATES:]
        if not self._known or chosen == self._weighed or task.repository is not None:
            return False
        before = self.constraints()
        self._weighed = chosen
        claims = [h.suggestion.claim for h in self._known.values()]
        jury = _Jury(task, claims, self._bench)
        rows = [jury.meets(text) for text in chosen]
        passes = [jury.passes(text) for text in chosen]
        best = next((t for t, passed in zip(chosen, passes, strict=True) if passed), "")
        vacuous = jury.vacuous(best)
        known = [
            Evidence(
                h.suggestion.others,
                h.suggestion.against,
                is_refuted=jury.is_refuted(h.suggestion.claim),
                is_vacuous=is_vacuous,
            )
            for h, is_vacuous in zip(self._known.values(), vacuous, strict=True)
        ]
        found = agreement(rows, passes, known)
        for index, (key, hypothesis) in enumerate(self._known.items()):
            why = _why([row[index] for row in rows], known[index])
            value = round(trust(found[index], known[index]), 3)
            if all(row[index] is None for row in rows):
                value = min(value, UNSEEN)
            self._known[key] = replace(hypothesis, trust=value, why=why)
        return self.constraints() != before

    def constraints(self) -> tuple[Constraint, ...]:
        """Return the constraints that are trusted, in the order of their arrival."""
        found: list[Constraint] = []
        for number, hypothesis in enumerate(self._known.values(), 1):
            if hypothesis.trust < SOFT:
                continue
            made = _check(hypothesis.suggestion.claim, self._task)
            if made is None:
                continue
            stage, check = made
            hard = self._hard_from is not None and hypothesis.trust >= self._hard_from
            claim = shorten(str(hypothesis.suggestion.claim), _SHOWN)
            found.append(
                Constraint(
                    f"generated {number}",
                    stage,
                    f"{claim} ({hypothesis.suggestion.source})",
                    check,
                    Origin.GENERATED,
                    hard=hard,
                    trust=hypothesis.trust,
                )
            )
        return tuple(found)

    def to_data(self) -> list[dict[str, Any]]:
        """Return every hypothesis with its trust, as JSON-able data."""
        return [hypothesis.to_data() for hypothesis in self._known.values()]

    def restore(self, data: Sequence[Mapping[str, Any]]) -> None:
        """Go on from what `to_data` returned; nothing is run."""
        read = [Hypothesis.from_data(row) for row in data]
        self._known = {str(h.suggestion.claim): h for h in read}


def _plain(claim: Claim, *, is_program: bool) -> Claim:
    """Return what a claim says should be, in the one spelling that is compared."""
    if not isinstance(claim, InputClaim):
        return claim
    call, meant = read_call(claim.call), Expectation.read(claim.expected)
    if is_program or call is None or meant is None:
        return replace(claim, observed="")
    text = call_text(call.function, call.args, call.kwargs)
    return InputClaim(text, str(meant))


def _claim_data(claim: Claim) -> dict[str, str]:
    match claim:
        case InputClaim():
            return {"call": claim.call, "expected": claim.expected}
        case PostClaim():
            return {"post": claim.expression}
        case PropertyClaim():
            return {"property": claim.expression}
        case CostClaim():
            return {"cost": claim.limit}
        case _:
            return {}


def _check(  # noqa: PLR0911 - one answer a kind of claim
    claim: Claim, task: Task
) -> tuple[str, Check] | None:
    """Return the stage and the check that a claim becomes, if it can be one."""
    match claim:
        case PostClaim():
            clause = Clause(ClauseKind.POST, claim.expression, 0, "generated")
            return "tests", ClauseCheck(clause)
        case PropertyClaim():
            return "tests", AssertionCheck(relation_test(task, claim.expression))
        case CostClaim():
            return "efficiency", CostCheck(claim.limit)
        case InputClaim() if task.is_program:
            return "tests", StdinCheck(claim.call, claim.expected)
        case InputClaim():
            call, meant = read_call(claim.call), Expectation.read(claim.expected)
            if call is None or meant is None:
                return None
            if meant.error:
                return "tests", RaisesCheck(call.args, meant.error, call.kwargs)
            return "tests", CallCheck(call.args, meant.value, call.kwargs)
        case _:
            return None


def _why(column: Sequence[bool | None], evidence: Evidence) -> str:
    if evidence.is_refuted:
        return "the user says otherwise"
    if evidence.is_vacuous:
        return "no faulty program breaks it"
    said = [met for met in column if met is not None]
    others = f"{sum(said)} of {len(said)} candidates meet it"
    return f"{others}; {evidence.others} further answers for it, {evidence.against} not"


class _Jury:
    """What programs say of claims."""

    def __init__(self, task: Task, claims: Sequence[Claim], bench: Workbench) -> None:
        self._task = task
        self._claims = claims
        self._bench = bench
        self._examples = examples_of(task)
        self._calls = [
            Call(call.args, call.kwargs)
            for claim in claims
            if isinstance(claim, InputClaim)
            and (call := read_call(claim.call)) is not None
        ]
        self._calls += [Call(check.args, check.kwargs) for check in self._examples]

    def meets(self, source: str) -> Meets:
        """Return which claims a program meets; None where it says nothing."""
        if self._task.is_program:
            return self._meets_as_program(source)
        done = self._done(source)
        if done is None:
            return [None] * len(self._claims)
        calls = iter(done)
        rows: Meets = []
        for claim in self._claims:
            match claim:
                case InputClaim():
                    meant = Expectation.read(claim.expected)
                    outcome = next(calls)
                    rows.append(meant.is_met(outcome) if meant else None)
                case PostClaim():
                    rows.append(self._holds(claim, self._calls, done))
                case PropertyClaim():
                    rows.append(self._relates(claim, source))
                case _:
                    rows.append(None)
        return rows

    def passes(self, source: str) -> bool:
        """Return whether a program meets the user's examples."""
        if self._task.is_program:
            cases = [
                c.check
                for c in self._task.constraints
                if isinstance(c.check, StdinCheck) and c.origin is not Origin.GENERATED
            ]
            printed = self._printed(source, [case.stdin for case in cases])
            return all(
                text is not None and same_output(text, case.stdout)
                for text, case in zip(printed, cases, strict=True)
            )
        done = self._done(source)
        if done is None:
            return False
        last = done[len(done) - len(self._examples) :] if self._examples else ()
        return all(
            outcome.kind is Ending.RETURNED
            and matches(
                outcome.value, check.expected, check.tolerance, exact=check.exact
            )
            for outcome, check in zip(last, self._examples, strict=True)
        )

    def is_refuted(self, claim: Claim) -> bool:
        """Return whether an example or the contract of the user contradicts a claim."""
        if isinstance(claim, PostClaim):
            plain = [check for check in self._examples if not check.kwargs]
            done = [CallOutcome(Ending.RETURNED, check.expected) for check in plain]
            calls = [Call(check.args) for check in plain]
            return self._holds(claim, calls, done) is False
        if isinstance(claim, PropertyClaim):
            right = table_of(self._task, self._examples)
            return self._relates(claim, right) is False
        if not isinstance(claim, InputClaim):
            return False
        said = said_of(claim, self._task, self._bench)
        return said is not None and not said.agrees

    def vacuous(self, source: str) -> list[bool]:
        """Return which claims a right-looking program meets and all its mutants too.

        Without such a program nothing is known, and nothing is called vacuous.
        """
        if not source or self._task.is_program:
            return [False] * len(self._claims)
        own = self.meets(source)
        made = list(islice(self._sampled(source), MUTANTS))
        rows = [row for row in map(self.meets, made) if set(row) != {None}]
        return [
            met is True
            and any(row[index] for row in rows)
            and not any(row[index] is False for row in rows)
            for index, met in enumerate(own)
        ]

    def _sampled(self, source: str) -> Iterator[str]:
        """Yield mutants from all over the program."""
        whole = [mutant.source for mutant in mutants(source, self._task.entry_point)]
        step = max(1, len(whole) // MUTANTS)
        yield from whole[::step]

    def _done(self, source: str) -> Sequence[CallOutcome] | None:
        run = self._bench.sandbox.call(
            source,
            self._task.entry_point,
            self._calls,
            limits=_LIMITS,
            context=self._task.context,
        )
        return run.calls if run.load.ok and len(run.calls) == len(self._calls) else None

    def _relates(self, claim: PropertyClaim, source: str) -> bool | None:
        return holds(source, self._task, claim.expression, self._bench, _LIMITS)

    def _holds(
        self, claim: PostClaim, calls: Sequence[Call], done: Sequence[CallOutcome]
    ) -> bool | None:
        """Return whether a condition holds of all results; None if it cannot say."""
        rows = [
            (outcome.value, call.args, outcome.mutated or call.args)
            for call, outcome in zip(calls, done, strict=True)
            if outcome.kind is Ending.RETURNED
            and not call.kwargs
            and is_sendable((outcome.value, outcome.mutated or ()))
        ]
        if not rows:
            return None
        found = evaluate(
            self._bench.sandbox, self._task, claim.expression, rows, _LIMITS
        )
        if any(outcome.kind is not Ending.RETURNED for outcome in found):
            return None
        return all(bool(outcome.value) for outcome in found)

    def _meets_as_program(self, source: str) -> Meets:
        inputs = [c.call for c in self._claims if isinstance(c, InputClaim)]
        printed = iter(self._printed(source, inputs))
        rows: Meets = []
        for claim in self._claims:
            met: bool | None = None
            if isinstance(claim, InputClaim) and (text := next(printed)) is not None:
                met = same_output(text, claim.expected)
            rows.append(met)
        return rows

    def _printed(self, source: str, inputs: Sequence[str]) -> list[str | None]:
        if not inputs:
            return []
        outcomes = self._bench.sandbox.program(
            source, inputs, limits=_LIMITS, context=self._task.context
        )
        return [o.stdout if o.kind is Ending.EXITED else None for o in outcomes]
