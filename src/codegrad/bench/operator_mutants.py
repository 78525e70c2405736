"""Single-operator mutants of a Python module.

In: source text. Out: texts that differ from it in one operator or one constant.
"""

import ast
import copy
from collections.abc import Iterator
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}


def mutants(source: str) -> Iterator[str]:
    """Yield every single-operator mutant of a module.

    Example:
        >>> [text.split()[-3:] for text in mutants("def f(a): return a < 1")]
        [['a', '<=', '1'], ['a', '>', '1'], ['a', '<', '2']]
    """
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            mutant = copy.deepcopy(tree)
            target = list(ast.walk(mutant))[index]
            _change_in(target, change)
            yield ast.unparse(mutant)


def _changes(node: ast.AST) -> list[Any]:  # noqa: PLR0911 - one answer a node
    match node:
        case ast.Compare(ops=[first, *_]):
            return list(_COMPARISONS.get(type(first), ()))
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator):
            other = _OPERATORS.get(type(operator))
            return [other] if other else []
        case ast.BoolOp(op=ast.And()):
            return [ast.Or]
        case ast.BoolOp(op=ast.Or()):
            return [ast.And]
        case ast.Constant(value=bool(value)):
            return [not value]
        case ast.Constant(value=int(value)):
            return [value + 1]
        case ast.UnaryOp(op=ast.Not()):
            return [ast.UAdd]
        case _:
            return []


def _change_in(node: ast.AST, change: Any) -> None:  # noqa: ANN401 - an operator or a value
    """Put a change of `_changes` into a node."""
    match node:
        case ast.Compare():
            node.ops[0] = change()
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            node.op = change()
        case ast.Constant():
            node.value = change
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(ast.Not(), node.operand)


def difference(first: str, second: str) -> str:
    r"""Return the lines that differ between two texts of equal length.

    Example:
        >>> difference("a\nb", "a\nc")
        '- b + c'
    """
    pairs = zip(first.splitlines(), second.splitlines(), strict=False)
    return " ".join(f"- {a.strip()} + {b.strip()}" for a, b in pairs if a != b)
