"""What a person sees of an edit: only the edit."""
# ruff: noqa: E501 - a program of the corpus is easier to read with few line breaks

import ast
import copy
import random
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.search.splice import splice

CORPUS = [
    "def f(a, b):\n    return a+b  # no spaces\n",
    'def f(x):\n    """Doc\n      string."""\n\n    # why\n    y = x["key"]  # look\n'
    "    return y\n",
    "def f(xs):\n\tfor x in xs:\n\t\tif x:\n\t\t\tyield x\n\t\telse: pass\n\treturn\n",
    "def f(a):\r\n    if a > 0:\r\n        return a\r\n    # minus\r\n    return -a\r\n",
    "x = 1; y = 2; z = 3  # three\nif x: y = 4\nelse: y = 5\nprint(x,y)",
    "def f(é, ü='ß'):\n    naïve = é + 'ñandú' + ü; return naïve  # ünï\n",
    "def f(a):\n    if a == 1:\n        return 'one'  # 1\n    elif a == 2:\n"
    "        return 'two'\n    # else what?\n    elif a == 3: return 'three'\n"
    "    else:\n        # many\n        return 'many'\n",
    "def f(a):\n    total = a + \\\n        1\n    return (\n        total\n"
    "        * 2  # twice\n    )\n",
    "import functools\n\n\n@functools.lru_cache(maxsize=None)  # remember\n"
    "def f(n):\n    return n if n < 2 else f(n - 1) + f(n-2)\n\n\nLIMIT = 0x_FF\n",
    "class A:\n    '''Doc.'''\n    n: int = 1_000\n\n    @property\n    def p(self):\n"
    "        return self.n\n\n    # about q\n    async def q(self, *, k=None):\n"
    "        async with self as s, k:\n            await s.go()\n        return k\n",
    "def f(s):\n    text = '''one\n  two {s}\nthree'''\n    if s:\n        while s:\n"
    "            t = f'{s!r:>{10}} {s + \"!\"}'\n            s = s[1:]\n"
    "            text += '''a\n    b'''\n    return text\n",
    "def f(xs):\n    try:\n        return xs[0]  # first\n    except (IndexError, KeyError) as e:\n"
    "        raise ValueError('empty') from e\n    finally:\n        print ( 'done' )\n",
    "def f(d):\n    # sizes\n    a, *b = d\n    return {k: v for k, v in d.items() if v}, "
    "[x for x in (b or a)], sum(x for x in b)\n",
    "def f(a,b):\n    return(a)if(b)else(a,b)\n",
    "def f(a):\n    assert isinstance(a,int),'int'\n\n    def g(b): return a*b\n\n\n"
    "    return [g(i)for i in range(10)if not i%2]\n",
    "\x0cdef f(a):\n    \x0c\n    x = a\n\x0c    y = x\n    return lambda q, *r, s=1: (q, r, y)\n",
    "def f(a):\n    with open(a) as h, \\\n         open(a) as g:\n        del a; global b\n"
    "        b = h.read() or g.read() and not a\n    return 1 if b else(2)\n",
    "def f(n):\n    while n >= 1 and n != 7:\n        n -= 1\n        if n % 2: continue\n"
    "        if n == 3:\n            break\n    else:\n        n = ~n\n    return a < n <= b in c\n",
    "#!/usr/bin/python\n# -*- coding: utf-8 -*-\n'''Module.'''\nfrom a import (b,\n"
    "    c)  # two\n\nif b:\n    # inner\n    d = [1,\n        2,  # two\n        3]\n\n"
    "# the end\n",
    "def f(x):\n    return x.a.b(c)[1:2, ::3](*x, **{'k': \"v\"})  # dense\n# tail without newline",
    "def f(p):\n    match p:\n        case {'x': 0, **rest}:\n            return rest\n"
    "        case [a, b] | (a, b) if a:  # two\n            return a\n"
    "        case str() | None | -1: pass\n        case _:\n            return 1\n",
]
EXPRESSIONS = [
    "x", "1", "-1", "a + b", "not a", "a or b", "a if b else c", "lambda: 0",
    "f(a, 'k')", "(a, b)", "[a]", "(yield)", "a < b", "(q := 1)", "é", "x ** -y",
    "'text'", "f'{a}'", "await_(a)", "(i for i in a)", "{**a}", "x.y", "2 .real",
]  # fmt: skip
STATEMENTS = [
    "pass",
    "return a",
    "x = 1",
    "if a:\n    return b\nelif c:\n    pass\nelse:\n    x += 1",
    "for i in a:\n    print(i)",
    "def g():\n    '''Two\n    lines.'''\n    return 1",
    "try:\n    a()\nexcept E:\n    b()",
]
BINARY = [ast.Add, ast.Sub, ast.Mult, ast.Pow, ast.FloorDiv, ast.BitOr, ast.LShift]
COMPARISONS = [ast.Lt, ast.GtE, ast.Is, ast.IsNot, ast.NotIn, ast.In, ast.Eq]


