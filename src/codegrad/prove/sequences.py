"""Lists and strings: literals, slices, operators, membership, comprehensions.

In: an evaluator, an expression, a scope. Out: values. Invariant: as for expressions;
an iteration visits exactly the indices that Python would, in that order.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegrad.prove.kinds import (
    INTEGER,
    STR,
    UNKNOWN,
    Kind,
    Unsupported,
    join,
    join_all,
    list_of,
)
from codegrad.prove.scope import Scope
from codegrad.prove.subset import stored_names
from codegrad.prove.symbolic import (
    Value,
    code,
    convert,
    element,
    integer,
    items,
    record,
    replace,
    same,
    sorts_of,
    window,
    with_length,
    within,
)
from codegrad.prove.terms import (
    FALSE,
    INT,
    ONE,
    TRUE,
    ZERO,
    Term,
    add,
    array_of,
    at_most,
    both,
    either,
    equal,
    floor_div,
    floor_mod,
    for_all,
    implies,
    ite,
    less,
    mul,
    neg,
    negate,
    num,
    store,
    sub,
    there_is,
    var,
)

if TYPE_CHECKING:
    from codegrad.prove.expressions import Evaluator

_MAX_STORED = 6


def text(value: str) -> Value:
    """Return a string literal."""
    array = var("text#", array_of(INT))
    for position, character in enumerate(value):
        array = store(array, num(position), num(ord(character)))
    return Value(STR, (array, ZERO, num(len(value))))


def empty(kind: Kind) -> Value:
    """Return an empty list of that kind."""
    arrays = tuple(var(f"empty {s}", s) for s in sorts_of(kind)[:-2])
    return Value(kind, (*arrays, ZERO, ZERO))


def literal(values: list[Value], node: ast.AST | None = None) -> Value:
    """Return the list of these values."""
    kind = list_of(join_all(v.kind for v in values))
    made = with_length(empty(kind), num(len(values)))
    for position, value in enumerate(values):
        made = replace(made, num(position), convert(value, kind.element, node))
    return made


@dataclass(frozen=True, slots=True)
class Iteration:
    """What a `for` goes through: indices `low` to `high`, and what each yields."""

    low: Term
    """The first index."""

    high: Term
    """One past the last index; at or below `low` if there is nothing."""

    at: Callable[[Term], Value]
    """What the target is bound to at an index."""

    count: Term | None = None
    """How many rounds there are, where that is simpler than what follows from them."""

    @property
    def size(self) -> Term:
        """How many rounds there are."""
        if self.count is not None:
            return self.count
        difference = sub(self.high, self.low)
        if difference.literal is not None:
            return num(max(0, difference.literal))
        return ite(less(self.low, self.high), difference, ZERO)


def iteration(evaluator: "Evaluator", node: ast.expr, scope: Scope) -> Iteration:
    """Return what iterating over the expression goes through.

    Raises:
        Unsupported: If the expression is not a range, list, string, or one of
            `enumerate`, `zip` and `reversed` of them.
    """
    match node:
        case ast.Call(func=ast.Name(id=name)) if is_iterator(evaluator, node, scope):
            return _ITERATORS[name](evaluator, node, scope)
        case ast.Tuple(elts=elements):
            values = [evaluator.value(e, scope) for e in elements]
            return over(literal(values, node), node)
        case _:
            whole = evaluator.value(node, scope)
            return over(evaluator.present(node, whole, scope), node)


def is_iterator(evaluator: "Evaluator", node: ast.expr, scope: Scope) -> bool:
    """Return whether the expression calls one of Python's own iterators."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return (
                name in _ITERATORS
                and name not in scope.local_names
                and evaluator.module.is_builtin(name)
            )
    return False


def over(value: Value, node: ast.AST) -> Iteration:
    """Return the iteration over a list or string, by index into its array."""
    if value.kind.name == "tuple":
        value = literal(list(items(value)), node)
    if not value.kind.is_sequence:
        raise Unsupported(node, f"iteration over `{value.kind}`")
    low = value.offset
    base = window(value, neg(low), value.length)

    def at(index: Term) -> Value:
        return element(base, index)

    return Iteration(low, add(low, value.length), at, value.length)


