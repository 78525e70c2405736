"""Options of `codegrad bench` -> a plan, visible tasks and judges.

Whatever can be wrong with the options is found here, before anything is paid.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from codegrad.bench.datasets import open_dataset
from codegrad.bench.executors import Executor
from codegrad.bench.experiment import Plan, chosen, tasks_checksum
from codegrad.bench.hidden import Judge, twin_of, with_agreement
from codegrad.bench.ledger import Ledger
from codegrad.bench.problems import Dataset
from codegrad.bench.solve import POOL, Job, Means, Settings
from codegrad.bench.visible import visible_tasks
from codegrad.budget import Budget
from codegrad.engines.addresses import typed_address
from codegrad.engines.capacity import Capacity
from codegrad.engines.choice import check_address, choose
from codegrad.engines.pool import read_pool
from codegrad.engines.team import SEARCH, Team
from codegrad.errors import UsageError
from codegrad.optim.strategy import strategy_of
from codegrad.store.task_json import task_to_json

CALLS = 12
"""Calls of a model that an answer may cost if the budget does not say."""

CALL_BOOK = "calls.db"
"""Where calls of models are kept in an experiment's folder."""

TWIN = "humaneval+"
"""What `--twin` is a file of."""

_TWINS = ("humaneval", "humanevalfix")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say, before any file was opened."""

    benchmark: str
    engine: str = SEARCH
    pool: Path | None = None
    critic: str | None = None
    base_url: str | None = None
    capacity: Capacity = field(default_factory=Capacity)
    budget: Budget = field(default_factory=Budget)
    timeout_s: float = 3.0
    strategies: tuple[str, ...] = ("codegrad",)
    samples: int = 1
    seeds: int = 1
    only: tuple[str, ...] = ()
    first: int | None = None
    data: Path | None = None
    twin: Path | None = None
    allow_unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that an experiment needs."""

    plan: Plan
    tasks: Mapping[str, str]
    """What a solver sees of each problem."""

    dataset: Dataset
    twin: Dataset | None
    notes: tuple[str, ...]
    allow_unsafe: bool = False
    pool: Path | None = None
    pool_ids: Mapping[str, str] = field(default_factory=dict)

    def jobs(self, folder: Path) -> Iterator[Job]:
        """Yield the jobs; calls of models are kept in `folder`."""
        calls = folder.resolve() / CALL_BOOK
        means = Means(self.pool, calls, self.allow_unsafe)
        return self.plan.jobs(self.tasks, means, self.pool_ids)

    def judges(
        self, executor_for: Callable[[Dataset], Executor], ledger: Ledger
    ) -> list[Judge]:
        """Return who judges final answers."""
        dataset = self.dataset
        if dataset.name == "quixbugs":
            dataset = with_agreement(dataset, allow_unsafe=self.allow_unsafe)
        judges = [Judge(dataset, executor_for(dataset), ledger)]
        if self.twin is not None:
            judges.append(
                Judge(
                    self.twin,
                    executor_for(self.twin),
                    ledger,
                    problem_of=twin_of(self.twin),
                )
            )
        return judges


def prepare(asked: Asked) -> Prepared:
    """Return what the options mean.

    Raises:
        UsageError: If an option is wrong, a file is missing, damaged or another
            benchmark's.
        EngineError: If there is no key for a model.
    """
    settings, pool = _settings(asked)
    _check_strategies(asked.strategies, settings)
    dataset = open_dataset(asked.benchmark, asked.data)
    twin = _twin(asked)
    tasks = {
        name: task_to_json(task)
        for name, task in visible_tasks(asked.benchmark, dataset.path).items()
    }
    notes = [*dataset.notes, *_remarks(dataset)]
    plan = Plan(
        benchmark=asked.benchmark,
        sha256=dataset.checksum,
        tasks=tuple(tasks),
        tasks_sha256="",
        settings=settings,
        strategies=tuple(dict.fromkeys(asked.strategies)),
        samples=asked.samples,
        seeds=asked.seeds,
        twin_sha256=twin.checksum if twin else "",
    )
    plan = chosen(plan, only=asked.only)
    pool_ids: Mapping[str, str] = {}
    if pool is not None:
        pool_ids = _pool_ids(plan.tasks, pool)
        left_out = [name for name in plan.tasks if name not in pool_ids]
        plan = replace(plan, tasks=tuple(n for n in plan.tasks if n in pool_ids))
        if left_out:
            notes.append(_left_out(left_out, pool))
    plan = chosen(plan, first=asked.first)
    tasks = {name: tasks[name] for name in plan.tasks}
    plan = replace(plan, tasks_sha256=tasks_checksum(tasks))
    return Prepared(
        plan,
        tasks,
        dataset,
        twin,
        tuple(notes),
        asked.allow_unsafe,
        pool.resolve() if pool else None,
        pool_ids,
    )


