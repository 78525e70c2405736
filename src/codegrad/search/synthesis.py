"""Find expressions by what they compute.

In: what the variables of a place held in several states, or examples of a function.
Out: expressions, shortest first, no two with the same values in every state. The
enumeration is bottom up: larger expressions are built from the kept smaller ones, so
that an expression which computes nothing new is never built upon.

The budget counts expressions, not seconds: the same call gives the same answer on
every machine.
"""

from __future__ import annotations

import ast
import builtins
import itertools
import keyword
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from codegrad.search.components import Component, select_components, stems
from codegrad.search.kinds import (
    BOOL,
    GROUPS,
    INT,
    LISTS,
    NONE,
    OTHER,
    SET,
    STR,
    Kind,
    kind_of,
)

Values = Sequence[Any]

# An operation that is not defined for its operands says so in one of these ways.
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
_HASHABLE = frozenset({BOOL, INT, STR, NONE})
_MAX_INT = 10**30
_MAX_TEXT = 2_000
_MAX_KEY = 20_000
_TOLERANCE = 1e-6

_FEW_STATES = 3
_MIN_EXAMPLES_FOR_CONDITIONAL = 5
_MAX_PARTIAL = 200
_MAX_SOLUTIONS = 20
_MAX_SIZE = 8
_LOOK_AHEAD = 1
"""Sizes searched beyond the first solution, for one that fits the prompt better."""
_MIN_SHARE = 2_000
_SHARE = 4
"""One operation may use a fourth of what is left of the budget at one size."""

_CHEAP_CONSTANTS = (0, 1, 2)
_COMMON_CONSTANTS = (10, -1, "", " ", 3)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")
_QUOTED = re.compile(r"""(['"`])((?:(?!\1)[^\n\\]){0,12})\1""")
_SHOWN_CALL = re.compile(r"\w\(.*\)\s*(?:=|➞|-+>|→|returns?\b|should\b|is\b|#)")
_MAX_PROMPT_NUMBERS = 6
_MAX_PROMPT_TEXTS = 5


class Expression(NamedTuple):
    """Source and what it computes."""

    source: str
    """Python source of the expression."""

    kind: Kind
    """The kind of its values."""

    size: int
    """How much it is built from: a variable counts 1, each operation adds its cost."""

    values: Values
    """Its value in each state."""

    variables: frozenset[str]
    """The variables that occur in it."""

    is_atomic: bool
    """It needs no parentheses as an operand."""


class Solution(NamedTuple):
    """An expression that gives what the examples expect."""

    source_expression: str
    """Python source; its free names are arguments, builtins and `modules`."""

    size: int
    """How much it is built from; smaller generalises better."""

    uses_all_arguments: bool
    """Every argument that differs between the examples occurs in it."""

    conditional: bool
    """It chooses between two expressions that each fit some examples only."""

    modules: tuple[str, ...]
    """The modules that it needs, sorted."""


def enumerate_expressions(  # noqa: PLR0913 - budget and filters, all by keyword
    states: Sequence[Mapping[str, object]],
    constants: Iterable[object],
    *,
    names: Collection[str] | None = None,
    kinds: Collection[Kind] | None = None,
    prompt: str = "",
    max_size: int = 6,
    max_kept: int = 5_000,
    max_tried: int = 50_000,
) -> Iterator[Expression]:
    """Yield expressions over the variables of recorded states, smallest first.

    Each has other values than all before it. Variables are those that every state
    holds with plain values of one kind. No state gives no expressions.

    Args:
        states: The values of the variables each time the place was reached.
        constants: Literals that may occur; 0, 1 and 2 count less than others.
        names: Builtins and modules that may be used; None means every builtin and
            no module. A name that is also a variable is never used.
        kinds: Kinds to yield (see `codegrad.search.kinds`); None means all.
        prompt: Text whose words bring the operations they name to the front.
        max_size: Largest size of an expression.
        max_kept: Expressions with values of their own after which it ends.
        max_tried: Expressions computed after which it ends.

    Example:
        >>> states = [{"xs": [3, 1]}, {"xs": [2]}]
        >>> found = enumerate_expressions(states, [0], kinds=["int"], max_size=2)
        >>> [e.source for e in found]
        ['0', 'len(xs)', 'sum(xs)', 'max(xs)', 'min(xs)']
    """
    if not states:
        return
    shared = [name for name in states[0] if all(name in state for state in states)]
    variables = {name: [state[name] for state in states] for name in shared}
    components = _unshadowed(select_components(prompt, names=names), shared)
    bank = Enumerator(len(states), components, max_kept=max_kept, max_tried=max_tried)
    bank.add_variables(variables)
    bank.add_constants(constants)
    for expression in bank.expressions(max_size):
        if kinds is None or expression.kind in kinds:
            yield expression


