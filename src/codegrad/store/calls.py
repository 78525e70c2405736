"""Everything that was asked of a model, on the disk before and after it costs.

In: a request's key and text before it is sent, the raw reply before it is read. Out:
the recorded reply of the same request. Invariant: a reply that `keep` returned for is
on the disk; a request whose reply is missing is listed as unknown, because it may have
been billed.

A key covers everything that decides the answer, sample index included; who is the
payer decides only in which ledger a reply counts. No key of a provider is stored.

Which run used which reply is recorded apart (`uses`): a run may use what another one
paid. What a run used stays readable as long as the reply is kept.
"""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.store.database import Database, Schema
from codegrad.store.journal import Store
from codegrad.store.writer import is_alive, this_writer

_ADDED_IN_2 = (
    "ALTER TABLE calls ADD COLUMN digest TEXT",
    """CREATE TABLE uses (
        payer TEXT NOT NULL, call INTEGER NOT NULL, label TEXT NOT NULL,
        at REAL NOT NULL)""",
    "CREATE INDEX uses_by_payer ON uses (payer)",
)
_SCHEMA = Schema(
    0x43474C4C,  # "CGLL"
    2,
    (
        """CREATE TABLE calls (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, payer TEXT NOT NULL,
            session TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL,
            sent REAL NOT NULL, status INTEGER, kind TEXT, body BLOB, replied REAL,
            outcome TEXT NOT NULL, tokens INTEGER NOT NULL, money REAL)""",
        "CREATE INDEX calls_by_key ON calls (key, id)",
        "CREATE INDEX calls_by_payer ON calls (payer, id)",
        *_ADDED_IN_2,
    ),
    upgrades=(_ADDED_IN_2,),
)
_GOOD = 200
_FIELDS = (
    *("id", "key", "payer", "label", "request", "sent"),
    *("status", "kind", "body", "outcome", "tokens", "money"),
)
_COLUMNS = ", ".join(f"calls.{name}" for name in _FIELDS)


class CacheMode(StrEnum):
    """What recorded replies are used for."""

    ON = "on"
    """A request that was answered before is not sent again."""

    OFF = "off"
    """Only this run's own replies are used again, when it is resumed."""

    REPLAY = "replay"
    """Nothing is sent: a request without a recorded reply is an error."""


class CallOutcome(StrEnum):
    """What became of a request."""

    OPEN = ""
    """It was sent, or its reply was not read yet."""

    USED = "used"
    """Its reply was read."""

    FAILED = "failed"
    """It has no reply that can be read; the body says why."""

    UNKNOWN = "unknown"
    """The process ended before a reply came: it may have been billed."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request and what is known about its reply."""

    id: int
    key: str
    payer: str
    """The run that sent it."""

    label: str
    """What it was for, for people."""

    request: str
    """JSON: endpoint, model, sampling parameters, messages, sample index."""

    sent: float
    status: int | None
    """The HTTP status; None if there was no reply, 0 if it broke off."""

    kind: str | None
    """The content type of the reply."""

    body: bytes | None
    outcome: CallOutcome
    tokens: int = 0
    money: float | None = None
    """US dollars; None if the price is unknown."""

    def is_paid_by(self, run: str) -> bool:
        """Return whether a run sent it: its id, or a name made of it and a hyphen."""
        return self.payer == run or self.payer.startswith(f"{run}-")


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one request."""

    call: int
    """The number that `CallBook.intend` returned."""

    outcome: CallOutcome
    tokens: int = 0
    money: float | None = None
    """US dollars; None if the price is unknown."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A request that may have been billed and has no reply that could be used."""

    call: int
    request: str
    """What was sent; see `RecordedCall.request`."""


@dataclass(frozen=True, slots=True)
class CacheSize:
    """What the journal of calls holds."""

    calls: int
    used: int
    """Calls with a reply that was read: what can be used again."""

    tokens: int
    money: float
    """US dollars, as far as prices are known."""

    bytes: int
    """Of the requests and replies."""

    oldest: float | None
    """When the first request was sent, in seconds since the epoch."""

    unpriced: int = 0
    """Calls that were paid at a price that is not known."""


