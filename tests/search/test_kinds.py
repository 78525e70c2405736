"""Kinds hold all the values that they are asked about."""

import pytest

from codegrad.search.kinds import GROUPS, LISTS, kind_of


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"),
        ([True], "bool"),
        ([True, 1], "other"),
        ([1, 2.0], "float"),
        (["a"], "str"),
        ([None], "None"),
        ([None, 1], "other"),
        ([[]], "list[]"),
        ([[], [1]], "list[int]"),
        ([[1], [2.0]], "list[float]"),
        ([[1, True]], "list[int]"),
        ([["a", 1]], "list[mixed]"),
        ([["a"], [1]], "list[mixed]"),
        ([[[1]], []], "list[list]"),
        ([[(1, 2)]], "list[tuple]"),
        ([(1,)], "tuple"),
        ([{}], "dict"),
        ([{1}], "set"),
        ([object()], "other"),
        ([], "other"),
    ],
)
def test_the_kind_holds_all_values(values: list[object], kind: str) -> None:
    assert kind_of(values) == kind


def test_every_kind_of_list_is_a_sequence() -> None:
    assert set(LISTS) < set(GROUPS["sequence"])
