"""The unbiased estimator of pass@k."""

from collections.abc import Iterable, Sequence
from math import comb


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return the chance that one of `k` samples is right, drawn without replacement.

    This is 1 - C(n - c, k) / C(n, k) of Chen et al. 2021, computed exactly.

    Raises:
        ValueError: If there are fewer than `k` samples, or more right than samples.

    Example:
        >>> pass_at_k(10, 5, 1), round(pass_at_k(10, 5, 2), 4)
        (0.5, 0.7778)
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise ValueError(
            f"pass@{k} cannot be computed from {samples} samples, {correct} right"
        )
    return 1.0 - comb(samples - correct, k) / comb(samples, k)


def mean_pass_at_k(
    counts: Iterable[tuple[int, int]], ks: Sequence[int]
) -> dict[int, float]:
    """Return the mean pass@k over tasks for each `k` that every task can give.

    Args:
        counts: Samples and right samples of each task. A task without samples counts
            as never solved.
        ks: The values of k that are asked for.

    Example:
        >>> mean_pass_at_k([(2, 2), (2, 0)], [1, 10])
        {1: 0.5}
    """
    tasks = list(counts)
    attempted = [samples for samples, _ in tasks if samples]
    if not attempted:
        return {}
    return {
        k: sum(pass_at_k(n, c, k) if n else 0.0 for n, c in tasks) / len(tasks)
        for k in ks
        if 1 <= k <= min(attempted)
    }
