"""Suspicion against values worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.blame.spectrum import function_suspicion, line_suspicion, ochiai

coverages = st.lists(
    st.tuples(st.frozensets(st.integers(1, 8)), st.booleans()), min_size=1, max_size=6
)


def test_ochiai_by_hand() -> None:
    # 2 of 3 failing runs and 2 passing runs reach the place: 2 / sqrt(3 * 4).
    assert ochiai(2, 3, 2) == pytest.approx(2 / math.sqrt(12))


def test_a_line_only_failing_runs_reach_is_the_most_suspicious() -> None:
    found = line_suspicion([{1, 2, 9}, {1, 2}, {1, 3}], [True, False, False])
    assert found[9] == 1.0
    assert found[1] < found[2] < found[9]
    assert 3 not in found


def test_an_exception_breaks_a_tie() -> None:
    found = line_suspicion([{1, 2}], [True], [(2,)])
    assert found[2] == 1.0
    assert found[1] < 1.0


@given(coverages)
def test_suspicion_is_between_0_and_1_and_on_failing_lines_only(
    runs: list[tuple[frozenset[int], bool]],
) -> None:
    found = line_suspicion([lines for lines, _ in runs], [bad for _, bad in runs])
    failing = set().union(*[lines for lines, bad in runs if bad])
    assert set(found) == failing
    assert all(0 < weight <= 1 for weight in found.values())
    if found:
        assert max(found.values()) == 1.0


def test_a_function_is_as_suspicious_as_its_worst_line() -> None:
    assert function_suspicion({3: 0.2, 4: 0.9}, {"f": (1, 5), "g": (6, 9)}) == {
        "f": 0.9,
        "g": 0.0,
    }
