"""Recorded completions as an engine."""

import gzip
import json
from pathlib import Path

import pytest

from codegrad.engines.pool import PoolEngine, read_pool
from codegrad.errors import UsageError
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

START = '''def double(x):
    """For example double(2) == 4 and double(5) == 10."""
    return None
'''
CODES = [
    "def double(x):\n    return x + 2\n",
    "I cannot do that.",
    "def double(x):\n    return x * 2\n",
    "def double(x):\n    return x ** 2\n",
]


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "double.py", "double")


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    path = tmp_path / "pool.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for code in CODES:
            lines.write(json.dumps({"task_id": "t/1", "code": code}) + "\n")
    return path


def test_the_first_completion_that_holds_ends_the_run(pool: Path, task: Task) -> None:
    engine = PoolEngine(pool, "t/1", width=2)
    with Workbench() as tools:
        result = refine(
            task, engines=[engine], strategy=strategy_of("best-of-n"), bench=tools
        )
    assert result.verified
    assert "x * 2" in result.code
    assert engine.state() == {"next": 4}


def test_the_order_is_the_file_or_a_function_of_the_seed(pool: Path) -> None:
    def order(seed: int | None) -> list[str]:
        return PoolEngine(pool, "t/1", seed=seed)._codes

    assert order(None) == CODES
    assert order(1) == order(1)
    assert sorted(order(1)) == sorted(CODES)
    assert any(order(seed) != CODES for seed in range(5))


def test_a_restored_engine_skips_what_was_given(pool: Path, task: Task) -> None:
    engine = PoolEngine(pool, "t/1", width=2)
    engine.restore({"next": 3})
    with Workbench() as tools:
        result = refine(
            task, engines=[engine], strategy=strategy_of("best-of-n"), bench=tools
        )
    assert not result.verified


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ('{"task_id": "t"}', "line 1 is no completion"),
        ('{"task_id": "other", "code": ""}', "has no completion of 't/1'"),
    ],
)
def test_a_pool_that_cannot_be_used_says_why(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "pool.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem):
        PoolEngine(path, "t/1")
    with pytest.raises(UsageError, match="cannot be read"):
        read_pool(tmp_path / "missing.jsonl")
