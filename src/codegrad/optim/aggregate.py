"""One direction out of many critiques: no repetition, contradictions noticed.

In: the gradients of the variables and what earlier reviews expected. Out: gradients to
follow, and a note for each contradiction. Invariant: what a verifier found is never
dropped for what a critic says; the result is a function of the arguments.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from codegrad.gradient import Critique, CritiqueSource, Gradient

_RAISES = re.compile(r"raises \w+")
_NOT_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)

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
        if _is_definite(example.expected)
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
                if _is_definite(example.expected):
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
            and _is_definite(example.expected)
            and not _is_same(known, example.expected)
        ):
            return (
                f"a critic expects {example.expected} of {example.call}, where "
                f"{known} was expected before; it is not followed"
            )
    return ""


def _is_same(first: str, second: str) -> bool:
    if first == second:
        return True
    try:
        return bool(ast.literal_eval(first) == ast.literal_eval(second))
    except _NOT_LITERAL:
        return False


def _is_definite(text: str) -> bool:
    """Return whether an expectation is one result; a clause leaves several open."""
    if _RAISES.fullmatch(text):
        return True
    try:
        ast.literal_eval(text)
    except _NOT_LITERAL:
        return False
    return True
