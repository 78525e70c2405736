"""The kinds of Python values that the prover understands.

In: annotations, or plain values seen in runs. Out: `Kind`s. Invariant: what is not
understood is `Unsupported`, with the line and the construct, never guessed.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass


class Unsupported(Exception):  # noqa: N818 - it is a finding about the code, not a fault
    """The code uses something outside the subset.

    Attributes:
        line: The line where it stands; 0 if it has none.
        construct: What it is, in a few words.
    """

    def __init__(self, node: ast.AST | None, construct: str) -> None:
        self.line: int = getattr(node, "lineno", 0)
        self.construct = construct
        super().__init__(f"line {self.line}: {construct}")


@dataclass(frozen=True, slots=True)
class Kind:
    """The shape of a value."""

    name: str
    """`int`, `bool`, `str`, `list`, `tuple`, `none`, `optional` or `unknown`."""

    items: tuple["Kind", ...] = ()
    """The element (list, optional) or the elements (tuple)."""

    @property
    def element(self) -> "Kind":
        """What indexing yields; a string yields strings."""
        return STR if self.name == "str" else self.items[0]

    @property
    def is_sequence(self) -> bool:
        """Whether it has a length and integer indices that vary."""
        return self.name in ("str", "list")

    @property
    def is_number(self) -> bool:
        """Whether arithmetic applies; a bool is an int."""
        return self.name in ("int", "bool")

    @property
    def is_mutable(self) -> bool:
        """Whether a list is reachable in it."""
        return self.name == "list" or any(i.is_mutable for i in self.items)

    def __str__(self) -> str:
        inner = ", ".join(map(str, self.items))
        return f"{self.name}[{inner}]" if inner else self.name


INTEGER = Kind("int")
BOOLEAN = Kind("bool")
STR = Kind("str")
NONE = Kind("none")
UNKNOWN = Kind("unknown")


def list_of(element: Kind) -> Kind:
    """Return the kind of lists of `element`."""
    return Kind("list", (element,))


_PLAIN = {"int": INTEGER, "bool": BOOLEAN, "str": STR, "None": NONE}
_LIST_NAMES = ("list", "List", "typing.List")
_TUPLE_NAMES = ("tuple", "Tuple", "typing.Tuple")
_OPTIONAL_NAMES = ("Optional", "typing.Optional")


def kind_of_annotation(  # noqa: PLR0911 - a case a form
    annotation: ast.expr,
) -> Kind:
    """Return the kind that an annotation names.

    Raises:
        Unsupported: If the annotation names another type.

    Example:
        >>> str(kind_of_annotation(ast.parse("list[int] | None", mode="eval").body))
        'optional[list[int]]'
    """
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return kind_of_annotation(ast.parse(annotation.value, mode="eval").body)
        except SyntaxError:
            raise Unsupported(annotation, f"type {annotation.value!r}") from None
    text = ast.unparse(annotation)
    if text in _PLAIN:
        return _PLAIN[text]
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        left = kind_of_annotation(annotation.left)
        return join(left, kind_of_annotation(annotation.right), annotation)
    if isinstance(annotation, ast.Subscript):
        base, index = ast.unparse(annotation.value), annotation.slice
        if base in _LIST_NAMES:
            return list_of(kind_of_annotation(index))
        if base in _OPTIONAL_NAMES:
            return join(NONE, kind_of_annotation(index), annotation)
        if base in _TUPLE_NAMES and isinstance(index, ast.Tuple):
            return Kind("tuple", tuple(kind_of_annotation(e) for e in index.elts))
        if base in _TUPLE_NAMES and not isinstance(index, ast.Constant):
            return Kind("tuple", (kind_of_annotation(index),))
    raise Unsupported(annotation, f"type `{text}`")


def is_telling(annotation: ast.expr | None) -> bool:
    """Return whether there is an annotation that says what a list holds.

    Example:
        >>> is_telling(ast.parse("list", mode="eval").body)
        False
    """
    return annotation is not None and ast.unparse(annotation) not in _LIST_NAMES


def kind_of_value(value: object) -> Kind:
    """Return the kind of a plain value.

    Raises:
        Unsupported: If the value is of another type, or its elements do not agree.

    Example:
        >>> str(kind_of_value([(1, "a")]))
        'list[tuple[int, str]]'
    """
    if value is None:
        return NONE
    for plain, kind in ((bool, BOOLEAN), (int, INTEGER), (str, STR)):
        if isinstance(value, plain):
            return kind
    if isinstance(value, list):
        return list_of(join_all(kind_of_value(v) for v in value))
    if isinstance(value, tuple):
        return Kind("tuple", tuple(kind_of_value(v) for v in value))
    raise Unsupported(None, f"a value of type `{type(value).__name__}`")


def join_all(kinds: Iterable[Kind]) -> Kind:
    """Return the least kind that holds values of all kinds; of nothing, unknown."""
    result = UNKNOWN
    for kind in kinds:
        result = join(result, kind)
    return result


def join(left: Kind, right: Kind, node: ast.AST | None = None) -> Kind:
    """Return the least kind that holds values of both.

    Raises:
        Unsupported: If there is none in the subset.

    Example:
        >>> str(join(list_of(UNKNOWN), list_of(INTEGER)))
        'list[int]'
    """
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if left.is_number and right.is_number:
        return INTEGER
    names = {left.name, right.name}
    if "none" in names or "optional" in names:
        bare = [
            k.items[0] if k.name == "optional" else k
            for k in (left, right)
            if k != NONE
        ]
        return Kind("optional", (join_all(bare),))
    if left.name == right.name and len(left.items) == len(right.items):
        pairs = zip(left.items, right.items, strict=True)
        return Kind(left.name, tuple(join(a, b, node) for a, b in pairs))
    raise Unsupported(node, f"one name for values of kinds `{left}` and `{right}`")
