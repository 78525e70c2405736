"""Parentheses are asked for exactly where the text would read otherwise."""

import ast
import itertools

import pytest

from codegrad.search.grouping import needs_parentheses

CHILDREN = [
    "x", "f(x)", "x.y", "x[0]", "1.5", "'s'", "-x", "not x", "x ** y", "x + y", "x * y",
    "x | y", "x << y", "x < y", "x and y", "x or y", "x if y else z", "lambda: x",
    "await x",
]  # fmt: skip
PLACES = [
    "P + q", "q + P", "P - q", "q - P", "P * q", "q * P", "P ** q", "q ** P", "-P",
    "not P",
    "P < q", "q < P", "P and q", "q or P", "P if q else r", "q if P else r",
    "q if r else P", "P.y", "P[q]", "q[P]", "P(q)", "q(P)", "q(*P)", "[P, q]", "{q: P}",
    "[q for q in P]", "[q for q in r if P]", "lambda: P", "q(k=P)", "P | q", "q << P",
]  # fmt: skip


def parsed(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(f"async def f(): return ({text})"))
    except SyntaxError:
        return None


@pytest.mark.parametrize(("place", "child"), list(itertools.product(PLACES, CHILDREN)))
def test_parentheses_are_needed_when_the_bare_text_means_something_else(
    place: str, child: str
) -> None:
    body = ast.parse(f"async def f(): return ({child})").body[0]
    assert isinstance(body, ast.AsyncFunctionDef)
    returned = body.body[0]
    assert isinstance(returned, ast.Return)
    assert returned.value is not None
    tree = ast.parse(place, mode="eval")
    parent, name = next(
        (node, field)
        for node in ast.walk(tree)
        for field, value in ast.iter_fields(node)
        for item in (value if isinstance(value, list) else [value])
        if isinstance(item, ast.Name) and item.id == "P"
    )
    enclosed = parsed(place.replace("P", f"({child})"))
    bare = parsed(place.replace("P", child))
    needs = needs_parentheses(parent, name, returned.value)
    if not needs:
        assert bare == enclosed
    elif bare == enclosed:
        # Some places take more than the rule knows: a starred argument, and a
        # prefix operator on the right of an operator that binds tighter.
        assert isinstance(parent, (ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Starred))
