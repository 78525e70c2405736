"""Concrete evaluation of the subset, to see what loops do on small inputs.

In: a module, a function, plain arguments. Out: what it returns or raises, and the
states at the heads of its loops. The code is interpreted within limits on steps and
sizes, never run by Python. Invariant: nothing here is evidence; it only steers which
invariants and counterexamples are worth trying.
"""

import ast
import copy
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from codegrad.contract import ClauseKind
from codegrad.prove.kinds import Unsupported
from codegrad.prove.subset import Function, Module, parameters

MAX_STEPS = 4_000
MAX_BITS = 2_000
MAX_ITEMS = 2_000
MAX_DEPTH = 40
MAX_WALK = 4 * MAX_ITEMS
MAX_STATES = 60


class Abandoned(Exception):  # noqa: N818 - not an error: there is no answer
    """The interpreter met a limit or a construct that it does not know."""


class _Return(Exception):  # noqa: N818 - control flow of the interpreted code
    def __init__(self, value: object) -> None:
        self.value = value


class _Break(Exception):  # noqa: N818 - control flow of the interpreted code
    pass


class _Continue(Exception):  # noqa: N818 - control flow of the interpreted code
    pass


RAISES = (ArithmeticError, AssertionError, LookupError, TypeError, ValueError)
"""What interpreted code may raise, as Python would."""


@dataclass(frozen=True, slots=True)
class HeadState:
    """The names at the head of a loop at one moment."""

    env: Mapping[str, object]
    """The values, `_i` (finished rounds) and `old_NAME` included."""

    is_exit: bool
    """Whether the loop ends here."""


