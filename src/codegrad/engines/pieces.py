"""Several code blocks of one reply -> one piece of code.

In: the block that answers, and the other blocks. Out: the answer with what it uses of
the others. Invariant: a definition that the reply gives and the answer needs is not
lost because it stands in a block of its own; nothing is taken that does something.
"""

import ast
import builtins
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from codegrad.engines.merging import is_main_guard, parse_quietly, text_of
from codegrad.engines.renaming import renamed
from codegrad.engines.scopes import Definition, made, touched, used, used_at_once
from codegrad.lines import lines_of


@dataclass(frozen=True, slots=True)
class Piece:
    """Code that was put together, and a note on how."""

    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Taken:
    block: int
    node: ast.stmt
    lines: tuple[str, ...]


def completed(
    answer: str, others: Sequence[str], *, wanted: Collection[str] = ()
) -> Piece:
    r"""Return `answer` with what it lacks and `others` give, the last version of it.

    `wanted` are names that come along although the answer does not use them: functions
    that the reply changes beside it.

    Example:
        >>> other = "def g(x):\n    return x\n"
        >>> completed("def f(x):\n    return g(x)\n", [other]).text
        'def g(x):\n    return x\n\n\ndef f(x):\n    return g(x)\n'
    """
    tree = parse_quietly(answer)
    if tree is None:
        return Piece(answer)
    own = set().union(*map(made, tree.body))
    trees = [(lines_of(text), parse_quietly(text)) for text in others]
    taken: list[_Taken] = []
    lacking = _lacking(tree.body, own) | (set(wanted) - own)
    done: set[str] = set()
    while lacking - done:
        name = min(lacking - done)
        done.add(name)
        for number in reversed(range(len(trees))):
            lines, other = trees[number]
            found = [n for n in other.body if name in touched(n)] if other else []
            if not any(name in made(node) for node in found):
                continue
            for node in found:
                if is_main_guard(node) or any(row.node is node for row in taken):
                    continue
                taken.append(_Taken(number, node, tuple(text_of(lines, node))))
                lacking |= _lacking([node], own)
            break
    return _joined(answer, own, taken)


def answered_by_assignment(text: str, entry_point: str) -> Piece | None:
    r"""Return code in which `entry_point = ...` became a definition, if it is one.

    Example:
        >>> answered_by_assignment("f = lambda x, y=1: x + y\n", "f").text
        'def f(x, y=1):\n    return x + y\n'
    """
    tree = parse_quietly(text)
    for node in reversed(tree.body if tree else []):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name != entry_point:
            continue
        lines = lines_of(text)
        start, end = node.lineno - 1, node.end_lineno
        if isinstance(value, ast.Lambda):
            signature = f"def {name}({ast.unparse(value.args)}):"
            lines[start:end] = [signature, f"    return {ast.unparse(value.body)}"]
            note = f"{name} was given as a lambda"
            return Piece("\n".join(lines) + "\n", (note,))
        if isinstance(value, ast.Name) and value.id != name:
            del lines[start:end]
            note = f"{value.id} was taken for {name}"
            found = renamed("\n".join(lines) + "\n", value.id, name)
            return Piece(found, (note,)) if found is not None else None
    return None


def acts(text: str) -> bool:
    r"""Return whether code does something when it is executed, beside defining.

    Example:
        >>> acts("import sys\ndef f(): ...\n"), acts("def f(): ...\nprint(f())\n")
        (False, True)
    """
    tree = parse_quietly(text)
    return tree is not None and any(
        is_main_guard(node)
        or not isinstance(
            node,
            Definition | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign,
        )
        for node in tree.body
        if not _is_text(node)
    )


def goes_on(text: str, before: str) -> bool:
    """Return whether code uses what an earlier block made, and makes it not itself."""
    tree, first = parse_quietly(text), parse_quietly(before)
    if tree is None or first is None:
        return False
    own = set().union(*map(made, tree.body))
    return bool(_lacking(tree.body, own) & set().union(*map(made, first.body)))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _lacking(body: Sequence[ast.stmt], own: Collection[str]) -> set[str]:
    names = set().union(*map(used, body))
    return {n for n in names if n not in own and not hasattr(builtins, n)}


def _joined(answer: str, own: Collection[str], taken: Sequence[_Taken]) -> Piece:
    if not taken:
        return Piece(answer)
    late = set(own)
    before: list[str] = []
    after: list[str] = []
    names: list[str] = []
    for row in sorted(taken, key=lambda row: (row.block, row.node.lineno)):
        names += sorted(made(row.node))
        if used_at_once(row.node) & late:
            late |= touched(row.node)
            after += [*row.lines, "", ""]
        else:
            before += [*row.lines, "", ""]
    text = "\n".join([*before, answer.strip("\n"), "", "", *after]).rstrip("\n") + "\n"
    note = f"{', '.join(dict.fromkeys(names))} stood in another block"
    return Piece(text, (note,)) if parse_quietly(text) else Piece(answer)
