"""Edits of a program: what one is, what all kinds cost, and their order.

The cost of an edit is its prior (the tables below: how plausible the kind of change
is before anything is known) plus what the suspicion of its line lacks. All priors are
here, so that they can be learned and replaced in one place. An edit's `template`
is the part of its key before the colon.
"""

from __future__ import annotations

import ast
from typing import NamedTuple, Union

from codegrad.search.subject import GuardSite, Unit, guard_sites

SUSPICION_WEIGHT = 2.5
"""Cost of an edit at a line that is not suspicious at all."""

COST: dict[str, float] = {
    # comparisons and truth
    "compare:near": 0.6,
    "compare": 1.0,
    "compare:swap": 1.0,
    "negate": 1.0,
    "negate:condition": 1.2,
    "bool": 1.0,
    "bool:operand": 1.3,
    "bool:group": 1.5,
    "strengthen": 2.3,
    "strengthen:before": 2.6,
    "weaken": 2.3,
    "weaken:before": 2.6,
    "predicate": 2.2,
    "choice:swap": 1.0,
    # arithmetic
    "arithmetic": 1.0,
    "arithmetic:far": 1.5,
    "arithmetic:swap": 1.1,
    "arithmetic:regroup": 1.5,
    "arithmetic:reorder": 1.6,
    "numeric:variable": 2.1,
    "numeric:constant": 2.5,
    # parts of an expression
    "drop": 1.4,
    "drop:sign": 1.1,
    "drop:operand": 1.3,
    "drop:inner": 1.6,
    "drop:item": 1.7,
    "unwrap": 1.7,
    "unwrap:slice": 1.6,
    "unwrap:index": 1.8,
    "unwrap:item": 1.5,
    # constants
    "constant:flag": 0.8,
    "constant:near": 1.0,
    "constant": 1.4,
    "constant:known": 1.5,
    "constant:for-none": 1.6,
    "constant:truth": 2.2,
    "constant:other-type": 2.4,
    # names
    "variable:name": 1.2,
    "variable": 1.9,
    "variable:any": 2.6,
    "donor": 1.9,
    "donor:any": 2.5,
    "target": 2.2,
    "target:donor": 2.4,
    "attribute": 1.2,
    # calls
    "function": 1.3,
    "function:value": 1.5,
    "function:own": 2.0,
    "method": 1.3,
    "argument:swap": 1.0,
    "argument:drop": 1.7,
    "argument:drop-keyword": 1.6,
    "argument:add": 2.6,
    "keyword:reverse": 1.6,
    "keyword:key": 2.3,
    "range:start": 1.3,
    "range:inclusive": 1.6,
    "range": 1.8,
    "range:step": 2.2,
    # sequences
    "slice:one-end": 1.0,
    "slice": 1.6,
    "slice:step": 1.8,
    "slice:variable": 1.8,
    "slice:variable-next": 2.0,
    "index": 2.2,
    "index:swap": 1.3,
    "sequence:slice": 2.0,
    "sequence:item": 2.3,
    "concatenate": 2.1,
    "concatenate:item": 2.2,
    "concatenate:item-first": 2.3,
    "concatenate:donor": 2.6,
    "comprehension:no-filter": 1.6,
    "comprehension:item": 1.8,
    "comprehension:filter": 2.7,
    "list:nested": 1.4,
    "list:one": 1.7,
    "list:add": 2.4,
    "list:swap": 1.4,
    # statements
    "delete": 1.9,
    "swap-statements": 1.7,
    "move": 2.2,
    "dedent": 1.9,
    "indent": 1.9,
    "indent:else": 2.0,
    "unwrap-if": 1.9,
    "unwrap-if:else": 2.0,
    "swap-branches": 1.5,
    "else:drop": 2.0,
    "else:after": 1.8,
    "else:rest": 2.0,
    "elif:swap": 1.8,
    "if-while": 2.4,
    "if-while:once": 2.5,
    "assign-operator": 1.0,
    "assign-operator:other-kind": 1.6,
    "assign-operator:plain": 1.4,
    "assign-operator:swap": 1.6,
    "assign-operator:limit": 2.0,
    "assign-operator:floor": 2.2,
    "assign": 1.7,
    "assign:limit": 1.8,
    "assign:append": 2.5,
    "yield": 1.2,
    "yield:return": 2.0,
    "yield:from-return": 2.4,
    "return:literal": 3.8,
    "return:expected": 5.0,
    "return:call": 2.0,
    "jump": 1.5,
    "jump:pass": 1.7,
    "jump:for-return": 2.3,
    "call-to-assign": 2.0,
    "call-to-assign:result": 2.2,
    # insertions
    "insert:copy": 2.5,
    "insert:step": 2.5,
    "insert:append": 2.6,
    "insert:assign": 2.7,
    "insert:reset": 2.9,
    "insert:jump": 2.6,
    "insert:mutate": 3.0,
    "insert-return": 4.5,
    "guard:variable": 2.9,
    "guard:literal": 3.3,
    "guard:expected": 5.0,
    "guard:jump": 3.1,
    "wrap-if": 2.9,
    # holes
    "hole": 2.0,
    "hole:inner": 2.6,
}
"""Cost of each kind of edit before suspicion is added."""

