"""Where a unit can be edited, and what is known there: names, types, values."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Union

from codegrad.search.analysis import Analysis, State
from codegrad.search.subject import FUNCTIONS, LOOPS, Unit, is_docstring, is_tick
from codegrad.search.values import Opaque, type_name

Types = dict[str, set[str]]
"""Names of the observed types of each variable."""

PURE_FUNCTIONS = frozenset(
    [
        "abs",
        "all",
        "any",
        "bool",
        "chr",
        "dict",
        "divmod",
        "enumerate",
        "float",
        "frozenset",
        "int",
        "isinstance",
        "len",
        "list",
        "max",
        "min",
        "ord",
        "pow",
        "range",
        "reversed",
        "round",
        "set",
        "sorted",
        "str",
        "sum",
        "tuple",
        "zip",
    ]
)
"""Builtins that change nothing."""

PURE_METHODS = frozenset(
    [
        "copy",
        "count",
        "endswith",
        "find",
        "get",
        "index",
        "isalnum",
        "isalpha",
        "isdigit",
        "islower",
        "issubset",
        "issuperset",
        "isspace",
        "isupper",
        "items",
        "join",
        "keys",
        "lower",
        "replace",
        "rfind",
        "split",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "union",
        "upper",
        "values",
    ]
)
"""Methods of builtin types that change nothing."""

Comprehension = Union[ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp]
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


def is_pure(node: ast.AST) -> bool:
    """Whether evaluating `node` changes nothing, as far as its calls are known.

    Example:
        >>> is_pure(ast.parse("len(xs) + 1")), is_pure(ast.parse("xs.pop()"))
        (True, False)
    """
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            function = part.func
            if isinstance(function, ast.Name):
                if function.id not in PURE_FUNCTIONS:
                    return False
            elif not (
                isinstance(function, ast.Attribute) and function.attr in PURE_METHODS
            ):
                return False
        elif isinstance(
            part, (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr, ast.Lambda)
        ):
            return False
    return True


def names_in(node: ast.AST) -> set[str]:
    """Return the variable names that occur in `node`."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


class ExpressionSite:
    """An expression in its place: `getattr(parent, field)` or its item `index`."""

    __slots__ = (
        "field",
        "index",
        "inner_names",
        "node",
        "parent",
        "statement",
        "text",
        "type",
    )

    def __init__(  # noqa: PLR0913 - a record, made in one place
        self,
        *,
        node: ast.expr,
        parent: ast.AST,
        field: str,
        index: int | None,
        statement: ast.stmt,
        inner_names: frozenset[str],
    ) -> None:
        self.node = node
        self.parent = parent
        self.field = field
        self.index = index
        self.statement = statement
        self.inner_names = inner_names
        self.text = ""
        self.type = "?"

    @property
    def is_stored(self) -> bool:
        """Whether the expression is assigned to, not evaluated."""
        return isinstance(getattr(self.node, "ctx", None), (ast.Store, ast.Del))

    @property
    def line(self) -> int:
        """Line of the statement."""
        return self.statement.lineno

    @property
    def is_function(self) -> bool:
        """Whether this is what a call calls."""
        return isinstance(self.parent, ast.Call) and self.field == "func"

    @property
    def is_condition(self) -> bool:
        """Whether only the truth of the value counts."""
        tests = (ast.If, ast.While, ast.IfExp)
        if isinstance(self.parent, tests) and self.field == "test":
            return True
        return isinstance(self.parent, ast.comprehension) and self.field == "ifs"


class StatementSite:
    """A statement in its block `getattr(parent, field)`, at position `index`."""

    __slots__ = ("field", "function", "in_loop", "index", "node", "parent")

    def __init__(  # noqa: PLR0913 - a record, made in one place
        self,
        *,
        node: ast.stmt,
        parent: ast.AST,
        field: str,
        index: int,
        in_loop: bool,
        function: ast.AST,
    ) -> None:
        self.node = node
        self.parent = parent
        self.field = field
        self.index = index
        self.in_loop = in_loop
        self.function = function

    @property
    def block(self) -> list[ast.stmt]:
        """All statements of the block, ticks included."""
        block: list[ast.stmt] = getattr(self.parent, self.field)
        return block


