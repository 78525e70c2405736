"""A piece of code becomes part of a module, and nothing of either is lost."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.bench.extraction import originals
from codegrad.engines.extraction import Extraction, extract
from codegrad.engines.merging import Merged, merge, parse_quietly, text_of
from codegrad.engines.scopes import Definition, made, used

PRIME = 'def is_prime(n):\n    """Say whether n is prime."""\n    return 0\n'
SIEVE = (
    "SIEVE = [True] * 100\n"
    "SIEVE[0] = SIEVE[1] = False\n"
    "for i in range(2, 10):\n"
    "    for j in range(i * i, 100, i):\n"
    "        SIEVE[j] = False\n"
)


def merged(current: str, piece: str) -> Merged:
    found = merge(current, piece)
    assert found is not None
    return found


def value(source: str | None, expression: str) -> object:
    assert source is not None
    scope: dict[str, object] = {"__name__": "candidate"}
    exec(source, scope)
    return eval(expression, scope)


@pytest.mark.parametrize(
    ("piece", "expression", "expected"),
    [
        (SIEVE + "def is_prime(n):\n    return SIEVE[n]\n", "is_prime(49)", False),
        (
            "try:\n    from math import prod\nexcept ImportError:\n    prod = None\n"
            "def is_prime(n):\n    return prod([n, 2])\n",
            "is_prime(3)",
            6,
        ),
        (
            "import sys\nif sys.maxsize > 2:\n    BASE = 3\nelse:\n    BASE = 2\n"
            "def is_prime(n):\n    return BASE + n\n",
            "is_prime(1)",
            4,
        ),
        (
            "seen = {}\nseen.update({2: True})\n"
            "def is_prime(n):\n    return seen.get(n, False)\n",
            "is_prime(2)",
            True,
        ),
        (
            "def is_prime(n):\n    return n in TABLE if n > 5 else n == 3\n"
            "TABLE = [n for n in range(5) if is_prime(n)]\nTABLE.append(7)\n",
            "is_prime(7), TABLE",
            (True, [3, 7]),
        ),
        (
            "TOTAL = 0\nfor k in range(4):\n    TOTAL += k\n"
            "def is_prime(n):\n    return helper(n)\n"
            "def helper(n):\n    return TOTAL + n\n",
            "is_prime(1)",
            7,
        ),
    ],
)
def test_what_a_definition_needs_comes_along(
    piece: str, expression: str, expected: object
) -> None:
    found = merged(PRIME, piece)
    assert value(found.source, expression) == expected
    assert '"""Say whether n is prime."""' in found.source
    assert found.left_out == ()


@pytest.mark.parametrize(
    "rest",
    [
        "print(is_prime(3))\n",
        "assert is_prime(1 / 0)\n",
        "if __name__ == '__main__':\n    n = int(input())\n    print(is_prime(n))\n",
        "n = int(input())\n",
        "answer = is_prime(1 / 0)\n",
        "for n in range(3):\n    print(is_prime(n / 0))\n",
    ],
)
def test_a_demonstration_is_left_out(rest: str) -> None:
    found = merged(PRIME, f"def is_prime(n):\n    return 1\n{rest}")
    assert found.source == PRIME.replace("return 0", "return 1")


def test_what_may_have_mattered_is_said() -> None:
    piece = "def is_prime(n):\n    return 1\nfor n in range(3):\n    print(n)\n"
    assert merged(PRIME, piece).left_out == ("for n in range(3):",)


def test_a_setting_for_what_comes_after_is_kept() -> None:
    piece = (
        "import sys\nsys.setrecursionlimit(5000)\n\n"
        "def is_prime(n):\n    return n\n\nsys.stdout.write(str(is_prime(2)))\n"
    )
    source = merged(PRIME, piece).source
    assert "sys.setrecursionlimit(5000)" in source
    assert "write" not in source
    assert source.index("import sys") < source.index("sys.set")


def test_a_preparation_that_is_there_is_not_made_twice() -> None:
    whole = SIEVE + "\n\n" + PRIME
    again = merged(whole, whole.replace("return 0", "return SIEVE[n]")).source
    assert again.count("for i in range(2, 10):") == 1
    assert value(again, "is_prime(49)") is False


def test_a_preparation_for_a_value_that_is_made_anew_goes_with_it() -> None:
    whole = SIEVE + "\n\n" + PRIME
    other = "SIEVE = []\nfor n in range(9):\n    SIEVE.append(n)\n"
    piece = other + "def is_prime(n):\n    return SIEVE[n]\n"
    found = merged(whole, piece).source
    assert value(found, "is_prime(8), SIEVE") == (8, list(range(9)))


def test_imports_are_statements_not_lines() -> None:
    current = "from typing import (\n    List,\n)\nimport os, sys\n\n\n" + PRIME
    piece = (
        "from collections import (\n    deque,\n)\nimport sys\n"
        "from typing import List\nimport sys as system\n\n"
        "def is_prime(n):\n    return deque([n])[0]\n"
    )
    found = merged(current, piece).source
    assert value(found, "is_prime(4)") == 4
    assert found.count("List") == 1
    assert found.count("import sys\n") == 0
    assert "import sys as system" in found


def test_a_new_helper_stands_before_the_function_and_after_what_it_needs() -> None:
    current = "def area(r):\n    return r\n\n\nPI = 3\n"
    piece = "TWICE = 2 * PI\n\ndef area(r):\n    return TWICE * r\n"
    assert value(merged(current, piece).source, "area(2)") == 12


def extracted(reply: str, current: str, entry_point: str = "") -> Extraction:
    return extract(reply, current=current, entry_point=entry_point)


AREA = 'def area(r):\n    """Area."""\n    return 0\n\n\ndef twice(x):\n    return x\n'


def fenced(*blocks: str) -> str:
    return "\n\nAnd:\n\n".join(f"```python\n{block}\n```" for block in blocks)


ANSWER = "def area(r):\n    return square(r) * 3"
SQUARE = "def square(x):\n    return x * x"


@pytest.mark.parametrize(
    "blocks",
    [
        (SQUARE, ANSWER),
        (ANSWER, SQUARE),
        ("def square(x):\n    return 7", SQUARE, ANSWER),
        (f"def area(r):\n    return 1\n\n{SQUARE}", ANSWER),
        ("import operator as o", "def square(x):\n    return o.mul(x, x)", ANSWER),
        ("square = lambda x: x ** TWO", "TWO = 2", ANSWER),
        (SQUARE, ANSWER, "print(area(1 / 0))"),
        (SQUARE, ANSWER, AREA),
    ],
)
def test_a_helper_in_a_block_of_its_own_is_not_lost(blocks: tuple[str, ...]) -> None:
    found = extracted(fenced(*blocks), AREA, "area")
    assert value(found.source, "area(2)") == 12
    assert '"""Area."""' in (found.source or "")
    assert any("stood in another block" in note for note in found.notes)


def test_functions_that_are_changed_in_several_blocks_are_all_changed() -> None:
    reply = fenced("def area(r):\n    return r", "def twice(x):\n    return 2 * x")
    found = extracted(reply, AREA, "area")
    assert value(found.source, "(area(2), twice(2))") == (2, 4)


PROGRAM = (
    "import sys\n\ndef solve(n):\n    # The long part of the program.\n    return n"
)
START = "n = int(sys.stdin.read() or 3)\nRESULT = solve(n)\nprint(RESULT)"


@pytest.mark.parametrize("blocks", [(PROGRAM, START), (START, PROGRAM)])
def test_a_program_in_two_blocks_is_put_together(blocks: tuple[str, ...]) -> None:
    found = extracted(fenced(*blocks), "print(1)\n")
    assert found.source is not None
    assert found.source.index("def solve") < found.source.index("print(RESULT)")
    assert "import sys" in found.source


def test_a_complete_program_takes_nothing_of_a_draft() -> None:
    whole = "def solve(n):\n    return n + 1\n\nprint(solve(int(input())))"
    draft = "def solve(n):\n    return n"
    found = extracted(fenced(draft, whole, "print(solve(3))"), "print(1)\n")
    assert found.source == whole + "\n"


@pytest.mark.parametrize(
    ("block", "note"),
    [
        ("area = lambda r, k=3: k * r", "given as a lambda"),
        ("area: object = lambda r: 3 * r", "given as a lambda"),
        ("def circle(r):\n    return 3 * r\n\narea = circle", "was taken for area"),
    ],
)
def test_a_function_that_is_assigned_is_a_function(block: str, note: str) -> None:
    found = extracted(fenced(block), AREA, "area")
    assert value(found.source, "area(2)") == 6
    assert any(note in text for text in found.notes)


def test_the_code_as_it_was_quoted_last_is_not_the_answer() -> None:
    reply = fenced("def area(r):\n    return 5", AREA)
    assert value(extracted(reply, AREA, "area").source, "area(2)") == 5


DATA = Path(__file__).parents[3] / "shared" / "data"


def test_real_completions_in_a_block_for_each_statement_lose_nothing() -> None:
    if not DATA.is_dir():
        pytest.skip("the recorded completions are not here")
    count = 0
    for original in list(originals(DATA))[::20]:
        tree = ast.parse(original.code)
        if not original.entry_point or len(tree.body) == 1:
            continue
        lines = original.code.splitlines()
        reply = fenced(*("\n".join(text_of(lines, node)) for node in tree.body))
        found = extracted(reply, "", original.entry_point)
        assert found.source is not None, original.task_id
        assert unbound(found.source) <= unbound(original.code), original.task_id
        count += 1
    assert count > 20


def unbound(source: str) -> set[str]:
    """Return the names that a module uses and nobody makes."""
    body = ast.parse(source).body
    return set().union(*map(used, body)) - set().union(*map(made, body))


PIECES = st.lists(
    st.sampled_from(
        [
            "X = 1\n",
            "X = Y\n",
            "Y = area(2)\n",
            "for k in (1, 2):\n    X = k\n",
            "try:\n    import nothing\nexcept ImportError:\n    nothing = None\n",
            "def area(r):\n    return X\n",
            "def helper(z=X):\n    return area(z)\n",
            "class Box(Base):\n    size = helper\n",
            "class Base:\n    pass\n",
            "area = lambda r: r\n",
            "from math import *\n",
            "print(area(1))\n",
        ]
    ),
    max_size=7,
).map("".join)


@given(PIECES, PIECES)
def test_whatever_is_merged_parses_and_keeps_the_modules_own(
    current: str, piece: str
) -> None:
    found = merge(current, piece)
    assert found is not None
    tree = parse_quietly(found.source)
    assert tree is not None
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    old = parse_quietly(current)
    assert old is not None
    assert names >= {n.name for n in old.body if isinstance(n, ast.FunctionDef)}
    once = merge(found.source, piece)
    assert once is not None, "what was merged can be merged again"


STYLES = [
    "def f(x): return x + 1\n",
    "def f(x): return [\n    x,\n]\n",
    'def f(x): "Other."; return x + 1\n',
    'def f(x):\n    """Other."""; return x + 1\n',
    'def f(x):\n    """Other.\n\n    More.\n    """  # why\n'
    "\n    # first\n    y = x\n    return y\n",
    "def f(x):\n    @cache\n    def g(): return x\n    return g()\n",
    'def f(x, ä="ä"): return ä\n',
    "def f(x):\n\treturn x\n",
    "@cache\ndef f(\n    x,\n):\n  # two\n  return x\n",
]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "doc", ['"""Add.\n\n    >>> f(1)\n    2\n    """', '"Add."', 'r"""Ädd\\n."""']
)
def test_a_docstring_stays_in_every_style_of_writing(style: str, doc: str) -> None:
    for current in (f"def f(x):\n    {doc}\n    pass\n", f"def f(x): {doc}; pass\n"):
        source = merged(current, style).source
        (old,), (new,) = ast.parse(current).body, ast.parse(source).body
        assert isinstance(old, ast.FunctionDef)
        assert isinstance(new, ast.FunctionDef)
        assert ast.get_docstring(new) == ast.get_docstring(old)
        (wanted,) = ast.parse(style).body
        assert isinstance(wanted, ast.FunctionDef)
        without = slice(ast.get_docstring(wanted) is not None, None)
        assert [ast.dump(n) for n in new.body[1:]] == [
            ast.dump(n) for n in wanted.body[without]
        ]
        comments = re.compile(r"#.*")
        assert comments.findall(style) == comments.findall(source)


def test_the_docstrings_of_a_class_that_comes_whole_stay() -> None:
    current = (
        'class S:\n    """A stack."""\n\n    def push(self, x):\n        """Push.\n\n'
        '        >>> S().push(1)\n        1\n        """\n        pass\n\n'
        '    def pop(self):\n        """Pop."""\n'
    )
    piece = (
        "class S:\n    def push(self, x): return x\n\n"
        "    def pop(self):\n        # the last\n        return 1\n"
    )
    (old,), (new,) = (
        ast.parse(current).body,
        ast.parse(merged(current, piece).source).body,
    )
    docs = [
        [ast.get_docstring(n) for n in ast.walk(tree) if isinstance(n, Definition)]
        for tree in (old, new)
    ]
    assert docs[0] == docs[1]
    assert "return x" in merged(current, piece).source


