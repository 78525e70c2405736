"""The file of results: one JSON line for each different sample, appended as they come.

It is the report, and what an interrupted evaluation goes on from. The first line says
what was evaluated against what; a later evaluation uses the file only if that is the
same. A last line that was cut off is dropped.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from codegrad.bench.verdicts import Outcome, Verdict
from codegrad.errors import DatasetError, OutputError

SCHEMA = "codegrad.results/1"

_SYNC_S = 1.0
_SYNC_ROWS = 256


class Results:
    """Results by the key of their sample; new ones are appended to a file.

    Args:
        path: The file; None keeps the results in memory alone.
        about: What is evaluated against what.

    Raises:
        OutputError: If the file cannot be written.
        DatasetError: If it holds the results of something else.
    """

    def __init__(self, path: Path | None, about: Mapping[str, Any]) -> None:
        self.path = path
        self._about = {"schema": SCHEMA, **about}
        self._outcomes: dict[bytes, tuple[Outcome, ...]] = {}
        self._known: dict[tuple[str, ...], tuple[Outcome, ...]] = {}
        self.failures: dict[str, dict[str, Any]] = {}
        """The first failure of each problem."""

        self.attempts: dict[str, dict[str, list[bytes]]] = {}
        """The keys of the samples of a problem that tried what."""

        self.cpu_s = 0.0
        """Processor seconds of all samples."""

        self._file: IO[bytes] | None = None
        self._waiting = 0
        self._synced = time.monotonic()
        if path is not None:
            self._open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, key: bytes) -> bool:
        return key in self._outcomes

    def __len__(self) -> int:
        return len(self._outcomes)

    def outcomes(self, key: bytes) -> tuple[Outcome, ...] | None:
        """Return the outcome of each suite for a sample, if it was graded."""
        return self._outcomes.get(key)

    def add(self, key: bytes, task_id: str, verdict: Verdict) -> None:
        """Keep one verdict.

        Raises:
            OutputError: If it cannot be written; what was written before is kept.
        """
        row = _row(key, task_id, verdict)
        self._take(row)
        if self._file is None:
            return
        self._write_row(row)
        self._waiting += 1
        now = time.monotonic()
        if self._waiting >= _SYNC_ROWS or now - self._synced > _SYNC_S:
            self._sync()

    def merge(self, path: Path) -> int:
        """Take over the results of another file; return how many were new.

        Raises:
            DatasetError: If the file cannot be read or is about something else.
        """
        before = len(self)
        try:
            with path.open("rb") as file:
                rows = list(self._rows(path, file))
        except OSError as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        for row, _ in rows:
            if bytes.fromhex(row["key"]) not in self:
                self._take(row)
                self._write_row(row)
        return len(self) - before

    def close(self) -> None:
        """Write what is waiting and close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                os.fsync(file.fileno())
            except OSError as error:
                raise self._full(error) from error
            finally:
                file.close()

    def _open(self, path: Path) -> None:
        stop = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                with path.open("rb") as reading:
                    stop = self._take_all(path, reading)
            self._file = path.open("r+b" if path.exists() else "w+b", buffering=0)
            self._file.truncate(stop)
            self._file.seek(stop)
        except OSError as error:
            raise self._full(error) from error
        if not stop:
            self._write(json.dumps(self._about).encode() + b"\n")

    def _take_all(self, path: Path, file: IO[bytes]) -> int:
        """Take every result of a file; return where the last of them ends."""
        stop = 0
        for row, end in self._rows(path, file):
            self._take(row)
            stop = end
        if not stop:
            file.seek(0)
            head = file.readline()
            stop = len(head) if head.endswith(b"\n") else 0
        return stop

    def _rows(
        self, path: Path, file: IO[bytes]
    ) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield each result of a file, and where its line ends."""
        head = file.readline()
        if not head.endswith(b"\n"):
            return
        try:
            about = json.loads(head)
        except ValueError:
            about = None
        if about != self._about:
            raise DatasetError(
                f"{path} holds {_difference(about, self._about)}; move it away, or "
                "name another file with --results"
            )
        stop = len(head)
        for line in file:
            try:
                row = json.loads(line)
                bytes.fromhex(row["key"])
                dict(row["outcomes"])
            except (ValueError, LookupError, TypeError):
                # A write was cut off here; the samples after it are graded again.
                return
            if not line.endswith(b"\n"):
                return
            stop += len(line)
            yield row, stop

    def _take(self, row: Mapping[str, Any]) -> None:
        names = tuple(row["outcomes"].values())
        outcomes = self._known.get(names)
        if outcomes is None:
            # One tuple for all samples with the same outcomes.
            outcomes = self._known[names] = tuple(map(Outcome, names))
        self._outcomes[bytes.fromhex(row["key"])] = outcomes
        self.cpu_s += float(row["cpu_s"])
        task_id = str(row["task_id"])
        if row.get("failure"):
            self.failures.setdefault(task_id, row["failure"])
        for attempt in row.get("attempts", ()):
            keys = self.attempts.setdefault(task_id, {}).setdefault(attempt, [])
            keys.append(bytes.fromhex(row["key"]))

    def _write_row(self, row: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._write(json.dumps(row, separators=(",", ":")).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        try:
            view = memoryview(data)
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise self._full(error) from error

    def _sync(self) -> None:
        assert self._file is not None
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        self._waiting, self._synced = 0, time.monotonic()

    def _full(self, error: OSError) -> OutputError:
        return OutputError(
            f"the results cannot be written to {self.path}: {error.strerror or error}; "
            f"{len(self)} results are kept there as far as they were written. Make "
            "room or name another file with --results, and run the same command again"
        )


def _row(key: bytes, task_id: str, verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": key.hex(),
        "task_id": task_id,
        "outcomes": {name: one.value for name, one in verdict.outcomes.items()},
        "cpu_s": round(verdict.cpu_s, 6),
    }
    if verdict.failure is not None:
        failure = verdict.failure
        row["failure"] = {
            name: getattr(failure, name)
            for name in ("suite", "reason", "given", "expected", "observed")
            if getattr(failure, name)
        }
    if verdict.attempts:
        row["attempts"] = list(verdict.attempts)
    return row


def _difference(found: object, wanted: Mapping[str, Any]) -> str:
    if not isinstance(found, dict) or found.get("schema") != wanted["schema"]:
        return "something else than results of this version"
    parts = [
        f"{name} {found.get(name)!r} instead of {value!r}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]
    return "the results of another evaluation (" + ", ".join(parts) + ")"
