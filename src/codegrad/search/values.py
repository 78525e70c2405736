"""Plain values of a job: decoded from their tags, copied for a snapshot.

The tags are those of the sandbox's codec. This room runs inside the candidate's
process, next to that codec but without importing it, so that it can be loaded into
any interpreter on its own; a test keeps the two in agreement.
"""

from __future__ import annotations

import builtins
import collections
import copy
import math
from typing import Any, Callable

MAX_SNAPSHOT_ITEMS = 200
"""Longer containers are remembered by their type only."""

MAX_SNAPSHOT_TEXT = 500
"""Longer strings are cut in a snapshot."""

MAX_SNAPSHOT_DEPTH = 6
"""Deeper nesting is remembered by its type only."""


class Opaque:
    """Stand-in for a value that cannot be copied: its type name and attributes."""

    __slots__ = ("attributes", "type_name")
    __hash__ = None  # type: ignore[assignment]  # a stand-in is never a key

    def __init__(self, type_name: str, attributes: tuple[str, ...] = ()) -> None:
        self.type_name = type_name
        self.attributes = attributes

    def __eq__(self, other: object) -> bool:
        raise TypeError("an opaque value cannot be compared")

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


def type_name(value: object) -> str:
    """Return the name of the type that `value` has, or stands in for.

    Example:
        >>> type_name([]), type_name(Opaque("Node"))
        ('list', 'Node')
    """
    return value.type_name if isinstance(value, Opaque) else type(value).__name__


_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

_DECODERS: dict[str, Callable[[Any], object]] = {
    "t": lambda items: tuple(decode(item) for item in items),
    "d": lambda pairs: {decode(key): decode(value) for key, value in pairs},
    "s": lambda items: {decode(item) for item in items},
    "f": lambda items: frozenset(decode(item) for item in items),
    "b": bytes.fromhex,
    "c": lambda parts: complex(decode(parts[0]), decode(parts[1])),
    "i": lambda digits: int(digits, 16),
    "n": _NON_FINITE.__getitem__,
    "B": bytearray.fromhex,
    "r": lambda bounds: range(*[decode(bound) for bound in bounds]),
    "q": lambda items: collections.deque([decode(item) for item in items]),
    "T": lambda name: vars(builtins)[name],
    "o": lambda name: Opaque(str(name)),
}
"""By tag. What has no use in a search (views, arrays, iterators) is opaque."""

_UNUSED_TAGS = {"a": "array", "g": "generator", "v": "view", "x": "exact"}


def decode(tagged: Any) -> Any:  # noqa: ANN401 - any plain value comes out of JSON
    """Return the value that a tagged JSON value stands for; always a fresh object.

    Raises:
        ValueError: If a tag is unknown.

    Example:
        >>> decode({"t": [1, {"d": [["a", {"s": [2]}]]}]})
        (1, {'a': {2}})
    """
    if isinstance(tagged, list):
        return [decode(item) for item in tagged]
    if not isinstance(tagged, dict):
        return tagged
    for tag, content in tagged.items():
        if tag in _DECODERS:
            return _DECODERS[tag](content)
        if tag in _UNUSED_TAGS:
            return Opaque(_UNUSED_TAGS[tag])
    raise ValueError(f"unknown tag in a value: {sorted(tagged)}")


def snapshot(value: object, depth: int = 0) -> object:
    """Return a copy of `value` that later mutation cannot reach, or an `Opaque`."""
    kind = type(value)
    if value is None or kind in {int, float, bool, complex, bytes}:
        return value
    if isinstance(value, str) and kind is str:
        return value if len(value) < MAX_SNAPSHOT_TEXT else value[:50]
    if kind in {list, tuple, set, frozenset, dict}:
        return _container_snapshot(value, depth)
    if kind.__module__ == "collections":
        try:
            if len(value) < MAX_SNAPSHOT_ITEMS:  # type: ignore[arg-type]
                return copy.deepcopy(value)
        except Exception:  # noqa: BLE001 - whatever the candidate put inside
            return _opaque(value)
    return _opaque(value)


def _container_snapshot(value: Any, depth: int) -> object:  # noqa: ANN401 - list, dict...
    if len(value) >= MAX_SNAPSHOT_ITEMS or depth >= MAX_SNAPSHOT_DEPTH:
        return _opaque(value)
    if isinstance(value, dict):
        copied: dict[object, object] = {}
        for key, item in value.items():
            inner = snapshot(item, depth + 1)
            if isinstance(inner, Opaque) or isinstance(snapshot(key), Opaque):
                return _opaque(value)
            copied[key] = inner
        return copied
    items = [snapshot(item, depth + 1) for item in value]
    if any(isinstance(item, Opaque) for item in items):
        return _opaque(value)
    return type(value)(items)


def _opaque(value: object) -> Opaque:
    try:
        attributes = tuple(vars(value))
    except TypeError:
        attributes = ()
    return Opaque(type(value).__name__, attributes)
