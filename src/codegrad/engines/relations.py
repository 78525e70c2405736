"""Relations between several calls, as tests beside the candidate.

In: an expression over the parameters that calls the function, the inputs of the task's
examples. Out: statements with asserts. Invariant: only inputs that the user's examples
give and the preconditions allow are used; nothing is expected of a single call.
"""

import ast

from codegrad.contract import ClauseKind
from codegrad.sandbox import Ending, Limits
from codegrad.task import CallCheck, Task
from codegrad.verify.clauses import bind, clause_prelude, known_inputs
from codegrad.verify.stage import Workbench

MAX_INPUTS = 12


def is_relation(expression: str, function: str) -> bool:
    """Return whether an expression says something of calls of `function`.

    Example:
        >>> is_relation("f(xs) == f(xs[::-1])", "f"), is_relation("xs", "f")
        (True, False)
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
        for node in ast.walk(tree)
    )


def relation_test(task: Task, expression: str) -> str:
    """Return a test of a relation on the known inputs; empty if there are none."""
    before = [f"({c.expression})" for c in task.contract.of(ClauseKind.PRE)]
    condition = " and ".join(before) or "True"
    lines: list[str] = []
    for args, kwargs in known_inputs(task)[:MAX_INPUTS]:
        lines += [f"{name} = {value}" for name, value in bind(task, args, kwargs)]
        lines += [f"if {condition}:", f"    assert {expression.strip()}"]
    if not lines:
        return ""
    return "\n".join([clause_prelude(task), *lines]) + "\n"


def holds(
    source: str, task: Task, expression: str, bench: Workbench, limits: Limits
) -> bool | None:
    """Return whether a program meets a relation; None if it does not say."""
    test = relation_test(task, expression)
    if not test:
        return None
    run = bench.sandbox.check(
        source,
        task.entry_point,
        [test],
        prelude=task.prelude,
        context=task.context,
        limits=limits,
    )
    if not run.load.ok or not run.tests:
        return None
    kind = run.tests[0].kind
    return kind is Ending.PASSED if kind in {Ending.PASSED, Ending.FAILED} else None


def table_of(task: Task, examples: "list[CallCheck]") -> str:
    """Return a module whose entry point knows the expected results and no more."""
    rows = [(check.args, dict(check.kwargs), check.expected) for check in examples]
    return (
        f"_ROWS = {rows!r}\n"
        f"def {task.entry_point}(*args, **kwargs):\n"
        "    for known, named, result in _ROWS:\n"
        "        if (known, named) == (args, kwargs):\n"
        "            return result\n"
        "    raise LookupError\n"
    )
