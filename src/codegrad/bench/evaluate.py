"""Evaluate a file of samples: grade what is new, count, and estimate pass@k."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.bench.executors import Batch, Executor
from codegrad.bench.grading import Grader
from codegrad.bench.passk import mean_pass_at_k
from codegrad.bench.problems import Dataset
from codegrad.bench.results import Results
from codegrad.bench.samples import Sample, SampleFile
from codegrad.bench.shards import Shard
from codegrad.bench.verdicts import Outcome

BATCH = 32
"""Samples of one problem that one worker takes at a time."""

KS = (1, 5, 10, 100)
"""The values of k that are estimated where there are enough samples."""

SUMMARY_SCHEMA = "codegrad.evaluate/1"

Progress = Callable[[int, int], None]
"""Is told how many of how many different samples are graded."""


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How the samples of one problem did."""

    samples: int
    """How many there are."""

    graded: int
    """How many of them have a verdict."""

    passed: Mapping[str, int]
    """How many pass each suite and those before it."""

    outcomes: Mapping[str, int]
    """How many ended in which way at the first suite that they do not pass."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of an evaluation."""

    dataset: Dataset
    tasks: Mapping[str, TaskResult]
    """By problem, in the order of the dataset; those without samples are not here."""

    missing: tuple[str, ...]
    """Problems without samples."""

    counts_missing: bool
    """Whether problems without samples count as not solved."""

    samples: int
    unique: int
    bad: int
    """Lines that were left out."""

    resumed: int
    """Results that were there before."""

    pass_at_k: Mapping[str, Mapping[int, float]]
    """By suite and k. A suite counts those before it. Empty until all are graded."""

    failures: Mapping[str, Mapping[str, Any]]
    attempts: Mapping[str, Mapping[str, Sequence[int]]]
    """Which samples of a problem, counted from 1 in the file, tried what."""

    cpu_s: float

    @property
    def graded(self) -> int:
        """How many samples have a verdict."""
        return sum(task.graded for task in self.tasks.values())

    def to_data(self) -> dict[str, Any]:
        """Return the summary as JSON-ready data."""
        return {
            "schema": SUMMARY_SCHEMA,
            "dataset": {
                "name": self.dataset.name,
                "path": str(self.dataset.path),
                "sha256": self.dataset.checksum,
                "problems": len(self.dataset.problems),
            },
            "samples": self.samples,
            "unique": self.unique,
            "graded": self.graded,
            "resumed": self.resumed,
            "left_out": self.bad,
            "missing": list(self.missing),
            "missing_count_as": "zero" if self.counts_missing else "skipped",
            "pass_at_k": {
                suite: {str(k): value for k, value in found.items()}
                for suite, found in self.pass_at_k.items()
            },
            "tasks": {
                name: {
                    "samples": task.samples,
                    "graded": task.graded,
                    "passed": dict(task.passed),
                    "outcomes": dict(task.outcomes),
                    "failure": self.failures.get(name),
                }
                for name, task in self.tasks.items()
            },
            "attempts": {
                name: {attempt: list(which) for attempt, which in found.items()}
                for name, found in self.attempts.items()
            },
            "cpu_s": round(self.cpu_s, 3),
            "notes": list(self.dataset.notes),
        }


def evaluate(  # noqa: PLR0913 - one options list
    samples: SampleFile,
    dataset: Dataset,
    results: Results,
    executor: Executor,
    *,
    shard: Shard | None = None,
    counts_missing: bool = True,
    progress: Progress | None = None,
) -> Summary:
    """Grade every different sample that has no result yet; return the summary.

    Equal samples of a problem are graded once and counted as often as they are there.
    Results are in the file before the next are asked for, so that an interruption
    loses at most what was being graded.

    Raises:
        DatasetError: If a reference of the dataset does not answer.
        OutputError: If the results cannot be written.
        SandboxError: If samples cannot be isolated.
    """
    shard = shard or Shard()
    resumed = len(results)
    mine = {s.key: s for s in samples.samples if shard.holds(s)}
    waiting = [sample for sample in mine.values() if sample.key not in results]
    total, done = len(mine), len(mine) - len(waiting)
    if progress is not None:
        progress(done, total)
    batches = list(_batches(dataset, waiting))
    if batches:
        for sample, verdict in executor.run(batches, samples.source):
            results.add(sample.key, sample.task_id, verdict)
            done += 1
            if progress is not None:
                progress(done, total)
    return _summary(samples, dataset, results, resumed, counts_missing=counts_missing)


