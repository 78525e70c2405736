"""Edits of one expression: by its own form, then by the type seen there."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Callable

from codegrad.search.edits import (
    DICT_WRAPS,
    NUMBER_PAIRS,
    NUMBER_WRAPS,
    SEQUENCE_WRAPS,
    TEXT_WRAPS,
    Draft,
    draft,
)
from codegrad.search.predicates import predicates
from codegrad.search.sites import PURE_FUNCTIONS, ExpressionSite, Scope, Types
from codegrad.search.values import type_name

COMPARE: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
ORDERINGS = ("<", "<=", ">", ">=", "==", "!=")
NEAR = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OPERATORS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.MatMult: "@",
}
ARITHMETIC = ("+", "-", "*", "//", "/", "%", "**")
BITWISE = ("&", "|", "^", "<<", ">>")
RELATED = {
    "+": ("-",),
    "-": ("+",),
    "*": ("/", "//", "**"),
    "/": ("//", "*"),
    "//": ("/", "%", "*"),
    "%": ("//", "/"),
    "**": ("*",),
}
"""Operators that are taken for one another most often."""

NEUTRAL = {"+": 0, "-": 0, "*": 1, "**": 1}
"""Operands, of `-` and `**` the right one, with which an operation does nothing."""

FUNCTION_FAMILIES = (
    ("all", "any"),
    ("len", "max", "min", "sum"),
    ("list", "reversed", "set", "sorted", "tuple"),
    ("abs", "bool", "chr", "float", "int", "ord", "round", "str"),
    ("enumerate", "len", "range"),
)
METHOD_FAMILIES = (
    ("add", "append", "extend", "insert", "remove"),
    ("items", "keys", "values"),
    ("capitalize", "lower", "swapcase", "title", "upper"),
    ("isalnum", "isalpha", "isdigit", "islower", "isspace", "isupper"),
    ("endswith", "startswith"),
    ("count", "find", "index", "rfind", "rindex"),
    ("lstrip", "rstrip", "strip"),
    ("pop", "popleft"),
    ("difference", "intersection", "union", "update"),
    ("isdisjoint", "issubset", "issuperset"),
    ("ceil", "floor", "sqrt"),
)
SORT_KEYS = (
    "len",
    "abs",
    "lambda x: -x",
    "lambda x: x[0]",
    "lambda x: x[1]",
    "lambda x: (len(x), x)",
    "str",
    "int",
)
OTHER_CONSTANTS = ("None", "[]", "''", "0", "True", "False")
FOR_NONE = ("True", "False", "0", "''", "[]", "-1")

ITERABLES = frozenset(
    [
        "list",
        "tuple",
        "?",
        "set",
        "dict_keys",
        "dict_values",
        "range",
        "generator",
        "map",
        "enumerate",
        "dict",
    ]
)
INDEXABLE = frozenset({"list", "str", "tuple", "range", "?"})
MAX_CONSTANTS = 6
MAX_DISPLAY = 4
_UNBRACKETED = (
    ast.Name,
    ast.Constant,
    ast.Call,
    ast.Subscript,
    ast.Attribute,
    ast.List,
    ast.ListComp,
)
_MATH_NAMES = frozenset(dir(math)) | {"math"}


class Donors:
    """Expressions and constants of the unit that may be used elsewhere in it."""

    def __init__(self) -> None:
        self.constants: dict[str, set[str]] = {}
        """By type name: the constants, as source."""
        self.expressions: dict[str, tuple[str, frozenset[str]]] = {}
        """By source: type name and variable names."""

    def constants_of(self, kind: str) -> list[str]:
        """Return the unit's constants of a type, sorted."""
        return sorted(self.constants.get(kind, ()))


