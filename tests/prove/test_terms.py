"""Constructors of terms only ever fold what is equal."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.prove import second, smtlib
from codegrad.prove.solver import Outcome, Z3Solver
from codegrad.prove.terms import (
    BOOL,
    INT,
    Function,
    Term,
    add,
    array_of,
    at_most,
    both,
    either,
    equal,
    floor_div,
    floor_mod,
    for_all,
    functions_of,
    implies,
    ite,
    less,
    mul,
    neg,
    negate,
    num,
    select,
    store,
    sub,
    substitute,
    var,
)

X, Y, A = var("x", INT), var("y", INT), var("a", array_of(INT))


def plain(term: Term, x: int, y: int) -> int:
    """Evaluate a linear term."""
    found = substitute(term, {"x": num(x), "y": num(y)}).literal
    assert found is not None
    return found


@settings(deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9))
def test_arithmetic_folds_as_python_computes(x: int, y: int, c: int, d: int) -> None:
    term = sub(add(mul(num(c), X), num(d)), neg(add(Y, sub(X, num(c)))))

    assert plain(term, x, y) == c * x + d + y + x - c


@settings(deadline=None, max_examples=40)
@given(st.integers(-30, 30), st.integers(-6, 6).filter(bool))
def test_division_is_that_of_python(a: int, b: int) -> None:
    solver = Z3Solver(deadline_s=float("inf"))
    path = (equal(X, num(a)), equal(Y, num(b)))

    assert solver.proves(path, equal(floor_div(X, Y), num(a // b)))
    assert solver.proves(path, equal(floor_mod(X, Y), num(a % b)))
    assert solver.proves(path, equal(floor_mod(X, num(abs(b))), num(a % abs(b))))


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=4), st.integers(0, 3))
@settings(deadline=None, max_examples=30)
def test_reading_after_writing_finds_the_last_value(places: list[int], k: int) -> None:
    array = A
    for value, place in enumerate(places):
        array = store(array, num(place), num(value))
    written = [v for v, p in enumerate(places) if p == k]

    expected = num(written[-1]) if written else select(A, num(k))

    assert select(array, num(k)) == expected


def test_connectives_fold_as_truth_tables_say() -> None:
    p, q = var("p", BOOL), var("q", BOOL)
    solver = Z3Solver(deadline_s=float("inf"))
    for values in itertools.product([True, False], repeat=2):
        path = tuple(v if b else negate(v) for v, b in zip((p, q), values, strict=True))
        for term, truth in (
            (both(p, q, p), all(values)),
            (either(p, q), any(values)),
            (implies(p, q), not values[0] or values[1]),
            (ite(p, q, negate(q)), values[1] if values[0] else not values[1]),
        ):
            assert solver.proves(path, term if truth else negate(term))


def test_functions_are_found_in_definitions_and_axioms() -> None:
    inner = Function("inner", (X,), INT)
    outer = Function("outer", (X,), INT, [inner(X)])
    other = Function("other", (X,), INT, axioms=[for_all([X], less(num(0), outer(X)))])

    assert {f.name for f in functions_of([other(Y)])} == {"inner", "outer", "other"}


def test_both_solvers_read_the_same_question() -> None:
    doubled = Function("doubled", (X,), INT)
    doubled.definition.append(
        ite(at_most(X, num(0)), num(0), add(doubled(sub(X, num(1))), num(2)))
    )
    path = (equal(X, num(3)), for_all([Y], at_most(num(0), select(A, Y))))
    solver = Z3Solver(deadline_s=float("inf"))
    for goal, outcome in (
        (equal(doubled(X), num(6)), Outcome.HOLDS),
        (at_most(num(0), select(A, X)), Outcome.HOLDS),
    ):
        assert solver.answer(path, goal).outcome is outcome
        assert second.decide(smtlib.script(path, goal)) is outcome
    wrong = equal(X, num(4))
    assert solver.answer(path[:1], wrong).outcome is Outcome.FAILS
    assert second.decide(smtlib.script(path[:1], wrong)) is Outcome.FAILS


def test_core_names_facts_that_are_enough() -> None:
    solver = Z3Solver(deadline_s=float("inf"))
    useful, useless = less(num(2), X), less(num(2), Y)

    assert solver.core((useful, useless), less(num(1), X)) == [useful]
    assert solver.core((useless,), less(num(1), X)) is None


def test_script_cvc5_cannot_read_is_undecided() -> None:
    assert second.decide("(this is not SMT-LIB)") is Outcome.UNDECIDED
