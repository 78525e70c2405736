"""Runs that end too early or are killed, and what a later process does and pays."""

# ruff: noqa: ARG002 - scripted parts do as they are told

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.critic import ModelCritic, Review
from codegrad.engines.cut import Cut
from codegrad.engines.engine import (
    Answer,
    Direction,
    Guidance,
    Progress,
    Proposal,
    silent,
)
from codegrad.engines.language import ModelSource, Suggested
from codegrad.engines.llm import LLMEngine
from codegrad.engines.patience import Patience
from codegrad.events import Event
from codegrad.optim.cgd import BARREN
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.result import Result
from codegrad.store.calls import CallBook
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from tests.engines.chat_server import ChatServer, Fault, in_turn

TEXT = '''\
def largest(items):
    """Return the largest item.

    >>> largest([3, 9, 2])
    918273
    >>> largest([5, 1, 7, 8])
    -552
    >>> largest([4])
    10079
    """
    return 77
'''
TASK = task_from_text(TEXT, "m.py", "largest")
STRATEGY = replace(strategy_of("no-search"), restarts=False)


class KilledError(Exception):
    """Ends a process at a checkpoint."""


class Engine:
    """Answers in turn, the last answer for ever; a new text for each of its names."""

    name = "engine"

    def __init__(self, answers: Sequence[Answer], texts: Sequence[int] = ()) -> None:
        self._answers = answers
        self._texts = texts
        self._next = 0
        self.asked = 0

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Answer:
        self.asked += 1
        self._next += 1
        answer = self._answers[min(self._next, len(self._answers)) - 1]
        texts = self._texts or [100 + self._next]
        proposals = [
            Proposal({task.main: TEXT.replace("77", str(n))}, f"p{n}") for n in texts
        ]
        return replace(answer, proposals=() if answer.exhausted else proposals)

    def state(self) -> dict[str, Any]:
        return {"next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._next = state["next"]

    def close(self) -> None:
        pass


class Critic:
    """Fails as it is told, and says that it is over."""

    name = "critic"

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self.asked = 0

    def review(self, *_: object, budget: Budget, progress: Progress = silent) -> Review:
        self.asked += 1
        return Review(note="no", problem="no", is_over=True, cut=self._cut)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


class Source(Critic):
    """Has nothing to suggest."""

    name = "source"

    def suggest(
        self, task: Task, *, budget: Budget, progress: Progress = silent
    ) -> Suggested:
        self.asked += 1
        return Suggested(note="no", problem="no", cut=self._cut)


class Rerun:
    """A run in one process or in several."""

    def __init__(self, *, budget: Budget | None = None) -> None:
        self.budget = budget or Budget(calls=4)
        self.state: Mapping[str, Any] | None = None
        self.events: list[Event] = []

    def go(self, engines: Sequence[Engine], kill: int = 0, **parts: Any) -> Result:
        kept = 0

        def listen(event: Event) -> None:
            nonlocal kept
            self.events.append(event)
            if event.kind == "checkpoint":
                self.state = json.loads(json.dumps(event.data["state"]))
                kept += 1
                if kept == kill:
                    raise KilledError

        return refine(
            TASK,
            engines=engines,
            strategy=STRATEGY,
            budget=self.budget,
            checkpoint=self.state,
            on_event=listen,
            **parts,
        )


GOES_ON = Answer()
ENDS = Answer(exhausted=True)
TOO_DEAR = Answer(exhausted=True, cut=Cut.LIMIT, note="the budget is spent (tokens)")
GONE = Answer(exhausted=True, cut=Cut.OUTAGE, note="gone")


@pytest.mark.parametrize(
    ("cut", "budget", "again"),
    [
        (TOO_DEAR, Budget(calls=4), 0),
        (TOO_DEAR, Budget(calls=4, candidates=9), 0),
        (TOO_DEAR, Budget(calls=9), 1),
        (GONE, Budget(calls=4), 1),
    ],
)
def test_a_run_that_was_cut_short_is_taken_up_only_if_it_may_go_on(
    cut: Answer, budget: Budget, again: int
) -> None:
    run = Rerun()
    ended = run.go([Engine([GOES_ON, replace(cut, spent=Spent(calls=2))])])
    assert ended.cut is cut.cut
    run.budget = budget
    engine = Engine([GOES_ON, replace(ENDS, spent=Spent(calls=1))])
    resumed = run.go([engine])
    assert engine.asked == again
    assert resumed.spent.calls == ended.spent.calls + again
    assert resumed.steps == ended.steps
    assert (resumed.reason == ended.reason) is not bool(again)


@pytest.mark.parametrize("kill", [2, 3, 4])
@pytest.mark.parametrize(("budget", "again"), [(4, 0), (9, 1)])
def test_whom_a_limit_ended_is_asked_again_only_by_a_run_that_may_spend_more(
    kill: int, budget: int, again: int
) -> None:
    run = Rerun()
    others = [GOES_ON, GOES_ON, GOES_ON, GOES_ON, ENDS]
    with pytest.raises(KilledError):
        run.go([Engine([TOO_DEAR]), Engine(others)], kill=kill)
    run.budget = Budget(calls=budget)
    engine = Engine([ENDS])
    run.go([engine, Engine(others)])
    assert engine.asked == again


@pytest.mark.parametrize("cut", list(Cut))
def test_a_killed_run_does_not_ask_who_was_given_up_and_says_nothing_twice(
    cut: Cut,
) -> None:
    run = Rerun()
    others = [GOES_ON, GOES_ON, GOES_ON, ENDS]
    with pytest.raises(KilledError):
        run.go([Engine(others)], kill=3, critic=Critic(cut), source=Source(cut))
    critic, source = Critic(cut), Source(cut)
    run.go([Engine(others)], critic=critic, source=source)
    assert (critic.asked, source.asked) == (0, 0)
    missing = [e.data["who"] for e in run.events if e.kind == "missing"]
    assert len(missing) == len(set(missing))


def test_a_run_that_ended_asks_after_an_outage_who_was_given_up_in_it() -> None:
    run = Rerun()
    critic, source = Critic(Cut.OUTAGE), Source(Cut.OUTAGE)
    run.go([Engine([GOES_ON, GONE])], critic=critic, source=source)
    critic, source = Critic(Cut.NOTHING), Source(Cut.NOTHING)
    run.go([Engine([GOES_ON, ENDS])], critic=critic, source=source)
    assert (critic.asked, source.asked) == (1, 1)


@pytest.mark.parametrize("kill", [3, 4, 5])
def test_what_could_not_be_read_is_counted_over_a_restart(
    kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def go(run: Rerun, kill: int = 0) -> Result:
        book = CallBook(tmp_path / f"{id(run)}.db")
        where: dict[str, Any] = {"base_url": server.url, "book": book}
        return run.go(
            [Engine([*[GOES_ON] * 6, ENDS])],
            kill,
            critic=ModelCritic("openai:critic", payer="critic", **where),
            source=ModelSource("openai:reader", payer="source", **where),
        )

    with ChatServer(in_turn(["no JSON"])).running() as server:
        undisturbed = go(Rerun(budget=Budget(calls=30)))
        asked = len(server.requests)
        run = Rerun(budget=Budget(calls=30))
        with pytest.raises(KilledError):
            go(run, kill)
        resumed = go(run)
        assert len(server.requests) == 2 * asked
    assert resumed.spent.calls == undisturbed.spent.calls
    assert resumed.missing == undisturbed.missing


def test_known_answers_beside_one_that_never_comes_are_nothing_new() -> None:
    engine = Engine([*[Answer(cut=Cut.OUTAGE)] * 9, ENDS], texts=[1, 2])
    result = Rerun().go([engine])
    assert engine.asked == 1 + BARREN
    assert f"nothing new in {BARREN} answers" in result.reason


def test_answers_without_code_beside_some_that_never_come_are_not_paid_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def answer(prompt: str, _body: Mapping[str, Any]) -> str:
        return "1. One.\n2. Two.\n3. Three." if "different appr" in prompt else "No."

    def fault(_number: int, prompt: str) -> Fault | None:
        return Fault("status", 500) if "Two." in prompt or "Three." in prompt else None

    with ChatServer(answer, fault).running() as server:
        engine = LLMEngine(
            "openai:coder",
            base_url=server.url,
            book=CallBook(tmp_path / "calls.db"),
            patience=Patience(attempts=2, pause_s=0.01, failures=9),
        )
        strategy = replace(STRATEGY, guidance=Guidance(attempts=False))
        budget = Budget(calls=40)
        result = refine(TASK, engines=[engine], strategy=strategy, budget=budget)
    assert result.spent.calls < 10
