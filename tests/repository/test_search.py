import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegrad.sandbox.repository import SEARCH_LIMITS, run_suite, search_job
from codegrad.task import Repository
from tests.repository.projects import CART, content, write, write_shop

PYTHON = Path(sys.executable)


def job(source: str, **fields: Any) -> dict[str, Any]:
    return {
        "source": source,
        "context": "",
        "entry": "",
        "functions": None,
        "suspicion": None,
        "phase": "edits",
        "start": 0,
        "count": 600,
        "indices": None,
        "tick_limit": None,
        "extra": 0,
        "prompt": "",
        "seed": 0,
        **fields,
    }


def search(
    repository: Repository, path: str, **fields: Any
) -> tuple[dict[str, Any], list[str]]:
    """Return the analysis and the plausible sources of one job."""
    source = (repository.root / path).read_text()
    run = search_job(repository, {}, path, job(source, **fields))
    frames = list(run)
    assert run.ended == "finished"
    analysis = next(f["analysis"] for f in frames if "analysis" in f)
    hits = [f["hit"] for f in frames if "hit" in f]
    return analysis, [h["source"] for h in hits if h["status"] == "plausible"]


def repair(root: Path, path: str, **fields: Any) -> str:
    """Return the first plausible source, checked in a fresh process."""
    repository = Repository(root, ("tests",), PYTHON, (path,))
    analysis, plausible = search(repository, path, **fields)
    assert "error" not in analysis
    assert plausible
    run = run_suite(repository, {path: plausible[0]})
    assert run.load is None
    assert not run.failing
    return plausible[0]


def test_function_behind_its_caller_is_repaired(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop", package="src/")
    before = content(root)
    fixed = repair(root, "src/shop/price.py", functions=["discounted"])
    assert "return price - price * percent // 100" in fixed
    assert fixed.startswith(
        '"""Prices."""\n\n\ndef discounted(price, percent):\n    """'
    )
    assert content(root) == before


def test_only_tests_that_reach_the_function_or_fail_are_run(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    repository = Repository(root, ("tests",), PYTHON, ("shop/cart.py",))
    analysis, _ = search(repository, "shop/cart.py", functions=["is_empty"], count=1)
    # 2 tests of the function and 4 that fail for another reason.
    assert (analysis["passed"], analysis["total"]) == (2, 6)


@pytest.mark.slow
def test_same_job_gives_the_same_frames(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    repository = Repository(root, ("tests",), PYTHON, ("shop/price.py",))
    first, second = (
        list(search_job(repository, {}, "shop/price.py", job(source)))
        for source in [(root / "shop/price.py").read_text()] * 2
    )
    assert first == second


def test_wrapped_functions_and_methods_are_edited_where_they_are(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "shapes.py": """\
            import functools


            def logged(function):
                @functools.wraps(function)
                def inner(*args, **kwargs):
                    return function(*args, **kwargs)

                return inner


            class Shape:
                def __init__(self, name):
                    self.name = name

                @property
                def label(self):
                    return self.name.lower()


            class Box(Shape):
                @logged
                def __init__(self, width, height=2):
                    super().__init__("box")
                    self.width = width
                    self.height = height

                @functools.lru_cache
                def area(self):
                    return self.width + self.height

                @staticmethod
                def sides():
                    return 4
            """,
            "tests/test_shapes.py": """\
            from shapes import Box

            def test_area():
                assert Box(3).area() == 6
                assert Box(5, 4).area() == 20

            def test_label():
                assert Box(1).label == "box"
                assert Box.sides() == 4
            """,
        },
    )
    fixed = repair(tmp_path, "shapes.py")
    assert "return self.width * self.height" in fixed
    assert "    @functools.lru_cache\n    def area(self):" in fixed


@pytest.mark.slow
def test_default_that_is_a_name_of_the_class_does_not_stop_the_search(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "greet.py": """\
            class Greeter:
                TIMES = 2

                def greet(self, name, times=TIMES):
                    return name + times
            """,
            "tests/test_greet.py": """\
            from greet import Greeter

            def test_twice():
                assert Greeter().greet("abc") == "abcabc"

            def test_thrice():
                assert Greeter().greet("xy", 3) == "xyxyxy"
            """,
        },
    )
    assert "return name * times" in repair(tmp_path, "greet.py")


def test_state_of_the_module_does_not_leak_between_candidates(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "bank.py": """\
            ACCOUNTS = {}


            def deposit(name, amount):
                ACCOUNTS[name] = ACCOUNTS.get(name, 0) - amount
                return ACCOUNTS[name]
            """,
            "tests/test_bank.py": """\
            import bank

            def test_first():
                assert bank.deposit("a", 5) == 5

            def test_second():
                assert bank.deposit("b", 5) == 5
                assert bank.deposit("b", 5) == 10
            """,
        },
    )
    assert "ACCOUNTS.get(name, 0) + amount" in repair(tmp_path, "bank.py")


