"""A key and a login are on no screen and in no file, whatever a server does."""

import json
from pathlib import Path

import pytest

from codegrad.cli.main import run
from tests.cli.shell import CODE, Shell, always
from tests.engines.chat_server import Fault

KEY = "sk-right"


def stored(folder: Path) -> bytes:
    """Return everything that was written."""
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("sk-ri\nght", "a line break or another control character"),
        ("sk-ri\x7fght", "a line break or another control character"),
        ("sk-riéght", "not an ASCII character"),
        ("sk-ri\u200bght", "not an ASCII character"),
    ],
)
def test_a_key_that_cannot_be_sent_is_named_and_not_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, kind: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    code, out, err = shell.refine()
    assert code == 2
    place = f"character 6 of {len(key)}"
    assert f"the key in $OPENAI_API_KEY cannot be sent: {place} is {kind}" in err
    assert "ght" not in (out + err).replace("right", "")
    assert not shell.server.requests
    assert key.encode() not in stored(tmp_path)


def test_a_line_break_after_a_key_does_no_harm(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\r\n")
    assert shell.refine()[0] == 0


def test_the_engines_are_listed_with_a_key_that_cannot_be_sent(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del shell
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ri\nght")
    assert run(["engines"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the key in $OPENAI_API_KEY" in shown


@pytest.mark.parametrize(
    "fault",
    [
        Fault("raw", 401, body=b'{"error": {"message": "bad key: sk-right"}}'),
        Fault("raw", 400, body=b"authorization: Bearer sk-right"),
        Fault("raw", 200, body=b'{"error": "sk-right"}'),
        Fault("raw", 429, {"retry-after": "sk-right"}, body=b"sk-right"),
        Fault("raw", 302, {"location": "/?key=sk-right"}, body=b""),
    ],
)
def test_a_key_that_a_server_sends_back_is_nowhere(
    shell: Shell, tmp_path: Path, fault: Fault
) -> None:
    shell.server.faults = lambda number, _prompt: fault if number == 1 else None
    shell.refine()
    assert KEY.encode() not in stored(tmp_path)
    shown_by_show(shell)


def shown_by_show(shell: Shell) -> str:
    """Return what `show` shows of the last run, which the shell checks for the key."""
    run(["runs", "--json"])
    (listed,) = json.loads(shell.printed()[0])
    text = ""
    for options in (["--prompts"], ["--prompts", "--json"], []):
        run(["show", listed["id"], *options])
        text += "".join(shell.printed())
    return text


def test_a_key_in_the_code_of_a_reply_is_nowhere(shell: Shell, tmp_path: Path) -> None:
    shell.server.answer = always(CODE.replace("return", f"# {KEY}\n    return"))
    assert shell.refine()[0] == 0
    assert KEY.encode() not in stored(tmp_path)
    assert "[key]" in shown_by_show(shell)


def test_a_server_that_spells_the_key_is_not_asked_again(
    shell: Shell, tmp_path: Path
) -> None:
    whole = "".join(
        f'data: {{"choices": [{{"delta": {{"content": "{piece}"}}}}]}}\n\n'
        for piece in ("sk-", "ri", "ght")
    )
    body = f"{whole}data: [DONE]\n\n".encode()
    headers = {"content-type": "text/event-stream"}
    shell.server.faults = lambda *_: Fault("raw", 200, headers, body=body)
    code, out, err = shell.refine()
    assert code == 1, "what may have been paid is a run that found nothing"
    assert "sent your key back in its answer, which was not kept" in out + err
    assert len(shell.server.requests) <= 8
    assert b'"ght"' not in stored(tmp_path)


def test_a_login_in_the_environment_is_used_and_nowhere(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = shell.server.url.replace("http://", "http://me:s3cret-word@")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    shell.server.key, shell.server.login = "", "me:s3cret-word"
    code, out, err = shell.refine()
    assert code == 0, err
    assert "s3cret" not in out + err + shown_by_show(shell)
    assert b"s3cret" not in stored(tmp_path)


def test_a_login_is_not_typed(shell: Shell, tmp_path: Path) -> None:
    url = shell.server.url.replace("http://", "http://me:s3cret-word@")
    code, out, err = shell.refine("--engine", "openai:coder", "--base-url", url)
    assert code == 2
    assert "--base-url holds a login, which others can read" in err
    assert "s3cret" not in out + err
    assert b"s3cret" not in stored(tmp_path)
    assert not shell.server.requests
