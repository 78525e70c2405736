"""What a person sees: results on standard output, progress on standard error."""

import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console

from codegrad.code import Program
from codegrad.engines.cut import Cut
from codegrad.engines.engine import STOPPING
from codegrad.events import Event, Listener
from codegrad.loss import Loss
from codegrad.report.printable import one_line
from codegrad.report.story import with_store
from codegrad.report.terminal import (
    LiveProgress,
    show_comparison,
    show_critiques,
    show_diff,
    show_evidence,
    show_next,
    show_runs,
    show_story,
    show_strength,
    show_verdict,
)
from codegrad.result import Result
from codegrad.store.journal import RunSummary
from codegrad.store.recheck import Comparison
from codegrad.task import Task


def _waiting_only(console: Console) -> Listener:
    """Return a listener that shows nothing but what Ctrl-C waits for."""

    def listen(event: Event) -> None:
        note = str(event.data.get("note", "")) if event.kind == "progress" else ""
        if STOPPING in note:
            console.print(one_line(note), markup=False, soft_wrap=True)

    return listen


def _typed(command: str) -> str:
    """Return `command` as it can be typed here: by its path if not on the path."""
    program = Path(sys.argv[0])
    if program.name == "codegrad" and shutil.which("codegrad") is None:
        here = Path.cwd()
        shown = program.relative_to(here) if program.is_relative_to(here) else program
        return f"{shown}{command.removeprefix('codegrad')}"
    return command


def _says_something(task: Task) -> bool:
    return any(c.hard and c.stage != "syntax" for c in task.constraints)


def _next_of(
    result: Result, run_id: str, target: str, tests: Sequence[str], *, was_written: bool
) -> str:
    """Return the command that most likely comes after a run."""
    is_down = result.cut is Cut.OUTAGE and not result.verified
    if result.outcome == "interrupted" or is_down:
        return f"codegrad resume {run_id}"
    if result.more and result.outcome == "exhausted":
        return f"codegrad resume {run_id} --budget {result.more}"
    if result.verified and result.changed and not was_written:
        to_file = "" if result.task.path else " --output FILE.py"
        return f"codegrad apply {run_id}{to_file}"
    if result.verified or not target:
        return f"codegrad {'report' if result.verified else 'show'} {run_id}"
    if not _says_something(result.task):
        return shlex.join(["codegrad", "refine", target, "--tests", "TESTS"])
    again = [part for test in tests for part in ("--tests", test)]
    return shlex.join(["codegrad", "grad", target, *again])


