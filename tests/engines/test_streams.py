"""What is read of replies for people, in three dialects, however they are cut."""

import json

from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.streams import (
    STREAM_KIND,
    Arrivals,
    ends_well,
    reply_text,
    reported_error,
)
from tests.engines.chat_server import chunks, completion

BODY = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
SAID = "def f():\n    return 'é 漢'\n"


def stream(text: str) -> bytes:
    return "".join(f"data: {piece}\n\n" for piece in chunks(text, BODY)).encode()


@given(st.text(), st.integers(1, 40))
def test_a_stream_says_the_same_however_it_arrives(text: str, size: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    body = stream(text)
    arrivals = Arrivals()
    heard = [arrivals.feed(body[i : i + size]) for i in range(0, len(body), size)]
    assert "".join(heard) == reply_text(STREAM_KIND, body) == text
    assert ends_well(body)


def test_a_stream_without_its_end_does_not_end_well() -> None:
    body = stream(SAID)
    assert not ends_well(body[: len(body) // 2])
    assert not ends_well(b"")


def test_whole_replies_of_three_dialects_are_read() -> None:
    anthropic = {"content": [{"type": "text", "text": SAID}]}
    google = {"candidates": [{"content": {"parts": [{"text": SAID}]}}]}
    for document in (completion(SAID, BODY), anthropic, google):
        assert reply_text("application/json", json.dumps(document).encode()) == SAID


def test_streams_of_the_other_dialects_are_read() -> None:
    anthropic = (
        b'event: x\ndata: {"type": "content_block_delta", "delta": {"text": "a"}}\n\n'
        b'data: {"type": "message_stop"}\n\n'
    )
    google = (
        b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}, '
        b'"finishReason": "STOP"}]}\r\n\r\n'
    )
    for body in (anthropic, google):
        assert reply_text(STREAM_KIND, body) == "a"
        assert ends_well(body)


@given(st.binary())
def test_bytes_that_are_no_reply_give_no_text(body: bytes) -> None:
    for kind in (STREAM_KIND, "text/html"):
        assert isinstance(reply_text(kind, body), str)
        assert isinstance(reported_error(kind, body).said, str)


def test_an_error_is_found_wherever_it_is_said() -> None:
    error = {"error": {"message": "no\n more"}}
    body = json.dumps(error).encode()
    assert reported_error("application/json", body).said == "no more"
    assert reported_error(STREAM_KIND, b"data: " + body).said == "no more"
    assert reported_error("", b'{"error": "plain"}').said == "plain"
    assert reported_error("", json.dumps(completion("x", BODY)).encode()).said == ""
