# ruff: noqa: FBT003 - truth values are what the tests expect
from __future__ import annotations

import ast

import pytest

from codegrad.sandbox import encode
from codegrad.search.cases import (
    ALARM,
    OUT_OF_TICKS,
    WRONG_VALUE_CREDIT,
    Alarm,
    CaseSuite,
    Result,
    cpu_alarm,
    split_asserts,
)
from codegrad.search.subject import Subject
from tests.search.jobs import call, code


def results(source: str, *tests: dict[str, object], context: str = "") -> list[Result]:
    program = any(test["kind"] == "stdin" for test in tests)
    subject = Subject(source, program=program)
    suite = CaseSuite(subject, list(tests), entry="f", context=context)
    return [suite.run(index) for index in range(len(suite))]


def test_calls_compare_the_value() -> None:
    right, wrong = results(
        "def f(a, b):\n    return a - b", call([5, 2], 3), call([1, 1], 4)
    )
    assert right == Result(ok=True, key=None, similarity=1.0)
    assert (wrong.ok, wrong.key) == (False, "0")
    assert 0 < wrong.similarity < 1


def test_equal_values_of_another_type_pass_loosely() -> None:
    loose, nested = results(
        "def f(x):\n    return x", call([1], True), call([[1.0]], [1])
    )
    assert (loose.ok, loose.key) == (True, "~")
    assert (nested.ok, nested.key) == (True, "~")


@pytest.mark.parametrize(
    ("value", "expected"), [(True, 1), ([[1.0]], [[1]]), ({1.0: "a"}, {1: "a"})]
)
def test_an_exact_call_fails_on_an_equal_value_of_another_type(
    value: object, expected: object
) -> None:
    source = "def f(x):\n    return x"
    other, same = results(
        source, call([value], expected, exact=True), call([value], value, exact=True)
    )
    (unlike,) = results(source, call([[2, 3]], [7, 8], exact=True))
    assert not other.ok
    assert other.key == repr(value)
    assert unlike.similarity < other.similarity == WRONG_VALUE_CREDIT
    assert same.ok


def test_a_tolerance_of_an_exact_call_spans_no_types() -> None:
    near, other = results(
        "def f(x):\n    return x",
        call([1.001], 1.0, tolerance=0.01, exact=True),
        call([1], 1.0, tolerance=0.01, exact=True),
    )
    assert near.ok
    assert not other.ok


def test_a_call_may_name_another_function() -> None:
    right, wrong = results(
        "def f(x):\n    return x\ndef g(xs):\n    return len(xs)",
        call([[1, 2]], 2, function="g"),
        call(["ab"], "ab", function="g"),
    )
    assert right.ok
    assert wrong.key == "2"


def test_a_tolerance_holds_inside_containers() -> None:
    near, far = results(
        "def f(x):\n    return [x, {'a': x}]",
        call([1.0], [1.001, {"a": 0.999}], tolerance=0.01),
        call([1.0], [1.1, {"a": 1.0}], tolerance=0.01),
    )
    assert near.ok
    assert not far.ok


def test_arguments_are_fresh_in_every_run() -> None:
    subject = Subject("def f(xs):\n    xs.append({1: []})\n    return len(xs)")
    suite = CaseSuite(subject, [call([[[]]], 2)], entry="f")
    assert [suite.run(0).ok for _ in range(3)] == [True, True, True]


def test_raises_goes_by_the_name_of_the_exception_or_a_base() -> None:
    record = {"kind": "raises", "args": encode((0,)), "kwargs": encode({})}
    wanted = {**record, "error": "ArithmeticError"}
    other = {**record, "error": "KeyError"}
    none = {**record, "args": encode((1,)), "error": "KeyError"}
    tests = results("def f(x):\n    return 1 // x", wanted, other, none)
    assert [test.ok for test in tests] == [True, False, False]
    assert tests[1].key is not None
    assert tests[1].key.startswith("!ZeroDivisionError")


def test_code_gets_partial_credit_from_both_sides_of_its_assert() -> None:
    (test,) = results("def f():\n    return [1, 2, 3]", code("assert f() == [1, 2, 4]"))
    assert not test.ok
    assert test.similarity > 0.5
    assert test.key == "[1, 2, 3]"


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1) == 1",
        "assert f(1) is not None",
        "assert not f(0)",
        "assert abs(f(1.0) - 1) < 1e-6",
        "assert f(1) in {1, 2}, 'message'",
        "for i in range(3):\n    assert f(i) == i",
        "def check(g):\n    assert g(2) == 2\n\ncheck(f)",
        "import math\nassert math.isclose(f(0.5), 0.5)",
        "try:\n    f()\nexcept TypeError:\n    pass\nelse:\n    assert False",
        "from math import *\nassert f(pi) == pi",
    ],
)
def test_statements_that_hold_pass(source: str) -> None:
    tests = results("def f(x):\n    return x", code(source))
    assert tests
    assert all(test.ok for test in tests)


