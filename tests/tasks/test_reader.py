"""Targets and tests become tasks; bad ones become one clear sentence."""

import json
from pathlib import Path

import pytest

from codegrad.errors import ContradictionError, TargetError, TestsError
from codegrad.task import AssertionCheck, CallCheck, RaisesCheck, StdinCheck, Task
from codegrad.tasks.assertions import read_assertions
from codegrad.tasks.python_file import task_from_text
from codegrad.tasks.reader import read_task


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def checks(task: Task) -> list[object]:
    return [c.check for c in task.constraints if c.stage == "tests"]


def test_a_function_with_doctests_and_contract(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.py",
        '''
def half(n):
    """Return n halved.

    pre: n >= 0
    post: __return__ * 2 <= n

    >>> half(4)
    2
    >>> half("x")
    Traceback (most recent call last):
        ...
    TypeError: no
    """
    return n
''',
    )
    task = read_task(f"{path}::half")
    assert task.entry_point == "half"
    assert checks(task)[:2] == [
        CallCheck((4,), 2, function="half", exact=True),
        RaisesCheck(("x",), "TypeError", {}, "half"),
    ]
    assert [c.text for c in task.constraints if c.name == "post 1"] == [
        "post: result * 2 <= n"
    ]
    assert task.path == path


def test_only_a_doctest_says_of_what_types_its_numbers_are() -> None:
    doctest = task_from_text(
        'def f(x):\n    """\n    >>> f(2)\n    4\n    """\n', "m.py", "f"
    )
    words = task_from_text('def f(x):\n    """f(2) => 4"""\n', "m.py", "f")
    stated = task_from_text(
        'def f(x):\n    """\n    >>> f(2) == 4\n    True\n    >>> f(3) == 9\n    """\n',
        "m.py",
        "f",
    )
    assert checks(doctest) == [CallCheck((2,), 4, function="f", exact=True)]
    assert checks(words) == [CallCheck((2,), 4, function="f")]
    assert not any(getattr(check, "exact", False) for check in checks(stated))


@pytest.mark.parametrize(
    ("first", "second"), [("4", "4.0"), ("[1, {2: True}]", "[1, {2: 1}]")]
)
def test_doctests_that_show_one_result_as_two_types_contradict(
    first: str, second: str
) -> None:
    text = (
        f'def f(x):\n    """\n    >>> f(2)\n    {first}\n    >>> f(2)\n    {second}\n'
        f'    """\n'
    )
    with pytest.raises(ContradictionError):
        task_from_text(text, "m.py", "f")


def test_helpers_doctests_are_constraints_of_the_task(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.py",
        '''
def g(x):
    """
    >>> g(1)
    2
    """
def f(x):
    """
    >>> f(1)
    4
    """
    return g(x) * 2
''',
    )
    names = [c.name for c in read_task(f"{path}::f").constraints if c.stage == "tests"]
    assert names == ["example 1", "g example 1"]


def test_examples_of_functions_outside_the_call_graph_are_no_constraints(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "m.py",
        '''
def called(x):
    """
    >>> called(1)
    1
    """
    return x
def f(x):
    """
    >>> f(1)
    1
    """
    return called(x)
def caller(x):
    """
    >>> caller(1)
    1
    """
    return f(x)
def stranger(x):
    """
    >>> stranger(1)
    5
    """
''',
    )
    task = read_task(f"{path}::f")
    names = [c.name for c in task.constraints if c.stage == "tests"]
    assert names == ["example 1", "called example 1", "caller example 1"]
    assert any("examples of stranger" in note for note in task.notes)


def test_doctests_with_setup_print_and_non_literal_results(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.py",
        '''
def f(x):
    """
    >>> data = [3, 1]
    >>> f(data)
    [1, 3]
    >>> print(f([2]))
    [2]
    >>> print(f([2]), sep="")
    [2]
    """
''',
    )
    task = read_task(str(path))
    sources = [c.source for c in checks(task) if isinstance(c, AssertionCheck)]
    assert len(sources) == 2
    assert sources[0].startswith("data = [3, 1]\n")
    assert "str(f([2]))" in sources[1]
    assert any("not checked" in note for note in task.notes)


@pytest.mark.parametrize(
    "example",
    [
        "f(1)\n[1, ...]",
        "f(1)  # doctest: +SKIP\n1",
    ],
)
def test_a_doctest_that_cannot_be_compared_is_said(
    tmp_path: Path, example: str
) -> None:
    path = write(
        tmp_path / "m.py",
        f'def f(x):\n    """Do.\n\n>>> {example}\n    """\n    return x\n',
    )
    task = read_task(str(path))
    assert not task.of_stage("tests")
    assert any("not checked" in note for note in task.notes)


@pytest.mark.parametrize(
    "line",
    ["f(2) == 3", "f(2) => 3", "f(2) -> 3", "f(2) returns 3.", "f(2) # 3", "f(2) ➞ 3"],
)
def test_results_stated_in_prose_are_examples(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "m.py", f'def f(x):\n    """Text. {line}"""\n')
    assert checks(read_task(str(path))) == [CallCheck((2,), 3, function="f")]


