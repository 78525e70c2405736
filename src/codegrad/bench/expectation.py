"""What the samples of a problem are compared with.

Expected values come from the dataset, or from its reference program, which runs in the
sandbox like any sample. They are kept as the records that a right sample writes, so
that most samples are judged by comparing bytes. What a reference gave is cached on
disk under a checksum; the limits on time follow from how long it took here.
"""

import contextlib
import hashlib
import json
import marshal
import math
import os
import platform
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.bench.oracles import EQUAL, FLOAT_TOLERANCE, NEAR, Truth
from codegrad.bench.problems import Case, Problem, Suite
from codegrad.bench.records import Record, read_value, split_records
from codegrad.errors import DatasetError
from codegrad.sandbox import answering
from codegrad.sandbox.hosting import Host, HostLimits

CALL_FLOOR_S = 1.0
"""No call gets less processor time than this; EvalPlus' floor."""

CALL_FACTOR = 4.0
"""A call gets this much more time than the reference took; EvalPlus' factor."""

TOTAL_FLOOR_S = 60.0
"""All calls of a sample together get no less time than this; EvalPlus' ceiling."""

UNCALIBRATED_S = 12.0
"""Processor seconds for one call where there is no reference: twice LiveCodeBench's
limit, which was set for another machine."""

REFERENCE_LIMITS = HostLimits(call_s=120.0, silence_s=300.0, total_s=900.0)
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call belongs."""

    suite: Suite
    """Its suite."""

    case: Case
    """Its case."""

    tolerance: float
    """The absolute tolerance that holds for it."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The calls of a problem in the order in which they are made, and what is right."""

    places: tuple[Place, ...]
    """The calls: suite by suite, in each the quick ones first."""

    records: tuple[Record, ...]
    """What a right sample answers to each."""

    stream: bytes
    """All bytes of a right sample; empty if being equal does not mean being right."""

    limits: HostLimits
    """The limits of one sample."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a reference answered, in the order of the dataset."""

    records: tuple[Record, ...]
    seconds: tuple[float, ...]


HostMaker = Callable[[Sequence[Case]], contextlib.AbstractContextManager[Host]]
"""Makes a host for calls."""


class References:
    """Runs references once and keeps their answers.

    Args:
        checksum: The SHA-256 of the dataset's file; part of the key of what is kept.
        folder: Where answers are kept; None keeps nothing.
    """

    def __init__(self, checksum: str, folder: Path | None) -> None:
        self._checksum = checksum
        self._folder = folder

    def expectation(self, problem: Problem, host_for: HostMaker) -> Expectation:
        """Return what samples of `problem` are compared with.

        Raises:
            DatasetError: If the reference does not answer where it must.
        """
        suites = [suite for suite in problem.suites if suite.cases]
        cases = [case for suite in suites for case in suite.cases]
        if not cases:
            return Expectation((), (), b"", HostLimits(call_s=UNCALIBRATED_S))
        must_answer = any(not suite.states_expected for suite in suites)
        answers = self._answers(problem, cases, host_for) if problem.reference else None
        if must_answer and (answers is None or len(answers.records) < len(cases)):
            raise DatasetError(
                f"the reference of {problem.task_id} does not answer all of its inputs"
            )
        return _arranged(problem, suites, answers)

    def _answers(
        self, problem: Problem, cases: Sequence[Case], host_for: HostMaker
    ) -> _Answers:
        path = self._path(problem)
        if path is not None:
            with contextlib.suppress(OSError, ValueError, LookupError, struct.error):
                return _loaded(path.read_bytes())
        found = _run_reference(problem, cases, host_for)
        if path is not None:
            # A cache that cannot be written costs time and nothing else.
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(f".{os.getpid()}.part")
                part.write_bytes(_dumped(found))
                part.replace(path)
        return found

    def _path(self, problem: Problem) -> Path | None:
        if self._folder is None:
            return None
        key = [
            _FORMAT,
            self._checksum,
            problem.task_id,
            problem.reference,
            platform.python_version(),
            platform.node(),
        ]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self._folder / self._checksum[:16] / f"{name[:32]}.answers"


def _run_reference(
    problem: Problem, cases: Sequence[Case], host_for: HostMaker
) -> _Answers:
    data = bytearray()

    def take(records: bytearray) -> bool:
        data[:] = records
        return not records.endswith(answering.record(answering.END, b""))

    with host_for(cases) as host:
        host.run(
            problem.reference,
            problem.entry_point,
            take,
            goes_on=True,
            is_timed=True,
            context=problem.context,
        )
    records, seconds = [], []
    for _, one in split_records(data):
        if one.kind == answering.SPENT:
            seconds.append(float(struct.unpack("<d", one.body)[0]))
        elif one.kind not in (answering.LOADED, answering.END):
            records.append(one)
    return _Answers(tuple(records[: len(seconds)]), tuple(seconds))


