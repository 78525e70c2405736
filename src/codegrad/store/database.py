"""The SQLite file of the run store: opened late, checked, its failures explained.

In: a path. Out: connections inside `reading()` and `writing()`. Invariant: what
`writing()` did is on the disk when the block is left, or none of it is.

One process may use it from several threads, several processes may use one file. After
a fork the child opens its own connection: SQLite forbids sharing one.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegrad.errors import StoreError


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file holds."""

    application_id: int
    """Four letters, so that `file` and we know whose it is."""

    version: int
    statements: tuple[str, ...]
    """What makes an empty file one of this version."""

    upgrades: tuple[tuple[str, ...], ...] = ()
    """What makes version 2 of version 1, version 3 of version 2, and so on."""


_RUNS = (
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, task TEXT NOT NULL,
        config TEXT NOT NULL, started REAL NOT NULL, status TEXT NOT NULL,
        sentence TEXT NOT NULL, steps INTEGER NOT NULL, candidates INTEGER NOT NULL,
        seconds REAL NOT NULL, writer TEXT NOT NULL, length INTEGER NOT NULL,
        head TEXT NOT NULL)""",
    """CREATE TABLE events (
        run TEXT NOT NULL REFERENCES runs(id), seq INTEGER NOT NULL,
        kind TEXT NOT NULL, step INTEGER NOT NULL, at REAL NOT NULL,
        data TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (run, seq))""",
)
RUNS = Schema(0x43475244, 1, _RUNS)  # "CGRD"
_PAUSE_S = 0.02

_PRIMARY_CODE = 0xFF  # SQLite's extended codes keep the primary one in the low byte
_ELSEWHERE = "set CODEGRAD_STORE to a file in a folder you can write to"
_DAMAGED = (
    "the run store {path} is damaged ({error}); move it away, or rescue what is "
    "readable with `sqlite3 {path} .recover`"
)
_CLOSED = f"the run store {{path}} cannot be written ({{error}}); {_ELSEWHERE}"
_LOCKED = (
    "the run store {path} was locked by another process for more than {timeout:g} s; "
    f"wait for it to end, or {_ELSEWHERE}"
)
_EXPLANATIONS = {
    sqlite3.SQLITE_NOTADB: f"{{path}} is not a CodeGrad store; move it away or "
    f"{_ELSEWHERE}",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    # A table or column that our schema has is not there.
    sqlite3.SQLITE_ERROR: _DAMAGED,
    sqlite3.SQLITE_FULL: "the disk of the run store {path} is full; free some space",
    sqlite3.SQLITE_IOERR: "the run store {path} could not be read or written "
    f"({{error}}): the disk is full or failing; free some space, or {_ELSEWHERE}",
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: "the file system of {path} does not lock files as SQLite "
    f"needs (a network folder?); {_ELSEWHERE} on a local disk",
}


class Database:
    """One store file; nothing is touched before it is used."""

    def __init__(self, path: Path, *, timeout_s: float, schema: Schema = RUNS) -> None:
        self.path = path
        self.schema = schema
        self.timeout_s = timeout_s
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._is_writable = False
        self._pid = 0
        self._inherited: list[sqlite3.Connection] = []

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.exists()

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                with self._explained():
                    self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that sees one consistent state.

        Raises:
            StoreError: If the file cannot be opened or is not ours.
        """
        with self._lock, self._explained():
            db = self._open(write=False)
            db.execute("BEGIN")
            try:
                yield db
            finally:
                _roll_back(db)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection whose changes are durable when the block is left.

        The file and its folder are made if they are missing. If the block raises,
        nothing of it is kept.

        Raises:
            StoreError: If the file cannot be opened, locked or written.
        """
        with self._lock, self._explained():
            db = self._open(write=True)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                _roll_back(db)

    def compact(self) -> None:
        """Give the room of what was deleted back to the disk.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._lock, self._explained():
            db = self._open(write=True)
            db.execute("VACUUM")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _open(self, *, write: bool) -> sqlite3.Connection:
        if self._connection is not None and self._pid != os.getpid():
            # Closing the parent's connection in the child would drop its locks.
            self._inherited.append(self._connection)
            self._connection = None
        if self._connection is not None and write and not self._is_writable:
            self._connection.close()
            self._connection = None
        if self._connection is None:
            can_write = write or self._may_write()
            self._connection = (
                self._connect_for_writing() if can_write else self._connect_read_only()
            )
            self._is_writable = can_write
            self._pid = os.getpid()
        return self._connection

    def _may_write(self) -> bool:
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    def _connect_for_writing(self) -> sqlite3.Connection:
        self._make_file()
        db = self._connect(f"{self.path.absolute().as_uri()}?mode=rw")
        try:
            db.execute("PRAGMA foreign_keys = ON")
            self._check_kind(db, empty_is_ours=True)
            self._use_wal(db)
            db.execute("PRAGMA synchronous = FULL")
            self._make_schema(db)
        except BaseException:
            db.close()
            raise
        return db

    def _make_file(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            # Runs hold the user's code: nobody else is meant to read them.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))

    def _connect_read_only(self) -> sqlite3.Connection:
        uri = self.path.absolute().as_uri()
        db = self._connect(f"{uri}?mode=ro")
        try:
            self._check_kind(db, empty_is_ours=False)
        except sqlite3.OperationalError:
            db.close()
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise
            # WAL wants to write a lock file beside the store even to read it. With no
            # pending log and no right to write, nothing can change under us.
            db = self._connect(f"{uri}?immutable=1")
            self._check_kind(db, empty_is_ours=False)
        return db

    def _connect(self, uri: str) -> sqlite3.Connection:
        return sqlite3.connect(
            uri,
            uri=True,
            timeout=self.timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )

    def _check_kind(self, db: sqlite3.Connection, *, empty_is_ours: bool) -> None:
        # One moment for all three: another process may be making the file.
        db.execute("BEGIN")
        try:
            owner, version = _pragma(db, "application_id"), _pragma(db, "user_version")
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        finally:
            _roll_back(db)
        if tables == 0 and owner == 0 and version == 0 and empty_is_ours:
            return
        if owner != self.schema.application_id:
            raise StoreError(
                f"{self.path} is not a CodeGrad store; move it away or {_ELSEWHERE}"
            )
        if not isinstance(version, int) or version > self.schema.version:
            raise StoreError(
                f"{self.path} was written by a newer CodeGrad (store version "
                f"{version}, this one reads {self.schema.version}); upgrade CodeGrad "
                f"or {_ELSEWHERE}"
            )

    def _use_wal(self, db: sqlite3.Connection) -> None:
        deadline = time.monotonic() + self.timeout_s
        while True:
            try:
                mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError as error:
                # The switch does not wait for another process that makes it too.
                if not _is(error, sqlite3.SQLITE_BUSY) or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)
                continue
            if mode != "wal":
                raise StoreError(
                    f"the file system of {self.path} does not support SQLite's "
                    f"write-ahead log (a network folder?); {_ELSEWHERE} on a local disk"
                )
            return

    def _make_schema(self, db: sqlite3.Connection) -> None:
        if _pragma(db, "user_version") == self.schema.version:
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in self._missing(_version(db)):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {self.schema.application_id}")
            db.execute(f"PRAGMA user_version = {self.schema.version}")
            db.execute("COMMIT")
        finally:
            _roll_back(db)

    def _missing(self, version: int) -> list[str]:
        """Return the statements that bring a file of `version` up to date."""
        if version == 0:
            return list(self.schema.statements)
        return [s for some in self.schema.upgrades[version - 1 :] for s in some]

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(self._explain(error)) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(
                f"the run store {self.path} cannot be used: {reason}; free some space, "
                f"correct the rights, or {_ELSEWHERE}"
            ) from error

    def _explain(self, error: sqlite3.Error) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        template = _EXPLANATIONS.get(code, "the run store {path} failed: {error}")
        return template.format(path=self.path, error=error, timeout=self.timeout_s)


def _is(error: sqlite3.Error, code: int) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE == code


def _pragma(db: sqlite3.Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _version(db: sqlite3.Connection) -> int:
    version = _pragma(db, "user_version")
    assert isinstance(version, int)
    return version


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        with contextlib.suppress(sqlite3.Error):  # SQLite rolled back by itself
            db.execute("ROLLBACK")
