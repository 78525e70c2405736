"""Trust rises with independent agreement and never over what the user says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.optim.trust import (
    CALIBRATION,
    SOFT,
    Evidence,
    agreement,
    interpolated,
    trust,
)

ROWS = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.sampled_from([True, False, None]), min_size=width, max_size=width),
        max_size=8,
    ).map(lambda rows: (rows, width))
)


@given(ROWS)
def test_agreement_and_trust_are_shares(
    case: tuple[list[list[bool | None]], int],
) -> None:
    rows, width = case
    found = agreement(rows, [True] * len(rows), [Evidence()] * width)
    assert len(found) == width
    assert all(0 <= value <= 1 for value in found)
    assert all(0 <= trust(value) <= 1 for value in found)


def test_agreement_rises_with_each_candidate_that_agrees() -> None:
    values = [
        agreement([[True]] * count, [True] * count, [Evidence()])[0]
        for count in range(6)
    ]
    assert all(low < high for low, high in pairwise(values))
    assert values[0] == 0.5


def test_candidates_that_agree_with_each_other_outweigh_a_loner() -> None:
    rows = [[True, True, False], [True, True, False], [False, False, True]]
    first, second, third = agreement(rows, [True] * 3, [Evidence()] * 3)
    assert first == second > 2 / 3
    assert third < 1 / 3


def test_a_candidate_that_fails_the_examples_counts_less() -> None:
    rows = [[True], [False]]
    failing_agrees = agreement(rows, [False, True], [Evidence()])[0]
    passing_agrees = agreement(rows, [True, False], [Evidence()])[0]
    assert failing_agrees < 0.5 < passing_agrees


@given(st.floats(0, 1), st.integers(0, 9))
def test_what_the_user_contradicts_or_nothing_breaks_has_no_trust(
    agreed: float, others: int
) -> None:
    assert trust(agreed, Evidence(others, is_refuted=True)) == 0
    assert trust(agreed, Evidence(others, is_vacuous=True)) == 0


def test_further_answers_count_for_and_against() -> None:
    alone, backed, opposed = agreement(
        [], [], [Evidence(), Evidence(others=2), Evidence(against=2)]
    )
    assert opposed < alone < backed


def test_the_calibration_rises_and_ends_apart_from_certainty() -> None:
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(CALIBRATION))
    assert CALIBRATION[-1][1] < 1
    assert CALIBRATION[0][1] < SOFT < CALIBRATION[-1][1]


@pytest.mark.parametrize(("value", "expected"), [(-1, 0.2), (0.5, 0.5), (2, 0.8)])
def test_outside_the_knots_the_line_is_flat(value: float, expected: float) -> None:
    assert interpolated([(0.0, 0.2), (1.0, 0.8)], value) == pytest.approx(expected)
