"""Contracts in three notations become one model."""

import ast

import pytest

from codegrad.contract import ClauseKind, Contract, read_contract


def contract_of(source: str) -> Contract:
    node = ast.parse(source).body[-1]
    assert isinstance(node, ast.FunctionDef)
    return read_contract(node)


def test_docstring_clauses_on_one_line_and_in_sections_are_read() -> None:
    contract = contract_of('''
def f(a, b):
    """Text.

    pre: a > 0
    pre:
        b > a
        b < 100
    post: __return__ == a + b
    post[a]: __old__.a == a
    """
''')
    found = [(str(c.kind), c.expression) for c in contract.clauses]
    assert found == [
        ("pre", "a > 0"),
        ("pre", "b > a"),
        ("pre", "b < 100"),
        ("post", "result == a + b"),
        ("post", "old_a == a"),
    ]


def test_icontract_decorators_are_read_whether_imported_or_qualified() -> None:
    contract = contract_of("""
@icontract.require(lambda n: n >= 0)
@ensure(lambda result: result > 0)
@other.require(lambda n: False)
def f(n): ...
""")
    assert [(str(c.kind), c.expression, c.syntax) for c in contract.clauses] == [
        ("pre", "n >= 0", "icontract"),
        ("post", "result > 0", "icontract"),
    ]


def test_asserts_at_the_head_of_a_loop_are_invariants_and_later_ones_are_not() -> None:
    contract = contract_of("""
def f(n):
    i = 0
    while i < n:
        assert 0 <= i
        assert i <= n
        i += 1
        assert i > 0
    return i
""")
    invariants = contract.of(ClauseKind.INVARIANT)
    assert [c.expression for c in invariants] == ["0 <= i", "i <= n"]


def test_a_clause_that_does_not_parse_is_reported_and_left_out() -> None:
    contract = contract_of('''
def f(n):
    """Pre and post.

    pre: n >
    post: result == n
    """
''')
    assert [c.expression for c in contract.clauses] == ["result == n"]
    assert "line 5" in contract.problems[0]
    assert "not checked" in contract.problems[0]


def test_prose_is_no_contract() -> None:
    contract = contract_of('''
def f(n):
    """Return n.

    In the post: office people wait. Pre-war: no.
    """
''')
    assert not contract


@pytest.mark.parametrize("word", ["requires", "ensures"])
def test_the_words_of_other_verifiers_are_known(word: str) -> None:
    contract = contract_of(f'def f(n):\n    """{word}: n == n"""\n')
    assert len(contract.clauses) == 1
