"""A run as one self-contained web page without scripts.

In: a run's summary and events. Out: HTML. Invariant: text that came from a candidate
or a model is escaped, and the page's own policy forbids scripts and every request.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from codegrad.code import function_sites
from codegrad.errors import OutputError
from codegrad.events import Event
from codegrad.evidence import EvidenceRow
from codegrad.gradient import Critique
from codegrad.report.curve import CurvePoint, draw, number
from codegrad.report.highlight import FileDiff, diff, highlighted
from codegrad.report.ladder_map import SYMBOLS, Rung, rung, stages
from codegrad.report.printable import count, one_line, shorten, visible
from codegrad.report.story import (
    LossView,
    Proposal,
    StepView,
    Story,
    changed_paths,
    with_store,
)
from codegrad.store.journal import RunSummary
from codegrad.task import Sources
from codegrad.verify.strength import Strength

_FIRST_STEPS, _LAST_STEPS = 50, 20
_MOST_CRITIQUES = 20
_MOST_PROPOSALS = 30
_MOST_COUNTEREXAMPLES = 5
_MOST_REJECTED_DIFFS = 3
_WHOLE_FILE_LINES = 150
_AROUND = 12
_WEIGHT_CLASSES = 4

_STATES = {
    "verified": ("✓", "good"),
    "unchanged": ("✓", "good"),
    "exhausted": ("✗", "bad"),
    "failed": ("✗", "bad"),
    "undecided": ("?", "open"),
    "interrupted": ("‖", "open"),
    "running": ("…", "open"),
}


def render_html(
    summary: RunSummary,
    events: Sequence[Event],
    *,
    next_command: str = "",
    store: Path | None = None,
) -> str:
    """Return the page of a run, finished or not.

    `next_command` replaces the command that the page proposes; `store` is what the user
    gave with --store. Of a run with very many
    steps the first 50 and the last 20 are drawn, and the page says so. Long values are
    cut in the middle with their length said; source code never is.

    Raises:
        StoreError: If an event is not as `codegrad.events` describes it.
    """
    story = Story.from_events(events)
    state = story.state(str(summary.status))
    command = next_command or story.next_command(summary.id, state)
    page = _Page(summary, story, with_store(command, store))
    return _template().render(page=page)


def write_html(
    path: Path,
    summary: RunSummary,
    events: Sequence[Event],
    *,
    next_command: str = "",
    store: Path | None = None,
) -> None:
    """Write the page of a run to `path`, all of it or nothing.

    Raises:
        OutputError: If the file cannot be written.
        StoreError: If an event is not as `codegrad.events` describes it.
    """
    text = render_html(summary, events, next_command=next_command, store=store)
    try:
        _write_then_rename(path, text)
    except OSError as error:
        raise OutputError(
            f"the report cannot be written to {path}: {error.strerror or error}; "
            "name another place with `--output FILE`"
        ) from error


def _write_then_rename(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        # mkstemp makes a private file; a report is to be as readable as others.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "text": lambda value: shorten(visible(str(value))),
        "line": lambda value: shorten(one_line(str(value))),
        "number": number,
        "count": count,
    }
    source = resources.files("codegrad.report").joinpath("report.html.j2")
    return environment.from_string(source.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table of code."""

    css: str
    cells: tuple[str, ...]
    code: Markup


@dataclass(frozen=True, slots=True)
class _CodeTable:
    caption: str
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class _HeatRow:
    stage: str
    is_soft: bool
    cells: tuple[Rung | None, ...]


@dataclass(frozen=True, slots=True)
class _HeatMap:
    columns: tuple[str, ...]
    rows: tuple[_HeatRow, ...]


class _StepPage:
    """One step as the template draws it."""

    def __init__(self, step: StepView) -> None:
        self.number = step.number
        self.critiques = step.critiques[:_MOST_CRITIQUES]
        self.more_critiques = len(step.critiques) - len(self.critiques)
        shown = set(_most_telling(step.proposals))
        self.proposals = [p for n, p in enumerate(step.proposals) if n in shown]
        self.more_proposals = len(step.proposals) - len(self.proposals)
        self.changes = _diff_tables(step.before, step.after)
        self.rejected = [
            (proposal, tables)
            for proposal in step.proposals
            if not proposal.accepted
            and (tables := _diff_tables(step.before, proposal.sources))
        ][:_MOST_REJECTED_DIFFS]
        self.code = _marked_tables(step)
        self.accepted = step.accepted
        self.ended = step.ended
        self.loss = step.loss
        self.before_loss = step.before_loss
        self.symbol, self.word = _outcome(step)

    @property
    def most_counterexamples(self) -> int:
        """How many counterexamples of a critique are drawn."""
        return _MOST_COUNTEREXAMPLES


