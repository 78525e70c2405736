"""Agreement with recorded verdicts is counted, and every difference is shown."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench import agreement
from tests.bench.small import ROWS


def recorded(code: str, *, base: bool, plus: bool | None) -> dict[str, Any]:
    verdicts = {"base_pass": base, "plus_pass": plus}
    return {"task_id": "Small/0", "code": code, "model": "m", "fails": "", **verdicts}


RIGHT = "def double(x): return x + x"
ONLY_BASE = "def double(x): return abs(x) * 2"
WRONG = "def double(x): return x"


def zipped(path: Path, rows: list[Any]) -> None:
    with gzip.open(path, "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def test_the_table_counts_and_shows_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    zipped(tmp_path / "HumanEvalPlus.jsonl.gz", list(ROWS))
    zipped(
        tmp_path / "right_humaneval_dev.jsonl.gz",
        [
            recorded(RIGHT, base=True, plus=True),
            recorded(RIGHT, base=True, plus=None),
            recorded(f"{WRONG}  # no", base=True, plus=True),
        ],
    )
    zipped(
        tmp_path / "wrong_humaneval_dev.jsonl.gz",
        [
            recorded(ONLY_BASE, base=True, plus=False),
            recorded(WRONG, base=False, plus=False),
        ],
    )
    found = tmp_path / "found.json"
    arguments = ["--data", str(tmp_path), "--only", "humaneval+", "--workers", "1"]
    assert agreement.main([*arguments, "--json", str(found)]) == 0
    told = capsys.readouterr().out
    assert "5 rows, 1 tasks" in told
    assert "base    recorded right 4: 3 pass, 1 do not; recorded wrong 1: 1" in told
    assert "plus    recorded right 2: 1 pass, 1 do not; recorded wrong 2: 2" in told
    assert "Small/0 plus: recorded right, ours base: the result is wrong" in told
    (row,) = json.loads(found.read_text())["humaneval+"]
    assert row["outcomes"] == {"base": "fail", "plus": "not_run"}
