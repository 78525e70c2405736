"""Every kind of request can be made for every family of providers.

A server on this machine answers in the three dialects. What needs an extra is skipped
where it is not installed.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec
from typing import Any

import pytest

from codegrad.engines import apart, language, remarks
from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    Message,
    RawReply,
    Role,
    Sampling,
    WireError,
)
from codegrad.engines.providers import ProviderWire
from codegrad.tasks.python_file import task_from_text
from tests.engines.serving import serving

MAX_UNIONS = 16
"""What Anthropic takes in one schema."""

TASK = task_from_text("def f(x):\n    return x\n", "f.py", "f")
SCHEMAS = {
    "review": remarks.answer_schema(),
    "constraints": language.answer_schema(TASK),
    "inputs": apart.answer_schema(),
}
FAMILIES = [
    pytest.param("openai:gpt-5-mini", id="openai"),
    pytest.param(
        "anthropic:claude-haiku-4-5",
        id="anthropic",
        marks=pytest.mark.skipif(
            find_spec("anthropic") is None, reason="the extra `anthropic` is not here"
        ),
    ),
    pytest.param(
        "google:gemini-2.5-flash",
        id="google",
        marks=pytest.mark.skipif(
            find_spec("google") is None or find_spec("google.genai") is None,
            reason="the extra `google` is not here",
        ),
    ),
]


def nodes(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a schema."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from nodes(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from nodes(inner)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_keep_to_what_all_families_take(name: str) -> None:
    found = list(nodes(json.loads(SCHEMAS[name])))
    assert not [node for node in found if isinstance(node.get("type"), list)]
    assert sum("anyOf" in node for node in found) <= MAX_UNIONS


def anthropic_events(text: str, reason: str) -> list[dict[str, Any]]:
    usage = {"input_tokens": 5, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "m",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": text}
    said: list[dict[str, Any]] = [
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
    ]
    return [
        {"type": "message_start", "message": message},
        *(said if text else []),
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 7},
        },
        {"type": "message_stop"},
    ]


def google_events(text: str, reason: str) -> list[dict[str, Any]]:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
    if reason == "prompt":
        return [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}]
    content = {"role": "model", "parts": [{"text": text}]} if text else None
    candidate = {"content": content, "finishReason": reason, "index": 0}
    return [{"candidates": [candidate], "usageMetadata": counts, "responseId": "r"}]


def openai_events(text: str, reason: str) -> list[dict[str, Any]]:
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    counts = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return [
        {**frame, "choices": [choice]},
        {**frame, "choices": [], "usage": counts},
    ]


DIALECTS = {
    "openai": (openai_events, "stop", "content_filter"),
    "anthropic": (anthropic_events, "end_turn", "refusal"),
    "google": (google_events, "STOP", "SAFETY"),
}


class Family:
    """A server that answers as one family does, and what it was sent."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.bodies: list[dict[str, Any]] = []
        provider = model.partition(":")[0]
        self.events, self.good, self.filtered = DIALECTS[provider]
        self.text, self.reason = "said", self.good
        self.url = ""

    @contextmanager
    def running(self) -> Iterator["Family"]:
        family = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                family.bodies.append(json.loads(self.rfile.read(size)))
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.end_headers()
                for event in family.events(family.text, family.reason):
                    name = f"event: {event['type']}\n" if "type" in event else ""
                    self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())

        with serving(Handler) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield self

    def send(self, schema: str = "") -> ChatReply:
        kept: list[RawReply] = []
        wire = ProviderWire(self.model, base_url=self.url, key="sk-0123456789")
        asked = ChatRequest(
            self.model,
            wire.endpoint,
            (Message(Role.SYSTEM, "s"), Message(Role.USER, "q")),
            Sampling(0.2, max_tokens=100),
            answer_schema=schema,
        )

        async def run() -> ChatReply:
            try:
                return await wire.send(asked, kept.append, timeout_s=20, longest_s=20)
            finally:
                await wire.close()

        return asyncio.run(run())


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Iterator[Family]:
    with Family(request.param).running() as running:
        yield running


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_answer_in_a_form_can_be_asked_for(family: Family, name: str) -> None:
    reply = family.send(SCHEMAS[name])
    assert (reply.text, reply.tokens_in, reply.tokens_out) == ("said", 5, 7)
    (body,) = family.bodies
    assert "additionalProperties" in json.dumps(body)


def test_an_answer_that_is_withheld_says_why(family: Family) -> None:
    family.reason, family.text = family.filtered, ""
    reply = family.send()
    assert reply.text == ""
    assert "withheld its answer, because a filter of the provider" in reply.withheld
    assert family.filtered in reply.withheld
    assert reply.tokens == 12, "it is paid as what it is"


def test_a_question_that_is_blocked_says_why() -> None:
    pytest.importorskip("google.genai")
    with Family("google:gemini-2.5-flash").running() as family:
        family.reason = "prompt"
        assert "PROHIBITED_CONTENT" in family.send().withheld


def test_what_cannot_be_made_is_neither_sent_nor_paid(family: Family) -> None:
    wire = ProviderWire(family.model, base_url=family.url, key="sk-0123456789")
    said = (Message(Role.USER, "q"),)
    asked = ChatRequest(family.model, wire.endpoint, said, answer_schema="nonsense")
    with pytest.raises(WireError) as caught:
        asyncio.run(wire.send(asked, lambda _: None, timeout_s=5, longest_s=5))
    assert caught.value.feature == "structured output"
    assert not caught.value.may_be_billed
    assert not family.bodies
    asyncio.run(wire.close())
