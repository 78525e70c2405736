"""The stage that proves: what its verdicts say."""

import json
from dataclasses import replace

import pytest

from codegrad.verdict import Status, Verdict
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

MIDDLE = '''
def middle(a: int, b: int) -> int:
    """Return something between.

    pre: a <= b
    post: a <= result <= b
    """
    if a == b:
        return a
    return (a + b) // 2 + 2
'''
RIGHT = MIDDLE.replace(" // 2 + 2", " // 2")
SQUARES = '''
def squares(xs: list[int]) -> list[int]:
    """Return the squares.

    post: len(result) == len(xs)
    post: all(result[i] == xs[i] * xs[i] for i in range(len(xs)))
    """
    return [x * x if x != 3 else 8 for x in xs]
'''


def only(verdicts: dict[str, Verdict]) -> Verdict:
    (verdict,) = verdicts.values()
    return verdict


def test_proved_verdict_carries_its_record(bench: Workbench) -> None:
    verdict = only(dict(judge(bench, "proof", task_of(RIGHT, "middle"))))

    assert verdict.status is Status.PROVED
    assert not verdict.findings
    record = json.loads(json.dumps(verdict.record))
    assert record["entry"] == "middle"
    assert all(c["first"] in ("holds", "trivial") for c in record["conditions"])


def test_violation_names_line_part_values_and_direction(bench: Workbench) -> None:
    verdict = only(dict(judge(bench, "proof", task_of(MIDDLE, "middle"))))

    assert verdict.status is Status.REFUTED
    (finding,) = verdict.findings
    assert finding.span.line == 10
    assert "`result <= b` is false: `result` is " in finding.message
    assert "and has to be at most" in finding.message


def test_violation_of_one_element_names_the_element(bench: Workbench) -> None:
    verdicts = judge(bench, "proof", task_of(SQUARES, "squares"))

    statuses = [v.status for v in verdicts.values()]
    assert Status.REFUTED in statuses
    (refuted,) = [v for v in verdicts.values() if v.status is Status.REFUTED]
    assert refuted.findings[0].message.startswith("for `i` = ")
    assert "`result[i]` is 8, and has to be 9" in refuted.findings[0].message


def test_open_clause_names_the_line_and_stays_unknown(bench: Workbench) -> None:
    text = '''
def f(a: int, b: int, c: int) -> int:
    """Return one.

    pre: a > 0 and b > 0 and c > 0
    post: a ** 3 + b ** 3 != c ** 3
    """
    return 1
'''
    verdict = only(dict(judge(bench, "proof", task_of(text, "f"))))

    assert verdict.status is Status.UNKNOWN
    assert verdict.findings[0].span.line == 8


@pytest.mark.parametrize(
    "body",
    [
        "    yield n",
        "    while True:\n        pass",
        "    def g():\n        return n\n    return g()",
        "    return int(str(n))",
        "    return f(n)",
        "    x = n + 3\n" + "    x = x * x\n" * 70 + "    return x",
    ],
    ids=["generator", "endless", "nested", "unsupported", "recursion", "huge"],
)
def test_what_cannot_be_proved_is_unknown_with_a_reason(
    bench: Workbench, body: str
) -> None:
    text = (
        'def f(n: int) -> int:\n    """Return it.\n\n    post: result >= n\n    """\n'
    )
    verdict = only(dict(judge(bench, "proof", task_of(text + body + "\n", "f"))))

    assert verdict.status is Status.UNKNOWN
    assert verdict.reason


def test_contradictory_preconditions_prove_nothing(bench: Workbench) -> None:
    text = RIGHT.replace("pre: a <= b", "pre: a < b and b < a")
    verdict = only(dict(judge(bench, "proof", task_of(text, "middle"))))

    assert verdict.status is Status.UNKNOWN
    assert "contradict" in verdict.reason


def test_builtin_that_the_context_rebinds_is_not_taken_for_its_own(
    bench: Workbench,
) -> None:
    text = '''
def f(a: int, b: int) -> int:
    """Return the power.

    pre: b >= 0
    post: result == a ** b
    """
    return pow(a, b)
'''
    task = task_of(text, "f")
    fine = only(dict(judge(bench, "proof", task)))
    other = replace(task, context="from math import pow")
    changed = only(dict(judge(bench, "proof", other)))

    assert fine.status is Status.PROVED
    assert changed.status is not Status.PROVED


def test_candidate_cannot_prove_a_contract_by_changing_its_words(
    bench: Workbench,
) -> None:
    text = '''
def twice(n: int) -> int:
    return 2 * n

def f(n: int) -> int:
    """Return the double.

    post: result == twice(n)
    """
    return n + n
'''
    task = task_of(text, "f")
    weaker = text.replace("2 * n", "3 * n").replace("n + n", "n + n + n")

    assert only(dict(judge(bench, "proof", task))).status is Status.PROVED
    changed = only(dict(judge(bench, "proof", task, weaker)))
    assert changed.status is not Status.PROVED
    assert "twice" in changed.reason


def test_candidate_cannot_prove_a_contract_by_shadowing_a_builtin(
    bench: Workbench,
) -> None:
    text = '''
def f(xs: list[int]) -> int:
    """Return the sum.

    post: result == sum(xs)
    """
    return sum(xs)
'''
    shadowed = "def sum(xs: list[int]) -> int:\n    return 0\n" + text
    verdict = only(dict(judge(bench, "proof", task_of(text, "f"), shadowed)))

    assert verdict.status is not Status.PROVED
