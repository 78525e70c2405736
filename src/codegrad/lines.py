"""The lines of Python source, as its parser counts them.

In: texts. Out: their lines. Invariant: line n of a syntax tree is line n here.
`str.splitlines` also ends a line at a form feed and at other marks that may stand in a
string, so that line numbers would point beside their statements.
"""

import re
from collections import Counter
from difflib import SequenceMatcher

_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_of(text: str) -> list[str]:
    r"""Return the lines of a source text, without their ends.

    Example:
        >>> lines_of("a = 1\r\n\x0cb = '\u2028'\n")
        ['a = 1', "\x0cb = '\u2028'"]
        >>> lines_of("")
        []
    """
    lines = _END.split(text)
    return lines if lines[-1] else lines[:-1]


def whole_lines(text: str) -> list[str]:
    r"""Return the lines of a source text, with their ends; joined, they are the text.

    Example:
        >>> whole_lines("a = 1\r\n\x0cb = 2")
        ['a = 1\r\n', '\x0cb = 2']
    """
    return _LINE.findall(text)


def ended_like(text: str, model: str) -> str:
    r"""Return `text`, whose lines end with a line feed, with the line ends of `model`.

    Where `model` has several kinds, a line that it holds too keeps its own, and the
    others get the commonest. The last line ends only if that of `model` does.

    Example:
        >>> ended_like("a\nb\n", "c\r\n"), ended_like("a\n", "c")
        ('a\r\nb\r\n', 'a')
        >>> ended_like("a\nx\nc\n", "a\nb\r\nc\n")
        'a\nx\nc\n'
    """
    kinds = Counter(_END.findall(model))
    usual = max(kinds, key=kinds.__getitem__, default="\n")
    if model and not _END.search(model[-1]):
        text = text.removesuffix("\n")
    if len(kinds) < 2:  # noqa: PLR2004 - one kind, or none
        return text.replace("\n", usual)
    own, new = lines_of(model), lines_of(text)
    ends = [
        line[len(bare) :] for line, bare in zip(whole_lines(model), own, strict=True)
    ]
    found = [usual] * len(new)
    matcher = SequenceMatcher(a=own, b=new, autojunk=False)
    for here, there, size in matcher.get_matching_blocks():
        found[there : there + size] = [end or usual for end in ends[here : here + size]]
    if found and not text.endswith("\n"):
        found[-1] = ""
    return "".join(map("".join, zip(new, found, strict=True)))
