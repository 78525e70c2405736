"""The final choice: agreement among what passes, suspect examples, believed edits."""

from dataclasses import replace

from codegrad.engines.engine import Proposal
from codegrad.engines.scripted import ScriptedEngine
from codegrad.events import Event
from codegrad.optim.archive import Archive
from codegrad.optim.choice import choose, common_answer, objection
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.result import Outcome
from codegrad.task import Task
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

START = '''def largest(items: list[int]) -> int:
    """Return the largest item.

    >>> largest([3, 9, 2])
    {expected}
    """
'''
HEAD = "def largest(items):\n"
RIGHT = HEAD + "    return max(items)\n"
LATE = HEAD + "    return sorted(items)[-1]\n"
LOOP = (
    HEAD + "    best = items[0]\n    for x in items:\n"
    "        best = x if x > best else best\n    return best\n"
)
CLAMPED = HEAD + "    return max(0, *items, 0)\n"
SPECIAL = HEAD + "    return 3 if items[0] == 3 else max(items)\n"
TURNED = HEAD + "    return items[0]\n"
BROKEN = HEAD + "    return min(items)\n"


def task_of(expected: int = 9) -> Task:
    text = START.format(expected=expected) + "    pass\n"
    return task_from_text(text, "m.py", "largest")


def filled(task: Task, bench: Workbench, *texts: str, votes: int = 1) -> Archive:
    """Return an archive of answers with their losses."""
    loss_fn = VerificationLoss(task, bench=bench, ladder=Ladder.of(["syntax", "tests"]))
    archive = Archive(task.sources)
    for number, text in enumerate(texts, 1):
        sources = {task.main: text}
        loss = loss_fn.evaluate(sources)
        archive.add(sources, loss, label=f"reply {number}", engine="m", votes=votes)
    return archive


def chosen_text(task: Task, archive: Archive, bench: Workbench) -> str:
    current = VerificationLoss(task, bench=bench).evaluate(task.sources)
    chosen = choose(task, archive, task.sources, current, bench)
    member = archive.get(chosen.key) if chosen else None
    return archive.sources(member)[task.main] if member else ""


def test_most_of_those_that_pass_decide(bench: Workbench) -> None:
    task = task_of()
    archive = filled(task, bench, CLAMPED, BROKEN, RIGHT, LATE)
    assert chosen_text(task, archive, bench) in {RIGHT, LATE}


def test_votes_count_as_often_as_they_were_cast(bench: Workbench) -> None:
    task = task_of()
    archive = filled(task, bench, RIGHT, CLAMPED)
    clamped = archive.items()[1][0]
    assert archive.vote(clamped, 3)
    assert chosen_text(task, archive, bench) == CLAMPED


def test_one_that_passes_is_no_choice(bench: Workbench) -> None:
    task = task_of()
    assert chosen_text(task, filled(task, bench, RIGHT, BROKEN), bench) == ""


def test_what_answers_agree_on_against_an_example_is_found(bench: Workbench) -> None:
    task = task_of(expected=3)
    archive = filled(task, bench, RIGHT, LATE, LOOP, BROKEN, votes=2)
    common = common_answer(task, archive, bench)
    assert common is not None
    assert str(common) == "6 of 8 answers"
    assert objection(task, common, SPECIAL, bench) == ""
    assert "of generated inputs" in objection(task, common, TURNED, bench)
    assert chosen_text(task, archive, bench) == RIGHT


def test_few_answers_make_no_example_suspect(bench: Workbench) -> None:
    task = task_of(expected=3)
    archive = filled(task, bench, RIGHT, LATE, LOOP)
    assert common_answer(task, archive, bench) is None


def test_a_test_that_was_given_is_never_suspect(bench: Workbench) -> None:
    tests = read_assertions("assert largest([3, 9, 2]) == 3", "largest")
    bare = task_from_text(HEAD + "    pass\n", "m.py", "largest")
    task = Task(
        bare.name,
        bare.entry_point,
        bare.sources,
        bare.main,
        (*bare.constraints, *tests),
    )
    archive = filled(task, bench, RIGHT, LATE, LOOP, votes=3)
    assert common_answer(task, archive, bench) is None


