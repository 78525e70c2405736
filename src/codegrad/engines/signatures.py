"""The parameters of the target, as its callers know them.

In: a module before and after a reply. Out: the module in which the entry point can be
called as before. Invariant: what the function does stays the same; a signature that
cannot be kept is said.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from codegrad.engines.merging import parse_quietly
from codegrad.engines.pieces import Piece
from codegrad.engines.renaming import Edit, UnclearError, edited, identifiers
from codegrad.engines.scopes import Function, made

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_BY_TEXT = frozenset({"locals", "vars", "eval", "exec", "dir"})
"""Functions that look names up by their text."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    node: ast.arg
    default: ast.expr | None

    @property
    def name(self) -> str:
        return self.node.arg

    def as_default(self) -> str:
        return "nothing" if self.default is None else ast.unparse(self.default)


def callable_as_before(source: str, current: str, entry_point: str) -> Piece:
    r"""Return `source` with the parameters of `entry_point` as `current` names them.

    A default that was dropped comes back; further parameters with a default may stay.
    A signature that is another one altogether stays too, with a note, and so does a
    default that changed.

    Example:
        >>> callable_as_before("def f(s): return s\n", "def f(text): pass\n", "f").text
        'def f(text): return text\n'
    """
    old, new = _function(current, entry_point), _function(source, entry_point)
    if old is None or new is None:
        return Piece(source)
    note = (
        f"{entry_point} takes ({ast.unparse(new.args)}) in the reply, "
        f"({ast.unparse(old.args)}) in the module: its callers may have to change"
    )
    if not _are_alike(old, new):
        return Piece(source, (note,))
    was, now = _positional(old), _positional(new)
    pairs = [*zip(was, now, strict=False), *_by_keyword(old, new)]
    names = {n.name: o.name for o, n in pairs if o.name != n.name}
    try:
        if set(names) == set(names.values()):
            renamings = list(_exchanged(names, now))
        else:
            renamings = [*_renamings(new, names), *_calls(source, entry_point, names)]
        kept = edited(source, [*renamings, *_defaults(pairs)])
    except UnclearError:
        return Piece(source, (note,))
    if parse_quietly(kept) is None:
        return Piece(source, (note,))
    return Piece(kept, tuple(_other_defaults(entry_point, pairs)))


def changes_for_callers(source: str, current: str, entry_point: str) -> list[str]:
    """Return sentences on what callers of `entry_point` find changed in `source`.

    Example:
        >>> changes_for_callers("def f(a, b=2): ...", "def f(a, b=1): ...", "f")
        ['the default of b of f was 1 and is 2']
    """
    old, new = _function(current, entry_point), _function(source, entry_point)
    if old is None or new is None:
        return []
    found: list[str] = []
    if _decorators(old) != _decorators(new):
        was, now = _decorators(old), _decorators(new)
        found = [f"the decorators of {entry_point} were {was} and are {now}"]
    pairs = [*zip(_positional(old), _positional(new), strict=False)]
    if not _are_alike(old, new) or any(o.name != n.name for o, n in pairs):
        before, after = ast.unparse(old.args), ast.unparse(new.args)
        return [*found, f"{entry_point} took ({before}) and takes ({after})"]
    pairs += _by_keyword(old, new)
    return [*found, *_other_defaults(entry_point, pairs)]


def _decorators(node: _Function) -> str:
    return " ".join(f"@{ast.unparse(d)}" for d in node.decorator_list) or "none"


def _function(source: str, entry_point: str) -> _Function | None:
    tree = parse_quietly(source)
    body = tree.body if tree else []
    *owners, name = entry_point.split(".")
    for owner in owners:
        classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == owner]
        body = classes[-1].body if classes else []
    found = [n for n in body if isinstance(n, Function) and n.name == name]
    return found[-1] if found else None


def _positional(node: _Function) -> list[_Parameter]:
    """Return the parameters that can be given by position."""
    nodes = [*node.args.posonlyargs, *node.args.args]
    defaults = zip_longest(reversed(nodes), reversed(node.args.defaults))
    return [_Parameter(n, default) for n, default in defaults][::-1]


def _by_keyword(
    old: _Function, new: _Function
) -> Iterator[tuple[_Parameter, _Parameter]]:
    """Yield the parameters that are given by keyword alone, before and after."""
    before, after = (
        {
            a.arg: _Parameter(a, default)
            for a, default in zip(
                node.args.kwonlyargs, node.args.kw_defaults, strict=True
            )
        }
        for node in (old, new)
    )
    for name in before.keys() & after.keys():
        yield before[name], after[name]


