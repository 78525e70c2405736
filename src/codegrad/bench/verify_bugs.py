"""Which faults do the stages past the tests find, and how often are they wrong?

    python -m codegrad.bench.verify_bugs bugs    --data DIR [--all]
    python -m codegrad.bench.verify_bugs alarms  --data DIR [--all]
    python -m codegrad.bench.verify_bugs mutants --data DIR [--all]

*bugs*: programs that pass HumanEval's tests and fail HumanEval+, judged from prompt,
docstring examples and base tests alone. *alarms*: programs that are right; a hard
refutation of one is a false alarm. *mutants*: single-operator mutants of the canonical
solutions, with the original as reference; a mutant that survives is called equivalent
if HumanEval+'s inputs do not tell it apart either.
"""

import argparse
import ast
import copy
import gzip
import json
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codegrad.errors import CodeGradError
from codegrad.sandbox import Call, Ending
from codegrad.task import Constraint, StdinCheck, Task, dynamic_constraints
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Status
from codegrad.verify.ladder import STAGES, Ladder
from codegrad.verify.oracles import agree
from codegrad.verify.stage import Workbench

_Row = Mapping[str, Any]
_SAMPLE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """What the ladder says about one program."""

    name: str
    hard: tuple[str, ...]
    """Hard constraints that are refuted, as `stage: constraint`."""

    soft: tuple[str, ...]
    """Soft constraints that are refuted, as `stage: constraint`."""

    reasons: tuple[str, ...]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the three measurements and print a table."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.verify_bugs")
    parser.add_argument("what", choices=["bugs", "alarms", "mutants"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--all", action="store_true", help="every row, not a sample")
    parser.add_argument("--sample", type=int, default=_SAMPLE)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args(arguments)
    bench = _Bench(
        options.data,
        0 if options.all else options.sample,
        options.seed,
        is_verbose=options.verbose,
    )
    with bench.workbench:
        {"bugs": bench.bugs, "alarms": bench.alarms, "mutants": bench.mutants}[
            options.what
        ]()
    return 0


class _Bench:
    def __init__(self, data: Path, sample: int, seed: int, *, is_verbose: bool) -> None:
        self.data = data
        self.sample = sample
        self.seed = seed
        self.is_verbose = is_verbose
        self.workbench = Workbench()
        self.ladder = Ladder([s for s in STAGES if s.name not in {"lint", "types"}])
        self._tasks: dict[str, Task] = {}
        self._contest: dict[str, _Row] = {}
        self._tests = {
            row["task_id"]: row for row in _read(data / "HumanEval.jsonl.gz")
        }

    def bugs(self) -> None:
        """Print the share of faults past the tests that each oracle finds."""
        rows = [
            row
            for row in _read(self.data / "wrong_humaneval_dev.jsonl.gz")
            if row["base_pass"] and not row["plus_pass"]
        ]
        findings = [self._find(row) for row in self._chosen(rows)]
        _report("faults past the tests", findings)

    def alarms(self) -> None:
        """Print how many right programs are refuted, by oracle."""
        for name in ("right_humaneval_dev", "right_mbpp_dev", "right_lcb_dev"):
            rows = self._chosen(list(_read(self.data / f"{name}.jsonl.gz")))
            _report(name, [self._find(row) for row in rows])

    def mutants(self) -> None:
        """Print the share of mutants that the reference refutes, and the time."""
        dev = _dev_tasks(self.data)
        plus = {r["task_id"]: r for r in _read(self.data / "HumanEvalPlus.jsonl.gz")}
        rng = random.Random(self.seed)  # noqa: S311 - a reproducible sample
        ladder = Ladder.of(["properties"])
        killed, missed, equivalent, times = 0, 0, 0, []
        for name in sorted(dev & self._tests.keys()):
            row = self._tests[name]
            source = str(row["prompt"]) + str(row["canonical_solution"])
            found = list(mutants(source))
            chosen = found if not self.sample else rng.sample(found, min(2, len(found)))
            task = self._mutant_task(row, source)
            ladder.run({task.main: source}, task, self.workbench)
            for text in chosen:
                start = time.perf_counter()
                run = ladder.run({task.main: text}, task, self.workbench)
                times.append(time.perf_counter() - start)
                if any(v.status is Status.REFUTED for v in run.verdicts):
                    killed += 1
                elif self._is_told_apart(plus[name], task.entry_point, source, text):
                    missed += 1
                    if self.is_verbose:
                        _say(f"missed: {name}\n{_difference(source, text)}")
                else:
                    equivalent += 1
        total = killed + missed
        _say(
            f"mutants: {killed} of {total} non-equivalent refuted "
            f"({100 * killed / max(1, total):.1f} %), {equivalent} not told apart by "
            f"HumanEval+ either; wall ms median "
            f"{1000 * statistics.median(times):.0f}, "
            f"p90 {1000 * sorted(times)[int(0.9 * len(times))]:.0f}"
        )

    def _mutant_task(self, row: _Row, source: str) -> Task:
        """Return the task of keeping a solution's behaviour."""
        entry = str(row["entry_point"])
        task = task_from_text(
            source, "m.py", entry, extra=read_assertions(str(row["test"]), entry)
        )
        task = replace(task, reference=source)
        extra = [c for c in dynamic_constraints(task) if c.name == "reference"]
        return replace(task, constraints=(*task.constraints, *extra))

    def _is_told_apart(self, row: _Row, entry: str, first: str, second: str) -> bool:
        inputs = [Call(tuple(a)) for a in (*row["base_input"], *row["plus_input"])]
        wanted = self.workbench.sandbox.call(first, entry, inputs).calls
        found = self.workbench.sandbox.call(second, entry, inputs).calls
        return any(
            good.kind is Ending.RETURNED
            and (ours.kind is not Ending.RETURNED or not agree(ours.value, good.value))
            for good, ours in zip(wanted, found, strict=True)
            if ours.kind is not Ending.NOT_RUN
        )

    def _chosen(self, rows: list[_Row]) -> list[_Row]:
        if not self.sample or len(rows) <= self.sample:
            return rows
        rng = random.Random(self.seed)  # noqa: S311 - a reproducible sample
        # One program of a task is more telling than ten.
        rng.shuffle(rows)
        first: dict[str, _Row] = {}
        for row in rows:
            first.setdefault(str(row["task_id"]), row)
        rest = [row for row in rows if first[str(row["task_id"])] is not row]
        return [*first.values(), *rest][: self.sample]

    def _find(self, row: _Row) -> Finding:
        task = self._task(row)
        start = time.perf_counter()
        try:
            run = self.ladder.run({task.main: str(row["code"])}, task, self.workbench)
        except CodeGradError as error:
            _say(f"{row['task_id']}: {error}")
            return Finding(str(row["task_id"]), (), (), (), 0.0)
        hard = {c.name for c in task.constraints if c.hard}
        bad = [v for v in run.verdicts if v.status is Status.REFUTED]
        finding = Finding(
            f"{row['task_id']} {row['model']}",
            tuple(f"{v.stage}: {v.constraint}" for v in bad if v.constraint in hard),
            tuple(
                f"{v.stage}: {v.constraint}" for v in bad if v.constraint not in hard
            ),
            tuple(f"{v.constraint}: {v.reason}" for v in bad),
            time.perf_counter() - start,
        )
        if self.is_verbose:
            for reason in finding.reasons:
                _say(f"  {finding.name}: {reason}")
        return finding

    def _task(self, row: _Row) -> Task:
        """Return the task of a row; one object for all programs of a task."""
        name = str(row["task_id"])
        if name not in self._tasks:
            task = self._read_task(name, row)
            self._tasks[name] = replace(
                task, constraints=(*task.constraints, *dynamic_constraints(task))
            )
        return self._tasks[name]

    def _read_task(self, name: str, row: _Row) -> Task:
        entry, prompt = str(row.get("entry_point") or ""), str(row["prompt"])
        if name.startswith("HumanEval/"):
            tests = read_assertions(str(self._tests[name]["test"]), entry)
            return task_from_text(prompt, "m.py", entry, extra=tests, context=prompt)
        if name.startswith("Mbpp/"):
            stub = f"def {entry}(*args): ...\n"
            # The statement is a string whose last lines are the visible test.
            text = str(ast.literal_eval(prompt.strip()))
            lines = [k for k in text.splitlines() if k.startswith("assert")]
            tests = read_assertions("\n".join(lines), entry) if lines else ()
            task = task_from_text(stub, "m.py", entry, extra=tests, prompt=text)
            return replace(task, prelude="import math")
        return self._contest_task(name)

    def _contest_task(self, name: str) -> Task:
        """Return a program with the public cases of its statement."""
        if not self._contest:
            rows = _read(self.data / "livecodebench_dev.jsonl.gz")
            self._contest = {f"LCB/{row['question_id']}": row for row in rows}
        row = self._contest[name]
        if row["starter_code"]:
            return Task(name, "", {"m.py": ""}, "m.py")  # a class, not a function
        cases = row["public_test_cases"]
        return Task(
            name,
            "",
            {"m.py": ""},
            "m.py",
            tuple(
                Constraint(
                    f"case {number}",
                    "tests",
                    "a public case",
                    StdinCheck(case["input"], case["output"]),
                )
                for number, case in enumerate(
                    json.loads(cases) if isinstance(cases, str) else cases, 1
                )
            ),
        )


def _dev_tasks(data: Path) -> set[str]:
    text = (data / "dev_tasks.json").read_text(encoding="utf-8")
    found: set[str] = set()
    pending: list[Any] = [json.loads(text)]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            pending += item.values()
        elif isinstance(item, list):
            pending += item
        elif isinstance(item, str) and item.startswith("HumanEval/"):
            found.add(item)
    return found


def _read(path: Path) -> Iterator[_Row]:
    if not path.exists():
        sys.exit(f"{path} does not exist; name the folder of the data with --data")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _report(title: str, findings: Sequence[Finding]) -> None:
    total = max(1, len(findings))
    hard = sum(bool(f.hard) for f in findings)
    soft = sum(bool(f.soft) for f in findings)
    oracles = Counter(name for f in findings for name in {*f.hard, *f.soft})
    seconds = [f.seconds for f in findings] or [0.0]
    _say(
        f"{title}: {len(findings)} programs; refuted by a hard constraint {hard} "
        f"({100 * hard / total:.1f} %), by a soft one {soft} "
        f"({100 * soft / total:.1f} %); wall s median {statistics.median(seconds):.2f}"
    )
    for name, count in oracles.most_common():
        kind = "hard" if any(name in f.hard for f in findings) else "soft"
        _say(f"    {count:5d}  {100 * count / total:5.1f} %  {kind}  {name}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is a program


_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}


def mutants(source: str) -> Iterator[str]:
    """Yield every single-operator mutant of a module.

    Example:
        >>> [text.split()[-3:] for text in mutants("def f(a): return a < 1")]
        [['a', '<=', '1'], ['a', '>', '1'], ['a', '<', '2']]
    """
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            mutant = copy.deepcopy(tree)
            target = list(ast.walk(mutant))[index]
            change_in(target, change)
            yield ast.unparse(mutant)


def _changes(node: ast.AST) -> list[Any]:  # noqa: PLR0911 - one answer a node
    match node:
        case ast.Compare(ops=[first, *_]):
            return list(_COMPARISONS.get(type(first), ()))
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator):
            other = _OPERATORS.get(type(operator))
            return [other] if other else []
        case ast.BoolOp(op=ast.And()):
            return [ast.Or]
        case ast.BoolOp(op=ast.Or()):
            return [ast.And]
        case ast.Constant(value=bool(value)):
            return [not value]
        case ast.Constant(value=int(value)):
            return [value + 1]
        case ast.UnaryOp(op=ast.Not()):
            return [ast.UAdd]
        case _:
            return []


def change_in(node: ast.AST, change: Any) -> None:  # noqa: ANN401 - an operator or a value
    """Put a change of `_changes` into a node."""
    match node:
        case ast.Compare():
            node.ops[0] = change()
        case ast.BinOp() | ast.AugAssign() | ast.BoolOp():
            node.op = change()
        case ast.Constant():
            node.value = change
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(ast.Not(), node.operand)


def _difference(first: str, second: str) -> str:
    before = ast.unparse(ast.parse(first)).splitlines()
    return "\n".join(
        f"- {a}\n+ {b}"
        for a, b in zip(before, second.splitlines(), strict=False)
        if a != b
    )


if __name__ == "__main__":
    sys.exit(main())
