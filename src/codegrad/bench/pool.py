"""What CodeGrad makes of recorded completions, beside plain best-of-N.

    python -m codegrad.bench.pool POOL ... --dataset humaneval+ --data FILE
        [--accepted FILE] [--width N] [--start FILE] [--also STRATEGIES]
        [--tasks N] [--skip N] [--only IDS] [--orders K] [--properties] [--json FILE]

For each task of the pool, in K random orders of its completions, three runs of `refine`
over the same completions, as a user's would be: the first completion (`zero-shot`),
best-of-N by the visible tests (`best-of-n`), the whole method (`codegrad`); beside
them the oracle (any completion is right). Right means: passes the hidden tests. They
are read after a run has ended, and only to report it: for a completion its recorded
verdict counts, for a repaired program the grader's. Where there are no hidden tests at
hand (LiveCodeBench) accepted programs judge those without a recorded verdict
(`bench.accepted`): those of the pools and of `--accepted FILE`. Without two of them for
the task a repaired program counts as wrong, and a task is left out if a completion has
no verdict.
All completions are there at once, and of equal price for every method. With
`--width N` they come N at a time, as a model's do, and how many were used is counted:
a method may end before it has seen all. With `--start FILE` (HumanEvalFix) each run
starts at a wrong program, as a user's does, and the search is asked first.
Of several pools each is summed up alone, then all of them by task: a task that is in
several counts once, with its mean.
`--properties` runs the soft stages of the product as well: they take three times as
long and have not changed an answer so far.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.bench.accepted import AcceptedPrograms, accepted_file, accepted_texts
from codegrad.bench.bootstrap import paired_difference
from codegrad.bench.datasets import open_dataset
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset
from codegrad.bench.remembering import RememberingBench
from codegrad.bench.visible import visible_tasks
from codegrad.budget import Budget
from codegrad.engines.engine import Engine
from codegrad.engines.pool import RecordedEngine, as_module, read_pool
from codegrad.engines.search import SearchEngine
from codegrad.engines.team import SEARCHED_BEFORE
from codegrad.errors import CodeGradError, DatasetError, UsageError
from codegrad.optim.strategy import CODEGRAD, STRATEGIES
from codegrad.refine import refine
from codegrad.result import Result
from codegrad.sandbox import Limits
from codegrad.task import Task, with_dynamic_constraints

METHODS: Mapping[str, str] = {
    "first": "zero-shot",
    "best of n": "best-of-n",
    "codegrad": "codegrad",
}
"""The strategy of each method."""

BUDGET = Budget(candidates=20_000)
"""Of one run; completions count as candidates, and so does what the search tries."""

_STAGES = ("syntax", "tests")
_VERDICTS = ("plus_pass", "official_pass")


@dataclass(frozen=True, slots=True)
class Row:
    """One task: the share of orders in which each method was right."""

    task: str
    completions: int
    right: Mapping[str, float]
    used: Mapping[str, float]
    """Completions that each method has read, on average over the orders."""

    repaired: float
    """Share of orders in which the answer is no completion but an edit of one."""

    refuted: float
    """Share of orders in which the answer breaks a visible test."""

    seconds: float


class Judge:
    """Says which programs are right, after a run has ended."""

    def __init__(
        self, dataset: Dataset | None, accepted: AcceptedPrograms | None = None
    ) -> None:
        self._dataset = dataset
        self._accepted = accepted
        self._grader = (
            Grader(References(dataset.checksum, None)) if dataset is not None else None
        )
        self._graded: dict[tuple[str, str], bool] = {}
        self.ungraded: list[str] = []
        """Programs without a verdict, and why; they count as wrong."""

    def is_right(self, task_id: str, task: Task, source: str) -> bool:
        """Return whether a program without a recorded verdict is right."""
        key = task_id, source
        if key not in self._graded:
            self._graded[key] = self._grade(task_id, task, source)
        return self._graded[key]

    def _grade(self, task_id: str, task: Task, source: str) -> bool:
        if self._dataset is None or self._grader is None:
            said = self._accepted and self._accepted.is_right(task_id, task, source)
            if said is None:
                self.ungraded.append(f"{task_id}: nothing at hand can judge it")
            return bool(said)
        problem = self._dataset.problems[task_id]
        try:
            return self._grader.grade(problem, source).passed
        except DatasetError as error:
            self.ungraded.append(f"{task_id}: {error}")
            return False

    def close(self) -> None:
        """End the grader's processes."""
        if self._grader is not None:
            self._grader.close()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an experiment does with the completions of a task."""

    orders: int = 20
    seed: int = 0
    properties: bool = False
    """Whether the soft stages run as well."""

    width: int | None = None
    """How many completions come at a time; all of them if it is left out."""

    searches_first: bool = False
    """Whether the built-in search is asked before the completions, as in a run of a
    user who has a program."""

    also: Sequence[str] = ()
    """Strategies beside those of `METHODS`."""


class Experiment:
    """Runs of several strategies over the completions of one task after another."""

    def __init__(
        self, judge: Judge, bench: RememberingBench, plan: Plan = Plan()
    ) -> None:
        self._judge = judge
        self._bench = bench
        self._plan = plan
        self._methods = {**METHODS, **{name: name for name in plan.also}}

    def run(self, task_id: str, task: Task, rows: Sequence[Mapping[str, Any]]) -> Row:
        """Return what each method makes of one task's completions."""
        began = time.monotonic()
        self._bench.forget()
        task = with_dynamic_constraints(task) if self._plan.properties else quick(task)
        codes = [str(row["code"]) for row in rows]
        verdicts = {
            module: self._verdict(task_id, task, module, row)
            for code, row in zip(codes, rows, strict=True)
            if (module := as_module(code, task)) is not None
        }
        orders = self._shuffled(codes)
        right = dict.fromkeys(self._methods, 0)
        used = dict.fromkeys(self._methods, 0)
        repaired = refuted = 0
        for order in orders:
            for method, strategy in self._methods.items():
                engine = RecordedEngine(order, width=self._plan.width)
                result = self._refined(task, engine, strategy)
                known = verdicts.get(result.code)
                if known is None and result.changed:
                    known = self._judge.is_right(task_id, task, result.code)
                right[method] += bool(known)
                used[method] += int(engine.state()["next"])
                if strategy == CODEGRAD.name:
                    repaired += bool(result.changed) and result.code not in verdicts
                    refuted += result.evidence.refuted
        any_right = any(verdicts.values()) or any(map(verdict, rows))
        return Row(
            task_id,
            len(rows),
            {
                **{name: count / len(orders) for name, count in right.items()},
                "oracle": float(any_right),
            },
            {name: count / len(orders) for name, count in used.items()},
            repaired / len(orders),
            refuted / len(orders),
            round(time.monotonic() - began, 2),
        )

    def _verdict(
        self, task_id: str, task: Task, module: str, row: Mapping[str, Any]
    ) -> bool:
        known = verdict(row)
        return self._judge.is_right(task_id, task, module) if known is None else known

    def _refined(self, task: Task, engine: RecordedEngine, strategy: str) -> Result:
        chosen = STRATEGIES[strategy]
        engines: list[Engine] = [engine]
        if self._plan.searches_first and chosen.searches:
            seed, limit = self._plan.seed, SEARCHED_BEFORE
            search = SearchEngine(bench=self._bench, seed=seed, step_candidates=limit)
            engines.insert(0, search)
        return refine(
            task,
            engines=engines,
            strategy=chosen,
            budget=BUDGET,
            seed=self._plan.seed,
            bench=self._bench,
        )

    def _shuffled(self, codes: Sequence[str]) -> list[list[str]]:
        rng = random.Random(self._plan.seed)  # noqa: S311 - an order
        orders = [list(codes) for _ in range(self._plan.orders)]
        for order in orders[1:]:
            rng.shuffle(order)
        return orders


