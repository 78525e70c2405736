"""How long is waited for a server, how often it is asked, and how that is said.

In: what went wrong. Out: pauses and numbers of attempts. Invariant: between two
attempts there is a pause, whatever a server asks for.
"""

import math
import random
from dataclasses import dataclass

from codegrad.engines.chat import Trouble, WireError
from codegrad.engines.host import Host

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client waits and how often it tries."""

    timeout_s: float = 180.0
    """For a sign of life of a reply."""

    longest_s: float = 1800.0
    """For a whole reply."""

    attempts: int = 6
    first_attempts: int = 3
    """To reach a server that never answered: it may not be there at all."""

    pause_s: float = 0.5
    """Before the second attempt; doubled before each further one."""

    longest_pause_s: float = 60.0
    """Of our own making; what a server asks for is not shortened."""

    longest_rest_s: float = 900.0
    """What a server may ask for; if it asks for more, no more is sent."""

    failures: int = 4
    """Requests that may fail for good in a row before the circuit opens."""

    parallel: int = 8
    """Requests to one host at the same time."""

    def most_attempts(self, error: WireError, *, has_replied: bool) -> int:
        """Return how often a request that fails so is sent."""
        if error.trouble is Trouble.UNREACHABLE and not has_replied:
            return min(self.attempts, self.first_attempts)
        return self.attempts

    def rest_s(self, attempt: int, error: WireError) -> float:
        """Return the pause after an attempt, counted from 0.

        What a server asks for is not shortened; if it asks for next to nothing, the
        pause is still one.
        """
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        if error.retry_after_s is not None:
            return max(error.retry_after_s, self.pause_s * spread)
        return min(self.longest_pause_s, self.pause_s * 2.0**attempt) * spread

    def host(self) -> Host:
        """Return a server that is treated so."""
        return Host(parallel=self.parallel, failures=self.failures)


def spoken(seconds: float) -> str:
    """Return a time to wait in words, rounded up.

    Example:
        >>> spoken(0.3), spoken(90), spoken(600), spoken(9000), spoken(1e300)
        ('1 s', '90 s', '10 minutes', '3 hours', 'more than 100 days')
    """
    if seconds <= 2 * _MINUTE:
        return f"{math.ceil(seconds)} s"
    if seconds <= 2 * _HOUR:
        return f"{math.ceil(seconds / _MINUTE)} minutes"
    if seconds <= 2 * _DAY:
        return f"{math.ceil(seconds / _HOUR)} hours"
    if seconds <= 100 * _DAY:
        return f"{math.ceil(seconds / _DAY)} days"
    return "more than 100 days"
