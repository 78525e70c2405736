"""The front door: outcomes, events, checkpoints, budgets."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from codegrad.budget import Budget
from codegrad.engines.cut import Cut
from codegrad.engines.engine import ProposedInputs
from codegrad.engines.pool import RecordedEngine
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import SearchEngine
from codegrad.errors import UsageError
from codegrad.events import Event
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.result import Outcome
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
WRONG = HEAD + "    # smallest?\n    return min(items)\n"
RIGHT = HEAD + "    return max(items)\n"
NO_SEARCH = strategy_of("no-search")
HALF = HEAD + "    return 9 if len(items) == 3 else min(items)\n"


def task_of(text: str = WRONG) -> Task:
    return task_from_text(text, "m.py", "largest")


def test_wrong_code_becomes_right_code_and_keeps_its_comments() -> None:
    result = refine(task_of())
    assert result.outcome is Outcome.VERIFIED
    assert result.code == WRONG.replace("min(items)", "max(items)")
    assert result.diff().count("\n+    ") == 1
    assert result.evidence.sentence().startswith("verified: 4 of 4")


def test_a_helper_that_is_wrong_in_type_alone_is_repaired() -> None:
    text = (
        'def half(n):\n    """\n    >>> half(4)\n    2\n    """\n    return n / 2\n\n\n'
        'def largest(xs):\n    """\n    >>> largest([5, 6, 7])\n    6\n    """\n'
        "    return xs[int(half(len(xs)))]\n"
    )
    result = refine(task_of(text))
    assert result.outcome is Outcome.VERIFIED
    assert result.code == text.replace("n / 2", "n // 2")


def test_right_code_is_left_alone() -> None:
    events: list[Event] = []
    result = refine(task_of(RIGHT), on_event=events.append)
    assert result.outcome is Outcome.UNCHANGED
    assert result.changed == ()
    assert not [e for e in events if e.kind in {"proposed", "stepped"}]


def test_the_story_is_told_in_order_and_can_be_stored() -> None:
    events: list[Event] = []
    refine(
        task_of(),
        engines=[ScriptedEngine([HALF, RIGHT])],
        strategy=NO_SEARCH,
        on_event=events.append,
    )
    kinds = [e.kind for e in events if e.kind != "progress"]
    step = ["gradient", "proposed", "stepped", "checkpoint"]
    assert kinds == ["started", "checkpoint", "verified", *step, *step, "finished"]
    for event in events:
        assert json.loads(json.dumps(event.data)) == dict(event.data)


def test_the_best_so_far_is_kept_when_the_engine_runs_dry() -> None:
    worse = HEAD + "    return 0\n"
    engine = ScriptedEngine([HALF, worse])
    result = refine(task_of(), engines=[engine], strategy=NO_SEARCH)
    assert result.outcome is Outcome.EXHAUSTED
    assert result.code == HALF
    assert result.evidence.refuted


def test_a_budget_of_candidates_is_kept_to() -> None:
    hopeless = task_of(WRONG.replace("min(items)", "items.sort() or 5 // 0"))
    engine = SearchEngine(step_candidates=300)
    result = refine(hopeless, engines=[engine], budget=Budget(candidates=600))
    if result.outcome is Outcome.EXHAUSTED:
        assert result.spent.candidates >= 600 or "nothing" in result.reason


def test_a_budget_of_nothing_changes_nothing() -> None:
    result = refine(task_of(), budget=Budget(candidates=0))
    assert result.outcome is Outcome.EXHAUSTED
    assert result.changed == ()
    assert "budget is spent" in result.reason


def test_a_task_that_says_nothing_is_not_called_verified() -> None:
    result = refine(task_from_text("def f(x):\n    return x\n", "m.py", "f"))
    assert result.outcome is Outcome.UNDECIDED
    assert not result.verified
    assert "no test, example or contract" in result.reason


def test_a_text_that_does_not_parse_is_refuted_and_not_lost() -> None:
    text = WRONG.replace("return min(items)", "return min(items")
    result = refine(task_of(text))
    assert result.outcome is Outcome.EXHAUSTED
    assert result.evidence.refuted
    assert result.code == text


def test_two_runs_of_one_seed_are_the_same_run() -> None:
    def story() -> list[tuple[str, Any]]:
        events: list[Event] = []
        refine(task_of(), on_event=events.append)
        return [
            (e.kind, e.data.get("label"))
            for e in events
            if e.kind in {"proposed", "gradient"}
        ]

    assert story() == story()


class StoppedError(Exception):
    """Ends a run between two steps, as a kill would."""


def test_a_run_goes_on_from_a_checkpoint_as_if_nothing_had_happened() -> None:
    whole = refine(task_of(), engines=[SearchEngine(step_candidates=3)])
    state: Mapping[str, Any] = {}

    def stop_at_the_second(event: Event) -> None:
        nonlocal state
        if event.kind == "checkpoint":
            state = json.loads(json.dumps(event.data["state"]))
            if event.step == 1:
                raise StoppedError

    with pytest.raises(StoppedError):
        refine(
            task_of(),
            engines=[SearchEngine(step_candidates=3)],
            on_event=stop_at_the_second,
        )
    rest = refine(
        task_of(), engines=[SearchEngine(step_candidates=3)], checkpoint=state
    )
    assert rest.steps == whole.steps == 2
    assert rest.sources == whole.sources
    assert rest.spent.candidates == whole.spent.candidates
    assert rest.outcome is whole.outcome


def test_an_interrupt_ends_the_run_with_the_best_so_far() -> None:
    def interrupt(event: Event) -> None:
        if event.kind == "stepped" and event.step == 1:
            raise KeyboardInterrupt

    result = refine(
        task_of(),
        engines=[ScriptedEngine([HALF, RIGHT])],
        strategy=NO_SEARCH,
        on_event=interrupt,
    )
    assert result.outcome is Outcome.INTERRUPTED
    assert result.code == HALF


def test_several_functions_are_repaired_one_by_one() -> None:
    text = '''
def double(x):
    """
    >>> double(3)
    6
    >>> double(0)
    0
    >>> double(-2)
    -4
    """
    return x + 2


def doubles(items):
    """
    >>> doubles([1, 2])
    [2, 4]
    >>> doubles([5])
    [10]
    >>> doubles([])
    []
    """
    return [double(x) for x in items[1:]]
'''
    with Workbench() as bench:
        result = refine(task_from_text(text, "m.py", "doubles"), bench=bench)
    assert result.verified, result.reason
    scope: dict[str, Any] = {}
    exec(result.code, scope)
    assert scope["doubles"]([7, 8, 9]) == [14, 16, 18]


def test_answers_are_told_apart_by_an_input_that_an_engine_names() -> None:
    text = 'def double(n: int) -> int:\n    """Double: double(2) == 4."""\n    pass\n'
    task = task_from_text(text, "m.py", None)
    odd, one, other = (
        text.replace("pass", f"return {body}")
        for body in ("2 * n if n != 98765432 else 1", "2 * n", "n + n")
    )
    for inputs, chosen in ((["double(98765432)", "double(1, 2)"], one), ([], odd)):
        events: list[Event] = []
        engine = ScriptedEngine([odd, one, other], width=3, inputs=inputs)
        result = refine(
            task, engines=[engine], strategy=NO_SEARCH, on_event=events.append
        )
        assert result.code == chosen
        (apart,) = [e for e in events if e.kind == "apart"]
        assert apart.data["inputs"] == inputs[:1]


def test_an_outage_while_answers_are_told_apart_is_in_the_result() -> None:
    class Gone(ScriptedEngine):
        def distinguish(self, *_: object, budget: Budget) -> ProposedInputs:  # noqa: ARG002
            return ProposedInputs(note="gone", cut=Cut.OUTAGE)

    text = 'def double(n: int) -> int:\n    """Double: double(2) == 4."""\n    pass\n'
    answers = [text.replace("pass", f"return {body}") for body in ("2 * n", "n + n")]
    result = refine(
        task_from_text(text, "m.py", None),
        engines=[Gone(answers, width=2)],
        strategy=NO_SEARCH,
    )
    assert (result.verified, result.cut) == (True, Cut.OUTAGE)


def test_a_strategy_that_believes_a_critic_does_not_go_without() -> None:
    with pytest.raises(UsageError, match="--critic"):
        refine(
            task_of(),
            engines=[ScriptedEngine([RIGHT])],
            strategy=strategy_of("self-refine"),
        )


def test_a_stub_that_passes_by_chance_is_no_answer_where_a_model_is_asked() -> None:
    text = '''def unique(text):
    """Return the first letter that occurs once, if there is one.

    >>> unique("abab")
    """
    pass
'''
    task = task_from_text(
        text.replace('")\n    """', '") == None\n    """'), "m.py", None
    )
    assert refine(task, engines=[ScriptedEngine([])]).outcome is Outcome.VERIFIED
    body = "    return next((c for c in text if text.count(c) == 1), None)\n"
    written = text.replace("    pass\n", body)
    engine = ScriptedEngine([written])
    result = refine(task, engines=[engine], strategy=NO_SEARCH)
    assert result.code == written
    assert result.outcome is Outcome.VERIFIED


def test_a_resumed_run_ends_for_the_same_reason() -> None:
    task = task_of()
    events: list[Event] = []
    ended = refine(task, engines=[RecordedEngine(["no code"])], on_event=events.append)
    assert "1 completions without usable code" in ended.reason
    state = [e.data["state"] for e in events if e.kind == "checkpoint"][-1]
    again = refine(
        task,
        engines=[RecordedEngine(["no code"])],
        checkpoint=json.loads(json.dumps(state)),
    )
    assert again.reason == ended.reason


def test_what_is_no_task_is_said_with_the_way_to_one() -> None:
    with pytest.raises(TypeError, match=r"not a str; read a file with .*from_file"):
        refine("median.py")  # type: ignore[arg-type]  # the mistake that is made
