"""A piece of code from a reply -> a complete module.

In: the module as it is and a piece that parses. Out: the module with the functions of
the piece in place of its own of the same name. Invariant: what the piece does not
mention (other functions, imports, docstrings, comments) stays as it is; nothing that
the piece's definitions need is left out, and what is left out is said.
"""

import ast
import math
import re
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from codegrad.engines.scopes import (
    Definition,
    Function,
    evaluated,
    made,
    touched,
    used,
    used_at_once,
)
from codegrad.lines import ended_like, lines_of

_Assignment = ast.Assign | ast.AnnAssign
_Import = ast.Import | ast.ImportFrom
_Compound = (
    ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try | ast.If
)
_Alias = tuple[object, ...]
_POSTPONED: _Alias = (0, "__future__", "annotations", "annotations")
_MAGIC = re.compile(r"#!|#.*coding[:=]")
"""What has to stay in the first two lines of a file."""

_SETTINGS = frozenset({"setrecursionlimit", "set_int_max_str_digits", "seed"})
"""Functions that are called once for what comes after."""

_STEP = 4
_SHOWN = 40
_MAX_NOTES = 3


@dataclass(frozen=True, slots=True)
class Merged:
    """A complete module."""

    source: str
    left_out: tuple[str, ...] = ()
    """Statements that may have been more than a demonstration, their first lines."""


def parse_quietly(text: str) -> ast.Module | None:
    """Return the syntax tree of `text`, or None if it has none."""
    try:
        with warnings.catch_warnings():
            # Odd escapes in a reply are the reply's business, not a warning of ours.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def defined(tree: ast.Module) -> list[str]:
    """Return the qualified names of functions and methods, in order."""
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, Function):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            names += [
                f"{node.name}.{m.name}" for m in node.body if isinstance(m, Function)
            ]
    return names


def merge(current: str, piece: str, entry_point: str = "") -> Merged | None:
    r"""Return `current` with the definitions of `piece`; None if it cannot be read.

    Statements of the piece that only do something (calls, asserts, a main block) are
    left out: in a module of functions they are a reply's demonstration. Those that
    prepare what a definition uses (a loop that fills a table, a guarded import) come
    along. A docstring says what must hold: that of the module stays, whatever the piece
    makes of it.

    Example:
        >>> merge('import math\n\ndef f():\n    "Doc."\n    return 1\n',
        ...       'def f():\n    return 2\n\nprint(f())\n').source
        'import math\n\ndef f():\n    "Doc."\n    return 2\n'
    """
    old, new = parse_quietly(current), parse_quietly(piece)
    if new is None:
        return None
    if old is None:
        return Merged(piece)
    there = {ast.dump(node) for node in old.body}
    kept = _kept(new, there)
    is_kept = set(kept).__contains__
    edits = _Edits(old, lines_of(current), lines_of(piece), _for_types(old, kept))
    # What the module has already stays as it is written there, with its comments.
    fresh = [n for n in new.body if is_kept(n) and ast.dump(n) not in there]
    stubs: list[str] = []
    for name, node in _pieces(fresh, edits.places):
        if name != entry_point and _stands_for(node, edits.places.get(name)):
            stubs.append(_first_line(node))
        else:
            edits.add(name, node)
    for node in _outdated(old, new, fresh):
        edits.remove(node)
    merged = edits.applied()
    if parse_quietly(merged) is None:
        return None
    left = [s for s in new.body if not is_kept(s) and _may_matter(s)]
    notes = [*stubs, *(_first_line(s) for s in left if ast.dump(s) not in there)]
    return Merged(ended_like(merged, current), tuple(notes[:_MAX_NOTES]))


def text_of(lines: Sequence[str], node: ast.stmt) -> list[str]:
    """Return the lines of a statement, its decorators included."""
    return list(lines[first_line(node) - 1 : node.end_lineno])


