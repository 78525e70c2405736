"""Verification conditions: what has to be true for a function to keep its contract.

In: a function of a `Module`, and for each loop the invariants and measures to use. Out:
`Condition`s; if all of them hold, so does the contract, on every input and without an
exception. Invariant: a statement that is not understood is `Unsupported`.

Method: forward symbolic execution, one path at a time, loops cut at their invariants,
calls replaced by contracts.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from codegrad.contract import ClauseKind
from codegrad.prove import sequences
from codegrad.prove.aliases import MUTATORS, Aliases, changed_in_place, live_names
from codegrad.prove.calls import reverse_value, signature, sorted_value
from codegrad.prove.expressions import Evaluator, Oracle, choose
from codegrad.prove.kinds import (
    UNKNOWN,
    Kind,
    Unsupported,
    is_telling,
    join,
    kind_of_annotation,
    kind_of_value,
    list_of,
)
from codegrad.prove.scope import Check, Mode, Scope
from codegrad.prove.subset import Function, Module, parameters, stored_names
from codegrad.prove.symbolic import (
    NOTHING,
    Value,
    code_points,
    convert,
    element,
    integer,
    items,
    make,
    record,
    well_formed,
    window,
    with_length,
)
from codegrad.prove.symbolic import (
    replace as replace_element,
)
from codegrad.prove.termination import measures_of_loop, measures_of_parameters
from codegrad.prove.terms import (
    BOOL,
    FALSE,
    ONE,
    TRUE,
    ZERO,
    Term,
    add,
    at_most,
    both,
    either,
    equal,
    functions_of,
    implies,
    less,
    negate,
    sub,
)

MAX_PATHS = 400
_COUNTER = re.compile(r"_i\d*")
_MAX_WIDENINGS = 5


@dataclass(frozen=True, slots=True)
class Invariant:
    """A condition at the head of a loop, as a guess to be checked."""

    text: str
    """Python source."""

    is_guarded: bool = False
    """Whether it is claimed only for rounds that take place (not at the exit)."""

    is_given: bool = False
    """Whether the author wrote it."""


@dataclass(frozen=True, slots=True)
class Tag:
    """The guess that a condition decides about."""

    place: str
    """The loop or function."""

    guess: Invariant | str
    """An invariant, or the text of a measure."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something to be proved: what is known on a path implies the goal."""

    function: str
    """Where it arose."""

    kind: str
    """What it is for, for example `postcondition` or `index in range`."""

    line: int
    """The line of the file."""

    text: str
    """The Python source of what is claimed."""

    path: tuple[Term, ...]
    """What is known."""

    goal: Term
    """What has to follow."""

    tag: Tag | None = None
    """Set if failing only means that a guess is dropped."""


@dataclass(frozen=True, slots=True)
class State:
    """One point of one path."""

    env: Mapping[str, Value]
    """The values of the local names."""

    path: tuple[Term, ...]
    """What is known."""

    unsure: Mapping[str, Term] = field(default_factory=dict)
    """Names that may be unbound, and when they are bound."""

    def knowing(self, *facts: Term) -> "State":
        """Return the state with more known."""
        return replace(self, path=(*self.path, *(f for f in facts if f != TRUE)))

    def binding(self, names: Mapping[str, Value]) -> "State":
        """Return the state after an assignment."""
        unsure = {n: c for n, c in self.unsure.items() if n not in names}
        return replace(self, env={**self.env, **names}, unsure=unsure)


@dataclass(frozen=True, slots=True)
class LoopInfo:
    """What is known about a loop from the text and from the execution."""

    node: ast.For | ast.While
    """The loop."""

    function: str
    """The function it is in."""

    kinds: dict[str, Kind]
    """The kinds of the names at its head."""

    changed: tuple[str, ...]
    """The names that its body changes."""


Guesses = Mapping[str, Sequence[Invariant]]
Paths = list[tuple[str, State]]


def place_of(function: str, loop: ast.AST) -> str:
    """Return the key of a loop.

    Example:
        >>> place_of("f", ast.parse("while x: pass").body[0])
        'f:1'
    """
    return f"{function}:{getattr(loop, 'lineno', 0)}"


