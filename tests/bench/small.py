"""A small dataset in HumanEval+'s form, and what tests need around it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import open_dataset
from codegrad.bench.oracles import EQUAL, Oracle
from codegrad.bench.problems import Case, Dataset, Problem, Suite

ROWS: tuple[Mapping[str, Any], ...] = (
    {
        "task_id": "Small/0",
        "prompt": 'def double(x):\n    """Return twice x."""\n',
        "entry_point": "double",
        "canonical_solution": "    return x * 2\n",
        "base_input": [[1], [2]],
        "plus_input": [[0], [-3], [10**30]],
        "atol": 0,
    },
    {
        "task_id": "Small/1",
        "prompt": "def third(x):\n",
        "entry_point": "third",
        "canonical_solution": "    return x / 3\n",
        "base_input": [[1]],
        "plus_input": [[2], [7]],
        "atol": 0,
    },
    {
        "task_id": "Small/2",
        "prompt": "def repeat(text, n):\n",
        "entry_point": "repeat",
        "canonical_solution": "    return text * n\n",
        "base_input": [["ab", 2]],
        "plus_input": [["ab", 50_000]],
        "atol": 0,
    },
)

RIGHT = {row["task_id"]: row["canonical_solution"] for row in ROWS}


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def small_dataset(folder: Path) -> Dataset:
    return open_dataset("humaneval+", write_rows(folder / "small.jsonl", ROWS))


def problem(
    *cases: tuple[Sequence[Any], Any],
    oracle: Oracle = EQUAL,
    tolerance: float = 0.0,
    entry: str = "f",
) -> Problem:
    found = tuple(Case(args, {}, value, tolerance) for args, value in cases)
    return Problem("T/0", entry, "", "", (Suite("base", found),), oracle)
