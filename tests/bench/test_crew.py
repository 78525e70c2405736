import itertools
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

from codegrad.bench.crew import LocalCrew
from codegrad.errors import CodeGradError, InternalError, SandboxError
from tests.bench import chores


def test_each_item_has_one_result_and_workers_are_used_again() -> None:
    found = list(LocalCrew(2).results(chores.square, range(20)))
    assert sorted(found)[:3] == [(n, n * n, pid) for n, _, pid in sorted(found)[:3]]
    assert sorted(number for number, _, _ in found) == list(range(20))
    pids = {pid for _, _, pid in found}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_an_item_whose_process_was_killed_is_done_again_and_yielded_once(
    tmp_path: Path,
) -> None:
    items = [(str(tmp_path), number) for number in range(6)]
    assert sorted(LocalCrew(2).results(chores.die_once, items)) == list(range(6))
    assert (tmp_path / "3").exists()


def test_an_item_that_always_kills_its_process_ends_the_work_with_a_sentence() -> None:
    with pytest.raises(SandboxError, match=r"ended 3 times .* fewer --workers"):
        list(LocalCrew(1).results(chores.die, [1]))


def test_what_work_raises_crosses_the_border_as_a_sentence() -> None:
    with pytest.raises(CodeGradError, match=r"^number 7 is not in the file$"):
        list(LocalCrew(1).results(chores.refuse, [7]))
    with pytest.raises(InternalError, match=r"ZeroDivisionError.*chores\.py"):
        list(LocalCrew(1).results(chores.stumble, [0]))


def test_items_are_taken_as_they_are_needed() -> None:
    endless = LocalCrew(1).results(chores.square, itertools.count())
    assert next(endless)[:2] == (0, 0)
    endless.close()  # type: ignore[attr-defined]  # a generator


def test_closing_the_iterator_ends_work_that_is_under_way(tmp_path: Path) -> None:
    items = [(str(tmp_path), 0), (str(tmp_path), 1)]
    found = LocalCrew(2).results(chores.mark_and_stay, items)
    assert next(found) == 0
    pid = _wait_for_mark(tmp_path)
    found.close()  # type: ignore[attr-defined]  # a generator
    assert not _is_running(pid)


def test_a_stop_while_a_worker_is_started_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crew = LocalCrew(1)
    start = SpawnProcess.start

    def start_and_stop(process: SpawnProcess) -> None:
        start(process)
        assert crew.stop()

    monkeypatch.setattr(SpawnProcess, "start", start_and_stop)
    assert list(crew.results(chores.square, range(3))) == []


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "from codegrad.bench.crew import LocalCrew\n"
        "from tests.bench import chores\n"
        "if __name__ == '__main__':\n"
        f"    items = [({str(tmp_path)!r}, 1)]\n"
        "    list(LocalCrew(1).results(chores.mark_and_stay, items))\n"
    )
    file = tmp_path / "parent.py"
    file.write_text(script)
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen(
        [sys.executable, str(file)], env={**os.environ, "PYTHONPATH": root}
    )
    pid = _wait_for_mark(tmp_path)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    for _ in range(600):
        if not _is_running(pid):
            break
        time.sleep(0.1)
    assert not _is_running(pid)


def _wait_for_mark(folder: Path) -> int:
    for _ in range(600):
        marks = [path for path in folder.iterdir() if path.name.isdigit()]
        if marks:
            return int(marks[0].name)
        time.sleep(0.1)
    pytest.fail("the worker did not start")


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
