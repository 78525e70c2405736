"""Observed against expected, on plain values from another process."""

from typing import Any

from codegrad.search.similarity import similarity


def matches(observed: Any, expected: Any, tolerance: float | None = None) -> bool:  # noqa: ANN401 - values of any plain type
    """Return whether `observed == expected`, as the test would have compared them.

    With a tolerance, floats anywhere inside may differ by less than it.

    Example:
        >>> matches([0.1 + 0.2], [0.3]), matches([0.1 + 0.2], [0.3], 1e-6)
        (False, True)
    """
    try:
        return _matches(observed, expected, tolerance)
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


def same_output(observed: str, expected: str) -> bool:
    r"""Return whether two printed texts agree, white space at line ends aside.

    Example:
        >>> same_output("1 \n2\n\n", "1\n2")
        True
    """
    return _lines(observed) == _lines(expected)


def distance(observed: Any, expected: Any) -> float:  # noqa: ANN401 - any plain type
    """Return how far `observed` is from `expected`: 0 equal, 1 nothing in common."""
    return 1.0 - similarity(observed, expected)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().split("\n")]
