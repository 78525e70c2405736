"""Which faults do the stages past the tests find, and how often are they wrong?

    python -m codegrad.bench.verify_bugs bugs   --data DIR [--sample N]
    python -m codegrad.bench.verify_bugs alarms --data DIR [--sample N]
    python -m codegrad.bench.verify_bugs soft   --data DIR [--sample N]

*bugs*: programs that pass HumanEval's tests and fail HumanEval+, judged from prompt,
docstring examples and base tests alone. *alarms*: programs that are right, judged by
the hard constraints alone: each refutation is a false alarm. *soft*: the same programs
and all constraints. `--out FILE` keeps what is found; the same command goes on from it.
"""

import argparse
import random
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.bench.verify_rows import Program, RowTasks, sampled
from codegrad.bench.verify_runs import Record, earlier_records, run_jobs, say
from codegrad.errors import CodeGradError
from codegrad.sandbox import Limits
from codegrad.task import Sources, Task
from codegrad.verdict import Status
from codegrad.verify.agreement import agreement_constraint
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench

RIGHT = ("right_humaneval_dev", "right_mbpp_dev", "right_lcb_dev")
WRONG = "wrong_humaneval_dev"
STAGES = ("syntax", "tests", "properties", "robustness")
"""The stages that have something to judge by: no task here states a contract, a cost
or a reference."""
CONTEST_LIMITS = Limits(wall_s=30.0, cpu_s=10.0)
"""What a contest allows a program; the default is for functions."""


@dataclass(frozen=True, slots=True)
class Job:
    """Programs of one task, and how to judge them."""

    data: Path
    programs: tuple[Program, ...]
    is_hard_only: bool
    peers: tuple[str, ...] = ()
    """Texts of other models' programs that pass what a user can see."""


def judge_programs(job: Job) -> Iterator[Record]:
    """Yield what the ladder says about each program of a job."""
    tasks = RowTasks(job.data)
    ladder = Ladder.of(STAGES)
    task = tasks.task(job.programs[0])
    limits = None if task.entry_point else CONTEST_LIMITS
    with Workbench(limits=limits) as bench:
        if job.is_hard_only:
            hard = tuple(c for c in task.constraints if c.hard)
            task = replace(task, constraints=hard)
        if job.peers:
            extra = agreement_constraint(job.peers)
            task = replace(task, constraints=(*task.constraints, extra))
        for program in job.programs:
            sources = {task.main: tasks.source(program)}
            yield {
                "key": program.key,
                "name": f"{program.task_id} {program.model}",
                **_judged(sources, task, ladder, bench),
            }


def _judged(sources: Sources, task: Task, ladder: Ladder, bench: Workbench) -> Record:
    start = time.perf_counter()
    run = ladder.run(sources, task, bench)
    hard = {c.name for c in task.constraints if c.hard}
    bad = [v for v in run.verdicts if v.status is Status.REFUTED]
    return {
        "hard": sorted({f"{v.stage}: {v.constraint}" for v in bad} & _named(bad, hard)),
        "soft": sorted({f"{v.stage}: {v.constraint}" for v in bad} - _named(bad, hard)),
        "reasons": [f"{v.constraint}: {v.reason}" for v in bad],
        "seconds": time.perf_counter() - start,
    }


def _named(verdicts: Sequence[Any], names: set[str]) -> set[str]:
    return {f"{v.stage}: {v.constraint}" for v in verdicts if v.constraint in names}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the measurements and print a table."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.verify_bugs")
    parser.add_argument("what", choices=["bugs", "alarms", "soft"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--sample", type=int, default=0, help="programs of each set; 0 is all"
    )
    parser.add_argument("--set", action="append", help="only this set of programs")
    parser.add_argument(
        "--peers", type=int, default=0, help="other candidates to ask for agreement"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="file of records, to go on from")
    parser.add_argument("--verbose", action="store_true", help="name what is refuted")
    options = parser.parse_args(arguments)
    names = options.set or ([WRONG] if options.what == "bugs" else RIGHT)
    try:
        for name in names:
            _measure(name, options)
    except CodeGradError as error:
        say(f"error: {error}", to_error=True)
        return 2
    return 0


def _measure(name: str, options: argparse.Namespace) -> None:
    programs = RowTasks(options.data).programs(name)
    if options.what == "bugs":
        # They pass what a user can see and fail what is hidden.
        programs = [
            p for p in programs if p.row["base_pass"] and not p.row["plus_pass"]
        ]
    peers = _Peers(options.data, options.peers, options.seed)
    chosen = {p.key: p for p in sampled(programs, options.sample, seed=options.seed)}
    kept = [r for r in earlier_records(options.out) if r["key"] in chosen]
    done = {record["key"] for record in kept}
    groups: dict[str, list[Program]] = defaultdict(list)
    for key, program in chosen.items():
        if key not in done:
            groups[program.task_id].append(program)
    jobs = [
        Job(
            options.data,
            tuple(group),
            is_hard_only=options.what == "alarms",
            peers=peers.of(task_id),
        )
        for task_id, group in groups.items()
    ]
    found = run_jobs(
        jobs, judge_programs, processes=options.jobs, out=options.out, title=name
    )
    _report(f"{options.what}: {name}", [*kept, *found], is_verbose=options.verbose)


class _Peers:
    """Other programs for a task, as a run with several candidates would have them."""

    def __init__(self, data: Path, count: int, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._of_task: dict[str, list[Program]] = defaultdict(list)
        tasks = RowTasks(data)
        for name in (*RIGHT[:2], WRONG, "wrong_mbpp_dev") if count else ():
            for program in tasks.programs(name):
                # Candidates that fail what a user can see are out of the race.
                if program.row["base_pass"]:
                    self._of_task[program.task_id].append(program)

    def of(self, task_id: str) -> tuple[str, ...]:
        """Return programs of as many models as possible, one a model."""
        others = list(self._of_task.get(task_id, ()))
        random.Random(f"{self._seed} {task_id}").shuffle(others)  # noqa: S311 - a reproducible sample
        by_model = {other.model: other.code for other in reversed(others)}
        return tuple(by_model.values())[: self._count]


def _report(title: str, records: Sequence[Record], *, is_verbose: bool) -> None:
    total = max(1, len(records))
    hard = sum(bool(r["hard"]) for r in records)
    soft = sum(bool(r["soft"]) for r in records)
    either = sum(bool(r["hard"] or r["soft"]) for r in records)
    seconds = [r["seconds"] for r in records] or [0.0]
    tasks = len({r["name"].partition(" ")[0] for r in records})
    say(
        f"{title}: {len(records)} programs of {tasks} tasks; refuted "
        f"by a hard constraint {hard} ({100 * hard / total:.1f} %), "
        f"by a soft one {soft} ({100 * soft / total:.1f} %), "
        f"by either {either} ({100 * either / total:.1f} %); "
        f"wall s median {statistics.median(seconds):.2f}, sum {sum(seconds):.0f}"
    )
    kinds = {
        name: kind for r in records for kind in ("soft", "hard") for name in r[kind]
    }
    counts = Counter(name for r in records for name in {*r["hard"], *r["soft"]})
    for name, count in counts.most_common():
        say(f"    {count:5d}  {100 * count / total:5.1f} %  {kinds[name]}  {name}")
    for record in sorted(records, key=lambda r: str(r["name"])):
        if is_verbose or record["hard"]:
            for reason in record["reasons"]:
                say(f"  {record['key']} {record['name']}: {reason}")


if __name__ == "__main__":
    sys.exit(main())
