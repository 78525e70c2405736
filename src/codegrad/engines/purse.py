"""What is left of a budget while a client spends it.

In: a client, what may be spent. Out: what was spent since, and what is left now.
Invariant: a question asked with what is left cannot break the budget, whatever the
questions before it cost in calls, tokens, money and seconds.
"""

import time

from codegrad.budget import Budget, Spent
from codegrad.engines.client import ChatClient


class Purse:
    """A budget for several questions one after another."""

    def __init__(self, client: ChatClient, budget: Budget) -> None:
        self._client = client
        self._budget = budget
        self._before = client.spent
        self._since = time.monotonic()

    @property
    def spent(self) -> Spent:
        """What was paid since. Seconds are not in it: the run has a clock itself."""
        return self._client.spent - self._before

    @property
    def left(self) -> Budget:
        """What may still be spent."""
        elapsed = Spent(seconds=time.monotonic() - self._since)
        return self._budget.left(self.spent + elapsed)
