"""Budgets are values; ledgers only grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.budget import Budget, Spent
from codegrad.errors import UsageError

amounts = st.integers(min_value=0, max_value=10_000)


@given(amounts, amounts, amounts)
def test_what_is_left_and_what_is_spent_add_up(limit: int, one: int, two: int) -> None:
    spent = Spent(candidates=one) + Spent(candidates=two)
    left = Budget(candidates=limit).left(spent).candidates
    assert left == max(0, limit - one - two)


@given(amounts, amounts)
def test_an_overlay_is_the_stricter_of_both(first: int, second: int) -> None:
    merged = Budget(candidates=first).overlay(Budget(candidates=second, seconds=3))
    assert (merged.candidates, merged.seconds) == (min(first, second), 3)


@given(amounts, st.integers(min_value=1, max_value=9))
def test_shares_together_cover_the_whole(limit: int, parts: int) -> None:
    share = Budget(candidates=limit).split(parts).candidates
    assert share is not None
    assert share * parts >= limit


def test_the_first_limit_that_is_reached_is_named() -> None:
    budget = Budget(candidates=5, seconds=1.0)
    assert budget.exhausted(Spent(candidates=4)) is None
    assert budget.exhausted(Spent(candidates=5)) == "candidates"
    assert budget.exhausted(Spent(seconds=1.5)) == "seconds"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("800", Budget(candidates=800)),
        ("90s", Budget(seconds=90.0)),
        ("seconds=2m, candidates=5", Budget(candidates=5, seconds=120.0)),
        ("money=0.5", Budget(money=0.5)),
    ],
)
def test_budgets_are_read_as_people_write_them(text: str, expected: Budget) -> None:
    assert Budget.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["lots", "-3", "candles=4", "candidates=3m", "=", "1x"]
)
def test_a_budget_that_cannot_be_read_is_explained(text: str) -> None:
    with pytest.raises(UsageError, match=r"budget"):
        Budget.parse(text)


@given(amounts, amounts)
def test_what_was_used_since_is_the_difference(first: int, second: int) -> None:
    before, later = Spent(calls=first, money=0.5), Spent(calls=second, tokens=3)
    assert (before + later) - before == later


def test_a_number_that_is_too_large_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="too large a number; leave it out"):
        Budget.parse("calls=" + "9" * 400)


@pytest.mark.parametrize(
    ("budget", "spent", "more"),
    [
        (Budget(50, calls=4), Spent(candidates=50, calls=4), "calls=8,candidates=100"),
        (Budget(50, calls=4), Spent(candidates=9, calls=3), "calls=8,candidates=50"),
        (Budget(calls=4, tokens=9), Spent(calls=4, tokens=9), "calls=8,tokens=18"),
        (Budget(0, calls=4), Spent(calls=4), "calls=8,candidates=0"),
        (Budget(), Spent(candidates=60_000), "candidates=120000"),
        (Budget(), Spent(), ""),
    ],
)
def test_every_limit_that_is_spent_is_raised(
    budget: Budget, spent: Spent, more: str
) -> None:
    assert budget.raised(spent) == more
    if more:
        # A limit of 0 candidates is kept, and is spent from the start.
        assert Budget.parse(more).exhausted(spent) in {None, "candidates"}
