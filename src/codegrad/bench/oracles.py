"""Decide whether an observed value is as good as the expected one.

Each oracle repeats what the official evaluator of a dataset does, on plain values:
equality, EvalPlus' tolerance for floats, and the judges that some tasks have of their
own. An oracle never raises: what cannot be compared is not accepted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.sandbox import Yielded

Accepts = Callable[[Sequence[Any], Any, Any, float], bool]
"""Arguments, observed and expected value and absolute tolerance -> accepted."""

RELATIVE = 1e-7
"""EvalPlus' relative tolerance, which is numpy's for `assert_allclose`."""

FLOAT_TOLERANCE = 1e-6
"""EvalPlus' absolute tolerance where floats are expected and none is stated."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Stands for any value that is true, or any that is false."""

    value: bool
    """Which of the two."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """How the results of one task are judged."""

    accepts: Accepts
    """The comparison."""

    only_presence: bool = False
    """Whether an expected value stands for `value is not None`."""

    def __call__(
        self,
        args: Sequence[Any],
        observed: Any,  # noqa: ANN401 - a plain value
        expected: Any,  # noqa: ANN401
        tolerance: float,
    ) -> bool:
        """Return whether `observed` is accepted; what cannot be compared is not."""
        try:
            return bool(self.accepts(args, observed, expected, tolerance))
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            return False


def holds_floats(value: object) -> bool:
    """Return whether a value is a float or a sequence of nothing but floats.

    Example:
        >>> holds_floats([1.0, 2.5]), holds_floats([1.0, 2]), holds_floats([])
        (True, False, False)
    """
    if isinstance(value, list | tuple) and value:
        return all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def accepts_equal(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401 - a plain value, as everywhere below
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether the values are equal, or close with a tolerance above 0.

    Example:
        >>> accepts_equal((), [0.1 + 0.2], [0.3], 0.0)
        False
        >>> accepts_equal((), [0.1 + 0.2], [0.3], 1e-6)
        True
        >>> accepts_equal((), (0.3,), [0.3], 1e-6)
        False
    """
    del args
    if observed == expected:
        return True
    return (
        tolerance != 0
        and type(observed) is type(expected)
        and _all_close(observed, expected, tolerance)
    )


def accepts_near(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether the values are equal, or `abs(observed - expected) < tolerance`.

    Example:
        >>> accepts_near((), 3, 3.0000001, 1e-6), accepts_near((), 3, 3.0000001, 0.0)
        (True, False)
    """
    del args
    if isinstance(expected, Truth):
        wanted = expected.value
        return wanted == bool(observed)
    if tolerance == 0:
        return bool(observed == expected)
    return bool(abs(observed - expected) < tolerance)


_INT64 = 1 << 63


def _all_close(observed: object, expected: object, tolerance: float) -> bool:
    """Return what `numpy.allclose` would, for numbers and nested sequences of them."""
    match observed, expected:
        case (list() | tuple(), list() | tuple()):
            return len(observed) == len(expected) and all(
                _all_close(left, right, tolerance)
                for left, right in zip(observed, expected, strict=True)
            )
        case (int() | float() | complex(), int() | float() | complex()):
            if any(
                isinstance(x, int) and abs(x) >= _INT64 for x in (observed, expected)
            ):
                return False
            return bool(
                observed == expected
                or abs(observed - expected) <= tolerance + RELATIVE * abs(expected)
            )
        case _:
            return False


def accepts_root(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether `observed` is a root of the polynomial (HumanEval/32).

    Example:
        >>> accepts_root(([-4, 0, 1],), -2.0, 2.0, 1e-4)
        True
    """
    del expected
    value = sum(c * math.pow(observed, k) for k, c in enumerate(args[0]))
    return bool(abs(value) <= tolerance)


def accepts_same_set(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether both hold the same items, in any order and number.

    Example:
        >>> accepts_same_set((), (4, 5, 5), (5, 4), 0.0)
        True
    """
    del args, tolerance
    items = observed.items if isinstance(observed, Yielded) else observed
    return set(items) == set(expected)


def accepts_presence(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether a value is there exactly if one is expected; bools are compared.

    Example:
        >>> accepts_presence((), "a match", True, 0.0)
        True
    """
    del args, tolerance
    if isinstance(observed, bool):
        return bool(observed == expected)
    return bool(expected == (observed is not None))


def accepts_anything(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Accept whatever was returned (Mbpp/164, whose statement is ambiguous)."""
    del args, observed, expected, tolerance
    return True


def accepts_equal_or_zero(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Accept the expected value and 0 (Mbpp/295)."""
    return observed == 0 or accepts_equal(args, observed, expected, tolerance)


def accepts_either_height(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Accept both readings of a pyramid's height (Mbpp/581).

    Example:
        >>> accepts_either_height((3, 4), 35, 33, 0.0)
        True
    """
    if accepts_equal(args, observed, expected, tolerance):
        return True
    base, height = args
    slant = math.sqrt((base / 2) ** 2 + height**2)
    return bool(abs(observed - round(base**2 + 2 * base * slant)) <= tolerance)


def accepts_padded_digits(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Accept the difference digit by digit of numbers padded with zeros (Mbpp/558).

    Example:
        >>> accepts_padded_digits((1, 12), 2, 1, 0.0)
        True
    """
    if accepts_equal(args, observed, expected, tolerance):
        return True
    left, right = (str(arg) for arg in args)
    width = max(len(left), len(right))
    digits = zip(left.zfill(width), right.zfill(width), strict=True)
    return bool(observed == sum(abs(int(a) - int(b)) for a, b in digits))


EQUAL = Oracle(accepts_equal)
"""EvalPlus' comparison."""

NEAR = Oracle(accepts_near)
"""The comparison of asserts."""

HUMANEVAL_ORACLES: dict[str, Oracle] = {"find_zero": Oracle(accepts_root)}
"""By entry point; every other task of HumanEval+ is judged by `EQUAL`."""

MBPP_ORACLES: dict[str, Oracle] = {
    "are_equivalent": Oracle(accepts_anything),
    "sum_div": Oracle(accepts_equal_or_zero),
    "surface_Area": Oracle(accepts_either_height),
    "digit_distance_nums": Oracle(accepts_padded_digits),
    **dict.fromkeys(
        (
            "similar_elements",
            "find_char_long",
            "common_in_nested_lists",
            "extract_singly",
            "larg_nnum",
            "intersection_array",
            "find_dissimilar",
            "Diff",
        ),
        Oracle(accepts_same_set),
    ),
    **dict.fromkeys(
        ("check_str", "text_match_three", "text_starta_endb"),
        Oracle(accepts_presence, only_presence=True),
    ),
}
"""By entry point; every other task of MBPP+ is judged by `EQUAL`."""
