"""Test code -> cases, where that means the same."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.oracles import NEAR
from codegrad.bench.probing import probed
from codegrad.bench.problems import Problem, Suite
from codegrad.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as one:
        yield one


def asking(check: str, prelude: str = "") -> Problem:
    suite = Suite("base", checks=(check,), prelude=prelude)
    return Problem("T/0", "f", "", "", (suite,), NEAR)


LOOP = "for k in range(3):\n    assert f([k]) == helper(k)"
HELPER = "def helper(k): return k + 1"


def test_a_loop_of_comparisons_becomes_its_calls(sandbox: Sandbox) -> None:
    (suite,) = probed(asking(LOOP, HELPER), sandbox).suites
    assert suite.checks == ()
    assert [(case.args, case.expected) for case in suite.cases] == [
        (([0],), 1),
        (([1],), 2),
        (([2],), 3),
    ]


def test_arguments_are_kept_as_they_were_at_the_call(sandbox: Sandbox) -> None:
    check = "xs = []\nfor k in range(2):\n    xs.append(k)\n    assert f(xs) == len(xs)"
    (suite,) = probed(asking(check), sandbox).suites
    assert [case.args for case in suite.cases] == [([0],), ([0, 1],)]


@pytest.mark.parametrize(
    ("check", "prelude"),
    [
        ("assert abs(f(2) - 1) < 1e-6", ""),
        ("assert tuple(f(2)) == (1, 2)", ""),
        ("if f(1) == 2:\n    assert f(2) == 3", ""),
        ("assert f(1) == f(2)", ""),
        ("g = f\nassert f(1) == g(1)", ""),
        ("assert f(1) == 2 == f(3)", ""),
        ("assert f(1) != 2", ""),
        ("assert f(1) == object()", ""),
        ("assert f(1) == helper(1)", "def helper(k): return f(k)"),
        ("assert f(1) == 1 / 0", ""),
        ("for k in range(10 ** 4):\n    assert f(k) == k", ""),
    ],
)
def test_what_may_mean_something_else_stays_code(
    sandbox: Sandbox, check: str, prelude: str
) -> None:
    before = asking(check, prelude)
    assert probed(before, sandbox) is before


@pytest.mark.parametrize(
    ("source", "passes"),
    [
        ("def f(xs): return xs[0] + 1", True),
        ("def f(xs): return min(xs[0], 1) + 1", False),
        ("def f(xs): raise SystemExit", False),
    ],
)
def test_both_ways_give_the_same_verdict(
    sandbox: Sandbox, source: str, *, passes: bool
) -> None:
    problem = asking(LOOP, HELPER)
    # A check that shares its process is not probed; neither is this one.
    opaque = LOOP.replace("==", "in [") + "]"
    (suite,) = problem.suites
    as_code = replace(problem, suites=(replace(suite, checks=(opaque,)),))
    assert probed(as_code, sandbox) is as_code
    with Grader(References("", None)) as grader:
        assert grader.grade(problem, source).passed is passes
        assert grader.grade(as_code, source).passed is passes
