"""How far a generated constraint can be trusted: a number from independent derivations.

In: which candidates meet which hypotheses, and what else is known of both. Out: trust,
0 to 1, meant as the share of such hypotheses that are right. Invariant: a hypothesis
that contradicts an example of the user has trust 0, whoever agrees with it; one that
nobody else derived keeps the share at which single derivations were right.

Source: dual execution agreement of tests and programs (CodeT, arXiv 2207.10397), here
with weights that the two lend each other, and calibrated on recorded completions by
`codegrad.bench.trust`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 3
"""How often hypotheses and candidates lend each other weight."""

FAILING = 0.3
"""Weight of a candidate that fails an example of the user, beside one that does not."""

PRIOR = 1.0
"""Strength of the neutral prior, in candidates: few agree less than many."""

CALIBRATION: tuple[tuple[float, float], ...] = (
    (0.10, 0.0),
    (0.20, 0.07),
    (0.30, 0.17),
    (0.37, 0.33),
    (0.44, 0.55),
    (0.50, 0.64),
    (0.62, 0.76),
    (0.64, 0.87),
    (0.71, 0.95),
    (0.78, 0.97),
    (0.81, 0.99),
    (1.0, 0.995),
)
"""Agreement and the share of hypotheses with it that were right, ascending.

Printed by `python -m codegrad.bench.trust` for 4,199 examples that recorded programs
derived; rounded, and never quite 1.
"""

SOFT = 0.8
"""Trust from which a generated constraint is checked at all, as a soft one.

What one derivation says alone is below it; of the derived examples above it 98 % were
right.
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one hypothesis beside the candidates."""

    others: int = 0
    """Further derivations that came to the same."""

    against: int = 0
    """Derivations that came to something else for the same input."""

    is_refuted: bool = False
    """Whether an example or the contract of the user says otherwise."""

    is_vacuous: bool = False
    """Whether no faulty program would break it."""


def agreement(
    meets: Sequence[Sequence[bool | None]],
    passes: Sequence[bool],
    known: Sequence[Evidence],
) -> list[float]:
    """Return for each hypothesis how far independent derivations agree, 0 to 1.

    `meets` holds a row for each candidate, with None where it says nothing; `passes`
    whether the candidate meets the user's examples. Without any derivation beside its
    own a hypothesis has one half.

    Example:
        >>> rows = [[True, False], [True, False], [False, True]]
        >>> found = agreement(rows, [True, True, True], [Evidence(), Evidence()])
        >>> found[0] > 0.6 > 0.4 > found[1]
        True
        >>> agreement([], [], [Evidence()])
        [0.5]
    """
    base = [1.0 if passed else FAILING for passed in passes]
    weights = list(base)
    found: list[float] = []
    for _ in range(ROUNDS):
        found = [
            _share(weights, [row[index] for row in meets], evidence)
            for index, evidence in enumerate(known)
        ]
        weights = [
            start * _standing(found, row)
            for start, row in zip(base, meets, strict=True)
        ]
    return found


def trust(agreed: float, evidence: Evidence | None = None) -> float:
    """Return the calibrated trust in a hypothesis with this agreement.

    Example:
        >>> trust(0.9, Evidence(is_refuted=True)), 0 <= trust(0.2) <= trust(0.9) <= 1
        (0.0, True)
    """
    if evidence is not None and (evidence.is_refuted or evidence.is_vacuous):
        return 0.0
    return interpolated(CALIBRATION, agreed)


def interpolated(knots: Sequence[tuple[float, float]], value: float) -> float:
    """Return the value of a rising line through `knots`, constant outside them.

    Example:
        >>> interpolated([(0.0, 0.1), (1.0, 0.9)], 0.5)
        0.5
    """
    after = bisect_right([x for x, _ in knots], value)
    if after == 0:
        return knots[0][1]
    if after == len(knots):
        return knots[-1][1]
    (left, low), (right, high) = knots[after - 1], knots[after]
    return low + (high - low) * (value - left) / (right - left)


def _share(
    weights: Sequence[float], column: Sequence[bool | None], evidence: Evidence
) -> float:
    pairs = [
        (weight, met)
        for weight, met in zip(weights, column, strict=True)
        if met is not None
    ]
    agreed = sum(weight for weight, met in pairs if met) + evidence.others
    whole = sum(weight for weight, _ in pairs) + evidence.others + evidence.against
    return (agreed + PRIOR / 2) / (whole + PRIOR)


def _standing(found: Sequence[float], row: Sequence[bool | None]) -> float:
    """Return how far a candidate is of one mind with the others, 0 to 1."""
    said = [
        value if met else 1 - value
        for value, met in zip(found, row, strict=True)
        if met is not None
    ]
    return sum(said) / len(said) if said else 1.0
