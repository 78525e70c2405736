"""`codegrad bench NAME`."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from codegrad.bench.compare import compare
from codegrad.bench.crew import Crew
from codegrad.bench.datasets import SOURCES, cache_folder
from codegrad.bench.estimate import estimate
from codegrad.bench.executors import CrewGrading, Executor, GraderSpec, LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.experiment import Experiment, read_plan
from codegrad.bench.grading import Grader
from codegrad.bench.prepare import Asked, Prepared, prepare
from codegrad.bench.problems import Dataset
from codegrad.bench.shards import Shard
from codegrad.budget import Budget
from codegrad.cli.main import EXIT_INTERRUPTED
from codegrad.cli.options import BudgetType, FiniteRange, capacity_options
from codegrad.cli.session import write_text
from codegrad.cli.sharing import crew_of, progress_bar, sharing_options, stoppable
from codegrad.errors import UsageError
from codegrad.report.benchmark import (
    difference_lines,
    headline,
    hidden_line,
    render_benchmark,
    table_text,
)

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


def _names(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> tuple[str, ...]:
    """Return what `--option a,b --option c` names."""
    del ctx, param
    return tuple(p.strip() for v in values for p in v.split(",") if p.strip())


@click.command("bench")
@click.argument(
    "benchmark", metavar="NAME", required=False, type=click.Choice(list(SOURCES))
)
@click.option(
    "--engine",
    default="search",
    show_default=True,
    help="Who proposes: search (built in), auto, openai:MODEL, anthropic:MODEL, "
    "google:MODEL, or pool:FILE (recorded completions).",
)
@click.option("--pool", type=_FILE, help="The completions of --engine pool.")
@click.option("--critic", metavar="PROVIDER:MODEL", help="A model that reviews.")
@click.option("--base-url", metavar="URL", help="A server of your own.")
@capacity_options
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    callback=_names,
    default=["codegrad"],
    help="One or more, with commas; the first is compared with the others  "
    "[default: codegrad]",
)
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Answers to each task: the k of pass@k.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Repetitions of the whole.",
)
@click.option(
    "--budget",
    type=BudgetType(),
    default=Budget(),
    help="For each answer: 20000 (candidates), calls=8, money=0.05  "
    "[default: 60000 candidates; 12 calls of a model]",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(min=0.05),
    default=3.0,
    show_default=True,
    help="Seconds that one visible test may take.",
)
@click.option("--data", type=_FILE, help="The official file  [default: downloaded]")
@click.option(
    "--twin",
    type=_FILE,
    help="A HumanEval+ file that judges the answers to HumanEval, too.",
)
@click.option("--tasks", "first", type=click.IntRange(min=1), help="The first N only.")
@click.option("--only", multiple=True, callback=_names, help="These tasks only.")
@sharing_options
@click.option(
    "--merge",
    multiple=True,
    type=_FOLDER,
    help="Put the folders of shards together; may be repeated.",
)
@click.option(
    "--out",
    type=_FOLDER,
    help="Where everything is kept; an experiment that was interrupted goes on from "
    "there  [default: codegrad-bench/NAME-...]",
)
@click.option("--json", "json_path", type=_FILE, help="Write the report as JSON, too.")
@click.option("--html", "html_path", type=_FILE, help="Write it as a web page, too.")
@click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Run even where the kernel cannot isolate untrusted code.",
)
def command(  # noqa: PLR0913 - click passes one value an option
    *,
    shard: Shard,
    workers: int | None,
    executor: str,
    ray_address: str | None,
    merge: tuple[Path, ...],
    out: Path | None,
    json_path: Path | None,
    html_path: Path | None,
    **asked: Any,  # noqa: ANN401 - the fields of `Asked`
) -> int:
    """Solve a benchmark by what is visible of it, and judge the answers once.

    Solvers see prompts, docstring examples and public tests. When all answers are
    final, the hidden tests are asked about each, once. Exit code 0: it was carried out.
    """
    if merge:
        if asked["benchmark"] is not None or out is None:
            raise UsageError(
                "write `codegrad bench --merge DIR --merge DIR --out DIR`: what was "
                "asked is in the folders"
            )
        document = _merged(merge, out)
        _finish(document, out, json_path, html_path)
        return 0
    if asked["benchmark"] is None:
        raise UsageError(f"name a benchmark: {', '.join(SOURCES)}")
    crew = crew_of(executor, workers, ray_address)
    unsafe = asked["allow_unsafe"]

    def executor_for(dataset: Dataset) -> Executor:
        if executor == "ray":
            spec = GraderSpec(dataset.checksum, allow_unsafe=unsafe)
            return CrewGrading(crew, spec)
        references = References(dataset.checksum, cache_folder() / "answers")
        return LocalPool(lambda: Grader(references, allow_unsafe=unsafe), workers)

    prepared = prepare(Asked(**asked))
    plan = prepared.plan
    folder = out or Path("codegrad-bench") / f"{plan.benchmark}-{plan.key}"
    with Experiment(plan, folder) as experiment:
        try:
            _carry_out(prepared, experiment, crew, shard, executor_for)
        except KeyboardInterrupt:
            return _interrupted(experiment)
        document = _document(experiment, prepared.notes, shard)
    _finish(document, folder, json_path, html_path)
    return 0


def _carry_out(
    prepared: Prepared,
    experiment: Experiment,
    crew: Crew,
    shard: Shard,
    executor_for: Callable[[Dataset], Executor],
) -> None:
    plan = prepared.plan
    there = len(experiment.answers)
    waiting = sum(1 for _ in plan.wanted()) // shard.count - there
    share = f", share {shard.index} of {shard.count}" if shard.count > 1 else ""
    click.echo(
        f"{plan.benchmark}: {len(plan.tasks)} tasks, engine {plan.settings.engine}, "
        f"strategies {', '.join(plan.strategies)}{share}; {there} answers are there; "
        f"kept in {experiment.folder}",
        err=True,
    )
    cost = estimate(plan, prepared.tasks, max(0, waiting))
    if cost is not None:
        click.echo(f"still to pay: {cost.sentence()}", err=True)
    with progress_bar("solving") as progress, stoppable(crew):
        jobs = prepared.jobs(experiment.folder)
        experiment.solve(jobs, crew, shard=shard, progress=progress)
    with progress_bar("judging") as progress:
        judges = prepared.judges(executor_for, experiment.verdicts)
        experiment.judge(judges, progress)


def _merged(parts: Sequence[Path], out: Path) -> Mapping[str, Any]:
    plan = read_plan(parts[0])
    for part in parts[1:]:
        read_plan(part)  # says which folder is none
    with Experiment(plan, out) as experiment:
        for part in parts:
            experiment.merge(part)
        experiment.require_all()
        return _document(experiment, [], Shard())


def _document(
    experiment: Experiment, notes: Sequence[str], shard: Shard
) -> Mapping[str, Any]:
    partial = []
    if shard.count > 1:
        partial = [f"share {shard.index} of {shard.count} only; --merge puts together"]
    return compare(
        experiment.plan,
        experiment.answers,
        experiment.judgements,
        hashes=experiment.hashes(),
        notes=[*notes, *partial],
    )


def _interrupted(experiment: Experiment) -> int:
    wanted = sum(1 for _ in experiment.plan.wanted())
    click.echo(
        f"codegrad: interrupted; {len(experiment.answers)} of {wanted} answers are "
        f"kept in {experiment.folder}, run the same command again to go on",
        err=True,
    )
    return EXIT_INTERRUPTED


def _finish(
    document: Mapping[str, Any],
    folder: Path,
    json_path: Path | None,
    html_path: Path | None,
) -> None:
    """Write the reports and show the table."""
    text = json.dumps(document, indent=1) + "\n"
    page = render_benchmark(document)
    for path, content in (
        (folder / "report.json", text),
        (folder / "report.html", page),
        (json_path, text),
        (html_path, page),
    ):
        if path is not None:
            write_text(path, content, had_bom=False)
    click.echo(headline(document))
    click.echo(table_text(document))
    for line in (*difference_lines(document), hidden_line(document)):
        click.echo(line)
    for note in document["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"everything: {folder} (report.html, report.json, every answer)")
