"""`codegrad evaluate SAMPLES --dataset NAME`."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from codegrad.bench.datasets import SOURCES, cache_folder, open_dataset
from codegrad.bench.evaluate import Summary, evaluate, self_test
from codegrad.bench.executors import CrewGrading, Executor, GraderSpec, LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset
from codegrad.bench.results import Results
from codegrad.bench.samples import SampleFile
from codegrad.bench.shards import Shard
from codegrad.cli.main import EXIT_INTERRUPTED
from codegrad.cli.sharing import crew_of, progress_bar, sharing_options
from codegrad.errors import UsageError

_SHOWN_TASKS = 20


@click.command("evaluate")
@click.argument(
    "samples", required=False, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option(
    "--dataset", "name", required=True, type=click.Choice(list(SOURCES)), help="Which."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its official file  [default: downloaded once]",
)
@click.option(
    "--results",
    "results_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where results are appended; an evaluation that was interrupted goes on from "
    "there  [default: SAMPLES.results.jsonl]",
)
@click.option(
    "--merge",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take over the results of another file (of a shard); may be repeated.",
)
@sharing_options
@click.option(
    "--missing",
    type=click.Choice(["zero", "skip"]),
    default="zero",
    show_default=True,
    help="How problems without samples count.",
)
@click.option("--skip-bad", is_flag=True, help="Leave out lines that are no samples.")
@click.option("--since", default="", help="Only problems of this date or later.")
@click.option("--until", default="", help="Only problems of this date or earlier.")
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    help="Interpreter of the samples, with the packages that they import.",
)
@click.option("--self-test", "is_self_test", is_flag=True, help="Grade the references.")
@click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Run even where the kernel cannot isolate untrusted code.",
)
# Not `json_option`: that module's ladder of stages would double the start-up time.
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    samples: Path | None,
    name: str,
    data: Path | None,
    results_path: Path | None,
    merge: tuple[Path, ...],
    shard: Shard,
    workers: int | None,
    executor: str,
    ray_address: str | None,
    missing: str,
    skip_bad: bool,  # noqa: FBT001 - click's calling convention
    since: str,
    until: str,
    python: Path | None,
    is_self_test: bool,  # noqa: FBT001
    allow_unsafe: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> int:
    """Grade SAMPLES, isolated, and estimate pass@k.

    SAMPLES are JSON lines with `task_id` and `solution` or `completion`, or
    LiveCodeBench's output. A wrong sample is a result: the exit code is 0 when all were
    graded.
    """
    dataset = open_dataset(name, data, since=since, until=until)
    references = References(dataset.checksum, cache_folder() / "answers")

    def new_grader() -> Grader:
        return Grader(references, python=python, allow_unsafe=allow_unsafe)

    if is_self_test:
        return _self_test(dataset, new_grader(), as_json=as_json)
    if samples is None:
        raise UsageError("name a file of samples, or use --self-test")
    where: Executor = LocalPool(new_grader, workers)
    if executor == "ray" or ray_address:
        spec = GraderSpec(dataset.checksum, None, python, allow_unsafe)
        where = CrewGrading(crew_of(executor, workers, ray_address), spec)
    about = {"dataset": name, "sha256": dataset.checksum, "python": str(python or "")}
    path = results_path or samples.with_name(f"{samples.name}.results.jsonl")
    started = time.monotonic()
    try:
        with (
            SampleFile(samples, dataset, skip_bad=skip_bad) as found,
            Results(path, about) as results,
        ):
            for other in merge:
                results.merge(other)
            with progress_bar("grading") as report:
                summary = evaluate(
                    found,
                    dataset,
                    results,
                    where,
                    shard=shard,
                    counts_missing=missing == "zero",
                    progress=report,
                )
    except KeyboardInterrupt:
        click.echo(
            f"codegrad: interrupted; what was graded is kept in {path}: run the same "
            "command again to go on",
            err=True,
        )
        return EXIT_INTERRUPTED
    seconds = time.monotonic() - started
    if as_json:
        document = {**summary.to_data(), "seconds": round(seconds, 3)}
        _echo_json({**document, "results": str(path)})
    else:
        _show(summary, path, seconds, found.bad)
    return 0


def _show(summary: Summary, path: Path, seconds: float, bad: list[str]) -> None:
    new = summary.unique - summary.resumed
    rate = f", {new / seconds:.0f} a second" if new > 0 and seconds > 0 else ""
    click.echo(
        f"{summary.dataset.name}: {summary.graded} of {summary.samples} samples graded "
        f"({summary.unique} different, {summary.resumed} known before) in "
        f"{seconds:.1f} s{rate}"
    )
    for suite, found in summary.pass_at_k.items():
        text = "  ".join(f"pass@{k} {value:.4f}" for k, value in found.items())
        click.echo(f"  {suite:8} {text}")
    if not summary.pass_at_k:
        click.echo("  pass@k needs all samples: merge the results of the other shards")
    if summary.missing:
        some = ", ".join(summary.missing[:5])
        more = ", ..." * (len(summary.missing) > 5)  # noqa: PLR2004 - shown above
        counted = "count as zero" if summary.counts_missing else "are left out"
        click.echo(
            f"  {len(summary.missing)} problems without samples {counted}: {some}{more}"
        )
    for line in (*bad, *summary.dataset.notes):
        click.echo(f"  note: {line}")
    failing = {name: failure for name, failure in summary.failures.items() if failure}
    for name, failure in list(failing.items())[:_SHOWN_TASKS]:
        task = summary.tasks.get(name)
        if task is None:
            continue
        right = min(task.passed.values())
        click.echo(f"  {name}: {right} of {task.samples} right; {_told(failure)}")
    if len(failing) > _SHOWN_TASKS:
        click.echo(f"  ... and {len(failing) - _SHOWN_TASKS} more problems")
    _show_attempts(summary)
    click.echo(f"  every verdict: {path}")


def _show_attempts(summary: Summary) -> None:
    lines = [
        f"  cheat? {name}: sample {_listed(which)} {attempt}"
        for name, attempts in summary.attempts.items()
        for attempt, which in attempts.items()
        if which
    ]
    for line in lines[:_SHOWN_TASKS]:
        click.echo(line)
    if len(lines) > _SHOWN_TASKS:
        click.echo(f"  ... and {len(lines) - _SHOWN_TASKS} more (see --json)")


def _listed(numbers: Sequence[int]) -> str:
    some = ", ".join(map(str, numbers[:5]))
    return some + ", ..." * (len(numbers) > 5)  # noqa: PLR2004 - shown above


def _told(failure: Mapping[str, str]) -> str:
    text = f"{failure['suite']}: {failure['reason']}"
    for name in ("given", "expected", "observed"):
        if failure.get(name):
            line = " ".join(failure[name].split())
            text += f"; {name} {line[:80]}"
    return text


def _echo_json(document: Mapping[str, Any]) -> None:
    click.echo(json.dumps(document, indent=2))


def _self_test(dataset: Dataset, grader: Grader, *, as_json: bool) -> int:
    with grader, progress_bar("self-test") as report:
        found = self_test(dataset, grader, progress=report)
    if as_json:
        _echo_json(
            {
                "schema": "codegrad.self-test/1",
                "dataset": dataset.name,
                "sha256": dataset.checksum,
                "checked": found.checked,
                "rejected": dict(found.rejected),
                "accepted_empty": list(found.accepted),
                "median_cpu_ms": round(found.median_cpu_ms, 3),
                "ok": found.ok,
            }
        )
    else:
        right = found.checked - len(found.rejected)
        click.echo(
            f"{dataset.name}: {right} of {found.checked} references pass, "
            f"{len(found.accepted)} of {len(dataset.problems)} empty programs do"
        )
        for name, reason in found.rejected.items():
            click.echo(f"  {name}: {reason}")
    return 0 if found.ok else 1