def test_asserts_become_tests_of_their_own() -> None:
    tests = results(
        "def f(x):\n    return x % 3",
        code(
            "def check(c):\n    y = 1\n    assert c(y) == 1"
            "\n    assert c(3) == 3\ncheck(f)"
        ),
    )
    assert [test.ok for test in tests] == [True, False]


def test_an_assert_that_may_change_state_is_repeated_by_later_ones() -> None:
    parts = split_asserts("s = f()\nassert s.push(1)\nassert s.pop() == 1\nassert g(2)")
    sources = [ast.unparse(ast.Module(part, [])) for part in parts]
    assert sources[1] == "s = f()\nassert s.push(1)\nassert s.pop() == 1"
    assert len(sources) == 3


def test_empty_tests_vanish() -> None:
    assert split_asserts("def check(c):\n    pass\ncheck(f)")[0]
    assert split_asserts("") == []


def test_what_the_program_does_wrong_is_a_result() -> None:
    endless, exits, crashes = results(
        "def f(n):\n    while n == 0:\n        pass\n"
        "    if n == 1:\n        raise SystemExit\n"
        "    return n.x",
        call([0], 1),
        call([1], 1),
        call([2], 1),
    )
    assert endless.key == OUT_OF_TICKS
    assert exits.key == "!SystemExit"
    assert crashes.key is not None
    assert crashes.key.startswith("!AttributeError")


def test_an_endless_generator_is_out_of_steps_too() -> None:
    source = (
        "def g():\n    while True:\n        yield 1\ndef f():\n    return list(g())"
    )
    (test,) = results(source, call([], []))
    assert test.key == OUT_OF_TICKS


def test_programs_read_and_print() -> None:
    source = (
        "import sys\nn = int(input())\nfor line in sys.stdin:\n    print(n * int(line))"
    )
    right, wrong = results(
        source,
        {"kind": "stdin", "stdin": "3\n1\n2\n", "stdout": "3\n6"},
        {"kind": "stdin", "stdin": "3\n1\n2\n", "stdout": "3\n7"},
    )
    assert right.ok
    assert not wrong.ok
    assert wrong.similarity > 0


def test_programs_may_use_the_buffers_and_exit() -> None:
    source = (
        "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])\nsys.exit()"
    )
    (test,) = results(source, {"kind": "stdin", "stdin": "ab", "stdout": "ba"})
    assert test.ok


def test_the_context_comes_first() -> None:
    (test,) = results(
        "def f():\n    return helper()",
        call([], 7),
        context="def helper():\n    return 7",
    )
    assert test.ok


METHODS = """\
class Base:
    def area(self):
        return 1


class Shape(Base):
    def area(self):
        return super().area() + self.extra()

    @staticmethod
    def extra():
        return 1


def f():
    return Shape().area()
"""


def test_methods_are_installed_on_their_class_and_restored() -> None:
    subject = Subject(METHODS)
    suite = CaseSuite(subject, [call([], 2)], entry="f")
    assert suite.run(0).ok
    for unit, new in [
        (subject.units[1], "super().area() + 5"),
        (subject.units[2], "6"),
    ]:
        statement = unit.node.body[-1]
        assert isinstance(statement, ast.Return)
        old = statement.value
        statement.value = ast.parse(new, mode="eval").body
        suite.install(unit, subject.compile_unit(unit))
        statement.value = old
        assert suite.run(0).key in {"6", "7"}
        suite.restore(unit)
        assert suite.run(0).ok


def test_changed_globals_are_put_back_for_the_next_candidate() -> None:
    subject = Subject("seen = []\ndef f():\n    seen.append(1)\n    return len(seen)")
    suite = CaseSuite(subject, [call([], 1)], entry="f")
    unit = subject.units[0]
    for _ in range(3):
        suite.install(unit, subject.compile_unit(unit))
        assert suite.run(0).ok
        suite.restore(unit)


def test_the_alarm_ends_what_never_steps() -> None:
    subject = Subject(
        "import itertools\ndef f():\n    return [0 for _ in itertools.count() if 0]"
    )
    suite = CaseSuite(subject, [call([], 0)], entry="f")
    try:
        with cpu_alarm(0.05):
            key = suite.run(0).key
    except Alarm:
        key = ALARM
    assert key == ALARM