class View:
    """An expression site with all that the templates ask for."""

    def __init__(
        self,
        site: ExpressionSite,
        scope: Scope,
        donors: Donors,
        functions: Sequence[str],
    ) -> None:
        self.site = site
        self.scope = scope
        self.donors = donors
        self.functions = functions
        self.node = site.node
        self.text = site.text
        self.type = site.type
        self.names: Types = scope.names(site.statement, site.inner_names)
        self.wrapped = (
            site.text if isinstance(site.node, _UNBRACKETED) else f"({site.text})"
        )

    def named(self, *types: str) -> list[str]:
        """Return the variables that were seen with one of these types."""
        wanted = set(types)
        return [name for name, seen in self.names.items() if seen & wanted]

    def predicates(self) -> list[str]:
        """Return conditions over the variables in reach."""
        return predicates(self.names, self.donors.constants_of("str"))

    def knows(self, names: frozenset[str]) -> bool:
        """Whether all these names can be used here."""
        return all(
            name in self.names
            or name in self.functions
            or name in PURE_FUNCTIONS
            or name in _MATH_NAMES
            for name in names
        )


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def expression_edits(view: View) -> Iterator[Draft]:
    """Yield the drafts for one expression; some may repeat or equal the original."""
    if view.site.is_stored:
        yield from _target_edits(view)
    elif view.site.is_function:
        yield from _function_edits(view)
    else:
        form = _BY_FORM.get(type(view.node))
        idle = _neutral(view.site.parent, view.site.field)
        for one in itertools.chain(form(view) if form else (), _by_type(view)):
            # What an operation that does nothing would do, its other operand does.
            if idle is None or one.source != str(idle):
                yield one


# -- targets and called functions


def _target_edits(view: View) -> Iterator[Draft]:
    if isinstance(view.node, ast.Name) and not isinstance(view.site.parent, ast.For):
        for name in view.names:
            yield draft("target", name)
    if isinstance(view.node, (ast.Name, ast.Subscript, ast.Attribute)):
        for text, (_, names) in view.donors.expressions.items():
            is_item = "[" in text and text.endswith("]") and ":" not in text
            if is_item and not text.startswith("[") and view.knows(names):
                yield draft("target:donor", text)


def _function_edits(view: View) -> Iterator[Draft]:
    node = view.node
    if isinstance(node, ast.Name):
        for name in _relatives(node.id, FUNCTION_FAMILIES):
            yield draft("function", name)
        for name in view.named("function", "builtin_function_or_method"):
            yield draft("function:value", name)
        for name in view.functions:
            yield draft("function:own", name)
    elif isinstance(node, ast.Attribute):
        for name in _relatives(node.attr, METHOD_FAMILIES):
            yield draft("method", f"{_text(node.value)}.{name}")


def _relatives(name: str, families: Sequence[Sequence[str]]) -> Iterator[str]:
    for family in families:
        if name in family:
            yield from family


# -- by form


def _compare_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.Compare)
    operands = [_bracketed(node.left), *map(_bracketed, node.comparators)]
    operators = [COMPARE[type(operator)] for operator in node.ops]
    for position, operator in enumerate(operators):
        for other in _alternatives(operator):
            near = len(operators) == 1 and NEAR.get(operator) == other
            changed = [*operators[:position], other, *operators[position + 1 :]]
            pairs = zip(changed, operands[1:])
            text = " ".join([operands[0], *(f"{op} {right}" for op, right in pairs)])
            yield draft("compare:near" if near else "compare", text)
    if len(operators) == 1:
        yield draft("compare:swap", f"{operands[1]} {operators[0]} {operands[0]}")
        yield draft("negate", f"not {view.wrapped}")


def _alternatives(operator: str) -> tuple[str, ...]:
    if operator in ORDERINGS:
        return ORDERINGS
    return ("in", "not in") if "in" in operator else ("is", "is not", "==", "!=")


def _bracketed(node: ast.expr) -> str:
    text = _text(node)
    loose = (ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.NamedExpr, ast.UnaryOp)
    return f"({text})" if isinstance(node, loose) else text


