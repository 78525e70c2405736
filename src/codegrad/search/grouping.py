"""Which expressions need parentheses where.

The question comes up when the text of one expression is put in the place of another:
an operand that binds more loosely than its place asks for must be enclosed.
"""

from __future__ import annotations

import ast

OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.Mod: "%",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.FloorDiv: "//",
    ast.Pow: "**",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.Invert: "~",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
"""How each operator is written."""

_TEST, _OR, _AND, _NOT, _COMPARE, _BIT_OR = 1, 2, 3, 4, 5, 6
_UNARY, _POWER, _AWAIT, _ATOM = 12, 13, 14, 20
_BINDING = {
    ast.BitOr: _BIT_OR,
    ast.BitXor: 7,
    ast.BitAnd: 8,
    ast.LShift: 9,
    ast.RShift: 9,
    ast.Add: 10,
    ast.Sub: 10,
    ast.Mult: 11,
    ast.MatMult: 11,
    ast.Div: 11,
    ast.FloorDiv: 11,
    ast.Mod: 11,
    ast.Pow: _POWER,
}
_BINDING_OF_NODE = {
    ast.Lambda: _TEST,
    ast.IfExp: _TEST,
    ast.Compare: _COMPARE,
    ast.Await: _AWAIT,
}
_REQUIRED = {
    (ast.Attribute, "value"): _ATOM,
    (ast.Call, "func"): _ATOM,
    (ast.Subscript, "value"): _ATOM,
    (ast.Await, "value"): _ATOM,
    (ast.Compare, "left"): _BIT_OR,
    (ast.Compare, "comparators"): _BIT_OR,
    (ast.Starred, "value"): _BIT_OR,
    (ast.IfExp, "body"): _OR,
    (ast.IfExp, "test"): _OR,
    (ast.comprehension, "iter"): _OR,
    (ast.comprehension, "ifs"): _OR,
}


def binding(node: ast.AST) -> int:
    """Return how strongly a node holds its parts together in text."""
    if isinstance(node, ast.BinOp):
        return _BINDING[type(node.op)]
    if isinstance(node, ast.BoolOp):
        return _OR if isinstance(node.op, ast.Or) else _AND
    if isinstance(node, ast.UnaryOp):
        return _NOT if isinstance(node.op, ast.Not) else _UNARY
    return _BINDING_OF_NODE.get(type(node), _ATOM)


def needs_parentheses(parent: ast.AST, name: str, child: ast.AST) -> bool:
    """Whether the child's text must be enclosed to stand in a field of the parent.

    Only binding counts: for what always brings its own parentheses (a tuple, a
    `yield`, an assignment expression) the answer is no.

    Example:
        >>> product = ast.parse("a * b", mode="eval").body
        >>> needs_parentheses(product, "left", ast.parse("c + d", mode="eval").body)
        True
    """
    if isinstance(parent, ast.BinOp):
        own = binding(parent)
        is_power = isinstance(parent.op, ast.Pow)
        right = _UNARY if is_power else own + 1
        required = own + is_power if name == "left" else right
    elif isinstance(parent, ast.BoolOp):
        required = binding(parent) + 1
    elif isinstance(parent, ast.UnaryOp):
        required = binding(parent)
    else:
        required = _REQUIRED.get((type(parent), name), 0)
    is_number = isinstance(child, ast.Constant) and isinstance(child.value, int)
    if is_number and isinstance(parent, ast.Attribute):
        return True
    return binding(child) < required
