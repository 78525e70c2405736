"""How a run ended: the best program, the evidence for it, the reason.

Invariant: a result that is not verified never says so, and what could not be asked or
checked is in it.
"""

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum

from codegrad.budget import Spent
from codegrad.engines.cut import Cut
from codegrad.engines.signatures import changes_for_callers
from codegrad.evidence import Evidence
from codegrad.loss import Loss
from codegrad.task import Sources, Task

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""A line of a patch ends with a line feed, whatever else Python ends one with."""


class Outcome(StrEnum):
    """How a run ended."""

    VERIFIED = "verified"
    """Every hard constraint holds."""

    UNCHANGED = "unchanged"
    """Every hard constraint held from the start."""

    EXHAUSTED = "exhausted"
    """The budget is spent or no engine has anything more to offer."""

    UNDECIDED = "undecided"
    """Nothing is refuted, and nothing says what must hold or not all can be checked."""

    INTERRUPTED = "interrupted"
    """The user stopped it; it can be resumed."""


@dataclass(frozen=True, slots=True)
class Result:
    """The best program found and the evidence for it."""

    task: Task
    outcome: Outcome
    reason: str
    """Why the run ended, in one sentence."""

    sources: Sources
    loss: Loss
    spent: Spent
    steps: int
    cut: Cut = Cut.NOTHING
    """Whether a model could not be asked all that was wanted; a resumed run asks it."""

    missing: tuple[str, ...] = ()
    """What was to help beside the engines and could not, and why."""

    more: str = ""
    """The budget that a resumed run needs, as `--budget` takes it; empty if no limit
    kept it from going on."""

    @property
    def evidence(self) -> Evidence:
        """What was established, constraint by constraint."""
        return self.loss.evidence

    @property
    def verified(self) -> bool:
        """Whether every hard constraint holds."""
        return self.loss.verified

    @property
    def code(self) -> str:
        """The text of the main module."""
        return self.sources[self.task.main]

    @property
    def changed(self) -> tuple[str, ...]:
        """The files whose text is not the starting text, in order."""
        return tuple(
            path
            for path, text in self.sources.items()
            if text != self.task.sources.get(path)
        )

    @property
    def for_callers(self) -> list[str]:
        """What callers of the target find changed, in sentences."""
        before = self.task.sources.get(self.task.main, "")
        return changes_for_callers(self.code, before, self.task.entry_point)

    def diff(self) -> str:
        """Return the change as a unified diff; empty if nothing changed."""
        return "".join(
            line
            for path in self.changed
            for line in unified_diff(
                self.task.sources.get(path, ""), self.sources[path], path
            )
        )


def unified_diff(before: str, after: str, path: str) -> list[str]:
    """Return the lines of a unified diff, each with its line end."""
    lines = difflib.unified_diff(
        _LINE.findall(before),
        _LINE.findall(after),
        f"a/{path}",
        f"b/{path}",
    )
    return [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    ]
