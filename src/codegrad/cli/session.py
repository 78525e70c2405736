"""One run as the command line sees it: task, journal, progress, result."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from codegrad.budget import Budget
from codegrad.cli.main import EXIT_INTERRUPTED, EXIT_REFUTED
from codegrad.cli.screen import Screen
from codegrad.engines.engine import Engine
from codegrad.engines.search import SearchEngine
from codegrad.errors import OutputError, UsageError
from codegrad.events import Event, Listener
from codegrad.refine import Outcome, Result, refine
from codegrad.store.journal import Run
from codegrad.task import Task
from codegrad.verify.stage import Workbench

RESULT_SCHEMA = 1
"""Version of the document that `refine --json` prints; see docs/json.md."""


def choose_engine(name: str) -> str:
    """Return the engine that `--engine NAME` means, and why.

    Raises:
        UsageError: If the name is unknown.
    """
    if name in {"auto", "search"}:
        return "search"
    raise UsageError(f"unknown engine {name!r}; known: auto, search")


def config_json(engine: str, budget: Budget, seed: int, **options: object) -> str:
    """Return what a later `resume` needs beside the task."""
    return json.dumps(
        {"engine": engine, "budget": asdict(budget), "seed": seed, **options}
    )


def carry_out(  # noqa: PLR0913 - one value for each thing a run needs
    task: Task,
    run: Run,
    bench: Workbench,
    screen: Screen,
    *,
    budget: Budget,
    seed: int,
    checkpoint: Mapping[str, Any] | None = None,
) -> Result:
    """Refine `task`, journal every event, show progress, and close the run."""
    engines: Sequence[Engine] = [SearchEngine(bench=bench, seed=seed)]
    with screen.progress() as live:
        result = refine(
            task,
            engines=engines,
            budget=budget,
            seed=seed,
            on_event=_fan_out(run, live),
            checkpoint=checkpoint,
            bench=bench,
        )
    run.finish(str(result.outcome), result.evidence.sentence())
    return result


def _fan_out(run: Run, live: Listener) -> Listener:
    def listen(event: Event) -> None:
        stored = event if event.kind == "progress" else run.append(event)
        live(stored)

    return listen


def exit_code(result: Result) -> int:
    """Return the exit code for a result."""
    if result.outcome is Outcome.INTERRUPTED:
        return EXIT_INTERRUPTED
    return EXIT_REFUTED if result.evidence.refuted else 0


def result_document(result: Result, run_id: str) -> dict[str, Any]:
    """Return the result as the stable document of `--json`."""
    return {
        "schema": RESULT_SCHEMA,
        "run": run_id,
        "task": result.task.name,
        "status": str(result.outcome),
        "reason": result.reason,
        "verified": result.verified,
        "sentence": result.evidence.sentence(),
        "steps": result.steps,
        "spent": result.spent.to_dict(),
        "files": [
            {"path": path, "changed": path in result.changed, "source": text}
            for path, text in result.sources.items()
        ],
        "diff": result.diff(),
        "evidence": result.evidence.to_data(),
        "notes": list(result.task.notes),
        "exit_code": exit_code(result),
    }


def write_output(result: Result, output: Path) -> None:
    """Write the refined main module to `output`.

    Raises:
        OutputError: If it cannot be written.
    """
    write_text(output, result.code, had_bom=False)


def apply(result: Result) -> list[Path]:
    """Write every changed file over the user's own, and return their paths.

    Raises:
        OutputError: If the task has no file, or a file changed since it was read, or
            cannot be written. Then no file is touched.
    """
    task = result.task
    if task.path is None:
        raise OutputError("this task has no file to write to; use --output FILE")
    targets: list[tuple[Path, str, bool]] = []
    for path in result.changed:
        target = task.path if task.repository is None else task.repository.root / path
        try:
            data = target.read_bytes()
        except OSError as error:
            raise OutputError(f"{target} cannot be read: {error.strerror}") from error
        had_bom = data.startswith(b"\xef\xbb\xbf")
        if data.decode("utf-8-sig", "replace") != task.sources[path]:
            raise OutputError(
                f"{target} was changed while the run was going on; nothing was "
                "written. Run the command again, or use --output FILE"
            )
        targets.append((target, result.sources[path], had_bom))
    for target, text, had_bom in targets:
        write_text(target, text, had_bom=had_bom)
    return [target for target, _, _ in targets]


def write_text(target: Path, text: str, *, had_bom: bool) -> None:
    """Replace `target` in one step, keeping its permissions.

    Raises:
        OutputError: If it cannot be written; the old file is then untouched.
    """
    data = text.encode("utf-8-sig" if had_bom else "utf-8", "surrogatepass")
    # Follow a symbolic link: the user's file is what it points to.
    target = target.resolve()
    temporary = target.with_name(f".{target.name}.codegrad")
    try:
        mode = target.stat().st_mode if target.exists() else None
        temporary.write_bytes(data)
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{target} cannot be written: {error.strerror}; the result is kept, see "
            "`codegrad runs`, or use --output FILE"
        ) from error


def echo_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2))
