"""The choice among candidates that all pass what is visible."""

import pytest

from codegrad.optim.selection import behaviours, by_agreement, select
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

START = '''def largest(items: list[int]) -> int:
    """Return the largest item, 0 if there is none.

    >>> largest([3, 9, 2])
    9
    >>> largest([1])
    1
    """
    ...
'''
HEAD = "def largest(items):\n"
RIGHT = [
    HEAD + "    return max(items, default=0)\n",
    HEAD + "    return sorted(items)[-1] if items else 0\n",
]
WRONG = [
    HEAD + "    return max(items[:-1] or items, default=0)\n",
    HEAD + "    return items[len(items) // 2] if len(items) < 4 else items[0]\n",
    HEAD + "    return max(items)\n",
]
BAD = [HEAD + "    while True: pass\n", HEAD + "    import os; os._exit(0)\n", "def ("]


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "m.py", "largest")


def test_right_candidates_agree_and_come_first(task: Task, bench: Workbench) -> None:
    candidates = [WRONG[0], WRONG[1], RIGHT[0], WRONG[2], RIGHT[1]]
    chosen = select(task, candidates, bench, inputs=60)
    assert candidates[chosen.order[0]] in RIGHT
    assert chosen.distinguishing > 10
    assert chosen.agreement[2] == chosen.agreement[4]
    assert min(chosen.agreement) == chosen.agreement[1]


def test_the_choice_is_the_same_each_time(task: Task, bench: Workbench) -> None:
    candidates = [*WRONG, *RIGHT]
    first = select(task, candidates, bench, inputs=40, seed=3)
    assert select(task, candidates, bench, inputs=40, seed=3) == first


def test_candidates_that_hang_die_or_do_not_load_come_last(
    task: Task, bench: Workbench
) -> None:
    chosen = select(task, [*BAD, *RIGHT], bench, inputs=12)
    assert set(chosen.order[:2]) == {3, 4}


def test_equal_candidates_keep_their_order() -> None:
    assert by_agreement([("= 1",), ("= 1",), ("= 1",)]).order == (0, 1, 2)
    assert by_agreement([]).order == ()
    assert by_agreement([(), ()]).order == (0, 1)


def test_inputs_on_which_most_fail_do_not_count() -> None:
    seen = [("raised E", "= 1"), ("raised E", "= 2"), ("= 0", "= 2")]
    assert by_agreement(seen).order == (1, 2, 0)


def test_numbers_that_are_equal_are_one_behaviour(bench: Workbench) -> None:
    text = (
        'def f(x: int) -> float:\n    """\n    >>> f(1)\n    1\n    """\n    return x\n'
    )
    task = task_from_text(text, "m.py", "f")
    same = ["def f(x):\n    return x\n", "def f(x):\n    return float(x)\n"]
    huge = "def f(x):\n    return 10 ** 5000 + x\n"
    chosen = select(task, [*same, huge], bench, inputs=20)
    assert chosen.agreement[0] == chosen.agreement[1] > chosen.agreement[2]


@pytest.mark.parametrize(
    ("one", "other"),
    [("x > 0", "int(x > 0)"), ("0.0 * x", "-0.0 * x"), ("10**9 + x", "1e9 + x")],
)
def test_what_python_calls_equal_is_one_behaviour(
    one: str, other: str, bench: Workbench
) -> None:
    task = task_from_text("def f(x: int):\n    ...\n", "m.py", "f")
    texts = [f"def f(x):\n    return {text}\n" for text in (one, other, "[x]")]
    seen = behaviours(task, texts, bench, inputs=20)
    assert seen[0] == seen[1] != seen[2]


def test_who_hangs_agrees_with_nobody_and_keeps_no_input_from_counting() -> None:
    hangs, ends = ("= 1", "timeout"), ("= 1", "= 8")
    assert by_agreement([hangs, hangs, ends]).order == (2, 0, 1)


def test_a_result_that_only_one_came_to_weighs_as_one() -> None:
    alone, others = ("= 5", "= 0"), ("timeout", "= 1")
    assert by_agreement([alone, others, others, others]).order == (1, 2, 3, 0)


def test_the_order_of_the_candidates_does_not_decide_what_counts() -> None:
    raises, returns = ("= 1", "raised ValueError"), ("= 1", "= 2")
    for seen in ([raises, returns], [returns, raises]):
        first = by_agreement(seen).order[0]
        assert seen[first] == returns
    # A generated text for a program is malformed more often than not.
    assert by_agreement([raises, returns], is_program=True).order == (0, 1)


def test_the_same_text_twice_is_less_than_two_opinions() -> None:
    seen = [("= 1",), ("= 2",), ("= 2",)]
    assert by_agreement(seen, [3, 1, 1]).order == (1, 2, 0)
    assert by_agreement(seen, [5, 1, 1]).order == (0, 1, 2)


def test_equal_candidates_are_told_apart_by_large_inputs(bench: Workbench) -> None:
    head = "def f(n: int) -> int:\n"
    text = head + '    """f(5) == 10, f(0) == 0"""\n    pass\n'
    task = task_from_text(text, "m.py", "f")
    slow = head + "    return sum(range(n)) if n > 0 else 0\n"
    quick = head + "    return n * (n - 1) // 2 if n > 0 else 0\n"
    assert select(task, [slow, quick, slow + "\n"], bench).order[0] == 1


def test_who_was_not_run_is_not_measured_by_what_others_did() -> None:
    stopped = ("= 1", "= 2", "not_run")
    assert by_agreement([("= 1", "= 3", "= 9"), stopped, stopped]).order == (1, 2, 0)