def test_answers_that_break_a_given_test_have_no_say(bench: Workbench) -> None:
    tests = read_assertions("assert largest([1, 2]) == 2", "largest")
    derived = task_of(expected=3)
    task = replace(derived, constraints=(*derived.constraints, *tests))
    archive = filled(task, bench, RIGHT, *(BROKEN + "\n" * n for n in range(6)))
    assert common_answer(task, archive, bench) is None
    assert chosen_text(task, archive, bench) in {"", RIGHT}


def test_an_example_that_may_be_meant_decides_if_an_answer_satisfies_it(
    bench: Workbench,
) -> None:
    text = HEAD + '    """maximum([3, 9, 2]) ==> 9"""\n    pass\n'
    task = task_from_text(text, "m.py", "largest")
    assert not any(c.hard for c in task.of_stage("tests"))
    archive = filled(task, bench, TURNED, TURNED + "\n", RIGHT)
    assert chosen_text(task, archive, bench) == RIGHT
    archive = filled(task, bench, TURNED, TURNED + "\n", BROKEN)
    assert chosen_text(task, archive, bench) in {TURNED, TURNED + "\n"}


def test_an_edit_that_turns_everything_over_for_an_example_is_refused(
    bench: Workbench,
) -> None:
    events: list[Event] = []
    engine = ScriptedEngine([RIGHT, LATE, LOOP, *[RIGHT] * 3], width=6)
    result = refine(
        task_of(expected=3), engines=[engine], on_event=events.append, bench=bench
    )
    chosen = next(e for e in events if e.kind == "chosen")
    assert result.outcome is Outcome.EXHAUSTED
    assert result.evidence.refuted
    assert result.code in {RIGHT, LATE, LOOP}
    assert "behave alike against an example" in chosen.data["why"]


def test_a_strategy_that_does_not_choose_keeps_the_first(bench: Workbench) -> None:
    engine = ScriptedEngine([CLAMPED, RIGHT, LATE], width=3)
    result = refine(
        task_of(), engines=[engine], strategy=strategy_of("best-of-n"), bench=bench
    )
    assert result.code == CLAMPED
    engine = ScriptedEngine([CLAMPED, RIGHT, LATE], width=3)
    assert refine(task_of(), engines=[engine], bench=bench).code in {RIGHT, LATE}


def test_a_task_without_tests_is_written_and_chosen_but_not_verified(
    bench: Workbench,
) -> None:
    text = START.format(expected=9).replace(">>> ", "for example ") + "    pass\n"
    task = task_from_text(text, "m.py", "largest")
    engine = ScriptedEngine([CLAMPED, RIGHT, LATE], width=3)
    result = refine(task, engines=[engine], bench=bench)
    assert result.code in {RIGHT, LATE}
    assert not result.verified
    assert "no test, example or contract" in result.reason


def test_an_archive_survives_its_state(bench: Workbench) -> None:
    task = task_of()
    archive = filled(task, bench, RIGHT, BROKEN, CLAMPED)
    archive.visit(archive.items()[0][0])
    again = Archive(task.sources)
    again.restore(archive.state())
    assert again.items() == archive.items()
    assert [key for key, _ in again.front()] == [key for key, _ in archive.front()]
    assert Proposal(again.sources(next(iter(again))), "x").sources == {"m.py": RIGHT}


def test_of_equal_candidates_the_one_that_needs_less_of_its_surroundings_is_taken(
    bench: Workbench,
) -> None:
    task = task_of()
    deep = "import sys\nsys.setrecursionlimit(10**6)\n" + RIGHT
    archive = filled(task, bench, deep, RIGHT, "import threading\n" + RIGHT)
    program = {task.main: deep}
    current = VerificationLoss(task, bench=bench).evaluate(program)
    chosen = choose(task, archive, program, current, bench)
    assert chosen is not None
    member = archive.get(chosen.key)
    assert member is not None
    assert archive.sources(member)[task.main] == RIGHT
    assert "needs least" in chosen.why
