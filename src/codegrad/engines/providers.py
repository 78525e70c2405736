"""Model providers through pydantic-ai: the one file in which it is imported.

In: a model's name (`openai:gpt-5-mini`), a base address, the environment's key. Out: a
`Wire`. Invariant: the raw reply is handed to `keep` before anything is read from it;
the key is held by the provider's client alone and is in no message of ours.
"""

import asyncio
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codegrad.engines.addresses import environment_address, known_login, read_address
from codegrad.engines.chat import (
    BROKEN_OFF,
    ChatReply,
    ChatRequest,
    Heard,
    Message,
    RawReply,
    Role,
    Trouble,
    WireError,
    unheard,
)
from codegrad.engines.counts import counts_of
from codegrad.engines.exchange import EXCHANGE, RECORDED, Exchange
from codegrad.engines.failures import Asking, broken_off, explained
from codegrad.engines.keys import NO_KEY, PROVIDERS, Secrets, key_of, sendable
from codegrad.engines.refusals import Feature, shortened
from codegrad.engines.streams import ends_well, is_stream, is_whole, reply_text
from codegrad.errors import EngineError, UsageError

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters

_EXTRAS = {"anthropic": "codegrad[anthropic]", "google": "codegrad[google]"}
_KINDS = {"openai": "openai-chat"}
"""pydantic-ai's names; chat completions are what compatible servers speak."""

_DEFAULT_MAX_TOKENS = 8192
_GOOD = 200
_MAX_TOKENS = 100_000_000
"""More than any model reads or writes for one reply."""

_READING_S = 60.0


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


