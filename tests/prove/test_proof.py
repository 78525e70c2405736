"""What the front door promises, on small functions."""

import json

import pytest

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.prove.result import NO_EXCEPTION, ReplayResult
from codegrad.verdict import Status
from tests.prove.judge import observe
from tests.prove.proving import prove

MAXIMUM = '''
def maximum(a: list[int]) -> int:
    """pre: len(a) > 0
    post: all(x <= result for x in a)
    post: result in a"""
    best = a[0]
    for x in a:
        if x > best:
            best = x
    return best
'''

WRONG = '''
def middle(a: int, b: int) -> int:
    """pre: a <= b
    post: a <= result <= b"""
    return (a + b) // 2 + 1
'''


def test_loop_is_proved_from_its_contract_alone() -> None:
    result = prove(MAXIMUM, "maximum")

    assert result.status is Status.PROVED
    assert result.terminates
    assert not result.vacuous
    assert result.invariants


def test_without_inference_the_same_loop_stays_unknown() -> None:
    result = prove(MAXIMUM, "maximum", infer=False)

    assert result.status is Status.UNKNOWN
    assert any("not proved" in c.reason for c in result.clauses)


def test_every_condition_of_a_proof_names_who_proved_it() -> None:
    conditions = prove(MAXIMUM, "maximum").conditions

    assert all(c.holds for c in conditions)
    assert sum(c.first == c.second == "holds" for c in conditions) >= 5


def test_certificate_is_plain_data_with_versions_and_hashes() -> None:
    certificate = prove(MAXIMUM, "maximum").certificate
    assert certificate is not None

    record = json.loads(json.dumps(certificate.to_dict()))

    assert record["schema"] == "codegrad-proof/1"
    assert {name for name, _ in record["solvers"]} == {"z3", "cvc5"}
    assert len(record["source_sha256"]) == len(record["contract_sha256"]) == 64
    assert any("recursion depth" in a for a in record["assumptions"])
    assert any("`a` is `list[int]`, as annotated" in a for a in record["assumptions"])


def test_certificate_of_changed_code_has_another_hash() -> None:
    first = prove(MAXIMUM, "maximum").certificate
    second = prove(MAXIMUM.replace("x > best", "x >= best"), "maximum").certificate
    assert first is not None
    assert second is not None

    assert first.source_sha256 != second.source_sha256
    assert first.contract_sha256 == second.contract_sha256


def test_replayed_violation_refutes_the_clause() -> None:
    result = prove(WRONG, "middle", replay=lambda a: observe(WRONG, "middle", a))

    assert result.status is Status.REFUTED
    assert result.counterexample is not None
    assert result.replayed is not None
    assert result.clauses[0].status is Status.REFUTED
    assert observe(WRONG, "middle", result.counterexample).violated


def test_without_a_replay_nothing_is_refuted() -> None:
    assert prove(WRONG, "middle").status is Status.UNKNOWN


def test_replay_that_does_not_confirm_refutes_nothing() -> None:
    def outside(arguments: tuple[object, ...]) -> ReplayResult:
        del arguments
        return ReplayResult(is_in_domain=False)

    assert prove(WRONG, "middle", replay=outside).status is Status.UNKNOWN


def test_model_of_a_solver_finds_what_small_inputs_miss() -> None:
    source = '''
def f(n: int) -> int:
    """post: result != 123456"""
    return 2 * n + 2
'''
    result = prove(source, "f", replay=lambda a: observe(source, "f", a))

    assert result.counterexample == (61727,)


def test_raised_exception_is_a_violation_of_its_own() -> None:
    source = '''
def f(a: list[int]) -> int:
    """post: result == a[0]"""
    return a[0]
'''
    result = prove(source, "f", replay=lambda a: observe(source, "f", a))

    assert result.counterexample == ([],)
    assert result.clauses[-1].expression == NO_EXCEPTION
    assert result.clauses[-1].status is Status.REFUTED


def test_contradictory_preconditions_are_vacuous() -> None:
    source = '''
def f(n: int) -> int:
    """pre: n > 0 and n < 0
    post: result == 7"""
    return n
'''
    result = prove(source, "f")

    assert result.vacuous
    assert result.status is Status.UNKNOWN


