"""The gate: which verified proposal may replace the program.

In: a proposal's loss, the program's loss. Out: an empty text, or why not. Invariant:
but for `Gate.NONE` no step loses what the program had.
"""

import ast
from functools import lru_cache
from typing import assert_never

from codegrad.loss import Loss
from codegrad.optim.strategy import Gate


def refusal(gate: Gate, loss: Loss, current: Loss, *, from_stub: bool = False) -> str:
    """Return an empty text if `loss` may replace `current`, else why not.

    A stub is nothing that could be lost: any text that satisfies as many hard
    constraints is better, be it larger.
    """
    if gate is Gate.NONE:
        return ""
    gain = len(loss.satisfied) - len(current.satisfied)
    if from_stub and gain >= 0:
        return ""
    match gate:
        case Gate.MONOTONE:
            return loss.improves_on(current)
        case Gate.ANCHORS:
            lost = sorted(current.satisfied - loss.satisfied)
            if lost:
                return f"breaks the anchor {lost[0]}"
            return "" if gain else "passes no further test"
        case Gate.MORE_TESTS:
            return "" if gain > 0 else "satisfies no more than the program"
    assert_never(gate)


@lru_cache(maxsize=256)
def is_stub(text: str, entry_point: str) -> bool:
    r'''Return whether the entry point of a module has no body worth keeping.

    Example:
        >>> is_stub('def f(x):\n    """Double."""\n    pass\n', "f")
        True
        >>> is_stub("def f(x):\n    return x\n", "f")
        False
    '''
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if not entry_point:
        return all(map(_is_nothing, tree.body))
    name = entry_point.rpartition(".")[2]
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == name
    ]
    return bool(found) and all(map(_is_nothing, found[-1].body))


def _is_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Return(value=None) | ast.Return(value=ast.Constant(value=None)):
            return True
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
        case _:
            return False
