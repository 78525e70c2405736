import contextlib
import itertools
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)

from codegrad.errors import InternalError, StoreError
from codegrad.events import Event
from codegrad.store.journal import Run, RunStatus, Store

SCRIPT = Path(__file__).with_name("writing_process.py")
ORDINARY_UID = 65534


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "state" / "runs.db") as opened:
        yield opened


# ------------------------------------------------------------ the model ----

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)
event_data = st.dictionaries(st.text(), json_values, max_size=3)
kinds = st.sampled_from(["started", "verified", "gradient", "stepped", "checkpoint"])


class JournalMachine(RuleBasedStateMachine):
    """The journal beside a dict of lists."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "runs.db")
        self.events: dict[str, list[tuple[str, int, dict[str, Any]]]] = {}
        self.status: dict[str, str] = {}
        self.texts: dict[str, tuple[str, str]] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(target=runs, task=st.text("ab{}", max_size=5), name=st.text())
    def create(self, task: str, name: str) -> str:
        run = self.store.create(task, "config", name)
        assert run.id not in self.events
        self.events[run.id] = []
        self.status[run.id] = "running"
        self.texts[run.id] = (task, name)
        return run.id

    @rule(run_id=runs, kind=kinds, step=st.integers(0, 99), data=event_data)
    def append(self, run_id: str, kind: str, step: int, data: dict[str, Any]) -> None:
        self._append(run_id, kind, step, data)

    @rule(run_id=runs, status=st.sampled_from(["verified", "exhausted", "unchanged"]))
    def finish_by_event(self, run_id: str, status: str) -> None:
        self._append(run_id, "finished", 0, {"status": status})
        self.status[run_id] = status

    @rule(run_id=runs, status=st.sampled_from([s.value for s in RunStatus]))
    def finish(self, run_id: str, status: str) -> None:
        self.store.open(run_id).finish(status, "so it ended")
        self.status[run_id] = status

    @rule(run_id=runs)
    def claim(self, run_id: str) -> None:
        self.store.open(run_id).claim()
        self.status[run_id] = "running"

    @rule(run_id=runs, data=event_data)
    def make_progress(self, run_id: str, data: dict[str, Any]) -> None:
        event = self.store.open(run_id).append(Event("progress", 1, data))
        assert (event.seq, event.at > 0) == (0, True)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.store.path)

    @rule(target=runs)
    def nothing_new(self) -> Any:
        return multiple()

    @invariant()
    def every_event_is_there_in_order(self) -> None:
        for run_id, expected in self.events.items():
            run = self.store.open(run_id)
            found = run.events()
            assert [(e.kind, e.step, e.data) for e in found] == expected
            assert [e.seq for e in found] == list(range(1, len(found) + 1))
            run.verify()

    @invariant()
    def the_list_names_every_run_newest_first(self) -> None:
        summaries = self.store.runs()
        assert [s.id for s in summaries] == list(reversed(self.events))
        assert {s.id: s.status for s in summaries} == self.status

    @invariant()
    def last_and_kinds_agree_with_the_list(self) -> None:
        for run_id, expected in self.events.items():
            run = self.store.open(run_id)
            assert run.task_json == self.texts[run_id][0]
            for kind in ("stepped", "finished"):
                chosen = [e for e in expected if e[0] == kind]
                found = run.events([kind])
                assert [(e.kind, e.step, e.data) for e in found] == chosen
                assert run.last(kind) == (found[-1] if found else None)

    def _append(self, run_id: str, kind: str, step: int, data: dict[str, Any]) -> None:
        event = self.store.open(run_id).append(Event(kind, step, data))
        self.events[run_id].append((kind, step, data))
        assert event.seq == len(self.events[run_id])


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None
)


# ------------------------------------------------------------- killing ----


def test_a_killed_process_loses_no_event_that_it_was_told_is_stored(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    moments = random.Random(7)
    run_id, acknowledged = "", 0
    for _ in range(22):
        with _writer(path, run_id) as process:
            assert process.stdout is not None
            run_id = process.stdout.readline().strip()
            time.sleep(moments.uniform(0.0, 0.1))
            process.kill()
            lines = process.stdout.read().split("\n")[:-1]
        acknowledged = max([acknowledged, *map(int, lines)])
        with Store(path) as store:
            run = store.open(run_id)
            events = run.events()
            run.verify()
            assert len(events) >= acknowledged
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert run.summary().status is RunStatus.INTERRUPTED
    assert acknowledged > 22


def test_two_processes_write_different_runs_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    processes = [_writer(path, "", 60) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    with Store(path) as store:
        for run_id, *numbers in outputs:
            assert [int(number) for number in numbers] == list(range(1, 61))
            assert len(store.open(run_id).events()) == 60
            store.open(run_id).verify()


def test_a_run_that_another_process_writes_cannot_be_claimed(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with _writer(path, "") as process, Store(path) as store:
        assert process.stdout is not None
        run = store.open(process.stdout.readline().strip())
        with pytest.raises(StoreError, match=f"written by process {process.pid}"):
            run.claim()
        with pytest.raises(StoreError, match=f"taken over by process {process.pid}"):
            run.append(Event("stepped", 1, {}))
        assert run.summary().status is RunStatus.RUNNING
        process.kill()
        process.wait()
        with pytest.raises(StoreError, match=f"codegrad resume {run.id}"):
            run.append(Event("stepped", 1, {}))
        run.claim()
        run.append(Event("stepped", 1, {}))
        run.verify()


def test_threads_of_one_process_write_different_runs(store: Store) -> None:
    runs = [store.create("{}", "{}", str(number)) for number in range(3)]

    def write(run: Run) -> None:
        for step in range(10):
            run.append(Event("stepped", step, {}))

    threads = [threading.Thread(target=write, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        assert [event.step for event in run.events()] == list(range(10))
        run.verify()


def test_a_forked_child_reads_and_writes_without_harm(store: Store) -> None:
    run = store.create("{}", "{}", "parent")
    run.append(Event("started", 0, {}))
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            store.create("{}", "{}", "child").append(Event("started", 0, {}))
            store.close()
            code = 0
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    run.append(Event("stepped", 1, {}))
    assert [summary.name for summary in store.runs()] == ["child", "parent"]
    run.verify()


# ----------------------------------------------------- finding a run ----


def test_ids_sort_by_time_and_are_short(store: Store) -> None:
    runs = [store.create("{}", "{}", "x").id for _ in range(20)]
    assert len(set(runs)) == 20
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{10}", run) for run in runs)
    assert [run[:7] for run in runs] == sorted(run[:7] for run in runs)


def test_a_unique_beginning_opens_a_run_in_any_case(store: Store) -> None:
    run = store.create("task", "config", "x")
    found = store.open(f" {run.id[:8].upper()} ")
    assert (found.id, found.task_json, found.config_json) == (run.id, "task", "config")


def test_a_beginning_of_several_runs_names_them(store: Store) -> None:
    ids = [store.create("{}", "{}", "x").id for _ in range(3)]
    with pytest.raises(StoreError, match="begins several runs") as caught:
        store.open(ids[0][:4])
    assert all(run_id in str(caught.value) for run_id in ids)


@pytest.mark.parametrize("wanted", ["nope", "", "%", "_" * 10])
def test_an_unknown_run_names_the_newest(store: Store, wanted: str) -> None:
    run = store.create("{}", "{}", "x")
    with pytest.raises(StoreError, match=f"the newest are: {run.id}"):
        store.open(wanted)


def test_reading_a_store_that_was_never_written_makes_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "runs.db")
    assert store.runs() == []
    with pytest.raises(StoreError, match="holds no runs yet"):
        store.open("abc")
    assert list(tmp_path.iterdir()) == []


def test_the_list_can_be_limited(store: Store) -> None:
    names = [str(number) for number in range(4)]
    for name in names:
        store.create("{}", "{}", name)
    assert [summary.name for summary in store.runs(2)] == ["3", "2"]


def test_the_summary_follows_the_events(store: Store) -> None:
    run = store.create("{}", "{}", "m.py::f")
    spent = {"candidates": 7, "seconds": 1.5}
    run.append(Event("stepped", 1, {"spent": spent}))
    summary = run.summary()
    assert (summary.steps, summary.candidates, summary.seconds) == (1, 7, 1.5)
    assert (summary.status, summary.sentence) == (RunStatus.RUNNING, "")
    run.append(
        Event("finished", 1, {"status": "verified", "loss": {"sentence": "it holds"}})
    )
    summary = run.summary()
    assert (summary.status, summary.sentence) == (RunStatus.VERIFIED, "it holds")


def test_a_name_with_undecodable_bytes_is_kept_readable(store: Store) -> None:
    run = store.create("{}", "{}", "m\udcff.py")
    run.verify()
    assert run.summary().name == "m\\udcff.py"


def test_a_status_that_does_not_exist_is_our_fault(store: Store) -> None:
    run = store.create("{}", "{}", "x")
    with pytest.raises(InternalError, match="please report it"):
        run.finish("splendid", "")
    assert run.summary().status is RunStatus.RUNNING


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": {1}}, {"x": object()}])
def test_data_that_json_does_not_hold_is_our_fault(
    store: Store, data: dict[str, Any]
) -> None:
    run = store.create("{}", "{}", "x")
    with pytest.raises(InternalError, match="what JSON does not"):
        run.append(Event("stepped", 1, data))
    assert run.events() == []


def test_the_environment_chooses_the_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CODEGRAD_STORE", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/h")
    assert Store.default_path() == Path("/h/.local/state/codegrad/runs.db")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert Store.default_path() == Path("/h/.local/state/codegrad/runs.db")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert Store.default_path() == tmp_path / "codegrad" / "runs.db"
    monkeypatch.setenv("CODEGRAD_STORE", "/x/y.db")
    assert Store.default_path() == Path("/x/y.db")


def test_nobody_else_can_read_the_runs(store: Store) -> None:
    run = store.create("{}", "{}", "x")
    run.append(Event("started", 0, {}))
    files = list(store.path.parent.iterdir())
    assert len(files) > 1
    for path in [store.path.parent, *files]:
        assert path.stat().st_mode & 0o077 == 0, path


# ------------------------------------------------------------ tampering ----

TAMPERING = [
    "UPDATE events SET data = '{\"accepted\":true}' WHERE seq = 2",
    "UPDATE events SET kind = 'finished' WHERE seq = 2",
    "UPDATE events SET step = 9 WHERE seq = 2",
    "DELETE FROM events WHERE seq = 2",
    "UPDATE events SET seq = 4 WHERE seq = 2",
    "UPDATE events SET data = '{' WHERE seq = 2",
]


@pytest.mark.parametrize("statement", TAMPERING)
def test_a_changed_event_is_named(store: Store, statement: str) -> None:
    run = _run_of_three(store)
    _tamper(store.path, statement)
    with pytest.raises(StoreError, match="changed after it was written: event 2 "):
        store.open(run.id).verify()


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("DELETE FROM events WHERE seq = 3", 3),
        ("UPDATE runs SET task = '[]'", 1),
        ("UPDATE runs SET head = 'x'", 4),
    ],
)
def test_a_missing_end_or_another_task_is_noticed(
    store: Store, statement: str, seq: int
) -> None:
    run = _run_of_three(store)
    _tamper(store.path, statement)
    with pytest.raises(StoreError, match=f"event {seq} "):
        store.open(run.id).verify()


# -------------------------------------------------- errors of the world ----


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"print('hello')\n" * 100, "is not a CodeGrad store"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "is not a CodeGrad store|damaged"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with Store(path) as store:
        for use in (store.runs, lambda: store.create("{}", "{}", "x")):
            with pytest.raises(StoreError, match=message):
                use()
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    _tamper(path, "CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with Store(path) as store, pytest.raises(StoreError, match="not a CodeGrad store"):
        store.create("{}", "{}", "x")
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused(store: Store) -> None:
    store.create("{}", "{}", "x")
    store.close()
    _tamper(store.path, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"newer CodeGrad .*version 99"):
        store.runs()


def test_a_damaged_page_is_a_store_error(store: Store) -> None:
    run = store.create("{}", "{}", "x")
    for step in range(50):
        run.append(Event("stepped", step, {"text": "x" * 500}))
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    store.path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        store.runs()


def test_a_folder_in_place_of_the_store_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="CODEGRAD_STORE"):
        Store(tmp_path).create("{}", "{}", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="CODEGRAD_STORE"):
        Store(tmp_path / "file" / "runs.db").create("{}", "{}", "x")


def test_a_store_that_stays_locked_says_so(store: Store) -> None:
    run = store.create("{}", "{}", "x")
    with Store(store.path, timeout_s=0.05) as impatient:
        other = impatient.open(run.id)
        with contextlib.closing(sqlite3.connect(store.path)) as db:
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"locked by another .* 0\.05 s"):
                other.append(Event("stepped", 1, {}))
        assert other.append(Event("stepped", 1, {})).seq == 1


def test_a_full_disk_is_a_store_error_and_nothing_acknowledged_is_lost(
    small_disk: Path,
) -> None:
    with Store(small_disk / "runs.db") as store:
        run = store.create("{}", "{}", "x")
        stored = 0
        with pytest.raises(StoreError, match="full; free some space"):  # noqa: PT012 - the first that fails
            for step in itertools.count():
                run.append(Event("stepped", step, {"text": "x" * 20_000}))
                stored += 1
        assert stored > 3
        assert len(run.events()) == stored
        run.verify()


def test_a_limit_on_file_sizes_is_a_store_error(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from codegrad.store.journal import Store;"
        "from codegrad.events import Event; from codegrad.errors import StoreError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "run = Store(sys.argv[1]).create('{}', '{}', 'x')\n"
        "try:\n"
        "    for n in range(99): run.append(Event('stepped', n, {'t': 'x' * 20_000}))\n"
        "except StoreError as error: print(n, error)\n"
    )
    path = tmp_path / "runs.db"
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    stored, _, message = done.stdout.partition(" ")
    assert "free some space" in message
    with Store(path) as store:
        (summary,) = store.runs()
        assert len(store.open(summary.id).events()) == int(stored)


def test_a_folder_without_write_permission_is_a_store_error(open_folder: Path) -> None:
    folder = open_folder / "state"
    folder.mkdir()
    folder.chmod(0o555)
    result = _as_ordinary_user(
        f"Store({str(folder / 'runs.db')!r}).create('{{}}', '{{}}', 'x')"
    )
    assert "StoreError" in result
    assert "Permission denied" in result
    assert "CODEGRAD_STORE" in result


def test_runs_in_a_read_only_folder_can_still_be_read(open_folder: Path) -> None:
    folder = open_folder / "state"
    folder.mkdir()
    path = folder / "runs.db"
    with Store(path) as store:
        run = store.create("{}", "{}", "kept")
        run.append(Event("stepped", 1, {"text": "hello"}))
    path.chmod(0o444)
    folder.chmod(0o555)
    reading = (
        f"store = Store({str(path)!r}); print(store.runs()[0].name, "
        "store.open(store.runs()[0].id).events()[0].data)"
    )
    assert _as_ordinary_user(reading) == "kept {'text': 'hello'}\n"
    writing = f"Store({str(path)!r}).create('{{}}', '{{}}', 'x')"
    assert "cannot be" in _as_ordinary_user(writing)


# --------------------------------------------------------------- helpers ----


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this system does not let us mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _writer(path: Path, run_id: str, count: int = 10**9) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, path, run_id, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def _run_of_three(store: Store) -> Run:
    run = store.create("{}", "{}", "x")
    for step in range(3):
        run.append(Event("stepped", step, {"accepted": False}))
    run.verify()
    return run


def _tamper(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def _as_ordinary_user(code: str) -> str:
    """Run `code` as a user without rights; return what it printed or raised."""
    program = (
        "import traceback; from codegrad.store.journal import Store\n"
        f"try: {code}\n"
        "except Exception: print(traceback.format_exc())\n"
    )
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(read)
            os.dup2(write, 1)
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(ORDINARY_UID)
                os.setuid(ORDINARY_UID)
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - fd 1
            exec(program)
            sys.stdout.flush()
        os._exit(0)
    os.close(write)
    with open(read) as stream:  # noqa: PTH123 - a pipe has no path
        output = stream.read()
    os.waitpid(child, 0)
    return output
