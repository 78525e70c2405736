"""A real repository in its own environment: find the fault, repair, suite green."""

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from codegrad.budget import Spent
from codegrad.cli.session import apply
from codegrad.errors import OutputError
from codegrad.loss import Loss
from codegrad.result import Outcome, Result
from codegrad.tasks.reader import read_task

COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]

FILES = {
    "pyproject.toml": '[project]\nname = "till"\nversion = "1"\n',
    "till/__init__.py": "",
    "till/money.py": '''\
"""Amounts in cents."""


def share(amount, people):
    """Split amount into whole cents, the first ones get the rest."""
    # everybody gets the floor
    base, rest = divmod(amount, people)
    return [base + 1] * rest + [base] * (people - rest - 1)


def total(amounts):
    """Add up."""
    return sum(amounts)
''',
    "till/bill.py": """\
from till.money import share, total


class Bill:
    def __init__(self, items):
        self.items = items

    def per_head(self, people):
        return share(total(self.items), people)
""",
    "tests/test_till.py": """\
import pytest

from till.bill import Bill
from till.money import share, total


@pytest.fixture
def bill():
    return Bill([100, 250])


def test_total():
    assert total([1, 2]) == 3


@pytest.mark.parametrize("amount,people,expected", [
    (10, 2, [5, 5]), (10, 3, [4, 3, 3]), (0, 1, [0]),
])
def test_share(amount, people, expected):
    assert share(amount, people) == expected


def test_per_head(bill):
    assert bill.per_head(4) == [88, 88, 87, 87]


def test_nothing_is_lost(bill, tmp_path):
    (tmp_path / "x").write_text("own files are fine")
    assert sum(bill.per_head(3)) == 350
""",
}


def project(root: Path) -> Path:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def codegrad(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_gradient_points_at_the_function_at_fault(tmp_path: Path) -> None:
    project(tmp_path)
    done = codegrad(
        "grad",
        "till/bill.py::Bill.per_head",
        "--tests",
        "tests",
        "--python",
        sys.executable,
        "--json",
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    gradients = {
        (g["path"], g["function"]): max(c["weight"] for c in g["critiques"])
        for g in json.loads(done.stdout)["gradients"]
    }
    assert max(gradients, key=lambda key: gradients[key]) == ("till/money.py", "share")
    assert ("till/money.py", "total") not in gradients or (
        gradients["till/money.py", "total"] < gradients["till/money.py", "share"]
    )


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("tests/test_till.py", "import no_such_module\n", "no_such_module"),
        ("tests/test_till.py", "x = 1\n", "is neither|no tests|neither"),
        (
            "tests/test_more.py",
            "from till.money import total\n"
            "def test_a(): assert total([1]) == 1\n"
            "def test_b(): assert total([1]) == 2\n",
            "no program can satisfy both",
        ),
        ("till/money.py", "def share(:\n", "cannot be imported"),
    ],
)
def test_what_is_wrong_with_the_project_is_one_sentence(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    project(tmp_path)
    (tmp_path / name).write_text(text)
    done = codegrad(
        "refine",
        "till/bill.py::Bill.per_head",
        "--tests",
        "tests",
        "--python",
        sys.executable,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert any(part in done.stderr for part in sentence.split("|")), done.stderr


@pytest.mark.slow
def test_apply_makes_the_suite_green_in_the_projects_own_environment(
    tmp_path: Path,
) -> None:
    project(tmp_path)
    venv.create(tmp_path / ".venv", with_pip=True)
    python = tmp_path / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "pytest"], check=True)
    before = subprocess.run(
        [python, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, check=False
    )
    assert before.returncode == 1
    done = codegrad(
        "refine",
        "till/bill.py::Bill.per_head",
        "--tests",
        "tests/",
        "--apply",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not forge-proof" in done.stdout
    assert f"written: {tmp_path / 'till' / 'money.py'}" in done.stdout
    text = (tmp_path / "till" / "money.py").read_text()
    assert "# everybody gets the floor" in text
    assert (tmp_path / "till" / "bill.py").read_text() == FILES["till/bill.py"]
    after = subprocess.run(
        [python, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, check=False
    )
    assert after.returncode == 0, after.stdout


def test_part_of_a_repair_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import g\n\ndef f():\n    return g()\n")
    (tmp_path / "b.py").write_text("def g():\n    return 1\n")
    (tmp_path / "test_a.py").write_text(
        "from a import f\n\ndef test_f():\n    assert f() == 2\n"
    )
    task = read_task(f"{tmp_path / 'a.py'}::f", tests=[str(tmp_path / "test_a.py")])
    new = {p: text.replace("return", "return 1 +") for p, text in task.sources.items()}
    loss = Loss(task.constraints, (), ladder=())
    result = Result(task, Outcome.VERIFIED, "", new, loss, Spent(), 1)
    first, second = result.changed
    # A folder stands where the new text of the second file would be written first.
    (tmp_path / f".{second}.codegrad").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        apply(result)
    assert (tmp_path / first).read_text() == task.sources[first]
    (tmp_path / f".{second}.codegrad").rmdir()
    assert len(apply(result)) == 2
    assert (tmp_path / second).read_text() == new[second]
