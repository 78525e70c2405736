"""A program that passes waits until answers of a model are of one mind."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from codegrad.budget import Budget
from codegrad.engines.cut import Cut
from codegrad.engines.engine import Answer, Direction
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import SearchEngine
from codegrad.errors import EngineError, OutageError
from codegrad.events import Event
from codegrad.optim.cgd import ROUNDS, WAITS
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.result import Outcome, Result
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

HEAD = '''\
def largest(items):
    """Return the largest item.

    >>> largest([3, 9, 2])
    9
    """
'''
BY_PLACE = HEAD + "    return items[0]\n"
"""The nearest edit that passes, `items[1]`, is wrong."""

SMALLEST = HEAD + "    return min(items)\n"
"""The nearest edit that passes is right."""

OVERFIT = HEAD + "    return items[1]\n"
RIGHT = HEAD + "    return max(items)\n"
LATE = HEAD + "    return sorted(items)[-1]\n"
MISS = HEAD + "    return max(items) + 1\n"
CLAMPED = HEAD + "    return max([0, *items])\n"
NOTHING = HEAD + "    return 0\n"


def task_of(text: str) -> Task:
    """Return the task with the stages that decide; the others are soft."""
    task = task_from_text(text, "m.py", "largest")
    kept = tuple(c for c in task.constraints if c.stage in {"syntax", "tests"})
    return replace(task, constraints=kept)


def run(
    start: str,
    model: ScriptedEngine,
    bench: Workbench,
    strategy: str = "codegrad",
    **options: Any,
) -> Result:
    """Return the result of a run with the search first, as a user's is."""
    return refine(
        task_of(start),
        engines=[SearchEngine(bench=bench), model],
        strategy=strategy_of(strategy),
        bench=bench,
        **options,
    )


def test_answers_that_do_otherwise_come_before_an_edit(bench: Workbench) -> None:
    model = ScriptedEngine([LATE, RIGHT, NOTHING], width=3)
    result = run(BY_PLACE, model, bench)
    # Of two that do the same, the one that changes less.
    assert (result.outcome, result.code) == (Outcome.VERIFIED, RIGHT)


def test_one_answer_comes_before_an_edit_that_does_otherwise(bench: Workbench) -> None:
    assert run(BY_PLACE, ScriptedEngine([RIGHT]), bench).code == RIGHT


def test_an_edit_that_does_as_the_answers_do_changes_least(bench: Workbench) -> None:
    events: list[Event] = []
    model = ScriptedEngine([LATE, NOTHING], width=2)
    result = run(SMALLEST, model, bench, on_event=events.append)
    assert result.code == RIGHT
    assert [e.data["label"] for e in events if e.kind == "chosen"] != ["reply 1"]


def test_an_edit_that_a_model_comes_to_as_well_is_its_answer(bench: Workbench) -> None:
    events: list[Event] = []
    model = ScriptedEngine([RIGHT, NOTHING])
    result = run(SMALLEST, model, bench, on_event=events.append)
    accepted = [e.data for e in events if e.kind == "proposed" and e.data["accepted"]]
    assert [a["engine"] for a in accepted] == ["scripted"]
    assert (result.code, len(model.directions)) == (RIGHT, 1)


def test_whoever_is_asked_beside_an_edit_does_not_see_it(bench: Workbench) -> None:
    events: list[Event] = []
    model = ScriptedEngine([MISS, NOTHING, RIGHT], width=1)
    result = run(BY_PLACE, model, bench, on_event=events.append)
    assert any(e.data.get("reason") == WAITS for e in events)
    assert len(model.directions) >= 1
    for direction in model.directions:
        assert not direction.others
        assert not any("items[1]" in str(a) for a in direction.momentum)
    assert result.verified


def test_an_edit_is_the_answer_if_no_model_has_a_better_one(bench: Workbench) -> None:
    result = run(BY_PLACE, ScriptedEngine([NOTHING] * 9), bench)
    assert (result.outcome, result.code) == (Outcome.VERIFIED, OVERFIT)


def test_a_repair_of_an_answer_waits_for_another_answer(bench: Workbench) -> None:
    model = ScriptedEngine([BY_PLACE, RIGHT])
    start = task_of(HEAD + "    pass\n")
    result = refine(start, engines=[model], bench=bench)
    assert (result.code, len(model.directions)) == (RIGHT, 2)
    script = [BY_PLACE, *[f"{NOTHING}# {n}\n" for n in range(ROUNDS)], RIGHT]
    model = ScriptedEngine(script)
    result = refine(start, engines=[model], bench=bench)
    assert (result.code, len(model.directions)) == (OVERFIT, 1 + ROUNDS)


