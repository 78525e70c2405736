import pytest

from codegrad.verdict import Status
from codegrad.verify.efficiency import measure
from codegrad.verify.generation import inputs_of
from codegrad.verify.growth import Growth
from codegrad.verify.operation_count import unmodelled
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

_DEDUPE = '''
def dedupe(xs: list[int]) -> list[int]:
    """Return the distinct items.

    cost: {limit}
    """
    found = {start}
    for x in xs:
        if x not in found:
            found.{add}(x)
    return list(found)
'''
_SLOW = _DEDUPE.replace("{start}", "[]").replace("{add}", "append")
_FAST = _DEDUPE.replace("{start}", "set()").replace("{add}", "add")


def test_a_program_within_its_limit_passes(bench: Workbench) -> None:
    text = _FAST.replace("{limit}", "O(n log n)")
    verdict = judge(bench, "efficiency", task_of(text, "dedupe"))["cost 1"]
    assert verdict.status is Status.PASSED
    assert verdict.reason == "measured O(n)"


def test_quadratic_work_inside_c_breaks_a_linear_limit(bench: Workbench) -> None:
    text = _SLOW.replace("{limit}", "O(n)")
    task = task_of(text, "dedupe")
    verdict = judge(bench, "efficiency", task)["cost 1"]
    assert verdict.status is Status.REFUTED
    assert verdict.counterexamples[0].observed.startswith("O(n^2)")
    assert next(c for c in task.constraints if c.name == "cost 1").hard


def test_every_measurement_counts_the_same_operations(bench: Workbench) -> None:
    task = task_of(_SLOW.replace("cost: {limit}", ""), "dedupe")
    first, second = (
        measure(task.source, task, inputs_of(task), bench, cpu_s=0.5) for _ in range(2)
    )
    assert first.growth is second.growth is Growth.QUADRATIC
    assert first.operations == second.operations


def test_calls_of_unknown_cost_are_judged_by_times_as_well(bench: Workbench) -> None:
    text = """import re
def numbers(s: str) -> int:
    return len(re.findall("[0-9]|[a-z]", s))
"""
    assert unmodelled(text) == ("findall",)
    task = task_of(text, "numbers")
    found = measure(text, task, inputs_of(task), bench)
    # A busy machine may leave it undecided, never wrong.
    assert found.growth in {None, Growth.LINEAR, Growth.LINEARITHMIC}
    assert found.least is None or found.least <= Growth.LINEARITHMIC


def test_a_limit_that_cannot_be_read_is_unknown(bench: Workbench) -> None:
    text = _FAST.replace("{limit}", "O(n * m)")
    verdict = judge(bench, "efficiency", task_of(text, "dedupe"))["cost 1"]
    assert verdict.status is Status.UNKNOWN
    assert "not a class that is known" in verdict.reason


def test_without_a_limit_the_class_is_reported_and_nothing_passes(
    bench: Workbench,
) -> None:
    text = "def total(xs: list[int]) -> int:\n    return sum(x * x for x in xs)\n"
    verdict = judge(bench, "efficiency", task_of(text, "total"))["growth"]
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason == "measured O(n); no limit is stated"


def test_a_slower_class_than_the_references_is_a_soft_finding(
    bench: Workbench,
) -> None:
    fast = _FAST.replace("cost: {limit}", "")
    slow = _SLOW.replace("cost: {limit}", "")
    task = task_of(fast, "dedupe", reference=fast)
    assert judge(bench, "efficiency", task, slow)["growth"].status is Status.REFUTED
    assert not next(c for c in task.constraints if c.name == "growth").hard


@pytest.mark.parametrize(
    "source",
    [
        "def dedupe(xs):\n    while True: pass\n",
        "def dedupe(xs):\n    raise ValueError\n",
        "def dedupe(xs):\n    import os\n    os._exit(0)\n",
        "raise ValueError\n",
        "def dedupe(:\n",
    ],
)
def test_a_program_that_cannot_be_measured_is_unknown(
    bench: Workbench, source: str
) -> None:
    task = task_of(_FAST.replace("{limit}", "O(n)"), "dedupe")
    verdict = judge(bench, "efficiency", task, source)["cost 1"]
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason


def test_nothing_that_could_grow_is_unknown(bench: Workbench) -> None:
    text = "def half(x: float) -> float:\n    return x / 2\n"
    verdict = judge(bench, "efficiency", task_of(text, "half"))["growth"]
    assert verdict.status is Status.UNKNOWN
    assert verdict.reason == "no parameter has a size that could grow"
