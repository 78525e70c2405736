"""The run journal: every event of every run in one SQLite file.

In: events as they happen. Out: the same events, later. Invariant: an event that
`Run.append` returned is on the disk; a process killed at any moment loses none.

Identity: a run's id is its start time and a random part, ten characters, sortable by
time; a unique beginning of it is enough to open it. Sharing: any number of processes
may read and write different runs of one file; one process at a time writes a run.
Integrity: each event carries the SHA-256 of the hash before it, its kind, its step and
its data; the first follows from the task, and the run keeps the newest, so that an
event that was changed, moved or removed shows in `Run.verify`.
"""

import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.errors import InternalError, StoreError
from codegrad.events import Event
from codegrad.store.database import Database
from codegrad.store.writer import is_alive, this_writer, writer_pid

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, in order
_TIME_CHARACTERS = 7
_RANDOM_CHARACTERS = 3
_FIRST_SHOWN = 5
_NOT_STORED = frozenset({"progress"})
_COLUMNS = "id, name, started, status, steps, candidates, seconds, sentence, writer"


class RunStatus(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    """Its process is still writing."""

    INTERRUPTED = "interrupted"
    """It was stopped, or its process is gone; it can be resumed."""

    VERIFIED = "verified"
    """Every hard constraint holds."""

    EXHAUSTED = "exhausted"
    """The budget or the ideas ran out first."""

    UNDECIDED = "undecided"
    """Nothing is refuted, and not all could be decided: there may be no tests."""

    UNCHANGED = "unchanged"
    """Nothing had to be changed."""

    FAILED = "failed"
    """An error that was not the candidate's ended it."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs."""

    id: str
    name: str
    """The task's name."""

    started: float
    """Seconds since the epoch."""

    status: RunStatus
    steps: int
    """Steps that ended."""

    candidates: int
    """Programs that were tried."""

    seconds: float
    """Seconds spent."""

    sentence: str
    """The result in one sentence; empty if there is none yet."""


class Store:
    """All runs of a user.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Store(Path(folder) / "runs.db") as store:
        ...         run = store.create("{}", "{}", "m.py::f")
        ...         event = run.append(Event("stepped", 1, {"accepted": True}))
        ...         run.finish("verified", "it holds")
        ...         [(r.name, r.status.value, r.steps) for r in store.runs()]
        [('m.py::f', 'verified', 1)]
    """

    def __init__(self, path: Path | str, *, timeout_s: float = 30.0) -> None:
        self.path = Path(path)
        self._database = Database(self.path, timeout_s=timeout_s)

    @staticmethod
    def default_path() -> Path:
        """Return where the user's runs are kept, from the environment as it is now.

        `$CODEGRAD_STORE`, or `codegrad/runs.db` in `$XDG_STATE_HOME`, or in
        `~/.local/state`.

        Raises:
            StoreError: If there is no home folder to fall back to.
        """
        if chosen := os.environ.get("CODEGRAD_STORE"):
            return Path(chosen)
        state = Path(os.environ.get("XDG_STATE_HOME", ""))
        if not state.is_absolute():  # the XDG specification: ignore a relative one
            try:
                state = Path.home() / ".local" / "state"
            except RuntimeError as error:
                raise StoreError(
                    "there is no home folder to keep runs in; set CODEGRAD_STORE to a "
                    "file in a folder you can write to"
                ) from error
        return state / "codegrad" / "runs.db"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; using the store again opens it again."""
        self._database.close()

    def create(self, task_json: str, config_json: str, name: str) -> "Run":
        """Begin a run, written by this process.

        Raises:
            StoreError: If the store cannot be written.
        """
        started = time.time()
        name = _storable(name)
        with self._database.writing() as db:
            run_id = _new_id(started)
            while db.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone():
                run_id = _new_id(started)
            head = _origin_hash(run_id, name, task_json, config_json)
            db.execute(
                "INSERT INTO runs VALUES (?,?,?,?,?,?,'',0,0,0.0,?,0,?)",
                (
                    run_id,
                    name,
                    task_json,
                    config_json,
                    started,
                    RunStatus.RUNNING.value,
                    this_writer(),
                    head,
                ),
            )
        return Run(self._database, run_id, task_json, config_json)

    def open(self, run_id: str) -> "Run":
        """Return the run whose id is, or uniquely begins with, `run_id`.

        Raises:
            StoreError: If there is none, or more than one.
        """
        wanted = run_id.strip().lower()
        rows: list[tuple[str, str, str]] = []
        if self._database.exists:
            with self._database.reading() as db:
                rows = db.execute(
                    "SELECT id, task, config FROM runs WHERE substr(id, 1, ?) = ? "
                    "ORDER BY id = ? DESC, started DESC, rowid DESC",
                    (len(wanted), wanted, wanted),
                ).fetchall()
        if wanted and rows and (len(rows) == 1 or rows[0][0] == wanted):
            found, task_json, config_json = rows[0]
            return Run(self._database, found, task_json, config_json)
        if wanted and rows:
            known = ", ".join(row[0] for row in rows[:_FIRST_SHOWN])
            raise StoreError(
                f"{run_id!r} begins several runs: {known}; type more of it"
            )
        newest = ", ".join(summary.id for summary in self.runs(_FIRST_SHOWN))
        raise StoreError(
            f"unknown run {run_id!r}; the newest are: {newest}"
            if newest
            else f"unknown run {run_id!r}: {self.path} holds no runs yet"
        )

    def runs(self, limit: int | None = None) -> list[RunSummary]:
        """Return the runs, newest first; a store that was never written has none.

        Raises:
            StoreError: If the store cannot be read.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM runs "  # noqa: S608 - a constant
                "ORDER BY started DESC, rowid DESC LIMIT ?",
                (-1 if limit is None else limit,),
            ).fetchall()
        return [_summary(row) for row in rows]