def _binary_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.BinOp)
    left, right = f"({_text(node.left)})", f"({_text(node.right)})"
    operator = OPERATORS[type(node.op)]
    for other in ARITHMETIC + (BITWISE if operator in BITWISE else ()):
        near = other in RELATED.get(operator, BITWISE)
        key = "arithmetic" if near else "arithmetic:far"
        yield draft(key, f"{left} {other} {right}")
    yield draft("arithmetic:swap", f"{right} {operator} {left}")
    yield draft("drop", left)
    yield draft("drop", right)
    for field, other in (("right", left), ("left", right)):
        value = _neutral(node, field)
        # A constant that is near to doing nothing: nobody would write `x + 0`.
        if value is not None and _is_near(getattr(node, field), value):
            yield draft("constant:near", other)
    if isinstance(node.left, ast.BinOp):
        a, b = f"({_text(node.left.left)})", f"({_text(node.left.right)})"
        inner = OPERATORS[type(node.left.op)]
        yield draft("arithmetic:regroup", f"{a} {inner} ({b} {operator} {right})")
        yield draft("drop:inner", f"{a} {operator} {right}")
        yield draft("arithmetic:reorder", f"{a} {inner} {right} {operator} {b}")
        yield draft("arithmetic:reorder", f"{right} {operator} {a} {inner} {b}")
    if isinstance(node.right, ast.BinOp):
        a, b = f"({_text(node.right.left)})", f"({_text(node.right.right)})"
        inner = OPERATORS[type(node.right.op)]
        yield draft("arithmetic:regroup", f"({left} {operator} {a}) {inner} {b}")
        yield draft("drop:inner", f"{left} {operator} {a}")
        yield draft("drop:inner", f"{left} {operator} {b}")


def _neutral(node: ast.AST, field: str) -> int | None:
    """Return the constant that does nothing as this operand; None if there is none."""
    if not isinstance(node, ast.BinOp):
        return None
    operator = OPERATORS[type(node.op)]
    is_placed = field == "right" or operator in {"+", "*"}
    return NEUTRAL.get(operator) if is_placed else None


def _is_near(node: ast.expr, value: int) -> bool:
    """Return whether an expression is a number at most one away from another."""
    known = node.value if isinstance(node, ast.Constant) else None
    return (
        isinstance(known, (int, float))
        and not isinstance(known, bool)
        and abs(known - value) <= 1
    )


def _bool_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.BoolOp)
    parts = [f"({_text(value)})" for value in node.values]
    own, other = " and ", " or "
    if isinstance(node.op, ast.Or):
        own, other = other, own
    yield draft("bool", other.join(parts))
    for k in range(len(parts)):
        yield draft("bool:operand", own.join(parts[:k] + parts[k + 1 :]))
        negated = [*parts[:k], f"not {parts[k]}", *parts[k + 1 :]]
        yield draft("bool:operand", own.join(negated))
    if len(parts) > 2:  # noqa: PLR2004 - two operands have no inner group
        yield draft("bool:group", f"{parts[0]}{own}({other.join(parts[1:])})")


def _unary_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.UnaryOp)
    yield draft("drop:sign", f"({_text(node.operand)})")


def _constant_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.Constant)
    value = node.value
    if isinstance(value, bool):
        yield draft("constant:flag", repr(not value))
    elif isinstance(value, (int, float)):
        near = (value + 1, value - 1)
        far = (0, 1, 2, -value, -1, 10, value * 2, value + 2, value - 2)
        for other in near + far:
            key = "constant:near" if abs(other - value) <= 1 else "constant"
            yield draft(key, repr(other))
    elif isinstance(value, str):
        variants = (value.upper(), value.lower(), value + " ", value[::-1])
        shorter = (value[1:], value[:-1])
        for text in ("", " ", *variants, *shorter, ",", "0", "1"):
            yield draft("constant", repr(text))
    for text in view.donors.constants_of(view.type):
        yield draft("constant:known", text)
    if value is None:
        for text in FOR_NONE:
            yield draft("constant:for-none", text)
    for text in OTHER_CONSTANTS:
        yield draft("constant:other-type", text)


