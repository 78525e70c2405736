"""The order in which plausible programs are offered.

Passing the visible tests is weak evidence when they are few; what separates the
right program from its rivals is how ordinary the change is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codegrad.search.frontier import Proposal

LOOSE_PENALTY = 1.0
"""For results that equal the expected ones only across types."""


LOST_PENALTY = 0.6
"""For an edit that makes lines of the program dead."""

MAX_LOST = 3
"""More lost lines than this count no more."""


def rank(
    proposals: Sequence[Proposal], payload: Mapping[str, Any]
) -> Sequence[Proposal]:
    """Return the proposals, the likeliest first."""
    del payload
    return tuple(sorted(proposals, key=penalised_cost))


def penalised_cost(proposal: Proposal) -> float:
    """Return the cost of a proposal, raised for signs of overfitting."""
    loose = 0 if proposal.strict else LOOSE_PENALTY
    return proposal.cost + loose + LOST_PENALTY * min(MAX_LOST, proposal.lost)
