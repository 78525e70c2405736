"""Kinds: read from hints, seen in values, joined."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.prove.kinds import (
    BOOLEAN,
    INTEGER,
    NONE,
    STR,
    UNKNOWN,
    Kind,
    Unsupported,
    join,
    kind_of_annotation,
    kind_of_value,
    list_of,
)

SIMPLE = st.sampled_from([INTEGER, BOOLEAN, STR, UNKNOWN, list_of(INTEGER)])


def annotated(text: str) -> Kind:
    return kind_of_annotation(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("int", "int"),
        ("'list[str]'", "list[str]"),
        ("List[List[int]]", "list[list[int]]"),
        ("tuple[int, bool]", "tuple[int, bool]"),
        ("int | None", "optional[int]"),
        ("Optional[str]", "optional[str]"),
        ("None", "none"),
    ],
)
def test_annotations_are_understood(text: str, kind: str) -> None:
    assert str(annotated(text)) == kind


@pytest.mark.parametrize(
    "text", ["float", "dict[int, int]", "list", "int | str", "tuple[int, ...]", "Any"]
)
def test_other_annotations_are_refused(text: str) -> None:
    with pytest.raises(Unsupported):
        annotated(text)


@settings(deadline=None)
@given(SIMPLE, SIMPLE)
def test_join_is_commutative_where_it_exists(left: Kind, right: Kind) -> None:
    try:
        found = join(left, right)
    except Unsupported:
        with pytest.raises(Unsupported):
            join(right, left)
    else:
        assert found == join(right, left)
        assert join(found, left) == found


def test_values_of_mixed_kinds_have_none_in_common() -> None:
    assert kind_of_value([True, 2]) == list_of(INTEGER)
    assert kind_of_value([None, 2]) == list_of(Kind("optional", (INTEGER,)))
    assert kind_of_value([]) == list_of(UNKNOWN)
    assert kind_of_value(None) == NONE
    strange: tuple[object, ...] = (1.5, {}, [1, "a"], {1})
    for value in strange:
        with pytest.raises(Unsupported):
            kind_of_value(value)