_NO_SITE = (ast.Slice, ast.Starred, ast.JoinedStr, ast.FormattedValue)
_NOT_ENTERED = (*FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)


class _Walk:
    """Collects the expressions of one statement, outer first; not of its blocks."""

    def __init__(self, statement: ast.stmt) -> None:
        self._statement = statement
        self.found: list[ExpressionSite] = []
        self._children(statement, frozenset())

    def _expression(
        self,
        node: ast.expr,
        place: tuple[ast.AST, str, int | None],
        inner: frozenset[str],
    ) -> None:
        if not isinstance(node, _NO_SITE):
            parent, field, index = place
            self.found.append(
                ExpressionSite(
                    node=node,
                    parent=parent,
                    field=field,
                    index=index,
                    statement=self._statement,
                    inner_names=inner,
                )
            )
        if isinstance(node, COMPREHENSIONS):
            self._comprehension(node, inner)
        elif isinstance(node, ast.Lambda):
            arguments = {argument.arg for argument in node.args.args}
            self._children(node, inner | arguments)
        elif not isinstance(node, ast.JoinedStr):
            self._children(node, inner)

    def _comprehension(self, node: Comprehension, inner: frozenset[str]) -> None:
        for generator in node.generators:
            self._expression(generator.iter, (generator, "iter", None), inner)
            inner = inner | names_in(generator.target)
            for index, condition in enumerate(generator.ifs):
                self._expression(condition, (generator, "ifs", index), inner)
        for field in ("elt", "key", "value"):
            part = getattr(node, field, None)
            if part is not None:
                self._expression(part, (node, field, None), inner)

    def _children(self, node: ast.AST, inner: frozenset[str]) -> None:
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.Slice):
                self._children(value, inner)
            elif isinstance(value, ast.expr):
                self._expression(value, (node, field, None), inner)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.expr):
                        self._expression(item, (node, field, index), inner)
                    elif isinstance(item, ast.keyword):
                        self._expression(item.value, (item, "value", None), inner)


def collect_sites(unit: Unit) -> tuple[list[ExpressionSite], list[StatementSite]]:
    """Return all places of a unit that can be edited, in reading order."""
    expressions: list[ExpressionSite] = []
    statements: list[StatementSite] = []

    def block(parent: ast.AST, field: str, function: ast.AST, *, in_loop: bool) -> None:
        for index, node in enumerate(getattr(parent, field)):
            if is_tick(node) or is_docstring(node):
                continue
            statements.append(
                StatementSite(
                    node=node,
                    parent=parent,
                    field=field,
                    index=index,
                    in_loop=in_loop,
                    function=function,
                )
            )
            if not isinstance(node, _NOT_ENTERED):
                expressions.extend(_Walk(node).found)
            is_function = isinstance(node, FUNCTIONS)
            inside = node if is_function else function
            looping = not is_function and (in_loop or isinstance(node, LOOPS))
            for inner in ("body", "orelse", "finalbody"):
                if isinstance(getattr(node, inner, None), list):
                    block(node, inner, inside, in_loop=looping)
            for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                block(part, "body", inside, in_loop=looping)

    block(unit.node, "body", unit.node, in_loop=False)
    return expressions, statements


def _assigned_names(node: ast.AST) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)):
        targets = [node.target]
    return {
        part.id
        for target in targets
        for part in ast.walk(target)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }


