"""Follow the records of one sample and compare them with what is expected.

In: the records of an untrusted process, and the expectation of its problem. Out: the
first thing that is wrong, in words, and what the sample tried. Nothing here raises for
what a sample does.
"""

import hashlib
import json
import reprlib

from codegrad.bench.expectation import Expectation, Place
from codegrad.bench.problems import Case, Problem
from codegrad.bench.records import (
    MalformedError,
    Record,
    own_class,
    read_value,
    split_records,
)
from codegrad.bench.verdicts import Failure, Outcome
from codegrad.sandbox import Ending, answering
from codegrad.sandbox.hosting import HostRun

SHOWN = 300
"""Characters of a value that are shown."""

_SIZE_FACTOR, _SIZE_SLACK = 32, 4096


class Judge:
    """Follows the records of one sample."""

    def __init__(self, problem: Problem, expectation: Expectation) -> None:
        self.problem = problem
        self.expectation = expectation
        self.unread: list[tuple[int, Record]] = []
        self.attempts: list[str] = []
        self._failure: tuple[Outcome, Failure] | None = None
        self._is_done = False
        self._at = 0
        self._index = -1

    def take(self, records: bytearray) -> bool:
        """Look at what is new; return whether to go on."""
        stream = self.expectation.stream
        if not self._at and records == stream:
            self._is_done = True
            return False
        try:
            for stop, one in split_records(records, self._at):
                self._at = stop
                self._read(one)
                if self._is_done or self._failure is not None:
                    return False
        except MalformedError as error:
            self._fail(Outcome.DIED, str(error))
            return False
        return True

    def failure_after(self, run: HostRun) -> tuple[Outcome, Failure] | None:
        """Return what went wrong, now that the sample has ended."""
        if self._failure is None and not self._is_done:
            outcome = OUTCOMES.get(run.ending, Outcome.DIED)
            self._fail(outcome, run.message or "it ended before its last answer")
        return self._failure

    def _read(self, one: Record) -> None:
        if self._index < 0:
            self._read_load(one)
            return
        if one.kind == answering.END:
            self._end()
        elif self._index >= len(self.expectation.places):
            raise MalformedError("more answers than calls")
        elif one.kind == answering.RAISED:
            self._fail(Outcome.RAISED, _described(one))
        elif one.kind == answering.TIMEOUT:
            self._fail(Outcome.TIMEOUT, "the processor time of one call was spent")
        else:
            self._compare(one)
            self._index += 1

    def _read_load(self, one: Record) -> None:
        if one.kind == answering.LOADED:
            self._index = 0
        elif one.kind == answering.TIMEOUT:
            self._fail(Outcome.TIMEOUT, "loading took too long")
        elif one.kind == answering.RAISED_IN_LOAD:
            self._fail(Outcome.RAISED, _described(one))
        else:
            raise MalformedError("an answer came before the sample was loaded")

    def _end(self) -> None:
        if self._index < len(self.expectation.places):
            raise MalformedError("fewer answers than calls")
        self._is_done = True

    def _compare(self, one: Record) -> None:
        expected = self.expectation.records[self._index]
        if one == expected and self.expectation.stream:
            return
        name = own_class(one)
        if name:
            self.attempts.append(f"returned a {name} with an __eq__ of its own")
        is_long = answering.DIGEST in (one.kind, expected.kind)
        if is_long and not _differs_in_size(one, expected):
            self.unread.append((self._index, one))
            return
        place = self.expectation.places[self._index]
        self._failure = compared(self.problem, place, expected, one)

    def _fail(self, outcome: Outcome, reason: str) -> None:
        places = self.expectation.places
        place = places[min(max(self._index, 0), len(places) - 1)]
        given = shown_call(place.case) if self._index >= 0 else ""
        self._failure = outcome, Failure(place.suite.name, reason, given)


