"""The HTTP client under the providers' own: what passes through it is overheard.

In: requests of pydantic-ai. Out: its replies, and for each the raw bytes before
anything is read from them. Invariant: a reply is complete and handed over before
pydantic-ai sees the first byte of it; a recorded reply comes from no network.
"""

from collections.abc import AsyncIterator

import httpx2

from codegrad.engines.chat import BROKEN_OFF, RawReply
from codegrad.engines.exchange import EXCHANGE, RECORDED, Exchange


class _Overheard(httpx2.AsyncByteStream):
    """Hands on what arrives, and tells the exchange of it."""

    def __init__(self, stream: httpx2.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange
        self.chunks: list[bytes] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self.chunks.append(chunk)
            self._exchange.note(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _overhear(response: httpx2.Response) -> None:
    exchange = EXCHANGE.get()
    if exchange is None:
        return
    kind = response.headers.get("content-type", "")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    overheard = _Overheard(response.stream, exchange)
    response.stream = overheard
    try:
        body = await response.aread()
    except BaseException:
        exchange.end(RawReply(BROKEN_OFF, kind, b"".join(overheard.chunks)))
        raise
    exchange.end(RawReply(response.status_code, kind, body))


def overheard_client() -> httpx2.AsyncClient:
    """Return a client whose replies go to the context's `EXCHANGE` first.

    Proxies and certificates are those of the environment.
    """
    return httpx2.AsyncClient(
        event_hooks={"response": [_overhear]},
        timeout=None,
        # Uncompressed, so that a reply can be read while it arrives.
        headers={"accept-encoding": "identity"},
    )


def _recorded(request: httpx2.Request) -> httpx2.Response:
    raw = RECORDED.get()
    assert raw is not None, "the reader is only used for recorded replies"
    return httpx2.Response(
        raw.status,
        headers={"content-type": raw.kind},
        content=raw.body,
        request=request,
    )


def replaying_client() -> httpx2.AsyncClient:
    """Return a client that answers with the context's `RECORDED` and sends nothing."""
    return httpx2.AsyncClient(transport=httpx2.MockTransport(_recorded))


def is_before_sending(error: BaseException) -> bool:
    """Return whether a request failed before any of it was sent."""
    return isinstance(
        error,
        httpx2.ConnectError
        | httpx2.ConnectTimeout
        | httpx2.ProxyError
        | httpx2.UnsupportedProtocol
        | httpx2.InvalidURL,
    )
