"""The tests of HumanEval-like records -> cases, as far as they are calls.

An assert that compares one call with a constant becomes a case, whose expectation the
candidate's process never sees. All others stay code and run beside the candidate, in a
process of their own.
"""

import ast
from collections.abc import Sequence
from typing import Any

from codegrad.bench.oracles import Truth
from codegrad.bench.problems import Case, Suite
from codegrad.errors import DatasetError, TestsError
from codegrad.task import AssertionCheck, CallCheck
from codegrad.tasks.assertions import comparison_check, read_assertions
from codegrad.tasks.literals import literal_call


def suite_from_check(name: str, test: str, entry_point: str, prelude: str) -> Suite:
    r"""Return the suite that a `check(candidate)` function states.

    Raises:
        DatasetError: If `test` is not Python or holds no assert.

    Example:
        >>> test = "def check(candidate):\n    assert candidate(2) == 1 + 3"
        >>> suite_from_check("base", test, "f", "").cases[0].expected
        4
    """
    cases = _plain_cases(test)
    if cases:
        return Suite(name, cases)
    return _suite_from_code(name, test, entry_point, prelude)


def _plain_cases(test: str) -> tuple[Case, ...]:
    """Return the cases of a check that is nothing but comparisons of calls, or none.

    This is the quick way, which nearly every record takes.
    """
    try:
        tree = ast.parse(test)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or not functions[0].args.args:
        return ()
    function = functions[0].args.args[0].arg
    cases = []
    for node in functions[0].body:
        if not isinstance(node, ast.Assert):
            return ()
        if isinstance(node.test, ast.Constant) and node.test.value:
            continue  # says nothing about the candidate
        check = _as_call(node, function)
        if check is None:
            return ()
        cases.append(_case(check))
    return tuple(cases)


def _suite_from_code(name: str, test: str, entry_point: str, prelude: str) -> Suite:
    try:
        constraints = read_assertions(test, entry_point)
    except TestsError as error:
        raise DatasetError(
            f"the tests of {entry_point} cannot be used: {error}"
        ) from error
    cases, checks = [], []
    for constraint in constraints:
        check = constraint.check
        if isinstance(check, AssertionCheck):
            check = _folded(check, entry_point)
        if isinstance(check, CallCheck):
            cases.append(_case(check))
        else:
            assert isinstance(check, AssertionCheck)
            checks.append(check.source)
    helpers = _without(prelude, entry_point) if checks else ""
    return Suite(name, tuple(cases), checks=tuple(checks), prelude=helpers)


def _case(check: CallCheck) -> Case:
    return Case(check.args, check.kwargs, check.expected, check.tolerance or 0.0)


def _without(prelude: str, entry_point: str) -> str:
    """Return `prelude` without the function that the sample defines."""
    try:
        tree = ast.parse(prelude)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.FunctionDef) and node.name == entry_point)
    ]
    return ast.unparse(tree)


def _folded(check: AssertionCheck, entry_point: str) -> AssertionCheck | CallCheck:
    """Return `check` as a call if computing its constants makes it one."""
    try:
        tree = ast.parse(check.source)
    except (SyntaxError, ValueError, RecursionError):
        return check
    last = tree.body[-1]
    if not isinstance(last, ast.Assert) or not _stands_alone(last, tree.body[:-1]):
        return check
    return _as_call(last, entry_point) or check


def _as_call(node: ast.Assert, function: str) -> CallCheck | None:
    """Return what an assert states about one call of `function`, or None."""
    found = comparison_check(node.test, function)
    if found is not None:
        return found
    try:
        folded = ast.fix_missing_locations(_Fold().visit(node)).test
    except (ArithmeticError, RecursionError, TypeError, ValueError):
        return None
    return comparison_check(folded, function) or _truth(folded, function)


def _stands_alone(node: ast.Assert, before: Sequence[ast.stmt]) -> bool:
    """Return whether `before` does nothing but bind names that `node` does not use."""
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return all(
        isinstance(statement, ast.Assign)
        and all(
            isinstance(target, ast.Name) and target.id not in used
            for target in statement.targets
        )
        for statement in before
    )


def _truth(test: ast.expr, entry_point: str) -> CallCheck | None:
    """Return the check of `f(literals)` or `not f(literals)`, or None."""
    is_negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    call = literal_call(test.operand if isinstance(test, ast.UnaryOp) else test)
    if call is None or call.function != entry_point:
        return None
    if isinstance(test, ast.UnaryOp) and not is_negated:
        return None
    return CallCheck(call.args, Truth(not is_negated), call.kwargs)


_OPERATORS: dict[type, Any] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}


class _Fold(ast.NodeTransformer):
    """Computes arithmetic on constants."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        operands = [node.left, node.right]
        operator = _OPERATORS.get(type(node.op))
        values: list[Any] = [
            item.value for item in operands if isinstance(item, ast.Constant)
        ]
        is_power = isinstance(node.op, ast.Pow)
        if is_power and len(values) == len(operands) and set(values) <= {0, 1}:
            return ast.Constant(values[0] ** values[1])
        if operator is None or len(values) < len(operands) or not _are_small(values):
            return node
        return ast.Constant(operator(*values))


def _are_small(values: Sequence[object]) -> bool:
    return all(
        (isinstance(value, int | float) and abs(value) < 1 << 32)
        or (isinstance(value, str) and len(value) < 1 << 10)
        for value in values
    )