def compared(
    problem: Problem, place: Place, expected: Record, observed: Record
) -> tuple[Outcome, Failure] | None:
    """Return what is wrong with an answer, or None."""
    given = shown_call(place.case)
    if observed.kind == answering.RAISED:
        return Outcome.RAISED, Failure(place.suite.name, _described(observed), given)
    readable = (answering.PLAIN, answering.ENCODED)
    if observed.kind not in readable or expected.kind not in readable:
        shown = "a long value" if expected.kind == answering.DIGEST else ""
        reason = "the result is wrong"
        return Outcome.FAILED, Failure(place.suite.name, reason, given, shown)
    wanted = place.case.expected
    if not place.suite.states_expected:
        wanted = read_value(expected)
    # Reading costs time that a sample chooses; no value so much longer is equal.
    if not problem.oracle.only_presence and _differs_in_size(observed, expected):
        reason = f"the result is wrong: {len(observed.body)} bytes"
        return Outcome.FAILED, Failure(place.suite.name, reason, given, short(wanted))
    try:
        value = read_value(observed)
    except MalformedError as error:
        return Outcome.FAILED, Failure(place.suite.name, str(error), given)
    if problem.oracle(place.case.args, value, wanted, place.tolerance):
        return None
    failure = Failure(
        place.suite.name, "the result is wrong", given, short(wanted), short(value)
    )
    return Outcome.FAILED, failure


def _differs_in_size(observed: Record, expected: Record) -> bool:
    sizes = sorted((_size(observed), _size(expected)))
    return sizes[1] > _SIZE_FACTOR * sizes[0] + _SIZE_SLACK


def _size(one: Record) -> int:
    if one.kind == answering.DIGEST:
        return int.from_bytes(one.body[hashlib.sha256().digest_size :], "little")
    return len(one.body)


OUTCOMES: dict[Ending, Outcome] = {
    Ending.RAISED: Outcome.RAISED,
    Ending.FAILED: Outcome.FAILED,
    Ending.TIMEOUT: Outcome.TIMEOUT,
    Ending.OUTPUT_LIMIT: Outcome.FAILED,
}


def _described(one: Record) -> str:
    """Return an exception that a sample's process reported, as a sentence."""
    try:
        data = json.loads(one.body)
        return sentence(str(data["error"]), str(data["message"]))
    except (LookupError, RecursionError, TypeError, ValueError):
        return "an exception that cannot be shown"


def sentence(error: str, message: str) -> str:
    """Return an exception in words, shortened."""
    return cut(f"{error}: {message}" if error and message else error or message)


def shown_call(case: Case) -> str:
    """Return the arguments of a call, shortened."""
    parts = [short(arg) for arg in case.args]
    parts += [f"{name}={short(value)}" for name, value in case.kwargs.items()]
    return cut(", ".join(parts))


def short(value: object) -> str:
    """Return a value in a few words."""
    shortener = reprlib.Repr()
    shortener.maxstring = shortener.maxother = shortener.maxlong = 120
    shortener.maxlist = shortener.maxtuple = shortener.maxdict = 20
    return cut(shortener.repr(value))


def cut(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


_ATTEMPTS: tuple[tuple[str, str], ...] = (
    ("SystemExit", "called sys.exit"),
    ("KeyboardInterrupt", "raised KeyboardInterrupt to stop the grader"),
    ("GeneratorExit", "raised GeneratorExit to stop the grader"),
    ("PermissionError", "tried what the sandbox forbids"),
    ("BlockingIOError", "tried to start processes"),
    ("FileNotFoundError", "looked for files that it cannot see"),
    ("Operation not permitted", "tried what the sandbox forbids"),
    ("ended without an answer", "ended its own process"),
    ("ended by SIG", "crashed its own process"),
    ("more results than allowed", "flooded the grader with results"),
    ("a value could not be read", "sent a forged answer"),
    ("answers than calls", "sent a forged answer"),
    ("before the sample was loaded", "sent a forged answer"),
)


def attempts_in(reason: str, outcome: Outcome) -> list[str]:
    """Return what a failure says about what a sample tried, if anything."""
    if outcome is Outcome.FAILED and reason.startswith("a value could not be read"):
        outcome = Outcome.DIED
    if outcome not in (Outcome.RAISED, Outcome.DIED):
        return []
    for mark, attempt in _ATTEMPTS:
        if mark in reason:
            return [f"{attempt} ({reason})" if outcome is Outcome.RAISED else attempt]
    return []
