"""LiveCodeBench: code generation, judged by standard input or by calls.

The official JSON-lines files hold the private tests as a compressed pickle of a JSON
text; nothing but a text is accepted from it.
"""

import base64
import io
import json
import pickle
import zlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from codegrad.bench.oracles import Oracle
from codegrad.bench.problems import Case, Problem, Suite

FIELDS = ("question_id", "starter_code", "public_test_cases", "metadata")

_STAR_IMPORTS = """
string re datetime collections heapq bisect copy math random statistics itertools
functools operator io sys json builtins typing
"""
_CONTEXT = "\n".join(
    [
        *(f"from {name} import *" for name in _STAR_IMPORTS.split()),
        *(f"import {name}" for name in _STAR_IMPORTS.split()[:-2]),
        "sys.setrecursionlimit(50000)\n",
    ]
)


def livecodebench_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one record of LiveCodeBench."""
    metadata = _loaded(row["metadata"]) or {}
    name = str(metadata.get("func_name") or "")
    tests = {
        "public": _loaded(row["public_test_cases"]) or [],
        "private": _private(row.get("private_test_cases")),
    }
    return Problem(
        task_id=str(row["question_id"]),
        entry_point=f"Solution.{name}" if name else "",
        prompt="",
        reference="",
        suites=tuple(
            _suite(suite, found, is_call=bool(name))
            for suite, found in tests.items()
            if found
        ),
        oracle=Oracle(accepts_sequence),
        context=_CONTEXT,
        empty=str(row["starter_code"]) + "pass\n" if name else "pass\n",
        date=str(row.get("contest_date") or "")[:10],
    )


def _suite(name: str, tests: Sequence[Mapping[str, Any]], *, is_call: bool) -> Suite:
    if not is_call:
        programs = tuple((str(test["input"]), str(test["output"])) for test in tests)
        return Suite(name, programs=programs)
    cases = tuple(
        Case(
            tuple(json.loads(line) for line in str(test["input"]).split("\n")),
            expected=json.loads(test["output"]),
        )
        for test in tests
    )
    return Suite(name, cases)


def _loaded(value: Any) -> Any:  # noqa: ANN401 - from JSON
    return json.loads(value) if isinstance(value, str) else value


def _private(value: Any) -> Any:  # noqa: ANN401 - from JSON
    if not value:
        return []
    try:
        return _loaded(value)
    except ValueError:
        data = zlib.decompress(base64.b64decode(value))
        return json.loads(_TextUnpickler(io.BytesIO(data)).load())


class _TextUnpickler(pickle.Unpickler):
    """Reads texts, which need no class."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:
        raise pickle.UnpicklingError(
            f"the private tests ask for {module_name}.{global_name}, not for a text"
        )


def accepts_sequence(
    args: Sequence[Any],
    observed: Any,  # noqa: ANN401 - a plain value
    expected: Any,  # noqa: ANN401
    tolerance: float,
) -> bool:
    """Return whether the values are equal; a tuple counts as a list.

    Example:
        >>> accepts_sequence((), (1, 2), [1, 2], 0.0)
        True
    """
    del args, tolerance
    value = list(observed) if isinstance(observed, tuple) else observed
    return bool(value == expected)


def accepts_output(observed: str, expected: str) -> bool:
    r"""Return whether a program's output is right: line by line, numbers by value.

    Example:
        >>> accepts_output("1.50 2 \n", "1.5 2"), accepts_output("yes", "YES")
        (True, False)
    """
    left, right = _lines(observed), _lines(expected)
    return len(left) == len(right) and all(
        a == b or _same_numbers(a, b) for a, b in zip(left, right, strict=True)
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _same_numbers(left: str, right: str) -> bool:
    try:
        return [Decimal(x) for x in left.split()] == [Decimal(x) for x in right.split()]
    except InvalidOperation:
        return False
