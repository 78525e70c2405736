"""Contracts: what must hold before and after a call, in one model for many readers.

In: the source of a function. Out: a frozen `Contract`. Readers: docstring lines
`pre:` / `post:` (PEP 316), icontract and deal decorators, `assert` at the head of a
loop body as an invariant. Invariant: every clause is a Python expression that parses.

Source: PEP 316, "Programming by Contract for Python"; the documentation of icontract
and of deal.
"""

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

_DOC_CLAUSE = re.compile(
    r"^\s*(pre|post|requires|ensures|decreases|cost|raises)\s*(?:\[[^\]]*\])?:\s*(.*)$"
)
_RESULT_NAMES = ("__return__", "result", "return_")


class ClauseKind(StrEnum):
    """When a clause has to hold."""

    PRE = "pre"
    """Before the call; an input that breaks it is outside the domain."""

    POST = "post"
    """After the call; `result` is the value returned, `old_NAME` an argument before."""

    INVARIANT = "invariant"
    """At the head of a loop body, each time round."""

    DECREASES = "decreases"
    """A measure that falls with every round or recursive call."""

    COST = "cost"
    """A growth class, for example `O(n log n)`."""

    RAISES = "raises"
    """Names of the exceptions that a call within the preconditions may raise."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a contract."""

    kind: ClauseKind
    """When it holds."""

    expression: str
    """Python source of the condition; `result` names the returned value."""

    line: int
    """Line of the file where it is written."""

    syntax: str
    """How it was written: `docstring`, `icontract`, `deal` or `assert`."""


@dataclass(frozen=True, slots=True)
class Contract:
    """All clauses of one function, in the order in which they are written."""

    clauses: tuple[Clause, ...] = ()
    problems: tuple[str, ...] = ()
    """What looked like a clause and could not be read, one sentence each."""

    def sees_change(self, clause: Clause) -> bool:
        """Return whether a postcondition is about arguments as the call left them.

        It is if some postcondition names a value before the call (`old_x`), or if it
        does not speak of the result. Otherwise a parameter's name means the argument
        that was passed: a candidate must not satisfy `result == sorted(xs)` by
        emptying `xs`.
        """
        posts = " ".join(c.expression for c in self.of(ClauseKind.POST))
        return "old_" in posts or not re.search(r"\bresult\b", clause.expression)

    def of(self, kind: ClauseKind) -> tuple[Clause, ...]:
        """Return the clauses of one kind, in order."""
        return tuple(c for c in self.clauses if c.kind is kind)

    def __bool__(self) -> bool:
        return bool(self.clauses)


def read_contract(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Contract:
    """Return the contract written on `function`.

    Clauses that do not parse, or that would change what they look at, are reported in
    `problems` and left out; the function is never executed.

    Example:
        >>> tree = ast.parse('''
        ... def half(n):
        ...     \"\"\"Return n halved.
        ...
        ...     pre: n >= 0
        ...     post: __return__ * 2 <= n
        ...     \"\"\"
        ... ''')
        >>> contract = read_contract(tree.body[0])
        >>> [(c.kind.value, c.expression) for c in contract.clauses]
        [('pre', 'n >= 0'), ('post', 'result * 2 <= n')]
    """
    clauses: list[Clause] = []
    problems: list[str] = []
    for kind, text, line, syntax in (
        *_docstring_clauses(function),
        *_decorator_clauses(function, problems),
        *_loop_clauses(function),
    ):
        expression = text.strip()
        if kind not in _NOT_EXPRESSIONS:
            try:
                expression = _normalise(expression)
            except SyntaxError as error:
                problems.append(
                    f"line {line}: `{kind}: {text}` is not a Python expression "
                    f"({error.msg}); it is not checked"
                )
                continue
            if change := _change_by(expression):
                problems.append(
                    f"line {line}: `{kind}: {text}` changes what it looks at "
                    f"({change}); it is not checked"
                )
                continue
        clauses.append(Clause(kind, expression, line, syntax))
    return Contract(tuple(clauses), tuple(problems))


_MUTATORS = frozenset(
    [
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
        "write",
    ]
)


def _change_by(expression: str) -> str:
    """Return what in a clause would change a value that it names, if anything does."""
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.NamedExpr):
            return f"{node.target.id} := ..."
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _MUTATORS
            and isinstance(node.func.value, ast.Name | ast.Attribute | ast.Subscript)
        ):
            return f".{node.func.attr}(...)"
    return ""


_KIND_OF_WORD = {
    "pre": ClauseKind.PRE,
    "requires": ClauseKind.PRE,
    "post": ClauseKind.POST,
    "ensures": ClauseKind.POST,
    "decreases": ClauseKind.DECREASES,
    "cost": ClauseKind.COST,
    "raises": ClauseKind.RAISES,
}
_NOT_EXPRESSIONS = frozenset({ClauseKind.COST, ClauseKind.RAISES})