class Generator:
    """Generates the conditions of the functions of one module."""

    def __init__(
        self,
        module: Module,
        oracle: Oracle,
        *,
        kinds: Mapping[str, Kind] | None = None,
        entry: str = "",
    ) -> None:
        self.module = module
        self.evaluator = Evaluator(module, oracle, self._call_by_contract)
        self.oracle = oracle
        self.kinds = dict(kinds or {})
        self.entry = entry
        self.conditions: list[Condition] = []
        self.loops: dict[str, LoopInfo] = {}
        self.measured: dict[str, list[str]] = {}
        self.needed: list[str] = []
        self.assumed: dict[Term, Tag] = {}
        self.edges: set[tuple[str, str]] = set()
        self.arguments: dict[str, Value] = {}
        self.precondition: tuple[Term, ...] = ()

    def generate(self, name: str, guesses: Guesses) -> list[Condition]:
        """Return the conditions of one function.

        Raises:
            Unsupported: If it uses something outside the subset.
        """
        function = self.module.function(name)
        self.conditions = []
        run = _Execution(self, function, guesses)
        run.execute()
        self.arguments[name] = record(tuple(run.start.values()))
        if name == self.entry:
            self.precondition = run.precondition
        return self.conditions

    def parameter_kinds(self, function: Function) -> dict[str, Kind]:
        """Return the kinds of the parameters, from annotations or as observed."""
        found: dict[str, Kind] = {}
        defaults = function.defaults()
        for parameter in parameters(function.node):
            if is_telling(parameter.annotation):
                assert parameter.annotation is not None
                found[parameter.arg] = kind_of_annotation(parameter.annotation)
            elif function.name == self.entry and parameter.arg in self.kinds:
                found[parameter.arg] = self.kinds[parameter.arg]
            else:
                raise Unsupported(parameter, f"parameter `{parameter.arg}` has no type")
            if parameter.arg in defaults:
                default = kind_of_value(defaults[parameter.arg])
                found[parameter.arg] = join(found[parameter.arg], default, parameter)
            if _has_unknown(found[parameter.arg]):
                raise Unsupported(
                    parameter, f"parameter `{parameter.arg}`: elements of unknown type"
                )
        return found

    def _call_by_contract(
        self, node: ast.Call, values: list[Value], scope: Scope
    ) -> Value:
        return self._running.call_by_contract(node, values, scope)

    _running: "_Execution"