def quick(task: Task) -> Task:
    """Return the task with the stages that decide here; the others are soft."""
    kept = tuple(c for c in task.constraints if c.stage in _STAGES)
    return replace(task, constraints=kept)


def verdict(row: Mapping[str, Any]) -> bool | None:
    """Return the recorded verdict of the hidden tests on a completion."""
    found = (row[name] for name in _VERDICTS if name in row)
    value = next(found, None)
    return value if isinstance(value, bool) else None


def judged_pool(
    path: Path, known: Mapping[str, str], accepted: AcceptedPrograms | None = None
) -> dict[str, list[Any]]:
    """Return the completions of the tasks whose every completion can be judged.

    `known` gives the task's name in the dataset by its name in the pool.
    """
    return {
        known[task]: rows
        for task, rows in read_pool(path).items()
        if task in known
        and (
            all(verdict(row) is not None for row in rows)
            or (accepted is not None and accepted.can_judge(known[task]))
        )
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the mean of each method and the paired difference to best-of-N."""
    results = {name: [row.right[name] for row in rows] for name in rows[0].right}
    used = {name: [row.used[name] for row in rows] for name in rows[0].used}
    gap = paired_difference(results["codegrad"], results["best of n"])
    return {
        "tasks": len(rows),
        "right": {m: round(statistics.fmean(r), 4) for m, r in results.items()},
        "used": {m: round(statistics.fmean(u), 2) for m, u in used.items()},
        "codegrad minus best of n": {k: round(v, 4) for k, v in asdict(gap).items()},
        "repaired": round(sum(row.repaired for row in rows), 2),
        "refuted": round(sum(row.refuted for row in rows), 2),
        "seconds": round(sum(row.seconds for row in rows), 1),
    }


def by_task(pools: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one row a task, the mean of its rows in several pools."""
    found: dict[str, list[Row]] = {}
    for row in (row for rows in pools for row in rows):
        found.setdefault(row.task, []).append(row)
    return [
        Row(
            task,
            sum(row.completions for row in rows),
            {m: statistics.fmean(row.right[m] for row in rows) for m in rows[0].right},
            {m: statistics.fmean(row.used[m] for row in rows) for m in rows[0].used},
            statistics.fmean(row.repaired for row in rows),
            statistics.fmean(row.refuted for row in rows),
            sum(row.seconds for row in rows),
        )
        for task, rows in found.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pools", type=Path, nargs="+", metavar="POOL")
    parser.add_argument("--dataset", default="humaneval+")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--accepted", type=Path, metavar="FILE", help="programs that are right"
    )
    parser.add_argument("--width", type=int, help="completions that come at a time")
    parser.add_argument(
        "--start", type=Path, metavar="FILE", help="wrong programs to start from"
    )
    parser.add_argument(
        "--also", nargs="*", default=(), choices=list(STRATEGIES), help="and these"
    )
    parser.add_argument("--tasks", type=int, default=0, help="only the first N")
    parser.add_argument("--skip", type=int, default=0, help="without the first N")
    parser.add_argument("--only", nargs="*", default=(), help="only these tasks")
    parser.add_argument("--orders", type=int, default=20)
    parser.add_argument("--properties", action="store_true", help="soft stages as well")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except CodeGradError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    tasks = _tasks(options)
    has_judge = options.dataset != "livecodebench"
    names = {name if has_judge else f"LCB/{name}": name for name in tasks}
    bench = RememberingBench(limits=Limits(wall_s=2.0, cpu_s=2.0))
    accepted = None if has_judge else _accepted(options, names, bench)
    dataset = open_dataset(options.dataset, options.data) if has_judge else None
    judge = Judge(dataset, accepted)
    reports: list[dict[str, Any]] = []
    done: list[list[Row]] = []
    try:
        plan = Plan(
            orders=options.orders,
            properties=options.properties,
            width=options.width,
            searches_first=options.start is not None,
            also=options.also,
        )
        experiment = Experiment(judge, bench, plan)
        for path in options.pools:
            pool = judged_pool(path, names, accepted)
            chosen = [n for n in pool if not options.only or n in options.only]
            chosen = chosen[options.skip :][: options.tasks or None]
            if not chosen:
                raise UsageError(f"{path}: no task in it can be judged")
            rows: list[Row] = []
            done.append(rows)
            for name in chosen:
                rows.append(experiment.run(name, tasks[name], pool[name]))
                right = rows[-1].right.items()
                shown = " ".join(f"{m} {share:.2f}" for m, share in right)
                _say(f"{name}: {shown} ({rows[-1].seconds:.0f} s)")
            reports.append({"pool": path.name, **summary(rows)})
            _say(json.dumps(reports[-1], indent=2))
    finally:
        bench.end()
        judge.close()
    ungraded = {"ungraded": sorted(set(judge.ungraded))}
    whole = {"pools": len(done), **summary(by_task(done)), **ungraded}
    _say(json.dumps(whole, indent=2))
    if options.json:
        parts = [
            {**report, "rows": [asdict(row) for row in rows]}
            for report, rows in zip(reports, done, strict=True)
        ]
        document = {"each": parts, "all": whole}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _tasks(options: argparse.Namespace) -> dict[str, Task]:
    """Return the visible tasks by name, at wrong programs if that was asked for."""
    tasks = visible_tasks(options.dataset, options.data)
    if options.start is None:
        return tasks
    started = visible_tasks("humanevalfix", options.start)
    by_number = {name.rpartition("/")[2]: task for name, task in started.items()}
    found = {n: by_number.get(n.rpartition("/")[2]) for n in tasks}
    return {name: task for name, task in found.items() if task is not None}


def _accepted(
    options: argparse.Namespace, names: Mapping[str, str], bench: RememberingBench
) -> AcceptedPrograms:
    """Return the accepted programs of the pools and of the file that was given."""
    rows = accepted_file(options.accepted) if options.accepted else []
    for path in options.pools:
        rows += [row for found in read_pool(path).values() for row in found]
    texts = accepted_texts(rows)
    known = {names[task]: found for task, found in texts.items() if task in names}
    return AcceptedPrograms(known, bench)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
