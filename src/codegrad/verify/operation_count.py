"""Source text that counts its own operations, the same in every run.

In: a program. Out: the program with a charge for every statement, loop round and
element of a comprehension, and charges by length for work that happens in C (`sorted`,
slices, `in` on a list, ...). The charges are a model: they say how work grows, not how
long it takes.
"""

import ast
from collections.abc import Sequence
from typing import TypeVar

COUNTER = "_cg_count"
"""The function of the preamble that returns the operations counted so far."""

PREAMBLE = """
_cg_total = [0]
def _cg_count():
    return _cg_total[0]
def _cg_tick():
    _cg_total[0] += 1
    return True
def _cg_len(value):
    try:
        return len(value)
    except TypeError:
        return 1
def _cg_log(size):
    return max(1, size).bit_length()
def _cg_in(item, box):
    constant = isinstance(box, (set, frozenset, dict, range))
    _cg_total[0] += 1 if constant else _cg_len(box) + 1
    return item in box
def _cg_slice(value, part):
    found = value[part]
    _cg_total[0] += _cg_len(found) + 1
    return found
def _cg_sized(value):
    _cg_total[0] += _cg_len(value)
    return value
def _cg_add(left, right):
    found = left + right
    if isinstance(found, (list, str, tuple, bytes)):
        _cg_total[0] += len(found)
    elif isinstance(found, int):
        _cg_total[0] += found.bit_length() // 64
    return found
def _cg_times(left, right):
    found = left * right
    if isinstance(found, (list, str, tuple, bytes)):
        _cg_total[0] += len(found)
    elif isinstance(found, int) and found.bit_length() > 128:
        _cg_total[0] += (1 + left.bit_length() // 64) * (1 + right.bit_length() // 64)
    return found
_cg_logarithmic = frozenset(("heappush", "heappop", "heapreplace", "bisect",
                             "bisect_left", "bisect_right", "pow"))
def _cg_is_equal(left, right):
    found = left == right
    # Unlike ones mostly differ early.
    _cg_total[0] += _cg_len(left) if found is True else 1
    return found
def _cg_set(found):
    if isinstance(found, (set, frozenset, dict)):
        _cg_total[0] += len(found) + 1
    return found
def _cg_call(name, function, *args, **kwargs):
    size = max([_cg_len(item) for item in args] or [1])
    owner = getattr(function, "__self__", None)
    if owner is not None and type(owner).__name__ != "module":
        size = max(size, _cg_len(owner))
    found = function(*args, **kwargs)
    size = max(size, _cg_len(found))  # what an iterator without a length became
    if name in ("sorted", "sort", "most_common"):
        _cg_total[0] += size * _cg_log(size)
    elif name in _cg_logarithmic:
        _cg_total[0] += _cg_log(size)
    elif name == "pop":
        _cg_total[0] += size if isinstance(owner, list) and args == (0,) else 1
    else:
        _cg_total[0] += size
    return found
"""
"""Executed before the program: the counter and the charges."""

_LINEAR = """
    sum min max list set frozenset tuple dict any all reversed str join count index
    copy extend replace split rsplit splitlines lower upper strip lstrip rstrip
    reverse find rfind insert remove startswith endswith Counter map filter zip
    enumerate update union intersection difference issubset issuperset deepcopy
    translate swapcase title capitalize isalpha isdigit isalnum insort prod fsum
    heapify bytes bytearray deque partition zfill format isupper islower isspace
    isdecimal isnumeric casefold encode decode rpartition rindex removeprefix
    removesuffix ljust rjust center reduce accumulate pairwise zip_longest repr
    symmetric_difference issuperset isdisjoint fromkeys defaultdict OrderedDict
"""
_OTHERS = """
    heappush heappop heapreplace bisect bisect_left bisect_right pow sorted sort pop
    most_common
"""
_CONSTANT_NAMES = """
    len append add abs range ord chr int float bool complex isinstance issubclass get
    items keys values popleft appendleft popitem divmod round iter next print id hash
    type setdefault discard object slice super callable getattr hasattr setattr bin
    hex oct sqrt isqrt floor ceil trunc log log2 log10 exp sin cos tan atan2 hypot
    gcd fabs fmod isclose isnan isinf modf copysign degrees radians bit_length
    is_integer cmp_to_key itemgetter lru_cache cache
"""
_CONSTANT = frozenset(_CONSTANT_NAMES.split())
"""Functions that take as long for large arguments as for small ones, or nearly so."""

