"""Measurements over processes are kept, continued, and never end in silence."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegrad.bench.operator_mutants import mutants
from codegrad.bench.verify_rows import Program, sampled
from codegrad.bench.verify_runs import Record, earlier_records, run_jobs
from codegrad.errors import CodeGradError


def squares(job: int) -> Iterator[Record]:
    yield {"key": f"job {job}", "square": job * job}


def die_at_three(job: int) -> Iterator[Record]:
    if job == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from squares(job)


def test_records_of_all_jobs_are_returned_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    found = run_jobs([1, 2, 3], squares, processes=2, out=out, title="t")
    assert {r["square"] for r in found} == {1, 4, 9}
    assert {r["key"] for r in earlier_records(out)} == {"job 1", "job 2", "job 3"}


def test_a_process_that_is_killed_is_an_error_and_what_was_found_stays(
    tmp_path: Path,
) -> None:
    out = tmp_path / "found.jsonl"
    with pytest.raises(CodeGradError, match=r"a process was killed, .* 2 of 4 jobs"):
        run_jobs([1, 2, 3, 4], die_at_three, processes=1, out=out, title="t")
    assert {r["key"] for r in earlier_records(out)} == {"job 1", "job 2"}


def test_a_line_that_was_torn_off_is_left_out(tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    out.write_text('{"key": "a"}\n{"key": "b', encoding="utf-8")
    assert earlier_records(out) == [{"key": "a"}]
    assert earlier_records(tmp_path / "none") == []


def test_a_sample_holds_as_many_tasks_as_it_can() -> None:
    programs = [Program(f"s/{n}", f"t{n // 10}", "", "", {}) for n in range(40)]
    assert {p.task_id for p in sampled(programs, 4, seed=0)} == {"t0", "t1", "t2", "t3"}
    assert sampled(programs, 4, seed=0) == sampled(programs, 4, seed=0)


def test_every_mutant_differs_in_one_operator() -> None:
    source = "def f(a, b):\n    return a < b and a + 1 in [b]"
    found = list(mutants(source))
    assert len(found) == len(set(found)) == 6
    assert "def f(a, b):\n    return a < b or a + 1 in [b]" in found
