r"""Examples that a text states in words or signs, without a prompt `>>>`.

In: a text, the name of a function and of its parameters. Out: calls with what they
return, each sure or not. Invariant: nothing is executed; what follows a call or the
values of all parameters is an example only if it is a literal that stands for itself.

Read are, sure ones first:

- a call and its result: `f(1) == 2`, `f(1) => 2`, `f(1)  # returns 2`;
- values of all parameters and a result: `For a = [1], b = 2 the output should be 3`;
- `Input: a = [1], b = 2` or `Input: [1], 2`, then `Output: 3`.

Where none of these is found, a call of an unknown function, or values under unknown
names, as many as there are parameters: that is a guess at what the writer meant.
"""

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from codegrad.tasks.literals import (
    Value,
    balanced_end,
    has_gap,
    is_operand,
    literal,
    literal_call,
    value_at,
)

_SIGNS = r"==>|===|==|=+>|->|➞|→|⇒|="
_SAYS = re.compile(
    r"`{0,2}[ \t]*(?:\n[ \t]*(?==?=>|->|➞|→|⇒))?(?:#\s*)?"
    rf"(?:{_SIGNS}|#|(?:should\s+|must\s+|will\s+|would\s+)?"
    r"(?:returns?|gives?|yields?|be|is|equals?|evaluates\s+to)\b)\s*:?\s*`{0,2}",
    re.IGNORECASE,
)
"""What stands between a call and what it returns."""

_OPERATOR = re.compile(r"[-+*/%@&|^~!][ \t]*$")
"""What makes of the call behind it an operand."""

_DASH = re.compile(r"^[ \t]*[-+*•][ \t]+$|[^\W\d_]{2}(?:[ \t]+\d+)?[ \t]+-+[ \t]+$")
"""What looks like an operator and is a bullet, or a dash in prose."""

_NEGATED = re.compile(r"\bnot[ \t]+$|\bBUG\b[: \t]*$")
"""What says that the function does not do this."""

_CONTRASTED = re.compile(
    r"\b(?:instead of|rather than|unlike|old(?:er)? versions?|previously|formerly|"
    r"wrongly|incorrectly)\b[^.,:;]*$",
    re.IGNORECASE,
)
"""What may say so, in the clause before a call."""

_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+\b")
"""`1,234` is one number to a reader and two to Python."""

_NEXT_SENTENCE = re.compile(r"[.!?]\s+[A-Z]|\n[ \t]*\n")
"""What parts the values of one example from those of the next."""

_WORDS = re.compile(
    r"\b(?:outputs?|results?|answers?|returns?|returned)\b"
    r"(?:\s+(?:value|should|must|would|will|be|is|to))*"
    rf"\s*(?:{_SIGNS}|:)?\s*",
    re.IGNORECASE,
)
"""What announces a result some way behind the values of the parameters."""

_ARROW = re.compile(r"[ \t]*[,;:]?[ \t]*(?:==?>|->|➞|→|⇒)[ \t]*")
"""What announces a result directly behind the values of the parameters."""

_STANDS_ALONE = re.compile(
    r"[ \t]*(?:$|\n|\.(?=\s|$)|[,;)\]`'\"]|[(#]|--|"
    r"(?:and|as|because|but|here|since|then|while)\b)",
    re.IGNORECASE,
)
"""What may follow a result; with another word it is `2 items`, or `0 on success`."""

_ENDS = re.compile(
    rf"[ \t]*(?:[,;.)`]|$|\n|\||{_SIGNS}|#|(?:and|the|then|it|we|you|your|this|"
    r"should|must|outputs?|results?|returns?|expected|gives?)\b)",
    re.IGNORECASE,
)
"""What may follow the value of a parameter."""

_HEADING = re.compile(r"\bexamples?\b[^\n]*:[ \t]*$", re.IGNORECASE | re.MULTILINE)
_INPUT = re.compile(r"\binputs?[ \t]*:\s*", re.IGNORECASE)
_OUTPUT = re.compile(r"\s*\boutputs?[ \t]*[:=]\s*", re.IGNORECASE)
_NAMED = re.compile(r"(?<![\w.'\"])([A-Za-z_]\w*)[ \t]*([=:]?)[ \t]*(?=[\[({'\"\d-])")
_NO_NAME = re.compile(
    "(?:inputs?|outputs?|results?|answers?|returns?|examples?|notes?|cases?)",
    re.IGNORECASE,
)
_MAX_TEXT = 20_000
_MAX_LINE = 1_000
_MAX_PLACES = 200
"""Where an example may begin; a text with more is no docstring to read by patterns."""