class Run:
    """One run of the journal; made by `Store.create` and `Store.open`."""

    def __init__(
        self, database: Database, run_id: str, task_json: str, config_json: str
    ) -> None:
        self.id = run_id
        self.task_json = task_json
        self.config_json = config_json
        self._database = database

    def __repr__(self) -> str:
        return f"Run({self.id})"

    def summary(self) -> RunSummary:
        """Return the run's line in the list of runs, as of now."""
        with self._database.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE id = ?",  # noqa: S608 - a constant
                (self.id,),
            ).fetchone()
        return _summary(row)

    def claim(self) -> None:
        """Make this process the writer of the run, which is then running.

        Raises:
            StoreError: If another process that is still alive writes it.
        """
        me = this_writer()
        with self._database.writing() as db:
            writer, status = db.execute(
                "SELECT writer, status FROM runs WHERE id = ?", (self.id,)
            ).fetchone()
            if status == RunStatus.RUNNING and writer != me and is_alive(writer):
                raise StoreError(
                    f"run {self.id} is being written by process {writer_pid(writer)}; "
                    "wait for it to end or stop it"
                )
            db.execute(
                "UPDATE runs SET writer = ?, status = ? WHERE id = ?",
                (me, RunStatus.RUNNING.value, self.id),
            )

    def append(self, event: Event) -> Event:
        """Store `event` and return it with its place and time.

        It is on the disk when this returns. A `progress` event is only given its
        time; a `finished` event also ends the run.

        Raises:
            StoreError: If it cannot be written, or another process took the run over.
        """
        event = replace(event, at=time.time())
        if event.kind in _NOT_STORED:
            return event
        data = _canonical(event.data)
        with self._database.writing() as db:
            seq, head = self._end_of_mine(db)
            seq += 1
            head = _chained(head, event.kind, event.step, data)
            db.execute(
                "INSERT INTO events VALUES (?,?,?,?,?,?,?)",
                (self.id, seq, event.kind, event.step, event.at, data, head),
            )
            db.execute(
                "UPDATE runs SET length = ?, head = ? WHERE id = ?",
                (seq, head, self.id),
            )
            self._note_progress(db, event)
        return replace(event, seq=seq)

    def finish(self, status: RunStatus | str, sentence: str) -> None:
        """Record how the run ended; nobody is its writer any more.

        Raises:
            StoreError: If it cannot be written, or another process took the run over.
        """
        with self._database.writing() as db:
            self._end_of_mine(db)
            db.execute(
                "UPDATE runs SET status = ?, sentence = ? WHERE id = ?",
                (_status(status).value, _storable(sentence), self.id),
            )

    def events(self, kinds: Collection[str] | None = None) -> list[Event]:
        """Return the stored events in order, all or those of some `kinds`."""
        chosen = None if kinds is None else sorted(set(kinds))
        marks = "" if chosen is None else ",".join("?" * len(chosen))
        where = "" if chosen is None else f" AND kind IN ({marks})"
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT kind, step, data, seq, at FROM events "  # noqa: S608 - marks
                f"WHERE run = ?{where} ORDER BY seq",
                (self.id, *(chosen or ())),
            ).fetchall()
        return [self._event(row) for row in rows]

    def last(self, kind: str) -> Event | None:
        """Return the newest stored event of `kind`, or None."""
        with self._database.reading() as db:
            row = db.execute(
                "SELECT kind, step, data, seq, at FROM events "
                "WHERE run = ? AND kind = ? ORDER BY seq DESC LIMIT 1",
                (self.id, kind),
            ).fetchone()
        return None if row is None else self._event(row)

    def verify(self) -> None:
        """Derive every hash again.

        Raises:
            StoreError: Naming the first event that is not as it was written.
        """
        with self._database.reading() as db:
            name, task_json, config_json, length, newest = db.execute(
                "SELECT name, task, config, length, head FROM runs WHERE id = ?",
                (self.id,),
            ).fetchone()
            head = _origin_hash(self.id, name, task_json, config_json)
            count = 0
            for seq, kind, step, data, stored in db.execute(
                "SELECT seq, kind, step, data, hash FROM events "
                "WHERE run = ? ORDER BY seq",
                (self.id,),
            ):
                count += 1
                head = _chained(head, kind, step, data)
                if seq != count or head != stored:
                    raise self._altered(count, f"kind {kind!r}, step {step}")
        if (count, head) != (length, newest):
            raise self._altered(count + 1, "missing, or the run's own row was changed")

    def _altered(self, seq: int, what: str) -> StoreError:
        return StoreError(
            f"run {self.id} was changed after it was written: event {seq} ({what}) "
            "does not match its hash; its evidence is not to be trusted, run it again"
        )

    def _end_of_mine(self, db: sqlite3.Connection) -> tuple[int, str]:
        length, head, writer = db.execute(
            "SELECT length, head, writer FROM runs WHERE id = ?", (self.id,)
        ).fetchone()
        if writer != this_writer():
            raise StoreError(
                f"run {self.id} was taken over by process {writer_pid(writer)}; this "
                "process stops writing it"
                if is_alive(writer)
                else f"run {self.id} belongs to a process that is gone; continue it "
                f"with `codegrad resume {self.id}`"
            )
        return length, head

    def _note_progress(self, db: sqlite3.Connection, event: Event) -> None:
        spent = event.data.get("spent")
        if isinstance(spent, Mapping):
            db.execute(
                "UPDATE runs SET candidates = ?, seconds = ? WHERE id = ?",
                (spent.get("candidates", 0), spent.get("seconds", 0.0), self.id),
            )
        if event.kind == "stepped":
            db.execute(
                "UPDATE runs SET steps = max(steps, ?) WHERE id = ?",
                (event.step, self.id),
            )
        elif event.kind == "finished":
            loss = event.data.get("loss")
            sentence = loss.get("sentence", "") if isinstance(loss, Mapping) else ""
            db.execute(
                "UPDATE runs SET status = ?, sentence = ? WHERE id = ?",
                (
                    _status(event.data.get("status", RunStatus.FAILED)).value,
                    _storable(str(sentence or event.data.get("reason", ""))),
                    self.id,
                ),
            )

    def _event(self, row: tuple[str, int, str, int, float]) -> Event:
        kind, step, data, seq, at = row
        try:
            return Event(kind, step, json.loads(data), seq, at)
        except ValueError as error:
            raise self._altered(seq, f"kind {kind!r}, step {step}") from error


