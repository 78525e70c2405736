"""What careless and hostile servers send, and what is made of it."""

import gzip
import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from codegrad.engines.chat import RawReply, Trouble, WireError
from codegrad.engines.exchange import Exchange
from codegrad.engines.failures import Asking, explained
from codegrad.engines.transport import MAX_REPLY
from codegrad.engines.unpacking import Unpacking
from codegrad.store.calls import CallOutcome
from tests.engines.asking import Session, echo, question
from tests.engines.chat_server import ChatServer, Fault, chunks, completion
from tests.engines.test_providers import Wired

BODY = {"model": "m", "messages": [{"role": "user", "content": "q" * 40}]}
CODE = "def f(): pass"
STREAM = {"content-type": "text/event-stream"}
Headers = Mapping[str, str]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(echo).running() as running:
        yield running


def sends(
    server: ChatServer, body: bytes, headers: Headers | None = None, status: int = 200
) -> None:
    """Let the server send this and nothing else."""
    server.faults = lambda *_: Fault("raw", status, headers or {}, body=body)


def whole(**changes: Any) -> bytes:
    return json.dumps({**completion(CODE, BODY), **changes}).encode()


def choice(**changes: Any) -> bytes:
    document = completion(CODE, BODY)
    document["choices"][0].update(changes)
    return json.dumps(document).encode()


def stream(usage: object = None) -> bytes:
    events = list(chunks(CODE, BODY))
    if usage is not None:
        last = {**json.loads(events[0]), "choices": [], "usage": usage}
        events.insert(-1, json.dumps(last))
    return "".join(f"data: {event}\n\n" for event in events).encode()


@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize(
    "usage",
    [
        [1],
        "many",
        {},
        {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None},
        {"prompt_tokens": 10**30, "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": -5, "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": "x", "completion_tokens": 1, "total_tokens": 1},
        {"prompt_tokens": [5], "completion_tokens": 5, "total_tokens": 10},
    ],
)
def test_code_is_used_whatever_is_counted_with_it(
    server: ChatServer, tmp_path: Path, usage: object, *, in_pieces: bool
) -> None:
    body = stream(usage) if in_pieces else whole(usage=usage)
    sends(server, body, STREAM if in_pieces else None)
    session = Session(server, tmp_path)
    try:
        (asked,) = session.ask(["q"])
        assert asked.reply is not None
        assert asked.reply.text == CODE
        assert session.wire.estimates
        assert 0 < session.client.spent.tokens < 100
        (call,) = session.book.calls()
        assert (call.outcome, call.tokens) == (CallOutcome.USED, asked.reply.tokens)
    finally:
        session.close()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps({"choices": [{"message": {"content": CODE}}]}).encode(), {}),
        (whole(created="now", id=None, object=7), {}),
        (whole(), {"content-type": "text/html"}),
        (whole(), STREAM),
        (choice(finish_reason="eos_token"), {}),
        (choice(message={"content": [{"type": "text", "text": CODE}]}), {}),
        (stream(), {"content-type": "application/json"}),
        (stream(), {"content-type": ""}),
        (stream().replace(b"\n", b"\r\n"), STREAM),
        (stream().replace(b"\n\n", b"\n\n: alive\n\n"), STREAM),
        (b": first\n\n" + stream().replace(b"data: ", b"data:"), {}),
        (gzip.compress(whole()), {"content-encoding": "gzip"}),
        (gzip.compress(stream()), {"content-encoding": "gzip", **STREAM}),
    ],
)
def test_code_is_used_in_whatever_it_is_wrapped(
    server: ChatServer, body: bytes, headers: Headers
) -> None:
    sends(server, body, headers)
    assert Wired(server).send(question(server, "q")).text == CODE


def test_bytes_that_are_no_text_cost_only_themselves(server: ChatServer) -> None:
    sends(server, stream().replace(b"pass", b"pa\xffss"), STREAM)
    assert Wired(server).send(question(server, "q")).text == "def f(): pa\ufffdss"
    sends(server, whole().replace(b"pass", rb"pa\ud800ss"))
    assert Wired(server).send(question(server, "q")).text == "def f(): pa?ss"


