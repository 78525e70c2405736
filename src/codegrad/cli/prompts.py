"""Every prompt and its reply of a run, for people and as JSON.

In: the recorded calls of a run. Out: text. Invariant: nothing is left out; a reply
that cannot be read is shown as it arrived.
"""

import json
from collections.abc import Sequence

import click

from codegrad.engines.remarks import REVIEW, read_remarks
from codegrad.engines.streams import reply_text
from codegrad.events import Event
from codegrad.report.printable import visible
from codegrad.store.calls import CallOutcome, RecordedCall

_OUTCOMES = {
    CallOutcome.OPEN: "not read yet",
    CallOutcome.USED: "used",
    CallOutcome.FAILED: "failed",
    CallOutcome.UNKNOWN: "no whole reply; it may have been billed",
}


def calls_of_step(
    calls: Sequence[RecordedCall], events: Sequence[Event], step: int
) -> list[RecordedCall]:
    """Return the calls that belong to a step; calls do not know it themselves.

    A step begins with the checkpoint of the one before it, also if the run was killed
    and resumed in the middle of it. Step 0 is what was before the first.
    """
    if step == 0:
        last = max((e.at for e in events if not e.step), default=0.0)
        return [call for call in calls if call.sent <= last]
    starts = [e.at for e in events if e.kind == "checkpoint" and e.step == step - 1]
    ends = [e.at for e in events if e.kind == "stepped" and e.step == step]
    begin = min(starts, default=0.0)
    end = max(ends, default=float("inf"))
    return [call for call in calls if begin <= call.sent <= end]


def show_prompts(calls: Sequence[RecordedCall], run_id: str) -> None:
    """Print the calls one after the other."""
    for number, call in enumerate(calls, 1):
        request = json.loads(call.request)
        click.echo(f"=== call {number}, {request['model']}, {call.label}")
        click.echo(f"    {_facts(call, request, run_id)}")
        for message in request["messages"]:
            click.echo(f"--- {message['role']}\n{visible(message['text'])}")
        click.echo(f"--- reply ({_problem(call) or _OUTCOMES[call.outcome]})")
        click.echo(f"{visible(_reply(call)) or '(nothing)'}\n")
    if not calls:
        click.echo("no model was asked")


def _facts(call: RecordedCall, request: dict[str, object], run_id: str) -> str:
    chosen = request.get("sampling")
    sampling = chosen if isinstance(chosen, dict) else {}
    parts = [f"{name} {value}" for name, value in sampling.items() if value is not None]
    parts.append(f"sample {request.get('sample', 0)}")
    if call.outcome is CallOutcome.USED:
        price = "price unknown" if call.money is None else f"${call.money:.4f}"
        parts += [f"{call.tokens:,} tokens", price]
    if not call.is_paid_by(run_id):
        parts.append(f"recorded by run {call.payer}")
    return ", ".join(parts)


def _problem(call: RecordedCall) -> str:
    """Return why a reply that arrived was of no use; empty if that is not known.

    A call does not know what was made of its reply; a review is read here again.
    """
    is_review = call.label == REVIEW and call.outcome is CallOutcome.USED
    if not is_review or read_remarks(_reply(call)) is not None:
        return ""
    return "it could not be read: it is not the JSON that was asked for"


def _reply(call: RecordedCall) -> str:
    body = call.body or b""
    return reply_text(call.kind or "", body) or body.decode("utf-8", "replace")


def call_document(call: RecordedCall) -> dict[str, object]:
    """Return a call as JSON-able data: `reply` is the text, `raw` what arrived."""
    body = call.body
    return {
        "id": call.id,
        "label": call.label,
        "payer": call.payer,
        "sent": call.sent,
        "request": json.loads(call.request),
        "status": call.status,
        "reply": None if body is None else _reply(call),
        "raw": None if body is None else body.decode("utf-8", "replace"),
        "outcome": str(call.outcome),
        "problem": _problem(call) or None,
        "tokens": call.tokens,
        "money": call.money,
    }
