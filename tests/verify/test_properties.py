import pytest

from codegrad.task import dynamic_constraints
from codegrad.verdict import Status
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from tests.verify.harness import DEDUPE, MEDIAN, judge, task_of


def test_a_right_program_passes_and_the_inputs_are_counted(bench: Workbench) -> None:
    found = judge(bench, "properties", task_of(MEDIAN, "median", reference=MEDIAN))
    assert found["post 1"].status is Status.PASSED
    assert found["post 1"].checked > 150
    assert found["reference"].status is Status.PASSED
    assert found["reference"].checked > 150
    assert found["returns"].status is Status.PASSED


def test_a_postcondition_is_refuted_by_a_shrunk_input(bench: Workbench) -> None:
    task = task_of(MEDIAN, "median")
    wrong = MEDIAN.replace("s[n // 2]) / 2", "s[n // 2])")
    verdict = judge(bench, "properties", task, wrong)["post 1"]
    assert verdict.status is Status.REFUTED
    example = verdict.counterexamples[0]
    assert example.expected == "post: min(xs) <= result <= max(xs)"
    assert example.call.count(",") == 1


def test_a_difference_from_the_reference_is_refuted(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe", reference=DEDUPE)
    wrong = DEDUPE.replace("return sorted(set(xs))", "return sorted(set(xs))[:6]")
    verdict = judge(bench, "properties", task, wrong)["reference"]
    assert verdict.status is Status.REFUTED
    example = verdict.counterexamples[0]
    assert example.call.count(",") == 6
    assert len(example.shrunk_from) > len(example.call)


def test_inputs_that_the_reference_refuses_are_outside_the_domain(
    bench: Workbench,
) -> None:
    text = '''
def last(xs):
    """
    >>> last([1, 2])
    2
    >>> last([3])
    3
    """
    return xs[-1]
'''
    task = task_of(text, "last", reference=text)
    other = text.replace("return xs[-1]", "return xs[-1] if xs else 'nothing'")
    assert judge(bench, "properties", task, other)["reference"].status is Status.PASSED


def test_inputs_that_break_a_precondition_are_outside_the_domain(
    bench: Workbench,
) -> None:
    task = task_of(MEDIAN, "median")
    text = MEDIAN.replace("s = sorted(xs)", "s = sorted(xs)\n    s[0]")
    assert judge(bench, "properties", task, text)["post 1"].status is Status.PASSED


def test_a_precondition_that_nothing_meets_leaves_everything_unknown(
    bench: Workbench,
) -> None:
    text = MEDIAN.replace("len(xs) > 0", "len(xs) > 0 and len(xs) < 0")
    found = judge(bench, "properties", task_of(text, "median", reference=text))
    assert {verdict.status for verdict in found.values()} == {Status.UNKNOWN}


@pytest.mark.parametrize(
    "clause", ["result == unknown_name", "result / 0 == 1", "result.nothing"]
)
def test_a_clause_that_cannot_be_evaluated_refutes_nothing(
    bench: Workbench, clause: str
) -> None:
    text = MEDIAN.replace("min(xs) <= result <= max(xs)", clause)
    verdict = judge(bench, "properties", task_of(text, "median"))["post 1"]
    assert verdict.status is Status.UNKNOWN
    assert "cannot be evaluated" in verdict.reason


def test_a_candidate_cannot_weaken_its_contract(bench: Workbench) -> None:
    task = task_of(MEDIAN, "median")
    wrong = MEDIAN.replace("min(xs) <=", "True or min(xs) <=").replace(
        "return s[n // 2] if", "return 10**6 if"
    )
    wrong += "\nimport builtins\nbuiltins.max = builtins.min = lambda *_: 10**6\n"
    verdict = judge(bench, "properties", task, wrong)["post 1"]
    assert verdict.status is Status.REFUTED


def test_a_clause_sees_arguments_before_and_after(bench: Workbench) -> None:
    text = '''
def empty(xs):
    """
    >>> empty([1, 2])
    2
    >>> empty([3])
    1

    post: len(xs) == 0 and result == len(old_xs)
    """
    n = len(xs)
    xs.clear()
    return n
'''
    found = judge(bench, "properties", task_of(text, "empty"))
    assert found["post 1"].status is Status.PASSED
    wrong = text.replace("xs.clear()", "pass")
    found = judge(bench, "properties", task_of(text, "empty"), wrong)
    assert found["post 1"].status is Status.REFUTED


def test_a_crash_on_inputs_like_the_examples_is_a_soft_finding(
    bench: Workbench,
) -> None:
    task = task_of(DEDUPE, "dedupe")
    wrong = DEDUPE.replace(
        "return sorted", "xs[:1] == [2] and xs[9]\n    return sorted"
    )
    verdict = judge(bench, "properties", task, wrong)["returns"]
    assert verdict.status is Status.REFUTED
    assert "IndexError" in verdict.counterexamples[0].observed
    assert verdict.counterexamples[0].call == "dedupe([2])"
    assert not next(c for c in task.constraints if c.name == "returns").hard


def test_a_refusal_on_purpose_is_no_finding(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe")
    text = DEDUPE.replace(
        "return sorted",
        "if len(xs) > 3:\n        raise ValueError('too long')\n    return sorted",
    )
    assert judge(bench, "properties", task, text)["returns"].status is Status.PASSED


def test_a_result_of_another_type_is_a_soft_finding(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe")
    wrong = DEDUPE.replace("return sorted", "if len(xs) < 5:\n        return sorted")
    verdict = judge(bench, "properties", task, wrong)["result type"]
    assert verdict.status is Status.REFUTED
    assert verdict.counterexamples[0].observed == "None"


def test_a_relation_of_the_examples_is_tried_on_other_inputs(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe")
    wrong = DEDUPE.replace("sorted(set(xs))", "sorted(set(xs[:4])) + xs[4:]")
    verdict = judge(bench, "properties", task, wrong)["generalises"]
    assert verdict.status is Status.REFUTED


def test_a_hang_on_a_small_input_is_a_difference(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe", reference=DEDUPE)
    wrong = DEDUPE.replace(
        "return sorted", "while len(xs) > 4: pass\n    return sorted"
    )
    verdict = judge(bench, "properties", task, wrong)["reference"]
    assert verdict.status is Status.REFUTED
    assert "does not return" in verdict.counterexamples[0].observed


@pytest.mark.parametrize(
    "source",
    [
        "def median(xs):\n    yield 1\n",
        "async def median(xs):\n    return 1\n",
        "def median(xs):\n    return object()\n",
        "def median(xs):\n    return lambda: 1\n",
        "def median(xs):\n    import os\n    os._exit(0)\n",
        "def median(xs):\n    raise SystemExit\n",
        "def median():\n    return 1\n",
        "median = 3\n",
        "raise ValueError\n",
        "import sys\nsys.exit(0)\n",
        "def median(xs):\n    return median(xs)\n",
        "def median(xs):\n    print('x' * 100_000)\n    return 1\n",
        "class median:\n    def __init__(self, xs): pass\n",
    ],
)
def test_whatever_a_candidate_does_is_a_verdict(bench: Workbench, source: str) -> None:
    task = task_of(MEDIAN, "median", reference=MEDIAN)
    found = judge(bench, "properties", task, source)
    assert {"post 1", "reference", "returns"} <= found.keys()
    assert found["reference"].status in {Status.REFUTED, Status.UNKNOWN}


def test_the_same_candidate_gets_the_same_verdicts(bench: Workbench) -> None:
    task = task_of(DEDUPE, "dedupe", reference=DEDUPE)
    wrong = DEDUPE.replace("sorted(set(xs))", "sorted(set(xs))[:5]")
    first = judge(bench, "properties", task, wrong)
    second = judge(
        bench, "properties", task_of(DEDUPE, "dedupe", reference=DEDUPE), wrong
    )
    assert {n: (v.status, v.reason) for n, v in first.items()} == {
        n: (v.status, v.reason) for n, v in second.items()
    }


def test_nothing_guessed_is_hard() -> None:
    constraints = dynamic_constraints(task_of(DEDUPE, "dedupe"))
    assert constraints
    assert not any(constraint.hard for constraint in constraints)


def test_optional_stages_run_only_when_they_are_named() -> None:
    assert "symbolic" not in Ladder().names
    assert Ladder.of(["symbolic"]).names == ("symbolic",)
