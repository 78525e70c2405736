"""Everything that was asked of a model, on the disk before and after it costs.

In: a request's key and text before it is sent, the raw reply before it is read. Out:
the recorded reply of the same request. Invariant: a reply that `keep` returned for is
on the disk; a request whose reply is missing is listed as unknown, because it may have
been billed.

A key covers everything that decides the answer, sample index included; who is the
payer decides only in which ledger a reply counts. No key of a provider is stored.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codegrad.store.database import Database, Schema
from codegrad.store.journal import Store

_SCHEMA = Schema(
    0x43474C4C,  # "CGLL"
    1,
    (
        """CREATE TABLE calls (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL, payer TEXT NOT NULL,
            session TEXT NOT NULL, label TEXT NOT NULL, request TEXT NOT NULL,
            sent REAL NOT NULL, status INTEGER, kind TEXT, body BLOB, replied REAL,
            outcome TEXT NOT NULL, tokens INTEGER NOT NULL, money REAL)""",
        "CREATE INDEX calls_by_key ON calls (key, id)",
        "CREATE INDEX calls_by_payer ON calls (payer, id)",
    ),
)
_GOOD = 200
_FIELDS = (
    *("id", "key", "payer", "label", "request"),
    *("sent", "status", "kind", "body", "outcome"),
)
_COLUMNS = ", ".join(_FIELDS)


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
    """The HTTP status; None if there was no reply."""

    kind: str | None
    """The content type of the reply."""

    body: bytes | None
    outcome: CallOutcome


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one request."""

    call: int
    """The number that `CallBook.intend` returned."""

    outcome: CallOutcome
    tokens: int = 0
    money: float | None = None
    """US dollars; None if the price is unknown."""


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
        self, key: str, request: str, *, payer: str, session: str, label: str
    ) -> int:
        """Record a request that is about to be sent, and return its number.

        Raises:
            StoreError: If it cannot be written; then it must not be sent.
        """
        with self._database.writing() as db:
            row = db.execute(
                "INSERT INTO calls (key, payer, session, label, request, sent, "
                "outcome, tokens) VALUES (?,?,?,?,?,?,'',0) RETURNING id",
                (key, payer, session, label, request, time.time()),
            ).fetchone()
        return int(row[0])

    def keep(self, call: int, status: int, kind: str, body: bytes) -> None:
        """Store the raw reply to a request.

        Raises:
            StoreError: If it cannot be written.
        """
        with self._database.writing() as db:
            db.execute(
                "UPDATE calls SET status = ?, kind = ?, body = ?, replied = ? "
                "WHERE id = ?",
                (status, kind, body, time.time(), call),
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

    def find(self, key: str, *, payer: str | None = None) -> RecordedCall | None:
        """Return the newest readable reply to `key`; with `payer` only to its own."""
        if not self._database.exists:
            return None
        with self._database.reading() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM calls WHERE key = ? "  # noqa: S608 - constant
                "AND status = ? AND outcome IN ('', 'used') AND (? OR payer = ?) "
                "ORDER BY id DESC LIMIT 1",
                (key, _GOOD, payer is None, payer),
            ).fetchone()
        return None if row is None else _recorded(row)

    def give_up_on_lost(self, payer: str, session: str) -> int:
        """Mark the requests of earlier processes of a run that have no reply.

        Returns how many there are: each may have been billed.
        """
        if not self._database.exists:
            return 0
        with self._database.writing() as db:
            lost = db.execute(
                "UPDATE calls SET outcome = ? WHERE payer = ? AND session != ? "
                "AND outcome = '' AND status IS NULL",
                (CallOutcome.UNKNOWN.value, payer, session),
            )
        return lost.rowcount

    def calls(self, payer: str | None = None) -> list[RecordedCall]:
        """Return the recorded calls, oldest first, all or those of one run."""
        if not self._database.exists:
            return []
        with self._database.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM calls WHERE ? OR payer = ? "  # noqa: S608
                "ORDER BY id",
                (payer is None, payer),
            ).fetchall()
        return [_recorded(row) for row in rows]

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


def _recorded(row: Sequence[Any]) -> RecordedCall:
    outcome = CallOutcome(row[-1])
    return RecordedCall(**dict(zip(_FIELDS, row, strict=True)) | {"outcome": outcome})
