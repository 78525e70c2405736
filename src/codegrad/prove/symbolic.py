"""Symbolic values: a kind and the terms that make it up.

A list or string is arrays (one for each part of an element), an offset and a length,
so that a slice shares its array with the whole. Invariant: values are immutable; a
change makes a new value, and aliasing is somebody else's concern (`aliases`).
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass

from codegrad.prove.kinds import (
    BOOLEAN,
    INTEGER,
    NONE,
    STR,
    UNKNOWN,
    Kind,
    Unsupported,
    list_of,
)
from codegrad.prove.terms import (
    BOOL,
    FALSE,
    INT,
    ONE,
    TRUE,
    ZERO,
    Term,
    add,
    array_of,
    at_most,
    both,
    either,
    equal,
    for_all,
    implies,
    ite,
    less,
    negate,
    num,
    select,
    store,
    there_is,
    truth_value,
    var,
)

_MAX_UNROLLED = 6
MAX_CODE_POINT = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Value:
    """A value of some kind as terms."""

    kind: Kind
    """Its shape."""

    parts: tuple[Term, ...]
    """As many terms as `sorts_of(kind)` has sorts, in that order."""

    @property
    def term(self) -> Term:
        """The only part of an integer or boolean."""
        (only,) = self.parts
        return only

    @property
    def arrays(self) -> tuple[Term, ...]:
        """The arrays of a sequence, one for each part of an element."""
        return self.parts[:-2]

    @property
    def offset(self) -> Term:
        """Where a sequence starts in its arrays."""
        return self.parts[-2]

    @property
    def length(self) -> Term:
        """How many elements a sequence has."""
        return self.parts[-1]


NOTHING = Value(NONE, ())


def integer(term: Term) -> Value:
    """Return a Python int."""
    return Value(INTEGER, (term,))


def boolean(term: Term) -> Value:
    """Return a Python bool."""
    return Value(BOOLEAN, (term,))


def sorts_of(kind: Kind) -> tuple[str, ...]:  # noqa: PLR0911 - a case a kind
    """Return the sorts of the parts of a value of that kind."""
    match kind.name:
        case "int":
            return (INT,)
        case "bool":
            return (BOOL,)
        case "str":
            return (array_of(INT), INT, INT)
        case "list":
            stored = () if kind.element == UNKNOWN else sorts_of(kind.element)
            return (*(array_of(s) for s in stored), INT, INT)
        case "tuple":
            return tuple(s for item in kind.items for s in sorts_of(item))
        case "optional":
            return (BOOL, *sorts_of(kind.items[0]))
        case _:
            return ()


def make(kind: Kind, name: str) -> Value:
    """Return an arbitrary value of that kind, its parts called after `name`."""
    sorts = sorts_of(kind)
    parts = [var(f"{name}.{n}" if n else name, s) for n, s in enumerate(sorts)]
    if kind.is_sequence:
        parts[-2] = ZERO
        parts[-1] = var(f"{name}.len", INT)
    return Value(kind, tuple(parts))


def well_formed(value: Value, fresh: Callable[[str], Term]) -> list[Term]:
    """Return what holds of every value of its kind (lengths are not negative)."""
    kind = value.kind
    facts: list[Term] = []
    if kind.is_sequence:
        facts.append(at_most(ZERO, value.length))
        if kind == list_of(UNKNOWN):
            facts.append(equal(value.length, ZERO))
        if kind.name == "list" and _has_length(kind.element):
            k = fresh("k")
            inner = well_formed(element(value, k), fresh)
            facts.append(for_all([k], both(*inner)))
    elif kind.name == "tuple":
        for part in items(value):
            facts.extend(well_formed(part, fresh))
    elif kind.name == "optional":
        facts.extend(well_formed(content(value), fresh))
    return facts


def code_points(value: Value, fresh: Callable[[str], Term]) -> list[Term]:
    """Return that the characters of a string are code points."""
    if value.kind != STR:
        return []
    k = fresh("k")
    code = select(value.parts[0], k)
    return [for_all([k], both(at_most(ZERO, code), at_most(code, num(MAX_CODE_POINT))))]


def _has_length(kind: Kind) -> bool:
    return kind.is_sequence or any(_has_length(i) for i in kind.items)


def items(value: Value) -> tuple[Value, ...]:
    """Return the elements of a tuple."""
    found, start = [], 0
    for kind in value.kind.items:
        width = len(sorts_of(kind))
        found.append(Value(kind, value.parts[start : start + width]))
        start += width
    return tuple(found)


def record(values: tuple[Value, ...]) -> Value:
    """Return the tuple of these values."""
    kind = Kind("tuple", tuple(v.kind for v in values))
    return Value(kind, tuple(p for v in values for p in v.parts))


def content(value: Value) -> Value:
    """Return what an optional holds when it is not None."""
    return Value(value.kind.items[0], value.parts[1:])


def element(value: Value, index: Term) -> Value:
    """Return the element at an index that is in range and not negative."""
    position = add(value.offset, index)
    if value.kind == STR:
        return Value(STR, (value.parts[0], position, ONE))
    parts = tuple(select(array, position) for array in value.arrays)
    return Value(value.kind.element, parts)


def code(value: Value, index: Term) -> Term:
    """Return the code point of a string at an index."""
    return select(value.parts[0], add(value.offset, index))


def replace(value: Value, index: Term, new: Value) -> Value:
    """Return a list with one element replaced; `new` is of the element's kind."""
    position = add(value.offset, index)
    arrays = tuple(
        store(array, position, part)
        for array, part in zip(value.arrays, new.parts, strict=True)
    )
    return Value(value.kind, (*arrays, value.offset, value.length))


