"""Approaches to each version of a program: named, followed, and named anew.

In: what a model names. Out: the approach that each proposal follows. Invariant: a
function of what was recorded, so that a resumed run follows the same ones; approaches
that brought no step are not followed for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from codegrad.engines.engine import Attempt

PATIENCE = 2
"""Rounds from one and the same program after which other approaches are wanted."""

_SHOWN = 60


@dataclass(slots=True)
class _Named:
    """The approaches to one version of the program."""

    plans: list[str]
    old: list[str] = field(default_factory=list)
    """Approaches that were given up."""

    followed: int = 0
    """Proposals that followed `plans`."""

    rounds: int = 0


class Plans:
    """The approaches of one run, by a key of the program's text."""

    def __init__(self) -> None:
        self._known: dict[str, _Named] = {}

    def of(self, key: str) -> list[str]:
        """Return the approaches to a program; none if none were named."""
        return list(self._known[key].plans) if key in self._known else []

    def old(self, key: str) -> list[str]:
        """Return all approaches to a program so far, the present ones included."""
        found = self._known.get(key)
        return [*found.old, *found.plans] if found else []

    def are_wanted(self, key: str, *, renews: bool) -> bool:
        """Return whether approaches should be asked for.

        They are if none were named yet; and if it `renews`, once every one was
        followed and the program is still what it was: no proposal was accepted.
        """
        found = self._known.get(key)
        if found is None:
            return True
        is_tried = found.rounds >= PATIENCE and found.followed >= len(found.plans)
        return renews and bool(found.plans) and is_tried

    def name(self, key: str, plans: Sequence[str]) -> None:
        """Take note of approaches in place of the present ones."""
        old = self.old(key)
        if plans or key not in self._known:
            self._known[key] = _Named(list(plans), old)

    def follow(self, key: str, count: int) -> list[str]:
        """Return the approaches of the next proposals, in turn; empty without any."""
        found = self._known.get(key)
        if found is None or not found.plans:
            return [""] * count
        start, found.followed = found.followed, found.followed + count
        found.rounds += 1
        return [found.plans[(start + n) % len(found.plans)] for n in range(count)]

    def state(self) -> dict[str, Any]:
        """Return what has to be kept, as JSON-able data."""
        return {key: asdict(named) for key, named in self._known.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._known = {key: _Named(**named) for key, named in state.items()}


def label_of(number: int, plan: str) -> str:
    """Return the name of a reply that follows `plan`.

    Example:
        >>> label_of(4, "Sort the values."), label_of(5, "")
        ('reply 4: Sort the values.', 'reply 5')
    """
    return f"reply {number}: {_short(plan)}" if plan else f"reply {number}"


def outcomes(plans: Sequence[str], momentum: Sequence[Attempt]) -> list[Attempt]:
    """Return what became of approaches, as far as it is remembered."""
    found: list[Attempt] = []
    for plan in plans:
        became = [a.outcome for a in momentum if f": {_short(plan)}" in a.label]
        outcome = became[0] if became else "brought nothing"
        found.append(Attempt(plan, 0, accepted=False, outcome=outcome))
    return found


def _short(plan: str) -> str:
    return plan if len(plan) <= _SHOWN else plan[:_SHOWN].rstrip() + "..."
