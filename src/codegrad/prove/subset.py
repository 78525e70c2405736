"""What a module must look like for its functions to mean what they seem to mean.

In: source text. Out: a `Module` that answers what a name stands for. Invariant: a name
that might be rebound, redefined, decorated or patched is `Unsupported`.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from codegrad.contract import ClauseKind, Contract, read_contract
from codegrad.prove.kinds import Unsupported

_DANGEROUS = frozenset(
    {
        "__builtins__",
        "__import__",
        "builtins",
        "compile",
        "ctypes",
        "delattr",
        "eval",
        "exec",
        "gc",
        "getattr",
        "globals",
        "importlib",
        "inspect",
        "locals",
        "setattr",
        "sys",
        "vars",
    }
)
_CONTRACT_LIBRARY = "icontract"
_CONTRACT_DECORATORS = ("require", "ensure")
_HARMLESS_ATTRIBUTES = frozenset({"__doc__", "__name__"})


_NEVER_REBOUND = frozenset(
    {
        "__name__",
        "bool",
        "enumerate",
        "int",
        "list",
        "range",
        "reversed",
        "sorted",
        "str",
        "tuple",
        "zip",
    }
)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the module and its contract."""

    node: ast.FunctionDef
    """Its definition."""

    contract: Contract
    """What it promises."""

    local_names: frozenset[str]
    """Every name that is local in it; Python decides that by the text."""

    @property
    def name(self) -> str:
        """The name it is bound to."""
        return self.node.name

    @property
    def body(self) -> list[ast.stmt]:
        """Its statements without the docstring."""
        first, *rest = self.node.body
        return rest if _is_text(first) else self.node.body

    @property
    def expression(self) -> ast.expr | None:
        """The value it returns, if it is nothing but returns under conditions."""
        return _as_expression(self.body)

    def clauses(self, kind: ClauseKind) -> list[ast.expr]:
        """Return the conditions of one kind.

        Raises:
            Unsupported: If some clause could not be read.
        """
        if self.contract.problems:
            raise Unsupported(self.node, self.contract.problems[0])
        return [
            ast.parse(c.expression, mode="eval").body for c in self.contract.of(kind)
        ]

    def promises(self) -> list[tuple[ast.expr, bool]]:
        """Return the postconditions, and whether each sees the changed arguments.

        Raises:
            Unsupported: If some clause could not be read.
        """
        posts = self.contract.of(ClauseKind.POST)
        sees = [self.contract.sees_change(c) for c in posts]
        return list(zip(self.clauses(ClauseKind.POST), sees, strict=True))

    def defaults(self) -> dict[str, object]:
        """Return the literal default values by parameter."""
        arguments = self.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        first = len(positional) - len(arguments.defaults)
        pairs = [
            *zip(positional[first:], arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        return {
            p.arg: ast.literal_eval(default)
            for p, default in pairs
            if default is not None
        }


class Module:
    """The names of one source file.

    Raises:
        Unsupported: If the file does not parse, or does things at its top level
            (or names things) that could change what the other names mean.
    """

    def __init__(self, source: str) -> None:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise Unsupported(None, f"source that does not parse: {error}") from error
        self.bound: Counter[str] = Counter()
        self.imported: dict[str, str] = {}
        self._functions: dict[str, ast.FunctionDef] = {}
        self._constants: dict[str, ast.expr] = {}
        self._known: dict[str, Function] = {}
        for statement in tree.body:
            self._top_level(statement)
        for statement in tree.body:
            self._refuse_effects(statement)
        self._refuse_tricks(tree)
        for name in sorted(_NEVER_REBOUND & self.bound.keys()):
            raise Unsupported(None, f"a module that binds `{name}` itself")

    def _top_level(  # noqa: C901 - a case a statement
        self, statement: ast.stmt
    ) -> None:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                self.bound[name] += 1
                if isinstance(statement, ast.FunctionDef):
                    self._functions[name] = statement
            case ast.Import(names=names):
                for alias in names:
                    first = alias.name.split(".")[0]
                    whole = alias.name if alias.asname else first
                    self._bind_import(alias.asname or first, whole)
            case ast.ImportFrom(names=names, module=source):
                for alias in names:
                    if alias.name == "*":
                        raise Unsupported(statement, "`from ... import *`")
                    whole = f"{source}.{alias.name}"
                    self._bind_import(alias.asname or alias.name, whole)
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                self.bound[name] += 1
                self._constants[name] = value
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.If(test=test, orelse=[]) if _is_script_guard(test):
                for inner in ast.walk(statement):
                    self.bound.update(_stored(inner))
            case _:
                raise Unsupported(
                    statement, f"`{_first_line(statement)}` at the top of the module"
                )

    def _bind_import(self, name: str, whole: str) -> None:
        self.bound[name] += 1
        self.imported[name] = whole

    def _is_import_of(self, name: str, whole: str) -> bool:
        return self.imported.get(name) == whole and self.bound[name] == 1

    def _refuse_effects(self, statement: ast.stmt) -> None:
        """Refuse what runs when the file is imported and might do anything."""
        if isinstance(statement, ast.If):
            whole = "typing.TYPE_CHECKING"
            names = [n.id for n in ast.walk(statement.test) if isinstance(n, ast.Name)]
            if "TYPE_CHECKING" in names and not self._is_import_of(names[0], whole):
                raise Unsupported(statement, "a guard that may not be one")
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = statement.args
            values = [*arguments.defaults, *arguments.kw_defaults, statement.returns]
            values += [a.annotation for a in ast.walk(arguments) if _is_argument(a)]
            for value in values:
                self._refuse_calls(value)
            for decorator in statement.decorator_list:
                self._refuse_decorator(decorator)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            self._refuse_calls(statement.value)
            if isinstance(statement, ast.AnnAssign):
                self._refuse_calls(statement.annotation)

    def _refuse_calls(self, value: ast.expr | None) -> None:
        for node in ast.walk(value) if value is not None else ():
            if isinstance(node, ast.Call | ast.Await | ast.NamedExpr):
                raise Unsupported(node, "a call at the top of the module")

    def _refuse_decorator(self, decorator: ast.expr) -> None:
        """Refuse a decorator that is not imported, or whose arguments do things."""
        root = decorator.func if isinstance(decorator, ast.Call) else decorator
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id not in self.imported:
            raise Unsupported(decorator, f"decorator `{ast.unparse(decorator)}`")
        if isinstance(decorator, ast.Call):
            for value in (*decorator.args, *(k.value for k in decorator.keywords)):
                if not isinstance(value, ast.Lambda):
                    self._refuse_calls(value)

    def _refuse_tricks(self, tree: ast.Module) -> None:
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name) | ast.alias(name=name) if name in _DANGEROUS:
                    raise Unsupported(node, f"`{name}`")
                case ast.ImportFrom(module=name) if name in _DANGEROUS:
                    raise Unsupported(node, f"`{name}`")
                case ast.Global(names=names):
                    self.bound.update(names * 2)
                case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if (
                    name in self.bound
                ):
                    raise Unsupported(node, f"assignment to an attribute of `{name}`")
                case ast.Attribute(attr=name) if (
                    name.startswith("__") and name not in _HARMLESS_ATTRIBUTES
                ):
                    raise Unsupported(node, f"the attribute `{name}`")

    def is_builtin(self, name: str) -> bool:
        """Return whether nothing in the module binds the name."""
        return name not in self.bound

    def constant(self, name: str) -> ast.expr | None:
        """Return the literal that a module-level name always stands for."""
        value = self._constants.get(name)
        if value is None or self.bound[name] != 1:
            return None
        literal = value.operand if isinstance(value, ast.UnaryOp) else value
        plain = isinstance(literal, ast.Constant) and isinstance(
            literal.value, int | str
        )
        return value if plain else None

    def has_function(self, name: str) -> bool:
        """Return whether a `def` of that name is at the top of the module."""
        return name in self._functions

    def function(self, name: str, at: ast.AST | None = None) -> Function:
        """Return the function that a name stands for.

        Raises:
            Unsupported: If there is none, several, or one that is not plain.
        """
        if name in self._known:
            return self._known[name]
        node = self._functions.get(name)
        if node is None:
            raise Unsupported(at, f"`{name}`, which is not a function of the module")
        if self.bound[name] != 1:
            raise Unsupported(node, f"`{name}` is bound more than once")
        self._check_decorators(node)
        self._check_arguments(node)
        made = Function(node, read_contract(node), frozenset(_local_names(node)))
        clash = {"result", "return_"} & {a.arg for a in parameters(node)}
        if clash:
            raise Unsupported(node, f"a parameter called `{clash.pop()}`")
        self._known[name] = made
        return made

    def override(self, name: str, contract: Contract) -> None:
        """Use `contract` for a function instead of the one written on it."""
        known = self.function(name)
        self._known[name] = Function(known.node, contract, known.local_names)

    def _check_decorators(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            match target:
                case ast.Attribute(value=ast.Name(id=owner), attr=name):
                    known = self._is_import_of(owner, _CONTRACT_LIBRARY)
                case ast.Name(id=name):
                    known = self._is_import_of(name, f"{_CONTRACT_LIBRARY}.{name}")
                case _:
                    known, name = False, ""
            if (
                not known
                or name not in _CONTRACT_DECORATORS
                or not isinstance(decorator, ast.Call)
                or not _is_plain_condition(decorator)
            ):
                raise Unsupported(decorator, f"decorator `{ast.unparse(decorator)}`")

    def _check_arguments(self, node: ast.FunctionDef) -> None:
        arguments = node.args
        if arguments.vararg or arguments.kwarg:
            raise Unsupported(node, "`*args` or `**kwargs`")
        if getattr(node, "type_params", None):
            raise Unsupported(node, "type parameters")
        for default in (*arguments.defaults, *arguments.kw_defaults):
            literal = default.operand if isinstance(default, ast.UnaryOp) else default
            if literal is not None and not isinstance(literal, ast.Constant):
                raise Unsupported(default, "a default value that is not a literal")
        for inner in ast.walk(node):
            match inner:
                case ast.Yield() | ast.YieldFrom() | ast.Await():
                    raise Unsupported(inner, "a generator or coroutine")
                case ast.Global() | ast.Nonlocal():
                    raise Unsupported(inner, "`global` or `nonlocal`")
                case ast.NamedExpr():
                    raise Unsupported(inner, "`:=`")
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if (
                    inner is not node
                ):
                    raise Unsupported(inner, f"nested `{inner.name}`")


def parameters(node: ast.FunctionDef) -> list[ast.arg]:
    """Return the parameters of a function in order."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def stored_names(statements: list[ast.stmt]) -> set[str]:
    """Return the names that the statements bind, comprehension variables left out."""
    return {
        name
        for statement in statements
        for node in _outside_comprehensions(statement)
        for name in _stored(node)
    }


def _outside_comprehensions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _outside_comprehensions(child)


def _stored(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.split(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        if node.name:
            yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def _local_names(node: ast.FunctionDef) -> set[str]:
    return stored_names(node.body) | {a.arg for a in parameters(node)}


def _is_plain_condition(decorator: ast.Call) -> bool:
    """Return whether an icontract decorator has a lambda and at most a description."""
    if not decorator.args or not isinstance(decorator.args[0], ast.Lambda):
        return False
    arguments = decorator.args[0].args
    plain = not (arguments.defaults or arguments.vararg or arguments.kwarg)
    named = all(k.arg == "description" for k in decorator.keywords)
    return (
        plain and named and all(isinstance(a, ast.Constant) for a in decorator.args[1:])
    )


def _is_argument(node: ast.AST) -> TypeGuard[ast.arg]:
    return isinstance(node, ast.arg)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_script_guard(test: ast.expr) -> bool:
    return ast.unparse(test) in ("__name__ == '__main__'", "TYPE_CHECKING")


def _first_line(node: ast.stmt) -> str:
    return ast.unparse(node).splitlines()[0]


def _as_expression(body: list[ast.stmt]) -> ast.expr | None:
    if not body:
        return None
    match body[0]:
        case ast.Return(value=ast.expr() as value):
            return value
        case ast.If(test=test, body=then, orelse=otherwise):
            first = _as_expression(then)
            second = _as_expression(otherwise or body[1:])
            if first is not None and second is not None:
                return ast.copy_location(ast.IfExp(test, first, second), body[0])
    return None