class ProviderWire:
    """The way to one model of a hosted provider or a compatible server."""

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        price: tuple[float, float] | None = None,
        key: str | None = None,
    ) -> None:
        self.name = name
        """What sentences call the model."""

        self.estimates = False
        """Whether the tokens of any reply are an estimate of ours."""

        self._provider, self._model = split_model(name)
        self._address = None if base_url is None else read_address(base_url)
        if self._address is None and self._provider == "openai":
            self._address = environment_address()
        if self._address is not None:
            self._address = known_login(self._address)
        self._price = price
        found = None
        if key is not None:
            found = sendable(key, "the call")
        elif self._address is None or not self._address.is_keyless:
            found = key_of(self._provider)
        if found is None and self._address is None:
            way = ", or name a server of your own with --base-url"
            raise EngineError(
                f"no key for {self._provider}: set {PROVIDERS[self._provider][0]}"
                f"{way if self._provider == 'openai' else ''}"
            )
        self._key = found or NO_KEY
        logins = self._address.secrets if self._address else ()
        self._secrets = Secrets(self._key, *logins)
        self._live: Model[Any] | None = None
        self._reader: Model[Any] | None = None
        self._clients: list[Any] = []
        self._has_answered = False
        self._features = set(Feature)
        if self._address is None or self._provider != "openai":
            self._features.remove(Feature.OLD_LIMIT)

    @property
    def endpoint(self) -> str:
        """The base address, or the provider's own."""
        return self._address.url if self._address else f"default {self._provider}"

    @property
    def thinks(self) -> bool:
        """Whether the model is known to think before it answers.

        pydantic-ai keeps the list; servers of one's own are not in it.
        """
        if self._address is not None:
            return False
        from pydantic_ai.providers import infer_provider_class  # noqa: PLC0415

        kind = _KINDS.get(self._provider, self._provider)
        try:
            profile = infer_provider_class(kind).model_profile(self._model) or {}
        except ImportError:
            return False
        return bool(profile.get("thinking_enabled_by_default"))

    async def send(
        self,
        request: ChatRequest,
        keep: Callable[[RawReply], None],
        *,
        timeout_s: float,
        longest_s: float,
        heard: Heard = unheard,
    ) -> ChatReply:
        """Send `request`; the raw reply goes to `keep` before it is read."""
        loop = asyncio.get_running_loop()
        end = loop.time() + longest_s
        exchange = Exchange(keep, heard, secrets=self._secrets, ends_at=end)
        # Other requests may give features up while this one is on its way.
        features = frozenset(self._features)
        token = EXCHANGE.set(exchange)
        try:
            with self._explaining(exchange, features):
                if self._live is None:
                    self._live = self._build(replays=False)
                async with asyncio.timeout(min(timeout_s, longest_s)) as clock:
                    exchange.on_life = lambda: clock.reschedule(
                        min(end, loop.time() + timeout_s)
                    )
                    return await self._ask_live(
                        self._live, request, exchange, features, timeout_s
                    )
        finally:
            EXCHANGE.reset(token)

    async def _ask_live(
        self,
        model: "Model[Any]",
        request: ChatRequest,
        exchange: Exchange,
        features: frozenset[Feature],
        timeout_s: float,
    ) -> ChatReply:
        """Ask; what the client library cannot read of a whole reply is read again."""
        try:
            return await self._ask(model, request, features, timeout_s)
        except Exception:
            raw = exchange.raw
            if exchange.failure is not None or raw is None or not _is_usable(raw):
                raise
            EXCHANGE.set(None)
            return await self.read(request, raw)

    async def read(self, request: ChatRequest, raw: RawReply) -> ChatReply:
        """Return the reply that was recorded; nothing is sent."""
        token = RECORDED.set(raw)
        # What is asked for does not matter now, only how it was answered.
        features = frozenset({Feature.STREAM} if _is_stream(raw) else ())
        try:
            exchange = Exchange(lambda _: None, secrets=self._secrets, raw=raw)
            with self._explaining(exchange, features):
                if self._reader is None:
                    self._reader = self._build(replays=True)
                try:
                    return await self._ask(self._reader, request, features, _READING_S)
                except Exception:
                    # Some servers leave out what the library relies on.
                    text = reply_text(raw.kind, raw.body)
                    if not text or not _is_usable(raw):
                        raise
                    counts = counts_of(raw.kind, raw.body)
                    counted = counts.tokens_in, counts.tokens_out
                    return self._reply(request, text, counted, is_cut=counts.is_cut)
        finally:
            RECORDED.reset(token)

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()
        self._clients.clear()
        self._live = self._reader = None

    def price(self, request: ChatRequest) -> float | None:
        """Return the most that `request` can cost in US dollars, None if unknown."""
        most = request.sampling.max_tokens or _DEFAULT_MAX_TOKENS
        return self.cost(request.size, most)

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what tokens cost in US dollars, None if the price is unknown."""
        if self._price is not None:
            return (tokens_in * self._price[0] + tokens_out * self._price[1]) / 1e6
        if self._address is not None:
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
        from pydantic_ai.models import infer_model  # noqa: PLC0415
        from pydantic_ai.providers import infer_provider_class  # noqa: PLC0415

        from codegrad.engines.transport import (  # noqa: PLC0415 - imports httpx2
            overheard_client,
            replaying_client,
        )

        client = replaying_client() if replays else overheard_client()
        self._clients.append(client)
        options: dict[str, Any] = {"api_key": self._key, "http_client": client}
        if self._address is not None:
            options["base_url"] = self._address.with_login
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
        self,
        model: "Model[Any]",
        request: ChatRequest,
        features: frozenset[Feature],
        timeout_s: float,
    ) -> ChatReply:
        from pydantic_ai.direct import (  # noqa: PLC0415
            model_request,
            model_request_stream,
        )
        from pydantic_ai.messages import TextPart  # noqa: PLC0415

        messages = _messages(request, features)
        options: dict[str, Any] = {
            "model_settings": _settings(request, timeout_s, features),
            "model_request_parameters": _parameters(request, features),
        }
        with _quiet():
            if Feature.STREAM in features:
                async with model_request_stream(model, messages, **options) as stream:
                    async for _ in stream:
                        pass
                response = stream.get()
                self._check_whole()
            else:
                response = await model_request(model, messages, **options)
        usage = response.usage
        return self._reply(
            request,
            "".join(p.content for p in response.parts if type(p) is TextPart),
            (usage.input_tokens, usage.output_tokens),
            is_cut=response.finish_reason == "length",
            withheld=self._withheld(response),
        )

    def _reply(
        self,
        request: ChatRequest,
        text: str,
        counted: tuple[int, int] = (0, 0),
        *,
        is_cut: bool = False,
        withheld: str = "",
    ) -> ChatReply:
        """Return what was answered; a server that does not count is counted for."""
        self._has_answered = True
        # Half a surrogate pair can neither be stored nor run.
        text = self._secrets.hide_in_text(text.encode("utf-8", "replace").decode())
        is_possible = all(0 <= number <= _MAX_TOKENS for number in counted)
        if not is_possible or not any(counted):
            self.estimates = True
            counted = request.size, len(text) // 3 + 1
        return ChatReply(
            text,
            *counted,
            is_cut,
            self.cost(*counted),
            withheld,
        )

    def _withheld(self, response: "ModelResponse") -> str:
        """Return that the provider kept the answer back, in its words."""
        if response.finish_reason != "content_filter":
            return ""
        details = response.provider_details or {}
        names = ("refusal", "block_reason_message", "block_reason", "finish_reason")
        said = next((str(details[name]) for name in names if details.get(name)), "")
        why = f": {shortened(self._secrets.hide(said))}" if said else ""
        return (
            f"{self.name} withheld its answer, because a filter of the provider or the "
            f"model itself refused{why}; word the task otherwise or ask another model"
        )

    def _check_whole(self) -> None:
        """Notice a stream that ended early without any error of the line."""
        exchange = EXCHANGE.get()
        raw = exchange.raw if exchange else RECORDED.get()
        if raw is None:
            return
        if not _is_stream(raw):
            raise ValueError("the reply is not a stream")
        if not ends_well(raw.body):
            if exchange is not None:
                exchange.end(RawReply(BROKEN_OFF, raw.kind, raw.body))
            raise broken_off(self.endpoint)

    @contextmanager
    def _explaining(
        self, exchange: Exchange, used: frozenset[Feature]
    ) -> Iterator[None]:
        """Turn what the client library raises into a `WireError`.

        What it raises for a reply that it does not expect has no list: `KeyError` and
        `AttributeError` were seen. So everything is caught here, and only here; our
        own failure to keep the reply comes first.
        """
        try:
            yield
        except Exception as error:
            if exchange.failure is not None:
                raise exchange.failure from None
            if isinstance(error, WireError):
                raise
            asking = Asking(self.name, self.endpoint, used, self._has_answered)
            found = explained(error, exchange, asking)
            if found.trouble is Trouble.ADAPTED:
                self._features.discard(Feature(found.feature))
            raise found from None


def _is_usable(raw: RawReply) -> bool:
    return raw.status == _GOOD and is_whole(raw.kind, raw.body)


def _is_stream(raw: RawReply) -> bool:
    return is_stream(raw.kind, raw.body)


def _messages(
    request: ChatRequest, features: frozenset[Feature]
) -> "list[ModelMessage]":
    from pydantic_ai.messages import (  # noqa: PLC0415
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    said = request.messages
    if Feature.SYSTEM not in features:
        said = without_system_role(said)
    messages: list[ModelMessage] = []
    for message in said:
        # Half a surrogate pair cannot be sent; a reply that is quoted may hold one.
        text = message.text.encode("utf-8", "replace").decode()
        match message.role:
            case Role.SYSTEM:
                messages.append(ModelRequest(parts=[SystemPromptPart(text)]))
            case Role.USER:
                messages.append(ModelRequest(parts=[UserPromptPart(text)]))
            case Role.ASSISTANT:
                messages.append(ModelResponse(parts=[TextPart(text)]))
    return messages


def without_system_role(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    r"""Return messages in which the first user says what the system said.

    Example:
        >>> without_system_role((Message(Role.SYSTEM, "s"), Message(Role.USER, "u")))
        (Message(role=<Role.USER: 'user'>, text='s\n\nu'),)
    """
    system = [m.text for m in messages if m.role is Role.SYSTEM]
    others = [m for m in messages if m.role is not Role.SYSTEM]
    if not system:
        return messages
    if others and others[0].role is Role.USER:
        system.append(others.pop(0).text)
    return (Message(Role.USER, "\n\n".join(system)), *others)


def _settings(
    request: ChatRequest, timeout_s: float, features: frozenset[Feature]
) -> dict[str, object]:
    sampling = request.sampling
    keeps_temperature = Feature.TEMPERATURE in features
    chosen: dict[str, object] = {
        "temperature": sampling.temperature if keeps_temperature else None,
        "top_p": sampling.top_p if keeps_temperature else None,
        "seed": sampling.seed,
        "timeout": timeout_s,
        # Retries are ours: the client's own would neither be counted nor recorded.
        "max_retries": 0,
    }
    if Feature.NEW_LIMIT in features:
        chosen["max_tokens"] = sampling.max_tokens
    if Feature.OLD_LIMIT in features and sampling.max_tokens is not None:
        # Some compatible servers know only the name that OpenAI has given up.
        chosen["extra_body"] = {"max_tokens": sampling.max_tokens}
    return {name: value for name, value in chosen.items() if value is not None}


def _parameters(
    request: ChatRequest, features: frozenset[Feature]
) -> "ModelRequestParameters | None":
    if not request.answer_schema or Feature.SCHEMA not in features:
        return None
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    schema = OutputObjectDefinition(json.loads(request.answer_schema), name="answer")
    return ModelRequestParameters(output_mode="native", output_object=schema)


@contextmanager
def _quiet() -> "Iterator[None]":
    """Keep the client from warning about settings that a model ignores."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
