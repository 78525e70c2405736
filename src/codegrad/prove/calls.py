"""Calls in expressions: Python's own functions, methods, and the module's functions.

In: a call and a scope. Out: a value. Invariant: a name is taken for a builtin only if
nothing in the module or the function can make it mean something else; a function used
as a definition is total (its recursion was proved to end).
"""

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from codegrad.contract import ClauseKind
from codegrad.prove import sequences
from codegrad.prove.kinds import (
    INTEGER,
    STR,
    UNKNOWN,
    Kind,
    Unsupported,
    kind_of_annotation,
    list_of,
)
from codegrad.prove.scope import Mode, Scope
from codegrad.prove.subset import Function as ModuleFunction
from codegrad.prove.subset import parameters
from codegrad.prove.symbolic import (
    MAX_CODE_POINT,
    Value,
    boolean,
    code,
    convert,
    integer,
    record,
    same,
    sorts_of,
    well_formed,
    window,
    within,
)
from codegrad.prove.termination import measures_of_parameters
from codegrad.prove.terms import (
    ONE,
    TRUE,
    ZERO,
    Function,
    Term,
    add,
    at_most,
    both,
    equal,
    for_all,
    implies,
    ite,
    less,
    neg,
    num,
    store,
    sub,
    there_is,
    var,
)

if TYPE_CHECKING:
    from codegrad.prove.expressions import Evaluator

_MAX_INLINED = 12