class _Execution:
    """The symbolic execution of one function."""

    def __init__(
        self, generator: Generator, function: Function, guesses: Guesses
    ) -> None:
        generator._running = self  # noqa: SLF001 - the generator hands its calls on to us
        self.generator = generator
        self.evaluator = generator.evaluator
        self.evaluator.callees.running = function.name
        self.function = function
        self.guesses = guesses
        self.aliases = Aliases()
        self.precondition: tuple[Term, ...] = ()
        kinds = generator.parameter_kinds(function)
        self.start = {n: make(k, n) for n, k in kinds.items()}
        self.old = {f"old_{n}": v for n, v in self.start.items()}
        self.changed = changed_in_place(function.body)
        self._check_names()

    def _check_names(self) -> None:
        counters = {n for n in self.function.local_names if _COUNTER.fullmatch(n)}
        clash = sorted(self.function.local_names & self.old.keys() | counters)
        if clash:
            raise Unsupported(self.function.node, f"a local name `{clash[0]}`")
        for name in self.start:
            self.aliases.bind(name, self.start[name].kind, None)
        mutable = [n for n, v in self.start.items() if v.kind.is_mutable]
        self.aliases.share(mutable)
        plain = [
            n
            for s in ast.walk(self.function.node)
            for t in _plain_targets(s)
            for n in stored_names([t])
        ]
        for name in mutable:
            others = {str(self.start[n].kind) for n in mutable if n != name}
            if name in self.changed and others - {str(self.start[name].kind)}:
                # Two empty lists of different types may be one list.
                raise Unsupported(
                    self.function.node,
                    f"`{name}` is changed and may be another parameter",
                )
            if name in self.changed and name in plain:
                raise Unsupported(
                    self.function.node,
                    f"parameter `{name}` is both changed in place and rebound",
                )

    def execute(self) -> None:
        """Emit every condition of the function."""
        facts: list[Term] = []
        for value in self.start.values():
            facts.extend(well_formed(value, self.evaluator.fresh))
            if _uses_code_points(self.function.node):
                facts.extend(code_points(value, self.evaluator.fresh))
        state = State(dict(self.start), tuple(facts))
        for clause in self.function.clauses(ClauseKind.PRE):
            state = self._assume(clause, dict(self.start), state)
        self.precondition = state.path
        for kind, end in self._block(self.function.body, state):
            assert kind == "next"
            self._return(None, self.function.node, end)
        self.aliases.check()

    # Conditions

    def _emit(  # noqa: PLR0913, PLR0917 - the fields of a condition
        self,
        kind: str,
        node: ast.AST,
        text: str,
        path: tuple[Term, ...],
        goal: Term,
        tag: Tag | None = None,
    ) -> None:
        line = getattr(node, "lineno", self.function.node.lineno)
        if goal == TRUE:
            path = ()
        self.generator.conditions.append(
            Condition(self.function.name, kind, line, text, path, goal, tag)
        )

    def _scope(
        self, env: Mapping[str, Value], state: State, mode: Mode = Mode.CODE
    ) -> Scope:
        local = self.function.local_names if mode is Mode.CODE else frozenset(env)
        unsure = {n: c for n, c in state.unsure.items() if n in env}
        return Scope(env, state.path, mode, unsure, local)

    def _settle(self, scope: Scope, state: State) -> State:
        """Emit what the evaluation of code checks, and return what is known then."""
        for check in scope.checks:
            known = (*state.path, *scope.facts[: check.facts_before])
            self._emit(check.reason, check.node, _source(check.node), known, check.goal)
        return state.knowing(*scope.facts, *(c.goal for c in scope.checks))

    def _value(self, node: ast.expr, state: State) -> tuple[Value, State]:
        scope = self._scope(state.env, state)
        value = self.evaluator.value(node, scope)
        return value, self._settle(scope, state)

    def _condition(self, node: ast.expr, state: State) -> tuple[Term, State]:
        scope = self._scope(state.env, state)
        value = self.evaluator.condition(node, scope)
        return value, self._settle(scope, state)

    def _assume(
        self, clause: ast.expr, env: Mapping[str, Value], state: State
    ) -> State:
        scope = self._scope(env, state, Mode.ASSUMPTION)
        holds = self.evaluator.condition(clause, scope)
        return state.knowing(*(c.goal for c in scope.checks), holds)

    def _claim(
        self, clause: ast.expr, env: Mapping[str, Value], state: State
    ) -> tuple[list[Check], Term]:
        scope = self._scope(env, state, Mode.GOAL)
        holds = self.evaluator.condition(clause, scope)
        return scope.checks, holds

    # Calls and returns

    def call_by_contract(
        self, node: ast.Call, values: list[Value], scope: Scope
    ) -> Value:
        """Return what a function of the module promises about its result."""
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        callee = self.generator.module.function(name, node)
        kinds, result_kind = signature(callee)
        values = [convert(v, k, node) for v, k in zip(values, kinds, strict=True)]
        names = [p.arg for p in parameters(callee.node)]
        env = dict(zip(names, values, strict=True))
        changes = changed_in_place(callee.body)
        for n, v in env.items():
            if n in changes and v.kind.is_mutable:
                raise Unsupported(node, f"`{name}` changes its argument `{n}`")
        required = self.evaluator.callees.required(callee, env, scope)
        scope.check(f"precondition of {name}", node, required)
        if name == self.function.name:
            self._recursive_call(node, env, scope)
        self.generator.edges.add((self.function.name, name))
        if name not in self.generator.needed:
            self.generator.needed.append(name)
        result = make(result_kind, self.evaluator.fresh_name(name))
        scope.establish(required, *well_formed(result, self.evaluator.fresh))
        after = {**env, **{f"old_{n}": v for n, v in env.items()}, "result": result}
        for clause in callee.clauses(ClauseKind.POST):
            inner = Scope(
                after, scope.path, Mode.ASSUMPTION, local_names=frozenset(after)
            )
            holds = self.evaluator.condition(clause, inner)
            scope.establish(*(c.goal for c in inner.checks), holds)
        return result

    def _recursive_call(
        self, node: ast.Call, env: Mapping[str, Value], scope: Scope
    ) -> None:
        place = self.function.name
        known = State(self.start, (*scope.path, *scope.facts))
        self.generator.measured.setdefault(place, [])
        for measure in measures_of_parameters(self.function):
            self._check_measure(
                (place, "recursion ends", node), measure, (self.start, env), known
            )

    def _check_measure(
        self,
        where: tuple[str, str, ast.AST],
        measure: ast.expr,
        envs: tuple[Mapping[str, Value], Mapping[str, Value]],
        state: State,
    ) -> None:
        """Emit that a measure falls; one that cannot be evaluated does not."""
        place, kind, node = where
        text = ast.unparse(measure)
        try:
            before, after = (self._measure(measure, env, state) for env in envs)
            falls = both(at_most(ZERO, before), less(after, before))
        except Unsupported:
            falls = FALSE
        tried = self.generator.measured.setdefault(place, [])
        if text not in tried:
            tried.append(text)
        self._emit(kind, node, text, state.path, falls, Tag(place, text))

    def _measure(
        self, measure: ast.expr, env: Mapping[str, Value], state: State
    ) -> Term:
        scope = self._scope(env, state, Mode.GOAL)
        return self.evaluator.number(measure, scope)

    def _return(self, node: ast.expr | None, at: ast.AST, state: State) -> None:
        value = NOTHING
        if node is not None:
            value, state = self._value(node, state)
        if self.function.node.returns is not None and self._is_called():
            value = convert(value, kind_of_annotation(self.function.node.returns), at)
        before = {**self.start, **self.old, "result": value}
        after = {
            n: state.env[n]
            for n, v in self.start.items()
            if v.kind.is_mutable and n in self.changed
        }
        for clause, sees_change in self.function.promises():
            env = {**before, **after} if sees_change else before
            checks, holds = self._claim(clause, env, state)
            text = ast.unparse(clause)
            for check in checks:
                self._emit(
                    f"postcondition is defined: {check.reason}",
                    at,
                    text,
                    state.path,
                    check.goal,
                )
            known = state.knowing(*(c.goal for c in checks))
            self._emit("postcondition", at, text, known.path, holds)

    def _is_called(self) -> bool:
        name = self.function.name
        return name in self.generator.needed or any(
            isinstance(n, ast.Name) and n.id == name
            for n in ast.walk(self.function.node)
        )

    # Statements

    def _block(self, body: Sequence[ast.stmt], state: State) -> Paths:
        live: list[State] = [state]
        done: Paths = []
        for statement in body:
            following: list[State] = []
            for current in live:
                for kind, after in self._statement(statement, current):
                    if kind == "next":
                        following.append(after)
                    else:
                        done.append((kind, after))
            live = following
            if len(live) + len(done) > MAX_PATHS:
                raise Unsupported(statement, f"more than {MAX_PATHS} paths")
        return [*done, *(("next", s) for s in live)]

    def _statement(  # noqa: C901, PLR0911, PLR0912 - one case for each statement
        self, node: ast.stmt, state: State
    ) -> Paths:
        match node:
            case ast.Return(value=value):
                self._return(value, node, state)
                return []
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                return [("next", state)]
            case ast.Break():
                return [("break", state)]
            case ast.Continue():
                return [("continue", state)]
            case ast.Assert(test=test):
                holds, state = self._condition(test, state)
                self._emit("assertion", node, ast.unparse(test), state.path, holds)
                return [("next", state.knowing(holds))]
            case ast.Raise():
                self._emit("does not raise", node, _source(node), state.path, FALSE)
                return []
            case ast.If(test=test, body=body, orelse=orelse):
                decided, state = self._condition(test, state)
                paths: Paths = []
                if decided != FALSE:
                    paths += self._block(body, state.knowing(decided))
                if decided != TRUE:
                    paths += self._block(orelse, state.knowing(negate(decided)))
                return paths
            case ast.While() | ast.For():
                return self._loop(node, state)
            case ast.Assign(targets=targets, value=value):
                return [("next", self._assign(targets, value, state))]
            case ast.AnnAssign(target=ast.Name() as target, value=value):
                if value is None:
                    return [("next", state)]
                return [("next", self._assign([target], value, state, node.annotation))]
            case ast.AugAssign():
                return [("next", self._augmented(node, state))]
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name), attr=attr)
                ) as call
            ) if attr in MUTATORS:
                return [("next", self._mutate(call, name, attr, state)[1])]
            case ast.Expr(value=ast.Call() as call):
                return [("next", self._value(call, state)[1])]
            case _:
                raise Unsupported(node, f"`{_source(node)}`")

    def _assign(
        self,
        targets: Sequence[ast.expr],
        source: ast.expr,
        state: State,
        annotation: ast.expr | None = None,
    ) -> State:
        match source:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="pop")) if (
                name in state.env
            ):
                value, state = self._mutate(source, name, "pop", state)
            case _:
                value, state = self._value(source, state)
        if annotation is not None and _has_unknown(value.kind):
            value = convert(value, kind_of_annotation(annotation), source)
        for target in targets:
            state = self._store(target, value, source, state)
        if len(targets) > 1 and value.kind.is_mutable:
            self.aliases.share(
                sorted(stored_names([ast.Assign(list(targets), source)]))
            )
        return state

    def _store(
        self, target: ast.expr, value: Value, source: ast.expr, state: State
    ) -> State:
        match target:
            case ast.Name(id=name):
                self.aliases.bind(name, value.kind, source)
                return state.binding({name: value})
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                if value.kind.name != "tuple" or len(value.kind.items) != len(elements):
                    raise Unsupported(target, f"unpacking `{value.kind}`")
                anything: ast.expr = ast.Tuple([source], ast.Load())
                sources: Sequence[ast.expr] = [anything] * len(elements)
                if isinstance(source, ast.Tuple) and len(source.elts) == len(elements):
                    sources = source.elts
                for inner, part, origin in zip(
                    elements, items(value), sources, strict=True
                ):
                    state = self._store(inner, part, origin, state)
                return state
            case ast.Subscript(value=ast.Name(id=name), slice=index) if not isinstance(
                index, ast.Slice
            ):
                scope = self._scope(state.env, state)
                whole = self._list_called(target, name, scope)
                number = self.evaluator.number(index, scope)
                place = self.evaluator.position(target, whole, number, scope)
                state = self._settle(scope, state)
                return self._put(target, name, whole, place, value, source, state)
            case _:
                raise Unsupported(target, f"assignment to `{_source(target)}`")

    def _put(  # noqa: PLR0913, PLR0917 - the parts of one assignment
        self,
        node: ast.AST,
        name: str,
        whole: Value,
        place: Term,
        value: Value,
        source: ast.expr,
        state: State,
    ) -> State:
        self.aliases.change(name, whole.kind, node)
        self.aliases.bind(name, whole.kind, source if value.kind.is_mutable else None)
        if whole.kind == list_of(UNKNOWN):
            raise Unsupported(node, "an element of an empty list")
        fitted = convert(value, whole.kind.element, node)
        return state.binding({name: replace_element(whole, place, fitted)})

    def _list_called(self, node: ast.AST, name: str, scope: Scope) -> Value:
        whole = self.evaluator.value(
            ast.copy_location(ast.Name(name, ast.Load()), node), scope
        )
        if whole.kind.name != "list":
            raise Unsupported(node, f"a change of `{name}`, of kind `{whole.kind}`")
        return whole

    def _augmented(self, node: ast.AugAssign, state: State) -> State:
        scope = self._scope(state.env, state)
        match node.target:
            case ast.Name(id=name):
                before = self.evaluator.value(
                    ast.copy_location(ast.Name(name, ast.Load()), node), scope
                )
                right = self.evaluator.value(node.value, scope)
                in_place = before.kind.name == "list" and isinstance(node.op, ast.Add)
                if before.kind.is_mutable and not in_place:
                    raise Unsupported(node, f"`{_source(node)}`")
                after = self.evaluator.operate(node, node.op, before, right, scope)
                if before.kind.is_mutable:
                    # `+=` changes the list itself; other names for it see the change.
                    self.aliases.change(name, after.kind, node)
                    if after.kind.element.is_mutable:
                        self.aliases.bind(name, after.kind, node.value)
                return self._settle(scope, state).binding({name: after})
            case ast.Subscript(value=ast.Name(id=name), slice=index) if not isinstance(
                index, ast.Slice
            ):
                whole = self._list_called(node, name, scope)
                number = self.evaluator.number(index, scope)
                place = self.evaluator.position(node, whole, number, scope)
                if whole.kind == list_of(UNKNOWN):
                    raise Unsupported(node, "an element of an empty list")
                if whole.kind.element.is_mutable:
                    raise Unsupported(node, "a change of a list inside a list")
                before = element(whole, place)
                right = self.evaluator.value(node.value, scope)
                after = self.evaluator.operate(node, node.op, before, right, scope)
                state = self._settle(scope, state)
                return self._put(node, name, whole, place, after, node.value, state)
            case _:
                raise Unsupported(node, f"`{_source(node)}`")

    def _mutate(  # noqa: C901, PLR0912 - one case a method
        self, call: ast.Call, name: str, method: str, state: State
    ) -> tuple[Value, State]:
        """Return the result of a method that changes a list, and the state after."""
        scope = self._scope(state.env, state)
        whole = self._list_called(call, name, scope)
        arguments = [self.evaluator.value(a, scope) for a in call.args]
        sources = list(call.args)
        result = NOTHING
        backwards = False
        if call.keywords:
            match call.keywords:
                case [ast.keyword(arg="reverse", value=ast.Constant(value=bool(flag)))]:
                    backwards = flag
                case _:
                    raise Unsupported(call, f"`{_source(call)}`")
        match method, arguments:
            case "append", [new]:
                kind = list_of(join(whole.kind.element, new.kind, call))
                grown = convert(whole, kind, call)
                fitted = convert(new, kind.element, call)
                after = replace_element(grown, whole.length, fitted)
                after = with_length(after, add(whole.length, ONE))
                if new.kind.is_mutable:
                    self.aliases.bind(name, kind, sources[0])
            case "extend", [Value(kind=Kind(name="list")) as new]:
                after = sequences.concatenate(self.evaluator, whole, new, call)
                if new.kind.element.is_mutable:
                    self.aliases.bind(name, after.kind, sources[0])
            case "pop", [] if whole.kind != list_of(UNKNOWN):
                scope.check(
                    "pop from a list with elements", call, less(ZERO, whole.length)
                )
                last = sub(whole.length, ONE)
                result, after = element(whole, last), with_length(whole, last)
            case "pop", [place] if place.term.literal == 0 and whole.kind != list_of(
                UNKNOWN
            ):
                scope.check(
                    "pop from a list with elements", call, less(ZERO, whole.length)
                )
                result = element(whole, ZERO)
                after = window(whole, ONE, sub(whole.length, ONE))
            case "clear", []:
                after = with_length(whole, ZERO)
            case "reverse", []:
                after = reverse_value(self.evaluator, whole)
            case "sort", []:
                after = sorted_value(self.evaluator, call, whole, backwards=backwards)
            case _:
                raise Unsupported(call, f"`{_source(call)}`")
        if result.kind.is_mutable:
            raise Unsupported(call, "`pop` of a list from a list")
        self.aliases.change(name, after.kind, call)
        return result, self._settle(scope, state).binding({name: after})

    # Loops

    def _loop(self, node: ast.For | ast.While, state: State) -> Paths:
        place = place_of(self.function.name, node)
        changes = changed_in_place(node.body)
        each: sequences.Iteration | None = None
        if isinstance(node, ast.For):
            scope = self._scope(state.env, state)
            each = sequences.iteration(self.evaluator, node.iter, scope)
            state = self._settle(scope, state)
            touched = live_names(node.iter) & changes.keys()
            for name in sorted(touched):
                if name in state.env and state.env[name].kind.is_mutable:
                    raise Unsupported(node, f"the loop changes `{name}` and reads it")
            for name, value in sequences.bind_target(
                node.target, each.at(each.low)
            ).items():
                whole = ast.Tuple([node.iter], ast.Load())
                self.aliases.bind(name, value.kind, whole)
        changed = stored_names(node.body) | changes.keys()
        loop = _Loop(node, place, each, tuple(sorted(changed)), changes)
        return self._cut(loop, state)

    def _cut(self, loop: "_Loop", state: State) -> Paths:
        kinds = {n: v.kind for n, v in state.env.items()}
        for _ in range(_MAX_WIDENINGS):
            mark = len(self.generator.conditions)
            paths, wider = self._cut_at(loop, state, kinds)
            if wider == kinds:
                return paths
            del self.generator.conditions[mark:]
            kinds = wider
        raise Unsupported(loop.node, "a name whose type changes in a loop")

    def _cut_at(  # noqa: C901 - the steps of cutting a loop, in their order
        self, loop: "_Loop", state: State, kinds: dict[str, Kind]
    ) -> tuple[Paths, dict[str, Kind]]:
        """Return the paths out of the loop, and the kinds that its head would need."""
        node, each = loop.node, loop.each
        entry = state.binding(
            {
                n: convert(v, kinds[n], node)
                for n, v in state.env.items()
                if n in loop.changed
            }
        )
        head, counter = self._head(loop, entry)
        self.generator.loops[loop.place] = LoopInfo(
            node,
            self.function.name,
            {n: v.kind for n, v in head.env.items()},
            loop.changed,
        )
        guesses = self.guesses.get(loop.place, ())
        start = each.low if each else ZERO
        self._check_invariants(loop, guesses, entry, start, "invariant on entry")
        for guess in guesses:
            head = self._assume_guess(loop, guess, head, counter)
        head = self._seed_next_round(loop, guesses, head, counter)
        if each:
            goes_on, inside = less(counter, each.high), head
        else:
            assert isinstance(node, ast.While)
            goes_on, inside = self._condition(node.test, head)
        paths: Paths = []
        if goes_on != TRUE:
            left = self._leave(loop, inside.knowing(negate(goes_on)), counter)
            paths += self._block(node.orelse, left)
        if goes_on == FALSE:
            return paths, kinds
        body = inside.knowing(goes_on)
        if isinstance(node, ast.For):
            assert each is not None
            bound = sequences.bind_target(node.target, each.at(counter))
            rounds = integer(sub(counter, each.low))
            body = body.binding({**bound, f"_i{node.lineno}": rounds})
        wider = dict(kinds)
        following = add(counter, ONE)
        for kind, end in self._block(node.body, body):
            if kind == "break":
                paths.append(("next", end))
                continue
            for name in kinds:
                if name in loop.changed and name in end.env:
                    wider[name] = join(wider[name], end.env[name].kind, node)
            if wider != kinds:
                continue
            fitted = end.binding(
                {
                    n: convert(v, kinds[n], node)
                    for n, v in end.env.items()
                    if n in loop.changed and n in kinds
                }
            )
            self._check_invariants(
                loop, guesses, fitted, following, "invariant after a round"
            )
            if not each:
                self._check_measures(loop, inside, fitted)
        return paths, wider

    def _head(self, loop: "_Loop", state: State) -> tuple[State, Term]:
        """Return an arbitrary state at the head of the loop, and the counter there."""
        env = dict(state.env)
        facts: list[Term] = []
        for name in loop.changed:
            if name not in env:
                continue
            before = env[name]
            fresh = make(before.kind, self.evaluator.fresh_name(name))
            resized = loop.changes.get(name)
            if (
                before.kind.name == "list"
                and resized is False
                and (name not in stored_names(loop.node.body))
            ):
                parts = (*fresh.parts[:-2], *before.parts[-2:])
                fresh = Value(before.kind, parts)
            facts.extend(well_formed(fresh, self.evaluator.fresh))
            env[name] = fresh
        counter = ZERO
        if loop.each:
            counter = self.evaluator.fresh("round")
            low, high = loop.each.low, loop.each.high
            facts.append(at_most(low, counter))
            ends = at_most(counter, high)
            facts.append(
                ends
                if loop.each.count is not None
                else either(ends, equal(counter, low))
            )
        return State(env, (*state.path, *facts), state.unsure), counter

    def _leave(self, loop: "_Loop", state: State, counter: Term) -> State:
        """Return the state after a loop that came to its end."""
        if not isinstance(loop.node, ast.For):
            return state
        assert loop.each is not None
        some = less(loop.each.low, counter)
        last = sequences.bind_target(loop.node.target, loop.each.at(sub(counter, ONE)))
        unsure = dict(state.unsure)
        env = dict(state.env)
        for name, value in last.items():
            final = value
            if name in loop.changed:
                final = make(value.kind, self.evaluator.fresh_name(name))
                state = state.knowing(*well_formed(final, self.evaluator.fresh))
            if name in env:
                env[name] = choose(some, final, env[name], loop.node)
                if name in unsure:
                    unsure[name] = either(some, unsure[name])
            else:
                env[name] = final
                unsure[name] = some
        return replace(state, env=env, unsure=unsure)

    def _head_env(self, loop: "_Loop", state: State, counter: Term) -> dict[str, Value]:
        """Return the names that an invariant may use."""
        env = {**self.old, **state.env}
        if isinstance(loop.node, ast.For) and loop.each is not None:
            rounds = integer(sub(counter, loop.each.low))
            env[f"_i{loop.node.lineno}"] = env["_i"] = rounds
            env.update(sequences.bind_target(loop.node.target, loop.each.at(counter)))
        return env

    def _assume_guess(
        self, loop: "_Loop", guess: Invariant, head: State, counter: Term
    ) -> State:
        clause, guard = self._invariant(loop, guess, counter)
        env = self._head_env(loop, head, counter)
        try:
            under = self._assume(clause, env, head.knowing(guard))
        except Unsupported:
            # Not assumed; `_check_invariants` makes sure that it is dropped.
            return head
        given = len(head.path) + (guard != TRUE)
        fact = implies(guard, both(*under.path[given:]))
        self.generator.assumed[fact] = Tag(loop.place, guess)
        return head.knowing(fact)

    def _seed_next_round(
        self, loop: "_Loop", guesses: Sequence[Invariant], head: State, counter: Term
    ) -> State:
        """Name the invariants of the next round, so that solvers see their terms.

        A fresh name for the value of a term adds nothing to what is known.
        """
        if loop.each is None:
            return head
        env = self._head_env(loop, head, add(counter, ONE))
        for guess in guesses:
            clause = ast.parse(guess.text, mode="eval").body
            try:
                _, holds = self._claim(clause, env, head)
            except Unsupported:
                continue
            if functions_of([holds]):
                name = self.evaluator.fresh("next", BOOL)
                head = head.knowing(equal(name, holds))
        return head

    def _invariant(
        self, loop: "_Loop", guess: Invariant, counter: Term
    ) -> tuple[ast.expr, Term]:
        """Return the condition, and when it is claimed."""
        clause = ast.parse(guess.text, mode="eval").body
        if loop.each is None or not guess.is_guarded:
            return clause, TRUE
        return clause, less(counter, loop.each.high)

    def _check_invariants(
        self,
        loop: "_Loop",
        guesses: Sequence[Invariant],
        state: State,
        counter: Term,
        kind: str,
    ) -> None:
        env = self._head_env(loop, state, counter)
        for guess in guesses:
            clause, guard = self._invariant(loop, guess, counter)
            known = state.knowing(guard)
            tag = Tag(loop.place, guess)
            try:
                checks, holds = self._claim(clause, env, known)
            except Unsupported:
                self._emit(kind, loop.node, guess.text, (), FALSE, tag)
                continue
            goal = both(*(c.goal for c in checks), holds)
            self._emit(kind, loop.node, guess.text, known.path, goal, tag)

    def _check_measures(self, loop: "_Loop", head: State, end: State) -> None:
        assert isinstance(loop.node, ast.While)
        self.generator.measured.setdefault(loop.place, [])
        for measure in self._measures(loop):
            self._check_measure(
                (loop.place, "loop ends", loop.node),
                measure,
                ({**self.old, **head.env}, {**self.old, **end.env}),
                end,
            )

    def _measures(self, loop: "_Loop") -> list[ast.expr]:
        assert isinstance(loop.node, ast.While)
        given = [
            ast.parse(text, mode="eval").body
            for text in loop_strings(loop.node, "decreases")
        ]
        if given:
            return given
        numbers = [n for n in loop.changed if n in self.function.local_names]
        return measures_of_loop(loop.node, numbers)


