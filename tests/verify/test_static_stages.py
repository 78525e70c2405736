"""Syntax, lint and types: findings where there are faults, silence where not."""

import pytest

from codegrad.task import Task, static_constraints
from codegrad.verdict import Status
from codegrad.verify.lint import LintStage, lint
from codegrad.verify.stage import Workbench
from codegrad.verify.syntax import SyntaxStage, syntax_finding
from codegrad.verify.types import TypesStage, check_types


def task_of(source: str, entry: str = "f") -> Task:
    return Task("t", entry, {"m.py": source}, "m.py", static_constraints())


@pytest.mark.parametrize(
    "source",
    [
        "def f(:\n",
        "return 1\n",
        "def f():\nreturn 1\n",
        "x = '\0'\n",
        "f" + "(" * 5000,
        "def f():\n    yield 1\n    await 2\n",
    ],
)
def test_what_does_not_compile_is_refuted_with_its_place(source: str) -> None:
    finding = syntax_finding("m.py", source)
    assert finding is not None
    assert finding.span.line >= 1


def test_a_text_that_lost_its_entry_point_is_refuted(bench: Workbench) -> None:
    task = task_of("def g(x):\n    return x\n")
    (verdict,) = SyntaxStage().run(task.sources, task, task.of_stage("syntax"), bench)
    assert verdict.status is Status.REFUTED
    assert "does not define f" in verdict.reason


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return x\n",
        "f = lambda x: x\n",
        "from math import sqrt as f\n",
        "class f:\n    pass\n",
        "try:\n    from fast import f\nexcept ImportError:\n    def f(x): return x\n",
    ],
)
def test_every_way_of_defining_the_entry_point_counts(
    bench: Workbench, source: str
) -> None:
    task = task_of(source)
    (verdict,) = SyntaxStage().run(task.sources, task, task.of_stage("syntax"), bench)
    assert verdict.status is Status.PASSED


def test_lint_finds_faults_and_ignores_style() -> None:
    faulty = "def f(x, seen=[]):\n    y = 1\n    return undefined\n"
    assert {f.code for f in lint("m.py", faulty)} == {"B006", "F841", "F821"}
    assert lint("m.py", "import os\nX=1\ndef f( x ):\n  return(x)\n") == []


def test_lint_verdict_names_the_first_finding(bench: Workbench) -> None:
    task = task_of("def f(x):\n    return undefined\n")
    (verdict,) = LintStage().run(task.sources, task, task.of_stage("lint"), bench)
    assert verdict.status is Status.REFUTED
    assert "undefined" in verdict.reason
    assert verdict.findings[0].span.line == 2


def test_types_finds_a_wrong_return_type(bench: Workbench) -> None:
    task = task_of("def f(x: int) -> str:\n    return x + 1\n")
    (verdict,) = TypesStage().run(task.sources, task, task.of_stage("types"), bench)
    assert verdict.status is Status.REFUTED
    assert verdict.findings[0].span.line == 2


def test_types_says_nothing_about_imports_it_cannot_see() -> None:
    source = "import no_such_package\ndef f(x):\n    return no_such_package.g(x)\n"
    assert check_types({"m.py": source}) == []


def test_types_knows_that_a_context_defines_names() -> None:
    source = "def f(x):\n    return helper(x)\n"
    assert [f.code for f in check_types({"m.py": source})] == ["unresolved-reference"]
    assert check_types({"m.py": source}, context="def helper(x): ...") == []
