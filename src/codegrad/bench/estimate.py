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
    calls: int
    money: float | None
    """US dollars; None if a price is unknown."""

    def sentence(self) -> str:
        """Return the bounds in one sentence."""
        price = "the price is unknown"
        if self.money is not None:
            price = f"at most ${self.money:,.2f}"
        return f"{self.answers:,} answers, at most {self.calls:,} calls, {price}"


def estimate(plan: Plan, tasks: Mapping[str, str], waiting: int) -> Estimate | None:
    """Return what the answers that are not there yet may cost; None if nothing.

    Raises:
        EngineError: If there is no key for a model.
    """
    settings = plan.settings
    if not settings.asks_a_model:
        return None
    shares = Team(settings.roles, calls=Path(), payer="").shares(Guidance())
    size = max((len(tasks[name]) for name in plan.tasks), default=0)
    prices = [_price(share, size) for share in shares]
    every = len(list(plan.wanted()))
    calls = sum(_calls(plan)) * waiting // max(1, every)
    money: float | None = None
    if all(price is not None for price in prices):
        money = calls * max((price or 0.0 for price in prices), default=0.0)
    if settings.budget.money is not None:
        bound = settings.budget.money * waiting
        money = bound if money is None else min(money, bound)
    return Estimate(waiting, calls, money)


def _calls(plan: Plan) -> Iterable[int]:
    limit = plan.settings.budget.calls
    share = _CRITIC_SHARE if plan.settings.critic else 1
    for _, name, _, _ in plan.wanted():
        strategy = strategy_of(name)
        most = limit if limit is not None else 0
        if strategy.steps is not None and strategy.guidance.proposals:
            most = min(most, strategy.steps * strategy.guidance.proposals * share)
        yield most


def _price(share: Share, size: int) -> float | None:
    message = Message(Role.USER, "x" * (size + _FRAME_CHARACTERS))
    sampling = Sampling(max_tokens=share.style.max_tokens)
    return share.wire.price(ChatRequest(share.wire.name, "", (message,), sampling))
