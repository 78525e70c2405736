"""A claim about an input is run, and the user's word counts more than the critic's."""

import json

import pytest

from codegrad.code import Program
from codegrad.engines.claim_checks import check_claim
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    CheckedClaim,
    ClaimStatus,
    InputClaim,
    Suggestion,
)
from codegrad.engines.intent import said_of
from codegrad.engines.language import read_suggestions
from codegrad.engines.literal_calls import possible_call
from codegrad.optim.hypotheses import Hypotheses
from codegrad.task import (
    CallCheck,
    Constraint,
    Origin,
    StdinCheck,
    Task,
    static_constraints,
)
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

START = '''def middle(values, *, key=None):
    """Return the middle one.

    >>> middle([3, 1, 2])
    2
    >>> middle([4])
    Traceback (most recent call last):
    ValueError: too short

    pre: len(values) > 0
    post: result in values
    raises: ValueError
    """
    return values[0]
'''
SHOUT = '''def shout(text):
    """Return the text in capitals.

    >>> shout("a")
    'A'
    """
    return text + "!"
'''


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "middle.py", "middle")


def check(claim: InputClaim, task: Task, bench: Workbench) -> CheckedClaim:
    return check_claim(claim, task, Program.from_task(task), bench)


@pytest.mark.parametrize(
    ("claim", "clause"),
    [
        (InputClaim("middle([])", "None"), "pre: len(values) > 0"),
        (InputClaim("middle(values=[])", "None"), "pre: len(values) > 0"),
        (InputClaim("middle([5, 1, 3])", "77"), "post: result in values"),
        (InputClaim("middle([5, 1, 3])", "77", "5"), "post: result in values"),
        (InputClaim("middle([5, 1])", "raises KeyError"), "raises: ValueError"),
        (InputClaim("middle([3, 1, 2])", "1"), "middle([3, 1, 2])"),
        (InputClaim("middle([4])", "raises TypeError"), "middle([4])"),
    ],
)
def test_a_claim_against_the_users_word_is_refuted(
    claim: InputClaim, clause: str, task: Task, bench: Workbench
) -> None:
    found = check(claim, task, bench)
    assert found.status is ClaimStatus.REFUTED
    assert clause in found.why


@pytest.mark.parametrize(
    ("claim", "weight"),
    [
        (InputClaim("middle([5, 1, 3])", "3"), OBSERVED),
        (InputClaim("middle([5, 1])", "raises ValueError"), OBSERVED),
        (InputClaim("middle([4])", "raises ValueError"), AGREED),
        (InputClaim("middle([3,1,2])", "2"), AGREED),
    ],
)
def test_a_claim_within_the_users_word_is_confirmed(
    claim: InputClaim, weight: float, task: Task, bench: Workbench
) -> None:
    found = check(claim, task, bench)
    assert (found.status, found.weight) == (ClaimStatus.CONFIRMED, weight)
    assert found.counterexample is not None
    assert "so the critic says" not in found.counterexample.expected


def test_a_text_without_quotes_is_read_where_texts_are_returned(
    task: Task, bench: Workbench
) -> None:
    shout = task_from_text(SHOUT, "shout.py", "shout")
    found = check(InputClaim("shout('bc')", "BC", "bc!"), shout, bench)
    assert found.status is ClaimStatus.CONFIRMED
    assert found.claim == InputClaim("shout('bc')", "'BC'", "'bc!'")
    assert found.counterexample is not None
    assert found.counterexample.expected == "'BC'"
    lie = check(InputClaim("shout('bc')", "BC", "BC"), shout, bench)
    assert lie.status is ClaimStatus.REFUTED
    prose = check(InputClaim("middle([1, 2])", "the middle one"), task, bench)
    assert prose.status is ClaimStatus.UNCHECKED


@pytest.mark.parametrize(
    "claim",
    [
        InputClaim("middle(...)", "1"),
        InputClaim("middle([...])", "1"),
        InputClaim("middle([1, 2])", "..."),
        InputClaim("middle([1, 2])", "[1, ...]"),
        InputClaim("middle([1], 2)", "1"),
        InputClaim("middle()", "1"),
        InputClaim("middle([1], values=[2])", "1"),
        InputClaim("middle([1], other=2)", "1"),
    ],
)
def test_what_cannot_be_called_so_is_no_claim(
    claim: InputClaim, task: Task, bench: Workbench
) -> None:
    assert check(claim, task, bench).status is ClaimStatus.UNCHECKED
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(claim, "model")])
    assert len(hypotheses) == 0
    row = {"call": claim.call, "expected": claim.expected}
    assert read_suggestions(json.dumps({"examples": [row]}), task) in (
        [],
        [InputClaim("middle([1, 2])", repr(claim.expected))],
    )


@pytest.mark.parametrize(
    ("signature", "text", "is_possible"),
    [
        ("a, b=1, *c, d, e=2, **f", "g(1, d=2)", True),
        ("a, b=1, *c, d, e=2, **f", "g(1, 2, 3, 4, d=2, z=1)", True),
        ("a, b=1, *c, d, e=2, **f", "g(1)", False),
        ("a, /, b", "g(a=1, b=2)", False),
        ("a, /, b", "g(1, b=2)", True),
        ("a, /, b", "g(1, 2, b=2)", False),
        ("*, a", "g(a=1)", True),
        ("*, a", "g(1)", False),
        ("", "g()", True),
    ],
)
def test_a_call_is_bound_as_python_binds_it(
    signature: str, text: str, *, is_possible: bool
) -> None:
    found = possible_call(text, f"def g({signature}): ...")
    assert (found is not None) is is_possible


def test_what_a_model_generated_is_not_the_users_word(bench: Workbench) -> None:
    guess = Constraint(
        "generated 1",
        "tests",
        "a guess",
        CallCheck(("x",), "y"),
        Origin.GENERATED,
        hard=False,
    )
    shout = task_from_text(SHOUT, "shout.py", "shout")
    task = Task("t", "shout", shout.sources, shout.main, (*shout.constraints, guess))
    claim = InputClaim("shout('x')", "'X'")
    assert said_of(claim, task, bench) is None
    assert check(claim, task, bench).status is ClaimStatus.CONFIRMED


def test_what_a_function_does_to_its_arguments_is_not_claimed(
    bench: Workbench,
) -> None:
    text = (
        'def fill(xs):\n    """Fill.\n\n    >>> fill([1])\n\n'
        '    post: len(xs) == 0\n    """\n    return 1\n'
    )
    task = task_from_text(text, "fill.py", "fill")
    assert said_of(InputClaim("fill([2, 3])", "None"), task, bench) is None


def test_a_run_that_the_user_gave_decides(bench: Workbench) -> None:
    case = Constraint("case 1", "tests", "2 -> 4", StdinCheck("2\n", "4\n"))
    task = Task(
        "p.py",
        "",
        {"p.py": "print(input())\n"},
        "p.py",
        (*static_constraints(), case),
    )
    assert check(InputClaim("2", "5"), task, bench).status is ClaimStatus.REFUTED
    found = check(InputClaim("2", "4"), task, bench)
    assert (found.status, found.weight) == (ClaimStatus.CONFIRMED, AGREED)
