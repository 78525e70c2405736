"""Single-edit mutants of a program: the faults that evidence ought to notice.

In: a module text and the function it is about. Out: `Mutant`s in reading order: an
operator, a constant, a condition, a builtin, a parameter, a returned value or a
statement is another one.
Invariant: every mutant compiles and its tree differs from the original's.

The kinds are those of mutation testing (DeMillo, Lipton, Sayward: Hints on Test Data
Selection, 1978): programs are nearly right, and tests that tell near misses apart tell
most faults apart.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SWAPS: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.FloorDiv),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}
_SIGNS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.And: "and",
    ast.Or: "or",
}
_SIBLINGS = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sum": "len",
    "sorted": "list",
    "set": "list",
}
_DROPPED = (ast.Assign, ast.AugAssign, ast.Expr, ast.Break, ast.Continue)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Mutant:
    """A program with one edit."""

    line: int
    """Where the edit is in the original."""

    edit: str
    """What it is, for people."""

    source: str
    """The whole module; its layout is not that of the original."""


def mutants(source: str, entry: str) -> Iterator[Mutant]:
    """Yield the mutants of the functions that `entry` needs, in reading order.

    Without an entry, or if the text does not define it, every statement counts. A text
    that does not parse has none.

    Example:
        >>> [m.edit for m in mutants("def f(a): return a < 1", "f")][:3]
        ['returns None', '< becomes <=', '< becomes >=']
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    seen = {ast.dump(tree)}
    for edit in [edit for root in _roots(tree, entry) for edit in _edits(root)]:
        old = edit.put(edit.new)
        text = _compiled(tree, seen)
        edit.put(old)
        if text:
            yield Mutant(edit.line, edit.text, text)


def _compiled(tree: ast.Module, seen: set[str]) -> str:
    """Return the text of a tree that was not seen; empty if it is no program."""
    shape = ast.dump(tree)
    if shape in seen:
        return ""
    seen.add(shape)
    try:
        text = ast.unparse(tree)
        compile(text, "mutant", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    return text + "\n"


def _roots(tree: ast.Module, entry: str) -> list[ast.AST]:
    """Return the functions and classes that `entry` mentions, itself included."""
    defined = {
        node.name: node
        for node in tree.body
        if isinstance(node, _Function | ast.ClassDef)
    }
    if entry not in defined:
        return [tree]
    wanted, found = [entry], dict[str, ast.AST]()
    while wanted:
        name = wanted.pop()
        if name in found or name not in defined:
            continue
        found[name] = defined[name]
        wanted += [n.id for n in ast.walk(defined[name]) if isinstance(n, ast.Name)]
    return sorted(found.values(), key=lambda node: getattr(node, "lineno", 0))


@dataclass(frozen=True, slots=True)
class _Edit:
    """Another value for one field of a node, or for one place of a list in it."""

    line: int
    text: str
    holder: ast.AST
    field: str
    new: Any
    index: int | None = None

    def put(self, value: Any) -> Any:  # noqa: ANN401 - a node or a constant
        """Put `value` there and return what was there."""
        old = getattr(self.holder, self.field)
        if self.index is None:
            setattr(self.holder, self.field, value)
            return old
        before = old[self.index]
        old[self.index] = value
        return before


def _edits(root: ast.AST) -> Iterator[_Edit]:
    parameters = [a.arg for a in root.args.args] if isinstance(root, _Function) else []
    for node in _visited(root):
        yield from _operators(node)
        yield from _constants(node)
        yield from _conditions(node)
        yield from _names(node, parameters)
        yield from _statements(node)


def _visited(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run, in reading order: no docstrings, no annotations."""
    yield node
    if isinstance(node, ast.JoinedStr):
        children: list[ast.AST] = [
            part.value for part in node.values if isinstance(part, ast.FormattedValue)
        ]
    else:
        hidden = {id(getattr(node, name, None)) for name in ("annotation", "returns")}
        hidden |= set(map(id, getattr(node, "decorator_list", ())))
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            hidden.add(id(body[0]))
        children = [c for c in ast.iter_child_nodes(node) if id(c) not in hidden]
    for child in children:
        yield from _visited(child)


def _is_text(node: ast.AST) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _operators(node: ast.AST) -> Iterator[_Edit]:
    match node:
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            places: list[tuple[str, int | None, ast.AST]] = [("op", None, node.op)]
        case ast.Compare():
            places = [("ops", number, op) for number, op in enumerate(node.ops)]
        case _:
            return
    for field, index, op in places:
        for swap in _SWAPS.get(type(op), ()):
            text = f"{_SIGNS[type(op)]} becomes {_SIGNS[swap]}"
            yield _Edit(node.lineno, text, node, field, swap(), index)


def _constants(node: ast.AST) -> Iterator[_Edit]:
    if not isinstance(node, ast.Constant):
        return
    others: tuple[object, ...]
    match node.value:
        case bool() as value:
            others = (not value,)
        case int() | float() as value:
            others = (value + 1, value - 1)
        case str() as value:
            others = ("",) if value else ("x",)
        case _:
            return
    for other in others:
        text = f"{_short(repr(node.value))} becomes {_short(repr(other))}"
        yield _Edit(node.lineno, text, node, "value", other)


def _conditions(node: ast.AST) -> Iterator[_Edit]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        negated = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        text = f"`{_short(ast.unparse(node.test))}` is negated"
        yield _Edit(node.lineno, text, node, "test", negated)


def _names(node: ast.AST, parameters: list[str]) -> Iterator[_Edit]:
    """Yield a sibling for a builtin, and the next parameter for a parameter."""
    if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
        return
    other = _SIBLINGS.get(node.id)
    if node.id in parameters:
        place = parameters.index(node.id) + 1
        other = parameters[place % len(parameters)]
    if other is not None and other != node.id:
        yield _Edit(node.lineno, f"{node.id} becomes {other}", node, "id", other)


def _statements(node: ast.AST) -> Iterator[_Edit]:
    if isinstance(node, ast.Return) and node.value is not None:
        nothing = ast.copy_location(ast.Constant(None), node.value)
        yield _Edit(node.lineno, "returns None", node, "value", nothing)
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        for number, statement in enumerate(block if isinstance(block, list) else ()):
            if isinstance(statement, _DROPPED) and not _is_text(statement):
                text = f"`{_short(ast.unparse(statement))}` is left out"
                empty = ast.copy_location(ast.Pass(), statement)
                yield _Edit(statement.lineno, text, node, field, empty, number)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