def _batches(dataset: Dataset, waiting: Iterable[Sample]) -> Iterator[Batch]:
    by_task: dict[str, list[Sample]] = {}
    for sample in waiting:
        by_task.setdefault(sample.task_id, []).append(sample)
    for name, problem in dataset.problems.items():
        found = by_task.get(name, [])
        for start in range(0, len(found), BATCH):
            yield Batch(problem, tuple(found[start : start + BATCH]))


def _summary(
    samples: SampleFile,
    dataset: Dataset,
    results: Results,
    resumed: int,
    *,
    counts_missing: bool,
) -> Summary:
    outcomes: dict[str, list[tuple[Outcome, ...] | None]] = {}
    for sample in samples.samples:
        outcomes.setdefault(sample.task_id, []).append(results.outcomes(sample.key))
    tasks = {
        name: _task_result([suite.name for suite in problem.suites], outcomes[name])
        for name, problem in dataset.problems.items()
        if name in outcomes
    }
    missing = samples.missing
    is_complete = all(task.graded == task.samples for task in tasks.values())
    suites = list(dict.fromkeys(s for task in tasks.values() for s in task.passed))
    pass_at_k = {}
    for suite in suites if is_complete else ():
        counts = [
            # A problem without this suite is judged by the suites it has.
            (task.samples, task.passed.get(suite, min(task.passed.values())))
            for task in tasks.values()
        ]
        counts += [(0, 0)] * (len(missing) * counts_missing)
        pass_at_k[suite] = mean_pass_at_k(counts, KS)
    return Summary(
        dataset=dataset,
        tasks=tasks,
        missing=missing,
        counts_missing=counts_missing,
        samples=len(samples.samples),
        unique=len({sample.key for sample in samples.samples}),
        bad=samples.bad_count,
        resumed=resumed,
        pass_at_k=pass_at_k,
        failures=results.failures,
        attempts=_attempts(samples, results),
        cpu_s=results.cpu_s,
    )


def _attempts(samples: SampleFile, results: Results) -> dict[str, dict[str, list[int]]]:
    tried = {
        key
        for found in results.attempts.values()
        for keys in found.values()
        for key in keys
    }
    places: dict[bytes, list[int]] = {}
    for number, sample in enumerate(samples.samples, 1) if tried else ():
        if sample.key in tried:
            places.setdefault(sample.key, []).append(number)
    return {
        name: {
            attempt: sorted(n for key in keys for n in places.get(key, ()))
            for attempt, keys in found.items()
        }
        for name, found in results.attempts.items()
    }


def _task_result(
    suites: Sequence[str], outcomes: Sequence[tuple[Outcome, ...] | None]
) -> TaskResult:
    graded = [one for one in outcomes if one is not None]
    passed = {
        suite: sum(
            all(one is Outcome.PASSED for one in found[: index + 1]) for found in graded
        )
        for index, suite in enumerate(suites)
    }
    ended: dict[str, int] = {}
    for found in graded:
        first = next((one for one in found if one is not Outcome.PASSED), found[0])
        ended[first.value] = ended.get(first.value, 0) + 1
    return TaskResult(len(outcomes), len(graded), passed, ended)


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Whether a dataset judges its own references as it must."""

    checked: int
    """How many problems have a reference."""

    rejected: Mapping[str, str]
    """References that do not pass, and why."""

    accepted: tuple[str, ...]
    """Problems at which a program without a solution passes."""

    median_cpu_ms: float
    """Processor milliseconds of a reference, in the middle."""

    @property
    def ok(self) -> bool:
        """Whether every reference passes and nothing empty does."""
        return not self.rejected and not self.accepted


def self_test(
    dataset: Dataset, grader: Grader, *, progress: Progress | None = None
) -> SelfTest:
    """Grade every reference, and a program without a solution, at every problem."""
    rejected: dict[str, str] = {}
    accepted: list[str] = []
    spent: list[float] = []
    for done, problem in enumerate(dataset.problems.values(), 1):
        if problem.reference:
            verdict = grader.grade(problem, problem.reference)
            spent.append(verdict.cpu_s * 1000)
            if verdict.failure is not None:
                rejected[problem.task_id] = verdict.failure.reason
        if grader.grade(problem, problem.empty).passed:
            accepted.append(problem.task_id)
        if progress is not None:
            progress(done, len(dataset.problems))
    median = statistics.median(spent) if spent else 0.0
    return SelfTest(len(spent), rejected, tuple(accepted), median)
