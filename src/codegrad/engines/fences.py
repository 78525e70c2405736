"""The fences of a reply: which lines begin and end its code.

In: the text of a reply. Out: lines that may be fences, and which of them ends the code
that another one begins. Invariant: a fence that stands much deeper than the one that
began the code is part of the code, as in a docstring.
"""

import re
from collections.abc import Sequence

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*$", re.MULTILINE)
_DEEPER = 3
"""Columns that a closing fence may stand deeper."""

Fence = re.Match[str]


def fences_of(text: str) -> list[Fence]:
    """Return the lines that may be fences, in order."""
    return list(_FENCE.finditer(text))


def language_of(fence: Fence) -> str:
    """Return the language that an opening fence names, in lower case."""
    return fence[2].lower()


def closing(fences: Sequence[Fence], position: int) -> int | None:
    r"""Return which fence ends the code that the one at `position` begins.

    Example:
        >>> closing(fences_of("```py\nx\n        ```\n```\n"), 0)
        2
    """
    found = following(fences, position)
    while found is not None and fences[found][2]:
        found = following(fences, position, found)
    return found


def following(
    fences: Sequence[Fence], position: int, after: int | None = None
) -> int | None:
    """Return the next fence that ends this code or, with a language, begins other."""
    opening = fences[position]
    numbers = range((position if after is None else after) + 1, len(fences))
    return next((n for n in numbers if _fits(fences[n], opening)), None)


def _fits(fence: Fence, opening: Fence) -> bool:
    return (
        fence[1][0] == opening[1][0]
        and len(fence[1]) >= len(opening[1])
        and _margin(fence) <= _margin(opening) + _DEEPER
    )


def _margin(fence: Fence) -> int:
    return fence.start(1) - fence.start()
