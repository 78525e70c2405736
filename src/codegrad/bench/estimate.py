"""What an experiment may cost at most, said before it starts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegrad.bench.experiment import Plan
from codegrad.engines.chat import ChatRequest, Message, Role, Sampling
from codegrad.engines.engine import Guidance
from codegrad.engines.estimate import Share
from codegrad.engines.team import Team
from codegrad.optim.strategy import strategy_of

_FRAME_CHARACTERS = 6000
"""What a request holds beside the statement: instructions, code, gradient."""

_CRITIC_SHARE = 2
"""Calls for each one of the engine where a critic reviews every step."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds; what replies really cost is in the report."""

    answers: int
    calls: int | None
    """None if the budget limits something else."""

    money: float | None
    """US dollars; None if a price is unknown."""

    def sentence(self) -> str:
        """Return the bounds in one sentence."""
        price = "the price is unknown"
        if self.money is not None:
            price = f"at most ${self.money:,.2f}"
        calls = "" if self.calls is None else f"at most {self.calls:,} calls, "
        return f"{self.answers:,} answers, {calls}{price}"


def estimate(plan: Plan, tasks: Mapping[str, str], waiting: int) -> Estimate | None:
    """Return what the answers that are not there yet may cost; None if nothing.

    Raises:
        EngineError: If there is no key for a model.
        UsageError: If the budget is in money and a price is not known.
    """
    settings = plan.settings
    if not settings.asks_a_model:
        return None
    team = Team(settings.roles, calls=Path(), payer="")
    team.check(settings.budget)
    shares = team.shares(Guidance())
    size = max((len(tasks[name]) for name in plan.tasks), default=0)
    prices = [_price(share, size) for share in shares]
    every = len(list(plan.wanted()))
    calls: int | None = None
    if settings.budget.calls is not None:
        calls = sum(_calls(plan, settings.budget.calls)) * waiting // max(1, every)
    money: float | None = None
    if calls is not None and all(price is not None for price in prices):
        money = calls * max((price or 0.0 for price in prices), default=0.0)
    if settings.budget.money is not None:
        bound = settings.budget.money * waiting
        money = bound if money is None else min(money, bound)
    return Estimate(waiting, calls, money)


def _calls(plan: Plan, limit: int) -> Iterable[int]:
    share = _CRITIC_SHARE if plan.settings.critic else 1
    for _, name, _, _ in plan.wanted():
        strategy = strategy_of(name)
        most = limit
        if strategy.steps is not None and strategy.guidance.proposals:
            # What cannot be read is asked for once more.
            most = min(most, strategy.steps * strategy.guidance.proposals * share * 2)
        yield most


def _price(share: Share, size: int) -> float | None:
    message = Message(Role.USER, "x" * (size + _FRAME_CHARACTERS))
    sampling = Sampling(max_tokens=share.style.max_tokens)
    return share.wire.price(ChatRequest(share.wire.name, "", (message,), sampling))
