"""A job of an experiment has the same models as a run of `codegrad refine`."""

from pathlib import Path

import pytest

from codegrad.bench.solve import POOL, Answer, Job, Means, Settings, Unsolved, solve
from codegrad.budget import Budget
from codegrad.cli.models import Models
from codegrad.engines.capacity import Capacity
from codegrad.engines.patience import Patience
from codegrad.store.calls import CallBook
from codegrad.store.task_json import task_to_json
from codegrad.tasks.python_file import task_from_text
from tests.engines.chat_server import ChatServer, Fault

TEXT = '''def middle(values):
    """Return the middle one.

    >>> middle([3, 1, 2])
    2
    """
    raise NotImplementedError
'''
SAID = Capacity(max_tokens=700, context_tokens=5000, parallel=1)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def test_the_roles_are_those_of_a_run() -> None:
    url = "http://127.0.0.1:9/v1"
    settings = Settings("openai:a", Budget(), "openai:b", base_url=url, capacity=SAID)
    models = Models.chosen("openai:a", "openai:b", url, "on", capacity=SAID)
    assert settings.roles == models.roles
    assert Settings(POOL, Budget(), "openai:b").roles.models == ["openai:b"]


def test_settings_that_were_not_said_leave_no_trace() -> None:
    """Answers of experiments that were begun before keep their keys."""
    plain = Settings("openai:a", Budget())
    assert "capacity" not in plain.to_data()
    said = Settings("openai:a", Budget(), capacity=SAID)
    for settings in (plain, said):
        assert Settings.from_data(settings.to_data()) == settings


def test_a_job_asks_as_it_was_said(tmp_path: Path) -> None:
    task = task_from_text(TEXT, "middle.py", "middle")
    with ChatServer(lambda *_: "no code").running() as server:
        settings = Settings(
            "openai:a",
            Budget(candidates=20, calls=3),
            "openai:b",
            base_url=server.url,
            capacity=SAID,
        )
        calls = tmp_path / "calls.db"
        job = Job(
            *("t", task_to_json(task), "no-search", 0, 0, settings),
            means=Means(calls=calls),
        )
        answer = solve(job)
        assert isinstance(answer, Answer)
        assert answer.spent["calls"] == len(server.requests) == 3
        assert {r["model"] for r in server.requests} == {"a", "b"}
        assert server.most_at_once == 1, "engine and critic share what it bears"
        # Only what was cut off is asked for at twice the length.
        assert {r["max_tokens"] for r in server.requests} == {700}
    with CallBook(calls) as book:
        payers = {call.payer for call in book.calls()}
    assert payers == {f"bench-{job.key.hex()}", f"bench-{job.key.hex()}-critic"}


def test_a_job_that_an_outage_cut_short_has_no_answer_until_it_is_done_again(
    tmp_path: Path,
) -> None:
    task = task_from_text(TEXT, "middle.py", "middle")
    with ChatServer(lambda *_: "no code").running() as server:
        server.faults = lambda n, _: Fault("status", 402) if n > 2 else None
        settings = Settings(
            "openai:a", Budget(candidates=20, calls=6), base_url=server.url
        )
        means = Means(calls=tmp_path / "calls.db")
        job = Job("t", task_to_json(task), "no-search", 0, 0, settings, means=means)
        undone = solve(job)
        assert isinstance(undone, Unsolved)
        assert "no credit left for openai:a" in undone.reason
        server.faults = lambda *_: None
        answer = solve(job)
        assert isinstance(answer, Answer)
        assert answer.spent["calls"] == sum(server.billed.values()) == 6
        assert answer.unpriced


def test_a_choice_among_the_samples_that_came_before_an_outage_is_no_answer(
    tmp_path: Path,
) -> None:
    task = task_from_text(TEXT, "middle.py", "middle")
    right = TEXT.replace("raise NotImplementedError", "return sorted(values)[1]")
    with ChatServer(lambda *_: f"```python\n{right}```").running() as server:
        server.faults = lambda n, _: Fault("status", 402) if n > 1 else None
        settings = Settings(
            "openai:a", Budget(calls=20), base_url=server.url, capacity=SAID
        )
        means = Means(calls=tmp_path / "calls.db")
        job = Job("t", task_to_json(task), "best-of-n", 0, 0, settings, means=means)
        assert isinstance(solve(job), Unsolved)
        server.faults = lambda *_: None
        answer = solve(job)
        assert isinstance(answer, Answer)
        assert answer.verified


def test_one_task_that_never_gets_a_reply_is_done_again_once_and_then_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = Patience(attempts=2, pause_s=0.01)
    monkeypatch.setattr(Capacity, "patience", lambda _self, _name: hasty)
    hard = TEXT.replace("middle one", "hardest one")

    def fault(_number: int, prompt: str) -> Fault | None:
        return Fault("status", 500) if "hardest" in prompt else None

    with ChatServer(lambda *_: "no code", fault).running() as server:
        settings = Settings("openai:a", Budget(calls=9), base_url=server.url)
        means = Means(calls=tmp_path / "calls.db")
        first, other = (
            Job("t", task_to_json(task), "zero-shot", 0, 0, settings, means=means)
            for task in (
                task_from_text(text, "middle.py", "middle") for text in (hard, TEXT)
            )
        )
        assert isinstance(solve(first), Unsolved), "it may be an outage"
        assert isinstance(solve(first), Unsolved), "nobody was answered since"
        assert isinstance(solve(other), Answer)
        answer = solve(first)
    assert isinstance(answer, Answer)
    assert not answer.verified
