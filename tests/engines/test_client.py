"""Every paid reply is used once, none is lost, none is paid twice."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegrad.budget import Budget, Spent
from codegrad.engines.chat import ChatRequest, Sampling
from codegrad.engines.patience import Patience
from codegrad.engines.providers import ProviderWire, split_model
from codegrad.engines.streams import reply_text
from codegrad.errors import EngineError, UsageError
from codegrad.store.calls import CacheMode, CallOutcome
from tests.engines.asking import FAST, Session, echo, question
from tests.engines.chat_server import ChatServer, Fault

KEY = "sk-secret-of-the-test"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(echo).running() as running:
        yield running


@pytest.fixture
def session(server: ChatServer, tmp_path: Path) -> Iterator[Session]:
    opened = Session(server, tmp_path)
    yield opened
    opened.close()


def injected(number: int, _prompt: str) -> Fault | None:
    """Fail in every way, each request at most a few times."""
    return {
        3: Fault("status", 429, {"retry-after": "0.05"}),
        8: Fault("status", 500),
        13: Fault("status", 503, {"retry-after": "0.02"}),
        18: Fault("cut"),
        21: Fault("clean cut"),
        23: Fault("not json"),
        28: Fault("error body"),
        33: Fault("empty"),
        38: Fault("no code"),
    }.get(number % 40) or (Fault("slow", seconds=8.5) if number == 41 else None)


def test_of_200_requests_each_paid_reply_is_used_once(
    session: Session, server: ChatServer
) -> None:
    server.faults = injected
    texts = [f"question {n % 150}" for n in range(200)]
    answers = session.ask(texts)
    assert all(a.reply is not None for a in answers), {a.problem for a in answers}
    assert set(server.billed.values()) == {1}
    assert len(server.billed) == 150
    for text, asked in zip(texts, answers, strict=True):
        assert asked.reply is not None
        assert asked.reply.text in {f"re: {text}", "", server_refusal()}
    assert server.most_at_once <= FAST.parallel
    sent = len(server.requests)
    assert sent > 150, "no fault was met"

    again = session.ask(texts)
    assert [a.reply for a in again] == [a.reply for a in answers]
    assert len(server.requests) == sent, "a recorded request was sent again"
    outcomes = Counter(call.outcome for call in session.book.calls())
    assert outcomes[CallOutcome.USED] == 150
    assert CallOutcome.OPEN not in outcomes
    figures = {
        "sent": sent,
        "met a fault": sent - 150,
        "billed": sum(server.billed.values()),
        "used": outcomes[CallOutcome.USED],
        "failed": outcomes[CallOutcome.FAILED],
        "without a whole reply": outcomes[CallOutcome.UNKNOWN],
    }
    sys.stdout.write(f"\n200 requests, 150 of them different: {figures}\n")


def server_refusal() -> str:
    return "I am afraid that I cannot do that."


def test_the_raw_reply_is_on_the_disk_before_it_is_read(
    session: Session, server: ChatServer
) -> None:
    server.faults = lambda number, _: Fault("not json") if number == 1 else None
    session.ask(["q"])
    bad, good = session.book.calls()
    assert bad.body == b"proxy error"
    assert bad.outcome is CallOutcome.FAILED
    assert reply_text(good.kind or "", good.body or b"") == "re: q"


def test_a_busy_server_makes_everybody_wait(
    session: Session, server: ChatServer
) -> None:
    server.faults = lambda number, _: (
        Fault("status", 429, {"retry-after": "0.6"}) if number == 1 else None
    )
    session.client.patience = FAST
    session.ask(["first"])
    assert server.arrivals[1] - server.arrivals[0] >= 0.55


def test_the_ledger_counts_calls_and_tokens_and_unknown_prices(
    session: Session,
) -> None:
    session.ask(["q", "q", "r"])
    spent = session.client.spent
    assert spent.calls == 2
    assert spent.tokens > 0
    assert (spent.money, session.client.unpriced) == (0.0, 2)


@pytest.mark.parametrize(
    ("limits", "answered", "reason"),
    [
        ({"calls": 3}, 3, "the budget is spent (calls)"),
        ({"calls": 0}, 0, "the budget is spent (calls)"),
        ({"tokens": 130}, 1, "the budget is spent (tokens)"),
        ({"money": 1.0}, 0, "the price of openai:loop is unknown"),
        ({"seconds": 0.0}, 0, "the budget is spent (seconds)"),
    ],
)
def test_nothing_is_sent_that_could_break_a_limit(
    session: Session,
    server: ChatServer,
    limits: dict[str, Any],
    answered: int,
    reason: str,
) -> None:
    answers = session.ask([f"q{n}" for n in range(6)], **limits)
    assert len(server.requests) == answered
    assert sum(a.reply is not None for a in answers) == answered
    assert all(a.problem.startswith(reason) for a in answers if a.reply is None)


def test_a_price_that_is_known_is_a_limit(server: ChatServer, tmp_path: Path) -> None:
    session = Session(server, tmp_path, price=(10.0, 100.0))
    answers = session.ask([f"q{n}" for n in range(4)], money=0.025)
    session.close()
    assert sum(a.reply is not None for a in answers) == 2
    assert 0 < session.client.spent.money <= 0.025


def test_a_wrong_key_is_said_once_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with ChatServer(echo, key=KEY).running() as server:
        session = Session(server, tmp_path, patience=Patience(parallel=1))
        answers = session.ask([f"q{n}" for n in range(5)])
        session.close()
    assert len(server.requests) == 1, "a refused key was tried again"
    for asked in answers:
        assert "refused the key for openai:loop" in asked.problem
        assert asked.is_final
        assert "sk-wrong" not in asked.problem
    assert b"sk-wrong" not in (tmp_path / "calls.db").read_bytes()


def test_the_circuit_opens_when_the_server_stays_down(
    server: ChatServer, tmp_path: Path
) -> None:
    server.faults = lambda _number, _prompt: Fault("status", 503)
    patience = Patience(attempts=2, pause_s=0.01, failures=2, parallel=1, timeout_s=1)
    session = Session(server, tmp_path, patience=patience)
    answers = session.ask([f"q{n}" for n in range(10)])
    session.close()
    assert len(server.requests) == 4
    assert all("failed (HTTP 503: injected)" in a.problem for a in answers)
    assert "2 requests in a row have failed, so no more is sent" in answers[-1].problem


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    gone = ChatServer(echo)
    with gone.running():
        pass
    session = Session(gone, tmp_path, patience=Patience(attempts=2, pause_s=0.01))
    (asked,) = session.ask(["q"])
    session.close()
    assert asked.reply is None
    assert f"{gone.url} cannot be reached" in asked.problem


def test_replay_sends_nothing_and_off_uses_only_the_own_replies(
    server: ChatServer, tmp_path: Path
) -> None:
    def run(payer: str, mode: CacheMode, texts: list[str]) -> tuple[list[bool], Spent]:
        session = Session(server, tmp_path, payer=payer, mode=mode)
        answers = session.ask(texts)
        session.close()
        return [a.reply is not None for a in answers], session.client.spent

    assert run("one", CacheMode.ON, ["q"])[1].calls == 1
    assert run("two", CacheMode.ON, ["q"])[1].calls == 0
    assert run("two", CacheMode.REPLAY, ["q", "new"])[0] == [True, False]
    assert len(server.requests) == 1
    assert run("three", CacheMode.OFF, ["q"])[1].calls == 1
    assert run("three", CacheMode.OFF, ["q"])[1].calls == 1, "paid, so it counts"
    assert len(server.requests) == 2


def test_another_sample_or_temperature_is_another_question(
    session: Session, server: ChatServer
) -> None:
    base = question(server, "q")
    others = [
        question(server, "q", sample=1),
        ChatRequest(base.model, base.endpoint, base.messages, Sampling(max_tokens=100)),
        ChatRequest("openai:other", base.endpoint, base.messages, base.sampling),
    ]
    session.client.ask([base, *others, base], budget=Budget())
    assert len(server.requests) == 4
    assert len({request.key for request in [base, *others]}) == 4


def test_an_unknown_provider_and_a_missing_key_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="unknown model 'gpt-5'; write openai:MODEL"):
        split_model("gpt-5")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(EngineError, match="set OPENAI_API_KEY"):
        ProviderWire("openai:gpt-5-mini")


def test_tokens_are_heard_while_they_arrive(
    session: Session, server: ChatServer
) -> None:
    server.answer, server.piece_s = lambda *_: "one two three four " * 8, 0.02
    heard: list[str] = []
    requests = [question(server, "q")]
    session.client.ask(requests, budget=Budget(), waiting=heard.append)
    counts = [int(note.split()[0]) for note in heard if " tokens of 1 reply" in note]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0] > 0
    assert any("two three four" in note for note in heard)


def test_what_arrived_of_a_cut_stream_is_kept_and_counted(
    session: Session, server: ChatServer
) -> None:
    server.faults = lambda number, _: Fault("cut") if number == 1 else None
    (asked,) = session.ask(["q"])
    assert asked.reply is not None
    part, whole = session.book.calls()
    assert (part.status, part.outcome) == (0, CallOutcome.UNKNOWN)
    assert reply_text(part.kind or "", part.body or b"").startswith("x x x")
    assert whole.outcome is CallOutcome.USED
    assert session.client.spent.calls == 2, "the first may have been billed"


def test_a_slow_stream_is_not_given_up_while_it_lives(
    server: ChatServer, tmp_path: Path
) -> None:
    server.answer, server.piece_s = lambda *_: "word " * 10, 0.1
    session = Session(server, tmp_path, patience=Patience(timeout_s=0.6, attempts=1))
    (asked,) = session.ask(["q"])
    session.close()
    assert asked.reply is not None, asked.problem
    assert len(server.requests) == 1


def test_a_schema_is_asked_for_and_part_of_the_question(
    session: Session, server: ChatServer
) -> None:
    schema = '{"type": "object", "properties": {}, "additionalProperties": false}'
    plain, shaped = question(server, "q"), question(server, "q", answer_schema=schema)
    assert plain.key != shaped.key
    session.client.ask([plain, shaped], budget=Budget())
    formats = [r.get("response_format") for r in server.requests]
    assert sorted(f["type"] for f in formats if f) == ["json_schema"]


def test_features_are_given_up_once_for_all(
    session: Session, server: ChatServer
) -> None:
    server.lacks = ["system", "temperature", "stream"]
    answers = session.ask([f"q{n}" for n in range(12)])
    assert all(a.reply is not None for a in answers), {a.problem for a in answers}
    assert set(server.billed.values()) == {1}
    refused = len(server.requests) - 12
    assert refused <= 3 * FAST.parallel
    session.ask(["later"])
    assert len(server.requests) == 12 + refused + 1
    assert session.client.spent.calls == 13, "a refusal is not paid"


def test_clients_of_one_server_wait_for_each_other(
    server: ChatServer, tmp_path: Path
) -> None:
    host = FAST.host()
    first = Session(server, tmp_path, host=host)
    second = Session(server, tmp_path, host=host, payer="other")
    host.is_busy(0.5)
    began = time.monotonic()
    second.ask(["q"])
    assert time.monotonic() - began >= 0.45
    first.ask(["q"])
    assert len(server.requests) == 1
    first.close()
    second.close()
