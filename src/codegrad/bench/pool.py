"""What selection and repair add to recorded completions, visible tests only.

    python -m codegrad.bench.pool POOL --dataset humaneval+ --data FILE
        [--tasks N] [--orders K] [--json FILE]

For each task of the pool, in K random orders of its completions: the first one; the
first that passes the visible tests (best-of-N); CodeGrad's choice (among those that
pass by agreement on generated inputs; if none passes, the built-in search repairs the
nearest); the oracle (any is right). Right means: passes the hidden tests. They are read
after the choice and only to report it; the recorded verdict is used for a completion,
the grader for a repaired one.
"""

import argparse
import ast
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import open_dataset
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset, Problem
from codegrad.budget import Budget
from codegrad.engines.pool import as_module, read_pool
from codegrad.engines.search import SearchEngine
from codegrad.errors import CodeGradError, DatasetError
from codegrad.loss import Loss
from codegrad.optim.selection import behaviours, by_agreement
from codegrad.refine import refine
from codegrad.sandbox import Limits
from codegrad.task import Task, static_constraints
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

METHODS = ("first", "best of n", "selection", "codegrad", "oracle")
REPAIRED = 3
"""Completions that the search starts from if none passes."""

REPAIR_CANDIDATES = 4000
"""Candidates of each repair."""

TRUSTED_COMPLETIONS = 5
TRUSTED_SHARE = 0.5
"""Completions that fail a visible test stay if this share behaves exactly alike."""

_STAGES = ("syntax", "tests")
_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Row:
    """One task: the share of orders in which each method was right."""

    task: str
    completions: int
    passing: int
    """Completions that pass the visible tests."""

    right: Mapping[str, float]
    repaired: bool
    """Whether a repair passes the visible tests where no completion does."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference of paired results, with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def paired_difference(
    ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0
) -> Interval:
    """Return the mean of ours minus theirs; tasks are drawn again together.

    Example:
        >>> paired_difference([1.0, 1.0], [0.0, 0.0])
        Interval(mean=1.0, low=1.0, high=1.0)
    """
    gaps = [a - b for a, b in zip(ours, theirs, strict=True)]
    rng = random.Random(seed)  # noqa: S311 - resampling
    means = sorted(
        statistics.fmean(rng.choices(gaps, k=len(gaps))) for _ in range(_RESAMPLES)
    )
    return Interval(
        statistics.fmean(gaps),
        means[int(0.025 * _RESAMPLES)],
        means[int(0.975 * _RESAMPLES) - 1],
    )


class Experiment:
    """One pool against one dataset."""

    def __init__(
        self, dataset: Dataset, bench: Workbench, *, orders: int = 20, seed: int = 0
    ) -> None:
        self._dataset = dataset
        self._bench = bench
        self._orders = orders
        self._seed = seed
        self._grader = Grader(References(dataset.checksum, None))
        self.ungraded: list[str] = []
        """Sources without a verdict, and why; they count as wrong."""

    def run(self, task_id: str, rows: Sequence[Mapping[str, Any]]) -> Row:
        """Return what each method makes of one task's completions."""
        began = time.monotonic()
        problem = self._dataset.problems[task_id]
        task = visible_task(problem)
        known = [as_module(str(row["code"]), task) for row in rows]
        usable = [source for source in known if source is not None]
        losses = self._losses(task, usable)
        passing = {source for source in usable if _holds(losses[source])}
        chosen = [source for source in dict.fromkeys(usable) if source in passing]
        seen = dict(zip(chosen, behaviours(task, chosen, self._bench), strict=True))
        repaired = ""
        agreed: str | None = None
        if usable and not passing:
            agreed = self._agreed(task, usable)
            if agreed is None:
                nearest = sorted(dict.fromkeys(usable), key=lambda s: losses[s].key)
                repaired = self._repair(task, nearest[:REPAIRED])
        judge = self._judge(problem, rows)
        right = dict.fromkeys(METHODS, 0.0)
        for order in self._shuffled(len(rows)):
            picks = _picks(order, known, passing, seen)
            picks["codegrad"] = picks["selection"]
            if agreed is not None:
                picks["codegrad"] = known.index(agreed)
            for method, index in picks.items():
                right[method] += judge(index)
            if repaired:
                right["codegrad"] += self._grade(problem, repaired) - judge(
                    picks["codegrad"]
                )
        right = {method: count / self._orders for method, count in right.items()}
        right["oracle"] = float(any(judge(index) for index in range(len(rows))))
        return Row(
            task_id,
            len(rows),
            sum(source in passing for source in usable),
            right,
            bool(repaired),
            round(time.monotonic() - began, 2),
        )

    def close(self) -> None:
        """End the grader's processes."""
        self._grader.close()

    def _losses(self, task: Task, sources: Sequence[str]) -> dict[str, Loss]:
        loss_fn = VerificationLoss(task, bench=self._bench, ladder=Ladder.of(_STAGES))
        return {
            source: loss_fn.evaluate({task.main: source})
            for source in dict.fromkeys(sources)
        }

    def _agreed(self, task: Task, sources: Sequence[str]) -> str | None:
        """Return what most completions agree on although none passes.

        Then the visible test is suspect, not the completions: examples in docstrings
        are wrong at times, and independent programs are not wrong in the same way.
        """
        if len(sources) < TRUSTED_COMPLETIONS:
            return None
        seen = [row or None for row in behaviours(task, sources, self._bench)]
        common, votes = Counter(seen).most_common(1)[0]
        if common is None or votes < TRUSTED_SHARE * len(sources):
            return None
        return sources[seen.index(common)]

    def _repair(self, task: Task, sources: Sequence[str]) -> str:
        """Return the first repair that passes the visible tests, else nothing."""
        for source in sources:
            start = replace(task, sources={task.main: source})
            engine = SearchEngine(bench=self._bench, seed=self._seed)
            try:
                result = refine(
                    start,
                    engines=[engine],
                    budget=Budget(candidates=REPAIR_CANDIDATES),
                    bench=self._bench,
                )
            except CodeGradError:
                continue  # no test that the search could follow
            if result.verified:
                return result.code
        return ""

    def _judge(
        self, problem: Problem, rows: Sequence[Mapping[str, Any]]
    ) -> Callable[[int], bool]:
        verdicts = {
            index: bool(row["plus_pass"])
            for index, row in enumerate(rows)
            if isinstance(row.get("plus_pass"), bool)
        }

        def judge(index: int) -> bool:
            if index not in verdicts:
                verdicts[index] = self._grade(problem, str(rows[index]["code"]))
            return verdicts[index]

        return judge

    def _grade(self, problem: Problem, source: str) -> bool:
        """Return whether a source passes the hidden tests; no verdict is a no."""
        try:
            return self._grader.grade(problem, source).passed
        except DatasetError as error:
            self.ungraded.append(f"{problem.task_id}: {error}")
            return False

    def _shuffled(self, count: int) -> list[list[int]]:
        rng = random.Random(self._seed)  # noqa: S311 - an order
        orders = [list(range(count)) for _ in range(self._orders)]
        for order in orders[1:]:
            rng.shuffle(order)
        return orders


