"""`codegrad check TARGET`."""

from dataclasses import replace
from pathlib import Path

import click

from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import (
    certificate_option,
    json_option,
    ladder_of,
    stages_option,
    strength_option,
    task_options,
    workbench,
)
from codegrad.cli.project import settings_note, take_defaults
from codegrad.cli.screen import Screen
from codegrad.cli.session import (
    RESULT_SCHEMA,
    check_writable,
    echo_json,
    write_certificate,
)
from codegrad.store.certificate import certify
from codegrad.tasks.reader import read_task
from codegrad.verify.strength import check_measurable, measure_strength
from codegrad.verify.verification import VerificationLoss


@click.command("check")
@click.argument("target", is_eager=True, callback=take_defaults)
@task_options
@stages_option
@click.option("--seed", type=int, default=0, show_default=True, help="For inputs.")
@strength_option
@certificate_option
@json_option
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    context: click.Context,
    target: str,
    tests: tuple[str, ...],
    python: Path | None,
    timeout_s: float,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    stages: str,
    seed: int,
    measures: bool,  # noqa: FBT001
    certificate_path: Path | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Verify TARGET and show the evidence; nothing is changed."""
    ladder = ladder_of(stages)
    check_writable(certificate_path)
    task = read_task(target, tests=tests, python=python)
    if note := settings_note(context):
        task = replace(task, notes=(*task.notes, note))
    if measures:
        check_measurable(task)
    screen = Screen.for_terminal(quiet=as_json)
    with workbench(python, timeout_s, allow_unsafe=allow_unsafe, seed=seed) as bench:
        with screen.status(f"verifying {task.name}"):
            loss_fn = VerificationLoss(task, bench=bench, ladder=ladder)
            loss = loss_fn.complete(loss_fn.evaluate(task.sources), task.sources)
        strength = None
        if measures and loss.verified:
            with screen.counting("mutants") as progress:
                strength = measure_strength(
                    task, task.sources, bench, ladder, progress=progress
                )
        document = None
        if certificate_path is not None:
            document = certify(
                task,
                task.sources,
                loss,
                bench,
                ladder,
                strength=strength.to_data() if strength else None,
            )
    written = write_certificate(document, certificate_path)
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
                "strength": strength.to_data() if strength else None,
                "notes": list(task.notes),
                "exit_code": code,
            }
        )
    else:
        screen.show_check(
            task,
            loss,
            target=target,
            tests=tests,
            written=written,
            strength=strength.to_data() if strength else None,
        )
    return code
