"""What the command line shows: coloured on a terminal, plain lines when piped.

In: results, events and a console. Out: text on that console. Invariant: text of
candidates and models can neither style the output nor steer the terminal; plain output
has one fact a line, with words instead of symbols, whatever the width.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import unified_diff
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from codegrad.engines.engine import STOPPING
from codegrad.events import Event
from codegrad.evidence import EvidenceRow
from codegrad.gradient import Critique
from codegrad.report.highlight import DiffLine, diff, source_lines
from codegrad.report.ladder_map import SYMBOLS, Rung, rung, stages
from codegrad.report.printable import count, one_line, shorten
from codegrad.report.story import (
    LossView,
    Proposal,
    StepView,
    Story,
    changed_paths,
    with_store,
)
from codegrad.store.journal import RunSummary
from codegrad.store.recheck import Agreement, ComparedRow
from codegrad.task import Constraint, Sources
from codegrad.verify.strength import Strength

_STATUS_STYLES = {
    "refuted": "bold red",
    "unknown": "yellow",
    "passed": "green",
    "proved": "bold blue",
    "not run": "dim",
}
_STATE_STYLES = {
    "verified": "bold green",
    "unchanged": "bold green",
    "exhausted": "bold red",
    "failed": "bold red",
}
_STATE_SYMBOLS = {
    "verified": "✓ ",
    "unchanged": "✓ ",
    "exhausted": "✗ ",
    "failed": "✗ ",
}
_AGREEMENT = {Agreement.WEAKER: "bold red", Agreement.STRONGER: "bold blue"}
_OPEN_STYLE = "bold yellow"
_DIFF_STYLES = {"-": "red", "+": "green", " ": "", "@": "dim cyan"}
_TEXT_LIMIT = 160
_MOST_CRITIQUES = 5
_MOST_EXAMPLES = 3
_MOST_PROPOSALS = 8
_MOST_SURVIVORS = 8


def show_verdict(console: Console, sentence: str, state: str) -> None:
    """Print the outcome in one sentence; `state` is a run's status."""
    if console.is_terminal:
        style = _STATE_STYLES.get(state, _OPEN_STYLE)
        symbol = _STATE_SYMBOLS.get(state, "")
        _print(console, Text(symbol + one_line(sentence), style=style))
    else:
        _plain(console, f"verdict: {sentence}")


def show_next(console: Console, command: str) -> None:
    """Print the command to type next."""
    if console.is_terminal:
        _print(console, _styled(("Next: ", "dim"), (one_line(command), "bold")))
    else:
        _plain(console, f"next: {command}")


def show_diff(console: Console, before: Sources, after: Sources) -> None:
    """Print what changed, file by file; piped, it is a unified diff for `patch -p0`."""
    for path in changed_paths(before, after):
        old, new = before.get(path, ""), after.get(path, "")
        if not console.is_terminal:
            name, lines = one_line(path), (source_lines(old), source_lines(new))
            for text in unified_diff(*lines, name, name, lineterm=""):
                _write(console, text)
            continue
        _print(console, Text(one_line(path), style="bold"))
        for line in diff(path, old, new).lines:
            _print(console, _diff_line(line))


def _diff_line(line: DiffLine) -> Text:
    style = _DIFF_STYLES[line.sign]
    where = f"{line.old or '':>5} {line.new or '':>5} "
    if line.sign == "@":
        return _styled((f"{where}  {line.text}", style))
    return _styled((where, "dim"), (f"{line.sign} {line.text}", style))


