"""What is wrong with the files of samples and results is said in a sentence."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.problems import Dataset
from tests.bench.small import RIGHT, small_dataset, write_rows

GOOD: dict[str, Any] = {"task_id": "Small/0", "completion": RIGHT["Small/0"]}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return small_dataset(tmp_path)


def evaluated(
    dataset: Dataset,
    samples: Path,
    *options: str,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", "from codegrad.cli.main import main; main()"),
            *("evaluate", str(samples), "--dataset", "humaneval+"),
            *("--data", str(dataset.path), "--workers", "1", *options),
        ],
        env={**os.environ, "XDG_CACHE_HOME": str(dataset.path.parent / "cache")},
        preexec_fn=before,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task_id": "Small/0", "comp', "line 2 is not JSON"),
        ('{"task_id": "Other/9", "solution": ""}', "'Other/9', which humaneval+ does"),
        ('{"task_id": "Small/0", "solution": 3}', "solution is int, not text"),
        ('{"task_id": "Small/0"}', "neither a solution nor a completion"),
        ('{"question_id": "Small/0", "code_list": [3]}', "not all text"),
        ("[" * 100_000, "line 2 is not JSON"),
    ],
)
def test_a_bad_line_is_named_and_can_be_left_out(
    dataset: Dataset, tmp_path: Path, line: str, message: str
) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n{json.dumps(GOOD)}\n")
    refused = evaluated(dataset, path)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "--skip-bad" in refused.stderr
    assert "Traceback" not in refused.stderr
    taken = evaluated(dataset, path, "--skip-bad", "--json")
    summary = json.loads(taken.stdout)
    assert (summary["samples"], summary["unique"], summary["left_out"]) == (2, 1, 1)


@pytest.mark.parametrize(("missing", "rate"), [("zero", 1 / 3), ("skip", 1.0)])
def test_missing_tasks_are_named_and_count_as_asked(
    dataset: Dataset, tmp_path: Path, missing: str, rate: float
) -> None:
    path = write_rows(tmp_path / "s.jsonl", [GOOD])
    summary = json.loads(
        evaluated(dataset, path, "--missing", missing, "--json").stdout
    )
    assert summary["missing"] == ["Small/1", "Small/2"]
    assert summary["pass_at_k"]["plus"]["1"] == pytest.approx(rate)
    told = evaluated(dataset, path, "--missing", missing).stdout
    assert "Small/1, Small/2" in told


def test_an_unknown_version_is_noted_with_its_checksum(
    dataset: Dataset, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "s.jsonl", [GOOD])
    assert f"SHA-256 {dataset.checksum}" in evaluated(dataset, path).stdout


def test_a_full_disk_ends_with_a_sentence_and_keeps_what_is_written(
    dataset: Dataset, tmp_path: Path
) -> None:
    rows = [
        {"task_id": "Small/0", "completion": f"    return x * 2 + 0 * {number}\n"}
        for number in range(60)
    ]
    path = write_rows(tmp_path / "s.jsonl", rows)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    full = evaluated(dataset, path, before=little_room)
    assert full.returncode == 2
    assert "cannot be written" in full.stderr
    assert "Traceback" not in full.stderr
    summary = json.loads(evaluated(dataset, path, "--json").stdout)
    assert summary["resumed"] > 10
    assert summary["tasks"]["Small/0"]["passed"] == {"base": 60, "plus": 60}
