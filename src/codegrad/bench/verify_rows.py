"""Programs known to be right or wrong, and the tasks that judge them.

In: the folder of the data. Out: rows (programs with what is known of them) and for each
the task that a user could have stated: prompt, docstring examples and visible tests.
Invariant: nothing of a hidden test is in a task.
"""

import ast
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from codegrad.bench.livecodebench import livecodebench_problem
from codegrad.bench.rows import read_rows
from codegrad.task import (
    CallCheck,
    Check,
    Constraint,
    StdinCheck,
    Task,
    static_constraints,
    with_dynamic_constraints,
)
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text

Row = Mapping[str, Any]

_MAIN = "m.py"
_THERE = "import math, sys"


@dataclass(frozen=True, slots=True)
class Program:
    """One row of a set of programs."""

    key: str
    """The set and the number of the row."""

    task_id: str
    model: str
    code: str
    row: Row


class RowTasks:
    """The tasks of the rows of one folder of data; one object a task."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._tasks: dict[str, Task] = {}

    def programs(self, name: str) -> list[Program]:
        """Return the programs of the set `name`, in the order of the file."""
        return [
            Program(
                f"{name}/{number}",
                str(row["task_id"]),
                str(row.get("model", "")),
                str(row["code"]),
                row,
            )
            for number, row in enumerate(self._rows(name))
        ]

    def source(self, program: Program) -> str:
        """Return the text of a program, a method that is asked for as a function."""
        entry = self.task(program).entry_point
        if entry and "class Solution" in program.code:
            call = f"return Solution().{entry}(*arguments)"
            return f"{program.code}\n\ndef {entry}(*arguments):\n    {call}\n"
        return program.code

    def task(self, program: Program) -> Task:
        """Return the task of a program, with the constraints of every stage."""
        name = program.task_id
        if name not in self._tasks:
            task = self._read(name, program.row)
            self._tasks[name] = with_dynamic_constraints(task)
        return self._tasks[name]

    @cached_property
    def solutions(self) -> dict[str, Row]:
        """The records of HumanEval's development tasks by name."""
        text = (self.data / "dev_tasks.json").read_text(encoding="utf-8")
        dev = set(_names(json.loads(text)))
        return {
            str(row["task_id"]): row
            for row in self._rows("HumanEval")
            if row["task_id"] in dev
        }

    @cached_property
    def hidden(self) -> dict[str, Row]:
        """The records of HumanEval+, to judge with; no task holds any of it."""
        return {str(row["task_id"]): row for row in self._rows("HumanEvalPlus")}

    @cached_property
    def _contest(self) -> dict[str, Row]:
        rows = self._rows("livecodebench_dev")
        return {f"LCB/{row['question_id']}": row for row in rows}

    def _rows(self, name: str) -> Sequence[Row]:
        return read_rows(self.data / f"{name}.jsonl.gz")[0]

    def _read(self, name: str, row: Row) -> Task:
        entry, prompt = str(row.get("entry_point") or ""), str(row["prompt"])
        if name.startswith("HumanEval/"):
            tests = read_assertions(str(self.solutions[name]["test"]), entry)
            return task_from_text(prompt, _MAIN, entry, extra=tests, context=prompt)
        if name.startswith("Mbpp/"):
            # The statement is a string whose last lines are the visible test.
            text = str(ast.literal_eval(prompt.strip()))
            lines = [k for k in text.splitlines() if k.startswith("assert")]
            tests = read_assertions("\n".join(lines), entry) if lines else ()
            stub = f"def {entry}(*args): ...\n"
            task = task_from_text(stub, _MAIN, entry, extra=tests, prompt=text)
            # Some statements use `math` or `sys` as if it were there; programs too.
            return replace(task, prelude=_THERE, context=_THERE)
        return _contest_task(name, self._contest[name])


def _names(item: object) -> Iterator[str]:
    match item:
        case str():
            yield item
        case list():
            for part in item:
                yield from _names(part)
        case dict():
            for part in item.values():
                yield from _names(part)


def _contest_task(name: str, row: Row) -> Task:
    """Return a contest's program, or method of a class, with its public cases."""
    problem = livecodebench_problem({**row, "private_test_cases": ""})
    suite = problem.suites[0]
    method = problem.entry_point.rpartition(".")[2]
    checks: Sequence[Check] = (
        [CallCheck(tuple(case.args), case.expected) for case in suite.cases]
        if method
        else [StdinCheck(*program) for program in suite.programs]
    )
    constraints = tuple(
        Constraint(f"case {number}", "tests", "a public case", check)
        for number, check in enumerate(checks, 1)
    )
    return Task(
        name,
        method,
        {_MAIN: ""},
        _MAIN,
        (*static_constraints(), *constraints),
        context=problem.context,
    )


def sampled(programs: Sequence[Program], count: int, *, seed: int) -> list[Program]:
    """Return `count` programs, of as many tasks as possible; 0 is all of them.

    Example:
        >>> [p.key for p in sampled([Program("a/0", "t", "", "", {})], 0, seed=0)]
        ['a/0']
    """
    if not count or len(programs) <= count:
        return list(programs)
    rng = random.Random(seed)  # noqa: S311 - a reproducible sample
    order = list(programs)
    rng.shuffle(order)
    first: dict[str, Program] = {}
    for program in order:
        first.setdefault(program.task_id, program)
    rest = [program for program in order if first[program.task_id] is not program]
    return [*first.values(), *rest][:count]
