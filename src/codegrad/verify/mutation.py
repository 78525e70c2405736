"""More inputs like the known ones: mutations that keep the types.

In: the known inputs and a pool of values seen in them and in the source. Out: distinct
new inputs. Invariant: the same arguments give the same inputs.
"""

import ast
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.verify.inputs import Args

_MAX_ITEMS = 60
_MAX_CONSTANT_TEXT = 40
_MAX_SEED_NODES = 400
_ATTEMPTS = 12
_NUMBER = re.compile(r"[0-9]+")
_DEFAULT_LETTERS = "abcABC 012"


@dataclass(frozen=True, slots=True)
class Pool:
    """Values to draw from, in the order in which they were seen."""

    ints: tuple[int, ...]
    floats: tuple[float, ...]
    texts: tuple[str, ...]
    letters: str
    """The alphabet of all texts seen."""

    least: float = 0
    """The smallest number seen in an input."""

    is_bounded: bool = False
    """Whether numbers below `least` are left out."""

    def raised(self, value: float) -> float:
        """Return `value`, or a value that is not below the least one allowed."""
        if not self.is_bounded or value >= self.least:
            return value
        return self.least + abs(value)

    @classmethod
    def of(cls, known: Iterable[Args], sources: Iterable[str] = ()) -> "Pool":
        """Collect the scalars inside `known` and the constants of `sources`."""
        seen: dict[str, list[Any]] = {"int": [], "float": [], "str": []}
        for args in known:
            _collect(args, seen)
        letters = "".join(dict.fromkeys("".join(seen["str"])))
        least = min([*seen["int"], *seen["float"]], default=0)
        for source in sources:
            _collect_constants(source, seen)
        ints = list(dict.fromkeys(seen["int"]))
        return cls(
            ints=tuple(ints) or (0, 1, 2),
            floats=tuple(dict.fromkeys(seen["float"])) or (0.0, 1.0, 0.5),
            texts=tuple(dict.fromkeys(seen["str"])) or ("", "a"),
            letters=letters or _DEFAULT_LETTERS,
            least=least,
        )


def _collect(value: object, seen: dict[str, list[Any]]) -> None:  # noqa: C901 - one case a type
    match value:
        case bool() | None:
            return
        case int():
            seen["int"].append(value)
        case float():
            seen["float"].append(value)
        case str():
            seen["str"].append(value)
        case list() | tuple():
            for item in value:
                _collect(item, seen)
        case set() | frozenset():
            for item in sorted(value, key=repr):
                _collect(item, seen)
        case dict():
            for key, item in value.items():
                _collect(key, seen)
                _collect(item, seen)


def _collect_constants(source: str, seen: dict[str, list[Any]]) -> None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    found: list[Any] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            is_short = (
                not isinstance(node.value, str) or len(node.value) <= _MAX_CONSTANT_TEXT
            )
            if is_short:
                found.append(node.value)
    _collect(found, seen)


