"""Which names a statement needs and which it makes: how pieces of code hang together.

In: statements of a module. Out: names. Invariant: a function's own variables are no
names of its module; what cannot be analysed needs and makes nothing.
"""

import ast
import symtable
import warnings
from collections.abc import Iterator

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def used(node: ast.stmt) -> set[str]:
    r"""Return the names of its module that a statement looks up, now or when called.

    Example:
        >>> tree = ast.parse("def f(x):\n    y = x\n    return g(y) + LIMIT")
        >>> sorted(used(tree.body[0]))
        ['LIMIT', 'g']
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = symtable.symtable(ast.unparse(node), "reply", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return set(_looked_up(table, is_module=True))


def _looked_up(table: symtable.SymbolTable, *, is_module: bool) -> Iterator[str]:
    for symbol in table.get_symbols():
        is_used = symbol.is_referenced() or symbol.is_declared_global()
        if is_used and (is_module or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _looked_up(child, is_module=False)


def used_at_once(node: ast.stmt) -> set[str]:
    r"""Return the names that have to exist when a statement is executed.

    Example:
        >>> tree = ast.parse("def f(x=LIMIT):\n    return g(x)")
        >>> used_at_once(tree.body[0])
        {'LIMIT'}
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            parts: list[ast.AST] = [*node.decorator_list, node.args]
            parts += [node.returns] if node.returns else []
        case ast.ClassDef():
            parts = [*node.decorator_list, *node.bases, *node.keywords]
            inner = (used_at_once(member) for member in node.body)
            return set().union(_loaded(parts), *inner)
        case _:
            return used(node)
    return _loaded(parts)


def evaluated(node: ast.AST, *, annotations: bool) -> set[str]:
    r"""Return the names that are looked up when code is executed or called.

    Those of annotations only if `annotations` are executed.

    Example:
        >>> tree = ast.parse("def f(x: A) -> B:\n    y: C = D\n    return E")
        >>> sorted(evaluated(tree, annotations=False))
        ['D', 'E']
    """
    names: set[str] = set()
    rest = [node]
    while rest:
        here = rest.pop()
        if isinstance(here, ast.Name) and isinstance(here.ctx, ast.Load):
            names.add(here.id)
        for field, value in ast.iter_fields(here):
            if annotations or field not in {"annotation", "returns"}:
                parts = value if isinstance(value, list) else [value]
                rest += [part for part in parts if isinstance(part, ast.AST)]
    return names


def _loaded(parts: list[ast.AST]) -> set[str]:
    return {
        node.id
        for part in parts
        for node in ast.walk(part)
        if isinstance(node, ast.Name)
    }


def made(node: ast.stmt) -> set[str]:
    r"""Return the names of its module that a statement binds.

    Example:
        >>> text = "try:\n    import a.b\nexcept ImportError:\n    a = x = 1"
        >>> sorted(made(ast.parse(text).body[0]))
        ['a', 'x']
    """
    return {name for inner in _own(node) for name in _bound(inner)}


def touched(node: ast.stmt) -> set[str]:
    r"""Return the names that a statement binds, or whose value it changes.

    Example:
        >>> tree = ast.parse("for i in known:\n    table[i] = 1\n    seen.add(i)")
        >>> sorted(touched(tree.body[0]))
        ['i', 'seen', 'table']
    """
    changed = {name for inner in _own(node) if (name := _changed(inner))}
    return made(node) | changed


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a statement and what stands in it, without other scopes."""
    yield node
    if isinstance(node, _Scope | ast.ListComp | ast.SetComp | ast.DictComp):
        return
    for child in ast.iter_child_nodes(node):
        yield from _own(child)


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.Name(ctx=ast.Store()):
            yield node.id


def _changed(node: ast.AST) -> str:
    match node:
        case ast.Attribute(ctx=ast.Store()) | ast.Subscript(ctx=ast.Store()):
            return _root(node)
        case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
            return _root(method)
        case _:
            return ""


def _root(node: ast.expr) -> str:
    """Return the name with which an expression such as `a.b[0].c` begins."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
