"""The points of a review, as a critic writes them.

In: the text of a reply. Out: `Remark`s. Invariant: whatever the text, nothing is
raised; a point that says nothing is none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from codegrad.engines.claims import Claim, read_claim
from codegrad.engines.replies import json_values
from codegrad.tasks.literals import shorten

ASPECTS = ("correctness", "completeness", "format", "efficiency")
"""What a critic looks at, in the order in which it is asked to."""

REVIEW = "review"
"""The label of calls that ask for one."""

MAX_CRITIQUES = 8
_SENTENCE = 300
_CLAIM_FIELDS = (
    "call",
    "stdin",
    "expected",
    "observed",
    "post",
    "assumes",
    "invariant",
    "cost",
)


@dataclass(frozen=True, slots=True)
class Remark:
    """One point of a review as the critic made it."""

    aspect: str
    line: int
    problem: str
    change: str
    claim: Claim | None


def row_schema(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON schema of an object with exactly these fields.

    Every field is required, which the strictest providers ask for.
    """
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }


def or_null(schema: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON schema of what `schema` describes, or nothing.

    As alternatives: a list of types is refused by the clients of some providers.
    """
    return {"anyOf": [dict(schema), {"type": "null"}]}


def answer_schema() -> str:
    """Return the JSON schema of a review, for models that can keep to one."""
    text = or_null({"type": "string"})
    whole = or_null({"type": "integer"})
    claim = row_schema({**dict.fromkeys(_CLAIM_FIELDS, text), "line": whole})
    remark = row_schema(
        {
            "aspect": {"type": "string", "enum": list(ASPECTS)},
            "line": {"type": "integer"},
            "problem": {"type": "string"},
            "change": {"type": "string"},
            "claim": or_null(claim),
        }
    )
    form = row_schema({"critiques": {"type": "array", "items": remark}})
    return json.dumps(form, sort_keys=True)


def read_remarks(reply: str) -> list[Remark] | None:
    """Return the remarks of a reply; None if it is not the form that was asked for.

    Example:
        >>> remarks = read_remarks('{"critiques": [{"line": 2, "problem": "late"}]}')
        >>> remarks[0].line
        2
    """
    for value in json_values(reply):
        rows = value.get("critiques") if isinstance(value, dict) else value
        is_other = isinstance(value, list) and value and not any(map(_is_remark, value))
        if isinstance(rows, list) and not is_other:
            return [_remark(row) for row in rows[:MAX_CRITIQUES] if _is_remark(row)]
    return None


def _is_remark(row: object) -> bool:
    return isinstance(row, dict) and bool(row.get("problem") or row.get("change"))


def _remark(row: Mapping[str, Any]) -> Remark:
    line = row.get("line")
    aspect = str(row.get("aspect", "")).lower()
    return Remark(
        aspect if aspect in ASPECTS else ASPECTS[0],
        line if isinstance(line, int) and not isinstance(line, bool) else 0,
        _text(row.get("problem")),
        _text(row.get("change")),
        read_claim(row.get("claim")),
    )


def _text(value: object) -> str:
    return shorten(" ".join(str(value or "").split()), _SENTENCE)
