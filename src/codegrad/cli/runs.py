"""`codegrad runs`."""

from dataclasses import asdict
from pathlib import Path

import click

from codegrad.cli.options import json_option, store_option
from codegrad.cli.screen import Screen
from codegrad.cli.session import echo_json
from codegrad.store.journal import Store


@click.command("runs")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
@store_option
def command(
    limit: int,
    as_json: bool,  # noqa: FBT001 - click's calling convention
    store_path: Path | None,
) -> int:
    """List the runs, newest first."""
    with Store(store_path or Store.default_path()) as store:
        summaries = store.runs(limit)
    if as_json:
        echo_json([asdict(summary) for summary in summaries])
    else:
        Screen.for_terminal().show_runs(summaries)
    return 0
