# ruff: noqa: FBT003 - truth values are what the tests expect
from __future__ import annotations

import ast

from codegrad.search.analysis import analyse
from codegrad.search.cases import CaseSuite
from codegrad.search.edits import Edit
from codegrad.search.evaluate import Evaluator, Outcome, Status
from codegrad.search.subject import Subject
from tests.search.jobs import Json, call, code

STEPS = """\
def f(n):
    total = 0
    while n > 1:
        total += n
        n -= 1
    return total
"""
TESTS = [call([3], 6), call([1], 1), call([0], 0)]


class Bench:
    """A program with its evaluator."""

    def __init__(self, source: str, tests: list[Json]) -> None:
        self.subject = Subject(source)
        self.suite = CaseSuite(self.subject, tests, entry="f")
        self.analysis = analyse(self.suite)
        self.evaluator = Evaluator(self.subject, self.suite, self.analysis)

    def edit(self, old: str, new: str) -> Edit:
        """Return the edit that turns a condition or a whole value into another."""
        for node in ast.walk(self.subject.tree):
            for field in ("test", "value"):
                held = getattr(node, field, None)
                if isinstance(held, ast.expr) and ast.unparse(held) == old:
                    return Edit(
                        unit=self.subject.units[0],
                        parent=node,
                        field=field,
                        index=None,
                        source=new,
                        template="test",
                        cost=1.0,
                        line=held.lineno,
                    )
        raise LookupError(old)

    def outcome(self, old: str, new: str) -> Outcome:
        return self.evaluator.evaluate(self.edit(old, new))


def test_a_repair_is_plausible() -> None:
    outcome = Bench(STEPS, TESTS).outcome("n > 1", "n > 0")
    assert outcome == Outcome(Status.PLAUSIBLE, 3.0, strict=True)


def test_a_repair_by_equal_values_of_another_type_is_marked() -> None:
    outcome = Bench("def f(n):\n    return 5", [call([1], True)]).outcome("5", "1")
    assert outcome == Outcome(Status.PLAUSIBLE, 1.0, strict=False)


def test_what_changes_nothing_for_the_failing_test_is_unchanged() -> None:
    assert Bench(STEPS, TESTS).outcome("n > 1", "n >= 2").status is Status.UNCHANGED


def test_what_helps_partly_scores_more_than_the_program() -> None:
    bench = Bench(STEPS, [*TESTS, call([2], 99)])
    outcome = bench.outcome("n > 1", "n > 0")
    assert outcome.status is Status.PARTIAL
    assert outcome.score > bench.evaluator.base_score


def test_what_breaks_a_passing_test_is_worse() -> None:
    assert Bench(STEPS, TESTS).outcome("n > 1", "False").status is Status.WORSE


def test_a_fault_that_the_first_failing_test_does_not_reach_is_seen() -> None:
    source = "def g(n):\n    return n - 1\n\n\ndef f(n):\n    return n - 2\n"
    bench = Bench(source, [call([1], 3), code("assert g(1) == 2"), call([2], 0)])
    edit = bench.edit("n - 1", "n + 1")
    outcome = bench.evaluator.evaluate(edit)
    assert outcome.status is Status.PARTIAL
    assert outcome.gained == 1


def test_an_edit_that_breaks_a_test_gains_none() -> None:
    open_still = [*TESTS, call([2], 99)]
    assert Bench(STEPS, open_still).outcome("n > 1", "n > 0").gained == 2
    broken = Bench(STEPS, [*open_still, call([4], 9)])
    assert broken.outcome("n > 1", "n > 0").gained == 0


def test_an_endless_candidate_runs_out_of_steps() -> None:
    bench = Bench(STEPS, TESTS)
    assert bench.outcome("n > 1", "True").status is Status.TICKS
    assert bench.evaluator.ticks >= bench.analysis.tick_limit


def test_text_that_is_no_program_is_invalid() -> None:
    bench = Bench(STEPS, TESTS)
    assert bench.outcome("n > 1", "n >").status is Status.INVALID
    assert bench.outcome("total", "yield").status is Status.INVALID


def test_the_program_is_as_before_after_each_candidate() -> None:
    bench = Bench(STEPS, TESTS)
    for new in ("n > 0", "True", "1 / 0", "n >", "exit()"):
        bench.outcome("n > 1", new)
    assert [bench.suite.run(i) for i in range(3)] == bench.analysis.results


def test_a_test_that_the_program_never_finishes_gates_only_the_survivors() -> None:
    source = "def f(n):\n    while n != 0:\n        n -= 2\n    return n > 5"
    bench = Bench(source, [call([3], False), call([2], True)])
    assert bench.outcome("n != 0", "n > 0").status is Status.UNCHANGED
    assert bench.outcome("n > 5", "True").status is Status.PARTIAL


def test_a_huge_power_in_new_text_ends_at_once() -> None:
    bench = Bench(STEPS, TESTS)
    assert bench.outcome("n > 1", "9 ** 9 ** 9").status is not Status.PLAUSIBLE


def test_lines_made_dead_are_counted() -> None:
    bench = Bench(STEPS, TESTS)
    assert bench.evaluator.lost_lines(bench.edit("n > 1", "n > 0")) == 0
    assert bench.evaluator.lost_lines(bench.edit("n > 1", "n > 99")) == 2
