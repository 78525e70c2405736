"""`codegrad recheck CERTIFICATE`."""

from pathlib import Path

import click

from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import json_option
from codegrad.cli.screen import Screen
from codegrad.cli.session import RESULT_SCHEMA, echo_json
from codegrad.store.recheck import (
    Comparison,
    check_here,
    check_source,
    read_certificate,
    replay,
    settled,
    workbench_of,
)


@click.command("recheck")
@click.argument("path", metavar="CERTIFICATE", type=click.Path(path_type=Path))
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    help="A file that has to be what was certified.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the project of the tests is on this machine.",
)
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    help="Interpreter of the project's own environment.",
)
@click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Run even where the kernel cannot isolate untrusted code.",
)
@json_option
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    path: Path,
    source: Path | None,
    root: Path | None,
    python: Path | None,
    allow_unsafe: bool,  # noqa: FBT001 - click's calling convention
    as_json: bool,  # noqa: FBT001
) -> int:
    """Replay CERTIFICATE: does what it claims hold here and now?

    The same stages run with the same seed and limits. Exit code 0 only if nothing is
    weaker than claimed; 2 if the certificate was changed or is about another text.
    """
    certificate = read_certificate(path)
    if source is not None:
        check_source(certificate, source)
    certificate = settled(certificate, root, python)
    check_here(certificate)
    screen = Screen.for_terminal(quiet=as_json)
    with (
        workbench_of(certificate, python, allow_unsafe=allow_unsafe) as bench,
        screen.status(f"replaying {certificate.task.name}"),
    ):
        found = replay(certificate, bench)
    code = 0 if found.holds else EXIT_REFUTED
    if as_json:
        echo_json(_document(certificate.task.name, found, code))
    else:
        screen.show_comparison(certificate.task.name, found)
    return code


def _document(task: str, found: Comparison, code: int) -> dict[str, object]:
    return {
        "schema": RESULT_SCHEMA,
        "task": task,
        "holds": found.holds,
        "sentence": found.sentence(),
        "rows": [
            {
                "constraint": row.constraint,
                "hard": row.hard,
                "claimed": row.claimed,
                "found": row.found,
                "agreement": str(row.agreement),
                "claimed_checked": row.claimed_checked,
                "checked": row.checked,
                "reason": row.reason,
            }
            for row in found.rows
        ],
        "differences": list(found.differences),
        "exit_code": code,
    }
