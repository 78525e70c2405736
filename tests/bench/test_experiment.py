"""Experiments: nothing hidden leaks, nothing is asked twice, shards make the whole."""

import json
from pathlib import Path

import pytest

from codegrad.bench.compare import compare
from codegrad.bench.crew import LocalCrew
from codegrad.bench.executors import LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.experiment import MOST_UNSOLVED, Experiment, read_plan
from codegrad.bench.grading import Grader
from codegrad.bench.prepare import Asked, Prepared, prepare
from codegrad.bench.problems import Dataset
from codegrad.bench.shards import Shard
from codegrad.bench.solve import Job, Unsolved
from codegrad.errors import DatasetError, OutageError, UsageError
from codegrad.report.benchmark import (
    difference_lines,
    hidden_line,
    render_benchmark,
    table_text,
)
from tests.bench.secrets_of_judges import (
    HIDDEN,
    VISIBLE,
    steal,
    write_down,
    write_marked,
)


def prepared(folder: Path, *, count: int = 2, **asked: object) -> Prepared:
    data = folder / "marked.jsonl"
    if not data.exists():
        write_marked(data, count)
    return prepare(Asked("humaneval+", data=data, **asked))  # type: ignore[arg-type]


def here(dataset: Dataset) -> LocalPool:
    return LocalPool(lambda: Grader(References(dataset.checksum, None)), 1)


def carry_out(
    ready: Prepared, folder: Path, *, shard: Shard | None = None
) -> Experiment:
    with Experiment(ready.plan, folder) as experiment:
        jobs = ready.jobs(folder)
        experiment.solve(jobs, LocalCrew(1), work=write_down, shard=shard)
        experiment.judge(ready.judges(here, experiment.verdicts), None)
    return experiment


def unreachable(job: Job) -> Unsolved:
    """Leave a job undone, and count it."""
    assert job.means.calls is not None
    with (job.means.calls.parent / "begun").open("a") as begun:
        begun.write(f"{job.task_id}\n")
    return Unsolved(job.task_id, "nobody is there")


