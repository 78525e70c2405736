"""What a reply does not mention stays, in classes and beside them."""

import pytest

from codegrad.engines.extraction import extract
from codegrad.engines.merging import merge

POINT = """@dataclass(frozen=True)
class P(Base):
    x: int = 0  # the place

    # the norm
    @cached
    def norm(self):
        return self.x

    def other(self):
        return 1
"""


def replied(module: str, reply: str, entry_point: str) -> str:
    found = extract(f"```python\n{reply}```", current=module, entry_point=entry_point)
    assert found.source is not None, found.problem
    return found.source


@pytest.mark.parametrize(
    "reply",
    [
        "def norm(self):\n    return abs(self.x)\n",
        "class P:\n    def norm(self):\n        return abs(self.x)\n",
        "class P(Base):\n    def norm(self):\n        return abs(self.x)\n\n"
        "    def other(self): ...\n",
    ],
)
def test_one_method_is_replaced_and_nothing_else(reply: str) -> None:
    found = replied(POINT, reply, "P.norm")
    assert found == POINT.replace("return self.x", "return abs(self.x)")


def test_a_new_method_comes_to_the_others() -> None:
    reply = "def norm(self):\n    return self._h()\n\ndef _h(self):\n    return 2\n"
    found = replied(POINT, reply, "P.norm")
    changed = POINT.replace("return self.x", "return self._h()")
    assert found == f"{changed}\n    def _h(self):\n        return 2\n"


def test_a_helper_outside_of_the_class_stays_outside() -> None:
    reply = "def norm(self):\n    return h(2)\n\ndef h(x):\n    return x\n"
    found = replied(POINT, reply, "P.norm")
    assert found.startswith("def h(x):\n    return x\n")
    assert "    def h(x)" not in found


def test_a_function_of_the_module_is_not_the_method_of_that_name() -> None:
    module = (
        "def conv(s):\n    return s\n\n\n"
        "class C:\n    @staticmethod\n    def conv(s):\n        return 0\n"
    )
    reply = "@staticmethod\ndef conv(s):\n    return s + 1\n"
    assert replied(module, reply, "C.conv") == module.replace(
        "return 0", "return s + 1"
    )


def test_a_getter_is_not_its_setter() -> None:
    module = (
        "class C:\n    @property\n    def x(self):\n        return self._x\n\n"
        "    @x.setter\n    def x(self, value):\n        self._x = value\n\n"
        "    def other(self):\n        return 1\n"
    )
    reply = "@property\ndef x(self):\n    return self._x + 1\n"
    found = replied(module, reply, "C.x")
    assert found == module.replace("return self._x", "return self._x + 1")
    both = module.replace("return self._x", "return self._x + 1")
    both = both.replace("= value", "= value - 1")
    assert replied(module, both.partition("\n    def other")[0] + "\n", "C.x") == both


@pytest.mark.parametrize(
    ("before", "repeated"),
    [
        ("log = get()\nlog.add(H())\n", "log = get()\n"),
        ("OK = 1  # important\n", "OK = 1\n"),
        ("x = 1; y = 2\n", "x = 1\n"),
        ("X = {}\nX['a'] = 1\nX |= {}\n", "X = {}\n"),
        ("def g(x):\n    # why\n    return x\n", "def g(x):\n    return x\n"),
        ("def g(x):\n    return x\n", "def g(x): ...\n"),
        ("def g(x):\n    return x\n", "def g(x):\n    pass  # unchanged\n"),
        ("@register\ndef g(x):\n    return x\n", "def g(x): return x\n"),
    ],
)
def test_what_a_reply_repeats_stays_as_it_is(before: str, repeated: str) -> None:
    module = f"{before}\n\ndef f(n):\n    return 0\n"
    reply = f"{repeated}\n\ndef f(n):\n    return g(n)\n"
    found = replied(module, reply, "f").replace(
        "def g(x): return x", "def g(x):\n    return x"
    )
    assert found == module.replace("return 0", "return g(n)")


def test_a_stub_of_a_helper_is_said() -> None:
    module = "def g(x):\n    return x\n\n\ndef f(n):\n    return 0\n"
    found = merge(module, "def g(x): ...\n\ndef f(n): return g(n)\n", "f")
    assert found is not None
    assert found.left_out == ("def g(x):",)


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("#!/usr/bin/env python\n# coding: utf-8\n# about f\n", 2),
        ("# Licence.\n# More.\n\n", 2),
        ('"""Doc."""\n\n', 2),
        ("# about f\n", 0),
        ("", 0),
    ],
)
def test_imports_stand_where_they_may(header: str, place: int) -> None:
    module = f"{header}def f(n):\n    return 0\n"
    found = replied(module, "import sys\ndef f(n):\n    return sys\n", "f")
    assert found.splitlines()[place] == "import sys"


def test_a_text_inside_of_a_method_does_not_move() -> None:
    reply = 'def norm(self):\n    return """SELECT\n  x\nFROM t"""\n'
    found = replied(POINT, reply, "P.norm")
    assert '        return """SELECT\n  x\nFROM t"""\n' in found
    moved = 'def norm(self):\n    return dedent("""\n        x\n    """)\n'
    found = replied(POINT, moved, "P.norm")
    assert '        return dedent("""\n            x\n        """)\n' in found


def test_a_class_with_tabs_keeps_them() -> None:
    module = "class C:\n\tdef a(self):\n\t\treturn 0\n\n\tdef b(self):\n\t\treturn 1\n"
    found = replied(module, "def a(self):\n\treturn 2\n", "C.a")
    assert found == module.replace("return 0", "return 2")
