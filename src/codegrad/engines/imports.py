r"""Imports that a module lacks: the commonest fault of code that is otherwise right.

In: the text of a module. Out: the text with an import for each name that is used,
defined nowhere, and known to the standard library. Invariant: nothing but import lines
is added, in one place; what is not known stays as it is.
"""

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache

from codegrad.engines.merging import import_line
from codegrad.lines import whole_lines
from codegrad.tasks.assertions import undefined_names

_HOMES = (
    "typing",
    "collections",
    "itertools",
    "functools",
    "math",
    "heapq",
    "bisect",
    "operator",
    "dataclasses",
    "datetime",
    "decimal",
    "fractions",
    "enum",
    "copy",
    "random",
    "statistics",
    "string",
    "re",
    "abc",
    "contextlib",
    "pathlib",
)
"""Modules whose names are used without them, the likelier first."""


_DEFINES_NAMES = frozenset({"exec", "globals", "locals"})


def with_imports(text: str) -> str:
    r"""Return the module with the imports that it lacks; the same text if none.

    Example:
        >>> print(with_imports("def f(x: Any): return math.ceil(x) + other(x)\n"))
        import math
        from typing import Any
        <BLANKLINE>
        def f(x: Any): return math.ceil(x) + other(x)
        <BLANKLINE>
    """
    try:
        tree = ast.parse(text)
        if _DEFINES_NAMES & _called(tree):
            return text
        missing = undefined_names(text, {"__name__", "__file__"})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    lines = [line for name in missing if (line := _import_of(name, tree))]
    if not lines:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    kept = whole_lines(text)
    place = import_line(tree, text)
    if any(_is_future(node) for node in tree.body) and any(
        not _is_future(node) and node.lineno == place for node in tree.body
    ):
        return text  # `from __future__ ...; ...`: there is no line between the two
    if place and not kept[place - 1].endswith(("\n", "\r")):
        kept[place - 1] += end
    plain = sorted(lines, key=lambda line: (line.startswith("from"), line))
    added = [f"{line}{end}" for line in dict.fromkeys(plain)]
    if kept[place:] and not kept[place].startswith(("import ", "from ")):
        added.append(end)
    return "".join([*kept[:place], *added, *kept[place:]])


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _called(tree: ast.Module) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _import_of(name: str, tree: ast.Module) -> str:
    """Return the import that defines `name` as it is used, or nothing."""
    used = set(_attributes(name, tree))
    is_used_alone = None in used
    if name in sys.stdlib_module_names and not is_used_alone:
        known = _public(name) if name in _HOMES else used
        if used <= known:
            return f"import {name}"
    for home in _HOMES:
        taken = used - {None}
        if name in _public(home) and all(_has(home, name, str(a)) for a in taken):
            return f"from {home} import {name}"
    return ""


def _attributes(name: str, tree: ast.Module) -> Iterator[str | None]:
    """Yield what is taken of `name`, and None where it stands for itself."""
    bases = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=base) as value) if base == name:
                bases.add(id(value))
                yield node.attr
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name and id(node) not in bases:
            yield None


def _has(home: str, name: str, attribute: str) -> bool:
    found = getattr(importlib.import_module(home), name)
    return hasattr(found, attribute)


@cache
def _public(module: str) -> frozenset[str]:
    """Return the public names of a module of the standard library."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None) or dir(found)
    return frozenset(
        name
        for name in names
        if not name.startswith("_") and name not in sys.stdlib_module_names - {module}
    )
