"""Downloads one large file: resumed where it broke off, checked when it is whole.

In: an address. Out: the file. Invariant: the target exists only when it is complete
and its checksum is right; what is not complete waits beside it as `NAME.part`.
"""

import errno
import fcntl
import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any

from codegrad.errors import EngineError

Report = Callable[[int, int | None], None]
"""Hears how many bytes are there, and how many there will be if that is known."""

_BLOCK = 1 << 20
_ATTEMPTS = 8
_TIMEOUT_S = 60.0
_PARTIAL, _RANGE_TOO_FAR = 206, 416
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHECKSUM_HEADERS = ("x-linked-etag", "x-checksum-sha256", "etag")
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_GAVE_UP = (400, 401, 403, 404, 410)


def unreported(done: int, whole: int | None) -> None:
    """Listen to nothing."""


@dataclass
class _Promise:
    """What a server says of a file before it sends it."""

    digest: str | None = None
    """SHA-256 in hexadecimal digits."""

    size: int | None = None
    tag: str = ""

    def notice(self, headers: "Message[str, str]") -> None:
        """Take up what headers say; those of the first server count."""
        for name in _CHECKSUM_HEADERS:
            found = (headers.get(name) or "").strip('W/"').lower()
            if self.digest is None and _DIGEST.fullmatch(found):
                self.digest = found
        self.tag = self.tag or headers.get("etag") or ""


def download(
    url: str,
    target: Path,
    *,
    digest: str | None = None,
    report: Report = unreported,
    pause_s: float = 1.0,
) -> str:
    """Bring `url` to `target` and return its SHA-256.

    Without `digest` the checksum that the server itself states is used, as model hubs
    do; it guards against a broken line, not against a server that lies. An
    interrupted download goes on where it was, in this process or a later one.

    Raises:
        EngineError: If the server does not give the file, the line breaks too often
            without any progress, the checksum is wrong, or the disk is full.
    """
    partial = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(partial) as file:
            if target.exists():
                # Another process was faster.
                return file_digest(target)
            promise = _Promise(digest)
            _fetch(url, file, promise, report, pause_s)
            found = file_digest(partial)
            if promise.digest is not None and found != promise.digest:
                partial.unlink()
                raise EngineError(
                    f"{url} is not the file that was promised: its SHA-256 is {found}, "
                    f"not {promise.digest}; it was removed, try again"
                )
            partial.replace(target)
    except OSError as error:
        raise EngineError(
            f"{target} cannot be written: {error.strerror or error}; free some space, "
            "or name another folder with CODEGRAD_MODELS"
        ) from error
    return found


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(partial: Path) -> Iterator[IO[bytes]]:
    """Open the partial file; another process that loads it is waited for."""
    with partial.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _fetch(
    url: str, file: IO[bytes], promise: _Promise, report: Report, pause_s: float
) -> None:
    """Append to `file` until it is complete."""
    failures = 0
    while True:
        before = file.tell()
        try:
            if _fetch_more(url, file, promise, report):
                return
            problem = "the line broke off"
        except urllib.error.HTTPError as error:
            problem = f"HTTP {error.code}"
            if error.code in _GAVE_UP:
                raise EngineError(
                    f"{url} was not found or is not public ({problem}); check the name"
                ) from None
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in _DISK:
                raise
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        file.seek(0, 2)
        failures = 0 if file.tell() > before else failures + 1
        if failures >= _ATTEMPTS:
            raise EngineError(
                f"{url} cannot be loaded: {problem}; {file.tell():,} bytes are kept, "
                "the same command goes on from there"
            )
        time.sleep(pause_s * min(8, 2**failures) / 2)


def _fetch_more(url: str, file: IO[bytes], promise: _Promise, report: Report) -> bool:
    """Ask for what is missing, append it, and return whether all is there."""
    have = file.tell()
    headers = {"accept-encoding": "identity"}
    if have:
        headers["range"] = f"bytes={have}-"
        if promise.tag:
            # If it is another file by now, it is sent from the start.
            headers["if-range"] = promise.tag
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked below
    if request.type not in {"http", "https"}:
        raise EngineError(f"{url} cannot be loaded; write http:// or https://")
    opener = urllib.request.build_opener(_Noticing(promise))
    try:
        response = opener.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_TOO_FAR and have:
            whole = _total(error.headers)
            if whole == have:
                return True
            file.truncate(0)
            return False
        raise
    with response:
        promise.notice(response.headers)
        if response.status != _PARTIAL and have:
            file.truncate(0)
            have = 0
        promise.size = _total(response.headers) or _sum(have, response.headers)
        while block := response.read(_BLOCK):
            file.write(block)
            have += len(block)
            report(have, promise.size)
        file.flush()
    return promise.size is None or have == promise.size


class _Noticing(urllib.request.HTTPRedirectHandler):
    """Follows redirections and notices what the first server says of the file."""

    def __init__(self, promise: _Promise) -> None:
        self._promise = promise

    def redirect_request(  # noqa: PLR0913, PLR0917 - urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,  # noqa: ANN401 - an http.client.HTTPMessage
        newurl: str,
    ) -> urllib.request.Request | None:
        """Take up the checksum before it is redirected."""
        self._promise.notice(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _total(headers: "Message[str, str]") -> int | None:
    """Return the size of the whole file from `Content-Range`."""
    found = re.search(r"/(\d+)$", headers.get("content-range") or "")
    return int(found[1]) if found else None


def _sum(have: int, headers: "Message[str, str]") -> int | None:
    length = headers.get("content-length")
    return have + int(length) if length else None
