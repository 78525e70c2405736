"""Blocks with values before and after, as the failing run saw them."""

import pytest

from codegrad.blame.blocks import FIRST, LAST, block_values
from codegrad.code import Program
from codegrad.gradient import BlockValues
from codegrad.sandbox import Call
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

COUNT = """def count(items, wanted):
    total = 0
    n = len(items)
    for item in items:
        if item == wanted:
            total = 1
        else:
            n -= 1
    doubled = [x * 2 for x in items]
    return total
"""


def blocks(text: str, name: str, *args: object, bench: Workbench) -> list[str]:
    run = bench.sandbox.call(text, name, [Call(args)], trace=True)
    (outcome,) = run.calls
    assert outcome.trace is not None
    return [str(block) for block in block_values(text, name, outcome.trace.values)]


def test_each_block_tells_what_it_read_and_what_it_changed(bench: Workbench) -> None:
    assert blocks(COUNT, "count", [4, 7], 7, bench=bench) == [
        "lines 2-3 `total = 0; n = len(items)`: items = [4, 7] -> n = 2, total = 0",
        "line 4 `for item in items:`: items = [4, 7] -> item = 4",
        "line 5 `if item == wanted:`: item = 4, wanted = 7",
        "line 8 `n -= 1`: n = 2 -> n = 1",
        "line 4 `for item in items:`: item = 4, items = [4, 7] -> item = 7",
        "line 5 `if item == wanted:`: item = 7, wanted = 7",
        "line 6 `total = 1`: total = 0 -> total = 1",
        "line 4 `for item in items:`: item = 7, items = [4, 7]",
        "lines 9-10 `doubled = [x * 2 for x in items]; return total`: "
        "items = [4, 7], total = 1 -> doubled = [8, 14], returns 1",
    ]


def test_a_long_run_keeps_its_start_and_its_end(bench: Workbench) -> None:
    found = blocks(COUNT, "count", list(range(40)), 39, bench=bench)
    assert len(found) == FIRST + LAST
    assert "returns 1" in found[-1]
    assert found[FIRST].startswith("(")
    assert "blocks left out) line" in found[FIRST]


@pytest.mark.parametrize(
    ("body", "argument", "last"),
    [
        ("return 1 if x < 2 else x * f(x - 1)", 3, "returns 6"),
        ("y = 1\n    return y", 0, "returns 1"),
        ("while x:\n        x.pop()", [1], "returns None"),
        ("try:\n        return 1 / x\n    finally:\n        x = 2", 0, "x = 2"),
        ("match x:\n        case 1:\n            return 2", 1, "returns 2"),
        ("return sorted(x, key=lambda y: -y)", [1, 2], "returns [2, 1]"),
    ],
)
def test_every_kind_of_function_can_be_told(
    body: str, argument: object, last: str, bench: Workbench
) -> None:
    text = f"def f(x):\n    {body}\n"
    assert last in blocks(text, "f", argument, bench=bench)[-1]


def test_what_cannot_be_read_has_no_blocks() -> None:
    assert block_values("def f(:", "f", [(1, ())]) == ()
    assert block_values("def g(): pass", "f", [(1, ())]) == ()
    assert block_values("def f(x):\n    return x", "f", []) == ()


def told(text: str, name: str, bench: Workbench) -> tuple[BlockValues, ...]:
    task = task_from_text(text, "m.py", name)
    program = Program.from_task(task)
    VerificationLoss(task, bench=bench)(program).backward()
    grad = program.entry.grad
    assert grad is not None
    return grad.critiques[0].blocks


def test_the_gradient_tells_the_blocks_of_the_failing_example(bench: Workbench) -> None:
    text = 'def inc(x):\n    """For example, inc(1) == 2."""\n    y = x\n    return y\n'
    (block,) = told(text, "inc", bench)
    assert block == BlockValues(
        3, 4, "y = x; return y", (("x", "1"),), (("y", "1"),), "1"
    )


def test_a_shrunk_counterexample_is_the_one_that_is_told(bench: Workbench) -> None:
    text = (
        'def last(xs: list[int]):\n    """\n    >>> last([1])\n    1\n'
        "    >>> last([2, 2])\n    2\n\n    pre: xs\n    post: result == xs[-1]\n"
        '    """\n    first = xs[0]\n    return first\n'
    )
    (block,) = told(text, "last", bench)
    values = dict(block.before)
    assert len(eval(values["xs"])) == 2
    assert dict(block.after)["first"] == block.returned
