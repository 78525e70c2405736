"""Small inputs of given kinds, the same for the same seed.

In: kinds and the constants of the source. Out: argument tuples. Invariant: every value
is of its kind.
"""

import ast
import random
from collections.abc import Iterator, Mapping

from codegrad.prove.kinds import BOOLEAN, INTEGER, NONE, STR, Kind

_ALPHABET = "ab"
_MAX_LENGTH = 6


def inputs(
    kinds: Mapping[str, Kind], source: ast.AST, *, count: int, seed: int = 0
) -> Iterator[tuple[object, ...]]:
    """Yield argument tuples, the smallest first.

    Example:
        >>> kinds = {"n": INTEGER, "a": Kind("list", (INTEGER,))}
        >>> next(inputs(kinds, ast.Module([], []), count=1))
        (0, [])
    """
    random_source = random.Random(seed)  # noqa: S311 - reproducible, not secret
    pool = _Pool(source, random_source)
    for number in range(count):
        size = min(_MAX_LENGTH, number * _MAX_LENGTH // max(1, count // 2))
        length = random_source.randint(0, size)
        ordered = number % 3 == 1
        drawn = [
            pool.value(kind, size, length, ordered=ordered) for kind in kinds.values()
        ]
        yield tuple(map(_mirrored, drawn) if number % 7 == 5 else drawn)  # noqa: PLR2004 - now and then


def _mirrored(value: object) -> object:
    """Return a list or string that reads the same backwards; anything else as it is."""
    if isinstance(value, list | str):
        half = value[: _MAX_LENGTH // 2]
        return half + half[::-1]  # type: ignore[operator]  # both are of one type
    return value


class _Pool:
    """Values of kinds, constants of the source among them."""

    def __init__(self, source: ast.AST, random_source: random.Random) -> None:
        self.random = random_source
        self.numbers: list[int] = []
        self.characters = _ALPHABET
        for node in ast.walk(source):
            if isinstance(node, ast.Constant):
                self._note(node.value)

    def _note(self, value: object) -> None:
        if isinstance(value, int) and abs(value) < 1000:  # noqa: PLR2004 - small inputs only
            self.numbers += [value - 1, value, value + 1]
        elif isinstance(value, str) and len(value) < 4:  # noqa: PLR2004 - not the docstring
            self.characters += value

    def value(  # noqa: PLR0911 - a case a kind
        self, kind: Kind, size: int, length: int, *, ordered: bool = False
    ) -> object:
        """Return a value; lists have `length` elements."""
        if kind == INTEGER:
            return self._number(size)
        if kind == BOOLEAN:
            return self.random.random() < 0.5  # noqa: PLR2004 - a fair coin
        if kind == STR:
            return "".join(self.random.choices(self.characters, k=length))
        if kind == NONE:
            return None
        if kind.name == "list":
            if self.random.random() < 0.2:  # noqa: PLR2004 - some lists differ in length
                length = self.random.randint(0, size)
            inner = [
                self.value(kind.element, size, self.random.randint(0, 3))
                for _ in range(length)
            ]
            return sorted(inner) if ordered and kind.element == INTEGER else inner  # type: ignore[type-var]  # integers
        if kind.name == "tuple":
            return tuple(self.value(k, size, length) for k in kind.items)
        if self.random.random() < 0.2:  # noqa: PLR2004 - None now and then
            return None
        return self.value(kind.items[0], size, length, ordered=ordered)

    def _number(self, size: int) -> int:
        if self.numbers and self.random.random() < 0.25:  # noqa: PLR2004 - a quarter are constants
            return self.random.choice(self.numbers)
        return self.random.randint(-min(size, 4), 2 * size)
