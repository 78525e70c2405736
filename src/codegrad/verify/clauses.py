"""Postconditions, checked after every known call that meets the preconditions.

The clause runs beside the candidate, in the tester's process. Functions that a clause
names are taken from the task's own text, not from the candidate, so a candidate cannot
weaken its own contract.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from codegrad.contract import Clause, ClauseKind
from codegrad.sandbox import TestOutcome
from codegrad.task import CallCheck, ClauseCheck, Constraint, Sources, Task
from codegrad.tasks.literals import call_text, shorten, show
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.stage import Workbench

STAGE = "tests"

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


def run_clauses(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `ClauseCheck`, in order.

    A clause that no known input reaches is `UNKNOWN`.
    """
    inputs = known_inputs(task)
    clauses = [_clause(constraint) for constraint in constraints]
    prelude = "\n".join([task.prelude, clause_prelude(task)])
    tests = [
        clause_test(task, clause, arguments)
        for clause in clauses
        for arguments in inputs
    ]
    run = bench.sandbox.check(
        sources[task.main],
        task.entry_point,
        tests,
        prelude=prelude,
        context=task.context,
        limits=bench.limits,
    )
    verdicts = []
    for index, constraint in enumerate(constraints):
        part = run.tests[index * len(inputs) : (index + 1) * len(inputs)]
        verdicts.append(_judge(constraint, task, inputs, part))
    return verdicts


def known_inputs(task: Task) -> list[Arguments]:
    """Return the arguments of every call of the entry point that the task names."""
    return [
        (check.args, check.kwargs)
        for check in (c.check for c in task.constraints if not c.is_guess)
        if isinstance(check, CallCheck)
        and (check.function or task.entry_point) == task.entry_point
    ]


def clause_test(task: Task, clause: Clause, arguments: Arguments) -> str:
    """Return the test that calls the entry point and asserts `clause`."""
    args, kwargs = arguments
    bound = bind(task, args, kwargs)
    lines = ["import copy as _copy"]
    lines += [f"{name} = {value}" for name, value in bound]
    lines += [f"old_{name} = _copy.deepcopy({name})" for name, _ in bound]
    before = [f"({pre.expression})" for pre in task.contract.of(ClauseKind.PRE)]
    condition = " and ".join(before) or "True"
    names = dict.fromkeys(name for name, _ in bound)
    given = "{}" if task.contract.sees_change(clause) else "_copy.deepcopy({})"
    passed = [
        f"{name}={given.format(name)}" if name in kwargs else given.format(name)
        for name in names
    ]
    lines += [
        f"if {condition}:",
        f"    result = {task.entry_point}({', '.join(passed)})",
        f"    assert {clause.expression}",
    ]
    return "\n".join(lines) + "\n"


def bind(
    task: Task, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Return the source of each argument by parameter name, in call order."""
    node = _entry_node(task)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)] if node else []
    names += [f"_argument_{index}" for index in range(len(names), len(args))]
    bound = [(name, repr(value)) for name, value in zip(names, args, strict=False)]
    return bound + [(name, repr(value)) for name, value in kwargs.items()]


def clause_prelude(task: Task) -> str:
    """Return the imports and functions of the task's text that its clauses use."""
    wanted = {
        node.id
        for clause in task.contract.clauses
        if clause.kind in {ClauseKind.PRE, ClauseKind.POST}
        for node in ast.walk(ast.parse(clause.expression, mode="eval"))
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id)
    }
    try:
        body = ast.parse(task.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    functions = {n.name: n for n in body if isinstance(n, ast.FunctionDef)}
    kept: dict[str, ast.FunctionDef] = {}
    while missing := [n for n in wanted if n in functions and n not in kept]:
        for name in missing:
            if name != task.entry_point:
                wanted |= set(_names(functions[name]))
            kept[name] = functions[name]
    kept.pop(task.entry_point, None)
    parts = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    lines = [f"try:\n    {ast.unparse(n)}\nexcept ImportError: pass" for n in parts]
    return "\n".join([*lines, *map(ast.unparse, kept.values())])


def _names(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            yield node.id


def _entry_node(task: Task) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        body = ast.parse(task.source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    functions = (
        n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return next((n for n in functions if n.name == task.entry_point), None)


def _clause(constraint: Constraint) -> Clause:
    assert isinstance(constraint.check, ClauseCheck)
    return constraint.check.clause


def _judge(
    constraint: Constraint,
    task: Task,
    inputs: Sequence[Arguments],
    outcomes: Sequence[TestOutcome],
) -> Verdict:
    examples: list[Counterexample] = []
    reached = 0
    trouble = ""
    for (args, kwargs), outcome in zip(inputs, outcomes, strict=True):
        called = bool(outcome.calls)
        reached += called
        if outcome.kind in {"passed", "not_run"}:
            continue
        if not called or (outcome.kind == "raised" and not _call_raised(outcome)):
            # The clause itself could not be evaluated: that refutes nothing.
            trouble = f"{outcome.error}: {outcome.message}"
            continue
        value = _result(outcome)
        examples.append(
            Counterexample(
                call=shorten(call_text(task.entry_point, args, dict(kwargs))),
                expected=f"post: {_clause(constraint).expression}",
                observed=value,
                line=outcome.line,
            )
        )
    examples.sort(key=lambda example: len(example.call))
    if examples:
        return Verdict(
            constraint.name,
            STAGE,
            Status.REFUTED,
            str(examples[0]),
            counterexamples=tuple(examples[:5]),
            checked=reached,
            distance=len(examples) / max(1, reached),
        )
    if not reached:
        reason = trouble or "no known input reaches it; give an example or a test"
        return Verdict(constraint.name, STAGE, Status.UNKNOWN, reason, distance=1.0)
    if trouble:
        return Verdict(
            constraint.name,
            STAGE,
            Status.UNKNOWN,
            f"the clause cannot be evaluated: {trouble}",
            checked=reached,
            distance=1.0,
        )
    return Verdict(constraint.name, STAGE, Status.PASSED, checked=reached)


def _call_raised(outcome: TestOutcome) -> bool:
    return bool(outcome.calls) and outcome.calls[-1].kind != "returned"


def _result(outcome: TestOutcome) -> str:
    if outcome.kind == "timeout":
        return "does not return within the time limit"
    last = outcome.calls[-1]
    if last.kind == "returned":
        return f"result == {shorten(show(last.value))}"
    return f"raises {last.value}"
