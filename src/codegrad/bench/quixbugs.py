"""QuixBugs: small programs with one-line bugs, judged by cases or by pytest text."""

from collections.abc import Mapping
from typing import Any

from codegrad.bench.oracles import NEAR
from codegrad.bench.problems import Case, Problem, Suite
from codegrad.task import AssertionCheck, CallCheck
from codegrad.tasks.records import task_from_record

FIELDS = ("name", "buggy", "correct")


def quixbugs_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one program of QuixBugs."""
    name = str(row["name"])
    task = task_from_record(row)
    cases, checks, is_shared = [], [], False
    for constraint in task.constraints:
        check = constraint.check
        if isinstance(check, CallCheck):
            cases.append(Case(check.args, check.kwargs, check.expected))
        elif isinstance(check, AssertionCheck):
            checks.append(check.source)
            is_shared |= check.shares_process
    suite = Suite("base", tuple(cases), checks=tuple(checks), shares_process=is_shared)
    return Problem(
        task_id=name,
        entry_point=name,
        prompt="",
        reference=str(row["correct"]),
        suites=(suite,),
        oracle=NEAR,
        context=task.context,
        empty=f"def {name}(*args):\n    pass\n",
    )
