"""The HTTP client under the providers' own: what passes through it is overheard.

In: requests of pydantic-ai. Out: its replies, and for each the raw bytes before
anything is read from them. Invariant: a reply is complete and handed over before
pydantic-ai sees the first byte of it, and is of bounded size; a recorded reply comes
from no network.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import httpx2

from codegrad.engines.addresses import variables_set
from codegrad.engines.chat import BROKEN_OFF, RawReply
from codegrad.engines.exchange import EXCHANGE, RECORDED, Exchange
from codegrad.engines.mending import mended
from codegrad.engines.unpacking import Unpacking, encodings, is_known
from codegrad.errors import EngineError

MAX_REPLY = 32 * 2**20
"""Bytes of one reply: some 100,000 tokens, each in an event of its own."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


class _StoppedError(Exception):
    """A reply was not taken any further; the exchange says why."""


class _Arriving:
    """One reply, as far as it has arrived."""

    def __init__(self, exchange: Exchange, encoding: str) -> None:
        self._exchange = exchange
        self._size = self._sent = 0
        self._chunks: list[bytes] = []
        # It was not asked for, but some servers send nothing else.
        names = encodings(encoding)
        self._unpacking = Unpacking() if names else None
        if names and not is_known(names):
            self._stop(f"compresses its reply ({encoding}), which was not asked for")

    @property
    def body(self) -> bytes:
        """What has arrived."""
        return b"".join(self._chunks)

    def take(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            _StoppedError: If they are too many, or not what they are said to be.
        """
        self._sent += len(chunk)
        if self._unpacking is not None:
            try:
                # A few bytes may stand for gigabytes.
                chunk = self._unpacking.feed(chunk, MAX_REPLY - self._size + 1)
            except zlib.error:
                self._stop("says that its reply is compressed, and it is not")
        self._size += len(chunk)
        if max(self._size, self._sent) > MAX_REPLY:
            size = f"{MAX_REPLY // 2**20} MB"
            self._stop(
                f"sent more than {size} for one reply, the most that is taken; check "
                "that a model answers at this address, and limit it with --max-tokens"
            )
        self._chunks.append(chunk)
        self._exchange.note(chunk)

    def _stop(self, why: str) -> None:
        self._exchange.stopped = why
        raise _StoppedError(why)


async def _overhear(response: httpx2.Response) -> None:
    exchange = EXCHANGE.get()
    if exchange is None:
        return
    exchange.retry_after = response.headers.get("retry-after", "")
    exchange.location = response.headers.get("location", "")
    kind = response.headers.get("content-type", "")
    stream = response.stream
    assert isinstance(stream, httpx2.AsyncByteStream)
    arriving = None
    try:
        arriving = _Arriving(exchange, response.headers.get("content-encoding", ""))
        async for chunk in stream:
            arriving.take(chunk)
    except BaseException:
        body = arriving.body if arriving else b""
        exchange.end(RawReply(BROKEN_OFF, kind, body))
        raise
    finally:
        await stream.aclose()
    exchange.end(RawReply(response.status_code, kind, arriving.body))
    assert exchange.raw is not None
    if exchange.stopped:
        raise _StoppedError(exchange.stopped)
    raw = mended(exchange.raw)
    response.headers["content-type"] = raw.kind
    response.headers.pop("content-encoding", None)
    response.stream = httpx2.ByteStream(raw.body)
    await response.aread()


async def _watch(request: httpx2.Request) -> None:
    """Learn from the layers below when the request itself is sent."""
    exchange = EXCHANGE.get()
    if exchange is None:
        return

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            # What a proxy is asked for first holds nothing of the request.
            method = getattr(info.get("request"), "method", b"")
            exchange.was_sent = exchange.was_sent or method != b"CONNECT"

    exchange.was_made = True
    request.extensions = {**request.extensions, "trace": trace}


def overheard_client() -> httpx2.AsyncClient:
    """Return a client whose replies go to the context's `EXCHANGE` first.

    Proxies and certificates are those of the environment.

    Raises:
        EngineError: If those cannot be used.
    """
    try:
        return httpx2.AsyncClient(
            event_hooks={"request": [_watch], "response": [_overhear]},
            timeout=None,
            # Whoever is redirected to would be given the key.
            follow_redirects=False,
            # Uncompressed, so that a reply can be read while it arrives.
            headers={"accept-encoding": "identity"},
        )
    except ImportError:
        raise EngineError(
            f"{_named(_PROXIES)} names a SOCKS proxy, which needs another package: run "
            "`pip install socksio`, or unset it"
        ) from None
    except OSError as error:
        raise EngineError(
            f"the file that {_named(_FILES)} names cannot be read "
            f"({error.strerror or 'it holds no certificates'}); correct or unset it"
        ) from None
    except (ValueError, httpx2.InvalidURL):
        # What they say may hold the password of the proxy.
        raise EngineError(
            f"{_named(_PROXIES)} is no address of a proxy; write http://HOST:PORT, or "
            "unset it"
        ) from None


def _named(variables: Iterable[str]) -> str:
    """Return which of some variables of the environment are set."""
    names = (f"${name}" for name in variables_set(variables))
    return " or ".join(names) or "the environment"


def _recorded(request: httpx2.Request) -> httpx2.Response:
    raw = RECORDED.get()
    assert raw is not None, "the reader is only used for recorded replies"
    raw = mended(raw)
    return httpx2.Response(
        raw.status,
        headers={"content-type": raw.kind},
        content=raw.body,
        request=request,
    )


def replaying_client() -> httpx2.AsyncClient:
    """Return a client that answers with the context's `RECORDED` and sends nothing."""
    return httpx2.AsyncClient(
        transport=httpx2.MockTransport(_recorded), trust_env=False
    )


def is_other_protocol(error: BaseException) -> bool:
    """Return whether what answered does not speak HTTP."""
    is_illegal = "illegal" in str(error)
    return isinstance(error, httpx2.RemoteProtocolError) and is_illegal


def is_before_sending(error: BaseException) -> bool:
    """Return whether a request failed before any of it was sent."""
    return isinstance(
        error,
        httpx2.ConnectError
        | httpx2.ConnectTimeout
        | httpx2.ProxyError
        | httpx2.UnsupportedProtocol
        | httpx2.LocalProtocolError
        | httpx2.InvalidURL,
    )
