"""Trying one edit: apply, compile, run the tests, undo."""

from __future__ import annotations

import enum
from typing import NamedTuple

from codegrad.search.analysis import Analysis, reached_lines
from codegrad.search.cases import ALARM, OUT_OF_TICKS, Alarm, Result, Suite, cpu_alarm
from codegrad.search.edits import Edit
from codegrad.search.subject import Subject

PARTIAL_WEIGHT = 0.5
"""A failing test counts its similarity at this weight, a passing one counts 1."""

SLOW_TICKS = 5_000_000
"""Steps for tests that the unedited program does not finish."""

ALARM_S = 0.4
"""CPU seconds of one candidate before the alarm, beside `ALARM_FACTOR` times what the
unedited program takes. Only a safety net, since steps are counted: it meets what
hangs inside one C call."""

ALARM_FACTOR = 10

ALARM_S_PER_TICK = 4e-6
"""Added for each step that a test may take; a step takes far less."""

SLOW_ALARM_S = 12.0

EPSILON = 1e-6


class Status(enum.Enum):
    """What became of a candidate."""

    UNCHANGED = "unchanged"
    """The first failing test fails as before."""
    INVALID = "invalid"
    """It is no program, or cannot be defined."""
    WORSE = "worse"
    """Something changed, but the score did not rise."""
    PARTIAL = "partial"
    """The score rose."""
    TICKS = "ticks"
    """It ran out of steps."""
    PLAUSIBLE = "plausible"
    """All tests pass."""


class Outcome(NamedTuple):
    """Status, score (number of tests at most) and how strictly it passes."""

    status: Status
    score: float
    strict: bool = True
    """Whether every value also has the type that was expected."""


_UNCHANGED = Outcome(Status.UNCHANGED, 0.0)
_INVALID = Outcome(Status.INVALID, 0.0)
_TICKS = Outcome(Status.TICKS, 0.0)


class Evaluator:
    """Judges edits of one program by its tests.

    Tests run in the order of their last failure; those that the unedited program
    does not finish gate only what passed all others.
    """

    def __init__(self, subject: Subject, suite: Suite, analysis: Analysis) -> None:
        self._subject = subject
        self._suite = suite
        self._coverage = analysis.coverage
        self._base: list[Result] = analysis.results
        self._tick_limit = analysis.tick_limit
        self._alarm_s = (
            ALARM_S
            + ALARM_FACTOR * analysis.passing_cpu_s
            + ALARM_S_PER_TICK * analysis.tick_limit
        )
        failing = sorted(analysis.failing, key=self._is_endless)
        passing = [i for i, result in enumerate(self._base) if result.ok]
        passing.sort(key=lambda i: (analysis.ticks[i], analysis.events[i]))
        slow = [i for i in failing if self._is_endless(i)]
        if len(slow) == len(failing):
            slow = []
        self._failing = [i for i in failing if i not in slow]
        self._slow = slow
        self._order = self._failing + passing
        self.base_score = sum(map(_credit, self._base))
        self.ticks = 0
        """Steps taken by all candidates so far."""
        suite.ticks.limit = self._tick_limit

    def _is_endless(self, index: int) -> bool:
        return self._base[index].key in {OUT_OF_TICKS, ALARM}

    def evaluate(self, edit: Edit) -> Outcome:
        """Return what the tests make of the program with this edit; undo it again."""
        try:
            old = edit.apply()
        except (SyntaxError, ValueError):
            return _INVALID
        try:
            code = self._subject.compile_unit(edit.unit, edit.guards())
        except (SyntaxError, ValueError, TypeError, RecursionError, SystemError):
            return _INVALID
        finally:
            edit.undo(old)
        try:
            with cpu_alarm(self._alarm_s):
                self._suite.install(edit.unit, code)
                return self._judge()
        except Alarm:
            return _UNCHANGED
        except BaseException:  # noqa: BLE001 - defining the candidate runs its code
            return _INVALID
        finally:
            self._suite.restore(edit.unit)

    def lost_lines(self, edit: Edit) -> int:
        """Return how many lines the edited program no longer reaches in any test.

        Lines at and around the edit do not count: only what it made dead.
        """
        before = set().union(*self._coverage)
        old = edit.apply()
        try:
            code = self._subject.compile_unit(edit.unit, edit.guards())
        finally:
            edit.undo(old)
        after: set[int] = set()
        try:
            with cpu_alarm(self._alarm_s + SLOW_ALARM_S):
                self._suite.install(edit.unit, code)
                for index in self._order:
                    after |= reached_lines(self._suite, index)
        except Alarm:
            return 0
        finally:
            self._suite.restore(edit.unit)
        return len(before - after - {edit.line})

    def _judge(self) -> Outcome:
        strict = True
        for position, index in enumerate(self._order):
            result = self._run(index)
            if not result.ok:
                return self._failed_at(position, index, result)
            strict = strict and result.key is None
        for index in self._slow:
            result = self._run_slow(index)
            if not result.ok:
                return Outcome(Status.PARTIAL, float(len(self._base)) - 1)
            strict = strict and result.key is None
        return Outcome(Status.PLAUSIBLE, float(len(self._base)), strict)

    def _run(self, index: int) -> Result:
        result = self._suite.run(index)
        self.ticks += self._suite.ticks.used
        return result

    def _run_slow(self, index: int) -> Result:
        self._suite.ticks.limit = SLOW_TICKS
        try:
            with cpu_alarm(SLOW_ALARM_S):
                return self._run(index)
        finally:
            self._suite.ticks.limit = self._tick_limit

    def _failed_at(self, position: int, index: int, result: Result) -> Outcome:
        if result.key == OUT_OF_TICKS:
            return _TICKS
        if result.key == ALARM:
            return _UNCHANGED
        if position == 0 and self._as_before(index, result):
            return _UNCHANGED
        passed = set(self._order[:position])
        score = 0.0
        for other in sorted(self._order):
            if other == index:
                score += _credit(result)
            elif other in passed:
                score += 1.0
            else:
                score += _credit(self._run(other))
        self._move_up(position, index)
        if score > self.base_score + EPSILON:
            return Outcome(Status.PARTIAL, score)
        return Outcome(Status.WORSE, score)

    def _as_before(self, index: int, result: Result) -> bool:
        return not self._base[index].ok and result.key == self._base[index].key

    def _move_up(self, position: int, index: int) -> None:
        """Run the test that just failed sooner, but a failing one always first."""
        if position == 0 and len(self._failing) == 1:
            return
        self._order.remove(index)
        self._order.insert(0 if index in self._failing else 1, index)


def _credit(result: Result) -> float:
    return 1.0 if result.ok else PARTIAL_WEIGHT * result.similarity
