"""A small real project, written to a folder: two modules, three functions, one bug."""

import textwrap
from pathlib import Path

PRICE = '''\
"""Prices."""


def discounted(price, percent):
    """Return the price less percent."""
    if percent < 0:
        raise ValueError("negative discount")
    return price + price * percent // 100
'''

CART = '''\
"""Carts."""

from shop.price import discounted

SEEN = []


def total(items, percent=0):
    """Return the sum of all prices after the discount."""
    result = 0
    for price, count in items:
        SEEN.append(price)
        result += discounted(price, percent) * count
    return result


def is_empty(items):
    """Return whether nothing is in the cart."""
    return len(items) == 0
'''

CONFTEST = """\
import pytest


@pytest.fixture
def basket():
    return [(100, 2), (50, 1)]
"""

TEST_CART = """\
import subprocess
import sys

import pytest

from shop.cart import is_empty, total


def test_total_without_discount(basket):
    assert total(basket) == 250


def test_total_with_discount(basket):
    assert total(basket, 10) == 225


@pytest.mark.parametrize("items, expected", [([], True), ([(1, 1)], False)])
def test_is_empty(items, expected):
    assert is_empty(items) is expected


def test_files_are_written(tmp_path):
    (tmp_path / "a").write_text("x")
    assert (tmp_path / "a").read_text() == "x"


def test_a_program_is_started():
    command = [sys.executable, "-c", "import shop.cart; print(3)"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode in (0, 1)
"""

TEST_PRICE = """\
import unittest

import pytest

from shop import price


@pytest.mark.parametrize(
    "value, percent, expected", [(200, 50, 100), (80, 0, 80), (100, 10, 90)]
)
def test_discounted(value, percent, expected):
    assert price.discounted(value, percent) == expected


def test_a_negative_discount_is_refused():
    with pytest.raises(ValueError):
        price.discounted(1, -1)


def test_replaced(monkeypatch):
    monkeypatch.setattr(price, "discounted", lambda a, b: 7)
    assert price.discounted(1, 2) == 7


@pytest.mark.skip(reason="not today")
def test_skipped():
    assert False


class TestPrice(unittest.TestCase):
    def test_half(self):
        self.assertEqual(price.discounted(10, 50), 5)
"""

PYPROJECT = """\
[project]
name = "shop"
version = "0.1"

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["shop"]
"""

SOURCE_FOLDER = """
[tool.setuptools.package-dir]
"" = "src"
"""


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


def write_shop(root: Path, *, package: str = "") -> Path:
    """Write the project; `package` is the folder that holds it, as `src/`."""
    write(
        root,
        {
            "pyproject.toml": PYPROJECT + (SOURCE_FOLDER if package else ""),
            f"{package}shop/__init__.py": "",
            f"{package}shop/price.py": PRICE,
            f"{package}shop/cart.py": CART,
            "tests/conftest.py": CONFTEST,
            "tests/test_cart.py": TEST_CART,
            "tests/test_price.py": TEST_PRICE,
        },
    )
    return root


def content(root: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
