"""Strategies: the method of CodeGrad, its ablations, and what others do.

In: a name. Out: a `Strategy`, switches over one and the same loop. Invariant: all
strategies share the verification, the budget's ledger and the journal, so that what
differs between two runs is what their switches say. Every strategy ends as soon as a
program passes all that is visible.

Sources: Self-Refine (arXiv 2303.17651), Reflexion (2303.11366), LDB (2402.16906),
TextGrad (2406.07496), AlphaCodium (2401.08500), S* (2502.14382). They are named for
the idea that is rebuilt here with our prompts; none of their code is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from codegrad.engines.engine import Guidance
from codegrad.errors import UsageError


class Gate(StrEnum):
    """Which verified proposal may replace the program."""

    MONOTONE = "monotone"
    """One that keeps every hard constraint that held and lowers the loss."""

    ANCHORS = "anchors"
    """One that keeps every test that passed and passes another one."""

    MORE_TESTS = "more tests"
    """One that satisfies more hard constraints, whichever they are."""

    NONE = "none"
    """The engine's first one, whatever it does; the last program is the answer."""


class Critic(StrEnum):
    """What becomes of a critic's review."""

    CHECKED = "checked"
    """Its claims are executed; what does not hold is dropped."""

    UNCHECKED = "unchecked"
    """It is believed."""

    OFF = "off"
    """No critic is asked."""


class Choice(StrEnum):
    """Which of several programs that pass all that is visible is the answer."""

    FIRST = "first"
    """The first one."""

    AGREEMENT = "agreement"
    """The one whose results on inputs that tell them apart are shared by most."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How the loop proposes, projects and chooses."""

    name: str
    summary: str
    """What it does, in one line."""

    refines: bool = True
    """Whether engines go on from the program and its gradient; otherwise every
    proposal is a fresh one for the task as it was given."""

    steps: int | None = None
    """Steps after which it ends, if the budget does not end it before."""

    gate: Gate = Gate.MONOTONE
    guidance: Guidance = field(default_factory=Guidance)
    critic: Critic = Critic.CHECKED
    searches: bool = True
    """Whether the built-in search is asked, and repairs near misses of models."""

    consults: bool = True
    """Whether a program that passes waits until answers of a model are of one mind."""

    restarts: bool = True
    """Whether it goes on from another candidate when steps no longer help."""

    reflections: int = 0
    """How many earlier reviews are remembered."""

    choice: Choice = Choice.AGREEMENT
    distinguishes: bool = True
    """Whether the final choice may ask an engine for inputs that tell answers apart."""


CODEGRAD = Strategy(
    "codegrad",
    "verified steps along a checked gradient, search repair, choice by agreement",
)
"""The method of this project, all switches on."""

_PLAIN = replace(
    CODEGRAD,
    critic=Critic.OFF,
    searches=False,
    consults=False,
    restarts=False,
    choice=Choice.FIRST,
    distinguishes=False,
    guidance=Guidance(plans=False, values=False, attempts=False),
)
_BLIND = replace(_PLAIN.guidance, verdicts=False, counterexamples=False)

_ALL = (
    CODEGRAD,
    replace(
        _PLAIN,
        name="zero-shot",
        summary="the first answer of the engine",
        refines=False,
        steps=1,
        gate=Gate.NONE,
        guidance=replace(_BLIND, proposals=1),
    ),
    replace(
        _PLAIN,
        name="best-of-n",
        summary="fresh answers until one passes the visible tests",
        refines=False,
        gate=Gate.MORE_TESTS,
        guidance=_BLIND,
    ),
    replace(
        _PLAIN,
        name="self-refine",
        summary="the critic's opinion alone; the last program counts",
        gate=Gate.NONE,
        critic=Critic.UNCHECKED,
        guidance=replace(_BLIND, proposals=1, checks_claims=False),
    ),
    replace(
        _PLAIN,
        name="reflexion",
        summary="failing tests and the critic's last three reflections",
        gate=Gate.NONE,
        critic=Critic.UNCHECKED,
        reflections=3,
        guidance=replace(_PLAIN.guidance, proposals=1, checks_claims=False),
    ),
    replace(
        _PLAIN,
        name="ldb",
        summary="a failing test with the values that variables had",
        gate=Gate.NONE,
        guidance=replace(_PLAIN.guidance, proposals=1, values=True),
    ),
    replace(
        _PLAIN,
        name="textgrad",
        summary="a critic's textual gradient; every step is taken",
        gate=Gate.NONE,
        critic=Critic.UNCHECKED,
        guidance=replace(_PLAIN.guidance, proposals=1, checks_claims=False),
    ),
    replace(
        _PLAIN,
        name="alphacodium",
        summary="one more test passes and none that passed fails: test anchors",
        gate=Gate.ANCHORS,
        guidance=replace(_PLAIN.guidance, plans=True, proposals=1),
    ),
    replace(
        _PLAIN,
        name="s-star",
        summary="answers debugged by the visible tests, chosen by what they do apart",
        choice=Choice.AGREEMENT,
        distinguishes=True,
    ),
    replace(
        CODEGRAD,
        name="frugal",
        summary="codegrad that ends with the first program that passes",
        consults=False,
    ),
    replace(
        CODEGRAD,
        name="no-projection",
        summary="codegrad without the gate: every step is taken",
        gate=Gate.NONE,
        restarts=False,
    ),
    replace(
        CODEGRAD,
        name="no-critic",
        summary="codegrad without the backward engine",
        critic=Critic.OFF,
    ),
    replace(
        CODEGRAD,
        name="unchecked-critic",
        summary="codegrad with a critic that is believed",
        critic=Critic.UNCHECKED,
        guidance=Guidance(checks_claims=False),
    ),
    replace(
        CODEGRAD,
        name="no-counterexamples",
        summary="codegrad that shows no failing input",
        guidance=Guidance(counterexamples=False, values=False),
    ),
    replace(
        CODEGRAD,
        name="no-values",
        summary="codegrad that shows no values of variables",
        guidance=Guidance(values=False),
    ),
    replace(
        CODEGRAD,
        name="no-search",
        summary="codegrad without the built-in search",
        searches=False,
    ),
    replace(
        CODEGRAD,
        name="no-momentum",
        summary="codegrad that forgets what was tried",
        guidance=Guidance(attempts=False),
    ),
)

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({s.name: s for s in _ALL})
"""Every strategy by its name: the method, the baselines, the ablations."""


def strategy_of(name: str) -> Strategy:
    """Return the strategy `name`.

    Raises:
        UsageError: If there is none of that name.

    Example:
        >>> strategy_of("best-of-n").gate.value
        'more tests'
    """
    if name not in STRATEGIES:
        raise UsageError(f"unknown strategy {name!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[name]
