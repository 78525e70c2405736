from __future__ import annotations

import ast

import pytest

from codegrad.search.analysis import analyse
from codegrad.search.cases import CaseSuite
from codegrad.search.edits import COST, Edit
from codegrad.search.generate import generate_edits
from codegrad.search.splice import splice
from codegrad.search.subject import Subject
from tests.search.jobs import Json, call

WIDE = '''\
def f(xs, s, n):
    """Touch every kind of statement."""
    out = []
    best = None
    for i, x in enumerate(xs):
        if x > n and s:
            out.append(x)
        elif not s or x in (1, 2):
            continue
        else:
            n += i
        while n > 10:
            n = n // 2 - 1
            break
    if len(s) <= 3:
        s = s.lower()
    best = max(out, key=abs) if out else best
    pairs = {k: v for k, v in zip(xs, xs[1:])}
    return sorted([x * 2 for x in xs if x])[:n] + out[::-1], pairs, best
'''


def edits_of(source: str, *tests: Json) -> tuple[Subject, list[Edit]]:
    subject = Subject(source)
    suite = CaseSuite(subject, list(tests), entry="f")
    return subject, list(generate_edits(subject, suite, analyse(suite), "f"))


@pytest.fixture(scope="module")
def wide() -> tuple[Subject, list[Edit]]:
    return edits_of(WIDE, call([[3, 1, 2], "Ab", 2], 0))


def test_the_cheapest_come_first(wide: tuple[Subject, list[Edit]]) -> None:
    costs = [edit.cost for edit in wide[1]]
    assert costs == sorted(costs)
    assert len(costs) > 3000


def test_every_edit_is_undone_without_a_trace(wide: tuple[Subject, list[Edit]]) -> None:
    subject, edits = wide
    before = ast.dump(subject.tree, include_attributes=True)
    for edit in edits:
        try:
            old = edit.apply()
        except SyntaxError:
            continue
        edit.guards()
        edit.undo(old)
    assert ast.dump(subject.tree, include_attributes=True) == before


def test_nearly_every_edit_is_a_program(wide: tuple[Subject, list[Edit]]) -> None:
    subject, edits = wide
    wrong = 0
    for edit in edits[::11]:
        try:
            old = edit.apply()
        except SyntaxError:
            wrong += 1
            continue
        try:
            subject.compile_unit(edit.unit, edit.guards())
        except (SyntaxError, ValueError, TypeError):
            wrong += 1
        finally:
            edit.undo(old)
    assert wrong < len(edits[::11]) * 0.05


def test_what_is_shown_is_what_was_tried(wide: tuple[Subject, list[Edit]]) -> None:
    subject, edits = wide
    for edit in edits[::211]:
        old = edit.apply(positions=False)
        tree = subject.clean_tree()
        edit.undo(old)
        assert ast.dump(ast.parse(splice(WIDE, tree))) == ast.dump(tree)


def test_templates_are_named_in_the_table(wide: tuple[Subject, list[Edit]]) -> None:
    known = {key.partition(":")[0] for key in COST} | {"numeric", "text", "sequence"}
    assert {edit.template for edit in wide[1]} <= known


def test_the_same_program_has_the_same_edits() -> None:
    first, second = (edits_of(WIDE, call([[3, 1], "Ab", 2], 0))[1] for _ in range(2))
    assert [(e.cost, e.line, e.describe()) for e in first] == [
        (e.cost, e.line, e.describe()) for e in second
    ]


@pytest.mark.parametrize(
    ("body", "args", "expected", "repaired"),
    [
        ("return x < 3", [3], True, "x <= 3"),
        ("return x - 1", [3], 4, "(x) + (1)"),
        ("return not x", [True], True, "(x)"),
        ("return sorted(x)", [[1, 3, 2]], [3, 2, 1], "sorted(x, reverse=True)"),
        ("return x[1:3]", [[1, 2, 3]], [1, 2, 3], "x"),
        ("return any(i > 1 for i in x)", [[1, 2]], False, "all"),
        ("return x.lower()", ["aB"], "AB", "x.upper"),
        ("return list(range(x))", [3], [1, 2, 3], "range(1, x + 1)"),
        ("return x if x > 0 else 0", [-1], -1, "0 if x > 0 else x"),
        ("return len(x)", [[2, 3]], 5, "sum"),
    ],
)
def test_ordinary_slips_have_their_edit(
    body: str, args: list[object], expected: object, repaired: str
) -> None:
    _, edits = edits_of(f"def f(x):\n    {body}", call(args, expected))
    assert repaired in [edit.source for edit in edits]


def test_only_reached_functions_that_may_change_are_edited() -> None:
    source = (
        "def g(x):\n    return x\ndef f(x):\n    return g(x) + 1\n"
        "def h(x):\n    return x"
    )
    _, edits = edits_of(source, call([1], 1))
    assert {edit.unit.name for edit in edits} == {"f", "g"}
    subject = Subject(source, ["g"])
    suite = CaseSuite(subject, [call([1], 1)], entry="f")
    edits = list(generate_edits(subject, suite, analyse(suite), "f"))
    assert {edit.unit.name for edit in edits} == {"g"}


@pytest.mark.parametrize(
    ("old", "new", "never"),
    [
        ("n + 1", "n", "n + 0"),
        ("n - 1", "n", "n - 0"),
        ("1 + n", "n", "0 + n"),
        ("n * 2", "n", "n * 1"),
        ("1 - n", "0 - n", ""),
    ],
)
def test_no_operation_is_left_that_does_nothing(old: str, new: str, never: str) -> None:
    subject, edits = edits_of(f"def f(n):\n    return {old}\n", call([3], 0))
    costs: dict[str, float] = {}
    for edit in edits:
        before = edit.apply()
        text = ast.unparse(subject.tree).rpartition("return ")[2]
        costs.setdefault(text, edit.cost)
        edit.undo(before)
    assert costs[new] == COST["constant:near"]
    assert never not in costs
