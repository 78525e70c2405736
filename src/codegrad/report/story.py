"""What happened in a run, as a value that can be drawn.

In: the events of a run, finished or not. Out: a `Story`. Invariant: it says nothing
that no event says; what an unfinished run did not reach is empty.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.errors import StoreError
from codegrad.events import Event
from codegrad.evidence import Evidence, EvidenceRow
from codegrad.gradient import Critique, CritiqueSource, LineValues
from codegrad.optim.cgd import WAITS
from codegrad.report.printable import count
from codegrad.task import Constraint, Origin, Sources, SyntaxCheck
from codegrad.verdict import Counterexample, Finding, Span, Status, Verdict

_Data = Mapping[str, Any]
_USUAL = "codegrad"
"""The strategy that goes without saying."""

_STORED = frozenset({"apply", "refine", "report", "resume", "show"})
"""The commands that take `--store`."""

_COUNTED = ("candidates", "calls", "tokens")


@dataclass(frozen=True, slots=True)
class LossView:
    """A loss as an event holds it."""

    value: float
    ladder: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    not_run: Mapping[str, str]
    sentence: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One candidate that was verified in a step."""

    engine: str
    label: str
    line: int | None
    sources: Sources
    """The whole program with the proposal."""

    loss: LossView | None
    accepted: bool
    reason: str
    """Why it was not accepted."""

    @property
    def waits(self) -> bool:
        """Whether it was neither accepted nor rejected yet."""
        return self.reason == WAITS


