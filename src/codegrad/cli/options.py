"""Options that several commands share, and what they mean."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from codegrad.budget import Budget
from codegrad.errors import UsageError
from codegrad.sandbox import Limits
from codegrad.verify.stage import Workbench

_Command = TypeVar("_Command", bound=Callable[..., Any])


class BudgetType(click.ParamType[Budget]):
    """`20000`, `90s`, `candidates=5000,seconds=2m`."""

    name = "budget"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Budget:
        """Return the budget that a text states."""
        if isinstance(value, Budget):
            return value
        try:
            return Budget.parse(str(value))
        except UsageError as error:
            self.fail(str(error), param, ctx)


def task_options(command: _Command) -> _Command:
    """Add the options that say what must hold and how it is run."""
    for option in (
        click.option(
            "--allow-unsafe",
            is_flag=True,
            help="Run even where the kernel cannot isolate untrusted code.",
        ),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=0.05),
            default=3.0,
            show_default=True,
            help="Seconds that one test may take.",
        ),
        click.option(
            "--python",
            type=click.Path(path_type=Path),
            help="Interpreter of the project's own environment.",
        ),
        click.option(
            "--tests",
            multiple=True,
            metavar="PATH",
            help="JSON examples, a file of asserts, or pytest files and folders; "
            "may be repeated.",
        ),
    ):
        command = option(command)
    return command


def engine_options(command: _Command) -> _Command:
    """Add the options that say who proposes and who reviews."""
    for option in (
        click.option(
            "--cache",
            type=click.Choice(["on", "off", "replay"]),
            default="on",
            show_default=True,
            help="Recorded replies of models: use them, ask anew, or send nothing.",
        ),
        click.option(
            "--base-url",
            metavar="URL",
            help="A server of your own that speaks the OpenAI protocol.",
        ),
        click.option(
            "--strategy",
            default="codegrad",
            show_default=True,
            metavar="NAME",
            help="How the loop goes: codegrad, a baseline or an ablation; an unknown "
            "name lists them.",
        ),
        click.option(
            "--critic",
            metavar="PROVIDER:MODEL",
            help="A model that reviews; what it claims is executed.",
        ),
        click.option(
            "--engine",
            default="auto",
            show_default=True,
            help="Who proposes: auto, search (built in), or openai:MODEL, "
            "anthropic:MODEL, google:MODEL; see `codegrad engines`.",
        ),
    ):
        command = option(command)
    return command


def store_option(command: _Command) -> _Command:
    """Add the option that names the run store."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Where runs are kept  [default: $CODEGRAD_STORE or the user's state "
        "folder]",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document."
    )(command)


def workbench(
    python: Path | None, timeout_s: float, *, allow_unsafe: bool
) -> Workbench:
    """Return the workbench that the options describe."""
    limits = Limits(wall_s=timeout_s, cpu_s=timeout_s)
    return Workbench(python=python, limits=limits, allow_unsafe=allow_unsafe)
