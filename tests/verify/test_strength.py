import ast
from dataclasses import replace
from pathlib import Path

import pytest

from codegrad.errors import UsageError
from codegrad.sandbox import CallOutcome, Ending, Opaque
from codegrad.task import Repository, Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from codegrad.verify.strength import Strength, measure_strength, suggested_test

SIGN = '''
def sign(x: int) -> int:
    """Return -1, 0 or 1.

    {examples}
    """
    if x < 0:
        return -1
    if x > 0:
        return 1
    return 0
'''
WEAK = SIGN.format(examples=">>> sign(5)\n    1")
STRONG = SIGN.format(
    examples="\n    ".join(
        f">>> sign({x})\n    {(x > 0) - (x < 0)}" for x in (-2, -1, 0, 1, 2)
    )
)


def task_of(text: str, entry: str = "sign") -> Task:
    return task_from_text(text, "m.py", entry)


@pytest.fixture(scope="module")
def weak(bench: Workbench) -> Strength:
    task = task_of(WEAK)
    return measure_strength(task, task.sources, bench)


def test_weak_evidence_lets_mutants_live_and_names_the_unchecked_inputs(
    weak: Strength,
) -> None:
    assert weak.share is not None
    assert weak.share < 0.6
    assert any("sign(0)" in survivor.call for survivor in weak.survivors)
    assert any("sign(-" in survivor.call for survivor in weak.survivors)
    assert weak.tried == weak.refuted + weak.equal + len(weak.survivors)


def test_the_suggested_tests_would_end_every_survivor(
    weak: Strength, bench: Workbench
) -> None:
    suggested = {s.test.partition("  #")[0] for s in weak.survivors}
    calls = "\n    ".join(
        f">>> {test.removeprefix('assert ').partition(' == ')[0]}\n"
        f"    {test.partition(' == ')[2]}"
        for test in sorted(suggested)
    )
    task = task_of(SIGN.format(examples=f">>> sign(5)\n    1\n    {calls}"))
    after = measure_strength(task, task.sources, bench)
    assert after.share == 1.0
    assert after.survivors == ()


def test_strong_evidence_refutes_all_that_differ(bench: Workbench) -> None:
    task = task_of(STRONG)
    found = measure_strength(task, task.sources, bench)
    assert found.share == 1.0
    assert "evidence strength 100%" in found.sentence()


def test_a_mutant_that_cannot_differ_is_counted_apart(bench: Workbench) -> None:
    text = '''
def largest(a: int, b: int) -> int:
    """Return the larger.

    >>> largest(1, 2)
    2
    >>> largest(4, 3)
    4
    """
    return a if a > b else b
'''
    task = task_of(text, "largest")
    found = measure_strength(task, task.sources, bench)
    assert found.equal == 1  # >= for >
    assert f"no difference was found on {found.inputs} inputs" in found.sentence()
    assert found.inputs > 100


def test_a_seed_makes_it_repeatable(bench: Workbench) -> None:
    task = task_of(WEAK)
    runs = [measure_strength(task, task.sources, bench, most=4) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0].tried == 4 < runs[0].sites
    assert f"a sample of {runs[0].sites}" in runs[0].sentence()


def test_the_time_limit_is_told(bench: Workbench) -> None:
    task = task_of(WEAK)
    heard: list[tuple[int, int]] = []
    found = measure_strength(
        task,
        task.sources,
        bench,
        seconds=-1.0,
        progress=lambda done, total: heard.append((done, total)),
    )
    assert not found.complete
    assert found.tried == 0
    assert found.share is None
    assert heard == []


def test_without_inputs_what_lives_is_undecided_and_not_called_refuted(
    bench: Workbench,
) -> None:
    text = "def f(x):\n    return x.a + 1\n"
    task = task_of(text, "f")
    found = measure_strength(task, task.sources, bench)
    assert found.undecided == found.tried > 0
    assert found.share == 0.0
    assert "could not be compared" in found.sentence()


def test_a_projects_own_suite_is_refused_with_the_reason(bench: Workbench) -> None:
    repository = Repository(Path("/nowhere"), ("tests",), Path("python"))
    task = replace(task_of(WEAK), repository=repository)
    with pytest.raises(UsageError, match="give examples or a contract"):
        measure_strength(task, task.sources, bench)


def test_it_survives_the_way_through_json(weak: Strength) -> None:
    assert Strength.from_data(weak.to_data()) == weak


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "f(1) == 1"),
        (None, "f(1) is None"),
        (float("nan"), 'repr(f(1)) == "nan"'),
        ("a'b", 'f(1) == "a\'b"'),
    ],
)
def test_suggested_tests_can_be_pasted(value: object, expected: str) -> None:
    test = suggested_test("f(1)", CallOutcome(Ending.RETURNED, value=value))
    assert test.startswith(f"assert {expected}  # to be confirmed")
    ast.parse(test)


@pytest.mark.parametrize(
    "outcome",
    [
        CallOutcome(Ending.RAISED, error="ValueError", message="no"),
        CallOutcome(Ending.RETURNED, value=Opaque("<T>")),
    ],
)
def test_what_cannot_be_asserted_is_told_in_words(outcome: CallOutcome) -> None:
    test = suggested_test("f(1)", outcome)
    assert not test.startswith("assert")
    ast.parse(test)