@dataclass(frozen=True, slots=True)
class StepView:
    """One iteration of the loop."""

    number: int
    before: Sources
    after: Sources
    before_loss: LossView | None
    loss: LossView | None
    """After the step; None if it did not end."""

    accepted: bool
    ended: bool
    critiques: tuple[Critique, ...] = ()
    proposals: tuple[Proposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """A run from its first event to its last."""

    name: str = ""
    engine: str = ""
    """Who takes part, in one line."""

    budget: str = ""
    seed: str = ""
    environment: str = ""
    """Versions of what ran, in one line."""

    constraints: tuple[Constraint, ...] = ()
    """The checks themselves are not in the events: these hold placeholders."""

    start: Sources | None = None
    start_loss: LossView | None = None
    steps: tuple[StepView, ...] = ()
    status: str = ""
    """As in the `finished` event; empty if there is none."""

    reason: str = ""
    end: Sources | None = None
    """The newest accepted texts."""

    end_loss: LossView | None = None
    spent: Mapping[str, float] | None = None
    evidence: tuple[EvidenceRow, ...] = ()
    choice: str = ""
    """Which of several candidates is the result, and why; empty without a choice."""

    certificate: str = ""
    """The hash of the certificate in the store; empty if there is none."""

    strength: Mapping[str, Any] | None = None
    """What the evidence is worth, if it was measured; see `Strength.from_data`."""

    missing: tuple[str, ...] = ()
    """What was to help and could not, and why."""

    more: str = ""
    """The budget that a resumed run needs; empty if no limit kept it from going on."""

    @classmethod
    def from_events(cls, events: Sequence[Event]) -> "Story":
        """Read the events of one run.

        Raises:
            StoreError: If an event is not as `codegrad.events` describes it.
        """
        reader = _Reader()
        for event in events:
            try:
                reader.read(event)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise StoreError(
                    f"event {event.seq} ({event.kind}) of the run cannot be read: "
                    f"{type(error).__name__}: {error}; show the run with the version "
                    "of CodeGrad that wrote it"
                ) from error
        return reader.story()

    @property
    def losses(self) -> tuple[tuple[str, LossView], ...]:
        """The loss at the start and after each step that ended, with its name."""
        found = [("start", self.start_loss)]
        found += [(f"step {step.number}", step.loss) for step in self.steps]
        return tuple((name, loss) for name, loss in found if loss is not None)

    def state(self, status: str) -> str:
        """Return how the run ended, or `status` if its events do not say.

        Never `verified` or `unchanged` without evidence for it.
        """
        state = self.status or status
        if state in {"verified", "unchanged"} and not (
            self.status and Evidence(self.evidence).verified
        ):
            return "exhausted" if self.status else "interrupted"
        return state

    def sentence(self, state: str) -> str:
        """Return the outcome in one sentence; `state` is what `state` returned."""
        found = self.end_loss.sentence if self.end_loss else ""
        reason = self.reason.rstrip(".")
        match state:
            case "verified":
                ended = count(len(self.steps), "step")
                text = f"Verified after {ended}: {_without_word(found) or reason}"
            case "unchanged":
                text = f"Nothing to change: {found or reason}"
            case "exhausted":
                told = filter(None, (reason, found or "nothing was established"))
                text = f"Not verified: {'; '.join(told)}"
            case "undecided":
                told = filter(None, (reason, found))
                text = f"Undecided: {'; '.join(told)}"
            case "failed":
                text = f"Failed: {reason or 'no reason was recorded'}"
            case "interrupted":
                text = f"Interrupted: best so far {found or 'is the start'}"
            case _:
                text = f"Still running: so far {found or 'nothing was verified'}"
        return text if text.endswith((".", "!", "?")) else text + "."

    @property
    def costs(self) -> str:
        """What the run spent, in one line; empty if no step ended."""
        spent = self.spent or {}
        parts = [count(int(spent[n]), n[:-1]) for n in _COUNTED if spent.get(n)]
        if spent.get("money"):
            parts.append(f"${spent['money']:.4f}")
        if spent.get("seconds"):
            parts.append(f"{spent['seconds']:,.1f} s")
        return ", ".join(parts)

    def next_command(self, run_id: str, state: str) -> str:
        """Return the command that most likely comes next."""
        larger = f" --budget {self.more}" if self.more else ""
        match state:
            case "verified":
                return f"codegrad apply {run_id}"
            case "unchanged":
                return f"codegrad check {shlex.quote(self.name)}"
            case "undecided":
                return f"codegrad refine {shlex.quote(self.name)} --tests TESTS"
            case "running":
                return f"codegrad show {run_id}"
            case _:
                return f"codegrad resume {run_id}{larger}"


class _Reader:
    """Collects events; one step is open at a time."""

    def __init__(self) -> None:
        self._story = Story()
        self._steps: list[StepView] = []
        self._now: Sources = {}
        self._loss: LossView | None = None

    def story(self) -> Story:
        story = replace(
            self._story,
            steps=tuple(self._steps),
            end=self._now,
            end_loss=self._loss,
        )
        if story.evidence or self._loss is None:
            return story
        rows = Evidence.collect(
            story.constraints, self._loss.verdicts, self._loss.not_run
        ).rows
        return replace(story, evidence=rows)

    def read(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "started":
                self._read_start(data)
            case "verified":
                self._read_loss(data)
            case "resumed":
                self._go_back_to(event.step)
            case "gradient":
                step = self._step(event.step)
                found = tuple(_critique(c) for c in data["critiques"])
                self._replace(step, critiques=step.critiques + found)
            case "proposed":
                step = self._step(event.step)
                proposal = self._proposal(data, step)
                self._replace(step, proposals=(*step.proposals, proposal))
            case "stepped":
                self._read_end_of_step(event)
            case "chosen":
                self._now, self._loss = dict(data["sources"]), _loss(data["loss"])
                choice = f"{data['label']}: {data['why']}"
                self._story = replace(self._story, choice=choice)
            case "finished":
                self._read_end(data)
            case "certified":
                document = data["certificate"]
                self._story = replace(
                    self._story,
                    certificate=str(document["sha256"]),
                    strength=document.get("strength"),
                )
            case _:
                pass

    def _read_loss(self, data: _Data) -> None:
        self._loss = _loss(data["loss"])
        if not self._steps and self._story.start_loss is None:
            self._story = replace(self._story, start_loss=self._loss)

    def _go_back_to(self, number: int) -> None:
        """Forget what was done after step `number`: it was done again."""
        self._steps = [step for step in self._steps if step.number <= number]
        last = self._steps[-1] if self._steps else None
        self._now = (last.after if last else self._story.start) or {}
        self._loss = last.loss if last else self._story.start_loss
        self._story = replace(self._story, choice="", certificate="", strength=None)

    def _read_start(self, data: _Data) -> None:
        self._steps, self._loss = [], None
        self._now = dict(data["sources"])
        self._story = replace(
            Story(),
            name=str(data["task"]),
            engine=_who(data),
            budget=_words(data.get("budget")),
            seed=str(data.get("seed", "")),
            environment=_words(data.get("environment")),
            constraints=tuple(_constraint(c) for c in data["constraints"]),
            start=self._now,
        )

    def _proposal(self, data: _Data, step: StepView) -> Proposal:
        return Proposal(
            engine=str(data.get("engine", "")),
            label=str(data.get("label", "")),
            line=data.get("line"),
            sources={**step.before, **data.get("sources", {})},
            loss=_loss(data["loss"]) if data.get("loss") else None,
            accepted=bool(data.get("accepted")),
            reason=str(data.get("reason") or ""),
        )

    def _read_end_of_step(self, event: Event) -> None:
        data = event.data
        step = self._step(event.step)
        self._now = {**self._now, **data.get("sources", {})}
        if data.get("loss"):
            self._loss = _loss(data["loss"])
        self._replace(
            step,
            after=self._now,
            loss=self._loss,
            accepted=bool(data["accepted"]),
            ended=True,
        )
        self._story = replace(self._story, spent=data.get("spent"))

    def _read_end(self, data: _Data) -> None:
        self._now = {**self._now, **data.get("sources", {})}
        if data.get("loss"):
            self._loss = _loss(data["loss"])
        self._story = replace(
            self._story,
            status=str(data["status"]),
            reason=str(data.get("reason") or ""),
            spent=data.get("spent", self._story.spent),
            evidence=tuple(_evidence(row) for row in data.get("evidence", ())),
            missing=tuple(map(str, data.get("missing", ()))),
            more=str(data.get("more", "")),
        )

    def _step(self, number: int) -> StepView:
        if not self._steps or self._steps[-1].number != number:
            self._steps.append(
                StepView(
                    number,
                    before=self._now,
                    after=self._now,
                    before_loss=self._loss,
                    loss=None,
                    accepted=False,
                    ended=False,
                )
            )
        return self._steps[-1]

    def _replace(self, step: StepView, **changes: Any) -> None:  # noqa: ANN401 - fields
        self._steps[-1] = replace(step, **changes)


def with_store(command: str, store: Path | None) -> str:
    """Return a command line that names the store, if one was given and it takes it.

    Example:
        >>> with_store("codegrad apply 01x", Path("my runs/db"))
        "codegrad apply 01x --store 'my runs/db'"
        >>> with_store("codegrad grad f.py", Path("db"))
        'codegrad grad f.py'
    """
    if store is None or command.split()[1] not in _STORED:
        return command
    return f"{command} --store {shlex.quote(str(store))}"


def changed_paths(before: Sources, after: Sources) -> list[str]:
    """Return the files that differ, in order of name."""
    return sorted(
        path
        for path in {*before, *after}
        if before.get(path, "") != after.get(path, "")
    )


def _loss(data: _Data) -> LossView:
    return LossView(
        value=float(data["value"]),
        ladder=tuple(data.get("ladder", ())),
        verdicts=tuple(_verdict(v) for v in data.get("verdicts", ())),
        not_run=dict(data.get("not_run", {})),
        sentence=str(data.get("sentence", "")),
    )


def _verdict(data: _Data) -> Verdict:
    status = _status(data["status"])
    return Verdict(
        constraint=str(data["constraint"]),
        stage=str(data["stage"]),
        status=Status.UNKNOWN if status is None else status,
        reason=str(data.get("reason") or ""),
        counterexamples=_counterexamples(data),
        findings=_findings(data),
        checked=int(data.get("checked", 0)),
        distance=float(data.get("distance", 0.0)),
        forge_proof=bool(data.get("forge_proof", True)),
    )


def _critique(data: _Data) -> Critique:
    line = int(data.get("line") or 0)
    return Critique(
        constraint=str(data["constraint"]),
        kind=str(data.get("kind", "")),
        path=str(data.get("path", "")),
        function=str(data.get("function", "")),
        span=Span(line, end_line=int(data.get("end_line") or line)),
        direction=str(data.get("direction", "")),
        counterexamples=_counterexamples(data),
        findings=_findings(data),
        values=tuple(_line_values(v) for v in data.get("values", ())),
        lines=tuple((int(line), float(w)) for line, w in data.get("lines", ())),
        source=CritiqueSource(data.get("source", "verifier")),
        hard=bool(data.get("hard", True)),
        weight=float(data.get("weight", 1.0)),
    )


def _counterexamples(data: _Data) -> tuple[Counterexample, ...]:
    return tuple(
        Counterexample(
            call=str(c["call"]),
            expected=str(c["expected"]),
            observed=str(c["observed"]),
            line=c.get("line"),
            shrunk_from=str(c.get("shrunk_from") or ""),
        )
        for c in data.get("counterexamples", ())
    )


def _findings(data: _Data) -> tuple[Finding, ...]:
    return tuple(
        Finding(str(f["code"]), str(f["message"]), _span(f.get("span", f)))
        for f in data.get("findings", ())
    )


def _span(data: object) -> Span:
    if isinstance(data, Mapping):
        return Span(int(data.get("line") or 0), int(data.get("column") or 0))
    if isinstance(data, Sequence) and data:
        return Span(int(data[0]))
    return Span(0)


def _line_values(data: object) -> LineValues:
    if isinstance(data, Mapping):
        line, values = data["line"], data["values"]
    else:
        line, values = data  # type: ignore[misc]  # a pair, or a TypeError for the caller
    pairs = values.items() if isinstance(values, Mapping) else values
    return LineValues(int(line), tuple((str(n), str(v)) for n, v in pairs))


def _constraint(data: _Data) -> Constraint:
    return Constraint(
        name=str(data["name"]),
        stage=str(data["stage"]),
        text=str(data.get("text", "")),
        check=SyntaxCheck(),
        origin=Origin(data.get("origin", "given")),
        hard=bool(data.get("hard", True)),
        trust=data.get("trust"),
    )


def _evidence(data: _Data) -> EvidenceRow:
    return EvidenceRow(
        constraint=str(data["constraint"]),
        text=str(data.get("text", "")),
        origin=str(data.get("origin", "")),
        hard=bool(data.get("hard", True)),
        stage=str(data.get("stage", "")),
        status=_status(data.get("status")),
        checked=int(data.get("checked", 0)),
        reason=str(data.get("reason") or ""),
        forge_proof=bool(data.get("forge_proof", True)),
        trust=data.get("trust"),
    )


def _status(data: object) -> Status | None:
    if data is None or data == "not run":
        return None
    return Status[data.upper()] if isinstance(data, str) else Status(int(str(data)))


def _who(data: _Data) -> str:
    """Return who takes part in a run, and by which strategy if not the usual one."""
    roles = (("critic", "critic"), ("source", "constraints from"))
    parts = [_words(data.get("engine"))]
    parts += [f"{role} {data[name]}" for name, role in roles if data.get(name)]
    if (strategy := data.get("strategy", _USUAL)) != _USUAL:
        parts.append(f"strategy {strategy}")
    return "; ".join(parts)


def _words(data: object) -> str:
    """Return JSON data as a person would write it in one line."""
    if data is None:
        return ""
    if isinstance(data, Mapping):
        known = {key: value for key, value in data.items() if value is not None}
        return ", ".join(f"{key} {_words(value)}" for key, value in known.items())
    if isinstance(data, list | tuple):
        return ", ".join(_words(item) for item in data)
    is_number = isinstance(data, int) and not isinstance(data, bool)
    return f"{data:,}" if is_number else str(data)


def _without_word(sentence: str) -> str:
    return sentence.removeprefix("verified: ")
