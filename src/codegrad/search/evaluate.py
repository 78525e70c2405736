"""Trying one edit: apply, compile, run the tests, undo."""

from __future__ import annotations

import ast
import enum
from typing import NamedTuple

from codegrad.search.analysis import (
    MAX_EVENTS,
    MIN_TICKS,
    Analysis,
    reached_lines,
)
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
    """The first failing test that reaches the edit fails as before."""
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
    gained: int = 0
    """Failing tests that pass now, if none broke and not all pass."""


_UNCHANGED = Outcome(Status.UNCHANGED, 0.0)
_INVALID = Outcome(Status.INVALID, 0.0)
_TICKS = Outcome(Status.TICKS, 0.0)


class Evaluator:
    """Judges edits of one program by its tests.

    Tests run in the order of their last failure, after a failing one that reaches the
    edit; those that the unedited program does not finish gate only what passed all
    others.
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
        self._cut = {i for i in self._failing if _is_cut(analysis, i)}
        self._reaching: dict[tuple[str, int], set[int]] = {}
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
                return self._judge(self._order_for(edit))
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

    def _order_for(self, edit: Edit) -> list[int]:
        """Return the order in which tests run, for one edit.

        A test that does not reach the edit fails as before whatever the edit is, so
        it must not decide that nothing has changed.
        """
        if len(self._failing) == 1:
            return self._order
        key = edit.unit.name, edit.line
        if key not in self._reaching:
            self._reaching[key] = self._failing_at(edit)
        reaching = self._reaching[key]
        if self._order[0] in reaching or not reaching:
            return self._order
        lead = next(index for index in self._order if index in reaching)
        return [lead, *(index for index in self._order if index != lead)]

    def _failing_at(self, edit: Edit) -> set[int]:
        """Return the failing tests that reach the edit's line, else its function."""
        node = edit.unit.node
        if isinstance(node, ast.Module):
            return set()
        function = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for lines in (range(edit.line, edit.line + 1), function):
            found = {
                index
                for index in self._failing
                if not self._coverage[index].isdisjoint(lines)
            }
            if found:
                return found | self._cut
        return set()

    def _judge(self, order: list[int]) -> Outcome:
        strict = True
        for position, index in enumerate(order):
            result = self._run(index)
            if not result.ok:
                return self._failed_at(order, position, result)
            strict = strict and result.key is None
        for index in self._slow:
            result = self._run_slow(index)
            if not result.ok:
                score = float(len(self._base)) - 1
                return Outcome(Status.PARTIAL, score, gained=len(self._failing))
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

    def _failed_at(self, order: list[int], position: int, result: Result) -> Outcome:
        index = order[position]
        if result.key == OUT_OF_TICKS:
            return _TICKS
        if result.key == ALARM:
            return _UNCHANGED
        if position == 0 and self._as_before(index, result):
            return _UNCHANGED
        passed = set(order[:position])
        gained, is_safe = 0, True
        score = 0.0
        for other in sorted(order):
            if other in passed:
                ok, credit = True, 1.0
            else:
                found = result if other == index else self._run(other)
                ok, credit = found.ok, _credit(found)
            score += credit
            gained += ok and not self._base[other].ok
            is_safe = is_safe and (ok or not self._base[other].ok)
        self._move_up(position, index)
        if score > self.base_score + EPSILON:
            return Outcome(Status.PARTIAL, score, gained=gained if is_safe else 0)
        return Outcome(Status.WORSE, score)

    def _as_before(self, index: int, result: Result) -> bool:
        return not self._base[index].ok and result.key == self._base[index].key

    def _move_up(self, position: int, index: int) -> None:
        """Run the test that just failed sooner, but a failing one always first."""
        if position == 0 and len(self._failing) == 1:
            return
        self._order.remove(index)
        self._order.insert(0 if index in self._failing else 1, index)


def _is_cut(analysis: Analysis, index: int) -> bool:
    """Whether a test was traced only in part."""
    return analysis.events[index] > MAX_EVENTS or analysis.ticks[index] >= MIN_TICKS


def _credit(result: Result) -> float:
    return 1.0 if result.ok else PARTIAL_WEIGHT * result.similarity
