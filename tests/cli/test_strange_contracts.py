"""Contracts and functions that nobody meant to write: `check` says what it knows."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from codegrad.cli import check
from codegrad.errors import TargetError

STAGES = "syntax,tests,properties,proof"


def function(contract: str, body: str = "return x", head: str = "x: int") -> str:
    lines = "\n".join(f"    {line}" for line in contract.splitlines())
    return f'def f({head}) -> int:\n    """F.\n\n{lines}\n    """\n    {body}\n'


def checked(tmp_path: Path, source: str, *options: str) -> dict[str, Any]:
    path = tmp_path / "m.py"
    path.write_text(source)
    result = CliRunner().invoke(
        check.command,
        [f"{path}::f", "--json", "--stages", STAGES, "--timeout", "1", *options],
        standalone_mode=False,
    )
    if result.exception is not None:
        raise result.exception
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def row_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(
        r for r in document["evidence"] if r["constraint"] == name
    )
    return row


OPEN = {
    "an unknown name": (
        function("post: nonsense(result)"),
        "name 'nonsense' is not defined",
    ),
    "an unknown name before the call": (
        function("pre: nonsense(x)\npost: result == x"),
        "name 'nonsense' is not defined",
    ),
    "a clause that raises": (function("post: 1 // 0 == result"), "ZeroDivisionError"),
    "a clause that ends the process": (function("post: exit()"), "SystemExit"),
    "preconditions that contradict each other": (
        function("pre: x > 0\npre: x < 0\npost: result == 5"),
        "the preconditions contradict each other",
    ),
    "neither types nor examples": (
        function("post: result == x", head="x"),
        "no input is known and the parameters have no types",
    ),
    "a result that is consumed by looking": (
        function("post: len(list(result)) == x", body="yield from range(x)"),
        "not in the provable subset",
    ),
    "recursion without an end": (
        function("post: result == 1", body="return f(x)"),
        "partial correctness",
    ),
}


@pytest.mark.parametrize("case", OPEN)
def test_what_cannot_be_judged_is_unknown_with_the_reason(
    case: str, tmp_path: Path
) -> None:
    source, reason = OPEN[case]
    document = checked(tmp_path, source)
    row = row_of(document, "post 1")
    assert row["status"] == "unknown"
    assert reason in row["reason"]
    assert document["verified"] is False
    assert document["sentence"].startswith("undecided: 1 of 2")
    assert document["exit_code"] == 0


def test_a_clause_that_does_not_parse_stays_open_and_nothing_is_verified(
    tmp_path: Path,
) -> None:
    document = checked(tmp_path, function("pre: len(x\npost: result =="))
    first, second = (row_of(document, f"clause {number}") for number in (1, 2))
    assert {first["status"], second["status"]} == {"unknown"}
    assert "line 4: `pre: len(x` is not a Python expression" in first["reason"]
    assert document["verified"] is False
    assert document["sentence"].startswith("undecided: 2 of 3")


@pytest.mark.parametrize(
    ("clause", "change"),
    [
        ("post: xs.append(1) is None", ".append(...)"),
        ("post: (result := xs) == xs", "result := ..."),
        ("pre: xs.pop() > 0", ".pop(...)"),
    ],
)
def test_a_clause_that_changes_what_it_looks_at_stays_open(
    clause: str, change: str, tmp_path: Path
) -> None:
    document = checked(tmp_path, function(clause, "return len(xs)", "xs: list[int]"))
    row = row_of(document, "clause 1")
    assert row["status"] == "unknown"
    assert f"changes what it looks at ({change})" in row["reason"]
    assert document["verified"] is False


def test_an_exception_breaks_even_the_weakest_contract(tmp_path: Path) -> None:
    document = checked(tmp_path, function("post: True", body="return 1 // 0"))
    assert row_of(document, "post 1")["status"] == "refuted"
    assert document["exit_code"] == 1


def test_a_decorated_function_is_tested_and_not_proved(tmp_path: Path) -> None:
    source = "import functools\n\n@functools.cache\n" + function("post: result == x")
    row = row_of(checked(tmp_path, source), "post 1")
    assert row["status"] == "passed"
    assert "decorator" in row["reason"]


def test_objects_of_the_modules_classes_are_tested_beside_the_code(
    tmp_path: Path,
) -> None:
    source = (
        "class P:\n    def __init__(self, x):\n        self.x = x\n\n\n"
        + function(">>> f(P(3))\n3", body="return p.x", head="p: P")
    )
    document = checked(tmp_path, source)
    row = row_of(document, "example 1")
    assert (row["status"], row["forge_proof"]) == ("passed", False)
    assert "not forge-proof" in document["sentence"]
    wrong = checked(tmp_path, source.replace("return p.x", "return p.x + 1"))
    assert row_of(wrong, "example 1")["status"] == "refuted"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("async " + function("post: result == x"), "is an async function"),
        ("class P:\n    def f(self): ...\n", "methods are refined with"),
    ],
)
def test_what_cannot_be_called_is_one_sentence_with_the_way_out(
    source: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match=sentence):
        checked(tmp_path, source)


def test_a_certificate_of_an_open_question_claims_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    checked(tmp_path, function("post: nonsense(result)"), "--certificate", str(path))
    document = json.loads(path.read_text())
    assert document["verified"] is False
    (row,) = [r for r in document["rows"] if r["constraint"] == "post 1"]
    assert row["status"] == "unknown"
    assert {v["status"] for v in row["verdicts"]} == {"unknown"}