@pytest.mark.parametrize(
    ("status", "body", "trouble", "words"),
    [
        (
            400,
            b'{"object": "error", "message": "no such n", "code": 400}',
            Trouble.REFUSED,
            "(HTTP 400: no such n)",
        ),
        (
            200,
            b'{"object": "error", "message": "no model m", "code": 404}',
            Trouble.FINAL,
            "does not know openai:loop; check the model and the address (HTTP 404: no",
        ),
        (
            422,
            b'{"detail": [{"loc": ["body", "n"], "msg": "Extra inputs"}]}',
            Trouble.REFUSED,
            "(HTTP 422: body.n: Extra inputs)",
        ),
        (
            422,
            b'{"message": {"detail": [{"loc": ["body", "n"], "msg": "Extra"}]}}',
            Trouble.REFUSED,
            "(HTTP 422: body.n: Extra)",
        ),
        (404, b'{"detail": "Not Found"}', Trouble.FINAL, "(HTTP 404: Not Found)"),
        (401, b'{"message": "Unauthorized"}', Trouble.FINAL, "(HTTP 401: Unauthorized"),
        (400, b'[{"error": {"message": "bad"}}]', Trouble.REFUSED, "(HTTP 400: bad)"),
        (
            200,
            b'{"error": {"code": 429, "message": "slow"}}',
            Trouble.BUSY,
            "asks to slow down (HTTP 429: slow)",
        ),
        (
            200,
            b'{"message": "try again"}',
            Trouble.UNREADABLE,
            "the reply cannot be read: try again",
        ),
    ],
)
def test_what_a_server_says_went_wrong_is_read_in_every_form(
    server: ChatServer, status: int, body: bytes, trouble: Trouble, words: str
) -> None:
    sends(server, body, status=status)
    error = Wired(server).failure(question(server, "q"))
    assert words in str(error)
    assert (error.trouble, error.may_be_billed) == (trouble, False)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "no", "code": "' + b"9" * 5000 + b'"}}',
        b'{"error": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"error": ' + b'{"message": ' * 900 + b"1" + b"}" * 901,
        b'{"error": {"msg": "no", "loc": [' + b"[" * 900 + b"]" * 900 + b"]}}",
        b'{"error": {"message": "max_tokens: Use MAX_COMPLETION_TOKENS"}}',
    ],
)
def test_no_reply_brings_more_than_a_failure(server: ChatServer, body: bytes) -> None:
    sends(server, body, status=403)
    assert Wired(server).failure(question(server, "q")).trouble is Trouble.FINAL
    sends(server, body, status=400)
    trouble = Trouble.ADAPTED if b"max_tokens" in body else Trouble.REFUSED
    assert Wired(server).failure(question(server, "q")).trouble is trouble


