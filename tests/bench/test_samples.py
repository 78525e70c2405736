import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.problems import Dataset
from codegrad.bench.samples import SampleFile, sample_key
from codegrad.errors import DatasetError
from tests.bench.small import small_dataset, write_rows


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return small_dataset(tmp_path)


def opened(path: Path, dataset: Dataset, **options: Any) -> list[str]:
    with SampleFile(path, dataset, **options) as found:
        return [found.source(sample) for sample in found.samples]


def test_completions_follow_the_prompt_and_solutions_stand_alone(
    dataset: Dataset, tmp_path: Path
) -> None:
    rows = [
        {"task_id": "Small/1", "completion": "    return x / 3"},
        {"task_id": "Small/0", "solution": "def double(x): return 2 * x"},
    ]
    found = opened(write_rows(tmp_path / "s.jsonl", rows), dataset)
    assert found == [
        "def third(x):\n    return x / 3",
        "def double(x): return 2 * x",
    ]


def test_gzipped_files_and_arrays_of_code_lists_are_read(
    dataset: Dataset, tmp_path: Path
) -> None:
    rows = [{"question_id": "Small/0", "code_list": ["a = 1", "é = 2"]}]
    array, packed = tmp_path / "s.json", tmp_path / "s.jsonl.gz"
    array.write_text(json.dumps(rows))
    packed.write_bytes(gzip.compress(json.dumps(rows[0]).encode()))
    assert opened(array, dataset) == opened(packed, dataset) == ["a = 1", "é = 2"]


def test_problems_without_samples_are_named(dataset: Dataset, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "s.jsonl", [{"task_id": "Small/1", "solution": ""}])
    with SampleFile(path, dataset) as found:
        assert found.missing == ("Small/0", "Small/2")


def test_equal_samples_have_equal_keys_and_other_tasks_others() -> None:
    assert sample_key("A", "x") == sample_key("A", "x")
    assert len({sample_key("A", "x"), sample_key("B", "x"), sample_key("A", "y")}) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"task_id": "Small/0", "solu', "line 2 is not JSON"),
        ('{"task_id": "Other/0", "solution": ""}', "line 2 is about 'Other/0'"),
        ('{"solution": ""}', "line 2 is without a task_id"),
        ('{"task_id": "Small/0"}', "neither a solution nor a completion"),
        ('{"task_id": "Small/0", "solution": 7}', "whose solution is int, not text"),
        ('{"task_id": ["Small/0"], "solution": ""}', "line 2 is about"),
        ('{"task_id": "Small/0", "code_list": [1]}', "not all text"),
        ("[1, 2]", "line 2 is not a JSON object"),
        ("\xff", "line 2 is not JSON"),
    ],
)
def test_lines_that_are_no_samples_are_named_or_left_out(
    dataset: Dataset, tmp_path: Path, line: str, message: str
) -> None:
    path = tmp_path / "s.jsonl"
    good = '{"task_id": "Small/0", "solution": "x"}\n'
    path.write_bytes(good.encode() + line.encode("latin-1") + b"\n")
    with pytest.raises(DatasetError, match=message) as error:
        SampleFile(path, dataset)
    assert "--skip-bad" in str(error.value)
    assert opened(path, dataset, skip_bad=True) == ["x"]


def test_a_huge_line_is_left_out_without_reading_it_whole(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codegrad.bench.samples.MAX_LINE_BYTES", 1000)
    good = '{"task_id": "Small/0", "solution": "x"}\n'
    huge = '{"task_id": "Small/0", "solution": "' + "y" * 5000 + '"}\n'
    path = tmp_path / "s.jsonl"
    path.write_text(good + huge + good)
    with pytest.raises(DatasetError, match="line 2 is more than"):
        SampleFile(path, dataset)
    assert opened(path, dataset, skip_bad=True) == ["x", "x"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "holds no sample"),
        (b"\x1f\x8bnothing", "cannot be read"),
        (b"[1, 2", "cannot be read"),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    dataset: Dataset, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "s.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        SampleFile(path, dataset)
