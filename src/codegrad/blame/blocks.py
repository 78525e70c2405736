"""What each basic block of a function did to the variables on one input.

In: the text of a module and the states that were seen while one call ran. Out: the
blocks in the order in which they ran, with the values before and after. Invariant:
only what was seen is told; a value that no line of a block mentions is left out.

Source: values per basic block help a model more than values per line or per function
(LDB, arXiv 2402.16906).
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codegrad.gradient import BlockValues

FIRST, LAST = 5, 7
"""Blocks that are kept of a long run."""

_MAX_CODE = 100
_Body = ast.FunctionDef | ast.AsyncFunctionDef
_State = tuple[int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Block:
    first: int
    last: int
    code: str
    names: frozenset[str]


def block_values(
    source: str, function: str, states: Sequence[_State]
) -> tuple[BlockValues, ...]:
    r"""Return the blocks of `function` that ran, in order.

    A block is a run of simple statements and the condition that ends it. Of a run
    with many blocks the first and the last are kept; `skipped` counts those between.

    Example:
        >>> text = "def f(x):\n    y = x + 1\n    z = y * y\n    return z\n"
        >>> seen = [(2, (("x", "1"),)), (3, (("x", "1"), ("y", "2"))),
        ...     (4, (("x", "1"), ("y", "2"), ("z", "4"))), (4, (("<return>", "4"),))]
        >>> for block in block_values(text, "f", seen):
        ...     print(block)
        lines 2-4 `y = x + 1; z = y * y; return z`: x = 1 -> y = 2, z = 4, returns 4
    """
    node = _find(source, function)
    if node is None:
        return ()
    by_line = {
        line: block
        for block in _blocks(node.body[1:] if ast.get_docstring(node) else node.body)
        for line in range(block.first, block.last + 1)
    }
    parameters = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    runs = list(_runs(states, by_line, parameters))
    if len(runs) <= FIRST + LAST:
        return tuple(runs)
    skipped = len(runs) - FIRST - LAST
    first_of_last = runs[-LAST]
    return (
        *runs[:FIRST],
        BlockValues(
            first_of_last.line,
            first_of_last.end_line,
            first_of_last.code,
            first_of_last.before,
            first_of_last.after,
            first_of_last.returned,
            skipped,
        ),
        *runs[-LAST + 1 :],
    )


def _find(source: str, function: str) -> _Body | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    owner, _, name = function.rpartition(".")
    body: Sequence[ast.stmt] = tree.body
    if owner:
        classes = [n for n in body if isinstance(n, ast.ClassDef) and n.name == owner]
        body = classes[0].body if classes else []
    found = (n for n in body if isinstance(n, _Body) and n.name == name)
    return next(found, None)


def _blocks(body: Sequence[ast.stmt]) -> Iterator[_Block]:
    """Yield the blocks of a body and of the bodies inside it."""
    run: list[tuple[ast.stmt, Sequence[ast.AST]]] = []
    for statement in body:
        parts = _inner(statement)
        if not parts:
            run.append((statement, [statement]))
            continue
        head = _head(statement)
        if isinstance(statement, ast.For | ast.AsyncFor | ast.While) and run:
            # A loop comes back to its head, not to what stands before it.
            yield _block(run)
            run = []
        run.append((statement, head))
        yield _block(run)
        run = []
        for part in parts:
            yield from _blocks(part)
    if run:
        yield _block(run)


def _inner(statement: ast.stmt) -> list[list[ast.stmt]]:
    if isinstance(statement, _Body | ast.ClassDef):
        return []
    parts = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
    parts += [handler.body for handler in getattr(statement, "handlers", [])]
    parts += [case.body for case in getattr(statement, "cases", [])]
    return [part for part in parts if part]


def _head(statement: ast.stmt) -> list[ast.AST]:
    """Return the expressions on the first line of a compound statement."""
    names = ("test", "target", "iter", "subject", "items")
    found = [getattr(statement, name) for name in names if hasattr(statement, name)]
    return [n for part in found for n in (part if isinstance(part, list) else [part])]


def _block(run: Sequence[tuple[ast.stmt, Sequence[ast.AST]]]) -> _Block:
    texts: list[str] = []
    names: set[str] = set()
    last = 0
    for statement, parts in run:
        is_whole = len(parts) == 1 and parts[0] is statement
        text = ast.unparse(statement).partition("\n")[0]
        texts.append(text)
        ends = [getattr(part, "end_lineno", 0) or 0 for part in parts]
        last = max(statement.lineno, last, *(ends or [0]))
        if is_whole and isinstance(statement, _Body | ast.ClassDef):
            last = statement.lineno
        for part in parts:
            names |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
    code = "; ".join(texts)
    if len(code) > _MAX_CODE:
        code = code[: _MAX_CODE - 3] + "..."
    return _Block(run[0][0].lineno, last, code, frozenset(names))


def _runs(
    states: Sequence[_State], by_line: dict[int, _Block], parameters: set[str]
) -> Iterator[BlockValues]:
    block: _Block | None = None
    before: dict[str, str] = {}
    now: dict[str, str] = {}
    line = 0
    for number, values in _own(states, parameters):
        if number not in by_line:
            continue  # another function of the module
        if "<return>" in values:
            if block is None:
                # A call of itself has returned; its caller returns now.
                block, before, now = by_line[number], {}, {}
            yield _told(block, before, now, values["<return>"])
            block = None
            continue
        if block is not by_line[number] or number <= line:
            if block is not None:
                yield _told(block, before, values)
            block, before = by_line[number], values
        now, line = values, number
    if block is not None:
        yield _told(block, before, now)


def _own(
    states: Sequence[_State], parameters: set[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the states that belong to no comprehension or lambda of the function."""
    is_foreign = False
    for number, pairs in states:
        values = dict(pairs)
        if "<return>" in values:
            if not is_foreign:
                yield number, values
            is_foreign = False
        elif not parameters <= values.keys() or any(n.startswith(".") for n in values):
            is_foreign = True
        else:
            yield number, values


def _told(
    block: _Block, before: dict[str, str], after: dict[str, str], returned: str = ""
) -> BlockValues:
    used = tuple((n, v) for n, v in sorted(before.items()) if n in block.names)
    changed = tuple((n, v) for n, v in sorted(after.items()) if before.get(n) != v)
    return BlockValues(block.first, block.last, block.code, used, changed, returned)