_BEHIND = 400
"""Characters between the values of the parameters and the result."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A call and what it returns."""

    args: tuple[Any, ...]
    expected: Any
    kwargs: dict[str, Any] = field(default_factory=dict)
    is_sure: bool = True
    """Whether the text names the function, or each of its parameters."""


def stated_examples(
    text: str, function: str, parameters: Sequence[str] = ()
) -> list[Stated]:
    """Return the examples that `text` states about `function`, in order.

    Example:
        >>> stated_examples("For n = 3 the output should be 6.", "f", ["n"])
        [Stated(args=(3,), expected=6, kwargs={}, is_sure=True)]
        >>> [s.is_sure for s in stated_examples("other(3) ==> 6", "f", ["n"])]
        [False]
    """
    text = text[:_MAX_TEXT]
    sure = _consistent(text, [*_calls(text, re.escape(function))], function)
    if parameters:
        said = [*_bound(text, parameters)] or [*_inputs(text, len(parameters))]
        sure += [one for one in said if not _is_of(one, sure)]
    if sure or not parameters:
        return sure
    return _guesses(text, parameters)


def _is_of(stated: Stated, calls: Sequence[Stated]) -> bool:
    """Return whether the same call is among those that are stated as calls."""
    return any(repr(stated.args) == repr(call.args) for call in calls)


def _consistent(text: str, found: list[Stated], function: str) -> list[Stated]:
    """Return what was found; what a definition states above the examples as a guess.

    `tri(1) = 3` may be a term of a sequence, where the examples return lists.
    """
    headings = list(_HEADING.finditer(text))
    if not headings:
        return found
    below = [*_calls(text[headings[-1].end() :], re.escape(function))]
    kinds = {type(stated.expected) for stated in below}
    if kinds & {int, float} or not kinds & {list, tuple, dict, set}:
        return found
    return [
        replace(stated, is_sure=not isinstance(stated.expected, int | float))
        for stated in found
    ]


def bindings(text: str, names: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], int]]:
    r"""Yield the values that a text gives to all of `names`, and where they end.

    Example:
        >>> text = "For a = [1], b = 2 it is 3; b = 5, a = []"
        >>> [values for values, _ in bindings(text, ["a", "b"])]
        [([1], 2), ([], 5)]
    """
    if not names:
        return
    wanted = "|".join(map(re.escape, names))
    given: dict[str, Any] = {}
    end = 0
    places = re.finditer(rf"(?<![\w.])({wanted})\s*[=:]\s*(?!=)", text)
    for match in islice(places, _MAX_PLACES):
        value = value_at(text, match.end())
        if value is None or not _ENDS.match(text, value.end):
            continue
        if match[1] in given or _NEXT_SENTENCE.search(text, end, match.start()):
            given = {}
        given[match[1]], end = value.value, value.end
        if len(given) == len(names):
            yield tuple(given[name] for name in names), value.end
            given = {}