def _are_alike(old: _Function, new: _Function) -> bool:
    """Return whether a call of one can be a call of the other, but for names."""
    was, now = _positional(old), _positional(new)
    added = now[len(was) :]
    takes_rest = new.args.vararg is not None
    fresh = {a.arg for a in new.args.kwonlyargs} - {a.arg for a in old.args.kwonlyargs}
    return (
        type(old) is type(new)
        and len(now) >= len(was)
        and all(p.default for p in added)
        and not (added and takes_rest)
        and len(old.args.posonlyargs) == len(new.args.posonlyargs)
        and {a.arg for a in old.args.kwonlyargs} <= {a.arg for a in new.args.kwonlyargs}
        and all(
            default is not None
            for a, default in zip(
                new.args.kwonlyargs, new.args.kw_defaults, strict=True
            )
            if a.arg in fresh
        )
        and (old.args.vararg is None) is (new.args.vararg is None)
        and (old.args.kwarg is None) is (new.args.kwarg is None)
    )


def _exchanged(names: Mapping[str, str], now: Sequence[_Parameter]) -> Iterator[Edit]:
    """Yield what brings the parameters into their order; each keeps its meaning.

    Raises:
        UnclearError: If a default or an annotation would come to another one.
    """
    for parameter in now:
        if parameter.name in names:
            if parameter.default is not None or parameter.node.annotation:
                raise UnclearError
            yield _edit(parameter.node, parameter.name, names[parameter.name])


def _renamings(node: _Function, names: Mapping[str, str]) -> Iterator[Edit]:
    """Yield the replacements of names in a function.

    Raises:
        UnclearError: If a new name is taken, or some place is not known.
    """
    if not names:
        return
    inside = [name for part in node.body for name in identifiers(part)]
    whole = set(identifiers(node)) - names.keys()
    if not whole.isdisjoint(names.values()) or not _BY_TEXT.isdisjoint(inside):
        raise UnclearError
    for part in ast.walk(node):
        bound = part.body if isinstance(part, ast.ClassDef) else []
        # An attribute of a class is read elsewhere, by its name.
        if any(made(member) & names.keys() for member in bound):
            raise UnclearError
    # Columns in f-strings are wrong before Python 3.12.
    unsafe = {
        id(part)
        for inner in ast.walk(node)
        if isinstance(inner, ast.JoinedStr)
        for part in ast.walk(inner)
    }
    found = [
        _edit(inner, inner.id, names[inner.id])
        for statement in node.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Name) and inner.id in names and id(inner) not in unsafe
    ]
    if len(found) != sum(name in names for name in inside):
        raise UnclearError
    yield from found
    for parameter in _positional(node):
        if parameter.name in names:
            yield _edit(parameter.node, parameter.name, names[parameter.name])


def _calls(source: str, entry_point: str, names: Mapping[str, str]) -> Iterator[Edit]:
    """Yield the keywords of calls that were written for the names of the reply."""
    owner, _, own = entry_point.rpartition(".")
    tree = parse_quietly(source)
    for call in ast.walk(tree) if tree and names else ():
        match call:
            case ast.Call(func=ast.Name(id=name)) if not owner and name == own:
                pass
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name)
            ) if owner and name == own:
                pass
            case _:
                continue
        for word in call.keywords:
            name = word.arg or ""
            if name in names and name not in names.values():
                yield Edit(word.lineno, word.col_offset, name, names[name])


def _edit(node: ast.Name | ast.arg, old: str, new: str) -> Edit:
    return Edit(node.lineno, node.col_offset, old, new)


def _defaults(pairs: Sequence[tuple[_Parameter, _Parameter]]) -> Iterator[Edit]:
    """Yield the defaults that were dropped."""
    for old, new in pairs:
        if old.default is not None and new.default is None:
            sign = " = " if new.node.annotation else "="
            line, column = new.node.end_lineno or 0, new.node.end_col_offset or 0
            yield Edit(line, column, "", sign + ast.unparse(old.default))


def _other_defaults(
    entry_point: str, pairs: Sequence[tuple[_Parameter, _Parameter]]
) -> Iterator[str]:
    """Yield a sentence for each default that is another one."""
    for old, new in pairs:
        if new.default and ast.dump(new.default) != ast.dump(old.default or _NONE):
            yield (
                f"the default of {old.name} of {entry_point} was {old.as_default()} "
                f"and is {new.as_default()}"
            )


_NONE = ast.Name("")
