"""The order of statuses and how they combine."""

from hypothesis import given
from hypothesis import strategies as st

from codegrad.verdict import Status, strongest, weakest

statuses = st.lists(st.sampled_from(Status), max_size=6)


def test_statuses_are_ordered_from_refuted_to_proved() -> None:
    assert sorted(Status) == [
        Status.REFUTED,
        Status.UNKNOWN,
        Status.PASSED,
        Status.PROVED,
    ]


def test_only_passed_and_proved_hold() -> None:
    assert [s for s in Status if s.holds] == [Status.PASSED, Status.PROVED]


@given(statuses, statuses)
def test_combining_within_a_stage_is_associative_and_never_stronger(
    first: list[Status], second: list[Status]
) -> None:
    both = weakest([*first, *second])
    assert all(both <= status for status in [*first, *second])
    if first and second:
        assert both == weakest([weakest(first), weakest(second)])


@given(statuses)
def test_one_refutation_wins_over_any_number_of_proofs(found: list[Status]) -> None:
    assert strongest([*found, Status.REFUTED]) is Status.REFUTED


@given(statuses)
def test_across_stages_the_strongest_counts_unless_refuted(found: list[Status]) -> None:
    result = strongest(found)
    if Status.REFUTED not in found and found:
        assert result is max(found)


def test_nothing_checked_is_unknown_not_success() -> None:
    assert weakest([]) is Status.UNKNOWN
    assert strongest([]) is Status.UNKNOWN
