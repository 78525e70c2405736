"""Selection and repair against best-of-N, on a small pool with known answers."""

import gzip
import json
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import open_dataset
from codegrad.bench.pool import Experiment, main, paired_difference, summary
from codegrad.verify.stage import Workbench

PROMPT = '''def largest(items: list) -> int:
    """Return the largest item.

    >>> largest([3, 9, 2])
    9
    """
'''
PROBLEM = {
    "task_id": "HumanEval/900",
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
        {"task_id": "HumanEval/900", "code": code, "plus_pass": right}
        for code, right in codes
    ]


def files(folder: Path, pool: list[dict[str, Any]]) -> tuple[Path, Path]:
    data, completions = folder / "data.jsonl.gz", folder / "pool.jsonl.gz"
    for path, found in ((data, [PROBLEM]), (completions, pool)):
        with gzip.open(path, "wt", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in found)
    return data, completions


def test_agreement_beats_the_first_that_passes(tmp_path: Path) -> None:
    pool = rows((WRONG, False), (RIGHT, True), (LATE, True), (BROKEN, False))
    data, _ = files(tmp_path, pool)
    with Workbench() as bench:
        experiment = Experiment(open_dataset("humaneval+", data), bench, orders=1)
        row = experiment.run("HumanEval/900", pool)
        experiment.close()
    assert row.passing == 3
    assert row.right == {
        "first": 0.0,
        "best of n": 0.0,
        "selection": 1.0,
        "codegrad": 1.0,
        "oracle": 1.0,
    }


def test_a_repair_may_pass_the_oracle_and_is_graded(tmp_path: Path) -> None:
    data, completions = files(tmp_path, rows((BROKEN, False)))
    output = tmp_path / "report.json"
    arguments = [str(completions), "--data", str(data), "--json", str(output)]
    assert main([*arguments, "--orders", "2"]) == 0
    report = json.loads(output.read_text())
    assert report["repaired"] == 1
    assert report["right"]["codegrad"] == 1.0
    assert report["right"]["oracle"] == 0.0


def test_completions_that_agree_against_a_wrong_example_are_kept(
    tmp_path: Path,
) -> None:
    wrong = {**PROBLEM, "prompt": PROMPT.replace("    9\n", "    3\n")}
    pool = rows(*[(RIGHT, True)] * 5)
    data, _ = files(tmp_path, pool)
    with gzip.open(data, "wt", encoding="utf-8") as lines:
        lines.write(json.dumps(wrong) + "\n")
    with Workbench() as bench:
        experiment = Experiment(open_dataset("humaneval+", data), bench, orders=1)
        row = experiment.run("HumanEval/900", pool)
        experiment.close()
    assert (row.passing, row.repaired) == (0, False)
    assert row.right["codegrad"] == 1.0


def test_the_interval_is_paired_and_holds_the_mean() -> None:
    found = paired_difference([1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0])
    assert found.low <= found.mean == 0.25 <= found.high
    assert found.low == 0.0


def test_the_summary_counts_tasks(tmp_path: Path) -> None:
    pool = rows((RIGHT, True))
    data, _ = files(tmp_path, pool)
    with Workbench() as bench:
        experiment = Experiment(open_dataset("humaneval+", data), bench, orders=1)
        report = summary([experiment.run("HumanEval/900", pool)])
        experiment.close()
    assert report["tasks"] == 1
    assert set(report["right"].values()) == {1.0}
