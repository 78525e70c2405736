"""How far each stage of the ladder was climbed, moment by moment.

In: the constraints and a loss. Out: one `Rung` for each stage. Invariant: a stage with
a constraint that was refuted is never shown as anything better.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from codegrad.report.story import LossView
from codegrad.task import Constraint
from codegrad.verdict import Status, strongest

SYMBOLS = {
    "refuted": "✗",
    "unknown": "?",
    "passed": "✓",
    "proved": "◆",
    "not run": "-",
}
"""One symbol for each status, so that nothing depends on colour."""

_WORST_FIRST = ("refuted", "unknown", "not run", "passed", "proved")


@dataclass(frozen=True, slots=True)
class Rung:
    """One stage at one moment."""

    stage: str
    word: str
    """The worst status of its constraints."""

    held: int
    total: int
    text: str
    """The counts in words."""

    @property
    def symbol(self) -> str:
        """The status as one character."""
        return SYMBOLS[self.word]


def stages(constraints: Sequence[Constraint], losses: Iterable[LossView]) -> list[str]:
    """Return every stage once, in ladder order, with the unclimbed ones last."""
    named = [stage for loss in losses for stage in loss.ladder]
    return list(dict.fromkeys([*named, *(c.stage for c in constraints)]))


def rung(stage: str, constraints: Sequence[Constraint], loss: LossView) -> Rung | None:
    """Return where `stage` stands; None if it decides nothing in this task."""
    names = [c.name for c in constraints if c.stage == stage]
    found: dict[str, list[Status]] = {}
    for verdict in loss.verdicts:
        if verdict.stage == stage:
            found.setdefault(verdict.constraint, []).append(verdict.status)
    names = list(dict.fromkeys([*names, *found]))
    if not names:
        return None
    words = [
        strongest(found[name]).name.lower() if name in found else "not run"
        for name in names
    ]
    worst = next(word for word in _WORST_FIRST if word in words)
    held = words.count("passed") + words.count("proved")
    counts = [f"{words.count(w)} {w}" for w in _WORST_FIRST if w in words]
    text = f"{', '.join(counts)} of {len(words)}"
    return Rung(stage, worst, held, len(words), text)
