"""Edits of one statement: moved, dropped, turned into another, inserted before."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from codegrad.search.edits import COST, INSERTED, Piece
from codegrad.search.edits_expression import ARITHMETIC, BITWISE, OPERATORS
from codegrad.search.predicates import predicates
from codegrad.search.sites import Scope, StatementSite, Types
from codegrad.search.subject import is_docstring, is_tick

RETURNED = ("True", "False", "None", "0", "1", "-1", "[]", "''", "[[]]", "{}")
"""Literals that an inserted return may give."""

REPLACED_RETURNS = ("True", "False", "None", "0", "[]", "''")
"""Literals that an existing return may give instead."""

MAX_COPIED = 70
"""Longer statements are not copied to another place."""

MAX_EXPECTED = 8
MAX_EXPECTED_TEXT = 30
NO_NAMES: frozenset[str] = frozenset()
SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign)
ENDS_BLOCK = (ast.Return, ast.Break, ast.Continue, ast.Raise)
NOT_A_VALUE = frozenset({"function", "module", "type", "builtin_function_or_method"})


class BlockDraft(NamedTuple):
    """A list of statements that may take the place of a block."""

    block: list[Piece]
    template: str
    cost: float


def _draft(key: str, block: Sequence[Piece]) -> BlockDraft:
    return BlockDraft(list(block), key.partition(":")[0], COST[key])


def expected_literals(expected: Sequence[object]) -> list[str]:
    """Return short expected values as source, each once."""
    found: dict[str, None] = {}
    plain = (int, float, str, bool, list, tuple, dict, type(None))
    for value in expected:
        if isinstance(value, plain):
            text = repr(value)
            if len(text) < MAX_EXPECTED_TEXT:
                found[text] = None
    return list(found)[:MAX_EXPECTED]


class StatementView:
    """A statement site with all that the templates ask for."""

    def __init__(  # noqa: PLR0913 - what the generator knows, handed over once
        self,
        site: StatementSite,
        scope: Scope,
        *,
        others: Sequence[StatementSite],
        texts: Sequence[str],
        expected: Sequence[object],
        is_entry_point: bool,
    ) -> None:
        self.site = site
        self.node = site.node
        self.block: list[ast.stmt] = site.block
        self.index = site.index
        self.before: list[ast.stmt] = self.block[: site.index]
        self.after: list[ast.stmt] = self.block[site.index + 1 :]
        self.names: Types = scope.names(site.node, NO_NAMES)
        self.others = others
        self.expected = expected
        self.is_entry_point = is_entry_point
        self._texts = texts

    def replaced(self, key: str, *new: Piece) -> BlockDraft:
        """Return the block with this statement replaced by `new`."""
        return _draft(key, [*self.before, *new, *self.after])

    def predicates(self) -> list[str]:
        """Return conditions over the variables in reach."""
        return predicates(self.names, self._texts)


def _has_code(block: Sequence[ast.stmt]) -> bool:
    return any(not is_tick(node) and not is_docstring(node) for node in block)


def statement_edits(view: StatementView) -> Iterator[BlockDraft]:
    """Yield the drafts for one statement that a failing test reached."""
    yield from _moves(view)
    yield from structure_edits(view)
    node = view.node
    if isinstance(node, ast.If):
        yield from _if_edits(view, node)
    elif isinstance(node, ast.While):
        yield view.replaced("if-while:once", _as_if(node))
    elif isinstance(node, ast.AugAssign):
        yield from _augmented_edits(view, node)
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        yield from _assign_edits(view, node)
    elif isinstance(node, ast.Return):
        yield from _return_edits(view, node)
    elif isinstance(node, ast.Expr):
        yield from _call_edits(view, node)
    elif isinstance(node, ast.Break):
        yield view.replaced("jump", "continue")
        yield view.replaced("jump:pass", "pass")
    elif isinstance(node, ast.Continue):
        yield view.replaced("jump", "break")
    yield from _insertions(view)


def structure_edits(view: StatementView) -> Iterator[BlockDraft]:
    """Yield what moves statements into and out of this compound statement."""
    node = view.node
    if not isinstance(node, (ast.For, ast.While, ast.If, ast.With)):
        return
    for field in ("body", "orelse"):
        block = getattr(node, field, [])
        if len(block) > 1 or (block and field == "body"):
            shorter = copy.copy(node)
            setattr(shorter, field, block[:-1])
            if _has_code(block[:-1]):
                yield view.replaced("dedent", shorter, block[-1])
    if view.after:
        following = view.after[0]
        longer = copy.copy(node)
        longer.body = [*node.body, following]
        yield _draft("indent", [*view.before, longer, *view.after[1:]])
        if not isinstance(node, ast.With) and node.orelse:
            longer = copy.copy(node)
            assert not isinstance(longer, ast.With)
            longer.orelse = [*node.orelse, following]
            yield _draft("indent:else", [*view.before, longer, *view.after[1:]])


def _moves(view: StatementView) -> Iterator[BlockDraft]:
    rest = [*view.before, *view.after]
    yield _draft("delete", rest if _has_code(rest) else [*rest, "pass"])
    if view.after:
        swapped = [*view.before, view.after[0], view.node, *view.after[1:]]
        yield _draft("swap-statements", swapped)
    for position in range(len(view.block)):
        if abs(position - view.index) > 1:
            moved: list[Piece] = list(rest)
            moved.insert(position, view.node)
            yield _draft("move", moved)


def _if_edits(view: StatementView, node: ast.If) -> Iterator[BlockDraft]:
    yield view.replaced("unwrap-if", *node.body)
    loop = ast.While(node.test, node.body, node.orelse)
    yield view.replaced("if-while", ast.copy_location(loop, node))
    if not node.orelse:
        if view.after:
            longer = copy.copy(node)
            longer.orelse = list(view.after)
            yield _draft("else:rest", [*view.before, longer])
        return
    yield view.replaced("unwrap-if:else", *node.orelse)
    swapped = copy.copy(node)
    swapped.body, swapped.orelse = node.orelse, node.body
    yield view.replaced("swap-branches", swapped)
    shorter = copy.copy(node)
    shorter.orelse = []
    yield view.replaced("else:drop", shorter)
    yield view.replaced("else:after", shorter, *node.orelse)
    second = node.orelse[0]
    if len(node.orelse) == 1 and isinstance(second, ast.If):
        first, second = copy.copy(node), copy.copy(second)
        first.orelse, second.orelse = second.orelse, [first]
        yield view.replaced("elif:swap", second)


def _as_if(node: ast.While) -> ast.stmt:
    return ast.copy_location(ast.If(node.test, node.body, node.orelse), node)


def _augmented_edits(view: StatementView, node: ast.AugAssign) -> Iterator[BlockDraft]:
    target, value = ast.unparse(node.target), ast.unparse(node.value)
    current = OPERATORS[type(node.op)]
    for operator in ARITHMETIC + BITWISE:
        same = (operator in BITWISE) == (current in BITWISE)
        key = "assign-operator" if same else "assign-operator:other-kind"
        yield view.replaced(key, f"{target} {operator}= {value}")
    yield view.replaced("assign-operator:plain", f"{target} = {value}")
    yield view.replaced(
        "assign-operator:swap", f"{target} = ({value}) {current} {target}"
    )
    for function in ("max", "min"):
        text = f"{target} = {function}({target}, {value})"
        yield view.replaced("assign-operator:limit", text)
    text = f"{target} = max(0, {target} {current} ({value}))"
    yield view.replaced("assign-operator:floor", text)


def _assign_edits(view: StatementView, node: ast.Assign) -> Iterator[BlockDraft]:
    target, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
    if isinstance(node.targets[0], (ast.Tuple, ast.List)):
        return
    for operator in ("+=", "-=", "*=", "|="):
        yield view.replaced("assign", f"{target} {operator} {value}")
    for function in ("max", "min"):
        text = f"{target} = {function}({target}, {value})"
        yield view.replaced("assign:limit", text)
    yield view.replaced("assign:append", f"{target}.append({value})")


def _return_edits(view: StatementView, node: ast.Return) -> Iterator[BlockDraft]:
    value = ast.unparse(node.value) if node.value else "None"
    yield view.replaced("yield:from-return", f"yield {value}")
    for literal in REPLACED_RETURNS:
        yield view.replaced("return:literal", f"return {literal}")
    for literal in expected_literals(view.expected):
        yield view.replaced("return:expected", f"return {literal}")
    if view.site.in_loop:
        yield view.replaced("jump:for-return", "continue")
        yield view.replaced("jump:for-return", "break")


def _call_edits(view: StatementView, node: ast.Expr) -> Iterator[BlockDraft]:
    value = node.value
    if isinstance(value, ast.Yield) and value.value is not None:
        inner = ast.unparse(value.value)
        yield view.replaced("yield", f"yield from {inner}")
        yield view.replaced("yield:return", f"return {inner}")
    elif isinstance(value, ast.YieldFrom):
        yield view.replaced("yield", f"yield {ast.unparse(value.value)}")
    elif isinstance(value, ast.Call):
        text = ast.unparse(value)
        yield view.replaced("return:call", f"return {text}")
        if isinstance(value.func, ast.Attribute):
            receiver = ast.unparse(value.func.value)
            if len(value.args) == 1:
                assigned = f"{receiver} = {ast.unparse(value.args[0])}"
                yield view.replaced("call-to-assign", assigned)
            yield view.replaced("call-to-assign:result", f"{receiver} = {text}")


# -- insertions


def _insertions(view: StatementView) -> Iterator[BlockDraft]:
    simple = _simple_statements(view)
    returned = _returned_values(view)
    guards = list(_guards(view, returned))
    yield from _inserted_at(view, view.index, simple, guards)
    if not view.after and not isinstance(view.node, ENDS_BLOCK):
        end = view.index + 1
        yield from _inserted_at(view, end, simple, guards)
        for value in returned:
            yield _draft("insert-return", [*view.block, f"return {value}"])
    if isinstance(view.node, (*SIMPLE, ast.Return)):
        for condition in view.predicates():
            wrapper = ast.parse(f"if {condition}: pass").body[0]
            assert isinstance(wrapper, ast.If)
            wrapper.body = [view.node]
            yield view.replaced("wrap-if", wrapper)


def _inserted_at(
    view: StatementView,
    position: int,
    simple: dict[str, float],
    guards: Sequence[tuple[str, str]],
) -> Iterator[BlockDraft]:
    before, after = view.block[:position], view.block[position:]
    for text, cost in simple.items():
        yield BlockDraft([*before, text, *after], "insert", cost)
    for key, text in guards:
        yield _draft(key, [*before, text, *after])


def _guards(view: StatementView, returned: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the key and text of each guard: a condition and a way out."""
    conditions = view.predicates()
    if view.is_entry_point:
        fitting = _fitting_returns(view, returned)
        for condition in conditions:
            for value in fitting:
                yield _guard_key(view, value), f"if {condition}: return {value}"
    if view.site.in_loop:
        for condition in conditions:
            for jump in ("break", "continue"):
                yield "guard:jump", f"if {condition}: {jump}"