def test_tests_that_leave_state_behind_run_in_children(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "queue_.py": "def last(items):\n    return items[0]\n",
            "tests/test_queue.py": """\
            import pytest
            from queue_ import last

            class Box:
                runs = 0

            @pytest.fixture
            def fresh():
                Box.runs += 1
                assert Box.runs == 1

            def test_last(fresh):
                assert last([1, 2, 3]) == 3

            def test_one():
                assert last([7]) == 7
            """,
        },
    )
    repository = Repository(tmp_path, ("tests",), PYTHON, ("queue_.py",))
    analysis, plausible = search(repository, "queue_.py")
    assert analysis["total"] == 2
    assert any("items[-1]" in source for source in plausible)


@pytest.mark.slow
def test_endless_loop_is_repaired(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "count.py": """\
            def digits(n):
                found = 0
                while n > 0:
                    found += 1
                    n = n // 1
                return found
            """,
            "tests/test_count.py": """\
            from count import digits

            def test_none():
                assert digits(0) == 0

            def test_three():
                assert digits(123) == 3

            def test_five():
                assert digits(10000) == 5
            """,
        },
    )
    repair(tmp_path, "count.py", count=2000)


def test_module_that_cannot_be_imported_is_said_in_the_analysis(
    tmp_path: Path,
) -> None:
    root = write_shop(tmp_path / "shop")
    repository = Repository(root, ("tests",), PYTHON, ("shop/cart.py",))
    run = search_job(repository, {}, "shop/cart.py", job("1 / 0\n" + CART))
    frames = list(run)
    assert "division by zero" in frames[0]["analysis"]["error"]
    assert frames[-1] == {"end": {"tried": 0, "next": 0}}


@pytest.mark.slow
def test_candidate_that_stands_still_is_named_by_its_mark(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "slow.py": """\
            import time


            def wait(n):
                if n > 5:
                    time.sleep(1000)
                return n - 1
            """,
            "tests/test_slow.py": """\
            from slow import wait

            def test_wait():
                assert wait(4) == 4
            """,
        },
    )
    repository = Repository(tmp_path, ("tests",), PYTHON, ("slow.py",))
    source = (tmp_path / "slow.py").read_text()
    limits = replace(SEARCH_LIMITS, wall_s=3.0)
    run = search_job(repository, {}, "slow.py", job(source, extra=600), limits=limits)
    frames = list(run)
    assert run.ended == "timeout"
    assert run.mark >= 0
    assert not any("end" in frame for frame in frames)


def test_how_far_a_search_is_is_heard_between_its_frames(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "odd.py": "def odd(n):\n    return n * 3 == 7\n",
            "tests/test_odd.py": """\
            import time

            from odd import odd

            def test_odd():
                time.sleep(0.05)
                assert odd(3) == "never"
            """,
        },
    )
    repository = Repository(tmp_path, ("tests",), PYTHON, ("odd.py",))
    source = (tmp_path / "odd.py").read_text()
    run = search_job(repository, {}, "odd.py", job(source, count=60))
    heard: list[int] = []
    run.on_mark = heard.append
    list(run)
    assert len([mark for mark in heard if mark >= 0]) >= 2
    assert max(heard) <= 60


@pytest.mark.slow
def test_search_runs_in_an_interpreter_that_does_not_have_us(
    environment: Path, tmp_path: Path
) -> None:
    root = write_shop(tmp_path / "shop")
    repository = Repository(root, ("tests",), environment, ("shop/price.py",))
    analysis, plausible = search(repository, "shop/price.py")
    assert analysis["total"] == 7
    assert plausible