def _summary(row: tuple[Any, ...]) -> RunSummary:
    *fields, writer = row
    summary = RunSummary(*fields)
    status = _status(summary.status)
    if status is RunStatus.RUNNING and not is_alive(writer):
        status = RunStatus.INTERRUPTED
    return replace(summary, status=status)


def _status(name: str) -> RunStatus:
    try:
        return RunStatus(name)
    except ValueError:
        raise InternalError(f"unknown run status {name!r}") from None


def _new_id(started: float) -> str:
    number = int(started)
    digits = [
        _ALPHABET[number >> 5 * place & 31]
        for place in reversed(range(_TIME_CHARACTERS))
    ]
    digits += [secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS)]
    return "".join(digits)


def _canonical(data: Mapping[str, Any]) -> str:
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InternalError(f"an event holds what JSON does not: {error}") from error


def _origin_hash(run_id: str, name: str, task_json: str, config_json: str) -> str:
    return _hash(run_id, name, task_json, config_json)


def _chained(head: str, kind: str, step: int, data: str) -> str:
    return _hash(head, kind, str(step), data)


def _hash(*parts: str) -> str:
    # As a JSON list, so that no text can move from one part to the next unnoticed.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _storable(text: str) -> str:
    """Return `text` without lone surrogates, which SQLite refuses."""
    return text.encode("utf-8", "backslashreplace").decode()