def _guard_key(view: StatementView, value: str) -> str:
    if value in view.names:
        return "guard:variable"
    return "guard:literal" if value in RETURNED else "guard:expected"


def _simple_statements(view: StatementView) -> dict[str, float]:
    """Return statements worth inserting, with their costs; the first cost counts."""
    found: dict[str, float] = {}

    def add(text: str, cost: float) -> None:
        found.setdefault(text, cost)

    for a, types in view.names.items():
        for text, cost in _mutations(a, types, view.names):
            add(text, cost)
    for a, b in _assignable(view.names):
        add(f"{a} = {b}", COST["insert:assign"])
    for other in view.others:
        if isinstance(other.node, SIMPLE) and other.node is not view.node:
            text = ast.unparse(other.node)
            if len(text) < MAX_COPIED:
                found[text] = min(COST["insert:copy"], found.get(text, 9.0))
    if view.site.in_loop:
        add("break", COST["insert:jump"])
        add("continue", COST["insert:jump"])
    return found


def _mutations(a: str, types: set[str], names: Types) -> Iterator[tuple[str, float]]:
    if types & {"list", "deque"}:
        for b in names:
            if b != a:
                yield f"{a}.append({b})", COST["insert:append"]
    if "set" in types:
        for b in names:
            if b != a:
                yield f"{a}.add({b})", COST["insert:append"]
    for kind in sorted(types):
        for shape, cost in INSERTED.get(kind, {}).items():
            yield shape.format(a=a), cost


def _assignable(names: Types) -> Iterator[tuple[str, str]]:
    for a, a_types in names.items():
        if a_types & NOT_A_VALUE:
            continue
        for b, b_types in names.items():
            either = a_types | b_types
            if a != b and (a_types & b_types or "NoneType" in either):
                yield a, b


def _returned_values(view: StatementView) -> list[str]:
    values = [*RETURNED, *expected_literals(view.expected)]
    for name, types in view.names.items():
        if not types & NOT_A_VALUE:
            values.append(name)
    values += [f"[{n}]" for n, types in view.names.items() if types & {"int", "str"}]
    return list(dict.fromkeys(values))


def _fitting_returns(view: StatementView, values: Sequence[str]) -> list[str]:
    """Return the values whose type is one that the tests expect."""
    wanted = {type(value).__name__ for value in view.expected}
    if not wanted:
        return list(values)
    return [
        value
        for value in values
        if value in view.names or _literal_type(value) in wanted
    ]


def _literal_type(text: str) -> str:
    try:
        return type(ast.literal_eval(text)).__name__
    except (ValueError, SyntaxError):
        return ""
