r"""Input/output examples in JSON -> constraints.

A list (or `{"examples": [...]}`) of objects, each in one of these forms:

- `{"args": [1, 2], "kwargs": {}, "expected": 3}`
- `{"call": "f((1, 2), k={3})", "returns": "(3, None)"}`: Python literals, for values
  that JSON does not have; `"raises": "ValueError"` instead of `returns`
- `{"stdin": "3\\n", "stdout": "6\\n"}`: a case of a program
"""

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegrad.errors import TestsError
from codegrad.task import CallCheck, Check, Constraint, RaisesCheck, StdinCheck
from codegrad.tasks.literals import call_text, literal_call, shorten

_KNOWN = frozenset(
    {"args", "call", "expected", "kwargs", "raises", "returns", "stdin", "stdout"}
    | {"tolerance"}
)


def read_examples_file(path: Path) -> tuple[Constraint, ...]:
    """Return the constraints of a JSON file.

    Raises:
        TestsError: If it is missing, not JSON, or an example has none of the forms.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TestsError(f"{path} does not exist; check the path of --tests") from None
    except OSError as error:
        raise TestsError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise TestsError(f"{path} is not JSON: {error}") from error
    rows = data.get("examples") if isinstance(data, dict) else data
    if not isinstance(rows, list) or not rows:
        raise TestsError(
            f'{path} holds no examples; write [{{"args": [1], "expected": 2}}, ...] '
            'or [{"stdin": "...", "stdout": "..."}, ...]'
        )
    return tuple(_constraint(row, number, path) for number, row in enumerate(rows, 1))


def _constraint(row: object, number: int, path: Path) -> Constraint:
    where = f"example {number} of {path.name}"
    if not isinstance(row, dict):
        raise TestsError(f"{where} is not an object with args and expected")
    text, check = _check(row, where)
    return Constraint(f"test {number}", "tests", shorten(text), check)


def _check(row: Mapping[str, Any], where: str) -> tuple[str, Check]:
    unknown = sorted(set(row) - _KNOWN)
    if unknown:
        raise TestsError(
            f"{where} has the unknown field {unknown[0]!r}; known: "
            f"{', '.join(sorted(_KNOWN))}"
        )
    if "stdin" in row:
        if "stdout" not in row:
            raise TestsError(f'{where} needs "stdout" beside "stdin"')
        check = StdinCheck(str(row["stdin"]), str(row["stdout"]))
        return f"stdin {check.stdin!r} prints {check.stdout!r}", check
    if "call" in row:
        return _from_source(row, where)
    if "expected" not in row or not isinstance(row.get("args", []), list):
        raise TestsError(
            f'{where} needs "args" (a list) and "expected", or "call" and "returns", '
            'or "stdin" and "stdout"'
        )
    args, kwargs = tuple(row.get("args", [])), dict(row.get("kwargs", {}))
    call = CallCheck(args, row["expected"], kwargs, tolerance=row.get("tolerance"))
    return f"{call_text('', args, kwargs)} returns {row['expected']!r}", call


def _from_source(row: Mapping[str, Any], where: str) -> tuple[str, Check]:
    source = str(row["call"])
    try:
        call = literal_call(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError):
        call = None
    if call is None:
        raise TestsError(f"{where}: `{source}` is not a call with literal arguments")
    if "raises" in row:
        error = str(row["raises"])
        return f"{source} raises {error}", RaisesCheck(call.args, error, call.kwargs)
    try:
        expected = ast.literal_eval(str(row["returns"]))
    except KeyError:
        raise TestsError(f'{where} needs "returns" or "raises" beside "call"') from None
    except (ValueError, SyntaxError) as error:
        raise TestsError(
            f"{where}: `{row['returns']}` is not a Python literal"
        ) from error
    check = CallCheck(call.args, expected, call.kwargs)
    return f"{source} returns {row['returns']}", check