def test_line_ends_and_form_feeds_stay() -> None:
    current = "def g():\r\n    return 1\r\n\x0c\r\ndef f():\r\n    return 2\r\n"
    source = merged(current, "def f():\n    return 3\n").source
    assert source == current.replace("return 2", "return 3")
    odd = "A = '\u2028'\n\n\ndef f():\n    return 2\n"
    assert merged(odd, "def f():\n    return A\n").source == odd.replace("2\n", "A\n")


def test_the_docstring_of_the_module_stays_whatever_the_reply_makes_of_it() -> None:
    current = 'def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    """\n    pass\n'
    for said in ('"""Adds one."""', '"""Add.\n\n    >>> f(1)\n    3\n    """'):
        piece = f"@cache\ndef f(x: int) -> int:\n    {said}\n    return x + 1\n"
        merged = merge(current, piece)
        assert merged is not None
        head = current.replace("    pass\n", "    return x + 1\n")
        assert merged.source == head.replace(
            "def f(x):", "@cache\ndef f(x: int) -> int:"
        )
    stub = merge(current, 'def f(x):\n    """Adds one."""\n')
    assert stub is not None
    assert "Adds one" in stub.source


GUARDED = """from __future__ import annotations

import typing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import a.b
    from shapes import Point, Shape as S


def area(r: Point) -> S:
    return 0
"""
WANTED = "from shapes import Point\nfrom shapes import Shape as S\nimport a.b\n"


