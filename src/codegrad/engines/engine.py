"""What an engine is: something that proposes texts.

The contract. `propose` returns candidates that were not verified: an engine's claim
decides nothing. It may keep state between calls; `state` and `restore` carry that
state over a restart, so that a resumed run goes on as if nothing had happened. An
engine that has nothing more to offer says so with `exhausted`; failing to find
anything is not an exception. `EngineError` is for an engine that cannot work at all.

An engine may do more: name inputs that tell programs apart (`Distinguisher`), review
its own code (`codegrad.optim.backward.OwnReviewer`).
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.cut import Cut
from codegrad.gradient import Critique, CritiqueSource, Gradient
from codegrad.lines import lines_of
from codegrad.task import Sources, Task
from codegrad.tasks.literals import shorten

_LINE_SHOWN = 80
_MOST_COMPARED = 250_000
"""Pairs of lines: what is longer is one change, however alike its lines are."""

Progress = Callable[[int, str], None]
"""Hears the number of candidates tried in this call so far, and what is going on."""


STOPPING = "stopping: "
"""Is in a note that says what Ctrl-C still waits for."""


def silent(candidates: int, note: str) -> None:
    """Ignore progress."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One proposal of an earlier step and what became of it: the momentum."""

    label: str
    line: int
    accepted: bool
    outcome: str
    inputs: tuple[str, ...] = ()
    """Calls on which it broke a postcondition, as source text."""

    change: str = ""
    """What it changed, in one line; see `changed_line`."""


def changed_line(before: Sources, after: Sources) -> str:
    r"""Return the first change between two versions of a program, in one line.

    Example:
        >>> changed_line({"m.py": "a = 1\nb = 2\n"}, {"m.py": "a = 1\nb = 3\nc = 4\n"})
        '`b = 2` -> `b = 3`, and 1 more line'
    """
    for path, text in after.items():
        old, new = _apart(lines_of(before.get(path, "")), lines_of(text))
        changes = [("replace", 0, len(old), 0, len(new))]
        if len(old) * len(new) <= _MOST_COMPARED:
            matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
            changes = [row for row in matcher.get_opcodes() if row[0] != "equal"]
        gone = [x for row in changes for x in old[row[1] : row[2]] if x.strip()]
        come = [x for row in changes for x in new[row[3] : row[4]] if x.strip()]
        if gone or come:
            more = max(len(gone), len(come)) - 1
            rest = f", and {more} more line{'s' * (more > 1)}" if more else ""
            return f"{_quoted(gone)} -> {_quoted(come)}{rest}"
    return ""


def _apart(old: list[str], new: list[str]) -> tuple[list[str], list[str]]:
    """Return two texts without the lines that they have in common at both ends."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n] != new[n]), shorter)
    old, new = old[head:], new[head:]
    shorter = min(len(old), len(new))
    tail = next((n for n in range(shorter) if old[-1 - n] != new[-1 - n]), shorter)
    return old[: len(old) - tail], new[: len(new) - tail]


def _quoted(lines: Sequence[str]) -> str:
    return f"`{shorten(lines[0].strip(), _LINE_SHOWN)}`" if lines else "nothing"


@dataclass(frozen=True, slots=True)
class Guidance:
    """What an engine is shown and asked for: the part of a strategy that it sees."""

    proposals: int | None = None
    """How many proposals are wanted at once; None leaves it to the engine."""

    plans: bool = True
    """Whether a model names approaches before it writes code."""

    verdicts: bool = True
    """Whether what the verifiers found is shown."""

    counterexamples: bool = True
    """Whether failing inputs are shown, with what was expected and observed."""

    values: bool = True
    """Whether the values of variables at blamed lines are shown."""

    attempts: bool = True
    """Whether it is shown what was tried before and what became of it."""

    checks_claims: bool = True
    """Whether a critic's claims are executed before they are believed."""

    def shown(self, gradient: Gradient) -> Gradient:
        """Return what is left of a gradient when all that is not shown is gone."""
        return Gradient(
            self._stripped(critique)
            for critique in gradient
            if self.verdicts or critique.source is not CritiqueSource.VERIFIER
        )

    def _stripped(self, critique: Critique) -> Critique:
        if not self.values:
            critique = replace(critique, values=(), blocks=())
        if self.counterexamples or not critique.counterexamples:
            return critique
        # The advice of a verifier repeats its counterexample.
        advice = critique.direction
        if critique.source is CritiqueSource.VERIFIER:
            advice = f"satisfy {critique.constraint}"
        return replace(critique, counterexamples=(), direction=advice)