def _picks(
    order: Sequence[int],
    known: Sequence[str | None],
    passing: set[str],
    seen: Mapping[str, tuple[str, ...]],
) -> dict[str, int]:
    """Return which completion each method takes, for one order of them."""
    good = [index for index in order if known[index] in passing]
    picks = {"first": order[0], "best of n": good[0] if good else order[0]}
    picks["selection"] = picks["best of n"]
    if good:
        rows = [seen[source] for index in good if (source := known[index]) is not None]
        picks["selection"] = good[by_agreement(rows).order[0]]
    return picks


def visible_task(problem: Problem) -> Task:
    """Return the task that a solver sees: prompt and the tests in it."""
    main = problem.task_id.replace("/", "_") + ".py"
    entry = problem.entry_point
    asserts = _asserts(problem.prompt)
    if not asserts:
        task = task_from_text(problem.prompt + "    pass\n", main, entry)
        kept = tuple(c for c in task.constraints if c.stage in _STAGES)
        return replace(task, constraints=kept)
    return Task(
        name=problem.task_id,
        entry_point=entry,
        sources={main: problem.empty},
        main=main,
        constraints=(
            *(c for c in static_constraints() if c.stage in _STAGES),
            *read_assertions(asserts, entry),
        ),
        prompt=problem.prompt,
    )


def _asserts(prompt: str) -> str:
    """Return the asserts that stand in a prompt without a function (MBPP)."""
    if "\ndef " in f"\n{prompt}":
        return ""
    lines: list[str] = []
    for line in prompt.splitlines():
        if line.startswith("assert "):
            try:
                ast.parse(line)
            except SyntaxError:
                continue
            lines.append(line)
    return "\n".join(lines)


def _holds(loss: Loss) -> bool:
    return all(c.name in loss.satisfied for c in loss.constraints if c.hard)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pool", type=Path)
    parser.add_argument("--dataset", default="humaneval+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", type=int, default=0, help="only the first N")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    dataset = open_dataset(options.dataset, options.data)
    pool = {
        task: rows
        for task, rows in read_pool(options.pool).items()
        if task in dataset.problems
        and all(isinstance(row.get("plus_pass"), bool) for row in rows)
    }
    rows: list[Row] = []
    with Workbench(limits=Limits(wall_s=2.0, cpu_s=2.0)) as bench:
        experiment = Experiment(dataset, bench, orders=options.orders)
        for task in list(pool)[: options.tasks or None]:
            rows.append(experiment.run(task, pool[task]))
            shown = " ".join(f"{m} {rows[-1].right[m]:.2f}" for m in METHODS)
            _say(f"{task}: {rows[-1].passing}/{rows[-1].completions} pass; {shown}")
        experiment.close()
    report = {**summary(rows), "ungraded": experiment.ungraded}
    _say(json.dumps(report, indent=2))
    if options.json:
        document = {"rows": [asdict(row) for row in rows], **report}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the mean of each method and the paired differences to best-of-N."""
    results = {method: [row.right[method] for row in rows] for method in METHODS}
    base = results["best of n"]
    return {
        "tasks": len(rows),
        "right": {m: round(statistics.fmean(r), 4) for m, r in results.items()},
        "minus best of n": {
            method: asdict(paired_difference(results[method], base))
            for method in ("selection", "codegrad")
        },
        "repaired": sum(row.repaired for row in rows),
        "seconds": round(sum(row.seconds for row in rows), 1),
    }


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