def _call_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.Call)
    function = _text(node.func)
    arguments = [_text(argument) for argument in node.args]
    keywords = [f"{k.arg}={_text(k.value)}" for k in node.keywords if k.arg]

    def call(changed: Sequence[str], named: Sequence[str] = tuple(keywords)) -> str:
        return f"{function}({', '.join([*changed, *named])})"

    for swapped in _swapped_pairs(arguments):
        yield draft("argument:swap", call(swapped))
    for i, argument in enumerate(arguments):
        yield draft("argument:drop", call(arguments[:i] + arguments[i + 1 :]))
        if not argument.startswith("*"):
            yield draft("unwrap", argument)
    for i in range(len(keywords)):
        fewer = keywords[:i] + keywords[i + 1 :]
        yield draft("argument:drop-keyword", call(arguments, fewer))
    yield from _key_edits(function, arguments, keywords)
    if function == "range":
        yield from _range_edits(view, arguments)
    if isinstance(node.func, ast.Attribute):
        yield draft("unwrap", _text(node.func.value))
    if not (isinstance(node.func, ast.Name) and node.func.id in PURE_FUNCTIONS):
        for name in view.names:
            yield draft("argument:add", call([*arguments, name]))


def _swapped_pairs(items: Sequence[str]) -> Iterator[list[str]]:
    for i, j in itertools.combinations(range(len(items)), 2):
        swapped = list(items)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield swapped


def _key_edits(
    function: str, arguments: list[str], keywords: list[str]
) -> Iterator[Draft]:
    if function not in {"sorted", "max", "min"}:
        return
    plain = ", ".join(arguments)
    if function == "sorted" and not any(k.startswith("reverse") for k in keywords):
        named = ", ".join([plain, *keywords, "reverse=True"])
        yield draft("keyword:reverse", f"{function}({named})")
    others = [k for k in keywords if not k.startswith("key")]
    for key in SORT_KEYS:
        named = ", ".join([plain, *others, f"key={key}"])
        yield draft("keyword:key", f"{function}({named})")


def _range_edits(view: View, arguments: list[str]) -> Iterator[Draft]:
    if len(arguments) == 1:
        end = arguments[0]
        yield draft("range:start", f"range(1, {end})")
        yield draft("range:inclusive", f"range(1, {end} + 1)")
        yield draft("range:inclusive", f"range(2, {end})")
        yield draft("range", f"range({end} - 1, -1, -1)")
    elif len(arguments) == 2:  # noqa: PLR2004 - start and end
        start, end = arguments
        yield draft("range", f"range({start}, {end}, 2)")
        yield draft("range", f"range({start} + 1, {end} + 1)")
        yield draft("range", f"range({end} - 1, {start} - 1, -1)")
        for name in view.named("int"):
            yield draft("range:step", f"range({start}, {end}, {name})")


def _attribute_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.Attribute)
    for name in view.scope.attributes(node.value, view.site):
        yield draft("attribute", f"{_text(node.value)}.{name}")


def _subscript_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.Subscript)
    base = _text(node.value)
    if isinstance(node.slice, ast.Slice):
        yield from _slice_edits(view, base, node.slice)
        return
    yield draft("unwrap:index", base)
    index = _text(node.slice)
    if isinstance(node.slice, ast.Tuple):
        swapped = ", ".join(map(_text, reversed(node.slice.elts)))
        yield draft("index:swap", f"{base}[{swapped}]")
    else:
        yield draft("index", f"{base}[-1 - ({index})]")
        yield draft("index", f"{base}[:{index}]")
        yield draft("index", f"{base}[{index}:]")


