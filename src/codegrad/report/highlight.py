"""Python source as HTML lines and as line-by-line differences.

In: source text, also broken or hostile. Out: one escaped piece of HTML for each line
of the text. Invariant: the lines are those that Python counts.
"""

import difflib
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pygments.lexers import PythonLexer  # type: ignore[import-untyped]  # has no types
from pygments.token import Token  # type: ignore[import-untyped]  # has no types

from codegrad.report.printable import visible

_CONTEXT = 3
_CLASSES = (
    (Token.Comment, "c"),
    (Token.Keyword, "k"),
    (Token.Operator.Word, "k"),
    (Token.Literal.String, "s"),
    (Token.Literal.Number, "n"),
    (Token.Name.Function, "f"),
    (Token.Name.Class, "f"),
    (Token.Name.Decorator, "d"),
    (Token.Name.Builtin, "b"),
    (Token.Name.Exception, "b"),
)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference."""

    sign: str
    """`-` removed, `+` added, a space for context; `@` stands for lines left out."""

    old: int | None
    """Its number before."""

    new: int | None
    """Its number after."""

    text: str
    """The line; for `@`, how many lines are left out."""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in one file."""

    path: str
    lines: tuple[DiffLine, ...]

    @property
    def removed(self) -> int:
        """How many lines are gone."""
        return sum(line.sign == "-" for line in self.lines)

    @property
    def added(self) -> int:
        """How many lines are new."""
        return sum(line.sign == "+" for line in self.lines)


def source_lines(text: str) -> list[str]:
    r"""Return the lines of `text`, made visible, without their ends.

    Example:
        >>> source_lines("a\r\nb\x0c\n")
        ['a', 'b␌']
    """
    lines = visible(text).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def diff(path: str, before: str, after: str) -> FileDiff:
    """Return what turns `before` into `after`, with three lines of context."""
    old, new = source_lines(before), source_lines(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    lines: list[DiffLine] = []
    shown = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if group[0][1] > shown:
            lines.append(_left_out(group[0][1] - shown))
        for tag, i1, i2, j1, j2 in group:
            lines += _diff_lines(tag, (i1, old[i1:i2]), (j1, new[j1:j2]))
        shown = group[-1][2]
    if lines and shown < len(old):
        lines.append(_left_out(len(old) - shown))
    return FileDiff(path, tuple(lines))


def _left_out(number: int) -> DiffLine:
    noun = "line" if number == 1 else "lines"
    return DiffLine("@", None, None, f"{number:,} unchanged {noun}")


def _diff_lines(
    tag: str, old: tuple[int, Sequence[str]], new: tuple[int, Sequence[str]]
) -> Iterator[DiffLine]:
    if tag == "equal":
        for offset, text in enumerate(old[1], 1):
            yield DiffLine(" ", old[0] + offset, new[0] + offset, text)
        return
    for number, text in enumerate(old[1], old[0] + 1):
        yield DiffLine("-", number, None, text)
    for number, text in enumerate(new[1], new[0] + 1):
        yield DiffLine("+", None, number, text)


@lru_cache(maxsize=256)
def highlighted(text: str) -> tuple[str, ...]:
    """Return each line of `text` as escaped HTML with classes for its tokens."""
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    lines: list[list[str]] = [[]]
    for kind, value in lexer.get_tokens("\n".join(source_lines(text))):
        name = next((css for token, css in _CLASSES if kind in token), "")
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append([])
            if part:
                safe = html.escape(part)
                lines[-1].append(f'<i class="{name}">{safe}</i>' if name else safe)
    return tuple("".join(line) for line in lines)
