# ruff: noqa: FBT003 - truth values are what the tests expect
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.search.similarity import similarity

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_it_is_a_share_and_whole_only_for_equal_values(a: object, b: object) -> None:
    credit = similarity(a, b)
    assert 0.0 <= credit <= 1.0
    if credit == 1.0:
        assert a == b


@pytest.mark.parametrize(
    ("nearer", "farther", "expected"),
    [
        (9, 2, 10),
        ([1, 2, 3], [1], [1, 2, 4]),
        ([0, 2, 3], [0, 0, 3], [1, 2, 3]),
        ("abd", "xyz", "abc"),
        ({"a": 1}, {"b": 1}, {"a": 1, "b": 2}),
        ({1, 2}, {5}, {1, 2, 3}),
        ([1], "1", [2]),
        ([1, 2], (1, 2), [1, 3]),
    ],
)
def test_what_is_nearer_gets_more(
    nearer: object, farther: object, expected: object
) -> None:
    assert similarity(nearer, expected) > similarity(farther, expected)


def test_truth_is_not_a_number() -> None:
    assert similarity(True, 1) == 0.0


def test_objects_that_refuse_comparison_get_nothing() -> None:
    class Rude:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError

        __hash__ = None  # type: ignore[assignment]

    assert similarity(Rude(), Rude()) == 0.0
