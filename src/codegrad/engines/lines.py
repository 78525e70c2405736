"""The lines of Python source, as its parser counts them.

`str.splitlines` also ends a line at a form feed and at other marks that may stand in a
string, so that line numbers of a syntax tree would point beside their statements.
"""

import re

_END = re.compile(r"\r\n|\r|\n")


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


def ended_like(text: str, model: str) -> str:
    r"""Return `text`, whose lines end with a line feed, with the line ends of `model`.

    Example:
        >>> ended_like("a\nb\n", "c\r\n")
        'a\r\nb\r\n'
    """
    return text.replace("\n", "\r\n") if "\r\n" in model else text
