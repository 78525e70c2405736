"""Three strategies over recorded completions, on a small pool with known answers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.bootstrap import paired_difference
from codegrad.bench.datasets import open_dataset
from codegrad.bench.pool import (
    Experiment,
    Judge,
    Plan,
    Row,
    by_task,
    main,
    summary,
    verdict,
)
from codegrad.bench.remembering import RememberingBench
from codegrad.bench.visible import visible_tasks
from codegrad.tasks.python_file import task_from_text

NAME = "HumanEval/900"
PROMPT = '''def largest(items: list) -> int:
    """Return the largest item.

    >>> largest([3, 9, 2])
    9
    """
'''
PROBLEM = {
    "task_id": NAME,
    "prompt": PROMPT,
    "entry_point": "largest",
    "canonical_solution": "    return max(items)\n",
    "contract": "",
    "base_input": [[[1, 2]], [[5]]],
    "plus_input": [[[-3, -1]], [[7, 8, 1]]],
    "atol": 0,
    "test": "",
}
RIGHT = "def largest(items):\n    return max(items)\n"
LATE = "def largest(items):\n    return sorted(items)[-1]\n"
WRONG = "def largest(items):\n    return max(0, *items, 0)\n"
BROKEN = "def largest(items):\n    return min(items)\n"


def rows(*codes: tuple[str, bool]) -> list[dict[str, Any]]:
    return [
        {"task_id": NAME, "code": code, "plus_pass": right} for code, right in codes
    ]


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in found)
    return path


def outcome(
    folder: Path,
    pool: list[dict[str, Any]],
    prompt: str = PROMPT,
    *,
    orders: int = 1,
    properties: bool = False,
) -> Row:
    data = write(folder / "data.jsonl.gz", [{**PROBLEM, "prompt": prompt}])
    bench, judge = RememberingBench(), Judge(open_dataset("humaneval+", data))
    try:
        plan = Plan(orders=orders, properties=properties)
        experiment = Experiment(judge, bench, plan)
        return experiment.run(NAME, visible_tasks("humaneval+", data)[NAME], pool)
    finally:
        bench.end()
        judge.close()


@pytest.mark.parametrize("properties", [False, True])
def test_agreement_beats_the_first_that_passes(
    tmp_path: Path, *, properties: bool
) -> None:
    pool = rows((WRONG, False), (RIGHT, True), (LATE, True), (BROKEN, False))
    row = outcome(tmp_path, pool, properties=properties)
    assert row.right == {
        "first": 0.0,
        "best of n": 0.0,
        "codegrad": 1.0,
        "oracle": 1.0,
    }
    assert (row.repaired, row.refuted) == (0.0, 0.0)


def test_a_repair_may_pass_the_oracle_and_is_graded(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl.gz", [PROBLEM])
    completions = write(tmp_path / "pool.jsonl.gz", rows((BROKEN, False)))
    output = tmp_path / "report.json"
    arguments = [str(completions), "--data", str(data), "--json", str(output)]
    assert main([*arguments, "--orders", "2"]) == 0
    report = json.loads(output.read_text())["all"]
    assert report["repaired"] == 1
    assert report["right"]["codegrad"] == 1.0
    assert report["right"]["oracle"] == 0.0


def test_a_task_of_several_pools_counts_once() -> None:
    def row(task: str, ours: float, theirs: float) -> Row:
        shares = {"first": 0.0, "best of n": theirs, "codegrad": ours, "oracle": 1.0}
        return Row(task, 4, shares, dict.fromkeys(shares, 4.0), 0.0, 0.0, 1.0)

    found = summary(
        by_task([[row("a", 1.0, 0.0), row("b", 1.0, 1.0)], [row("a", 0, 0)]])
    )
    assert found["tasks"] == 2
    assert found["right"] == {
        "first": 0.0,
        "best of n": 0.5,
        "codegrad": 0.75,
        "oracle": 1.0,
    }
    assert found["codegrad minus best of n"]["mean"] == 0.25


def test_answers_that_agree_against_a_wrong_example_are_kept(tmp_path: Path) -> None:
    wrong = PROMPT.replace("    9\n", "    3\n")
    row = outcome(tmp_path, rows(*[(RIGHT, True)] * 4, (LATE, True)), wrong)
    assert (row.repaired, row.refuted) == (0.0, 1.0)
    assert row.right["codegrad"] == 1.0


def test_the_order_of_completions_is_averaged_over(tmp_path: Path) -> None:
    row = outcome(tmp_path, rows((RIGHT, True), (WRONG, False)), orders=8)
    assert 0.0 < row.right["first"] < 1.0
    assert row.right["first"] == row.right["best of n"]


def test_a_verdict_is_what_was_recorded_or_none() -> None:
    found: list[dict[str, Any]] = [
        {"plus_pass": True},
        {"official_pass": False},
        {"plus_pass": None},
        {},
    ]
    assert [verdict(row) for row in found] == [True, False, None, None]


def test_a_program_without_a_judge_is_wrong_and_listed() -> None:
    judge = Judge(None)
    task = task_from_text(PROMPT, "m.py", "largest")
    assert judge.is_right("LCB/1", task, RIGHT) is False
    assert judge.ungraded == ["LCB/1: nothing at hand can judge it"]
    judge.close()


def test_the_interval_is_paired_and_holds_the_mean() -> None:
    found = paired_difference([1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0])
    assert found.low <= found.mean == 0.25 <= found.high
    assert found.low == 0.0


def test_the_summary_counts_tasks(tmp_path: Path) -> None:
    report = summary([outcome(tmp_path, rows((RIGHT, True)))])
    assert report["tasks"] == 1
    assert set(report["right"].values()) == {1.0}


def test_accepted_programs_judge_answers_without_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    starter = "class Solution:\n    def largest(self, items: list) -> int:\n        "
    problem = {
        "question_id": "1",
        "question_content": "Return the largest item.",
        "starter_code": starter,
        "public_test_cases": [
            {"input": "[3, 9, 2]", "output": "9", "testtype": "functional"}
        ],
        "metadata": '{"func_name": "largest"}',
    }
    texts = {
        "return max(items)": True,
        "return sorted(items)[-1]": True,
        "return max(0, *items)": None,
        "return sorted(items, reverse=True)[0]": None,
    }
    pool = [
        {"task_id": "LCB/1", "code": f"{starter}{body}\n", "official_pass": passed}
        for body, passed in texts.items()
    ]
    data = write(tmp_path / "data.jsonl.gz", [problem])
    accepted = write(tmp_path / "accepted.jsonl.gz", pool[:2])
    completions = write(tmp_path / "pool.jsonl.gz", pool[2:])
    output = tmp_path / "report.json"
    arguments = [str(completions), "--dataset", "livecodebench", "--data", str(data)]
    arguments += ["--orders", "1", "--json", str(output)]
    assert main(arguments) == 2
    assert "no task in it can be judged" in capsys.readouterr().err
    assert main([*arguments, "--accepted", str(accepted)]) == 0
    report = json.loads(output.read_text())["all"]
    assert report["tasks"] == 1
    assert report["right"]["first"] == 0.0
    assert report["right"]["oracle"] == 1.0


def test_a_pool_that_cannot_be_read_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "data.jsonl.gz", [PROBLEM])
    assert main([str(tmp_path / "none.gz"), "--data", str(data)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_answers_may_come_a_few_at_a_time_and_those_used_are_counted(
    tmp_path: Path,
) -> None:
    data = write(tmp_path / "data.jsonl.gz", [PROBLEM])
    completions = write(
        tmp_path / "pool.jsonl.gz",
        rows((BROKEN, False), (RIGHT, True), (LATE, True), (WRONG, False)),
    )
    output = tmp_path / "report.json"
    arguments = [str(completions), "--data", str(data), "--json", str(output)]
    arguments += ["--orders", "1", "--width", "1", "--also", "frugal"]
    assert main(arguments) == 0
    report = json.loads(output.read_text())["all"]
    assert report["used"] == {
        "first": 1,
        "best of n": 2,
        "codegrad": 3,
        "frugal": 1,
    }


def test_runs_may_start_at_wrong_programs(tmp_path: Path) -> None:
    data = write(tmp_path / "data.jsonl.gz", [PROBLEM])
    wrong = {
        "task_id": "Python/900",
        "prompt": PROMPT,
        "entry_point": "largest",
        "buggy_solution": "    return items[0]\n",
    }
    start = write(tmp_path / "start.jsonl.gz", [wrong])
    completions = write(tmp_path / "pool.jsonl.gz", rows((RIGHT, True), (LATE, True)))
    output = tmp_path / "report.json"
    arguments = [str(completions), "--data", str(data), "--start", str(start)]
    arguments += ["--orders", "1", "--also", "frugal", "--json", str(output)]
    assert main(arguments) == 0
    found = json.loads(output.read_text())["all"]
    # The nearest edit that passes the only example is `items[1]`.
    assert found["right"]["frugal"] == 0.0
    assert found["right"]["codegrad"] == 1.0
    assert found["used"]["frugal"] == 0
