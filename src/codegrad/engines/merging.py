"""A piece of code from a reply -> a complete module.

In: the module as it is and a piece that parses. Out: the module with the functions of
the piece in place of its own of the same name. Invariant: what the piece does not
mention (other functions, imports, docstrings, comments) stays as it is.
"""

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator, Sequence

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Kept = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | _Definition


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
        if isinstance(node, _Function):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            names += [
                f"{node.name}.{m.name}" for m in node.body if isinstance(m, _Function)
            ]
    return names


def merge(current: str, piece: str) -> str | None:
    r"""Return `current` with the definitions of `piece`; None if it cannot be read.

    Statements of the piece that only do something (calls, asserts, a main block) are
    left out: in a module of functions they are a reply's demonstration. A function
    that lost its docstring gets the old one back.

    Example:
        >>> merge('import math\n\ndef f():\n    "Doc."\n    return 1\n',
        ...       'def f():\n    return 2\n\nprint(f())\n')
        'import math\n\ndef f():\n    "Doc."\n    return 2\n'
    """
    old, new = parse_quietly(current), parse_quietly(piece)
    if new is None:
        return None
    if old is None:
        return piece
    lines, fresh = current.splitlines(), piece.splitlines()
    places = dict(_places(old))
    changes: dict[str, tuple[int, int, list[str]]] = {}
    imports: list[str] = []
    additions: list[str] = []
    known = set(current.splitlines())
    for name, node in _pieces(new, places):
        text = _text(fresh, node)
        if name in places:
            target = places[name]
            text = _with_docstring(text, node, target, lines)
            text = _indented(text, target.col_offset - node.col_offset)
            changes[name] = _first(target), target.end_lineno or 0, text
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports += [line for line in text if line not in known]
        else:
            additions += [*text, "", ""]
    first = min((start for start, _, _ in changes.values()), default=len(lines) + 1)
    for start, end, text in sorted(changes.values(), reverse=True):
        lines[start - 1 : end] = text
    if additions:
        top = _top_level_line(old, first)
        lines[top - 1 : top - 1] = additions
    if imports:
        place = _after_header(old)
        lines[place:place] = imports
    merged = "\n".join(lines)
    if additions:
        merged = merged.rstrip("\n")
    merged += "\n"
    return merged if parse_quietly(merged) else None


def rename(piece: str, old: str, new: str) -> str:
    r"""Return `piece` with the name `old` replaced wherever it stands as a name.

    Example:
        >>> rename("def g(n): return n and g(n - 1) + x.g  # g\n", "g", "f")
        'def f(n): return n and f(n - 1) + x.g  # g\n'
    """
    lines = piece.splitlines(keepends=True)
    places: list[tuple[int, int]] = []
    dotted = False
    try:
        for token in tokenize.generate_tokens(io.StringIO(piece).readline):
            if token.type == tokenize.NAME and token.string == old and not dotted:
                places.append(token.start)
            dotted = token.string == "."
    except (tokenize.TokenError, SyntaxError):
        return piece
    for row, column in reversed(places):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + new + line[column + len(old) :]
    return "".join(lines)


def _pieces(
    tree: ast.Module, places: dict[str, "_Kept"]
) -> Iterator[tuple[str, "_Kept"]]:
    """Yield what the piece brings, classes method by method where they are partial."""
    for node in tree.body:
        if not isinstance(node, _Kept):
            continue
        name = _name(node)
        if isinstance(node, ast.ClassDef) and isinstance(
            old := places.get(name), ast.ClassDef
        ):
            methods = {m.name: m for m in node.body if isinstance(m, _Function)}
            had = [m.name for m in old.body if isinstance(m, _Function)]
            if not set(had) <= methods.keys() and methods.keys() <= set(had):
                for method, found in methods.items():
                    yield f"{name}.{method}", found
                continue
        yield name, node


def _places(tree: ast.Module) -> Iterator[tuple[str, "_Kept"]]:
    for node in tree.body:
        if isinstance(node, _Definition | ast.Assign | ast.AnnAssign):
            yield _name(node), node
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, _Function):
                    yield f"{node.name}.{member.name}", member


def _name(node: "_Kept") -> str:
    match node:
        case ast.Import() | ast.ImportFrom():
            return ""
        case ast.Assign(targets=targets):
            return "=" + ",".join(ast.unparse(target) for target in targets)
        case ast.AnnAssign(target=target):
            return "=" + ast.unparse(target)
        case _:
            return node.name


def _first(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, _Definition) else []
    return min([node.lineno, *(d.lineno for d in decorators)])


def _text(lines: Sequence[str], node: ast.stmt) -> list[str]:
    return list(lines[_first(node) - 1 : node.end_lineno])


def _indented(lines: Sequence[str], shift: int) -> list[str]:
    if shift <= 0:
        return [line[-shift:] if line[:-shift].isspace() else line for line in lines]
    return [" " * shift + line if line.strip() else line for line in lines]


def _with_docstring(
    text: list[str], node: "_Kept", target: "_Kept", lines: Sequence[str]
) -> list[str]:
    if not isinstance(node, _Function) or not isinstance(target, _Function):
        return text
    if ast.get_docstring(node) is not None or ast.get_docstring(target) is None:
        return text
    first = node.body[0]
    start = first.lineno - _first(node)
    if first.lineno == node.lineno or target.body[0].lineno == target.lineno:
        return text
    doc = _text(lines, target.body[0])
    shift = first.col_offset - target.body[0].col_offset
    return [*text[:start], *_indented(doc, shift), *text[start:]]


def _top_level_line(tree: ast.Module, line: int) -> int:
    """Return the first line of the top-level statement that holds `line`."""
    for node in tree.body:
        if _first(node) <= line <= (node.end_lineno or line):
            return _first(node)
    return line


def _after_header(tree: ast.Module) -> int:
    """Return the number of lines before the place where imports may stand."""
    end = 0
    for number, node in enumerate(tree.body):
        is_doc = (
            number == 0
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
        )
        if is_doc or (isinstance(node, ast.ImportFrom) and node.module == "__future__"):
            end = node.end_lineno or end
    return end
