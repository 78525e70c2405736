import pytest

from codegrad.verdict import Status
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

_CLAMP = '''
def clamp(x: int, low: int, high: int) -> int:
    """Return x within bounds.

    pre: low <= high
    post: low <= result <= high
    """
    if x < low:
        return low
    if x > high:
        return high
    return x
'''
_NEEDLE = _CLAMP.replace("if x > high", "if x > high and x != 123456789")


def test_a_needle_is_found_and_replayed(bench: Workbench) -> None:
    verdict = judge(bench, "symbolic", task_of(_CLAMP, "clamp"), _NEEDLE)["post 1"]
    assert verdict.status is Status.REFUTED
    assert "123456789" in verdict.counterexamples[0].call


@pytest.mark.slow
def test_all_paths_explored_is_passed_and_not_proved(bench: Workbench) -> None:
    found = judge(bench, "symbolic", task_of(_CLAMP, "clamp", reference=_CLAMP))
    assert {verdict.status for verdict in found.values()} == {Status.PASSED}
    assert "all paths" in found["reference"].reason


@pytest.mark.slow
def test_a_report_that_does_not_fail_in_fact_is_unknown(bench: Workbench) -> None:
    # CrossHair stops at the side effect and reports it as a failure.
    text = _CLAMP.replace(
        "if x < low", "import os\n    os.system('true')\n    if x < low"
    )
    verdict = judge(bench, "symbolic", task_of(_CLAMP, "clamp"), text)["post 1"]
    assert verdict.status is Status.UNKNOWN


def test_unknown_types_are_said(bench: Workbench) -> None:
    text = 'def f(x):\n    """\n    post: result\n    """\n    return x\n'
    verdict = judge(bench, "symbolic", task_of(text, "f"))["post 1"]
    assert verdict.status is Status.UNKNOWN
    assert "no input is known" in verdict.reason


def test_it_has_no_constraints_without_contract_or_reference(bench: Workbench) -> None:
    assert not judge(bench, "symbolic", task_of("def f(x: int): return x", "f"))
