"""Spectrum-based fault localisation: which line do failing runs reach and others not?

In: the lines that each run reached and whether it failed. Out: a suspicion between 0
and 1 for each line. Plain data in, plain data out.

Source: R. Abreu, P. Zoeteweij, A. J. C. van Gemund, "On the Accuracy of Spectrum-based
Fault Localization", TAIC PART 2007 (the Ochiai coefficient).
"""

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeVar

EXCEPTION_BONUS = 0.2
"""Added where an exception went through, before scaling to 1."""


def ochiai(failing_here: int, failing: int, passing_here: int) -> float:
    """Return the Ochiai coefficient of one place.

    `failing_here` of `failing` failing runs and `passing_here` passing runs reached it.

    Example:
        >>> ochiai(2, 2, 0), ochiai(1, 4, 3), ochiai(0, 3, 1)
        (1.0, 0.25, 0.0)
    """
    reached = failing_here + passing_here
    if not failing_here or not failing:
        return 0.0
    return failing_here / math.sqrt(failing * reached)


_Place = TypeVar("_Place", int, tuple[str, int])


def line_suspicion(
    coverages: Sequence[Set[_Place]],
    failed: Sequence[bool],
    exception_lines: Sequence[Iterable[_Place]] = (),
) -> dict[_Place, float]:
    """Return the suspicion of every line that a failing run reached, by line.

    A line is a number, or a file and a number where a run goes through several files.

    The most suspicious line has 1. `exception_lines` gives, for each run, the lines
    where an exception was raised or went through; those of failing runs count more.

    Example:
        >>> line_suspicion([{1, 2}, {1, 3}], [True, False])
        {1: 0.707107, 2: 1.0}
    """
    failing = [set(c) for c, bad in zip(coverages, failed, strict=True) if bad]
    passing = [set(c) for c, bad in zip(coverages, failed, strict=True) if not bad]
    raised = {
        line
        for lines, bad in zip(exception_lines, failed, strict=False)
        if bad
        for line in lines
    }
    found: dict[_Place, float] = {}
    for line in sorted({line for lines in failing for line in lines}):
        share = ochiai(
            sum(line in lines for lines in failing),
            len(failing),
            sum(line in lines for lines in passing),
        )
        found[line] = share + (EXCEPTION_BONUS if line in raised else 0.0)
    top = max(found.values(), default=1.0)
    return {line: round(weight / top, 6) for line, weight in found.items()}


def function_suspicion(
    lines: Mapping[int, float], spans: Mapping[str, tuple[int, int]]
) -> dict[str, float]:
    """Return for each function the suspicion of its most suspicious line.

    `spans` gives the first and the last line of each function by name.

    Example:
        >>> function_suspicion({2: 0.5, 7: 1.0}, {"f": (1, 3), "g": (5, 8)})
        {'f': 0.5, 'g': 1.0}
    """
    return {
        name: max((w for n, w in lines.items() if first <= n <= last), default=0.0)
        for name, (first, last) in spans.items()
    }
