from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.sandbox import encode
from codegrad.search.values import Opaque, decode, snapshot, type_name

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=4)
    | st.complex_numbers(allow_nan=False)
)
HASHABLE = ATOMS | st.tuples(ATOMS, ATOMS) | st.frozensets(ATOMS, max_size=3)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.sets(HASHABLE, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


def shape(value: Any) -> str:
    """Types and values, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        inner = sorted(shape(key) + shape(item) for key, item in value.items())
    elif isinstance(value, (set, frozenset)):
        inner = sorted(map(shape, value))
    elif isinstance(value, (list, tuple)):
        inner = [shape(item) for item in value]
    else:
        return f"{type(value).__name__}:{value!r}"
    return f"{type(value).__name__}{inner}"


@given(VALUES)
def test_what_the_sandbox_encodes_is_decoded_alike(value: object) -> None:
    assert shape(decode(encode(value))) == shape(value)


def test_non_finite_floats_cross() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert decode(encode([math.inf, -math.inf])) == [math.inf, -math.inf]


@pytest.mark.parametrize(
    "value", [object(), iter([1]), {1: 2}.keys()], ids=["object", "iterator", "view"]
)
def test_what_is_not_plain_becomes_opaque(value: object) -> None:
    assert isinstance(decode(encode(value)), Opaque)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown tag"):
        decode({"?": 1})


def test_a_snapshot_is_out_of_reach_of_later_mutation() -> None:
    value = {"a": [1, {2}], "b": (3, [4])}
    copied = snapshot(value)
    value["a"].append(5)  # type: ignore[attr-defined]
    assert copied == {"a": [1, {2}], "b": (3, [4])}


def test_objects_and_huge_containers_are_remembered_by_their_type() -> None:
    class Node:
        def __init__(self) -> None:
            self.successor = None

    node = snapshot(Node())
    assert isinstance(node, Opaque)
    assert (node.type_name, node.attributes) == ("Node", ("successor",))
    assert type_name(snapshot(list(range(1000)))) == "list"
    assert type_name(snapshot([Node()])) == "list"


def test_an_opaque_value_equals_nothing() -> None:
    with pytest.raises(TypeError):
        _ = Opaque("Node") == 1
