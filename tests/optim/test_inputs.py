"""Inputs to tell candidates apart: what a text mentions, inputs of programs."""

import random

from hypothesis import given
from hypothesis import strategies as st

from codegrad.optim.mentioned import with_mentioned
from codegrad.optim.program_inputs import program_inputs
from codegrad.optim.selection import select
from codegrad.task import CallCheck, Constraint, StdinCheck, Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench


def mentioned(text: str, head: str = "def f(a, b)") -> list[tuple[object, ...]]:
    task = task_from_text(f'{head}:\n    r"""{text}"""\n', "m.py", "f")
    return [
        c.check.args
        for c in with_mentioned(task).constraints
        if isinstance(c.check, CallCheck) and c.name.startswith("mentioned")
    ]


def test_calls_and_settings_of_a_text_are_read() -> None:
    assert mentioned("f([1, 2], 'a)') gives 3.") == [([1, 2], "a)")]
    assert mentioned('For a = "AB", b = -2.5 it is 1') == [("AB", -2.5)]
    assert mentioned("Input: a: [1], b: {2: 3}\nOutput: 4") == [([1], {2: 3})]


def test_what_is_no_literal_or_has_other_arguments_is_left_out() -> None:
    assert mentioned("f(x, y), f(1), a = b, a == 3, f(1, 2") == []
    assert mentioned("f(open('x'), 1) f(1, __import__('os'))") == []


def test_another_name_counts_only_where_the_own_is_missing() -> None:
    assert mentioned("g(1, 2)") == [(1, 2)]
    assert mentioned("g(1, 2) f(3, 4)") == [(3, 4)]


@given(st.text(alphabet="f(ab)[]{}'\"=1, \\\n", max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    source = f"def f(a, b):\n    {text!r}\n"
    with_mentioned(task_from_text(source, "m.py", "f"))


def programs(*stdins: str) -> Task:
    tests = tuple(
        Constraint(f"t{n}", "tests", "", StdinCheck(text, ""))
        for n, text in enumerate(stdins)
    )
    return Task("p", "", {"p.py": "pass\n"}, "p.py", tests)


def test_inputs_keep_their_form_and_their_counts() -> None:
    texts = program_inputs(programs("2\n3\n5 1 4\n2\n8 8\n", "abc 7\n"), 30)
    assert len(texts) > 20
    for text in texts:
        if not text[0].isdecimal():
            assert len(text.split()) == 2
            continue
        rows = text.split("\n")
        assert (rows[0], rows[1], rows[3]) == ("2", "3", "2")
        assert [len(row.split()) for row in rows] == [1, 1, 3, 1, 2, 0]


@given(st.text(max_size=40), st.integers(0, 5))
def test_any_input_can_be_changed(text: str, seed: int) -> None:
    assert program_inputs(programs(text), 3, seed=seed)[0] == text


def test_without_known_inputs_there_are_none() -> None:
    assert program_inputs(programs(), 5) == []


def test_programs_that_agree_come_first(bench: Workbench) -> None:
    right = "n = int(input())\nprint(sum(map(int, input().split())))\n"
    late = "input()\nprint(sum(int(x) for x in input().split()))\n"
    wrong = "input()\nprint(6)\n"
    order = [wrong, right, late]
    random.Random(1).shuffle(order)
    chosen = select(programs("3\n1 2 3\n"), order, bench)
    assert order[chosen.order[0]] != wrong
    assert chosen.distinguishing > 5
