"""Is trust what it says? Reliability of derived examples on recorded completions.

    python -m codegrad.bench.trust --data DIR [--json FILE]

There are no recorded tests of models, but there are recorded programs, and what a
program returns for a generated input is an independent derivation of an example: right
or wrong by the reference of the benchmark. For development tasks: a completion derives
an example, a few other completions of the task are the candidates, and the visible
examples are the user's. The map from agreement to trust is fitted on four fifths of
the tasks and judged on the fifth that it did not see. Printed: the reliability table
over the unseen fifths, and the map fitted on all.
"""

import argparse
import json
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import open_dataset
from codegrad.bench.pool import quick
from codegrad.bench.problems import Problem
from codegrad.bench.visible import visible_tasks
from codegrad.engines.pool import as_module, read_pool
from codegrad.errors import CodeGradError
from codegrad.optim.trust import Evidence, agreement, interpolated
from codegrad.sandbox import Call, CallOutcome, Ending, Limits
from codegrad.task import CallCheck, Task
from codegrad.verify.comparison import matches
from codegrad.verify.generation import inputs_of
from codegrad.verify.inputs import Args
from codegrad.verify.stage import Workbench

POOLS = ("qwen25coder7b", "codegen16b", "mixed")
"""Pools of HumanEval completions, by the end of their file names."""

INPUTS = 12
"""Examples that are derived for one task."""

CANDIDATES = (2, 4, 8)
"""Numbers of candidates; a run rarely has more."""

FOLDS = 5
BUCKETS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0001)
_LIMITS = Limits(wall_s=1.0, cpu_s=1.0)
_LEAST = 60
"""Derivations that one knot of the map stands for, at least."""

Knots = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Derived:
    """An example that a program derived."""

    task: str
    pool: str
    candidates: int
    agreed: float
    is_right: bool


def derivations(folder: Path, bench: Workbench) -> Iterator[Derived]:
    """Yield what the recorded completions derive, and whether it is right.

    Raises:
        DatasetError: If a file cannot be read.
        UsageError: If a pool cannot be read.
    """
    path = folder / "HumanEvalPlus.jsonl.gz"
    problems = open_dataset("humaneval+", path).problems
    tasks = visible_tasks("humaneval+", path)
    for pool in POOLS:
        rows = read_pool(folder / f"pool_humaneval_{pool}.jsonl.gz")
        for task_id in sorted(rows):
            codes = [str(row["code"]) for row in rows[task_id]]
            yield from _of_task(
                problems[task_id], quick(tasks[task_id]), pool, codes, bench
            )


def _of_task(
    problem: Problem, task: Task, pool: str, codes: Sequence[str], bench: Workbench
) -> Iterator[Derived]:
    rng = random.Random(f"{pool} {problem.task_id}")  # noqa: S311 - a repeatable draw
    inputs = inputs_of(task, 4 * INPUTS).like
    rng.shuffle(inputs)
    reference = _done(problem.reference, task, inputs, bench)
    truth = [
        (args, outcome.value)
        for args, outcome in zip(inputs, reference, strict=False)
        if outcome.kind is Ending.RETURNED
    ][:INPUTS]
    modules = [module for code in codes if (module := as_module(code, task))]
    known = [args for args, _ in truth]
    done = [_done(module, task, known, bench) for module in modules]
    passes = [_passes(module, task, bench) for module in modules]
    loaded = [n for n, outcomes in enumerate(done) if len(outcomes) == len(known)]
    for count in CANDIDATES:
        if len(loaded) > count:
            yield from _draw(problem, pool, count, truth, done, passes, loaded, rng)


def _draw(  # noqa: PLR0913, PLR0917 - one draw needs all that is known
    problem: Problem,
    pool: str,
    count: int,
    truth: Sequence[tuple[Args, Any]],
    done: Sequence[Sequence[CallOutcome]],
    passes: Sequence[bool],
    loaded: Sequence[int],
    rng: random.Random,
) -> Iterator[Derived]:
    """Derive one example for each input, by a program that is no candidate."""
    chosen = rng.sample(loaded, count)
    rest = [n for n in loaded if n not in chosen]
    claims = [(i, done[rng.choice(rest)][i]) for i in range(len(truth))]
    claims = [(i, what) for i, what in claims if what.kind is Ending.RETURNED]
    meets = [
        [
            done[n][i].kind is Ending.RETURNED and matches(done[n][i].value, what.value)
            for i, what in claims
        ]
        for n in chosen
    ]
    found = agreement(meets, [passes[n] for n in chosen], [Evidence()] * len(claims))
    for (i, what), agreed in zip(claims, found, strict=True):
        right = matches(what.value, truth[i][1], 1e-6)
        yield Derived(problem.task_id, pool, count, agreed, right)