def expression(rng: random.Random) -> ast.expr:
    return ast.parse(rng.choice(EXPRESSIONS), mode="eval").body


def statement(rng: random.Random) -> ast.stmt:
    return ast.parse(rng.choice(STATEMENTS)).body[0]


def blocks(tree: ast.AST) -> list[list[ast.stmt]]:
    return [
        block
        for node in ast.walk(tree)
        for name in ("body", "orelse", "finalbody")
        if isinstance(block := getattr(node, name, None), list) and block
    ]


def expression_slots(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    slots: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                slots.append((node, name, None))
            elif isinstance(value, list):
                slots += [
                    (node, name, i)
                    for i, item in enumerate(value)
                    if isinstance(item, ast.expr)
                ]
    return slots


def edit_expression(tree: ast.AST, rng: random.Random) -> None:
    slots = expression_slots(tree)
    if not slots:
        return
    parent, name, index = rng.choice(slots)
    old = getattr(parent, name) if index is None else getattr(parent, name)[index]
    new = expression(rng)
    if rng.random() < 0.5:
        holes = expression_slots(new)
        if holes:
            hole, field, place = rng.choice(holes)
            put(hole, field, place, old)
    elif rng.random() < 0.4:
        inner = [n for n in ast.walk(old) if isinstance(n, ast.expr)]
        new = rng.choice(inner)
    put(parent, name, index, new)


def put(parent: ast.AST, name: str, index: int | None, value: ast.AST) -> None:
    if index is None:
        setattr(parent, name, value)
    else:
        getattr(parent, name)[index] = value


def edit_detail(tree: ast.AST, rng: random.Random) -> None:
    node = rng.choice(list(ast.walk(tree)))
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        node.op = rng.choice(BINARY)()
    elif isinstance(node, ast.Compare):
        node.ops[rng.randrange(len(node.ops))] = rng.choice(COMPARISONS)()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op = rng.choice([ast.Not, ast.USub, ast.Invert])()
    elif isinstance(node, ast.Attribute):
        node.attr = "other"
    elif isinstance(node, ast.Call):
        node.args = [*node.args, expression(rng)][-rng.randint(0, 3) :]
    elif isinstance(node, ast.FunctionDef):
        node.name = "renamed"
    elif isinstance(node, ast.arguments):
        node.args = [*node.args, ast.arg("more")]
    elif isinstance(node, (ast.If, ast.For, ast.While)):
        node.orelse = [] if node.orelse else [statement(rng)]


def edit_block(tree: ast.AST, rng: random.Random) -> None:
    found = blocks(tree)
    block = rng.choice(found)
    i = rng.randrange(len(block))
    kind = rng.randrange(8)
    if kind == 0 and len(block) > 1:
        del block[i]
    elif kind == 1:
        block.insert(i + rng.randrange(2), statement(rng))
    elif kind == 2:
        block[i] = statement(rng)
    elif kind == 3:
        j = rng.randrange(len(block))
        block[i], block[j] = block[j], block[i]
    elif kind == 4:
        wrapper = ast.parse("if a:\n    pass").body[0]
        assert isinstance(wrapper, ast.If)
        wrapper.body = block[i:]
        block[i:] = [wrapper]
    elif kind == 5 and isinstance(block[i], (ast.If, ast.With, ast.For)):
        block[i : i + 1] = block[i].body  # type: ignore[attr-defined]  # checked above
    elif kind == 6:
        other = rng.choice(found)
        other.insert(rng.randint(0, len(other)), copy.deepcopy(block[i]))
    elif kind == 7 and len(block) > 1:
        moved = block.pop(i)
        other = rng.choice(blocks(tree))
        other.insert(rng.randint(0, len(other)), moved)


EDITS = [edit_expression, edit_expression, edit_detail, edit_block]


def parses(tree: ast.Module) -> bool:
    """Whether some text has this tree (a random edit may leave the grammar)."""
    try:
        return ast.dump(ast.parse(ast.unparse(tree))) == ast.dump(tree)
    except (SyntaxError, ValueError, AttributeError, RecursionError):
        return False


@settings(max_examples=1500, deadline=None)
@given(st.integers(0, len(CORPUS) - 1), st.integers(0, 2**32))
def test_any_edit_of_an_awkward_text_gives_exactly_the_edited_tree(
    which: int, seed: int
) -> None:
    text, rng = CORPUS[which], random.Random(seed)
    tree = ast.parse(text)
    rng.choice(EDITS)(tree, rng)
    before = ast.dump(tree)
    if parses(tree):
        assert ast.dump(ast.parse(splice(text, tree))) == before
    assert ast.dump(tree) == before


def lines_around(text: str, node: ast.stmt) -> tuple[str, str]:
    """The lines above and below a statement and its decorators."""
    lines = text.splitlines(keepends=True)
    assert node.end_lineno is not None
    decorators = getattr(node, "decorator_list", [])
    first = min(n.lineno for n in [node, *decorators])
    return "".join(lines[: first - 1]), "".join(lines[node.end_lineno :])


@settings(max_examples=1000, deadline=None)
@given(st.integers(0, len(CORPUS) - 1), st.integers(0, 2**32))
def test_lines_outside_the_edited_statement_stay_identical(
    which: int, seed: int
) -> None:
    text, rng = CORPUS[which].replace("\x0c", ""), random.Random(seed)
    tree = ast.parse(text)
    node = rng.choice([n for n in ast.walk(tree) if isinstance(n, ast.stmt)])
    above, below = lines_around(text, node)
    rng.choice([edit_expression, edit_detail])(node, rng)
    if parses(tree):
        result = splice(text, tree)
        assert result.startswith(above)
        assert result.endswith(below)


def edited(text: str, old: str, new: str) -> str:
    """Splice in the tree of the text with one piece replaced."""
    assert old in text
    return splice(text, ast.parse(text.replace(old, new)))


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("x = a+b  # sum\n", "+", "-"),
        ("x = (a\n     +  # here\n     b)\n", "a\n", "c\n"),
        ("if a  <  b: pass # one\n", "<", "is not"),
        ("y = not  x\n", "not  ", "-"),
        ("y = a and b and c\n", "and", "or"),
        ("y = f( 'ü', x.name )[ 0 ]\r\nz = 1\r\n", "name", "size"),
        ("y = {'k': 0x10,\n     'l': [1,2 ,3]}\n", "2 ", "4 "),
        ("return_ = (yield)\n", "(yield)", "(yield x)"),
        ("def f(a, b = 1,  c=2): return a  # f\n", "= 1", "= 3"),
        ("x += 1;  y -= 1 # both\n", "-=", "*="),
    ],
)
def test_only_the_changed_characters_change(text: str, old: str, new: str) -> None:
    assert edited(text, old, new) == text.replace(old, new)


