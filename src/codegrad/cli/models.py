"""Which models take part in a run: as options say, as a run stores it, as engines."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.budget import Budget
from codegrad.engines.chat import Wire
from codegrad.engines.choice import BASE_URL_VARIABLE, check_model, choose
from codegrad.engines.client import Patience
from codegrad.engines.critic import ModelCritic, Reviewer
from codegrad.engines.download import Report, unreported
from codegrad.engines.engine import Engine
from codegrad.engines.estimate import estimate
from codegrad.engines.host import Host
from codegrad.engines.language import ConstraintSource, ModelSource
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.local import CONTEXT_TOKENS, LOCAL, wire_to
from codegrad.engines.search import SearchEngine
from codegrad.errors import UsageError
from codegrad.optim.strategy import CODEGRAD, strategy_of
from codegrad.store.calls import CacheMode, CallBook
from codegrad.store.journal import Run
from codegrad.task import Task
from codegrad.verify.stage import Workbench

SEARCHED_BEFORE = 3000
"""Candidates that the built-in search tries in a step before a model is asked."""

PAID_CALLS = 60
"""Calls of a model that a run may make if its budget does not say."""

_AT_HOME = Patience(timeout_s=900.0, longest_s=7200.0, parallel=1)
"""For weights on this machine: one request at a time, however long it takes."""


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
    ) -> "Models":
        """Return what the options mean.

        Raises:
            UsageError: If a name is unknown, or the strategy needs a model and there
                is none.
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
        return cls(
            choice.engine,
            choice.reason,
            choice.base_url or base_url or os.environ.get(BASE_URL_VARIABLE),
            critic,
            cache,
            strategy,
            source,
            hard_from,
        )

    @classmethod
    def stored(cls, config: Mapping[str, Any]) -> "Models":
        """Return what a run was started with."""
        known = {"engine", "base_url", "critic", "cache", "strategy"}
        known |= {"source", "hard_from"}
        options = {name: config[name] for name in known & config.keys()}
        return cls(**options, reason="as the run was started")

    @property
    def summary(self) -> str:
        """Who takes part and why, in one line."""
        critic = f"; critic {self.critic}" if self.critic else ""
        how = "" if self.strategy == CODEGRAD.name else f"; strategy {self.strategy}"
        source = f"; constraints from {self.source}" if self.source else ""
        return f"{self.engine} ({self.reason}){critic}{source}{how}"

    def to_data(self) -> dict[str, str | float | None]:
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


class Crew:
    """The engines of one run: made once, sharing what servers bear.

    Raises:
        EngineError: If a model's key, client or file is missing.
    """

    def __init__(
        self, models: Models, run: Run, calls: Path, *, report: Report = unreported
    ) -> None:
        self._models = models
        self._run = run
        self._calls = calls
        self._report = report
        self._hosts: dict[str, Host] = {}
        self._forward: Wire | None = None
        self._backward: Wire | None = None
        if models.engine != "search":
            self._forward = self._wire(models.engine)
        if models.critic is not None:
            self._backward = self._wire(models.critic)
        self._reader: Wire | None = None
        if models.source is not None:
            self._reader = self._wire(models.source)

    def _wire(self, name: str) -> Wire:
        return wire_to(
            name,
            base_url=self._models.base_url,
            report=self._report,
            shares=self._forward,
        )

    def engines(self, bench: Workbench, seed: int) -> list[Engine]:
        """Return the engines in the order in which they are asked.

        The built-in search comes first: many wrong programs are one edit away from a
        right one, and it costs nothing.
        """
        if self._forward is None:
            return [SearchEngine(bench=bench, seed=seed)]
        return [
            SearchEngine(bench=bench, seed=seed, step_candidates=SEARCHED_BEFORE),
            LLMEngine(
                self._models.engine,
                style=self._style(self._models.engine),
                book=CallBook(self._calls),
                payer=self._run.id,
                cache=CacheMode(self._models.cache),
                **self._terms(self._models.engine, self._forward),
            ),
        ]

    def reviewer(self, bench: Workbench) -> Reviewer | None:
        """Return the backward engine, if there is one."""
        if self._backward is None or self._models.critic is None:
            return None
        return ModelCritic(
            self._models.critic,
            bench=bench,
            book=CallBook(self._calls),
            payer=f"{self._run.id}-critic",
            cache=CacheMode(self._models.cache),
            **self._terms(self._models.critic, self._backward),
        )

    def source(self) -> ConstraintSource | None:
        """Return the model that reads constraints in the statement, if there is one."""
        if self._reader is None or self._models.source is None:
            return None
        return ModelSource(
            self._models.source,
            book=CallBook(self._calls),
            payer=f"{self._run.id}-constraints",
            cache=CacheMode(self._models.cache),
            **self._terms(self._models.source, self._reader),
        )

    def expectation(self, task: Task, budget: Budget) -> str:
        """Return what the run is expected to cost; empty if nothing can be paid.

        Raises:
            UsageError: If the budget is in money and the price is not known.
        """
        if self._models.cache == "replay":
            return ""
        for wire, name in (
            (self._forward, self._models.engine),
            (self._backward, self._models.critic),
            (self._reader, self._models.source),
        ):
            if wire and budget.money is not None and wire.cost(1, 1) is None:
                raise UsageError(
                    f"the price of {name} is unknown, so a budget in money cannot be "
                    "kept; use calls=N or tokens=N"
                )
        if self._forward is None:
            return ""
        style = self._style(self._models.engine)
        name = self._models.engine
        return estimate(task, budget, self._forward, model=name, style=style).sentence()

    def _terms(self, name: str, wire: Wire) -> dict[str, Any]:
        """Return the way to a model and how patient one is with it."""
        patience = _AT_HOME if _is_local(name) else Patience()
        host = self._hosts.setdefault(wire.endpoint, patience.host())
        return {"wire": wire, "host": host, "patience": patience}

    @staticmethod
    def _style(name: str) -> Style:
        return Style(context_tokens=CONTEXT_TOKENS) if _is_local(name) else Style()


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


def _is_local(name: str) -> bool:
    return name.partition(":")[0] == LOCAL
