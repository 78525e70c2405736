from __future__ import annotations

import enum
from fractions import Fraction

import pytest

from codegrad.search.exactness import has_same_types


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (4, 4),
        (-0.0, 0.0),
        (Colour.RED, 1),
        ("a", "a"),
        (None, None),
        ([1, (2.0, {"a": True})], [1, (2.0, {"a": True})]),
        ({2: "b", 1: "a"}, {1: "a", 2: "b"}),
        ({3, 1.5, (1, 2)}, {(1, 2), 1.5, 3}),
        (frozenset({1}), {1}),
    ],
)
def test_equal_values_of_the_same_types(observed: object, expected: object) -> None:
    assert observed == expected
    assert has_same_types(observed, expected)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (4.0, 4),
        (4, 4.0),
        (True, 1),
        (0, False),
        (4 + 0j, 4),
        (Fraction(4), 4),
        ([1, 2.0], [1, 2]),
        ((True,), (1,)),
        ({"a": 1.0}, {"a": 1}),
        ({1.0: "a"}, {1: "a"}),
        ({True, 2}, {1, 2}),
        ({(1, 2.0)}, {(1, 2)}),
        ([{"a": [(0.0,)]}], [{"a": [(0,)]}]),
    ],
)
def test_equal_values_of_other_types(observed: object, expected: object) -> None:
    assert observed == expected
    assert not has_same_types(observed, expected)