@pytest.mark.parametrize(
    "body",
    [
        "def area(r: Point, q: a.b.C) -> S:\n    x: Point = r\n    return x\n",
        "def area(r: 'Point') -> S: return r\n\nprint(Point(1))\n",
    ],
)
@pytest.mark.parametrize("guard", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_what_is_imported_for_types_is_not_imported_again(
    body: str, guard: str
) -> None:
    module = GUARDED.replace("if TYPE_CHECKING", f"if {guard}")
    found = merged(module, WANTED + body).source
    header = module.partition("def area")[0]
    assert found == header + body.partition("\n\n")[0].rstrip("\n") + "\n"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("def area(r):\n    return Point(r)\n", "from shapes import Point"),
        ("def area(r=S): return r\n", "from shapes import Shape as S"),
        ("def area(r):\n    return cast(a.b.C, r)\n", "import a.b"),
        ("@S\ndef area(r: Point): return r\n", "from shapes import Shape as S"),
        ("class Q(Point):\n    pass\n", "from shapes import Point"),
    ],
)
def test_what_is_needed_at_run_time_is_imported(body: str, line: str) -> None:
    rows = merged(GUARDED, WANTED + body).source.splitlines()
    assert [row for row in WANTED.splitlines() if row in rows] == [line]


def test_annotations_that_are_executed_need_their_imports() -> None:
    module = GUARDED.partition("\n\n")[2].replace("r: Point) -> S", "r)")
    body = "def area(r: Point, q: 'S'):\n    return r\n"
    rows = merged(module, WANTED + body).source.splitlines()
    assert "from shapes import Point" in rows
    assert "from shapes import Shape as S" not in rows
    future = f"from __future__ import annotations\n{WANTED}{body}"
    assert "from shapes import Point" not in merged(module, future).source.splitlines()
