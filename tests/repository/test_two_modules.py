"""Independent faults in two modules are repaired one after the other."""

import json
import sys
from pathlib import Path

import pytest

from codegrad.engines.search import SearchEngine
from codegrad.events import Event
from codegrad.refine import refine
from codegrad.result import Outcome
from codegrad.tasks.repository import read_repository_task
from tests.repository.projects import write

PYTHON = Path(sys.executable)
TAX = "def tax(price):\n    return price - price // 10\n"
SHOP = "from tax import tax\n\n\ndef bill(price, tip):\n    return tax(price) - tip\n"
APART = """\
from shop import bill
from tax import tax

def test_tax():
    assert tax(10) == 11
    assert tax(35) == 38

def test_bill():
    assert bill(5, 4) == 9

def test_bill_of_nothing():
    assert bill(0, 7) == 7
"""
TOGETHER = """\
from shop import bill

def test_no_tip():
    assert bill(10, 0) == 11

def test_no_tip_either():
    assert bill(35, 0) == 38

def test_tip():
    assert bill(10, 4) == 15

def test_more_tip():
    assert bill(35, 5) == 43
"""


@pytest.mark.slow
@pytest.mark.parametrize("tests", [APART, TOGETHER], ids=["apart", "together"])
def test_two_modules_are_repaired_one_after_the_other(
    tmp_path: Path, tests: str
) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": "",
            "tax.py": TAX,
            "shop.py": SHOP,
            "tests/test_shop.py": tests,
        },
    )
    folder = str(tmp_path / "tests")
    task = read_repository_task(tmp_path / "shop.py", "bill", [folder], PYTHON)
    events: list[Event] = []
    engine = SearchEngine(step_candidates=1000)
    result = refine(task, engines=[engine], on_event=events.append)
    accepted = [e for e in events if e.kind == "stepped" and e.data["accepted"]]
    assert len(accepted) == 2
    assert result.outcome is Outcome.VERIFIED
    assert result.sources["tax.py"] == TAX.replace("-", "+", 1)
    assert result.sources["shop.py"] == SHOP.replace("-", "+")
    state = json.loads(json.dumps(engine.state()))
    other = SearchEngine()
    other.restore(state)
    assert json.loads(json.dumps(other.state())) == state
