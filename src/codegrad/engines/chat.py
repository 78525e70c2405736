"""What is said to a model and what comes back: requests, raw replies, replies.

In: messages and sampling parameters. Out: values that can be stored, and the key under
which they are. Invariant: two requests with the same key ask for the same answer.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Protocol

_KEY_VERSION = 2
"""Part of every key; raise it if what is sent for a request changes."""


class Role(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn; None leaves it to the provider."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to one model.

    Example:
        >>> ask = ChatRequest("openai:m", "api", (Message(Role.USER, "hi"),))
        >>> ask.key == ChatRequest("openai:m", "api", ask.messages, sample=1).key
        False
    """

    model: str
    """Provider and model, for example `openai:gpt-5-mini`."""

    endpoint: str
    """Where it is sent: the base address, or `default`."""

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    sample: int = 0
    """Counts answers to the same question, from 0."""

    answer_schema: str = ""
    """The JSON schema of the answer as text, asked for where the model can keep to
    one; the messages have to say it too."""

    def to_json(self) -> str:
        """Return the request as canonical JSON."""
        data = {"version": _KEY_VERSION, **asdict(self)}
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "ChatRequest":
        """Return the request that `to_json` wrote."""
        data = json.loads(text)
        data.pop("version", None)
        said = tuple(Message(Role(m["role"]), m["text"]) for m in data.pop("messages"))
        sampling = Sampling(**data.pop("sampling"))
        return cls(messages=said, sampling=sampling, **data)

    @property
    def key(self) -> str:
        """The SHA-256 of everything that decides the answer."""
        return hashlib.sha256(self.to_json().encode("utf-8", "replace")).hexdigest()

    @property
    def size(self) -> int:
        """A high guess of the tokens sent: messages with their frames, the schema."""
        said = sum(token_guess(message.text) + 8 for message in self.messages)
        return said + token_guess(self.answer_schema)


def token_guess(text: str) -> int:
    """Return a high guess of the tokens of a text: one for three bytes.

    Bytes, not characters: of Chinese a token holds hardly more than one character.

    Example:
        >>> token_guess("return x"), token_guess("请写一个函数")
        (2, 6)
    """
    return len(text.encode("utf-8", "replace")) // 3


BROKEN_OFF = 0
"""Instead of a status: only a part of the reply arrived."""


@dataclass(frozen=True, slots=True)
class RawReply:
    """What a server sent, before anything is read from it."""

    status: int
    """The HTTP status; `BROKEN_OFF` if the reply ended before it was complete."""

    kind: str
    """The content type."""

    body: bytes


@dataclass(frozen=True, slots=True)
class ChatReply:
    """What a model answered."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    is_cut: bool = False
    """Whether it stopped at its length limit."""

    money: float | None = None
    """US dollars; None if the price is unknown."""

    withheld: str = ""
    """Why the provider kept the answer or the rest of it back; empty if it did not."""

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.tokens_in + self.tokens_out


class Trouble(StrEnum):
    """What kind of failure it was, which decides what to do about it."""

    BUSY = "busy"
    """Too many requests: everybody waits, then it is sent again."""

    PASSING = "passing"
    """The server or the line failed: this request waits, then it is sent again."""

    UNREACHABLE = "unreachable"
    """There is no connection: sent again, but not often before the first reply."""

    UNREADABLE = "unreadable"
    """There was a reply and it cannot be read: sent again, and it counts as paid."""

    ADAPTED = "adapted"
    """The server refused a feature that can be done without: sent again without it."""

    REFUSED = "refused"
    """This request will not be answered; another one may be."""

    FINAL = "final"
    """No request to this model will be answered: wrong key, wrong name, no credit."""


class WireError(Exception):
    """A request brought no readable reply.

    Attributes:
        trouble: What kind of failure it was.
        retry_after_s: What the server asked to wait, if it did.
        may_be_billed: Whether the server may have done the work.
        feature: What an `ADAPTED` request has to do without.
    """

    def __init__(
        self,
        message: str,
        trouble: Trouble,
        *,
        retry_after_s: float | None = None,
        may_be_billed: bool = False,
        feature: str = "",
    ) -> None:
        super().__init__(message)
        self.feature = feature
        self.trouble = trouble
        self.retry_after_s = retry_after_s
        self.may_be_billed = may_be_billed


Heard = Callable[[str], None]
"""Hears each piece of a reply's text as it arrives; it may be empty."""


def unheard(piece: str) -> None:
    """Listen to nothing."""


class Wire(Protocol):
    """The way to one provider."""

    @property
    def endpoint(self) -> str:
        """Where requests go, for keys and for people; without any secret.

        It is the same as long as the wire is used.
        """
        ...

    @property
    def estimates(self) -> bool:
        """Whether the tokens of any reply are an estimate of ours."""
        ...

    async def send(
        self,
        request: ChatRequest,
        keep: Callable[[RawReply], None],
        *,
        timeout_s: float,
        longest_s: float,
        heard: Heard = unheard,
    ) -> ChatReply:
        """Send `request`; `keep` is given the raw reply before it is read.

        A reply may be silent for `timeout_s` and take `longest_s` in all. Of a reply
        that breaks off `keep` is given what arrived.

        Raises:
            WireError: If there is no readable reply.
            StoreError: If `keep` raised it.
        """
        ...

    async def read(self, request: ChatRequest, raw: RawReply) -> ChatReply:
        """Return the reply that was recorded; nothing is sent.

        Raises:
            WireError: If it cannot be read.
        """
        ...

    def price(self, request: ChatRequest) -> float | None:
        """Return the most that `request` can cost in US dollars, None if unknown."""
        ...

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what tokens cost in US dollars, None if the price is unknown."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
