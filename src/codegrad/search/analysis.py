"""What the tests say about the unedited program: the search's own gradient.

For every test: result, partial credit and ticks. For every line: how suspicious it is
(Ochiai over the coverage of failing and passing tests, more where an exception went
through) and the values of the variables when it was reached.
"""

from __future__ import annotations

import math
import sys
import time
import types
from collections.abc import Callable, Collection
from typing import Any

from codegrad.search.cases import ALARM, OUT_OF_TICKS, Alarm, Result, Suite, cpu_alarm
from codegrad.search.subject import FILENAME
from codegrad.search.values import snapshot

BASE_TICKS = 200_000
"""Steps that one test of the unedited program may take."""

BASE_ALARM_S = 2.0
"""CPU seconds that one test of the unedited program may take."""

MIN_TICKS = 3_000
"""Steps that a candidate may always take in one test."""

TICK_FACTOR = 6
"""A candidate may take this many times the steps of the longest passing test."""

MAX_EVENTS = 1_500
"""Traced lines of one test; then its coverage is complete enough."""

MAX_SNAPSHOT_EVENTS = 400
"""Lines of one test at which values are recorded."""

MAX_STATES = 40
"""Recorded states of one line."""

MAX_FAILING_STATES = 28
"""Of these, at most so many from failing tests."""

EXCEPTION_BONUS = 0.2
"""Suspicion added where an exception went through."""

GIVEN_SHARE = 0.3
"""Weight of the caller's suspicion beside the measured one."""

State = dict[str, object]


