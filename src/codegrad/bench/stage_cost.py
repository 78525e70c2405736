"""What each stage costs for one function, cheapest first.

    python -m codegrad.bench.stage_cost --data DIR [--sample N]

The functions are the canonical solutions of HumanEval's development tasks, judged by
prompt, docstring examples and base tests, with themselves as reference. They state no
contract, so the proof is timed on the functions of `proof_corpus`. Each stage is run
alone, twice: *first* with all that is worked out once for a task, *again* as for the
next candidate; *cpu* is the mean processor time of the latter, of all processes.
"""

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from codegrad.bench.proof_corpus import GIVEN, functions
from codegrad.bench.verify_rows import RowTasks
from codegrad.bench.verify_runs import say
from codegrad.errors import CodeGradError
from codegrad.task import Task, with_dynamic_constraints
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.ladder import STAGES, Ladder, constraints_of
from codegrad.verify.stage import Workbench

_SYMBOLIC = 5
"""Functions on which symbolic execution is timed; it takes seconds for each."""


@dataclass(slots=True)
class _Times:
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Processor seconds of the second run, of all processes."""

    statuses: Counter[str] = field(default_factory=Counter)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time every stage and print one row for each."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.stage_cost")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=0, help="functions; 0 is all")
    options = parser.parse_args(arguments)
    try:
        tasks = list(_tasks(options.data, options.sample))
        proofs = list(_proof_tasks(options.sample))
        with Workbench() as bench:
            rows = {stage.name: _Times() for stage in STAGES}
            for name, times in rows.items():
                chosen = proofs if name == "proof" else tasks
                for task in chosen[:_SYMBOLIC] if name == "symbolic" else chosen:
                    _time(name, task, bench, times)
    except CodeGradError as error:
        say(f"error: {error}", to_error=True)
        return 2
    _report(rows)
    return 0


def _tasks(data: Path, count: int) -> Iterator[Task]:
    rows = list(RowTasks(data).solutions.values())
    for row in rows[:count] if count else rows:
        source = f"{row['prompt']}{row['canonical_solution']}"
        entry = str(row["entry_point"])
        tests = read_assertions(str(row["test"]), entry)
        task = task_from_text(source, "m.py", entry, extra=tests)
        yield with_dynamic_constraints(replace(task, reference=source))


def _proof_tasks(count: int) -> Iterator[Task]:
    found = list(functions(GIVEN))
    for name, source in found[:count] if count else found:
        yield task_from_text(source, "m.py", name)


def _time(name: str, task: Task, bench: Workbench, times: _Times) -> None:
    if not constraints_of(name, task):
        return
    ladder = Ladder.of([name])
    sources = {task.main: task.source}
    # Another stage may have worked out what belongs to the task.
    task = replace(task)
    for seconds in (times.first, times.again):
        cpu, start = processor_seconds(), time.perf_counter()
        run = ladder.run(sources, task, bench)
        seconds.append(time.perf_counter() - start)
    times.cpu.append(processor_seconds() - cpu)
    times.statuses.update(verdict.status.name for verdict in run.verdicts)


def processor_seconds() -> float:
    """Return the processor time of this process and of all below it, ended or not.

    Processes that nobody has waited for yet count as long as they exist (Linux).
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has just ended
        # The name in brackets may hold anything.
        values = found.rpartition(")")[2].split()
        pid = int(path.parent.name)
        parents[pid] = int(values[1])
        ticks[pid] = sum(map(int, values[11:15]))
    family = {os.getpid()}
    while more := {pid for pid, up in parents.items() if up in family} - family:
        family |= more
    total = sum(ticks.get(pid, 0) for pid in family)
    return total / os.sysconf("SC_CLK_TCK")


def _report(rows: dict[str, _Times]) -> None:
    say(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    say(
        f"{'stage':12}{'functions':>10}{'first ms':>10}{'again ms':>10}"
        f"{'p90 ms':>9}{'cpu ms':>9}  verdicts"
    )
    measured = {name: times for name, times in rows.items() if times.again}
    for name, times in sorted(
        measured.items(), key=lambda row: statistics.fmean(row[1].cpu)
    ):
        again = sorted(times.again)
        verdicts = ", ".join(f"{s} {n}" for s, n in times.statuses.most_common())
        say(
            f"{name:12}{len(again):10}{1000 * statistics.median(times.first):10.1f}"
            f"{1000 * statistics.median(again):10.1f}"
            f"{1000 * again[int(0.9 * len(again))]:9.1f}"
            f"{1000 * statistics.fmean(times.cpu):9.1f}  {verdicts}"
        )


if __name__ == "__main__":
    sys.exit(main())
