"""A run that is killed at random moments ends as if nothing had happened."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]

KILLS = 20

# Two faults that hide each other: several steps of search, then a repair.
TEXT = '''\
def spread(items):
    """Return the largest minus the smallest, 0 for no items.

    >>> spread([3, 9, 2])
    7
    >>> spread([])
    0
    >>> spread([-4, -1])
    3
    >>> spread([5])
    0
    >>> spread([1, 8, 8, 2, 4])
    7
    """
    low = high = 0
    for index, item in enumerate(items):
        if index == 1 or item < low:
            low = item
        if index == 1 or item > high:
            high = item
    return high - low
'''


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def essence(document: dict[str, Any]) -> dict[str, Any]:
    kept = ("status", "files", "evidence", "steps", "exit_code", "diff")
    return {name: document[name] for name in kept} | {
        "candidates": document["spent"]["candidates"]
    }


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_like_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "m.py").write_text(TEXT)
    began = time.monotonic()
    out, err = start("refine", "m.py", "--json", cwd=tmp_path).communicate(timeout=300)
    whole = essence(json.loads(out))
    lasts = time.monotonic() - began
    assert whole["candidates"] > 0, err

    rng = random.Random(5)
    kills = 0
    endings = []
    while kills < KILLS:
        before = {run["id"] for run in runs(tmp_path)}
        process = start("refine", "m.py", "--json", cwd=tmp_path)
        while True:
            try:
                out, err = process.communicate(timeout=rng.uniform(0.2, lasts * 0.9))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
            else:
                assert process.returncode in {0, 1}, err
                endings.append(essence(json.loads(out)))
                break
            mine = [run["id"] for run in runs(tmp_path) if run["id"] not in before]
            # Killed before the run was recorded: nothing was lost, start again.
            again = ["resume", mine[0]] if mine else ["refine", "m.py"]
            process = start(*again, "--json", cwd=tmp_path)
    assert endings
    assert all(ending == whole for ending in endings)
    assert (tmp_path / "m.py").read_text() == TEXT


def runs(folder: Path) -> list[dict[str, Any]]:
    out, _ = start("runs", "--json", cwd=folder).communicate(timeout=60)
    found: list[dict[str, Any]] = json.loads(out)
    return found
