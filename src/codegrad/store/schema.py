# ruff: noqa: ANN401 - values and rules are any JSON
"""The part of JSON Schema that our documents use.

In: a schema and a document. Out: the first place where the document departs from it.
Invariant: a keyword that is not understood is an error of ours, never ignored.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from codegrad.errors import InternalError

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description"})
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool)
    ),
    "null": lambda value: value is None,
}

Schema = Mapping[str, Any]


def violation(document: object, schema: Schema) -> str:
    """Return where `document` departs from `schema`, in one sentence; empty if nowhere.

    Example:
        >>> schema = {"type": "object", "required": ["a"]}
        >>> violation({}, schema), violation({"a": 1}, schema)
        ("the document has no field 'a'", '')
    """
    return next(_violations(document, schema, schema, "the document"), "")


def _violations(value: Any, schema: Schema, root: Schema, where: str) -> Iterator[str]:
    for keyword, rule in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        if keyword not in _RULES:
            raise InternalError(f"the schema keyword {keyword!r} is not understood")
        yield from _RULES[keyword](value, rule, root, where, schema)


def _ref(value: Any, rule: Any, root: Schema, where: str, _: Schema) -> Iterator[str]:
    target: Any = root
    for part in rule.removeprefix("#/").split("/"):
        target = target[part]
    yield from _violations(value, target, root, where)


def _type(value: Any, rule: Any, root: Schema, where: str, _: Schema) -> Iterator[str]:
    del root
    names = [rule] if isinstance(rule, str) else rule
    if not any(_TYPES[name](value) for name in names):
        yield f"{where} is not of type {' or '.join(names)}"


def _const(value: Any, rule: Any, root: Schema, where: str, _: Schema) -> Iterator[str]:
    del root
    if value != rule:
        yield f"{where} is not {rule!r}"


def _enum(value: Any, rule: Any, root: Schema, where: str, _: Schema) -> Iterator[str]:
    del root
    if value not in rule:
        yield f"{where} is {value!r}, not one of {', '.join(rule)}"


def _pattern(
    value: Any, rule: Any, root: Schema, where: str, _: Schema
) -> Iterator[str]:
    del root
    if isinstance(value, str) and not re.search(rule, value):
        yield f"{where} does not look like {rule}"


def _required(
    value: Any, rule: Any, root: Schema, where: str, _: Schema
) -> Iterator[str]:
    del root
    if isinstance(value, dict):
        yield from (f"{where} has no field {n!r}" for n in rule if n not in value)


def _properties(
    value: Any, rule: Any, root: Schema, where: str, _: Schema
) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in rule.items():
            if name in value:
                yield from _violations(value[name], inner, root, f"{where}.{name}")


def _additional(
    value: Any, rule: Any, root: Schema, where: str, schema: Schema
) -> Iterator[str]:
    if not isinstance(value, dict):
        return
    for name in value.keys() - schema.get("properties", {}).keys():
        if rule is False:
            yield f"{where} has the unknown field {name!r}"
        else:
            yield from _violations(value[name], rule, root, f"{where}.{name}")


def _items(value: Any, rule: Any, root: Schema, where: str, _: Schema) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _violations(item, rule, root, f"{where}[{index}]")


_RULES: Mapping[str, Callable[[Any, Any, Schema, str, Schema], Iterator[str]]] = {
    "$ref": _ref,
    "type": _type,
    "const": _const,
    "enum": _enum,
    "pattern": _pattern,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
}
