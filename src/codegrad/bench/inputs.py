"""More inputs like the known ones, for judging: mutations that keep types and shape."""

import random
from collections.abc import Sequence
from typing import Any

_MAX_ITEMS = 40


def mutated_inputs(
    known: Sequence[tuple[Any, ...]], count: int, *, seed: int = 0
) -> list[tuple[Any, ...]]:
    """Return at most `count` distinct argument tuples, each mutated from a known one.

    Values keep their type; sequence items and characters are drawn from those seen.

    Example:
        >>> inputs = mutated_inputs([([3, 1], "ab")], 5)
        >>> all(type(xs) is list and set(s) <= {"a", "b"} for xs, s in inputs)
        True
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible inputs, not secrets
    pool = list(known)
    letters = sorted({ch for args in known for ch in _letters(args)})
    seen = {repr(args) for args in known}
    found: list[tuple[Any, ...]] = []
    for _ in range(count * 20):
        if len(found) == count or not pool:
            break
        args = list(rng.choice(pool))
        for _ in range(rng.choice((1, 1, 2, 3))):
            if args:
                index = rng.randrange(len(args))
                args[index] = _mutate(args[index], rng, letters)
        key = repr(args)
        if key not in seen:
            seen.add(key)
            found.append(tuple(args))
            pool.append(tuple(args))
    return found


def _letters(value: object) -> set[str]:
    if isinstance(value, str):
        return set(value)
    if isinstance(value, list | tuple | set):
        return set().union(*(_letters(item) for item in value))
    return set()


def _mutate(value: Any, rng: random.Random, letters: Sequence[str]) -> Any:  # noqa: ANN401 - any plain value
    match value:
        case bool():
            return not value
        case int():
            return rng.choice((value + 1, value - 1, value * 2, value // 2, 0, -value))
        case float():
            return rng.choice((value + 1, value - 0.5, value * 2, 0.0, -value))
        case str():
            return "".join(_mutate_items(list(value), rng, letters))
        case list() | tuple():
            return type(value)(_mutate_items(list(value), rng, letters))
        case set():
            return set(_mutate_items(sorted(value, key=repr), rng, letters))
        case dict():
            return {key: _mutate(item, rng, letters) for key, item in value.items()}
        case _:
            return value


def _mutate_items(
    items: list[Any], rng: random.Random, letters: Sequence[str]
) -> list[Any]:
    spare = items or list(letters)
    action = rng.randrange(6)
    where = rng.randrange(len(items) + 1)
    if action == 0 and items:
        del items[where % len(items)]
    elif action == 1 and spare and len(items) < _MAX_ITEMS:
        items.insert(where, rng.choice(spare))
    elif action == 2 and items:
        items[where % len(items)] = _mutate(items[where % len(items)], rng, letters)
    elif action == 3 and items and all(isinstance(item, str) for item in items):  # noqa: PLR2004 - one of six kinds of mutation
        items[where % len(items)] = rng.choice(list(letters) or items)
    elif action == 4 and len(items) > 1:  # noqa: PLR2004
        rng.shuffle(items)
    elif items:
        items = items[where:] + items[:where]
    return items
