"""What kept the replies of a run from being used, counted.

In: what became of each question. Out: one sentence for the user, who
sees it where the run ends. Invariant: the counts are of the whole run, resumed or not.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from codegrad.engines.cut import Cut


@runtime_checkable
class Troubled(Protocol):
    """An engine, critic or source that can say what kept it from helping."""

    @property
    def name(self) -> str:
        """The name used in events."""
        ...

    @property
    def trouble(self) -> str:
        """What went wrong in the run so far; empty if nothing did."""
        ...


class Troubles:
    """Counts what was answered, what could not be used and what never came.

    Example:
        >>> troubles = Troubles()
        >>> for problem in ("", "the reply is empty", "the reply is empty"):
        ...     troubles.answered(problem)
        >>> troubles.sentence("answer")
        '2 of 3 answers could not be used (the reply is empty)'
    """

    def __init__(self) -> None:
        self._answered = 0
        self._unusable: Counter[str] = Counter()
        self._missing = 0
        self._why = ""
        self._unsent = ""

    def answered(self, problem: str = "") -> None:
        """Count a reply; `problem` is why it could not be used, if so."""
        self._answered += 1
        if problem:
            self._unusable[problem] += 1

    def unanswered(self, problem: str, cut: Cut) -> None:
        """Count a question without a reply, and why there is none."""
        if cut is Cut.LIMIT:
            self._unsent = problem
        else:
            self._missing += 1
            self._why = problem

    def sentence(self, what: str) -> str:
        """Return what went wrong; `what` is one of the replies in one word."""
        parts: list[str] = []
        if self._unusable:
            (most, _), *_ = self._unusable.most_common(1)
            count = f"{self._unusable.total():,} of {self._answered:,}"
            parts.append(f"{count} {what}s could not be used ({most})")
        if self._missing:
            count = f"{self._missing:,} {what}{'s' * (self._missing != 1)}"
            parts.append(f"{count} did not come ({self._why})")
        if self._unsent and not self._answered and not self._missing:
            parts.append(f"nothing was asked ({self._unsent})")
        return "; ".join(parts)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as JSON-able data."""
        return {
            "answered": self._answered,
            "unusable": dict(self._unusable),
            "missing": self._missing,
            "why": self._why,
            "unsent": self._unsent,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on counting from `state`; an empty one is a run's beginning."""
        self._answered = int(state.get("answered", 0))
        self._unusable = Counter(state.get("unusable", {}))
        self._missing = int(state.get("missing", 0))
        self._why = str(state.get("why", ""))
        self._unsent = str(state.get("unsent", ""))
