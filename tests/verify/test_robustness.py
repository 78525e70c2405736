import pytest

from codegrad.verdict import Status
from codegrad.verify.stage import Workbench
from tests.verify.harness import DEDUPE, judge, task_of

_BEHAVIOURS = (
    "keeps arguments",
    "stateless",
    "deterministic",
    "boundaries",
    "steady memory",
)


def test_a_right_program_passes_everything(bench: Workbench) -> None:
    found = judge(bench, "robustness", task_of(DEDUPE, "dedupe"))
    assert {n: v.status for n, v in found.items()} == dict.fromkeys(
        _BEHAVIOURS, Status.PASSED
    )


@pytest.mark.parametrize(
    ("behaviour", "before", "after"),
    [
        ("keeps arguments", "xs.sort()", ""),
        ("stateless", "seen.append(1)\n    if len(seen) > 9: return []", "seen = []"),
        ("deterministic", "if hash(str(xs)) % 2: return []", ""),
        ("deterministic", "import random\n    if random.random() < 0.5: return []", ""),
        ("boundaries", "while xs == [2**63 - 1] or xs == [0]: pass", ""),
        ("boundaries", "if xs == [0]: return dedupe(xs)", ""),
        ("steady memory", "kept.append([0] * 100)", "kept = []"),
    ],
)
def test_each_fault_is_found_by_its_behaviour(
    bench: Workbench, behaviour: str, before: str, after: str
) -> None:
    wrong = DEDUPE.replace("return sorted", f"{before}\n    return sorted") + after
    found = judge(bench, "robustness", task_of(DEDUPE, "dedupe"), wrong)
    assert found[behaviour].status is Status.REFUTED
    assert found[behaviour].counterexamples


def test_a_function_that_returns_nothing_may_change_its_arguments(
    bench: Workbench,
) -> None:
    text = "def sort(xs: list[int]) -> None:\n    xs.sort()\n"
    found = judge(bench, "robustness", task_of(text, "sort"))
    assert found["keeps arguments"].status is Status.UNKNOWN


def test_one_list_given_twice_is_noticed(bench: Workbench) -> None:
    text = '''
def merge(a, b):
    """
    >>> merge([1], [2])
    [1, 2]
    >>> merge([3], [])
    [3]
    """
    out = []
    while a or b:
        out.append(a.pop(0) if a else b.pop(0))
    return out
'''
    verdict = judge(bench, "robustness", task_of(text, "merge"))["boundaries"]
    assert verdict.status is Status.REFUTED
    assert "the same list" in verdict.counterexamples[0].call


def test_an_exception_that_the_contract_does_not_name_is_hard(
    bench: Workbench,
) -> None:
    text = '''
def first(xs: list[int], key: str) -> int:
    """
    >>> first([4], "a")
    4

    raises: LookupError, ValueError if the key is empty
    """
    if not key:
        raise ValueError(key)
    return xs[0]
'''
    task = task_of(text, "first")
    assert next(c for c in task.constraints if c.name == "raises").hard
    assert judge(bench, "robustness", task)["raises"].status is Status.PASSED
    wrong = text.replace("raise ValueError(key)", "raise TypeError(key)")
    verdict = judge(bench, "robustness", task, wrong)["raises"]
    assert verdict.status is Status.REFUTED
    assert verdict.counterexamples[0].call == "first([], '')"


@pytest.mark.parametrize(
    "source",
    [
        "def dedupe(xs):\n    import os\n    os._exit(3)\n",
        "def dedupe(xs):\n    yield 1\n",
        "def dedupe(xs):\n    return dedupe\n",
        "def dedupe(xs):\n    raise KeyboardInterrupt\n",
        "raise SystemExit\n",
    ],
)
def test_whatever_a_candidate_does_is_a_verdict(bench: Workbench, source: str) -> None:
    found = judge(bench, "robustness", task_of(DEDUPE, "dedupe"), source)
    assert set(found) == set(_BEHAVIOURS)


_LEAKS = {
    "open files": "kept.append(open('/dev/null'))",
    "threads": "import threading, time\n    "
    "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()",
    "bytes": "kept.append(list(range(100)))",
}


@pytest.mark.parametrize("what", _LEAKS)
def test_what_every_call_keeps_is_found(bench: Workbench, what: str) -> None:
    text = DEDUPE.replace("    return", f"    {_LEAKS[what]}\n    return")
    verdict = judge(bench, "robustness", task_of("kept = []\n" + text, "dedupe"))[
        "steady memory"
    ]
    assert verdict.status in {Status.REFUTED, Status.UNKNOWN}
    if verdict.status is Status.REFUTED:
        assert what in verdict.counterexamples[0].expected
    else:
        assert verdict.reason


def test_rows_that_are_one_list_are_tried(bench: Workbench) -> None:
    text = '''
def rotated(rows: list[list[int]]) -> list[list[int]]:
    """Return the rows turned by one place each.

    >>> rotated([[1, 2], [3, 4]])
    [[2, 1], [4, 3]]
    >>> rotated([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    [[2, 3, 1], [5, 6, 4], [8, 9, 7]]
    """
    for row in rows:
        row.append(row.pop(0))
    return rows
'''
    verdict = judge(bench, "robustness", task_of(text, "rotated"))["boundaries"]
    assert verdict.status is Status.REFUTED
    assert "rows of argument 1 one list" in verdict.counterexamples[0].call
