"""`codegrad refine TARGET`."""

from dataclasses import replace
from pathlib import Path

import click

from codegrad.budget import Budget
from codegrad.cli.models import Models
from codegrad.cli.options import (
    BudgetType,
    capacity_options,
    certificate_option,
    engine_options,
    json_option,
    ladder_of,
    stages_option,
    store_option,
    strength_option,
    task_options,
    workbench,
)
from codegrad.cli.project import settings_note, take_defaults
from codegrad.cli.screen import Screen
from codegrad.cli.session import (
    apply_verified,
    carry_out,
    check_writable,
    config_json,
    echo_json,
    exit_code,
    result_document,
    unwritten,
    write_certificate,
    write_output,
)
from codegrad.engines.capacity import Capacity
from codegrad.store.journal import Store
from codegrad.store.task_json import task_to_json
from codegrad.tasks.reader import read_task
from codegrad.verify.strength import check_measurable


@click.command("refine")
@click.argument("target", is_eager=True, callback=take_defaults)
@task_options
@engine_options
@capacity_options
@click.option(
    "--budget",
    type=BudgetType(),
    default=Budget(),
    help="What may be spent: 20000 (candidates of the search), 90s, or some of "
    "candidates=5000,seconds=2m,calls=20,tokens=200000,money=0.50 (dollars)  "
    "[default: 60000 candidates; 60 calls of models]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="For engines.")
@stages_option
@strength_option
@certificate_option
@click.option(
    "--apply", "applies", is_flag=True, help="Write what is verified to the file."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the best so far to this file instead.",
)
@json_option
@store_option
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    context: click.Context,
    target: str,
    tests: tuple[str, ...],
    python: Path | None,
    timeout_s: float,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    engine: str,
    critic: str | None,
    source: str | None,
    hard_from: float | None,
    strategy: str,
    base_url: str | None,
    cache: str,
    capacity: Capacity,
    budget: Budget,
    seed: int,
    stages: str,
    measures: bool,  # noqa: FBT001
    certificate_path: Path | None,
    applies: bool,  # noqa: FBT001
    output: Path | None,
    as_json: bool,  # noqa: FBT001
    store_path: Path | None,
) -> int:
    """Change TARGET until everything it must satisfy holds.

    TARGET is FILE.py, FILE.py::NAME, or a benchmark record (FILE.json,
    FILE.jsonl::ID). What must hold is read from the docstring's examples, the
    contract (pre:/post:, icontract) and --tests. The file is not written without
    --apply.
    """
    models = Models.chosen(
        engine,
        critic,
        base_url,
        cache,
        strategy,
        source=source,
        hard_from=hard_from,
        capacity=capacity,
    )
    budget = models.capped(budget)
    ladder = ladder_of(stages)
    check_writable(output, certificate_path)
    task = read_task(target, tests=tests, python=python)
    if note := settings_note(context):
        task = replace(task, notes=(*task.notes, note))
    if measures:
        check_measurable(task)
    if applies and task.path is not None:
        check_writable(task.path)
    screen = Screen.for_terminal(quiet=as_json, store=store_path)
    with (
        Store(store_path or Store.default_path()) as store,
        workbench(python, timeout_s, allow_unsafe=allow_unsafe, seed=seed) as bench,
    ):
        calls = store.path.with_name("calls.db")
        run = store.create(
            task_to_json(task),
            config_json(
                models,
                budget,
                seed,
                timeout_s=timeout_s,
                allow_unsafe=allow_unsafe,
                python=str(python) if python else None,
                stages=list(ladder.asked),
            ),
            task.name,
        )
        screen.announce(task, models.summary, run.id)
        result, certificate = carry_out(
            task,
            run,
            bench,
            screen,
            budget=budget,
            seed=seed,
            models=models,
            calls=calls,
            ladder=ladder,
            measures=measures,
        )
    written = write_certificate(certificate, certificate_path)
    if output is not None:
        write_output(result, output)
        written.append(output)
        screen.say(
            unwritten(result, output, screen.proposed(f"codegrad apply {run.id}"))
        )
        if not result.verified:
            screen.say(f"{output} holds the best so far, which is not verified")
    if applies:
        written += apply_verified(result, screen)
    if as_json:
        echo_json(result_document(result, run.id, calls=calls))
    else:
        screen.show_result(
            result,
            run.id,
            target=target,
            tests=tests,
            written=written,
            strength=certificate["strength"] if certificate else None,
        )
    return exit_code(result)