def _slice_edits(view: View, base: str, node: ast.Slice) -> Iterator[Draft]:
    low, high, step = (
        _text(part) if part else "" for part in (node.lower, node.upper, node.step)
    )
    suffix = f":{step}" if step else ""
    for other_low in _ends(low, "1"):
        for other_high in _ends(high, "-1"):
            one = (other_low == low) != (other_high == high)
            text = f"{base}[{other_low}:{other_high}{suffix}]"
            yield draft("slice:one-end" if one else "slice", text)
    yield draft("slice", f"{base}[{high}:{low}]")
    for text in (
        f"{base}[{low}:{high}:-1]",
        f"{base}[{low}:{high}:2]",
        f"{base}[{low}:{high}][::-1]",
    ):
        yield draft("slice:step", text)
    yield draft("unwrap:slice", base)
    for name in view.named("int"):
        yield draft("slice:variable", f"{base}[{name}:{high}]")
        yield draft("slice:variable", f"{base}[{low}:{name}]")
        yield draft("slice:variable-next", f"{base}[{name} + 1:{high}]")
        yield draft("slice:variable-next", f"{base}[{low}:{name} + 1]")


def _ends(end: str, default: str) -> list[str]:
    moved = [f"{end} + 1", f"{end} - 1"] if end else []
    return list(dict.fromkeys([end, "", default, *moved]))


def _comprehension_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp))
    if len(node.generators) != 1:
        return
    opening, closing = _BRACKETS[type(node)]
    generator = node.generators[0]
    target, item = _text(generator.target), _text(node.elt)
    head = f"for {target} in {_text(generator.iter)}"
    filters = "".join(f" if {_text(condition)}" for condition in generator.ifs)
    if generator.ifs:
        text = f"{opening}{item} {head}{closing}"
        yield draft("comprehension:no-filter", text)
    text = f"{opening}{target} {head}{filters}{closing}"
    yield draft("comprehension:item", text)
    if not target.isidentifier():
        return
    names: Types = {target: _item_types(view, generator.iter)}
    names.update((n, t) for n, t in view.names.items() if n != target)
    for condition in predicates(names, view.donors.constants_of("str")):
        if target in condition:
            text = f"{opening}{item} {head}{filters} if {condition}{closing}"
            yield draft("comprehension:filter", text)


_BRACKETS: dict[type, tuple[str, str]] = {
    ast.ListComp: ("[", "]"),
    ast.GeneratorExp: ("(", ")"),
    ast.SetComp: ("{", "}"),
}


def _item_types(view: View, iterable: ast.expr) -> set[str]:
    found: set[str] = set()
    for value in view.scope.values(iterable, view.site):
        try:
            first = next(iter(value))  # type: ignore[call-overload]
        except (TypeError, StopIteration):
            continue
        found = {type_name(first)}
    return found or {"?"}


def _choice_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, ast.IfExp)
    test, body, other = _text(node.test), _text(node.body), _text(node.orelse)
    yield draft("choice:swap", f"{other} if {test} else {body}")
    yield draft("drop:inner", body)
    yield draft("drop:inner", other)


def _display_edits(view: View) -> Iterator[Draft]:
    node = view.node
    assert isinstance(node, (ast.List, ast.Tuple))
    items = [_text(item) for item in node.elts]
    if len(items) > MAX_DISPLAY:
        return
    is_list = isinstance(node, ast.List)

    def display(changed: Sequence[str]) -> str:
        inner = ", ".join(changed)
        return f"[{inner}]" if is_list else f"({inner},)" if changed else "()"

    if is_list and not items:
        yield draft("list:nested", "[[]]")
        yield draft("list:one", "[0]")
        yield draft("list:one", "None")
        for name in view.names:
            yield draft("list:one", f"[{name}]")
    if is_list and len(items) == 1:
        yield draft("unwrap:item", items[0])
        yield draft("unwrap:item", "[]")
    if len(items) > 1:
        for i in range(len(items)):
            yield draft("drop:item", display(items[:i] + items[i + 1 :]))
        yield draft("list:swap", display(items[::-1]))
    for name in view.names:
        yield draft("list:add", display([*items, name]))


_BY_FORM: dict[type, Callable[[View], Iterator[Draft]]] = {
    ast.Attribute: _attribute_edits,
    ast.BinOp: _binary_edits,
    ast.BoolOp: _bool_edits,
    ast.Call: _call_edits,
    ast.Compare: _compare_edits,
    ast.Constant: _constant_edits,
    ast.GeneratorExp: _comprehension_edits,
    ast.IfExp: _choice_edits,
    ast.List: _display_edits,
    ast.ListComp: _comprehension_edits,
    ast.SetComp: _comprehension_edits,
    ast.Subscript: _subscript_edits,
    ast.Tuple: _display_edits,
    ast.UnaryOp: _unary_edits,
}