@dataclass(slots=True)
class Interpreter:
    """Interprets the functions of one module."""

    module: Module
    """Where names are looked up."""

    states: dict[str, list[HeadState]] = field(default_factory=dict)
    """The states seen at each loop, keyed `function:line`."""

    _known: dict[tuple[object, ...], object] = field(default_factory=dict)
    _steps: int = 0
    _depth: int = 0

    def call(self, name: str, arguments: tuple[object, ...]) -> object:
        """Return what the function returns.

        Raises:
            Abandoned: If there is no answer within the limits.
            RAISES: Whatever the interpreted code raises.
        """
        self._steps = self._depth = 0
        return self._call(name, list(copy.deepcopy(arguments)))

    def holds(self, text: ast.expr, env: Mapping[str, object]) -> bool:
        """Return whether a condition is true of plain values."""
        self._steps = self._depth = 0
        try:
            return bool(self.evaluate(text, dict(env)))
        except RecursionError:
            raise Abandoned from None

    def accepts(self, function: Function, arguments: tuple[object, ...]) -> bool:
        """Return whether the preconditions hold; what raises does not hold."""
        env = dict(
            zip((p.arg for p in parameters(function.node)), arguments, strict=True)
        )
        try:
            return all(self.holds(c, env) for c in function.clauses(ClauseKind.PRE))
        except (Abandoned, *RAISES):
            return False

    def violates(self, function: Function, arguments: tuple[object, ...]) -> bool:
        """Return whether the function breaks its contract on these arguments."""
        names = [p.arg for p in parameters(function.node)]
        given = list(copy.deepcopy(arguments))
        try:
            self._steps = self._depth = 0
            result = self._call(function.name, given)
        except Abandoned:
            return False
        except RAISES:
            return True
        before: dict[str, object] = dict(zip(names, arguments, strict=True))
        after: dict[str, object] = dict(zip(names, given, strict=True))
        fixed = {f"old_{n}": v for n, v in before.items()} | {"result": result}
        try:
            return not all(
                self.holds(clause, {**(after if sees_change else before), **fixed})
                for clause, sees_change in function.promises()
            )
        except (Abandoned, *RAISES):
            return False

    def _call(self, name: str, arguments: list[object]) -> object:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Abandoned
        try:
            function = self.module.function(name)
        except Unsupported:
            raise Abandoned from None
        names = [p.arg for p in parameters(function.node)]
        if len(names) != len(arguments):
            raise Abandoned
        key = (name, *arguments)
        pure = function.expression is not None and all(
            isinstance(a, int | str) for a in arguments
        )
        if pure and key in self._known:
            self._depth -= 1
            return self._known[key]
        env: dict[str, object] = dict(zip(names, arguments, strict=True))
        frame = _Frame(
            self, name, env, {f"old_{n}": copy.deepcopy(v) for n, v in env.items()}
        )
        try:
            frame.block(function.body)
        except _Return as done:
            if pure:
                self._known[key] = done.value
            return done.value
        except RecursionError:
            raise Abandoned from None
        finally:
            self._depth -= 1
        return None

    def step(self) -> None:
        """Count one step."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise Abandoned

    def evaluate(  # noqa: C901, PLR0911, PLR0912 - one case for each kind of expression
        self, node: ast.expr, env: dict[str, object]
    ) -> object:
        """Return the value of an expression."""
        self.step()
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                if name in env:
                    return env[name]
                constant = self.module.constant(name)
                if constant is None:
                    raise Abandoned
                return self.evaluate(constant, {})
            case ast.Tuple(elts=elements):
                return tuple(self.evaluate(e, env) for e in elements)
            case ast.List(elts=elements):
                return [self.evaluate(e, env) for e in elements]
            case ast.UnaryOp(op=sign, operand=operand):
                return _UNARY[type(sign)](self.evaluate(operand, env))
            case ast.BoolOp(op=connective, values=values):
                result: object = None
                for part in values:
                    result = self.evaluate(part, env)
                    if bool(result) is isinstance(connective, ast.Or):
                        return result
                return result
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen = body if self.evaluate(test, env) else orelse
                return self.evaluate(chosen, env)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                low = self.evaluate(left, env)
                for comparison, right in zip(ops, comparators, strict=True):
                    high = self.evaluate(right, env)
                    bounded(low, high)
                    if not _COMPARISONS[type(comparison)](low, high):
                        return False
                    low = high
                return True
            case ast.BinOp(left=left, op=op, right=right):
                return operate(op, self.evaluate(left, env), self.evaluate(right, env))
            case ast.Subscript(value=inner, slice=ast.Slice() as cut):
                whole = self.evaluate(inner, env)
                bounds = (
                    None if b is None else self.evaluate(b, env)
                    for b in (cut.lower, cut.upper, cut.step)
                )
                return whole[slice(*bounds)]  # type: ignore[index]  # raises like Python
            case ast.Subscript(value=inner, slice=index):
                whole = self.evaluate(inner, env)
                return whole[self.evaluate(index, env)]  # type: ignore[index]  # as above
            case ast.ListComp():
                return self._bounded(self._comprehension(node, env))
            case ast.GeneratorExp():
                return self._comprehension(node, env)
            case ast.Call():
                return self._evaluate_call(node, env)
            case _:
                raise Abandoned

    def _comprehension(
        self, node: ast.ListComp | ast.GeneratorExp, env: dict[str, object]
    ) -> Iterator[object]:
        def rounds(level: int, inner: dict[str, object]) -> Iterator[object]:
            if level == len(node.generators):
                yield self.evaluate(node.elt, inner)
                return
            generator = node.generators[level]
            for value in self.iterate(generator.iter, inner):
                bound = dict(inner)
                bind(generator.target, value, bound)
                if all(self.evaluate(test, bound) for test in generator.ifs):
                    yield from rounds(level + 1, bound)

        return rounds(0, dict(env))

    def iterate(self, node: ast.expr, env: dict[str, object]) -> Iterator[object]:
        """Yield what a `for` over the expression goes through."""
        found = self.evaluate(node, env)
        if not isinstance(found, Iterable):
            raise TypeError
        for value in found:
            self.step()
            yield value

    def _bounded(self, values: Iterable[object]) -> list[object]:
        found: list[object] = []
        for value in values:
            found.append(value)
            if len(found) > MAX_ITEMS:
                raise Abandoned
        return found

    def _evaluate_call(self, node: ast.Call, env: dict[str, object]) -> object:
        arguments = [self.evaluate(a, env) for a in node.args]
        keywords = {k.arg or "": self.evaluate(k.value, env) for k in node.keywords}
        bounded(*arguments)
        match node.func:
            case ast.Name(id=name) if name not in env:
                if self.module.has_function(name) and not keywords:
                    return self._call(name, arguments)
                if name in _FUNCTIONS and self.module.is_builtin(name):
                    if any(
                        isinstance(a, range) and len(a) > MAX_STEPS for a in arguments
                    ):
                        raise Abandoned
                    return _FUNCTIONS[name](*arguments, **keywords)
            case ast.Attribute(value=owner_node, attr=attr):
                owner = self.evaluate(owner_node, env)
                if isinstance(owner, list | str) and attr in _METHODS:
                    operate(ast.Add(), owner, owner)
                    return getattr(owner, attr)(*arguments, **keywords)
            case _:
                pass
        raise Abandoned


@dataclass(frozen=True, slots=True)
class _Frame:
    """One call in progress."""

    interpreter: Interpreter
    name: str
    env: dict[str, object]
    old: dict[str, object]

    def block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.interpreter.step()
            self.statement(statement)

    def value(self, node: ast.expr) -> object:
        return self.interpreter.evaluate(node, self.env)

    def statement(  # noqa: C901, PLR0912 - one case for each statement
        self, node: ast.stmt
    ) -> None:
        match node:
            case ast.Return(value=value):
                raise _Return(None if value is None else self.value(value))
            case ast.Pass() | ast.AnnAssign(value=None):
                pass
            case ast.Expr(value=value):
                self.value(value)
            case ast.Break():
                raise _Break
            case ast.Continue():
                raise _Continue
            case ast.Assert(test=test):
                if not self.value(test):
                    raise AssertionError
            case ast.Raise():
                raise ValueError
            case ast.If(test=test, body=body, orelse=orelse):
                self.block(body if self.value(test) else orelse)
            case ast.While():
                self.loop(node)
            case ast.For():
                self.loop(node)
            case ast.Assign(targets=targets, value=value):
                found = self.value(value)
                for target in targets:
                    self.store(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.store(target, self.value(value))
            case ast.AugAssign(target=target, op=op, value=value):
                load = ast.parse(ast.unparse(target), mode="eval").body
                before, right = self.value(load), self.value(value)
                if isinstance(before, list) and isinstance(right, list):
                    operate(op, before, right)
                    before.extend(right)
                else:
                    self.store(target, operate(op, before, right))
            case _:
                raise Abandoned

    def store(self, target: ast.expr, value: object) -> None:
        match target:
            case ast.Subscript(value=inner, slice=index) if not isinstance(
                index, ast.Slice
            ):
                whole = self.value(inner)
                whole[self.value(index)] = value  # type: ignore[index]  # raises like Python
            case _:
                bind(target, value, self.env)

    def loop(self, node: ast.For | ast.While) -> None:
        rounds = 0
        upcoming = (
            self.interpreter.iterate(node.iter, self.env)
            if isinstance(node, ast.For)
            else None
        )
        while True:
            self.interpreter.step()
            if upcoming is None:
                assert isinstance(node, ast.While)
                ends = not self.value(node.test)
            else:
                assert isinstance(node, ast.For)
                try:
                    bind(node.target, next(upcoming), self.env)
                    ends = False
                except StopIteration:
                    ends = True
            self.record(node, rounds, ends)
            if ends:
                self.block(node.orelse)
                return
            rounds += 1
            try:
                self.block(node.body)
            except _Break:
                return
            except _Continue:
                pass

    def record(self, node: ast.For | ast.While, rounds: int, ends: bool) -> None:  # noqa: FBT001 - one fact among others
        seen = self.interpreter.states.setdefault(f"{self.name}:{node.lineno}", [])
        if len(seen) >= MAX_STATES * 8:
            return
        env = {
            n: copy.deepcopy(v) if isinstance(v, list) else v
            for n, v in self.env.items()
        }
        env.update(self.old)
        if isinstance(node, ast.For):
            env["_i"] = env[f"_i{node.lineno}"] = rounds
            if ends:
                self.past_the_end(node, env, rounds)
        self.env[f"_i{node.lineno}"] = rounds
        seen.append(HeadState(env, ends))

    def past_the_end(self, node: ast.For, env: dict[str, object], rounds: int) -> None:
        """Give an index its value one past the last; hide other targets."""
        for name in ast.walk(node.target):
            if isinstance(name, ast.Name):
                env.pop(name.id, None)
        match node:
            case ast.For(
                target=ast.Name(id=index),
                iter=ast.Call(func=ast.Name(id="range"), args=arguments),
            ):
                numbers = [self.value(a) for a in arguments]
                values = range(*(n for n in numbers if isinstance(n, int)))
                env[index] = values.start + rounds * values.step
            case ast.For(
                target=ast.Tuple(elts=[ast.Name(id=index), *_]),
                iter=ast.Call(func=ast.Name(id="enumerate"), args=[_]),
            ):
                env[index] = rounds


def bind(target: ast.expr, value: object, env: dict[str, object]) -> None:
    """Bind the names of a target."""
    match target:
        case ast.Name(id=name):
            env[name] = value
        case ast.Tuple(elts=elements) | ast.List(elts=elements):
            if not isinstance(value, list | tuple) or len(value) != len(elements):
                raise ValueError
            for inner, part in zip(elements, value, strict=True):
                bind(inner, part, env)
        case _:
            raise Abandoned


def bounded(*values: object) -> None:
    """Abandon values that share so much that walking through them takes forever."""
    pending = [v for v in values if isinstance(v, list | tuple)]
    seen = 0
    while pending:
        inner = pending.pop()
        seen += len(inner)
        if seen > MAX_WALK:
            raise Abandoned
        pending += [v for v in inner if isinstance(v, list | tuple)]


def operate(  # noqa: C901 - one limit after the other
    op: ast.operator, left: object, right: object
) -> object:
    """Return a binary operation, unless its result would be huge."""
    if isinstance(op, ast.Pow | ast.LShift):
        if not isinstance(right, int) or not 0 <= right <= MAX_BITS // 8:
            raise Abandoned
        if isinstance(left, int) and left.bit_length() * right > MAX_BITS:
            raise Abandoned
    if isinstance(op, ast.Mod) and isinstance(left, str):
        raise Abandoned  # a format string may ask for a result of any size
    if isinstance(op, ast.Mult):
        for whole, times in ((left, right), (right, left)):
            sized = isinstance(whole, list | str | tuple) and isinstance(times, int)
            if sized and len(whole) * times > MAX_ITEMS:  # type: ignore[arg-type, operator]  # `sized` says so
                raise Abandoned
    for side in (left, right):
        if isinstance(side, list | str | tuple) and len(side) > MAX_ITEMS:
            raise Abandoned
    result = _BINARY.get(type(op), _unknown)(left, right)
    if isinstance(result, float) or (
        isinstance(result, int) and result.bit_length() > MAX_BITS
    ):
        raise Abandoned
    return result


def _unknown(*_: object) -> object:
    raise Abandoned


def _implies(premise: object, conclusion: object) -> bool:
    return not premise or bool(conclusion)


_UNARY: dict[type[ast.unaryop], Callable[[object], object]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,  # type: ignore[dict-item]  # raises like Python
    ast.UAdd: operator.pos,  # type: ignore[dict-item]  # raises like Python
    ast.Invert: operator.invert,  # type: ignore[dict-item]  # raises like Python
}
_BINARY: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[object, object], object]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,  # type: ignore[dict-item]  # raises like Python
    ast.LtE: operator.le,  # type: ignore[dict-item]  # raises like Python
    ast.Gt: operator.gt,  # type: ignore[dict-item]  # raises like Python
    ast.GtE: operator.ge,  # type: ignore[dict-item]  # raises like Python
    ast.In: lambda a, b: a in b,  # type: ignore[operator]  # raises like Python
    ast.NotIn: lambda a, b: a not in b,  # type: ignore[operator]  # raises like Python
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_FUNCTIONS: dict[str, Callable[..., object]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "bool": bool,
    "chr": chr,
    "divmod": divmod,
    "enumerate": enumerate,
    "implies": _implies,
    "int": int,
    "len": len,
    "list": list,
    "max": max,
    "min": min,
    "ord": ord,
    "range": range,
    "reversed": reversed,
    "sorted": sorted,
    "sum": sum,
    "tuple": tuple,
    "zip": zip,
}
_METHODS = frozenset(
    {
        "append",
        "clear",
        "copy",
        "count",
        "endswith",
        "extend",
        "index",
        "insert",
        "join",
        "pop",
        "reverse",
        "sort",
        "startswith",
    }
)