def _dumped(answers: _Answers) -> bytes:
    body = b"".join(one.data for one in answers.records)
    body += struct.pack(f"<{len(answers.seconds)}d", *answers.seconds)
    head = {"count": len(answers.records), "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(head).encode() + b"\n" + body


def _loaded(data: bytes) -> _Answers:
    line, _, body = data.partition(b"\n")
    head = json.loads(line)
    if hashlib.sha256(body).hexdigest() != head["sha256"]:
        raise ValueError("a damaged file of answers")
    count = int(head["count"])
    cut = len(body) - 8 * count
    records = tuple(one for _, one in split_records(body[:cut]))
    return _Answers(records, struct.unpack(f"<{count}d", body[cut:]))


def _arranged(
    problem: Problem, suites: Sequence[Suite], answers: _Answers | None
) -> Expectation:
    places: list[Place] = []
    records: list[Record] = []
    seconds = list(answers.seconds) if answers is not None else []
    start = 0
    for suite in suites:
        stop = start + len(suite.cases)
        found = list(_suite_records(problem, suite, answers, start))
        tolerances = list(_tolerances(problem, suite, found))
        spent = seconds[start:stop]
        spent += [0.0] * (len(found) - len(spent))
        # Slow inputs last, to a tenth of a millisecond: a wrong sample ends early.
        order = sorted(range(len(found)), key=lambda i: round(spent[i], 4))
        places += [Place(suite, suite.cases[i], tolerances[i]) for i in order]
        records += [found[i] for i in order]
        start = stop
    is_decisive = all(
        _is_decisive(problem, place, one)
        for place, one in zip(places, records, strict=True)
    )
    stream = b""
    if is_decisive:
        loaded = answering.record(answering.LOADED, b"")
        end = answering.record(answering.END, b"")
        stream = loaded + b"".join(one.data for one in records) + end
    return Expectation(tuple(places), tuple(records), stream, _limits(seconds))


def _suite_records(
    problem: Problem, suite: Suite, answers: _Answers | None, start: int
) -> Iterator[Record]:
    for index, case in enumerate(suite.cases):
        if suite.states_expected:
            expected = case.expected
            yield _record(expected.value if isinstance(expected, Truth) else expected)
        else:
            assert answers is not None
            one = answers.records[start + index]
            if problem.oracle.only_presence and one.kind != answering.RAISED:
                one = _record(read_value(one) is not None)
            yield one


def _record(value: Any) -> Record:  # noqa: ANN401 - any plain value
    data = answering.plain_record(marshal.dumps(value, answering.PLAIN_VERSION))
    ((_, one),) = split_records(data)
    return one


def _tolerances(
    problem: Problem, suite: Suite, records: Sequence[Record]
) -> Iterator[float]:
    """Yield the tolerance of each case.

    EvalPlus' evaluator keeps the tolerance for floats once it has met the first
    expected float; so does this.
    """
    has_floats = False
    for case, one in zip(suite.cases, records, strict=True):
        has_floats = has_floats or (problem.oracle is EQUAL and _is_floats(one))
        yield case.tolerance or (FLOAT_TOLERANCE if has_floats else 0.0)


def _is_floats(one: Record) -> bool:
    """Return `holds_floats` of the value of a record, without reading it."""
    body = one.body
    if one.kind != answering.PLAIN:
        return False
    if body[:1] == b"g":
        return True
    return body[:1] in (b"[", b"(") and len(body) > 5 and _are_all_floats(body)  # noqa: PLR2004 - the head of a sequence


def _are_all_floats(body: bytes) -> bool:
    (count,) = struct.unpack_from("<i", body, 1)
    return len(body) == 5 + 9 * count and set(body[5::9]) == {ord("g")}


_NAN_BYTES = (b"\xf8\x7f", b"\xf8\xff")


def _is_decisive(problem: Problem, place: Place, one: Record) -> bool:
    """Return whether equal bytes mean a right answer.

    They do not for NaN, which is not equal to itself, nor where the official judge
    does not accept the reference.
    """
    if one.kind not in (answering.PLAIN, answering.ENCODED):
        return one.kind == answering.DIGEST
    oracle = problem.oracle
    if oracle.only_presence:
        return False
    if oracle in (EQUAL, NEAR) and one.kind == answering.PLAIN:
        has_nan = any(mark in one.body for mark in _NAN_BYTES)
        return not (has_nan and _holds_nan(read_value(one)))
    value = read_value(one)
    expected = place.case.expected if place.suite.states_expected else value
    return oracle(place.case.args, value, expected, place.tolerance)


def _holds_nan(value: object) -> bool:
    match value:
        case float() | complex():
            return value != value  # noqa: PLR0124 - what NaN is
        case list() | tuple() | set() | frozenset():
            return any(map(_holds_nan, value))
        case dict():
            return any(map(_holds_nan, value)) or any(map(_holds_nan, value.values()))
        case _:
            return False


def _limits(seconds: Sequence[float]) -> HostLimits:
    if not seconds:
        return HostLimits(call_s=UNCALIBRATED_S, silence_s=3 * UNCALIBRATED_S)
    call_s = max(CALL_FLOOR_S, CALL_FACTOR * max(seconds))
    total_s = TOTAL_FLOOR_S + CALL_FACTOR * math.fsum(seconds)
    return HostLimits(call_s=call_s, silence_s=3 * call_s + 2, total_s=total_s)