def with_length(value: Value, length: Term) -> Value:
    """Return the sequence with another length and the same arrays and offset."""
    return Value(value.kind, (*value.parts[:-1], length))


def window(value: Value, start: Term, length: Term) -> Value:
    """Return the part of a sequence that starts at `start`."""
    return Value(value.kind, (*value.arrays, add(value.offset, start), length))


def convert(  # noqa: PLR0911 - a case a kind
    value: Value, kind: Kind, node: ast.AST | None = None
) -> Value:
    """Return the same Python value under a wider kind.

    Raises:
        Unsupported: If the kind does not hold it.
    """
    if value.kind == kind:
        return value
    if kind == INTEGER and value.kind == BOOLEAN:
        return integer(ite(value.term, ONE, ZERO))
    if kind.name == "optional":
        inner = kind.items[0]
        if value.kind == NONE:
            return Value(kind, (TRUE, *_blank(inner)))
        if value.kind.name == "optional":
            held = convert(content(value), inner, node)
            return Value(kind, (value.parts[0], *held.parts))
        return Value(kind, (FALSE, *convert(value, inner, node).parts))
    alike = kind.name == value.kind.name == "tuple"
    if alike and len(kind.items) == len(value.kind.items):
        pairs = zip(items(value), kind.items, strict=True)
        return record(tuple(convert(v, k, node) for v, k in pairs))
    if kind.name == "list" and value.kind == list_of(UNKNOWN):
        blank = _blank(kind)
        return Value(kind, (*blank[:-2], *value.parts))
    raise Unsupported(node, f"`{value.kind}` where `{kind}` is needed")


def _blank(kind: Kind) -> tuple[Term, ...]:
    """Return some parts that nobody reads."""
    literals = {INT: ZERO, BOOL: FALSE}
    return tuple(literals.get(s) or var(f"blank {s}", s) for s in sorts_of(kind))


def truth(value: Value) -> Term | None:  # noqa: PLR0911 - a case a kind
    """Return `bool(value)`; None if it is not known for the kind."""
    match value.kind.name:
        case "bool":
            return value.term
        case "int":
            return negate(equal(value.term, ZERO))
        case "list" | "str":
            return negate(equal(value.length, ZERO))
        case "none":
            return FALSE
        case "tuple":
            return truth_value(bool(value.kind.items))
        case "optional":
            held = truth(content(value))
            return None if held is None else both(negate(value.parts[0]), held)
        case _:
            return None


