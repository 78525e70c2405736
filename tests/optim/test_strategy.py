"""Strategies: every switch does what it says, and a resumed run is the same run."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from codegrad.budget import Budget
from codegrad.engines.claims import InputClaim
from codegrad.engines.critic import ScriptedCritic
from codegrad.engines.engine import Direction
from codegrad.engines.remarks import Remark
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import SearchEngine
from codegrad.errors import UsageError
from codegrad.events import Event
from codegrad.gradient import CritiqueSource
from codegrad.optim.strategy import STRATEGIES, Critic, strategy_of
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
    >>> largest([-5, -1])
    -1
    >>> largest([4])
    4
    """
'''
WRONG = HEAD + "    return min(items)\n"
RIGHT = HEAD + "    return max(items)\n"
HALF = HEAD + "    return 9 if len(items) == 3 else min(items)\n"
OTHER_HALF = HEAD + "    return -1 if len(items) == 2 else min(items)\n"
NOTHING = HEAD + "    return 0\n"
HOPELESS = "def f(x):\n    return hash(str(x)) % 7\n"
TRUE = Remark(
    "correctness",
    11,
    "it is the smallest",
    "use max",
    InputClaim("largest([1, 2])", "2"),
)
FALSE = Remark(
    "correctness", 11, "one item", "add a guard", InputClaim("largest([4])", "5", "0")
)


def task_of(text: str = WRONG) -> Task:
    """Return the task with the stages that decide; the others are soft."""
    task = task_from_text(text, "m.py", "largest")
    kept = tuple(c for c in task.constraints if c.stage in {"syntax", "tests"})
    return replace(task, constraints=kept)


def run(  # noqa: PLR0913 - what a run depends on
    name: str,
    replies: Sequence[str],
    bench: Workbench,
    *,
    critic: Sequence[Sequence[Remark]] = (),
    width: int = 1,
    events: list[Event] | None = None,
    **options: Any,
) -> tuple[Result, list[Direction]]:
    engine = ScriptedEngine(replies, width=width)
    if strategy_of(name).critic is Critic.UNCHECKED:
        critic = critic or [()]
    result = refine(
        task_of(),
        engines=[engine],
        critic=ScriptedCritic(critic, bench=bench) if critic else None,
        strategy=strategy_of(name),
        on_event=events.append if events is not None else None,
        bench=bench,
        **options,
    )
    return result, engine.directions


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown strategy 'cot'; known: codegrad, "):
        strategy_of("cot")
    assert all(name == strategy.name for name, strategy in STRATEGIES.items())


def test_each_ablation_differs_from_the_method_in_what_it_is_named_for() -> None:
    whole = STRATEGIES["codegrad"]
    for name, switches in {
        "no-projection": {"gate", "restarts"},
        "no-critic": {"critic"},
        "unchecked-critic": {"critic", "guidance"},
        "no-counterexamples": {"guidance"},
        "no-values": {"guidance"},
        "no-search": {"searches"},
        "no-momentum": {"guidance"},
    }.items():
        other = STRATEGIES[name]
        differing = {
            field
            for field in whole.__dataclass_fields__
            if getattr(whole, field) != getattr(other, field)
        }
        assert differing == switches | {"name", "summary"}


def test_an_engine_that_lies_never_makes_the_program_worse(bench: Workbench) -> None:
    events: list[Event] = []
    script = [NOTHING, HALF, WRONG, OTHER_HALF, "def (", "", HOPELESS, HALF]
    result, _ = run("no-search", script, bench, events=events)
    values = [e.data["loss"]["hard"] for e in events if e.kind == "stepped"]
    assert result.code == HALF
    assert values == sorted(values, reverse=True)


def test_without_projection_the_last_program_counts(bench: Workbench) -> None:
    result, _ = run("no-projection", [HALF, NOTHING], bench)
    assert result.code == NOTHING


def test_best_of_n_shows_nothing_and_keeps_the_one_that_passes_most(
    bench: Workbench,
) -> None:
    result, directions = run("best-of-n", [NOTHING, HALF, OTHER_HALF], bench)
    assert result.code == HALF
    assert all(not d.gradients and not d.momentum for d in directions)


def test_zero_shot_takes_the_first_answer_whatever_it_does(bench: Workbench) -> None:
    result, directions = run("zero-shot", [NOTHING, RIGHT], bench, width=2)
    assert len(directions) == 1
    assert directions[0].guidance.proposals == 1
    assert result.code == NOTHING
    assert "zero-shot ends after 1 step" in result.reason


def test_anchors_keep_what_passed_and_ask_for_one_more(bench: Workbench) -> None:
    events: list[Event] = []
    run("alphacodium", [HALF, OTHER_HALF, NOTHING], bench, events=events)
    reasons = [e.data["reason"] for e in events if e.kind == "proposed"]
    assert reasons == ["", "breaks the anchor example 1", "breaks the anchor example 1"]


def test_what_is_switched_off_does_not_reach_the_engine(bench: Workbench) -> None:
    def first(name: str) -> Direction:
        return run(name, [NOTHING, NOTHING], bench)[1][0]

    whole = [c for g in first("no-search").gradients.values() for c in g]
    assert any(c.counterexamples for c in whole)
    assert any(c.values for c in whole)
    for name in ("no-values", "no-counterexamples"):
        # The search would repair it at once: the direction is what counts here.
        strategy = replace(strategy_of(name), searches=False)
        engine = ScriptedEngine([NOTHING])
        refine(task_of(), engines=[engine], strategy=strategy, bench=bench)
        shown = [c for g in engine.directions[0].gradients.values() for c in g]
        assert shown
        assert not any(c.values for c in shown)
        assert bool(shown[0].counterexamples) is (name == "no-values")
        assert ("returns" in shown[0].direction) is (name == "no-values")


def test_without_momentum_nothing_is_remembered(bench: Workbench) -> None:
    strategy = replace(strategy_of("no-momentum"), searches=False)
    engine = ScriptedEngine([NOTHING, HALF, RIGHT])
    refine(task_of(), engines=[engine], strategy=strategy, bench=bench)
    assert [d.momentum for d in engine.directions] == [(), (), ()]
    _, directions = run("no-search", [NOTHING, HALF, RIGHT], bench)
    assert [len(d.momentum) for d in directions] == [0, 1, 2]


def test_a_critic_is_checked_believed_or_not_asked(bench: Workbench) -> None:
    def critiques(name: str) -> int:
        strategy = replace(strategy_of(name), searches=False)
        engine = ScriptedEngine([RIGHT])
        critic = ScriptedCritic([[TRUE, FALSE]], bench=bench)
        refine(
            task_of(), engines=[engine], critic=critic, strategy=strategy, bench=bench
        )
        return sum(
            c.source is CritiqueSource.CRITIC
            for gradient in engine.directions[0].gradients.values()
            for c in gradient
        )

    assert critiques("codegrad") == 1
    assert critiques("unchecked-critic") == 2
    assert critiques("no-critic") == 0


def test_reflexion_remembers_reviews_and_self_refine_shows_no_verdict(
    bench: Workbench,
) -> None:
    script, reviews = [HALF, NOTHING, RIGHT], [[TRUE], [TRUE], [TRUE]]
    _, directions = run("reflexion", script, bench, critic=reviews)
    assert [len(d.reflections) for d in directions] == [1, 2, 3]
    _, directions = run("self-refine", script, bench, critic=reviews)
    assert all(
        c.source is CritiqueSource.CRITIC
        for d in directions
        for gradient in d.gradients.values()
        for c in gradient
    )


def test_near_misses_are_repaired_before_the_model_is_asked_again(
    bench: Workbench,
) -> None:
    events: list[Event] = []
    miss = HEAD + "    return max(items) + 1\n"
    result, directions = run("frugal", [miss, RIGHT], bench, events=events)
    assert result.verified
    assert len(directions) == 1
    labels = [e.data["label"] for e in events if e.kind == "proposed"]
    assert any(label.startswith("reply 1, repaired: ") for label in labels)
    for name in ("codegrad", "no-search"):
        result, directions = run(name, [miss, RIGHT], bench)
        assert result.verified
        assert len(directions) == 2


def test_answers_that_lacked_an_import_have_their_say(bench: Workbench) -> None:
    lacking = HEAD + "    return max(deque(items))\n"
    again = HEAD + "    return max(iter(deque(items)))\n"
    clamped = HEAD + "    return max([-1, *deque(items)])\n"
    events: list[Event] = []
    whole = clamped.replace("deque(items)", "items")
    for first in (clamped, whole):
        events.clear()
        script = [first, lacking, again]
        result, _ = run("codegrad", script, bench, width=3, events=events)
        assert result.verified
        tried = [e.data for e in events if e.kind == "proposed"]
        repaired = [t["engine"] for t in tried if "repaired: " in t["label"]]
        assert repaired == ["scripted"] * (2 + (first == clamped))
        assert "[-1, " not in result.code


def test_a_strategy_without_the_search_needs_another_engine() -> None:
    with pytest.raises(UsageError, match="does not use the built-in search"):
        refine(task_of(), engines=[SearchEngine()], strategy=strategy_of("ldb"))


@pytest.mark.parametrize("name", ["codegrad", "best-of-n", "reflexion"])
def test_a_budget_of_nothing_asks_nobody(name: str, bench: Workbench) -> None:
    result, directions = run(name, [RIGHT], bench, budget=Budget(candidates=0))
    assert (directions, result.changed) == ([], ())
    assert result.outcome is Outcome.EXHAUSTED
    assert "budget is spent" in result.reason


class Parrot(ScriptedEngine):
    """Says the same for ever and never that it has no more to say."""

    def propose(self, *args: Any, **options: Any) -> Any:
        self._next = 0
        return replace(super().propose(*args, **options), exhausted=False)


@pytest.mark.parametrize(
    "name", ["no-search", "best-of-n", "no-projection", "textgrad"]
)
def test_an_engine_that_repeats_itself_ends_the_run_with_a_reason(
    name: str, bench: Workbench
) -> None:
    strategy = replace(strategy_of(name), searches=False)
    result = refine(
        task_of(),
        engines=[Parrot([NOTHING])],
        critic=ScriptedCritic([], bench=bench),
        strategy=strategy,
        bench=bench,
    )
    assert result.outcome is Outcome.EXHAUSTED
    assert result.reason == "scripted: nothing new in 3 answers"
    assert result.steps < 10


FILLERS = [HEAD + f"    return {number}\n" for number in (70, 71, 72, 73, 74, 75)]


class StoppedError(Exception):
    """Ends a run after a checkpoint, as a kill would."""


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_resumed_run_is_the_undisturbed_run(name: str, bench: Workbench) -> None:
    script = [NOTHING, OTHER_HALF, HALF, WRONG, HALF, *FILLERS]
    reviews = [[TRUE], [FALSE], [TRUE]]
    strategy = replace(strategy_of(name), searches=False)

    def go(stop: int, checkpoint: Mapping[str, Any] | None) -> tuple[list[Any], Any]:
        stories: list[Any] = []
        state: Any = None

        def listen(event: Event) -> None:
            nonlocal state
            if event.kind == "checkpoint":
                state = json.loads(json.dumps(event.data["state"]))
                state["spent"]["seconds"] = 0
                if event.step == stop:
                    raise StoppedError
            elif event.kind in {"gradient", "proposed", "chosen"}:
                stories.append((event.step, event.kind, json.dumps(event.data)))

        with contextlib.suppress(StoppedError):
            refine(
                task_of(),
                engines=[ScriptedEngine(script)],
                critic=ScriptedCritic(reviews, bench=bench),
                strategy=strategy,
                on_event=listen,
                checkpoint=checkpoint,
                bench=bench,
            )
        return stories, state

    whole, last = go(-1, None)
    for stop in range(1, max(step for step, _, _ in whole)):
        before, state = go(stop, None)
        after, resumed = go(-1, state)
        assert before + after == whole
        assert (resumed or state) == last


def test_it_goes_on_from_another_candidate_and_returns_to_the_best(
    bench: Workbench,
) -> None:
    events: list[Event] = []
    script = [HALF, OTHER_HALF, *FILLERS]
    result, directions = run("no-search", script, bench, events=events)
    notes = [n for e in events if e.kind == "stepped" for n in e.data["notes"]]
    assert any(n.startswith("goes on from reply 2: 3 steps") for n in notes)
    assert any(d.others and d.others[0].label == "reply 2" for d in directions)
    assert result.code == HALF


def test_a_best_program_that_no_engine_wrote_is_returned_to_as_well(
    bench: Workbench,
) -> None:
    start = task_from_text(HALF, "m.py", "largest")
    nearer = HEAD + "    return max(items) if len(items) == 2 else 8\n"
    script = [OTHER_HALF, *FILLERS[:5], nearer, *FILLERS[5:]]
    events: list[Event] = []
    result = refine(
        start,
        engines=[ScriptedEngine(script)],
        strategy=strategy_of("no-search"),
        on_event=events.append,
        bench=bench,
    )
    stepped = [e for e in events if e.kind == "stepped"]
    notes = [note for e in stepped for note in e.data["notes"]]
    assert any(note.startswith("goes on from") for note in notes)
    assert any(note.startswith("returns to the best") for note in notes)
    held = {
        sum(e.data["loss"]["hard"])
        for e in stepped
        if e.data["sources"]["m.py"] == HALF
    }
    assert len(held) == 1
    assert result.code == HALF
