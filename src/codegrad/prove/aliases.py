"""Whether two names may be one list when one of them is changed.

In: what the execution binds and changes. Out: nothing, or `Unsupported`. Lists are
values in the proof and objects in Python; the two agree as long as no changed list can
be seen under a second name. Invariant: the answer does not depend on the order of
statements, so it holds for every path.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable

from codegrad.prove.kinds import UNKNOWN, Kind, Unsupported

MUTATORS = frozenset(
    {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"}
)
_COPIERS = frozenset({"list", "sorted"})


class Aliases:
    """The names of one function that may share lists."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._kinds: defaultdict[str, set[Kind]] = defaultdict(set)
        self._changed: dict[str, tuple[Kind, ast.AST]] = {}

    def bind(self, name: str, kind: Kind, source: ast.expr | None) -> None:
        """Record that `name` gets a value of that kind from an expression."""
        if not kind.is_mutable:
            return
        self._kinds[name].add(kind)
        for other in may_share(source, kind) if source is not None else ():
            self._union(name, other)

    def share(self, names: Iterable[str]) -> None:
        """Record that all these names may be one object."""
        first, *rest = list(names) or [""]
        for other in rest:
            self._union(first, other)

    def change(self, name: str, kind: Kind, node: ast.AST) -> None:
        """Record that the list called `name` is changed in place."""
        self._kinds[name].add(kind)
        self._changed.setdefault(f"{name} {kind}", (kind, node))

    def check(self) -> None:
        """Raise if a changed list may have a second name.

        Raises:
            Unsupported: At the change.
        """
        for key, (kind, node) in self._changed.items():
            name = key.split(" ")[0]
            for other, kinds in self._kinds.items():
                if other == name or self._root(other) != self._root(name):
                    continue
                if any(_may_hold(k, kind) for k in kinds):
                    raise Unsupported(
                        node,
                        f"`{name}` is changed and may be the same list as `{other}`",
                    )
            if any(_holds_inside(k, kind) for k in self._kinds[name]):
                raise Unsupported(node, f"`{name}` is changed and may hold itself")

    def _root(self, name: str) -> str:
        while (parent := self._parent.get(name, name)) != name:
            name = parent
        return name

    def _union(self, first: str, second: str) -> None:
        self._parent[self._root(first)] = self._root(second)


def _may_hold(kind: Kind, wanted: Kind) -> bool:
    """Return whether a list of kind `wanted` can be reached in a value of `kind`."""
    return _may_be(kind, wanted) or _holds_inside(kind, wanted)


def _holds_inside(kind: Kind, wanted: Kind) -> bool:
    return any(_may_hold(i, wanted) for i in kind.items)


def _may_be(kind: Kind, wanted: Kind) -> bool:
    if kind.name != wanted.name:
        return False
    if UNKNOWN in (*kind.items, *wanted.items):
        return True
    pairs = zip(kind.items, wanted.items, strict=False)
    return all(_may_be_item(a, b) for a, b in pairs)


def _may_be_item(kind: Kind, wanted: Kind) -> bool:
    if kind.is_number and wanted.is_number:
        return True
    return _may_be(kind, wanted) or "optional" in (kind.name, wanted.name)


def may_share(source: ast.expr, kind: Kind) -> set[str]:
    """Return the names whose lists the value of `source` may be or hold."""
    flat = not any(i.is_mutable for i in kind.items)
    if flat and _makes_new(source):
        return set()
    return {n.id for n in ast.walk(source) if isinstance(n, ast.Name)}


def _makes_new(source: ast.expr) -> bool:
    match source:
        case ast.List() | ast.ListComp() | ast.BinOp():
            return True
        case ast.Subscript(slice=ast.Slice()):
            return True
        case ast.Call(func=ast.Name(id=name)):
            # `Module` refuses files that bind these names themselves.
            return name in _COPIERS
        case ast.Call(func=ast.Attribute(attr="copy")):
            return True
    return False


def live_names(iterated: ast.expr) -> set[str]:
    """Return the names whose lists a `for` reads while its body runs."""
    match iterated:
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed"), args=args):
            return set().union(*(live_names(a) for a in args))
        case ast.Call(func=ast.Name(id="range")):
            return set()
    if _makes_new(iterated):
        return set()
    return {n.id for n in ast.walk(iterated) if isinstance(n, ast.Name)}


def changed_in_place(statements: Iterable[ast.stmt]) -> dict[str, bool]:
    """Return the names changed in place, and whether their length may change."""
    found: dict[str, bool] = {}
    for statement in statements:
        for node in ast.walk(statement):
            match node:
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                    resized = isinstance(node.slice, ast.Slice)
                    found[name] = found.get(name, False) or resized
                case ast.Subscript(ctx=ast.Store() | ast.Del(), value=value):
                    found.update((n.id, True) for n in _names(value))
                case ast.Call(func=ast.Attribute(value=value, attr=attr)) if (
                    attr in MUTATORS
                ):
                    found.update((n.id, True) for n in _names(value))
                case ast.AugAssign(target=ast.Name(id=name)):
                    found[name] = True
    return found


def _names(node: ast.expr) -> list[ast.Name]:
    return [n for n in ast.walk(node) if isinstance(n, ast.Name)]
