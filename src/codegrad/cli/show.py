"""`codegrad show RUN`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from codegrad.cli.options import json_option, store_option
from codegrad.cli.screen import Screen
from codegrad.cli.session import echo_json
from codegrad.errors import UsageError
from codegrad.events import Event
from codegrad.store.calls import CallBook, RecordedCall
from codegrad.store.certificate import to_text
from codegrad.store.journal import Store


@click.command("show")
@click.argument("run_id", metavar="RUN")
@click.option("--step", type=click.IntRange(min=0), help="Only this step.")
@click.option(
    "--prompts", is_flag=True, help="What models were asked, and their raw replies."
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
        calls = _calls(calls_path, run.id)
        if step is not None:
            start, end = _span(happened, step)
            calls = [call for call in calls if start <= call.sent <= end]
        _show_prompts(calls, as_json=as_json)
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
        Screen.for_terminal().show_run(summary, events)
    return 0


def _calls(path: Path, run_id: str) -> list[RecordedCall]:
    with CallBook(path) as book:
        return [*book.calls(run_id), *book.calls(f"{run_id}-critic")]


def _span(events: Sequence[Event], step: int) -> tuple[float, float]:
    """Return when a step began and ended; calls do not know their step."""
    start = max((e.at for e in events if e.step < step), default=0.0)
    ends = [e.at for e in events if e.step == step and e.kind == "stepped"]
    return start, max(ends, default=float("inf"))


def _show_prompts(calls: Sequence[RecordedCall], *, as_json: bool) -> None:
    if as_json:
        echo_json([_call_document(call) for call in calls])
        return
    for call in calls:
        request = json.loads(call.request)
        click.echo(f"=== call {call.id}, {request['model']}, {call.label}")
        for message in request["messages"]:
            click.echo(f"--- {message['role']}\n{message['text']}")
        body = (call.body or b"").decode("utf-8", "replace")
        click.echo(f"--- reply ({call.outcome or 'open'})\n{body or '(none)'}\n")
    if not calls:
        click.echo("no model was asked")


def _call_document(call: RecordedCall) -> dict[str, object]:
    return {
        "id": call.id,
        "label": call.label,
        "sent": call.sent,
        "request": json.loads(call.request),
        "status": call.status,
        "reply": None if call.body is None else call.body.decode("utf-8", "replace"),
        "outcome": str(call.outcome),
    }
