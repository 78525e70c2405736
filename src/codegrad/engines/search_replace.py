"""Edits in a reply: search/replace blocks and unified diffs -> the edited text.

In: a reply and the text it edits. Out: the new text, or a sentence saying which edit
does not fit. Invariant: all edits are applied or none; an edit whose place is not
found, or is found twice, is never skipped silently.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codegrad.lines import ended_like, lines_of

SIMILAR = 0.9
"""How alike the searched lines and the found ones must be, 0 to 1."""

MARGIN = 0.04
"""By how much the best place must beat the second best."""

_MAX_SHOWN = 60
_MAX_WINDOWS = 4000
_OPENING = re.compile(r"([ \t]*+)(<{4,9})[ \t]*+SEARCH")
_DIVIDER = re.compile(r"([ \t]*+)(={4,9})[ \t]*+$")
_CLOSING = re.compile(r"[ \t]*+>{4,9}[ \t]*+REPLACE")
_HUNK = re.compile(r"^@@[^\n]*@@[^\n]*$")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace these lines by those; lines are without their ends."""

    search: tuple[str, ...]
    replace: tuple[str, ...]


class EditError(ValueError):
    """An edit cannot be applied; the text says which and why."""


def find_edits(reply: str) -> list[Edit]:
    """Return the edits of a reply in order; none if it has none.

    Raises:
        EditError: If a search/replace block was opened and not ended.
    """
    lines = lines_of(reply)
    edits = list(_blocks(lines))
    if sum(_OPENING.match(line) is not None for line in lines) > len(edits):
        raise EditError("a search/replace block is not ended")
    return edits or list(_hunks(reply))


def _blocks(lines: Sequence[str]) -> Iterator[Edit]:
    """Yield the search/replace blocks that are ended, in one pass over the lines."""
    opening: re.Match[str] | None = None
    inside: list[str] = []
    dividers: list[tuple[int, re.Match[str]]] = []
    for line in lines:
        if opening is None:
            opening = _OPENING.match(line)
            inside, dividers = [], []
        elif dividers and _CLOSING.match(line):
            place = _divided(dividers, opening)
            yield Edit(tuple(inside[:place]), tuple(inside[place + 1 :]))
            opening = None
        else:
            if divider := _DIVIDER.match(line):
                dividers.append((len(inside), divider))
            inside.append(line)


def _divided(
    dividers: Sequence[tuple[int, re.Match[str]]], opening: re.Match[str]
) -> int:
    """Return the place of the divider that is most like the mark which opens the block.

    A heading in the code is underlined too: with as many signs as it has letters, and
    mostly further in.
    """

    def likeness(row: tuple[int, re.Match[str]]) -> tuple[bool, bool]:
        return len(row[1][2]) == len(opening[2]), row[1][1] == opening[1]

    return max(dividers, key=likeness)[0]


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    r"""Return `text` after all `edits`.

    Raises:
        EditError: If an edit's place is not found, or not only once.

    Example:
        >>> apply_edits("a = 1\nb = 2\n", [Edit(("b = 2",), ("b = 3",))])
        'a = 1\nb = 3\n'
    """
    lines = lines_of(text)
    for number, edit in enumerate(edits, 1):
        lines = _apply(lines, edit, number)
    return ended_like("\n".join(lines) + "\n", text)


def _apply(lines: list[str], edit: Edit, number: int) -> list[str]:
    wanted = _trimmed(edit.search)
    if not wanted:
        raise EditError(f"edit {number} searches for nothing")
    start, shift = _place(lines, wanted, number)
    new = [_shifted(line, shift) for line in _trimmed(edit.replace)]
    return [*lines[:start], *new, *lines[start + len(wanted) :]]


def _place(lines: Sequence[str], wanted: Sequence[str], number: int) -> tuple[int, int]:
    """Return where the wanted lines begin and how much deeper they stand there."""
    for view in (str, str.rstrip, str.strip):
        there = [view(line) for line in lines]
        here = [view(line) for line in wanted]
        found = [
            start
            for start in range(len(there) - len(here) + 1)
            if there[start : start + len(here)] == here
        ]
        if len(found) > 1:
            raise EditError(
                f"edit {number} fits {len(found)} places: {_shown(wanted)}; "
                "it needs more lines around it"
            )
        if found:
            return found[0], _shift(lines, wanted, found[0])
    start = _nearest(lines, wanted, number)
    return start, _shift(lines, wanted, start)


def _nearest(lines: Sequence[str], wanted: Sequence[str], number: int) -> int:
    text = "\n".join(line.strip() for line in wanted)
    matcher = difflib.SequenceMatcher(b=text, autojunk=False)
    ranked: list[tuple[float, int]] = []
    for start in range(min(len(lines) - len(wanted) + 1, _MAX_WINDOWS)):
        window = lines[start : start + len(wanted)]
        matcher.set_seq1("\n".join(line.strip() for line in window))
        if matcher.real_quick_ratio() >= SIMILAR and matcher.quick_ratio() >= SIMILAR:
            ranked.append((matcher.ratio(), -start))
    ranked.sort(reverse=True)
    if not ranked or ranked[0][0] < SIMILAR:
        raise EditError(f"edit {number} does not fit the code: {_shown(wanted)}")
    if len(ranked) > 1 and ranked[1][0] > ranked[0][0] - MARGIN:
        raise EditError(f"edit {number} fits two places alike: {_shown(wanted)}")
    return -ranked[0][1]


def _shift(lines: Sequence[str], wanted: Sequence[str], start: int) -> int:
    """Return how many columns deeper the found lines stand than the wanted ones."""
    for offset, line in enumerate(wanted):
        found = lines[start + offset]
        if line.strip() and found.strip():
            return _indent(found) - _indent(line)
    return 0


def _shifted(line: str, shift: int) -> str:
    if not shift:
        return line
    if not line.strip():
        return ""
    if shift > 0:
        return " " * shift + line
    return line[min(-shift, _indent(line)) :]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _trimmed(lines: Sequence[str]) -> tuple[str, ...]:
    """Drop empty lines at both ends: models add them around the markers."""
    kept = list(lines)
    while kept and not kept[0].strip():
        del kept[0]
    while kept and not kept[-1].strip():
        del kept[-1]
    return tuple(kept)


def _shown(lines: Sequence[str]) -> str:
    text = lines[0].strip()
    return repr(text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "...")


def _hunks(reply: str) -> Iterator[Edit]:
    before: list[str] = []
    after: list[str] = []
    inside = False
    lines = lines_of(reply)
    for number, line in enumerate([*lines, "@@ end @@"]):
        if _HUNK.match(line) or (inside and _ends_hunk(lines[number : number + 3])):
            if before != after:
                yield Edit(tuple(before), tuple(after))
            before, after = [], []
            inside = bool(_HUNK.match(line))
        elif inside and not line.startswith("\\"):
            if not line.startswith("+"):
                before.append(line[1:])
            if not line.startswith("-"):
                after.append(line[1:])


def _ends_hunk(lines: Sequence[str]) -> bool:
    """Return whether a fence or the header of another file begins here.

    `---` alone is no header: it may be a line that begins with `--` and goes.
    """
    line, *rest = lines
    return line.startswith(("```", "diff --git ")) or (
        line.startswith("---")
        and bool(rest[1:])
        and rest[0].startswith("+++")
        and _HUNK.match(rest[1]) is not None
    )
