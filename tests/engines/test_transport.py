"""What passes through the HTTP client is kept before anybody reads it."""

import asyncio
import http.server
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from codegrad.engines.chat import BROKEN_OFF, RawReply
from codegrad.engines.exchange import EXCHANGE, RECORDED, Exchange
from codegrad.engines.transport import (
    is_before_sending,
    overheard_client,
    replaying_client,
)
from tests.engines.serving import serving

WHOLE = b'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n' * 3


class _Half(http.server.BaseHTTPRequestHandler):
    """Promises more than it sends, if the path says so."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        more = 100 if self.path == "/half" else 0
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(WHOLE) + more))
        self.end_headers()
        self.wfile.write(WHOLE)
        self.close_connection = True


@contextmanager
def half_server() -> Iterator[str]:
    with serving(_Half) as port:
        yield f"http://127.0.0.1:{port}"


def fetched(path: str, exchange: Exchange | None) -> httpx2.Response:
    """Return the response to a request that belongs to `exchange`."""

    async def get(url: str) -> httpx2.Response:
        EXCHANGE.set(exchange)
        async with overheard_client() as client:
            return await client.get(url + path)

    with half_server() as url:
        return asyncio.run(get(url))


def test_a_reply_is_kept_and_heard_before_it_is_read() -> None:
    kept: list[RawReply] = []
    heard: list[str] = []
    lives: list[None] = []
    exchange = Exchange(kept.append, heard.append, lambda: lives.append(None))
    response = fetched("/", exchange)
    assert response.content == WHOLE
    assert kept == [RawReply(200, "text/event-stream", WHOLE)]
    assert exchange.raw == kept[0]
    assert "".join(heard) == "hello" * 3
    assert lives


def test_an_error_of_the_server_is_kept_with_its_status() -> None:
    kept: list[RawReply] = []
    assert fetched("/teapot", Exchange(kept.append)).status_code == 418
    assert [raw.status for raw in kept] == [418]


def test_what_arrived_of_a_broken_reply_is_kept() -> None:
    kept: list[RawReply] = []
    with pytest.raises(httpx2.RemoteProtocolError):
        fetched("/half", Exchange(kept.append))
    assert kept == [RawReply(BROKEN_OFF, "text/event-stream", WHOLE)]


@pytest.mark.parametrize("path", ["/", "/half"])
def test_a_reply_that_cannot_be_kept_is_given_to_nobody(path: str) -> None:
    def keep(_raw: RawReply) -> None:
        raise OSError("no room")

    exchange = Exchange(keep)
    with pytest.raises(OSError, match="no room"):
        fetched(path, exchange)
    assert str(exchange.failure) == "no room", "the client libraries may hide it"


def test_a_request_of_nobody_passes() -> None:
    assert fetched("/", None).content == WHOLE


def test_a_recorded_reply_comes_from_no_network() -> None:
    async def get() -> httpx2.Response:
        RECORDED.set(RawReply(200, "application/json", b"[1]"))
        async with replaying_client() as client:
            return await client.get("http://nowhere.invalid/")

    response = asyncio.run(get())
    assert (response.status_code, response.json()) == (200, [1])


@pytest.mark.parametrize(
    ("error", "before"),
    [
        (httpx2.ConnectError(""), True),
        (httpx2.ConnectTimeout(""), True),
        (httpx2.LocalProtocolError(""), True),
        (httpx2.ReadError(""), False),
        (httpx2.ReadTimeout(""), False),
        (OSError(), False),
    ],
)
def test_what_failed_before_it_was_sent_was_not_billed(
    error: Exception, *, before: bool
) -> None:
    assert is_before_sending(error) is before