class CallBook:
    """The journal of model calls; nothing is touched before it is used.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with CallBook(Path(folder) / "calls.db") as book:
        ...         call = book.intend("k", "{}", payer="run", session="1", label="")
        ...         book.keep(call, 200, "application/json", b"[]")
        ...         book.find("k").body
        b'[]'
    """

    def __init__(self, path: Path | str, *, timeout_s: float = 30.0) -> None:
        self.path = Path(path)
        self._database = Database(self.path, timeout_s=timeout_s, schema=_SCHEMA)

    @staticmethod
    def default_path() -> Path:
        """Return where calls are kept: beside the runs, see `Store.default_path`."""
        return Store.default_path().with_name("calls.db")

    def intend(
        self,
        key: str,
        request: str,
        *,
        payer: str,
        session: str,
        label: str,
    ) -> int:
        """Record a request that is about to be sent, and return its number.

        Raises:
            StoreError: If it cannot be written; then it must not be sent.
        """
        with self._database.writing() as db:
            return _intend(db, key, request, payer, session, label)

    def intend_alone(  # noqa: PLR0913 - a row's columns
        self,
        key: str,
        request: str,
        *,
        payer: str,
        session: str,
        label: str,
        lease_s: float,
        known: int = 0,
    ) -> int | None:
        """Record a request unless it is on its way already or was answered.

        The row of a request is a lease on it: None is returned as long as another
        session has one that is younger than `lease_s` and has no reply, and the
        session's process lives. None is also returned if `find` has a reply, other
        than the call `known` that was of no use: looked for here, because somebody
        may have been answered since the caller looked.

        Raises:
            StoreError: If it cannot be written; then it must not be sent.
        """
        with self._database.writing() as db:
            others = db.execute(
                "SELECT session FROM calls WHERE key = ? AND session != ? "
                "AND status IS NULL AND outcome = '' AND sent > ?",
                (key, session, time.time() - lease_s),
            ).fetchall()
            if any(_lives(other) for (other,) in others):
                return None
            row = _newest(db, key, payer, of_others=True)
            if row is not None and _recorded(row).id != known:
                return None
            return _intend(db, key, request, payer, session, label)

    def keep(self, call: int, status: int, kind: str, body: bytes) -> None:
        """Store the raw reply to a request.

        Raises:
            StoreError: If it cannot be written.
        """
        with self._database.writing() as db:
            db.execute(
                "UPDATE calls SET status = ?, kind = ?, body = ?, replied = ?, "
                "digest = ? WHERE id = ?",
                (status, kind, body, time.time(), _digest(body), call),
            )

    def settle(self, settlements: Sequence["Settlement"]) -> None:
        """Record what became of requests and what they cost, if that is known.

        Several at once, because a transaction costs more than a row. Until then a
        reply that was kept counts as readable.
        """
        if not settlements:
            return
        with self._database.writing() as db:
            db.executemany(
                "UPDATE calls SET outcome = ?, tokens = ?, money = ? WHERE id = ?",
                [(s.outcome.value, s.tokens, s.money, s.call) for s in settlements],
            )

    def find(
        self, key: str, *, payer: str = "", of_others: bool = True
    ) -> RecordedCall | None:
        """Return a readable reply to `key`: the newest of `payer`, else the newest.

        Without `of_others` only one that `payer` has paid.
        """
        if not self._database.exists:
            return None
        with self._database.reading() as db:
            row = _newest(db, key, payer, of_others=of_others)
        return None if row is None else _recorded(row)

    def fails_alone(self, key: str, endpoint: str, *, payer: str, session: str) -> bool:
        """Return whether a request failed in an earlier process and others did not.

        That is: it was sent twice at least, and the same server has answered another
        request since.
        """
        if not self._database.exists:
            return False
        with self._database.reading() as db:
            row = db.execute(
                "SELECT 1 FROM calls WHERE outcome = 'used' AND key != :key "
                "AND json_extract(request, '$.endpoint') = :endpoint AND id > ("
                "SELECT id FROM calls WHERE key = :key AND payer = :payer "
                "AND session != :session AND outcome IN ('failed', 'unknown') "
                "ORDER BY id LIMIT 1 OFFSET 1) LIMIT 1",
                {"key": key, "endpoint": endpoint, "payer": payer, "session": session},
            ).fetchone()
        return row is not None

    def note_uses(self, payer: str, uses: Sequence[tuple[int, str]]) -> None:
        """Record that a run used replies: the calls, and what each was used for."""
        if not uses:
            return
        now = time.time()
        with self._database.writing() as db:
            db.executemany(
                "INSERT INTO uses (payer, call, label, at) VALUES (?,?,?,?)",
                [(payer, call, label, now) for call, label in uses],
            )

    def give_up_on_lost(self, payer: str, session: str) -> list[Lost]:
        """Mark the requests of earlier processes of a run that have no whole reply.

        Returns every request of the run that may have been billed without a reply
        that could be used, those that were marked before included.
        """
        if not self._database.exists:
            return []
        with self._database.writing() as db:
            db.execute(
                "UPDATE calls SET outcome = ? WHERE payer = ? AND session != ? "
                "AND outcome = '' AND ifnull(status, 0) = 0",
                (CallOutcome.UNKNOWN.value, payer, session),
            )
            rows = db.execute(
                "SELECT id, request FROM calls WHERE payer = ? "
                "AND (outcome = 'unknown' OR (outcome = 'failed' AND tokens > 0)) "
                "ORDER BY id",
                (payer,),
            ).fetchall()
        return [Lost(call, request) for call, request in rows]

    def calls(self, payer: str | None = None) -> list[RecordedCall]:
        """Return the recorded calls, oldest first, all or those that a run sent."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM calls WHERE ? OR payer = ? "  # noqa: S608
                "ORDER BY id",
                (payer is None, payer),
            ).fetchall()
        return [_recorded(row) for row in rows]

    def used_by(self, run: str) -> list[RecordedCall]:
        """Return what a run asked in the order in which it did.

        A run's payers are its id and names that begin with it and a hyphen. A reply
        that another run paid has that run as its payer; `sent` is when this run used
        it.
        """
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM calls "  # noqa: S608
                "WHERE payer = :run OR substr(payer, 1, length(:run) + 1) = :run || '-'"
                " ORDER BY calls.id",
                {"run": run},
            ).fetchall()
            others = db.execute(
                f"SELECT {_COLUMNS}, uses.label, uses.at FROM uses "  # noqa: S608
                "JOIN calls ON calls.id = uses.call "
                "WHERE (uses.payer = :run OR "
                "substr(uses.payer, 1, length(:run) + 1) = :run || '-') "
                "AND calls.payer != uses.payer ORDER BY uses.rowid",
                {"run": run},
            ).fetchall()
        found = [_recorded(row) for row in rows]
        for *fields, label, at in others:
            found.append(replace(_recorded(fields), label=label, sent=at))
        return sorted(found, key=lambda call: (call.sent, call.id))

    def has_unpriced(self, run: str) -> bool:
        """Return whether a run paid a call whose price is not known."""
        return any(
            call.money is None and call.tokens > 0 and call.is_paid_by(run)
            for call in self.used_by(run)
        )

    def size(self, *, before: float | None = None) -> CacheSize:
        """Return how much is kept, of all or of what was sent before a time."""
        if not self._database.exists:
            return CacheSize(0, 0, 0, 0.0, 0, None)
        with self._database.reading() as db:
            row = db.execute(
                "SELECT count(*), ifnull(sum(outcome = 'used'), 0), "
                "ifnull(sum(tokens), 0), ifnull(sum(money), 0.0), "
                "ifnull(sum(length(request) + ifnull(length(body), 0)), 0), min(sent), "
                "ifnull(sum(money IS NULL AND tokens > 0), 0) "
                "FROM calls WHERE ? OR sent < ?",
                (before is None, before),
            ).fetchone()
        return CacheSize(*row)

    def newest(self, limit: int) -> list[RecordedCall]:
        """Return the newest calls, newest first."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM calls ORDER BY id DESC LIMIT ?",  # noqa: S608
                (limit,),
            ).fetchall()
        return [_recorded(row) for row in rows]

    def clear(self, *, before: float | None = None) -> int:
        """Delete the calls that were sent before a time, or all; return how many.

        A run that needs them to be resumed pays them again.
        """
        if not self._database.exists:
            return 0
        with self._database.writing() as db:
            gone = db.execute(
                "DELETE FROM calls WHERE ? OR sent < ?", (before is None, before)
            ).rowcount
            db.execute("DELETE FROM uses WHERE call NOT IN (SELECT id FROM calls)")
        self._database.compact()
        return gone

    def verify(self) -> list[str]:
        """Derive every hash again and return what is not as it was written.

        A request has to have the key it is filed under, a reply the digest that was
        taken when it arrived.
        """
        if not self._database.exists:
            return []
        wrong: list[str] = []
        with self._database.reading() as db:
            for call, key, request, body, digest in db.execute(
                "SELECT id, key, request, body, digest FROM calls ORDER BY id"
            ):
                if hashlib.sha256(request.encode()).hexdigest() != key:
                    wrong.append(f"call {call}: the request is not the one of its key")
                if body is not None and digest not in {None, _digest(body)}:
                    wrong.append(f"call {call}: the reply was changed")
        return wrong

    def close(self) -> None:
        """Let go of the file; using the book again opens it again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def new_session() -> str:
    """Return a name for the calls of one client of this process."""
    return f"{secrets.token_hex(8)} {this_writer()}"


def _lives(session: str) -> bool:
    return is_alive(session.partition(" ")[2])


def _intend(  # noqa: PLR0913, PLR0917 - a row's columns
    db: sqlite3.Connection,
    key: str,
    request: str,
    payer: str,
    session: str,
    label: str,
) -> int:
    row = db.execute(
        "INSERT INTO calls (key, payer, session, label, request, sent, "
        "outcome, tokens) VALUES (?,?,?,?,?,?,'',0) RETURNING id",
        (key, payer, session, label, request, time.time()),
    ).fetchone()
    return int(row[0])


def _newest(
    db: sqlite3.Connection, key: str, payer: str, *, of_others: bool
) -> Sequence[Any] | None:
    row: Sequence[Any] | None = db.execute(
        f"SELECT {_COLUMNS} FROM calls WHERE key = ? "  # noqa: S608 - constant
        "AND status = ? AND outcome IN ('', 'used') AND (? OR payer = ?) "
        "ORDER BY payer = ? DESC, id DESC LIMIT 1",
        (key, _GOOD, of_others, payer, payer),
    ).fetchone()
    return row


def _recorded(row: Sequence[Any]) -> RecordedCall:
    fields = dict(zip(_FIELDS, row, strict=True))
    return RecordedCall(**fields | {"outcome": CallOutcome(fields["outcome"])})


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