class _Page:
    """Everything that the template asks for."""

    def __init__(self, summary: RunSummary, story: Story, next_command: str) -> None:
        self.story = story
        self.run_id = summary.id
        self.name = visible(story.name or summary.name)
        self.status = story.state(str(summary.status))
        self.symbol, self.tone = _STATES.get(self.status, ("?", "open"))
        self.sentence = visible(story.sentence(self.status))
        self.next_command = visible(next_command)
        self.started = datetime.fromtimestamp(summary.started, UTC).strftime(
            "%Y-%m-%d %H:%M:%S UTC"
        )
        self.symbols = SYMBOLS
        end = story.end or {}
        self.changes = _diff_tables(story.start or {}, end)
        self.first = story.steps[:_FIRST_STEPS]
        self.last = story.steps[max(_FIRST_STEPS, len(story.steps) - _LAST_STEPS) :]
        self.left_out = len(story.steps) - len(self.first) - len(self.last)
        self.heat = _heat_map(story, [*self.first, *self.last])
        self.curve, self.curve_text = _curve(story)
        self.texts = [_whole_table(path, text) for path, text in sorted(end.items())]

    @property
    def steps(self) -> Iterator[_StepPage | None]:
        """The steps that are drawn; None stands for those left out."""
        yield from map(_StepPage, self.first)
        if self.left_out:
            yield None
        yield from map(_StepPage, self.last)

    @property
    def missing(self) -> tuple[str, ...]:
        """What could not help; of what is not verified the reason says it."""
        return self.story.missing if self.story.status == "verified" else ()

    @property
    def choice(self) -> str:
        """Which of several candidates is the result, and why."""
        return self.story.choice

    @property
    def certificate(self) -> str:
        """The hash of the run's certificate; empty if there is none."""
        return self.story.certificate

    @property
    def strength(self) -> Strength | None:
        """What the evidence is worth, if it was measured."""
        found = self.story.strength
        return None if found is None else Strength.from_data(found)

    @property
    def shared(self) -> bool:
        """Whether some test ran in one process with the code."""
        return not all(row.forge_proof for row in self.evidence)

    @property
    def evidence(self) -> tuple[EvidenceRow, ...]:
        """What was established, constraint by constraint."""
        return self.story.evidence

    @property
    def spent(self) -> list[tuple[str, str]]:
        """What was used, with units."""
        spent: Mapping[str, float] = self.story.spent or {}
        units = {"seconds": "{:,.1f} s", "money": "${:,.4f}"}
        return [
            (name, units.get(name, "{:,}").format(value))
            for name, value in spent.items()
            if value or name in {"candidates", "seconds"}
        ]

    @property
    def settings(self) -> list[tuple[str, str]]:
        """How the run was started."""
        story = self.story
        found = [
            ("run", self.run_id),
            ("started", self.started),
            ("engine", story.engine),
            ("budget", story.budget),
            ("seed", story.seed),
            ("environment", story.environment),
        ]
        return [(name, visible(value)) for name, value in found if value]


def _outcome(step: StepView) -> tuple[str, str]:
    if not step.ended:
        return "…", "not finished"
    return ("✓", "accepted") if step.accepted else ("✗", "nothing accepted")


def _most_telling(proposals: Sequence[Proposal]) -> list[int]:
    """Return the places of the accepted and of the first proposals."""
    accepted = [n for n, proposal in enumerate(proposals) if proposal.accepted]
    others = [n for n, proposal in enumerate(proposals) if not proposal.accepted]
    return accepted + others[:_MOST_PROPOSALS]


def _diff_tables(before: Sources, after: Sources) -> list[_CodeTable]:
    tables = []
    for path in changed_paths(before, after):
        old, new = before.get(path, ""), after.get(path, "")
        found = diff(path, old, new)
        if found.lines:
            tables.append(_diff_table(found, highlighted(old), highlighted(new)))
    return tables


def _diff_table(found: FileDiff, old: Sequence[str], new: Sequence[str]) -> _CodeTable:
    styles = {"-": "del", "+": "ins", " ": "same", "@": "gap"}
    rows = []
    for line in found.lines:
        if line.sign == "@":
            cells, code = ("", "", ""), Markup("").join([line.text])
        else:
            cells = (str(line.old or ""), str(line.new or ""), line.sign)
            # Escaped by `highlighted`, token by token.
            code = Markup(  # noqa: S704
                new[line.new - 1] if line.new else old[(line.old or 1) - 1]
            )
        rows.append(_Row(styles[line.sign], cells, code))
    removed, added = count(found.removed, "line"), count(found.added, "line")
    caption = f"{visible(found.path)}: {removed} removed, {added} added"
    return _CodeTable(caption, tuple(rows))


def _whole_table(path: str, text: str) -> _CodeTable:
    rows = tuple(
        _Row("same", (str(n),), Markup(line))  # noqa: S704 - escaped by `highlighted`
        for n, line in enumerate(highlighted(text), 1)
    )
    return _CodeTable(f"{visible(path)}, {count(len(rows), 'line')}", rows)


def _marked_tables(step: StepView) -> list[_CodeTable]:
    """Return the code that the critiques of a step point at, marked by weight."""
    paths = dict.fromkeys(c.path for c in step.critiques if c.path in step.before)
    return [
        _marked_table(
            path,
            step.before[path],
            [critique for critique in step.critiques if critique.path == path],
        )
        for path in paths
    ]


