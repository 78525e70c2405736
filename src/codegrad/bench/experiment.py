"""An experiment: what is asked, and the folder in which all of its answers are.

In: a plan, visible tasks, a crew. Out: two ledgers in one folder, final answers and
verdicts. Invariant: no hidden test is run before every answer of the plan's share is
final; an experiment that was killed goes on where it was.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad import __version__
from codegrad.bench.crew import Crew
from codegrad.bench.hidden import Judge, Judgements
from codegrad.bench.ledger import Ledger, read_about
from codegrad.bench.shards import Shard
from codegrad.bench.solve import Answer, Job, Means, Settings, Unsolved, solve
from codegrad.errors import DatasetError, OutageError, UsageError

SCHEMA = "codegrad.bench/1"
MOST_UNSOLVED = 4
"""Jobs in a row that an outage may leave undone before no more are begun."""

ANSWERS, VERDICTS = "answers.jsonl", "verdicts.jsonl"

Progress = Callable[[int, int], None]
Identity = tuple[str, str, int, int]
"""Task, strategy, seed and sample of an answer."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked; two experiments of one plan have the same answers."""

    benchmark: str
    sha256: str
    """The checksum of the benchmark's file."""

    tasks: tuple[str, ...]
    """The problems, in the order of the file."""

    tasks_sha256: str
    """The checksum of what a solver sees of them."""

    settings: Settings
    strategies: tuple[str, ...]
    samples: int = 1
    """Answers to each problem in each repetition."""

    seeds: int = 1
    """Repetitions."""

    twin_sha256: str = ""
    """The checksum of a second file whose tests judge the same answers."""

    versions: tuple[tuple[str, str], ...] = (
        ("codegrad", __version__),
        ("python", ".".join(platform.python_version_tuple()[:2])),
    )

    def about(self) -> dict[str, Any]:
        """Return the plan as plain JSON data."""
        return {
            "schema": SCHEMA,
            "benchmark": self.benchmark,
            "sha256": self.sha256,
            "twin_sha256": self.twin_sha256,
            **self.settings.to_data(),
            "strategies": list(self.strategies),
            "samples": self.samples,
            "seeds": self.seeds,
            "versions": dict(self.versions),
            "tasks_sha256": self.tasks_sha256,
            "tasks": list(self.tasks),
        }

    @classmethod
    def from_about(cls, about: Mapping[str, Any]) -> "Plan":
        """Return what `about` was made of.

        Raises:
            DatasetError: If it is no plan of this version.
        """
        try:
            if about["schema"] != SCHEMA:
                raise DatasetError("it holds no experiment of this version")
            names = Settings.__slots__
            return cls(
                benchmark=about["benchmark"],
                sha256=about["sha256"],
                tasks=tuple(about["tasks"]),
                tasks_sha256=about["tasks_sha256"],
                settings=Settings.from_data({n: about[n] for n in names if n in about}),
                strategies=tuple(about["strategies"]),
                samples=about["samples"],
                seeds=about["seeds"],
                twin_sha256=about["twin_sha256"],
                versions=tuple(about["versions"].items()),
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise DatasetError(f"it holds no experiment: {error}") from error

    @property
    def key(self) -> str:
        """What identifies the plan."""
        text = json.dumps(self.about(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def wanted(self) -> Iterator[Identity]:
        """Yield every answer that is asked for; a problem's stand together."""
        for task in self.tasks:
            for seed in range(self.seeds):
                for sample in range(self.samples):
                    for strategy in self.strategies:
                        yield task, strategy, seed, sample

    def jobs(
        self,
        tasks: Mapping[str, str],
        means: Means,
        pool_ids: Mapping[str, str] | None = None,
    ) -> Iterator[Job]:
        """Yield the jobs of the plan; `tasks` are the visible ones as text."""
        ids = pool_ids or {}
        for task, strategy, seed, sample in self.wanted():
            yield Job(
                task,
                tasks[task],
                strategy,
                seed,
                sample,
                self.settings,
                means,
                ids.get(task, ""),
            )


def tasks_checksum(tasks: Mapping[str, str]) -> str:
    """Return the SHA-256 of visible tasks as text."""
    return hashlib.sha256(json.dumps(dict(tasks)).encode()).hexdigest()


class Experiment:
    """The folder of an experiment.

    Raises:
        DatasetError: If the folder holds an experiment of another plan.
        OutputError: If it cannot be written.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self._answers = Ledger(folder / ANSWERS, plan.about())
        self.verdicts = Ledger(folder / VERDICTS, plan.about())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answers.close()
        self.verdicts.close()

    @property
    def answers(self) -> list[Answer]:
        """The final answers so far, in the order of the plan."""
        found = {
            identity(answer): answer
            for answer in (Answer.from_data(row) for _, row in self._answers.rows())
        }
        return [found[one] for one in self.plan.wanted() if one in found]

    def solve(
        self,
        jobs: Iterable[Job],
        crew: Crew,
        *,
        work: Callable[[Job], Answer | Unsolved] = solve,
        shard: Shard | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Get the answers that are not there yet; each is kept as it comes.

        Raises:
            OutageError: If an outage left jobs undone.
            CodeGradError: What a solver raised; finished answers are kept.
        """
        mine = [job for job in jobs if (shard or Shard()).holds(job)]
        waiting = [job for job in mine if job.key.hex() not in self._answers]
        done = len(mine) - len(waiting)
        if progress is not None:
            progress(done, len(mine))
        undone: list[Unsolved] = []
        in_a_row, is_over = 0, False
        for found in crew.results(work, waiting) if waiting else ():
            if isinstance(found, Unsolved):
                undone.append(found)
                in_a_row += 1
                if in_a_row >= MOST_UNSOLVED and not is_over:
                    is_over = True
                    if not crew.stop():
                        break
                continue
            in_a_row = 0
            self._answers.add(found.key, found.to_data())
            done += 1
            if progress is not None:
                progress(done, len(mine))
        if undone:
            raise OutageError(
                f"{len(mine) - done} of {len(mine)} answers are not there, because a "
                f"model could not be asked ({undone[0].task_id}: {undone[0].reason})"
                f"; nothing was judged. {done} are kept in {self.folder}: run the same "
                "command again to go on, nothing is paid twice"
            )

    def judge(self, judges: Sequence[Judge], progress: Progress | None) -> None:
        """Ask each judge once about each final answer."""
        for judge in judges:
            judge.ask(self.answers, progress)

    @property
    def judgements(self) -> Judgements:
        """What is known of the answers."""
        return Judgements(self.verdicts)

    def merge(self, folder: Path) -> int:
        """Take over the answers and verdicts of another folder of the same plan.

        Returns how many answers were new.

        Raises:
            DatasetError: If it is of another plan or cannot be read.
        """
        new = self._answers.merge(folder / ANSWERS)
        self.verdicts.merge(folder / VERDICTS)
        return new

    def require_all(self) -> None:
        """Raise unless every answer of the plan is there and was judged.

        Raises:
            UsageError: Saying how many are missing.
        """
        wanted, answers = sum(1 for _ in self.plan.wanted()), self.answers
        found = self.judgements
        judged = sum(
            all(found.of(judge, answer) is not None for judge in found.suites)
            for answer in answers
            if found.suites
        )
        if judged < wanted:
            raise UsageError(
                f"{self.folder} holds {judged} of {wanted} judged answers; merge the "
                "folders of the other shards, too, or finish those that were "
                "interrupted"
            )

    def hashes(self) -> dict[str, str]:
        """Return what the folder's content is identified by."""
        return {
            "plan": self.plan.key,
            "answers": self._answers.checksum(),
            "verdicts": self.verdicts.checksum(),
        }


def identity(answer: Answer) -> Identity:
    """Return which answer of a plan this is."""
    return answer.task_id, answer.strategy, answer.seed, answer.sample


def read_plan(folder: Path) -> Plan:
    """Return the plan of an experiment's folder.

    Raises:
        DatasetError: If the folder holds none.
    """
    try:
        return Plan.from_about(read_about(folder / ANSWERS))
    except DatasetError as error:
        raise DatasetError(f"{folder} cannot be merged: {error}") from error


def chosen(plan: Plan, *, only: Sequence[str] = (), first: int | None = None) -> Plan:
    """Return the plan for some of its tasks.

    Raises:
        UsageError: If a task is unknown.
    """
    unknown = [name for name in only if name not in plan.tasks]
    if unknown:
        some = ", ".join(plan.tasks[:3])
        raise UsageError(
            f"{plan.benchmark} has no task {', '.join(unknown)}; it has {some}, ..."
        )
    tasks = [name for name in plan.tasks if not only or name in only]
    return replace(plan, tasks=tuple(tasks[:first]))
