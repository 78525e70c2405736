"""One direction out of many critiques: no repetition, contradictions noticed.

In: the gradients of the variables and what earlier reviews expected. Out: gradients to
follow, and a note for each contradiction. Invariant: what a verifier found is never
dropped for what a critic says; the result is a function of the arguments.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from codegrad.gradient import Critique, CritiqueSource, Gradient

Gradients = Mapping[tuple[str, str], Gradient]
"""Gradients by path and function name."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What is left to follow."""

    gradients: Gradients
    notes: tuple[str, ...] = ()
    """Contradictions, one sentence each."""

    expected: Mapping[str, str] = field(default_factory=dict)
    """What each call is said to give, with what was said before."""


def aggregate(gradients: Gradients, before: Mapping[str, str]) -> Aggregate:
    """Return the critiques without repetition and without contradicted opinions.

    Critiques of one place that give the same advice count once, the strongest of them.
    A critic that expects of a call something else than a verifier, or than a critic
    did before, is not followed on that call.
    """
    said = dict(before)
    facts = {
        example.call: example.expected
        for gradient in gradients.values()
        for critique in gradient
        if critique.source is CritiqueSource.VERIFIER
        for example in critique.counterexamples
        if _is_literal(example.expected)
    }
    said.update(facts)
    notes: list[str] = []
    kept: dict[tuple[str, str], Gradient] = {}
    for key, gradient in gradients.items():
        found: dict[tuple[object, ...], Critique] = {}
        for critique in gradient:
            if problem := _contradiction(critique, said):
                notes.append(problem)
                continue
            place = critique.kind, critique.span, critique.direction, critique.hard
            found.setdefault(place, critique)
            for example in critique.counterexamples:
                if _is_literal(example.expected):
                    said.setdefault(example.call, example.expected)
        if found:
            kept[key] = Gradient(found.values())
    return Aggregate(kept, tuple(dict.fromkeys(notes)), said)


def _contradiction(critique: Critique, said: Mapping[str, str]) -> str:
    """Return what a critic's expectation contradicts, if it does."""
    if critique.source is not CritiqueSource.CRITIC:
        return ""
    for example in critique.counterexamples:
        known = said.get(example.call)
        if (
            known is not None
            and known != example.expected
            and _is_literal(example.expected)
        ):
            return (
                f"a critic expects {example.expected} of {example.call}, where "
                f"{known} was expected before; it is not followed"
            )
    return ""


def _is_literal(text: str) -> bool:
    """Return whether an expectation is a value; a clause leaves several open."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