class Scope:
    """The names of one unit and what was observed of them."""

    def __init__(
        self, unit: Unit, analysis: Analysis, namespace: dict[str, Any]
    ) -> None:
        self.unit = unit
        self.analysis = analysis
        self._namespace = namespace
        self._types: dict[tuple[int, frozenset[str]], Types] = {}
        self.own: dict[str, None] = {}
        """Arguments and assigned variables, as opposed to comprehension variables."""
        self._comprehension: set[str] = set()
        for node in ast.walk(unit.node):
            if isinstance(node, FUNCTIONS):
                arguments = [*node.args.args, *node.args.kwonlyargs]
                if node.args.vararg:
                    arguments.append(node.args.vararg)
                self.own.update(dict.fromkeys(item.arg for item in arguments))
            elif isinstance(node, ast.comprehension):
                self._comprehension |= names_in(node.target)
            else:
                self.own.update(dict.fromkeys(sorted(_assigned_names(node))))

    def is_visible(self, name: str, inner_names: frozenset[str]) -> bool:
        """Whether a name that was observed on a line can be used at a site of it."""
        return (
            name not in self._comprehension or name in inner_names or name in self.own
        )

    def names(self, statement: ast.stmt, inner_names: frozenset[str]) -> Types:
        """Return the variables at a place and the types observed for them."""
        key = (statement.lineno, inner_names)
        if key not in self._types:
            found: Types = {}
            last = statement.end_lineno if inner_names else statement.lineno
            for line in range(statement.lineno, (last or statement.lineno) + 1):
                for state in self.analysis.states_at(line, 8):
                    for name, value in state.items():
                        if self.is_visible(name, inner_names):
                            found.setdefault(name, set()).add(type_name(value))
            self._types[key] = found
        return self._types[key]

    def states(self, site: ExpressionSite, at_most: int) -> list[State]:
        """Return recorded states in which the site could be evaluated."""
        return [
            state
            for state in self.analysis.states_at(site.line, at_most)
            if all(name in state for name in site.inner_names)
        ]

    def values(self, node: ast.expr, site: ExpressionSite) -> list[object]:
        """Return values of a pure expression in recorded states, without errors."""
        if not is_pure(node):
            return []
        try:
            code = compile(ast.Expression(node), "<value>", "eval", dont_inherit=True)
        except (SyntaxError, ValueError, TypeError):
            return []
        found = []
        for state in self.states(site, 6):
            try:
                value = eval(code, self._namespace, dict(state))  # noqa: S307 - own code
            except Exception:  # noqa: BLE001, S112 - whatever the expression does
                continue
            found.append(value)
        return found

    def evaluate(self, node: ast.expr, states: Sequence[State]) -> list[object] | None:
        """Return the value of a pure expression in each state; None if one fails."""
        if not is_pure(node):
            return None
        try:
            code = compile(ast.Expression(node), "<value>", "eval", dont_inherit=True)
            return [
                eval(code, self._namespace, dict(state))  # noqa: S307 - the program's
                for state in states
            ]
        except Exception:  # noqa: BLE001 - whatever the expression does
            return None

    def find_type(
        self, site: ExpressionSite, entry: str, expected: list[object]
    ) -> str:
        """Return the name of the type seen at a site, `?` if none was."""
        node = site.node
        fixed = _literal_type(node)
        if fixed or site.is_stored:
            return fixed or "?"
        seen: set[str] = set()
        if isinstance(node, ast.Name):
            names = self.names(site.statement, site.inner_names)
            seen = names.get(node.id, seen)
        if not seen:
            seen = {type_name(value) for value in self.values(node, site)[:1]}
        if not seen and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == entry and expected:
                seen = {type_name(expected[0])}
            else:
                seen = self.analysis.returned.get(node.func.id, seen)
        unknown = "bool" if isinstance(node, ast.BoolOp) else "?"
        return min(seen, default=unknown)

    def attributes(self, node: ast.expr, site: ExpressionSite) -> list[str]:
        """Return attribute names seen on objects that `node` evaluated to."""
        if not is_pure(node):
            return []
        found: dict[str, None] = {}
        for value in self.values(node, site):
            if isinstance(value, Opaque):
                found.update(dict.fromkeys(value.attributes))
        return list(found)


def _literal_type(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    if isinstance(node, ast.Compare):
        return "bool"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return "bool"
    if isinstance(node, (ast.ListComp, ast.List)):
        return "list"
    if isinstance(node, ast.JoinedStr):
        return "str"
    return ""