@dataclass(frozen=True, slots=True)
class Other:
    """Another candidate that is worth a look: it alone satisfies something."""

    label: str
    satisfies: tuple[str, ...]
    """Names of the hard constraints that it satisfies and the program does not."""

    sources: Sources


@dataclass(frozen=True, slots=True)
class Direction:
    """Where to go: the aggregated gradient and what was tried before.

    What the guidance says is not to be shown is not in it.
    """

    gradients: Mapping[tuple[str, str], Gradient]
    """By path and function name; only variables that may change."""

    momentum: tuple[Attempt, ...] = ()
    guidance: Guidance = field(default_factory=Guidance)
    reflections: tuple[str, ...] = ()
    """What a critic learned from earlier programs, oldest first."""

    others: tuple[Other, ...] = ()
    """Candidates that satisfy what the program does not, the nearest first."""

    def suspicion(self, path: str) -> dict[int, float]:
        """Return the suspicion of the lines of one file, 0 to 1."""
        found: dict[int, float] = {}
        for (where, _), gradient in self.gradients.items():
            if where == path:
                for line, weight in gradient.suspicion().items():
                    found[line] = max(found.get(line, 0.0), weight)
        return dict(sorted(found.items()))

    def paths(self) -> list[str]:
        """Return the files with critiques, the most suspicious first."""
        weights: dict[str, float] = {}
        for (path, _), gradient in self.gradients.items():
            weights[path] = max(weights.get(path, 0.0), gradient.weight)
        return sorted(weights, key=lambda path: (-weights[path], path))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A candidate: complete texts, not yet verified."""

    sources: Sources
    label: str
    """How it was made, for people: an edit template, `reply 2`."""

    line: int = 0
    cost: float = 0.0
    """How far-fetched it is by the engine's own measure; smaller is better."""

    votes: int = 1
    """How many independent answers came to this very text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call of an engine brought."""

    proposals: Sequence[Proposal] = ()
    """Best first."""

    spent: Spent = field(default_factory=Spent)
    exhausted: bool = False
    """Whether asking again would bring nothing new."""

    cut: Cut = Cut.NOTHING
    """Whether that is only so now: a run that goes on later asks again."""

    note: str = ""
    """What happened, in a few words."""


@dataclass(frozen=True, slots=True)
class ProposedInputs:
    """Inputs on which two programs may differ; to be executed, not believed."""

    texts: tuple[str, ...] = ()
    """Calls with literal arguments, or what a program reads."""

    spent: Spent = field(default_factory=Spent)
    note: str = ""
    """Why there are none, if there are none."""

    cut: Cut = Cut.NOTHING
    """Whether that is only so now."""


class Engine(Protocol):
    """Something that proposes; see the module for the contract."""

    @property
    def name(self) -> str:
        """The name used on the command line and in events."""
        ...

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Answer:
        """Return candidates for `program`, spending at most `budget`."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what has to be kept, as JSON-able data."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        ...

    def close(self) -> None:
        """Release what the engine holds; it may be used again."""
        ...


class Ledger(Protocol):
    """Who pays for requests."""

    spent: Spent
    """What was paid so far, the replies of an unfinished step included."""

    @property
    def charged(self) -> list[str]:
        """Names of all that is in the ledger."""
        ...

    def charge_again(self, keys: Sequence[str]) -> None:
        """Say what the ledger of a resumed run holds already."""
        ...


@runtime_checkable
class Paying(Protocol):
    """An engine, critic or source that asks a model."""

    @property
    def client(self) -> Ledger:
        """Who pays; two that share a client have one ledger."""
        ...


@runtime_checkable
class Distinguisher(Protocol):
    """An engine that can name inputs on which two programs may differ."""

    def distinguish(
        self, task: Task, first: str, second: str, *, budget: Budget
    ) -> ProposedInputs:
        """Return inputs for two texts of the main module, spending at most `budget`."""
        ...
