"""Options of commands whose work can be shared out, and the bar that shows it."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

import click

from codegrad.bench.crew import Crew, LocalCrew
from codegrad.bench.ray_crew import RayCrew
from codegrad.bench.shards import Shard
from codegrad.errors import UsageError

_STOPPING = (
    b"\ncodegrad: stopping: waiting for replies that are paid for; Ctrl-C again leaves "
    b"them\n"
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


class ShardType(click.ParamType[Shard]):
    """`2/8`: the second of eight shares."""

    name = "i/n"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Shard:
        """Return the share that a text states."""
        if isinstance(value, Shard):
            return value
        try:
            return Shard.parse(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


def sharing_options(command: _Command) -> _Command:
    """Add the options that say where the work is done."""
    for option in (
        click.option(
            "--ray-address",
            metavar="HOST:PORT",
            help="A Ray cluster that runs already  [default: $RAY_ADDRESS or a new "
            "one on this machine]",
        ),
        click.option(
            "--executor",
            type=click.Choice(["local", "ray"]),
            default="local",
            show_default=True,
            help="The cores of this machine, or a Ray cluster.",
        ),
        click.option(
            "--workers", type=click.IntRange(min=1), help="[default: one a core]"
        ),
        click.option(
            "--shard",
            type=ShardType(),
            default="1/1",
            help="Do one share of the work only; --merge puts shares together.",
        ),
    ):
        command = option(command)
    return command


def crew_of(executor: str, workers: int | None, ray_address: str | None) -> Crew:
    """Return who does the work.

    Raises:
        UsageError: If Ray is not installed or does not answer.
    """
    if executor == "ray":
        return RayCrew(ray_address)
    if ray_address is not None:
        raise UsageError("--ray-address needs --executor ray")
    return LocalCrew(workers)


@contextlib.contextmanager
def stoppable(crew: Crew) -> Iterator[None]:
    """Let Ctrl-C wait for what is paid for; a second one does not wait.

    Raises:
        KeyboardInterrupt: At the end, if there was one.
    """
    stopped = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        signal.signal(signal.SIGINT, before)
        if not crew.stop():
            signal.default_int_handler(number, frame)
        stopped = True
        # Past click: this may be in the middle of what it writes.
        os.write(2, _STOPPING)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if stopped:
            raise KeyboardInterrupt


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    # A bar costs a tenth of a second to import.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
    )
    from rich.progress import TimeRemainingColumn as Remaining  # noqa: PLC0415

    console = Console(stderr=True, emoji=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, Remaining(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