_Raw = tuple[ClauseKind, str, int, str]


def _docstring_clauses(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[_Raw]:
    if ast.get_docstring(function, clean=False) is None:
        return
    node = function.body[0]
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Constant)
    lines = str(node.value.value).split("\n")
    kind: ClauseKind | None = None
    for offset, line in enumerate(lines):
        number = node.lineno + offset
        found = _DOC_CLAUSE.match(line)
        if found and found[1] in _KIND_OF_WORD:
            kind = _KIND_OF_WORD[found[1]]
            if found[2].strip():
                yield kind, found[2], number, "docstring"
                kind = None
        elif kind and line.strip() and not line.strip().startswith(">>>"):
            # PEP 316 lets a section go on with one indented condition a line.
            yield kind, line, number, "docstring"
        else:
            kind = None


_DECORATORS = {
    ("icontract", "require"): ClauseKind.PRE,
    ("icontract", "ensure"): ClauseKind.POST,
    ("deal", "pre"): ClauseKind.PRE,
    ("deal", "post"): ClauseKind.POST,
    ("deal", "ensure"): ClauseKind.POST,
    ("deal", "raises"): ClauseKind.RAISES,
    ("deal", "safe"): ClauseKind.RAISES,
}
_BARE = {
    "require": "icontract",
    "ensure": "icontract",
    "pre": "deal",
    "post": "deal",
    "raises": "deal",
}
"""Whose decorator a name is that was imported from its package."""


def _decorator_clauses(
    function: ast.FunctionDef | ast.AsyncFunctionDef, problems: list[str]
) -> Iterator[_Raw]:
    for decorator in _flattened(function.decorator_list):
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        match target:
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                pass
            case ast.Name(id=name):
                owner = _BARE.get(name, "")
            case _:
                continue
        kind = _DECORATORS.get((owner, name))
        if kind is None:
            continue
        arguments = decorator.args if isinstance(decorator, ast.Call) else []
        if kind is ClauseKind.RAISES:
            text = ", ".join(ast.unparse(argument) for argument in arguments)
            yield kind, text, decorator.lineno, owner
            continue
        if not arguments or not isinstance(arguments[0], ast.Lambda):
            problems.append(
                f"line {decorator.lineno}: `@{ast.unparse(decorator)}` does not hold "
                "a lambda; it is not checked"
            )
            continue
        condition = copy.deepcopy(arguments[0])
        if owner == "deal":
            _Renamed(_deal_names(condition, function, name)).visit(condition.body)
            condition.body = _Spread().visit(condition.body)
        yield kind, ast.unparse(condition.body), decorator.lineno, owner


def _flattened(decorators: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Yield decorators, those inside `deal.chain(...)` one by one."""
    for decorator in decorators:
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="deal"), attr="chain")):
                yield from _flattened(decorator.args)
            case _:
                yield decorator


def _deal_names(
    condition: ast.Lambda, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str
) -> dict[str, str]:
    """Return what the parameters of a condition are called in a clause.

    Those of `deal.pre` are the function's by position, that of `deal.post` is the
    result; `_` holds all of them.
    """
    own = [a.arg for a in condition.args.args]
    if own == ["_"]:
        return {}
    if name == "post":
        return dict.fromkeys(own[:1], "result")
    theirs = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if name == "ensure" and own[-1:] == ["result"]:
        own = own[:-1]
    return dict(zip(own, theirs, strict=False))


class _Renamed(ast.NodeVisitor):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> None:
        node.id = self._names.get(node.id, node.id)


class _Spread(ast.NodeTransformer):
    """Turns `_.name` into `name`."""

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "_":
            return ast.Name(node.attr, ast.Load())
        return node


def _loop_clauses(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
) -> Iterator[_Raw]:
    for node in ast.walk(function):
        if not isinstance(node, ast.For | ast.While):
            continue
        for statement in node.body:
            if not isinstance(statement, ast.Assert):
                break
            text = ast.unparse(statement.test)
            yield ClauseKind.INVARIANT, text, statement.lineno, "assert"


class _Renamer(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in _RESULT_NAMES:
            node.id = "result"
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        # PEP 316 writes `__old__.x`, icontract `OLD.x`; both mean x before the call.
        if isinstance(node.value, ast.Name) and node.value.id in ("__old__", "OLD"):
            return ast.Name(f"old_{node.attr}", ast.Load())
        return node


def _normalise(expression: str) -> str:
    tree = ast.parse(expression, mode="eval")
    return ast.unparse(_Renamer().visit(tree))