# -- by observed type


def _by_type(view: View) -> Iterator[Draft]:
    yield from _name_edits(view)
    if view.type in {"int", "float", "?"}:
        yield from _number_edits(view)
    if view.type in {"str", "?"}:
        yield from _wraps(view, TEXT_WRAPS, "text")
    if view.type in ITERABLES:
        yield from _wraps(view, SEQUENCE_WRAPS, "sequence")
    if view.type in INDEXABLE:
        yield from _part_edits(view)
    if view.type == "dict":
        yield from _wraps(view, DICT_WRAPS, "sequence")
    if view.site.is_condition or view.type == "bool":
        yield from _condition_edits(view)


def _wraps(view: View, table: dict[str, float], template: str) -> Iterator[Draft]:
    for shape, cost in table.items():
        yield Draft(shape.format(u=view.text, w=view.wrapped), template, cost)


def _name_edits(view: View) -> Iterator[Draft]:
    is_name = isinstance(view.node, ast.Name)
    for name, types in view.names.items():
        if view.type in types:
            yield draft("variable:name" if is_name else "variable", name)
        elif is_name or view.type == "?":
            yield draft("variable:any", name)
    for text, (kind, names) in view.donors.expressions.items():
        if (kind == view.type or "?" in (kind, view.type)) and view.knows(names):
            yield draft("donor" if kind == view.type else "donor:any", text)


def _number_edits(view: View) -> Iterator[Draft]:
    is_constant = isinstance(view.node, ast.Constant)
    if not is_constant:
        yield from _wraps(view, NUMBER_WRAPS, "numeric")
    for name in view.named("int", "float"):
        if name != view.text:
            for shape in NUMBER_PAIRS:
                text = shape.format(u=view.text, w=view.wrapped, v=name)
                yield draft("numeric:variable", text)
    if not is_constant:
        for text in view.donors.constants_of("int")[:MAX_CONSTANTS]:
            for operator in "+*-":
                yield draft("numeric:constant", f"{view.wrapped} {operator} {text}")


def _part_edits(view: View) -> Iterator[Draft]:
    whole = view.wrapped
    for name, types in view.names.items():
        if "int" in types:
            for part in (f"{name}:", f":{name}"):
                yield draft("sequence:slice", f"{whole}[{part}]")
            for part in (name, f":{name} + 1", f"{name} + 1:"):
                yield draft("sequence:item", f"{whole}[{part}]")
        if view.type in types or view.type == "?":
            yield draft("concatenate", f"{whole} + {name}")
            yield draft("concatenate", f"{name} + {whole}")
        if view.type in {"list", "?"}:
            yield draft("concatenate:item", f"{whole} + [{name}]")
            yield draft("concatenate:item-first", f"[{name}] + {whole}")
    if view.type not in {"list", "str"}:
        return
    for text, (kind, names) in view.donors.expressions.items():
        if kind == view.type and view.knows(names):
            yield draft("concatenate:donor", f"{whole} + {text}")
            yield draft("concatenate:donor", f"{text} + {whole}")


def _condition_edits(view: View) -> Iterator[Draft]:
    whole = view.wrapped
    if not isinstance(view.node, ast.Compare):
        yield draft("negate:condition", f"not {whole}")
    yield draft("constant:truth", "True")
    yield draft("constant:truth", "False")
    combine = view.site.is_condition or not isinstance(view.node, ast.Constant)
    for condition in view.predicates():
        if combine:
            yield draft("strengthen", f"{whole} and {condition}")
            yield draft("weaken", f"{whole} or {condition}")
            yield draft("strengthen:before", f"{condition} and {whole}")
            yield draft("weaken:before", f"{condition} or {whole}")
        yield draft("predicate", condition)
