"""`codegrad check TARGET`."""

from pathlib import Path

import click

from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import json_option, task_options, workbench
from codegrad.cli.screen import Screen
from codegrad.cli.session import RESULT_SCHEMA, echo_json
from codegrad.tasks.reader import read_task
from codegrad.verify.ladder import Ladder
from codegrad.verify.verification import VerificationLoss


@click.command("check")
@click.argument("target")
@task_options
@click.option(
    "--stages",
    default="",
    help="Only these, by comma: syntax, lint, types, tests  [default: all]",
)
@json_option
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    target: str,
    tests: tuple[str, ...],
    python: Path | None,
    timeout_s: float,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    stages: str,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Verify TARGET and show the evidence; nothing is changed."""
    names = [name.strip() for name in stages.split(",") if name.strip()]
    ladder = Ladder.of(names) if names else Ladder()
    task = read_task(target, tests=tests, python=python)
    screen = Screen.for_terminal(quiet=as_json)
    with (
        workbench(python, timeout_s, allow_unsafe=allow_unsafe) as bench,
        screen.status(f"verifying {task.name}"),
    ):
        loss_fn = VerificationLoss(task, bench=bench, ladder=ladder)
        loss = loss_fn.complete(loss_fn.evaluate(task.sources), task.sources)
    code = EXIT_REFUTED if loss.evidence.refuted else 0
    if as_json:
        echo_json(
            {
                "schema": RESULT_SCHEMA,
                "task": task.name,
                "verified": loss.verified,
                "sentence": loss.evidence.sentence(),
                "loss": loss.to_data(),
                "evidence": loss.evidence.to_data(),
                "notes": list(task.notes),
                "exit_code": code,
            }
        )
    else:
        screen.show_check(task, loss, target=target, tests=tests)
    return code
