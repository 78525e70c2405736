"""Calls with literal arguments, read from source without executing it."""

import ast
import copy
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_TEXT_LIMIT = 160
_MAX_LENGTH = 2000
"""Characters of a literal that is looked for in prose."""

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SCALAR = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|(?:True|False|None)\b")
_OPERATORS = frozenset("+-*/%=<>&|^")
_MAX_BITS = 4096
_OPERATIONS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_NOT_LITERAL = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError)


@dataclass(frozen=True, slots=True)
class LiteralCall:
    """A call such as `f([1, 2], key=None)` whose arguments are literals."""

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def literal_call(node: ast.expr) -> LiteralCall | None:
    """Return the call that `node` is, or None if an argument is not a literal.

    Example:
        >>> literal_call(ast.parse("f(-1, b={2})", mode="eval").body)
        LiteralCall(function='f', args=(-1,), kwargs={'b': {2}})
    """
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    try:
        args = tuple(_evaluate(argument) for argument in node.args)
        kwargs = {
            keyword.arg: _evaluate(keyword.value)
            for keyword in node.keywords
            if keyword.arg
        }
    except _NOT_LITERAL:
        return None
    if len(kwargs) != len(node.keywords):
        return None
    return LiteralCall(node.func.id, args, kwargs)


def read_call(text: str) -> LiteralCall | None:
    """Return the call that `text` is, or None if it is none with literal arguments.

    Example:
        >>> read_call("f([1, 2])").args, read_call("f(open('x'))")
        (([1, 2],), None)
    """
    try:
        return literal_call(ast.parse(text.strip(), mode="eval").body)
    except _NOT_LITERAL:
        return None


def literal(node: ast.expr) -> tuple[bool, Any]:
    """Return (True, value) if `node` is a literal, else (False, None).

    Sums and products of whole numbers count as literals: tests write `3 * 5 * 7`.

    Example:
        >>> literal(ast.parse("(1 + 2, [3 * 5])", mode="eval").body)
        (True, (3, [15]))
    """
    try:
        return True, _evaluate(node)
    except _NOT_LITERAL:
        return False, None


def _evaluate(node: ast.expr) -> Any:  # noqa: ANN401 - a literal of any type
    return ast.literal_eval(_Folder().visit(copy.deepcopy(node)))


@dataclass(frozen=True, slots=True)
class Value:
    """A literal in a text and where it ends."""

    value: Any
    end: int


def value_at(text: str, start: int) -> Value | None:
    r"""Return the literal that stands at a place in prose, if one does.

    It may go on over several lines while a bracket is open. The first operand of an
    expression is none.

    Example:
        >>> value_at("a = [1,\n 2], b", 4)
        Value(value=[1, 2], end=11)
        >>> value_at("2 + 3", 0) is None
        True
    """
    first = text[start : start + 1]
    if first in _CLOSING:
        end = balanced_end(text, start)
    elif first in {"'", '"'}:
        closing = text.find(first, start + 1, start + _MAX_LENGTH)
        end = closing + 1 if closing > 0 else None
    else:
        scalar = _SCALAR.match(text, start)
        end = scalar.end() if scalar else None
    if end is None:
        return None
    if is_operand(text, end) or text[end : end + 1].isalnum():
        return None
    if text[end : end + 1] in {"'", '"', "_"}:
        return None
    try:
        known, value = literal(ast.parse(text[start:end], mode="eval").body)
    except _NOT_LITERAL:
        return None
    return Value(value, end) if known and not has_gap(value) else None


def has_gap(value: object) -> bool:
    """Return whether somewhere in a value `...` stands for what is left out.

    Example:
        >>> has_gap([1, 2, ...]), has_gap([1, 2])
        (True, False)
    """
    if isinstance(value, list | tuple | set):
        return any(map(has_gap, value))
    if isinstance(value, dict):
        return any(map(has_gap, [*value, *value.values()]))
    return value is Ellipsis


def is_operand(text: str, end: int) -> bool:
    """Return whether what ends here is followed by an operator, a call or an index.

    Example:
        >>> is_operand("1 + 2", 1), is_operand("f(1)", 1), is_operand("1 (one)", 1)
        (True, True, False)
    """
    following = text[end : end + 20].lstrip(" ")
    if text[end : end + 1] in {"(", "["}:
        return True
    return following[:1] in _OPERATORS and not following.startswith("->")


def balanced_end(text: str, start: int) -> int | None:
    """Return the place behind the bracket that closes the one at `start`.

    Example:
        >>> balanced_end("f([1, ')'])", 1)
        11
    """
    open_brackets: list[str] = []
    quote = ""
    for position in range(start, min(len(text), start + _MAX_LENGTH)):
        letter = text[position]
        if quote:
            quote = "" if letter == quote and text[position - 1] != "\\" else quote
        elif letter in {"'", '"'}:
            quote = letter
        elif letter in _CLOSING:
            open_brackets.append(_CLOSING[letter])
        elif open_brackets and letter == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return position + 1
    return None


class _Folder(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        try:
            left, right = ast.literal_eval(node.left), ast.literal_eval(node.right)
        except _NOT_LITERAL:
            return node
        if not (type(left) is type(right) is int):
            return node
        if left.bit_length() + right.bit_length() > _MAX_BITS:
            return node
        operation = _OPERATIONS.get(type(node.op))
        return ast.Constant(operation(left, right)) if operation else node


def call_text(function: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Return the call as Python source.

    Example:
        >>> call_text("f", (1, "a"), {"key": None})
        "f(1, 'a', key=None)"
    """
    parts = [show(value) for value in args]
    parts += [f"{name}={show(value)}" for name, value in kwargs.items()]
    return f"{function}({', '.join(parts)})"


def text_condition(
    shown: str, wanted: str, *, any_spacing: bool, any_at_dots: bool
) -> str:
    """Return the source of the condition that an expression is a text as wanted.

    Example:
        >>> text_condition("x", "a  b", any_spacing=True, any_at_dots=False)
        "' '.join(x.split()) == 'a b'"
    """
    if any_spacing:
        shown, wanted = f"' '.join({shown}.split())", " ".join(wanted.split())
    if not any_at_dots:
        return f"{shown} == {wanted!r}"
    pattern = "(?s)" + ".*".join(map(re.escape, wanted.split("...")))
    return f"__import__('re').fullmatch({pattern!r}, {shown}) is not None"


def show(value: object) -> str:
    """Return `repr(value)`, or what kind of value it is where that cannot be printed.

    Example:
        >>> show([1]), show(10 ** 6000)
        ('[1]', '<int that is too large to print>')
    """
    try:
        return repr(value)
    except (ValueError, RecursionError, MemoryError):
        return f"<{type(value).__name__} that is too large to print>"


def shorten(text: str, limit: int = _TEXT_LIMIT) -> str:
    """Return `text` on one line, cut in the middle with the length that it had.

    Example:
        >>> shorten("a" * 50, 30)
        'aaaa ... 50 characters ... aaa'
    """
    text = " ".join(text.split("\n"))
    if len(text) <= limit:
        return text
    middle = f" ... {len(text):,} characters ... "
    head = (limit - len(middle)) * 2 // 3
    tail = max(1, limit - len(middle) - head)
    return text[:head] + middle + text[-tail:]
