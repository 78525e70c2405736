"""What outputs have to look like when nobody says what they are.

In: the task's examples. Out: `Relation`s between arguments and result that all
examples share. Invariant: each is a guess from examples, so a violation is a soft
finding. Relations between two calls are in `metamorphoses`.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from codegrad.sandbox import Opaque, Yielded
from codegrad.verify.inputs import Args, Known

ENOUGH = 3
"""Telling examples from which a relation is believed."""

_RELATIVE = 1e-6
_ABSOLUTE = 1e-9


def agree(first: Any, second: Any, tolerance: float | None = None) -> bool:  # noqa: ANN401 - any plain values
    """Return whether two results are the same up to rounding.

    `nan` agrees with itself, and floats that differ in the order of a summation
    agree; everything else is compared with `==`.

    Example:
        >>> agree([0.1 + 0.2, float("nan")], [0.3, float("nan")]), agree(1, 2)
        (True, False)
    """
    if isinstance(first, float) or isinstance(second, float):
        return _agree_numbers(first, second, tolerance)
    if isinstance(first, list | tuple) and type(first) is type(second):
        return len(first) == len(second) and all(
            agree(a, b, tolerance) for a, b in zip(first, second, strict=True)
        )
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(
            agree(value, second[key], tolerance) for key, value in first.items()
        )
    try:
        return bool(first == second)
    except (ValueError, TypeError, RecursionError):
        return repr(first) == repr(second)


def _agree_numbers(first: Any, second: Any, tolerance: float | None) -> bool:  # noqa: ANN401
    if not (isinstance(first, int | float) and isinstance(second, int | float)):
        return bool(first == second)
    if first != first or second != second:  # noqa: PLR0124 - nan
        return first != first and second != second  # noqa: PLR0124
    try:
        return math.isclose(
            first, second, rel_tol=_RELATIVE, abs_tol=max(_ABSOLUTE, tolerance or 0.0)
        )
    except OverflowError:
        return first == second


def is_opaque(value: object) -> bool:
    """Return whether part of a value could not cross, so that it cannot be compared."""
    match value:
        case Opaque():
            return True
        case list() | tuple() | set() | frozenset():
            return any(map(is_opaque, value))
        case dict():
            return any(is_opaque(k) or is_opaque(v) for k, v in value.items())
        case _:
            return False


def is_sendable(value: object) -> bool:
    """Return whether a value can be sent into the sandbox again."""
    match value:
        case Opaque() | Yielded():
            return False
        case list() | tuple() | set() | frozenset():
            return all(map(is_sendable, value))
        case dict():
            return all(is_sendable(k) and is_sendable(v) for k, v in value.items())
        case _:
            return True


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that arguments and result have in common in every example."""

    text: str
    """For people, about `the result`."""

    holds: Callable[[Args, Any], bool]
    """Whether it holds for one call; true where it cannot be asked."""


def common_relations(known: Sequence[Known]) -> list[Relation]:
    """Return the relations that hold in all examples, telling ones in at least three.

    Example:
        >>> lists = ([3, 1], [2, 1, 9], [5, 4])
        >>> known = [Known((xs,), sorted(xs), has_expected=True) for xs in lists]
        >>> [r.text for r in common_relations(known)][:2]
        ['the result has the items of argument 1', 'the result is sorted']
    """
    pairs = [(k.args, k.expected) for k in known if k.has_expected]
    width = min((len(args) for args, _ in pairs), default=0)
    found = [
        Relation(template.text.format(index + 1), _bind(template, index))
        for template in _TEMPLATES
        for index in range(width if "{}" in template.text else 1)
        if _is_common(template, index, pairs)
    ]
    return [r for r in found if r.text not in _implied(found)]


@dataclass(frozen=True, slots=True)
class _Template:
    text: str
    asks: Callable[[Any, Any], bool]
    """Whether the relation can be asked of an argument and a result."""

    holds: Callable[[Any, Any], bool]
    tells: Callable[[Any, Any], bool]
    """Whether it would be a coincidence that it holds."""


