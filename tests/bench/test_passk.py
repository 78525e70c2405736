from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.bench.passk import mean_pass_at_k, pass_at_k


@given(st.integers(1, 9), st.data())
def test_it_is_the_share_of_draws_that_hold_a_right_sample(
    n: int, data: st.DataObject
) -> None:
    correct = data.draw(st.integers(0, n))
    k = data.draw(st.integers(1, n))
    draws = list(combinations([i < correct for i in range(n)], k))
    assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_it_stays_exact_for_many_samples() -> None:
    assert pass_at_k(100_000, 1, 100) == pytest.approx(0.001)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 4, 1), (3, 1, 0), (3, -1, 1)])
def test_what_cannot_be_estimated_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="cannot be computed"):
        pass_at_k(n, c, k)


def test_a_task_without_samples_counts_as_unsolved() -> None:
    assert mean_pass_at_k([(2, 2), (0, 0)], [1, 2]) == {1: 0.5, 2: 0.5}


def test_k_beyond_the_smallest_task_is_left_out() -> None:
    assert mean_pass_at_k([(10, 1), (5, 5)], [1, 5, 10]).keys() == {1, 5}
    assert mean_pass_at_k([], [1]) == {}
