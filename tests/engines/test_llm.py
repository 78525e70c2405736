"""A model over the wire as an engine of the real loop."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.client import Patience
from codegrad.engines.engine import Attempt, Direction
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.prompts import (
    PromptTooLongError,
    proposal_prompt,
    target_of,
)
from codegrad.errors import EngineError
from codegrad.events import Event
from codegrad.optim.strategy import CODEGRAD
from codegrad.refine import Outcome, Result, refine
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from tests.engines.chat_server import ChatServer, Fault, in_turn

START = '''def middle(values):
    """Return the middle one of the sorted values.

    >>> middle([3, 1, 2])
    2
    >>> middle([9, 4, 7, 1, 5])
    5
    """
    return values[0]
'''
RIGHT = (
    "```python\ndef middle(values):\n    return sorted(values)[len(values) // 2]\n```"
)
WRONG = "```python\ndef middle(values):\n    return max(values)\n```"
BETTER = "```python\ndef middle(values):\n    return values[2]\n```"
ONE = Style(width=1, plans=0)
ALONE = replace(CODEGRAD, searches=False, restarts=False)
"""The model alone: what it does not find nobody repairs."""

QUICK = Patience(timeout_s=2, attempts=3, pause_s=0.01)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(in_turn([RIGHT])).running() as running:
        yield running


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "middle.py", "middle")


class Runner:
    """Refines the task with a model behind the loopback server."""

    def __init__(
        self, server: ChatServer, task: Task, bench: Workbench, folder: Path
    ) -> None:
        self.server, self.task, self.bench = server, task, bench
        self.folder = folder
        self.events: list[Event] = []

    def engine(self, style: Style = ONE, **options: Any) -> LLMEngine:
        options = {"patience": QUICK, **options}
        return LLMEngine(
            "openai:loop",
            base_url=self.server.url,
            style=style,
            book=CallBook(self.folder / "calls.db"),
            **options,
        )

    def run(self, engine: LLMEngine, **options: Any) -> Result:
        return refine(
            self.task,
            engines=[engine],
            bench=self.bench,
            strategy=ALONE,
            on_event=self.events.append,
            **options,
        )

    def prompts(self) -> list[str]:
        return [str(r["messages"][-1]["content"]) for r in self.server.requests]


@pytest.fixture
def runner(server: ChatServer, task: Task, tmp_path: Path) -> Iterator[Runner]:
    with Workbench() as bench:
        yield Runner(server, task, bench, tmp_path)


def test_a_right_reply_ends_the_run_verified(runner: Runner) -> None:
    result = runner.run(runner.engine())
    assert result.outcome is Outcome.VERIFIED
    assert "sorted(values)" in result.code
    assert ">>> middle([3, 1, 2])" in result.code
    assert (result.spent.calls, len(runner.server.requests)) == (1, 1)
    assert result.spent.tokens > 0


def test_the_prompt_holds_code_gradient_and_constraints(runner: Runner) -> None:
    runner.run(runner.engine())
    (prompt,) = runner.prompts()
    assert START.rstrip() in prompt
    assert "middle([3, 1, 2])" in prompt
    assert "must return 2; it returns 3" in prompt
    assert "```python" in prompt


def test_what_was_tried_is_told_to_the_model(runner: Runner) -> None:
    runner.server.answer = in_turn([WRONG, RIGHT])
    result = runner.run(runner.engine())
    assert result.verified
    assert "# What was tried" not in runner.prompts()[0]
    assert "- reply 1: " in runner.prompts()[1]


def test_plans_come_first_and_each_proposal_follows_another(runner: Runner) -> None:
    def answer(prompt: str, _body: Mapping[str, Any]) -> str:
        if "different approaches" in prompt:
            return "1. Sort the values.\n2. Select with a heap.\n3. Count smaller ones."
        return RIGHT if "Count smaller ones." in prompt else WRONG

    runner.server.answer = answer
    result = runner.run(runner.engine(Style(width=3, plans=3)))
    assert result.verified
    assert result.spent.calls == 4
    followed = [p.partition("Follow this approach: ")[2][:6] for p in runner.prompts()]
    assert sorted(followed[1:]) == ["Count ", "Select", "Sort t"]
    accepted = [e for e in runner.events if e.kind == "proposed" and e.data["accepted"]]
    assert accepted[0].data["label"] == "reply 3: Count smaller ones."


def test_a_reply_without_code_is_asked_for_once_more(runner: Runner) -> None:
    runner.server.answer = in_turn(["I would sort the values.", RIGHT])
    result = runner.run(runner.engine())
    assert result.verified
    assert len(runner.server.requests) == 2
    assert "cannot be used: the reply holds no code" in runner.prompts()[1]
    assert len(runner.server.requests[1]["messages"]) == 4


def test_a_reply_that_changes_nothing_is_an_event(runner: Runner) -> None:
    runner.server.answer = in_turn([f"```python\n{START}```", RIGHT])
    result = runner.run(runner.engine())
    assert result.verified
    reasons = [e.data["reason"] for e in runner.events if e.kind == "proposed"]
    assert reasons == ["changes nothing", ""]


def test_a_model_that_repeats_itself_is_given_up(runner: Runner) -> None:
    runner.server.answer = in_turn([WRONG])
    result = runner.run(runner.engine())
    assert result.outcome is Outcome.EXHAUSTED
    assert len(runner.server.requests) == 1 + ONE.patience


def test_a_budget_ends_the_run_with_the_best_so_far(runner: Runner) -> None:
    runner.server.answer = in_turn([BETTER, WRONG])
    result = runner.run(runner.engine(), budget=Budget(calls=2))
    assert result.outcome is Outcome.EXHAUSTED
    assert "the budget is spent" in result.reason
    assert len(runner.server.requests) == 2
    assert result.code.rstrip().endswith("values[2]")


def test_a_budget_of_nothing_sends_nothing(runner: Runner) -> None:
    result = runner.run(runner.engine(), budget=Budget(calls=0))
    assert (result.outcome, runner.server.requests) == (Outcome.EXHAUSTED, [])
    assert "the budget is spent (0 calls)" in result.reason


def test_a_refused_key_is_an_error_before_anything_was_reached(
    runner: Runner,
) -> None:
    runner.server.key = "sk-other"
    with pytest.raises(EngineError, match="refused the key for openai:loop"):
        runner.run(runner.engine())


def test_a_server_that_fails_later_leaves_the_best_so_far(runner: Runner) -> None:
    runner.server.answer = in_turn([BETTER])
    runner.server.faults = lambda number, _: (
        Fault("status", 500) if number > 1 else None
    )
    result = runner.run(runner.engine())
    assert result.outcome is Outcome.EXHAUSTED
    assert "failed (HTTP 500" in result.reason
    assert "values[2]" in result.code


def stopping_after(count: int, kind: str) -> "Callable[[Event], None]":
    seen = 0

    def listen(event: Event) -> None:
        nonlocal seen
        seen += event.kind == kind
        if seen == count:
            raise SystemExit

    return listen


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_run_that_was_stopped_pays_nothing_twice(runner: Runner, moment: int) -> None:
    script = {"reply 1": WRONG, "max": BETTER, "last": RIGHT}

    def answer(prompt: str, _body: Mapping[str, Any]) -> str:
        if "values[2]" in prompt.partition("as it is")[2].partition("# What")[0]:
            return script["last"]
        return script["max"] if "# What was tried" in prompt else script["reply 1"]

    runner.server.answer = answer
    whole = runner.run(runner.engine(payer="whole", cache=CacheMode.OFF))
    sent = len(runner.server.requests)
    assert whole.verified

    events: list[Event] = []
    stop = stopping_after(moment, "proposed")

    def listen(event: Event) -> None:
        events.append(event)
        stop(event)

    engine = runner.engine(payer="cut", cache=CacheMode.OFF)
    with pytest.raises(SystemExit):
        refine(
            runner.task,
            engines=[engine],
            bench=runner.bench,
            strategy=ALONE,
            on_event=listen,
        )
    state = [e.data["state"] for e in events if e.kind == "checkpoint"][-1]
    state = json.loads(json.dumps(state))
    second = runner.engine(payer="cut", cache=CacheMode.OFF)
    with Workbench() as bench:
        result = refine(
            runner.task,
            engines=[second],
            bench=bench,
            strategy=ALONE,
            checkpoint=state,
        )
    assert len(runner.server.requests) == 2 * sent
    assert (result.code, result.spent.calls) == (whole.code, whole.spent.calls)
    assert result.spent.tokens == whole.spent.tokens


def test_old_attempts_are_left_out_before_any_code(task: Task) -> None:
    program = Program.from_task(task)
    attempts = tuple(
        Attempt(f"reply {n}", 0, accepted=False, outcome="breaks example 1 " * 5)
        for n in range(40)
    )
    direction = Direction({}, attempts)
    target = target_of(task, program, direction)
    short = proposal_prompt(task, program, target, direction, size=700)
    text = short.messages[-1].text
    assert START.rstrip() in text
    assert "older attempts left out" in text
    assert "reply 39" in text
    assert "reply 0:" not in text
    assert short.left_out
    with pytest.raises(PromptTooLongError, match="the code is never shortened"):
        proposal_prompt(task, program, target, direction, size=100)


def test_a_stub_is_generated(runner: Runner) -> None:
    stub = START.replace("    return values[0]\n", "    ...\n")
    task = task_from_text(stub, "middle.py", "middle")
    engine = runner.engine(Style(width=2, plans=0))
    answer = engine.generate(task, budget=Budget())
    engine.close()
    assert "sorted(values)" in answer.proposals[0].sources["middle.py"]
    assert len(answer.proposals) == 1, "two equal replies are one proposal"
    assert answer.spent.calls == 2
