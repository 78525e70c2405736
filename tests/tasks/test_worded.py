"""Examples in words: what is one, what is none, what is only a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.tasks.docstrings import read_examples
from codegrad.tasks.python_file import task_from_text
from codegrad.tasks.worded import Stated, stated_examples


def pairs(text: str, *names: str) -> list[tuple[tuple[object, ...], object]]:
    found = stated_examples(text, "f", names)
    assert all(stated.is_sure for stated in found)
    return [(stated.args, stated.expected) for stated in found]


@pytest.mark.parametrize(
    "line",
    [
        "f(2) == 4",
        "f(2)  # returns 4",
        "f(2)   # 4",
        "f(2) should be 4.",
        "f(2) gives 4",
        "f(2) = 1 + 3 = 4",
        "f(2) -> 4 (twice as much)",
        "f(2) ➞\n    4",
        "`f(2)` returns `4`.",
        "- f(2) == 4",
        "Example - f(2) == 4",
        "Example 1 - f(2) == 4",
        "Used to double a number. f(2) should return 4",
        "Add it instead of squaring, e.g. f(2) -> 4",
        "Up rather than down: f(2) returns 4",
        "Unlike sorted, f(2) returns 4",
        "Fix the bug: f(2) should return 4",
        ">>> f(2) 4",
        "For n = 2 the output should be 4.",
        "Given n = 2, return 4",
        "n = 2 -> 4",
        "Input: n = 2\nOutput: 4",
        "Input: 2\nOutput: 4",
        "n = 2\n    -> double -> [4]\nreturn = 4",
    ],
)
def test_one_example_in_many_ways(line: str) -> None:
    assert pairs(f"Double.\n\n    {line}\n", "n") == [((2,), 4)]


def test_several_parameters_over_several_lines() -> None:
    text = """
    Input:
        grid: [[1, 2],
               [3, 4]]
        k: 1
    Output:
        [[1],
         [2]]
    """
    assert pairs(text, "grid", "k") == [(([[1, 2], [3, 4]], 1), [[1], [2]])]
    assert pairs("Input: [1], 'a'\nOutput: 3", "xs", "s") == [(([1], "a"), 3)]


@pytest.mark.parametrize(
    "line",
    [
        "f(2) = 1 + 3",
        "f(2) == 1 + 1 = 4",
        'f("a") == ""a"',
        "f(2) is odd",
        "f(2) returns 4 if it can, or 5",
        "f(2) returns 4 items",
        "f(2) is 4 times slower",
        "f(2)  # 1.5x faster",
        "f(2) -> 4 -> 8",
        "f(2) = 4 mod 7",
        "Args:\n    n: 10 by default.\n\nReturns:\n    0 on success",
        ":param n: 5 is the largest\n:returns: 3 values",
        "The default n=3, result: 4 items are returned.",
        "Returns n: 1 -> number of items",
        "f(3) = f(1) + f(2)\n     = 1 + 3 = 4",
        "2 * f(2) = 8",
        "-f(2) == -4",
        "f(1) + f(2) == 6",
        "not f(2) == 4",
        "BUG: f(2) returns 4",
        "f(2) = 1 to 5",
        "f(2) = 10:30",
        "f(2) = 1,234",
        "f(2) = [1, 2, ...]",
        "return 4 when n is even",
        "If n == 2 return 4.",
        "n: 2 is the least\nReturns: the double",
        "Input: 2\nOutput: nothing",
        "Input: 2, 3\nOutput: 5",
        "n = open('x')\nreturn 3",
        "f(__import__('os')) == 1",
    ],
)
def test_what_is_no_example(line: str) -> None:
    assert stated_examples(line, "f", ["n"]) == []


def test_what_may_be_said_of_something_else_is_a_guess() -> None:
    for text in ("In older versions f(2) == 4", "It does so instead of f(2) -> 4"):
        assert [s.is_sure for s in stated_examples(text, "f", ["n"])] == [False]


def test_both_ways_of_writing_in_one_text_are_read() -> None:
    text = "f(2) => 4\nFor n = 5 the output should be 10, for n = 2 it should be 4."
    assert pairs(text, "n") == [((2,), 4), ((5,), 10)]


def test_values_of_two_sentences_are_no_example() -> None:
    text = "It begins at a = 1. Later, with b = 2, the result is 3."
    assert stated_examples(text, "f", ["a", "b"]) == []


def test_a_guess_that_contradicts_gives_way_and_stops_nothing() -> None:
    text = 'def f(n):\n    """double(2) ==> 4, and double(2) ==> 5."""\n'
    task = task_from_text(text, "m.py", "f")
    assert [c.text for c in task.of_stage("tests")] == ["f(2) == 4"]
    assert any("contradicts" in note for note in task.notes)


def test_other_names_are_a_guess_and_only_where_nothing_is_sure() -> None:
    guess = Stated((2,), 4, is_sure=False)
    assert stated_examples("double(2) ==> 4", "f", ["n"]) == [guess]
    assert stated_examples("double(2) ==> 4, f(1) ==> 2", "f", ["n"]) == [
        Stated((1,), 2)
    ]
    assert stated_examples("a(2) ==> 4, b(2) ==> 4", "f", ["n"]) == []
    assert stated_examples("len(2) ==> 4", "f", ["n"]) == []
    text = "signs['+', '-']\nnumbers = [1, 2, 3]\nresult = 1 + 2 - 3\n=> result = 0"
    assert stated_examples(text, "f", ["operators", "operands"]) == [
        Stated((["+", "-"], [1, 2, 3]), 0, is_sure=False)
    ]


def test_a_term_of_a_definition_is_no_example_of_a_function_that_returns_lists() -> (
    None
):
    text = "f(1) = 3\nf(n) = n\nExamples:\nf(3) = [1, 2]\n"
    assert [s.is_sure for s in stated_examples(text, "f", ["n"])] == [False, True]
    text = "f(1) = 3\nExamples:\nf(3) = 5\n"
    assert [s.is_sure for s in stated_examples(text, "f", ["n"])] == [True, True]


def test_a_guess_is_soft_and_said() -> None:
    text = 'def f(n):\n    """Double: double(2) ==> 4."""\n'
    task = task_from_text(text, "m.py", "f")
    (example,) = task.of_stage("tests")
    assert not example.hard
    assert any("vetoes nothing" in note for note in task.notes)


def test_escapes_that_were_meant_are_read_as_written() -> None:
    text = (
        "def f(text):\n"
        '    """Join.\n\n    >>> f("a\\nb")\n    \'ab\'\n    >>> f("c")\n    \'c\'\n'
        '    """\n    return text\n'
    )
    task = task_from_text(text, "m.py", "f")
    assert [c.check.args for c in task.of_stage("tests")] == [  # type: ignore[union-attr]
        ("a\nb",),
        ("c",),
    ]
    assert any("put an r before it" in note for note in task.notes)


