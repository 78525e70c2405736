r"""Inputs that a task's text mentions, be what they give readable or not.

In: a task. Out: arguments of calls written in its text (`f([1, 2])`), and values given
to its parameters (`lst = [1, 2]`). Invariant: only inputs are read, no expectation, so
a wrong guess refutes nothing; they are where the search for inputs begins.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from codegrad.task import CallCheck, Constraint, Origin, Task
from codegrad.tasks.literals import literal, read_call
from codegrad.verify.inputs import entry_node

MAX_MENTIONED = 20
_MAX_LENGTH = 400
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?|True\b|False\b|None\b")


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
            for args in (*_calls(text, name), *_settings(text, names)):
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
        arguments = _balanced(text, match.end())
        call = read_call(f"f{arguments}") if arguments else None
        if call is not None and call.args and not call.kwargs:
            yield call.args


def _settings(text: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    r"""Yield the arguments that a text gives by the parameters' names, in order.

    Example:
        >>> list(_settings("For a = [1], b = 2 it is 3; b = 5, a = []", ["a", "b"]))
        [([1], 2), ([], 5)]
    """
    if not names:
        return
    wanted = "|".join(map(re.escape, names))
    given: dict[str, Any] = {}
    for match in re.finditer(rf"\b({wanted})\s*[=:]\s*(?!=)", text):
        known, value = _value_at(text, match.end())
        if not known:
            continue
        if match[1] in given:
            given = {}
        given[match[1]] = value
        if len(given) == len(names):
            yield tuple(given[name] for name in names)
            given = {}


def _value_at(text: str, start: int) -> tuple[bool, Any]:
    """Return (True, value) if a literal begins at `start`, else (False, None)."""
    first = text[start : start + 1]
    if first in _CLOSING:
        written = _balanced(text, start)
    elif first in {"'", '"'}:
        end = text.find(first, start + 1)
        written = text[start : end + 1] if end > 0 else ""
    else:
        number = _NUMBER.match(text, start)
        written = number[0] if number else ""
    try:
        return literal(ast.parse(written, mode="eval").body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False, None


def _balanced(text: str, start: int) -> str:
    """Return the text from a bracket to the one that closes it, or nothing."""
    open_brackets: list[str] = []
    quote = ""
    for position in range(start, min(len(text), start + _MAX_LENGTH)):
        letter = text[position]
        if quote:
            quote = "" if letter == quote and text[position - 1] != "\\" else quote
        elif letter in {"'", '"'}:
            quote = letter
        elif letter in _CLOSING:
            open_brackets.append(_CLOSING[letter])
        elif open_brackets and letter == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return text[start : position + 1]
    return ""
