"""Make a failing input smaller, asking about many candidates at a time.

In: arguments that fail and a predicate over a batch of arguments. Out: arguments that
still fail and are never larger. Only plain values change; others stay as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

Args = tuple[Any, ...]
FailsMany = Callable[[Sequence[Args]], Sequence[bool]]
"""Tells for each of several arguments whether it fails."""

BATCH = 24
"""Candidates asked about at once: a call of the sandbox costs more than an input."""

_NOTABLE_FLOATS = (0.0, 1.0, -1.0, 0.5)


def shrink(args: Args, fails_many: FailsMany, *, max_calls: int = 40) -> Args:
    """Return smaller arguments for which `fails_many` still answers true.

    Each round takes the first failing candidate in the order from boldest to most
    timid: drop an argument's items by halves, then one by one, then make items
    simpler. `fails_many` is called at most `max_calls` times, each with at most
    `BATCH` candidates; when the calls run out the best so far is returned. `args` are
    assumed to fail and are never changed in place.

    Example:
        >>> shrink(([4, 9, 2],), lambda batch: [9 in xs for (xs,) in batch])
        ([9],)
    """
    best, calls = args, 0
    refused: set[str] = set()
    while calls < max_calls:
        smaller = (c for c in _smaller_args(best) if repr(c) not in refused)
        improved = False
        while calls < max_calls and not improved:
            batch = list(islice(smaller, BATCH))
            if not batch:
                return best
            calls += 1
            for candidate, fails in zip(batch, fails_many(batch), strict=True):
                if fails:
                    best, improved = candidate, True
                    break
                refused.add(repr(candidate))
    return best


def size(value: object) -> tuple[int, float]:
    """Return how large a value is: the number of its parts, then their magnitude.

    Example:
        >>> size([1, 2]) < size([1, -2]) < size([1, 2, 0]), size("ab")
        (True, (3, 1.0))
    """
    match value:
        case None | bool():
            return 1, float(value or 0)
        case int() | float():
            return 1, _magnitude(value)
        case str() | bytes():
            return 1 + len(value), float(sum(map(_oddness, value)))
        case list() | tuple() | set() | frozenset():
            parts = [size(item) for item in value]
        case dict():
            parts = [size(part) for item in value.items() for part in item]
        case _:
            return 1, 0.0
    return 1 + sum(n for n, _ in parts), sum(weight for _, weight in parts)


def _magnitude(value: float) -> float:
    if value != value:  # noqa: PLR0124 - nan
        return 1e308
    penalty = 0.25 if value != int_of(value) else 0.0
    # A negative number is a little larger than its opposite, so that -3 becomes 3.
    top = min(abs(value), 1e300)
    return float(top) + (0.5 if value < 0 else 0.0) + penalty


def int_of(value: float) -> float:
    """Return the whole part of a number; infinities are their own."""
    return value if value in (float("inf"), float("-inf")) else int(value)


def _oddness(letter: str | int) -> int:
    if isinstance(letter, int):
        return letter
    if letter == "a":
        return 0
    return 1 if letter.isascii() and letter.isalnum() else 2


def _smaller_args(args: Args) -> Iterator[Args]:
    """Yield smaller arguments; every parameter keeps its place."""
    for index, value in enumerate(args):
        limit = size(value)
        for other in _smaller(value):
            if size(other) < limit:
                yield (*args[:index], other, *args[index + 1 :])
    # Parameters of equal length (two lists, two strings) often have to shrink together.
    yield from _smaller_together(args)


def _smaller_together(args: Args) -> Iterator[Args]:
    for first in range(len(args)):
        for second in range(first + 1, len(args)):
            a, b = args[first], args[second]
            if not (isinstance(a, str | list | tuple) and type(a) is type(b)):
                continue
            if len(a) != len(b):
                continue
            for index in range(len(a)):
                changed = list(args)
                changed[first] = _without(a, index)
                changed[second] = _without(b, index)
                yield tuple(changed)


def _without(series: Any, index: int) -> Any:  # noqa: ANN401 - a text, list or tuple
    return series[:index] + series[index + 1 :]


def _smaller(value: object) -> Iterator[Any]:  # noqa: C901 - one case a type
    match value:
        case None | False:
            return
        case True:
            yield False
        case int():
            yield from _smaller_int(value)
        case float():
            yield from _smaller_float(value)
        case str():
            yield from _shorter(value, value[:0])
            yield from _plainer_text(value)
        case bytes():
            yield from _shorter(value, value[:0])
        case list():
            yield from _shorter(value, [])
            yield from _items_smaller(value, list)
        case tuple():
            yield from _items_smaller(value, tuple)
            yield from _shorter(value, ())
        case set() | frozenset():
            kind = type(value)
            ordered = sorted(value, key=repr)
            yield from (kind(part) for part in _shorter(ordered, []))
            yield from _items_smaller(ordered, kind)
        case dict():
            yield from _smaller_dict(value)


def _smaller_int(value: int) -> Iterator[int]:
    yield 0
    if value < 0:
        yield -value
    step = value
    while step := int(step / 2) if abs(step) < 1 << 50 else step >> 1:
        yield value - step
        if step == -1:
            break
    if abs(value) > 1:
        yield value - 1 if value > 0 else value + 1


def _smaller_float(value: float) -> Iterator[float]:
    yield from _NOTABLE_FLOATS
    if value - value == 0.0:
        yield float(int(value))
        yield -value
        yield value / 2
        yield round(value, 1)
        yield round(value, 3)


def _shorter(value: Any, nothing: Any) -> Iterator[Any]:  # noqa: ANN401 - any sequence
    """Yield the sequence without pieces of falling length."""
    if not len(value):
        return
    yield nothing
    piece = len(value) // 2
    while piece:
        for start in range(0, len(value), piece):
            yield value[:start] + value[start + piece :]
        piece //= 2


def _plainer_text(value: str) -> Iterator[str]:
    for index, letter in enumerate(value):
        if letter != "a":
            yield value[:index] + "a" + value[index + 1 :]
    for letter in sorted(set(value), key=value.index):
        if len(value) > 1 and value.count(letter) > 1:
            yield value.replace(letter, "a")


def _items_smaller(
    items: Sequence[Any], kind: Callable[[list[Any]], Any]
) -> Iterator[Any]:
    for index, item in enumerate(items):
        for other in _smaller(item):
            changed = [*items[:index], other, *items[index + 1 :]]
            yield kind(changed)


def _smaller_dict(value: dict[Any, Any]) -> Iterator[dict[Any, Any]]:
    keys = list(value)
    for part in _shorter(keys, []):
        yield {key: value[key] for key in part}
    for key in keys:
        for other in _smaller(value[key]):
            yield {**value, key: other}
    for key in keys:
        for other in _smaller(key):
            if other not in value:
                yield {(other if k is key else k): v for k, v in value.items()}
