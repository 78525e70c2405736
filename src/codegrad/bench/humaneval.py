"""HumanEval and HumanEval+: the official JSON-lines files.

HumanEval is judged by its `check` functions; HumanEval+ by calls whose expected values
the canonical solution gives, compared as EvalPlus does.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from codegrad.bench.check_code import suite_from_check
from codegrad.bench.oracles import (
    EQUAL,
    HUMANEVAL_ORACLES,
    NEAR,
)
from codegrad.bench.problems import Case, Problem, Suite

HUMANEVAL_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
PLUS_FIELDS = (
    "task_id",
    "prompt",
    "entry_point",
    "canonical_solution",
    "base_input",
    "plus_input",
    "atol",
)

_NO_SOLUTION = "    pass\n"


def humaneval_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one record of HumanEval."""
    entry_point, prompt = str(row["entry_point"]), str(row["prompt"])
    return Problem(
        task_id=str(row["task_id"]),
        entry_point=entry_point,
        prompt=prompt,
        reference=prompt + str(row["canonical_solution"]),
        suites=(suite_from_check("base", str(row["test"]), entry_point, prompt),),
        oracle=NEAR,
        empty=prompt + _NO_SOLUTION,
    )


def humaneval_plus_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one record of HumanEval+."""
    entry_point, prompt = str(row["entry_point"]), str(row["prompt"])
    tolerance = float(row["atol"])
    return Problem(
        task_id=str(row["task_id"]),
        entry_point=entry_point,
        prompt=prompt,
        reference=prompt + str(row["canonical_solution"]),
        suites=tuple(
            input_suite(name, _inputs(row[f"{name}_input"]), tolerance)
            for name in ("base", "plus")
        ),
        oracle=HUMANEVAL_ORACLES.get(entry_point, EQUAL),
        empty=prompt + _NO_SOLUTION,
    )


def input_suite(name: str, inputs: Sequence[Sequence[Any]], tolerance: float) -> Suite:
    """Return the suite of calls whose expected values the reference gives."""
    cases = tuple(Case(tuple(args), tolerance=tolerance) for args in inputs)
    return Suite(name, cases, states_expected=False)


def _inputs(value: Any) -> Sequence[Sequence[Any]]:  # noqa: ANN401 - from JSON
    inputs: Sequence[Sequence[Any]] = (
        json.loads(value) if isinstance(value, str) else value
    )
    return inputs
