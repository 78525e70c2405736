"""What is kept of models: measured, listed, checked, cleared, brought up to date."""

import io
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from codegrad.cli.main import run
from codegrad.engines.chat import ChatRequest, Message, Role
from codegrad.store.calls import CallBook, CallOutcome, Settlement

REPLY = b'{"choices": [{"message": {"content": "yes"}}]}'


def request(text: str) -> ChatRequest:
    return ChatRequest("openai:m", "api", (Message(Role.USER, text),))


def answered(book: CallBook, text: str, payer: str = "run") -> int:
    asked = request(text)
    call = book.intend(
        asked.key, asked.to_json(), payer=payer, session="1", label="round 1: code"
    )
    book.keep(call, 200, "application/json", REPLY)
    book.settle([Settlement(call, CallOutcome.USED, 10, 0.5)])
    return call


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEGRAD_STORE", str(tmp_path / "runs.db"))
    return tmp_path / "calls.db"


def codegrad(
    capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    code = run(["cache", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def age(path: Path, calls: Sequence[int], seconds: float) -> None:
    with sqlite3.connect(path) as db:
        for call in calls:
            db.execute("UPDATE calls SET sent = sent - ? WHERE id = ?", (seconds, call))


def test_size_list_and_verify(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(codegrad(capsys, "--json")[1])["calls"] == 0
    assert not path.exists(), "to look makes nothing"
    with CallBook(path) as book:
        answered(book, "a")
        answered(book, "b", payer="other")
    size = json.loads(codegrad(capsys, "--json")[1])
    assert (size["calls"], size["used"], size["tokens"]) == (2, 2, 20)
    assert size["money"] == 1.0
    assert "2 of them with a reply to use again" in codegrad(capsys)[1]
    (newest, oldest) = json.loads(codegrad(capsys, "list", "--json")[1])
    assert (newest["payer"], oldest["payer"]) == ("other", "run")
    assert "openai:m  run other  round 1: code" in codegrad(capsys, "list")[1]
    assert codegrad(capsys, "verify")[:2] == (
        0,
        "2 calls checked, 0 not as they were written\n",
    )


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("body", REPLY.replace(b"yes", b"no!"), "call 1: the reply was changed"),
        ("request", "{}", "call 1: the request is not the one of its key"),
    ],
)
def test_what_was_changed_is_found(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    column: str,
    value: object,
    sentence: str,
) -> None:
    with CallBook(path) as book:
        answered(book, "a")
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE calls SET {column} = ?", (value,))
    code, out, _ = codegrad(capsys, "verify")
    assert code == 1
    assert sentence in out


def test_only_what_is_older_is_cleared(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with CallBook(path) as book:
        old = answered(book, "a")
        book.note_uses("later", [(old, "code")])
        answered(book, "b")
    age(path, [old], 3 * 86400)
    assert codegrad(capsys, "clear", "--older-than", "2d", "--yes")[:2] == (
        0,
        "1 calls deleted\n",
    )
    with CallBook(path) as book:
        assert book.find(request("a").key) is None
        assert book.find(request("b").key) is not None
        assert book.used_by("later") == []
    code, _, err = codegrad(capsys, "clear", "--older-than", "soon", "--yes")
    assert code == 2
    assert "'soon' is no age; write 30d" in err


def test_nothing_is_cleared_without_a_yes(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    with CallBook(path) as book:
        answered(book, "a")
    assert codegrad(capsys, "clear")[:2] == (0, "nothing was deleted\n")
    assert codegrad(capsys, "clear")[0] == 2, "nobody answers"
    with CallBook(path) as book:
        assert book.size().calls == 1
    assert codegrad(capsys, "clear", "--yes")[0] == 0
    assert codegrad(capsys, "clear", "--yes")[1] == "nothing to clear\n"


def test_a_run_shows_what_it_used_of_another(path: Path) -> None:
    with CallBook(path) as book:
        call = answered(book, "a", payer="first")
        answered(book, "b", payer="second-critic")
        answered(book, "c", payer="second2")
        book.note_uses("second", [(call, "round 1: plans")])
        used = book.used_by("second")
        assert [(c.payer, c.label) for c in used] == [
            ("second-critic", "round 1: code"),
            ("first", "round 1: plans"),
        ]
        assert [c.payer for c in book.used_by("first")] == ["first"]


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    with CallBook(path) as book:
        answered(book, "a")
    with sqlite3.connect(path) as db:
        db.executescript(
            "DROP TABLE uses; ALTER TABLE calls DROP COLUMN digest; "
            "PRAGMA user_version = 1"
        )
    with CallBook(path) as book:
        assert book.find(request("a").key) is not None
        assert book.verify() == []
        book.note_uses("other", [(1, "code")])
        assert len(book.used_by("other")) == 1