def test_a_wrapped_expression_keeps_its_quotes_and_spacing() -> None:
    text = 'x = get( d,"k" )  # value\n'
    wrapped = 'x = int(get( d,"k" ))  # value\n'
    assert edited(text, 'get( d,"k" )', 'int(get( d,"k" ))') == wrapped


def test_an_inserted_guard_uses_the_indentation_of_its_block() -> None:
    text = "def f(a):\n\t'''Doc.'''\n\treturn a  # it\n# end"
    guard = "\tif not a:\n\t\treturn None\n"
    expected = text.replace("\treturn a", guard + "\treturn a")
    assert splice(text, ast.parse(expected)) == expected


def test_inserted_lines_take_the_line_end_of_the_text() -> None:
    text = "def f(a):\r\n    return a\r\n"
    assert edited(text, "    return", "    a += 1\r\n    return") == (
        "def f(a):\r\n    a += 1\r\n    return a\r\n"
    )


def test_a_deleted_statement_takes_its_trailing_comment_but_not_the_one_above() -> None:
    text = "# above\nx = 1  # beside\ny = 2\n"
    assert splice(text, ast.parse("y = 2")) == "# above\ny = 2\n"


def test_statements_wrapped_in_a_condition_keep_comments_and_string_contents() -> None:
    text = textwrap.dedent("""\
        def f(a):
            x = '''one
          two'''  # text
            # between
            return (x,
                    a)  # both
        """)
    tree = ast.parse(text)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    condition = ast.parse("if a: pass").body[0]
    assert isinstance(condition, ast.If)
    condition.body, function.body = function.body, [condition]
    assert splice(text, tree) == textwrap.dedent("""\
        def f(a):
            if a:
                x = '''one
          two'''  # text
                # between
                return (x,
                        a)  # both
        """)


