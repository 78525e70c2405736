"""Odd inputs: empty, extreme, not finite, not ASCII, the same object twice.

In: the shapes of the parameters and a normal input. Out: inputs in which one argument
is replaced by an odd value of its type.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.verify.inputs import Args
from codegrad.verify.shapes import Shape

_HUGE = 2000
_ODD: dict[str, tuple[Any, ...]] = {
    "int": (0, -1, 1, 2**31 - 1, -(2**63), 10**30),
    "float": (0.0, -0.0, math.nan, math.inf, -math.inf, 1e308, 5e-324),
    "bool": (True, False),
    "str": (
        "",
        " ",
        "\0",
        "\n\t",
        "é",
        "e\u0301",
        "\U0001d4b3",
        "\u202eabc",
        "\u00df\u0130",
        "a" * _HUGE,
        "(" * _HUGE,
    ),
    "bytes": (b"", b"\0", b"\xff" * 100),
    "None": (None,),
    "complex": (0j, complex(math.nan, 0)),
}


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd input."""

    args: Args
    is_large: bool
    """Whether it is large, so that running out of time or stack is no fault."""

    is_number: bool
    """Whether the odd argument is a number, which may simply be outside the domain."""


def odd_inputs(shapes: Sequence[Shape], normal: Args) -> list[Odd]:
    """Return inputs like `normal` with one odd argument each.

    Example:
        >>> odd_inputs([Shape("list", (Shape("bool"),))], ([True],))[0].args
        ([],)
    """
    found: dict[str, Odd] = {}
    for index, shape in enumerate(shapes[: len(normal)]):
        for value in _odd_values(shape):
            args = (*normal[:index], value, *normal[index + 1 :])
            found.setdefault(
                repr(args), Odd(args, _is_large(value), isinstance(value, int | float))
            )
    return list(found.values())


def _odd_values(shape: Shape) -> list[Any]:
    match shape.kind:
        case "union":
            return [value for item in shape.items for value in _odd_values(item)]
        case "list" | "tuple":
            kind = list if shape.kind == "list" else tuple
            items = _odd_values(shape.items[0])
            found: list[Any] = [kind()]
            found += [kind([item]) for item in items]
            found += [kind([item] * 3) for item in items[:4]]
            return [*found, kind(items[:1] * _HUGE)]
        case "set" | "frozenset":
            return [set() if shape.kind == "set" else frozenset()]
        case "dict":
            return [{}]
        case "record":
            parts = [_odd_values(item)[:1] for item in shape.items]
            return [tuple(part[0] for part in parts)] if all(parts) else [()]
        case kind:
            return list(_ODD.get(kind, ()))


def _is_large(value: object) -> bool:
    match value:
        case bool() | None | complex():
            return False
        case int() | float():
            return not abs(value) <= _HUGE
        case str() | bytes():
            return len(value) >= _HUGE
        case list() | tuple() | set() | frozenset():
            return len(value) >= _HUGE or any(map(_is_large, value))
        case _:
            return False
