"""What is put right in a reply before it is read, and what is left as it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.chat import RawReply
from codegrad.engines.mending import mended
from codegrad.engines.streams import STREAM_KIND, reply_text
from tests.engines.chat_server import chunks, completion

BODY = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
JSON = "application/json"


@given(st.text(), st.booleans())
def test_a_reply_without_faults_is_returned_as_it_is(
    text: str,
    in_pieces: bool,  # noqa: FBT001 - drawn
) -> None:
    text = text.encode("utf-8", "ignore").decode()
    raw = RawReply(200, JSON, json.dumps(completion(text, BODY)).encode())
    if in_pieces:
        body = "".join(f"data: {event}\r\n\r\n" for event in chunks(text, BODY))
        raw = RawReply(200, STREAM_KIND, body.encode())
    assert mended(raw) == raw


def test_a_byte_that_is_no_text_costs_one_character() -> None:
    body = b'data: {"choices": [{"delta": {"content": "a\xffb"}}]}\n\n'
    raw = mended(RawReply(200, STREAM_KIND, body))
    assert reply_text(raw.kind, raw.body) == "a\ufffdb"


@pytest.mark.parametrize(
    ("kind", "body", "kept"),
    [
        ("text/plain", b'{"choices": []}', JSON),
        ("", b" [1]", JSON),
        (STREAM_KIND, b'{"choices": []}', JSON),
        ("application/json", b"data: {}\n\n", STREAM_KIND),
        ("", b": comment\n\ndata: {}\n\n", STREAM_KIND),
        ("text/html", b"<html>", "text/html"),
    ],
)
def test_a_reply_is_what_it_is_and_not_what_it_is_called(
    kind: str, body: bytes, kept: str
) -> None:
    assert mended(RawReply(200, kind, body)).kind == kept


@given(st.binary(), st.sampled_from([JSON, STREAM_KIND, ""]))
def test_any_bytes_can_be_mended_once(body: bytes, kind: str) -> None:
    once = mended(RawReply(200, kind, body))
    assert mended(once) == once
