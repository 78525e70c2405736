from __future__ import annotations

import ast

import pytest

from codegrad.search.analysis import analyse
from codegrad.search.cases import CaseSuite
from codegrad.search.generate import UnitSites
from codegrad.search.sites import ExpressionSite, Scope, is_pure
from codegrad.search.subject import Subject
from tests.search.jobs import call

SOURCE = '''\
def f(xs, k):
    """Text that is no site."""
    total = len(xs) + k
    for i, x in enumerate(xs):
        def inner(y):
            return y + 1
        if x > k and inner(x):
            total += sum(v * k for v in xs if v)
    return f"{total}"
'''


def sites() -> UnitSites:
    subject = Subject(SOURCE)
    suite = CaseSuite(subject, [call([[3, 5], 1], "0")], entry="f")
    unit = subject.units[0]
    found = UnitSites(unit, Scope(unit, analyse(suite), suite.namespace))
    found.observe("f", suite.expectations())
    return found


def site(text: str) -> ExpressionSite:
    return next(site for site in sites().expressions if site.text == text)


def test_each_expression_is_a_site_and_documentation_is_none() -> None:
    texts = [found.text for found in sites().expressions]
    for text in ("len(xs) + k", "x > k and inner(x)", "v * k", "v", "y + 1", "total"):
        assert text in texts
    assert not any("no site" in text for text in texts)


def test_a_site_leads_back_to_its_node() -> None:
    for found in sites().expressions:
        held = getattr(found.parent, found.field)
        assert (held if found.index is None else held[found.index]) is found.node


def test_statements_know_their_loop_and_function() -> None:
    by_text = {ast.unparse(s.node).split("\n")[0]: s for s in sites().statements}
    assert not by_text["total = len(xs) + k"].in_loop
    assert by_text["if x > k and inner(x):"].in_loop
    assert not by_text["return y + 1"].in_loop
    function = by_text["return y + 1"].function
    assert isinstance(function, ast.FunctionDef)
    assert function.name == "inner"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("xs", "list"),
        ("len(xs)", "int"),
        ("x > k", "bool"),
        ("inner(x)", "int"),
        ("1", "int"),
        ("v * k", "int"),
    ],
)
def test_types_are_those_observed(text: str, kind: str) -> None:
    assert site(text).type == kind


def test_comprehension_variables_are_visible_only_inside() -> None:
    found = sites()
    inside = next(s for s in found.expressions if s.text == "v * k")
    outside = next(s for s in found.expressions if s.text == "x > k")
    assert "v" in found.scope.names(inside.statement, inside.inner_names)
    assert "v" not in found.scope.names(outside.statement, outside.inner_names)


@pytest.mark.parametrize(
    ("text", "pure"),
    [
        ("sorted(xs)[0] + len(s.strip())", True),
        ("xs.pop()", False),
        ("print(1)", False),
        ("(y := 2)", False),
        ("open(path)", False),
    ],
)
def test_purity_goes_by_known_calls(text: str, pure: bool) -> None:  # noqa: FBT001 - a table
    assert is_pure(ast.parse(text, mode="eval")) is pure