class Screen:
    """Two consoles and the order in which things are shown on them."""

    def __init__(
        self,
        out: Console,
        err: Console,
        *,
        quiet: bool = False,
        store: Path | None = None,
    ) -> None:
        self._out = out
        self._err = err
        self._quiet = quiet
        self._store = store

    @classmethod
    def for_terminal(
        cls, *, quiet: bool = False, store: Path | None = None
    ) -> "Screen":
        """Return a screen on the process's own streams.

        `store` is what the user gave with --store; commands that are proposed name it.
        """
        return cls(
            Console(highlight=False, soft_wrap=True, emoji=False),
            Console(stderr=True, highlight=False, emoji=False),
            quiet=quiet,
            store=store,
        )

    def proposed(self, command: str) -> str:
        """Return `command` for the store of this call."""
        return with_store(command, self._store)

    def progress(self) -> AbstractContextManager[Listener]:
        """Return a listener of events that shows them while they happen."""
        if self._quiet:
            return nullcontext(_waiting_only(self._err))
        return LiveProgress(self._err)

    @contextmanager
    def status(self, text: str) -> Iterator[None]:
        """Show on a terminal that something is going on."""
        if self._quiet or not self._err.is_terminal:
            yield
            return
        with self._err.status(text):
            yield

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show on a terminal how many of how many are done."""
        if self._quiet or not self._err.is_terminal:
            yield lambda *_: None
            return
        with self._err.status(what) as status:
            yield lambda done, total: status.update(f"{what}: {done} of {total}")

    def announce(self, task: Task, engine: str, run_id: str) -> None:
        """Say which task, engine and run this is, and what the reader left out."""
        if self._quiet:
            return
        hard = sum(constraint.hard for constraint in task.constraints)
        many = "constraint" if hard == 1 else "constraints"
        self._err.print(
            f"{task.name}: {hard} hard {many}; engine {engine}; run {run_id}",
            markup=False,
            soft_wrap=True,
        )
        for note in task.notes:
            self._err.print(f"note: {note}", markup=False, soft_wrap=True)

    def say(self, sentence: str) -> None:
        """Say something before or after the run; nothing if it is empty."""
        if sentence and not self._quiet:
            self._err.print(one_line(sentence), markup=False, soft_wrap=True)

    def show_result(  # noqa: PLR0913 - what a result consists of
        self,
        result: Result,
        run_id: str,
        *,
        target: str,
        tests: Sequence[str],
        written: Sequence[Path],
        strength: Mapping[str, Any] | None = None,
    ) -> None:
        """Show verdict, diff, evidence and the next command of a finished run."""
        sentence = result.evidence.sentence()
        if not result.verified and result.reason not in sentence:
            sentence += f" ({result.reason})"
        elif not result.changed:
            sentence += "; nothing was changed"
        show_verdict(self._out, sentence, str(result.outcome))
        if result.changed:
            self._out.print()
            show_diff(self._out, result.task.sources, result.sources)
        self._out.print()
        show_evidence(self._out, result.evidence.rows)
        if strength is not None:
            show_strength(self._out, strength)
        self._out.print()
        for note in result.for_callers:
            self._out.print(f"note: {one_line(note)}", markup=False)
        for path in written:
            self._out.print(f"written: {path}", markup=False)
        for missing in result.missing if result.verified else ():
            self._out.print(f"missing: {one_line(missing)}", markup=False)
        command = _next_of(result, run_id, target, tests, was_written=bool(written))
        show_next(self._out, _typed(self.proposed(command)))

    def show_check(  # noqa: PLR0913 - what a check consists of
        self,
        task: Task,
        loss: Loss,
        *,
        target: str,
        tests: Sequence[str],
        written: Sequence[Path] = (),
        strength: Mapping[str, Any] | None = None,
    ) -> None:
        """Show verdict, evidence and what it is worth."""
        state = "verified" if loss.verified else "exhausted"
        show_verdict(self._out, loss.evidence.sentence(), state)
        self._out.print()
        show_evidence(self._out, loss.evidence.rows)
        if strength is not None:
            show_strength(self._out, strength)
        for note in task.notes:
            self._out.print(f"note: {note}", markup=False)
        for path in written:
            self._out.print(f"written: {path}", markup=False)
        if loss.evidence.refuted:
            self._out.print()
            again = [part for test in tests for part in ("--tests", test)]
            command = shlex.join(["codegrad", "refine", target, *again])
            show_next(self._out, _typed(command))

    def show_comparison(self, name: str, found: Comparison) -> None:
        """Show how a replay compares with its certificate, row by row."""
        state = "verified" if found.holds else "exhausted"
        show_verdict(self._out, f"{name}: {found.sentence()}", state)
        self._out.print()
        show_comparison(self._out, found.rows)
        for difference in found.differences:
            self._out.print(f"note: {difference}", markup=False)

    def show_gradient(self, program: Program, loss: Loss) -> None:
        """Show the critiques of each variable, the most suspicious variable first."""
        state = "verified" if loss.verified else "exhausted"
        show_verdict(self._out, loss.evidence.sentence(), state)
        variables = [variable for variable in program.codes if variable.grad]
        variables.sort(key=lambda variable: -(variable.grad or ()).weight)  # type: ignore[union-attr]  # only those with a gradient are left
        for variable in variables:
            self._out.print()
            self._out.print(f"{variable.path}::{variable.name}", markup=False)
            show_critiques(self._out, list(variable.grad or ()))
        if not variables:
            self._out.print("no gradient: nothing is refuted")

    def show_runs(self, summaries: Sequence[RunSummary]) -> None:
        """Show the list of runs."""
        show_runs(self._out, summaries)

    def show_run(
        self, summary: RunSummary, events: Sequence[Event], *, step: int | None = None
    ) -> None:
        """Show the story of one run, or of one step of it."""
        show_story(self._out, summary, events, step=step, store=self._store)
