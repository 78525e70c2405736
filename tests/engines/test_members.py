"""A class that comes in several blocks of a reply comes whole."""

import ast
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.extraction import Extraction, extract
from codegrad.engines.merging import merge, parse_quietly

MODULE = '''class A:
    """Two numbers."""

    def __init__(self):
        self.v = 0

    def f(self):
        """First."""
        return 0

    # the second
    def g(self):
        return 0


def main():
    return A().f(), A().g()
'''
RIGHT = MODULE.replace("return 0\n\n    #", "return 1\n\n    #").replace(
    "return 0", "return 2"
)
F, G = "def f(self):\n    return 1", "def g(self):\n    return 2"


def in_class(*methods: str) -> str:
    lines = [line for method in methods for line in [*method.split("\n"), ""]]
    return "class A:\n" + "\n".join(f"    {line}".rstrip() for line in lines).rstrip()


def replied(*blocks: str, module: str = MODULE, entry_point: str = "A.f") -> Extraction:
    reply = "\n\nAnd:\n\n".join(f"```python\n{block}\n```" for block in blocks)
    return extract(reply, current=module, entry_point=entry_point)


@pytest.mark.parametrize("entry_point", ["A.f", "A.g", "A.__init__", "main"])
@pytest.mark.parametrize("first", [F, in_class(F), f"    {F}".replace("\n", "\n    ")])
@pytest.mark.parametrize("second", [G, in_class(G)])
def test_methods_in_blocks_of_their_own_all_come(
    first: str, second: str, entry_point: str
) -> None:
    for blocks in permutations((first, second)):
        assert replied(*blocks, entry_point=entry_point).source == RIGHT


def test_what_stood_elsewhere_is_said() -> None:
    found = replied(in_class(F), in_class(G))
    assert found.notes == ("A.g stood in another block",)


DRAFT = "def f(self):\n    return 7"
OTHER = "def g(self):\n    return 8"
HELPER = "def _h(self):\n    return 2"
CALLS = "def g(self):\n    return self._h()"


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ((in_class(OTHER), in_class(F), in_class(G)), (1, 2)),
        ((in_class(G), in_class(DRAFT), in_class(F)), (1, 2)),
        ((in_class(OTHER), in_class(F, G)), (1, 2)),
        ((in_class(F, OTHER), in_class(G)), (1, 2)),
        ((OTHER, F, G), (1, 2)),
        ((in_class(DRAFT, OTHER), in_class(F)), (1, 0)),
        ((in_class(DRAFT, OTHER), F), (1, 0)),
        ((in_class(F, G), MODULE), (1, 2)),
        ((in_class(F), in_class("def f(self):\n    return 0"), in_class(G)), (1, 2)),
        ((in_class(F, "def g(self): ..."), in_class("def f(self): ...", G)), (1, 2)),
        ((in_class(F), in_class(CALLS), in_class(HELPER)), (1, 2)),
        ((F, CALLS, HELPER), (1, 2)),
        ((in_class(DRAFT, HELPER), in_class(F, CALLS)), (1, 2)),
        ((in_class(F), "def two():\n    return 2", in_class(CALLS, HELPER)), (1, 2)),
        ((in_class(F), f"def two():\n    return 2\n\n{G[:-1]}two()"), (1, 2)),
    ],
)
def test_the_later_one_wins_and_drafts_stay_superseded(
    blocks: tuple[str, ...], expected: tuple[int, int]
) -> None:
    found = replied(*blocks)
    assert found.source is not None, found.problem
    scope: dict[str, object] = {}
    exec(found.source, scope)
    assert eval("main()", scope) == expected
    assert '"""First."""' in found.source


def test_what_only_a_draft_has_does_not_come() -> None:
    found = replied(in_class(DRAFT, HELPER), in_class(F))
    assert found.source == MODULE.replace("return 0", "return 1", 1)


def test_a_function_that_the_reply_calls_is_no_method() -> None:
    helper = "def part(self):\n    return 1"
    found = replied(in_class("def f(self):\n    return part(self)"), helper)
    assert found.source is not None
    assert "\n    def part" not in found.source
    assert f"{helper}\n" in found.source


@pytest.mark.parametrize("entry_point", ["A.f", ""])
def test_a_new_class_in_parts_is_put_together_in_order(entry_point: str) -> None:
    head = 'class A:\n    """Doc."""\n    x: int = 1\n    y: int = x + 1'
    rest = (f"@dataclass\n{in_class(F)}", in_class(G), "print(A(3, 4))")
    start = "from dataclasses import dataclass"
    found = replied(start, head, *rest, module="import sys\n", entry_point=entry_point)
    assert found.source is not None
    scope: dict[str, object] = {}
    exec(found.source, scope)
    assert eval("A().x, A().y, A().f(), A().g()", scope) == (1, 2, 1, 2)


@pytest.mark.parametrize(
    ("first", "names"),
    [("class A: x = 3", "x"), (in_class(F, G), "fg"), ("class A: pass", "")],
)
def test_a_program_goes_on_with_its_class(first: str, names: str) -> None:
    found = replied(first, f"{in_class(HELPER)}\n\nprint(A()._h())", entry_point="")
    assert found.source is not None
    scope: dict[str, object] = {}
    exec(found.source, scope)
    assert all(hasattr(scope["A"], name) for name in ("_h", *names))


def test_another_version_of_a_program_is_not_mixed_with_it() -> None:
    draft = f"{in_class(DRAFT, HELPER)}\n"
    final = f"{in_class(F, G)}\n\nprint(A().f())\n"
    assert replied(draft, final, entry_point="").source == final


MEMBERS = st.sampled_from(
    [
        "x = 1",
        "x: int = 2",
        "def f(self): return self.x",
        "def f(self, y=2):\n    return y",
        "def g(self): ...",
        '@property\ndef g(self):\n    """\n    Doc.\n"""\n    return 1',
        "@g.setter\ndef g(self, value): pass",
        "@staticmethod\ndef h(): return A.f",
        "class B: pass",
        "# a comment\npass",
    ]
)
BLOCKS = st.lists(
    st.one_of(
        st.lists(MEMBERS, min_size=1, max_size=4).map(lambda rows: in_class(*rows)),
        MEMBERS,
        st.just("class A: x = 0"),
        st.just("class A(Base):\n\tdef f(self):\n\t\treturn 3"),
    ),
    max_size=5,
)


@given(BLOCKS, BLOCKS.map("\n".join), st.sampled_from(["A.f", "f", ""]))
def test_whatever_the_parts_are_no_method_of_the_module_is_lost(
    blocks: list[str], module: str, entry_point: str
) -> None:
    found = replied(*blocks, module=module, entry_point=entry_point)
    if found.source is None:
        assert found.problem
        return
    tree, old = parse_quietly(found.source), parse_quietly(module)
    assert tree is not None
    assert merge(found.source, "") is not None
    if entry_point and old is not None:
        assert methods(old) <= methods(tree)


def methods(tree: ast.Module) -> set[str]:
    classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    return {
        f"{name}.{member.name}"
        for name, node in classes.items()
        for member in node.body
        if isinstance(member, ast.FunctionDef)
    }