HOLE_SIZE_COST = 0.3
"""Added for each unit of size of a synthesised expression."""

NUMBER_WRAPS: dict[str, float] = {
    "{w} + 1": 1.2,
    "{w} - 1": 1.2,
    "abs({u})": 1.8,
    "-{w}": 1.9,
    "{w} // 2": 2.0,
    "{w} ** 2": 2.0,
    "max({u}, 0)": 2.0,
    "int({u})": 2.0,
    "{w} * 2": 2.2,
    "{w} + 2": 2.2,
    "{w} - 2": 2.2,
    "str({u})": 2.2,
    "{w} % 2": 2.3,
    "round({u})": 2.3,
    "{w} / 2": 2.3,
    "{w} % 10": 2.4,
    "[{u}]": 2.4,
    "round({u}, 2)": 2.4,
    "min({u}, 0)": 2.5,
    "{w} // 10": 2.5,
    "max(1, {u})": 2.5,
    "1 - {w}": 2.6,
    "{w} ** 0.5": 2.6,
    "1 / {w}": 2.8,
}
"""Around a number: `{u}` is the expression, `{w}` the same in brackets if needed."""

NUMBER_PAIRS = (
    "{w} - {v}",
    "{w} + {v}",
    "{w} * {v}",
    "max({u}, {v})",
    "min({u}, {v})",
    "{w} % {v}",
    "{w} // {v}",
    "{v} - {w}",
    "{w} / {v}",
    "{w} ** {v}",
    "{v} ** {w}",
    "{w} % {v} + 1",
)
"""A number and a numeric variable `{v}`."""

TEXT_WRAPS: dict[str, float] = {
    "{w}.lower()": 1.8,
    "{w}.upper()": 1.8,
    "{w}[::-1]": 1.8,
    "{w}[1:]": 1.9,
    "{w}[:-1]": 1.9,
    "int({u})": 2.0,
    "{w}.strip()": 2.1,
    "{w}.split()": 2.1,
    "len({u})": 2.1,
    "list({u})": 2.2,
    "{w} + ' '": 2.2,
    "{w}[0]": 2.2,
    "{w}.swapcase()": 2.3,
    "ord({u})": 2.3,
    "' ' + {w}": 2.3,
    "{w}.replace(' ', '')": 2.4,
    "''.join(sorted({u}))": 2.5,
}
"""Around a string."""

SEQUENCE_WRAPS: dict[str, float] = {
    "{w}[1:]": 1.7,
    "{w}[:-1]": 1.7,
    "sorted({u})": 1.8,
    "{w}[::-1]": 1.8,
    "list({u})": 1.8,
    "set({u})": 2.0,
    "len({u})": 2.0,
    "{w}[0]": 2.0,
    "{w}[-1]": 2.0,
    "sum({u})": 2.1,
    "reversed({u})": 2.1,
    "max({u})": 2.2,
    "min({u})": 2.2,
    "[{u}]": 2.2,
    "tuple({u})": 2.2,
    "range(len({u}))": 2.2,
    "sorted({u}, reverse=True)": 2.3,
    "list(set({u}))": 2.3,
    "sorted(set({u}))": 2.3,
    "''.join({u})": 2.3,
    "' '.join({u})": 2.3,
    "{w}.items()": 2.3,
    "{w}.values()": 2.3,
    "{w}.keys()": 2.4,
    "enumerate({u})": 2.4,
    "{w}[::2]": 2.5,
    "any({u})": 2.5,
    "all({u})": 2.5,
    "{w}[1::2]": 2.6,
    "{w} + [0]": 2.7,
}
"""Around a list, tuple, set, dict or iterator."""

DICT_WRAPS: dict[str, float] = {
    "{w}.items()": 2.0,
    "{w}.keys()": 2.0,
    "{w}.values()": 2.0,
    "len({u})": 2.0,
}
"""Around a dict, cheaper than as a sequence."""

