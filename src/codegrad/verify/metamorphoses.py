"""Relations between two calls: what a changed input does to the result.

In: the number of parameters and the task's examples. Out: `Metamorphosis`es to try.
Invariant: each is a guess; it is believed only if it holds after the examples, and a
violation is a soft finding.

Source: T. Y. Chen et al., "Metamorphic Testing: A Review of Challenges and
Opportunities" (2018).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from codegrad.verify.inputs import Args, Known
from codegrad.verify.oracles import agree

_RISING = 5
"""Examples in order from which a function is believed to be monotone: by chance as
many are in one of the two orders in 2 of 120 cases."""


@dataclass(frozen=True, slots=True)
class Metamorphosis:
    """A relation between the results of two calls."""

    text: str
    """For people, about the second call."""

    follow: Callable[[Args, Any], Args | None]
    """Returns the second call from the first and its result; None if there is none."""

    tells: Callable[[Args, Any], bool]
    """Whether it would be a coincidence that it holds."""

    holds: Callable[[Any, Any], bool] = agree
    """Whether the first and the second result are as the relation says."""


def metamorphoses(known: Sequence[Known]) -> list[Metamorphosis]:
    """Return the relations to try for a function that is called as in `known`."""
    width = min((len(k.args) for k in known), default=0)
    found = [
        Metamorphosis(
            f"reordering argument {index + 1} changes nothing",
            _reorder(index),
            lambda _args, _result: True,
        )
        for index in range(width)
    ]
    if width == 1:
        found.append(
            Metamorphosis(
                "a second application changes nothing",
                lambda args, result: (
                    (result,) if type(result) is type(args[0]) else None
                ),
                lambda args, result: bool(args[0] != result),
            )
        )
    if width == 2:  # noqa: PLR2004 - two parameters that could be exchanged
        found.append(
            Metamorphosis(
                "the order of the two arguments does not matter",
                lambda args, _: (
                    (args[1], args[0])
                    if type(args[0]) is type(args[1]) and args[0] != args[1]
                    else None
                ),
                lambda _args, _result: True,
            )
        )
    return [*found, *_monotone(known)]


def _reorder(index: int) -> Callable[[Args, Any], Args | None]:
    def follow(args: Args, result: Any) -> Args | None:  # noqa: ANN401, ARG001
        value = args[index] if index < len(args) else None
        if not isinstance(value, list) or len(value) < 2:  # noqa: PLR2004 - nothing to reorder
            return None
        half = len(value) // 2
        changed = value[half:][::-1] + value[:half]
        if changed == value:
            return None
        return (*args[:index], changed, *args[index + 1 :])

    return follow


def _monotone(known: Sequence[Known]) -> list[Metamorphosis]:
    """Return that results rise or fall with the one number that is the argument."""
    pairs = {
        k.args[0]: k.expected
        for k in known
        if k.has_expected
        and len(k.args) == 1
        and _is_number(k.args[0])
        and _is_number(k.expected)
    }
    results = [result for _, result in sorted(pairs.items())]
    if len(pairs) != len(known) or len(set(results)) < _RISING:
        return []
    if all(a <= b for a, b in pairwise(results)):
        return [_step("a larger argument gives no smaller result", is_rising=True)]
    if all(a >= b for a, b in pairwise(results)):
        return [_step("a larger argument gives no larger result", is_rising=False)]
    return []


def _step(text: str, *, is_rising: bool) -> Metamorphosis:
    def holds(first: Any, second: Any) -> bool:  # noqa: ANN401 - any plain value
        if not (_is_number(first) and _is_number(second)):
            return False
        return bool(first <= second if is_rising else first >= second)

    return Metamorphosis(
        text, lambda args, _: (args[0] + 1,), lambda _args, _result: True, holds
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
