"""Model providers through pydantic-ai: the one file in which it is imported.

In: a model's name (`openai:gpt-5-mini`), a base address, the environment's key. Out: a
`Wire`. Invariant: the raw reply is handed to `keep` before anything is read from it;
the key is held by the provider's client alone and is in no message of ours.
"""

import asyncio
import json
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    RawReply,
    Role,
    Sampling,
    Trouble,
    WireError,
)
from codegrad.errors import EngineError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_ai.messages import ModelMessage
    from pydantic_ai.models import Model

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
"""Providers by name, with the environment variables that hold their keys."""

_EXTRAS = {"anthropic": "codegrad[anthropic]", "google": "codegrad[google]"}
_KINDS = {"openai": "openai-chat"}
"""pydantic-ai's names; chat completions are what compatible servers speak."""

_MAX_SHOWN = 200
_DEFAULT_MAX_TOKENS = 8192
_LATER = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
_TOO_MANY = 429

_KEEP: ContextVar[Callable[[RawReply], None] | None] = ContextVar("keep", default=None)
_RECORDED: ContextVar[RawReply | None] = ContextVar("recorded", default=None)


def split_model(name: str) -> tuple[str, str]:
    """Return provider and model of `provider:model`.

    Raises:
        UsageError: If the name has another form or the provider is unknown.
    """
    provider, colon, model = name.partition(":")
    if not colon or not model or provider not in PROVIDERS:
        known = ", ".join(f"{p}:MODEL" for p in PROVIDERS)
        raise UsageError(
            f"unknown model {name!r}; write {known}. A server that speaks the OpenAI "
            "protocol is openai:MODEL with --base-url"
        )
    return provider, model


def key_variable(provider: str) -> str | None:
    """Return the name of the variable that holds the provider's key, if it is set."""
    return next((name for name in PROVIDERS[provider] if os.environ.get(name)), None)


