"""Which part of a clause is false on which values, and which way it has to change.

In: a clause and plain values of its names. Out: one sentence. The clause is
interpreted within limits, never executed. Invariant: what the sentence says was
evaluated; where it cannot be, there is no sentence.
"""

import ast
from collections.abc import Iterator, Mapping

from codegrad.prove.interpret import RAISES, Abandoned, Interpreter, bind
from codegrad.prove.kinds import Unsupported
from codegrad.prove.subset import Module
from codegrad.tasks.literals import shorten

_WANTED: dict[type[ast.cmpop], str] = {
    ast.Eq: "has to be",
    ast.NotEq: "must not be",
    ast.Lt: "has to be less than",
    ast.LtE: "has to be at most",
    ast.Gt: "has to be greater than",
    ast.GtE: "has to be at least",
    ast.In: "has to be in",
    ast.NotIn: "must not be in",
}
_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def explain(source: str, expression: str, values: Mapping[str, object]) -> str:
    """Return why the clause is false, or nothing if that cannot be told.

    `source` has the functions that the clause may call.

    Example:
        >>> explain("", "a <= result <= b", {"a": 1, "b": 2, "result": 3})
        '`result <= b` is false: `result` is 3, and has to be at most 2'
    """
    try:
        teller = _Teller(Interpreter(Module(source)))
        return teller.tell(ast.parse(expression, mode="eval").body, dict(values))
    except (Unsupported, Abandoned, RecursionError, *RAISES):
        return ""


class _Teller:
    """Looks for the false part."""

    def __init__(self, interpreter: Interpreter) -> None:
        self.interpreter = interpreter

    def value(self, node: ast.expr, env: dict[str, object]) -> object:
        return self.interpreter.evaluate(node, env)

    def tell(self, node: ast.expr, env: dict[str, object]) -> str:
        for part in _parts(node):
            if not self.interpreter.holds(part, env):
                return self._about(part, env)
        return ""

    def _about(self, part: ast.expr, env: dict[str, object]) -> str:
        text = ast.unparse(part)
        match part:
            case ast.Call(
                func=ast.Name(id="all"),
                args=[ast.GeneratorExp(elt=claim, generators=[generator])],
            ):
                return self._first_false(claim, generator, env)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return f"`{text}` is false: {self._sides(left, op, right, env)}"
        return f"`{text}` is false"

    def _first_false(
        self, claim: ast.expr, generator: ast.comprehension, env: dict[str, object]
    ) -> str:
        for item in self.interpreter.iterate(generator.iter, env):
            inner = dict(env)
            bind(generator.target, item, inner)
            wanted = all(self.value(test, inner) for test in generator.ifs)
            if wanted and not self.value(claim, inner):
                target = ast.unparse(generator.target)
                return f"for `{target}` = {shorten(repr(item))}, " + self.tell(
                    claim, inner
                )
        return ""

    def _sides(
        self, left: ast.expr, op: ast.cmpop, right: ast.expr, env: dict[str, object]
    ) -> str:
        kind = type(op)
        if not _mentions_result(left) and _mentions_result(right) and kind in _MIRRORED:
            left, right, kind = right, left, _MIRRORED[kind]
        observed, wanted = (shorten(repr(self.value(n, env))) for n in (left, right))
        return f"`{ast.unparse(left)}` is {observed}, and {_WANTED[kind]} {wanted}"


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            for value in values:
                yield from _parts(value)
        case ast.Compare(left=left, ops=ops, comparators=rest) if len(ops) > 1:
            for low, op, high in zip([left, *rest], ops, rest, strict=False):
                yield ast.Compare(low, [op], [high])
        case _:
            yield node


def _mentions_result(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Name) and n.id == "result" for n in ast.walk(node))
