import pytest

from codegrad.verdict import Status
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

_TOTAL = '''
def total(xs: list[int]) -> int:
    """Return the sum.

    >>> total([1, 2])
    3

    cost: {limit}
    """
    {body}
'''
_SLOW = "for _ in range(400_000): pass\n    return sum(xs)"


@pytest.mark.parametrize(
    ("limit", "body", "status"),
    [
        ("1 s", "return sum(xs)", Status.PASSED),
        ("1 ms", _SLOW, Status.REFUTED),
        ("1 s at n = 20_000", "return sum(xs)", Status.PASSED),
        ("1 ms for size 5000", _SLOW, Status.REFUTED),
        ("1 s at n = 3000", "while True: pass", Status.UNKNOWN),
        ("500 s", "return sum(xs)", Status.UNKNOWN),
        ("5 parsecs", "return sum(xs)", Status.UNKNOWN),
    ],
)
def test_a_limit_in_seconds_is_held_against_processor_time(
    bench: Workbench, limit: str, body: str, status: Status
) -> None:
    text = _TOTAL.replace("{limit}", limit).replace("{body}", body)
    verdict = judge(bench, "efficiency", task_of(text, "total"))["cost 1"]
    assert verdict.status is status
    assert verdict.reason
