"""A name is replaced where it means the same thing, or nowhere."""

import pytest

from codegrad.engines.renaming import renamed


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def g(): return o.g + 'g' + g()\n", "def f(): return o.g + 'g' + f()\n"),
        ("x = 'g' + g(o.g, g=1)\n", "x = 'g' + f(o.g, g=1)\n"),
        ("async  def g(n): await g(n)\n", "async  def f(n): await f(n)\n"),
        ("class g: pass\ny: g = g()\n", "class f: pass\ny: f = f()\n"),
        # A parameter, a variable or a method of that name is something else.
        (
            "def g(n): return n\ndef h(a, g=g): return a + g\n",
            "def f(n): return n\ndef h(a, g=f): return a + g\n",
        ),
        (
            "def g(n): return n\ndef h(a):\n    g = a\n    return g\n",
            "def f(n): return n\ndef h(a):\n    g = a\n    return g\n",
        ),
        (
            "def g(n): return n\nclass K:\n    def g(self): return g(self.g)\n",
            "def f(n): return n\nclass K:\n    def g(self): return f(self.g)\n",
        ),
        (
            "h = lambda g: g\nk = lambda x: g(x)\n",
            "h = lambda g: g\nk = lambda x: f(x)\n",
        ),
        (
            "def h():\n    global x\n    x = g('ä'), g\n",
            "def h():\n    global x\n    x = f('ä'), f\n",
        ),
    ],
)
def test_what_is_the_module_s_is_renamed(code: str, found: str) -> None:
    assert renamed(code, "g", "f") == found


@pytest.mark.parametrize(
    "code",
    [
        "def g(n): return n\ndef h(f): return g(f)\n",
        "def g(n): return n\ndef h(n):\n    f = g(n)\n    return f\n",
        "def g(n): return f'{g(n - 1)}'\n",
        "def g(n): return [g for g in n]\n",
        "def h():\n    global g\n    g = 1\n",
        "def g(): pass\nf = g\n",
        "class K:\n    g = 1\n    h = g\n",
        "try: pass\nexcept E as g: print(g)\n",
        "def (",
    ],
)
def test_where_it_cannot_be_told_nothing_is(code: str) -> None:
    assert renamed(code, "g", "f") is None
