"""One job of an experiment: a task, a strategy and a seed in, a final answer out.

A job is all that a worker process knows: the visible task as text, the names of the
engines, the budget. No data of the judge is in it.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codegrad.budget import Budget
from codegrad.engines.capacity import Capacity
from codegrad.engines.cut import Cut
from codegrad.engines.engine import Engine
from codegrad.engines.pool import PoolEngine
from codegrad.engines.team import SEARCH, Roles, Team
from codegrad.errors import OutageError
from codegrad.optim.strategy import Choice, strategy_of
from codegrad.refine import refine
from codegrad.result import Outcome
from codegrad.sandbox import Limits
from codegrad.store.calls import CacheMode, CallBook
from codegrad.store.task_json import task_from_json
from codegrad.verify.stage import Workbench

POOL = "pool"
_SEEDS_A_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Settings:
    """What all jobs of an experiment have in common and what decides their answers."""

    engine: str
    """`search`, `pool`, or a model as `provider:model`."""

    budget: Budget
    """What one answer may cost."""

    critic: str | None = None
    """The model that reviews, if there is one."""

    base_url: str | None = None
    """A server of one's own that speaks the OpenAI protocol."""

    pool_sha256: str = ""
    """What the recorded completions are, if they are the engine."""

    timeout_s: float = 3.0
    """Seconds that one test may take."""

    capacity: Capacity = field(default_factory=Capacity)
    """What is said of the models."""

    def to_data(self) -> dict[str, Any]:
        """Return the settings as plain JSON data; what was not said is left out."""
        data = asdict(self)
        if self.capacity == Capacity():
            del data["capacity"]
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Settings":
        """Return what `to_data` was made of."""
        budget = Budget(**data["budget"])
        capacity = Capacity(**data.get("capacity", {}))
        return cls(**{**data, "budget": budget, "capacity": capacity})

    @property
    def roles(self) -> Roles:
        """Which model does what."""
        engine = SEARCH if self.engine == POOL else self.engine
        return Roles(engine, self.critic, None, self.base_url, self.capacity)

    @property
    def asks_a_model(self) -> bool:
        """Whether any language model takes part."""
        return self.engine not in {SEARCH, POOL} or self.critic is not None


@dataclass(frozen=True, slots=True)
class Means:
    """Where things are on the machine that does a job; nothing that decides answers."""

    pool: Path | None = None
    """The file of recorded completions."""

    calls: Path | None = None
    """Where calls of models are kept."""

    allow_unsafe: bool = False
    """Go on where candidates cannot be isolated."""


@dataclass(frozen=True, slots=True)
class Job:
    """One answer that is wanted."""

    task_id: str
    """The problem's name in the benchmark."""

    task: str
    """The visible task, as `codegrad.store.task_json` writes it."""

    strategy: str
    """The strategy's name."""

    seed: int
    """Which repetition, from 0."""

    sample: int
    """Which sample of the repetition, from 0."""

    settings: Settings
    means: Means = Means()
    pool_id: str = ""
    """The task's name in the file of recorded completions."""

    @property
    def key(self) -> bytes:
        """What identifies the content of the job: equal jobs have equal keys."""
        content = [
            self.task_id,
            self.task,
            self.strategy,
            self.seed,
            self.sample,
            self.settings.to_data(),
        ]
        return hashlib.sha256(json.dumps(content).encode()).digest()[:16]

    @property
    def run_seed(self) -> int:
        """The seed of the run; the first sample has the seed of `refine --seed`."""
        return self.seed + _SEEDS_A_SAMPLE * self.sample


@dataclass(frozen=True, slots=True)
class Answer:
    """The final program of one job, and what it cost."""

    key: str
    task_id: str
    strategy: str
    seed: int
    sample: int
    source: str
    verified: bool
    """Whether every visible hard constraint holds."""

    outcome: str
    reason: str
    sentence: str
    """The visible evidence in one sentence."""

    steps: int
    spent: Mapping[str, float]
    seconds: float
    unpriced: bool = False
    """Whether a reply was paid for whose price is not known."""

    def to_data(self) -> dict[str, Any]:
        """Return the answer as plain JSON data, its program with its hash."""
        digest = hashlib.sha256(self.source.encode("utf-8", "surrogatepass"))
        return {**asdict(self), "sha256": digest.hexdigest()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Answer":
        """Return what `to_data` was made of."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        return cls(**known)


@dataclass(frozen=True, slots=True)
class Unsolved:
    """A job without a final answer: a model of it could not be reached."""

    task_id: str
    reason: str


def solve(job: Job) -> Answer | Unsolved:
    """Return the final answer of a job: one `refine` of its visible task.

    An outage says nothing about a model, so what it cut short is not answered: the
    same job, done again, finds what was paid and asks the rest.

    Raises:
        EngineError: If an engine cannot work at all, now or later.
        KeyboardInterrupt: If it was interrupted; what was paid is on the disk.
        UnsafeSandboxError: If candidates cannot be isolated on this machine.
    """
    settings, strategy = job.settings, strategy_of(job.strategy)
    task = task_from_json(job.task)
    began = time.monotonic()
    limits = Limits(wall_s=settings.timeout_s, cpu_s=settings.timeout_s)
    with Workbench(limits=limits, allow_unsafe=job.means.allow_unsafe) as bench:
        team = _team(job)
        try:
            result = refine(
                task,
                engines=_engines(job, team, bench),
                critic=team.critic(bench),
                strategy=strategy,
                budget=settings.budget,
                seed=job.run_seed,
                bench=bench,
            )
        except OutageError as error:
            return Unsolved(job.task_id, str(error))
    if result.outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    # What is chosen among several samples is so only if all of them could be had.
    is_single = strategy.guidance.proposals == 1
    chooses = strategy.choice is Choice.AGREEMENT or not is_single
    if result.cut is Cut.OUTAGE and (chooses or not result.verified):
        return Unsolved(job.task_id, result.reason)
    return Answer(
        key=job.key.hex(),
        task_id=job.task_id,
        strategy=job.strategy,
        seed=job.seed,
        sample=job.sample,
        source=result.code,
        verified=result.verified,
        outcome=str(result.outcome),
        reason=result.reason,
        sentence=result.evidence.sentence(),
        steps=result.steps,
        spent={n: round(v, 6) for n, v in result.spent.to_dict().items()},
        seconds=round(time.monotonic() - began, 3),
        unpriced=bool(result.spent.calls and team.unpriced),
    )


def _engines(job: Job, team: Team, bench: Workbench) -> list[Engine]:
    if job.settings.engine != POOL:
        return team.engines(bench, job.run_seed)
    assert job.means.pool is not None
    name = job.pool_id or job.task_id
    return [PoolEngine(job.means.pool, name, seed=job.run_seed)]


def _team(job: Job) -> Team:
    """Return the models of a job, which pays for itself.

    The same job finds its own replies and no other's: samples stay independent of each
    other that way, and a job that was interrupted pays nothing twice.
    """
    return Team(
        job.settings.roles,
        calls=job.means.calls or CallBook.default_path(),
        payer=f"bench-{job.key.hex()}",
        cache=CacheMode.OFF,
    )