def solve_examples(
    argument_names: Sequence[str],
    examples: Sequence[tuple[Sequence[object], object]],
    *,
    prompt: str = "",
    modules: Collection[str] = (),
    max_tried: int = 400_000,
) -> list[Solution]:
    """Return expressions that compute the expected value of every example.

    The best comes first: those that use every argument, then those without a
    condition, then the smallest. Values are compared strictly (`True` is not 1),
    floats within 1e-6. A condition is only tried with at least five examples: with
    fewer it is always memorising. The search ends after `max_tried` expressions.

    Args:
        argument_names: The names of the positional arguments.
        examples: The arguments and the expected value of each example.
        prompt: What the function should do, in words: orders the operations and
            gives constants.
        modules: Modules that the expression may use.
        max_tried: Expressions computed at most.

    Raises:
        ValueError: If an example has another number of arguments.

    Example:
        >>> examples = [([[1, 2]], [3, 6]), ([[]], []), ([[5]], [15])]
        >>> found = solve_examples(["xs"], examples, prompt="Triple each item.")
        >>> found[0].source_expression
        '[x * 3 for x in xs]'
    """
    if any(len(arguments) != len(argument_names) for arguments, _ in examples):
        raise ValueError("every example needs a value for each argument")
    if not examples:
        return []
    variables = {
        name: [arguments[position] for arguments, _ in examples]
        for position, name in enumerate(argument_names)
    }
    names = {*dir(builtins), *modules}
    components = _unshadowed(select_components(prompt, names=names), argument_names)
    goal = _Goal([expected for _, expected in examples], frozenset(argument_names))
    bank = Enumerator(
        len(examples),
        components,
        max_kept=max_tried,
        max_tried=max_tried,
        goal=goal,
        has_comprehensions=True,
    )
    bank.add_variables(variables)
    bank.add_constants(prompt_constants(prompt))
    if any(expected is None for _, expected in examples):
        bank.add_constants([None])
    for expression in bank.expressions(_MAX_SIZE):
        if goal.is_reached(expression.size):
            break
    solutions = [_solution(found, goal) for found in goal.solutions]
    if not any(solution.uses_all_arguments for solution in solutions):
        solutions += _conditionals(bank, goal)
    spoken = stems(prompt)
    unique = {solution.source_expression: solution for solution in solutions}
    return sorted(unique.values(), key=lambda found: _rank(found, spoken))


def body_for(expression: str, modules: Collection[str] = ()) -> str:
    """Return the body of a function that returns the expression, not indented.

    Example:
        >>> print(body_for("math.sqrt(x)", ["math"]))
        import math
        <BLANKLINE>
        return math.sqrt(x)
    """
    imports = "".join(f"import {name}\n" for name in sorted(modules))
    return (imports and imports + "\n") + f"return {expression}"


def prompt_constants(prompt: str) -> list[object]:
    r"""Return the numbers and quoted texts of a prompt, without its examples.

    0, 1 and 2 come first, then those of the prompt in its order, then constants
    that most programs may need. Doctests, and lines that show a call and its value,
    give none: an expression with a literal of an example fits only that example.

    Example:
        >>> prompt_constants("Add 7 and '-'.\n>>> f(99)")[:5]
        [0, 1, 2, 7, '-']
    """
    lines = prompt.split(">>>", maxsplit=1)[0].splitlines()
    prose = "\n".join(line for line in lines if not _SHOWN_CALL.search(line))
    numbers = [
        float(text) if "." in text else int(text) for text in _NUMBER.findall(prose)
    ]
    texts = [found[1] for found in _QUOTED.findall(prose)]
    found: list[object] = []
    for value in (
        *_CHEAP_CONSTANTS,
        *numbers[:_MAX_PROMPT_NUMBERS],
        *texts[:_MAX_PROMPT_TEXTS],
        *_COMMON_CONSTANTS,
    ):
        if not any(type(value) is type(old) and value == old for old in found):
            found.append(value)
    return found


