"""Python tests made of asserts -> one constraint for each assert.

In: a piece of Python with plain asserts, a `check(candidate)` function (HumanEval) or
`test_*` functions. Out: constraints in order. Statements before an assert that are not
asserts are its setup, repeated for it, so that every assert is judged on its own.
"""

import ast
import builtins
import copy
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from codegrad.errors import TestsError
from codegrad.task import AssertionCheck, CallCheck, Check, Constraint, Origin
from codegrad.tasks.literals import literal, literal_call, shorten


@dataclass(frozen=True, slots=True)
class _Piece:
    setup: tuple[ast.stmt, ...]
    body: tuple[ast.stmt, ...]
    label: str


def read_assertions(
    source: str,
    entry_point: str,
    *,
    shares_process: bool = False,
    whole_functions: bool = False,
) -> tuple[Constraint, ...]:
    """Return the constraints that `source` states about `entry_point`.

    An assert that compares one call with literal arguments to a literal becomes a
    `CallCheck`, whose expectation the candidate never sees; every other one runs as it
    is written. With `whole_functions` a test function is judged as one constraint.

    Raises:
        TestsError: If `source` is not Python or holds no assert about anything.

    Example:
        >>> found = read_assertions('''
        ... def check(candidate):
        ...     assert candidate(1) == 2
        ...     assert abs(candidate(3) - 0.5) < 1e-6
        ... ''', "f")
        >>> [(c.name, c.check.args, c.check.tolerance) for c in found]
        [('test 1', (1,), None), ('test 2', (3,), 1e-06)]
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise TestsError(f"the tests are not valid Python: {error}") from error
    found = [
        Constraint(
            name=f"test {number}",
            stage="tests",
            text=shorten(piece.label),
            check=_to_check(piece, entry_point, shares_process=shares_process),
            origin=Origin.GIVEN,
        )
        for number, piece in enumerate(
            _pieces(tree, entry_point, whole_functions=whole_functions), 1
        )
    ]
    if not found:
        raise TestsError(
            "the tests hold no assert: write `assert f(...) == ...`, a "
            "`check(candidate)` function or pytest tests"
        )
    return tuple(found)


def undefined_names(source: str, known: Set[str]) -> list[str]:
    """Return the names that a test uses and nobody defines, in order.

    `known` are the names of the module under test; builtins are known as well.

    Example:
        >>> undefined_names("for x in range(3): assert clammp(x) == len([y])", set())
        ['clammp', 'y']
    """
    nodes = list(ast.walk(ast.parse(source)))
    if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in nodes):
        return []
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and not _loads(n)}
    for node in nodes:
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                bound.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.arg(arg=name):
                bound.add(name)
            case ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.alias(name=name, asname=other):
                bound.add((other or name).partition(".")[0])
    used = [n.id for n in nodes if isinstance(n, ast.Name) and _loads(n)]
    free = (n for n in used if n not in bound | known and not hasattr(builtins, n))
    return list(dict.fromkeys(free))


def _loads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _pieces(
    tree: ast.Module, entry_point: str, *, whole_functions: bool
) -> Iterator[_Piece]:
    setup: list[ast.stmt] = []
    for node in tree.body:
        is_test = isinstance(node, ast.FunctionDef) and (
            node.name == "check" or node.name.startswith("test")
        )
        if is_test:
            assert isinstance(node, ast.FunctionDef)
            arguments = [argument.arg for argument in node.args.args]
            renamed = dict.fromkeys(arguments[:1], entry_point)
            body = [_Rename(renamed).visit(copy.deepcopy(s)) for s in node.body]
            if whole_functions:
                label = ast.get_docstring(node) or node.name
                yield _Piece(tuple(setup), tuple(body), label)
            else:
                yield from _split(body, setup)
        elif _is_expression(node, "check"):
            continue
        elif _has_assert(node):
            yield from _split([node], setup)
        elif isinstance(node, ast.ImportFrom) and any(
            alias.name == entry_point for alias in node.names
        ):
            continue  # the candidate is there already, whatever its file is called
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            setup.append(node)


def _split(body: Sequence[ast.stmt], outer: Sequence[ast.stmt]) -> Iterator[_Piece]:
    setup = list(outer)
    for node in body:
        if _has_assert(node):
            if isinstance(node, ast.Assert) and not any(
                isinstance(part, ast.Call | ast.Name) for part in ast.walk(node.test)
            ):
                continue  # `assert True, "..."` says nothing about the candidate
            yield _Piece(tuple(setup), (node,), ast.unparse(_without_message(node)))
        else:
            setup.append(node)


def _without_message(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.Assert):
        return ast.Assert(node.test, None)
    return node


def _to_check(piece: _Piece, entry_point: str, *, shares_process: bool) -> Check:
    node = piece.body[0]
    if not shares_process and len(piece.body) == 1 and isinstance(node, ast.Assert):
        check = comparison_check(node.test, entry_point)
        if check is not None:
            return check
    module = ast.Module([*_needed(piece), *piece.body], [])
    return AssertionCheck(ast.unparse(module), shares_process)


def comparison_check(test: ast.expr, entry_point: str) -> CallCheck | None:
    """Return the `CallCheck` that an assert's condition states, or None.

    Read are `f(literals) == literal` in either order, and `abs(f(literals) - literal)`
    below a literal bound.
    """
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Eq):
        for call_side, value_side in ((left, right), (right, left)):
            call = literal_call(call_side)
            is_literal, expected = literal(value_side)
            if call and call.function == entry_point and is_literal:
                return CallCheck(call.args, expected, call.kwargs)
    if isinstance(operator, ast.Lt):
        return _closeness(left, right, entry_point)
    return None


def _closeness(left: ast.expr, right: ast.expr, entry_point: str) -> CallCheck | None:
    if not (
        isinstance(left, ast.Call)
        and isinstance(left.func, ast.Name)
        and left.func.id == "abs"
        and len(left.args) == 1
        and isinstance(left.args[0], ast.BinOp)
        and isinstance(left.args[0].op, ast.Sub)
    ):
        return None
    difference = left.args[0]
    call = literal_call(difference.left)
    (is_value, expected), (is_bound, bound) = literal(difference.right), literal(right)
    if not (call and call.function == entry_point and is_value and is_bound):
        return None
    if not isinstance(bound, int | float) or not isinstance(expected, int | float):
        return None
    return CallCheck(call.args, expected, call.kwargs, tolerance=float(bound))


def _needed(piece: _Piece) -> list[ast.stmt]:
    """Return the setup without pure declarations that the body does not use."""
    used = {n.id for s in piece.body for n in ast.walk(s) if isinstance(n, ast.Name)}
    kept: list[ast.stmt] = []
    for node in reversed(piece.setup):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef):
            bound = (
                {node.name}
                if isinstance(node, ast.FunctionDef)
                else {(a.asname or a.name).partition(".")[0] for a in node.names}
            )
            if not bound & used and "*" not in bound:
                continue
        used |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        kept.insert(0, node)
    return kept


def _has_assert(node: ast.stmt) -> bool:
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))


def _is_expression(node: ast.stmt, function: str) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == function
    )


class _Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node
