"""What cannot be judged is unknown with its reason: no crash, no stronger status."""

import pytest

from codegrad.task import Task
from codegrad.verdict import Status, Verdict
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from tests.verify.harness import task_of

_HALF = '''
def half(n: int) -> int:
    """Return half of a number.

    >>> half(4)
    2
    >>> half(9)
    4

    {contract}
    """
    return n // 2
'''


def _verdicts(bench: Workbench, task: Task) -> list[Verdict]:
    stages = Ladder.of(["tests", "properties", "efficiency", "robustness"])
    return list(stages.run(task.sources, task, bench).verdicts)


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        ("post: unheard_of(result)", "NameError"),
        ("post: result / 0 == n", "ZeroDivisionError"),
        ("post: result.size > 0", "AttributeError"),
        ("post: while_true()", "NameError"),
        ("pre: unheard_of(n)\n    post: result <= n", "NameError"),
        ("pre: n.size > 0\n    post: result <= n", "AttributeError"),
        ("pre: n > 0 and n < 0\n    post: result <= n", "meets the preconditions"),
    ],
)
def test_a_contract_that_cannot_be_judged_is_unknown_with_the_reason(
    bench: Workbench, contract: str, reason: str
) -> None:
    task = task_of(_HALF.replace("{contract}", contract), "half")
    found = [v for v in _verdicts(bench, task) if v.constraint == "post 1"]
    assert {verdict.status for verdict in found} == {Status.UNKNOWN}
    assert any(reason in verdict.reason for verdict in found), found


def test_a_clause_that_does_not_parse_stays_open(bench: Workbench) -> None:
    task = task_of(_HALF.replace("{contract}", "post: result <="), "half")
    (found,) = [v for v in _verdicts(bench, task) if v.constraint == "clause 1"]
    assert found.status is Status.UNKNOWN
    assert "not a Python expression" in found.reason
    assert not any(v.constraint.startswith("post") for v in _verdicts(bench, task))


def test_a_clause_with_side_effects_stays_open_and_the_others_are_judged(
    bench: Workbench,
) -> None:
    text = '''
def total(xs: list[int]) -> int:
    """Return the sum.

    >>> total([1, 2])
    3

    pre: xs.append(5) is None
    post: xs.clear() is None and result >= 0 or True
    post: result == sum(xs)
    """
    return sum(xs)
'''
    found = {v.constraint: v for v in _verdicts(bench, task_of(text, "total"))}
    assert found["clause 1"].status is Status.UNKNOWN
    assert found["clause 2"].status is Status.UNKNOWN
    assert found["post 1"].status is Status.PASSED
    assert found["keeps arguments"].status is Status.PASSED


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("def f(x, y):\n    return x\n", "f"),
        ("def f():\n    return 1\n", "f"),
        ("def f(*xs, **named):\n    return xs\n", "f"),
        ("def f(x: Unheard) -> Of:\n    return x\n", "f"),
        ("def f(x: 'list[') -> 'int':\n    return x\n", "f"),
    ],
)
def test_without_hints_and_examples_nothing_is_claimed(
    bench: Workbench, text: str, entry: str
) -> None:
    task = task_of(text, entry)
    found = _verdicts(bench, task)
    assert found
    assert {verdict.status for verdict in found} == {Status.UNKNOWN}
    assert all(verdict.reason for verdict in found)


_SHAPES = {
    "recursion": "def f(n: int) -> int:\n    return 0 if n < 1 else 1 + f(n - 1)\n",
    "generator": "def f(n: int):\n    for i in range(n % 9):\n        yield i\n",
    "endless generator": "def f(n: int):\n    while True:\n        yield n\n",
    "decorator": "import functools\n@functools.cache\ndef f(n: int) -> int:\n"
    "    return n % 7\n",
    "class": "class Box:\n    def __init__(self, n): self.n = n\n"
    "def f(n: int):\n    return Box(n)\n",
    "method as entry": "class Box:\n    @staticmethod\n    def g(n): return n\n"
    "f = Box.g\ndef f(n: int) -> int:\n    return Box.g(n)\n",
    "coroutine": "async def g(n):\n    return n\ndef f(n: int):\n    return g(n)\n",
    "nested": "def f(n: int) -> int:\n    def inner(k):\n        nonlocal n\n"
    "        n = k\n        return n\n    return inner(n)\n",
    "walrus": "def f(n: int) -> int:\n    return (m := n) + m\n",
    "match": "def f(n: int) -> int:\n    match n:\n        case 0: return 1\n"
    "        case _: return n\n",
}


@pytest.mark.parametrize("shape", _SHAPES)
def test_every_kind_of_function_gets_verdicts_and_no_refutation(
    bench: Workbench, shape: str
) -> None:
    found = _verdicts(bench, task_of(_SHAPES[shape], "f"))
    assert found
    refuted = [v for v in found if v.status is Status.REFUTED]
    assert not refuted, refuted
    assert all(v.reason for v in found if v.status is Status.UNKNOWN)
