import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.verify.mutants import mutants

BLOCK = '''
"""A module."""
LIMIT = 3

def unused(a):
    return a + 99

def helper(a: "int" = 4) -> "int":
    """Say 'no'."""
    return a * 2

def f(xs, flag=True):
    """Say 'yes'.

    More.
    """
    total = 0
    for x in xs:
        if x > 1 and flag:
            total += helper(x)
        elif not x:
            continue
    while total >= 10:
        total -= 1
        break
    name = f"{total + 1} items"
    return name if total else ""
'''


def edits(source: str, entry: str) -> list[str]:
    return [mutant.edit for mutant in mutants(source, entry)]


def test_every_kind_of_edit_is_made() -> None:
    found = edits(BLOCK, "f")
    for edit in (
        "> becomes >=",
        "and becomes or",
        "True becomes False",
        "+ becomes -",
        "* becomes +",
        "0 becomes 1",
        "'' becomes 'x'",
        "`x > 1 and flag` is negated",
        "returns None",
        "`continue` is left out",
        "`break` is left out",
        "`total += helper(x)` is left out",
    ):
        assert edit in found, edit


def test_only_what_the_function_needs_is_edited() -> None:
    texts = [mutant.source for mutant in mutants(BLOCK, "f")]
    assert all("return a + 99" in text for text in texts)
    assert any("return a + 2" in text for text in texts)
    assert all("LIMIT = 3" in text for text in texts)


def test_docstrings_and_annotations_are_left_alone() -> None:
    for mutant in mutants(BLOCK, "f"):
        tree = ast.parse(mutant.source)
        assert ast.get_docstring(tree) == "A module."
        functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert ast.get_docstring(functions["f"]) == "Say 'yes'.\n\nMore."
        assert ast.unparse(functions["helper"].args) in {
            "a: 'int'=4",
            "a: 'int'=5",
            "a: 'int'=3",
        }


def test_mutants_are_distinct_programs_at_their_line() -> None:
    found = list(mutants(BLOCK, "f"))
    texts = [mutant.source for mutant in found]
    assert len(set(texts)) == len(texts)
    assert ast.unparse(ast.parse(BLOCK)) + "\n" not in texts
    lines = BLOCK.splitlines()
    (helped,) = [m for m in found if m.edit == "`total += helper(x)` is left out"]
    assert "helper(x)" in lines[helped.line - 1]


@pytest.mark.parametrize("text", ["def f(:", "", "def f(): pass", "\0"])
def test_a_text_without_anything_to_edit_has_no_mutants(text: str) -> None:
    assert edits(text, "f") == []


def test_a_program_is_edited_everywhere() -> None:
    assert "+ becomes -" in edits("print(int(input()) + 1)", "")


@given(st.integers(-9, 9), st.sampled_from(["+", "-", "*", "//", "%", "**"]))
def test_every_mutant_compiles(number: int, sign: str) -> None:
    source = f"def f(a):\n    return (a {sign} {number}) < 3\n"
    for mutant in mutants(source, "f"):
        compile(mutant.source, "m", "exec")


def test_builtins_have_siblings_and_parameters_are_exchanged() -> None:
    source = "def f(x, low):\n    return max(low, min(x, low))\n"
    edits = {m.edit for m in mutants(source, "f")}
    assert {"max becomes min", "min becomes max", "x becomes low"} <= edits
    assert "low becomes x" in edits


def test_the_only_parameter_and_other_names_stay() -> None:
    edits = {m.edit for m in mutants("def f(x):\n    y = x\n    return y\n", "f")}
    assert not any("becomes" in edit for edit in edits)