def test_what_cannot_even_be_explained_is_a_failure(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reported(*_: object) -> object:
        raise RecursionError

    monkeypatch.setattr("codegrad.engines.failures.reported_error", reported)
    sends(server, b"x", status=400)
    error = Wired(server).failure(question(server, "q"))
    assert "cannot be read (RecursionError)" in str(error)
    assert (error.trouble, error.may_be_billed) == (Trouble.UNREADABLE, True)


@pytest.mark.parametrize("body", [b"<!-- -->" * 300 + b"x", b"<title" * 200_000])
def test_a_page_is_looked_for_in_no_time(body: bytes) -> None:
    asking, start = Asking("m", "e", frozenset()), time.monotonic()
    for kind in ("", "text/html"):
        exchange = Exchange(lambda _: None, raw=RawReply(200, kind, body))
        error = explained(ValueError(), exchange, asking)
        assert time.monotonic() - start < 1
    assert "a web page instead of a model's" in str(error)


GONE = b'data: {"error": {"code": 502, "message": "upstream is gone"}}\n\n'


@pytest.mark.parametrize("said", [0, 3])
def test_a_failure_in_the_middle_of_a_stream_is_no_reply(
    server: ChatServer, said: int
) -> None:
    events = stream().split(b"\n\n")
    sends(server, b"\n\n".join([*events[:said], GONE, events[-2]]), STREAM)
    error = Wired(server).failure(question(server, "q"))
    assert "failed (HTTP 502: upstream is gone)" in str(error)
    assert error.trouble is Trouble.PASSING
    assert error.may_be_billed == bool(said), "who has said something has worked"


def test_a_failure_after_the_end_of_a_stream_costs_nothing(server: ChatServer) -> None:
    used = {"prompt_tokens": 50, "completion_tokens": 40, "total_tokens": 90}
    body = stream(used).replace(b"data: [DONE]", GONE + b"data: [DONE]")
    sends(server, body, STREAM)
    reply = Wired(server).send(question(server, "q"))
    assert (reply.text, reply.tokens_in, reply.tokens_out) == (CODE, 50, 40)


def test_a_reply_is_used_whatever_its_content_type_says(server: ChatServer) -> None:
    lax = {"choices": [{"message": {"content": CODE}, "finish_reason": "length"}]}
    used = {"prompt_tokens": 50, "completion_tokens": 40}
    for kind in ("text/plain", "application/json"):
        body = json.dumps({**lax, "usage": used}).encode()
        sends(server, body, {"content-type": kind})
        wired = Wired(server)
        reply = wired.send(question(server, "q"))
        assert reply.text == CODE
        assert (reply.tokens_in, reply.tokens_out, reply.is_cut) == (50, 40, True)
        assert not wired.wire.estimates


def test_a_page_for_a_browser_is_named(server: ChatServer, tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><html><title>\n Sign  in</title></html>"
    html = {"content-type": "text/html; charset=utf-8"}
    sends(server, page, html)
    session = Session(server, tmp_path)
    (asked,) = session.ask(["q"])
    assert "answers with a web page ('Sign in') instead of a model's" in asked.problem
    assert "correct the address, which ends in /v1 at most servers" in asked.problem
    assert asked.is_final
    assert len(server.requests) == 1
    assert not session.client.charged, "nobody worked for it"
    session.close()


def test_a_page_after_good_replies_passes(server: ChatServer, tmp_path: Path) -> None:
    def faults(number: int, _prompt: str) -> Fault | None:
        return Fault("raw", body=b"<html>overload</html>") if number == 2 else None

    server.faults = faults
    session = Session(server, tmp_path)
    for text in ("one", "two"):
        (asked,) = session.ask([text])
        assert asked.reply is not None, asked.problem
    session.close()


@pytest.mark.parametrize(
    "piece",
    [
        b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n' * 5000,
        b": alive\n\n" * 30000,
        b"x" * 200_000,
    ],
)
def test_a_reply_that_does_not_end_is_ended(
    server: ChatServer, tmp_path: Path, piece: bytes
) -> None:
    server.faults = lambda *_: Fault("endless", body=piece)
    session = Session(server, tmp_path)
    (asked,) = session.ask(["q"])
    session.close()
    assert "sent more than 32 MB for one reply, the most that is taken" in asked.problem
    assert "limit it with --max-tokens" in asked.problem
    assert len(server.requests) == 1
    (call,) = session.book.calls()
    assert len(call.body or b"") <= MAX_REPLY
    assert session.client.spent.calls == 1, "it may be billed"


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (gzip.compress(b"a" * 300_000_000, 1), "gzip", "sent more than 32 MB"),
        (b"nothing of the kind", "gzip", "says that its reply is compressed, and it"),
        (b"", "br", "compresses its reply (br), which was not asked for"),
    ],
)
def test_what_is_packed_is_bounded_too(
    server: ChatServer, body: bytes, encoding: str, words: str
) -> None:
    sends(server, body, {"content-encoding": encoding})
    error = Wired(server).failure(question(server, "q"))
    assert words in str(error)
    assert error.trouble is Trouble.FINAL


