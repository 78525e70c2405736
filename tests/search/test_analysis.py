from __future__ import annotations

from codegrad.search.analysis import BASE_TICKS, Analysis, analyse
from codegrad.search.cases import OUT_OF_TICKS, CaseSuite
from codegrad.search.subject import Subject
from tests.search.jobs import Json, call

BRANCHES = """\
def f(x):
    if x > 0:
        y = x + 1
        return y
    if x < 0:
        z = [x]
        return z[1]
    return 0
"""


def analysed(
    source: str, *tests: Json, given: dict[int, float] | None = None
) -> Analysis:
    return analyse(CaseSuite(Subject(source), list(tests), entry="f"), given)


def test_lines_that_only_failing_tests_reach_are_the_most_suspicious() -> None:
    found = analysed(BRANCHES, call([1], 2), call([2], 3), call([-1], -1), call([0], 0))
    assert found.failing == [2]
    assert found.suspicion[6] > found.suspicion[5] > found.suspicion[2]
    assert 3 not in found.suspicion
    assert 8 not in found.suspicion


def test_the_line_of_the_exception_stands_out() -> None:
    found = analysed(BRANCHES, call([-1], -1), call([0], 0))
    assert max(found.suspicion, key=found.suspicion.__getitem__) == 7
    assert found.suspicion[7] == 1.0


def test_suspicion_from_outside_shifts_the_order_within_what_was_reached() -> None:
    found = analysed(BRANCHES, call([1], 5), given={3: 10.0, 8: 50.0})
    assert found.suspicion[3] > found.suspicion[4]
    assert 8 not in found.suspicion


def test_states_hold_the_values_before_each_line() -> None:
    found = analysed(BRANCHES, call([4], 0))
    assert found.states_at(4, 5) == [{"x": 4, "y": 5}]
    assert found.states_at(99, 5) == []


def test_states_of_failing_tests_come_first_and_are_bounded() -> None:
    source = "def f(n):\n    for i in range(n):\n        pass\n    return n"
    found = analysed(source, call([30], 30), call([50], 1))
    states = found.states[3]
    assert len(states) == 40
    assert states[0][0] == 1
    assert states[-1][0] == 0


def test_values_inside_a_comprehension_include_the_variables_around_it() -> None:
    found = analysed(
        "def f(k):\n    return [\n        i * k\n        for i in [5]\n    ]",
        call([2], 0),
    )
    assert {"k": 2, "i": 5} in [
        state for _, states in found.states.items() for _, state in states
    ]


def test_a_slow_passing_test_widens_the_step_limit() -> None:
    source = "def f(n):\n    while n:\n        n -= 1\n    return n"
    found = analysed(source, call([5_000], 0), call([1], 1))
    assert found.tick_limit == 6 * found.ticks[0]
    assert found.ticks[0] == 5_001


def test_an_endless_program_is_analysed_all_the_same() -> None:
    found = analysed("def f():\n    while True:\n        x = 1", call([], 1))
    assert found.results[0].key == OUT_OF_TICKS
    assert found.ticks == [BASE_TICKS]
    assert set(found.suspicion) >= {2, 3}


def test_hanging_tests_are_counted_without_being_run() -> None:
    suite = CaseSuite(Subject(BRANCHES), [call([1], 2), call([0], 9)], entry="f")
    seen: list[int] = []
    found = analyse(suite, hanging=[0], on_test=seen.append)
    assert [result.key for result in found.results] == [OUT_OF_TICKS, "0"]
    assert set(seen) == {0, 1}
    assert found.coverage[0] == set()


def test_types_of_returned_values_are_kept_by_function() -> None:
    found = analysed(
        "def g(x):\n    return [x]\ndef f(x):\n    return g(x)", call([1], 2)
    )
    assert found.returned == {"g": {"list"}, "f": {"list"}}