def test_a_swap_moves_each_statement_with_its_comment() -> None:
    text = "def f():\n    a()  # first\n    b('q')  # second\n"
    assert splice(text, ast.parse("def f():\n    b('q')\n    a()\n")) == (
        "def f():\n    b('q')  # second\n    a()  # first\n"
    )


def test_a_new_signature_leaves_decorators_and_body_as_written() -> None:
    text = "@wrap( 1 )  # why\ndef f(a):  # old\n    # body\n    return a+1\n"
    assert edited(text, "f(a)", "f(a, b)") == (
        "@wrap( 1 )  # why\ndef f(a, b):\n    # body\n    return a+1\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "if a: pass\nelif b:\n  x = 1 # one\nelse:\n  y()\n",
            "if a: pass\nelif b:\n  x = 1\n",
            "if a: pass\nelif b:\n  x = 1 # one\n",
        ),
        (
            "if a:\n  x() # x\nelif b:\n  y() # y\n",
            "if a:\n  x()\nelse:\n  y()\n",
            "if a:\n  x() # x\nelse:\n  y() # y\n",
        ),
        (
            "while a:\n\tx() # x",
            "while a:\n\tx()\nelse:\n\ty()",
            "while a:\n\tx() # x\nelse:\n\ty()",
        ),
    ],
)
def test_else_branches_appear_and_disappear_in_place(
    old: str, new: str, expected: str
) -> None:
    assert splice(old, ast.parse(new)) == expected


def test_lower_binding_operators_get_parentheses() -> None:
    assert edited("x = a*b  *  c\n", "a*b", "(a+b)").startswith("x = (a")
    assert ast.dump(ast.parse(edited("x = a*b*c\n", "a*b", "(a+b)"))) == ast.dump(
        ast.parse("x = (a+b)*c")
    )


def test_a_tree_without_positions_or_text_of_its_own_is_still_written() -> None:
    tree = ast.parse("x = 2  # two\n")
    assignment = tree.body[0]
    assert isinstance(assignment, ast.Assign)
    assignment.value = ast.Constant(-1)
    assert splice("x = 2  # two\n", tree) == "x = -1  # two\n"


def test_a_text_that_does_not_parse_is_replaced_whole() -> None:
    assert splice("def f(:\n", ast.parse("def f():\n    pass")) == (
        "def f():\n    pass"
    )


def test_an_unchanged_tree_gives_back_the_text() -> None:
    for text in CORPUS:
        assert splice(text, ast.parse(text)) == text
