"""What is an address of a server, and what of it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.addresses import (
    Address,
    environment_address,
    known_login,
    read_address,
    typed_address,
)
from codegrad.errors import UsageError

WITH_LOGIN = "https://me:s3cret%2Fword@models.example/v1"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        (" http://[::1]:8000/v1\n", "http://[::1]:8000/v1"),
        ("HTTPS://models.example", "https://models.example"),
        (WITH_LOGIN, "https://models.example/v1"),
    ],
)
def test_an_address_is_read(text: str, url: str) -> None:
    assert read_address(text).url == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty; write http://HOST:PORT/v1, or leave it out"),
        (" \t", "is empty"),
        ("localhost:8000/v1", "does not begin with http://"),
        ("ftp://host/v1", "does not begin with http://"),
        ("http:///v1", "it names no host"),
        ("http://:8000/v1", "it names no host"),
        ("http://host:99999/v1", "its port is not a number from 1 to 65535"),
        ("http://host:port/v1", "its port is not a number"),
        ("http://host:-1/v1", "its port is not a number"),
        ("http://host:0/v1", "its port is not a number"),
        ("http://[::1/v1", "its brackets hold no IPv6 address"),
        ("http://::1:8000/v1", "an IPv6 address stands in brackets"),
        ("http://ho st/v1", "a blank or a control character"),
        ("http://host/v1\n/x", "a blank or a control character"),
        ("http://host/v1?key=s3cret", "it goes on after the path"),
        ("http://me:s3cret@host:port/v1", "its port is not a number"),
        ("me:s3cret@host", "does not begin with http://"),
        ("http://me:s3cr/3cret@host:1/v1", ""),
        ("http://\u2100.com/v1", "its host is no name of one"),
        ("http://me@/v1", "'http://***@/v1' is no address: it names no host"),
    ],
)
def test_what_is_no_address_is_a_sentence_without_a_secret(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_address(text, "--base-url")
    sentence = str(caught.value)
    assert why in sentence
    assert sentence.startswith("--base-url ")
    assert "3cret" not in sentence


@given(st.text(alphabet="http:/[]@?#%.: 1a\x00é"))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    for given_text in (text, f"http://{text}"):
        try:
            address = read_address(given_text)
        except UsageError:
            continue
        assert "@" not in address.url.partition("://")[2].partition("/")[0]
        assert read_address(address.url) == Address(address.url)


def test_a_login_is_in_nothing_that_is_shown() -> None:
    address = read_address(WITH_LOGIN)
    assert "s3cret" not in address.url + repr(address)
    assert address.with_login == WITH_LOGIN
    assert {"s3cret%2Fword", "s3cret/word", "me:s3cret/word"} < set(address.secrets)


def test_a_login_is_typed_into_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match=r"put the whole address into \$OPENAI_BASE"):
        typed_address(WITH_LOGIN)
    stored = Address("https://models.example/v1")
    assert known_login(stored) == stored
    monkeypatch.setenv("OPENAI_BASE_URL", WITH_LOGIN)
    assert known_login(stored).with_login == WITH_LOGIN
    other = Address("https://other.example/v1")
    assert known_login(other) == other
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    assert known_login(stored) == stored


def test_an_empty_variable_names_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", " ")
    assert environment_address() is None
    monkeypatch.setenv("OPENAI_BASE_URL", "x")
    with pytest.raises(UsageError, match=r"^\$OPENAI_BASE_URL 'x' is no address"):
        environment_address()
