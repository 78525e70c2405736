"""Contracts on generated inputs.

The candidate is called in one process; its arguments and results are then handed to
the clause in another, as plain values. So a candidate cannot weaken its own contract,
and every clause looks at the same calls.
"""

import ast
import builtins
import re
from collections.abc import Sequence

from codegrad.contract import ClauseKind
from codegrad.sandbox import Call, CallOutcome, Ending, Limits, Sandbox
from codegrad.task import Task
from codegrad.verify.clauses import clause_prelude
from codegrad.verify.inputs import Args, entry_node

_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = "_codegrad_clause"


def allowed_errors(task: Task) -> tuple[str, ...]:
    """Return the names of the exceptions that the contract's `raises:` allows.

    Text after a name, such as `ValueError if n < 0`, is for people.
    """
    found: list[str] = []
    for clause in task.contract.of(ClauseKind.RAISES):
        for part in clause.expression.split(","):
            name = _NAME.match(part.strip())
            if name:
                found.append(name[0])
    return tuple(dict.fromkeys(found))


def is_allowed(error: str, allowed: Sequence[str]) -> bool:
    """Return whether an exception is one of the allowed, or of a subclass of one.

    Example:
        >>> is_allowed("KeyError", ["LookupError"]), is_allowed("Gone", ["OSError"])
        (True, False)
    """
    kind = getattr(builtins, error, None)
    names = {base.__name__ for base in kind.__mro__} if isinstance(kind, type) else ()
    return error in allowed or any(name in names for name in allowed)


def clause_source(task: Task, expression: str) -> str:
    """Return a module whose one function evaluates a clause of the contract.

    It takes the result, the arguments before the call, and the arguments after it.
    """
    node = entry_node(task.source, task.entry_point)
    names = (
        [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        if node is not None
        else []
    )
    signature = _signature(node) if node is not None else "*_arguments"
    lines = [
        task.prelude,
        clause_prelude(task),
        f"def {_FUNCTION}({', '.join(filter(None, ('result, _old', signature)))}):",
        *(
            f"    old_{name} = _old[{index}] if {index} < len(_old) else {name}"
            for index, name in enumerate(names)
        ),
        f"    return bool({expression})",
    ]
    return "\n".join(lines) + "\n"


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    tree = ast.parse(f"def f({ast.unparse(node.args)}): ...")
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    # The two values that come first make positional-only markers meaningless.
    return ast.unparse(definition.args).replace(", /", "").replace("/, ", "")


def evaluate(
    sandbox: Sandbox,
    task: Task,
    expression: str,
    calls: Sequence[tuple[object, Args, Args]],
    limits: Limits,
) -> list[CallOutcome]:
    """Evaluate a clause on (result, arguments before, arguments after).

    The clause's truth is the value of each outcome.
    """
    run = sandbox.call(
        clause_source(task, expression),
        _FUNCTION,
        [Call((result, list(before), *after)) for result, before, after in calls],
        limits=limits,
        context=task.context,
    )
    if not run.load.ok:
        failed = CallOutcome(
            Ending.RAISED, error=run.load.error, message=run.load.message
        )
        return [failed] * len(calls)
    return list(run.calls)
