"""Write an edited syntax tree back into the text that it came from.

In: the text of a module and a changed tree of it. Out: module text that parses to
exactly that tree, with every comment, blank line, quote and line break outside the
change left as it was. The invariant: the result is parsed again before it is
returned, so that a mistake here costs formatting and never meaning.

The search shows its repairs to people and applies them to their files; this module
makes the difference of one operator a difference of one operator.
"""

from __future__ import annotations

import ast
import copy
import difflib
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Union, cast

from codegrad.search.grouping import OPERATORS, binding, needs_parentheses
from codegrad.search.module_text import (
    DEFAULT_INDENT,
    ModuleText,
    indent_of,
    indent_unit,
    string_lines,
)

Key = str
_BLOCKS = ("body", "orelse", "finalbody")
_KEPT = re.compile(r"__codegrad_kept_(\d+)__")
_WORD_BYTES = frozenset(range(128, 256)) | frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\"'"
)


# `ast.unparse` puts parentheses around these, needed or not.
_SELF_ENCLOSING = (ast.NamedExpr, ast.Yield, ast.YieldFrom)
# Where these stand in a text, their span leaves out the parentheses they need.
_UNKEEPABLE = (
    ast.NamedExpr,
    ast.Yield,
    ast.YieldFrom,
    ast.Tuple,
    ast.GeneratorExp,
    ast.Starred,
    ast.Slice,
)
# Match statements came with Python 3.10.
_PATTERN = (ast.pattern,) if sys.version_info >= (3, 10) else ()
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Detail(NamedTuple):
    """How fine the replaced pieces of text are."""

    expressions: bool
    """Replace expressions and operators, not only statements."""

    blocks: bool
    """Descend into the statements of a compound statement."""

    keep: bool
    """Reuse the text of unchanged parts of what is replaced."""


_LEVELS = (
    _Detail(expressions=True, blocks=True, keep=True),
    _Detail(expressions=True, blocks=True, keep=False),
    _Detail(expressions=False, blocks=True, keep=True),
    _Detail(expressions=False, blocks=True, keep=False),
    _Detail(expressions=False, blocks=False, keep=False),
)


class _TooFineError(Exception):
    """Raised inside this module when a change needs a coarser replacement."""


def splice(original: str, edited: ast.Module) -> str:
    r"""Return module text that means `edited` and otherwise reads like `original`.

    The smallest piece that holds a change is replaced: an operator, an expression,
    a statement, a run of statements, a function, and the whole module when nothing
    less gives the wanted tree. Untouched lines stay identical byte for byte,
    including their line ends; inserted lines take the line end and the indentation
    of their surroundings. `edited` is compared by structure only, so its positions
    may be missing or wrong, and it is not changed. Where `original` does not parse,
    or `edited` is a tree that no text parses to (a constant -1, for example), the
    result is the text whose tree is nearest: that of `ast.unparse`.

    Example:
        >>> text = "def f(a):  # half\n    return (a +\n            1)\n"
        >>> tree = ast.parse(text.replace("+", "-"))
        >>> print(splice(text, tree), end="")
        def f(a):  # half
            return (a -
                    1)
    """
    try:
        old = _parse(original)
    except (SyntaxError, ValueError):
        return ast.unparse(edited)
    for target in _readings(edited):
        wanted = ast.dump(target)
        if wanted == ast.dump(old):
            return original
        for detail in _LEVELS:
            try:
                text = _Splicer(original, old, target, detail).text()
            except _TooFineError:
                continue
            if _means(text, wanted):
                return text
    return ast.unparse(edited)


