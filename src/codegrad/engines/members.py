"""Members of a class that a reply gives apart: each in a block, or without the class.

In: the code blocks of a reply in order, and the module they are about. Out: the blocks
in which such members stand together in their class. Invariant: of two members with one
name the later one stays; what the module has already is a quotation and changes nothing
that another block gives.
"""

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Self

from codegrad.engines.merging import (
    first_line,
    is_empty,
    member_key,
    merge,
    parse_quietly,
    reindented,
    text_of,
)
from codegrad.engines.pieces import Piece
from codegrad.engines.scopes import Definition, Function, used
from codegrad.lines import lines_of

_Members = Mapping[str, ast.stmt]
_DEPTH = "    "


@dataclass(frozen=True, slots=True)
class _Version:
    """A class as one block gives it, its body below its header."""

    lines: tuple[str, ...]
    node: ast.ClassDef
    members: _Members

    @classmethod
    def of(cls, text: str, name: str) -> Self:
        text = _spread(text, name)
        node = _classes(text)[name]
        return cls(tuple(lines_of(text)), node, _members(node))

    def header(self) -> list[str]:
        """Return the lines before the first statement of the body."""
        start = first_line(self.node) - 1
        return list(self.lines[start : first_line(self.node.body[0]) - 1])


@dataclass(frozen=True, slots=True)
class _Part:
    """A member that another block than the one of its class gives."""

    block: int
    key: str
    node: ast.stmt
    lines: tuple[str, ...]
    """As they stand in the block."""


def gathered(
    texts: Sequence[str], answer: int, *, drafts: Collection[int], current: str
) -> list[Piece]:
    r"""Return code blocks in which one of them has all members of a class.

    This is block number `answer` if it has the class, else the last one that has it.
    Of `drafts` of the answer only those members are taken that it uses and lacks.

    Example:
        >>> parts = ["class A:\n    x = 1\n", "class A:\n    y = 2\n"]
        >>> gathered(parts, 1, drafts=(), current="")[1].text
        'class A:\n    x = 1\n\n    y = 2\n'
    """
    pieces = [Piece(text) for text in texts]
    known = _classes(current)
    holders: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        for name in _classes(text):
            holders.setdefault(name, []).append(number)
    for name, numbers in holders.items():
        target = answer if answer in numbers else numbers[-1]
        passed = drafts if target == answer else ()
        versions = {n: _Version.of(pieces[n].text, name) for n in numbers}
        had = _members(known[name]) if name in known else {}
        parts = _chosen(versions, target, passed, had)
        if not parts:
            continue
        text = _with_parts(_headed(versions, target, passed), name, parts, target)
        if parse_quietly(text) is not None:
            names = ", ".join(dict.fromkeys(_plain(f"{name}.{p.key}") for p in parts))
            notes = (*pieces[target].notes, f"{names} stood in another block")
            pieces[target] = Piece(text, notes)
    return pieces


def is_version(text: str, other: str) -> bool:
    r"""Return whether two texts have a class with a member that both give.

    Example:
        >>> part = "class A:\n    x = 1\n"
        >>> is_version(part, "class A: x = 2"), is_version(part, "class A: y = 1")
        (True, False)
    """
    here, there = _classes(text), _classes(other)
    return any(
        _real(_members(node)) & _real(_members(there[name]))
        for name, node in here.items()
        if name in there
    )


def goes_on_with(text: str, other: str) -> bool:
    """Return whether code has more members for a class of another one."""
    shared = _classes(text).keys() & _classes(other).keys()
    return bool(shared) and not is_version(text, other)


def has_only_stub(text: str, name: str) -> bool:
    """Return whether code names a method or function without saying what it does."""
    tree = parse_quietly(text)
    owner, _, method = name.rpartition(".")
    body: Sequence[ast.stmt] = tree.body if tree else []
    if owner:
        held = _classes(text).get(owner)
        body = held.body if held else []
    found = [n for n in body if isinstance(n, Function) and n.name == method]
    return bool(found) and all(map(is_empty, found))


