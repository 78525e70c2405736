"""What a solver may see of a benchmark: the prompt, its examples, public tests.

In: a file of a benchmark. Out: one `Task` for each problem. Invariant: a record is cut
down to its visible fields before anything is made of it, so that no judge's data can
be in a task.
"""

import ast
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from codegrad.bench.livecodebench import livecodebench_problem
from codegrad.bench.rows import read_rows
from codegrad.errors import ContradictionError, TargetError, TestsError
from codegrad.task import (
    CallCheck,
    Constraint,
    StdinCheck,
    Task,
    static_constraints,
)
from codegrad.tasks.assertions import read_assertions, undefined_names
from codegrad.tasks.literals import call_text, shorten
from codegrad.tasks.python_file import task_from_text
from codegrad.tasks.records import task_from_record

_Row = Mapping[str, Any]

VISIBLE_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "humaneval": ("task_id", "prompt", "entry_point"),
        "humaneval+": ("task_id", "prompt", "entry_point"),
        "mbpp+": ("task_id", "prompt", "entry_point"),
        "livecodebench": (
            "question_id",
            "question_content",
            "starter_code",
            "public_test_cases",
            "metadata",
        ),
        "quixbugs": ("name", "buggy", "cases", "pytest"),
        "humanevalfix": ("task_id", "prompt", "entry_point", "buggy_solution"),
    }
)
"""By benchmark, the fields of a record that a solver may see."""


def visible_tasks(benchmark: str, path: Path) -> dict[str, Task]:
    """Return the task of each problem by its name, in the order of the file.

    Raises:
        DatasetError: If the file cannot be read.
    """
    rows, _ = read_rows(path)
    fields, read = VISIBLE_FIELDS[benchmark], _READERS[benchmark]
    tasks: dict[str, Task] = {}
    for row in rows:
        seen = {name: row[name] for name in fields if name in row}
        tasks[str(seen[fields[0]])] = read(seen)
    return tasks


def _function(row: _Row) -> Task:
    """Return the task of a prompt that ends with a function's docstring."""
    body = str(row.get("buggy_solution") or "    pass\n")
    source, main = f"{row['prompt']}{body}", _file(row["task_id"])
    entry_point = str(row["entry_point"])
    try:
        return task_from_text(source, main, entry_point)
    except (ContradictionError, TargetError) as error:
        # What a statement gets wrong is nobody's fault here; the tests are left out.
        return _bare(source, main, entry_point, str(row["prompt"]), note=str(error))


def _words(row: _Row) -> Task:
    """Return the task of a prompt in words, with asserts in it."""
    prompt, entry_point = str(row["prompt"]), str(row["entry_point"])
    main = _file(row["task_id"])
    source = f"{prompt}def {entry_point}(*args):\n    pass\n"
    asserts = "\n".join(_asserts(prompt))
    try:
        tests = read_assertions(asserts, entry_point) if asserts else ()
    except TestsError as error:
        return _bare(source, main, entry_point, prompt, note=str(error))
    # The asserts name modules that the file they are taken from had imported.
    missing = undefined_names(asserts, {entry_point}) if asserts else []
    prelude = "".join(
        f"import {name}\n" for name in missing if name in sys.stdlib_module_names
    )
    task = _bare(source, main, entry_point, prompt, tests=tuple(tests))
    return replace(task, prelude=prelude)


def _asserts(prompt: str) -> list[str]:
    found: list[str] = []
    for line in prompt.splitlines():
        if line.startswith("assert "):
            try:
                ast.parse(line)
            except SyntaxError:
                continue
            found.append(line)
    return found


def _competition(row: _Row) -> Task:
    """Return the task of a competition's problem, with its public tests."""
    problem = livecodebench_problem(row)
    name = problem.entry_point.rpartition(".")[2]
    main, source = _file(row["question_id"]), "pass\n"
    if name:
        # The tests call functions; this one makes the object that has the method.
        source = (
            f"{problem.empty}\n\ndef {name}(*arguments):\n"
            f"    return Solution().{name}(*arguments)\n"
        )
    tests: list[Constraint] = []
    for suite in problem.suites:
        for case in suite.cases:
            text = f"{call_text(name, tuple(case.args), {})} == {case.expected!r}"
            check = CallCheck(tuple(case.args), case.expected)
            tests.append(_test(len(tests) + 1, text, check))
        for stdin, stdout in suite.programs:
            text = f"{stdin!r} prints {stdout!r}"
            tests.append(_test(len(tests) + 1, text, StdinCheck(stdin, stdout)))
    return _bare(
        source,
        main,
        name,
        str(row["question_content"]),
        tests=tuple(tests),
        context=problem.context,
    )


def _test(number: int, text: str, check: CallCheck | StdinCheck) -> Constraint:
    return Constraint(f"test {number}", "tests", shorten(text), check)


def _bare(  # noqa: PLR0913 - one value for each field of a task
    source: str,
    main: str,
    entry_point: str,
    prompt: str,
    *,
    tests: tuple[Constraint, ...] = (),
    context: str = "",
    note: str = "",
) -> Task:
    return Task(
        name=f"{main}::{entry_point}" if entry_point else main,
        entry_point=entry_point,
        sources={main: source},
        main=main,
        constraints=(*static_constraints(), *tests),
        prompt=prompt,
        context=context,
        notes=(note,) if note else (),
    )


def _file(task_id: object) -> str:
    return f"{str(task_id).replace('/', '_')}.py"


_READERS: Mapping[str, Callable[[_Row], Task]] = {
    "humaneval": _function,
    "humaneval+": _function,
    "mbpp+": _words,
    "livecodebench": _competition,
    "quixbugs": task_from_record,
    "humanevalfix": _function,
}
