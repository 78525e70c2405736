"""Does a reference refute every mutant of itself?

    python -m codegrad.bench.verify_mutants --data DIR [--sample N]

Mutants are single-operator edits of the canonical solutions of HumanEval's development
tasks; the properties stage compares each with the original on generated inputs. A
mutant that survives is equivalent as far as is known if HumanEval+'s inputs do not tell
it apart either. `--sample N` takes N mutants of each solution.
"""

import argparse
import ast
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codegrad.bench.operator_mutants import difference, mutants
from codegrad.bench.verify_rows import Row, RowTasks
from codegrad.bench.verify_runs import Record, earlier_records, run_jobs, say
from codegrad.errors import CodeGradError
from codegrad.sandbox import Call, Ending
from codegrad.task import Task, dynamic_constraints
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Status
from codegrad.verify.ladder import Ladder
from codegrad.verify.oracles import agree
from codegrad.verify.stage import Workbench


@dataclass(frozen=True, slots=True)
class Job:
    """The mutants of one solution."""

    data: Path
    name: str
    count: int
    """How many mutants; 0 is all."""

    seed: int


def judge_mutants(job: Job) -> Iterator[Record]:
    """Yield for each mutant whether it is refuted, and how long that took."""
    tasks = RowTasks(job.data)
    row = tasks.solutions[job.name]
    source = ast.unparse(ast.parse(f"{row['prompt']}{row['canonical_solution']}"))
    task = _keep_behaviour(row, source)
    found = list(mutants(source))
    rng = random.Random(f"{job.seed} {job.name}")  # noqa: S311 - a reproducible sample
    chosen = rng.sample(found, min(job.count, len(found))) if job.count else found
    ladder = Ladder.of(["properties"])
    with Workbench() as bench:
        # What does not depend on the candidate is worked out once for a task.
        ladder.run({task.main: source}, task, bench)
        for number, text in enumerate(chosen):
            start = time.perf_counter()
            run = ladder.run({task.main: text}, task, bench)
            seconds = time.perf_counter() - start
            refuted = any(v.status is Status.REFUTED for v in run.verdicts)
            told_apart = refuted or _is_told_apart(
                bench, tasks.hidden[job.name], task.entry_point, source, text
            )
            yield {
                "key": f"{job.name} {number}",
                "name": job.name,
                "refuted": refuted,
                "told_apart": told_apart,
                "seconds": seconds,
                "edit": difference(source, text),
            }


def _keep_behaviour(row: Row, source: str) -> Task:
    """Return the task of keeping a solution's behaviour."""
    entry = str(row["entry_point"])
    task = task_from_text(
        source, "m.py", entry, extra=read_assertions(str(row["test"]), entry)
    )
    task = replace(task, reference=source)
    extra = [c for c in dynamic_constraints(task) if c.name == "reference"]
    return replace(task, constraints=(*task.constraints, *extra))


def _is_told_apart(
    bench: Workbench, row: Row, entry: str, first: str, second: str
) -> bool:
    """Return whether an input of HumanEval+ has another result."""
    inputs = [Call(tuple(a)) for a in (*row["base_input"], *row["plus_input"])]
    wanted = bench.sandbox.call(first, entry, inputs).calls
    found = bench.sandbox.call(second, entry, inputs).calls
    return any(
        good.kind is Ending.RETURNED
        and (ours.kind is not Ending.RETURNED or not agree(ours.value, good.value))
        for good, ours in zip(wanted, found, strict=True)
        if ours.kind is not Ending.NOT_RUN
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement and print the figures and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.verify_mutants")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=0, help="of each; 0 is all")
    parser.add_argument("--only", help="one task, HumanEval/N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="file of records, to go on from")
    options = parser.parse_args(arguments)
    try:
        kept = earlier_records(options.out)
        done = {record["name"] for record in kept}
        names = [options.only] if options.only else RowTasks(options.data).solutions
        jobs = [
            Job(options.data, name, options.sample, options.seed)
            for name in names
            if name not in done
        ]
        found = run_jobs(
            jobs,
            judge_mutants,
            processes=options.jobs,
            out=options.out,
            title="mutants",
        )
    except CodeGradError as error:
        say(f"error: {error}", to_error=True)
        return 2
    _report([*kept, *found])
    return 0


def _report(records: Sequence[Record]) -> None:
    killed = sum(r["refuted"] for r in records)
    missed = [r for r in records if r["told_apart"] and not r["refuted"]]
    same = [r for r in records if not r["told_apart"]]
    times = sorted(r["seconds"] * 1000 for r in records) or [0.0]
    total = max(1, killed + len(missed))
    say(
        f"mutants: {len(records)} of {len({r['name'] for r in records})} solutions; "
        f"{killed} of {total} non-equivalent refuted ({100 * killed / total:.1f} %), "
        f"{len(same)} not told apart by HumanEval+ either; wall ms median "
        f"{statistics.median(times):.0f}, p90 {times[int(0.9 * len(times))]:.0f}, "
        f"max {times[-1]:.0f}"
    )
    for title, survivors in (("survived", missed), ("equivalent", same)):
        for record in survivors:
            say(f"  {title}: {record['key']}: {record['edit']}")


if __name__ == "__main__":
    sys.exit(main())