def _parse(text: str) -> ast.Module:
    """Parse, silent about the escapes and literals of other people's code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _readings(edited: ast.Module) -> Iterator[ast.Module]:
    """Yield the tree itself, and the tree of its text where that is another one."""
    yield edited
    try:
        parsed = _parse(ast.unparse(edited))
    except (SyntaxError, ValueError):
        return
    if ast.dump(parsed) != ast.dump(edited):
        yield parsed


def _means(text: str, wanted: Key) -> bool:
    try:
        return ast.dump(_parse(text)) == wanted
    except (SyntaxError, ValueError):
        return False


class _Patch(NamedTuple):
    """Replace the bytes from `start` to `end`."""

    start: int
    end: int
    text: bytes


class _Kept(NamedTuple):
    """Text of the original that stands for a part of a rendered tree."""

    first: ast.stmt
    last: ast.stmt


_Substitute = Union[_Kept, str]


class _Splicer:
    """Collects the patches that turn one text into the text of another tree."""

    def __init__(
        self, original: str, old: ast.Module, new: ast.Module, detail: _Detail
    ) -> None:
        self.source = ModuleText(original)
        self.old = old
        self.new = new
        self.detail = detail
        self.patches: list[_Patch] = []
        self.unit = indent_unit(self.source, old)
        self._statements: dict[Key, tuple[list[ast.stmt], int]] | None = None
        self._counts: Counter[Key] | None = None

    def text(self) -> str:
        """Return the patched text; raise `_TooFineError` where patches collide."""
        self._block(self.old, "body", self.old.body, self.new.body)
        pieces = []
        position = 0
        for start, end, text in sorted(self.patches, key=lambda p: (p.start, p.end)):
            if start < position:
                raise _TooFineError
            pieces += [self.source.data[position:start], text]
            position = end
        pieces.append(self.source.data[position:])
        return b"".join(pieces).decode()

    # Statements

    def _block(
        self,
        owner: ast.AST,
        name: str,
        old: list[ast.stmt],
        new: list[ast.stmt],
    ) -> None:
        if name == "orelse" and self._else_changes_form(owner, old, new):
            return
        keys, wanted = [ast.dump(node) for node in old], [ast.dump(n) for n in new]
        if keys == wanted:
            return
        if not old or not new:
            raise _TooFineError
        mark = len(self.patches)
        matcher = difflib.SequenceMatcher(None, keys, wanted, autojunk=False)
        opcodes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
        try:
            for _, i, k, j, m in opcodes:
                self._run(old, i, k, new[j:m])
        except _TooFineError:
            del self.patches[mark:]
            self._whole_lines(old, new, opcodes)

    def _run(self, old: list[ast.stmt], i: int, k: int, new: list[ast.stmt]) -> None:
        """Change the statements `old[i:k]` of a block into `new`."""
        if i == k:
            self._insert(old, i, new)
        elif not new:
            self._delete(old, i, k)
        elif k - i == len(new):
            for before, after in zip(old[i:k], new):
                self._statement(before, after)
        else:
            self._replace(old[i], old[k - 1], new)

    def _whole_lines(
        self,
        old: list[ast.stmt],
        new: list[ast.stmt],
        opcodes: Sequence[tuple[str, int, int, int, int]],
    ) -> None:
        """Replace the changed statements with all that share a line with them."""
        i, k = opcodes[0][1], max(opcodes[-1][2], opcodes[0][1] + 1)
        k = min(k, len(old))
        i = min(i, k - 1)
        while i > 0 and not self.source.begins_line(self.source.start(old[i])):
            i -= 1
        while k < len(old) and not self.source.finishes_line(
            self.source.end(old[k - 1])
        ):
            k += 1
        self._replace(old[i], old[k - 1], new[i : len(new) - (len(old) - k)])

    def _statement(
        self, old: ast.stmt, new: ast.stmt, *, is_elif: bool = False
    ) -> None:
        if ast.dump(old) == ast.dump(new):
            return
        mark = len(self.patches)
        if type(old) is type(new) and self.detail.blocks:
            try:
                self._fields(old, new)
            except _TooFineError:
                del self.patches[mark:]
            else:
                return
        self._replace(old, old, [new], is_elif=is_elif)

    def _replace(
        self,
        first: ast.stmt,
        last: ast.stmt,
        new: list[ast.stmt],
        *,
        is_elif: bool = False,
    ) -> None:
        """Write `new` where the statements from `first` to `last` stand."""
        start, end = self.source.start(first), self.source.end(last)
        if first is last and len(new) == 1 and _same_decorators(first, new[0]):
            start = self.source.bare_start(first)
            new = [_undecorated(new[0])]
        alone = self.source.begins_line(start) and self.source.finishes_line(end)
        if not alone and (len(new) > 1 or _is_compound(new[0])):
            raise _TooFineError
        indent = indent_of(self.source.lead(start))
        text = self._render(new, indent, (start, end), [first, last])
        if is_elif:
            text = b"el" + text
        self.patches.append(_Patch(start, end, text))

    def _delete(self, old: list[ast.stmt], i: int, k: int) -> None:
        start, end = self.source.start(old[i]), self.source.end(old[k - 1])
        if self.source.begins_line(start) and self.source.finishes_line(end):
            start, end = self.source.line_start(start), self.source.line_end(end)
        elif k < len(old) and not self.source.begins_line(self.source.start(old[k])):
            end = self.source.start(old[k])
        elif i > 0 and not self.source.begins_line(start):
            start = self.source.end(old[i - 1])
        else:
            raise _TooFineError
        self.patches.append(_Patch(start, end, b""))

    def _insert(self, old: list[ast.stmt], i: int, new: list[ast.stmt]) -> None:
        neighbour = old[i - 1] if i else old[0]
        start, end = self.source.start(neighbour), self.source.end(neighbour)
        if not self.source.begins_line(start) or not self.source.finishes_line(end):
            raise _TooFineError
        lead = self.source.lead(start)
        self._insert_lines(end if i else None, start, indent_of(lead), new)

    def _insert_lines(
        self, after: int | None, before: int, indent: bytes, new: list[ast.stmt]
    ) -> None:
        """Insert statements as lines of their own, below `after` if it is given."""
        point = self.source.line_start(before)
        if after is not None:
            point = self.source.line_end(after)
        text = indent + self._render(new, indent, (point, point), [], whole=True)
        self._insert_text(point, text)

    def _insert_text(self, point: int, text: bytes) -> None:
        newline = self.source.newline
        unfinished = point == len(self.source.data) and not self.source.data.endswith(
            (b"\n", b"\r")
        )
        text = newline + text if unfinished else text + newline
        self.patches.append(_Patch(point, point, text))

    def _else_changes_form(
        self, owner: ast.AST, old: list[ast.stmt], new: list[ast.stmt]
    ) -> bool:
        """Handle an `else` that appears, disappears, or is written as `elif`."""
        has_elif = bool(old) and self._is_elif(old[0])
        if bool(old) == bool(new) and not has_elif:
            return False
        if has_elif and len(new) == 1 and isinstance(new[0], ast.If):
            self._statement(old[0], new[0], is_elif=True)
            return True
        body = owner.body  # type: ignore[attr-defined]  # what has an `orelse` block has a body
        start, end = self.source.start(body[0]), self.source.end(body[-1])
        begins = self.source.start(owner)
        if not (
            self.source.begins_line(begins)
            and self.source.begins_line(start)
            and self.source.finishes_line(end)
        ):
            raise _TooFineError
        indent = indent_of(self.source.lead(begins))
        point = until = self.source.line_end(end)
        if old:
            until = self.source.line_end(self.source.end(old[-1]))
            if not self.source.finishes_line(self.source.end(old[-1])):
                raise _TooFineError
        if not new:
            self.patches.append(_Patch(point, until, b""))
            return True
        inner = indent + self.unit
        rendered = self._render(new, inner, (point, until), old, whole=True)
        text = indent + b"else:" + self.source.newline + inner + rendered
        if not old:
            self._insert_text(point, text)
            return True
        self.patches.append(_Patch(point, until, text + self.source.newline))
        return True

    def _is_elif(self, node: ast.stmt) -> bool:
        start = self.source.start(node)
        return isinstance(node, ast.If) and self.source.data.startswith(b"elif", start)

    # Expressions

    def _fields(self, old: ast.AST, new: ast.AST) -> None:
        """Patch every field of a node that differs from the wanted node's."""
        for name in old._fields:
            before, after = getattr(old, name, None), getattr(new, name, None)
            if isinstance(before, list) and isinstance(after, list):
                self._list(old, name, before, after)
            elif isinstance(before, ast.AST) and isinstance(after, ast.AST):
                self._node(old, name, 0, before, after)
            elif type(before) is not type(after) or repr(before) != repr(after):
                self._primitive(old, name, after)

    def _list(
        self, parent: ast.AST, name: str, old: list[ast.AST], new: list[ast.AST]
    ) -> None:
        is_block = name in _BLOCKS and any(isinstance(n, ast.stmt) for n in old + new)
        if is_block:
            self._block(parent, name, old, new)  # type: ignore[arg-type]  # both hold statements
            return
        if len(old) != len(new):
            raise _TooFineError
        for index, (before, after) in enumerate(zip(old, new)):
            if isinstance(before, ast.AST) and isinstance(after, ast.AST):
                self._node(parent, name, index, before, after)
            elif before != after:
                raise _TooFineError

    def _node(
        self, parent: ast.AST, name: str, index: int, old: ast.AST, new: ast.AST
    ) -> None:
        if ast.dump(old) == ast.dump(new):
            return
        if isinstance(old, (ast.expr, *_PATTERN)):
            self._expression(parent, name, old, new)
        elif type(old) in OPERATORS and type(new) in OPERATORS:
            self._operator(parent, index, old, new)
        elif type(old) is type(new):
            self._fields(old, new)
        else:
            raise _TooFineError

    def _expression(
        self, parent: ast.AST, name: str, old: ast.AST, new: ast.AST
    ) -> None:
        if not self.detail.expressions:
            raise _TooFineError
        # Positions inside a formatted string are wrong before Python 3.12.
        if (
            type(old) is type(new)
            and not isinstance(old, ast.JoinedStr)
            and not self._regroups(parent, name, old, new)
        ):
            mark = len(self.patches)
            try:
                self._fields(old, new)
            except _TooFineError:
                del self.patches[mark:]
            else:
                return
        start, end = self.source.bare_start(old), self.source.end(old)
        text = self._expression_text(new, old)
        if self._is_parenthesised(start, end):
            needs = False
            if isinstance(new, _SELF_ENCLOSING):
                text = text[1:-1]
        elif isinstance(old, ast.GeneratorExp):
            # The sole generator of a call owns the parentheses of the call.
            needs = not isinstance(new, ast.GeneratorExp)
        else:
            needs = needs_parentheses(parent, name, new)
        if needs:
            text = "(" + text + ")"
        self.patches.append(_Patch(start, end, self._spaced(start, end, text)))

    def _regroups(self, parent: ast.AST, name: str, old: ast.AST, new: ast.AST) -> bool:
        """Whether another operator in the same text would bind other operands."""
        if binding(old) == binding(new):
            return False
        places = [(parent, name, old, new)]
        for field, before in ast.iter_fields(old):
            after = getattr(new, field)
            if isinstance(before, ast.expr) and isinstance(after, ast.expr):
                places.append((new, field, before, after))
            elif isinstance(before, list):
                places += [(new, field, *pair) for pair in zip(before, after)]
        return any(
            needs_parentheses(owner, field, after)
            and not self._is_parenthesised(
                self.source.bare_start(before), self.source.end(before)
            )
            for owner, field, before, after in places
        )

    def _spaced(self, start: int, end: int, text: str) -> bytes:
        """Keep a word from growing together with its neighbours."""
        data = self.source.data
        content = text.encode()
        if start and {data[start - 1], content[0]} <= _WORD_BYTES:
            content = b" " + content
        if end < len(data) and {data[end], content[-1]} <= _WORD_BYTES:
            content += b" "
        return content

    def _is_parenthesised(self, start: int, end: int) -> bool:
        before = self.source.data[:start].rstrip(b" \t")
        after = self.source.data[end : end + 80].lstrip(b" \t")
        return before.endswith(b"(") and after.startswith(b")")

    def _operator(
        self, parent: ast.AST, index: int, old: ast.AST, new: ast.AST
    ) -> None:
        """Replace an operator where it stands between its operands."""
        if not self.detail.expressions:
            raise _TooFineError
        before, after = OPERATORS[type(old)], OPERATORS[type(new)]
        for start, end in self._gaps(parent, index):
            gap = self.source.data[start:end].decode()
            written = r"\s+".join(re.escape(word) for word in before.split())
            found = re.fullmatch(rf"([\s()]*)({written})(=?[\s()]*)", gap)
            if found is None:
                raise _TooFineError
            first, last = start + found.start(2), start + found.end(2)
            if isinstance(parent, ast.UnaryOp) and not found.group(3).strip():
                last = end
            text = self._spaced(first, last, after)
            self.patches.append(_Patch(first, last, text))

    def _gaps(self, parent: ast.AST, index: int) -> list[tuple[int, int]]:
        """Return the spans of text that hold the operator of a node."""
        start, end = self.source.bare_start, self.source.end
        if isinstance(parent, ast.BinOp):
            return [(end(parent.left), start(parent.right))]
        if isinstance(parent, ast.AugAssign):
            return [(end(parent.target), start(parent.value))]
        if isinstance(parent, ast.UnaryOp):
            return [(start(parent), start(parent.operand))]
        if isinstance(parent, ast.BoolOp):
            pairs = zip(parent.values, parent.values[1:])
            return [(end(left), start(right)) for left, right in pairs]
        if isinstance(parent, ast.Compare):
            operands = [parent.left, *parent.comparators]
            return [(end(operands[index]), start(operands[index + 1]))]
        raise _TooFineError

    def _primitive(self, old: ast.AST, name: str, new: object) -> None:
        """Replace a bare name that is not a node: that of an attribute."""
        is_attribute = isinstance(old, ast.Attribute) and name == "attr"
        if not is_attribute or not self.detail.expressions:
            raise _TooFineError
        end = self.source.end(old)
        written = str(getattr(old, name)).encode()
        if not self.source.data[:end].endswith(written):
            raise _TooFineError
        self.patches.append(_Patch(end - len(written), end, str(new).encode()))

    # New text

    def _expression_text(self, new: ast.AST, old: ast.AST) -> str:
        """Return the text of an expression, with old subexpressions as written."""
        if not self.detail.keep:
            return ast.unparse(new)
        substitutes: list[_Substitute] = []
        marked = self._mark_expressions(new, [old], substitutes)
        text = ast.unparse(marked)
        return _KEPT.sub(lambda m: str(substitutes[int(m.group(1))]), text)

    def _mark_expressions(
        self, new: ast.AST, old: Sequence[ast.AST], substitutes: list[_Substitute]
    ) -> ast.AST:
        """Copy a tree, with a placeholder for each expression that can be kept."""
        known = {}
        for root in old:
            for node in _outside_strings(root):
                if isinstance(node, ast.expr) and not isinstance(node, _UNKEEPABLE):
                    text = self.source.data[
                        self.source.bare_start(node) : self.source.end(node)
                    ].decode()
                    if "\n" not in text and "\r" not in text:
                        known[ast.dump(node)] = text
        marker = _Marker(known, substitutes)
        return cast(ast.AST, marker.visit(copy.deepcopy(new)))

    def _render(
        self,
        statements: Sequence[ast.stmt],
        indent: bytes,
        region: tuple[int, int],
        old: Sequence[ast.stmt],
        *,
        whole: bool = False,
    ) -> bytes:
        """Return statements as text whose first line lacks its indentation.

        Statements that stand in the original keep their text. Comments come with
        them when they would otherwise be lost: inside the replaced `region`, and
        beside a statement that moved. The last line gets none unless it is `whole`.
        """
        substitutes: list[_Substitute] = []
        body = [copy.deepcopy(node) for node in statements]
        if self.detail.keep:
            body = self._mark_statements(body, substitutes)
            body = [
                self._mark_expressions(node, old, substitutes)  # type: ignore[misc]  # a statement stays one
                for node in body
            ]
        plain = ast.unparse(ast.Module(body=body, type_ignores=[])).strip("\n")
        inside = string_lines(_parse(plain))
        lines: list[bytes] = []
        texts = plain.split("\n")
        for number, line in enumerate(texts, 1):
            if number in inside:
                lines.append(self._filled(line, substitutes).encode())
                continue
            content = line.lstrip(" ")
            depth = (len(line) - len(content)) // len(DEFAULT_INDENT)
            lead = indent + self.unit * depth if content else b""
            kept = self._kept_run(content, substitutes)
            if kept is None:
                lines.append(lead + self._filled(content, substitutes).encode())
                continue
            comment = whole or number < len(texts)
            lines += self._kept_lines(kept, lead, region, with_comment=comment)
        return self.source.newline.join(lines)[len(indent) :]

    def _filled(self, line: str, substitutes: list[_Substitute]) -> str:
        return _KEPT.sub(lambda m: str(substitutes[int(m.group(1))]), line)

    def _kept_run(self, content: str, found: list[_Substitute]) -> _Kept | None:
        match = _KEPT.fullmatch(content)
        substitute = found[int(match.group(1))] if match else None
        return substitute if isinstance(substitute, _Kept) else None

    def _kept_lines(
        self,
        kept: _Kept,
        indent: bytes,
        region: tuple[int, int],
        *,
        with_comment: bool,
    ) -> list[bytes]:
        """Return the lines of statements of the original at another indentation."""
        start, end = self.source.start(kept.first), self.source.end(kept.last)
        old_indent = indent_of(self.source.lead(start))
        begin = self._with_comments_above(start, region[0])
        if with_comment and (region[0] <= start < region[1] or self._moved(kept)):
            end += len(self.source.tail(end).rstrip())
        inside = string_lines(kept.first, kept.last)
        for node in _between(self.old, kept.first, kept.last):
            inside |= string_lines(node)
        first = self.source.starts.index(self.source.line_start(begin)) + 1
        lines = []
        for number, line in enumerate(self.source.lines(begin, end), first):
            if number in inside:
                lines.append(line)
            elif number == first:
                lines.append(indent + line.lstrip())
            elif line.startswith(old_indent) and line.strip():
                lines.append(indent + line[len(old_indent) :])
            else:
                lines.append(line)
        return lines

    def _with_comments_above(self, start: int, limit: int) -> int:
        """Extend a start upwards over comment lines of the replaced region."""
        begin = start
        line = self.source.line_start(start)
        while line > limit:
            above = self.source.line_start(line - 1)
            if above < limit or not self.source.data[above:line].strip().startswith(
                b"#"
            ):
                break
            line = begin = above
        return begin

    def _moved(self, kept: _Kept) -> bool:
        """Whether the wanted tree holds the statement no oftener than the old one."""
        if self._counts is None:
            self._counts = Counter(
                ast.dump(node)
                for node in ast.walk(self.new)
                if isinstance(node, ast.stmt)
            )
        key = ast.dump(kept.last)
        _, count = self._known_statements()[key]
        return self._counts[key] <= count

    def _known_statements(self) -> dict[Key, tuple[list[ast.stmt], int]]:
        """Return where each statement of the original stands, and how often."""
        if self._statements is None:
            self._statements = {}
            for node in ast.walk(self.old):
                for name in _BLOCKS:
                    block = getattr(node, name, None)
                    if not isinstance(block, list):
                        continue
                    for position, statement in enumerate(block):
                        key = ast.dump(statement)
                        here, count = self._statements.get(key, (block[position:], 0))
                        self._statements[key] = (here, count + 1)
        return self._statements

    def _mark_statements(
        self, block: list[ast.stmt], substitutes: list[_Substitute]
    ) -> list[ast.stmt]:
        """Replace runs of statements of the original by placeholders."""
        marked: list[ast.stmt] = []
        rest = list(block)
        while rest:
            known, _ = self._known_statements().get(ast.dump(rest[0]), ([], 0))
            length = 0
            for before, after in zip(known, rest):
                if ast.dump(before) != ast.dump(after) or not self._is_alone(before):
                    break
                length += 1
            if length:
                name = f"__codegrad_kept_{len(substitutes)}__"
                substitutes.append(_Kept(known[0], known[length - 1]))
                marked.append(ast.Expr(ast.Name(name, ast.Load())))
                rest = rest[length:]
                continue
            marked.append(self._mark_inner(rest.pop(0), substitutes))
        return marked

    def _mark_inner(
        self, statement: ast.stmt, substitutes: list[_Substitute]
    ) -> ast.stmt:
        """Mark the statements inside a copied compound statement, in place."""
        inner = [*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
        for node in [statement, *inner]:
            for name in _BLOCKS:
                block = getattr(node, name, None)
                if not isinstance(block, list) or not block:
                    continue
                if (
                    name == "orelse"
                    and len(block) == 1
                    and isinstance(block[0], ast.If)
                ):
                    self._mark_inner(block[0], substitutes)
                else:
                    setattr(node, name, self._mark_statements(block, substitutes))
        return statement

    def _is_alone(self, node: ast.stmt) -> bool:
        start, end = self.source.start(node), self.source.end(node)
        return (
            self.source.begins_line(start)
            and self.source.finishes_line(end)
            and not self._is_elif(node)
        )


class _Marker(ast.NodeTransformer):
    """Puts placeholders for the largest expressions whose text is known."""

    def __init__(self, known: dict[Key, str], substitutes: list[_Substitute]) -> None:
        self.known = known
        self.substitutes = substitutes

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Visit the children, each with the place where it stands."""
        if isinstance(node, ast.JoinedStr):
            return node
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [self._child(node, name, item) for item in value]
            elif isinstance(value, ast.AST):
                setattr(node, name, self._child(node, name, value))
        return node

    def _child(self, parent: ast.AST, name: str, child: object) -> object:
        if not isinstance(child, ast.AST):
            return child
        if isinstance(child, ast.Name) and _KEPT.fullmatch(child.id):
            return child
        if isinstance(child, _PATTERN):
            return child
        if not isinstance(child, ast.expr):
            return self.visit(child)
        text = self.known.get(ast.dump(child))
        if text is None:
            return self.visit(child)
        if needs_parentheses(parent, name, child):
            text = "(" + text + ")"
        self.substitutes.append(text)
        return ast.Name(f"__codegrad_kept_{len(self.substitutes) - 1}__", ast.Load())


def _outside_strings(root: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below a root, without the insides of formatted strings."""
    yield root
    if not isinstance(root, ast.JoinedStr):
        for child in ast.iter_child_nodes(root):
            yield from _outside_strings(child)


def _is_compound(node: ast.stmt) -> bool:
    return isinstance(getattr(node, "body", None), list) or hasattr(node, "cases")


def _same_decorators(old: ast.stmt, new: ast.stmt) -> bool:
    before = getattr(old, "decorator_list", None)
    after = getattr(new, "decorator_list", None)
    if not before or not after or type(old) is not type(new):
        return False
    return [ast.dump(node) for node in before] == [ast.dump(node) for node in after]


def _undecorated(node: ast.stmt) -> ast.stmt:
    bare = copy.copy(node)
    if isinstance(bare, _FUNCTIONS):
        bare.decorator_list = []
    return bare


def _between(root: ast.AST, first: ast.stmt, last: ast.stmt) -> list[ast.stmt]:
    """Return the statements of the block from `first` to `last`."""
    for node in ast.walk(root):
        for name in _BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list) and any(item is first for item in block):
                places = [
                    index for index, item in enumerate(block) if item in (first, last)
                ]
                return block[places[0] : places[-1] + 1]
    return [first, last]