def first_line(node: ast.stmt) -> int:
    """Return the line where a statement begins, its decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(d.lineno for d in decorators)])


def _string_lines(tree: ast.AST, lines: Sequence[str]) -> set[int]:
    """Return the lines inside of strings that do not move with the code.

    Those of a string with a line further left than its statement: somebody meant them
    to stand there. The lines of other strings were moved with the code before.
    """
    found: set[int] = set()
    for statement in ast.walk(tree):
        if not isinstance(statement, ast.stmt):
            continue
        for part in ast.iter_child_nodes(statement):
            for node in ast.walk(part) if isinstance(part, ast.expr) else ():
                if isinstance(node, ast.Constant | ast.JoinedStr):
                    end = node.end_lineno or node.lineno
                    inside = range(node.lineno + 1, end + 1)
                    depths = [_depth(lines[n - 1]) for n in inside]
                    if any(depth < statement.col_offset for depth in depths):
                        found |= set(inside)
    return found


def _depth(line: str) -> float:
    """Return how far a line is indented; an empty one as far as any."""
    return len(line) - len(line.lstrip()) if line.strip() else math.inf


def import_line(tree: ast.Module, text: str) -> int:
    """Return behind how many lines imports go.

    Behind the docstring and what is taken from `__future__`; without them behind the
    comments with which a file begins.
    """
    end = 0
    for number, node in enumerate(tree.body):
        is_doc = (
            number == 0
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
        )
        if is_doc or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            end = node.end_lineno or end
    lines = lines_of(text)
    if end:
        blank = (n for n, line in enumerate(lines[end:], end) if line.strip())
        return next(blank, len(lines))
    comments = next(
        (n for n, line in enumerate(lines) if not line.startswith("#")), len(lines)
    )
    if comments == len(lines) or not lines[comments].strip():
        return comments
    return sum(bool(_MAGIC.match(line)) for line in lines[: min(2, comments)])


def is_main_guard(node: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__"
        for part in ast.walk(node.test)
    )


def _kept(new: ast.Module, there: Collection[str]) -> list[ast.stmt]:
    """Return the statements of a piece that are more than a demonstration.

    A preparation that is `there` already is not made twice.
    """
    functions = {node.name for node in new.body if isinstance(node, Definition)}
    kept: list[ast.stmt] = [n for n in new.body if isinstance(n, Definition | _Import)]
    kept += [n for n in new.body if _is_setting(n, functions)]
    kept += [
        node
        for node in new.body
        if isinstance(node, _Assignment) and not used(node) & {*functions, "input"}
    ]
    needed = set().union(*map(used, kept))
    chosen = set(kept)
    rest = [n for n in new.body if n not in chosen and not is_main_guard(n)]
    imported = {name for n in kept if isinstance(n, _Import) for name in made(n)}

    def prepares(node: ast.stmt) -> bool:
        # A call of a module's function changes nothing that a definition sees.
        return bool((made(node) | (touched(node) - imported)) & needed)

    while found := next(filter(prepares, rest), None):
        rest.remove(found)
        needed |= used(found)
        if ast.dump(found) not in there:
            kept.append(found)
    return kept


def _outdated(
    old: ast.Module, new: ast.Module, kept: Sequence[ast.stmt]
) -> Iterator[ast.stmt]:
    """Yield preparations of the module for values that the piece makes anew."""
    fresh = {ast.dump(node) for node in new.body}
    made_anew = {n for s in kept if isinstance(s, _Assignment) for n in made(s)}
    for node in old.body:
        is_value = isinstance(node, _Assignment) and made(node)
        if is_value or isinstance(node, Definition | _Import) or is_main_guard(node):
            continue
        if touched(node) & made_anew and ast.dump(node) not in fresh:
            yield node


def _is_setting(node: ast.stmt, functions: Collection[str]) -> bool:
    """Return whether a statement sets something up for all that is executed later."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name))):
            return name in _SETTINGS and not used(node) & set(functions)
        case _:
            return False


def _stands_for(new: ast.stmt, old: ast.stmt | None) -> bool:
    """Return whether a function is left out in a reply: `def g(x): ...`."""
    return (
        isinstance(old, Function)
        and isinstance(new, Function)
        and is_empty(new)
        and not is_empty(old)
    )