def _range(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Iteration:
    if node.keywords or not 1 <= len(node.args) <= 3:  # noqa: PLR2004 - range's own limits
        raise Unsupported(node, f"`{ast.unparse(node)}`")
    numbers = [evaluator.number(a, scope) for a in node.args]
    low, high = (ZERO, numbers[0]) if len(numbers) == 1 else numbers[:2]
    step = numbers[2].literal if len(numbers) == 3 else 1  # noqa: PLR2004
    if step is None or step == 0:
        raise Unsupported(node, "a range with a step that is not a literal")
    if step == 1:
        return Iteration(low, high, integer)
    size = steps(low, high, step)
    return Iteration(ZERO, size, lambda k: integer(add(low, mul(k, num(step)))), size)


def steps(low: Term, high: Term, step: int) -> Term:
    """Return how many values `range(low, high, step)` has."""
    if step < 0:
        low, high, step = high, low, -step
    distance = sub(high, low)
    if distance.literal is not None:
        return num(max(0, -(-distance.literal // step)))
    count = floor_div(add(distance, num(step - 1)), num(step))
    return ite(less(low, high), count, ZERO)


def _enumerate(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Iteration:
    keywords = {k.arg: k.value for k in node.keywords}
    start_node = node.args[1] if len(node.args) > 1 else keywords.pop("start", None)
    if len(node.args) not in (1, 2) or keywords:
        raise Unsupported(node, f"`{ast.unparse(node)}`")
    inner = iteration(evaluator, node.args[0], scope)
    start = ZERO if start_node is None else evaluator.number(start_node, scope)

    def at(index: Term) -> Value:
        count = add(sub(index, inner.low), start)
        return record((integer(count), inner.at(index)))

    return Iteration(inner.low, inner.high, at, inner.count)


def _zip(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Iteration:
    if node.keywords or not node.args:
        raise Unsupported(node, f"`{ast.unparse(node)}`")
    parts = [iteration(evaluator, a, scope) for a in node.args]
    size = parts[0].size
    for part in parts[1:]:
        size = ite(at_most(size, part.size), size, part.size)

    def at(index: Term) -> Value:
        return record(tuple(p.at(add(p.low, index)) for p in parts))

    return Iteration(ZERO, size, at, size)


def _reversed(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Iteration:
    if node.keywords or len(node.args) != 1:
        raise Unsupported(node, f"`{ast.unparse(node)}`")
    inner_node = node.args[0]
    if isinstance(inner_node, ast.Call) and not (
        isinstance(inner_node.func, ast.Name) and inner_node.func.id in _REVERSIBLE
    ):
        raise Unsupported(node, "`reversed` of an iterator")
    inner = iteration(evaluator, inner_node, scope)
    last = sub(inner.high, ONE)
    return Iteration(ZERO, inner.size, lambda k: inner.at(sub(last, k)), inner.size)


_REVERSIBLE = ("range", "list", "sorted")
_ITERATORS = {
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "reversed": _reversed,
}


def bind_target(target: ast.expr, value: Value) -> dict[str, Value]:
    """Return the names that a target binds, and to what.

    Raises:
        Unsupported: If the target is not a name or a tuple of targets.
    """
    if isinstance(target, ast.Name):
        return {target.id: value}
    if isinstance(target, ast.Tuple | ast.List) and value.kind.name == "tuple":
        parts = items(value)
        if len(parts) != len(target.elts):
            raise Unsupported(target, "unpacking into another number of names")
        bound: dict[str, Value] = {}
        for inner, part in zip(target.elts, parts, strict=True):
            bound.update(bind_target(inner, part))
        return bound
    raise Unsupported(target, f"the target `{ast.unparse(target)}`")


def opened(
    evaluator: "Evaluator", generators: list[ast.comprehension], scope: Scope
) -> tuple[list[Term], list[Iteration], Scope]:
    """Return the bound variables of a comprehension and the scope inside it.

    The guards of the scope say that the variables are in range and the filters true.
    """
    bound: list[Term] = []
    iterations: list[Iteration] = []
    inner = scope.binder()
    for generator in generators:
        if generator.is_async:
            raise Unsupported(generator.iter, "`async for`")
        each = iteration(evaluator, generator.iter, inner)
        if not iterations:
            # Only the first source is evaluated outside the comprehension.
            targets = [ast.Assign([g.target], g.iter) for g in generators]
            inner = inner.hide(stored_names(list(targets)))
        k = evaluator.fresh("k")
        bound.append(k)
        iterations.append(each)
        value = each.at(k)
        inner = inner.under(within(k, each.low, each.high))
        inner = inner.bind(bind_target(generator.target, value))
        for test in generator.ifs:
            inner = inner.under(evaluator.condition(test, inner))
    return bound, iterations, inner


def quantified(
    evaluator: "Evaluator", node: ast.GeneratorExp | ast.ListComp, scope: Scope, op: str
) -> Term:
    """Return `all(...)` or `any(...)` of a comprehension."""
    bound, _, inner = opened(evaluator, node.generators, scope)
    body = evaluator.condition(node.elt, inner)
    guard = both(*inner.guards)
    if op == "all":
        result = for_all(bound, implies(guard, body))
        scope.close(bound, inner, when=result)
    else:
        result = there_is(bound, both(guard, body))
        scope.close(bound, inner, when=negate(result))
    return result


def one_generator(
    evaluator: "Evaluator", node: ast.GeneratorExp | ast.ListComp, scope: Scope
) -> tuple[Term, Iteration, Term, Value]:
    """Return index, iteration, filter and element of a comprehension with one `for`."""
    if len(node.generators) != 1:
        raise Unsupported(node, "a comprehension with several `for` here")
    (generator,) = node.generators
    inner = scope.binder()
    each = iteration(evaluator, generator.iter, inner)
    k = evaluator.fresh("k")
    inner = inner.under(within(k, each.low, each.high))
    inner = inner.bind(bind_target(generator.target, each.at(k)))
    kept = TRUE
    for test in generator.ifs:
        found = evaluator.condition(test, inner)
        kept = both(kept, found)
        inner = inner.under(found)
    value = evaluator.value(node.elt, inner)
    scope.close([k], inner)
    return k, each, kept, value


def comprehension(
    evaluator: "Evaluator", node: ast.ListComp | ast.GeneratorExp, scope: Scope
) -> Value:
    """Return the list of a comprehension."""
    k, each, kept, value = one_generator(evaluator, node, scope)
    return collect(evaluator, (k, each, kept), value.parts, list_of(value.kind))


def collect(
    evaluator: "Evaluator",
    source: tuple[Term, Iteration, Term],
    parts: tuple[Term, ...],
    kind: Kind,
) -> Value:
    """Return the sequence of the parts for every index where the filter holds."""
    k, each, kept = source
    folds = evaluator.folds
    if kept != TRUE:
        arrays, length = folds.kept(k, kept, parts, each.low, each.high)
        return Value(kind, (*arrays, ZERO, length))
    # Tables start at the index of the iteration, so prefixes share them.
    arrays = tuple(folds.table(k, part) for part in parts)
    return Value(kind, (*arrays, each.low, each.size))


def part(
    evaluator: "Evaluator", node: ast.AST, whole: Value, cut: ast.Slice, scope: Scope
) -> Value:
    """Return a slice; Python clips its bounds."""
    whole = evaluator.present(node, whole, scope)
    if not whole.kind.is_sequence:
        raise Unsupported(node, f"a slice of `{whole.kind}`")
    low, high, step = (
        None
        if bound is None or (isinstance(bound, ast.Constant) and bound.value is None)
        else evaluator.number(bound, scope)
        for bound in (cut.lower, cut.upper, cut.step)
    )
    size = whole.length
    if step is None or step.literal == 1:
        start = ZERO if low is None else _clip(evaluator, low, size, scope)
        stop = size if high is None else _clip(evaluator, high, size, scope)
        if evaluator.oracle.implied(scope.path, at_most(start, stop)):
            return window(whole, start, sub(stop, start))
        return window(whole, start, ite(less(start, stop), sub(stop, start), ZERO))
    if step.literal is None or step.literal == 0:
        raise Unsupported(node, "a slice with a step that is not a literal")
    if step.literal > 0:
        start = ZERO if low is None else _clip(evaluator, low, size, scope)
        stop = size if high is None else _clip(evaluator, high, size, scope)
    else:
        last = sub(size, ONE)
        start = last if low is None else _clip_down(low, size)
        stop = num(-1) if high is None else _clip_down(high, size)
    if step.literal == -1 and low is None and high is None:
        count = size
    else:
        count = steps(start, stop, step.literal)
    return tabulate(
        evaluator,
        whole.kind,
        count,
        lambda i: stored(whole, add(start, mul(i, num(step.literal or 1)))),
    )


def _clip(  # noqa: PLR0911 - each case known beforehand gives a simpler term
    evaluator: "Evaluator", bound: Term, size: Term, scope: Scope
) -> Term:
    """Return a slice bound for a positive step as a position from 0 to `size`."""
    implied = evaluator.oracle.implied
    if bound == size:
        return size
    if bound.literal == 0:
        return ZERO
    from_end = add(bound, size)
    negative = ite(less(from_end, ZERO), ZERO, from_end)
    if implied(scope.path, at_most(ZERO, bound)):
        if implied(scope.path, at_most(bound, size)):
            return bound
        return ite(less(size, bound), size, bound)
    if implied(scope.path, less(bound, ZERO)):
        if implied(scope.path, at_most(ZERO, from_end)):
            return from_end
        return negative
    positive = ite(less(size, bound), size, bound)
    return ite(less(bound, ZERO), negative, positive)


def _clip_down(bound: Term, size: Term) -> Term:
    """Return a slice bound for a negative step as a position from -1 to size - 1."""
    from_end = add(bound, size)
    negative = ite(less(from_end, num(-1)), num(-1), from_end)
    positive = ite(less(bound, size), bound, sub(size, ONE))
    return ite(less(bound, ZERO), negative, positive)


def stored(whole: Value, index: Term) -> tuple[Term, ...]:
    """Return what the arrays of a sequence hold for an element."""
    if whole.kind == STR:
        return (code(whole, index),)
    return element(whole, index).parts


def tabulate(
    evaluator: "Evaluator",
    kind: Kind,
    length: Term,
    at: Callable[[Term], tuple[Term, ...]],
) -> Value:
    """Return the sequence of `length` elements, stored as `at` says for an index."""
    k = evaluator.fresh("k")
    arrays = tuple(evaluator.folds.table(k, p) for p in at(k))
    return Value(kind, (*arrays, ZERO, length))


def operate(  # noqa: PLR0913, PLR0917 - operands and their context
    evaluator: "Evaluator",
    node: ast.AST,
    op: ast.operator,
    left: Value,
    right: Value,
    scope: Scope,
) -> Value:
    """Return concatenation or repetition."""
    if isinstance(op, ast.Add) and left.kind.name == right.kind.name:
        return concatenate(evaluator, left, right, node)
    if isinstance(op, ast.Mult):
        if right.kind.is_sequence:
            left, right = right, left
        times = evaluator.as_number(node, right, scope)
        if left.kind.name == "list" and left.kind.element.is_mutable:
            raise Unsupported(node, "repetition of a list of lists (they are one list)")
        return repeat(evaluator, left, times)
    raise Unsupported(node, f"this operator on `{left.kind}` and `{right.kind}`")


def concatenate(
    evaluator: "Evaluator", left: Value, right: Value, node: ast.AST | None = None
) -> Value:
    """Return `left + right` of two lists or two strings."""
    kind = join(left.kind, right.kind, node)
    left, right = convert(left, kind, node), convert(right, kind, node)
    length = add(left.length, right.length)
    if left.length == ZERO:
        return right
    if right.length == ZERO:
        return left
    if kind.items == (UNKNOWN,):
        return with_length(left, length)
    count = right.length.literal
    if count is not None and count <= _MAX_STORED:
        made = left
        for k in range(count):
            made = put(made, add(left.length, num(k)), element(right, num(k)))
        return with_length(made, length)

    def at(k: Term) -> tuple[Term, ...]:
        first, second = stored(left, k), stored(right, sub(k, left.length))
        early = less(k, left.length)
        return tuple(ite(early, a, b) for a, b in zip(first, second, strict=True))

    return tabulate(evaluator, kind, length, at)


def put(whole: Value, index: Term, new: Value) -> Value:
    """Return a sequence with one element replaced (for a string, one character)."""
    if whole.kind != STR:
        return replace(whole, index, new)
    array = store(whole.parts[0], add(whole.offset, index), code(new, ZERO))
    return Value(STR, (array, whole.offset, whole.length))


def repeat(evaluator: "Evaluator", whole: Value, times: Term) -> Value:
    """Return a sequence repeated; a negative number of times gives nothing."""
    if times.literal is not None:
        length = mul(whole.length, num(max(0, times.literal)))
    else:
        length = ite(less(ZERO, times), mul(whole.length, times), ZERO)
    if whole.kind.items == (UNKNOWN,):
        return with_length(whole, ZERO)
    if whole.length == ONE:
        return tabulate(evaluator, whole.kind, length, lambda _: stored(whole, ZERO))
    return tabulate(
        evaluator,
        whole.kind,
        length,
        lambda k: stored(whole, floor_mod(k, whole.length)),
    )


def contains(
    evaluator: "Evaluator", container: ast.expr, wanted: Value, scope: Scope
) -> Term:
    """Return `wanted in container`."""
    if isinstance(container, ast.Tuple | ast.List | ast.Set):
        options = [evaluator.value(e, scope) for e in container.elts]
        if isinstance(container, ast.Set) and not _all_hashable([wanted, *options]):
            raise Unsupported(container, "a set of lists")
        return either(*(same(wanted, o, evaluator.fresh) for o in options))
    if is_iterator(evaluator, container, scope):
        each = iteration(evaluator, container, scope)
        if (
            _is_range(container)
            and wanted.kind.is_number
            and each.at(ONE) == integer(ONE)
        ):
            return within(convert(wanted, INTEGER).term, each.low, each.high)
    else:
        whole = evaluator.present(container, evaluator.value(container, scope), scope)
        if whole.kind == STR:
            if wanted.kind != STR:
                raise Unsupported(container, "`in` a string of something else")
            return _substring(evaluator, wanted, whole)
        if whole.kind == list_of(UNKNOWN):
            return FALSE
        if whole.kind.name == "tuple":
            options = list(items(whole))
            return either(*(same(wanted, o, evaluator.fresh) for o in options))
        each = over(whole, container)
    k = evaluator.fresh("k")
    found = same(each.at(k), wanted, evaluator.fresh)
    return there_is([k], both(within(k, each.low, each.high), found))


def _is_range(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="range")):
            return True
    return False


def _all_hashable(values: list[Value]) -> bool:
    return not any(v.kind.is_mutable for v in values)


def _substring(evaluator: "Evaluator", wanted: Value, whole: Value) -> Term:
    size = wanted.length.literal
    literal_size = whole.length.literal
    if size == 1 and literal_size is not None and literal_size <= 32:  # noqa: PLR2004
        options = (code(whole, num(k)) for k in range(literal_size))
        return either(*(equal(code(wanted, ZERO), o) for o in options))
    k = evaluator.fresh("k")
    last = sub(whole.length, wanted.length)
    here = both(at_most(ZERO, k), at_most(k, last))
    alike = same(window(whole, k, wanted.length), wanted, evaluator.fresh)
    return there_is([k], both(here, alike))
