"""`codegrad resume RUN`."""

import json
from pathlib import Path

import click

from codegrad.budget import Budget
from codegrad.cli.models import Models
from codegrad.cli.options import (
    BudgetType,
    json_option,
    store_option,
    stored_ladder,
    stored_workbench,
)
from codegrad.cli.screen import Screen
from codegrad.cli.session import (
    apply_verified,
    carry_out,
    echo_json,
    exit_code,
    result_document,
)
from codegrad.store.journal import Store
from codegrad.store.task_json import task_from_json


@click.command("resume")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--budget",
    type=BudgetType(),
    help="What the whole run may spend, if not as before.",
)
@click.option(
    "--apply", "applies", is_flag=True, help="Write what is verified to the file."
)
@json_option
@store_option
def command(
    run_id: str,
    budget: Budget | None,
    applies: bool,  # noqa: FBT001 - click's calling convention
    as_json: bool,  # noqa: FBT001
    store_path: Path | None,
) -> int:
    """Go on with RUN where it was interrupted; its result is the same.

    A run that has ended is verified once more and gives its result again; one that
    ended because its budget was spent goes on with a larger --budget, one whose model
    could not be reached goes on when it can be.
    """
    screen = Screen.for_terminal(quiet=as_json, store=store_path)
    with Store(store_path or Store.default_path()) as store:
        calls = store.path.with_name("calls.db")
        run = store.open(run_id)
        run.claim()
        run.verify()
        task = task_from_json(run.task_json)
        config = json.loads(run.config_json)
        checkpoint = run.last("checkpoint")
        with stored_workbench(config) as bench:
            models = Models.stored(config)
            limits = models.capped(budget) if budget else Budget(**config["budget"])
            screen.announce(task, models.summary, run.id)
            result, _ = carry_out(
                task,
                run,
                bench,
                screen,
                budget=limits,
                seed=config["seed"],
                models=models,
                calls=calls,
                checkpoint=checkpoint.data["state"] if checkpoint else None,
                ladder=stored_ladder(config),
            )
    written = apply_verified(result, screen) if applies else []
    if as_json:
        echo_json(result_document(result, run.id, calls=calls))
    else:
        # The files of the run's tests are not known here: no target is proposed.
        screen.show_result(result, run.id, target="", tests=(), written=written)
    return exit_code(result)
