"""Read JSON lines, plain or gzipped, and say clearly what is wrong with them."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codegrad.errors import DatasetError


def read_rows(path: Path) -> tuple[list[Mapping[str, Any]], str]:
    """Return the objects of a JSON-lines file or JSON array, and its SHA-256.

    Raises:
        DatasetError: If the file cannot be read or a line is not a JSON object.
    """
    data = _content(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text: {error}") from error
    rows = list(_objects(path, text))
    if not rows:
        raise DatasetError(f"{path} holds no record")
    return rows, hashlib.sha256(data).hexdigest()


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise DatasetError(f"{path} does not exist; check the path") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(
            f"{path} cannot be read: {error}; download it again if it was cut off"
        ) from error


def _objects(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    if text.lstrip()[:1] == "[":
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{path} is not JSON: {error}") from error
        yield from (_checked(path, 1, row) for row in rows)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(
                f"{path}, line {number} is not JSON: {error}; the file may be cut off"
            ) from error
        yield _checked(path, number, row)


def _checked(path: Path, number: int, row: object) -> Mapping[str, Any]:
    if not isinstance(row, dict):
        raise DatasetError(f"{path}, line {number} is not a JSON object")
    return row
