"""Soft checks: what the examples suggest, on inputs like them.

Nobody said that these hold. An input counts only if it is like the known ones (see
`Profile`), and a call that the program refuses on purpose (`raise`, `assert`) does not
count against it.
"""

import ast
from collections.abc import Iterator, Sequence

from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import Behaviour, BehaviourCheck, Constraint
from codegrad.verdict import Counterexample, Verdict
from codegrad.verify.inputs import Args, result_shape
from codegrad.verify.metamorphoses import Metamorphosis, metamorphoses
from codegrad.verify.oracles import (
    ENOUGH,
    common_relations,
    is_opaque,
    is_sendable,
)
from codegrad.verify.round_trip import round_trip
from codegrad.verify.session import (
    MAX_COUNTEREXAMPLES,
    Session,
    passed,
    refuted,
    smallest_first,
    unknown,
)
from codegrad.verify.shapes import ANY, Shape, admits

STAGE = "properties"
_MAX_FOLLOWED = 60


def judge_behaviour(constraint: Constraint, session: Session) -> Verdict:
    """Return what inputs like the examples say about one behaviour."""
    assert isinstance(constraint.check, BehaviourCheck)
    inputs = session.in_domain(session.inputs.like)
    if not inputs:
        return unknown(constraint, STAGE, "no generated input is like the examples")
    match constraint.check.behaviour:
        case Behaviour.RETURNS:
            return _returns(constraint, session, inputs)
        case Behaviour.RESULT_TYPE:
            return _result_type(constraint, session, inputs)
        case Behaviour.GENERALISES:
            return _generalises(constraint, session, inputs)
        case behaviour:
            return unknown(
                constraint, STAGE, f"{behaviour} is decided by another stage"
            )


def _returns(
    constraint: Constraint, session: Session, inputs: Sequence[Args]
) -> Verdict:
    if len(session.inputs.known) < ENOUGH:
        reason = "too few examples to say which inputs are like them"
        return unknown(constraint, STAGE, reason)
    refusals = _refusing_lines(session.source)
    outcomes = session.candidate.call(inputs)

    def fails(args: Args, outcome: CallOutcome) -> bool:
        if outcome.kind in {Ending.RETURNED, Ending.NOT_RUN}:
            return False
        return outcome.line not in refusals and not session.is_excused(args, outcome)

    def fails_many(batch: Sequence[Args]) -> list[bool]:
        like = [a for a in session.in_domain(batch) if session.inputs.profile.admits(a)]
        found = zip(like, session.candidate.call(like), strict=True)
        failing = {repr(args) for args, outcome in found if fails(args, outcome)}
        return [repr(args) in failing for args in batch]

    pairs = list(zip(inputs, outcomes, strict=True))
    checked = sum(not session.is_excused(a, o) for a, o in pairs)
    failing = [a for a, o in pairs if fails(a, o)]
    if not failing:
        return _returns_on_empty(constraint, session, checked, refusals)
    ordered = smallest_first(failing)
    first = session.shrunk(ordered[0], fails_many)
    example = session.counterexample(
        first, "returns a value", session.candidate.call([first])[0], ordered[0]
    )
    return refuted(constraint, STAGE, [example], checked, len(failing) / checked)


def _returns_on_empty(
    constraint: Constraint,
    session: Session,
    checked: int,
    refusals: frozenset[int | None],
) -> Verdict:
    """Judge by texts that are empty, which examples often forget.

    Only the accident of looking for a first letter counts: that an empty text is no
    number, say, is not a fault of the program.
    """
    inputs = session.in_domain(session.inputs.with_empty_texts)
    for args, outcome in zip(inputs, session.candidate.call(inputs), strict=True):
        checked += outcome.kind is Ending.RETURNED
        if outcome.error == "IndexError" and outcome.line not in refusals:
            example = session.counterexample(args, "returns a value", outcome, args)
            return refuted(constraint, STAGE, [example], checked + 1, 1 / (checked + 1))
    return passed(constraint, STAGE, checked, "")


