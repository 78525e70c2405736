"""The meaning of expressions: the prover against Python, on points.

A function of one expression gets a precondition that allows one input only. What Python
returns there must be provable, and anything else must not be: a difference is an error
in the translation, whatever the contract.
"""

import random

import pytest

from codegrad.prove.proof import prove
from codegrad.verdict import Status

SIGNATURE = "def f(a: int, b: int, p: bool, xs: list[int], s: str):"
POINTS: list[tuple[int, int, bool, list[int], str]] = [
    (7, -2, True, [3, 1, 2], "abca"),
    (-7, 2, False, [], ""),
    (0, 1, True, [5], "b"),
    (-1, -3, False, [2, 2, -1, 0], "zyx"),
]
EXPRESSIONS = [
    "a // b",
    "a % b",
    "divmod(a, b)",
    "-a // 2 + a % 3",
    "abs(a) - abs(b)",
    "a ** 2 - b",
    "2 ** abs(b)",
    "a >> 1",
    "a << 3",
    "a & 7",
    "~a",
    "p + p + a",
    "not a",
    "a and b",
    "a or b",
    "p and not p",
    "a < b < 5",
    "a != b != a",
    "min(a, b, 0)",
    "max(a, b)",
    "len(xs) + len(s)",
    "xs[a]",
    "xs[-1]",
    "xs[:2]",
    "xs[a:b]",
    "xs[b:]",
    "xs[:-1]",
    "xs[::2]",
    "xs[::-1]",
    "xs[a::-2]",
    "xs[1:0:-1]",
    "xs + [a, b]",
    "[a] + xs",
    "[a] * b",
    "xs * 2",
    "xs == [3, 1, 2]",
    "xs < [3, 2]",
    "(a, b) < (b, a)",
    "(a, xs) == (7, [3, 1, 2])",
    "a in xs",
    "2 not in xs",
    "a in range(b)",
    "a in (1, 7)",
    "sum(xs)",
    "sum(x * x for x in xs)",
    "sum(x for x in xs if x > 1)",
    "sum(xs, a)",
    "sum(1 for c in s if c == 'a')",
    "max(xs)",
    "min(xs)",
    "max(xs, default=a)",
    "max(x - a for x in xs)",
    "sorted(xs)",
    "sorted(xs, reverse=True)",
    "[x + 1 for x in xs]",
    "[x for x in xs if x > 1]",
    "[i * x for i, x in enumerate(xs)]",
    "[x - y for x, y in zip(xs, xs[1:])]",
    "[i for i in range(5, 0, -2)]",
    "list(range(a))",
    "list(reversed(xs))",
    "list(s)",
    "all(x > 0 for x in xs)",
    "any(x > 2 for x in xs)",
    "all(xs)",
    "any(xs)",
    "all(x < y for x in xs for y in xs if x != y)",
    "xs.count(2)",
    "s[0]",
    "s[1:3]",
    "s[::-1]",
    "s + 'x'",
    "s * 2",
    "s == 'abca'",
    "s < 'b'",
    "'bc' in s",
    "'' in s",
    "s[:1] in 'abc'",
    "s.count('a')",
    "s.startswith('ab')",
    "s.endswith('x')",
    "''.join(c for c in s if c != 'a')",
    "''.join(reversed(s))",
    "ord(s)",
    "chr(abs(a) + 97)",
    "bool(xs)",
    "int(p)",
    "a if p else b",
    "None if p else a",
    "(a, b)[1]",
    "(a, b) + (1,)",
    "len((a, b))",
    "[xs, [a]]",
    "[xs, [a]][0]",
    "[(x, a) for x in xs]",
]


def check(expression: str, point: tuple[int, int, bool, list[int], str]) -> bool:
    """Compare the two meanings; return whether the prover proved the true one."""
    names = ("a", "b", "p", "xs", "s")
    given = " and ".join(f"{n} == {v!r}" for n, v in zip(names, point, strict=True))
    env = dict(zip(names, point, strict=True))

    def status(post: str) -> Status:
        source = f"{SIGNATURE}\n    '''pre: {given}\n    post: {post}\n    '''\n"
        return prove(f"{source}    return {expression}\n", "f", cpu_s=1.5).status

    try:
        value = eval(expression, dict(env))
    except Exception:  # noqa: BLE001 - whatever the expression raises
        assert status("True") is Status.UNKNOWN
        return True
    if isinstance(value, float):
        assert status("True") is Status.UNKNOWN
        return True
    assert status(f"not (result == {value!r})") is not Status.PROVED
    return status(f"result == {value!r}") is Status.PROVED


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_meaning_agrees_with_python_on_a_point(expression: str) -> None:
    number = EXPRESSIONS.index(expression) % len(POINTS)

    assert check(expression, POINTS[number])


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_meaning_agrees_with_python_on_most_points(
    point: tuple[int, int, bool, list[int], str],
) -> None:
    proved = [check(expression, point) for expression in EXPRESSIONS]

    assert sum(proved) >= 0.9 * len(proved)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_meaning_agrees_with_python_on_combined_expressions(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(30):
        check(_expression(source, 3), source.choice(POINTS))


def _expression(source: random.Random, depth: int) -> str:
    if depth == 0:
        return source.choice(["a", "b", "0", "1", "2", "-1", "len(xs)", "p"])

    def deeper() -> str:
        return _expression(source, depth - 1)

    def sequence() -> str:
        return source.choice(["xs", f"xs[{deeper()}:]", f"xs[:{deeper()}]", "xs[::-1]"])

    x, y, z = deeper(), deeper(), deeper()
    return source.choice(
        [
            f"({x} + {y})",
            f"({x} - {y})",
            f"({x} * {y})",
            f"({x} // {y})",
            f"({x} % {y})",
            f"({x} if {y} < {z} else {z})",
            f"({x} < {y} <= {z})",
            f"({x} and {y})",
            f"(not {x} or {y} != {z})",
            f"min({x}, {y})",
            f"{sequence()}[{x}]",
            f"sum({sequence()})",
            f"len({sequence()})",
            f"max({sequence()}, default={x})",
            f"sum({x} for q in {sequence()} if q > {y})",
            f"all(q > {x} for q in {sequence()})",
            f"{sequence()}.count({x})",
            f"len([q for q in {sequence()} if q % 2 == {x}])",
            f"({x} in {sequence()})",
        ]
    )
