"""Rewrite the asserts of a test so that a failure says what was compared.

The rewritten text runs in the tester's process, where the name `CHECK_NAME` stands
for a function that evaluates the comparison, and raises with both sides if it does
not hold. Only these shapes are rewritten; any other assert stays as it is::

    assert f(x) == expected          assert expected == f(x)
    assert f(x) is expected          assert abs(f(x) - expected) < tolerance
    assert f(x)                      assert not f(x)
"""

import ast
from functools import lru_cache

from codegrad.sandbox.child import CHECK_NAME

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.Is: "is",
    ast.Lt: "<",
    ast.LtE: "<=",
}


@lru_cache(maxsize=4096)
def rewrite_asserts(text: str, entry: str) -> str:
    """Return `text` with asserts that remember what they compared.

    The side of a comparison that calls `entry` (or `candidate`) counts as the
    observed one, the left one if neither or both do. Text that is not Python comes
    back unchanged: the tester will say what is wrong with it.

    Example:
        >>> rewrite_asserts("assert f(1) == 2", "f")
        "__codegrad_check__(lambda: None, '==', f(1), 2, False)"
    """
    if "assert" not in text:
        return text
    try:
        tree = ast.parse(text)
        return ast.unparse(_Rewriter(entry).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


class _Rewriter(ast.NodeTransformer):
    """Replaces asserts by calls."""

    def __init__(self, entry: str) -> None:
        self.entries = {entry, "candidate"}

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Return the call in place of `node`, or `node` itself."""
        arguments = self._arguments(node.test)
        if arguments is None:
            return node
        nothing = ast.arguments(
            posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        # The message is evaluated only where the assertion fails.
        message = ast.Lambda(args=nothing, body=node.msg or ast.Constant(value=None))
        function = ast.Name(id=CHECK_NAME, ctx=ast.Load())
        call = ast.Call(func=function, args=[message, *arguments], keywords=[])
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))

    def _arguments(self, test: ast.expr) -> list[ast.expr] | None:
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self._comparison(test.left, test.ops[0], test.comparators[0])
        is_negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        inner = test.operand if isinstance(test, ast.UnaryOp) and is_negated else test
        if not (isinstance(inner, ast.Call) and self._calls_entry(inner)):
            return None
        expected = ast.Constant(value=not is_negated)
        return [ast.Constant("truth"), inner, expected, ast.Constant(value=False)]

    def _comparison(
        self, left: ast.expr, operator: ast.cmpop, right: ast.expr
    ) -> list[ast.expr] | None:
        kind = _COMPARISONS.get(type(operator))
        if kind in ("==", "is"):
            return [ast.Constant(kind), *self._sides(left, right)]
        distance = _distance(left)
        if kind is None or distance is None:
            return None
        sides = self._sides(distance.left, distance.right)
        return [ast.Constant(kind), *sides, right]

    def _sides(self, left: ast.expr, right: ast.expr) -> list[ast.expr]:
        is_swapped = self._calls_entry(right) and not self._calls_entry(left)
        return [left, right, ast.Constant(value=is_swapped)]

    def _calls_entry(self, node: ast.expr) -> bool:
        return any(
            isinstance(part, ast.Call)
            and isinstance(part.func, ast.Name)
            and part.func.id in self.entries
            for part in ast.walk(node)
        )


def _distance(node: ast.expr) -> ast.BinOp | None:
    """Return the difference in `abs(a - b)`."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "abs"
        and len(node.args) == 1
        and isinstance(node.args[0], ast.BinOp)
        and isinstance(node.args[0].op, ast.Sub)
    ):
        return node.args[0]
    return None
