"""Options that several commands share, and what they mean."""

import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from codegrad.budget import Budget
from codegrad.engines.capacity import Capacity
from codegrad.errors import UsageError
from codegrad.sandbox import Limits
from codegrad.verify.ladder import ALL, OPTIONAL_STAGES, STAGES, Ladder
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


class FiniteRange(click.FloatRange):
    """A range of numbers, of which `nan` and `inf` are none."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Return the number that a text states."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number that can be used", param, ctx)
        return number


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
            type=FiniteRange(min=0.05),
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
            "--hard-from",
            type=FiniteRange(0.8, 1),
            metavar="TRUST",
            help="Trust (0.8 to 1) from which a generated constraint may veto; "
            "without it, none may.",
        ),
        click.option(
            "--constraints-from",
            "source",
            metavar="MODEL|engine|critic",
            help="A model that reads examples and conditions in the statement; they "
            "are checked as far as they are trusted.",
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
            "anthropic:MODEL, google:MODEL, local:FILE.gguf; see `codegrad engines`.",
        ),
    ):
        command = option(command)
    return command


def capacity_options(command: _Command) -> _Command:
    """Add the options that say how large and how patient models are: `capacity`."""
    for option in (
        click.option(
            "--parallel",
            type=click.IntRange(min=1),
            metavar="N",
            help="Requests to one server at the same time  [default: 8]",
        ),
        click.option(
            "--reply-timeout",
            type=FiniteRange(min=0, min_open=True),
            metavar="SECONDS",
            help="How long a model may be silent  [default: 180]",
        ),
        click.option(
            "--temperature",
            type=FiniteRange(0, 2),
            metavar="T",
            help="How much proposals vary  [default: 0.8]",
        ),
        click.option(
            "--context",
            type=click.IntRange(min=512),
            metavar="TOKENS",
            help="What fits into one request of a model, its reply included  "
            "[default: 32000; 64000 for a model that thinks]",
        ),
        click.option(
            "--max-tokens",
            type=click.IntRange(min=64),
            metavar="TOKENS",
            help="The longest reply, thoughts included  [default: 4096; 16384 for a "
            "model that thinks]",
        ),
    ):
        command = option(command)

    @functools.wraps(command)
    def gathered(
        *arguments: object,
        max_tokens: int | None,
        context: int | None,
        temperature: float | None,
        reply_timeout: float | None,
        parallel: int | None,
        **others: object,
    ) -> object:
        capacity = Capacity(max_tokens, context, temperature, reply_timeout, parallel)
        return command(*arguments, capacity=capacity, **others)

    return cast("_Command", gathered)


def stages_option(command: _Command) -> _Command:
    """Add `--stages`."""
    names = ", ".join(stage.name for stage in STAGES)
    return click.option(
        "--stages",
        default="",
        metavar="NAMES",
        help=f"Only these, by comma: {names}; or {ALL}  [default: those that take "
        f"about a second; {' and '.join(sorted(OPTIONAL_STAGES))} when asked for, or "
        "for a stated cost:]",
    )(command)


def ladder_of(stages: str) -> Ladder:
    """Return the ladder that `--stages` names.

    Raises:
        UsageError: If a name is unknown.
    """
    names = [name.strip() for name in stages.split(",") if name.strip()]
    return Ladder.of(names) if names else Ladder()


def strength_option(command: _Command) -> _Command:
    """Add `--strength`."""
    return click.option(
        "--strength",
        "measures",
        is_flag=True,
        help="Also measure what the evidence is worth: how many single-edit mutants "
        "of the code it refutes; at most two minutes.",
    )(command)


def certificate_option(command: _Command) -> _Command:
    """Add `--certificate`."""
    return click.option(
        "--certificate",
        "certificate_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write what was established as a document that `codegrad recheck` "
        "replays.",
    )(command)


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


def stored_ladder(config: Mapping[str, Any]) -> Ladder:
    """Return the ladder that a run was started with."""
    stages = config.get("stages")
    return Ladder.of(stages) if stages else Ladder()


def stored_workbench(config: Mapping[str, Any]) -> Workbench:
    """Return the workbench that a run was started with."""
    return workbench(
        Path(config["python"]) if config.get("python") else None,
        config["timeout_s"],
        allow_unsafe=config["allow_unsafe"],
        seed=config["seed"],
    )


def workbench(
    python: Path | None, timeout_s: float, *, allow_unsafe: bool, seed: int = 0
) -> Workbench:
    """Return the workbench that the options describe."""
    limits = Limits(wall_s=timeout_s, cpu_s=timeout_s)
    return Workbench(python=python, limits=limits, allow_unsafe=allow_unsafe, seed=seed)
