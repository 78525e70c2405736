"""Linear relations among integers that held in every state seen.

In: rows of numbers. Out: Python equations. Invariant: exact arithmetic; every equation
holds on every row.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm

_MAX_COEFFICIENT = 100


def relations(names: Sequence[str], rows: Sequence[Sequence[int]]) -> list[str]:
    """Return independent equations `c0*name0 + ... + c == 0` that hold on all rows.

    Example:
        >>> relations(["s", "i * i"], [(0, 0), (2, 1), (8, 4)])
        ['s == 2 * (i * i)']
    """
    if len(rows) <= len(names):
        return []
    texts = [*names, "1"]
    matrix = [[Fraction(v) for v in (*row, 1)] for row in rows]
    return [t for v in _null_space(matrix) if (t := _equation(texts, v))]


def _null_space(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    width = len(matrix[0])
    pivots: list[int] = []
    row = 0
    for column in range(width):
        found = next((r for r in range(row, len(matrix)) if matrix[r][column]), None)
        if found is None:
            continue
        matrix[row], matrix[found] = matrix[found], matrix[row]
        head = matrix[row][column]
        matrix[row] = [v / head for v in matrix[row]]
        for other in range(len(matrix)):
            factor = matrix[other][column]
            if other != row and factor:
                matrix[other] = [
                    a - factor * b
                    for a, b in zip(matrix[other], matrix[row], strict=True)
                ]
        pivots.append(column)
        row += 1
    vectors = []
    for free in range(width):
        if free in pivots:
            continue
        vector = [Fraction(0)] * width
        vector[free] = Fraction(1)
        for number, pivot in enumerate(pivots):
            vector[pivot] = -matrix[number][free]
        vectors.append(vector)
    return vectors


def _equation(texts: Sequence[str], vector: Sequence[Fraction]) -> str:
    scale = lcm(*(v.denominator for v in vector))
    numbers = [int(v * scale) for v in vector]
    numbers = [n // gcd(*numbers) for n in numbers]
    if max(map(abs, numbers)) > _MAX_COEFFICIENT:
        return ""
    first = next(n for n in numbers if n)
    if first < 0:
        numbers = [-n for n in numbers]
    pairs = list(zip(numbers, texts, strict=True))
    left = " + ".join(_product(n, t) for n, t in pairs if n > 0)
    right = " + ".join(_product(-n, t) for n, t in pairs if n < 0)
    return f"{left} == {right or '0'}"


def _product(number: int, text: str) -> str:
    if text == "1":
        return str(number)
    inner = f"({text})" if " " in text else text
    return inner if number == 1 else f"{number} * {inner}"
