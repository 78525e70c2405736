import pytest

from codegrad.sandbox import Call
from codegrad.verify.operation_count import COUNTER, PREAMBLE, instrument
from codegrad.verify.stage import Workbench

_PROGRAM = '''
from __future__ import annotations

def work(xs, text):
    """A docstring."""
    global calls
    calls = 1
    total, out = 0, []
    for i, x in enumerate(xs):
        if x in xs[i:] and x not in (1, 2):
            total += x * 2
        while total > 50:
            total -= 7
    out += [y for y in xs if y % 2 for _ in range(2)]
    out = out + sorted(set(xs), reverse=True)
    pairs = {a: b for a, b in zip(text, reversed(text))}
    if xs == list(xs) and {*xs} & set(xs):
        out = [*out, *text]
    return total, out, pairs, text[::-1].upper(), max(xs, default=0), "-".join(text)
'''


def test_the_counting_program_returns_the_same(bench: Workbench) -> None:
    calls = [Call(([3, 1, 4, 1, 5, 9, 2, 6], "abc")), Call(([], "")), Call(([7], "zz"))]
    plain = bench.sandbox.call(_PROGRAM, "work", calls)
    counted = bench.sandbox.call(instrument(_PROGRAM), "work", calls, context=PREAMBLE)
    assert plain.load.ok
    assert [c.value for c in counted.calls] == [c.value for c in plain.calls]


@pytest.mark.parametrize(
    "statement",
    ["for x in xs: pass", "sorted(xs)", "xs[:]", "-1 in xs", "[x for x in xs]"],
)
def test_work_in_python_and_in_c_is_counted(bench: Workbench, statement: str) -> None:
    source = f"def work(xs):\n    {statement}\n    return None\n"
    source += f"def count(n):\n    work(list(range(n)))\n    return {COUNTER}()\n"
    run = bench.sandbox.call(
        instrument(source), "count", [Call((100,)), Call((10_000,))], context=PREAMBLE
    )
    small, large = (outcome.value for outcome in run.calls)
    assert large > 20 * small
