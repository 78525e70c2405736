"""One run as the command line sees it: task, journal, progress, result."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from codegrad.budget import Budget
from codegrad.cli.main import EXIT_INTERRUPTED, EXIT_REFUTED
from codegrad.cli.screen import Screen
from codegrad.engines.choice import choose
from codegrad.engines.critic import ModelCritic, Reviewer
from codegrad.engines.engine import Engine
from codegrad.engines.llm import LLMEngine
from codegrad.engines.providers import split_model
from codegrad.engines.search import SearchEngine
from codegrad.errors import OutputError, UsageError
from codegrad.events import Event, Listener
from codegrad.optim.strategy import CODEGRAD, strategy_of
from codegrad.refine import Outcome, Result, refine
from codegrad.store.calls import CacheMode, CallBook
from codegrad.store.certificate import Document, certify, to_text
from codegrad.store.journal import Run
from codegrad.task import Task
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.strength import measure_strength

RESULT_SCHEMA = 1
"""Version of the document that `refine --json` prints; see docs/json.md."""


SEARCHED_BEFORE = 3000
"""Candidates that the built-in search tries in a step before a model is asked."""

PAID_CALLS = 60
"""Calls of a model that a run may make if its budget does not say."""


@dataclass(frozen=True, slots=True)
class Models:
    """Who proposes and who reviews, as the options say and as a run stores it."""

    engine: str = "search"
    reason: str = "built in: no key, no model, no network"
    base_url: str | None = None
    critic: str | None = None
    cache: str = "on"
    strategy: str = CODEGRAD.name

    @classmethod
    def chosen(
        cls,
        engine: str,
        critic: str | None,
        base_url: str | None,
        cache: str,
        strategy: str = CODEGRAD.name,
    ) -> "Models":
        """Return what the options mean.

        Raises:
            UsageError: If a name is unknown, or the strategy needs a model and there
                is none.
        """
        how = strategy_of(strategy)
        choice = choose(engine, base_url)
        if not how.searches and not choice.is_model:
            raise UsageError(
                f"the strategy {strategy} does not use the built-in search; name a "
                "model with --engine"
            )
        if critic is not None:
            split_model(critic)
        return cls(
            choice.engine, choice.reason, choice.base_url, critic, cache, strategy
        )

    @classmethod
    def stored(cls, config: Mapping[str, Any]) -> "Models":
        """Return what a run was started with."""
        known = {"engine", "base_url", "critic", "cache", "strategy"}
        options = {name: config[name] for name in known & config.keys()}
        return cls(**options, reason="as the run was started")

    @property
    def summary(self) -> str:
        """Who takes part and why, in one line."""
        critic = f"; critic {self.critic}" if self.critic else ""
        how = "" if self.strategy == CODEGRAD.name else f"; strategy {self.strategy}"
        return f"{self.engine} ({self.reason}){critic}{how}"

    def to_data(self) -> dict[str, str | None]:
        """Return what `stored` needs."""
        data = asdict(self)
        del data["reason"]
        return data

    @property
    def asks_a_model(self) -> bool:
        """Whether any language model takes part."""
        return self.engine != "search" or self.critic is not None

    def capped(self, budget: Budget) -> Budget:
        """Return `budget`, limited in calls if nothing else limits what is paid."""
        limits = budget.calls, budget.tokens, budget.money
        if not self.asks_a_model or any(limit is not None for limit in limits):
            return budget
        return replace(budget, calls=PAID_CALLS)

    def engines(
        self, run: Run, bench: Workbench, seed: int, calls: Path
    ) -> list[Engine]:
        """Return the engines in the order in which they are asked.

        The built-in search comes first: many wrong programs are one edit away from a
        right one, and it costs nothing.

        Raises:
            EngineError: If the model's key is missing.
        """
        if self.engine == "search":
            return [SearchEngine(bench=bench, seed=seed)]
        return [
            SearchEngine(bench=bench, seed=seed, step_candidates=SEARCHED_BEFORE),
            LLMEngine(
                self.engine,
                base_url=self.base_url,
                book=CallBook(calls),
                payer=run.id,
                cache=CacheMode(self.cache),
            ),
        ]

    def reviewer(self, run: Run, bench: Workbench, calls: Path) -> Reviewer | None:
        """Return the backward engine, if there is one."""
        if self.critic is None:
            return None
        return ModelCritic(
            self.critic,
            bench=bench,
            base_url=self.base_url,
            book=CallBook(calls),
            payer=f"{run.id}-critic",
            cache=CacheMode(self.cache),
        )


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
    with screen.progress() as live:
        result = refine(
            task,
            engines=models.engines(run, bench, seed, calls),
            critic=models.reviewer(run, bench, calls),
            strategy=strategy_of(models.strategy),
            budget=budget,
            seed=seed,
            on_event=_fan_out(run, live),
            checkpoint=checkpoint,
            bench=bench,
            ladder=ladder,
        )
    certificate: Document | None = None
    if result.outcome is not Outcome.INTERRUPTED:
        strength = None
        if measures and result.verified:
            with screen.counting("mutants") as progress:
                found = measure_strength(
                    task, result.sources, bench, ladder, progress=progress
                )
            strength = found.to_data()
        certificate = certify(
            task,
            result.sources,
            result.loss,
            bench,
            ladder or Ladder(),
            run=run.id,
            strength=strength,
        )
        run.append(Event("certified", result.steps, {"certificate": certificate}))
        bench.close()
    run.finish(str(result.outcome), result.evidence.sentence())
    return result, certificate


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
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{target} cannot be written: {error.strerror}; the result is kept, see "
            "`codegrad runs`, or use --output FILE"
        ) from error


def echo_json(document: object) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2))
