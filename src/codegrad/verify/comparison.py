"""Observed against expected, on plain values from another process."""

from collections.abc import Sequence
from typing import Any

from codegrad.search.cases import WRONG_VALUE_CREDIT
from codegrad.search.exactness import has_same_types
from codegrad.search.similarity import similarity


def matches(
    observed: Any,  # noqa: ANN401 - values of any plain type
    expected: Any,  # noqa: ANN401
    tolerance: float | None = None,
    *,
    exact: bool = False,
) -> bool:
    """Return whether `observed == expected`, as the test would have compared them.

    With a tolerance, floats anywhere inside may differ by less than it. If it is
    `exact`, numbers anywhere inside must be of the same types, too.

    Example:
        >>> matches([0.1 + 0.2], [0.3]), matches([0.1 + 0.2], [0.3], 1e-6)
        (False, True)
        >>> matches([2.0], [2]), matches([2.0], [2], exact=True)
        (True, False)
    """
    try:
        return _matches(observed, expected, tolerance) and (
            not exact or has_same_types(observed, expected)
        )
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        return False  # values that refuse to be compared, Decimal("sNaN") for one


def _matches(observed: Any, expected: Any, tolerance: float | None) -> bool:  # noqa: ANN401 - any plain type
    if tolerance is None:
        return bool(observed == expected)
    match expected:
        case list() | tuple():
            return type(observed) is type(expected) and (
                len(observed) == len(expected)
                and all(
                    _matches(a, b, tolerance)
                    for a, b in zip(observed, expected, strict=True)
                )
            )
        case dict() if isinstance(observed, dict):
            return observed.keys() == expected.keys() and all(
                _matches(observed[key], expected[key], tolerance) for key in expected
            )
        case int() | float() if isinstance(observed, int | float):
            return observed == expected or abs(observed - expected) < tolerance
        case _:
            return bool(observed == expected)


def same_output(
    observed: str,
    expected: str,
    *,
    any_spacing: bool = False,
    any_at_dots: bool = False,
) -> bool:
    r"""Return whether two printed texts agree, white space at line ends aside.

    The options are NORMALIZE_WHITESPACE and ELLIPSIS of doctest.

    Example:
        >>> same_output("1 \n2\n\n", "1\n2")
        True
        >>> same_output("[1,  2, 3]", "[1, ..., 3]", any_spacing=True, any_at_dots=True)
        True
    """
    if any_spacing:
        observed, expected = " ".join(observed.split()), " ".join(expected.split())
    observed, expected = _trimmed(observed), _trimmed(expected)
    if not any_at_dots:
        return observed == expected
    first, *rest = expected.split("...")
    return observed.startswith(first) and _follow(observed[len(first) :], rest)


def _follow(text: str, parts: Sequence[str]) -> bool:
    """Return whether `parts` follow one another in `text`, the last at its end."""
    if not parts:
        return not text
    *middle, last = parts
    for part in middle:
        place = text.find(part)
        if place < 0:
            return False
        text = text[place + len(part) :]
    return text.endswith(last)


def distance(observed: Any, expected: Any) -> float:  # noqa: ANN401 - any plain type
    """Return how far `observed` is from `expected`: 0 equal, 1 nothing in common."""
    return 1.0 - similarity(observed, expected)


TYPES_ALONE = 1.0 - WRONG_VALUE_CREDIT
"""How far a value is from the expected one that it equals across types."""


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))