@pytest.mark.parametrize(
    "line", ["f(2) = 1 + (2 / 2)", 'f("a") == ""a"', "f(2) == x", "f(2) is odd", "f(2)"]
)
def test_what_only_looks_like_a_result_is_no_example(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "m.py", f"def f(x):\n    '''Text. {line}'''\n")
    assert checks(read_task(str(path))) == []


def test_examples_in_json_in_all_forms(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "def f(*a, **k):\n    return a\n")
    tests = write(
        tmp_path / "t.json",
        json.dumps(
            [
                {"args": [1], "kwargs": {"k": 2}, "expected": 3},
                {"call": "f((1, 2), k={3})", "returns": "(None, 1.5)"},
                {"call": "f()", "raises": "ValueError"},
            ]
        ),
    )
    assert checks(read_task(str(path), tests=[str(tests)])) == [
        CallCheck((1,), 3, {"k": 2}),
        CallCheck(((1, 2),), (None, 1.5), {"k": {3}}),
        RaisesCheck((), "ValueError"),
    ]


def test_stdin_cases_make_a_program(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "print(int(input()) * 2)\n")
    tests = write(tmp_path / "t.json", '[{"stdin": "2\\n", "stdout": "4\\n"}]')
    task = read_task(str(path), tests=[str(tests)])
    assert task.is_program
    assert checks(task) == [StdinCheck("2\n", "4\n")]


