"""The tests stage on right, wrong and hostile candidates, in the real sandbox."""

from dataclasses import replace

import pytest

from codegrad.sandbox import Limits
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Check,
    Constraint,
    RaisesCheck,
    StdinCheck,
    Task,
)
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Status, Verdict
from codegrad.verify.stage import Workbench
from codegrad.verify.tests import TestsStage


def task_with(source: str, *checks: Check, context: str = "") -> Task:
    constraints = tuple(
        Constraint(f"test {n}", "tests", f"check {n}", check)
        for n, check in enumerate(checks, 1)
    )
    entry = "" if checks and isinstance(checks[0], StdinCheck) else "f"
    return Task("t", entry, {"m.py": source}, "m.py", constraints, context=context)


def verdicts(bench: Workbench, source: str, *checks: Check) -> list[Verdict]:
    task = task_with(source, *checks)
    return TestsStage().run(task.sources, task, task.constraints, bench)


def test_each_check_gets_its_own_verdict_in_order(bench: Workbench) -> None:
    found = verdicts(
        bench,
        "def f(x):\n    if x < 0:\n        raise ValueError('no')\n    return x + 1\n",
        CallCheck((1,), 2),
        AssertionCheck("assert f(2) == 4"),
        RaisesCheck((-1,), "ValueError"),
        CallCheck((5,), 7),
        RaisesCheck((1,), "ValueError"),
    )
    assert [v.status for v in found] == [
        Status.PASSED,
        Status.REFUTED,
        Status.PASSED,
        Status.REFUTED,
        Status.REFUTED,
    ]
    assert found[1].counterexamples[0].call == "f(2)"
    assert found[1].counterexamples[0].observed == "3"
    assert str(found[3].counterexamples[0]) == "f(5): expected 7, observed 6"


@pytest.mark.parametrize(
    ("example", "right", "wrong"),
    [
        ("f(1)  # doctest: +ELLIPSIS\n[1, ..., 9]", "[1, 2, 9]", "[1, 2, 8]"),
        ("f(1)  # doctest: +ELLIPSIS\n'<x...x>'", "'<xyzx>'", "'<xyz>'"),
        ("f(1)  # doctest: +ELLIPSIS\n1 ... 3", "print(1, 2, 3)", "print(1, 2)"),
        ("f(1)  # doctest: +NORMALIZE_WHITESPACE\n1\n2", "print(1, 2)", "print(12)"),
        ("f(1)  # doctest: +NORMALIZE_WHITESPACE\n'a  b'", "'a b'", "'ab'"),
        ("str(f(1))  # doctest: +ELLIPSIS\n'a...'", "'ab'", "'b'"),
        ("print(f(1))  # doctest: +NORMALIZE_WHITESPACE\na  b", "'a b'", "'ab'"),
        ("print(f(1))\na\n<BLANKLINE>\nb", "'a\\n\\nb'", "'a\\nb'"),
        ("print(f(1), 2)\n  a 2", "'  a'", "'a'"),
    ],
)
def test_a_doctest_is_compared_as_doctest_does(
    bench: Workbench, example: str, right: str, wrong: str
) -> None:
    doctest = "\n".join(f"    {line}" for line in f">>> {example}".split("\n"))
    for result, status in ((right, Status.PASSED), (wrong, Status.REFUTED)):
        source = f'def f(x):\n    """Do.\n\n{doctest}\n    """\n    return {result}\n'
        task = task_from_text(source, "m.py", "f")
        examples = task.of_stage("tests")
        (verdict,) = TestsStage().run(task.sources, task, examples, bench)
        assert verdict.status is status


@pytest.mark.parametrize(
    ("shown", "right", "wrong"),
    [
        ("4", "4", "4.0"),
        ("1", "1", "True"),
        ("2.5", "2.5", "'2.5'"),
        ("-0.0", "0.0", "0"),
        ("[1, 2.0]", "[1, 2.0]", "[1, 2]"),
        ("{'a': 1, 'b': (2,)}", "{'b': (2,), 'a': 1}", "{'a': 1.0, 'b': (2,)}"),
        ("{1, 2}", "{2, 1}", "{1.0, 2}"),
        ("inf", "float('inf')", "10 ** 9"),
        ("nan", "float('nan')", "0.0"),
    ],
)
def test_numbers_of_a_doctest_are_of_the_types_shown(
    bench: Workbench, shown: str, right: str, wrong: str
) -> None:
    for result, status in ((right, Status.PASSED), (wrong, Status.REFUTED)):
        source = (
            f'def f(x):\n    """\n    >>> f(1)\n    {shown}\n    """\n'
            f"    return {result}\n"
        )
        task = task_from_text(source, "m.py", "f")
        examples = task.of_stage("tests")
        (verdict,) = TestsStage().run(task.sources, task, examples, bench)
        assert verdict.status is status
        assert (verdict.distance > 0) is (status is Status.REFUTED)


def test_what_differs_in_type_alone_is_shown_as_it_is(bench: Workbench) -> None:
    source = "def f(x):\n    return x * 2.0\n"
    exact, asserted = verdicts(
        bench, source, CallCheck((2,), 4, exact=True), CallCheck((2,), 4)
    )
    assert str(exact.counterexamples[0]) == "f(2): expected 4, observed 4.0"
    assert asserted.status is Status.PASSED


def test_an_exception_names_its_line(bench: Workbench) -> None:
    (verdict,) = verdicts(bench, "def f(x):\n    return x[0]\n", CallCheck(([],), 1))
    example = verdict.counterexamples[0]
    assert example.line == 2
    assert example.observed.startswith("raises IndexError")


