"""Inputs further from the known ones than mutations are: for telling programs apart.

In: known inputs. Out: `varied`: other magnitudes, lengths, cases and kinds of number;
`enlarged`: the same with many items, long texts and large numbers. Invariant: the
same arguments give the same inputs. Some lie outside the domain, so they compare
programs and judge none.
"""

import random
from collections.abc import Callable, Sequence
from string import ascii_lowercase, digits
from typing import Any

from codegrad.verify.inputs import Args

_ATTEMPTS = 8
_MAX_TEXT = 4_000
"""Characters that an input may have when it is written down."""

_MAX_DEPTH = 6
_EDGES = (0, 1, 2, 3, -1, -2)
_TELLING = (4, 7, 9, 11, 16, 25, 27, 49, 64, 97, 100, 101, 121, 125, 128, 997, 1000)
"""Squares, cubes, primes and powers: where tests of numbers are wrong."""

_LENGTHS = (1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 20, 25, 30, 49, 60)
_LETTERS = "aZ5 .,-!_\n\t'("
_SIZES = (100, 1_000, 10_000, 10**6, 10**9, 10**12)
_MOST_ITEMS = 2_000
_LONG = 60
_MODELS = 3
"""Known inputs that are enlarged."""


def varied(known: Sequence[Args], count: int, *, seed: int = 0) -> list[Args]:
    """Return at most `count` distinct inputs, none of them known.

    Example:
        >>> found = varied([([3, 1], "ab")], 50)
        >>> len(found), any(text.isupper() for _, text in found)
        (50, True)
    """
    rng = random.Random(seed)  # noqa: S311 - inputs that can be made again
    models = [args for args in known if args and is_handy(args)]
    seen = {repr(args) for args in models}
    found: list[Args] = []
    for _ in range(count * _ATTEMPTS):
        if len(found) >= count or not models:
            break
        args = list(rng.choice(models))
        for _ in range(rng.choice((1, 1, 2))):
            index = rng.randrange(len(args))
            args[index] = vary(args[index], rng)
        key = repr(tuple(args))
        if key not in seen and len(key) <= _MAX_TEXT:
            seen.add(key)
            found.append(tuple(args))
    return found


def enlarged(known: Sequence[Args], *, seed: int = 0) -> list[Args]:
    """Return a few inputs of growing size like the first known ones.

    Example:
        >>> max(len(items) for items, in enlarged([([3, 1],)])) > 1000
        True
    """
    rng = random.Random(seed)  # noqa: S311 - inputs that can be made again
    known = [args for args in known if is_handy(args)]
    made = [
        tuple(_enlarged(value, size, rng) for value in args)
        for size in _SIZES
        for args in known[:_MODELS]
        for _ in range(2)
    ]
    old = {repr(args) for args in known}
    return [args for key, args in {repr(a): a for a in made}.items() if key not in old]


def is_handy(args: Args) -> bool:
    """Return whether an input is small and flat enough to make others of it."""
    try:
        text = repr(args)
    except (ValueError, RecursionError):
        return False  # a number with thousands of digits, or a value inside itself
    depth = deepest = 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return len(text) <= _MAX_TEXT and deepest <= _MAX_DEPTH


def vary(value: Any, rng: random.Random, *, is_inside: bool = False) -> Any:  # noqa: ANN401, PLR0911 - any plain value, one answer a type
    """Return another value; a number inside a container may change its kind."""
    match value:
        case bool():
            return not value
        case int():
            return _vary_int(value, rng, is_inside=is_inside)
        case float():
            return _vary_float(value, rng)
        case str():
            return rng.choice(_TEXTS)(value, rng)
        case list():
            return _vary_items(value, rng)
        case tuple():
            return tuple(_vary_items(list(value), rng))
        case set() | frozenset():
            items = _vary_items(sorted(value, key=repr), rng)
            return type(value)(item for item in items if item.__hash__)
        case dict():
            return _vary_dict(value, rng)
        case _:
            return value


def _vary_int(value: int, rng: random.Random, *, is_inside: bool) -> int | float:
    choices: list[int | float] = [
        rng.choice(_EDGES),
        value + rng.choice((-2, -1, 1, 2)),
        -value,
        value * rng.choice((2, 3, 10)),
        value // rng.choice((2, 3)),
        rng.choice(_TELLING),
        rng.randint(0, 30),
        rng.randint(0, 200),
        rng.randint(-100, 100),
        rng.randint(1, max(10, 2 * abs(value))),
    ]
    if is_inside and abs(value) < 2**53:
        choices += [value + 0.5, float(value)]
    return rng.choice(choices)


