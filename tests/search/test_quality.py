# ruff: noqa: T201 - the figures are what `-s` is for
"""What the search repairs of two public sets of small faulty programs.

Floors, so that a change which loses repairs is seen. Run with `-s` for the figures.
"""

from __future__ import annotations

import ast
import gzip
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from codegrad.sandbox import Sandbox
from codegrad.search.frontier import Frontier
from tests.search.jobs import KERNEL, Json, call, code, job, run_here, runner

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[3] / "shared" / "data"
BUDGET = 20_000
STEP = 4_000
NODE = """\
class Node:
    def __init__(self, value=None, successor=None, successors=(), predecessors=(),
                 incoming_nodes=(), outgoing_nodes=()):
        self.value, self.successor = value, successor
        self.successors = list(successors or ())
        self.predecessors = list(predecessors or ())
        self.incoming_nodes = list(incoming_nodes or ())
        self.outgoing_nodes = list(outgoing_nodes or ())
"""


class Program(NamedTuple):
    name: str
    source: str
    payload: Json


def rows(name: str) -> list[Json]:
    path = DATA / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"the development data are not here: {path}")
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def linked_tests(text: str) -> Iterator[Json]:
    """Yield the functions of a pytest module; set-up is repeated for each."""
    tree = ast.parse(text)
    left_out = (ast.Import, ast.ImportFrom, ast.If, ast.FunctionDef)
    setup = [node for node in tree.body if not isinstance(node, left_out)]
    earlier: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield code(ast.unparse(ast.Module([*setup, *earlier, *body], [])))
            earlier += [
                statement
                for statement in body
                if isinstance(statement, ast.Assign)
                and isinstance(statement.targets[0], ast.Attribute)
            ]


def quixbugs() -> Iterator[Program]:
    for row in rows("quixbugs_dev"):
        payload: Json = {"entry": row["name"]}
        if row["cases"] is None:
            payload["context"] = NODE
            payload["tests"] = list(linked_tests(row["pytest"]))
        else:
            payload["tests"] = [
                call(args if isinstance(args, list) else [args], expected)
                for args, expected in row["cases"]
            ]
        yield Program(row["name"], row["buggy"], payload)


def humanevalfix() -> Iterator[Program]:
    for row in rows("humanevalfix_dev"):
        payload = {"entry": row["entry_point"], "tests": [code(row["test"])]}
        source = row["prompt"] + row["buggy_solution"]
        yield Program(row["task_id"], source, {**payload, "prompt": row["docstring"]})


def repaired(program: Program, run_job: Any) -> int | None:
    """Return the candidates spent on a program, or None if it was not repaired."""
    frontier = Frontier(program.payload, run_job)
    spent = 0
    while spent < BUDGET:
        batch = frontier.advance(program.source, min(STEP, BUDGET - spent))
        spent += batch.spent
        if batch.proposals:
            return spent
        if batch.exhausted:
            break
    return None


def count(programs: list[Program]) -> int:
    start = time.monotonic()
    with Sandbox(preload=(KERNEL,)) as sandbox:
        spent = {p.name: repaired(p, runner(sandbox)) for p in programs}
    known = [number for number in spent.values() if number is not None]
    missed = [name for name, number in spent.items() if number is None]
    print(
        f"\n{len(known)} of {len(programs)} plausible; "
        f"median spent {statistics.median(known):.0f}; "
        f"{time.monotonic() - start:.0f} s; missed: {missed}"
    )
    return len(known)


def test_all_nine_quixbugs_programs_are_repaired() -> None:
    assert count(list(quixbugs())) == 9


def test_at_least_88_percent_of_humanevalfix_are_repaired() -> None:
    programs = list(humanevalfix())
    assert count(programs) >= 0.88 * len(programs)


def test_single_edits_are_found_early() -> None:
    first = []
    for program in quixbugs():
        fields = {"tests": [], **program.payload, "count": 4000, "extra": 0}
        wanted = job(program.source, **fields)
        hits = run_here(wanted).hits("plausible")
        first += [hit["index"] for hit in hits[:1]]
    print(f"\ncandidate of the first plausible one: {sorted(first)}")
    assert len(first) >= 8
    assert statistics.median(first) < 300
