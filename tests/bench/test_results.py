import json
import os
from pathlib import Path

import pytest

from codegrad.bench.results import Results
from codegrad.bench.verdicts import Failure, Outcome, Verdict
from codegrad.errors import DatasetError, OutputError

ABOUT = {"dataset": "small", "sha256": "abc"}
RIGHT = Verdict({"base": Outcome.PASSED, "plus": Outcome.PASSED}, cpu_s=0.5)
WRONG = Verdict(
    {"base": Outcome.FAILED, "plus": Outcome.NOT_RUN},
    Failure("base", "the result is wrong", "1", "2", "3"),
    ("called sys.exit",),
)
KEYS = [bytes([number]) * 16 for number in range(5)]


def write(path: Path) -> None:
    with Results(path, ABOUT) as results:
        results.add(KEYS[0], "T/0", RIGHT)
        results.add(KEYS[1], "T/0", WRONG)


def test_results_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path)
    with Results(path, ABOUT) as results:
        assert results.outcomes(KEYS[0]) == (Outcome.PASSED, Outcome.PASSED)
        assert results.outcomes(KEYS[1]) == (Outcome.FAILED, Outcome.NOT_RUN)
        assert KEYS[2] not in results
        assert results.failures["T/0"]["given"] == "1"
        assert results.attempts == {"T/0": {"called sys.exit": [KEYS[1]]}}
        assert results.cpu_s == 0.5


def test_whatever_part_of_the_file_is_left_results_before_it_count(
    tmp_path: Path,
) -> None:
    whole = tmp_path / "whole.jsonl"
    write(whole)
    data = whole.read_bytes()
    path = tmp_path / "r.jsonl"
    for size in range(len(data) + 1):
        path.write_bytes(data[:size])
        with Results(path, ABOUT) as results:
            assert len(results) == max(0, data[:size].count(b"\n") - 1)
            results.add(KEYS[2], "T/1", RIGHT)
        for line in path.read_text().splitlines():
            json.loads(line)
        with Results(path, ABOUT) as results:
            assert KEYS[2] in results


def test_a_file_about_something_else_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path)
    before = path.read_bytes()
    with pytest.raises(DatasetError, match="sha256 'abc' instead of 'def'"):
        Results(path, {**ABOUT, "sha256": "def"})
    path.write_text("something\n")
    with pytest.raises(DatasetError, match="something else"):
        Results(path, ABOUT)
    assert before.count(b"\n") == 3


def test_the_results_of_shards_are_merged_once(tmp_path: Path) -> None:
    write(tmp_path / "one.jsonl")
    with Results(tmp_path / "two.jsonl", ABOUT) as results:
        results.add(KEYS[1], "T/0", WRONG)
        results.add(KEYS[2], "T/1", RIGHT)
        assert results.merge(tmp_path / "one.jsonl") == 1
        assert results.merge(tmp_path / "one.jsonl") == 0
    with Results(tmp_path / "two.jsonl", ABOUT) as results:
        assert len(results) == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    with Results(path, ABOUT) as results:
        results.add(KEYS[0], "T/0", RIGHT)
        file = results._file
        assert file is not None
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, file.fileno())
        os.close(full)
        with pytest.raises(OutputError, match="No space left") as error:
            results.add(KEYS[1], "T/0", RIGHT)
        results._file = None
        file.close()
    assert "run the same command again" in str(error.value)
    with Results(path, ABOUT) as results:
        assert len(results) == 1


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Results(tmp_path / "file" / "r.jsonl", ABOUT)