@dataclass(frozen=True, slots=True)
class _Loop:
    """A loop about to be cut."""

    node: ast.For | ast.While
    place: str
    each: sequences.Iteration | None
    changed: tuple[str, ...]
    changes: Mapping[str, bool]


def loop_strings(loop: ast.For | ast.While, word: str) -> list[str]:
    r"""Return the conditions in a string at the head of a loop body.

    Example:
        >>> text = "while x:\n    'decreases: x'\n    x -= 1"
        >>> loop_strings(ast.parse(text).body[0], "decreases")
        ['x']
    """
    match loop.body[0]:
        case ast.Expr(value=ast.Constant(value=str(text))):
            lines = (line.strip().partition(":") for line in text.splitlines())
            found = (rest.strip() for key, _, rest in lines if key == word)
            return [rest for rest in found if rest and _parses(rest)]
    return []


def given_invariants(loop: ast.For | ast.While) -> Iterator[str]:
    """Return the invariants that the author wrote at the head of a loop body."""
    yield from loop_strings(loop, "invariant")
    body = loop.body[1:] if isinstance(loop.body[0], ast.Expr) else loop.body
    for statement in body:
        if not isinstance(statement, ast.Assert):
            return
        yield ast.unparse(statement.test)


def _parses(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _has_unknown(kind: Kind) -> bool:
    return kind == UNKNOWN or any(map(_has_unknown, kind.items))


def _uses_code_points(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id in ("ord", "chr") for n in ast.walk(function)
    )


def _plain_targets(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements that rebind names (augmented assignment does not)."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.For):
        if isinstance(node, ast.For):
            yield ast.Assign([node.target], node.iter)
        else:
            yield node


def _source(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]
