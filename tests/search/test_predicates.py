from __future__ import annotations

import ast

from codegrad.search.predicates import predicates


def test_all_are_expressions_and_none_repeats() -> None:
    names = {"n": {"int"}, "xs": {"list"}, "s": {"str"}, "node": {"Node", "NoneType"}}
    found = predicates(names, ["'a'", "'b'"])
    for text in found:
        ast.parse(text, mode="eval")
    assert len(found) == len(set(found))


def test_they_fit_the_observed_types() -> None:
    found = predicates({"n": {"int"}, "xs": {"list"}, "node": {"NoneType"}}, [])
    assert {"n == 0", "not xs", "n in xs", "node is None", "len(xs) == 1"} <= set(found)
    assert not {"len(n) == 1", "xs < 2", "n.isalpha()"} & set(found)


def test_the_order_is_that_of_the_names() -> None:
    assert predicates({"b": {"bool"}, "a": {"bool"}}, [])[:4] == [
        "not b",
        "b",
        "not a",
        "a",
    ]
