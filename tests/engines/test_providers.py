"""One way to every provider: what is sent, what is read, what a failure means."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from importlib.util import find_spec
from typing import Any, TypeVar

import pytest

from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    Message,
    RawReply,
    Role,
    Sampling,
    Trouble,
    WireError,
)
from codegrad.engines.providers import ProviderWire, split_model
from codegrad.errors import EngineError, UsageError
from tests.engines.asking import echo, question
from tests.engines.chat_server import ChatServer, Fault, chunks, completion

KEY = "sk-of-the-test"
EVENTS, JSON = "text/event-stream", "application/json"
_T = TypeVar("_T")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(echo, key=KEY).running() as running:
        yield running


class Wired:
    """A wire to the server, and what it was given to keep."""

    def __init__(self, server: ChatServer, **options: Any) -> None:
        self.wire = ProviderWire("openai:loop", base_url=server.url, **options)
        self.kept: list[RawReply] = []

    def send(self, request: ChatRequest, **options: Any) -> ChatReply:
        options = {"timeout_s": 5.0, "longest_s": 9.0, **options}
        return self.run(self.wire.send(request, self.kept.append, **options))

    def read(self, raw: RawReply) -> ChatReply:
        asked = ChatRequest("openai:loop", "e", (Message(Role.USER, "q"),))
        return self.run(self.wire.read(asked, raw))

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        async def run() -> _T:
            try:
                return await work
            finally:
                await self.wire.close()

        return asyncio.run(run())

    def failure(self, request: ChatRequest, **options: Any) -> WireError:
        with pytest.raises(WireError) as caught:
            self.send(request, **options)
        return caught.value


def test_a_reply_is_read_with_what_it_used(server: ChatServer) -> None:
    wired = Wired(server, price=(10.0, 100.0))
    reply = wired.send(question(server, "a question"))
    assert reply.text == "re: a question"
    assert not reply.is_cut
    assert reply.tokens_in > 0
    assert reply.money == pytest.approx(
        (reply.tokens_in * 10 + reply.tokens_out * 100) / 1e6
    )
    (body,) = server.requests
    assert [m["role"] for m in body["messages"]] == ["system", "user"]
    assert (body["model"], body["temperature"]) == ("loop", 0.5)
    assert body["max_tokens"] == body["max_completion_tokens"] == 100
    assert [raw.status for raw in wired.kept] == [200]


def stream(text: str, reason: str) -> bytes:
    events = list(chunks(text, {"model": "m", "messages": []}))
    body = "".join(f"data: {event}\n\n" for event in events)
    return body.replace('"stop"', f'"{reason}"').encode()


def test_a_recorded_reply_is_read_in_the_form_in_which_it_came(
    server: ChatServer,
) -> None:
    wired = Wired(server)
    whole = json.dumps(completion("said", {"model": "m", "messages": []})).encode()
    assert wired.read(RawReply(200, JSON, whole)).text == "said"
    for reason, is_cut in (("stop", False), ("length", True)):
        raw = RawReply(200, EVENTS, stream("said so", reason))
        reply = wired.read(raw)
        assert (reply.text, reply.is_cut) == ("said so", is_cut)
        assert reply.tokens > 0, "a server that does not count is counted for"
    assert not server.requests


@pytest.mark.parametrize(
    ("kind", "body", "trouble", "words", "billed"),
    [
        (EVENTS, stream("x", "stop")[:200], "passing", "broke off", True),
        (JSON, b"<html>", "final", "a web page instead", False),
        (JSON, b"OK", "unreadable", "not the expected JSON", True),
        (JSON, b"[]", "unreadable", "cannot be read", True),
        (JSON, b'{"choices": 3}', "unreadable", "cannot be read", True),
        (JSON, b'{"error": "down"}', "unreadable", "read: down", False),
        (JSON, b"\xff\x00", "unreadable", "cannot be read", True),
    ],
)
def test_what_is_no_reply_is_a_sentence(  # noqa: PLR0913 - one row of the table
    server: ChatServer,
    kind: str,
    body: bytes,
    trouble: str,
    words: str,
    *,
    billed: bool,
) -> None:
    with pytest.raises(WireError, match=words) as caught:
        Wired(server).read(RawReply(200, kind, body))
    assert (caught.value.trouble, caught.value.may_be_billed) == (trouble, billed)


def test_a_failure_to_keep_comes_before_all_that_is_made_of_it(
    server: ChatServer,
) -> None:
    def keep(_raw: RawReply) -> None:
        raise OSError("no room")

    for lacks in ((), ("answers at once",)):
        server.lacks = lacks
        wired = Wired(server)
        asked = question(server, "q")
        with pytest.raises(OSError, match="no room"):
            wired.run(wired.wire.send(asked, keep, timeout_s=5, longest_s=5))


def test_silence_and_length_are_limited_apart(server: ChatServer) -> None:
    server.faults = lambda _number, _prompt: Fault("slow", seconds=1.0)
    error = Wired(server).failure(question(server, "q"), timeout_s=0.2)
    assert (error.trouble, error.may_be_billed) == (Trouble.PASSING, True)
    assert "was silent for too long; see --reply-timeout" in str(error)
    server.faults = lambda _number, _prompt: None
    server.answer, server.piece_s = lambda *_: "word " * 40, 0.05
    wired = Wired(server)
    error = wired.failure(question(server, "q"), timeout_s=5.0, longest_s=0.5)
    assert error.may_be_billed
    assert wired.kept[-1].status == 0
    assert b"word" in wired.kept[-1].body


def test_the_key_is_in_no_sentence(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    error = Wired(server).failure(question(server, "q"))
    assert error.trouble is Trouble.FINAL
    assert "refused the key for openai:loop" in str(error)
    assert "sk-wrong" not in str(error)


def test_a_feature_that_is_refused_is_left_out_from_then_on(
    server: ChatServer,
) -> None:
    server.lacks = ["temperature"]
    wired = Wired(server)
    asked = question(server, "q")
    error = wired.failure(asked)
    assert (error.trouble, error.feature) == (Trouble.ADAPTED, "temperature")
    assert wired.send(asked).text == "re: q"
    assert "temperature" not in server.requests[-1]


def test_the_words_of_a_server_are_cut_where_they_are_too_long(
    server: ChatServer,
) -> None:
    server.context_tokens = -1
    error = Wired(server).failure(question(server, "q"))
    assert "the task is too large for the context of openai:loop" in str(error)
    assert len(str(error)) < 500


@pytest.mark.skipif(
    find_spec("anthropic") is not None, reason="the extra `anthropic` is here"
)
def test_a_client_that_is_not_installed_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    wire = ProviderWire("anthropic:m")
    asked = ChatRequest("anthropic:m", wire.endpoint, (Message(Role.USER, "q"),))
    sending = wire.send(asked, lambda _: None, timeout_s=5, longest_s=5)
    with pytest.raises((WireError, EngineError), match=r"pip install .*\[anthropic\]"):
        asyncio.run(sending)
    assert wire.thinks is False


def test_the_address_of_the_environment_is_for_openai_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    monkeypatch.setenv("GOOGLE_API_KEY", KEY)
    assert ProviderWire("openai:m").endpoint == "http://127.0.0.1:9/v1"
    assert ProviderWire("google:m").endpoint == "default google"


def test_a_price_is_known_or_none() -> None:
    hosted = ProviderWire("openai:gpt-5-mini")
    cheap, dear = hosted.cost(1000, 0), hosted.cost(0, 1000)
    assert cheap is not None
    assert dear is not None
    assert 0 < cheap < dear
    asked = ChatRequest("m", "e", (Message(Role.USER, "q" * 3000),), Sampling())
    bound = hosted.price(asked)
    assert bound is not None
    assert bound > dear, "without a limit the longest reply is assumed"
    own = ProviderWire("openai:gpt-5-mini", base_url="http://127.0.0.1:9/v1")
    assert own.price(asked) is None


@pytest.mark.parametrize("name", ["m", "openai:", ":m", "nobody:m"])
def test_a_name_of_another_form_lists_the_providers(name: str) -> None:
    with pytest.raises(UsageError, match="write openai:MODEL, anthropic:MODEL"):
        split_model(name)
