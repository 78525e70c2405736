"""What goes wrong between a client, its server and its journal, and what it costs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from codegrad.budget import Budget
from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    RawReply,
    Trouble,
    WireError,
)
from codegrad.engines.cut import Cut
from codegrad.engines.patience import Patience
from codegrad.engines.providers import ProviderWire
from codegrad.errors import StoreError
from codegrad.store.calls import CacheMode, CallBook, CallOutcome, Settlement
from tests.engines.asking import FAST, Session, echo, question
from tests.engines.chat_server import ChatServer, Fault, completion

PRICE = (10.0, 100.0)
"""US dollars for a million tokens in and out."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(echo).running() as running:
        yield running


@pytest.fixture
def session(server: ChatServer, tmp_path: Path) -> Iterator[Session]:
    opened = Session(server, tmp_path)
    yield opened
    opened.close()


def refuse_replies(folder: Path) -> None:
    """Let the journal take requests and no reply, as a disk does that fills up."""
    CallBook(folder / "calls.db").intend("", "", payer="", session="", label="")
    with closing(sqlite3.connect(folder / "calls.db")) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF body ON calls "
            "BEGIN SELECT RAISE(FAIL, 'no room'); END"
        )


@pytest.mark.parametrize("lacks", [(), ("stream",), ("answers at once",)])
def test_a_reply_that_cannot_be_kept_ends_it_and_is_in_the_ledger(
    server: ChatServer, tmp_path: Path, lacks: tuple[str, ...]
) -> None:
    server.lacks = lacks
    refuse_replies(tmp_path)
    session = Session(server, tmp_path)
    with pytest.raises(StoreError, match=r"the run store .* failed: no room"):
        session.ask(["q"])
    session.close()
    assert sum(server.billed.values()) <= 1, "it was asked again"
    assert len(server.requests) <= 2
    assert session.client.spent.calls == 1, "it was billed"


def test_nothing_more_is_sent_once_the_journal_has_failed(
    server: ChatServer, tmp_path: Path
) -> None:
    server.delay_s = 0.1
    refuse_replies(tmp_path)
    session = Session(server, tmp_path, patience=Patience(parallel=2))
    with pytest.raises(StoreError):
        session.ask([f"q{n}" for n in range(12)])
    assert len(server.requests) <= 2
    assert session.client.spent.calls == len(server.requests)
    with closing(sqlite3.connect(tmp_path / "calls.db")) as db:
        db.execute("DROP TRIGGER full")
    (asked,) = session.ask(["q0"])
    assert asked.reply is not None, "there is room again"
    session.close()


def test_a_request_that_cannot_be_recorded_is_not_sent(
    server: ChatServer, tmp_path: Path
) -> None:
    (tmp_path / "calls.db").write_bytes(b"no database at all" * 100)
    session = Session(server, tmp_path)
    with pytest.raises(StoreError):
        session.ask(["q", "r"])
    session.close()
    assert not server.requests


def test_broken_replies_are_paid_at_their_worst(
    server: ChatServer, tmp_path: Path
) -> None:
    server.faults = lambda _number, _prompt: Fault("cut")
    session = Session(server, tmp_path, price=PRICE)
    worst = session.wire.price(question(server, "q"))
    assert worst is not None
    (asked,) = session.ask(["q"], money=2.5 * worst)
    spent = session.client.spent
    session.close()
    assert asked.reply is None
    assert asked.problem.startswith("the budget is spent (money)")
    assert len(server.requests) == 2
    assert spent.money == pytest.approx(2 * worst)
    assert spent.tokens >= 2 * 100, "a reply may have been as long as was asked for"


def test_what_a_killed_process_may_have_paid_has_its_price(
    server: ChatServer, tmp_path: Path
) -> None:
    session = Session(server, tmp_path, price=PRICE)
    lost = question(server, "q")
    session.book.intend(
        lost.key, lost.to_json(), payer="run", session="killed", label="code"
    )
    session.ask([])
    session.close()
    assert session.client.lost == 1
    assert session.client.spent.calls == 1
    assert session.client.spent.money == pytest.approx(session.wire.price(lost))


def test_a_request_that_is_refused_does_not_end_the_others(
    session: Session, server: ChatServer
) -> None:
    server.faults = lambda _n, prompt: Fault("status", 400) if prompt == "q1" else None
    answers = session.ask([f"q{n}" for n in range(3)])
    assert [a.reply is not None for a in answers] == [True, False, True]
    assert not any(a.is_final for a in answers)
    assert session.ask(["q3"])[0].reply is not None


def test_an_unknown_model_ends_only_the_client_that_asked_for_it(
    server: ChatServer, tmp_path: Path
) -> None:
    host = FAST.host()
    session = Session(server, tmp_path, host=host)
    server.faults = lambda _number, _prompt: Fault("status", 404)
    (wrong,) = session.ask(["q"])
    assert wrong.is_final
    assert "does not know openai:loop" in session.ask(["r"])[0].problem
    assert len(server.requests) == 1, "it is not asked again"
    server.faults = lambda _number, _prompt: None
    other = Session(server, tmp_path, host=host, payer="other")
    assert other.ask(["s"])[0].reply is not None
    other.close()
    session.close()


