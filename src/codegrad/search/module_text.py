"""The text of a module, addressed by the positions of its syntax tree.

Positions of a tree count lines, and bytes within a line; the text is therefore held
as bytes, with every kind of line end as it is.
"""

from __future__ import annotations

import ast
import bisect
import re

_LINE_END = re.compile(rb"\r\n|\r|\n")
DEFAULT_INDENT = b"    "
"""One level of indentation where the text shows none, and in `ast.unparse`."""


class ModuleText:
    """The bytes of a module, addressed by the positions of its tree."""

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        ends = [found.end() for found in _LINE_END.finditer(self.data)]
        self.starts = [0, *ends]
        first = _LINE_END.search(self.data)
        self.newline = first.group() if first else b"\n"

    def start(self, node: ast.AST) -> int:
        """Where the node begins; for a decorated definition, at its first `@`."""
        decorators = getattr(node, "decorator_list", None)
        if not decorators:
            return self.bare_start(node)
        before = self.data[: self.bare_start(decorators[0])]
        return before.rindex(b"@")

    def bare_start(self, node: ast.AST) -> int:
        """Where the node begins, without decorators."""
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]  # only positioned nodes reach this
        return int(self.starts[line - 1] + column)

    def end(self, node: ast.AST) -> int:
        """Where the node ends (exclusive)."""
        line, column = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]  # as above
        return int(self.starts[line - 1] + column)

    def line_start(self, offset: int) -> int:
        """Where the line that holds the offset begins."""
        return self.starts[bisect.bisect_right(self.starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line that holds the offset ends, its line end included."""
        following = bisect.bisect_right(self.starts, offset)
        return (
            self.starts[following] if following < len(self.starts) else len(self.data)
        )

    def lines(self, start: int, end: int) -> list[bytes]:
        """Return the lines between two offsets, without their line ends."""
        return _LINE_END.split(self.data[start:end])

    def lead(self, offset: int) -> bytes:
        """What stands before the offset on its line."""
        return self.data[self.line_start(offset) : offset]

    def tail(self, offset: int) -> bytes:
        """What stands after the offset on its line, without the line end."""
        return self.data[offset : self.line_end(offset)].rstrip(b"\r\n")

    def begins_line(self, offset: int) -> bool:
        """Whether only indentation precedes, and no line continues into this one."""
        start = self.line_start(offset)
        before = self.data[:start].rstrip(b"\r\n")
        continued = start > 0 and before.endswith(b"\\")
        return not self.data[start:offset].strip() and not continued

    def finishes_line(self, offset: int) -> bool:
        """Whether nothing but a comment follows."""
        tail = self.tail(offset).strip()
        return not tail or tail.startswith(b"#")


def indent_of(lead: bytes) -> bytes:
    """Return the part of a line's lead that counts as its indentation."""
    blank = lead[: len(lead) - len(lead.lstrip())]
    return blank.rpartition(b"\f")[2]


def indent_unit(source: ModuleText, tree: ast.Module) -> bytes:
    """Return what one level of indentation is in a text."""
    for owner in ast.walk(tree):
        body = getattr(owner, "body", None)
        if not isinstance(owner, ast.stmt) or not isinstance(body, list) or not body:
            continue
        inner = source.lead(source.start(body[0]))
        outer = indent_of(source.lead(source.start(owner)))
        if not inner.strip() and inner.startswith(outer) and len(inner) > len(outer):
            return indent_of(inner)[len(outer) :]
    return DEFAULT_INDENT


def string_lines(*roots: ast.AST) -> set[int]:
    """Return the numbers of the lines that begin inside a string."""
    inside: set[int] = set()
    for root in roots:
        for node in ast.walk(root):
            is_text = isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
            )
            if is_text and isinstance(node, ast.expr):
                inside.update(range(node.lineno + 1, (node.end_lineno or 0) + 1))
    return inside