def _settings(asked: Asked) -> tuple[Settings, Path | None]:
    kind, colon, rest = asked.engine.partition(":")
    pool, checksum, base_url = asked.pool, "", asked.base_url
    if base_url is not None:
        base_url = typed_address(base_url).text
    if kind == POOL:
        pool = Path(rest) if colon else pool
        if pool is None:
            raise UsageError("name the file of completions: --engine pool:FILE")
        engine, checksum = POOL, _checksum(pool)
    elif pool is not None:
        raise UsageError("--pool needs --engine pool")
    else:
        choice = choose(asked.engine, asked.base_url)
        engine, base_url = choice.engine, choice.base_url or base_url
    settings = Settings(
        engine,
        asked.budget,
        asked.critic,
        base_url,
        checksum,
        asked.timeout_s,
        asked.capacity,
    )
    check_address(asked.base_url, settings.roles.models)
    Team(settings.roles, calls=Path(CALL_BOOK), payer="")  # raises without a key
    budget = asked.budget
    is_limited = any(x is not None for x in (budget.calls, budget.tokens, budget.money))
    if settings.asks_a_model and not is_limited:
        settings = replace(settings, budget=replace(budget, calls=CALLS))
    return settings, pool


def _check_strategies(names: Sequence[str], settings: Settings) -> None:
    if not names:
        raise UsageError("name at least one strategy: --strategy codegrad")
    for name in names:
        strategy = strategy_of(name)
        if settings.engine == SEARCH and not strategy.searches:
            raise UsageError(
                f"the strategy {name} does not use the built-in search; name a model "
                "or recorded completions with --engine"
            )


def _twin(asked: Asked) -> Dataset | None:
    if asked.twin is None:
        return None
    if asked.benchmark not in _TWINS:
        raise UsageError(
            f"--twin is a HumanEval+ file that judges {' or '.join(_TWINS)}, not "
            f"{asked.benchmark}"
        )
    return open_dataset(TWIN, asked.twin)


def _remarks(dataset: Dataset) -> list[str]:
    """Return what a reader has to know about what is hidden in this benchmark."""
    suites = {s.name for p in dataset.problems.values() for s in p.suites}
    if dataset.name == "livecodebench" and suites == {"public"}:
        return [
            "the file holds no private tests: answers are judged by the public tests, "
            "which solvers see"
        ]
    if dataset.name == "quixbugs":
        return [
            "solvers see the tests of QuixBugs (base); hidden is the agreement with "
            "the correct program on up to 200 other inputs"
        ]
    return []


def _pool_ids(tasks: Sequence[str], pool: Path) -> dict[str, str]:
    """Return the name of each task in the pool; a prefix there is ignored."""
    known = read_pool(pool)
    by_end = {name.partition("/")[2]: name for name in known}
    found = {t: t if t in known else by_end.get(t, "") for t in tasks}
    ids = {task: name for task, name in found.items() if name}
    if not ids:
        some = ", ".join(list(known)[:_SHOWN])
        raise UsageError(f"{pool} has no completion of these tasks; it has {some}, ...")
    return ids


def _left_out(names: Sequence[str], pool: Path) -> str:
    some = ", ".join(names[:_SHOWN])
    more = ", ..." * (len(names) > _SHOWN)
    return f"{pool.name} has no completion of {len(names)} tasks: {some}{more}"


def _checksum(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UsageError(
            f"the pool {path} cannot be read: {error.strerror or error}"
        ) from error
