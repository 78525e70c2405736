"""A model over the wire as an engine of the real loop."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.engine import Attempt, Direction
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.patience import Patience
from codegrad.engines.prompts import (
    PromptTooLongError,
    proposal_prompt,
    target_of,
)
from codegrad.errors import EngineError
from codegrad.events import Event
from codegrad.optim.strategy import CODEGRAD
from codegrad.refine import refine
from codegrad.result import Outcome, Result
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.tasks.reader import read_task
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
ALONE = replace(CODEGRAD, searches=False, restarts=False, consults=False)
"""The model alone: nobody repairs what it does not find, or doubts what it does."""

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
    change = "(`return values[0]` -> `return max(values)`)"
    assert f"- reply 1 {change}: " in runner.prompts()[1]


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


PLANS = "1. Sort the values.\n2. Select with a heap.\n3. Count smaller ones."
OTHERS = "1. Partition them.\n2. Use two heaps.\n3. Use the statistics module."


def is_plan_request(prompt: str) -> bool:
    return "different approaches" in prompt


def planning(runner: Runner, *plans: str, code: str = WRONG) -> None:
    """Let the server name the plans in turn, and write the same code for all."""
    named, written = in_turn(plans), in_turn([code])
    runner.server.answer = lambda prompt, body: (
        named(prompt, body) if is_plan_request(prompt) else written(prompt, body)
    )


def test_what_is_thought_aloud_is_no_plan(runner: Runner) -> None:
    planning(runner, f"1. The user wants\n2. Hmm {{x}}\n</think>\n\n{PLANS}")
    engine = runner.engine(Style(width=1, plans=3))
    engine.generate(runner.task, budget=Budget())
    engine.close()
    assert "Follow this approach: Sort the values." in runner.prompts()[1]


def test_a_plan_request_that_failed_is_made_again(runner: Runner) -> None:
    planning(runner, PLANS)
    runner.server.faults = lambda number, prompt: (
        Fault("status", 500) if is_plan_request(prompt) and number <= 3 else None
    )
    engine = runner.engine(Style(width=1, plans=3))
    first = engine.generate(runner.task, budget=Budget())
    engine.generate(runner.task, budget=Budget())
    engine.close()
    assert "no approaches: " in first.note
    followed = ["Follow this approach" in p for p in runner.prompts()]
    assert followed == [False, False, False, False, False, True]


def test_approaches_that_brought_no_step_are_named_and_replaced(
    runner: Runner,
) -> None:
    named = in_turn([PLANS, OTHERS])

    def answer(prompt: str, body: Mapping[str, Any]) -> str:
        if is_plan_request(prompt):
            return named(prompt, body)
        plan = prompt.partition("Follow this approach: ")[2]
        return WRONG.replace("max(values)", f"{sum(plan[:9].encode())}")

    runner.server.answer = answer
    result = runner.run(runner.engine(Style(width=3, plans=3)), budget=Budget(calls=11))
    assert not result.verified
    asked = [p for p in runner.prompts() if is_plan_request(p)]
    assert len(asked) == 2
    tried = asked[1].partition("# What was tried\n")[2].split("\n\n")[0]
    assert tried.splitlines() == [
        "- Sort the values.: does not lower the loss",
        "- Select with a heap.: does not lower the loss",
        "- Count smaller ones.: does not lower the loss",
    ]
    assert "also from all that was tried" in asked[1]
    last = [p.partition("Follow this approach: ")[2] for p in runner.prompts()[-3:]]
    assert sorted(text.split(".")[0] for text in last) == [
        "Partition them",
        "Use the statistics module",
        "Use two heaps",
    ]


def test_an_accepted_step_brings_its_own_approaches(runner: Runner) -> None:
    planning(runner, PLANS, OTHERS, code=BETTER)
    runner.run(runner.engine(Style(width=1, plans=3)), budget=Budget(calls=4))
    asked = [p for p in runner.prompts() if is_plan_request(p)]
    assert len(asked) == 2
    assert "also from all that was tried" not in asked[1]


def test_labels_do_not_begin_again_in_every_round(runner: Runner) -> None:
    runner.server.answer = in_turn([WRONG, BETTER, WRONG])
    runner.run(runner.engine(Style(width=2, plans=0)), budget=Budget(calls=4))
    labels = [e.data["label"] for e in runner.events if e.kind == "proposed"]
    assert len(set(labels)) == len(labels)
    assert labels[0] == "reply 1"


def test_a_budget_in_seconds_holds_for_all_questions_of_a_round(
    runner: Runner,
) -> None:
    runner.server.delay_s = 0.6
    engine = runner.engine(Style(width=3, plans=3))
    answer = engine.propose(
        runner.task,
        Program.from_task(runner.task),
        Direction({}),
        budget=Budget(seconds=0.4),
    )
    engine.close()
    assert len(runner.server.requests) == 1
    assert answer.exhausted
    assert "the budget is spent (seconds)" in answer.note


def test_a_second_question_repeats_only_the_end_of_the_answer(runner: Runner) -> None:
    thoughts = f"<think>{'hmm ' * 3000}</think>"
    prose = "I would sort. " * 400 + "That is all."
    runner.server.answer = in_turn([thoughts + prose, RIGHT])
    assert runner.run(runner.engine()).verified
    first, second = (r["messages"] for r in runner.server.requests)
    assert second[:2] == first
    said = second[2]["content"]
    assert said.startswith("...")
    assert said.endswith("That is all.")
    assert "hmm" not in said
    assert len(said) < 2000


def test_a_second_question_that_does_not_fit_is_not_asked(runner: Runner) -> None:
    runner.server.answer = in_turn(["hm " * 500])
    engine = runner.engine()
    engine.generate(runner.task, budget=Budget())
    engine.close()
    size = sum(
        len(m["content"]) // 3 + 8 for m in runner.server.requests[0]["messages"]
    )
    runner.server.requests.clear()
    small = Style(width=1, plans=0, context_tokens=size + 1000, max_tokens=1000)
    engine = runner.engine(small, cache=CacheMode.OFF, payer="other")
    answer = engine.generate(runner.task, budget=Budget())
    engine.close()
    assert len(runner.server.requests) == 1
    assert "no room to ask again" in answer.note


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


def test_what_was_paid_in_a_step_that_is_cut_short_is_in_the_ledger(
    runner: Runner,
) -> None:
    def stop(event: Event) -> None:
        if event.kind == "proposed":
            raise KeyboardInterrupt

    runner.server.answer = in_turn([WRONG])
    result = refine(
        runner.task,
        engines=[runner.engine()],
        bench=runner.bench,
        strategy=ALONE,
        on_event=stop,
    )
    assert result.outcome is Outcome.INTERRUPTED
    assert result.spent.calls == len(runner.server.requests) == 1
    assert result.spent.tokens > 0


def test_an_answer_for_the_target_counts_where_a_decorator_is_blamed(
    server: ChatServer, bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_half.py").write_text(
        "from half import half\n\ndef test_half():\n    assert half(4) == 2\n"
    )
    (tmp_path / "half.py").write_text(
        "def traced(f):\n    def inner(*a): return f(*a)\n    return inner\n\n\n"
        "@traced\ndef half(x):\n    return x\n"
    )
    server.answer = in_turn(["```python\ndef half(x):\n    return x // 2\n```"])
    task = read_task(f"{tmp_path / 'half.py'}::half", tests=[str(tmp_path / "tests")])
    runner = Runner(server, task, bench, tmp_path)
    result = runner.run(runner.engine(), budget=Budget(calls=1))
    assert "complete definition of traced" in runner.prompts()[0]
    assert result.verified
    assert "@traced\ndef half(x):\n    return x // 2\n" in result.code