class _Goal:
    """What the examples expect, and what has been found of it."""

    def __init__(self, expected: Values, arguments: frozenset[str]) -> None:
        self.expected = expected
        self.arguments = arguments
        self.solutions: list[Expression] = []
        self.partial: dict[int, Expression] = {}
        self.stop_after: int | None = None

    def consider(self, expression: Expression, *, is_new: bool) -> None:
        """Record how far an expression fits."""
        fits = [
            is_same(value, wanted)
            for value, wanted in zip(expression.values, self.expected)
        ]
        if all(fits):
            if len(self.solutions) < _MAX_SOLUTIONS:
                self.solutions.append(expression)
            if self.arguments <= expression.variables and self.stop_after is None:
                self.stop_after = expression.size + _LOOK_AHEAD
        elif is_new and any(fits) and len(self.partial) < _MAX_PARTIAL:
            self.partial.setdefault(_mask(fits), expression)

    def is_reached(self, size: int) -> bool:
        """Whether expressions of this size come after a solution of a smaller one."""
        return self.stop_after is not None and size > self.stop_after


class _Behaviour(NamedTuple):
    """What tells the values of an expression from all others of its kind."""

    kind: Kind
    """The kind of the values."""

    key: object
    """Equal for equal values only."""

    seen: set[object]
    """The keys of its kind that are kept."""