def test_no_more_jobs_are_begun_when_several_in_a_row_are_undone(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    ready = prepared(tmp_path, count=12)
    with (
        Experiment(ready.plan, folder) as experiment,
        pytest.raises(OutageError, match=r"12 of 12 answers are not there.*nobody is"),
    ):
        experiment.solve(ready.jobs(folder), LocalCrew(1), work=unreachable)
    begun = (folder / "begun").read_text().splitlines()
    assert MOST_UNSOLVED <= len(begun) <= MOST_UNSOLVED + 2
    # The same command goes on.
    answers = carry_out(ready, folder).answers
    assert len(answers) == 12


def document(experiment: Experiment) -> dict[str, object]:
    return compare(
        experiment.plan,
        experiment.answers,
        experiment.judgements,
        hashes=experiment.hashes(),
    )


def test_an_engine_that_searches_all_memory_finds_nothing_hidden(
    tmp_path: Path,
) -> None:
    ready = prepared(
        tmp_path, strategies=("best-of-n",), engine="pool", pool=_pool(tmp_path)
    )
    with Experiment(ready.plan, tmp_path / "out") as experiment:
        experiment.solve(ready.jobs(tmp_path / "out"), LocalCrew(1), work=steal)
        answers = experiment.answers
    assert [answer.verified for answer in answers] == [True, True]
    found = [json.loads(answer.reason) for answer in answers]
    assert [one[HIDDEN] for one in found] == [0, 0]
    # The search does find what is there to be found.
    assert all(one[VISIBLE] >= 1 for one in found)


def _pool(folder: Path) -> Path:
    path = folder / "pool.jsonl"
    rows = [{"task_id": f"Marked/{n}", "code": "pass"} for n in range(2)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_hidden_tests_are_asked_once_about_each_final_answer(tmp_path: Path) -> None:
    ready = prepared(tmp_path, seeds=2)
    first = document(carry_out(ready, tmp_path / "out"))
    assert first["hidden"] == {"queries": 4, "answers": 4, "judges": 1}
    again = document(carry_out(ready, tmp_path / "out"))
    assert again == first
    verdicts = (tmp_path / "out" / "verdicts.jsonl").read_text().splitlines()
    asked = [json.loads(line) for line in verdicts[1:]]
    assert sum("asked" in row for row in asked) == 4
    # Every question is written down before the first verdict is.
    assert all("asked" in row for row in asked[:4])
    assert not any("HIDDEN" in line for line in verdicts)


def test_a_question_without_a_verdict_is_asked_and_counted_again(
    tmp_path: Path,
) -> None:
    ready = prepared(tmp_path)
    carry_out(ready, tmp_path / "out")
    path = tmp_path / "out" / "verdicts.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    # As a kill leaves it: two questions, one verdict, half of another.
    path.write_text("".join(lines[:4]) + lines[4][:20])
    found = document(carry_out(ready, tmp_path / "out"))
    assert found["hidden"] == {"queries": 3, "answers": 2, "judges": 1}


def test_no_hidden_test_is_run_before_all_answers_are_final(tmp_path: Path) -> None:
    ready = prepared(tmp_path)
    folder = tmp_path / "out"
    with Experiment(ready.plan, folder) as experiment:
        jobs = ready.jobs(folder)
        experiment.solve(jobs, LocalCrew(1), work=write_down)
        assert experiment.judgements.queries == 0
        assert len(experiment.answers) == 2


def test_shards_put_together_are_the_whole(tmp_path: Path) -> None:
    # Answers fall to shards by their hashes: of so many no shard stays without one.
    ready = prepared(tmp_path, count=5, seeds=6)
    whole = carry_out(ready, tmp_path / "whole")
    parts = [
        carry_out(ready, tmp_path / f"part{n}", shard=Shard(n, 3)) for n in (1, 2, 3)
    ]
    assert sum(len(part.answers) for part in parts) == 30
    assert all(0 < len(part.answers) < 30 for part in parts)
    with Experiment(read_plan(parts[0].folder), tmp_path / "merged") as merged:
        for part in parts[:2]:
            merged.merge(part.folder)
        with pytest.raises(UsageError, match=r"of 30 judged answers; merge"):
            merged.require_all()
        merged.merge(parts[2].folder)
        merged.merge(parts[2].folder)
        merged.require_all()
        assert document(merged) == document(whole)


def test_a_shard_of_other_settings_is_refused_and_the_setting_named(
    tmp_path: Path,
) -> None:
    one = carry_out(prepared(tmp_path, timeout_s=3.0), tmp_path / "one")
    other = carry_out(prepared(tmp_path, timeout_s=2.0), tmp_path / "other")
    with (
        Experiment(one.plan, tmp_path / "merged") as merged,
        pytest.raises(DatasetError, match=r"other settings \(timeout_s 2.0, not 3.0\)"),
    ):
        merged.merge(other.folder)
    with pytest.raises(DatasetError, match=r"cannot be merged: .* does not exist"):
        read_plan(tmp_path / "nothing")


def test_the_report_has_the_rates_their_difference_and_the_queries(
    tmp_path: Path,
) -> None:
    strategies = ("codegrad", "no-momentum")
    ready = prepared(tmp_path, seeds=2, strategies=strategies)
    found = document(carry_out(ready, tmp_path / "out"))
    row = found["strategies"][0]  # type: ignore[index]
    plus = row["scores"][-1]
    assert (plus["suite"], plus["pass_at_1"]["mean"]) == ("plus", 0.5)
    assert plus["by_seed"] == [1.0, 0.0]
    assert row["verified"] == 0.5
    assert plus["verified_and_right"] == 1.0
    assert found["differences"][-1]["mean"] == 0.0  # type: ignore[index]
    table = table_text(found)
    assert "humaneval+ plus pass@1" in table
    assert "0.500" in table
    assert (
        "codegrad minus no-momentum, humaneval+ plus: +0.000"
        in (difference_lines(found)[-1])
    )
    assert hidden_line(found).startswith("hidden tests: 8 queries for 8 final answers")
    page = render_benchmark(found)
    assert "8 queries for 8 final answers" in page
    assert ready.plan.sha256 in page
    assert "<script" not in page
