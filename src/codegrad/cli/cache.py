"""`codegrad cache`: what was asked of models and is kept."""

import json
import re
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from codegrad.cli.main import EXIT_REFUTED
from codegrad.cli.options import json_option, store_option
from codegrad.cli.session import echo_json
from codegrad.errors import UsageError
from codegrad.store.calls import CacheSize, CallBook, RecordedCall
from codegrad.store.journal import Store

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE = re.compile(r"(\d+)([mhdw])")


class _Age(click.ParamType[float]):
    """`30d`, `12h`: seconds."""

    name = "age"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the seconds that a text states."""
        found = _AGE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no age; write 30d, 12h, 90m or 2w", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.group("cache", invoke_without_command=True)
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    as_json: bool,  # noqa: FBT001 - click's calling convention
    store_path: Path | None,
) -> int:
    """Show how much of what models answered is kept, list it, check it, clear it.

    A request that was answered before is not sent again (--cache on); what is cleared
    is paid again when it is needed.
    """
    path = (store_path or Store.default_path()).with_name("calls.db")
    context.obj = path
    if context.invoked_subcommand is None:
        _show_size(path, as_json=as_json)
    return 0


def _show_size(path: Path, *, as_json: bool) -> None:
    with CallBook(path) as book:
        size = book.size()
    if as_json:
        money = None if size.unpriced else size.money
        echo_json({"path": str(path), **asdict(size), "money": money})
        return
    click.echo(f"file: {path}")
    click.echo(
        f"calls: {size.calls:,}, {size.used:,} of them with a reply to use again"
    )
    click.echo(f"size: {size.bytes / 1e6:,.1f} MB")
    price = f"${size.money:.4f}"
    if size.unpriced:
        price += f" and {size.unpriced:,} calls of unknown price"
    click.echo(f"paid: {size.tokens:,} tokens, {price}")
    if size.oldest is not None:
        click.echo(f"oldest: {_when(size.oldest)}")


@command.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
@click.pass_obj
def list_calls(path: Path, limit: int, as_json: bool) -> int:  # noqa: FBT001
    """List the newest calls; `codegrad show RUN --prompts` shows what was said."""
    with CallBook(path) as book:
        calls = book.newest(limit)
    if as_json:
        echo_json([_row(call) for call in calls])
        return 0
    for call in calls:
        row = _row(call)
        click.echo(
            f"{_when(call.sent)}  {row['outcome'] or 'open':7}  {row['tokens']:>8,}  "
            f"{row['model']}  run {call.payer}  {call.label}"
        )
    if not calls:
        click.echo("no model was asked yet")
    return 0


@command.command("clear")
@click.option(
    "--older-than",
    type=_Age(),
    metavar="AGE",
    help="Only calls that are older: 30d, 12h.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def clear(path: Path, older_than: float | None, yes: bool) -> int:  # noqa: FBT001
    """Delete recorded calls: all, or those that are older than an age."""
    before = None if older_than is None else time.time() - older_than
    with CallBook(path) as book:
        whole, size = book.size(), book.size(before=before)
        if not size.calls:
            click.echo("nothing to clear")
            return 0
        if not yes and not _confirmed(size, whole, before):
            click.echo("nothing was deleted")
            return 0
        gone = book.clear(before=before)
    click.echo(f"{gone:,} calls deleted")
    return 0


def _confirmed(size: CacheSize, whole: CacheSize, before: float | None) -> bool:
    """Return whether the user agrees.

    Raises:
        UsageError: If there is nobody to ask.
    """
    which = f"all {size.calls:,} calls"
    if before is not None:
        which = f"{size.calls:,} of {whole.calls:,} calls, those before {_when(before)}"
    try:
        return click.confirm(
            f"delete {which} ({size.tokens:,} tokens paid)? "
            "Runs that need them pay again",
            err=True,
        )
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError(
            "nothing was deleted: there is no terminal to answer at; give --yes"
        ) from None


@command.command("verify")
@click.pass_obj
def verify(path: Path) -> int:
    """Derive every hash again: exit code 1 if anything was changed."""
    with CallBook(path) as book:
        wrong = book.verify()
        calls = book.size().calls
    for sentence in wrong:
        click.echo(sentence)
    click.echo(f"{calls:,} calls checked, {len(wrong)} not as they were written")
    return EXIT_REFUTED if wrong else 0


def _row(call: RecordedCall) -> dict[str, object]:
    return {
        "id": call.id,
        "sent": call.sent,
        "model": json.loads(call.request).get("model", ""),
        "outcome": str(call.outcome),
        "tokens": call.tokens,
        "money": call.money,
        "payer": call.payer,
        "label": call.label,
    }


def _when(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
