"""Names in code, replaced where they mean the same thing.

In: code, places or a name. Out: the code with other names. Invariant: attributes,
keywords of calls, texts and other variables of the same name stay as they are; where
that cannot be told nothing is replaced.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from codegrad.engines.scopes import Definition, made
from codegrad.lines import whole_lines

_HEAD = re.compile(rb"(?:async\s+)?(?:def|class)\s+")
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Edit(NamedTuple):
    """A replacement in one line; columns are bytes, as in a syntax tree."""

    line: int
    column: int
    old: str
    new: str


class UnclearError(Exception):
    """It cannot be told what a name means."""


def edited(source: str, edits: Iterable[Edit]) -> str:
    """Return `source` after all edits.

    Raises:
        UnclearError: If something else stands at a place, as with letters that Python
            takes for others.
    """
    lines = [line.encode() for line in whole_lines(source)]
    for line, column, old, new in sorted(edits, reverse=True):
        row, end = lines[line - 1], column + len(old.encode())
        if row[column:end] != old.encode():
            raise UnclearError
        lines[line - 1] = row[:column] + new.encode() + row[end:]
    return b"".join(lines).decode()


def renamed(source: str, old: str, new: str) -> str | None:
    r"""Return code whose own function or class `old` is `new`; None if it cannot be.

    Example:
        >>> renamed("def g(n): return n and g(n - 1) + x.g(g=1)  # g\n", "g", "f")
        'def f(n): return n and f(n - 1) + x.g(g=1)  # g\n'
        >>> renamed("def g(n): return n\ndef h(f): return g(f)\n", "g", "f")
    """
    try:
        finder = _Finder(source, old, new)
        finder.visit(ast.parse(source))
        return edited(source, finder.edits)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnclearError):
        return None


def identifiers(node: ast.AST) -> Iterator[str]:
    """Yield every name in code, but for those of attributes and keywords."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant):
            continue
        aside = {"attr"} if isinstance(inner, ast.Attribute) else set()
        aside |= {"arg"} if isinstance(inner, ast.keyword) else set()
        for field, value in ast.iter_fields(inner):
            if field not in aside:
                values = value if isinstance(value, list) else [value]
                yield from (v for v in values if isinstance(v, str))


class _Finder(ast.NodeVisitor):
    """Collects where a name of the module stands."""

    def __init__(self, source: str, old: str, new: str) -> None:
        self.edits: list[Edit] = []
        self._lines = [line.encode() for line in whole_lines(source)]
        self._old = old
        self._new = new
        self._depth = 0

    def visit_Module(self, node: ast.Module) -> None:
        """Visit the statements; the new name must be free among them."""
        if any(self._new in made(statement) for statement in node.body):
            raise UnclearError
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Take note of a place."""
        if node.id == self._old:
            self._add(node.lineno, node.col_offset)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Refuse a name in an f-string: its column is wrong before Python 3.12."""
        if self._old in identifiers(node):
            raise UnclearError

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Visit a function, its body if the name is the module's there."""
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Visit a function, its body if the name is the module's there."""
        self._visit_function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Visit a class; its attributes are no names of the module."""
        self._visit_head(node)
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        self._depth += 1
        for member in node.body:
            if not isinstance(member, Definition) and self._old in made(member):
                raise UnclearError
            self.visit(member)
        self._depth -= 1

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Visit a lambda, its body if the name is the module's there."""
        self._visit_scope(node.args, [node.body], _parameters(node.args))

    def generic_visit(self, node: ast.AST) -> None:
        """Visit the parts of anything else; refuse what binds names unseen."""
        if isinstance(node, _Comprehension):
            targets = {n for g in node.generators for n in identifiers(g.target)}
            if self._old in targets:
                raise UnclearError
        own = [v for _, v in ast.iter_fields(node) if isinstance(v, str)]
        bound = own if not isinstance(node, ast.Attribute | ast.keyword) else []
        if isinstance(node, ast.Global | ast.Nonlocal):
            bound = node.names
        if self._old in bound and not isinstance(node, ast.Constant):
            raise UnclearError
        super().generic_visit(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_head(node)
        for part in (*node.decorator_list, *([node.returns] if node.returns else ())):
            self.visit(part)
        own = _parameters(node.args).union(*map(made, node.body))
        declared = {
            name
            for inner in ast.walk(node)
            if isinstance(inner, ast.Global)
            for name in inner.names
        }
        self._visit_scope(node.args, node.body, own - declared)

    def _visit_head(self, node: Definition) -> None:
        if node.name == self._old and not self._depth:
            found = _HEAD.match(self._lines[node.lineno - 1], node.col_offset)
            if found is None:
                raise UnclearError
            self._add(node.lineno, found.end())

    def _visit_scope(
        self, given: ast.arguments, body: Iterable[ast.AST], own: set[str]
    ) -> None:
        """Visit what belongs outside of a scope, and its body unless it is shadowed."""
        for argument in ast.walk(given):
            if isinstance(argument, ast.arg) and argument.annotation:
                self.visit(argument.annotation)
        for default in (*given.defaults, *given.kw_defaults):
            if default is not None:
                self.visit(default)
        if self._old in own:
            return
        before = len(self.edits)
        self._depth += 1
        for part in body:
            self.visit(part)
        self._depth -= 1
        if self._new in own and len(self.edits) > before:
            raise UnclearError

    def _add(self, line: int, column: int) -> None:
        self.edits.append(Edit(line, column, self._old, self._new))


def _parameters(given: ast.arguments) -> set[str]:
    listed = (*given.posonlyargs, *given.args, *given.kwonlyargs)
    return {a.arg for a in (*listed, given.vararg, given.kwarg) if a is not None}
