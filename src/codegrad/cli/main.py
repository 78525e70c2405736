"""The command line: parse, call, print, exit code.

Exit codes: 0 nothing refuted, 1 refuted, 2 could not run, 130 interrupted. Each
command is a module of this room that is imported when it is used, so that `--help`
needs none of them.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from codegrad import __version__

EXIT_REFUTED = 1
EXIT_COULD_NOT_RUN = 2
EXIT_INTERRUPTED = 130

_COMMANDS: dict[str, tuple[str, str]] = {
    "refine": ("refine", "Change a function until everything it must satisfy holds."),
    "check": ("check", "Verify a function and show the evidence; change nothing."),
    "recheck": ("recheck", "Replay a certificate: does what it claims hold here?"),
    "grad": ("grad", "Show the gradient: what is wrong, where, and which direction."),
    "demo": ("demo", "Watch wrong code become right code (10 seconds, no network)."),
    "apply": ("apply", "Verify the result of a run once more and write it."),
    "runs": ("runs", "List the runs, newest first."),
    "show": ("show", "Tell the story of one run, step by step."),
    "resume": ("resume", "Go on with a run that was interrupted."),
    "report": ("report", "Write one run as a self-contained HTML page."),
    "evaluate": ("evaluate", "Grade samples of a benchmark, isolated; pass@k."),
    "bench": ("bench", "Solve a benchmark by what is visible; judge the answers."),
    "cache": ("cache", "Show, list, check or clear what models answered."),
    "engines": ("engines", "List the engines and whether they would work here."),
    "doctor": ("doctor", "Report the isolation layers and tools of this machine."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"codegrad.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        del ctx
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `codegrad demo`. Exit codes: 0 nothing refuted, 1 refuted, "
    "2 could not run, 130 interrupted.",
)
@click.version_option(__version__, prog_name="codegrad")
def cli() -> None:
    """CodeGrad makes Python satisfy what you say it must, and shows the evidence."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; turns every known failure into one sentence."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one return for each way to end
    """Run the command line and return the exit code."""
    # Imported here because even the error tree is not needed for `--help`.
    from codegrad.errors import CodeGradError  # noqa: PLC0415

    try:
        code: Any = cli.main(
            list(arguments) if arguments is not None else None,
            prog_name="codegrad",
            standalone_mode=False,
        )
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return EXIT_COULD_NOT_RUN
    except CodeGradError as error:
        click.echo(f"codegrad: {error}", err=True)
        return EXIT_COULD_NOT_RUN
    except (KeyboardInterrupt, click.Abort):
        click.echo("codegrad: interrupted; no file was changed", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody left to tell.
        sys.stderr.close()
        return EXIT_COULD_NOT_RUN
    except Exception as error:  # noqa: BLE001 - the last place before the user
        return _report_fault(error)
    return code if isinstance(code, int) else 0


def _report_fault(error: Exception) -> int:
    import traceback  # noqa: PLC0415 - only for our own faults

    where = traceback.extract_tb(error.__traceback__)[-1]
    click.echo(
        f"codegrad: internal error: {type(error).__name__}: {error} "
        f"({where.filename}:{where.lineno}). This is a fault in CodeGrad; please "
        "report it with the command you ran and the output of `codegrad doctor`.",
        err=True,
    )
    return EXIT_COULD_NOT_RUN
