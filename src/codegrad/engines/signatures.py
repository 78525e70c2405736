"""The parameters of the target, as its callers know them.

In: a module before and after a reply. Out: the module in which the entry point can be
called as before. Invariant: what the function does stays the same; a signature that
cannot be kept is said.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from codegrad.engines.merging import parse_quietly
from codegrad.engines.pieces import Piece
from codegrad.engines.scopes import Function


@dataclass(frozen=True, slots=True)
class _Parameter:
    node: ast.arg
    default: ast.expr | None

    @property
    def end(self) -> tuple[int, int]:
        return self.node.end_lineno or 0, self.node.end_col_offset or 0


def callable_as_before(source: str, current: str, entry_point: str) -> Piece:
    r"""Return `source` with the parameters of `entry_point` as `current` names them.

    A default that was dropped comes back; further parameters with a default may stay.
    A signature that is another one altogether stays too, with a note.

    Example:
        >>> callable_as_before("def f(s): return s\n", "def f(text): pass\n", "f").text
        'def f(text): return text\n'
    """
    old, new = _function(current, entry_point), _function(source, entry_point)
    if old is None or new is None:
        return Piece(source)
    was, now = _positional(old), _positional(new)
    added = now[len(was) :]
    names = {
        n.node.arg: o.node.arg
        for o, n in zip(was, now, strict=False)
        if o.node.arg != n.node.arg
    }
    is_alike = (
        len(now) >= len(was)
        and all(p.default for p in added)
        and _others(old) == _others(new)
        and _can_be_renamed(new, names)
    )
    if is_alike:
        kept = _edited(source, [*_renamings(new, names), *_defaults(was, now)])
        if parse_quietly(kept) is not None:
            return Piece(kept)
    note = (
        f"{entry_point} takes ({ast.unparse(new.args)}) in the reply, "
        f"({ast.unparse(old.args)}) in the module: its callers may have to change"
    )
    return Piece(source, (note,))


def _function(
    source: str, entry_point: str
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    tree = parse_quietly(source)
    body = tree.body if tree else []
    *owners, name = entry_point.split(".")
    for owner in owners:
        classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == owner]
        body = classes[-1].body if classes else []
    found = [n for n in body if isinstance(n, Function) and n.name == name]
    return found[-1] if found else None


def _positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[_Parameter]:
    """Return the parameters that can be given by position."""
    nodes = [*node.args.posonlyargs, *node.args.args]
    defaults = zip_longest(reversed(nodes), reversed(node.args.defaults))
    return [_Parameter(n, default) for n, default in defaults][::-1]


def _others(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[object, ...]:
    """Return what else a caller has to know of a signature."""
    given = node.args
    return (
        len(given.posonlyargs),
        {a.arg for a in given.kwonlyargs},
        given.vararg is None,
        given.kwarg is None,
    )


def _can_be_renamed(
    node: ast.FunctionDef | ast.AsyncFunctionDef, names: Mapping[str, str]
) -> bool:
    """Return whether each place of the names is known and the new ones are free."""
    places = len(list(_places(node, names)))
    mentioned = [name for name in _identifiers(node) if name in names]
    free = set(names.values()) - names.keys()
    return len(mentioned) == places and free.isdisjoint(_identifiers(node))


def _identifiers(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Yield every name in a function, but for those of attributes and keywords."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant):
            continue
        for field, value in ast.iter_fields(inner):
            if isinstance(inner, ast.Attribute | ast.keyword) and field in {
                "attr",
                "arg",
            }:
                continue
            values = value if isinstance(value, list) else [value]
            yield from (v for v in values if isinstance(v, str))


def _places(
    node: ast.FunctionDef | ast.AsyncFunctionDef, names: Mapping[str, str]
) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and name of each place where a name can be replaced.

    Positions in f-strings are not to be relied on before Python 3.12.
    """
    own = {id(p.node) for p in _positional(node)}
    inside = {
        id(part)
        for inner in ast.walk(node)
        if isinstance(inner, ast.JoinedStr)
        for part in ast.walk(inner)
    }
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) if name in names and id(inner) not in inside:
                yield inner.lineno, inner.col_offset, name
            case ast.arg(arg=name) if name in names and id(inner) in own:
                yield inner.lineno, inner.col_offset, name


_Edit = tuple[int, int, int, str]
"""Line, first and last column in bytes, new text."""


def _renamings(
    node: ast.FunctionDef | ast.AsyncFunctionDef, names: Mapping[str, str]
) -> Iterator[_Edit]:
    for line, column, name in _places(node, names):
        yield line, column, column + len(name.encode()), names[name]


def _defaults(was: list[_Parameter], now: list[_Parameter]) -> Iterator[_Edit]:
    """Yield the defaults that were dropped."""
    for old, new in zip(was, now, strict=False):
        if old.default is not None and new.default is None:
            sign = " = " if new.node.annotation else "="
            line, column = new.end
            yield line, column, column, sign + ast.unparse(old.default)


def _edited(source: str, edits: list[_Edit]) -> str:
    lines = [line.encode() for line in source.split("\n")]
    for line, start, end, text in sorted(edits, reverse=True):
        row = lines[line - 1]
        lines[line - 1] = row[:start] + text.encode() + row[end:]
    return "\n".join(line.decode() for line in lines)