_CHARGED = frozenset(f"{_LINEAR} {_OTHERS}".split())

_Body = TypeVar("_Body", bound=ast.AST)


def instrument(source: str) -> str:
    r"""Return `source` with charges; `PREAMBLE` has to be executed before it.

    A call whose cost is not known is charged by the sizes of what goes in and comes
    out, the least that it can cost; see `unmodelled`.

    Raises:
        SyntaxError: If `source` is not Python.

    Example:
        >>> print(instrument("def f(xs):\n    return sorted(xs)"))
        def f(xs):
            _cg_tick()
            return _cg_call('sorted', sorted, xs)
    """
    charged = _CHARGED | frozenset(unmodelled(source))
    tree = _Charger(charged).visit(ast.parse(source))
    return ast.unparse(ast.fix_missing_locations(tree))


def unmodelled(source: str) -> tuple[str, ...]:
    r"""Return what `source` does whose cost the counter cannot know, in order.

    Raises:
        SyntaxError: If `source` is not Python.

    Example:
        >>> unmodelled("import re\ndef f(s):\n    return len(re.findall('a', s))")
        ('findall',)
    """
    nodes = list(ast.walk(ast.parse(source)))
    own = {n.name for n in nodes if isinstance(n, _DEFINITION)}
    own |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    own |= {
        target.id
        for n in nodes
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Lambda)
        for target in n.targets
        if isinstance(target, ast.Name)
    }
    known = own | _CHARGED | _CONSTANT
    found: dict[str, None] = {}
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                if name not in known and not name.endswith(("Error", "Exception")):
                    found[name] = None
            case ast.Call():
                found["a function that is computed"] = None
            case (
                ast.Subscript(ctx=ast.Del())
                | ast.Subscript(slice=ast.Slice(), ctx=ast.Store())
            ):
                found[f"`{ast.unparse(node)}`"] = None
    return tuple(found)


_DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


class _Charger(ast.NodeTransformer):
    def __init__(self, charged: frozenset[str]) -> None:
        self._charged = charged

    def _block(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        found: list[ast.stmt] = []
        for statement in body:
            if not isinstance(statement, ast.Global | ast.Nonlocal):
                found.append(ast.Expr(_call("_cg_tick")))
            found.append(self.visit(statement))
        return found

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
        node.body = self._block(node.body)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function  # noqa: N815 - ast's names

    def visit_For(self, node: ast.For) -> ast.stmt:
        node.iter = self.visit(node.iter)
        node.body = self._block(node.body)
        node.orelse = self._block(node.orelse)
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        node.test = self.visit(node.test)
        node.body = self._block(node.body)
        node.orelse = self._block(node.orelse)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt:
        node.test = self.visit(node.test)
        node.body = self._block(node.body)
        node.orelse = self._block(node.orelse)
        return node

    def _visit_comprehension(self, node: _Body) -> _Body:
        self.generic_visit(node)
        for generator in getattr(node, "generators", []):
            generator.ifs.insert(0, _call("_cg_tick"))
        return node

    visit_ListComp = visit_SetComp = _visit_comprehension  # noqa: N815 - ast's names
    visit_GeneratorExp = visit_DictComp = _visit_comprehension  # noqa: N815

    def visit_Starred(self, node: ast.Starred) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = _call("_cg_sized", node.value)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            return _call("_cg_is_equal", node.left, node.comparators[0])
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            found = _call("_cg_in", node.left, node.comparators[0])
            if isinstance(node.ops[0], ast.In):
                return found
            return ast.UnaryOp(ast.Not(), found)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load):
            part = node.slice
            ends = (part.lower, part.upper, part.step)
            return _call(
                "_cg_slice",
                node.value,
                _call("slice", *(end or ast.Constant(None) for end in ends)),
            )
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        match node.op:
            case ast.Add():
                return _call("_cg_add", node.left, node.right)
            case ast.Mult():
                return _call("_cg_times", node.left, node.right)
            case ast.BitAnd() | ast.BitOr() | ast.BitXor() | ast.Sub():
                return _call("_cg_set", node)
            case _:
                return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        self.generic_visit(node)
        node.value = _call("_cg_sized", node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node.func:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in self._charged:
                arguments = [ast.Constant(name), node.func, *node.args]
                return ast.Call(
                    ast.Name("_cg_call", ast.Load()), arguments, node.keywords
                )
            case _:
                return node
