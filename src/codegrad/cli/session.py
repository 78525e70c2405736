"""One run as the command line sees it: task, journal, progress, result."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from codegrad.budget import Budget
from codegrad.cli.main import EXIT_INTERRUPTED, EXIT_REFUTED
from codegrad.cli.models import Models
from codegrad.cli.screen import Screen
from codegrad.engines.download import Report
from codegrad.errors import CodeGradError, OutputError, StoreError
from codegrad.events import Event, Listener
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.result import Outcome, Result
from codegrad.store.calls import CallBook
from codegrad.store.certificate import Document, certify, to_text
from codegrad.store.journal import Run, RunStatus
from codegrad.task import Task
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.strength import Strength, measure_strength

RESULT_SCHEMA = 1
"""Version of the document that `refine --json` prints; see docs/json.md."""


def config_json(models: Models, budget: Budget, seed: int, **options: object) -> str:
    """Return what a later `resume` needs beside the task."""
    return json.dumps(
        {**models.to_data(), "budget": asdict(budget), "seed": seed, **options}
    )


def carry_out(  # noqa: PLR0913 - one value for each thing a run needs
    task: Task,
    run: Run,
    bench: Workbench,
    screen: Screen,
    *,
    budget: Budget,
    seed: int,
    models: Models | None = None,
    calls: Path | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    ladder: Ladder | None = None,
    measures: bool = False,
) -> tuple[Result, Document | None]:
    """Refine `task`, journal every event, show progress, certify, close the run.

    With `measures` a verified result says what its evidence is worth. An interrupted
    run has no certificate.
    `calls` is the file of model calls, by default the user's own.
    """
    models = models or Models()
    calls = calls or CallBook.default_path()
    with _ending(run, screen), screen.progress() as live:
        team = models.team(run.id, calls, report=_loading(live))
        if checkpoint is None and (
            expected := team.expectation(
                task, budget, models.guidance, reviews_itself=models.reviews_itself
            )
        ):
            screen.say(expected)
        result = refine(
            task,
            engines=team.engines(bench, seed),
            critic=team.critic(bench),
            strategy=strategy_of(models.strategy),
            budget=budget,
            seed=seed,
            on_event=_fan_out(run, live),
            checkpoint=checkpoint,
            bench=bench,
            ladder=ladder,
            source=team.source(),
            hard_from=models.hard_from,
        )
    if bill := team.bill(result.spent):
        screen.say(bill)
    task = result.task  # with what was generated and is trusted
    certificate: Document | None = None
    if result.outcome is not Outcome.INTERRUPTED:
        found = None
        if measures and result.verified:
            found = _measured(result, bench, screen, ladder)
        certificate = certify(
            task,
            result.sources,
            result.loss,
            bench,
            ladder or Ladder(),
            run=run.id,
            strength=None if found is None else found.to_data(),
        )
        run.append(Event("certified", result.steps, {"certificate": certificate}))
        bench.close()
    run.finish(str(result.outcome), result.evidence.sentence())
    return result, certificate


def _measured(
    result: Result, bench: Workbench, screen: Screen, ladder: Ladder | None
) -> Strength | None:
    """Return what the evidence is worth; None if the user does not wait for it."""
    try:
        with screen.counting("mutants") as progress:
            return measure_strength(
                result.task, result.sources, bench, ladder, progress=progress
            )
    except KeyboardInterrupt:
        return None  # the result is there, and is not lost for this


@contextlib.contextmanager
def _ending(run: Run, screen: Screen) -> Iterator[None]:
    """Record why a run ended if an error ends it; it can still be resumed."""
    try:
        yield
    except KeyboardInterrupt:
        command = screen.proposed(f"codegrad resume {run.id}")
        screen.say(f"what was paid is kept: go on with `{command}`")
        raise
    except CodeGradError as error:
        with contextlib.suppress(StoreError):
            run.finish(RunStatus.FAILED, str(error))
        raise


def _loading(live: Listener) -> Report:
    """Return what shows a download in the live view."""

    def report(done: int, whole: int | None) -> None:
        of = f" of {whole / 1e6:,.0f}" if whole else ""
        note = f"downloading the model: {done / 1e6:,.0f}{of} MB"
        live(Event("progress", 0, {"engine": "", "candidates": 0, "note": note}))

    return report


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


def result_document(result: Result, run_id: str, *, calls: Path) -> dict[str, Any]:
    """Return the result as the stable document of `--json`.

    `calls` is the file of model calls: money is null if the price of one is unknown.
    """
    spent: dict[str, float | None] = {**result.spent.to_dict()}
    if result.spent.calls:
        with CallBook(calls) as book:
            if book.has_unpriced(run_id):
                spent["money"] = None
    return {
        "schema": RESULT_SCHEMA,
        "run": run_id,
        "task": result.task.name,
        "status": str(result.outcome),
        "reason": result.reason,
        "verified": result.verified,
        "sentence": result.evidence.sentence(),
        "steps": result.steps,
        "spent": spent,
        "files": [
            {"path": path, "changed": path in result.changed, "source": text}
            for path, text in result.sources.items()
        ],
        "diff": result.diff(),
        "evidence": result.evidence.to_data(),
        "notes": [*result.task.notes, *result.for_callers],
        "exit_code": exit_code(result),
    }


def write_output(result: Result, output: Path) -> None:
    """Write the refined main module to `output`.

    Raises:
        OutputError: If it cannot be written.
    """
    write_text(output, result.code, had_bom=False)


def unwritten(result: Result, output: Path, command: str) -> str:
    """Return which changed files `write_output` left out; empty if none.

    `command` is what writes them all.
    """
    others = [path for path in result.changed if path != result.task.main]
    if not others:
        return ""
    way = f"; `{command}` writes all" if result.verified else ""
    return (
        f"{output} holds {result.task.main} alone; changed and not written: "
        f"{', '.join(others)}{way}"
    )


def write_certificate(document: Document | None, path: Path | None) -> list[Path]:
    """Write a certificate where it was asked for, and return the paths written.

    Raises:
        OutputError: If it cannot be written.
    """
    if document is None or path is None:
        return []
    write_text(path, to_text(document), had_bom=False)
    return [path]


def apply(result: Result) -> list[Path]:
    """Write every changed file over the user's own, and return their paths.

    Raises:
        OutputError: If the task has no file, or a file changed since it was read, or
            cannot be written. Then every file is as it was.
    """
    task = result.task
    if task.path is None:
        raise OutputError("this task has no file to write to; use --output FILE")
    targets: list[tuple[Path, str, bool]] = []
    before: list[str] = []
    for path in result.changed:
        target = task.path if task.repository is None else task.repository.root / path
        try:
            data = target.read_bytes()
        except OSError as error:
            raise OutputError(f"{target} cannot be read: {error.strerror}") from error
        had_bom = data.startswith(b"\xef\xbb\xbf")
        if data.decode("utf-8-sig", "replace") != task.sources[path]:
            raise OutputError(
                f"{target} is not what the run began with: it was changed since, or "
                "written already; nothing was written. Run the command again, or use "
                "--output FILE"
            )
        targets.append((target, result.sources[path], had_bom))
        before.append(task.sources[path])
    check_writable(*(target for target, _, _ in targets))
    for number, (target, text, had_bom) in enumerate(targets):
        try:
            write_text(target, text, had_bom=had_bom)
        except OutputError:
            # Part of a repair is none.
            for (done, _, bom), old in zip(targets[:number], before, strict=False):
                with contextlib.suppress(OutputError):
                    write_text(done, old, had_bom=bom)
            raise
    return [target for target, _, _ in targets]


def apply_verified(result: Result, screen: Screen) -> list[Path]:
    """Write what is verified over the user's own files, or say that it is not.

    Raises:
        OutputError: As `apply` does.
    """
    if not result.changed:
        return []
    if not result.verified:
        screen.say(
            "nothing was written: the result is not verified; --output FILE takes the "
            "best so far"
        )
        return []
    return apply(result)


def check_writable(*targets: Path | None) -> None:
    """Check that files can be written before anything is paid for.

    Raises:
        OutputError: For the first that cannot.
    """
    for target in targets:
        if target is None:
            continue
        folder = target.resolve().parent
        reason = ""
        if target.is_dir():
            reason = "it is a folder; name a file"
        elif not folder.is_dir():
            reason = f"the folder {folder} does not exist; create it first"
        elif not os.access(folder, os.W_OK | os.X_OK):
            reason = f"the folder {folder} is not writable; name another"
        elif target.exists() and not os.access(target, os.W_OK):
            reason = "the file is not writable; name another"
        if reason:
            raise OutputError(f"{target} cannot be written: {reason}")


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
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OutputError(
            f"{target} cannot be written: {error.strerror}; the result is kept, see "
            "`codegrad runs`, or use --output FILE"
        ) from error


def echo_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2))
