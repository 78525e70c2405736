"""The loss is ordered as documented and tells what it rests on."""

from hypothesis import given
from hypothesis import strategies as st

from codegrad.loss import Loss
from codegrad.task import CallCheck, Constraint, LintCheck, Origin, SyntaxCheck
from codegrad.verdict import Status, Verdict

LADDER = ("syntax", "lint", "tests")
CONSTRAINTS = (
    Constraint("syntax", "syntax", "compiles", SyntaxCheck(), Origin.DERIVED),
    Constraint("lint", "lint", "clean", LintCheck(), Origin.DERIVED, hard=False),
    Constraint("test 1", "tests", "f(1) == 1", CallCheck((1,), 1)),
    Constraint("test 2", "tests", "f(2) == 2", CallCheck((2,), 2)),
)
PASSED, REFUTED, UNKNOWN = Status.PASSED, Status.REFUTED, Status.UNKNOWN


def loss(*statuses: Status | None, distance: float = 0.5, size: int = 10) -> Loss:
    verdicts = [
        Verdict(c.name, c.stage, s, checked=1, distance=0.0 if s.holds else distance)
        for c, s in zip(CONSTRAINTS, statuses, strict=False)
        if s is not None
    ]
    return Loss(CONSTRAINTS, verdicts, ladder=LADDER, size=size)


status_lists = st.lists(st.sampled_from([None, *Status]), min_size=4, max_size=4)


@given(status_lists, status_lists, status_lists)
def test_losses_are_totally_ordered(
    a: list[Status | None], b: list[Status | None], c: list[Status | None]
) -> None:
    first, second, third = loss(*a), loss(*b), loss(*c)
    assert (first < second) + (second < first) + (first == second) == 1
    if first <= second <= third:
        assert first <= third


def test_an_earlier_stage_outweighs_any_number_of_later_tests() -> None:
    assert loss(PASSED, None, REFUTED, REFUTED) < loss(REFUTED, None, PASSED, PASSED)


def test_one_more_test_outweighs_partial_credit() -> None:
    near = loss(PASSED, PASSED, REFUTED, REFUTED, distance=0.01)
    far = loss(PASSED, PASSED, REFUTED, PASSED, distance=0.99)
    assert far < near


def test_partial_credit_then_soft_then_size_decide_ties() -> None:
    assert loss(PASSED, PASSED, REFUTED, PASSED, distance=0.1) < loss(
        PASSED, PASSED, REFUTED, PASSED, distance=0.2
    )
    assert loss(PASSED, PASSED, PASSED, PASSED) < loss(PASSED, REFUTED, PASSED, PASSED)
    assert loss(PASSED, PASSED, PASSED, PASSED, size=9) < loss(
        PASSED, PASSED, PASSED, PASSED, size=10
    )


def test_what_was_not_run_counts_as_open_and_is_never_verified() -> None:
    partial = loss(PASSED, PASSED, PASSED, None)
    assert not partial.verified
    assert partial.value > 0
    assert "not run: test 2" in partial.evidence.sentence()


def test_soft_constraints_never_veto() -> None:
    assert loss(PASSED, REFUTED, PASSED, PASSED).verified


def test_syntax_alone_verifies_nothing() -> None:
    bare = Loss(CONSTRAINTS[:1], [Verdict("syntax", "syntax", PASSED)], ladder=LADDER)
    assert not bare.verified
    assert bare.evidence.sentence().startswith("nothing to verify")


@given(status_lists, status_lists)
def test_projection_never_gives_up_a_constraint_that_held(
    before: list[Status | None], after: list[Status | None]
) -> None:
    old, new = loss(*before), loss(*after)
    reason = new.improves_on(old)
    if not reason:
        assert old.satisfied <= new.satisfied
        assert new < old
    elif reason.startswith("breaks"):
        assert old.satisfied - new.satisfied


def test_the_sentence_claims_no_more_than_what_ran() -> None:
    sentence = loss(PASSED, None, PASSED, PASSED).evidence.sentence()
    assert "0 proved" in sentence
    assert "2 executions" in sentence
    assert "not run: lint" in sentence
    assert (
        loss(PASSED, PASSED, UNKNOWN, PASSED)
        .evidence.sentence()
        .startswith("undecided: 1 of 3")
    )
