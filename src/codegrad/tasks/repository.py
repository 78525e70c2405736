"""A function of a real repository with its own pytest tests -> task.

The tests are run once, isolated, on a copy of the project, to learn which tests there
are and which modules the failing ones reach; those modules are the task's sources.
"""

import ast
import os
from collections.abc import Sequence
from pathlib import Path

from codegrad.code import function_sites
from codegrad.errors import TargetError, TestsError
from codegrad.sandbox.repository import (
    SuiteRun,
    find_python,
    find_root,
    run_suite,
)
from codegrad.task import (
    Constraint,
    Origin,
    PytestCheck,
    Repository,
    Task,
    static_constraints,
)
from codegrad.tasks.pytest_contradictions import check_test_files
from codegrad.tasks.python_file import module_functions, parse, read_text

MAX_FILES = 8
"""Modules that may be changed: the target's, and those that failing tests reach."""


def read_repository_task(
    path: Path,
    name: str | None,
    tests: Sequence[str],
    python: Path | None,
    *,
    allow_unsafe: bool = False,
) -> Task:
    """Return the task of a function of a project with pytest tests.

    Raises:
        TargetError: If the target is missing or does not define `name`.
        TestsError: If the tests are missing, do not collect, or cannot be run.
        ContradictionError: If two asserts of the tests exclude each other.
    """
    text = read_text(path)
    root = find_root(path)
    main = _inside(path, root)
    _check_name(text, main, name)
    files = tuple(_test_argument(test, root) for test in tests)
    repository = Repository(root, files, find_python(root, python))
    run = run_suite(repository, {main: text}, trace=True, allow_unsafe=allow_unsafe)
    if run.load is not None:
        raise TestsError(
            f"{run.load.path}:{run.load.line} cannot be imported ({run.load.error}: "
            f"{run.load.message}), so its tests do not collect; correct that first"
        )
    for outcome in run.outcomes:
        if outcome.error == "FixtureLookupError":
            raise TestsError(
                f"{outcome.node} asks for a fixture that does not exist "
                f"({outcome.message}); correct the tests first"
            )
    check_test_files({file: read_text(root / file) for file in run.test_files})
    sources = {main: text}
    for other in _reached_by_failing(run):
        if other not in sources and len(sources) < MAX_FILES:
            sources[other] = read_text(root / other)
    return Task(
        name=f"{main}::{name}" if name else main,
        entry_point=name or "",
        sources=sources,
        main=main,
        constraints=(*static_constraints(), *_node_constraints(run)),
        prompt=_docstring(text, main, name),
        repository=Repository(root, files, repository.python, tuple(sources)),
        path=path,
        notes=run.left_out,
    )


def _inside(path: Path, root: Path) -> str:
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links must not be resolved
    return absolute.relative_to(root).as_posix()


def _test_argument(test: str, root: Path) -> str:
    """Return a test path relative to `root`, its `::node` kept."""
    file_name, separator, node = test.partition("::")
    path = Path(os.path.abspath(file_name))  # noqa: PTH100
    if not path.exists():
        raise TestsError(f"{file_name} does not exist; check the path of --tests")
    if not path.is_relative_to(root):
        raise TestsError(
            f"{file_name} is not inside the project {root}; the tests must belong to "
            "the project that the target belongs to"
        )
    return path.relative_to(root).as_posix() + separator + node


def _check_name(text: str, main: str, name: str | None) -> None:
    if name is None or parse(text, main) is None:
        return
    names = [site.name for site in function_sites(main, text)]
    if name not in names:
        raise TargetError(
            f"{main} defines no function {name!r}; it defines: {', '.join(names)}"
        )


def _reached_by_failing(run: SuiteRun) -> list[str]:
    """Return the project's files that failing tests reached, the most reached first."""
    reached: dict[str, int] = {}
    for outcome in run.failing:
        if outcome.trace is not None:
            for path in outcome.trace.lines:
                if path not in run.test_files:
                    reached[path] = reached.get(path, 0) + 1
    return sorted(reached, key=lambda path: (-reached[path], path))


def _node_constraints(run: SuiteRun) -> list[Constraint]:
    return [
        Constraint(
            name=outcome.node,
            stage="tests",
            text="passes",
            check=PytestCheck(outcome.node),
            origin=Origin.GIVEN,
        )
        for outcome in run.outcomes
        if outcome.kind != "skipped"
    ]


def _docstring(text: str, main: str, name: str | None) -> str:
    tree = parse(text, main)
    if tree is None:
        return ""
    functions = dict(module_functions(tree))
    node = functions.get(name or "")
    return ast.get_docstring(node or tree) or ""
