"""The candidates worth keeping beside the best one: a Pareto archive over constraints.

In: proposals that were verified. Out: `Member`s: those that pass all that is visible,
those that satisfy something that no better one satisfies, and how often each text was
proposed. Invariant: of two members with the same hard constraints satisfied the one
with the lower loss is kept; the order is that of arrival; all of it is plain data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from codegrad.code import fingerprint
from codegrad.engines.engine import Other
from codegrad.loss import Loss
from codegrad.task import CallCheck, Origin, Sources

MAX_MEMBERS = 40
"""Candidates that are kept; those that are dominated go first, the latest first."""

_Key = tuple[tuple[int, ...], float, int, int]


@dataclass(frozen=True, slots=True)
class Member:
    """One candidate and what is known of it."""

    changed: Mapping[str, str]
    """The files whose text is not the task's own."""

    label: str
    engine: str
    satisfied: tuple[str, ...]
    """The hard constraints that hold, by name in order."""

    passes: bool
    """Whether no hard constraint is open; without tests that says little."""

    key: _Key
    """The value of its loss."""

    votes: int = 1
    """How many independent answers came to this very text."""

    parent: str = ""
    """The candidate that it is a repair of, by fingerprint."""

    visited: bool = False
    """Whether the run went on from it at some time."""

    fits: int = 0
    """How many examples hold that may be meant by the statement and veto nothing."""

    @classmethod
    def of(cls, start: Sources, sources: Sources, loss: Loss) -> "Member":
        """Return `sources` with its loss as a member without a history."""
        return cls(
            {p: t for p, t in sources.items() if t != start.get(p)},
            "the best so far",
            "",
            tuple(sorted(loss.satisfied)),
            passes_all(loss),
            loss.key,
            fits=guesses_that_hold(loss),
        )

    def to_data(self) -> dict[str, Any]:
        """Return the member as JSON-able data."""
        hard, *rest = self.key
        # Not `asdict`, which copies every text: this is called for each step.
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **values,
            "changed": dict(self.changed),
            "satisfied": list(self.satisfied),
            "key": [list(hard), *rest],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Member":
        """Return the member that `to_data` wrote."""
        hard, partial, soft, size = data["key"]
        return cls(
            **{
                **data,
                "satisfied": tuple(data["satisfied"]),
                "key": (tuple(hard), partial, soft, size),
            }
        )

    @property
    def is_answer(self) -> bool:
        """Whether an engine wrote it, and not the search that edits programs."""
        return self.engine != "search"

    @property
    def is_edit(self) -> bool:
        """Whether the search made it of the program itself, not of an answer."""
        return not self.is_answer and not self.parent


class Archive:
    """The members by the fingerprint of their text."""

    def __init__(self, start: Sources) -> None:
        self._start = dict(start)
        self._members: dict[str, Member] = {}
        self._front: list[tuple[str, Member]] | None = None

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members.values())

    def items(self) -> list[tuple[str, Member]]:
        """Return the members with their fingerprints, in the order of arrival."""
        return list(self._members.items())

    def get(self, key: str) -> Member | None:
        """Return a member by its fingerprint."""
        return self._members.get(key)

    def sources(self, member: Member) -> Sources:
        """Return the complete texts of a member."""
        return {**self._start, **member.changed}

    def add(  # noqa: PLR0913 - what is known of a candidate
        self,
        sources: Sources,
        loss: Loss,
        *,
        label: str,
        engine: str,
        votes: int = 1,
        parent: str = "",
    ) -> None:
        """Keep a candidate, or count it once more if an engine answered it.

        An edit of the search that an engine comes to as well is an answer.
        """
        key = fingerprint(sources)
        known = self._members.get(key)
        found = replace(
            Member.of(self._start, sources, loss),
            label=label,
            engine=engine,
            votes=votes,
            parent=parent,
        )
        if known is not None and (known.is_answer or not found.is_answer):
            self.vote(key, votes if found.is_answer else 0)
            return
        self._front = None
        self._members[key] = found
        if len(self._members) > MAX_MEMBERS:
            self._drop()

    def vote(self, key: str, votes: int = 1) -> bool:
        """Count a known candidate once more; return whether it is known."""
        known = self._members.get(key)
        if known is not None:
            self._front = None
            self._members[key] = replace(known, votes=known.votes + votes)
        return known is not None

    def is_known_edit(self, key: str) -> bool:
        """Return whether a text is known from the search alone."""
        known = self._members.get(key)
        return known is not None and not known.is_answer

    def visit(self, key: str) -> None:
        """Remember that the run goes on from a member."""
        self._front = None
        self._members[key] = replace(self._members[key], visited=True)

    def passing(self) -> list[tuple[str, Member]]:
        """Return the members that pass all that is visible."""
        return [(key, m) for key, m in self._members.items() if m.passes]

    def front(self) -> list[tuple[str, Member]]:
        """Return the members that no other dominates, the lowest loss first."""
        if self._front is None:
            # Of those that satisfy the same, only the best can be on the front.
            best: dict[frozenset[str], tuple[str, Member]] = {}
            for key, member in self._members.items():
                held = frozenset(member.satisfied)
                if held not in best or member.key < best[held][1].key:
                    best[held] = key, member
            found = [
                row for held, row in best.items() if not any(held < h for h in best)
            ]
            self._front = sorted(found, key=lambda row: row[1].key)
        return self._front

    def others(self, satisfied: frozenset[str], *, at_most: int) -> tuple[Other, ...]:
        """Return members of the front that satisfy what `satisfied` does not hold.

        One that passes is left out: whoever is asked beside it is asked for an opinion.
        """
        found = [
            Other(m.label, extra, self.sources(m))
            for _, m in self.front()
            if not m.passes
            and (extra := tuple(n for n in m.satisfied if n not in satisfied))
        ]
        return tuple(found[:at_most])

    def state(self) -> list[Any]:
        """Return the members as JSON-able data."""
        return [[key, member.to_data()] for key, member in self._members.items()]

    def restore(self, state: Sequence[Any]) -> None:
        """Go on from what `state` returned."""
        self._front = None
        self._members = {key: Member.from_data(data) for key, data in state}

    def _drop(self) -> None:
        front = {key for key, _ in self.front()}
        spare = [
            key for key, m in self._members.items() if not m.passes and key not in front
        ]
        del self._members[(spare or list(self._members))[-1]]
        self._front = None


def passes_all(loss: Loss) -> bool:
    """Return whether no hard constraint is open, be there tests or not."""
    return all(c.name in loss.satisfied for c in loss.constraints if c.hard)


def guesses_that_hold(loss: Loss) -> int:
    """Return how many soft examples of the statement hold."""
    soft = {
        c.name
        for c in loss.constraints
        if not c.hard and c.origin is Origin.DERIVED and isinstance(c.check, CallCheck)
    }
    return sum(
        row.constraint in soft and row.status is not None and row.status.holds
        for row in loss.evidence.rows
    )
