"""Helpers of a reply that are not the functions of the module with the same name.

In: a piece of code from a reply and the module it goes into. Out: the piece, in which
such a helper has a name of its own. Invariant: what the rest of the module calls keeps
its parameters.
"""

import ast

from codegrad.engines.merging import parse_quietly
from codegrad.engines.pieces import Piece
from codegrad.engines.renaming import renamed
from codegrad.engines.scopes import Function


def without_clashes(piece: str, current: str, entry_point: str) -> Piece | None:
    r"""Return `piece` with names that do not clash with those of `current`.

    None if a helper clashes and cannot have another name.

    Example:
        >>> piece = "def part(a, b): return a\n\ndef f(n): return part(n, 0)\n"
        >>> module = "def part(x): return x\n\ndef g(): return part(1)\n"
        >>> without_clashes(piece, module, "f").text
        'def f_part(a, b): return a\n\ndef f(n): return f_part(n, 0)\n'
    """
    old, new = parse_quietly(current), parse_quietly(piece)
    if old is None or new is None:
        return Piece(piece)
    own = entry_point.partition(".")[0]
    known: dict[str, list[tuple[str, ...]]] = {}
    for node in old.body:
        if isinstance(node, Function):
            known.setdefault(node.name, []).append(_parameters(node))
    taken = {node.id for node in ast.walk(new) if isinstance(node, ast.Name)}
    taken |= {n.name for n in (*old.body, *new.body) if isinstance(n, Function)}
    notes: list[str] = []
    for node in new.body:
        if not isinstance(node, Function) or node.name in {own, ""}:
            continue
        if _parameters(node) in known.get(node.name, [_parameters(node)]):
            continue
        name = f"{own}_{node.name}".strip("_")
        while name in taken:
            name += "_"
        taken.add(name)
        found = renamed(piece, node.name, name)
        if found is None:
            return None
        piece = found
        notes.append(
            f"{node.name} of the reply has other parameters than that of the module: "
            f"it is {name} now"
        )
    return Piece(piece, tuple(notes))


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    """Return the names of the parameters, with the kind where it is a special one."""
    given = node.args
    return (
        *(a.arg for a in (*given.posonlyargs, *given.args)),
        *(f"*{a.arg}" for a in (given.vararg,) if a),
        *(f"{a.arg}=" for a in given.kwonlyargs),
        *(f"**{a.arg}" for a in (given.kwarg,) if a),
    )
