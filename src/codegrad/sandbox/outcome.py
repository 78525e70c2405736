"""What untrusted code did, as plain values.

Nothing here raises for what a candidate does: a crash, a hang or a lie is a value.
Values that crossed the border are plain builtins, or `Opaque` where they could not
cross.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Ending(StrEnum):
    """How a call, a test, a program or the loading of a module ended."""

    RETURNED = "returned"
    """A call gave a value."""

    PASSED = "passed"
    """A test ran to its end without an exception."""

    FAILED = "failed"
    """An assertion of a test did not hold."""

    RAISED = "raised"
    """An exception left the code, other than a failed assertion of a test."""

    EXITED = "exited"
    """A program ended by itself, with any status."""

    TIMEOUT = "timeout"
    """It was killed at its deadline, or spent its processor time or trace budget."""

    DIED = "died"
    """Its process ended without an answer: a crash, an exit, a broken protocol."""

    OUTPUT_LIMIT = "output_limit"
    """A program wrote more than was allowed and was killed."""

    NOT_RUN = "not_run"
    """It was not started, because what comes before it did not hold."""


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of one call."""

    args: tuple[Any, ...]
    """Positional arguments."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a candidate did, line by line."""

    lines: tuple[tuple[int, int], ...] = ()
    """Each executed line and how often it was reached."""

    values: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    """The first 200 and the last 100 states: the line about to run, and each name in
    scope with its shortened `repr`. `<return>` is the value a function returned."""

    exception_lines: tuple[int, ...] = ()
    """Lines at which an exception passed, in the order of their first time."""

    calls: tuple[tuple[str, str], ...] = ()
    """Caller and callee inside the candidate, once each; `""` calls from outside."""

    events: int = 0
    """Executed lines in all."""


@dataclass(frozen=True, slots=True)
class LoadOutcome:
    """What became of executing the candidate's module."""

    ending: Ending = Ending.RETURNED
    """`RETURNED` if it loaded, else `RAISED`, `TIMEOUT`, `DIED` or `NOT_RUN`."""

    error: str = ""
    """The name of the exception's type."""

    message: str = ""
    """The exception's message, or what ended the process."""

    line: int | None = None
    """The deepest line of the candidate in the traceback, from 1."""

    stdout: str = ""
    """What loading printed."""

    @property
    def ok(self) -> bool:
        """Whether the module was loaded and defines the entry point."""
        return self.ending is Ending.RETURNED


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of one call."""

    kind: Ending
    """`RETURNED`, `RAISED`, `TIMEOUT`, `DIED` or `NOT_RUN`."""

    value: Any = None
    """The returned value."""

    error: str = ""
    """The name of the exception's type."""

    message: str = ""
    """The exception's message, or what ended the process."""

    line: int | None = None
    """The deepest line of the candidate in the traceback, from 1."""

    mutated: tuple[Any, ...] | None = None
    """The positional arguments after the call, if they changed."""

    stdout: str = ""
    """What the call printed."""

    cpu_s: float = 0.0
    """Processor seconds of the call."""

    trace: Trace | None = None
    """What the call did, if it was traced."""


@dataclass(frozen=True, slots=True)
class CallRun:
    """What became of a sequence of calls."""

    load: LoadOutcome
    """What became of loading the candidate."""

    calls: tuple[CallOutcome, ...]
    """One outcome a call, in order."""

    cpu_s: float = 0.0
    """Processor seconds of all processes of the run."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call that a test made."""

    args: tuple[Any, ...]
    """Positional arguments, as they were before the call."""

    kwargs: Mapping[str, Any]
    """Keyword arguments, as they were before the call."""

    kind: Ending
    """`RETURNED` or `RAISED`."""

    value: Any
    """The returned value, or the name of the exception's type."""


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What became of one test."""

    __test__ = False  # pytest collects classes by this name

    kind: Ending
    """`PASSED`, `FAILED`, `RAISED`, `TIMEOUT`, `DIED` or `NOT_RUN`."""

    observed: Any = None
    """What a failed comparison got from the candidate."""

    expected: Any = None
    """What a failed comparison wanted."""

    has_values: bool = False
    """Whether `observed` and `expected` are known."""

    message: str = ""
    """The message of the assertion or exception, or what ended the process."""

    error: str = ""
    """The name of the exception's type."""

    line: int | None = None
    """The deepest line of the candidate, if the candidate raised; from 1."""

    calls: tuple[CallRecord, ...] = ()
    """The first 20 calls of the candidate that the test made."""

    stdout: str = ""
    """What candidate and test printed."""

    is_opaque: bool = False
    """Whether an argument or result could not cross; `shared=True` may help."""

    trace: Trace | None = None
    """What the candidate did, if it was traced."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """What became of a sequence of tests."""

    load: LoadOutcome
    """What became of loading the candidate."""

    tests: tuple[TestOutcome, ...]
    """One outcome a test, in order."""

    is_forge_proof: bool = True
    """Whether the candidate ran in another process than the tests."""

    prelude: LoadOutcome = LoadOutcome()
    """What became of executing the prelude of the tests."""

    cpu_s: float = 0.0
    """Processor seconds of all processes of the run."""


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """What became of one run of a program."""

    kind: Ending
    """`EXITED`, `RAISED`, `TIMEOUT`, `DIED` or `OUTPUT_LIMIT`."""

    stdout: str = ""
    """What it wrote to standard output, up to the limit."""

    stderr: str = ""
    """What it wrote to standard error, up to the limit."""

    returncode: int | None = None
    """The exit status; None if it did not end by itself."""

    error: str = ""
    """The name of the exception's type."""

    message: str = ""
    """The exception's message, or what ended the process."""

    line: int | None = None
    """The deepest line of the candidate in the traceback, from 1."""

    cpu_s: float = 0.0
    """Processor seconds of the run."""