def show_evidence(console: Console, rows: Sequence[EvidenceRow]) -> None:
    """Print what is known of each constraint, and what was not run."""
    if not console.is_terminal:
        for row in rows:
            hard = "hard" if row.hard else "soft"
            facts = f"{row.stage}, {row.provenance}, {hard}, {row.checked} checked"
            if not row.forge_proof:
                facts += ", not forge-proof"
            asks = f"{row.constraint}: {row.text} ({facts})"
            remark = f" - {row.reason}" if row.reason else ""
            _plain(console, f"evidence: {row.label}: {asks}{remark}")
        return
    table = _table("", "constraint", "what it asks", "stage", "origin", "checked")
    cell = partial(_cell, console)
    for row in rows:
        if row.is_open_guess:
            continue
        table.add_row(
            cell(f"{SYMBOLS[row.label]} {row.label}", _STATUS_STYLES[row.label]),
            cell(row.constraint),
            cell(row.text, below=[row.reason] if row.reason else []),
            cell(row.place + ("" if row.forge_proof else " *")),
            cell(row.provenance),
            cell(f"{row.checked:,}"),
        )
    _print(console, table, wrap=True)
    if not all(row.forge_proof for row in rows):
        text = "* ran in one process with the code: isolated, not forge-proof"
        _print(console, Text(text, style="dim"), wrap=True)
    for reason, names in _open_guesses(rows).items():
        text = f"not established: {', '.join(names)} ({one_line(reason)})"
        _print(console, Text(_encodable(console, text), style="dim"), wrap=True)


