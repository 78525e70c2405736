"""The corpus of the reach measurement: what is proved stays proved, and is true."""

import ast
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from codegrad.bench.proof_corpus import BARE, GIVEN, functions
from codegrad.bench.proof_reach import SURVIVED_INPUTS, attempt, survive
from codegrad.prove.inputs import inputs
from codegrad.prove.kinds import kind_of_annotation
from codegrad.verdict import Status
from tests.prove.judge import observe
from tests.prove.proving import prove

CORPUS = [*functions(GIVEN), *functions(BARE)]
QUICK = {"isqrt", "is_sorted", "swap_ends", "gauss", "fill", "first_negative", "median"}


def test_corpus_is_large_and_half_of_it_has_no_invariants() -> None:
    assert len(list(functions(GIVEN))) >= 30
    assert len(list(functions(BARE))) >= 30
    for _, source in functions(BARE):
        assert "assert" not in source
        assert "invariant" not in source


@pytest.mark.parametrize(
    ("name", "source"), [c for c in CORPUS if c[0] in QUICK], ids=lambda v: v[:20]
)
def test_easy_functions_are_proved_by_both_solvers(name: str, source: str) -> None:
    result = prove(source, name)

    assert result.status is Status.PROVED
    asked = [c for c in result.conditions if c.first != "trivial"]
    assert sum(c.second == "holds" for c in asked) >= 0.9 * len(asked)


@pytest.mark.parametrize(("name", "source"), CORPUS, ids=lambda v: v[:20])
def test_contracts_of_the_corpus_are_true_on_some_inputs(
    name: str, source: str
) -> None:
    tried, broken = survive(name, source, count=60)

    assert tried > 5
    assert not broken


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source"), CORPUS, ids=lambda v: v[:20])
def test_proved_function_survives_generated_inputs(name: str, source: str) -> None:
    found = attempt(name, source, count=SURVIVED_INPUTS)

    assert not found.broken
    assert not any(c.is_contradicted for c in found.result.conditions)


@pytest.mark.slow
def test_enough_of_the_corpus_is_proved() -> None:
    given = [prove(s, n).status for n, s in functions(GIVEN)]
    bare = [prove(s, n).status for n, s in functions(BARE)]

    assert given.count(Status.PROVED) >= 0.8 * len(given)
    assert bare.count(Status.PROVED) >= 0.5 * len(bare)


_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mod,
    ast.Mod: ast.FloorDiv,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def _swapped(op: Any) -> Any:
    return _SWAPS[type(op)]()


def mutants(source: str, name: str) -> Iterator[str]:
    """Yield the source with one operator or constant of the function changed."""
    tree = ast.parse(source)
    places = [
        (function, number)
        for function in range(len(tree.body))
        for number, _ in enumerate(ast.walk(tree.body[function]))
    ]
    for function, number in places:
        changed = copy.deepcopy(tree)
        body = changed.body[function]
        if not isinstance(body, ast.FunctionDef) or body.name != name:
            continue
        node = list(ast.walk(body))[number]
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPS:
            node.ops[0] = _swapped(node.ops[0])
        elif (
            isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp)
            and type(node.op) in _SWAPS
        ):
            node.op = _swapped(node.op)
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            node.value += 1
        else:
            continue
        yield ast.unparse(ast.fix_missing_locations(changed))


def breaks(source: str, name: str, count: int) -> bool:
    """Return whether some generated input breaks the contract of a mutant."""
    node = next(
        n
        for n in ast.parse(source).body
        if isinstance(n, ast.FunctionDef) and n.name == name
    )
    kinds = {
        a.arg: kind_of_annotation(a.annotation)
        for a in node.args.args
        if a.annotation is not None
    }
    return any(
        observe(source, name, arguments).violated
        for arguments in inputs(kinds, node, count=count, seed=7)
    )


def _check(sample: list[tuple[str, str]]) -> int:
    proved = 0
    for name, mutant in sample:
        result = prove(mutant, name, cpu_s=1.0)
        assert not any(c.is_contradicted for c in result.conditions)
        if result.status is Status.PROVED:
            proved += 1
            assert not breaks(mutant, name, 400), mutant
    return proved


def test_some_mutants_that_random_inputs_kill_are_not_proved() -> None:
    easy = [(n, m) for n, s in CORPUS if n in QUICK for m in mutants(s, n)]
    sample = random.Random(3).sample(easy, 6)

    assert _check(sample) < len(sample)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "source"), CORPUS, ids=lambda v: v[:20])
def test_mutants_that_random_inputs_kill_are_not_proved(name: str, source: str) -> None:
    _check([(name, m) for m in mutants(source, name)])
