"""Shapes: what kind of plain value an argument or a result is.

In: values seen in examples, or annotations in source (parsed, never executed). Out:
`Shape`, a small tree that can be joined with others and asked whether it admits a
value. Invariant: a shape made from values admits all of them.
"""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_SCALARS = {
    bool: "bool",
    int: "int",
    float: "float",
    complex: "complex",
    str: "str",
    bytes: "bytes",
    type(None): "None",
}
_CONTAINERS = {
    list: "list",
    set: "set",
    frozenset: "frozenset",
    tuple: "tuple",
    dict: "dict",
}
_NUMBERS = frozenset({"bool", "int", "float"})
_ALIASES = {
    "List": "list",
    "Sequence": "list",
    "MutableSequence": "list",
    "Iterable": "list",
    "Collection": "list",
    "Set": "set",
    "AbstractSet": "set",
    "FrozenSet": "frozenset",
    "Tuple": "tuple",
    "Dict": "dict",
    "Mapping": "dict",
    "MutableMapping": "dict",
    "Text": "str",
    "Number": "float",
}
_MAX_ITEMS_READ = 200


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """The kind of a value and the shapes of what is inside it."""

    kind: str
    """`int`, `list`, ...; `union`; `any`; `record` is a tuple of fixed length."""

    items: tuple["Shape", ...] = ()
    """Of a container: the shape of its items (dict: keys, values; record: each)."""

    def __str__(self) -> str:
        inner = [str(item) for item in self.items]
        if self.kind == "union":
            return " | ".join(inner)
        if not inner or inner == ["any"]:
            return "tuple" if self.kind == "record" else self.kind
        dots = [*inner, "..."] if self.kind == "tuple" else inner
        name = "tuple" if self.kind == "record" else self.kind
        return f"{name}[{', '.join(dots)}]"


ANY = Shape("any")


def shape_of(value: object) -> Shape:
    """Return the shape of one plain value.

    Example:
        >>> str(shape_of([(1, "a"), (2, None)]))
        'list[tuple[int, None | str]]'
    """
    kind = type(value)
    if kind in _SCALARS:
        return Shape(_SCALARS[kind])
    if isinstance(value, dict):
        keys = join(map(shape_of, list(value)[:_MAX_ITEMS_READ]))
        return Shape(
            "dict", (keys, join(map(shape_of, list(value.values())[:_MAX_ITEMS_READ])))
        )
    if isinstance(value, tuple):
        return Shape("record", tuple(map(shape_of, value[:_MAX_ITEMS_READ])))
    for base, name in _CONTAINERS.items():
        if isinstance(value, base):
            seen: list[Any] = list(value)
            return Shape(name, (join(map(shape_of, seen[:_MAX_ITEMS_READ])),))
    return ANY


def join(shapes: Iterable[Shape]) -> Shape:
    """Return the shape that admits what any of `shapes` admits.

    Nothing seen admits everything: `any` gives way to what is known.

    Example:
        >>> str(join([shape_of([]), shape_of([1]), shape_of([2.5])]))
        'list[float]'
    """
    flat: list[Shape] = []
    for shape in shapes:
        flat += shape.items if shape.kind == "union" else (shape,)
    known = [shape for shape in dict.fromkeys(flat) if shape != ANY]
    merged: dict[str, Shape] = {}
    for shape in known:
        family, joined = _merge(merged, shape)
        merged[family] = joined
    if "float" in merged:
        merged.pop("int", None)
    parts = sorted(merged.values())
    if not parts:
        return ANY
    return parts[0] if len(parts) == 1 else Shape("union", tuple(parts))


def _merge(merged: dict[str, Shape], shape: Shape) -> tuple[str, Shape]:
    family = "tuple" if shape.kind == "record" else shape.kind
    other = merged.get(family)
    if other is None or other == shape:
        return family, shape
    same_record = shape.kind == other.kind == "record"
    if family == "tuple" and not (same_record and len(shape.items) == len(other.items)):
        return family, Shape("tuple", (join((*shape.items, *other.items)),))
    pairs = zip(shape.items, other.items, strict=True)
    return family, Shape(shape.kind, tuple(join(pair) for pair in pairs))


def admits(shape: Shape, value: object) -> bool:  # noqa: PLR0911 - one answer a kind
    """Return whether `value` is of `shape`; numbers of any type are one kind.

    Only families are compared: containers must agree on their type, and on the types
    of their items where any were seen.

    Example:
        >>> admits(shape_of([1]), [2.5]), admits(shape_of([1]), None)
        (True, False)
    """
    if shape.kind == "any":
        return True
    if shape.kind == "union":
        return any(admits(part, value) for part in shape.items)
    seen = shape_of(value)
    if seen.kind == "any":
        return True
    if shape.kind in _NUMBERS or shape.kind == "complex":
        return seen.kind in _NUMBERS or seen.kind == shape.kind
    if shape.kind in {"tuple", "record"}:
        return isinstance(value, tuple) and _admits_tuple(shape, value)
    if seen.kind != shape.kind:
        return False
    if isinstance(value, dict):
        keys, values = shape.items
        return all(admits(keys, k) and admits(values, v) for k, v in value.items())
    if isinstance(value, list | set | frozenset):
        return all(admits(shape.items[0], item) for item in value)
    return True


def _admits_tuple(shape: Shape, value: Sequence[object]) -> bool:
    if shape.kind == "tuple":
        return all(admits(shape.items[0], item) for item in value)
    return len(value) == len(shape.items) and all(
        admits(part, item) for part, item in zip(shape.items, value, strict=True)
    )


def shape_of_annotation(node: ast.expr | None) -> Shape:  # noqa: PLR0911 - one a form
    """Return the shape that an annotation names; `any` if it is not understood.

    Example:
        >>> tree = ast.parse("Optional[List[Tuple[int, ...]]]", mode="eval")
        >>> str(shape_of_annotation(tree.body))
        'None | list[tuple[int, ...]]'
    """
    match node:
        case ast.Constant(value=None):
            return Shape("None")
        case ast.Constant(value=str(text)):
            try:
                return shape_of_annotation(ast.parse(text, mode="eval").body)
            except (SyntaxError, ValueError, RecursionError):
                return ANY
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _named(name, ())
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return join((shape_of_annotation(left), shape_of_annotation(right)))
        case ast.Subscript(
            value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner
        ):
            arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _named(name, arguments)
        case _:
            return ANY


def _named(name: str, arguments: Sequence[ast.expr]) -> Shape:  # noqa: PLR0911 - one a form
    kind = _ALIASES.get(name, name)
    inner = tuple(map(shape_of_annotation, arguments))
    if kind in {"Optional", "Union"}:
        if not inner or ANY in inner:
            return ANY
        return join((*inner, Shape("None")) if kind == "Optional" else inner)
    if kind in _SCALARS.values():
        return Shape(kind)
    if kind == "dict":
        return Shape(kind, inner if len(inner) == 2 else (ANY, ANY))  # noqa: PLR2004 - keys and values
    if kind == "tuple" and inner:
        is_open = isinstance(arguments[-1], ast.Constant) and arguments[-1].value is ...
        return Shape("tuple", inner[:1]) if is_open else Shape("record", inner)
    if kind in _CONTAINERS.values():
        return Shape(kind, inner[:1] or (ANY,))
    return ANY
