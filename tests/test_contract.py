"""Contracts in four notations become one model."""

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


def test_deal_decorators_are_read_with_the_functions_own_names() -> None:
    contract = contract_of("""
import deal

@deal.chain(
    deal.pre(lambda a, b: b > 0 and a != 3),
    deal.ensure(lambda _: _.result <= _.xs_len),
)
@deal.post(lambda value: value >= 0)
@deal.ensure(lambda n, d, result: result * d <= n)
@deal.raises(ValueError, ZeroDivisionError)
def divide(n, d):
    return n // d
""")
    assert [(c.kind.value, c.expression, c.syntax) for c in contract.clauses] == [
        ("pre", "d > 0 and n != 3", "deal"),
        ("post", "result <= xs_len", "deal"),
        ("post", "result >= 0", "deal"),
        ("post", "result * d <= n", "deal"),
        ("raises", "ValueError, ZeroDivisionError", "deal"),
    ]


def test_names_imported_from_deal_and_safe_functions_are_known() -> None:
    contract = contract_of("""
@deal.safe
@pre(lambda x: x > 1)
def half(x):
    return x // 2
""")
    assert [(c.kind.value, c.expression) for c in contract.clauses] == [
        ("raises", ""),
        ("pre", "x > 1"),
    ]


def test_a_condition_that_is_no_lambda_is_reported() -> None:
    contract = contract_of("""
@deal.pre(is_sorted)
@icontract.require()
@deal.unknown(lambda x: x)
def half(x):
    return x // 2
""")
    assert not contract.clauses
    assert len(contract.problems) == 2
    assert "does not hold a lambda" in contract.problems[0]
