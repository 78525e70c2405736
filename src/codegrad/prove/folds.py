"""Functions that stand for comprehensions, sums, extremes, sorting and powers.

In: a term that depends on an index. Out: a function of the other things it depends on,
so that the same comprehension over a prefix and over the whole is the same function.
Invariant: every definition is well-founded (it recurs on a shorter range), and every
axiom is a theorem about the definition; nothing here can be inconsistent.
"""

from collections.abc import Sequence

from codegrad.prove.terms import (
    BOOL,
    INT,
    ONE,
    ZERO,
    Application,
    Function,
    Term,
    add,
    array_of,
    at_most,
    both,
    equal,
    for_all,
    implies,
    ite,
    less,
    mul,
    rebuild,
    select,
    store,
    sub,
    substitute,
    there_is,
    var,
)

_INDEX = var("k#", INT)
_LOW = var("lo#", INT)
_HIGH = var("hi#", INT)
_POSITION = var("i#", INT)
_RANGE = (_LOW, _HIGH)
_LAST = sub(_HIGH, ONE)


class Folds:
    """The functions made so far in one proof; equal requests share a function."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Function] = {}

    def _function(
        self, role: str, key: Term, params: tuple[Term, ...], sort: str
    ) -> tuple[Function, bool]:
        known = self._made.get((role, key, sort))
        if known:
            return known, False
        made = Function(f"{role}#{len(self._made)}", params, sort)
        self._made[role, key, sort] = made
        return made, True

    def table(self, index: Term, body: Term) -> Term:
        """Return the array whose element at each `index` is `body`."""
        key, given = _abstract(body, index)
        params = _parameters(given)
        made, new = self._function("table", key, params, array_of(body.sort))
        if new:
            at = select(made(*params), _INDEX)
            made.axioms.append(for_all([*params, _INDEX], equal(at, key)))
        return made(*given)

    def total(self, index: Term, body: Term, low: Term, high: Term) -> Term:
        """Return the sum of `body` for `low <= index < high`."""
        key, given = _abstract(body, index)
        params = _parameters(given)
        made, new = self._function("sum", key, (*params, *_RANGE), INT)
        if new:
            shorter = made(*params, _LOW, _LAST)
            last = substitute(key, {"k#": _LAST})
            made.definition.append(ite(at_most(_HIGH, _LOW), ZERO, add(shorter, last)))
            if _is_count(key):
                whole = made(*params, _LOW, _HIGH)
                size = ite(at_most(_HIGH, _LOW), ZERO, sub(_HIGH, _LOW))
                bounds = both(at_most(ZERO, whole), at_most(whole, size))
                made.axioms.append(for_all([*params, *_RANGE], bounds))
        return made(*given, low, high)

    def count(self, index: Term, condition: Term, low: Term, high: Term) -> Term:
        """Return for how many indices in the range the condition holds."""
        return self.total(index, ite(condition, ONE, ZERO), low, high)

    def extreme(
        self, index: Term, body: Term, low: Term, high: Term, *, largest: bool
    ) -> Term:
        """Return the largest or smallest `body`; unspecified for an empty range."""
        key, given = _abstract(body, index)
        params = _parameters(given)
        role = "max" if largest else "min"
        made, new = self._function(role, key, (*params, *_RANGE), INT)
        if new:
            shorter = made(*params, _LOW, _LAST)
            last = substitute(key, {"k#": _LAST})
            order = at_most(shorter, last) if largest else at_most(last, shorter)
            first = substitute(key, {"k#": _LOW})
            made.definition.append(
                ite(at_most(_HIGH, add(_LOW, ONE)), first, ite(order, last, shorter))
            )
            whole = made(*params, _LOW, _HIGH)
            inside = both(at_most(_LOW, _INDEX), less(_INDEX, _HIGH))
            bound = at_most(key, whole) if largest else at_most(whole, key)
            made.axioms.append(
                for_all([*params, *_RANGE, _INDEX], implies(inside, bound))
            )
            attained = there_is([_INDEX], both(inside, equal(key, whole)))
            made.axioms.append(
                for_all([*params, *_RANGE], implies(less(_LOW, _HIGH), attained))
            )
        return made(*given, low, high)

    def kept(
        self,
        index: Term,
        condition: Term,
        bodies: Sequence[Term],
        low: Term,
        high: Term,
    ) -> tuple[tuple[Term, ...], Term]:
        """Return the arrays and the length of the bodies where the condition holds."""
        packed = Term("pack", (condition, *bodies), BOOL)
        key, given = _abstract(packed, index)
        params = _parameters(given)
        arrays = []
        for part, body in enumerate(bodies):
            sort = array_of(body.sort)
            made, new = self._function(f"kept{part}", key, (*params, *_RANGE), sort)
            if new:
                self._define_kept(made, key.args[0], key.args[part + 1], params)
            arrays.append(made(*given, low, high))
        return tuple(arrays), self.count(index, condition, low, high)

    def _define_kept(
        self, made: Function, condition: Term, body: Term, params: tuple[Term, ...]
    ) -> None:
        def at(term: Term, index: Term) -> Term:
            return substitute(term, {"k#": index})

        def counted(high: Term) -> Term:
            return self.count(_INDEX, condition, _LOW, high)

        shorter = made(*params, _LOW, _LAST)
        longer = store(shorter, counted(_LAST), at(body, _LAST))
        base = Function(f"{made.name} none", (), made.sort)
        step = ite(at(condition, _LAST), longer, shorter)
        made.definition.append(ite(at_most(_HIGH, _LOW), base(), step))
        whole = made(*params, _LOW, _HIGH)
        source = Function(f"{made.name} from", (*params, _LOW, _POSITION), INT)
        origin = source(*params, _LOW, _POSITION)
        found = both(
            at_most(_LOW, origin),
            less(origin, _HIGH),
            at(condition, origin),
            equal(counted(origin), _POSITION),
            equal(select(whole, _POSITION), at(body, origin)),
        )
        inside = both(at_most(ZERO, _POSITION), less(_POSITION, counted(_HIGH)))
        made.axioms.append(
            for_all([*params, *_RANGE, _POSITION], implies(inside, found))
        )
        chosen = both(at_most(_LOW, _INDEX), less(_INDEX, _HIGH), condition)
        placed = both(
            less(counted(_INDEX), counted(_HIGH)),
            equal(select(whole, counted(_INDEX)), body),
        )
        made.axioms.append(for_all([*params, *_RANGE, _INDEX], implies(chosen, placed)))

    def sorted_array(self, array: Term, offset: Term, length: Term) -> Term:
        """Return the array (from index 0) of the sorted integers of a sequence."""
        params = (var("p#0", array.sort), var("p#1", INT), var("p#2", INT))
        made, new = self._function("sorted", params[0], params, array.sort)
        if new:
            _axiomatise_sorted(self, made, params)
        return made(array, offset, length)

    def power(self, base: Term, exponent: Term) -> Term:
        """Return `base ** exponent` for an exponent that is not negative."""
        params = (var("p#0", INT), var("p#1", INT))
        made, new = self._function("power", params[0], params, INT)
        if new:
            smaller = made(params[0], sub(params[1], ONE))
            made.definition.append(
                ite(at_most(params[1], ZERO), ONE, mul(params[0], smaller))
            )
        return made(base, exponent)


def _axiomatise_sorted(folds: Folds, made: Function, params: tuple[Term, ...]) -> None:
    array, offset, length = params
    result = made(*params)
    j = var("j#", INT)
    value = var("v#", INT)

    def inside(index: Term) -> Term:
        return both(at_most(ZERO, index), less(index, length))

    ordered = implies(
        both(at_most(ZERO, _INDEX), at_most(_INDEX, j), less(j, length)),
        at_most(select(result, _INDEX), select(result, j)),
    )
    made.axioms.append(for_all([*params, _INDEX, j], ordered))
    source = Function(f"{made.name} from", (*params, _POSITION), INT)
    target = Function(f"{made.name} to", (*params, _POSITION), INT)
    for there, back, first, second in (
        (source, target, (result, ZERO), (array, offset)),
        (target, source, (array, offset), (result, ZERO)),
    ):
        image = there(*params, _POSITION)
        moved = equal(
            select(first[0], add(first[1], _POSITION)),
            select(second[0], add(second[1], image)),
        )
        returns = equal(back(*params, image), _POSITION)
        made.axioms.append(
            for_all(
                [*params, _POSITION],
                implies(inside(_POSITION), both(inside(image), moved, returns)),
            )
        )
    before = folds.count(
        _INDEX, equal(select(array, _INDEX), value), offset, add(offset, length)
    )
    after = folds.count(_INDEX, equal(select(result, _INDEX), value), ZERO, length)
    made.axioms.append(
        for_all([*params, value], implies(at_most(ZERO, length), equal(before, after)))
    )
    summed = folds.total(_INDEX, select(array, _INDEX), offset, add(offset, length))
    again = folds.total(_INDEX, select(result, _INDEX), ZERO, length)
    made.axioms.append(
        for_all([*params], implies(at_most(ZERO, length), equal(summed, again)))
    )


def _is_count(key: Term) -> bool:
    return key.op == "ite" and {key.args[1], key.args[2]} == {ZERO, ONE}


def _parameters(given: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(var(f"p#{n}", t.sort) for n, t in enumerate(given))


def _abstract(body: Term, index: Term) -> tuple[Term, tuple[Term, ...]]:
    """Split `body` into a pattern over `k#` and `p#0`, `p#1`, ... and their values.

    The values are the largest parts that depend neither on the index nor on a
    variable bound inside; equal patterns mean the same function.
    """
    given: list[Term] = []
    inner: dict[str, Term] = {}

    def walk(term: Term) -> Term:
        if term == index:
            return _INDEX
        if index.name not in term.variables and not term.variables & inner.keys():
            return keep(term)
        if term.op == "var":
            return inner[str(term.name)]
        if term.op in ("forall", "exists"):
            for bound in term.args[:-1]:
                inner[str(bound.name)] = var(f"b#{len(inner)}", bound.sort)
            args = (*(inner[str(b.name)] for b in term.args[:-1]), walk(term.args[-1]))
            return Term(term.op, args, term.sort)
        return _again(term, tuple(walk(a) for a in term.args))

    def keep(term: Term) -> Term:
        if not term.variables and not _has_application(term):
            return term
        if term not in given:
            given.append(term)
        return var(f"p#{given.index(term)}", term.sort)

    return walk(body), tuple(given)


def _again(term: Term, args: tuple[Term, ...]) -> Term:
    return Term("pack", args, BOOL) if term.op == "pack" else rebuild(term, args)


def _has_application(term: Term) -> bool:
    return isinstance(term, Application) or any(map(_has_application, term.args))