def test_a_file_of_asserts_keeps_expectations_away_from_the_candidate(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    tests = write(
        tmp_path / "asserts.py",
        "import math\n"
        "assert f(1) == 2\n"
        "assert 4 == f(3 * 1)\n"
        "assert abs(f(2.0) - 1.5) < 1e-3\n"
        "for n in range(3):\n    assert f(n) >= n\n"
        "assert math.isnan(f(0))\n",
    )
    found = checks(read_task(str(path), tests=[str(tests)]))
    assert found[:3] == [
        CallCheck((1,), 2),
        CallCheck((3,), 4),
        CallCheck((2.0,), 1.5, tolerance=1e-3),
    ]
    loop, nan = found[3], found[4]
    assert isinstance(loop, AssertionCheck)
    assert "import math" not in loop.source
    assert isinstance(nan, AssertionCheck)
    assert nan.source.startswith("import math")


def test_humaneval_and_quixbugs_records(tmp_path: Path) -> None:
    rows = [
        {
            "task_id": "X/1",
            "prompt": "def f(x):\n",
            "entry_point": "f",
            "buggy_solution": "    return x\n",
            "test": "def check(candidate):\n    assert candidate(1) == 2\n",
        },
        {"name": "g", "buggy": "def g(a, b):\n    return a\n", "cases": [[[1, 2], 3]]},
    ]
    path = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    assert checks(read_task(f"{path}::X/1")) == [CallCheck((1,), 2)]
    assert checks(read_task(f"{path}::g")) == [CallCheck((1, 2), 3)]
    with pytest.raises(TargetError, match="no record 'Y'"):
        read_task(f"{path}::Y")
    with pytest.raises(TargetError, match="2 records"):
        read_task(str(path))


def test_a_line_of_records_may_hold_any_letter(tmp_path: Path) -> None:
    row = {
        "task_id": "T/1",
        "prompt": 'def f(x):\n    """Do.\u2028"""\n',
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    }
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_task(str(path)).entry_point == "f"


def test_bom_and_crlf_survive_reading(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_bytes(b"\xef\xbb\xbfdef f(x):\r\n    return x\r\n")
    assert read_task(str(path)).source == "def f(x):\r\n    return x\r\n"


@pytest.mark.parametrize(
    ("text", "target", "sentence"),
    [
        (None, "m.py", "does not exist"),
        ("", "m.py", "is empty"),
        ("   \n", "m.py", "is empty"),
        ("x = 1\n", "m.py", "defines no function"),
        ("def f(): ...\ndef g(): ...\n", "m.py", "say which one"),
        ("def f(): ...\n", "m.py::g", "it defines: f"),
        ("def f(:\n", "m.py", "line 1"),
        ("def f(): ...\n\0", "m.py", "NUL byte"),
    ],
)
def test_a_target_that_cannot_be_used_is_explained(
    tmp_path: Path, text: str | None, target: str, sentence: str
) -> None:
    if text is not None:
        write(tmp_path / "m.py", text)
    with pytest.raises(TargetError, match=sentence):
        read_task(str(tmp_path / target))


def test_a_folder_and_undecodable_bytes_are_explained(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is a folder"):
        read_task(str(tmp_path))
    path = tmp_path / "m.py"
    path.write_bytes(b"def f():\n    return '\xff'\n")
    with pytest.raises(TargetError, match="not UTF-8"):
        read_task(str(path))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("t.json", None, "does not exist"),
        ("t.json", "{", "is not JSON"),
        ("t.json", "[]", "holds no examples"),
        ("t.json", "[1]", "is not an object"),
        ("t.json", '[{"args": [1]}]', '"expected"'),
        ("t.json", '[{"call": "f(x)", "returns": "1"}]', "literal arguments"),
        ("t.json", '[{"call": "f(1)", "returns": "x"}]', "not a Python literal"),
        ("t.py", "assert (\n", "not valid Python"),
        ("t.py", "x = 1\n", "no assert"),
        ("t.py", None, "does not exist"),
        ("t.txt", "hello", "neither"),
    ],
)
def test_tests_that_cannot_be_used_are_explained(
    tmp_path: Path, name: str, text: str | None, sentence: str
) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    if text is not None:
        write(tmp_path / name, text)
    with pytest.raises(TestsError, match=sentence):
        read_task(str(path), tests=[str(tmp_path / name)])


def test_two_expectations_of_one_call_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    tests = write(tmp_path / "t.py", "assert f(1) == 2\nassert f(1) == 3\n")
    with pytest.raises(ContradictionError) as caught:
        read_task(str(path), tests=[str(tests)])
    assert "assert f(1) == 2" in caught.value.first
    assert "assert f(1) == 3" in caught.value.second


def test_a_docstring_example_gives_way_to_a_given_test_and_is_noted(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "m.py", 'def f(x):\n    """f(1) == 2, f(3) == 4"""\n')
    tests = write(tmp_path / "t.py", "assert f(1) == 5\n")
    task = read_task(str(path), tests=[str(tests)])
    assert checks(task) == [CallCheck((3,), 4, function="f"), CallCheck((1,), 5)]
    assert any("contradicts `assert f(1) == 5` (given)" in n for n in task.notes)


def test_two_examples_of_one_docstring_that_exclude_each_other_are_named(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "m.py", 'def f(x):\n    """f(1) == 2, f(1) == 4"""\n')
    with pytest.raises(ContradictionError):
        read_task(str(path))


def test_equal_expectations_and_other_types_of_argument_do_not_contradict(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    tests = write(
        tmp_path / "t.py",
        "assert f(1) == 2\nassert f(1) == 2\nassert f(1.0) == 3\nassert f(True) == 4\n",
    )
    assert len(checks(read_task(str(path), tests=[str(tests)]))) == 4


def test_an_import_of_the_function_under_test_is_no_setup(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    tests = write(
        tmp_path / "t.py", "from m import f\nfor x in range(3):\n    assert f(x) == x\n"
    )
    (check,) = checks(read_task(str(path), tests=[str(tests)]))
    assert isinstance(check, AssertionCheck)
    assert "import" not in check.source


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ('{"arg": [1], "expected": 2}', "unknown field 'arg'"),
        ('{"stdin": "2", "expected": "4"}', '"stdout"'),
        ('{"stdin": "2", "stdout": "4"}', "leave out ::f"),
    ],
)
def test_examples_of_the_wrong_kind_are_refused(
    tmp_path: Path, row: str, sentence: str
) -> None:
    path = write(tmp_path / "m.py", "def f(x):\n    return x\n")
    tests = write(tmp_path / "t.json", f"[{row}]")
    with pytest.raises(TestsError, match=sentence):
        read_task(f"{path}::f", tests=[str(tests)])


def test_a_misspelt_name_in_the_tests_is_the_tests_fault(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "def clamp(x):\n    return x\n")
    tests = write(tmp_path / "t.py", "assert clamp(1) == 1\nassert clammp(1) == 1\n")
    with pytest.raises(TestsError, match="'clammp'"):
        read_task(str(path), tests=[str(tests)])


def test_a_single_colon_is_recognised(tmp_path: Path) -> None:
    write(tmp_path / "m.py", "def f(x):\n    return x\n")
    with pytest.raises(TargetError, match="did you mean"):
        read_task(str(tmp_path / "m.py:f"))


def test_an_async_function_needs_pytest(tmp_path: Path) -> None:
    path = write(tmp_path / "m.py", "async def f(x):\n    return x\n")
    with pytest.raises(TargetError, match="async"):
        read_task(str(path))


def test_an_example_gives_way_to_a_given_test_however_the_test_is_written() -> None:
    text = (
        'def f(x):\n    """\n    >>> f(1)\n    0.33\n    >>> f(2)\n    0.5\n    """\n'
    )
    tests = read_assertions("assert abs(f(1) - 0.3333) < 1e-6", "f")
    task = task_from_text(text, "m.py", "f", extra=tests)
    assert [c.name for c in task.of_stage("tests")] == ["example 2", "test 1"]
    assert "contradicts" in task.notes[0]


def test_an_example_within_the_tolerance_of_a_given_test_is_kept() -> None:
    text = 'def f(x):\n    """\n    >>> f(1)\n    0.33\n    """\n'
    tests = read_assertions("assert abs(f(1) - 0.3333) < 1e-2", "f")
    task = task_from_text(text, "m.py", "f", extra=tests)
    assert [c.name for c in task.of_stage("tests")] == ["example 1", "test 1"]
