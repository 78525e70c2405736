"""Types of equal values: `4 == 4.0 == (4 + 0j)` and `1 == True`, yet none is another.

In: an observed value and the expected one that it equals. Out: whether the numbers in
them are of the same types. Invariant: values are never compared by `repr`, so the order
of sets and dicts and the sign of a zero do not matter.
"""

from __future__ import annotations

from typing import Any

_NUMBERS = (bool, int, float, complex)
"""In this order: a truth value is an int, too."""


def has_same_types(observed: Any, expected: Any) -> bool:  # noqa: ANN401 - any plain value
    """Return whether two equal values hold numbers of the same types.

    Looked into are lists, tuples, sets and dicts, keys included. A subclass of a number
    counts as that number, because only plain values leave the candidate's process.

    Example:
        >>> has_same_types([1, {2: 0.0}], [1, {2: -0.0}])
        True
        >>> has_same_types({1, True + 1}, {1.0, 2}), has_same_types(True, 1)
        (False, False)
    """
    if isinstance(expected, _NUMBERS):
        return _number(observed) is _number(expected)
    if isinstance(expected, (list, tuple)) and isinstance(observed, (list, tuple)):
        return all(map(has_same_types, observed, expected))
    if isinstance(expected, dict) and isinstance(observed, dict):
        return _has_same_keys(observed, expected) and all(
            has_same_types(observed[key], value) for key, value in expected.items()
        )
    if isinstance(expected, (set, frozenset)) and isinstance(
        observed, (set, frozenset)
    ):
        return _has_same_keys(observed, expected)
    return True


def _number(value: object) -> type:
    for kind in _NUMBERS:
        if isinstance(value, kind):
            return kind
    return type(value)


def _has_same_keys(observed: Any, expected: Any) -> bool:  # noqa: ANN401 - dicts or sets
    found = {key: key for key in observed}
    return all(has_same_types(found[key], key) for key in expected)