def _marked_table(path: str, text: str, critiques: Sequence[Critique]) -> _CodeTable:
    lines = highlighted(text)
    weights: dict[int, float] = {}
    pointed: set[int] = set()
    for critique in critiques:
        for line, weight in critique.lines:
            weights[line] = max(weights.get(line, 0.0), weight)
        first = critique.span.line
        last = min(max(first, critique.span.end_line), len(lines))
        for line in range(max(first, 1), last + 1):
            weights[line] = max(weights.get(line, 0.0), critique.weight)
            pointed.add(line)
    rows: list[_Row] = []
    shown = 0
    for first, last in _shown_parts(path, text, len(lines), sorted(pointed)):
        if first > shown + 1:
            rows.append(_gap(shown + 1, first - 1))
        for n in range(first, last + 1):
            weight = weights.get(n, 0.0)
            marker = f"▸ {weight:.2f}" if n in pointed else ""
            marker = marker or (f"{weight:.2f}" if weight else "")
            code = Markup(lines[n - 1])  # noqa: S704 - escaped by `highlighted`
            rows.append(_Row(_weight_class(weight), (str(n), marker), code))
        shown = last
    if shown < len(lines):
        rows.append(_gap(shown + 1, len(lines)))
    return _CodeTable(f"{visible(path)} before the step", tuple(rows))


def _gap(first: int, last: int) -> _Row:
    where = f"line {first}" if first == last else f"lines {first} to {last}"
    text = f"{where}: no critique points here"
    return _Row("gap", ("", ""), Markup("").join([text]))


def _weight_class(weight: float) -> str:
    level = min(_WEIGHT_CLASSES, int(weight * _WEIGHT_CLASSES) + 1) if weight else 0
    return f"w{level}"


def _shown_parts(
    path: str, text: str, length: int, pointed: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the ranges of lines to draw: short files whole, else whole functions."""
    if length <= _WHOLE_FILE_LINES:
        return [(1, length)]
    sites = [site.span for site in function_sites(path, text)]
    parts: list[tuple[int, int]] = []
    for line in pointed:
        around = (max(1, line - _AROUND), min(length, line + _AROUND))
        inside = [s for s in sites if s.line <= line <= s.end_line]
        first, last = (inside[-1].line, inside[-1].end_line) if inside else around
        if parts and first <= parts[-1][1] + 1:
            parts[-1] = (min(first, parts[-1][0]), max(last, parts[-1][1]))
        elif 1 <= line <= length:
            parts.append((first, last))
    return parts


def _heat_map(story: Story, steps: Sequence[StepView]) -> _HeatMap:
    moments: list[tuple[str, LossView | None]] = []
    if story.start_loss:
        moments.append(("start", story.start_loss))
    moments += [(str(step.number), step.loss) for step in steps]
    losses = [loss for _, loss in moments if loss is not None]
    soft = {
        stage: all(not c.hard for c in story.constraints if c.stage == stage)
        for stage in stages(story.constraints, losses)
    }
    rows = [
        _HeatRow(
            stage,
            is_soft,
            tuple(
                rung(stage, story.constraints, loss) if loss else None
                for _, loss in moments
            ),
        )
        for stage, is_soft in soft.items()
    ]
    rows = [row for row in rows if any(row.cells)]
    return _HeatMap(tuple(name for name, _ in moments), tuple(rows))


def _curve(story: Story) -> tuple[Markup, str]:
    path, rejected = list(_curve_points(story)), list(_rejected_points(story))
    if not path:
        return Markup(""), ""
    refused = sum(not p.accepted for step in story.steps for p in step.proposals)
    lowest = min(path, key=lambda point: point.value)
    text = (
        f"The loss was {number(path[0].value)} at the start and "
        f"{number(path[-1].value)} at the end; the lowest was {number(lowest.value)}. "
        f"{count(sum(p.mark == 'accepted' for p in path), 'step')} accepted a change, "
        f"{sum(p.mark == 'kept' for p in path):,} kept the code; "
        f"of the verified proposals {refused:,} were rejected."
    )
    drawing = draw(path, rejected, text)
    return Markup(drawing), text  # noqa: S704 - `draw` escapes its texts


def _curve_points(story: Story) -> Iterator[CurvePoint]:
    if story.start_loss:
        value = story.start_loss.value
        yield CurvePoint(0, value, "start", f"start: loss {number(value)}")
    for step in story.steps:
        if step.loss:
            mark = "accepted" if step.accepted else "kept"
            text = f"step {step.number}, {_outcome(step)[1]}: loss "
            text += number(step.loss.value)
            yield CurvePoint(step.number, step.loss.value, mark, text)


def _rejected_points(story: Story) -> Iterator[CurvePoint]:
    for step in story.steps:
        seen: set[float] = set()
        for proposal in step.proposals:
            if proposal.accepted or proposal.loss is None:
                continue
            value = proposal.loss.value
            if value not in seen:
                seen.add(value)
                text = f"step {step.number}, rejected: loss {number(value)}"
                yield CurvePoint(step.number, value, "rejected", text)
