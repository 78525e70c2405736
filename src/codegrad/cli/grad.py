"""`codegrad grad TARGET`."""

from pathlib import Path

import click

from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import json_option, task_options, workbench
from codegrad.cli.screen import Screen
from codegrad.cli.session import RESULT_SCHEMA, echo_json
from codegrad.code import Program
from codegrad.tasks.reader import read_task
from codegrad.verify.verification import VerificationLoss


@click.command("grad")
@click.argument("target")
@task_options
@json_option
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    target: str,
    tests: tuple[str, ...],
    python: Path | None,
    timeout_s: float,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    as_json: bool,  # noqa: FBT001
) -> int:
    """Show the gradient of TARGET: what is wrong, where, and which direction."""
    task = read_task(target, tests=tests, python=python)
    screen = Screen.for_terminal(quiet=as_json)
    program = Program.from_task(task)
    with (
        workbench(python, timeout_s, allow_unsafe=allow_unsafe) as bench,
        screen.status(f"verifying {task.name}"),
    ):
        loss = VerificationLoss(task, bench=bench)(program)
        loss.backward()
    code = EXIT_REFUTED if loss.evidence.refuted else 0
    if as_json:
        echo_json(
            {
                "schema": RESULT_SCHEMA,
                "task": task.name,
                "sentence": loss.evidence.sentence(),
                "gradients": [
                    {
                        "path": variable.path,
                        "function": variable.name,
                        "critiques": [c.to_data() for c in variable.grad or ()],
                    }
                    for variable in program.codes
                    if variable.grad
                ],
                "exit_code": code,
            }
        )
    else:
        screen.show_gradient(program, loss)
    return code
