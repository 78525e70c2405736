"""The models of one run: made once, sharing what servers bear.

In: names, an address, what the user says of the models. Out: engines, critic, source
of constraints. Invariant: all who use a server share its `Host`; the address of a
server of one's own is for `openai:` models alone, so that no other provider's key is
sent there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.engines.capacity import Capacity
from codegrad.engines.choice import is_openai
from codegrad.engines.critic import ModelCritic, Reviewer
from codegrad.engines.download import Report, unreported
from codegrad.engines.engine import Engine, Guidance
from codegrad.engines.estimate import Share, estimate
from codegrad.engines.host import Host
from codegrad.engines.language import ANSWERS, ConstraintSource, ModelSource
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.local import LocalWire, wire_to
from codegrad.engines.patience import Patience
from codegrad.engines.providers import ProviderWire
from codegrad.engines.search import SearchEngine
from codegrad.errors import UsageError
from codegrad.store.calls import CacheMode, CallBook, CallOutcome
from codegrad.task import Task
from codegrad.verify.stage import Workbench

SEARCH = "search"
"""The engine that is no model."""

SEARCHED_BEFORE = 3000
"""Candidates that the built-in search tries in a step before a model is asked."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Which model does what."""

    engine: str = SEARCH
    """Who proposes: `search`, or a model as `provider:model`."""

    critic: str | None = None
    source: str | None = None
    """Who reads constraints in the statement."""

    base_url: str | None = None
    """A server of one's own that speaks the OpenAI protocol."""

    capacity: Capacity = field(default_factory=Capacity)

    @property
    def models(self) -> list[str]:
        """The names of the models, in the order of their roles."""
        named = [None if self.engine == SEARCH else self.engine]
        return [name for name in (*named, self.critic, self.source) if name]

    def to_data(self) -> dict[str, Any]:
        """Return what `from_data` needs."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Roles":
        """Return what `to_data` was made of; what is missing was not said."""
        known = {n: data[n] for n in cls.__slots__ if n in data}
        return cls(**{**known, "capacity": Capacity(**data.get("capacity", {}))})


class Team:
    """The models of one run.

    Their replies count for `payer` and names that begin with it and a hyphen.

    Raises:
        UsageError: If a name has another form than `provider:model`.
        EngineError: If a model's key, client or file is missing.
    """

    def __init__(
        self,
        roles: Roles,
        *,
        calls: Path,
        payer: str,
        cache: CacheMode = CacheMode.ON,
        report: Report = unreported,
    ) -> None:
        roles.capacity.check()
        self.roles = roles
        self._calls = calls
        self._payer = payer
        self._cache = cache
        self._report = report
        self._hosts: dict[str, Host] = {}
        self._wires: dict[str, ProviderWire | LocalWire] = {}
        self._forward = None if roles.engine == SEARCH else self._wire(roles.engine)
        self._backward = self._wire(roles.critic) if roles.critic else None
        self._reader = self._wire(roles.source) if roles.source else None

    def _wire(self, name: str) -> ProviderWire | LocalWire:
        self._wires[name] = wire_to(
            name,
            base_url=self.roles.base_url if is_openai(name) else None,
            context_tokens=self.roles.capacity.style(name).context_tokens,
            report=self._report,
            shares=self._wires.get(name),
        )
        return self._wires[name]

    def engines(self, bench: Workbench, seed: int) -> list[Engine]:
        """Return the engines in the order in which they are asked.

        The built-in search comes first: many wrong programs are one edit away from a
        right one, and it costs nothing.
        """
        if self._forward is None:
            return [SearchEngine(bench=bench, seed=seed)]
        model = LLMEngine(
            self.roles.engine,
            style=self._style(self._forward),
            seed=seed,
            **self._terms(self._forward, self._payer),
        )
        first = SearchEngine(bench=bench, seed=seed, step_candidates=SEARCHED_BEFORE)
        return [first, model]

    def critic(self, bench: Workbench) -> Reviewer | None:
        """Return the backward engine, if there is one."""
        if self._backward is None:
            return None
        style = self._style(self._backward)
        return ModelCritic(
            self._backward.name,
            bench=bench,
            max_tokens=style.max_tokens,
            context_tokens=style.context_tokens,
            **self._terms(self._backward, f"{self._payer}-critic"),
        )

    def source(self) -> ConstraintSource | None:
        """Return the model that reads constraints in the statement, if there is one."""
        if self._reader is None:
            return None
        style = self._style(self._reader)
        return ModelSource(
            self._reader.name,
            max_tokens=style.max_tokens,
            context_tokens=style.context_tokens,
            **self._terms(self._reader, f"{self._payer}-constraints"),
        )

    def expectation(
        self,
        task: Task,
        budget: Budget,
        guidance: Guidance | None = None,
        *,
        reviews_itself: bool = False,
    ) -> str:
        """Return what the run is expected to cost; empty if nothing can be paid.

        Raises:
            UsageError: If the budget is in money and a price is not known.
        """
        if self._cache is CacheMode.REPLAY or not self.roles.models:
            return ""
        self.check(budget)
        shares = self.shares(guidance or Guidance(), reviews_itself=reviews_itself)
        return estimate(task, budget, shares).sentence()

    def check(self, budget: Budget) -> None:
        """Check that a budget can be kept.

        Raises:
            UsageError: If it is in money and a price is not known.
        """
        if budget.money is not None and self.unpriced:
            raise UsageError(
                f"the price of {self.unpriced[0]} is unknown, so a budget in money "
                "cannot be kept; use calls=N or tokens=N"
            )

    @property
    def unpriced(self) -> list[str]:
        """The models whose price is not known."""
        return [n for n, wire in self._wires.items() if wire.cost(1, 1) is None]

    def bill(self, spent: Spent) -> str:
        """Return what a run has cost, in a sentence; empty if no model took part."""
        known = self._from_earlier_runs()
        replies = f"{known:,} {'reply' if known == 1 else 'replies'}"
        if not spent.calls:
            return f"paid: nothing; {replies} of earlier runs used" if known else ""
        prices = [wire.cost(1, 1) for wire in self._wires.values()]
        if not any(prices):
            price = "price unknown" if None in prices else "free of charge"
        else:
            price = f"${spent.money:.4f}"
            price += " and what is of unknown price" if None in prices else ""
        calls = f"{spent.calls:,} call{'s' * (spent.calls != 1)}"
        counted = f"{spent.tokens:,} tokens in and out"
        if any(wire.estimates for wire in self._wires.values()):
            counted += " (estimated where the server does not count them)"
        more = f"; {replies} of earlier runs used" if known else ""
        return f"paid: {calls}, {counted}; {price}{more}"

    def _from_earlier_runs(self) -> int:
        """Return how many replies the run had that others have paid."""
        with CallBook(self._calls) as book:
            return sum(
                call.outcome is CallOutcome.USED and not call.is_paid_by(self._payer)
                for call in book.used_by(self._payer)
            )

    def shares(
        self, guidance: Guidance, *, reviews_itself: bool = False
    ) -> list[Share]:
        """Return what each model is asked for, by a strategy's guidance.

        `reviews_itself`: where no critic is named, the model that writes reviews.
        """
        shares: list[Share] = []
        if self._forward is not None:
            style = self._style(self._forward)
            calls = guidance.proposals or style.width
            calls += bool(style.plans and guidance.plans)
            calls += reviews_itself and self._backward is None
            shares.append(Share(self._forward, calls, style))
        if self._backward is not None:
            shares.append(Share(self._backward, 1, self._style(self._backward)))
        if self._reader is not None:
            style = self._style(self._reader)
            shares.append(Share(self._reader, ANSWERS, style, is_once=True))
        return shares

    def _style(self, wire: ProviderWire | LocalWire) -> Style:
        return self.roles.capacity.style(wire.name, thinks=wire.thinks)

    def _terms(self, wire: ProviderWire | LocalWire, payer: str) -> dict[str, Any]:
        """Return the way to a model, who pays, and how patient one is with it."""
        patience: Patience = self.roles.capacity.patience(wire.name)
        host = self._hosts.setdefault(wire.endpoint, patience.host())
        return {
            "wire": wire,
            "host": host,
            "patience": patience,
            "book": CallBook(self._calls),
            "payer": payer,
            "cache": self._cache,
        }
