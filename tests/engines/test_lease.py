"""A request is on its way once, whoever asks: the journal's row is a lease."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegrad.engines.client import Asked
from codegrad.engines.patience import Patience
from codegrad.store.calls import CacheMode, CallBook, new_session
from tests.engines.asking import FAST, Session, echo, question
from tests.engines.chat_server import ChatServer, Fault


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(echo, delay_s=0.4).running() as running:
        yield running


def asked_at_once(
    server: ChatServer, folder: Path, *, mode: CacheMode = CacheMode.ON
) -> dict[str, tuple[list[str], int]]:
    """Return what two runs are answered that ask the same, and what each paid."""
    found: dict[str, tuple[list[str], int]] = {}

    def ask(payer: str) -> None:
        session = Session(server, folder, payer=payer, mode=mode)
        texts = [a.reply.text if a.reply else a.problem for a in session.ask("abc")]
        found[payer] = texts, session.client.spent.calls
        session.close()

    threads = [threading.Thread(target=ask, args=(payer,)) for payer in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_runs_that_ask_the_same_pay_once(
    server: ChatServer, tmp_path: Path
) -> None:
    found = asked_at_once(server, tmp_path)
    assert [texts for texts, _ in found.values()] == [["re: a", "re: b", "re: c"]] * 2
    assert sum(paid for _, paid in found.values()) == len(server.requests) == 3


def test_who_rests_looks_whether_it_was_answered_meanwhile(
    server: ChatServer, tmp_path: Path
) -> None:
    def busy_at_first(number: int, _prompt: str) -> Fault | None:
        return Fault("status", 429, {"retry-after": "3"}) if number == 1 else None

    server.faults, server.delay_s = busy_at_first, 0.0
    one, two = (Session(server, tmp_path, payer=payer) for payer in ("one", "two"))
    answers: list[Asked] = []
    resting = threading.Thread(target=lambda: answers.extend(one.ask(["q"])))
    resting.start()
    while not one.client.host.rest_s:
        time.sleep(0.01)
    answers += two.ask(["q"])
    resting.join()
    assert [a.reply and a.reply.text for a in answers] == ["re: q"] * 2
    assert len(server.requests) == 2, "the one that was refused, the one that was paid"
    assert (one.client.spent.calls, two.client.spent.calls) == (0, 1)
    one.close()
    two.close()


def test_who_uses_only_its_own_replies_does_not_wait(
    server: ChatServer, tmp_path: Path
) -> None:
    found = asked_at_once(server, tmp_path, mode=CacheMode.OFF)
    assert {paid for _, paid in found.values()} == {3}
    assert len(server.requests) == 6


def test_two_runs_whose_requests_fail_do_not_wait_for_each_other(
    server: ChatServer, tmp_path: Path
) -> None:
    server.delay_s = 0.0
    server.faults = lambda number, _: Fault("slow", seconds=0.1) if number % 3 else None
    found = asked_at_once(server, tmp_path)
    for texts, _ in found.values():
        assert texts == ["re: a", "re: b", "re: c"]


def test_a_dead_process_holds_nothing(server: ChatServer, tmp_path: Path) -> None:
    asked = question(server, "q")
    code = (
        "import sys; from codegrad.store.calls import CallBook, new_session;"
        "CallBook(sys.argv[1]).intend(sys.argv[2], sys.argv[3], payer='dead',"
        " session=new_session(), label='')"
    )
    path = str(tmp_path / "calls.db")
    command = [sys.executable, "-c", code, path, asked.key, asked.to_json()]
    subprocess.run(command, check=True)
    session = Session(server, tmp_path)
    (answer,) = session.ask(["q"])
    session.close()
    assert answer.reply is not None
    assert len(server.requests) == 1


def hold(server: ChatServer, folder: Path) -> None:
    """Record a request of this process that never ends."""
    asked = question(server, "q")
    with CallBook(folder / "calls.db") as book:
        book.intend(
            asked.key, asked.to_json(), payer="x", session=new_session(), label=""
        )


def test_a_lease_runs_out(server: ChatServer, tmp_path: Path) -> None:
    hold(server, tmp_path)
    session = Session(server, tmp_path, patience=Patience(longest_s=1.0))
    began = time.monotonic()
    (answer,) = session.ask(["q"])
    session.close()
    assert answer.reply is not None
    assert time.monotonic() - began > 0.9


def test_who_waits_keeps_to_the_seconds(server: ChatServer, tmp_path: Path) -> None:
    hold(server, tmp_path)
    session = Session(server, tmp_path, patience=FAST)
    (answer,) = session.ask(["q"], seconds=0.5)
    session.close()
    assert answer.problem == "the budget is spent (seconds)"
    assert not server.requests
