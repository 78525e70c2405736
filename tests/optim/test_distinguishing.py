"""A model says where answers may differ; what they do there is run."""

import json
from pathlib import Path

import pytest

from codegrad.budget import Budget
from codegrad.engines.apart import read_inputs
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import SearchEngine
from codegrad.optim.distinguishing import PAIRS, tell_apart
from codegrad.optim.selection import behaviours, by_agreement
from codegrad.store.calls import CallBook
from codegrad.task import Constraint, StdinCheck, Task, static_constraints
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from tests.engines.chat_server import ChatServer, in_turn

START = '''def grade(points):
    """Return the grade.

    >>> grade(10)
    'a'

    pre: points >= 0
    """
    return 'a'
'''
RARE = START.replace("return 'a'", "return 'b' if points == 7919 else 'a'")
OTHER = START.replace("return 'a'", "return 'c' if points == 7919 else 'a'")
RAISES = START.replace("return 'a'", "return 'a' if points != 4242 else 1 / 0")


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "grade.py", "grade")


def named(*inputs: str) -> list[ScriptedEngine]:
    return [ScriptedEngine([], inputs=inputs)]


def test_inputs_on_which_answers_differ_are_kept_and_no_others(
    task: Task, bench: Workbench
) -> None:
    engines = named(
        "grade(7919)", "grade(1)", "grade(-7)", "grade(open('x'))", "grade(4242)"
    )
    answers = [START, RARE, RAISES, START]
    found = tell_apart(task, answers, engines, bench, budget=Budget())
    assert found.inputs == ("grade(7919)", "grade(4242)")
    assert found.note == "2 of 5 named inputs tell 3 apart"


def test_an_input_that_breaks_the_contract_tells_nothing(
    task: Task, bench: Workbench
) -> None:
    negative = START.replace("return 'a'", "return 'a' if points > -5 else 'z'")
    found = tell_apart(
        task, [START, negative], named("grade(-7)"), bench, budget=Budget()
    )
    assert found.inputs == ()
    assert found.task == task


def test_what_was_found_decides_where_generated_inputs_do_not(
    task: Task, bench: Workbench
) -> None:
    answers = [RARE, OTHER, OTHER + "# once more\n"]
    before = by_agreement(behaviours(task, answers, bench))
    assert (before.order[0], before.distinguishing) == (0, 0)
    found = tell_apart(task, answers, named("grade(7919)"), bench, budget=Budget())
    after = by_agreement(behaviours(found.task, answers, bench))
    assert (after.order[0], after.distinguishing) == (1, 1)
    assert [c for c in found.task.constraints if c.hard] == [
        c for c in task.constraints if c.hard
    ]


def test_programs_are_told_apart_by_what_they_print(bench: Workbench) -> None:
    case = Constraint("case 1", "tests", "1 -> 1", StdinCheck("1\n", "1\n"))
    constraints = (*static_constraints(), case)
    task = Task("p.py", "", {"p.py": "print(input())\n"}, "p.py", constraints)
    answers = ["print(int(input()))\n", "print(input().strip())\n"]
    found = tell_apart(task, answers, named("2\n", "007\n"), bench, budget=Budget())
    assert found.inputs == ("007\n",)
    seen = behaviours(found.task, answers, bench)
    assert by_agreement(seen).distinguishing >= 1


@pytest.mark.parametrize("answers", [[], [START], [START, START]])
def test_one_answer_needs_no_question(
    answers: list[str], task: Task, bench: Workbench
) -> None:
    found = tell_apart(task, answers, named("grade(1)"), bench, budget=Budget())
    assert (found.task, found.note) == (task, "")


def test_without_a_model_nobody_is_asked(task: Task, bench: Workbench) -> None:
    engines = [SearchEngine(bench=bench)]
    found = tell_apart(task, [START, RARE], engines, bench, budget=Budget())
    assert (found.task, found.note) == (task, "")


def test_a_model_is_asked_about_pairs_within_the_budget(
    task: Task, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    reply = "<think>{}</think>" + json.dumps({"inputs": ["grade( 7919 )", "rm -rf"]})
    answers = [START, RARE, OTHER, RAISES]
    with ChatServer(in_turn([reply])).running() as server:
        engine = LLMEngine(
            "openai:loop",
            base_url=server.url,
            style=Style(width=1, plans=0),
            book=CallBook(tmp_path / "calls.db"),
        )
        found = tell_apart(task, answers, [engine], bench, budget=Budget())
        assert len(server.requests) == found.spent.calls == PAIRS
        assert found.inputs == ("grade(7919)",)
        text = server.requests[0]["messages"][-1]["content"]
        assert START.rstrip() in text
        assert RARE.rstrip() in text
        again = tell_apart(task, answers[1:], [engine], bench, budget=Budget(calls=1))
        assert again.spent.calls == 1
        assert "the budget is spent (calls)" in again.note
        engine.close()
        small = Style(context_tokens=300, max_tokens=100)
        other = LLMEngine(
            "openai:loop",
            base_url=server.url,
            style=small,
            book=CallBook(tmp_path / "calls.db"),
        )
        sent = len(server.requests)
        refused = tell_apart(task, answers, [other], bench, budget=Budget())
        assert "tokens" in refused.note
        assert len(server.requests) == sent
        other.close()


def test_inputs_of_programs_are_read_as_they_are() -> None:
    task = Task("p", "", {"p.py": ""}, "p.py")
    reply = '{"inputs": ["3\\n1 2 3", 7, "4\\n"]}'
    assert read_inputs(reply, task) == ["3\n1 2 3\n", "4\n"]
    assert read_inputs("nothing", task) == []