def is_quoted(node: ast.stmt, current: ast.Module) -> bool:
    """Return whether a module has a definition, or each part of a class, as it is."""
    there = [n for n in current.body if isinstance(n, Definition)]
    if not isinstance(node, ast.ClassDef):
        return _said(node) in map(_said, there)
    members = {
        _said(member)
        for other in there
        if isinstance(other, ast.ClassDef) and other.name == node.name
        for member in other.body
    }
    return bool(members) and members.issuperset(map(_said, node.body))


def housed(texts: Sequence[str], entry_point: str, current: str) -> list[Piece]:
    r"""Return code blocks whose methods stand in the class of the module they are of.

    A method is known by its first parameter or its decorator. It is of the class that
    has one of this name; a new one that nobody calls as a function is of the class of
    the entry point.

    Example:
        >>> module = "class A:\n    def f(self): return 0\n"
        >>> housed(["def f(self): return 1\n"], "A.f", module)[0].text
        'class A:\n    def f(self): return 1\n'
    """
    owner, _, asked = entry_point.rpartition(".")
    tree = parse_quietly(current)
    functions = {n.name for n in tree.body if isinstance(n, Function)} if tree else ()
    methods = {
        name: {m.name for m in node.body if isinstance(m, Function)}
        for name, node in _classes(current).items()
    }
    called: set[str] | None = None

    def home(node: Definition) -> str:
        nonlocal called
        if not is_method(node) or (node.name in functions and node.name != asked):
            return ""
        homes = [name for name, known in methods.items() if node.name in known]
        if homes:
            return owner if owner in homes else homes[0] if not homes[1:] else ""
        if called is None:
            trees = [parse_quietly(text) for text in texts]
            called = {n for t in trees if t for s in t.body for n in used(s)}
        return owner if owner in methods and node.name not in called else ""

    return [in_classes(text, home) for text in texts]


def in_classes(text: str, home: Callable[[Definition], str]) -> Piece:
    """Return code whose definitions stand in the class that `home` names, if any."""
    tree = parse_quietly(text)
    lines = lines_of(text)
    inside: dict[str, list[str]] = {}
    moved: list[str] = []
    for node in reversed(tree.body if tree else []):
        if isinstance(node, Definition) and (owner := home(node)):
            moved.insert(0, node.name)
            part = reindented(text_of(lines, node), "", _DEPTH)
            inside.setdefault(owner, [])[:0] = part
            del lines[first_line(node) - 1 : node.end_lineno]
    if not moved:
        return Piece(text)
    rest = "\n".join(lines) + "\n" if lines else ""
    own = _classes(rest)
    for owner, part in inside.items():
        given = "\n".join([f"class {owner}:", *part]) + "\n"
        merged = merge(rest, given) if owner in own else None
        rest = merged.source if merged else rest + given
    return Piece(rest, (f"{moved[0]} was given outside its class",))


def is_method(node: Definition) -> bool:
    """Return whether a definition is a method by its first parameter or decorator."""
    if isinstance(node, ast.ClassDef):
        return False
    first = [a.arg for a in (*node.args.posonlyargs, *node.args.args)][:1]
    kinds = {"staticmethod", "classmethod"}
    return first in [["self"], ["cls"]] or bool(
        kinds & set(map(ast.unparse, node.decorator_list))
    )


def _chosen(
    versions: Mapping[int, _Version],
    target: int,
    drafts: Collection[int],
    known: _Members,
) -> list[_Part]:
    """Return the members of other blocks that the class of block `target` gets."""
    own = versions[target].members
    given = {key: _said(own[key]) for key in _real(own)}
    had = {key: _said(node) for key, node in known.items()}
    chosen: dict[str, tuple[int, ast.stmt]] = {}
    for number, version in versions.items():
        if number == target or number in drafts:
            continue
        for key, node in version.members.items():
            is_superseded = number < target and key in given
            is_there = any(key in those for those in (known, own, chosen))
            if is_superseded or (_is_stub(node) and is_there):
                continue
            if _said(node) not in {had.get(key), given.get(key)}:
                chosen[key] = number, node
    earlier = {n: versions[n].members for n in sorted(versions) if n in drafts}
    earlier.pop(target, None)
    _add_needed(chosen, own, earlier, known)
    return [
        _Part(n, key, node, tuple(text_of(versions[n].lines, node)))
        for key, (n, node) in chosen.items()
    ]


