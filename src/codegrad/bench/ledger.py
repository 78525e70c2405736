"""A file of JSON lines, one row a key, appended as they come.

It is the record of an experiment, and what an interrupted one goes on from. The first
line says what the rows are about; rows of something else are refused. A row that `add`
returned for is on the disk; a last line that was cut off is dropped.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from codegrad.errors import DatasetError, OutputError

Row = Mapping[str, Any]


class Ledger:
    """Rows by key; new ones are appended to a file.

    Args:
        path: The file; it is made if it is not there.
        about: What the rows are about, as plain JSON data.

    Raises:
        OutputError: If the file cannot be written.
        DatasetError: If it holds rows about something else.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self.about = _plain(about)
        self._rows: dict[str, Row] = {}
        stop = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                stop = self._take(path)
            self._file: IO[bytes] = path.open("r+b" if path.exists() else "w+b", 0)
            self._file.truncate(stop)
            self._file.seek(stop)
            if not stop:
                self._write(self.about)
        except OSError as error:
            raise self._full(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> Row:
        return self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield keys and rows in the order in which they came."""
        yield from self._rows.items()

    def add(self, key: str, row: Mapping[str, Any]) -> None:
        """Keep a row; a key that is there already is left as it is.

        Raises:
            OutputError: If it cannot be written; what was written before is kept.
        """
        if key in self._rows:
            return
        kept = _plain({"key": key, **row})
        try:
            self._write(kept)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error
        self._rows[key] = kept

    def merge(self, path: Path) -> int:
        """Take over the rows of another file; return how many were new.

        Raises:
            DatasetError: If it cannot be read or is about something else.
            OutputError: If the rows cannot be written.
        """
        before = len(self)
        try:
            other = list(self._read(path))
        except OSError as error:
            raise DatasetError(
                f"{path} cannot be read: {error.strerror or error}"
            ) from error
        for row, _ in other:
            self.add(row["key"], {k: v for k, v in row.items() if k != "key"})
        return len(self) - before

    def checksum(self) -> str:
        """Return the SHA-256 of all rows, whatever order they came in."""
        digest = hashlib.sha256(_line(self.about))
        for key in sorted(self._rows):
            digest.update(_line(self._rows[key]))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, path: Path) -> int:
        """Take every row of the file; return where the last of them ends."""
        stop = 0
        for row, end in self._read(path):
            if row is not self.about:
                self._rows[row["key"]] = row
            stop = end
        return stop or _head_size(path)

    def _read(self, path: Path) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield each row of a file, and where its line ends."""
        stop = _head_size(path)
        if not stop:
            return
        found = read_about(path)
        if found != self.about:
            raise DatasetError(
                f"{path} holds {_difference(found, self.about)}; use another folder"
            )
        with path.open("rb") as file:
            file.seek(stop)
            for line in file:
                try:
                    row = json.loads(line)
                    str(row["key"])
                except (ValueError, LookupError, TypeError):
                    return  # a write was cut off here
                if not line.endswith(b"\n"):
                    return
                stop += len(line)
                yield row, stop

    def _write(self, row: Mapping[str, Any]) -> None:
        view = memoryview(_line(row))
        while view:
            view = view[self._file.write(view) :]

    def _full(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written: {error.strerror or error}; {len(self)} "
            "rows are kept there as far as they were written. Make room or name "
            "another folder with --out, and run the same command again"
        )


def read_about(path: Path) -> dict[str, Any]:
    """Return what the rows of a file are about.

    Raises:
        DatasetError: If it is not such a file.
    """
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline())
    except FileNotFoundError:
        raise DatasetError(f"{path} does not exist; check the folder") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path} is no record of an experiment: {error}") from error
    if not isinstance(head, dict):
        raise DatasetError(f"{path} is no record of an experiment")
    return head


def _head_size(path: Path) -> int:
    with path.open("rb") as file:
        head = file.readline()
    return len(head) if head.endswith(b"\n") else 0


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(data))
    return plain


def _line(row: Mapping[str, Any]) -> bytes:
    # Not sorted: the order of suites in a row means something.
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if found.get("schema") != wanted.get("schema"):
        return "something else than an experiment of this version"
    names = [n for n in {**wanted, **found} if found.get(n) != wanted.get(n)]
    parts = [f"{n} {_cut(found.get(n))}, not {_cut(wanted.get(n))}" for n in names]
    return f"an experiment with other settings ({'; '.join(parts)})"


def _cut(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - readable
