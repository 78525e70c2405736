"""What was asked of models survives; what may have been billed is known."""

from pathlib import Path

import pytest

from codegrad.errors import StoreError
from codegrad.store.calls import CallBook, CallOutcome, Settlement
from codegrad.store.journal import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


def sent(book: CallBook, key: str = "k", payer: str = "run", session: str = "1") -> int:
    return book.intend(key, "{}", payer=payer, session=session, label="code")


def test_a_reply_that_was_kept_is_found_by_another_process(path: Path) -> None:
    with CallBook(path) as book:
        book.keep(sent(book), 200, "application/json", b"\x00raw")
    with CallBook(path) as other:
        found = other.find("k")
        assert found is not None
        assert (found.body, found.outcome) == (b"\x00raw", CallOutcome.OPEN)
        assert other.find("k", payer="another", of_others=False) is None
        assert other.find("other") is None


def test_a_failed_reply_is_not_found_and_stays_readable(path: Path) -> None:
    with CallBook(path) as book:
        first, second = sent(book), sent(book)
        book.keep(first, 500, "", b"down")
        book.keep(second, 200, "", b"<html>")
        book.settle([Settlement(second, CallOutcome.FAILED)])
        assert book.find("k") is None
        assert [call.body for call in book.calls("run")] == [b"down", b"<html>"]


def test_the_newest_reply_is_taken(path: Path) -> None:
    with CallBook(path) as book:
        for body in (b"old", b"new"):
            book.keep(sent(book), 200, "", body)
        found = book.find("k")
        assert found is not None
        assert found.body == b"new"


def test_the_own_reply_comes_before_a_newer_one_of_another_run(path: Path) -> None:
    with CallBook(path) as book:
        for payer in ("run", "another", "a third"):
            book.keep(sent(book, payer=payer), 200, "", payer.encode())
        own, others = book.find("k", payer="run"), book.find("k", payer="new")
        assert own is not None
        assert others is not None
        assert (own.body, others.body) == (b"run", b"a third")
        assert book.find("k", payer="new", of_others=False) is None


def test_requests_without_a_reply_are_unknown_to_the_next_process(path: Path) -> None:
    with CallBook(path) as book:
        sent(book)
        book.keep(sent(book, "answered"), 200, "", b"")
        sent(book, payer="another run")
        assert book.give_up_on_lost("run", "1") == [], "this process still waits"
        for _ in range(2):
            (lost,) = book.give_up_on_lost("run", "2")
            assert lost.request == "{}", "what it may have cost can be worked out"
        outcomes = {call.key: call.outcome for call in book.calls("run")}
        assert outcomes == {"k": CallOutcome.UNKNOWN, "answered": CallOutcome.OPEN}


def test_nothing_is_made_before_something_is_asked(path: Path) -> None:
    with CallBook(path) as book:
        assert book.find("k") is None
        assert book.calls() == []
        assert book.give_up_on_lost("run", "1") == []
    assert not path.exists()


def test_a_file_of_runs_is_not_taken_for_calls(path: Path) -> None:
    with Store(path) as store:
        store.create("{}", "{}", "n")
    with CallBook(path) as book, pytest.raises(StoreError, match="not a CodeGrad"):
        sent(book)


def test_calls_are_kept_beside_the_runs() -> None:
    assert CallBook.default_path().parent == Store.default_path().parent