def test_endless_loop_is_partial_correctness_and_not_proved() -> None:
    source = '''
def f(n: int) -> int:
    """post: result == 5"""
    while True:
        pass
'''
    result = prove(source, "f")

    assert result.is_partially_correct
    assert not result.terminates
    assert result.status is Status.UNKNOWN


def test_unsupported_construct_is_named_with_its_line() -> None:
    source = '''
def f(n: int) -> str:
    """post: len(result) > 0"""
    return str(n)
'''
    result = prove(source, "f")

    assert result.unsupported == ("line 4: the call `str(n)`",)
    assert result.status is Status.UNKNOWN


def test_types_come_from_runs_where_hints_are_missing() -> None:
    source = '''
def f(a, n):
    """post: result == len(a) + n"""
    return len(a) + n
'''
    result = prove(source, "f", runs=[([1, 2], 3), ([], 0)])

    assert result.status is Status.PROVED
    assert result.certificate is not None
    assert "`a` is `list[int]`, as seen in runs" in result.certificate.assumptions


def test_function_without_hints_and_runs_is_unsupported() -> None:
    result = prove('def f(a):\n    "post: True"\n    return a\n', "f")

    assert result.unsupported == ("line 1: parameter `a` has no type",)


def test_contract_of_the_caller_replaces_the_one_in_the_text() -> None:
    contract = Contract((Clause(ClauseKind.POST, "result > n", 1, "docstring"),))
    source = 'def f(n: int) -> int:\n    "post: result < n"\n    return n + 1\n'

    assert prove(source, "f", contract).status is Status.PROVED
    assert prove(source, "f").status is Status.UNKNOWN


def test_callee_is_proved_together_with_its_caller() -> None:
    source = '''
def half(n: int) -> int:
    """pre: n >= 0
    post: 0 <= result <= n"""
    r = 0
    while 2 * (r + 1) <= n:
        r += 1
    return r
def f(n: int) -> int:
    """pre: n >= 0
    post: result <= n + 1"""
    return half(n) + 1
'''
    result = prove(source, "f")

    assert result.status is Status.PROVED
    assert {c.function for c in result.conditions} == {"f", "half"}


@pytest.mark.parametrize(
    "source",
    [
        "def f(:",
        "",
        "x = 1",
        "def g(n: int) -> int:\n    return n",
        "class f:\n    pass",
        'def f(n: int) -> int:\n    "post: result ==="\n    return n',
        'def f(n: int) -> int:\n    "post: result == undefined"\n    return n',
        'def f(n: int) -> int:\n    "post: print(n)"\n    return n',
        'def f(n: float) -> float:\n    "post: result > n"\n    return n + 1.5',
        "async def f(n: int) -> int:\n    return n",
        "def f(*n: int) -> int:\n    'post: True'\n    return 1",
        'def f(n: "int") -> int:\n    "post: result == 1 // 0"\n    return n',
        "def f(n: int) -> int:\n    'post: True'\n"
        + "    n = "
        + "(" * 80
        + "n"
        + ")" * 80,
        "def f(n: int) -> int:\n    'post: True'\n    return " + "+".join(["n"] * 3000),
        "def f(n: int) -> tuple[int, int]:\n    'post: True'\n"
        "    if n > 0:\n        return f(n - 1)\n    return (n, n, n)",
    ],
)
def test_bad_input_is_unknown_with_a_reason(source: str) -> None:
    def outside(arguments: tuple[object, ...]) -> ReplayResult:
        del arguments
        return ReplayResult(is_in_domain=False)

    result = prove(source, "f", cpu_s=2.0, replay=outside)

    assert result.status is not Status.REFUTED
    assert all(c.reason for c in result.clauses if c.status is Status.UNKNOWN)


def test_budget_bounds_the_effort() -> None:
    source = '''
def f(a: int, b: int, c: int) -> bool:
    """pre: a > 0 and b > 0 and c > 0
    post: a ** 3 + b ** 3 != c ** 3"""
    return True
'''
    result = prove(source, "f", cpu_s=1.0)

    assert result.status is Status.UNKNOWN


def test_same_question_gives_the_same_answer() -> None:
    first, second = prove(MAXIMUM, "maximum"), prove(MAXIMUM, "maximum")

    assert first.invariants == second.invariants
    assert [c.sha256 for c in first.conditions] == [c.sha256 for c in second.conditions]
