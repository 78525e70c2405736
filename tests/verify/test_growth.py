import math
from collections.abc import Callable

import pytest

from codegrad.verify.growth import Growth, fit, growth_of

_SIZES = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
_CURVES: dict[Growth, Callable[[int], float]] = {
    Growth.CONSTANT: lambda _: 7,
    Growth.LOGARITHMIC: lambda n: 5 + 3 * math.log(n),
    Growth.LINEAR: lambda n: 90 + 2 * n,
    Growth.LINEARITHMIC: lambda n: 90 + n * math.log(n),
    Growth.QUADRATIC: lambda n: 500 + n * n / 3,
    Growth.CUBIC: lambda n: 500 + n**3 / 9,
}


@pytest.mark.parametrize("growth", _CURVES)
def test_a_curve_is_recognised(growth: Growth) -> None:
    found = fit(_SIZES, [_CURVES[growth](n) for n in _SIZES])
    assert found is not None
    assert found.growth is growth


@pytest.mark.parametrize("base", [1.5, 1.618, 2.0, 2.7])
def test_exponential_growth_of_any_base_is_recognised(base: float) -> None:
    sizes = [4, 6, 8, 11, 16, 23]
    found = fit(sizes, [3 + base**n for n in sizes])
    assert found is not None
    assert found.growth is Growth.EXPONENTIAL


def test_too_few_points_give_no_class() -> None:
    assert fit([1, 2, 3], [1, 2, 3]) is None


@pytest.mark.parametrize("growth", Growth)
def test_the_name_of_a_class_is_read_back(growth: Growth) -> None:
    assert growth_of(str(growth)) is growth


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("O(n**2)", Growth.QUADRATIC),
        ("O(N log N)", Growth.LINEARITHMIC),
        ("n", Growth.LINEAR),
        ("O(n²)", Growth.QUADRATIC),
        ("O(n * m)", None),
        ("fast", None),
        ("", None),
    ],
)
def test_a_class_is_read_as_people_write_it(text: str, growth: Growth | None) -> None:
    assert growth_of(text) is growth