def test_one_broken_doctest_leaves_the_others() -> None:
    text = "Double.\n\n    >>> f(1)\n    2\n    >>> f(2)\n   4\n    >>> f(3)\n    6\n"
    found = read_examples(text, "f", entry_point="f")
    assert [c.text for c in found.constraints] == ["f(1) == 2", "f(3) == 6"]
    assert any("f(2)" in note for note in found.notes)


def test_a_comparison_at_a_prompt_is_an_example() -> None:
    text = ">>> f(1) == 2\n>>> y = 3\n>>> f(y)\n6\n"
    found = read_examples(text, "f", entry_point="f")
    assert [c.text for c in found.constraints] == ["f(1) == 2", "f(y) == 6"]


@given(st.text(alphabet="fn(=>)[]'\"12,. \n:#-Inputretuoi", max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    for stated in stated_examples(text, "f", ["n"]):
        assert stated.args or stated.kwargs or stated.expected is not Ellipsis


@pytest.mark.parametrize(
    "text",
    ["f(" * 50_000, "n = 1 " * 20_000, "f(1) == " + "1 + " * 30_000, "f(1)\n" * 9_000],
)
def test_a_long_text_is_read_in_bounded_work(text: str) -> None:
    assert len(stated_examples(text, "f", ["n"])) < 1000


def test_a_value_for_a_parameter_that_may_be_left_out_is_not_dropped() -> None:
    for head in ("xs, k=1", "xs, *, k"):
        text = (
            f'def f({head}):\n    """For xs = [1], k = 2 the output should be 5."""\n'
        )
        assert task_from_text(text, "m.py", "f").of_stage("tests") == ()


BESIDE = '"""Triple.\n\n    >>> f(2)\n    6\n\n    {}\n    """'


@pytest.mark.parametrize(
    ("words", "texts", "notes"),
    [
        ("f(3) => 9", ["f(2) == 6", "f(3) == 9"], 0),
        ("For n = 3 the output should be 9.", ["f(2) == 6", "f(3) == 9"], 0),
        ("Here f(2) returns 6, as f(n=2) == 6.", ["f(2) == 6"], 0),
        ("f(2) => 7", ["f(2) == 6"], 1),
        ("f(3) == [9]", ["f(2) == 6"], 1),
        ("other(3) => 9", ["f(2) == 6"], 0),
    ],
)
def test_words_beside_a_doctest_are_read_and_give_way_to_it(
    words: str, texts: list[str], notes: int
) -> None:
    text = f"def f(n):\n    {BESIDE.format(words)}\n    return 3 * n\n"
    task = task_from_text(text, "m.py", "f")
    assert [c.text for c in task.constraints if c.stage == "tests"] == texts
    assert len({c.name for c in task.constraints}) == len(task.constraints)
    assert sum("in words" in note for note in task.notes) == notes