def is_empty(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether the body of a function says nothing: `pass`, `...`, a text."""
    return all(
        isinstance(statement, ast.Pass)
        or (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Constant)
        )
        for statement in node.body
    )


def _is_preparation(node: ast.stmt) -> bool:
    return isinstance(node, _Compound) and not is_main_guard(node)


def _may_matter(node: ast.stmt) -> bool:
    return isinstance(node, _Assignment) or _is_preparation(node)


def _first_line(node: ast.stmt) -> str:
    line = ast.unparse(node).partition("\n")[0]
    return line if len(line) <= _SHOWN else line[:_SHOWN].rstrip() + "..."


class _Edits:
    """What has to be changed in a module for a piece."""

    def __init__(
        self,
        tree: ast.Module,
        lines: Sequence[str],
        fresh: Sequence[str],
        imported: Iterable[_Alias],
    ) -> None:
        self._tree = tree
        self._lines = list(lines)
        self._fresh = fresh
        self.places = dict(_places(tree))
        guarded = [n for s in tree.body if isinstance(s, ast.Try) for n in s.body]
        self._imported = set(imported) | {
            alias
            for n in (*tree.body, *guarded)
            if isinstance(n, _Import)
            for alias in _aliases(n)
        }
        self._changes: dict[str, tuple[int, int, list[str]]] = {}
        self._imports: list[str] = []
        self._additions: list[ast.stmt] = []
        self._members: dict[int, list[str]] = {}
        self._removed: list[tuple[int, int, list[str]]] = []

    def add(self, name: str, node: ast.stmt) -> None:
        """Take note of one statement of the piece."""
        target = self.places.get(name)
        if isinstance(node, _Import):
            if not set(_aliases(node)) <= self._imported:
                self._imports += text_of(self._fresh, node)
        elif target is not None:
            text = _with_docstrings(
                text_of(self._fresh, node), node, target, self._lines
            )
            text = self._moved(text, node, target)
            known = self._changes.get(name)
            if known and not isinstance(node, Definition):
                text = [*known[2], *text]
            # Decorators that the piece does not mention stay.
            is_bare = isinstance(node, Definition) and not node.decorator_list
            start = target.lineno if is_bare else first_line(target)
            self._changes[name] = start, target.end_lineno or 0, text
        elif isinstance(owner := self.places.get(name.partition(".")[0]), ast.ClassDef):
            text = self._moved(text_of(self._fresh, node), node, owner.body[0])
            self._members.setdefault(owner.end_lineno or 0, []).extend(["", *text])
        else:
            self._additions.append(node)

    def _moved(
        self, text: Sequence[str], node: ast.stmt, target: ast.stmt
    ) -> list[str]:
        """Return lines that stand as deep as `target` does in the module."""
        here = self._fresh[node.lineno - 1][: node.col_offset]
        there = self._lines[target.lineno - 1][: target.col_offset]
        return reindented(text, here, there)

    def remove(self, node: ast.stmt) -> None:
        """Take note that a statement of the module has to go."""
        self._removed.append((first_line(node), node.end_lineno or 0, []))

    def applied(self) -> str:
        """Return the module after all changes."""
        edits = [*self._changes.values(), *self._removed, *self._insertions()]
        edits += [(end + 1, end, text) for end, text in self._members.items()]
        for start, end, text in sorted(edits, key=lambda e: e[:2], reverse=True):
            self._lines[start - 1 : end] = text
        if self._imports:
            place = import_line(self._tree, "\n".join(self._lines))
            future = [line for line in self._imports if "__future__" in line]
            rest = [line for line in self._imports if "__future__" not in line]
            after = self._lines[place : place + 1]
            is_apart = not after or after[0].startswith(("import ", "from "))
            gap = [] if is_apart or not after[0].strip() else [""]
            self._lines[place:place] = [*future, *rest, *gap]
        merged = "\n".join(self._lines)
        if self._additions:
            merged = merged.rstrip("\n")
        return merged + "\n"

    def _insertions(self) -> Iterator[tuple[int, int, list[str]]]:
        """Yield the additions, each before the first change unless it needs more."""
        first = min(
            (start for start, _, _ in self._changes.values()),
            default=len(self._lines) + 1,
        )
        top = _top_level_line(self._tree, first)
        ends = {
            name: node.end_lineno or 0
            for node in self._tree.body
            for name in made(node)
        }
        groups: dict[int, list[ast.stmt]] = {}
        for node in self._additions:
            needed = [ends[name] for name in used_at_once(node) if name in ends]
            place = max([top - 1, *needed])
            groups.setdefault(place, []).append(node)
            ends.update(dict.fromkeys(touched(node), place))
        for place, nodes in groups.items():
            text = self._joined(nodes)
            is_late = place and (place >= top or not self._changes)
            yield place + 1, place, ["", "", *text] if is_late else [*text, "", ""]

    def _joined(self, nodes: Sequence[ast.stmt]) -> list[str]:
        """Return statements with blank lines around definitions."""
        text: list[str] = []
        for number, node in enumerate(nodes):
            before = nodes[number - 1]
            if number and any(isinstance(n, Definition) for n in (node, before)):
                text += ["", ""]
            text += text_of(self._fresh, node)
        return text


def _pieces(
    body: Sequence[ast.stmt], places: Mapping[str, ast.stmt]
) -> Iterator[tuple[str, ast.stmt]]:
    """Yield what the piece brings, classes method by method where they are partial."""
    for node in body:
        name = member_key(node)
        old = places.get(name)
        if (
            isinstance(node, ast.ClassDef)
            and isinstance(old, ast.ClassDef)
            and not _is_whole(node, old)
        ):
            had = {ast.dump(member) for member in old.body}
            for member in node.body:
                is_named = isinstance(member, Function | _Assignment)
                if is_named and ast.dump(member) not in had:
                    yield f"{name}.{member_key(member)}", member
            continue
        yield name, node


def _is_whole(new: ast.ClassDef, old: ast.ClassDef) -> bool:
    """Return whether a class of a reply has all that the one of the module has."""
    members = {member_key(member): member for member in new.body}
    has_header = all(
        bool(getattr(new, part)) >= bool(getattr(old, part))
        for part in ("bases", "keywords", "decorator_list")
    )
    is_in_one_line = old.body[0].lineno == old.lineno
    return is_in_one_line or (
        has_header
        and {member_key(m) for m in old.body} - {""} <= members.keys()
        and not any(
            _stands_for(members[member_key(m)], m) for m in old.body if member_key(m)
        )
    )


def member_key(node: ast.stmt) -> str:
    """Return what tells a definition from its namesakes: `x`, `x x.setter`."""
    name = _name(node)
    if not isinstance(node, Function):
        return name
    for decorator in map(ast.unparse, node.decorator_list):
        if decorator.endswith("overload") or ".register" in decorator:
            return f"{name} {decorator} {ast.unparse(node.args)}"
        if decorator.startswith(f"{name}."):
            return f"{name} {decorator}"
    return name


def _places(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, Definition | _Assignment):
            yield member_key(node), node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, Function | _Assignment):
                    yield f"{node.name}.{member_key(member)}", member


def _name(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.Assign(targets=targets):
            return "=" + ",".join(ast.unparse(target) for target in targets)
        case ast.AnnAssign(target=target):
            return "=" + ast.unparse(target)
        case _:
            return ""


def _for_types(old: ast.Module, kept: Sequence[ast.stmt]) -> Iterator[_Alias]:
    """Yield what the module imports for type checkers and a piece needs no further."""
    guarded = [
        node
        for guard in old.body
        if isinstance(guard, ast.If)
        and ast.unparse(guard.test).rpartition(".")[2] == "TYPE_CHECKING"
        for node in guard.body
        if isinstance(node, _Import)
    ]
    if not guarded:
        return
    is_postponed = any(
        _POSTPONED in _aliases(node)
        for node in (*old.body, *kept)
        if isinstance(node, _Import)
    )
    names = {
        name for node in kept for name in evaluated(node, annotations=not is_postponed)
    }
    for alias in (alias for node in guarded for alias in _aliases(node)):
        if str(alias[-1] or alias[0]).partition(".")[0] not in names:
            yield alias


def _aliases(node: _Import) -> Iterator[_Alias]:
    """Yield what an import statement imports, in one form for each way to write it."""
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module, alias.name, alias.asname or alias.name
        else:
            yield alias.name, alias.asname


def _indented(lines: Sequence[str], shift: int) -> list[str]:
    if shift <= 0:
        return [line[-shift:] if line[:-shift].isspace() else line for line in lines]
    return [" " * shift + line if line.strip() else line for line in lines]


def reindented(lines: Sequence[str], here: str, there: str) -> list[str]:
    """Return lines with another indentation; what is inside of strings stays."""
    if here == there:
        return list(lines)
    text, header = "\n".join(lines), 0
    tree = parse_quietly(text)
    if tree is None:
        text, header = f"if 1:\n{text}", 1
        tree = parse_quietly(text)
    found = _string_lines(tree, lines_of(text)) if tree else set()
    kept = {line - header for line in found}
    return [
        line
        if number in kept or not line.strip() or not line.startswith(here)
        else there + line.removeprefix(here)
        for number, line in enumerate(lines, 1)
    ]


def _with_docstrings(
    text: list[str], node: ast.stmt, target: ast.stmt, lines: Sequence[str]
) -> list[str]:
    """Return the text of a definition with the docstrings that its target had."""
    pairs = [(node, target)]
    if isinstance(node, ast.ClassDef) and isinstance(target, ast.ClassDef):
        had = {member_key(m): m for m in target.body if isinstance(m, Definition)}
        pairs += [
            (member, had[member_key(member)])
            for member in node.body
            if isinstance(member, Definition) and member_key(member) in had
        ]
    for new, old in reversed(pairs):
        if isinstance(new, Definition) and isinstance(old, Definition):
            doc = ast.get_docstring(old)
            own = ast.get_docstring(new)
            is_stub = own is not None and not new.body[1:]
            if doc not in {None, own} and not is_stub:
                text = _documented(text, first_line(node), new, _docstring(old, lines))
    return text


def _docstring(node: Definition, lines: Sequence[str]) -> list[str]:
    """Return the lines of a docstring, as if it stood at the margin."""
    first = node.body[0]
    found = list(lines[first.lineno - 1 : first.end_lineno])
    found[-1] = found[-1].encode()[: first.end_col_offset].decode()
    before, found[0] = _split(found[0], first.col_offset)
    depth = node.col_offset + _STEP if before.strip() else first.col_offset
    return [found[0], *_indented(found[1:], -depth)]


def _documented(
    text: Sequence[str], start: int, node: Definition, doc: Sequence[str]
) -> list[str]:
    """Return `text`, which begins with line `start`, with `doc` as that of `node`."""
    first = node.body[0]
    row = first_line(first) - start
    before, after = _split(text[row], first.col_offset)
    head, tail = [*text[:row]], [after, *text[row + 1 :]]
    margin = before
    if before.strip():  # the body stands on the line of the header
        head.append(before.rstrip())
        margin = " " * (node.col_offset + _STEP)
    if ast.get_docstring(node) is not None:
        height = (first.end_lineno or first.lineno) - first.lineno
        passed = 0 if height else len(before.encode())
        rest = _split(tail[height], (first.end_col_offset or 0) - passed)[1]
        tail = [rest.lstrip("; \t"), *tail[height + 1 :]]
    if tail[0]:
        tail[0] = margin + tail[0]
    else:
        del tail[0]
    documented = [margin + line if line.strip() else line for line in doc]
    return [*head, *documented, *tail]


def _split(line: str, column: int) -> tuple[str, str]:
    """Return what stands before and behind a column of a syntax tree, in bytes."""
    data = line.encode()
    return data[:column].decode(), data[column:].decode()


def _top_level_line(tree: ast.Module, line: int) -> int:
    """Return the first line of the top-level statement that holds `line`."""
    for node in tree.body:
        if first_line(node) <= line <= (node.end_lineno or line):
            return first_line(node)
    return line
