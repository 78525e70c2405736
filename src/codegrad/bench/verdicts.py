"""What a grader says about a sample."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a sample on one suite."""

    PASSED = "pass"
    """Every result is right."""

    FAILED = "fail"
    """A result is wrong, or an assertion does not hold."""

    RAISED = "error"
    """An exception left the sample."""

    TIMEOUT = "timeout"
    """It was ended at a limit on time."""

    DIED = "died"
    """Its process ended, or broke the protocol."""

    NOT_RUN = "not_run"
    """A suite before it was not passed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing that went wrong."""

    suite: str
    """The suite in which it happened."""

    reason: str
    """What happened, in a sentence."""

    given: str = ""
    """The input, shortened."""

    expected: str = ""
    """What was expected, shortened."""

    observed: str = ""
    """What came, shortened."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one sample."""

    outcomes: Mapping[str, Outcome]
    """The outcome of each suite."""

    failure: Failure | None = None
    """What went wrong first, unless it passed."""

    attempts: tuple[str, ...] = ()
    """What it tried that an honest sample does not."""

    cpu_s: float = 0.0
    """Processor seconds of the sample's processes."""

    @property
    def passed(self) -> bool:
        """Whether every suite was passed."""
        return all(one is Outcome.PASSED for one in self.outcomes.values())
