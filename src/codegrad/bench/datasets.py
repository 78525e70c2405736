"""The datasets by name, and the one way to open them."""

import gc
import gzip
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.bench import humaneval, humanevalfix, livecodebench, mbpp, quixbugs
from codegrad.bench.problems import Dataset, Problem
from codegrad.bench.rows import read_rows
from codegrad.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Source:
    """How one dataset is read."""

    fields: Sequence[str]
    """The fields that each record has."""

    read: Callable[[Mapping[str, Any]], Problem]
    """Turns a record into a problem."""

    checksums: Mapping[str, str]
    """SHA-256 of the content of each known version of the file."""

    url: str = ""
    """Where the official file is, if it can be downloaded as it is."""

    notes: Sequence[str] = ()
    """What a reader of the results has to know."""


_EVALPLUS = "https://github.com/evalplus/{0}_release/releases/download/{1}/{2}.jsonl.gz"

SOURCES: dict[str, Source] = {
    "humaneval": Source(
        humaneval.HUMANEVAL_FIELDS,
        humaneval.humaneval_problem,
        {"6d43fb9": "621ff099e7d6a9b630619acd3568aef441dec51a8c84f881a9dd1f2d2ed15914"},
        "https://github.com/openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    ),
    "humaneval+": Source(
        humaneval.PLUS_FIELDS,
        humaneval.humaneval_plus_problem,
        {"v0.1.10": "228722cf9de946ab6134f0be7f441c5f3ef6867abd2ccf234dcfad33d1f08bd6"},
        _EVALPLUS.format("humanevalplus", "v0.1.10", "HumanEvalPlus"),
    ),
    "mbpp+": Source(
        mbpp.FIELDS,
        mbpp.mbpp_problem,
        {"v0.2.0": "4f770ad7a32332155c496dc2a4992040306f975a5d9bb0c58a5b4e4450bf4caa"},
        _EVALPLUS.format("mbppplus", "v0.2.0", "MbppPlus"),
    ),
    "livecodebench": Source(
        livecodebench.FIELDS, livecodebench.livecodebench_problem, {}
    ),
    "quixbugs": Source(quixbugs.FIELDS, quixbugs.quixbugs_problem, {}),
    "humanevalfix": Source(humanevalfix.FIELDS, humanevalfix.humanevalfix_problem, {}),
}
"""Each dataset by its name on the command line."""


def open_dataset(
    name: str, path: Path | None = None, *, since: str = "", until: str = ""
) -> Dataset:
    """Return the dataset `name`, from `path` or from its official address.

    With `since` or `until` (`YYYY-MM-DD`, both inclusive) only the problems that were
    published in that time.

    Raises:
        DatasetError: If the name is unknown, or the file is missing, another
            dataset's, or damaged.
    """
    source = SOURCES.get(name)
    if source is None:
        known = ", ".join(SOURCES)
        raise DatasetError(f"unknown dataset {name!r}; known: {known}")
    path = _download(name, source) if path is None else path
    rows, checksum = read_rows(path)
    problems: dict[str, Problem] = {}
    # A large dataset is millions of small objects, none of them garbage.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number, row in enumerate(rows, 1):
            problem = _problem(name, source, path, checksum, number, row)
            if (since or until) and not since <= problem.date <= (until or "9999"):
                continue
            problems[problem.task_id] = problem
    finally:
        if was_enabled:
            gc.enable()
    if not problems:
        raise DatasetError(f"{path} has no problem from {since} to {until}")
    notes = list(source.notes)
    if source.checksums and checksum not in source.checksums.values():
        versions = ", ".join(source.checksums)
        notes.append(
            f"{path} (SHA-256 {checksum}) is no known version of {name} ({versions})"
        )
    return Dataset(name, path, checksum, problems, tuple(notes))


def _problem(  # noqa: PLR0913, PLR0917 - all of it is needed for a clear message
    name: str,
    source: Source,
    path: Path,
    checksum: str,
    number: int,
    row: Mapping[str, Any],
) -> Problem:
    missing = [field for field in source.fields if field not in row]
    if missing:
        raise DatasetError(
            f"{path} (SHA-256 {checksum}) is not {name}: record {number} has no "
            f"{', '.join(missing)}; it looks like {_likely(row)}"
        )
    try:
        return source.read(row)
    except (LookupError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path} (SHA-256 {checksum}), record {number} cannot be understood: "
            f"{error}"
        ) from error


def _likely(row: Mapping[str, Any]) -> str:
    likely = [
        name for name, source in SOURCES.items() if set(source.fields) <= row.keys()
    ]
    return " or ".join(likely) or "no dataset that is known here"


def cache_folder() -> Path:
    """Return where downloads and expected values are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "codegrad"


def _download(name: str, source: Source) -> Path:
    if not source.url:
        raise DatasetError(f"{name} cannot be downloaded; name its file with --data")
    target = cache_folder() / "datasets" / f"{name}.jsonl"
    if target.exists():
        return target
    import urllib.request  # noqa: PLC0415 - 30 ms that no other way needs

    try:
        with urllib.request.urlopen(source.url, timeout=60) as answer:  # noqa: S310 - https, from the table above
            data = gzip.decompress(answer.read())
    except (OSError, EOFError) as error:
        raise DatasetError(
            f"{name} cannot be downloaded from {source.url}: {error}; download it "
            "yourself and name the file with --data"
        ) from error
    _check(name, source, data)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(target)
    return target


def _check(name: str, source: Source, data: bytes) -> None:
    checksum = hashlib.sha256(data).hexdigest()
    if source.checksums and checksum not in source.checksums.values():
        raise DatasetError(
            f"the download of {name} has SHA-256 {checksum}, which is no known "
            "version; name a file that you trust with --data"
        )
