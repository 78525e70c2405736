"""`codegrad show RUN`."""

from pathlib import Path

import click

from codegrad.cli.options import json_option, store_option
from codegrad.cli.screen import Screen
from codegrad.cli.session import echo_json
from codegrad.store.journal import Store


@click.command("show")
@click.argument("run_id", metavar="RUN")
@click.option("--step", type=click.IntRange(min=0), help="Only this step.")
@json_option
@store_option
def command(
    run_id: str,
    step: int | None,
    as_json: bool,  # noqa: FBT001 - click's calling convention
    store_path: Path | None,
) -> int:
    """Tell the story of RUN (an id of `codegrad runs`, or its beginning)."""
    with Store(store_path or Store.default_path()) as store:
        run = store.open(run_id)
        run.verify()
        events = [e for e in run.events() if step is None or e.step == step]
        summary = run.summary()
    if as_json:
        echo_json(
            [
                {"seq": e.seq, "at": e.at, "step": e.step, "kind": e.kind}
                | {"data": dict(e.data)}
                for e in events
                if e.kind != "checkpoint"
            ]
        )
    else:
        Screen.for_terminal().show_run(summary, events)
    return 0
