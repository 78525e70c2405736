from __future__ import annotations

import ast
from typing import Any

import pytest

from codegrad.search.subject import (
    RUNTIME,
    Subject,
    Ticks,
    guard_sites,
    is_stub,
    without_ticks,
)

LOOP = '''\
def f(n):
    """Count."""
    total = 0
    while n:
        for i in range(2):
            total += i
        n -= 1
    return total


class Box:
    def half(self, n):
        return n // 2
'''


def namespace(subject: Subject, limit: int = 1000) -> tuple[dict[str, Any], Ticks]:
    names: dict[str, Any] = {"__name__": "candidate", **RUNTIME}
    ticks = Ticks(names, limit)
    exec(subject.compile_module(), names)
    return names, ticks


def test_every_loop_and_call_is_a_step() -> None:
    names, ticks = namespace(Subject(LOOP))
    ticks.reset()
    assert names["f"](3) == 3
    assert ticks.used == 1 + 3 + 3 * 2


def test_an_endless_loop_ends_when_the_steps_run_out() -> None:
    names, ticks = namespace(Subject("def f():\n    while True:\n        pass"), 50)
    ticks.reset()
    with pytest.raises(StopIteration):
        names["f"]()


def test_the_clean_tree_is_the_source_with_its_positions() -> None:
    subject = Subject(LOOP)
    assert ast.dump(subject.clean_tree(), include_attributes=True) == ast.dump(
        ast.parse(LOOP), include_attributes=True
    )


def test_methods_are_units_with_qualified_names() -> None:
    assert [unit.name for unit in Subject(LOOP).units] == ["f", "Box.half"]
    assert [unit.name for unit in Subject(LOOP, ["half"]).units] == ["Box.half"]
    assert [unit.name for unit in Subject(LOOP, program=True).units] == [""]


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, b):\n    return a ** b",
        "def f(a, b):\n    return a << b",
        "def f(a, b):\n    a **= b\n    return a",
        "def f(a, b):\n    return [x ** b for x in [a]]",
        "def f(a, b):\n    return (a ** b) * (a ** b) ** b",
    ],
)
def test_huge_powers_fail_at_once(source: str) -> None:
    names, _ = namespace(Subject(source))
    with pytest.raises(OverflowError):
        names["f"](10**6, 10**9)


def test_huge_products_and_repetitions_fail_at_once() -> None:
    names, _ = namespace(Subject("def f(a, b):\n    return a * b"))
    with pytest.raises(OverflowError):
        names["f"](1 << 100_000, 1 << 100_000)
    with pytest.raises(MemoryError):
        names["f"]([0], 10**9)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a, b):\n    return a ** b + a * b - (a << b)", 8 + 6 - 16),
        ("def f(a, b):\n    a *= b + a ** 2\n    return a", 2 * (3 + 4)),
        ("def f(a, b):\n    return [a] * b", [2, 2, 2]),
        ("def f(a, b):\n    return 'ab' * b", "ababab"),
    ],
)
def test_guards_change_no_result(source: str, expected: object) -> None:
    names, _ = namespace(Subject(source))
    assert names["f"](2, 3) == expected


def test_guards_are_taken_off_after_compiling() -> None:
    subject = Subject("def f(a, b):\n    a *= a ** b\n    return a * (b * a)")
    before = ast.dump(subject.tree)
    subject.compile_module()
    subject.compile_unit(subject.units[0])
    assert ast.dump(subject.tree) == before


def test_additions_are_guarded_in_new_text_only() -> None:
    tree = ast.parse("x = a + b")
    assert guard_sites(tree) == []
    assert len(guard_sites(tree, new=True)) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("'''Doc.'''", True),
        ("...", True),
        ("raise NotImplementedError", True),
        ("'''Doc.'''\n    pass", True),
        ("return 1", False),
        ("raise ValueError", False),
    ],
)
def test_a_stub_is_a_function_without_a_body(body: str, expected: bool) -> None:  # noqa: FBT001 - a table
    node = ast.parse(f"def f():\n    {body}").body[0]
    assert isinstance(node, ast.FunctionDef)
    assert is_stub(node) is expected


def test_a_body_of_ticks_alone_becomes_pass() -> None:
    subject = Subject("def f():\n    pass")
    node = subject.units[0].node
    del node.body[1]
    assert ast.unparse(without_ticks(node)) == "def f():\n    pass"


def test_future_annotations_stay_unevaluated() -> None:
    source = (
        "from __future__ import annotations\n"
        "def f(x: Missing) -> Missing:\n    return x"
    )
    names, _ = namespace(Subject(source))
    assert names["f"](1) == 1
