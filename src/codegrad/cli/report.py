"""`codegrad report RUN`."""

from pathlib import Path

import click

from codegrad.cli.options import store_option
from codegrad.report.html import write_html
from codegrad.store.journal import Run, Store


def write_report(run: Run, output: Path, *, store: Path | None = None) -> Path:
    """Write the page of `run` to `output` and return its absolute path.

    `store` is what the user gave with --store; the page proposes a command for it.
    """
    write_html(output, run.summary(), run.events(), store=store)
    return output.resolve()


@click.command("report")
@click.argument("run_id", metavar="RUN")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write  [default: codegrad-RUN.html in this folder]",
)
@store_option
def command(run_id: str, output: Path | None, store_path: Path | None) -> int:
    """Write RUN as one self-contained HTML page (no scripts, no network)."""
    with Store(store_path or Store.default_path()) as store:
        run = store.open(run_id)
        run.verify()
        written = write_report(
            run, output or Path(f"codegrad-{run.id}.html"), store=store_path
        )
    click.echo(str(written))
    return 0