def _add_needed(
    chosen: dict[str, tuple[int, ast.stmt]],
    own: _Members,
    drafts: Mapping[int, _Members],
    known: _Members,
) -> None:
    """Add the members of drafts, the last version, that the answer uses and lacks."""
    offered: dict[str, dict[str, tuple[int, ast.stmt]]] = {}
    for number, members in drafts.items():
        for key, node in members.items():
            if not any(key in those for those in (known, own, chosen)):
                offered.setdefault(_plain(key), {})[key] = number, node
    asked = [*own.values(), *(node for _, node in chosen.values())]
    while asked:
        for name in sorted(_attributes(asked.pop())):
            found = offered.pop(name, {})
            chosen.update(found)
            asked += [node for _, node in found.values()]


def _headed(
    versions: Mapping[int, _Version], target: int, drafts: Collection[int]
) -> str:
    """Return the text of block `target`, its class with the header of another block.

    Parts of a class often have a bare one, and one of them says its bases.
    """
    lines = list(versions[target].lines)
    full = [n for n, v in versions.items() if not _is_bare(v.node) and n not in drafts]
    if full and _is_bare(node := versions[target].node):
        start, end = first_line(node) - 1, first_line(node.body[0]) - 1
        lines[start:end] = versions[full[-1]].header()
    return "\n".join(lines) + "\n"


def _is_bare(node: ast.ClassDef) -> bool:
    return not (node.bases or node.keywords or node.decorator_list)


def _with_parts(text: str, name: str, parts: Sequence[_Part], block: int) -> str:
    """Return code whose class has the parts, those of earlier blocks at its head."""
    node = _classes(text)[name]
    own = _members(node)
    lines = lines_of(text)
    first = node.body[0]
    there = lines[first.lineno - 1][: first.col_offset]
    head: list[str] = []
    rest = [f"class {name}:"]
    for part in parts:
        here = part.lines[0][: len(part.lines[0]) - len(part.lines[0].lstrip())]
        if part.block < block and part.key not in own:
            head += [*reindented(part.lines, here, there), ""]
        else:
            rest += [*reindented(part.lines, here, _DEPTH), ""]
    if ast.get_docstring(node) is not None and head:
        head = ["", *head[:-1]]
    row = _head_line(node, lines)
    lines[row:row] = head
    whole = "\n".join(lines) + "\n"
    merged = merge(whole, "\n".join(rest) + "\n") if rest[1:] else None
    return merged.source if merged else whole


def _spread(text: str, name: str) -> str:
    """Return code in which the body of a class stands below its header."""
    node = _classes(text)[name]
    if node.body[0].lineno != node.lineno:
        return text
    lines = lines_of(text)
    lines[first_line(node) - 1 : node.end_lineno] = ast.unparse(node).split("\n")
    return "\n".join(lines) + "\n"


def _head_line(node: ast.ClassDef, lines: Sequence[str]) -> int:
    """Return behind how many lines the members of a class begin."""
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        return first.end_lineno or first.lineno
    row = first_line(first) - 1
    while row > node.lineno and lines[row - 1].lstrip().startswith("#"):
        row -= 1
    return row


def _classes(text: str) -> dict[str, ast.ClassDef]:
    tree = parse_quietly(text)
    body = tree.body if tree else []
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}


def _members(node: ast.ClassDef) -> dict[str, ast.stmt]:
    named = Function | ast.Assign | ast.AnnAssign
    return {member_key(m): m for m in node.body if isinstance(m, named)}


def _real(members: _Members) -> set[str]:
    """Return the keys of members that are more than a header."""
    return {key for key, node in members.items() if not _is_stub(node)}


def _said(node: ast.stmt) -> str:
    """Return what tells a statement from another one; a docstring does not."""
    if not isinstance(node, Function):
        return ast.dump(node)
    said = copy(node)
    said.body = node.body[ast.get_docstring(node) is not None :]
    return ast.dump(said)


def _is_stub(node: ast.stmt) -> bool:
    return isinstance(node, Function) and is_empty(node)


def _plain(key: str) -> str:
    """Return the name in a member's key."""
    return key.replace("=", "").partition(" ")[0]


def _attributes(node: ast.stmt) -> set[str]:
    return {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