def _bind(template: _Template, index: int) -> Callable[[Args, Any], bool]:
    def holds(args: Args, result: Any) -> bool:  # noqa: ANN401 - any plain value
        argument = args[index] if index < len(args) else None
        try:
            return not template.asks(argument, result) or template.holds(
                argument, result
            )
        except TypeError:
            return True

    return holds


def _is_common(
    template: _Template, index: int, pairs: Sequence[tuple[Args, Any]]
) -> bool:
    telling: set[str] = set()
    for args, result in pairs:
        argument = args[index] if index < len(args) else None
        try:
            if not template.asks(argument, result):
                return False
            if not template.holds(argument, result):
                return False
            if template.tells(argument, result):
                telling.add(repr((argument, result)))
        except TypeError:
            return False
    return len(telling) >= ENOUGH


def _implied(found: Sequence[Relation]) -> set[str]:
    """Return the texts of relations that say less than another one that was found."""
    texts = {relation.text for relation in found}
    implied: set[str] = set()
    for text in texts:
        for strong, weak in (
            ("has the items of", "has only items of"),
            ("has the items of", "is as long as"),
            ("is part of", "has only items of"),
        ):
            if strong in text:
                implied.add(text.replace(strong, weak))
    return implied


def _is_series(value: object) -> bool:
    return isinstance(value, list | tuple | str)


def _both_series(argument: object, result: object) -> bool:
    return _is_series(argument) and type(argument) is type(result)


def _is_ordered(value: Sequence[Any]) -> bool:
    return all(not b < a for a, b in pairwise(value))


def _count(value: Sequence[Any]) -> Counter[str]:
    return Counter(map(repr, value))


def _is_subsequence(result: Sequence[Any], argument: Sequence[Any]) -> bool:
    rest: Iterator[Any] = iter(argument)
    return all(any(item == other for other in rest) for item in result)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TEMPLATES = (
    _Template(
        "the result has the items of argument {}",
        _both_series,
        lambda a, r: _count(a) == _count(r),
        lambda a, r: len(a) > 1 and a != r,
    ),
    _Template(
        "the result is sorted",
        lambda _, r: isinstance(r, list | tuple),
        lambda _, r: _is_ordered(r),
        lambda _, r: len(r) > 1 and r[0] != r[-1],
    ),
    _Template(
        "the result is sorted downwards",
        lambda _, r: isinstance(r, list | tuple),
        lambda _, r: _is_ordered(r[::-1]),
        lambda _, r: len(r) > 1 and r[0] != r[-1],
    ),
    _Template(
        "the result is part of argument {}",
        _both_series,
        lambda a, r: _is_subsequence(r, a),
        lambda a, r: 1 < len(r) < len(a),
    ),
    _Template(
        "the result has only items of argument {}",
        _both_series,
        lambda a, r: _count(r).keys() <= _count(a).keys(),
        lambda a, r: len(r) > 1 and a != r,
    ),
    _Template(
        "the result is as long as argument {}",
        lambda a, r: _is_series(a) and _is_series(r),
        lambda a, r: len(a) == len(r),
        lambda a, _: len(a) > 1,
    ),
    _Template(
        "the result is an item of argument {}",
        lambda a, r: isinstance(a, list | tuple) and not isinstance(r, bool),
        lambda a, r: r in a or not a,
        lambda a, _: len(a) > 1,
    ),
    _Template(
        "the result has no repeated items",
        lambda _, r: isinstance(r, list | tuple),
        lambda _, r: max(_count(r).values(), default=1) == 1,
        lambda a, r: (
            _is_series(a) and len(r) > 1 and max(_count(a).values(), default=1) > 1
        ),
    ),
    _Template(
        "the result is not negative",
        lambda _, r: _is_number(r),
        lambda _, r: r >= 0,
        lambda a, _: _has_negative(a),
    ),
)


def _has_negative(value: object) -> bool:
    if _is_number(value):
        return bool(value < 0)  # type: ignore[operator]
    return isinstance(value, list | tuple) and any(map(_has_negative, value))
