"""`codegrad show RUN`."""

from collections.abc import Sequence
from pathlib import Path

import click

from codegrad.cli.options import json_option, store_option
from codegrad.cli.prompts import call_document, calls_of_step, show_prompts
from codegrad.cli.screen import Screen
from codegrad.cli.session import echo_json
from codegrad.errors import UsageError
from codegrad.events import Event
from codegrad.store.calls import CallBook
from codegrad.store.certificate import to_text
from codegrad.store.journal import Store


@click.command("show")
@click.argument("run_id", metavar="RUN")
@click.option("--step", type=click.IntRange(min=0), help="Only this step.")
@click.option(
    "--prompts", is_flag=True, help="What models were asked, and their replies."
)
@click.option(
    "--certificate",
    "wants_certificate",
    is_flag=True,
    help="The run's certificate as JSON, for `codegrad recheck`.",
)
@json_option
@store_option
def command(  # noqa: PLR0913, PLR0917 - click passes one value an option
    run_id: str,
    step: int | None,
    prompts: bool,  # noqa: FBT001 - click's calling convention
    wants_certificate: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    store_path: Path | None,
) -> int:
    """Tell the story of RUN (an id of `codegrad runs`, or its beginning)."""
    with Store(store_path or Store.default_path()) as store:
        run = store.open(run_id)
        run.verify()
        happened = run.events()
        if step is not None:
            _check_step(step, happened, run.id)
        events = [e for e in happened if step is None or e.step == step]
        summary = run.summary()
        calls_path = store.path.with_name("calls.db")
    if wants_certificate:
        certified = [e for e in happened if e.kind == "certified"]
        if not certified:
            raise UsageError(
                f"run {run.id} has no certificate: it has not ended; go on with "
                f"`codegrad resume {run.id}`"
            )
        click.echo(to_text(certified[-1].data["certificate"]), nl=False)
    elif prompts:
        with CallBook(calls_path) as book:
            calls = book.used_by(run.id)
        if step is not None:
            calls = calls_of_step(calls, happened, step)
        if as_json:
            echo_json([call_document(call) for call in calls])
        else:
            show_prompts(calls, run.id)
    elif as_json:
        echo_json(
            [
                {"seq": e.seq, "at": e.at, "step": e.step, "kind": e.kind}
                | {"data": dict(e.data)}
                for e in events
                if e.kind != "checkpoint"
            ]
        )
    else:
        Screen.for_terminal(store=store_path).show_run(summary, happened, step=step)
    return 0


def _check_step(step: int, events: Sequence[Event], run_id: str) -> None:
    """Check that a run has a step; 0 is what was before the first.

    Raises:
        UsageError: Naming the steps that there are.
    """
    last = max((event.step for event in events), default=0)
    if step > last:
        there = {0: "only what was before the first step, --step 0"}
        there[1] = "only --step 0, what was before, and --step 1"
        known = there.get(last, f"--step 0, what was before, to --step {last}")
        raise UsageError(f"run {run_id} has no step {step}; it has {known}")
