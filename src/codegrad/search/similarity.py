"""Partial credit: how close an observed value is to the expected one.

The search climbs on it where no single edit repairs the program, so it only has to
be monotone in what a programmer would call progress; it is never a verdict.
"""

from __future__ import annotations

import math
from typing import Any

SAME_TYPE = 0.15
"""Credit for the right type alone."""

OTHER_SEQUENCE = 0.05
"""Credit for a sequence of another type."""

MAX_DEPTH = 2
MAX_ITEMS = 300


def similarity(observed: Any, expected: Any, depth: int = 0) -> float:  # noqa: ANN401
    """Return a number from 0 to 1; 1 only for an equal value of the same type.

    Never raises for what the two values do.

    Example:
        >>> similarity([1, 2, 3], [1, 2, 4]) > similarity([9], [1, 2, 4])
        True
        >>> similarity(2, 2)
        1.0
    """
    try:
        if type(observed) is type(expected) and observed == expected:
            return 1.0
        return _credit(observed, expected, depth)
    except Exception:  # noqa: BLE001 - comparing the candidate's objects runs its code
        return 0.0


def _credit(observed: Any, expected: Any, depth: int) -> float:  # noqa: ANN401
    if isinstance(observed, bool) or isinstance(expected, bool):
        return 0.1 if type(observed) is type(expected) else 0.0
    if isinstance(observed, (int, float)) and isinstance(expected, (int, float)):
        return _number_credit(observed, expected)
    if isinstance(observed, (set, frozenset)) and isinstance(
        expected, (set, frozenset)
    ):
        union = len(observed | expected)
        return SAME_TYPE + 0.75 * len(observed & expected) / max(1, union)
    if isinstance(observed, dict) and isinstance(expected, dict):
        shared = sum(
            similarity(observed[key], expected[key], depth + 1)
            for key in observed
            if key in expected
        )
        union = len(observed.keys() | expected.keys())
        return SAME_TYPE + 0.75 * shared / max(1, union)
    if isinstance(observed, (list, tuple, str)) and isinstance(
        expected, (list, tuple, str)
    ):
        return _sequence_credit(observed, expected, depth)
    return 0.1 if type(observed) is type(expected) else 0.0


def _number_credit(observed: float, expected: float) -> float:
    distance = abs(observed - expected) / (1 + abs(expected))
    if math.isnan(distance):
        return SAME_TYPE
    return SAME_TYPE + 0.7 / (1 + 4 * distance)


def _sequence_credit(observed: Any, expected: Any, depth: int) -> float:  # noqa: ANN401
    base = SAME_TYPE if type(observed) is type(expected) else OTHER_SEQUENCE
    longest = max(len(observed), len(expected))
    if longest == 0:
        return 0.5
    if depth > MAX_DEPTH or longest > MAX_ITEMS:
        return base
    if isinstance(observed, str) and isinstance(expected, str):
        ahead = sum(map(str.__eq__, observed, expected))
        behind = sum(map(str.__eq__, observed[::-1], expected[::-1]))
        return base + 0.75 * max(ahead, behind) / longest
    credit = [
        sum(
            similarity(a, b, depth + 1)
            for a, b in zip(observed[::step], expected[::step])
        )
        for step in (1, -1)
    ]
    return base + 0.75 * max(credit) / longest
