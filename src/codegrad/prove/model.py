"""Inputs from the models of solvers.

In: symbolic parameters and a way to ask for values. Out: plain Python values, or None
where the model is no input. Invariant: nothing here is evidence; an input counts only
after it was replayed on the real function.
"""

from collections.abc import Mapping

from codegrad.prove.kinds import BOOLEAN, INTEGER, NONE, STR
from codegrad.prove.symbolic import (
    MAX_CODE_POINT,
    Value,
    code,
    content,
    element,
    items,
)
from codegrad.prove.terms import Term, num

MAX_LENGTH = 8

Values = Mapping[Term, int | bool]


def wanted(value: Value) -> list[Term]:
    """Return the terms whose values make up a value (lists: up to a length)."""
    kind = value.kind
    if kind.name == "tuple":
        return [t for part in items(value) for t in wanted(part)]
    if kind.name == "optional":
        return [value.parts[0], *wanted(content(value))]
    if kind == STR:
        return [value.length, *(code(value, num(k)) for k in range(MAX_LENGTH))]
    if kind.name == "list":
        inner = [wanted(element(value, num(k))) for k in range(MAX_LENGTH)]
        return [value.length, *(t for terms in inner for t in terms)]
    return list(value.parts)


class NotAnInput(Exception):  # noqa: N818 - the model is at fault, nobody else
    """The model gives no value that Python could have, or a huge one."""


def decode(  # noqa: PLR0911 - a case a kind
    value: Value, values: Values
) -> object:
    """Return the plain value that the model describes.

    Raises:
        NotAnInput: If it is too long, or the model leaves it open.
    """
    kind = value.kind
    if kind == NONE:
        return None
    if kind == BOOLEAN:
        return bool(_number(value.term, values))
    if kind == INTEGER:
        return _number(value.term, values)
    if kind.name == "tuple":
        return tuple(decode(part, values) for part in items(value))
    if kind.name == "optional":
        return (
            None if _number(value.parts[0], values) else decode(content(value), values)
        )
    length = _number(value.length, values)
    if not 0 <= length <= MAX_LENGTH:
        raise NotAnInput
    if kind == STR:
        codes = (_number(code(value, num(k)), values) for k in range(length))
        return "".join(map(_character, codes))
    return [decode(element(value, num(k)), values) for k in range(length)]


def _number(term: Term, values: Values) -> int:
    if term.literal is not None:
        return term.literal
    if term not in values:
        raise NotAnInput
    return values[term]


def _character(number: int) -> str:
    if not 0 <= number <= MAX_CODE_POINT:
        raise NotAnInput
    return chr(number)
