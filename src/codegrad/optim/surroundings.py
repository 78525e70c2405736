"""What a program needs of where it runs, beyond what its task is about.

In: the text of a program. Out: the names of what it needs. Invariant: it decides only
between programs that nothing else tells apart: threads, a larger stack or a file
descriptor by its number are right in one place and fail in the next.
"""

import ast

_MODULES = frozenset(
    {"ctypes", "gc", "multiprocessing", "resource", "signal", "subprocess", "threading"}
)
_CALLS = frozenset(
    {"_exit", "compile", "eval", "exec", "set_int_max_str_digits", "setrecursionlimit"}
)


def needs(source: str) -> tuple[str, ...]:
    r"""Return what a program needs of its surroundings, in alphabetical order.

    Example:
        >>> needs("import sys, threading\nsys.setrecursionlimit(9999)")
        ('setrecursionlimit', 'threading')
        >>> needs("print(sum(map(int, input().split())))")
        ()
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {name.name.partition(".")[0] for name in names} & _MODULES
            case ast.ImportFrom(module=str(module)):
                found |= {module.partition(".")[0]} & _MODULES
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if (
                name in _CALLS
            ):
                found.add(name)
            case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=int())]):
                found.add("open")
    return tuple(sorted(found))
