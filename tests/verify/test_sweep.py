from codegrad.verdict import Status
from codegrad.verify.stage import Workbench
from codegrad.verify.sweep import swept
from tests.verify.harness import judge, task_of

_DATE = '''
def is_date(text: str) -> bool:
    """Return whether a text is a day and a month.

    >>> is_date("03-11")
    True
    >>> is_date("44-11")
    False
    """
    day, month = map(int, text.split("-"))
    return 1 <= month <= 12 and 1 <= day <= (30 if month in (4, 6, 9, 11) else 31)
'''


def test_bounds_that_are_met_in_pairs_are_found(bench: Workbench) -> None:
    task = task_of(_DATE, "is_date", reference=_DATE)
    wrong = _DATE.replace("(4, 6, 9, 11)", "(4, 6, 10, 11)")
    verdict = judge(bench, "properties", task, wrong)["reference"]
    assert verdict.status is Status.REFUTED


def test_only_neighbouring_numbers_change_and_the_form_stays() -> None:
    found = swept([("x 03-11-2000!", 7)], [12])
    assert len(found) == len(set(found)) == 2 * 9
    assert ("x 12-11-2000!", 7) in found
    assert all(text.startswith("x ") and text.endswith("!") for text, _ in found)


def test_there_are_never_too_many() -> None:
    assert len(swept([("1-2-3-4",)], range(90))) == 700
    assert swept([("1-2-3-4-5",), ("7",), ()], range(9)) == []
