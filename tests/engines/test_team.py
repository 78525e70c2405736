"""The models of one run: who is sent what, and who shares what."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.capacity import Capacity
from codegrad.engines.critic import ModelCritic
from codegrad.engines.engine import Direction, Guidance
from codegrad.engines.llm import LLMEngine
from codegrad.engines.team import Roles, Team
from codegrad.errors import EngineError, UsageError
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from tests.engines.chat_server import ChatServer

TEXT = '''def middle(values):
    """Return the middle one.

    >>> middle([3, 1, 2])
    2
    """
    return values[0]
'''


@pytest.fixture
def task() -> Task:
    return task_from_text(TEXT, "middle.py", "middle")


@pytest.fixture
def bench() -> Iterator[Workbench]:
    with Workbench() as bench:
        yield bench


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC", "GOOGLE"):
        monkeypatch.setenv(f"{name}_API_KEY", f"sk-{name.lower()}")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def team_of(folder: Path, roles: Roles, **options: Any) -> Team:
    return Team(roles, calls=folder / "calls.db", payer="run", **options)


def model_of(team: Team, bench: Workbench, seed: int = 0) -> LLMEngine:
    _, engine = team.engines(bench, seed)
    assert isinstance(engine, LLMEngine)
    return engine


def critic_of(team: Team, bench: Workbench) -> ModelCritic:
    critic = team.critic(bench)
    assert isinstance(critic, ModelCritic)
    return critic


def test_the_key_of_another_provider_goes_to_that_provider(
    tmp_path: Path, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://someone.example/v1")
    url = "http://127.0.0.1:8000/v1"
    roles = Roles("openai:qwen", "anthropic:claude-haiku-4-5", base_url=url)
    team = team_of(tmp_path, roles)
    assert model_of(team, bench).client.wire.endpoint == url
    assert critic_of(team, bench).client.wire.endpoint == "default anthropic"
    google = team_of(tmp_path, Roles("google:gemini-2.5-flash", base_url=url))
    assert model_of(google, bench).client.wire.endpoint == "default google"


def test_engine_and_critic_of_one_server_share_what_it_bears(
    tmp_path: Path, bench: Workbench
) -> None:
    with ChatServer(lambda *_: "x").running() as server:
        roles = Roles(
            "openai:a", "openai:b", base_url=server.url, capacity=Capacity(parallel=3)
        )
        team = team_of(tmp_path, roles)
        engine, critic = model_of(team, bench), critic_of(team, bench)
        assert engine.client.host is critic.client.host
        assert engine.client.host.parallel == 3
        assert (engine.client.payer, critic.client.payer) == ("run", "run-critic")


def test_what_is_said_of_the_models_reaches_the_server(
    task: Task, tmp_path: Path, bench: Workbench
) -> None:
    with ChatServer(lambda *_: "no code").running() as server:
        said = Capacity(max_tokens=700, temperature=0.1, context_tokens=3000)
        roles = Roles("openai:a", "openai:b", base_url=server.url, capacity=said)
        team = team_of(tmp_path, roles)
        program, direction = Program.from_task(task), Direction({})
        engine, critic = model_of(team, bench), critic_of(team, bench)
        engine.propose(task, program, direction, budget=Budget(calls=1))
        critic.review(task, program, direction, budget=Budget(calls=1))
        for one in (engine, critic):
            one.close()
        asked = [(r["model"], r["max_tokens"]) for r in server.requests]
        assert set(asked) == {("a", 700), ("b", 700)}
        assert server.requests[0]["temperature"] == 0.1


def test_a_run_with_another_seed_asks_for_other_replies(
    task: Task, tmp_path: Path, bench: Workbench
) -> None:
    with ChatServer(lambda *_: "no code").running() as server:
        roles = Roles("openai:a", base_url=server.url)
        sent: list[int] = []
        for seed in (0, 1, 1):
            before = len(server.requests)
            engine = model_of(team_of(tmp_path, roles), bench, seed)
            engine.propose(
                task, Program.from_task(task), Direction({}), budget=Budget()
            )
            engine.close()
            sent.append(len(server.requests) - before)
        assert sent[0] == sent[1] > 0
        assert sent[2] == 0, "the same seed uses what is recorded"


def test_the_estimate_names_everybody(task: Task, tmp_path: Path) -> None:
    roles = Roles("openai:gpt-5-mini", "openai:gpt-5", "openai:gpt-5-mini")
    said = team_of(tmp_path, roles).expectation(task, Budget(calls=60))
    assert "a step asks openai:gpt-5-mini 4 times" in said
    assert "a step asks openai:gpt-5 once" in said
    assert "openai:gpt-5-mini is asked 3 times before" in said
    alone = team_of(tmp_path, Roles(critic="openai:gpt-5"))
    assert "a step asks openai:gpt-5 once" in alone.expectation(task, Budget(calls=9))
    single = Guidance(proposals=1, plans=False)
    baseline = team_of(tmp_path, roles).expectation(task, Budget(calls=9), single)
    assert "a step asks openai:gpt-5-mini once" in baseline


def test_there_is_no_estimate_where_nothing_can_be_paid(
    task: Task, tmp_path: Path
) -> None:
    assert team_of(tmp_path, Roles()).expectation(task, Budget()) == ""
    replayed = team_of(tmp_path, Roles("openai:m"), cache=CacheMode.REPLAY)
    assert replayed.expectation(task, Budget(money=1)) == ""


def test_the_bill_says_what_was_paid_or_why_it_cannot(tmp_path: Path) -> None:
    paid = Spent(calls=3, tokens=1200, money=0.5)

    def bill(engine: str, critic: str | None = None) -> str:
        return team_of(tmp_path, Roles(engine, critic)).bill(paid)

    start = "paid: 3 calls, 1,200 tokens in and out; "
    assert bill("openai:gpt-5-mini") == f"{start}$0.5000"
    assert bill("openai:no-such-model-x") == f"{start}price unknown"
    both = bill("openai:gpt-5-mini", "openai:no-such-model-x")
    assert both == f"{start}$0.5000 and what is of unknown price"
    assert team_of(tmp_path, Roles("openai:gpt-5-mini")).bill(Spent(seconds=3)) == ""


def test_money_needs_a_price_of_everybody(task: Task, tmp_path: Path) -> None:
    team = team_of(tmp_path, Roles("openai:gpt-5-mini", "openai:no-such-model-x"))
    with pytest.raises(UsageError, match="the price of openai:no-such-model-x is unk"):
        team.expectation(task, Budget(money=1))


def test_a_missing_key_is_said_when_the_team_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    roles = Roles("openai:m", "anthropic:m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(EngineError, match="no key for anthropic"):
        team_of(tmp_path, roles)
    assert not CallBook(tmp_path / "calls.db").calls()


def test_roles_are_stored_and_read_back() -> None:
    roles = Roles("openai:a", None, "openai:b", "u", Capacity(max_tokens=9))
    assert Roles.from_data(roles.to_data()) == roles
    assert Roles.from_data({"engine": "openai:a"}) == Roles("openai:a")
    assert roles.models == ["openai:a", "openai:b"]
