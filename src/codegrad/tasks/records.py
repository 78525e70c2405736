"""Benchmark records -> tasks.

HumanEval style: `{task_id, prompt, entry_point, test}` with the code to start from in
`buggy_solution`, `completion` or nothing (a stub). QuixBugs style: `{name, buggy,
cases}` or `{name, buggy, pytest}`. The right answer in a record is never read.
"""

import ast
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codegrad.errors import TargetError
from codegrad.task import (
    CallCheck,
    Constraint,
    Task,
    reconcile,
    static_constraints,
)
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.literals import call_text, shorten
from codegrad.tasks.python_file import task_from_text

# QuixBugs' linked structures import this class from a module beside the programs.
_QUIXBUGS_NODE = """
class Node:
    def __init__(
        self, value=None, successor=None, successors=(), predecessors=(),
        incoming_nodes=(), outgoing_nodes=(),
    ):
        self.value = value
        self.successor = successor
        self.successors = list(successors or ())
        self.predecessors = list(predecessors or ())
        self.incoming_nodes = list(incoming_nodes or ())
        self.outgoing_nodes = list(outgoing_nodes or ())
"""


def read_record_file(path: Path, name: str | None) -> Task:
    """Return the task of a JSON file, or of the line of a JSONL file named `name`.

    Raises:
        TargetError: If there is no such record or it has neither form.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TargetError(f"{path} does not exist; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"{path} cannot be read: {error}") from error
    try:
        rows = (
            [json.loads(line) for line in text.split("\n") if line.strip()]
            if path.suffix == ".jsonl"
            else [json.loads(text)]
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise TargetError(f"{path} is not JSON: {error}") from error
    rows = [
        row for item in rows for row in (item if isinstance(item, list) else [item])
    ]
    known = [str(row.get("task_id") or row.get("name")) for row in rows if row]
    for key, row in zip(known, rows, strict=False):
        if name in {None, key} and (len(rows) == 1 or name is not None):
            return task_from_record(row)
    some = ", ".join(known[:5])
    raise TargetError(
        f"{path} holds {len(rows)} records ({some}, ...); say which one: "
        f"{path}::{known[0] if known else 'NAME'}"
        if name is None
        else f"{path} holds no record {name!r}; it holds: {some}, ..."
    )


def task_from_record(row: Mapping[str, Any]) -> Task:
    """Return the task of one benchmark record.

    Raises:
        TargetError: If the record has neither form.
        ContradictionError: If two of its tests exclude each other.
    """
    if {"prompt", "entry_point", "test"} <= row.keys():
        return reconcile(_humaneval(row))
    if {"name", "buggy"} <= row.keys():
        return reconcile(_quixbugs(row))
    raise TargetError(
        "the record has neither HumanEval's fields (prompt, entry_point, test) nor "
        f"QuixBugs' (name, buggy, cases or pytest); it has: {', '.join(sorted(row))}"
    )


def _humaneval(row: Mapping[str, Any]) -> Task:
    entry_point = str(row["entry_point"])
    body = str(row.get("buggy_solution") or row.get("completion") or "    pass\n")
    source = str(row["prompt"]) + body
    tests = read_assertions(str(row["test"]), entry_point)
    main = str(row.get("task_id", entry_point)).replace("/", "_") + ".py"
    return task_from_text(source, main, entry_point, extra=tests)


def _quixbugs(row: Mapping[str, Any]) -> Task:
    name, source = str(row["name"]), str(row["buggy"])
    main = f"{name}.py"
    if row.get("cases") is not None:
        tests = tuple(_case(name, n, case) for n, case in enumerate(row["cases"], 1))
        return task_from_text(source, main, name, extra=tests)
    text = str(row.get("pytest") or "")
    # Their asserts build on each other and on objects of the program's classes.
    tests = read_assertions(
        _without_imports(text), name, shares_process=True, whole_functions=True
    )
    return Task(
        name=f"{main}::{name}",
        entry_point=name,
        sources={main: source},
        main=main,
        constraints=(*static_constraints(), *tests),
        context=_QUIXBUGS_NODE,
        prompt=_loose_text(source),
    )


def _case(name: str, number: int, case: Sequence[Any]) -> Constraint:
    given, expected = case
    args = tuple(given) if isinstance(given, list) else (given,)
    text = f"{call_text(name, args, {})} == {expected!r}"
    return Constraint(
        f"test {number}", "tests", shorten(text), CallCheck(args, expected)
    )


def _without_imports(source: str) -> str:
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.If)
    ]
    return ast.unparse(tree)


def _loose_text(source: str) -> str:
    strings = [
        node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return "\n".join(strings)
