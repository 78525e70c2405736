"""Growth classes: which one a series of costs belongs to.

In: sizes and costs. Out: `Fit`, the class whose curve is closest, and how close the
next one is. Invariant: equal series give equal fits.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class Growth(IntEnum):
    """Classes of growth, slowest first."""

    CONSTANT = 0
    LOGARITHMIC = 1
    LINEAR = 2
    LINEARITHMIC = 3
    QUADRATIC = 4
    CUBIC = 5
    EXPONENTIAL = 6

    def __str__(self) -> str:
        return _NAMES[self]


_NAMES = {
    Growth.CONSTANT: "O(1)",
    Growth.LOGARITHMIC: "O(log n)",
    Growth.LINEAR: "O(n)",
    Growth.LINEARITHMIC: "O(n log n)",
    Growth.QUADRATIC: "O(n^2)",
    Growth.CUBIC: "O(n^3)",
    Growth.EXPONENTIAL: "O(2^n)",
}
_SPELLINGS = {
    "1": Growth.CONSTANT,
    "logn": Growth.LOGARITHMIC,
    "log2n": Growth.LOGARITHMIC,
    "n": Growth.LINEAR,
    "nlogn": Growth.LINEARITHMIC,
    "nlog2n": Growth.LINEARITHMIC,
    "n^2": Growth.QUADRATIC,
    "n²": Growth.QUADRATIC,
    "n^3": Growth.CUBIC,
    "n³": Growth.CUBIC,
    "2^n": Growth.EXPONENTIAL,
}
_BASES = (1.25, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0)
_FITTED = 9
"""Points that are fitted, the largest; small ones are mostly overhead."""

_MIN_POINTS = 5


def growth_of(text: str) -> Growth | None:
    """Return the class that a clause names, or None if it is not a known one.

    Example:
        >>> str(growth_of("O(n * log(n))")), growth_of("O(n * m)")
        ('O(n log n)', None)
    """
    inner = re.fullmatch(r"\s*[OΘ]?\s*\(?(.*?)\)?\s*", text.replace("**", "^"))
    if inner is None:
        return None
    plain = re.sub(r"[\s*()·]", "", inner[1]).lower()
    return _SPELLINGS.get(plain)


@dataclass(frozen=True, slots=True)
class Fit:
    """How well each class explains a series."""

    ranked: tuple[tuple[float, Growth], ...]
    """Mean relative error of each class, best first."""

    @property
    def growth(self) -> Growth:
        """The class that fits best."""
        return self.ranked[0][1]

    def error(self, growth: Growth) -> float:
        """Return the relative error of one class."""
        return next(error for error, known in self.ranked if known is growth)


def fit(sizes: Sequence[float], costs: Sequence[float]) -> Fit | None:
    """Return how well each class explains `costs`; None for too few points.

    Errors are relative, so that every size counts the same. A simpler class wins if
    it is nearly as good as the best.

    Example:
        >>> sizes = [2**k for k in range(4, 12)]
        >>> str(fit(sizes, [3 * n * n + 50 for n in sizes]).growth)
        'O(n^2)'
    """
    sizes, costs = sizes[-_FITTED:], costs[-_FITTED:]
    if len(sizes) < _MIN_POINTS or min(costs) <= 0:
        return None
    found = [(_error(sizes, costs, _CURVES[g]), g) for g in _CURVES]
    exponential = min(_error(sizes, costs, _power(base)) for base in _BASES)
    found.append((exponential, Growth.EXPONENTIAL))
    best = min(error for error, _ in found)
    found.sort()
    simple = min(
        (g for error, g in found if error <= best * _NEARLY + _NOISE), default=None
    )
    found.sort(key=lambda row: (row[1] is not simple, row[0]))
    return Fit(tuple(found))


_NEARLY = 1.05
_NOISE = 1e-4
_CURVES: dict[Growth, Callable[[float], float]] = {
    Growth.CONSTANT: lambda _: 0.0,
    Growth.LOGARITHMIC: math.log,
    Growth.LINEAR: lambda n: n,
    Growth.LINEARITHMIC: lambda n: n * math.log(n),
    Growth.QUADRATIC: lambda n: n**2,
    Growth.CUBIC: lambda n: n**3,
}


def _power(base: float) -> Callable[[float], float]:
    # Sizes beyond 600 are never reached by exponential work.
    return lambda n: base ** min(n, 600.0)


def _error(
    sizes: Sequence[float], costs: Sequence[float], curve: Callable[[float], float]
) -> float:
    """Return the root mean square of the relative error of the best a + b * curve."""
    top = max(curve(n) for n in sizes) or 1.0
    points = [
        (curve(n) / top, y, 1.0 / (y * y)) for n, y in zip(sizes, costs, strict=True)
    ]
    total = sum(w for _, _, w in points)
    mean_x = sum(w * x for x, _, w in points) / total
    mean_y = sum(w * y for _, y, w in points) / total
    spread = sum(w * (x - mean_x) ** 2 for x, _, w in points)
    slope = (
        sum(w * (x - mean_x) * (y - mean_y) for x, y, w in points) / spread
        if spread
        else 0.0
    )
    slope = max(slope, 0.0)
    start = mean_y - slope * mean_x
    squares = sum(w * (y - start - slope * x) ** 2 for x, y, w in points)
    return math.sqrt(squares / len(points))