def _open_guesses(rows: Sequence[EvidenceRow]) -> dict[str, list[str]]:
    """Return the soft guesses of which nothing is known, by the reason."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.is_open_guess:
            found.setdefault(row.reason, []).append(row.constraint)
    return found


def show_strength(console: Console, strength: Mapping[str, Any]) -> None:
    """Print what evidence is worth, and the tests that would make it stronger."""
    found = Strength.from_data(strength)
    _fact(console, "strength", found.sentence())
    for survivor in found.survivors[:_MOST_SURVIVORS]:
        text = f"line {survivor.line}, {survivor.edit}: {survivor.call} gives "
        text += f"{survivor.now}, the mutant {survivor.mutant}"
        _detail(console, "nobody checks", text, "")
    tests = list(dict.fromkeys(survivor.test for survivor in found.survivors))
    for test in tests[:_MOST_SURVIVORS]:
        _detail(console, "suggested test", test, "bold")


def show_comparison(console: Console, rows: Sequence[ComparedRow]) -> None:
    """Print a replay beside the claims of its certificate, one line a constraint."""
    if not console.is_terminal:
        for row in rows:
            facts = f"claimed {row.claimed}, found {row.found}, {row.checked} checked"
            remark = f" - {row.reason}" if row.reason else ""
            _plain(console, f"{row.agreement}: {row.constraint}: {facts}{remark}")
        return
    table = _table("", "constraint", "claimed", "found", "checked")
    cell = partial(_cell, console)
    for row in rows:
        is_same = row.agreement is Agreement.AGREES
        table.add_row(
            cell(str(row.agreement), "" if is_same else _AGREEMENT[row.agreement]),
            cell(row.constraint, below=[] if is_same else [row.reason]),
            cell(f"{SYMBOLS[row.claimed]} {row.claimed}", _STATUS_STYLES[row.claimed]),
            cell(f"{SYMBOLS[row.found]} {row.found}", _STATUS_STYLES[row.found]),
            cell(f"{row.checked:,} of {row.claimed_checked:,}"),
        )
    _print(console, table, wrap=True)


def show_critiques(
    console: Console, critiques: Sequence[Critique], *, limit: int | None = None
) -> None:
    """Print a gradient: what is wrong, where, and which way to go."""
    shown = critiques[:limit]
    for critique in shown:
        _show_critique(console, critique)
    if len(shown) < len(critiques):
        more = count(len(critiques) - len(shown), "weaker critique")
        _print(console, Text(f"  {more} not shown", style="dim"))


def _show_critique(console: Console, critique: Critique) -> None:
    place = f"{critique.path}:{critique.span.line}"
    weight = f"weight {critique.weight:.2f}, {'hard' if critique.hard else 'soft'}"
    head = f"{place}: {critique.kind} in {critique.function} [{critique.constraint}]"
    if not console.is_terminal:
        _plain(console, f"critique: {head} ({weight}): {critique.direction}")
    else:
        _print(
            console, _styled((f"  {one_line(head)}", "bold"), (f"  {weight}", "dim"))
        )
        _print(console, Text(f"    {_short(critique.direction)}"), wrap=True)
    for example in critique.counterexamples[:_MOST_EXAMPLES]:
        call, expected, observed = map(
            _short, (example.call, example.expected, example.observed)
        )
        text = f"{call}: expected {expected}, observed {observed}"
        _detail(console, "counterexample", text, "red")
    for finding in critique.findings:
        _detail(console, "finding", f"{finding.code} {_short(finding.message)}", "")
    for state in critique.values:
        pairs = ", ".join(f"{name} = {_short(value)}" for name, value in state.values)
        _detail(console, "values", f"at line {state.line}: {pairs}", "dim")


def _detail(console: Console, name: str, text: str, style: str) -> None:
    if console.is_terminal:
        _print(console, Text(f"    {one_line(text)}", style=style), wrap=True)
    else:
        _plain(console, f"  {name}: {text}")


def show_runs(console: Console, summaries: Sequence[RunSummary]) -> None:
    """Print the list of runs, one line each when piped."""
    if not summaries:
        _print(console, Text("no runs yet"))
        return
    if not console.is_terminal:
        for run in summaries:
            _plain(
                console,
                f"{run.id}  {_when(run):%Y-%m-%dT%H:%M:%SZ}  {run.status}  "
                f"steps={run.steps}  candidates={run.candidates}  "
                f"seconds={run.seconds:.1f}  {run.name}  {run.sentence}",
            )
        return
    table = _table("run", "started", "status", "steps", "tried", "seconds", "task")
    cell = partial(_cell, console)
    for run in summaries:
        state = str(run.status)
        table.add_row(
            cell(run.id, "bold"),
            cell(f"{_when(run).astimezone():%d %b %H:%M}"),
            cell(state, _STATE_STYLES.get(state, _OPEN_STYLE)),
            cell(f"{run.steps:,}"),
            cell(f"{run.candidates:,}"),
            cell(f"{run.seconds:,.1f}"),
            cell(run.name, below=[run.sentence] if run.sentence else []),
        )
    _print(console, table, wrap=True)


def show_story(  # noqa: PLR0913 - what is shown of a run, and how
    console: Console,
    summary: RunSummary,
    events: Sequence[Event],
    *,
    step: int | None = None,
    next_command: str = "",
    store: Path | None = None,
) -> None:
    """Print a run from start to end, finished or not.

    With `step` only that step and what it changed is shown, 0 is the start.
    `next_command` replaces the command that it proposes; `store` is what the user gave
    with --store.

    Raises:
        StoreError: If an event is not as `codegrad.events` describes it.
    """
    story = Story.from_events(events)
    state = story.state(str(summary.status))
    _show_start(console, summary, story)
    if step is not None:
        _show_one(console, story, step)
        return
    for one in story.steps:
        _show_step(console, one)
    if story.choice:
        _fact(console, "choice", story.choice)
    if story.costs:
        _fact(console, "spent", story.costs)
    show_verdict(console, story.sentence(state), state)
    for missing in story.missing if state == "verified" else ():
        _fact(console, "missing", missing)
    show_diff(console, story.start or {}, story.end or {})
    show_evidence(console, story.evidence)
    if story.strength is not None:
        show_strength(console, story.strength)
    if story.certificate:
        text = f"sha256 {story.certificate}"
        _fact(
            console,
            "certificate",
            f"{text}; `codegrad show {summary.id} --certificate`",
        )
    command = next_command or story.next_command(summary.id, state)
    show_next(console, with_store(command, store))


def _show_start(console: Console, summary: RunSummary, story: Story) -> None:
    settings = (
        ("run", summary.id),
        ("task", story.name or summary.name),
        ("started", f"{_when(summary):%Y-%m-%d %H:%M:%S} UTC"),
        ("engine", story.engine),
        ("budget", story.budget),
        ("seed", story.seed),
    )
    for name, value in settings:
        if value:
            _fact(console, name, value)
    if story.start_loss:
        _fact(console, "start", _loss_text(story.start_loss))


def _show_one(console: Console, story: Story, number: int) -> None:
    """Print one step and what it changed; nothing for 0, which is the start."""
    for step in story.steps:
        if step.number == number:
            _show_step(console, step)
            show_diff(console, step.before, step.after)


def _show_step(console: Console, step: StepView) -> None:
    outcome = "accepted" if step.accepted else "nothing accepted"
    text = outcome if step.ended else "not finished"
    if step.loss:
        text += f", {_loss_text(step.loss)}"
    _fact(console, f"step {step.number}", text)
    show_critiques(console, step.critiques, limit=_MOST_CRITIQUES)
    accepted = [p for p in step.proposals if p.accepted]
    rejected = [p for p in step.proposals if not p.accepted]
    for proposal in (accepted + rejected)[:_MOST_PROPOSALS]:
        _detail(console, "proposal", _proposal_text(proposal), "")
    if len(step.proposals) > _MOST_PROPOSALS:
        more = count(len(step.proposals) - _MOST_PROPOSALS, "proposal")
        _detail(console, "proposals", f"{more} more, not accepted", "dim")


def _proposal_text(proposal: Proposal) -> str:
    where = f" at line {proposal.line}" if proposal.line else ""
    outcome = "accepted" if proposal.accepted else proposal.reason
    if not proposal.accepted and not proposal.waits:
        outcome = f"rejected: {outcome}"
    return f"{proposal.engine}: {_short(proposal.label)}{where}: {outcome}"


def _loss_text(loss: LossView) -> str:
    return f"loss {loss.value:.3g}, {loss.sentence}"


def _fact(console: Console, name: str, value: str) -> None:
    if console.is_terminal:
        _print(console, _styled((f"{name}: ", "dim"), (_short(value), "")), wrap=True)
    else:
        _plain(console, f"{name}: {value}")


class LiveProgress:
    """Shows a run while it happens; a listener of its events.

    On a terminal two lines follow the run: the ladder, and the numbers. Elsewhere one
    line is printed at the end of a step, at most every `interval_s` seconds. A console
    that is gone is ignored: it must not stop the run.

    Example:
        >>> import sys
        >>> with LiveProgress(Console(file=sys.stdout)) as progress:
        ...     progress(Event("stepped", 1, {"accepted": False, "sources": {}}))
        step 1: nothing accepted; 0 candidates; 0 s
    """

    def __init__(
        self,
        console: Console,
        *,
        interval_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._interval_s = interval_s
        self._clock = clock
        self._began = self._began_counting = clock()
        self._printed: float | None = None
        self._live: Live | None = None
        self._constraints: tuple[Constraint, ...] = ()
        self._loss: LossView | None = None
        self._best: float | None = None
        self._step = 0
        self._note = ""
        self._tried = 0
        self._calls = 0
        self._asks_a_model = False
        self._tried_before: int | None = None

    def __enter__(self) -> Self:
        self._began = self._clock()
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._picture,
                refresh_per_second=8,
                transient=True,
            )
            with contextlib.suppress(OSError):
                self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            with contextlib.suppress(OSError):
                self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Take notice of `event`."""
        self._notice(event)
        with contextlib.suppress(OSError):
            if event.kind == "stepped" and self._live is None:
                self._print_step(accepted=bool(event.data.get("accepted")))
            elif event.kind == "missing":
                who, why = event.data["who"], event.data["why"]
                self._say(f"{who} failed, the run goes on without it: {why}")
            elif event.kind == "progress" and STOPPING in self._note:
                self._say(self._note)

    def _say(self, line: str) -> None:
        """Print a line that must be read, whatever the width."""
        if self._live is None:
            _plain(self._console, line)
        else:
            # Rich prints above what it shows live.
            _print(self._console, Text(one_line(line)))

    def _notice(self, event: Event) -> None:
        data = event.data
        self._step = max(self._step, event.step)
        if event.kind == "started":
            story = Story.from_events([event])
            self._constraints = story.constraints
            who = (data.get(role) for role in ("engine", "critic", "source"))
            self._asks_a_model = any(name and name != "search" for name in who)
        elif event.kind == "proposed":
            # A resumed run does not say again who takes part.
            self._asks_a_model |= data.get("engine", "search") != "search"
        elif event.kind == "progress":
            self._count(int(data.get("candidates", 0)))
            self._note = str(data.get("note") or data.get("engine") or "")
        elif event.kind in {"verified", "stepped"} and data.get("loss"):
            # A story reads losses; a lone event of these kinds makes a short one.
            seen = Event("verified", event.step, {"loss": data["loss"]})
            self._loss = Story.from_events([seen]).end_loss
            if self._loss is not None:
                best = self._loss.value if self._best is None else self._best
                self._best = min(best, self._loss.value)
        spent = data.get("spent")
        if isinstance(spent, dict):
            self._count(int(spent.get("candidates", 0)))
            self._calls = int(spent.get("calls", 0))

    def _count(self, tried: int) -> None:
        if self._tried_before is None:
            # A resumed run starts with what it tried before it was stopped.
            self._tried_before, self._began_counting = tried, self._clock()
        self._tried = max(self._tried, tried)

    def _numbers(self) -> list[str]:
        elapsed = self._clock() - self._began
        # Where models alone propose, by recorded replies too, nothing is searched.
        is_searching = bool(self._tried) or not (self._calls or self._asks_a_model)
        numbers = [count(self._tried, "candidate")] if is_searching else []
        if self._tried_before is not None:
            seconds = self._clock() - self._began_counting
            new = self._tried - self._tried_before
            if seconds > 0 and new > 0:
                numbers.append(f"{new / seconds:,.0f}/s")
        if self._calls:
            numbers.append(count(self._calls, "call"))
        if self._best is not None:
            numbers.append(f"best loss {self._best:.3g}")
        return [*numbers, f"{elapsed:.0f} s"]

    def _print_step(self, *, accepted: bool) -> None:
        now = self._clock()
        if self._printed is not None and now - self._printed < self._interval_s:
            return
        self._printed = now
        outcome = "accepted" if accepted else "nothing accepted"
        parts = [f"step {self._step}: {outcome}", *self._numbers()]
        _plain(self._console, "; ".join(parts))

    def _picture(self) -> RenderableType:
        ladder = Text()
        for found in self._rungs():
            style = _STATUS_STYLES[found.word]
            text = f" {found.symbol} {found.stage} {found.held}/{found.total} "
            ladder.append(_encodable(self._console, one_line(text)), style)
        numbers = _styled((f" step {self._step}", "bold"))
        for part in self._numbers():
            numbers.append(" | ", "dim").append(part)
        if self._note:
            note = shorten(one_line(self._note), _TEXT_LIMIT // 2)
            numbers.append(f" | {_encodable(self._console, note)}", "dim")
        for line in (ladder, numbers):
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(ladder, numbers)

    def _rungs(self) -> Iterable[Rung]:
        if self._loss is None:
            return
        for stage in stages(self._constraints, [self._loss]):
            found = rung(stage, self._constraints, self._loss)
            if found is not None:
                yield found


_WIDE_COLUMNS = frozenset({"constraint", "what it asks", "task"})
_NUMBER_COLUMNS = frozenset({"checked", "steps", "tried", "seconds"})


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(
            column,
            overflow="fold",
            no_wrap=column not in _WIDE_COLUMNS,
            justify="right" if column in _NUMBER_COLUMNS else "left",
        )
    return table


def _cell(
    console: Console, text: str, style: str = "", *, below: Sequence[str] = ()
) -> Text:
    cell = Text(_encodable(console, _short(text)), style=style)
    for line in below:
        cell.append(_encodable(console, f"\n{_short(line)}"), "dim")
    return cell


def _when(run: RunSummary) -> datetime:
    return datetime.fromtimestamp(run.started, UTC)


def _short(text: str) -> str:
    return shorten(one_line(text), _TEXT_LIMIT)


def _styled(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*parts)


def _plain(console: Console, line: str) -> None:
    _write(console, one_line(line))


def _write(console: Console, line: str) -> None:
    # Past rich, which would turn tabs into spaces and end the process on EPIPE.
    console.file.write(_encodable(console, line) + "\n")


def _print(console: Console, what: Text | Table, *, wrap: bool = False) -> None:
    if isinstance(what, Text) and not console.is_terminal:
        _write(console, what.plain)
        return
    options: dict[str, Any] = {"markup": False, "highlight": False, "emoji": False}
    if isinstance(what, Text):
        what.plain = _encodable(console, what.plain)
    console.print(what, soft_wrap=not wrap, **options)


def _encodable(console: Console, text: str) -> str:
    """Return `text` in what the console's encoding has; the rest as escapes."""
    encoding = console.encoding
    return text.encode(encoding, "backslashreplace").decode(encoding)
