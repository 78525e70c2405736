"""The program under test: parsed once, edited in place, compiled piece by piece.

A `Subject` holds one tree with the user's own positions. Two things are added for
running it and taken out again for showing it: a *tick*, a call at the head of every
function and loop body that makes the number of steps finite and countable, and
*guards* around the operators that could hang inside one C call.
"""

from __future__ import annotations
import __future__

import ast
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import (
    Any,
    Callable,
    Union,
)

FILENAME = "<candidate>"
"""The file name of everything compiled here; the tracer recognises frames by it."""

TICK = "__codegrad_tick__"
POWER = "__codegrad_power__"
SHIFT = "__codegrad_shift__"
TIMES = "__codegrad_times__"
POWER_OPERAND = "__codegrad_power_operand__"
SHIFT_OPERAND = "__codegrad_shift_operand__"
TIMES_OPERAND = "__codegrad_times_operand__"
PLUS = "__codegrad_plus__"

MAX_RESULT_BITS = 4000
"""A guarded integer operation may not produce more."""

MAX_RESULT_ITEMS = 10_000_000
"""A guarded repetition of a sequence may not produce more."""

MAX_JOINED_ITEMS = 200_000
"""A guarded concatenation may not produce more."""

LOOPS = (ast.For, ast.AsyncFor, ast.While)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

Definition = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Module]


def _check_power(base: Any, exponent: Any) -> None:  # noqa: ANN401 - candidate's values
    if (
        isinstance(base, int)
        and isinstance(exponent, int)
        and abs(exponent) * base.bit_length() > MAX_RESULT_BITS
    ):
        raise OverflowError("power of huge integers")


def _check_shift(value: Any, places: Any) -> None:  # noqa: ANN401 - candidate's values
    if isinstance(places, int) and places > MAX_RESULT_BITS:
        raise OverflowError("shift by a huge number")
    if isinstance(value, int) and value.bit_length() > 4 * MAX_RESULT_BITS:
        raise OverflowError("shift of a huge integer")


def _check_times(left: Any, right: Any) -> None:  # noqa: ANN401 - candidate's values
    if isinstance(left, int):
        if isinstance(right, int):
            if left.bit_length() + right.bit_length() > 10 * MAX_RESULT_BITS:
                raise OverflowError("product of huge integers")
            return
        left, right = right, left
    if (
        isinstance(right, int)
        and isinstance(left, (str, bytes, list, tuple))
        and len(left) * right > MAX_RESULT_ITEMS
    ):
        raise MemoryError("repetition of a huge sequence")


def _power(base: Any, exponent: Any) -> Any:  # noqa: ANN401 - candidate's values
    _check_power(base, exponent)
    return base**exponent


def _shift(value: Any, places: Any) -> Any:  # noqa: ANN401 - candidate's values
    _check_shift(value, places)
    return value << places


def _times(left: Any, right: Any) -> Any:  # noqa: ANN401 - candidate's values
    _check_times(left, right)
    return left * right


def _plus(left: Any, right: Any) -> Any:  # noqa: ANN401 - candidate's values
    sequences = (list, str, tuple)
    if (
        isinstance(left, sequences)
        and isinstance(right, sequences)
        and len(left) + len(right) > MAX_JOINED_ITEMS
    ):
        raise MemoryError("concatenation of huge sequences")
    return left + right


def _operand(check: Callable[[Any, Any], None]) -> Callable[[Any, Any], Any]:
    def checked(left: Any, right: Any) -> Any:  # noqa: ANN401 - candidate's values
        check(left, right)
        return right

    return checked


RUNTIME: dict[str, Callable[[Any, Any], Any]] = {
    POWER: _power,
    SHIFT: _shift,
    TIMES: _times,
    PLUS: _plus,
    POWER_OPERAND: _operand(_check_power),
    SHIFT_OPERAND: _operand(_check_shift),
    TIMES_OPERAND: _operand(_check_times),
}
"""What the guards call; every namespace that runs candidate code needs these names."""

_GUARDS: dict[type, tuple[str, str]] = {
    ast.Pow: (POWER, POWER_OPERAND),
    ast.LShift: (SHIFT, SHIFT_OPERAND),
    ast.Mult: (TIMES, TIMES_OPERAND),
}


def is_tick(node: object) -> bool:
    """Whether `node` is a tick statement that this module added."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == TICK
    )


def is_docstring(node: ast.stmt) -> bool:
    """Whether `node` is a bare string, which documents and does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def is_stub(definition: Definition) -> bool:
    r"""Whether a function has no body yet: docstring, `pass`, `...`, not implemented.

    Example:
        >>> is_stub(ast.parse("def f():\n    '''Doc.'''\n    pass").body[0])
        True
    """
    for node in definition.body:
        if is_tick(node) or is_docstring(node) or isinstance(node, ast.Pass):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Raise) and "NotImplemented" in ast.dump(node):
            continue
        return False
    return True


