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
    changed = value
    match value:
        case bool():
            changed = not value
        case int():
            changed = rng.choice((value + 1, value - 1, value * 2, value // 2, 0))
        case float():
            changed = rng.choice((value + 1, value - 0.5, value * 2, 0.0, -value))
        case str():
            changed = "".join(_mutate_items(list(value), rng, letters))
        case list() | tuple() | set():
            items = sorted(value, key=repr) if isinstance(value, set) else list(value)
            changed = type(value)(_mutate_items(items, rng, letters))
        case dict():
            changed = {k: _mutate(item, rng, letters) for k, item in value.items()}
    return changed


def _mutate_items(
    items: list[Any], rng: random.Random, letters: Sequence[str]
) -> list[Any]:
    spare = items or list(letters)
    where = rng.randrange(len(items) + 1)
    index = where % max(1, len(items))
    is_text = bool(items) and all(isinstance(item, str) for item in items)
    match rng.choice(("drop", "insert", "change", "letter", "shuffle", "rotate")):
        case "drop" if items:
            del items[index]
        case "insert" if spare and len(items) < _MAX_ITEMS:
            items.insert(where, rng.choice(spare))
        case "change" if items:
            items[index] = _mutate(items[index], rng, letters)
        case "letter" if is_text:
            items[index] = rng.choice(list(letters) or items)
        case "shuffle":
            rng.shuffle(items)
        case _:
            items = items[where:] + items[:where]
    return items
