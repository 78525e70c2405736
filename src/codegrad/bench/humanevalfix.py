"""HumanEvalFix: programs with a human-written bug, judged like HumanEval."""

from collections.abc import Mapping
from typing import Any

from codegrad.bench.check_code import suite_from_check
from codegrad.bench.oracles import NEAR
from codegrad.bench.problems import Problem

FIELDS = (
    "task_id",
    "prompt",
    "entry_point",
    "canonical_solution",
    "buggy_solution",
    "test",
)


def humanevalfix_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one record of HumanEvalFix."""
    entry_point, prompt = str(row["entry_point"]), str(row["prompt"])
    return Problem(
        task_id=str(row["task_id"]),
        entry_point=entry_point,
        prompt=prompt,
        reference=prompt + str(row["canonical_solution"]),
        suites=(suite_from_check("base", str(row["test"]), entry_point, prompt),),
        oracle=NEAR,
        empty=prompt + str(row["buggy_solution"]),
    )