def test_the_only_answer_that_passes_comes_before_repairs(bench: Workbench) -> None:
    start = task_of(HEAD + "    pass\n")
    script = [BY_PLACE, RIGHT, *[f"{NOTHING}# {n}\n" for n in range(ROUNDS)]]
    model = ScriptedEngine(script)
    result = refine(start, engines=[model], bench=bench)
    assert (result.outcome, result.code) == (Outcome.VERIFIED, RIGHT)
    assert len(model.directions) == 1 + ROUNDS


def test_a_single_answer_that_passes_waits_for_a_second_opinion(
    bench: Workbench,
) -> None:
    start = task_of(HEAD + "    pass\n")
    model = ScriptedEngine([CLAMPED, RIGHT, LATE, NOTHING])
    result = refine(start, engines=[model], bench=bench)
    assert result.code in {RIGHT, LATE}
    assert len(model.directions) == 3
    model = ScriptedEngine([LATE, RIGHT, CLAMPED])
    result = refine(start, engines=[model], bench=bench)
    assert result.code in {RIGHT, LATE}
    assert len(model.directions) == 2


def test_an_edit_is_a_second_opinion(bench: Workbench) -> None:
    model = ScriptedEngine([LATE, CLAMPED])
    assert run(SMALLEST, model, bench).code == RIGHT
    assert len(model.directions) == 1


def test_who_ends_with_what_passes_asks_for_no_second_opinion(bench: Workbench) -> None:
    start = task_of(HEAD + "    pass\n")
    for name in ("frugal", "best-of-n", "s-star"):
        model = ScriptedEngine([CLAMPED, RIGHT, LATE])
        strategy = strategy_of(name)
        result = refine(start, engines=[model], strategy=strategy, bench=bench)
        assert (result.code, len(model.directions)) == (CLAMPED, 1)


def test_frugal_asks_nobody_where_the_search_finds_something(bench: Workbench) -> None:
    model = ScriptedEngine([RIGHT])
    assert run(BY_PLACE, model, bench, "frugal").code == OVERFIT
    assert model.directions == []


@pytest.mark.parametrize("error", [EngineError, OutageError])
def test_a_model_that_cannot_be_asked_does_not_lose_an_edit(
    error: type[EngineError], bench: Workbench
) -> None:
    class Absent(ScriptedEngine):
        def propose(self, *_: Any, **__: Any) -> Answer:
            raise error("the server refuses the key")

    events: list[Event] = []
    result = run(SMALLEST, Absent([]), bench, on_event=events.append)
    assert (result.outcome, result.code) == (Outcome.VERIFIED, RIGHT)
    assert "engine scripted: the server refuses the key" in result.reason
    missing = [e.data for e in events if e.kind == "missing"]
    assert missing == [{"who": "engine scripted", "why": "the server refuses the key"}]


def test_an_edit_that_waits_is_kept_where_the_run_ends(bench: Workbench) -> None:
    class Impatient(ScriptedEngine):
        def propose(self, *_: Any, **__: Any) -> Answer:
            raise KeyboardInterrupt

    result = run(SMALLEST, Impatient([]), bench)
    assert (result.outcome, result.code) == (Outcome.INTERRUPTED, RIGHT)


def test_a_spent_budget_keeps_no_edit_waiting(bench: Workbench) -> None:
    class Poor(ScriptedEngine):
        def propose(self, *_: Any, budget: Budget, **__: Any) -> Answer:
            assert budget.calls == 0
            return Answer(cut=Cut.LIMIT, note="no call is left")

    result = run(SMALLEST, Poor([]), bench, budget=Budget(calls=0))
    assert (result.outcome, result.code) == (Outcome.VERIFIED, RIGHT)


class StoppedError(Exception):
    """Ends a run after a checkpoint, as a kill would."""


def test_a_run_resumed_while_an_edit_waits_is_the_undisturbed_run(
    bench: Workbench,
) -> None:
    def go(stop: int, checkpoint: Mapping[str, Any] | None) -> tuple[list[Any], Any]:
        story: list[Any] = []
        state: Any = None

        def listen(event: Event) -> None:
            nonlocal state
            if event.kind == "checkpoint":
                state = json.loads(json.dumps(event.data["state"]))
                if event.step == stop:
                    raise StoppedError
            elif event.kind in {"proposed", "chosen"}:
                story.append((event.step, event.kind, json.dumps(event.data)))

        with contextlib.suppress(StoppedError):
            refine(
                task_of(HEAD + "    pass\n"),
                engines=[ScriptedEngine([BY_PLACE, *[NOTHING] * 5])],
                on_event=listen,
                checkpoint=checkpoint,
                bench=bench,
            )
        return story, state

    whole, _ = go(-1, None)
    before, state = go(1, None)
    assert state["optimizer"]["waiting"]
    after, _ = go(-1, state)
    assert before + after == whole


def test_direction_of_a_first_step_is_what_the_program_lacks(bench: Workbench) -> None:
    model = ScriptedEngine([RIGHT])
    run(BY_PLACE, model, bench)
    (direction,) = model.directions
    assert isinstance(direction, Direction)
    assert direction.gradients
