"""What a stage establishes about one constraint, and the proof it offers.

In: nothing from other rooms. Out: `Status`, `Counterexample`, `Finding`, `Verdict`.
Invariant: a verdict never claims more than what ran.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Status(IntEnum):
    """How much was established, from worst to best."""

    REFUTED = 0
    """Some input within the precondition breaks the constraint."""

    UNKNOWN = 1
    """Nothing was established: a timeout, an unsupported construct, no input."""

    PASSED = 2
    """No counterexample among the inputs that were tried."""

    PROVED = 3
    """No counterexample exists."""

    @property
    def holds(self) -> bool:
        """Whether the constraint counts as satisfied (`PASSED` or `PROVED`)."""
        return self >= Status.PASSED


def weakest(statuses: Iterable[Status]) -> Status:
    """Return the status of several conditions of one stage: the lowest.

    Nothing checked is `UNKNOWN`, because silence is not success.

    Example:
        >>> weakest([Status.PROVED, Status.PASSED]).name
        'PASSED'
        >>> weakest([]).name
        'UNKNOWN'
    """
    return min(statuses, default=Status.UNKNOWN)


def strongest(statuses: Iterable[Status]) -> Status:
    """Return the status of one constraint over several stages.

    Any `REFUTED` wins; otherwise the best that was established.

    Example:
        >>> strongest([Status.UNKNOWN, Status.PASSED]).name
        'PASSED'
        >>> strongest([Status.REFUTED, Status.PROVED]).name
        'REFUTED'
    """
    found = list(statuses)
    if Status.REFUTED in found:
        return Status.REFUTED
    return max(found, default=Status.UNKNOWN)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A piece of a source file; lines count from 1, columns from 0."""

    line: int
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One input on which a constraint fails; text that can be pasted and replayed."""

    call: str
    """The failing call or input, as Python source or as the given standard input."""

    expected: str
    """What should have happened."""

    observed: str
    """What did happen."""

    line: int | None = None
    """The line of the candidate where it raised or was stopped, if it was."""

    shrunk_from: str = ""
    """The input it was shrunk from; empty if it is the given one."""

    def __str__(self) -> str:
        return f"{self.call}: expected {self.expected}, observed {self.observed}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A static fact at a location (lint, types)."""

    code: str
    """The rule, as its tool names it."""

    message: str
    """What the tool says."""

    span: Span
    """Where."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One stage's conclusion on one constraint."""

    constraint: str
    """The id of the constraint."""

    stage: str
    """The name of the stage that ran."""

    status: Status
    """What was established."""

    reason: str = ""
    """One sentence: why, if the status is not self-explanatory."""

    counterexamples: tuple[Counterexample, ...] = ()
    """Inputs that refute it, smallest first."""

    findings: tuple[Finding, ...] = ()
    """Static findings, in file order."""

    checked: int = 0
    """How many inputs (tests: executions; lint and types: files) were looked at."""

    distance: float = 0.0
    """How far the observed result is from the expected one: 0 equal, 1 nothing."""

    cpu_s: float = 0.0
    """CPU seconds that the check cost."""

    forge_proof: bool = True
    """False if the candidate shared a process with the test that judged it."""

    record: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """What a proof rests on, as JSON-able data; goes into the certificate."""
