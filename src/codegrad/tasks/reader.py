"""The one door to all task readers: a target and its tests -> `Task`.

Targets: `FILE.py`, `FILE.py::NAME`, `RECORD.json`, `RECORDS.jsonl::ID`. Tests: a JSON
file of examples or cases, a Python file of asserts, or pytest files and folders.
"""

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codegrad.errors import TargetError, TestsError
from codegrad.task import (
    AssertionCheck,
    Constraint,
    StdinCheck,
    Task,
    reconcile,
    static_constraints,
    with_dynamic_constraints,
)
from codegrad.tasks.assertions import read_assertions, undefined_names
from codegrad.tasks.examples import read_examples_file
from codegrad.tasks.python_file import (
    module_functions,
    parse,
    read_python_file,
    read_text,
)
from codegrad.tasks.records import read_record_file
from codegrad.tasks.repository import read_repository_task


def read_task(
    target: str, *, tests: Sequence[str] = (), python: Path | None = None
) -> Task:
    """Return the task that `target` and `tests` state.

    `python` is the interpreter of the project's own environment, for pytest tests.

    Raises:
        TargetError: If the target is missing, empty, or does not name a function.
        TestsError: If the tests are missing or cannot be used.
        ContradictionError: If two constraints exclude each other.
    """
    file_name, _, name = target.partition("::")
    path = Path(file_name)
    if not path.exists() and "::" not in target and ":" in target:
        file_name, _, name = target.partition(":")
        raise TargetError(f"{target} does not exist; did you mean {file_name}::{name}?")
    if path.suffix in {".json", ".jsonl"}:
        task = read_record_file(path, name or None)
    elif any(_is_pytest(Path(test.partition("::")[0])) for test in tests):
        task = read_repository_task(path, name or None, tests, python)
    else:
        task = _file_task(path, name or None, [Path(test) for test in tests])
    task = with_dynamic_constraints(reconcile(task))
    if task.path is not None:
        # A run may be resumed from another folder.
        task = replace(task, path=task.path.absolute())
    return task


def _file_task(path: Path, name: str | None, tests: Sequence[Path]) -> Task:
    extra: list[Constraint] = []
    for test in tests:
        if test.suffix == ".json":
            extra += read_examples_file(test)
    if any(isinstance(constraint.check, StdinCheck) for constraint in extra):
        if name is not None:
            raise TestsError(
                "cases with stdin and stdout are for a whole program; leave out "
                f"::{name}, or give examples with args and expected"
            )
        return _program_task(path, tuple(extra))
    task = read_python_file(path, name)
    for test in tests:
        if test.suffix != ".json":
            found = read_assertions(read_text(test), task.entry_point)
            _check_names(test, found, task)
            extra += found
    return replace(
        task, constraints=(*task.constraints, *_numbered(extra, task.entry_point))
    )


def _check_names(test: Path, found: Sequence[Constraint], task: Task) -> None:
    tree = parse(task.source, task.main)
    if tree is None:
        return
    known = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        name for node in tree.body for name in _bound(node)
    }
    for constraint in found:
        if isinstance(constraint.check, AssertionCheck):
            missing = undefined_names(constraint.check.source, known)
            if missing:
                raise TestsError(
                    f"{test}: `{constraint.text}` uses {missing[0]!r}, which neither "
                    f"the tests nor {task.main} define"
                )


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(a.asname or a.name).partition(".")[0] for a in names]
        case _:
            return []


def _numbered(extra: Sequence[Constraint], entry_point: str) -> list[Constraint]:
    """Give constraints of several files distinct names and name the function."""
    return [
        replace(
            constraint,
            name=f"test {number}",
            text=entry_point + constraint.text
            if constraint.text.startswith("(")
            else constraint.text,
        )
        for number, constraint in enumerate(extra, 1)
    ]


def _program_task(path: Path, cases: tuple[Constraint, ...]) -> Task:
    text = read_text(path)
    tree = parse(text, path.name)
    return Task(
        name=path.name,
        entry_point="",
        sources={path.name: text},
        main=path.name,
        constraints=(*static_constraints(), *cases),
        prompt=(ast.get_docstring(tree) or "") if tree else "",
        path=path,
    )


def _is_pytest(path: Path) -> bool:
    """Whether `path` is for pytest: a folder, or a file with test functions."""
    if path.is_dir():
        return True
    if path.suffix != ".py":
        if path.suffix == ".json":
            return False
        if not path.exists():
            raise TestsError(f"{path} does not exist; check the path of --tests")
        raise TestsError(
            f"{path} is neither a Python file, a folder nor JSON; see `codegrad "
            "refine --help`"
        )
    try:
        tree = parse(read_text(path), str(path))
    except TargetError as error:
        raise TestsError(f"the tests cannot be used: {error}") from error
    if tree is None:
        raise TestsError(f"{path} is not valid Python; correct the tests first")
    takes_candidate = any(name == "check" for name, _ in module_functions(tree))
    has_tests = any(
        isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name.lower().startswith("test")
        for node in tree.body
    )
    return has_tests and not takes_candidate
