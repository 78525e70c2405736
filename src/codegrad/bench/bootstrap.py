"""Intervals by drawing tasks again, with replacement (Efron 1979)."""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 10_000
_TAIL = 0.025


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % percentile interval."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the mean of one value a task.

    Example:
        >>> mean_interval([1.0, 1.0, 1.0])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    if not values:
        return Interval(0.0, 0.0, 0.0)
    rng = random.Random(seed)  # noqa: S311 - resampling
    count = len(values)
    means = sorted(
        statistics.fmean(rng.choices(values, k=count)) for _ in range(RESAMPLES)
    )
    low, high = means[int(_TAIL * RESAMPLES)], means[-int(_TAIL * RESAMPLES) - 1]
    return Interval(statistics.fmean(values), low, high)


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0
) -> Interval:
    """Return the mean of ours minus theirs; both results of a task stay together.

    Raises:
        ValueError: If there is not one value of each for every task.

    Example:
        >>> paired_difference([1.0, 0.5], [0.5, 0.0])
        Interval(mean=0.5, low=0.5, high=0.5)
    """
    gaps = [a - b for a, b in zip(ours, theirs, strict=True)]
    return mean_interval(gaps, seed=seed)
