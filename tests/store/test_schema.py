from typing import Any

import pytest

from codegrad.errors import InternalError
from codegrad.store.certificate import schema
from codegrad.store.schema import violation

SCHEMA = {
    "type": "object",
    "required": ["name", "items"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "note": {"type": ["string", "null"]},
        "kind": {"enum": ["a", "b"]},
        "version": {"const": 1},
        "scores": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "$defs": {"item": {"type": "number"}},
}
GOOD: dict[str, Any] = {
    "name": "abc",
    "items": [1, 2.5],
    "note": None,
    "kind": "b",
    "version": 1,
    "scores": {"x": 3},
}


def test_a_document_that_follows_the_schema_has_no_violation() -> None:
    assert violation(GOOD, SCHEMA) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": 3}, "the document.name is not of type string"),
        ({"name": "A"}, "the document.name does not look like ^[a-z]+$"),
        ({"items": [1, "2"]}, "the document.items[1] is not of type number"),
        ({"items": [True]}, "the document.items[0] is not of type number"),
        ({"note": 1}, "the document.note is not of type string or null"),
        ({"kind": "c"}, "the document.kind is 'c', not one of a, b"),
        ({"version": 2}, "the document.version is not 1"),
        ({"scores": {"x": 1.5}}, "the document.scores.x is not of type integer"),
        ({"other": 1}, "the document has the unknown field 'other'"),
    ],
)
def test_the_first_violation_is_named_with_its_place(
    change: dict[str, Any], sentence: str
) -> None:
    assert violation(GOOD | change, SCHEMA) == sentence


def test_a_missing_field_is_named() -> None:
    assert violation({"name": "abc"}, SCHEMA) == "the document has no field 'items'"


def test_a_keyword_that_is_not_understood_is_our_fault() -> None:
    with pytest.raises(InternalError, match="minLength"):
        violation("", {"minLength": 1})


def test_every_keyword_of_the_shipped_schema_is_understood() -> None:
    assert violation({}, schema()).startswith("the document has no field")