def _calls(text: str, name: str, *, is_sure: bool = True) -> Iterator[Stated]:
    """Yield what is stated about calls of the functions whose names match."""
    starts = re.finditer(rf"(?<![\w.]){name}\s*\(", text)
    for start in islice(starts, _MAX_PLACES):
        end = balanced_end(text, start.end() - 1)
        if end is None:
            continue
        try:
            node = ast.parse(text[start.start() : end], mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        call = literal_call(node)
        before = text[max(0, start.start() - _MAX_LINE) : start.start()]
        before = before.rpartition("\n")[2]
        if call is None or not _stands_free(before):
            continue
        expected = _result_after(text, start.start(), end)
        if expected is not None:
            is_meant = is_sure and not _CONTRASTED.search(before)
            yield Stated(call.args, expected.value, call.kwargs, is_meant)


def _stands_free(before: str) -> bool:
    """Return whether a call is no operand and not negated by what stands before it."""
    is_operand_there = _OPERATOR.search(before) and not _DASH.search(before)
    return not is_operand_there and not _NEGATED.search(before)


def _result_after(text: str, start: int, end: int) -> Value | None:
    """Return the value that follows a call."""
    sign = _SAYS.match(text, end)
    if sign is not None:
        return _result(text, sign.end())
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if line.strip() == ">>>" and text[end : end + 1] in {" ", "\t"}:
        return _result(text, end)  # `>>> f(1) 2`, a sign was forgotten
    return None


def _result(text: str, start: int) -> Value | None:
    """Return the literal at `start` if it is a result whatever the case."""
    line = text[start : start + _MAX_LINE].partition("\n")[0]
    value = value_at(text, start)
    if _GROUPED.match(line):
        return None
    if line.strip():
        value = _longest(text, start, line) or _computed(start, line)
    if value is None or not _STANDS_ALONE.match(text, value.end):
        return None
    return value


def _longest(text: str, start: int, line: str) -> Value | None:
    """Return the longest literal that a line begins with; it may go on below."""
    for end in range(len(line), 0, -1):
        following = line[end:]
        if following[:1].isalnum() or following[:1] in {"'", '"', "_"}:
            continue  # this would cut a word or a string in two
        if is_operand(line, end):
            continue  # the literal is only the beginning of an expression
        written = line[:end].rstrip().rstrip(".,;")
        try:
            value = ast.literal_eval(written.strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if not has_gap(value):
            return Value(value, start + len(written))
    value = value_at(text, start)
    return value if value and value.end > start + len(line) else None


def _computed(start: int, line: str) -> Value | None:
    """Return the result of a line that works it out: `1 + 9 + 0 = 10`."""
    *steps, last = line.split("=")
    result = _longest(last.strip(), 0, last.strip())
    if result is None or not steps or type(result.value) is not int:
        return None
    for step in steps:
        try:
            known, value = literal(ast.parse(step.strip(), mode="eval").body)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return None
        if not known or value != result.value:
            return None
    return Value(result.value, start + len(line))


def _bound(text: str, parameters: Sequence[str]) -> Iterator[Stated]:
    """Yield what is stated about values of all parameters by their names."""
    found = list(bindings(text, parameters))
    again = [*(_first_name(text, end, parameters) for _, end in found)]
    for (args, end), stop in zip(found, again, strict=True):
        result = _announced(text, end, stop)
        if result is not None:
            yield Stated(args, result.value)


def _first_name(text: str, start: int, parameters: Sequence[str]) -> int:
    """Return where the next value of a parameter is given."""
    wanted = "|".join(map(re.escape, parameters))
    match = re.compile(rf"\b(?:{wanted})\s*[=:]\s*(?!=)").search(text, start)
    return match.start() if match else len(text)


def _announced(text: str, start: int, stop: int) -> Value | None:
    """Return the result that is announced between two places, if one is."""
    arrow = _ARROW.match(text, start)
    if arrow is not None and arrow.end() < stop:
        result = _result(text, arrow.end())
        if result is not None:
            return result
    stop = min(stop, start + _BEHIND)
    for match in _WORDS.finditer(text, start, stop):
        result = _result(text, match.end())
        if result is not None:
            return result
    return None


def _inputs(text: str, width: int) -> Iterator[Stated]:
    """Yield pairs of an input without names and an output."""
    for match in islice(_INPUT.finditer(text), _MAX_PLACES):
        values: list[Any] = []
        end = match.end()
        while len(values) < width:
            comma = re.compile(r"\s*,\s*" if values else "").match(text, end)
            value = value_at(text, comma.end()) if comma else None
            if value is None:
                break
            values.append(value.value)
            end = value.end
        output = _OUTPUT.match(text, end)
        if len(values) == width and output is not None:
            result = _result(text, output.end())
            if result is not None:
                yield Stated(tuple(values), result.value)


def _guesses(text: str, parameters: Sequence[str]) -> list[Stated]:
    """Return what may be meant as examples, under whatever names."""
    called = set(re.findall(r"(?<![\w.])([A-Za-z_]\w*)\(", text)) - set(dir(builtins))
    found = [
        stated
        for name in sorted(called)
        for stated in _calls(text, re.escape(name), is_sure=False)
        if len(stated.args) == len(parameters) and not stated.kwargs
    ]
    if found or len(called) > 1:
        return found if len(called) == 1 else []
    return list(_under_other_names(text, len(parameters)))


def _under_other_names(text: str, width: int) -> Iterator[Stated]:
    """Yield results of as many values in a row as there are parameters."""
    found = islice(_NAMED.finditer(text), _MAX_PLACES)
    named = [match for match in found if not _NO_NAME.fullmatch(match[1])]
    values: list[Value] = []
    for index, match in enumerate(named):
        value = value_at(text, match.end())
        # Without a sign behind the name only a list is a value: `signs['+', '-']`.
        if value is None or not _ENDS.match(text, value.end):
            continue
        if not (match[2] or isinstance(value.value, list)):
            continue
        values = [*values, value][-width:]
        later = named[index + 1 :]
        stop = later[0].start() if later else len(text)
        result = _announced(text, value.end, stop)
        if result is not None and len(values) == width:
            yield Stated(tuple(v.value for v in values), result.value, is_sure=False)
            values = []