def _vary_float(value: float, rng: random.Random) -> float:
    return rng.choice(
        (
            -value,
            value * 2,
            value / 2,
            value * 10,
            value + 0.5,
            value - 0.5,
            value + 0.001,
            round(value, 1),
            0.0,
            1.0,
            round(rng.uniform(-10, 10), 2),
        )
    )


def _drawn_text(value: str, rng: random.Random) -> str:
    letters = rng.choice((value or "a", ascii_lowercase, "ABCabc", digits, f"{value} "))
    return "".join(rng.choice(letters) for _ in range(rng.choice(_LENGTHS)))


def _with_a_letter(value: str, rng: random.Random) -> str:
    where = rng.randint(0, len(value))
    return value[:where] + rng.choice(_LETTERS) + value[where:]


def _without_a_part(value: str, rng: random.Random) -> str:
    start, end = sorted(rng.randint(0, len(value)) for _ in range(2))
    return value[:start] + value[end:]


_TEXTS: tuple[Callable[[str, random.Random], str], ...] = (
    lambda value, _rng: value.swapcase(),
    lambda value, _rng: value.upper(),
    lambda value, _rng: value.lower(),
    lambda value, _rng: value.title(),
    lambda value, _rng: value[::-1],
    lambda value, _rng: value[:1],
    lambda value, _rng: value.replace(" ", "  "),
    lambda value, rng: f" {value}" if rng.random() < 0.5 else f"{value} ",  # noqa: PLR2004
    lambda value, rng: value * rng.choice((2, 3, 5)),
    lambda value, rng: "".join(rng.sample(value, len(value))),
    _with_a_letter,
    _without_a_part,
    _drawn_text,
    _drawn_text,
    _drawn_text,
)


def _vary_items(items: list[Any], rng: random.Random) -> list[Any]:
    return rng.choice(_LISTS)(items, rng) if items else items


def _one(items: list[Any], rng: random.Random) -> Any:  # noqa: ANN401 - an item of any kind
    return vary(rng.choice(items), rng, is_inside=True)


def _with_others(items: list[Any], rng: random.Random) -> list[Any]:
    changed = list(items)
    for _ in range(rng.choice((1, 1, 2))):
        changed[rng.randrange(len(items))] = _one(items, rng)
    return changed


_LISTS: tuple[Callable[[list[Any], random.Random], list[Any]], ...] = (
    lambda _items, _rng: [],
    lambda items, _rng: items[:1],
    lambda items, _rng: items[::-1],
    lambda items, rng: sorted(items, key=_order, reverse=rng.random() < 0.5),  # noqa: PLR2004
    lambda items, rng: items * (rng.choice((2, 3)) if len(items) < _LONG else 1),
    lambda items, rng: [*items, rng.choice(items)],
    lambda items, rng: rng.choices(items, k=rng.choice((2, 3, 4, 6, 10, 20, 40))),
    lambda items, rng: [vary(item, rng, is_inside=True) for item in items],
    lambda items, rng: [_one(items, rng) for _ in range(rng.choice(_LENGTHS))],
    lambda items, rng: [items[0]] * rng.choice((2, 3, 5)),
    _with_others,
    _with_others,
)


def _order(item: object) -> tuple[bool, Any]:
    """Return a key by which items of any kinds can be sorted."""
    is_number = isinstance(item, int | float)
    return is_number, item if is_number else repr(item)


def _vary_dict(value: dict[Any, Any], rng: random.Random) -> dict[Any, Any]:
    if not value:
        return value
    changed = dict(value)
    key = rng.choice(list(changed))
    match rng.randrange(4):
        case 0:
            return {}
        case 1:
            del changed[key]
        case 2:
            changed[vary(key, rng)] = changed.pop(key)
        case _:
            changed[key] = vary(changed[key], rng, is_inside=True)
    return changed


def _enlarged(value: Any, size: int, rng: random.Random) -> Any:  # noqa: ANN401 - any plain value
    most = min(size, _MOST_ITEMS)
    # Not round numbers: lengths are tested for being odd, prime or square.
    many = rng.randint(most // 2, most)
    match value:
        case bool():
            return value
        case int():
            drawn = rng.randint(size // 2, size)
            return -drawn if value < 0 else drawn
        case str() if value:
            return "".join(rng.choices(value, k=many))
        case list() if value:
            return [
                vary(item, rng) if rng.random() < 0.5 else item  # noqa: PLR2004
                for item in rng.choices(value, k=many)
            ]
        case _:
            return value