def _done(
    source: str, task: Task, inputs: Sequence[Args], bench: Workbench
) -> Sequence[CallOutcome]:
    calls = [Call(args) for args in inputs]
    run = bench.sandbox.call(source, task.entry_point, calls, limits=_LIMITS)
    return run.calls if run.load.ok else ()


def _passes(source: str, task: Task, bench: Workbench) -> bool:
    checks = [c.check for c in task.constraints if isinstance(c.check, CallCheck)]
    outcomes = _done(source, task, [check.args for check in checks], bench)
    return len(outcomes) == len(checks) and all(
        outcome.kind is Ending.RETURNED
        and matches(outcome.value, check.expected, check.tolerance, exact=check.exact)
        for check, outcome in zip(checks, outcomes, strict=True)
    )


def fitted(rows: Sequence[Derived]) -> Knots:
    """Return the rising map from agreement to the share that is right.

    Neighbours are pooled until shares rise (isotonic regression) and each stands for
    enough derivations.
    """
    groups: list[list[Derived]] = []
    for row in sorted(rows, key=lambda row: row.agreed):
        if not groups or len(groups[-1]) >= _LEAST:
            groups.append([])
        groups[-1].append(row)
    pooled: list[list[Derived]] = []
    for group in groups:
        pooled.append(group)
        while len(pooled) > 1 and _right(pooled[-2]) >= _right(pooled[-1]):
            last = pooled.pop()
            pooled[-1] = pooled[-1] + last
    return [
        (round(statistics.fmean(r.agreed for r in group), 3), round(_right(group), 3))
        for group in pooled
    ]


def _right(rows: Sequence[Derived]) -> float:
    return statistics.fmean(row.is_right for row in rows)


def unseen_trust(rows: Sequence[Derived]) -> list[tuple[float, bool]]:
    """Return the trust in each derivation by a map fitted on other tasks."""
    tasks = sorted({row.task for row in rows})
    random.Random(0).shuffle(tasks)  # noqa: S311 - folds
    fold = {task: index % FOLDS for index, task in enumerate(tasks)}
    found: list[tuple[float, bool]] = []
    for number in range(FOLDS):
        knots = fitted([row for row in rows if fold[row.task] != number])
        found += [
            (interpolated(knots, row.agreed), row.is_right)
            for row in rows
            if fold[row.task] == number
        ]
    return found


def report(rows: Sequence[Derived]) -> str:
    """Return the tables as text."""
    judged = unseen_trust(rows)
    base = statistics.fmean(right for _, right in judged)
    tasks = len({row.task for row in rows})
    lines = [
        f"{len(rows):,} derived examples of {tasks} tasks, {base:.1%} right",
        "",
        f"trust by maps fitted on other tasks ({FOLDS} folds)",
        f"{'trust':<14}{'examples':>10}{'mean trust':>12}{'right':>9}",
    ]
    gap = 0.0
    for low, high in pairwise(BUCKETS):
        inside = [(t, right) for t, right in judged if low <= t < high]
        if not inside:
            continue
        mean = statistics.fmean(t for t, _ in inside)
        right = statistics.fmean(right for _, right in inside)
        gap += abs(mean - right) * len(inside) / len(judged)
        shown = f"{low:.2f} - {min(high, 1):.2f}"
        lines.append(f"{shown:<14}{len(inside):>10,}{mean:>12.3f}{right:>9.3f}")
    brier = statistics.fmean((t - right) ** 2 for t, right in judged)
    plain = base * (1 - base)
    lines += [
        f"calibration error {gap:.3f}; Brier score {brier:.3f} "
        f"(always {base:.2f}: {plain:.3f})",
        "",
        f"{'pool':<16}{'candidates':>11}{'examples':>10}{'right':>8}"
        f"{'agreement >= .9':>17}{'right':>8}",
    ]
    groups: dict[tuple[str, int], list[Derived]] = defaultdict(list)
    for row in rows:
        groups[row.pool, row.candidates].append(row)
    for (pool, count), group in groups.items():
        high_rows = [row for row in group if row.agreed >= 0.9]  # noqa: PLR2004
        share = f"{_right(high_rows):.3f}" if high_rows else "-"
        lines.append(
            f"{pool:<16}{count:>11}{len(group):>10,}{_right(group):>8.3f}"
            f"{len(high_rows):>17,}{share:>8}"
        )
    lines += ["", "map fitted on all: " + str(fitted(rows))]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the reliability of trust."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.trust")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", type=Path, dest="json_path")
    options = parser.parse_args(arguments)
    try:
        with Workbench() as bench:
            rows = list(derivations(options.data, bench))
    except CodeGradError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(report(rows))
    if options.json_path is not None:
        judged = [
            {"task": r.task, "pool": r.pool, "agreed": r.agreed, "right": r.is_right}
            for r in rows
        ]
        options.json_path.write_text(json.dumps(judged), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
