"""What every reader of a reply needs: the reply without its thoughts, JSON in it.

In: the text of a reply. Out: text, JSON values. Invariant: whatever the text, nothing
is raised; what a model thought aloud is never taken for its answer.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

_TAG = r"(?:seed:)?(?:think(?:ing)?|thoughts?|reasoning)"
_THOUGHT = re.compile(
    rf"<({_TAG})>.*?</\1>|\[({_TAG})\].*?\[/\2\]|◁({_TAG})▷.*?◁/\3▷",
    re.DOTALL | re.IGNORECASE,
)
_THOUGHT_END = re.compile(rf"</{_TAG}>|\[/{_TAG}\]|◁/{_TAG}▷", re.IGNORECASE)
_THOUGHT_START = re.compile(rf"<{_TAG}>|\[{_TAG}\]|◁{_TAG}▷", re.IGNORECASE)
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
    text = _THOUGHT.sub("", reply)
    if end := list(_THOUGHT_END.finditer(text)):
        # The opening tag belongs to the prompt of some models.
        text = text[end[-1].end() :]
    if start := _THOUGHT_START.search(text):
        text = text[: start.start()]
    return text


def json_values(reply: str) -> Iterator[Any]:
    """Yield the JSON values of a reply, the most deliberate first.

    The whole reply, then each fenced block, then every object that stands in prose.

    Example:
        >>> list(json_values('For {1, 2} I say {"a": {"b": 3}}, or {"a": 4}.'))
        [{'a': {'b': 3}}, {'a': 4}]
    """
    text = without_thoughts(reply)
    for whole in (text, *(match[1] for match in _FENCED.finditer(text))):
        found, _ = _value_at(whole.strip(), 0, is_whole=True)
        if found is not None:
            yield found
    position = text.find("{")
    for _ in range(_MAX_STARTS):
        if position < 0:
            return
        found, end = _value_at(text, position)
        if found is not None:
            yield found
        position = text.find("{", end)


def _value_at(text: str, start: int, *, is_whole: bool = False) -> tuple[Any, int]:
    """Return the value that begins here and where it ends; None if there is none."""
    try:
        found, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start + 1
    return (None, end) if is_whole and end < len(text) else (found, end)
