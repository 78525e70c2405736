"""Addresses, proxies and certificates that cannot be used are one sentence."""

import json
from pathlib import Path

import pytest

from codegrad.cli.main import run
from codegrad.store.calls import CallBook, CallOutcome
from tests.cli.shell import Shell

TYPED = ("--engine", "openai:coder", "--base-url")
ELSEWHERE = "http://models.example/v1"


@pytest.mark.parametrize("engine", ["openai:coder", "auto", "search"])
@pytest.mark.parametrize(
    "url", ["", " ", "nowhere", "http://h:99999/v1", "http://[::1"]
)
def test_what_is_no_address_is_refused(shell: Shell, engine: str, url: str) -> None:
    code, out, err = shell.refine("--engine", engine, "--base-url", url)
    assert (code, out) == (2, "")
    assert "codegrad: --base-url " in err
    assert "write http://HOST:PORT/v1" in err
    assert not shell.server.requests, "it went where nobody said"


@pytest.mark.parametrize("url", ["nowhere", "http://h:port/v1", "http://[::1"])
def test_what_is_no_address_in_the_environment_is_named(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    code, _, err = shell.refine()
    assert code == 2
    assert f"codegrad: $OPENAI_BASE_URL '{url}' is no address" in err
    assert run(["engines"]) == 0


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:9", "names a SOCKS proxy, which needs"),
        ("HTTP_PROXY", "http://me:s3cret@127.0.0.1:port", "is no address of a proxy"),
        ("HTTPS_PROXY", "ftp://127.0.0.1", "is no address of a proxy"),
        ("SSL_CERT_FILE", "missing.pem", "cannot be read (No such file or directory)"),
        ("SSL_CERT_FILE", __file__, "cannot be read ("),
    ],
)
def test_surroundings_that_cannot_be_used_are_named(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(variable, value)
    code, _, err = shell.refine(*TYPED, ELSEWHERE)
    assert code == 2
    assert f"${variable}" in err
    assert sentence in err
    assert "unset it" in err
    assert "s3cret" not in err
    assert "internal error" not in err


def test_what_was_never_sent_is_not_paid(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Path(__file__)))
    shell.refine(*TYPED, ELSEWHERE)
    run(["runs", "--json"])
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["status"] == "failed"
    with CallBook(CallBook.default_path()) as book:
        calls = book.calls()
    assert {(call.outcome, call.tokens) for call in calls} == {(CallOutcome.FAILED, 0)}
    assert len(calls) <= 4, "nothing is tried twice"
