"""A large file over a line that breaks, from a real server."""

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from codegrad.engines.download import download
from codegrad.errors import EngineError
from tests.engines.serving import serving

CONTENT = random.Random(1).randbytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class FileServer:
    """Serves one file, and breaks off after some bytes of each answer."""

    content: bytes = CONTENT
    breaks_after: int | None = None
    ranges: bool = True
    redirects: bool = False
    """Whether the checksum is said by a redirection, as model hubs do."""

    stated: str = ""
    """The checksum that the server states."""

    asked: list[str] = field(default_factory=list)
    """The range of each request."""

    url: str = ""

    @contextmanager
    def running(self) -> "Iterator[FileServer]":
        handler = type("Bound", (_Handler,), {"files": self})
        with serving(handler) as port:
            self.url = f"http://127.0.0.1:{port}/model.gguf"
            yield self


class _Handler(BaseHTTPRequestHandler):
    files: FileServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        files = self.files
        if files.redirects and self.path == "/model.gguf":
            self.send_response(302)
            self.send_header("location", "/store/model.gguf")
            self.send_header("x-linked-etag", f'"{files.stated}"')
            self.end_headers()
            return
        if "missing" in self.path:
            self.send_error(404)
            return
        wanted = self.headers["range"] or ""
        files.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0)
        start = start if files.ranges else 0
        rest = files.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("content-length", str(len(rest)))
        if start:
            whole = len(files.content)
            self.send_header("content-range", f"bytes {start}-{whole - 1}/{whole}")
        if files.stated and not files.redirects:
            self.send_header("x-checksum-sha256", files.stated)
        self.end_headers()
        self.wfile.write(rest[: files.breaks_after])


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer().running() as running:
        yield running


def load(server: FileServer, folder: Path, **options: str) -> str:
    digest = options.get("digest")
    return download(server.url, folder / "m" / "w.gguf", digest=digest, pause_s=0.01)


def test_a_file_arrives_whole_and_is_checked(
    server: FileServer, tmp_path: Path
) -> None:
    heard: list[tuple[int, int | None]] = []
    target = tmp_path / "new" / "w.gguf"
    found = download(
        server.url, target, digest=DIGEST, report=lambda *pair: heard.append(pair)
    )
    assert found == DIGEST
    assert target.read_bytes() == CONTENT
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in target.parent.iterdir()] == ["w.gguf"]


def test_a_line_that_breaks_is_taken_up_again(
    server: FileServer, tmp_path: Path
) -> None:
    server.breaks_after = 70_000
    assert load(server, tmp_path) == DIGEST
    starts = [int(text[6:-1] or 0) if text else 0 for text in server.asked]
    assert starts == [0, 70_000, 140_000, 210_000, 280_000]


def test_a_later_process_goes_on_where_the_first_one_was(
    server: FileServer, tmp_path: Path
) -> None:
    partial = tmp_path / "m" / "w.gguf.part"
    partial.parent.mkdir()
    partial.write_bytes(CONTENT[:1234])
    assert load(server, tmp_path) == DIGEST
    assert server.asked == ["bytes=1234-"]


def test_a_server_without_ranges_sends_it_from_the_start(
    server: FileServer, tmp_path: Path
) -> None:
    server.ranges = False
    partial = tmp_path / "m" / "w.gguf.part"
    partial.parent.mkdir()
    partial.write_bytes(b"something else")
    assert load(server, tmp_path) == DIGEST


def spoil(server: FileServer) -> None:
    server.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])


@pytest.mark.parametrize("redirects", [True, False])
def test_a_wrong_checksum_leaves_nothing(
    server: FileServer, tmp_path: Path, *, redirects: bool
) -> None:
    server.stated, server.redirects = DIGEST, redirects
    spoil(server)
    with pytest.raises(EngineError, match="is not the file that was promised"):
        load(server, tmp_path)
    assert list((tmp_path / "m").iterdir()) == []
    server.content = CONTENT
    assert load(server, tmp_path) == DIGEST


def test_the_checksum_that_was_asked_for_counts(
    server: FileServer, tmp_path: Path
) -> None:
    spoil(server)
    server.stated = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(EngineError, match=f"not {DIGEST}"):
        load(server, tmp_path, digest=DIGEST)


def gone(server: FileServer) -> str:
    return server.url.replace("model", "missing")


def nowhere(_server: FileServer) -> str:
    return "http://127.0.0.1:9/model.gguf"


def local_file(_server: FileServer) -> str:
    return "file:///etc/hostname"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (gone, "was not found or is not public"),
        (nowhere, "cannot be loaded: .*refused.*0 bytes are kept"),
        (local_file, "write http:// or https://"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(
    server: FileServer,
    tmp_path: Path,
    address: Callable[[FileServer], str],
    sentence: str,
) -> None:
    with pytest.raises(EngineError, match=sentence):
        download(address(server), tmp_path / "w.gguf", pause_s=0.001)
    assert not (tmp_path / "w.gguf").exists()