def test_a_hang_a_crash_and_an_exit_are_refutations_and_later_checks_still_run() -> (
    None
):
    source = (
        "import os, sys\n"
        "def f(x):\n"
        "    if x == 1:\n"
        "        while True: pass\n"
        "    if x == 2: os._exit(0)\n"
        "    if x == 3: sys.exit(0)\n"
        "    return x\n"
    )
    with Workbench(limits=Limits(wall_s=0.4, cpu_s=1.0)) as bench:
        found = verdicts(bench, source, *(CallCheck((n,), n) for n in (1, 2, 3, 4)))
    assert [v.status for v in found[:3]] == [Status.REFUTED] * 3
    assert found[3].status is Status.PASSED
    assert found[0].counterexamples[0].observed.startswith("does not return")
    assert found[1].counterexamples[0].observed.startswith("ends the process")


def test_a_module_that_cannot_be_loaded_refutes_every_check(bench: Workbench) -> None:
    found = verdicts(bench, "x = 1 / 0\ndef f(x):\n    return x\n", CallCheck((1,), 1))
    assert found[0].status is Status.REFUTED
    assert "ZeroDivisionError" in found[0].reason


def test_objects_that_claim_to_be_equal_are_not(bench: Workbench) -> None:
    source = (
        "class Yes(int):\n"
        "    def __eq__(self, other): return True\n"
        "    __hash__ = int.__hash__\n"
        "class Any:\n"
        "    def __eq__(self, other): return True\n"
        "def f(x): return Yes(0) if x else Any()\n"
    )
    found = verdicts(
        bench,
        source,
        CallCheck((1,), 5),
        CallCheck((0,), 5),
        AssertionCheck("assert f(1) == 5"),
    )
    assert [v.status for v in found] == [Status.REFUTED] * 3


def test_tolerance_and_printing(bench: Workbench) -> None:
    source = "def f(x):\n    print('hello', x)\n    return x / 3\n"
    found = verdicts(
        bench,
        source,
        CallCheck((1,), 0.3333, tolerance=1e-3),
        CallCheck((1,), 0.3333),
        CallCheck((1,), None, prints="hello 1", compares_result=False),
        CallCheck((3,), 1.0, prints="hello 3\n"),
        CallCheck((3,), 1.0, prints="goodbye"),
    )
    assert [v.status.holds for v in found] == [True, False, False, True, False]


def test_programs_are_judged_by_what_they_print(bench: Workbench) -> None:
    source = "n = int(input())\nprint(n * 2 if n < 5 else 1 / 0)\n"
    found = verdicts(
        bench,
        source,
        StdinCheck("2\n", "4"),
        StdinCheck("3\n", "7\n"),
        StdinCheck("9\n", "18"),
    )
    assert [v.status.holds for v in found] == [True, False, False]
    assert "ZeroDivisionError" in found[2].counterexamples[0].observed
    assert found[1].counterexamples[0].expected == "'7\\n'"


def test_tests_in_the_candidates_process_are_marked_as_forgeable(
    bench: Workbench,
) -> None:
    source = "class Box:\n    v = 3\ndef f(b):\n    return b.v\n"
    (verdict,) = verdicts(
        bench, source, AssertionCheck("assert f(Box()) == 3", shares_process=True)
    )
    assert verdict.status is Status.PASSED
    assert not verdict.forge_proof


CONTRACT = '''
def f(n):
    """Return the root.

    pre: n >= 0
    post: result * result <= n and not too_big(result, n)
    {examples}
    """
    return {body}

def too_big(r, n):
    return (r + 1) ** 2 <= n
'''


@pytest.mark.parametrize(
    ("body", "examples", "status", "checked"),
    [
        ("int(n ** 0.5)", ">>> f(9)\n    3\n    >>> f(-1)\n    0", Status.PASSED, 1),
        ("n // 2", ">>> f(9)\n    3", Status.REFUTED, 1),
        ("int(n ** 0.5)", "", Status.UNKNOWN, 0),
        ("int(n ** 0.5)", ">>> f(-4)\n    0", Status.UNKNOWN, 0),
    ],
)
def test_postconditions_hold_on_known_inputs_within_the_precondition(
    bench: Workbench, body: str, examples: str, status: Status, checked: int
) -> None:
    text = CONTRACT.format(body=body, examples=examples)
    task = task_from_text(text, "m.py", "f")
    found = TestsStage().run(task.sources, task, task.constraints, bench)
    clause = next(v for v in found if v.constraint == "post 1")
    assert (clause.status, clause.checked) == (status, checked)


def test_a_candidate_cannot_weaken_its_own_contract(bench: Workbench) -> None:
    text = CONTRACT.format(body="0", examples=">>> f(9)\n    3")
    task = task_from_text(text, "m.py", "f")
    forged = text.replace("return (r + 1) ** 2 <= n", "return False")
    found = TestsStage().run({"m.py": forged}, task, task.constraints, bench)
    clause = next(v for v in found if v.constraint == "post 1")
    assert clause.status is Status.REFUTED


def test_a_clause_that_cannot_be_evaluated_refutes_nothing(bench: Workbench) -> None:
    text = CONTRACT.format(body="3", examples=">>> f(9)\n    3").replace(
        "result * result <= n", "result * unknown_name <= n"
    )
    task = task_from_text(text, "m.py", "f")
    found = TestsStage().run(task.sources, task, task.constraints, bench)
    clause = next(v for v in found if v.constraint == "post 1")
    assert clause.status is Status.UNKNOWN
    assert "unknown_name" in clause.reason


def test_context_is_visible_to_the_candidate_and_not_part_of_it(
    bench: Workbench,
) -> None:
    task = replace(
        task_with("def f(x):\n    return helper(x)\n", CallCheck((1,), 11)),
        context="def helper(x):\n    return x + 10\n",
    )
    (verdict,) = TestsStage().run(task.sources, task, task.constraints, bench)
    assert verdict.status is Status.PASSED
