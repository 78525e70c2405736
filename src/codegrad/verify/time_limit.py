"""A stated limit in seconds: `cost: 50 ms`, `cost: 2 s at n = 100000`.

In: a program and a limit. Out: whether the calls stay below it. Processor time is
measured, the least of several, so that a busy machine does not refute; without a size
the calls are those that the task names and generated ones like them.
"""

import re
from dataclasses import dataclass

from codegrad.sandbox import Call, Ending
from codegrad.task import Constraint
from codegrad.verdict import Counterexample, Verdict
from codegrad.verify.growing_calls import run_series, specifications
from codegrad.verify.inputs import Args
from codegrad.verify.session import Session, passed, refuted, unknown

STAGE = "efficiency"
_LIMIT = re.compile(
    r"\s*(\d+(?:\.\d+)?)\s*(ms|s|seconds?|milliseconds?)"
    r"(?:\s+(?:at|for)\s+(?:n|size)\s*=?\s*(\d+))?\s*"
)
_REPEATS = 3
_DEAREST = 3
"""Calls that are measured again, those that seemed to take longest."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A limit on the processor time of one call."""

    seconds: float
    size: int | None = None
    """The size of the input; None for inputs like those that are known."""

    def __str__(self) -> str:
        where = "" if self.size is None else f" at n = {self.size}"
        return f"{self.seconds:g} s{where}"


def time_limit_of(text: str) -> TimeLimit | None:
    """Return the limit that a clause states, or None if it is none in seconds.

    Example:
        >>> str(time_limit_of("250 ms")), str(time_limit_of("2 s at n = 1000"))
        ('0.25 s', '2 s at n = 1000')
        >>> time_limit_of("O(n)") is None
        True
    """
    found = _LIMIT.fullmatch(text.replace("_", ""))
    if found is None:
        return None
    unit = 0.001 if found[2].startswith("m") else 1.0
    return TimeLimit(float(found[1]) * unit, int(found[3]) if found[3] else None)


def judge_time_limit(
    constraint: Constraint, limit: TimeLimit, session: Session
) -> Verdict:
    """Return `REFUTED` if a call takes more processor time than the limit."""
    longest = session.bench.limits.cpu_s
    if limit.seconds >= longest:
        reason = f"the limit, {limit}, is beyond the {longest:g} s of the sandbox"
        return unknown(constraint, STAGE, reason)
    if limit.size is not None:
        return _judge_size(constraint, limit, limit.size, session)
    inputs = session.in_domain(
        [*(known.args for known in session.inputs.known), *session.inputs.like]
    )
    calls = zip(inputs, session.candidate.call(inputs), strict=True)
    timed = sorted(
        ((outcome.cpu_s, args) for args, outcome in calls if _tells(outcome.kind)),
        key=lambda row: row[0],
    )
    if not timed:
        return unknown(constraint, STAGE, "no input came to an end")
    for _, args in reversed(timed[-_DEAREST:]):
        seconds = _least(session, args)
        if seconds > limit.seconds:
            example = Counterexample(
                session.call_text(args), f"at most {limit}", f"takes {seconds:.3g} s"
            )
            return refuted(constraint, STAGE, [example], len(timed), 1 / len(timed))
    return passed(constraint, STAGE, len(timed), f"at most {timed[-1][0]:.3g} s")


def _tells(kind: str) -> bool:
    return kind in {Ending.RETURNED, Ending.TIMEOUT}


def _least(session: Session, args: Args) -> float:
    run = session.bench.sandbox.call(
        session.source,
        session.entry,
        [Call(args)] * _REPEATS,
        limits=session.bench.limits,
        context=session.task.context,
    )
    return min((outcome.cpu_s for outcome in run.calls), default=0.0)


def _judge_size(
    constraint: Constraint, limit: TimeLimit, size: int, session: Session
) -> Verdict:
    specs = specifications(session.inputs)
    if specs is None:
        reason = session.inputs.problem or "no parameter has a size that could grow"
        return unknown(constraint, STAGE, reason)
    series = run_series(
        "time",
        session.source,
        session.task,
        specs,
        session.bench,
        cpu_s=10 * session.bench.limits.cpu_s,
        sizes=(4, size),
    )
    found = dict(series.points)
    if size not in found:
        reason = series.trouble or f"a call of size {size} did not come to an end"
        return unknown(constraint, STAGE, reason)
    seconds = found[size] / 1e9
    if seconds <= limit.seconds:
        return passed(constraint, STAGE, 1, f"{seconds:.3g} s at n = {size}")
    example = Counterexample(
        f"{session.entry}(input of size {size})",
        f"at most {limit}",
        f"takes {seconds:.3g} s",
    )
    return refuted(constraint, STAGE, [example], 1, 1.0)