class Analysis:
    """The findings; see the module."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        """One per test, in order."""
        self.ticks: list[int] = []
        """Steps of each test."""
        self.events: list[int] = []
        """Traced lines of each test, at most `MAX_EVENTS`."""
        self.coverage: list[set[int]] = []
        """Lines that each test reached."""
        self.suspicion: dict[int, float] = {}
        """Lines that failing tests reached, at most 1."""
        self.states: dict[int, list[tuple[int, State]]] = {}
        """By line: (test, values of the variables when it was reached)."""
        self.returned: dict[str, set[str]] = {}
        """By function name: type names of what it returned."""
        self.tick_limit = MIN_TICKS
        """Steps that a candidate may take in one test."""
        self.passing_cpu_s = 0.0
        """CPU seconds of the passing tests together; for the alarm alone."""

    @property
    def passed(self) -> int:
        """Number of passing tests."""
        return sum(result.ok for result in self.results)

    @property
    def failing(self) -> list[int]:
        """Indices of the failing tests."""
        return [i for i, result in enumerate(self.results) if not result.ok]

    def states_at(self, line: int, at_most: int) -> list[State]:
        """Return recorded states of a line, evenly thinned to `at_most`."""
        states = [state for _, state in self.states.get(line, ())]
        if len(states) <= at_most:
            return states
        return [states[i * len(states) // at_most] for i in range(at_most)]


def analyse(
    suite: Suite,
    given: dict[int, float] | None = None,
    *,
    hanging: Collection[int] = (),
    on_test: Callable[[int], None] | None = None,
) -> Analysis:
    """Run every test on the program as installed, plainly and traced.

    Args:
        suite: The tests.
        given: Suspicion by line from outside, any scale; lines that no failing test
            reaches are ignored.
        hanging: Tests that hang: counted as out of steps without being run.
        on_test: Told of each test before it runs.
    """
    found = Analysis()
    suite.ticks.limit = BASE_TICKS
    for index in range(len(suite)):
        if on_test is not None:
            on_test(index)
        start_s = time.process_time()
        if index in hanging:
            suite.ticks.reset()
            found.results.append(Result(ok=False, key=OUT_OF_TICKS, similarity=0.0))
        else:
            found.results.append(_guarded_run(suite, index))
        if found.results[-1].ok:
            found.passing_cpu_s += time.process_time() - start_s
        found.ticks.append(suite.ticks.used)
    tracer = _Tracer(found)
    found.coverage = [set() for _ in range(len(suite))]
    found.events = [0] * len(suite)
    suite.ticks.limit = MIN_TICKS
    failing = found.failing
    passing = [i for i in range(len(suite)) if i not in set(failing)]
    for index in failing + passing:
        if on_test is not None:
            on_test(index)
        if index not in hanging:
            tracer.trace(suite, index)
    longest = max((t for t, r in zip(found.ticks, found.results) if r.ok), default=0)
    found.tick_limit = min(BASE_TICKS, max(MIN_TICKS, TICK_FACTOR * longest))
    found.suspicion = _suspicion(found, tracer.exception_lines, given or {})
    return found


def _guarded_run(suite: Suite, index: int) -> Result:
    try:
        with cpu_alarm(BASE_ALARM_S):
            return suite.run(index)
    except Alarm:
        return Result(ok=False, key=ALARM, similarity=0.0)


def _suspicion(
    found: Analysis, exceptions: set[int], given: dict[int, float]
) -> dict[int, float]:
    failing = found.failing
    lines = sorted(set().union(*(found.coverage[i] for i in failing)))
    measured: dict[int, float] = {}
    for line in lines:
        reached = sum(line in covered for covered in found.coverage)
        by_failing = sum(line in found.coverage[i] for i in failing)
        ochiai = by_failing / math.sqrt(len(failing) * reached)
        measured[line] = ochiai + (EXCEPTION_BONUS if line in exceptions else 0)
    top = max(measured.values(), default=1.0)
    measured = {line: value / top for line, value in measured.items()}
    top_given = max((given.get(line, 0.0) for line in lines), default=0.0)
    if top_given <= 0:
        return measured
    return {
        line: (1 - GIVEN_SHARE) * value
        + GIVEN_SHARE * max(0.0, given.get(line, 0.0)) / top_given
        for line, value in measured.items()
    }


def reached_lines(suite: Suite, index: int) -> set[int]:
    """Return the program's lines that one test reaches, as installed.

    Tracing ends after `MAX_EVENTS` lines.
    """
    lines: set[int] = set()
    events = 0

    def on_event(frame: types.FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401 - settrace's contract
        nonlocal events
        del arg
        if frame.f_code.co_filename != FILENAME:
            return None
        lines.add(frame.f_lineno)
        events += event == "line"
        if events > MAX_EVENTS:
            raise StopIteration
        return on_event

    sys.settrace(on_event)
    try:
        _guarded_run(suite, index)
    finally:
        sys.settrace(None)
    return lines


class _Tracer:
    """Line coverage and values, within a budget of events per test."""

    def __init__(self, found: Analysis) -> None:
        self._found = found
        self._index = 0
        self._events = 0
        self.exception_lines: set[int] = set()

    def trace(self, suite: Suite, index: int) -> None:
        """Run one test under the tracer."""
        self._index, self._events = index, 0
        sys.settrace(self._on_call)
        try:
            _guarded_run(suite, index)
        finally:
            sys.settrace(None)
        self._found.events[index] = self._events

    def _on_call(self, frame: types.FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401
        del event, arg
        if frame.f_code.co_filename != FILENAME:
            return None
        self._found.coverage[self._index].add(frame.f_lineno)
        if frame.f_code.co_name[0] == "<" and self._events < MAX_SNAPSHOT_EVENTS:
            self._record(frame)
        return self._on_event

    def _on_event(self, frame: types.FrameType, event: str, arg: Any) -> Any:  # noqa: ANN401
        if event == "line":
            self._found.coverage[self._index].add(frame.f_lineno)
            self._events += 1
            if self._events > MAX_EVENTS:
                raise StopIteration
            if self._events < MAX_SNAPSHOT_EVENTS:
                self._record(frame)
        elif event == "exception" and not self._found.results[self._index].ok:
            self.exception_lines.add(frame.f_lineno)
        elif event == "return" and arg is not None:
            name = frame.f_code.co_name
            self._found.returned.setdefault(name, set()).add(type(arg).__name__)
        return self._on_event

    def _record(self, frame: types.FrameType) -> None:
        states = self._found.states.setdefault(frame.f_lineno, [])
        failing = not self._found.results[self._index].ok
        if len(states) >= (MAX_FAILING_STATES if failing else MAX_STATES):
            return
        state: State = {}
        for scope in _scopes(frame):
            for name, value in scope.f_locals.items():
                if name[0] != "." and not name.startswith("__"):
                    state[name] = snapshot(value)
        states.append((self._index, state))


def _scopes(frame: types.FrameType) -> list[types.FrameType]:
    """Return the frames whose names a comprehension or lambda sees, outer first."""
    chain = [frame]
    while chain[-1].f_code.co_name.startswith("<"):
        outer = chain[-1].f_back
        if outer is None or outer.f_code.co_filename != FILENAME:
            break
        if chain[-1].f_code.co_name == "<module>":
            break
        chain.append(outer)
    return chain[::-1]
