"""What may still be sent: whether one more request fits into a budget at its worst.

In: a budget, what was spent before and since, a request and its price. Out: a reason
not to send it, or none. Invariant: what is sent cannot break a limit, however long the
reply is.
"""

import time
from dataclasses import dataclass

from codegrad.budget import Budget, Spent
from codegrad.engines.chat import ChatRequest
from codegrad.engines.patience import spoken

_NO_TIME = "the budget is spent (seconds)"


def worst_of(request: ChatRequest, price: float | None) -> Spent:
    """Return what a request takes if its reply is as long as it may be."""
    tokens = request.size + (request.sampling.max_tokens or 0)
    return Spent(calls=1, tokens=tokens, money=price or 0.0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent from a moment on."""

    budget: Budget
    before: Spent
    """The ledger at that moment."""

    since: float
    """The moment, by the monotonic clock."""

    def seconds_left(self) -> float:
        """Return the seconds that are left; infinite without such a limit."""
        if self.budget.seconds is None:
            return float("inf")
        return self.budget.seconds - (time.monotonic() - self.since)

    def refusal(self, spent: Spent, request: ChatRequest, price: float | None) -> str:
        """Return which limit one more request could break, or nothing."""
        used = spent - self.before
        budget, worst = self.budget, worst_of(request, price)
        if self.seconds_left() <= 0:
            return _NO_TIME
        if budget.calls is not None and used.calls + 1 > budget.calls:
            return "the budget is spent (calls)"
        if budget.tokens is not None and used.tokens + worst.tokens > budget.tokens:
            return (
                f"the budget is spent (tokens): {budget.tokens - used.tokens:,} are "
                f"left, one more request may take {worst.tokens:,}"
            )
        if budget.money is not None:
            if price is None:
                return (
                    f"the price of {request.model} is unknown, so a budget in money "
                    "cannot be kept; use calls=N or tokens=N"
                )
            if used.money + worst.money > budget.money:
                return (
                    f"the budget is spent (money): ${budget.money - used.money:.4f} "
                    f"are left, one more request may cost ${worst.money:.4f}"
                )
        return ""

    def cannot_wait(self, wait_s: float) -> str:
        """Return why `wait_s` seconds cannot be waited, or nothing."""
        left = self.seconds_left()
        if left <= 0:
            return _NO_TIME
        if wait_s <= left:
            return ""
        return (
            f"{_NO_TIME}: the server asks to wait {spoken(wait_s)}, {spoken(left)} are "
            "left"
        )
