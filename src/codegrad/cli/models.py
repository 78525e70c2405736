"""Which models take part in a run: as options say and as a run stores it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from codegrad.budget import Budget
from codegrad.engines.addresses import environment_address, typed_address
from codegrad.engines.capacity import Capacity
from codegrad.engines.choice import (
    check_address,
    check_model,
    choose,
    is_openai,
)
from codegrad.engines.download import Report, unreported
from codegrad.engines.engine import Guidance
from codegrad.engines.team import Roles, Team
from codegrad.errors import UsageError
from codegrad.optim.strategy import CODEGRAD, Critic, strategy_of
from codegrad.store.calls import CacheMode

PAID_CALLS = 60
"""Calls of a model that a run may make if its budget does not say."""


@dataclass(frozen=True, slots=True)
class Models:
    """Who proposes and who reviews, as the options say and as a run stores it."""

    engine: str = "search"
    reason: str = "built in: no key, no model, no network"
    base_url: str | None = None
    critic: str | None = None
    cache: str = "on"
    strategy: str = CODEGRAD.name
    source: str | None = None
    """The model that reads constraints in the statement."""

    hard_from: float | None = None
    """Trust from which what it reads may veto."""

    capacity: Capacity = field(default_factory=Capacity)

    @classmethod
    def chosen(  # noqa: PLR0913 - one value for each option
        cls,
        engine: str,
        critic: str | None,
        base_url: str | None,
        cache: str,
        strategy: str = CODEGRAD.name,
        *,
        source: str | None = None,
        hard_from: float | None = None,
        capacity: Capacity | None = None,
    ) -> "Models":
        """Return what the options mean.

        Raises:
            UsageError: If a name is unknown, the strategy needs a model and there is
                none, or an address or a size has no model to go with.
        """
        how = strategy_of(strategy)
        choice = choose(engine, base_url)
        if not how.searches and not choice.is_model:
            raise UsageError(
                f"the strategy {strategy} does not use the built-in search; name a "
                "model with --engine"
            )
        if critic is not None:
            check_model(critic)
        if hard_from is not None and source is None:
            raise UsageError("--hard-from needs --constraints-from")
        source = _named(source, choice.engine, critic)
        capacity = capacity or Capacity()
        capacity.check()
        roles = Roles(choice.engine, critic, source)
        check_address(base_url, roles.models)
        # The run goes on at the same address, whatever the environment says then.
        server = choice.base_url
        if server is None and any(map(is_openai, roles.models)):
            named = typed_address(base_url) if base_url else environment_address()
            server = named.text if named else None
        return cls(
            choice.engine,
            choice.reason,
            server,
            critic,
            cache,
            strategy,
            source,
            hard_from,
            capacity,
        )

    @classmethod
    def stored(cls, config: Mapping[str, Any]) -> "Models":
        """Return what a run was started with."""
        known = {"engine", "base_url", "critic", "cache", "strategy"}
        known |= {"source", "hard_from"}
        options = {name: config[name] for name in known & config.keys()}
        capacity = Capacity(**config.get("capacity", {}))
        return cls(**options, capacity=capacity, reason="as the run was started")

    @property
    def roles(self) -> Roles:
        """Which model does what."""
        return Roles(
            self.engine, self.critic, self.source, self.base_url, self.capacity
        )

    @property
    def guidance(self) -> Guidance:
        """What the strategy shows the engines and asks them for."""
        return strategy_of(self.strategy).guidance

    @property
    def reviews_itself(self) -> bool:
        """Whether the strategy has the model that writes review, if nobody else does.

        See `codegrad.optim.backward.reviewer_for`.
        """
        return strategy_of(self.strategy).critic is Critic.UNCHECKED

    def team(self, run: str, calls: Path, *, report: Report = unreported) -> Team:
        """Return the models of the run `run`; `calls` is the file of their calls.

        A critic that the strategy does not ask is not made.

        Raises:
            EngineError: If a model's key, client or file is missing.
        """
        roles = self.roles
        if strategy_of(self.strategy).critic is Critic.OFF:
            roles = replace(roles, critic=None)
        cache = CacheMode(self.cache)
        return Team(roles, calls=calls, payer=run, cache=cache, report=report)

    @property
    def summary(self) -> str:
        """Who takes part and why, in one line."""
        has_said = not self.base_url or self.base_url in self.reason
        place = "" if has_said else f" at {self.base_url}"
        critic = f"; critic {self.critic}" if self.critic else ""
        how = "" if self.strategy == CODEGRAD.name else f"; strategy {self.strategy}"
        source = f"; constraints from {self.source}" if self.source else ""
        return f"{self.engine}{place} ({self.reason}){critic}{source}{how}"

    def to_data(self) -> dict[str, Any]:
        """Return what `stored` needs."""
        data = asdict(self)
        del data["reason"]
        return data

    @property
    def asks_a_model(self) -> bool:
        """Whether any language model takes part."""
        return self.engine != "search" or bool(self.critic or self.source)

    def capped(self, budget: Budget) -> Budget:
        """Return `budget`, limited in calls if nothing else limits what is paid."""
        limits = budget.calls, budget.tokens, budget.money
        if not self.asks_a_model or any(limit is not None for limit in limits):
            return budget
        return replace(budget, calls=PAID_CALLS)


def _named(source: str | None, engine: str, critic: str | None) -> str | None:
    """Return the model that `--constraints-from` means.

    Raises:
        UsageError: If it names no model.
    """
    if source == "engine":
        if engine == "search":
            raise UsageError(
                "--constraints-from engine needs a model: the engine is the built-in "
                "search; name one with --engine, or give --constraints-from a model"
            )
        return engine
    if source == "critic":
        if critic is None:
            raise UsageError("--constraints-from critic needs --critic MODEL")
        return critic
    if source is not None:
        check_model(source)
    return source