INSERTED: dict[str, dict[str, float]] = {
    "list": {
        "{a}.sort()": 3.0,
        "{a}.pop()": 3.0,
        "{a}.reverse()": 3.0,
        "{a} = []": 2.9,
        "{a} = sorted({a})": 2.9,
    },
    "deque": {"{a}.pop()": 3.0, "{a}.reverse()": 3.0},
    "int": {"{a} += 1": 2.5, "{a} -= 1": 2.6, "{a} = 0": 2.8, "{a} = 1": 3.0},
    "str": {
        "{a} = ''": 2.9,
        "{a} = {a}.lower()": 2.9,
        "{a} = {a}.strip()": 3.0,
    },
}
"""New statements for a variable `{a}`, by its observed type."""


class Draft(NamedTuple):
    """An expression that may take the place of another."""

    source: str
    template: str
    cost: float


def draft(key: str, source: str) -> Draft:
    """Return a draft whose cost stands in the table."""
    return Draft(source, key.partition(":")[0], COST[key])


Piece = Union[ast.stmt, str]
"""A statement kept from the program, or the text of a new one."""


class Edit:
    """One change of one place of the program.

    An expression edit puts `source` in place of the node at `parent.field[index]`; a
    statement edit puts the list `block` in place of the whole list `parent.field`.
    """

    __slots__ = (
        "block",
        "cost",
        "field",
        "index",
        "is_target",
        "line",
        "parent",
        "source",
        "template",
        "unit",
    )

    def __init__(  # noqa: PLR0913 - a record of a hot loop, made in two places
        self,
        *,
        unit: Unit,
        parent: ast.AST,
        field: str,
        index: int | None,
        source: str,
        template: str,
        cost: float,
        line: int,
        is_target: bool = False,
        block: list[Piece] | None = None,
    ) -> None:
        self.unit = unit
        self.parent = parent
        self.field = field
        self.index = index
        self.source = source
        self.template = template
        self.cost = cost
        self.line = line
        self.is_target = is_target
        self.block = block

    def describe(self) -> str:
        """Return a short text of what is new."""
        if self.block is None:
            return self.source
        new = [piece for piece in self.block if isinstance(piece, str)]
        return "; ".join(new) if new else self.template

    def apply(self, *, positions: bool = True) -> object:
        """Put the change in place; return what `undo` needs.

        Args:
            positions: Whether new nodes keep line numbers, which compiling needs and
                showing must not have.

        Raises:
            SyntaxError: If the new text does not parse; nothing was changed.
        """
        new = self._new_nodes()
        if not positions:
            _drop_positions(self, new)
        if self.index is None:
            old = getattr(self.parent, self.field)
            setattr(self.parent, self.field, new)
            return old
        items = getattr(self.parent, self.field)
        old = items[self.index]
        items[self.index] = new
        return old

    def undo(self, old: object) -> None:
        """Bring the program back to what it was before `apply`."""
        if self.index is None:
            setattr(self.parent, self.field, old)
        else:
            getattr(self.parent, self.field)[self.index] = old

    def guards(self) -> list[GuardSite]:
        """Return where the new text, now in place, needs guards."""
        if self.block is None:
            if not _may_need_guard(self.source):
                return []
            place = GuardSite(self.parent, self.field, self.index)
            return [*guard_sites(place.get(), new=True), place]
        texts = [piece for piece in self.block if isinstance(piece, str)]
        if not any(map(_may_need_guard, texts)):
            return []
        kept = {id(piece) for piece in self.block}
        block = getattr(self.parent, self.field)
        new = [node for node in block if id(node) not in kept]
        return [site for node in new for site in guard_sites(node, new=True)]

    def _new_nodes(self) -> ast.AST | list[ast.stmt]:
        if self.block is not None:
            nodes: list[ast.stmt] = []
            for piece in self.block:
                if isinstance(piece, str):
                    nodes.extend(ast.parse(piece).body)
                else:
                    nodes.append(piece)
            return nodes
        if self.is_target:
            statement = ast.parse(self.source + " = 0").body[0]
            assert isinstance(statement, ast.Assign)
            return statement.targets[0]
        return ast.parse(self.source, mode="eval").body


def _may_need_guard(text: str) -> bool:
    return "*" in text or "+" in text or "<<" in text


def _drop_positions(edit: Edit, new: ast.AST | list[ast.stmt]) -> None:
    if isinstance(new, ast.AST):
        roots: list[ast.AST] = [new]
    else:
        kept = {id(piece) for piece in edit.block or () if isinstance(piece, ast.AST)}
        roots = [node for node in new if id(node) not in kept]
    for root in roots:
        for node in ast.walk(root):
            for name in ("col_offset", "end_lineno", "end_col_offset"):
                if hasattr(node, name):
                    delattr(node, name)
            if isinstance(node, ast.stmt):
                node.lineno = 0  # `ast.unparse` asks for it
            elif hasattr(node, "lineno"):
                del node.lineno