class Enumerator:
    """Keeps one expression for each behaviour, by kind and size."""

    def __init__(  # noqa: PLR0913 - budget and options, all by keyword
        self,
        states: int,
        components: Sequence[Component],
        *,
        max_kept: int,
        max_tried: int,
        goal: _Goal | None = None,
        has_comprehensions: bool = False,
    ) -> None:
        self.states = states
        self.components = components
        self.max_kept = max_kept
        self.max_tried = max_tried
        self.goal = goal
        self.has_comprehensions = has_comprehensions
        self.tried = 0
        self.kept = 0
        self.by_kind: dict[Kind, dict[int, list[Expression]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.variables: dict[str, Expression] = {}
        self.constants: list[Expression] = []
        self._is_split = goal is not None and states <= _FEW_STATES
        self._seen: dict[Kind, set[object]] = defaultdict(set)
        self._waiting: dict[int, list[Expression]] = defaultdict(list)

    @property
    def is_spent(self) -> bool:
        """Whether the budget is used up."""
        return self.tried >= self.max_tried or self.kept >= self.max_kept

    def add_variables(self, variables: Mapping[str, Values]) -> None:
        """Add variables with their value in each state; skip those of no kind."""
        for name, values in variables.items():
            kind = kind_of(values)
            if kind != OTHER and name.isidentifier() and not keyword.iskeyword(name):
                names = frozenset([name])
                found = Expression(name, kind, 1, tuple(values), names, is_atomic=True)
                self.variables[name] = found
                self._waiting[1].append(found)

    def add_constants(self, constants: Iterable[object]) -> None:
        """Add literals; all but 0, 1 and 2 have size 2."""
        for value in constants:
            is_cheap = type(value) is int and value in _CHEAP_CONSTANTS
            values = (value,) * self.states
            kind, source = kind_of(values), repr(value)
            is_atomic = not source.startswith("-")
            found = Expression(
                source, kind, 1 if is_cheap else 2, values, frozenset(), is_atomic
            )
            self.constants.append(found)
            self._waiting[found.size].append(found)

    def expressions(self, max_size: int) -> Iterator[Expression]:
        """Yield each newly kept expression, by size, until the budget is used up."""
        for size in range(1, max_size + 1):
            if size > 1:
                for component in self.components:
                    yield from self._apply(component, size)
                    if self.is_spent:
                        return
            for found in self._waiting.pop(size, []):
                self.tried += 1
                known = self._known(found.values)
                if known is not None and self._keep(found, known):
                    yield found
                if self.is_spent:
                    return
            if self.has_comprehensions:
                _Comprehensions(self, size).schedule(self._waiting)

    def _apply(self, component: Component, size: int) -> Iterator[Expression]:
        """Yield what is new of one operation at one size."""
        function = component.function
        rest = size - component.cost
        limit = self.tried + max(_MIN_SHARE, (self.max_tried - self.tried) // _SHARE)
        for sizes in _compositions(rest, len(component.signature)):
            if component.is_commutative and sizes[0] > sizes[-1]:
                continue
            pools = [
                self._operands(group, part)
                for group, part in zip(component.signature, sizes)
            ]
            # The hot loop: it sees values only, and finds whose they are if needed.
            products = itertools.product(*[[e.values for e in pool] for pool in pools])
            left = max(0, min(limit, self.max_tried) - self.tried)
            for place, operands in enumerate(itertools.islice(products, left)):
                self.tried += 1
                try:
                    values = tuple(map(function, *operands))
                except _REFUSALS:
                    continue
                known = self._known(values)
                if known is None or self._is_stale(known, values):
                    continue
                found = _compose(component, _chosen(pools, place), known, values, size)
                if self._keep(found, known):
                    yield found
                    if self.kept >= self.max_kept:
                        return

    def _operands(self, group: str, size: int) -> list[Expression]:
        return [
            found
            for kind in GROUPS[group]
            if kind in self.by_kind
            for found in self.by_kind[kind][size]
        ]

    def _known(self, values: Values) -> _Behaviour | None:
        """Return what tells the values apart, or None if nothing is built on them."""
        kind = kind_of(values)
        key: object = values
        if kind == INT:
            if max(values) > _MAX_INT or min(values) < -_MAX_INT:
                return None
        elif kind == STR:
            if max(map(len, values)) > _MAX_TEXT:
                return None
        elif kind == SET:
            key = tuple([frozenset(map(repr, value)) for value in values])
        elif kind == OTHER:
            return None
        elif kind not in _HASHABLE:
            key = repr(values)
            if len(key) > _MAX_KEY:
                return None
        return _Behaviour(kind, key, self._seen[kind])

    def _is_stale(self, known: _Behaviour, values: Values) -> bool:
        """Whether nothing can come of values that were seen before."""
        return (
            not self._is_split
            and known.key in known.seen
            and not self._is_wanted(values)
        )

    def _is_wanted(self, values: Values) -> bool:
        return self.goal is not None and is_same(values[0], self.goal.expected[0])

    def _keep(self, found: Expression, known: _Behaviour) -> bool:
        """Keep an expression if its behaviour is new; show the goal what may fit.

        With few states much is equal by chance, so that expressions of different
        arguments are then kept beside each other.
        """
        key = (known.key, found.variables) if self._is_split else known.key
        is_new = key not in known.seen
        if self.goal is not None and (is_new or self._is_wanted(found.values)):
            self.goal.consider(found, is_new=is_new)
        if is_new:
            known.seen.add(key)
            self.kept += 1
            self.by_kind[found.kind][found.size].append(found)
        return is_new


class _Iteration(NamedTuple):
    """A way to go through something in each state."""

    targets: tuple[str, ...]
    """The loop variables."""

    source: str
    """What is iterated over."""

    rows: list[list[tuple[Any, ...]]]
    """For each state, the values of the loop variables in each round."""

    variables: frozenset[str]
    """The variables that occur in the source."""


class _Comprehensions:
    """Builds `[e for x in xs if p]` over the expressions of one size."""

    max_rounds = 600
    max_maps = 700
    max_filters = 250
    max_source_size = 3

    def __init__(self, outer: Enumerator, size: int) -> None:
        self.outer = outer
        self.size = size
        taken = set(outer.variables)
        fresh = [name for name in ("x", "y", "i", "z", "j", "w") if name not in taken]
        self.item, self.other, self.index = (*fresh, "x_", "y_", "i_")[:3]

    def schedule(self, waiting: dict[int, list[Expression]]) -> None:
        """Add what can be built to the expressions that wait for their size."""
        if self.size > self.max_source_size or self.outer.is_spent:
            return
        iterations = [*self._over_values(), *self._over_positions()]
        left = self.outer.max_tried - self.outer.tried
        share = left // _SHARE // max(1, len(iterations))
        for iteration in iterations:
            for found in self._build(iteration, max(1_000, share)):
                waiting[found.size].append(found)
            if self.outer.is_spent:
                return

    def _over_values(self) -> Iterator[_Iteration]:
        for kind in (*LISTS, STR, "dict"):
            for found in self.outer.by_kind[kind][self.size]:
                if not found.variables:
                    continue
                rows = [[(item,) for item in value] for value in found.values]
                source = _range_source(found.source)
                yield _Iteration((self.item,), source, rows, found.variables)

    def _over_positions(self) -> Iterator[_Iteration]:
        """Yield positions, neighbours and pairs of the variables themselves."""
        if self.size > 1:
            return
        sequences = [
            found
            for found in self.outer.variables.values()
            if found.kind in (*LISTS, STR)
        ]
        both = (self.item, self.other)
        for found in sequences:
            name, names = found.source, found.variables
            values: Sequence[Any] = found.values
            rows = [list(enumerate(value)) for value in values]
            targets = (self.index, self.item)
            yield _Iteration(targets, f"enumerate({name})", rows, names)
            neighbours = [list(zip(value, value[1:])) for value in values]
            yield _Iteration(both, f"zip({name}, {name}[1:])", neighbours, names)
            places = [[(place,) for place in range(len(value))] for value in values]
            source = f"range(len({name}))"
            yield _Iteration((self.index,), source, places, names)
        for first, second in itertools.combinations(sequences, 2):
            pairs = [list(zip(a, b)) for a, b in zip(first.values, second.values)]
            source = f"zip({first.source}, {second.source})"
            yield _Iteration(both, source, pairs, first.variables | second.variables)

    def _build(self, iteration: _Iteration, budget: int) -> Iterator[Expression]:
        rounds = [
            (state, row) for state, rows in enumerate(iteration.rows) for row in rows
        ]
        if not 0 < len(rounds) <= self.max_rounds:
            return
        inner = Enumerator(
            len(rounds),
            [component for component in self.outer.components if component.cost == 1],
            max_kept=budget,
            max_tried=budget,
        )
        inner.add_variables(
            {
                target: [row[position] for _, row in rounds]
                for position, target in enumerate(iteration.targets)
            }
        )
        inner.add_variables(
            {
                name: [found.values[state] for state, _ in rounds]
                for name, found in self.outer.variables.items()
            }
        )
        inner.add_constants([found.values[0] for found in self.outer.constants])
        targets = frozenset(iteration.targets)
        depth = 5 if self.size == 1 else 3
        found = [e for e in inner.expressions(depth) if e.variables & targets]
        self.outer.tried += inner.tried
        states = [state for state, _ in rounds]
        yield from self._maps(iteration, found, states)
        yield from self._filters(iteration, found, states)

    def _maps(
        self, iteration: _Iteration, found: list[Expression], states: list[int]
    ) -> Iterator[Expression]:
        for item in found[: self.max_maps]:
            values = self._grouped(item.values, states, None)
            if item.source != iteration.source:
                yield self._comprehension(iteration, item, None, values)

    def _filters(
        self, iteration: _Iteration, found: list[Expression], states: list[int]
    ) -> Iterator[Expression]:
        predicates = [item for item in found if item.kind == BOOL]
        for predicate in predicates[: self.max_filters]:
            count = 12 if predicate.size <= 2 else 4  # noqa: PLR2004 - short filters go with more items
            for item in found[:count]:
                values = self._grouped(item.values, states, predicate.values)
                yield self._comprehension(iteration, item, predicate, values)

    def _grouped(
        self, values: Values, states: list[int], chosen: Values | None
    ) -> Values:
        """Return, for each state, the list of the values of its rounds."""
        lists: list[list[object]] = [[] for _ in range(self.outer.states)]
        for position, (state, value) in enumerate(zip(states, values)):
            if chosen is None or chosen[position]:
                lists[state].append(value)
        return tuple(lists)

    def _comprehension(
        self,
        iteration: _Iteration,
        item: Expression,
        predicate: Expression | None,
        values: Values,
    ) -> Expression:
        targets = ", ".join(iteration.targets)
        condition = f" if {predicate.source}" if predicate else ""
        size = self.size + item.size + (predicate.size if predicate else 1)
        if predicate and item.source in iteration.targets:
            size -= 1
        variables = iteration.variables | item.variables
        if predicate:
            variables |= predicate.variables
        return Expression(
            f"[{item.source} for {targets} in {iteration.source}{condition}]",
            kind_of(values),
            max(size, self.size + 1),
            values,
            variables & frozenset(self.outer.variables),
            is_atomic=True,
        )


def is_same(value: object, expected: object) -> bool:
    """Whether a value is what an example expects: same types, floats within 1e-6."""
    if isinstance(expected, float) and isinstance(value, (int, float)):
        close = abs(value - expected) <= _TOLERANCE
        return type(value) is not bool and (close or value == expected)
    if type(value) is not type(expected):
        return False
    if isinstance(value, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(value) == len(expected) and all(map(is_same, value, expected))
    return value == expected


def _unshadowed(
    components: Iterable[Component], variables: Iterable[str]
) -> list[Component]:
    hidden = frozenset(variables)
    return [component for component in components if not component.names & hidden]


def _chosen(pools: Sequence[list[Expression]], place: int) -> list[Expression]:
    """Return the operands at a place of the product of the pools."""
    operands = []
    for pool in reversed(pools):
        place, position = divmod(place, len(pool))
        operands.append(pool[position])
    return operands[::-1]


def _compose(
    component: Component,
    operands: Sequence[Expression],
    known: _Behaviour,
    values: Values,
    size: int,
) -> Expression:
    source = component.template.format(
        *[o.source if o.is_atomic else f"({o.source})" for o in operands]
    )
    variables = operands[0].variables.union(*[o.variables for o in operands[1:]])
    return Expression(source, known.kind, size, values, variables, component.is_atomic)


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield the ways to write a number as a sum of so many positive numbers."""
    if parts == 1:
        if total > 0:
            yield (total,)
        return
    for first in range(1, total):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


def _mask(flags: Iterable[object]) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _conditionals(bank: Enumerator, goal: _Goal) -> list[Solution]:
    """Return the smallest `a if p else b` from expressions that fit in part."""
    count = len(goal.expected)
    if count < _MIN_EXAMPLES_FOR_CONDITIONAL:
        return []
    full = (1 << count) - 1
    by_mask: dict[int, Expression] = {}
    for size in sorted(bank.by_kind[BOOL]):
        for found in bank.by_kind[BOOL][size]:
            by_mask.setdefault(_mask(found.values), found)
    best: tuple[int, Solution] | None = None
    for chosen, predicate in by_mask.items():
        then = _smallest_covering(goal.partial, chosen)
        other = _smallest_covering(goal.partial, full & ~chosen)
        if then is None or other is None:
            continue
        size = then.size + predicate.size + other.size
        if best is not None and best[0] <= size:
            continue
        source = f"({then.source}) if ({predicate.source}) else ({other.source})"
        variables = then.variables | predicate.variables | other.variables
        best = (
            size,
            _as_solution(
                source, size, uses_all=goal.arguments <= variables, conditional=True
            ),
        )
    return [best[1]] if best else []


def _smallest_covering(
    partial: Mapping[int, Expression], needed: int
) -> Expression | None:
    covering = [found for mask, found in partial.items() if not needed & ~mask]
    return min(covering, key=lambda found: found.size, default=None)


def _solution(found: Expression, goal: _Goal) -> Solution:
    uses_all = goal.arguments <= found.variables
    return _as_solution(found.source, found.size, uses_all=uses_all, conditional=False)


def _as_solution(
    source: str, size: int, *, uses_all: bool, conditional: bool
) -> Solution:
    """Return a solution without needless parentheses."""
    tree = ast.parse(source, mode="eval")
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    modules = tuple(sorted(used & {"collections", "itertools", "math", "statistics"}))
    return Solution(ast.unparse(tree), size, uses_all, conditional, modules)


def _rank(found: Solution, spoken: frozenset[str]) -> tuple[bool, bool, int, int, str]:
    unspoken = len(stems(found.source_expression) - spoken)
    return (
        not found.uses_all_arguments,
        found.conditional,
        2 * found.size + unspoken,
        found.size,
        found.source_expression,
    )


def _range_source(source: str) -> str:
    """Return a range that is iterated over without the list around it."""
    inner = source[len("list(") : -1]
    is_list = source.startswith("list(range(") and _is_call(inner)
    return inner if is_list else source


def _is_call(source: str) -> bool:
    try:
        return isinstance(ast.parse(source, mode="eval").body, ast.Call)
    except SyntaxError:
        return False
