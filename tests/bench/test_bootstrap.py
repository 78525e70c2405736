import itertools
import random
import statistics

import pytest

from codegrad.bench.bootstrap import mean_interval, paired_difference


def test_the_interval_of_three_tasks_agrees_with_all_27_ways_to_draw() -> None:
    values = [0.0, 0.2, 1.0]
    means = sorted(map(statistics.fmean, itertools.product(values, repeat=3)))
    found = mean_interval(values)
    assert found.mean == pytest.approx(0.4)
    assert found.low == pytest.approx(means[0])
    assert found.high == pytest.approx(means[-1])


def test_pairs_stay_together() -> None:
    # Each alone varies much between tasks; their difference does not vary at all.
    rng = random.Random(1)
    theirs = [rng.random() for _ in range(40)]
    ours = [value + 0.125 for value in theirs]
    found = paired_difference(ours, theirs)
    assert (found.low, found.high) == pytest.approx((0.125, 0.125))
    apart = mean_interval(ours)
    assert apart.high - apart.low > 0.1


def test_unequal_numbers_of_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0], [1.0, 0.0])
