"""How long is waited: what a server asks for, within reason, and never nothing."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.budget import Budget, Spent
from codegrad.engines.allowance import Allowance
from codegrad.engines.chat import Trouble, WireError
from codegrad.engines.patience import Patience, spoken
from codegrad.engines.refusals import named_wait_s, retry_after_s
from tests.engines.asking import FAST, Session, echo, question
from tests.engines.chat_server import ChatServer, Fault


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    with ChatServer(echo).running() as running:
        yield running


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "header",
    [
        *("", "0", "-5", "nan", "inf", "-inf", "1e999", "soon", "0.0"),
        # The processes of a parallel run have to collect tests of the same names.
        pytest.param(in_seconds(-3600), id="an hour ago"),
    ],
)
def test_a_wait_that_is_none_is_not_one(header: str) -> None:
    assert retry_after_s(header) is None


def test_a_date_is_a_wait() -> None:
    wait_s = retry_after_s(in_seconds(100))
    assert wait_s is not None
    assert 90 < wait_s < 101


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_any_header_is_a_wait_or_none(header: str) -> None:
    wait_s = retry_after_s(header)
    assert wait_s is None or 0 < wait_s < float("inf")


@pytest.mark.parametrize("said", ["try again in 0s", f"retry in {'9' * 400} hours"])
def test_words_for_no_wait_are_none(said: str) -> None:
    assert named_wait_s(said) is None


@given(
    st.integers(0, 20), st.none() | st.floats(0, 900), st.sampled_from(list(Trouble))
)
def test_there_is_a_pause_between_two_attempts(
    attempt: int, asked_s: float | None, trouble: Trouble
) -> None:
    patience = Patience()
    rest_s = patience.rest_s(attempt, WireError("", trouble, retry_after_s=asked_s))
    assert rest_s >= patience.pause_s / 2
    assert rest_s <= max(patience.longest_pause_s, asked_s or 0.0)
    assert rest_s >= (asked_s or 0.0)


@given(st.floats(0.001, 1e300))
def test_a_time_is_said_and_never_as_nothing(seconds: float) -> None:
    said = spoken(seconds)
    assert not said.startswith("0")
    assert len(said) < 25


@pytest.mark.parametrize("header", ["0", "-1", "nan", "0.000001"])
def test_a_server_that_asks_for_no_wait_is_not_hammered(
    server: ChatServer, tmp_path: Path, header: str
) -> None:
    server.faults = lambda *_: Fault("status", 429, {"retry-after": header})
    patience = Patience(attempts=4, pause_s=0.2)
    session = Session(server, tmp_path, patience=patience)
    (asked,) = session.ask(["q"])
    session.close()
    assert asked.reply is None
    assert "asks to slow down" in asked.problem
    assert " 0 s" not in asked.problem
    times = server.arrivals
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert len(pauses) == 3
    assert min(pauses) > 0.09


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("7200", "it asks to wait 120 minutes, which is too long for a run"),
        ("999999999999999999999", "it asks to wait more than 100 days, which is"),
        pytest.param(
            in_seconds(4 * 86_400),
            "it asks to wait 4 days, which is too long",
            id="in four days",
        ),
    ],
)
def test_a_wait_that_is_too_long_is_said_and_not_waited(
    server: ChatServer, tmp_path: Path, header: str, words: str
) -> None:
    server.faults = lambda *_: Fault("status", 503, {"retry-after": header})
    session = Session(server, tmp_path, patience=FAST)
    (asked,) = session.ask(["q"])
    session.close()
    assert words in asked.problem
    assert "go on later with `codegrad resume`" in asked.problem
    assert asked.is_final
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_wait_is_said_while_it_lasts(
    server: ChatServer, tmp_path: Path, status: int
) -> None:
    server.faults = lambda number, _prompt: (
        Fault("status", status, {"retry-after": "1"}) if number == 1 else None
    )
    session = Session(server, tmp_path, patience=FAST)
    heard: list[str] = []
    request = question(server, "q")
    (asked,) = session.client.ask([request], budget=Budget(), waiting=heard.append)
    session.close()
    assert asked.reply is not None
    assert "the server is busy, 1 s to wait" in heard


def test_a_budget_without_time_is_not_blamed_on_the_server() -> None:
    over = Allowance(Budget(seconds=1), Spent(), time.monotonic() - 5)
    assert over.cannot_wait(0.0) == "the budget is spent (seconds)"
    short = Allowance(Budget(seconds=10), Spent(), time.monotonic())
    said = short.cannot_wait(600)
    assert said.endswith("the server asks to wait 10 minutes, 10 s are left")
    assert short.cannot_wait(5) == ""
