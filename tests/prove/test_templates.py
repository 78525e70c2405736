"""Guesses of invariants and relations."""

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.prove.relations import relations
from codegrad.prove.templates import index_names, rewrite


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=6, max_size=12))
def test_every_relation_holds_on_every_row(values: list[int]) -> None:
    rows = [(v, 3 * v - 2, v * v) for v in values]

    found = relations(["x", "y", "z"], rows)

    assert found
    for text in found:
        for x, y, z in rows:
            assert eval(text, {"x": x, "y": y, "z": z})


def test_too_few_rows_suggest_nothing() -> None:
    assert relations(["x", "y"], [(1, 2)]) == []


def test_index_of_a_loop_is_what_counts_its_rounds() -> None:
    def names(text: str) -> list[str]:
        loop = ast.parse(f"for {text}: pass").body[0]
        assert isinstance(loop, ast.For)
        return index_names(loop)

    assert names("i in range(3)") == ["i"]
    assert names("i in range(1, 3)") == ["i", "_i1"]
    assert names("i, x in enumerate(a)") == ["i"]
    assert names("x in a") == ["_i1"]


def test_rewriting_replaces_the_outermost_match() -> None:
    tree = ast.parse("sum(a[:n]) + n", mode="eval").body

    assert (
        ast.unparse(rewrite(tree, {"n": "(n - 1)", "a[:n]": "b"})) == "sum(b) + (n - 1)"
    )
