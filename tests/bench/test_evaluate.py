"""Evaluate files of samples: counts, pass@k, resuming, shards, the executor."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.evaluate import Summary, evaluate, self_test
from codegrad.bench.executors import Batch, LocalPool, SourceOf
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset
from codegrad.bench.results import Results
from codegrad.bench.samples import Sample, SampleFile
from codegrad.bench.shards import Shard
from codegrad.bench.verdicts import Outcome, Verdict
from tests.bench.small import RIGHT, small_dataset, write_rows

ABOUT = {"dataset": "small"}
SAMPLES: list[dict[str, Any]] = [
    {"task_id": "Small/0", "completion": RIGHT["Small/0"]},
    {"task_id": "Small/0", "completion": RIGHT["Small/0"]},
    {"task_id": "Small/0", "completion": "    return abs(x) * 2\n"},
    {"task_id": "Small/0", "completion": "    return x\n"},
    {"task_id": "Small/1", "completion": RIGHT["Small/1"]},
    {"task_id": "Small/1", "completion": "    return 1 / 3\n"},
]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return small_dataset(tmp_path)


@pytest.fixture
def new_grader(tmp_path: Path) -> Callable[[], Grader]:
    references = References("", tmp_path / "answers")
    return lambda: Grader(references)


class Counting:
    """An executor that counts what it is asked for, around a real one."""

    def __init__(self, inner: LocalPool, stop_after: int = 10**9) -> None:
        self.inner = inner
        self.asked: list[bytes] = []
        self.left = stop_after

    def run(
        self, batches: Sequence[Batch], source_of: SourceOf
    ) -> Iterator[tuple[Sample, Verdict]]:
        for sample, verdict in self.inner.run(batches, source_of):
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.asked.append(sample.key)
            yield sample, verdict


def run(
    dataset: Dataset,
    samples: Path,
    executor: LocalPool | Counting,
    results: Path | None = None,
    **options: Any,
) -> Summary:
    with SampleFile(samples, dataset) as found, Results(results, ABOUT) as kept:
        return evaluate(found, dataset, kept, executor, **options)


def test_counts_and_pass_at_k(
    dataset: Dataset, tmp_path: Path, new_grader: Callable[[], Grader]
) -> None:
    path = write_rows(tmp_path / "s.jsonl", SAMPLES)
    executor = Counting(LocalPool(new_grader, 2))
    summary = run(dataset, path, executor)
    assert len(executor.asked) == len(set(executor.asked)) == summary.unique == 5
    assert summary.tasks["Small/0"].passed == {"base": 3, "plus": 2}
    assert summary.tasks["Small/0"].outcomes == {"pass": 2, "fail": 2}
    assert summary.tasks["Small/1"].passed == {"base": 2, "plus": 1}
    assert summary.missing == ("Small/2",)
    assert summary.pass_at_k["plus"] == {1: pytest.approx((0.5 + 0.5 + 0) / 3)}
    skipped = run(dataset, path, executor, counts_missing=False)
    assert skipped.pass_at_k["base"] == {1: pytest.approx((0.75 + 1) / 2)}


def test_an_interrupted_evaluation_grades_nothing_twice(
    dataset: Dataset, tmp_path: Path, new_grader: Callable[[], Grader]
) -> None:
    path = write_rows(tmp_path / "s.jsonl", SAMPLES)
    results = tmp_path / "r.jsonl"
    first = Counting(LocalPool(new_grader, 1), stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        run(dataset, path, first, results)
    second = Counting(LocalPool(new_grader, 1))
    summary = run(dataset, path, second, results)
    assert summary.resumed == 2
    assert len(second.asked) == 3
    assert not set(first.asked) & set(second.asked)
    whole = run(dataset, path, LocalPool(new_grader, 2))
    assert summary.tasks == whole.tasks
    assert summary.pass_at_k == whole.pass_at_k


def test_shards_together_are_the_whole(
    dataset: Dataset, tmp_path: Path, new_grader: Callable[[], Grader]
) -> None:
    more = [
        {"task_id": "Small/0", "completion": f"    return x * {factor}\n"}
        for factor in range(12)
    ]
    path = write_rows(tmp_path / "s.jsonl", [*SAMPLES, *more])
    parts = [tmp_path / f"r{index}.jsonl" for index in (1, 2)]
    for index, part in enumerate(parts, 1):
        summary = run(
            dataset, path, LocalPool(new_grader, 1), part, shard=Shard(index, 2)
        )
        assert summary.graded < summary.samples
        assert summary.pass_at_k == {}
    with Results(parts[0], ABOUT) as kept, SampleFile(path, dataset) as found:
        kept.merge(parts[1])
        executor = Counting(LocalPool(new_grader, 1))
        merged = evaluate(found, dataset, kept, executor)
    assert executor.asked == []
    assert merged.tasks == run(dataset, path, LocalPool(new_grader, 1)).tasks


def test_a_failure_of_a_worker_reaches_the_caller(
    dataset: Dataset, tmp_path: Path
) -> None:
    def broken() -> Grader:
        raise OSError("no more processes")

    path = write_rows(tmp_path / "s.jsonl", SAMPLES)
    with pytest.raises(OSError, match="no more processes"):
        run(dataset, path, LocalPool(broken, 2))


def test_answers_of_references_are_kept_and_damage_is_noticed(
    dataset: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    problem = dataset.problems["Small/0"]
    for damage in (None, b"", b"{}\n", None):
        with Grader(References("x", folder)) as grader:
            assert grader.grade(problem, problem.reference).passed
            assert not grader.grade(problem, problem.empty).passed
        (path,) = folder.rglob("*.answers")
        if damage is None:
            path.write_bytes(path.read_bytes()[:-1] + b"\xff")
        else:
            path.write_bytes(damage)


def test_the_self_test_finds_wrong_references(
    dataset: Dataset, new_grader: Callable[[], Grader]
) -> None:
    with new_grader() as grader:
        assert self_test(dataset, grader).ok


def command(*arguments: object) -> list[str]:
    program = "from codegrad.cli.main import main; main()"
    return [sys.executable, "-c", program, "evaluate", *map(str, arguments)]


def environment(folder: Path) -> Mapping[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}


def test_the_command_prints_a_summary_and_goes_on(
    dataset: Dataset, tmp_path: Path
) -> None:
    path = write_rows(tmp_path / "s.jsonl", SAMPLES)
    options = ("--dataset", "humaneval+", "--data", dataset.path, "--json")
    for resumed in (0, 5):
        done = subprocess.run(
            command(path, *options),
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        summary = json.loads(done.stdout)
        assert summary["resumed"] == resumed
        assert summary["tasks"]["Small/0"]["passed"] == {"base": 3, "plus": 2}
        assert summary["tasks"]["Small/1"]["failure"]["suite"] == "plus"
        assert summary["missing"] == ["Small/2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.jsonl", "--dataset", "humaneval+"), "does not exist"),
        (("--dataset", "humaneval+"), "name a file of samples"),
        (("s.jsonl", "--dataset", "mbpp+"), "looks like humaneval+"),
        (("s.jsonl", "--dataset", "humaneval+", "--shard", "3/2"), "i/n"),
        (("s.jsonl", "--dataset", "humaneval+", "--since", "2024"), "no problem from"),
    ],
)
def test_bad_input_is_one_sentence(
    dataset: Dataset, tmp_path: Path, arguments: Sequence[str], message: str
) -> None:
    write_rows(tmp_path / "s.jsonl", SAMPLES)
    done = subprocess.run(
        command(*arguments, "--data", dataset.path),
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_loses_nothing_that_was_graded(
    dataset: Dataset, tmp_path: Path, number: signal.Signals
) -> None:
    rows = [
        {"task_id": "Small/0", "completion": f"    return x * 2 + {k} * 0\n"}
        for k in range(400)
    ]
    path = write_rows(tmp_path / "s.jsonl", rows)
    results = tmp_path / "s.jsonl.results.jsonl"
    full = command(path, "--dataset", "humaneval+", "--data", dataset.path, "--json")
    kept = 0
    for _ in range(4):
        process = subprocess.Popen(
            full,
            env=environment(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        while process.poll() is None and _count(results) < kept + 20:
            time.sleep(0.01)
        process.send_signal(number)
        _, told = process.communicate()
        assert b"Traceback" not in told
        if number == signal.SIGINT and process.returncode == 130:
            assert b"what was graded is kept in" in told
        assert _count(results) >= kept
        kept = _count(results)
    done = subprocess.run(
        full, env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    summary = json.loads(done.stdout)
    assert summary["resumed"] >= 70
    assert summary["tasks"]["Small/0"]["passed"] == {"base": 400, "plus": 400}
    keys = [json.loads(line)["key"] for line in results.read_text().splitlines()[1:]]
    assert len(keys) == len(set(keys)) == 400


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_outcomes_are_words_of_the_report() -> None:
    assert [one.value for one in Outcome] == [
        "pass",
        "fail",
        "error",
        "timeout",
        "died",
        "not_run",
    ]
