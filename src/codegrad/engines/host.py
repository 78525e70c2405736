"""What a server bears: how much at once, when it wants a rest, when it is given up.

In: what became of requests to one address. Out: whether another may be sent now.
Invariant: all clients that share a `Host` wait when one of them is told to.

The number of requests at the same time is halved when the server is busy and grows by
one each time as many replies have arrived (additive increase, multiplicative
decrease, as in TCP).
"""

import threading
import time


class Host:
    """The server at one address, for all clients of a process that use it.

    Example:
        >>> host = Host(parallel=2)
        >>> host.enter(), host.enter(), host.enter()
        (True, True, False)
        >>> host.leave(); host.enter()
        True
    """

    def __init__(self, *, parallel: int = 8, failures: int = 4) -> None:
        self.parallel = parallel
        """The most requests at the same time."""

        self.opened = ""
        """Why nothing is sent any more; the circuit is open."""

        self.has_replied = False
        """Whether any request was ever answered."""

        self.replies = 0
        """How many requests were answered."""

        self.failures = 0
        """How many have failed for good since the last reply."""

        self._most_failures = failures
        self._allowed = float(parallel)
        self._now = 0
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Take a place for a request, if there is one."""
        with self._lock:
            if self._now >= int(self._allowed):
                return False
            self._now += 1
            return True

    def leave(self) -> None:
        """Give the place back."""
        with self._lock:
            self._now -= 1

    @property
    def rest_s(self) -> float:
        """How long the server still wants to be left alone."""
        return max(0.0, self._rests_until - time.monotonic())

    def is_busy(self, rest_s: float) -> None:
        """Leave the server alone for `rest_s` seconds, then ask less at once."""
        with self._lock:
            if self.rest_s == 0:
                self._allowed = max(1.0, self._allowed / 2)
            self._rests_until = max(self._rests_until, time.monotonic() + rest_s)

    def answered(self) -> None:
        """Take notice of a reply."""
        with self._lock:
            self.has_replied = True
            self.replies += 1
            self.failures = 0
            self._allowed = min(self.parallel, self._allowed + 1 / self._allowed)

    def failed(self, problem: str) -> None:
        """Take notice of a request that failed for good after several attempts.

        After several of them in a row the circuit opens.
        """
        with self._lock:
            self.failures += 1
            if self.failures >= self._most_failures and not self.opened:
                self.opened = (
                    f"{problem}; {self.failures} requests in a row have failed, so no "
                    "more is sent: go on later with `codegrad resume`"
                )
