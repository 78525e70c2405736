"""Blame flows from failing tests through calls to the function at fault."""

from codegrad.code import Program
from codegrad.task import with_dynamic_constraints
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

TEXT = '''
def total(items):
    """Sum of squares.

    >>> total([1, 2])
    5
    >>> total([])
    0
    """
    result = 0
    for item in items:
        result += square(item)
    return result


def square(x):
    """
    >>> square(1)
    1
    >>> square(3)
    9
    """
    return x * 2 - 1 if x > 1 else x


def unrelated(x):
    return x
'''


def propagated(bench: Workbench, text: str = TEXT, entry: str = "total") -> Program:
    task = task_from_text(text, "m.py", entry)
    program = Program.from_task(task)
    VerificationLoss(task, bench=bench)(program).backward()
    return program


def test_each_function_holds_its_own_critiques(bench: Workbench) -> None:
    codes = {code.name: code for code in propagated(bench).codes}
    square, total = codes["square"].grad, codes["total"].grad
    assert square is not None
    assert total is not None
    assert {c.constraint for c in square} == {"example 1", "square example 2"}
    assert {c.constraint for c in total} == {"example 1"}
    assert codes["unrelated"].grad is None


def test_a_function_whose_own_examples_fail_is_blamed_before_its_caller(
    bench: Workbench,
) -> None:
    codes = {code.name: code for code in propagated(bench).codes}
    assert codes["square"].grad is not None
    assert codes["total"].grad is not None
    assert codes["square"].grad.weight > codes["total"].grad.weight


def test_a_critique_carries_line_values_example_and_direction(
    bench: Workbench,
) -> None:
    codes = {code.name: code for code in propagated(bench).codes}
    assert codes["square"].grad is not None
    own = next(c for c in codes["square"].grad if c.constraint == "square example 2")
    assert own.direction == "square(3) must return 9; it returns 5"
    assert own.kind == "wrong value"
    assert TEXT.splitlines()[own.span.line - 1].strip().startswith("return x * 2")
    assert own.values[0].values == (("<return>", "5"), ("x", "3"))
    assert own.counterexamples[0].expected == "9"


def test_the_line_that_raised_is_the_line_that_is_blamed(bench: Workbench) -> None:
    text = '''
def f(items):
    """
    >>> f([1])
    1
    >>> f([])
    0
    """
    first = 0
    first = items[0]
    return first
'''
    entry = propagated(bench, text, "f").entry
    assert entry.grad is not None
    critique = entry.grad.critiques[0]
    assert critique.kind == "raised"
    assert critique.span.line == 10


def test_backward_is_deterministic_and_accumulates(bench: Workbench) -> None:
    first, second = propagated(bench), propagated(bench)
    assert [c.grad for c in first.codes] == [c.grad for c in second.codes]
    assert first.loss is not None
    before = {code.name: code.grad for code in first.codes}
    first.loss.backward()
    assert {code.name: code.grad for code in first.codes} == before
    first.zero_grad()
    assert all(code.grad is None for code in first.codes)


def test_a_syntax_error_is_a_critique_at_its_line(bench: Workbench) -> None:
    program = propagated(bench, "def f(x):\n    return (x\n", "f")
    assert program.entry.grad is not None
    (critique,) = program.entry.grad
    assert (critique.kind, critique.span.line) == ("syntax", 2)
    assert critique.direction.startswith("write valid Python")


def test_nothing_is_propagated_where_nothing_is_wrong(bench: Workbench) -> None:
    text = 'def f(x):\n    """f(1) == 1"""\n    return x\n'
    program = propagated(bench, text, "f")
    assert all(code.grad is None for code in program.codes)


_LARGEST = '''
def largest(xs: list[int]) -> int:
    """Return the largest item.

    >>> largest([3, 1])
    3
    >>> largest([2, 5, 4])
    5
    >>> largest([4, 9, 9])
    9

    pre: len(xs) > 0
    post: result in xs
    """
    best = 0
    for x in xs:
        if x > best:
            best = x
    return best
'''


def test_a_generated_counterexample_has_lines_and_values_of_its_own(
    bench: Workbench,
) -> None:
    task = with_dynamic_constraints(task_from_text(_LARGEST, "m.py", "largest"))
    program = Program.from_task(task)
    VerificationLoss(task, bench=bench)(program).backward()
    grad = program.codes[0].grad
    assert grad is not None
    critique = next(c for c in grad if c.constraint == "post 1")
    assert critique.counterexamples[0].call == "largest([-1])"
    assert "must satisfy `post: result in xs`" in critique.direction
    names = {name for line in critique.values for name, _ in line.values}
    assert {"best", "xs"} <= names
    assert len(critique.lines) > 1
