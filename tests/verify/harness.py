"""Tasks and verdicts for the tests of the stages after the tests."""

from collections.abc import Mapping
from dataclasses import replace

from codegrad.task import Task, with_dynamic_constraints
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Verdict
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench

MEDIAN = '''
def median(xs):
    """Return the median.

    >>> median([3, 1, 2])
    2
    >>> median([3, 1, 2, 4])
    2.5
    >>> median([7])
    7

    pre: len(xs) > 0
    post: min(xs) <= result <= max(xs)
    """
    s = sorted(xs)
    n = len(s)
    return s[n // 2] if n % 2 else (s[n // 2 - 1] + s[n // 2]) / 2
'''

DEDUPE = '''
def dedupe(xs):
    """Return the distinct items in order.

    >>> dedupe([3, 1, 3])
    [1, 3]
    >>> dedupe([2, 2, 1])
    [1, 2]
    >>> dedupe([5, 4, 9, 5])
    [4, 5, 9]
    >>> dedupe([])
    []
    """
    return sorted(set(xs))
'''


def task_of(text: str, entry: str, *, reference: str = "") -> Task:
    """Return the task that `text` states, with all constraints of later stages."""
    task = replace(task_from_text(text, "m.py", entry), reference=reference)
    return with_dynamic_constraints(task)


def judge(
    bench: Workbench, stage: str, task: Task, source: str | None = None
) -> Mapping[str, Verdict]:
    """Return the verdicts of one stage on `source`, by constraint."""
    text = task.source if source is None else source
    run = Ladder.of([stage]).run({task.main: text}, task, bench)
    return {verdict.constraint: verdict for verdict in run.verdicts}
