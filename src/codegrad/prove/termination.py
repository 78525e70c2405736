"""Guesses of measures that fall towards zero.

In: a loop or a recursive function. Out: Python expressions, most likely first; whether
one of them really falls is for the solvers to say. Invariant: none is trusted.
"""

import ast
import itertools
from collections.abc import Iterator

from codegrad.contract import ClauseKind
from codegrad.prove.subset import Function, parameters

_SEQUENCES = ("list", "List", "str", "typing.List")


def measures_of_parameters(function: Function) -> list[ast.expr]:
    """Return measures of a recursive function over its parameters.

    A `decreases:` clause is the only candidate where there is one.
    """
    given = function.clauses(ClauseKind.DECREASES)
    if given:
        return given
    numbers: list[str] = []
    lengths: list[str] = []
    for parameter in parameters(function.node):
        text = ast.unparse(parameter.annotation) if parameter.annotation else ""
        if text.split("[")[0] in _SEQUENCES:
            lengths.append(f"len({parameter.arg})")
        elif text in ("int", "bool"):
            numbers.append(parameter.arg)
    return [_parsed(t) for t in _combined(numbers, lengths)]


def _combined(numbers: list[str], lengths: list[str]) -> Iterator[str]:
    yield from numbers
    yield from lengths
    yield from (f"abs({n})" for n in numbers)
    for high in (*numbers, *lengths):
        for low in (*numbers, *lengths):
            if high != low:
                yield f"{high} - {low}"
    yield from (f"{n} + 1" for n in numbers)
    for first in numbers:
        for second in numbers:
            if first < second:
                yield f"{first} + {second}"


def measures_of_loop(loop: ast.While, changed: list[str]) -> list[ast.expr]:
    """Return measures of a `while` loop, from its condition and what it changes."""
    found: dict[str, None] = {}
    for part in _conjuncts(loop.test):
        for text in _from_comparison(part):
            found[text] = None
    found.update(dict.fromkeys(_from_alternatives(loop.test)))
    for name in changed:
        found[name] = None
        found[f"len({name})"] = None
        found[f"abs({name})"] = None
    found.update(dict.fromkeys(_from_breaks(loop)))
    for sequence, name in itertools.product(_subscripted(loop), changed):
        found[f"len({sequence}) - {name}"] = None
    for first in changed:
        for second in changed:
            if first != second:
                found[f"{first} + {second}" if first < second else ""] = None
                found[f"{first} - {second}"] = None
    found.pop("", None)
    return [_parsed(t) for t in found]


def _from_alternatives(test: ast.expr) -> Iterator[str]:
    """Yield what is left to do in all parts of an `or` together."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        firsts = [next(_from_comparison(part), "") for part in test.values]
        if all(firsts):
            yield " + ".join(f"({text})" for text in firsts)


def _conjuncts(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _conjuncts(value)
    else:
        yield test


def _from_comparison(test: ast.expr) -> Iterator[str]:
    match test:
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            operands = [left, *comparators]
            for op, low, high in zip(ops, operands, operands[1:], strict=False):
                a, b = ast.unparse(low), ast.unparse(high)
                if isinstance(op, ast.Gt | ast.GtE):
                    a, b = b, a
                if isinstance(op, ast.Lt | ast.Gt | ast.LtE | ast.GtE):
                    yield f"({b}) - ({a})"
                    yield f"({b}) - ({a}) + 1"
                elif isinstance(op, ast.NotEq):
                    yield f"abs(({b}) - ({a}))"
                    yield f"({b}) - ({a})"
                    yield f"({a}) - ({b})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _from_comparison(operand)
        case _:
            yield ast.unparse(test)
            yield f"len({ast.unparse(test)})"


def _subscripted(loop: ast.While) -> list[str]:
    found = (
        n.value.id
        for n in ast.walk(loop)
        if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)
    )
    return list(dict.fromkeys(found))


def _from_breaks(loop: ast.While) -> Iterator[str]:
    for node in ast.walk(loop):
        if isinstance(node, ast.If) and any(
            isinstance(n, ast.Break | ast.Return) for n in node.body
        ):
            for part in _conjuncts(node.test):
                for text in _from_comparison(part):
                    yield text
                    yield f"-({text})"


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
