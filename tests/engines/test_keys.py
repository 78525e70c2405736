"""A key is sent as it is or not at all, and is hidden wherever it comes back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.chat import RawReply
from codegrad.engines.exchange import Exchange
from codegrad.engines.keys import Secrets, key_of, key_variable, sendable
from codegrad.engines.streams import reply_text
from codegrad.errors import UsageError

KEY = "sk-0123456789/ab+c"
ESCAPED = "\\u002B"


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", " {} ", "\t{}", "\ufeff{}"])
def test_blanks_around_a_key_are_left_out(
    around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", around.format(KEY))
    if "\ufeff" in around:
        with pytest.raises(UsageError, match="not an ASCII character"):
            key_of("openai")
    else:
        assert key_of("openai") == KEY


def test_a_key_of_blanks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", " \n")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert key_variable("google") == "GEMINI_API_KEY"
    assert key_of("google") == KEY
    assert key_of("openai") is None


@given(st.text())
def test_a_key_can_be_sent_or_is_not_in_the_sentence(key: str) -> None:
    try:
        sent = sendable(key, "$KEY")
    except UsageError as error:
        sentence = str(error)
        assert sentence.startswith("the key in $KEY cannot be sent: character ")
        assert sentence.isprintable()
        assert sentence.isascii()
    else:
        assert sent == key.strip()
        assert f"Bearer {sent}".encode("ascii").decode().isprintable()


@pytest.mark.parametrize(
    "body",
    [
        f'{{"error": "bad key {KEY}"}}',
        json.dumps({"headers": {"authorization": f"Bearer {KEY}"}}),
        f'{{"error": "{KEY.replace("/", chr(92) + "/")}"}}',
        f'{{"error": "{KEY.replace("+", ESCAPED)}"}}',
        f'{{"error": "{KEY.replace("+", ESCAPED.lower())}"}}',
        f'{{"error": "{KEY.replace("+", chr(92) + ESCAPED)}"}}',
        '{"error": "' + "".join(f"\\u{ord(c):04x}" for c in KEY) + '"}',
    ],
)
def test_a_key_that_comes_back_is_hidden(body: str) -> None:
    hidden = Secrets(KEY).hidden(RawReply(401, f"text/plain; {KEY}", body.encode()))
    assert json.loads(hidden.body)
    assert b"0123456789" not in hidden.body
    assert b"003" not in hidden.body
    assert b"[key]" in hidden.body
    assert hidden.kind == "text/plain; [key]"


@pytest.mark.parametrize(
    "word", ["x", "none", "EMPTY", "LM-Studio", "no-key", "sk-no-key-required", ""]
)
def test_a_word_instead_of_a_key_spoils_no_reply(word: str) -> None:
    said = f"return {word}"
    assert Secrets(word).hide(said) == said
    assert not Secrets(word).are_in(said)


@pytest.mark.parametrize("cuts_at", [None, 4])
def test_a_word_that_is_a_key_stays_in_code(cuts_at: int | None) -> None:
    kept: list[RawReply] = []
    exchange = Exchange(kept.append, secrets=Secrets("password"))
    word = ["password"] if cuts_at is None else ["pass", "word"]
    pieces = [{"content": piece} for piece in ("def check(", *word, "): pass")]
    events = [json.dumps({"choices": [{"delta": piece}]}) for piece in pieces]
    body = "".join(f"data: {event}\n\n" for event in events)
    exchange.end(RawReply(200, "text/event-stream", body.encode()))
    (raw,) = kept
    assert reply_text(raw.kind, raw.body) == "def check(password): pass"
    assert not exchange.stopped
    exchange.end(RawReply(401, "", b'{"error": "no such key: password"}'))
    assert kept[1].body == b'{"error": "no such key: [key]"}'


@pytest.mark.parametrize("cuts", [[0], [3, 9], list(range(len(KEY)))])
def test_a_key_is_not_heard_while_it_arrives(cuts: list[int]) -> None:
    heard: list[str] = []
    exchange = Exchange(lambda _: None, heard.append, secrets=Secrets(KEY))
    ends = [*cuts[1:], len(KEY)]
    for piece in ["def ", *(KEY[a:b] for a, b in zip(cuts, ends, strict=True)), " f"]:
        event = json.dumps({"choices": [{"delta": {"content": piece}}]})
        exchange.note(f"data: {event}\n\n".encode())
    said = "".join(heard)
    assert said.startswith("def ")
    assert KEY not in said