class ProviderWire:
    """The way to one model of a hosted provider or a compatible server."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        price: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self._provider, self._model = split_model(name)
        self._base_url = base_url.rstrip("/") if base_url else None
        self._price = price
        variable = key_variable(self._provider)
        if variable is None and self._base_url is None:
            raise EngineError(
                f"no key for {self._provider}: set {PROVIDERS[self._provider][0]}, or "
                "name a server of your own with --base-url"
            )
        self._key = os.environ[variable] if variable else "no-key"
        self._live: Model[Any] | None = None
        self._reader: Model[Any] | None = None
        self._clients: list[Any] = []

    @property
    def endpoint(self) -> str:
        """The base address, or the provider's own."""
        return self._base_url or f"default {self._provider}"

    async def send(
        self,
        request: ChatRequest,
        keep: Callable[[RawReply], None],
        *,
        timeout_s: float,
    ) -> ChatReply:
        """Send `request`; the raw reply goes to `keep` before it is read."""
        if self._live is None:
            self._live = self._build(replays=False)
        got: list[RawReply] = []

        def note(raw: RawReply) -> None:
            got.append(raw)
            keep(raw)

        token = _KEEP.set(note)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(self._live, request, timeout_s)
        except TimeoutError:
            raise WireError(
                f"no reply within {timeout_s:g} s", Trouble.PASSING, may_be_billed=True
            ) from None
        except Exception as error:  # noqa: BLE001 - a client's failure, told apart here
            raise self._explained(error, got[-1] if got else None) from None
        finally:
            _KEEP.reset(token)

    async def read(self, request: ChatRequest, raw: RawReply) -> ChatReply:
        """Return the reply that was recorded; nothing is sent."""
        if self._reader is None:
            self._reader = self._build(replays=True)
        token = _RECORDED.set(raw)
        try:
            return await self._ask(self._reader, request, 60.0)
        except Exception as error:  # noqa: BLE001 - a client's failure, told apart here
            raise self._explained(error, raw) from None
        finally:
            _RECORDED.reset(token)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()
        self._clients.clear()
        self._live = self._reader = None

    def price(self, request: ChatRequest) -> float | None:
        """Return the most that `request` can cost in US dollars, None if unknown."""
        most = request.sampling.max_tokens or _DEFAULT_MAX_TOKENS
        return self._cost(request.size, most)

    def _cost(self, tokens_in: int, tokens_out: int) -> float | None:
        if self._price is not None:
            return (tokens_in * self._price[0] + tokens_out * self._price[1]) / 1e6
        if self._base_url is not None:
            return None
        from genai_prices import Usage, calc_price  # noqa: PLC0415 - only when asked

        usage = Usage(input_tokens=tokens_in, output_tokens=tokens_out)
        try:
            found = calc_price(usage, self._model, provider_id=self._provider)
        except LookupError:
            return None
        return float(found.total_price)

    def _build(self, *, replays: bool) -> "Model[Any]":
        """Return pydantic-ai's model over a client of ours.

        Imported here: the package takes a second of processor time.
        """
        import httpx2  # noqa: PLC0415
        from pydantic_ai.models import infer_model  # noqa: PLC0415
        from pydantic_ai.providers import infer_provider_class  # noqa: PLC0415

        async def note(response: httpx2.Response) -> None:
            body = await response.aread()
            if keep := _KEEP.get():
                kind = response.headers.get("content-type", "")
                keep(RawReply(response.status_code, kind, body))

        def recorded(request: httpx2.Request) -> httpx2.Response:
            raw = _RECORDED.get()
            assert raw is not None, "the reader is only used for recorded replies"
            return httpx2.Response(
                raw.status,
                headers={"content-type": raw.kind},
                content=raw.body,
                request=request,
            )

        client = (
            httpx2.AsyncClient(transport=httpx2.MockTransport(recorded))
            if replays
            else httpx2.AsyncClient(event_hooks={"response": [note]}, timeout=None)
        )
        self._clients.append(client)
        options = {"api_key": self._key, "http_client": client}
        if self._base_url:
            options["base_url"] = self._base_url
        kind = _KINDS.get(self._provider, self._provider)
        try:
            provider: Callable[..., Any] = infer_provider_class(kind)
            return infer_model(f"{kind}:{self._model}", lambda _: provider(**options))
        except ImportError:
            extra = _EXTRAS.get(self._provider, "codegrad")
            raise EngineError(
                f"the client of {self._provider} is not installed; run "
                f"`pip install '{extra}'`"
            ) from None

    async def _ask(
        self, model: "Model[Any]", request: ChatRequest, timeout_s: float
    ) -> ChatReply:
        from pydantic_ai.direct import model_request  # noqa: PLC0415
        from pydantic_ai.messages import TextPart  # noqa: PLC0415

        with _quiet():
            response = await model_request(
                model,
                _messages(request),
                model_settings=_settings(request.sampling, timeout_s),  # type: ignore[arg-type]  # a TypedDict
            )
        usage = response.usage
        tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
        return ChatReply(
            "".join(part.content for part in response.parts if type(part) is TextPart),
            tokens_in,
            tokens_out,
            is_cut=response.finish_reason == "length",
            money=self._cost(tokens_in, tokens_out),
        )

    def _explained(self, error: Exception, raw: RawReply | None) -> WireError:
        """Say what failed, without anything that could hold the key."""
        if isinstance(error, WireError):
            return error
        if isinstance(error, EngineError):
            return WireError(str(error), Trouble.FINAL)
        # The client wraps what failed; the first cause is the one that tells.
        status = getattr(error, "status_code", None)
        headers: Mapping[str, str] = getattr(error, "headers", None) or {}
        said = self._without_key(_message(raw))
        if status is None and raw is not None:
            return WireError(
                f"the reply cannot be read: {said or 'it is not the expected JSON'}",
                Trouble.UNREADABLE,
                may_be_billed=True,
            )
        if status is None:
            cause = error.__cause__ or error
            return WireError(
                f"{self.endpoint} cannot be reached or broke off: "
                f"{type(cause).__name__}: {self._without_key(str(cause))}",
                Trouble.PASSING,
                may_be_billed=True,
            )
        sentence = _sentence(status, self.name, self.endpoint)
        trouble = (
            Trouble.BUSY
            if status == _TOO_MANY
            else Trouble.PASSING
            if status in _LATER
            else Trouble.FINAL
        )
        return WireError(
            f"{sentence} (HTTP {status}{': ' + said if said else ''})",
            trouble,
            retry_after_s=_seconds(headers.get("retry-after")),
        )

    def _without_key(self, text: str) -> str:
        text = text.replace(self._key, "[key]") if self._key else text
        return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _messages(request: ChatRequest) -> "list[ModelMessage]":
    from pydantic_ai.messages import (  # noqa: PLC0415
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    messages: list[ModelMessage] = []
    for message in request.messages:
        match message.role:
            case Role.SYSTEM:
                messages.append(ModelRequest(parts=[SystemPromptPart(message.text)]))
            case Role.USER:
                messages.append(ModelRequest(parts=[UserPromptPart(message.text)]))
            case Role.ASSISTANT:
                messages.append(ModelResponse(parts=[TextPart(message.text)]))
    return messages


def _settings(sampling: Sampling, timeout_s: float) -> dict[str, object]:
    chosen = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "timeout": timeout_s,
        # Retries are ours: the client's own would neither be counted nor recorded.
        "max_retries": 0,
    }
    return {name: value for name, value in chosen.items() if value is not None}


_SENTENCES = {
    401: "{endpoint} refused the key for {name}; check it",
    402: "{endpoint} says that there is no credit left for {name}",
    403: "{endpoint} refused the key for {name}; check it",
    404: "{endpoint} does not know {name}; check the model and the address",
    413: "the task is too large for {name}",
    429: "{endpoint} asks to slow down",
}


def _sentence(status: int, name: str, endpoint: str) -> str:
    other = (
        "{endpoint} failed"
        if status in _LATER
        else "{endpoint} refused the request for {name}"
    )
    return _SENTENCES.get(status, other).format(name=name, endpoint=endpoint)


def _message(raw: RawReply | None) -> str:
    """Return what the server says went wrong, if it says so."""
    if raw is None:
        return ""
    try:
        data = json.loads(raw.body)
    except ValueError:
        return ""
    found = data.get("error") if isinstance(data, dict) else None
    if isinstance(found, dict):
        found = found.get("message")
    return " ".join(str(found).split()) if found else ""


def _seconds(text: str | None) -> float | None:
    """Return the wait a `Retry-After` header asks for, in seconds or as a date."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    from datetime import UTC, datetime  # noqa: PLC0415 - rarely needed
    from email.utils import parsedate_to_datetime  # noqa: PLC0415

    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


@contextmanager
def _quiet() -> "Iterator[None]":
    """Keep the client from warning about settings that a model ignores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