def same(  # noqa: C901, PLR0911 - a case for each pair of kinds
    left: Value, right: Value, fresh: Callable[[str], Term]
) -> Term:
    """Return Python's `left == right`."""
    names = {left.kind.name, right.kind.name}
    if "optional" in names or "none" in names:
        return _same_optional(left, right, fresh)
    if left.kind.is_number and right.kind.is_number:
        if left.kind == right.kind:
            return equal(left.term, right.term)
        return equal(convert(left, INTEGER).term, convert(right, INTEGER).term)
    if left.kind.name != right.kind.name:
        return FALSE
    if left.kind.name == "tuple":
        if len(left.kind.items) != len(right.kind.items):
            return FALSE
        pairs = zip(items(left), items(right), strict=True)
        return both(*(same(a, b, fresh) for a, b in pairs))
    lengths = equal(left.length, right.length)
    if left.parts[:-1] == right.parts[:-1]:
        return lengths
    if UNKNOWN in (*left.kind.items, *right.kind.items):
        return lengths  # a list of unknown elements is empty

    def at(k: Term) -> Term:
        if left.kind == STR:
            return equal(code(left, k), code(right, k))
        return same(element(left, k), element(right, k), fresh)

    for length in (left.length.literal, right.length.literal):
        if length is not None and length <= _MAX_UNROLLED:
            return both(lengths, *(at(num(k)) for k in range(length)))
    k = fresh("k")
    return both(lengths, for_all([k], implies(within(k, ZERO, left.length), at(k))))


def _same_optional(left: Value, right: Value, fresh: Callable[[str], Term]) -> Term:
    def split(value: Value) -> tuple[Term, Value | None]:
        if value.kind == NONE:
            return TRUE, None
        if value.kind.name == "optional":
            return value.parts[0], content(value)
        return FALSE, value

    (left_none, left_held), (right_none, right_held) = split(left), split(right)
    held = (
        same(left_held, right_held, fresh)
        if left_held is not None and right_held is not None
        else FALSE
    )
    return either(
        both(left_none, right_none), both(negate(left_none), negate(right_none), held)
    )


def precedes(  # noqa: PLR0911 - a case for each pair of kinds
    left: Value, right: Value, fresh: Callable[[str], Term]
) -> Term | None:
    """Return Python's `left < right`; None if the kinds have no order."""
    if left.kind.is_number and right.kind.is_number:
        return less(convert(left, INTEGER).term, convert(right, INTEGER).term)
    if left.kind.name != right.kind.name:
        return None
    if left.kind.name == "tuple":
        return _tuple_precedes(left, right, fresh)
    if not left.kind.is_sequence or UNKNOWN in (*left.kind.items, *right.kind.items):
        return None
    k, j = fresh("k"), fresh("k")
    if left.kind == STR:
        smaller: Term | None = less(code(left, k), code(right, k))
        alike = equal(code(left, j), code(right, j))
    else:
        smaller = precedes(element(left, k), element(right, k), fresh)
        alike = same(element(left, j), element(right, j), fresh)
    if smaller is None:
        return None
    if left.length.literal == 1 and right.length.literal == 1 and left.kind == STR:
        return less(code(left, ZERO), code(right, ZERO))
    ends = both(equal(k, left.length), less(k, right.length))
    differs = both(less(k, left.length), less(k, right.length), smaller)
    prefix = for_all([j], implies(within(j, ZERO, k), alike))
    return there_is([k], both(at_most(ZERO, k), prefix, either(ends, differs)))


def _tuple_precedes(
    left: Value, right: Value, fresh: Callable[[str], Term]
) -> Term | None:
    result = truth_value(len(left.kind.items) < len(right.kind.items))
    pairs = list(zip(items(left), items(right), strict=False))
    for a, b in reversed(pairs):
        smaller = precedes(a, b, fresh)
        if smaller is None:
            return None
        result = either(smaller, both(same(a, b, fresh), result))
    return result


def within(index: Term, low: Term, high: Term) -> Term:
    """Return `low <= index < high`."""
    return both(at_most(low, index), less(index, high))
