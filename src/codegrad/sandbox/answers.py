"""Turn the frames of a child into outcomes.

Everything here was written by untrusted code: what has the wrong shape raises one of
`MALFORMED`, and values are decoded to plain builtins.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from codegrad.sandbox import child
from codegrad.sandbox.outcome import (
    CallOutcome,
    CallRecord,
    Ending,
    TestOutcome,
    Trace,
)

MALFORMED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a frame of the wrong shape raises while it is taken apart."""


def failure_parts(data: Mapping[str, Any]) -> tuple[str, str, int | None]:
    """Return the type's name, message and line of an exception."""
    line = data["line"]
    return (
        str(data["error"])[:100],
        str(data["message"])[:1000],
        line if isinstance(line, int) else None,
    )


def call_outcome(found: Mapping[str, Any]) -> CallOutcome:
    """Return what the child says about one call."""
    mutated = found["mutated"]
    kind = _ending(found, Ending.RETURNED, Ending.RAISED)
    cpu_s = float(found["cpu_s"])
    if not 0 <= cpu_s < math.inf:
        raise ValueError("not a time")
    error, text, line = (
        failure_parts(found) if kind is Ending.RAISED else ("", "", None)
    )
    return CallOutcome(
        kind=kind,
        value=child.decode(found["value"]) if kind is Ending.RETURNED else None,
        error=error,
        message=text,
        line=line,
        mutated=None if mutated is None else tuple(map(child.decode, mutated)),
        stdout=str(found["stdout"]),
        cpu_s=cpu_s,
        trace=trace_from(found["trace"]) if "trace" in found else None,
    )


def _ending(found: Mapping[str, Any], *known: Ending) -> Ending:
    """Return how something ended, if a child is in a position to say so."""
    kind = Ending(found["kind"])
    if kind not in known:
        raise ValueError("only the parent says this")
    return kind


def test_outcome(found: Mapping[str, Any]) -> TestOutcome:
    """Return what the tester says about one test."""
    kind = _ending(found, Ending.PASSED, Ending.FAILED, Ending.RAISED)
    error, text = "", ""
    if kind is not Ending.PASSED:
        error, text, _ = failure_parts(found)
    line = found.get("line")
    has_values = "observed" in found
    return TestOutcome(
        kind=kind,
        observed=child.decode(found["observed"]) if has_values else None,
        expected=child.decode(found["expected"]) if has_values else None,
        has_values=has_values,
        message=text,
        error="AssertionError" if error == "ComparisonError" else error,
        line=line if isinstance(line, int) else None,
        calls=tuple(_call_record(entry) for entry in found.get("calls", ())),
        stdout=str(found["stdout"]),
        is_opaque=bool(found.get("opaque")),
        trace=trace_from(found["trace"]) if "trace" in found else None,
    )


def _call_record(entry: Sequence[Any]) -> CallRecord:
    args, kwargs, kind, value = entry
    is_raised = kind == "raised"
    return CallRecord(
        args=tuple(map(child.decode, args)),
        kwargs={str(name): child.decode(item) for name, item in kwargs.items()},
        kind=Ending.RAISED if is_raised else Ending.RETURNED,
        value=str(value) if is_raised else child.decode(value),
    )


def trace_from(data: Mapping[str, Any]) -> Trace:
    """Return what a tracer saw."""
    return Trace(
        lines=tuple((int(line), int(hits)) for line, hits in data["lines"]),
        values=tuple(
            (int(line), tuple((str(name), str(text)) for name, text in state))
            for line, state in data["values"][:300]
        ),
        exception_lines=tuple(int(line) for line in data["exceptions"]),
        calls=tuple((str(caller), str(callee)) for caller, callee in data["calls"]),
        events=int(data["events"]),
    )
