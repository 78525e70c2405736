"""MBPP+: the official JSON-lines file of EvalPlus.

JSON has no tuples, sets or complex numbers, so each task states in EvalPlus' code how
its inputs are rebuilt. The table below holds the same facts: task number -> shape.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from codegrad.bench.humaneval import input_suite
from codegrad.bench.oracles import EQUAL, MBPP_ORACLES
from codegrad.bench.problems import Problem

FIELDS = (
    "task_id",
    "prompt",
    "entry_point",
    "canonical_solution",
    "base_input",
    "plus_input",
    "assertion",
    "atol",
)

_Args = Sequence[Any]
_Shape = Callable[[_Args], _Args]


def mbpp_problem(row: Mapping[str, Any]) -> Problem:
    """Return the problem of one record of MBPP+."""
    entry_point, prompt = str(row["entry_point"]), str(row["prompt"])
    number = int(str(row["task_id"]).rpartition("/")[2])
    tolerance = float(row["atol"])
    return Problem(
        task_id=str(row["task_id"]),
        entry_point=entry_point,
        prompt=prompt,
        reference=prompt + str(row["canonical_solution"]),
        suites=tuple(
            input_suite(name, rebuilt(number, row[f"{name}_input"]), tolerance)
            for name in ("base", "plus")
        ),
        oracle=MBPP_ORACLES.get(entry_point, EQUAL),
        empty=f"{prompt}def {entry_point}(*args):\n    pass\n",
    )


def rebuilt(number: int, inputs: Any) -> list[_Args]:  # noqa: ANN401 - from JSON
    """Return the inputs of MBPP task `number` with their Python types.

    Example:
        >>> rebuilt(2, [[[3, 4], [5, 7]]])
        [[(3, 4), (5, 7)]]
    """
    rows = json.loads(inputs) if isinstance(inputs, str) else inputs
    shape = _SHAPES.get(number, list)
    return [shape(args) for args in rows]


def _tuples(items: Iterable[Any]) -> list[Any]:
    return [tuple(item) for item in items]


def _tuples_first(args: _Args) -> _Args:
    return [_tuples(args[0]), args[1]]


def _tuple_first(args: _Args) -> _Args:
    return [tuple(args[0]), *args[1:]]


def _sets_or_dicts(args: _Args) -> _Args:
    items = [set(i) if isinstance(i, list) and len(i) else {} for i in args[0]]
    return [items]


def _mixed_tuples(args: _Args) -> _Args:
    items = [tuple(i) if isinstance(i, list) else i for i in args[0]]
    return [tuple(items)]


def _deep_tuple(value: Any) -> Any:  # noqa: ANN401 - nested lists
    if isinstance(value, list):
        return tuple(_deep_tuple(item) for item in value)
    return value


_SHAPES: dict[int, _Shape] = {
    number: shape
    for numbers, shape in (
        (
            "2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 "
            "726 740 744 809",
            _tuples,
        ),
        (
            "63 64 70 94 120 237 272 299 400 409 417 438 473 614 780",
            lambda args: [_tuples(items) for items in args],
        ),
        ("75 413 444 753", _tuples_first),
        ("106 750", lambda args: [args[0], tuple(args[1])]),
        ("115", _sets_or_dicts),
        ("124", lambda args: (float(args[0]), complex(args[1]))),
        ("250 405 446 617 720 763 808", lambda args: [tuple(args[0]), args[1]]),
        ("259 401 445", lambda args: [tuple(_tuples(items)) for items in args]),
        ("278", _mixed_tuples),
        ("307", _tuple_first),
        (
            "722",
            lambda args: [
                {key: tuple(value) for key, value in args[0].items()},
                *args[1:],
            ],
        ),
        ("252", lambda args: [complex(args[0])]),
        ("580 615 791", _deep_tuple),
    )
    for number in map(int, numbers.split())
}