def bare(body: bytes) -> bytes:
    """Return deflate without the frame around it, as some servers send it."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("GZIP", gzip.compress(whole())),
        ("identity, gzip", gzip.compress(whole())),
        ("gzip", gzip.compress(whole()[:99]) + gzip.compress(whole()[99:])),
        ("gzip", gzip.compress(whole()) + b"\0" * 500),
        ("deflate", zlib.compress(whole())),
        ("Deflate", bare(whole())),
    ],
)
def test_what_is_packed_is_unpacked_as_a_browser_does(
    server: ChatServer, encoding: str, body: bytes
) -> None:
    sends(server, body, {"content-encoding": encoding})
    assert Wired(server).send(question(server, "q")).text == CODE
    for size in (1, 2, 7):
        unpacking = Unpacking()
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        assert b"".join(unpacking.feed(one, 10_000) for one in pieces) == whole()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_given_the_key_by_another(server: ChatServer, status: int) -> None:
    with ChatServer(echo).running() as other:
        place = other.url.replace("http://", "http://me:secret@") + "/x?key=secret"
        sends(server, b"", {"location": place}, status)
        error = Wired(server).failure(question(server, "q"))
        assert not other.requests
    assert f"redirects to '{other.url}/x', where the key was not sent" in str(error)
    assert error.trouble is Trouble.FINAL


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": None, "refusal": "I cannot help with it"},
    ],
)
def test_an_answer_that_is_withheld_is_paid_once_and_says_why(
    server: ChatServer, tmp_path: Path, message: Mapping[str, Any]
) -> None:
    sends(server, choice(finish_reason="content_filter", message=message))
    session = Session(server, tmp_path)
    for was_recorded in (False, True):
        (asked,) = session.ask(["q"])
        assert asked.reply is None
        assert "withheld its answer, because a filter of the provider" in asked.problem
        assert str(message.get("refusal", "content_filter")) in asked.problem
        assert (asked.was_recorded, asked.is_final) == (was_recorded, False)
    session.close()
    assert len(server.requests) == 1
    assert session.client.spent.calls == 1


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_name_of_the_length_limit_that_is_refused_is_left_out(
    server: ChatServer, tmp_path: Path, name: str
) -> None:
    server.lacks = [name]
    session = Session(server, tmp_path)
    for text in ("one", "two"):
        (asked,) = session.ask([text])
        assert asked.reply is not None, asked.problem
    session.close()
    other = {"max_tokens": "max_completion_tokens"}.get(name, "max_tokens")
    assert len(server.requests) == 3, "it is asked without it from then on"
    assert all(body[other] == 100 for body in server.requests)
    assert [name in body for body in server.requests] == [True, False, False]


def test_words_that_are_no_error_are_shown_short(server: ChatServer) -> None:
    sends(server, b"x" * 10_000, {"content-type": "text/plain"}, 503)
    assert len(str(Wired(server).failure(question(server, "q")))) < 400


def test_the_time_of_a_reply_is_said_to_be_over(server: ChatServer) -> None:
    server.answer, server.piece_s = lambda *_: "word " * 60, 0.05
    error = Wired(server).failure(question(server, "q"), longest_s=0.5)
    assert "had not finished its reply when the time was over" in str(error)
    assert error.trouble is Trouble.PASSING


def read_request(connection: socket.socket) -> None:
    """Read all of it: who closes on what is unread resets the connection."""
    arrived, missing = b"", 1
    while missing > 0 and (piece := connection.recv(65536)):
        arrived += piece
        head, end, body = arrived.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        missing = int(size[1] if size else 0) - len(body) if end else 1


@contextmanager
def saying(words: bytes, *, seconds: float = 0.0) -> Iterator[str]:
    """Answer every connection with bytes that may be no HTTP at all."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    read_request(connection)
                    time.sleep(seconds)
                    connection.sendall(words)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def failure_at(url: str, server: ChatServer, **options: Any) -> WireError:
    server.url, own = url, server.url
    try:
        return Wired(server).failure(question(server, "q"), **options)
    finally:
        server.url = own


@pytest.mark.parametrize(
    ("words", "trouble", "sentence"),
    [
        (b"\x15\x03\x01\x00\x02\x02P", Trouble.FINAL, "does not speak HTTP; correct"),
        (b"", Trouble.PASSING, "broke off: RemoteProtocolError: Server disconnected"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 500_000, Trouble.PASSING, "broke off: "),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
            Trouble.PASSING,
            "broke off in the middle of a reply",
        ),
    ],
)
def test_what_is_no_http_is_a_sentence(
    server: ChatServer, words: bytes, trouble: Trouble, sentence: str
) -> None:
    with saying(words) as url:
        error = failure_at(url, server)
    assert sentence in str(error)
    assert error.trouble is trouble


@pytest.mark.parametrize("is_silent", [False, True])
def test_what_a_proxy_swallows_was_not_sent(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, *, is_silent: bool
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with saying(b"", seconds=2.0 if is_silent else 0.0) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.removesuffix("/v1"))
        error = failure_at("https://models.example/v1", server, timeout_s=1.0)
    assert "cannot be reached: check the proxy in HTTPS_PROXY" in str(error)
    assert (error.trouble, error.may_be_billed) == (Trouble.UNREACHABLE, False)


def test_a_connection_that_never_comes_about_is_not_paid(server: ChatServer) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(place)
        error = failure_at(f"http://127.0.0.1:{place[1]}/v1", server, timeout_s=0.5)
        for one in waiting:
            one.close()
    assert "cannot be reached: start the server, or correct the address" in str(error)
    assert (error.trouble, error.may_be_billed) == (Trouble.UNREACHABLE, False)


def test_a_page_beside_an_error_is_named(server: ChatServer) -> None:
    page = b"<html><title>The plain HTTP request was sent to HTTPS port</title></html>"
    sends(server, page, {"content-type": "text/html"}, 400)
    error = Wired(server).failure(question(server, "q"))
    assert "(HTTP 400: a web page ('The plain HTTP request was sent to HTTPS" in str(
        error
    )


@pytest.mark.parametrize("status", [200, 400, 429, 503])
def test_words_of_a_server_command_no_terminal(server: ChatServer, status: int) -> None:
    said = json.dumps({"error": {"message": "no\x1b]52;c;eA==\x07\u202e\x9b2J"}})
    sends(server, said.encode(), status=status)
    assert str(Wired(server).failure(question(server, "q"))).isprintable()