def _tick_statement(position: ast.stmt) -> ast.stmt:
    call = ast.Call(ast.Name(TICK, ast.Load()), [], [])
    statement = ast.Expr(call)
    ast.copy_location(statement, position)
    return ast.fix_missing_locations(statement)


def _add_ticks(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, LOOPS + FUNCTIONS):
            documented = isinstance(node, FUNCTIONS) and is_docstring(node.body[0])
            node.body.insert(int(documented), _tick_statement(node.body[0]))


def without_ticks(node: Any) -> Any:  # noqa: ANN401 - a tree, a list of trees or a leaf
    """Return a copy of a tree without its ticks; positions are kept."""
    if isinstance(node, list):
        return [without_ticks(item) for item in node if not is_tick(item)]
    if not isinstance(node, ast.AST):
        return node
    copied = type(node)()
    for field, value in ast.iter_fields(node):
        kept = without_ticks(value)
        if field == "body" and value and not kept:
            kept = [ast.Pass()]
        setattr(copied, field, kept)
    for attribute in ("lineno", "col_offset", "end_lineno", "end_col_offset"):
        if hasattr(node, attribute):
            setattr(copied, attribute, getattr(node, attribute))
    return copied


class GuardSite:
    """A place in a tree whose operator is checked before it runs.

    Either an operation is there, or (`is_operand`) the right-hand side of an augmented
    assignment.
    """

    __slots__ = ("field", "index", "is_operand", "parent")

    def __init__(
        self,
        parent: ast.AST,
        field: str,
        index: int | None,
        *,
        is_operand: bool = False,
    ) -> None:
        self.parent = parent
        self.field = field
        self.index = index
        self.is_operand = is_operand

    def get(self) -> Any:  # noqa: ANN401 - whatever node an edit has put there
        """Return the node at this place now; None where the place is gone."""
        value = getattr(self.parent, self.field, None)
        if self.index is None:
            return value
        return value[self.index] if value and self.index < len(value) else None

    def put(self, node: ast.AST) -> None:
        """Replace the node at this place."""
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _children(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(node):
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield field, index, item
        elif isinstance(value, ast.AST):
            yield field, None, value


def _is_literal_factor(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return abs(node.value) <= MAX_RESULT_ITEMS
    return False


def _needs_guard(node: ast.AST) -> bool:
    if isinstance(node, ast.AugAssign):
        return type(node.op) in _GUARDS and isinstance(node.target, ast.Name)
    if not isinstance(node, ast.BinOp) or type(node.op) not in _GUARDS:
        return False
    if isinstance(node.op, ast.Mult):
        sides = (node.left, node.right)
        displays = (ast.List, ast.Tuple, ast.Constant)
        if any(_is_literal_factor(side) for side in sides):
            return any(isinstance(side, displays) for side in sides[::-1]) and not all(
                isinstance(side, displays) for side in sides
            )
    return True


def _is_plus(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add)


def guard_sites(root: ast.AST, *, new: bool = False) -> list[GuardSite]:
    """Return the places under `root` that need a guard, inner ones first.

    Args:
        root: Searched below, itself excluded.
        new: Whether `root` is new text: then additions are guarded too. A wrong
            concatenation doubles a list at every step of a loop; those that the
            program has already are trusted, for speed.
    """
    found: list[GuardSite] = []

    def visit(node: ast.AST) -> None:
        for field, index, child in _children(node):
            visit(child)
            if isinstance(child, ast.BinOp) and (
                _needs_guard(child) or (new and _is_plus(child))
            ):
                found.append(GuardSite(node, field, index))
        if isinstance(node, ast.AugAssign) and _needs_guard(node):
            found.append(GuardSite(node, "value", None, is_operand=True))

    visit(root)
    return found


def _guarded(site: GuardSite) -> ast.AST | None:
    node = site.get()
    if site.is_operand:
        statement = site.parent
        assert isinstance(statement, ast.AugAssign)
        assert isinstance(statement.target, ast.Name)
        name = _GUARDS[type(statement.op)][1]
        target = ast.copy_location(ast.Name(statement.target.id, ast.Load()), node)
        operands = [target, node]
    elif isinstance(node, ast.BinOp) and type(node.op) in _GUARDS:
        name, operands = _GUARDS[type(node.op)][0], [node.left, node.right]
    elif _is_plus(node):
        name, operands = PLUS, [node.left, node.right]
    else:
        return None
    function = ast.copy_location(ast.Name(name, ast.Load()), node)
    return ast.copy_location(ast.Call(function, operands, []), node)


class Guards:
    """Guards put on for one compilation and taken off again.

    The tree is edited between compilations, so each place is looked at afresh.
    """

    def __init__(self, sites: Iterable[GuardSite]) -> None:
        self._sites = list(sites)
        self._replaced: list[tuple[GuardSite, ast.AST]] = []

    def __enter__(self) -> None:
        self._replaced = []
        for site in self._sites:
            guarded = _guarded(site)
            if guarded is not None:
                self._replaced.append((site, site.get()))
                site.put(guarded)

    def __exit__(self, *_: object) -> None:
        for site, node in reversed(self._replaced):
            site.put(node)


class Unit:
    """A piece of the program that may change and is compiled on its own."""

    __slots__ = ("guards", "name", "node", "owner")

    def __init__(self, node: Definition, owner: ast.ClassDef | None) -> None:
        self.node = node
        self.owner = owner
        own = node.name if not isinstance(node, ast.Module) else ""
        self.name: str = f"{owner.name}.{own}" if owner else own
        self.guards = guard_sites(node)

    @property
    def is_module(self) -> bool:
        """Whether this is the body of a whole program."""
        return isinstance(self.node, ast.Module)


class Subject:
    r"""A program that is edited in place and always brought back to what it was.

    Args:
        source: The module's text.
        functions: Qualified names of the functions that may change; None for all.
        program: Whether the module's own statements may change too. Then the whole
            module is the one unit.

    Raises:
        SyntaxError: If `source` does not parse.

    Example:
        >>> subject = Subject("def f(n):\n    return n")
        >>> [unit.name for unit in subject.units]
        ['f']
    """

    def __init__(
        self,
        source: str,
        functions: Iterable[str] | None = None,
        *,
        program: bool = False,
    ) -> None:
        self.source = source
        self.tree = ast.parse(source)
        _add_ticks(self.tree)
        self.flags = _future_flags(self.tree)
        self.units = [Unit(self.tree, None)] if program else self._functions(functions)
        self._module_guards = guard_sites(self.tree)

    def _functions(self, wanted: Iterable[str] | None) -> list[Unit]:
        allowed = None if wanted is None else set(wanted)
        units = []
        for node in self.tree.body:
            if isinstance(node, FUNCTIONS):
                units.append(Unit(node, None))
            elif isinstance(node, ast.ClassDef):
                units.extend(
                    Unit(item, node)
                    for item in node.body
                    if isinstance(item, FUNCTIONS)
                )
        if allowed is None:
            return units
        return [
            unit
            for unit in units
            if unit.name in allowed or unit.name.rpartition(".")[2] in allowed
        ]

    def compile_module(self) -> types.CodeType:
        """Compile the whole module as it is now.

        Raises:
            SyntaxError: If an edit made a tree that is no program; also ValueError
                and TypeError, as `compile` does.
        """
        with Guards(self._module_guards):
            return _compile(self.tree, self.flags)

    def compile_unit(
        self, unit: Unit, guards: Sequence[GuardSite] = ()
    ) -> types.CodeType:
        """Compile one unit as it is now; a method comes inside a class of its name.

        Args:
            unit: One of `units`.
            guards: Places of new nodes that need guards beside the unit's own.

        Raises:
            SyntaxError: As `compile_module`.
        """
        node = unit.node
        if isinstance(node, ast.Module):
            with Guards([*guards, *unit.guards]):
                return _compile(self.tree, self.flags)
        # Annotations are not evaluated again for every candidate: they cost more
        # than many a test.
        flags = self.flags | __future__.annotations.compiler_flag
        with Guards([*guards, *unit.guards] if guards else unit.guards):
            if unit.owner is None:
                return _compile(ast.Module([node], []), flags)
            shell = ast.ClassDef(unit.owner.name, [], [], [node], [])
            if hasattr(shell, "type_params"):
                shell.type_params = []
            ast.copy_location(shell, node)
            return _compile(ast.Module([shell], []), flags)

    def clean_tree(self) -> ast.Module:
        """Return a copy of the module as it is now, without ticks."""
        tree = without_ticks(self.tree)
        assert isinstance(tree, ast.Module)
        return tree


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                feature = getattr(__future__, alias.name, None)
                flags |= feature.compiler_flag if feature is not None else 0
    return flags


def _compile(tree: ast.Module, flags: int) -> types.CodeType:
    code = compile(tree, FILENAME, "exec", flags=flags, dont_inherit=True)
    assert isinstance(code, types.CodeType)
    return code


class Ticks:
    """The step counter of a namespace.

    A range's own `__next__` counts: it is the cheapest call that ends by itself
    (raising StopIteration) and that candidate code cannot slow down.
    """

    def __init__(self, namespace: dict[str, Any], limit: int) -> None:
        self._namespace = namespace
        self.limit = limit
        self._steps = iter(range(limit))
        self.reset()

    def reset(self) -> None:
        """Start counting again, up to `limit`."""
        self._steps = iter(range(self.limit))
        self._namespace[TICK] = self._steps.__next__

    @property
    def used(self) -> int:
        """Steps taken since the last reset."""
        left: int = self._steps.__length_hint__()  # type: ignore[attr-defined]
        return self.limit - left
