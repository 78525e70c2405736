"""What every reader of a reply needs: the reply without its thoughts, JSON in it.

In: the text of a reply. Out: text, JSON values. Invariant: whatever the text, nothing
is raised; what a model thought aloud is never taken for its answer.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_TAG = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning)"
_MARK = re.compile(rf"([<\[◁])(/?)({_TAG})[>\]▷]", re.IGNORECASE)
_THOUGHT_END = re.compile(rf"</{_TAG}>|\[/{_TAG}\]|◁/{_TAG}▷", re.IGNORECASE)
_THOUGHT_START = re.compile(rf"<{_TAG}>|\[{_TAG}\]|◁{_TAG}▷", re.IGNORECASE)
_PAIRS = {"<": ">", "[": "]", "◁": "▷"}
_FENCED = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)
_MAX_STARTS = 200
_DECODER = json.JSONDecoder(strict=False)
"""Models write line ends into texts as they are."""


def without_thoughts(reply: str) -> str:
    r"""Return a reply without what the model thought aloud.

    Example:
        >>> without_thoughts("<think>1. Sort?</think>1. Count.")
        '1. Count.'
        >>> without_thoughts("1. Sort?\n</think>\n1. Count.")
        '\n1. Count.'
        >>> without_thoughts("<think>1. Sort?")
        ''
    """
    text = "".join(_outside(reply))
    if end := list(_THOUGHT_END.finditer(text)):
        # The opening tag belongs to the prompt of some models.
        text = text[end[-1].end() :]
    if start := _THOUGHT_START.search(text):
        text = text[: start.start()]
    return text


def _outside(reply: str) -> Iterator[str]:
    """Yield what stands outside of thoughts that are ended, in one pass."""
    marks = [m for m in _MARK.finditer(reply) if m[0][-1] == _PAIRS[m[1]]]
    ends: dict[tuple[str, str], list[re.Match[str]]] = {}
    for mark in reversed(marks):
        if mark[2]:
            ends.setdefault((mark[1], mark[3].lower()), []).append(mark)
    position = 0
    for mark in marks:
        if mark[2] or mark.start() < position:
            continue
        after = ends.get((mark[1], mark[3].lower()), [])
        while after and after[-1].start() < mark.end():
            after.pop()
        if after:
            yield reply[position : mark.start()]
            position = after[-1].end()
    yield reply[position:]


def json_values(reply: str) -> Iterator[Any]:
    """Yield the JSON values of a reply, the most deliberate first.

    The whole reply, then each fenced block, then every object that stands in prose,
    or what is complete of an object that was cut off.

    Example:
        >>> list(json_values('For {1, 2} I say {"a": {"b": 3}}, or {"a": 4}.'))
        [{'a': {'b': 3}}, {'a': 4}]
        >>> list(json_values('{"a": [1, 2, {"b": 3}, 4'))[0]
        {'a': [1, 2, {'b': 3}]}
    """
    text = without_thoughts(reply)
    for whole in (text, *(match[1] for match in _FENCED.finditer(text))):
        found, _ = _value_at(whole.strip(), 0, is_whole=True)
        if found is not None:
            yield found
    first = position = text.find("{")
    for _ in range(_MAX_STARTS):
        if position < 0:
            break
        found, end = _value_at(text, position)
        if found is not None:
            yield found
        elif position == first and (closed := _closed(text[position:])):
            first = -1
            whole, _ = _value_at(closed, 0, is_whole=True)
            if whole is not None:
                yield whole
        position = text.find("{", end)


def _value_at(text: str, start: int, *, is_whole: bool = False) -> tuple[Any, int]:
    """Return the value that begins here and where it ends; None if there is none."""
    try:
        found, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start + 1
    return (None, end) if is_whole and end < len(text) else (found, end)


def _closed(text: str) -> str:
    """Return an object that was cut off up to its last complete part, closed.

    Empty if it was not cut off, or no part of it is complete.
    """
    stack: list[str] = []
    end = depth = 0
    is_text = is_escaped = False
    for position, letter in enumerate(text):
        if is_text:
            is_text = is_escaped or letter != '"'
            is_escaped = letter == "\\" and not is_escaped
        elif letter == '"':
            is_text = True
        elif letter in "{[":
            stack.append("}" if letter == "{" else "]")
        elif letter in "}]":
            if not stack or stack.pop() != letter or not stack:
                return ""
            end, depth = position + 1, len(stack)
        elif letter == "," and stack:
            end, depth = position, len(stack)
    # Whatever was opened after `end` was not closed: the stack only grew.
    return text[:end] + "".join(reversed(stack[:depth]))
