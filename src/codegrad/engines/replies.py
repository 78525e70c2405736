"""What every reader of a reply needs: the reply without its thoughts, JSON in it.

In: the text of a reply. Out: text, JSON values. Invariant: whatever the text, nothing
is raised; what a model thought aloud is never taken for its answer. Fenced code of the
answer may hold the marks of thoughts.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

from codegrad.engines.fences import fences_of, following
from codegrad.engines.merging import parse_quietly

_Mark = re.Match[str]

_TAG = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning)"
_MARK = re.compile(rf"([<\[◁])(/?)({_TAG})[>\]▷]", re.IGNORECASE)
_LINE = re.compile(rf"^[ \t]*[<\[◁]/?{_TAG}[>\]▷][ \t]*$", re.IGNORECASE | re.MULTILINE)
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
        >>> without_thoughts("```\nend = '</think>'\n```")
        "```\nend = '</think>'\n```"
    """
    text = ""
    end = 0
    start: int | None = None
    for part, mark in _outside(reply):
        text += part
        if mark is None:
            continue
        if mark[2]:
            # The opening tag belongs to the prompt of some models.
            end, start = len(text), None
        elif start is None:
            start = len(text)
    return text[end:start]


def _outside(reply: str) -> Iterator[tuple[str, _Mark | None]]:
    """Yield what stands outside of thoughts, each part with the mark that ends it.

    This is a mark without its other half; thoughts that are ended are passed over. What
    fenced code holds is no mark. One pass.
    """
    marks = _Marks(reply)
    position = done = 0
    for mark in marks.all:
        if mark.start() < done:
            continue
        done = marks.code_end(done, mark.start())
        if mark.start() < done:
            continue
        end = None if mark[2] else marks.end_of(mark)
        yield reply[position : mark.start()], None if end else mark
        position = done = (end or mark).end()
    yield reply[position:], None


class _Marks:
    """The marks of thoughts in a reply, and the code around them."""

    def __init__(self, reply: str) -> None:
        self._reply = reply
        self.all = [m for m in _MARK.finditer(reply) if m[0][-1] == _PAIRS[m[1]]]
        self._starts = [mark.start() for mark in self.all]
        self._ends: dict[tuple[str, str], list[_Mark]] = {}
        for mark in reversed(self.all):
            if mark[2]:
                self._ends.setdefault(_kind(mark), []).append(mark)
        # Behind the end of a thought an answer may begin without a new line.
        self._fences = fences_of(_MARK.sub(lambda m: "\n" * len(m[0]), reply))
        self._next = 0

    def code_end(self, start: int, end: int) -> int:
        """Return where fenced code ends that begins in this part; `start` if none."""
        while self._next < len(self._fences):
            fence = self._fences[self._next]
            if fence.start() >= end:
                break
            if fence.start() >= start:
                start = self._end_of_code(self._next) or start
            self._next += 1
        return start

    def end_of(self, mark: _Mark) -> _Mark | None:
        """Return the mark that ends a thought; none if it is not ended.

        One in code ends it only if the thought does not go on behind that code.
        """
        ends = self._ends.get(_kind(mark), [])
        while ends and ends[-1].start() < mark.end():
            ends.pop()
        if not ends:
            return None
        end, position = ends[-1], mark.end()
        while (position := self.code_end(position, end.start())) > end.start():
            number = bisect_left(self._starts, position)
            if number == len(self.all):
                break
            later = self.all[number]
            if not later[2] or _kind(later) != _kind(mark):
                break
            end = later
        return end

    def _end_of_code(self, number: int) -> int | None:
        """Return where the code of a fence ends; none if it is not sure to be code."""
        fence, last = self._fences[number], following(self._fences, number)
        if last is not None and self._fences[last][2]:
            return None  # other code begins: this fence was never closed
        closed = self._fences[last] if last is not None else None
        body = self._reply[fence.end() : closed.start() if closed else None]
        is_sure = closed is not None and not _LINE.search(body)
        if not is_sure and parse_quietly(dedent(body)) is None:
            return None
        return closed.end() if closed else len(self._reply)


def _kind(mark: _Mark) -> tuple[str, str]:
    return mark[1], mark[3].lower()


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
