"""Conditions worth trying, from the types of the variables in reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from codegrad.search.sites import Types

MAX_TEXT_CONSTANTS = 5
"""Strings of the program that a text variable is compared with."""

TRUTHY = frozenset(
    [
        "list",
        "str",
        "dict",
        "set",
        "tuple",
        "bool",
        "NoneType",
        "deque",
        "int",
        "OrderedDict",
        "defaultdict",
        "Counter",
    ]
)
SIZED = frozenset({"list", "str", "tuple"})
NUMBERS = frozenset({"int", "float"})
CONTAINERS = frozenset({"list", "set", "dict", "str"})
MEMBERS = frozenset({"int", "str", "tuple", "float"})
NEVER_NONE = frozenset(
    ["int", "str", "list", "bool", "float", "function", "dict", "set", "tuple"]
)
TEXT = frozenset({"str"})
INCOMPARABLE = frozenset({"int", "float", "function"})

_TRUTH = ("not {v}", "{v}")
_SIZES = ("len({v}) == 1", "len({v}) <= 1", "len({v}) < 2", "len({v}) > 1")
_NONE = ("{v} is None", "{v} is not None")
_NUMBER = (
    "{v} == 0",
    "{v} == 1",
    "{v} < 0",
    "{v} > 0",
    "{v} <= 1",
    "{v} < 2",
    "{v} >= 0",
    "{v} % 2 == 0",
    "{v} % 2 == 1",
)
_TEXT = ("{v}.isalpha()", "{v}.isdigit()", "{v}.isupper()", "{v}.islower()")
_PAIR = (
    "{a} == {b}",
    "{a} != {b}",
    "{a} < {b}",
    "{a} <= {b}",
    "{a} > {b}",
    "{a} >= {b}",
    "{a} % {b} == 0",
)


def _of_one(name: str, types: set[str], texts: Sequence[str]) -> Iterator[str]:
    shapes: list[str] = []
    if types & TRUTHY:
        shapes += _TRUTH
    if types & SIZED:
        shapes += _SIZES
    if "NoneType" in types or not types & NEVER_NONE:
        shapes += _NONE
    if types & NUMBERS:
        shapes += _NUMBER
    if types & TEXT:
        shapes += _TEXT
    for shape in shapes:
        yield shape.format(v=name)
    if types & TEXT:
        for operator in ("==", "!="):
            for text in texts[:MAX_TEXT_CONSTANTS]:
                yield f"{name} {operator} {text}"


def _of_two(names: Types) -> Iterator[str]:
    for a, a_types in names.items():
        for b, b_types in names.items():
            if a == b:
                continue
            text_only = b_types <= TEXT and not a_types & TEXT
            if b_types & CONTAINERS and a_types & MEMBERS and not text_only:
                yield f"{a} in {b}"
                yield f"{a} not in {b}"
            elif a < b and a_types & b_types and not a_types & INCOMPARABLE:
                yield f"{a} == {b}"
                yield f"{a} != {b}"


def predicates(names: Types, texts: Iterable[str]) -> list[str]:
    """Return conditions over `names`, each once, in a fixed order.

    Args:
        names: The variables and their observed types.
        texts: String constants of the program, as source.

    Example:
        >>> predicates({"flag": {"bool"}}, [])
        ['not flag', 'flag']
    """
    known = sorted(texts)
    found: list[str] = []
    for name, types in names.items():
        found.extend(_of_one(name, types, known))
    numbers = [name for name, types in names.items() if types & NUMBERS]
    for a in numbers:
        for b in numbers:
            if a < b:
                found.extend(shape.format(a=a, b=b) for shape in _PAIR)
    found.extend(_of_two(names))
    return list(dict.fromkeys(found))
