r"""Inputs that a task's text mentions, be what they give readable or not.

In: a task. Out: arguments of calls written in its text (`f([1, 2])`), and values given
to its parameters (`lst = [1, 2]`). Invariant: only inputs are read, no expectation, so
a wrong guess refutes nothing; they are where the search for inputs begins.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from codegrad.task import CallCheck, Constraint, Origin, Task
from codegrad.tasks.literals import balanced_end, read_call
from codegrad.tasks.worded import bindings
from codegrad.verify.inputs import entry_node

MAX_MENTIONED = 20


def with_mentioned(task: Task) -> Task:
    """Return the task with the inputs that its text mentions as calls to start from.

    The added constraints compare nothing; they are for generating inputs only.
    """
    node = entry_node(task.source, task.entry_point)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)] if node else []
    found: dict[str, tuple[Any, ...]] = {}
    # Statements at times call the function by another name.
    for name in (re.escape(task.entry_point), r"\w+"):
        for text in (task.prompt, task.source):
            bound = (values for values, _ in bindings(text, names))
            for args in (*_calls(text, name), *bound):
                if not names or len(args) == len(names):
                    found.setdefault(repr(args), args)
        if found:
            break
    added = tuple(
        Constraint(
            f"mentioned {number}",
            "tests",
            "an input that the text mentions",
            CallCheck(args, None, compares_result=False),
            Origin.DERIVED,
            hard=False,
        )
        for number, args in enumerate(list(found.values())[:MAX_MENTIONED], 1)
    )
    return replace(task, constraints=(*task.constraints, *added))


def _calls(text: str, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield the arguments of the calls of a function in a text."""
    for match in re.finditer(rf"\b{name}(?=\()", text):
        end = balanced_end(text, match.end())
        call = read_call(f"f{text[match.end() : end]}") if end else None
        if call is not None and call.args and not call.kwargs:
            yield call.args
