"""What a run leaves behind that ended before all was asked that it wanted.

In: the last state of a run, the state before the step that was cut short. Out: one
state of both, and from it the one to go on from. Invariant: what the step that is taken
again has cost stays spent, and no reply or lost request of it is counted twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.engines.cut import Cut

_ENDED = "ended"


def ended(
    state: Mapping[str, Any],
    before: Mapping[str, Any],
    cut: Cut,
    charged: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Return the state of a run that ended with something cut short.

    `before` is where a later run takes it up; `charged` is what each part of the run
    has in its ledger.
    """
    known = {key: value for key, value in before.items() if key != _ENDED}
    row = {"cut": int(cut), "before": known, "charged": [list(c) for c in charged]}
    return {**state, _ENDED: row}


def has_ended(state: Mapping[str, Any]) -> bool:
    """Return whether it is the state of a run that ended with something cut short."""
    return _ENDED in state


def has_room(state: Mapping[str, Any], budget: Budget) -> bool:
    """Return whether more may be asked than when `state` was written."""
    # The search spends candidates, and no limit of them cuts a model short.
    limits = replace(budget, candidates=None)
    return (
        "budget" in state
        and limits.allows_more(Budget(**state["budget"]))
        and not limits.exhausted(Spent(**state["spent"]))
    )


def taken_up(state: Mapping[str, Any], budget: Budget) -> Mapping[str, Any]:
    """Return the state to go on from.

    What an outage cut short is taken again, what a limit did only if there is room.
    """
    if not has_ended(state):
        return state
    row = state[_ENDED]
    if Cut(row["cut"]) is not Cut.OUTAGE and not has_room(state, budget):
        return state
    # A search that is made again tries the same candidates.
    candidates = row["before"]["spent"]["candidates"]
    return {**row["before"], "spent": {**state["spent"], "candidates": candidates}}


def before(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a step that was cut short is taken up, or the state itself."""
    return state[_ENDED]["before"] if has_ended(state) else state


def charged(state: Mapping[str, Any]) -> Sequence[Sequence[str]]:
    """Return what each part of an ended run has in its ledger, in their order."""
    return state[_ENDED]["charged"] if has_ended(state) else ()