def test_a_wait_is_not_shortened(server: ChatServer, tmp_path: Path) -> None:
    asks = {1: "0.7", 2: None}
    server.faults = lambda number, _: (
        Fault("status", 429, {"retry-after": str(asks[1])}) if number == 1 else None
    )
    patience = Patience(longest_pause_s=0.05, pause_s=0.01)
    session = Session(server, tmp_path, patience=patience)
    session.ask(["q"])
    session.close()
    assert server.arrivals[1] - server.arrivals[0] >= 0.65


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({}, "asks to wait 60 minutes, which is too long for a run: go on later with"),
        (
            {"seconds": 20.0},
            "the budget is spent (seconds): the server asks to wait 60",
        ),
    ],
)
def test_a_wait_that_is_too_long_ends_it_at_once(
    server: ChatServer, tmp_path: Path, limits: dict[str, float], reason: str
) -> None:
    wait = "60" if limits else "3600"
    server.faults = lambda _number, _prompt: Fault("status", 429, {"retry-after": wait})
    session = Session(server, tmp_path)
    (asked,) = session.ask(["q"], **limits)
    session.close()
    assert reason in asked.problem
    assert asked.is_final
    assert len(server.requests) == 1


class Newer(ProviderWire):
    """A version that does not read what an earlier one did."""

    async def read(self, request: ChatRequest, raw: RawReply) -> ChatReply:
        if b"old form" in raw.body:
            problem = "it has an old form"
            raise WireError(problem, Trouble.UNREADABLE, may_be_billed=True)
        return await super().read(request, raw)


def record(session: Session, payer: str, outcome: CallOutcome) -> int:
    """Put a reply into the journal, as an earlier process did."""
    asked = question(session.server, "q")
    call = session.book.intend(
        asked.key, asked.to_json(), payer=payer, session="earlier", label="code"
    )
    body = str(completion("old form", {"model": "m", "messages": []})).encode()
    session.book.keep(call, 200, "application/json", body)
    if outcome is not CallOutcome.OPEN:
        session.book.settle([Settlement(call, outcome, 15, 0.01)])
    return call


@pytest.mark.parametrize("payer", ["run", "another run"])
def test_a_reply_that_is_not_read_today_keeps_what_is_known_of_it(
    server: ChatServer, tmp_path: Path, payer: str
) -> None:
    session = Session(server, tmp_path)
    session.client.wire = Newer("openai:loop", base_url=server.url)
    record(session, payer, CallOutcome.USED)
    (asked,) = session.ask(["q"])
    old, new = session.book.calls()
    session.close()
    assert asked.reply is not None
    assert (old.outcome, old.tokens, old.money) == (CallOutcome.USED, 15, 0.01)
    assert new.outcome is CallOutcome.USED
    paid = 2 if payer == "run" else 1
    assert session.client.spent.calls == paid, "each reply is in the ledger"


def test_a_reply_that_was_never_read_is_paid_and_asked_again(
    server: ChatServer, tmp_path: Path
) -> None:
    session = Session(server, tmp_path)
    session.client.wire = Newer("openai:loop", base_url=server.url)
    record(session, "run", CallOutcome.OPEN)
    (asked,) = session.ask(["q"])
    old, _ = session.book.calls()
    session.close()
    assert asked.reply is not None
    assert old.outcome is CallOutcome.FAILED
    assert session.client.spent.calls == 2


def test_a_replay_says_that_a_recorded_reply_cannot_be_read(
    server: ChatServer, tmp_path: Path
) -> None:
    session = Session(server, tmp_path, mode=CacheMode.REPLAY)
    session.client.wire = Newer("openai:loop", base_url=server.url)
    record(session, "another run", CallOutcome.USED)
    (asked,) = session.ask(["q"])
    session.close()
    assert asked.problem == "recorded, but it has an old form"
    assert not server.requests


def test_half_a_surrogate_pair_is_sent_all_the_same(
    session: Session, server: ChatServer
) -> None:
    (asked,) = session.ask(["half \ud83d of it"])
    assert asked.reply is not None, asked.problem
    assert len(server.requests) == 1


def test_a_budget_of_tokens_holds_for_texts_without_spaces(
    session: Session, server: ChatServer
) -> None:
    (asked,) = session.ask(["请写一个函数" * 100], tokens=500)
    assert asked.problem.startswith("the budget is spent (tokens)")
    schema = '{"type": "object", "description": "' + "x" * 3000 + '"}'
    shaped = question(server, "q", answer_schema=schema)
    (asked,) = session.client.ask([shaped], budget=Budget(tokens=500))
    assert asked.problem.startswith("the budget is spent (tokens)")
    assert not server.requests


def test_a_request_is_read_back_as_it_was() -> None:
    asked = question(ChatServer(echo), "q", sample=3, answer_schema="{}")
    assert ChatRequest.from_json(asked.to_json()) == asked


def test_one_question_that_fails_beside_others_is_no_outage(tmp_path: Path) -> None:
    def fault(_number: int, prompt: str) -> Fault | None:
        return Fault("status", 500) if "bad" in prompt else None

    def fault_for_all(_number: int, prompt: str) -> Fault | None:
        return None if "good 0" in prompt else Fault("status", 500)

    hasty = Patience(attempts=3, pause_s=0.2, failures=9)
    texts = ["bad", "good 0", "good 1"]
    for faults, cuts in (
        (fault, [Cut.NOTHING] * 3),
        (fault_for_all, [Cut.NOTHING, Cut.NOTHING, Cut.OUTAGE]),
    ):
        with ChatServer(echo, faults).running() as server:
            folder = tmp_path / str(len(set(cuts)))
            folder.mkdir()
            session = Session(server, folder, patience=hasty)
            asked = session.ask(texts)
            session.close()
        assert sorted(one.cut for one in asked) == cuts
        assert asked[1].reply is not None