class Callees:
    """What the names of called functions stand for, in one module."""

    def __init__(self, evaluator: "Evaluator") -> None:
        self.evaluator = evaluator
        self.ghosts: dict[str, Function] = {}
        self.ghost_measures: dict[str, str] = {}
        self.specifications: set[str] = set()
        self._hollow: dict[str, Function] = {}
        self._recursive_calls: list[tuple[tuple[Term, ...], list[Value]]] = []
        self._inlining: list[str] = []
        self.running = ""

    def call(self, node: ast.Call, scope: Scope) -> Value:
        """Return the value of a call."""
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, scope)
        if not isinstance(node.func, ast.Name):
            raise Unsupported(node, f"`{ast.unparse(node)}`")
        name = node.func.id
        if name in scope.local_names:
            raise Unsupported(node, f"`{name}`, a local name, called")
        if self.evaluator.module.has_function(name):
            return self._of_module(node, name, scope)
        if name not in _BUILTINS or not self.evaluator.module.is_builtin(name):
            raise Unsupported(node, f"the call `{ast.unparse(node)}`")
        if any(isinstance(a, ast.Starred) for a in node.args):
            raise Unsupported(node, "`*` in a call")
        return _BUILTINS[name](self.evaluator, node, scope)

    def arguments(
        self, node: ast.Call, function: ModuleFunction, scope: Scope
    ) -> list[Value]:
        """Return the values of a call's arguments in the order of the parameters."""
        names = [p.arg for p in parameters(function.node)]
        positional = len(names) - len(function.node.args.kwonlyargs)
        if len(node.args) > positional or any(
            isinstance(a, ast.Starred) for a in node.args
        ):
            raise Unsupported(node, "the arguments of this call")
        given = dict(zip(names, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in given or keyword.arg not in names:
                raise Unsupported(node, "the arguments of this call")
            given[keyword.arg] = keyword.value
        values = {n: self.evaluator.value(a, scope) for n, a in given.items()}
        if set(values) != set(names):
            raise Unsupported(node, "default values in this call")
        return [values[n] for n in names]

    def _of_module(self, node: ast.Call, name: str, scope: Scope) -> Value:
        function = self.evaluator.module.function(name, node)
        values = self.arguments(node, function, scope)
        if name in self._hollow:
            if name != next(reversed(self._hollow)):
                raise Unsupported(node, f"mutual recursion through `{name}`")
            return self._recursive(node, function, values, scope)
        body = function.expression
        calls_itself = body is not None and _calls(body, name)
        by_definition = body is not None and not function.node.decorator_list
        if by_definition and not calls_itself:
            return self._inline(node, function, values, scope)
        promises = bool(function.clauses(ClauseKind.POST))
        if by_definition and not promises and name != self.running:
            # It is its own best contract: total, without effects, one expression.
            return self._ghost(node, function, values, scope)
        if scope.mode is Mode.CODE:
            if scope.is_bound:
                raise Unsupported(node, f"`{name}` called inside a comprehension")
            return self.evaluator.call_by_contract(node, values, scope)
        if by_definition:
            return self._ghost(node, function, values, scope)
        raise Unsupported(node, f"`{name}` in a condition: it is not one expression")

    def _inline(
        self,
        node: ast.Call,
        function: ModuleFunction,
        values: list[Value],
        scope: Scope,
    ) -> Value:
        if function.name in self._inlining or len(self._inlining) > _MAX_INLINED:
            raise Unsupported(node, f"mutual recursion through `{function.name}`")
        assert function.expression is not None
        names = [p.arg for p in parameters(function.node)]
        self._inlining.append(function.name)
        try:
            inner = Scope(
                env=dict(zip(names, values, strict=True)),
                path=scope.path,
                mode=scope.mode,
                local_names=function.local_names,
                guards=scope.guards,
                checks=scope.checks,
                facts=scope.facts,
                is_bound=scope.is_bound,
            )
            return self.evaluator.value(function.expression, inner)
        finally:
            self._inlining.pop()

    def _ghost(
        self,
        node: ast.Call,
        function: ModuleFunction,
        values: list[Value],
        scope: Scope,
    ) -> Value:
        """Return the value of a recursive definition, proved to end."""
        kinds, result = signature(function)
        values = [convert(v, k, node) for v, k in zip(values, kinds, strict=True)]
        if function.name not in self.ghosts:
            self._define(function)
        names = [p.arg for p in parameters(function.node)]
        required = self.required(function, dict(zip(names, values, strict=True)), scope)
        scope.check(f"precondition of {function.name}", node, required)
        flat = [p for v in values for p in v.parts]
        return Value(result, (self.ghosts[function.name](*flat),))

    def required(
        self, function: ModuleFunction, env: dict[str, Value], scope: Scope
    ) -> Term:
        """Return that the preconditions of a function hold for these arguments."""
        inner = Scope(
            env, scope.path, Mode.GOAL, local_names=function.local_names, is_bound=True
        )
        holds = [
            self.evaluator.condition(clause, inner)
            for clause in function.clauses(ClauseKind.PRE)
        ]
        return both(*(c.goal for c in inner.checks), *holds)

    def _define(self, function: ModuleFunction) -> None:
        kinds, result = signature(function)
        if not result.is_number:
            raise Unsupported(function.node, f"a definition that yields `{result}`")
        names = [p.arg for p in parameters(function.node)]
        arguments = {
            n: _general(k, f"{n}#{function.name}")
            for n, k in zip(names, kinds, strict=True)
        }
        flat = tuple(p for v in arguments.values() for p in v.parts)
        made = Function(f"def {function.name}", flat, sorts_of(result)[0])
        self._prove_ending(function, arguments, flat, result)
        # From here on the name may be used: the definition is well-founded.
        self.ghosts[function.name] = made
        shape = [f for v in arguments.values() for f in well_formed(v, self._fresh)]
        scope = Scope(
            arguments,
            tuple(shape),
            Mode.GOAL,
            local_names=function.local_names,
            is_bound=True,
        )
        domain = both(*shape, self.required(function, arguments, scope))
        assert function.expression is not None
        body = convert(
            self.evaluator.value(function.expression, scope.under(domain)), result
        )
        elsewhere = Function(f"{made.name} elsewhere", flat, made.sort)
        made.definition.append(ite(domain, body.term, elsewhere(*flat)))

    def _prove_ending(
        self,
        function: ModuleFunction,
        arguments: dict[str, Value],
        flat: tuple[Term, ...],
        result: Kind,
    ) -> None:
        """Prove that the definition is total on its precondition, or refuse it.

        The recursive calls stand for arbitrary values here, so that the definition
        takes no part in its own justification.
        """
        name = function.name
        hollow = Function(f"any {name}", flat, sorts_of(result)[0])
        self._hollow[name] = hollow
        outer, self._recursive_calls = self._recursive_calls, []
        try:
            shape = [f for v in arguments.values() for f in well_formed(v, self._fresh)]
            start = Scope(
                arguments,
                tuple(shape),
                Mode.GOAL,
                local_names=function.local_names,
                is_bound=True,
            )
            domain = self.required(function, arguments, start)
            scope = start.under(domain)
            assert function.expression is not None
            self.evaluator.value(function.expression, scope)
            calls = self._recursive_calls
        finally:
            self._recursive_calls = outer
            del self._hollow[name]
        proves = self.evaluator.oracle.proves
        base = (*shape, domain)
        for check in scope.checks:
            if not proves(base, check.goal):
                raise Unsupported(
                    function.node,
                    f"the definition of `{name}`: {check.reason} is not proved",
                )
        for measure in measures_of_parameters(function):
            if self._decreases(function, measure, arguments, calls, base):
                self.ghost_measures[name] = ast.unparse(measure)
                return
        raise Unsupported(
            function.node, f"the definition of `{name}`: its recursion may not end"
        )

    def _decreases(
        self,
        function: ModuleFunction,
        measure: ast.expr,
        arguments: dict[str, Value],
        calls: list[tuple[tuple[Term, ...], list[Value]]],
        base: tuple[Term, ...],
    ) -> bool:
        def measured(env: dict[str, Value]) -> Term:
            scope = Scope(
                env, base, Mode.GOAL, local_names=function.local_names, is_bound=True
            )
            return self.evaluator.number(measure, scope)

        try:
            before = measured(arguments)
            for guards, values in calls:
                after = measured(dict(zip(arguments, values, strict=True)))
                falls = both(at_most(ZERO, before), less(after, before))
                if not self.evaluator.oracle.proves((*base, *guards), falls):
                    return False
        except Unsupported:
            return False
        return True

    def _recursive(
        self,
        node: ast.Call,
        function: ModuleFunction,
        values: list[Value],
        scope: Scope,
    ) -> Value:
        kinds, result = signature(function)
        values = [convert(v, k, node) for v, k in zip(values, kinds, strict=True)]
        names = [p.arg for p in parameters(function.node)]
        env = dict(zip(names, values, strict=True))
        if any(_calls(c, function.name) for c in function.clauses(ClauseKind.PRE)):
            raise Unsupported(node, "a precondition that calls its own function")
        required = self.required(function, env, scope)
        scope.check(f"precondition of {function.name}", node, required)
        self._recursive_calls.append((scope.path, values))
        flat = [p for v in values for p in v.parts]
        return Value(result, (self._hollow[function.name](*flat),))

    def _fresh(self, prefix: str) -> Term:
        return self.evaluator.fresh(prefix)

    def _method(self, node: ast.Call, target: ast.Attribute, scope: Scope) -> Value:
        owner = self.evaluator.value(target.value, scope)
        owner = self.evaluator.present(node, owner, scope)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise Unsupported(node, f"`{ast.unparse(node)}`")
        handler = _METHODS.get((owner.kind.name, target.attr))
        if handler is None:
            raise Unsupported(node, f"the method `{owner.kind}.{target.attr}`")
        return handler(self.evaluator, node, owner, scope)


def signature(function: ModuleFunction) -> tuple[list[Kind], Kind]:
    """Return the kinds of the parameters and of the result, from the annotations.

    Raises:
        Unsupported: If an annotation is missing or not understood.
    """
    if function.node.returns is None:
        raise Unsupported(function.node, f"`{function.name}` has no return type")
    kinds = []
    for parameter in parameters(function.node):
        if parameter.annotation is None:
            raise Unsupported(
                parameter,
                f"parameter `{parameter.arg}` of `{function.name}` has no type",
            )
        kinds.append(kind_of_annotation(parameter.annotation))
    return kinds, kind_of_annotation(function.node.returns)


def _calls(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
        for n in ast.walk(node)
    )


def _general(kind: Kind, name: str) -> Value:
    """Return a value of the kind with no assumption on the offsets of sequences."""
    parts = tuple(var(f"{name}.{n}", s) for n, s in enumerate(sorts_of(kind)))
    return Value(kind, parts)


Handler = Callable[["Evaluator", ast.Call, Scope], Value]


def _exactly(node: ast.Call, count: int) -> list[ast.expr]:
    if node.keywords or len(node.args) != count:
        raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    return node.args


def _len(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    (inner,) = _exactly(node, 1)
    value = evaluator.present(node, evaluator.value(inner, scope), scope)
    if value.kind.name == "tuple":
        return integer(num(len(value.kind.items)))
    if not value.kind.is_sequence:
        raise Unsupported(node, f"`len` of `{value.kind}`")
    return integer(value.length)


def _abs(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    term = evaluator.number(_exactly(node, 1)[0], scope)
    return integer(ite(less(term, ZERO), neg(term), term))


def _quantifier(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    (inner,) = _exactly(node, 1)
    assert isinstance(node.func, ast.Name)
    if isinstance(inner, ast.GeneratorExp):
        return boolean(sequences.quantified(evaluator, inner, scope, node.func.id))
    each = sequences.iteration(evaluator, inner, scope)
    k = evaluator.fresh("k")
    holds = evaluator.truth(node, each.at(k))
    inside = within(k, each.low, each.high)
    if node.func.id == "all":
        return boolean(for_all([k], implies(inside, holds)))
    return boolean(there_is([k], both(inside, holds)))


def _numbers_over(
    evaluator: "Evaluator", node: ast.expr, scope: Scope
) -> tuple[Term, sequences.Iteration, Term, Term]:
    """Return index, iteration, filter and number of an iterable of numbers."""
    if isinstance(node, ast.GeneratorExp | ast.ListComp):
        k, each, kept, value = sequences.one_generator(evaluator, node, scope)
    else:
        each = sequences.iteration(evaluator, node, scope)
        k, kept = evaluator.fresh("k"), TRUE
        value = each.at(k)
    if not value.kind.is_number:
        raise Unsupported(node, f"a sum or extreme of `{value.kind}`")
    return k, each, kept, convert(value, INTEGER).term


def _sum(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    if node.keywords or not 1 <= len(node.args) <= 2:  # noqa: PLR2004 - sum's own limits
        raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    start = evaluator.number(node.args[1], scope) if len(node.args) > 1 else ZERO
    if isinstance(node.args[0], ast.List) and not node.args[0].elts:
        return integer(start)
    k, each, kept, number = _numbers_over(evaluator, node.args[0], scope)
    total = evaluator.folds.total(k, ite(kept, number, ZERO), each.low, each.high)
    return integer(add(start, total))


def _extreme(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    assert isinstance(node.func, ast.Name)
    largest = node.func.id == "max"
    if len(node.args) > 1 and not node.keywords:
        numbers = [evaluator.number(a, scope) for a in node.args]
        result = numbers[0]
        for number in numbers[1:]:
            later = less(result, number) if largest else less(number, result)
            result = ite(later, number, result)
        return integer(result)
    default = None
    if len(node.keywords) == 1 and node.keywords[0].arg == "default":
        default = evaluator.number(node.keywords[0].value, scope)
    elif node.keywords:
        raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    if len(node.args) != 1:
        raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    k, each, kept, number = _numbers_over(evaluator, node.args[0], scope)
    if kept != TRUE:
        raise Unsupported(node, "the extreme of a filtered comprehension")
    some = less(each.low, each.high)
    if default is None:
        scope.check("something to compare", node, some)
    result = evaluator.folds.extreme(k, number, each.low, each.high, largest=largest)
    return integer(result if default is None else ite(some, result, default))


def _sorted(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    backwards = False
    for keyword in node.keywords:
        match keyword:
            case ast.keyword(arg="reverse", value=ast.Constant(value=int(flag))):
                backwards = bool(flag)
            case _:
                raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    if len(node.args) != 1:
        raise Unsupported(node, f"the call `{ast.unparse(node)}`")
    value = evaluator.present(node, evaluator.value(node.args[0], scope), scope)
    return sorted_value(evaluator, node, value, backwards=backwards)


def sorted_value(
    evaluator: "Evaluator", node: ast.AST, value: Value, *, backwards: bool = False
) -> Value:
    """Return the sorted copy of a list of integers."""
    if value.kind == list_of(UNKNOWN):
        return value
    if value.kind != list_of(INTEGER):
        raise Unsupported(node, f"sorting `{value.kind}`")
    array = evaluator.folds.sorted_array(value.arrays[0], value.offset, value.length)
    made = Value(value.kind, (array, ZERO, value.length))
    return reverse_value(evaluator, made) if backwards else made


def reverse_value(evaluator: "Evaluator", value: Value) -> Value:
    """Return a reversed copy of a sequence."""
    last = sub(value.length, ONE)
    return sequences.tabulate(
        evaluator,
        value.kind,
        value.length,
        lambda k: sequences.stored(value, sub(last, k)),
    )


def _list(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    if not node.args and not node.keywords:
        return sequences.empty(list_of(UNKNOWN))
    (inner,) = _exactly(node, 1)
    if isinstance(inner, ast.GeneratorExp):
        return sequences.comprehension(evaluator, inner, scope)
    if not sequences.is_iterator(evaluator, inner, scope):
        value = evaluator.present(node, evaluator.value(inner, scope), scope)
        if value.kind.name == "list":
            return value
        each = sequences.over(value, node)
    else:
        each = sequences.iteration(evaluator, inner, scope)
    k = evaluator.fresh("k")
    sample = each.at(k)
    source = (k, each, TRUE)
    return sequences.collect(evaluator, source, sample.parts, list_of(sample.kind))


def _int(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    value = evaluator.value(_exactly(node, 1)[0], scope)
    if not value.kind.is_number:
        raise Unsupported(node, f"`int` of `{value.kind}`")
    return convert(value, INTEGER)


def _bool(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    return boolean(evaluator.condition(_exactly(node, 1)[0], scope))


def _divmod(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    a, b = (evaluator.number(x, scope) for x in _exactly(node, 2))
    quotient, remainder = evaluator.divide(node, a, b, scope)
    return record((integer(quotient), integer(remainder)))


def _pow(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    a, b = (evaluator.number(x, scope) for x in _exactly(node, 2))
    return integer(evaluator.power(node, a, b, scope))


def _implies(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    # It is a function: both sides are evaluated, so both must be safe to evaluate.
    premise, conclusion = (evaluator.condition(x, scope) for x in _exactly(node, 2))
    if scope.mode is Mode.CODE:
        raise Unsupported(node, "`implies` outside a contract")
    return boolean(implies(premise, conclusion))


def _ord(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    value = evaluator.value(_exactly(node, 1)[0], scope)
    if value.kind != STR:
        raise Unsupported(node, f"`ord` of `{value.kind}`")
    scope.check("one character", node, equal(value.length, ONE))
    return integer(code(value, ZERO))


def _chr(evaluator: "Evaluator", node: ast.Call, scope: Scope) -> Value:
    number = evaluator.number(_exactly(node, 1)[0], scope)
    in_range = both(at_most(ZERO, number), at_most(number, num(MAX_CODE_POINT)))
    scope.check("a code point", node, in_range)
    blank = sequences.text("")
    array = store(blank.parts[0], ZERO, number)
    return Value(STR, (array, ZERO, ONE))


_BUILTINS: dict[str, Handler] = {
    "abs": _abs,
    "all": _quantifier,
    "any": _quantifier,
    "bool": _bool,
    "chr": _chr,
    "divmod": _divmod,
    "implies": _implies,
    "int": _int,
    "len": _len,
    "list": _list,
    "max": _extreme,
    "min": _extreme,
    "ord": _ord,
    "pow": _pow,
    "sorted": _sorted,
    "sum": _sum,
}
INTERPRETED = frozenset(_BUILTINS) | {"range", "enumerate", "zip", "reversed"}

MethodHandler = Callable[["Evaluator", ast.Call, Value, Scope], Value]


def _count(evaluator: "Evaluator", node: ast.Call, owner: Value, scope: Scope) -> Value:
    wanted = evaluator.value(_exactly(node, 1)[0], scope)
    if owner.kind == STR and (wanted.kind != STR or wanted.length != ONE):
        raise Unsupported(node, "`str.count` of more than one character")
    if owner.kind == list_of(UNKNOWN):
        return integer(ZERO)
    each = sequences.over(owner, node)
    k = evaluator.fresh("k")
    if owner.kind == STR:
        held = equal(code(each.at(k), ZERO), code(wanted, ZERO))
    else:
        held = same(each.at(k), wanted, evaluator.fresh)
    return integer(evaluator.folds.count(k, held, each.low, each.high))


def _copy(evaluator: "Evaluator", node: ast.Call, owner: Value, scope: Scope) -> Value:
    del evaluator, scope
    _exactly(node, 0)
    return owner


def _starts(
    evaluator: "Evaluator", node: ast.Call, owner: Value, scope: Scope
) -> Value:
    wanted = evaluator.value(_exactly(node, 1)[0], scope)
    if wanted.kind != STR:
        raise Unsupported(node, "a tuple of prefixes")
    assert isinstance(node.func, ast.Attribute)
    room = sub(owner.length, wanted.length)
    start = ZERO if node.func.attr == "startswith" else room
    alike = same(window(owner, start, wanted.length), wanted, evaluator.fresh)
    return boolean(both(at_most(ZERO, room), alike))


def _join(evaluator: "Evaluator", node: ast.Call, owner: Value, scope: Scope) -> Value:
    (inner,) = _exactly(node, 1)
    if owner.length != ZERO:
        raise Unsupported(node, "`join` with a separator")
    if isinstance(inner, ast.GeneratorExp | ast.ListComp):
        k, each, kept, value = sequences.one_generator(evaluator, inner, scope)
    else:
        each = sequences.iteration(evaluator, inner, scope)
        k, kept = evaluator.fresh("k"), TRUE
        value = each.at(k)
    if value.kind != STR or value.length != ONE:
        raise Unsupported(node, "`join` of anything but single characters")
    source = (k, each, kept)
    return sequences.collect(evaluator, source, (code(value, ZERO),), STR)


_METHODS: dict[tuple[str, str], MethodHandler] = {
    ("list", "count"): _count,
    ("str", "count"): _count,
    ("list", "copy"): _copy,
    ("str", "startswith"): _starts,
    ("str", "endswith"): _starts,
    ("str", "join"): _join,
}