def _refusing_lines(source: str) -> frozenset[int | None]:
    """Return the lines on which the program refuses an input on purpose."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    return frozenset(
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.Assert)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )


def _result_type(
    constraint: Constraint, session: Session, inputs: Sequence[Args]
) -> Verdict:
    shape = result_shape(session.task, session.inputs.known)
    if shape == ANY:
        return unknown(constraint, STAGE, "neither a hint nor examples name the type")
    if "None" in session.task.prompt:
        shape = Shape("union", (shape, Shape("None")))
    pairs = _returned(session, inputs)
    strange = [(a, o) for a, o in pairs if not admits(shape, o.value)]
    if not strange:
        return passed(constraint, STAGE, len(pairs), "")
    args, outcome = min(strange, key=lambda pair: len(repr(pair[0])))
    example = session.counterexample(args, f"a value of type {shape}", outcome, args)
    return refuted(constraint, STAGE, [example], len(pairs), len(strange) / len(pairs))


def _returned(
    session: Session, inputs: Sequence[Args]
) -> list[tuple[Args, CallOutcome]]:
    return [
        (args, outcome)
        for args, outcome in zip(inputs, session.candidate.call(inputs), strict=True)
        if outcome.kind is Ending.RETURNED and not is_opaque(outcome.value)
    ]


def _generalises(
    constraint: Constraint, session: Session, inputs: Sequence[Args]
) -> Verdict:
    pairs = _returned(session, inputs)
    relations = common_relations(session.inputs.known)
    believed, checked = [relation.text for relation in relations], len(pairs)
    examples: list[Counterexample] = []
    broken = 0
    for relation in relations:
        failing = [(a, o) for a, o in pairs if not relation.holds(a, o.value)]
        broken += bool(failing)
        if failing:
            args, outcome = min(failing, key=lambda pair: len(repr(pair[0])))
            examples.append(session.counterexample(args, relation.text, outcome, args))
    for change in metamorphoses(session.inputs.known):
        found = _Follow(session, change)
        if not found.is_believed():
            continue
        believed.append(change.text)
        example = found.violation(pairs)
        checked += found.checked
        if example:
            broken += 1
            examples.append(example)
    trip = round_trip(session, inputs)
    if trip:
        believed.append(trip.text)
        checked += trip.checked
        if trip.example:
            broken += 1
            examples.append(trip.example)
    if not believed:
        return unknown(
            constraint, STAGE, "the examples share no relation that is known"
        )
    if examples:
        kept = examples[:MAX_COUNTEREXAMPLES]
        return refuted(constraint, STAGE, kept, checked, broken / len(believed))
    return passed(constraint, STAGE, checked, "; ".join(believed))


class _Follow:
    """A relation between two calls: believed from the examples, then tried."""

    def __init__(self, session: Session, change: Metamorphosis) -> None:
        self._session = session
        self._change = change
        self.checked = 0

    def is_believed(self) -> bool:
        """Return whether it holds after every example, telling ones in three."""
        known = [k for k in self._session.inputs.known if k.has_expected]
        first = [(k.args, k.expected) for k in known]
        telling = 0
        results = set()
        for args, expected, outcome in self._follow(first):
            if outcome.kind is not Ending.RETURNED or not self._change.holds(
                expected, outcome.value
            ):
                return False
            telling += self._change.tells(args, expected)
            results.add(repr(expected))
        return telling >= ENOUGH and len(results) >= ENOUGH

    def violation(
        self, pairs: Sequence[tuple[Args, CallOutcome]]
    ) -> Counterexample | None:
        """Return the smallest generated pair of calls that breaks it."""
        first = [(args, outcome.value) for args, outcome in pairs[:_MAX_FOLLOWED]]
        failing = []
        for args, result, outcome in self._follow(first):
            if outcome.kind is not Ending.RETURNED or is_opaque(outcome.value):
                continue
            self.checked += 1
            if not self._change.holds(result, outcome.value):
                failing.append((args, result, outcome))
        if not failing:
            return None
        args, result, outcome = min(failing, key=lambda row: len(repr(row[0])))
        second = self._change.follow(args, result) or ()
        return self._session.counterexample(
            second,
            f"{self._change.text}: {self._session.call_text(args)} is {result!r}",
            outcome,
            second,
        )

    def _follow(
        self, pairs: Sequence[tuple[Args, object]]
    ) -> Iterator[tuple[Args, object, CallOutcome]]:
        steps = [
            (args, result, second)
            for args, result in pairs
            if (second := self._change.follow(args, result)) is not None
            and is_sendable(second)
        ]
        outcomes = self._session.candidate.call([second for _, _, second in steps])
        for (args, result, _), outcome in zip(steps, outcomes, strict=True):
            yield args, result, outcome
