"""`codegrad apply RUN`."""

import json
from pathlib import Path

import click

from codegrad.budget import Spent
from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import store_option, stored_ladder, stored_workbench
from codegrad.cli.screen import Screen
from codegrad.cli.session import apply, unwritten, write_output
from codegrad.errors import UsageError
from codegrad.result import Outcome, Result
from codegrad.store.journal import Run, Store
from codegrad.store.task_json import task_from_json
from codegrad.verify.verification import VerificationLoss


@click.command("apply")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the main module to this file instead of the user's own.",
)
@store_option
def command(run_id: str, output: Path | None, store_path: Path | None) -> int:
    """Verify the result of RUN once more and write it to its file.

    Nothing is written if the result is refuted, or if the file was changed since the
    run read it.
    """
    screen = Screen.for_terminal(store=store_path)
    with Store(store_path or Store.default_path()) as store:
        run = store.open(run_id)
        run.verify()
        result = _verified_again(run, screen)
    written: list[Path] = []
    if not result.verified:
        click.echo("nothing was written: the result is not verified")
    elif output is not None:
        write_output(result, output)
        written = [output]
        screen.say(
            unwritten(result, output, screen.proposed(f"codegrad apply {run.id}"))
        )
    elif result.changed:
        written = apply(result)
    screen.show_result(result, run.id, target="", tests=(), written=written)
    return 0 if result.verified else EXIT_REFUTED


def _verified_again(run: Run, screen: Screen) -> Result:
    last = run.last("finished") or run.last("stepped")
    if last is None:
        raise UsageError(
            f"run {run.id} has no result yet; go on with `codegrad resume {run.id}`"
        )
    task = task_from_json(run.task_json)
    config = json.loads(run.config_json)
    sources = dict(last.data["sources"])
    with (
        stored_workbench(config) as bench,
        screen.status(f"verifying {task.name}"),
    ):
        loss_fn = VerificationLoss(task, bench=bench, ladder=stored_ladder(config))
        loss = loss_fn.complete(loss_fn.evaluate(sources), sources)
    outcome = Outcome.VERIFIED if loss.verified else Outcome.EXHAUSTED
    return Result(task, outcome, "verified again", sources, loss, Spent(), last.step)
