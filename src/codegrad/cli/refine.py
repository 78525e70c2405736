"""`codegrad refine TARGET`."""

from pathlib import Path

import click

from codegrad.budget import Budget
from codegrad.cli.options import (
    BudgetType,
    engine_options,
    json_option,
    store_option,
    task_options,
    workbench,
)
from codegrad.cli.screen import Screen
from codegrad.cli.session import (
    Models,
    apply,
    carry_out,
    config_json,
    echo_json,
    exit_code,
    result_document,
    write_output,
)
from codegrad.store.journal import Store
from codegrad.store.task_json import task_to_json
from codegrad.tasks.reader import read_task


@click.command("refine")
@click.argument("target")
@task_options
@engine_options
@click.option(
    "--budget",
    type=BudgetType(),
    default=Budget(),
    help="What may be spent: 20000 (candidates), 90s, candidates=5000,seconds=2m  "
    "[default: 60000 candidates]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="For engines.")
@click.option("--apply", "applies", is_flag=True, help="Write the result to the file.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result to this file instead.",
)
@json_option
@store_option
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    target: str,
    tests: tuple[str, ...],
    python: Path | None,
    timeout_s: float,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    engine: str,
    critic: str | None,
    strategy: str,
    base_url: str | None,
    cache: str,
    budget: Budget,
    seed: int,
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
    models = Models.chosen(engine, critic, base_url, cache, strategy)
    budget = models.capped(budget)
    task = read_task(target, tests=tests, python=python)
    screen = Screen.for_terminal(quiet=as_json)
    with (
        Store(store_path or Store.default_path()) as store,
        workbench(python, timeout_s, allow_unsafe=allow_unsafe) as bench,
    ):
        run = store.create(
            task_to_json(task),
            config_json(
                models,
                budget,
                seed,
                timeout_s=timeout_s,
                allow_unsafe=allow_unsafe,
                python=str(python) if python else None,
            ),
            task.name,
        )
        screen.announce(task, models.summary, run.id)
        result = carry_out(
            task,
            run,
            bench,
            screen,
            budget=budget,
            seed=seed,
            models=models,
            calls=store.path.with_name("calls.db"),
        )
    written: list[Path] = []
    if output is not None:
        write_output(result, output)
        written = [output]
    if applies and result.changed:
        written += apply(result)
    if as_json:
        echo_json(result_document(result, run.id))
    else:
        screen.show_result(result, run.id, target=target, tests=tests, written=written)
    return exit_code(result)