def mutations(
    known: Sequence[Args], count: int, *, pool: Pool, seed: int = 0
) -> list[Args]:
    """Return at most `count` distinct inputs, each mutated from a known one or two.

    Values keep their types; none of `known` is returned.

    Example:
        >>> found = mutations([([3, 1], "ab")], 5, pool=Pool.of([([3, 1], "ab")]))
        >>> len(found), {type(xs).__name__ + type(s).__name__ for xs, s in found}
        (5, {'liststr'})
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible inputs, not secrets
    seeds = [args for args in known if args and _nodes(args) <= _MAX_SEED_NODES]
    seen = {repr(args) for args in known}
    found: list[Args] = []
    for _ in range(count * _ATTEMPTS):
        if len(found) >= count or not seeds:
            break
        args = list(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            index = rng.randrange(len(args))
            args[index] = mutate(args[index], rng, pool)
        if rng.random() < 0.1:  # noqa: PLR2004 - now and then two inputs are crossed
            other = rng.choice(seeds)
            index = rng.randrange(len(args))
            if index < len(other) and type(other[index]) is type(args[index]):
                args[index] = other[index]
        key = repr(tuple(args))
        if key not in seen and _nodes(args) <= _MAX_SEED_NODES * 2:
            seen.add(key)
            found.append(tuple(args))
            seeds.append(tuple(args))
    return found


def _nodes(value: object) -> int:
    match value:
        case str() | bytes():
            return 1 + len(value)
        case list() | tuple() | set() | frozenset():
            return 1 + sum(map(_nodes, value))
        case dict():
            return 1 + sum(_nodes(k) + _nodes(v) for k, v in value.items())
        case _:
            return 1


def mutate(value: Any, rng: random.Random, pool: Pool) -> Any:  # noqa: ANN401, PLR0911 - any plain value, one answer a type
    """Return another value of the same type; it may be equal to `value`."""
    match value:
        case bool():
            return not value
        case int():
            return _mutate_int(value, rng, pool)
        case float():
            return _mutate_float(value, rng, pool)
        case str():
            return _mutate_text(value, rng, pool)
        case list():
            return _mutate_items(value, rng, pool)
        case tuple():
            return tuple(_mutate_items(list(value), rng, pool))
        case set() | frozenset():
            items = _mutate_items(sorted(value, key=repr), rng, pool)
            return type(value)(items)
        case dict():
            return _mutate_dict(value, rng, pool)
        case _:
            return value


def _mutate_int(value: int, rng: random.Random, pool: Pool) -> int:
    choice = rng.random()
    if choice < 0.45:  # noqa: PLR2004 - neighbours first: off-by-one is the usual fault
        return value + rng.choice((-1, 1))
    if choice < 0.75:  # noqa: PLR2004 - then what was seen, and its neighbours
        return rng.choice(pool.ints) + rng.choice((-1, 0, 0, 1))
    return rng.choice((0, 1, -value, value * 2, value // 2, value + 10, value * 10))


def _mutate_float(value: float, rng: random.Random, pool: Pool) -> float:
    choice = rng.random()
    if choice < 0.4:  # noqa: PLR2004 - half small steps
        return value + rng.choice((-1.0, 1.0, 0.5, -0.5, 0.01))
    if choice < 0.7:  # noqa: PLR2004
        return rng.choice(pool.floats)
    return rng.choice((0.0, 1.0, -value, value * 2, float(round(value)), value / 3))


def _mutate_text(value: str, rng: random.Random, pool: Pool) -> str:  # noqa: PLR0911 - one a kind of change
    where, other = sorted(rng.randint(0, len(value)) for _ in range(2))
    match rng.randrange(11):
        case 0:
            return value[:where] + value[other:]
        case 1:
            return value[:other] + value[where:]
        case 2:
            return value[:where] + rng.choice(pool.letters) + value[where:]
        case 3 if value:
            return value[:where] + rng.choice(pool.letters) + value[where + 1 :]
        case 4:
            return value[:where] + rng.choice(pool.texts)[:_MAX_ITEMS] + value[where:]
        case 5:
            return rng.choice(pool.texts)
        case 6:
            return value.swapcase() if rng.random() < 0.3 else value[::-1]  # noqa: PLR2004
        case 7 | 8 if value:
            return _mutate_in_form(value, where, rng, pool)
        case 9 if value:
            letters = list(value)
            rng.shuffle(letters)
            return "".join(letters)
        case _:
            return value[: max(0, where - 1)] + value[where:]


def _mutate_in_form(value: str, where: int, rng: random.Random, pool: Pool) -> str:
    """Return a text in which dates, fractions and the like stay what they are."""
    numbers = list(_NUMBER.finditer(value))
    if numbers and rng.random() < 0.5:  # noqa: PLR2004 - bounds are numbers, not digits
        number = rng.choice(numbers)
        drawn = abs(rng.choice(pool.ints) + rng.choice((-1, 0, 0, 1)))
        text = str(drawn).zfill(len(number[0]))
        return value[: number.start()] + text + value[number.end() :]
    index = where % len(value)
    same = [c for c in pool.letters if _class(c) == _class(value[index])]
    letter = rng.choice(same or pool.letters)
    return value[:index] + letter + value[index + 1 :]


def _class(letter: str) -> tuple[bool, bool, bool]:
    return letter.isdigit(), letter.isalpha(), letter.isupper()


def _mutate_items(items: list[Any], rng: random.Random, pool: Pool) -> list[Any]:
    items = list(items)
    where = rng.randrange(len(items) + 1)
    match rng.randrange(10):
        case 0 if items:
            del items[where % len(items)]
        case 1 | 2 if items and len(items) < _MAX_ITEMS:
            extra = rng.choice(items)
            items.insert(where, mutate(extra, rng, pool) if where % 2 else extra)
        case 3 if len(items) > 1:
            rng.shuffle(items)
        case 4 if items:
            items = items[: where % (len(items) + 1)]
        case 5 if len(items) > 1:
            first, second = rng.randrange(len(items)), rng.randrange(len(items))
            items[first] = items[second]
        case 6 if items and len(items) * 2 < _MAX_ITEMS:
            items = (items[::-1], items + items, items + items[::-1])[where % 3]
        case _ if items:
            index = where % len(items)
            items[index] = mutate(items[index], rng, pool)
    return items


def _mutate_dict(
    value: dict[Any, Any], rng: random.Random, pool: Pool
) -> dict[Any, Any]:
    changed = dict(value)
    if not changed:
        return changed
    key = rng.choice(list(changed))
    match rng.randrange(4):
        case 0:
            del changed[key]
        case 1:
            changed[mutate(key, rng, pool)] = changed[key]
        case 2:
            item = changed.pop(key)
            changed[mutate(key, rng, pool)] = item
        case _:
            changed[key] = mutate(changed[key], rng, pool)
    return changed
