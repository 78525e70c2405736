"""Kinds of plain values: what an operation accepts and what it gave.

A kind is a type with one more level for lists, so that a sum is only asked of
numbers. The kind of several values is the one that holds them all; values that have
none together are `OTHER`, and nothing is built from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Kind = str

OTHER: Kind = "other"
NONE: Kind = "None"
BOOL: Kind = "bool"
INT: Kind = "int"
FLOAT: Kind = "float"
STR: Kind = "str"
TUPLE: Kind = "tuple"
DICT: Kind = "dict"
SET: Kind = "set"
LIST_EMPTY: Kind = "list[]"
LIST_INT: Kind = "list[int]"
LIST_FLOAT: Kind = "list[float]"
LIST_STR: Kind = "list[str]"
LIST_BOOL: Kind = "list[bool]"
LIST_TUPLE: Kind = "list[tuple]"
LIST_LIST: Kind = "list[list]"
LIST_MIXED: Kind = "list[mixed]"

LISTS = (
    LIST_INT,
    LIST_FLOAT,
    LIST_STR,
    LIST_BOOL,
    LIST_LIST,
    LIST_TUPLE,
    LIST_MIXED,
    LIST_EMPTY,
)
"""Every kind of list."""

GROUPS: dict[str, tuple[Kind, ...]] = {
    "int": (INT,),
    "float": (FLOAT,),
    "number": (INT, FLOAT),
    "bool": (BOOL,),
    "str": (STR,),
    "scalar": (INT, FLOAT, STR, BOOL),
    "value": (INT, FLOAT, STR, BOOL, *LISTS, TUPLE, DICT, SET, NONE),
    "list": LISTS,
    "sequence": (*LISTS, STR),
    "numbers": (LIST_INT, LIST_FLOAT),
    "bools": (LIST_BOOL,),
    "strs": (LIST_STR,),
    "pairs": (LIST_TUPLE,),
    "nested": (LIST_LIST,),
    "sortable": (LIST_INT, LIST_FLOAT, LIST_STR),
    "tuple": (TUPLE,),
    "dict": (DICT,),
    "set": (SET,),
}
"""The words of a component's signature, and the kinds each stands for."""

_BY_TYPE: dict[type, Kind] = {
    type(None): NONE,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STR,
    tuple: TUPLE,
    dict: DICT,
    set: SET,
}
_BY_ITEM: dict[type, Kind] = {
    int: LIST_INT,
    float: LIST_FLOAT,
    str: LIST_STR,
    bool: LIST_BOOL,
    tuple: LIST_TUPLE,
    list: LIST_LIST,
}
_NUMBERS = ({int, float}, {int, bool})


def kind_of(values: Sequence[object]) -> Kind:
    """Return the kind that holds all the values.

    Whole and decimal numbers together are `FLOAT`; lists count by the items of all
    of them; no values at all have no kind.

    Example:
        >>> kind_of([1, 2.5]), kind_of([[], [1]]), kind_of([1, "a"])
        ('float', 'list[int]', 'other')
    """
    types = set(map(type, values))
    if len(types) == 1:
        (only,) = types
        if only is list:
            return _kind_of_list(item for value in values for item in value)  # type: ignore[attr-defined]  # all are lists
        return _BY_TYPE.get(only, OTHER)
    return FLOAT if types == {int, float} else OTHER


def _kind_of_list(items: Iterable[object]) -> Kind:
    types = set(map(type, items))
    if len(types) == 1:
        return _BY_ITEM.get(types.pop(), LIST_MIXED)
    if not types:
        return LIST_EMPTY
    if types in _NUMBERS:
        return LIST_FLOAT if float in types else LIST_INT
    return LIST_MIXED
