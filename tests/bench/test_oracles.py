import math

import pytest

from codegrad.bench.oracles import EQUAL, HUMANEVAL_ORACLES, MBPP_ORACLES, NEAR, Truth
from codegrad.sandbox import Opaque, Yielded

NAN = math.nan


@pytest.mark.parametrize(
    ("observed", "expected", "tolerance", "accepted"),
    [
        (True, 1, 0.0, True),
        ([1, 2], (1, 2), 0.0, False),
        (NAN, NAN, 1e-6, False),
        (math.inf, math.inf, 1e-6, True),
        (1.0000001, 1.0, 1e-6, True),
        (1.0000001, 1.0, 0.0, False),
        (1, 1.0000001, 1e-6, False),
        ([1.0, 2.0000001], [1.0, 2.0], 1e-6, True),
        ([1.0], [1.0, 2.0], 1e-6, False),
        ([[1.0000001], [2.0]], [[1.0], [2.0]], 1e-6, True),
        ("a", "b", 1e-6, False),
        (10**30 + 1, 10**30, 1e-6, False),
        (10**400, 1.0, 1e-6, False),
        (Opaque("x"), Opaque("x"), 1e-6, False),
        ({1: 2}, {1.0: 2.0}, 0.0, True),
    ],
)
def test_evalplus_comparison(
    observed: object, expected: object, tolerance: float, *, accepted: bool
) -> None:
    assert EQUAL((), observed, expected, tolerance) is accepted


def test_asserts_compare_with_a_bound_that_is_not_reached() -> None:
    assert NEAR((), 1.5, 1.0, 0.6)
    assert not NEAR((), 1.5, 1.0, 0.5)
    assert not NEAR((), NAN, 1.0, 0.5)
    assert not NEAR((), "1", 1.0, 0.5)


def test_truth_stands_for_every_value_that_is_true() -> None:
    assert NEAR((), [0], Truth(value=True), 0.0)
    assert not NEAR((), [], Truth(value=True), 0.0)
    assert NEAR((), None, Truth(value=False), 0.0)


def test_any_root_of_a_polynomial_is_right() -> None:
    oracle = HUMANEVAL_ORACLES["find_zero"]
    assert oracle(([-4, 0, 1],), -2.0, 2.0, 1e-4)
    assert not oracle(([-4, 0, 1],), 1.0, 2.0, 1e-4)
    assert not oracle(([-4, 0, 1],), None, 2.0, 1e-4)
    assert not oracle(([0, 1],), 1e308, 0.0, 1e-4)


@pytest.mark.parametrize(
    ("entry", "args", "observed", "expected", "accepted"),
    [
        ("similar_elements", (), [5, 4], (4, 5), True),
        ("similar_elements", (), Yielded((4, 5)), (4, 5), True),
        ("similar_elements", (), [[4], 5], (4, 5), False),
        ("check_str", (), Opaque("re.Match"), True, True),
        ("check_str", (), None, True, False),
        ("check_str", (), False, True, False),
        ("are_equivalent", (), "anything", True, True),
        ("sum_div", (8,), 0, 7, True),
        ("sum_div", (8,), 6, 7, False),
        ("digit_distance_nums", (1, 12), 2, 1, True),
        ("surface_Area", (3, 4), "x", 33, False),
    ],
)
def test_tasks_with_a_judge_of_their_own(
    entry: str,
    args: tuple[int, ...],
    observed: object,
    expected: object,
    *,
    accepted: bool,
) -> None:
    assert MBPP_ORACLES[entry](args, observed, expected, 0.0) is accepted
