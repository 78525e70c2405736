from dataclasses import replace

import pytest

from codegrad.task import Task
from codegrad.verdict import Status, Verdict
from codegrad.verify.agreement import agreement_constraint
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

_TASK = '''
def largest(xs: list[int]) -> int:
    """Return the largest item.

    >>> largest([3, 1, 2])
    3
    >>> largest([5, 9])
    9
    >>> largest([4, 7, 1])
    7
    >>> largest([-2, 6])
    6
    """
    {body}
'''
_RIGHT = (
    "return max(xs)",
    "return sorted(xs)[-1]",
    "return -min(-x for x in xs)",
    "xs = xs[:]\n    while len(xs) > 1:\n        xs.remove(min(xs))\n    return xs[0]",
    "import functools\n    return functools.reduce(max, xs)",
)
_WRONG = "return max([0, *xs])"


def _task(*bodies: str) -> Task:
    task = task_of(_TASK.replace("{body}", "..."), "largest")
    extra = agreement_constraint([_TASK.replace("{body}", body) for body in bodies])
    return replace(task, constraints=(*task.constraints, extra))


def _judged(bench: Workbench, task: Task, body: str) -> Verdict:
    source = _TASK.replace("{body}", body)
    return judge(bench, "properties", task, source)["agreement"]


def test_a_candidate_that_differs_from_all_others_is_a_soft_finding(
    bench: Workbench,
) -> None:
    task = _task(*_RIGHT)
    verdict = _judged(bench, task, _WRONG)
    assert verdict.status is Status.REFUTED
    assert "as 5 of 5 candidates return" in verdict.counterexamples[0].expected
    assert not next(c for c in task.constraints if c.name == "agreement").hard


def test_one_of_the_many_passes(bench: Workbench) -> None:
    verdict = _judged(bench, _task(*_RIGHT), _RIGHT[0])
    assert verdict.status is Status.PASSED
    assert verdict.checked > 0


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        (_RIGHT[:3], "3 other candidates are too few to agree"),
        (
            ("return 1", "return 2", "return 3", "return 4", "return 5"),
            "too few other candidates agree",
        ),
        (
            ("while True: pass", "raise ValueError", "exit()", "return object()"),
            "too few other candidates agree",
        ),
    ],
)
def test_others_that_do_not_agree_establish_nothing(
    bench: Workbench, bodies: tuple[str, ...], reason: str
) -> None:
    verdict = _judged(bench, _task(*bodies), _WRONG)
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, reason)
