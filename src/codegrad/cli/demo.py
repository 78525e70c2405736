"""`codegrad demo`: the main job, on a file that is wrong in two places."""

import tempfile
from pathlib import Path

import click

from codegrad.budget import Budget
from codegrad.cli.models import Models
from codegrad.cli.options import store_option
from codegrad.cli.report import write_report
from codegrad.cli.screen import Screen
from codegrad.cli.session import carry_out, config_json, exit_code
from codegrad.store.journal import Store
from codegrad.store.task_json import task_to_json
from codegrad.tasks.reader import read_task
from codegrad.verify.stage import Workbench

SOURCE = '''\
"""Moving averages for a sensor that sends one reading a second."""


def window(readings, size):
    """Return every run of `size` neighbouring readings, in order.

    >>> window([1, 2, 3, 4], 3)
    [[1, 2, 3], [2, 3, 4]]
    >>> window([8, 6], 1)
    [[8], [6]]
    >>> window([5], 2)
    []
    """
    # one window starts at each position that leaves room for it
    return [readings[i : i + size] for i in range(len(readings) - size)]


def smooth(readings, size):
    """Return the mean of each window, the readings themselves if there is none.

    pre: size > 0
    post: len(__return__) <= len(readings)

    >>> smooth([1.0, 2.0, 3.0, 4.0], 2)
    [1.5, 2.5, 3.5]
    >>> smooth([2.0, 4.0, 6.0], 3)
    [4.0]
    >>> smooth([7.0], 3)
    [7.0]
    """
    runs = window(readings, size)
    if runs:
        return readings
    return [sum(run) / size for run in runs]
'''
"""Two faults: an off-by-one in `window`, an inverted test in `smooth`."""


@click.command("demo")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the example and the report  [default: a temporary one]",
)
@store_option
def command(output: Path | None, store_path: Path | None) -> int:
    """Watch wrong code become right code: no key, no model, no network."""
    folder = output or Path(tempfile.mkdtemp(prefix="codegrad-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "smooth.py"
    path.write_text(SOURCE, encoding="utf-8")
    target = f"{path}::smooth"
    screen = Screen.for_terminal()
    click.echo(f"{path} holds two faults. What must hold is in its docstrings.\n")
    task = read_task(target)
    budget = Budget()
    with Store(store_path or Store.default_path()) as store, Workbench() as bench:
        config = config_json(
            Models(), budget, 0, timeout_s=3.0, allow_unsafe=False, python=None
        )
        run = store.create(task_to_json(task), config, task.name)
        screen.announce(task, Models().summary, run.id)
        result, _ = carry_out(task, run, bench, screen, budget=budget, seed=0)
        screen.show_result(result, run.id, target=target, tests=(), written=[])
        report = write_report(run, folder / "report.html")
    click.echo(f"\nreport: {report}")
    return exit_code(result)
