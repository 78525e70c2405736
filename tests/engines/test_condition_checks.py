"""Conditions are judged by the user's examples and by what runs, not by the critic."""

import pytest

from codegrad.code import Program
from codegrad.engines.claim_checks import check_claim
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    TELLING,
    AssumesClaim,
    CheckedClaim,
    Claim,
    ClaimStatus,
    CostClaim,
    InvariantClaim,
    PostClaim,
    PropertyClaim,
    read_claim,
)
from codegrad.engines.condition_checks import examples_of
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

TEXT = '''def span(xs, gap=0):
    """Return how far the smallest and the largest are apart.

    >>> span([4, 1, 3])
    3
    >>> span([1, 5])
    4
    >>> span([2, 9], gap=1)
    6
    """
    last = xs[-1]
    first = xs[0]
    return last - first - gap
'''
NO_EXAMPLES = 'def span(xs):\n    """Return the span."""\n    return xs[0]\n'


@pytest.fixture
def task() -> Task:
    return task_from_text(TEXT, "span.py", "span")


def check(claim: Claim, task: Task, bench: Workbench) -> CheckedClaim:
    return check_claim(claim, task, Program.from_task(task), bench)


@pytest.mark.parametrize(
    ("claim", "weight"),
    [
        (PostClaim("result >= 0"), AGREED),
        (InvariantClaim(13, "last == max(xs)"), TELLING),
        (PropertyClaim("span(xs) == span(xs[::-1])"), OBSERVED),
        (PropertyClaim("span(sorted(xs)) >= 0 and span(xs) >= 0"), OBSERVED),
    ],
)
def test_a_condition_that_tells_right_from_wrong_is_confirmed(
    claim: Claim, weight: float, task: Task, bench: Workbench
) -> None:
    found = check(claim, task, bench)
    assert (found.status, found.weight) == (ClaimStatus.CONFIRMED, weight)
    assert found.counterexample is not None


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (PostClaim("result >= 4"), "the user's own examples do not meet it"),
        (PostClaim("result < 100"), "meets it on every known input"),
        (InvariantClaim(13, "len(xs) > 1"), "holds whenever the line is reached"),
        (InvariantClaim(13, "last == 3"), "a run that passes breaks it"),
        (PropertyClaim("span(xs) == span(list(xs))"), "meets it on every known"),
        (PropertyClaim("span([4, 1, 3]) == span([1, 5])"), "the user's own examples"),
        (CostClaim("O(n^3)"), ""),
    ],
)
def test_a_condition_that_is_not_so_is_refuted(
    claim: Claim, why: str, task: Task, bench: Workbench
) -> None:
    found = check(claim, task, bench)
    if isinstance(claim, CostClaim):
        assert found.status is not ClaimStatus.CONFIRMED
        return
    assert found.status is ClaimStatus.REFUTED
    assert why in found.why


@pytest.mark.parametrize(
    "claim",
    [
        PostClaim("result =="),
        AssumesClaim("xs ="),
        InvariantClaim(13, "nowhere > 0"),
        PropertyClaim("xs == xs"),
        PropertyClaim("span("),
        PropertyClaim("span(xs) == unknown(xs)"),
        CostClaim("soon"),
    ],
)
def test_what_cannot_be_judged_is_not_believed(
    claim: Claim, task: Task, bench: Workbench
) -> None:
    assert check(claim, task, bench).status is ClaimStatus.UNCHECKED


@pytest.mark.parametrize(
    "claim",
    [
        PostClaim("result > 0"),
        InvariantClaim(3, "xs"),
        PropertyClaim("span(xs) == span(xs[::-1])"),
    ],
)
def test_without_examples_nothing_says_what_is_meant(
    claim: Claim, bench: Workbench
) -> None:
    bare = task_from_text(NO_EXAMPLES, "span.py", "span")
    assert check(claim, bare, bench).status is ClaimStatus.UNCHECKED


def test_named_arguments_are_part_of_an_example(task: Task) -> None:
    assert [dict(check.kwargs) for check in examples_of(task)] == [{}, {}, {"gap": 1}]


def test_a_property_is_read_as_it_was_written() -> None:
    claim = PropertyClaim("f(x) == f(-x)")
    assert read_claim({"property": "f(x) == f(-x)"}) == claim
    assert str(claim) == "property: f(x) == f(-x)"
