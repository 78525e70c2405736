"""Evaluation of Python expressions to symbolic values.

In: an expression and a `Scope`. Out: a `Value`; what would raise is recorded in the
scope as a check. Invariant: the value equals Python's whenever Python's evaluation
does not raise; anything else is `Unsupported`.
"""

import ast
import itertools
from collections.abc import Callable
from typing import Protocol

from codegrad.prove import calls, sequences
from codegrad.prove.folds import Folds
from codegrad.prove.kinds import (
    BOOLEAN,
    INTEGER,
    NONE,
    UNKNOWN,
    Unsupported,
    join,
    list_of,
)
from codegrad.prove.scope import Scope
from codegrad.prove.subset import Module
from codegrad.prove.symbolic import (
    NOTHING,
    Value,
    boolean,
    content,
    convert,
    element,
    integer,
    items,
    precedes,
    record,
    same,
    truth,
)
from codegrad.prove.terms import (
    FALSE,
    INT,
    MAX_LITERAL_BITS,
    ONE,
    TRUE,
    ZERO,
    Term,
    add,
    at_most,
    both,
    either,
    equal,
    floor_div,
    floor_mod,
    ite,
    less,
    mul,
    neg,
    negate,
    num,
    sub,
    truth_value,
    var,
)

_MAX_SHIFT = 64


class Oracle(Protocol):
    """Quick answers about what is known; false means only that it is not known."""

    def implied(self, path: tuple[Term, ...], goal: Term) -> bool:
        """Return whether the simple facts of `path` imply `goal`."""

    def proves(self, path: tuple[Term, ...], goal: Term) -> bool:
        """Return whether `path` implies `goal`, with the full effort."""


CallByContract = Callable[[ast.Call, list[Value], Scope], Value]


class Evaluator:
    """Evaluates the expressions of one module."""

    def __init__(
        self, module: Module, oracle: Oracle, call_by_contract: CallByContract
    ) -> None:
        self.module = module
        self.oracle = oracle
        self.folds = Folds()
        self.call_by_contract = call_by_contract
        self._numbers = itertools.count()
        self.callees = calls.Callees(self)

    def fresh(self, prefix: str, sort: str = INT) -> Term:
        """Return a variable that nothing mentions yet."""
        # `!` and a number is how Z3 names its own constants.
        return var(f"{prefix}~{next(self._numbers)}", sort)

    def fresh_name(self, prefix: str) -> str:
        """Return a name that nothing has yet."""
        return f"{prefix}~{next(self._numbers)}"

    def value(  # noqa: C901, PLR0911, PLR0912 - one case for each kind of expression
        self, node: ast.expr, scope: Scope
    ) -> Value:
        """Return what the expression evaluates to.

        Raises:
            Unsupported: If it uses something outside the subset.
        """
        match node:
            case ast.Constant(value=constant):
                return self._constant(node, constant)
            case ast.Name(id=name):
                return self._name(node, name, scope)
            case ast.Tuple(elts=elements):
                return record(tuple(self.value(e, scope) for e in elements))
            case ast.List(elts=elements):
                values = [self.value(e, scope) for e in elements]
                return sequences.literal(values, node)
            case ast.UnaryOp():
                return self._unary(node, scope)
            case ast.BoolOp():
                return self._bool_op(node, scope)
            case ast.Compare():
                return boolean(self._compare(node, scope))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                decided = self.condition(test, scope)
                then = self.value(body, scope.under(decided))
                other = self.value(orelse, scope.under(negate(decided)))
                return choose(decided, then, other, node)
            case ast.BinOp():
                return self._binary(node, scope)
            case ast.Subscript(value=inner, slice=index):
                whole = self.value(inner, scope)
                if isinstance(index, ast.Slice):
                    return sequences.part(self, node, whole, index, scope)
                return self.subscript(node, whole, index, scope)
            case ast.ListComp():
                return sequences.comprehension(self, node, scope)
            case ast.Call():
                return self.callees.call(node, scope)
            case _:
                raise Unsupported(node, f"`{ast.unparse(node)}`")

    def condition(self, node: ast.expr, scope: Scope) -> Term:
        """Return whether the expression is true in Python's sense."""
        match node:
            case ast.BoolOp(op=op, values=values):
                parts: list[Term] = []
                inner = scope
                for operand in values:
                    part = self.condition(operand, inner)
                    parts.append(part)
                    known = part if isinstance(op, ast.And) else negate(part)
                    inner = inner.under(known)
                return both(*parts) if isinstance(op, ast.And) else either(*parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negate(self.condition(operand, scope))
            case _:
                return self.truth(node, self.value(node, scope))

    def truth(self, node: ast.AST, value: Value) -> Term:
        """Return `bool(value)`."""
        result = truth(value)
        if result is None:
            raise Unsupported(node, f"the truth of a value of kind `{value.kind}`")
        return result

    def number(self, node: ast.expr, scope: Scope) -> Term:
        """Return the expression as an integer; a bool counts as 0 or 1."""
        return self.as_number(node, self.value(node, scope), scope)

    def as_number(self, node: ast.AST, value: Value, scope: Scope) -> Term:
        """Return a value as an integer, checking that it is not None."""
        bare = self.present(node, value, scope)
        if bare.kind == UNKNOWN:
            scope.check("an element of an empty list", node, FALSE)
            return ZERO
        if not bare.kind.is_number:
            raise Unsupported(node, f"`{bare.kind}` where a number is needed")
        return convert(bare, INTEGER).term

    def present(self, node: ast.AST, value: Value, scope: Scope) -> Value:
        """Return what an optional holds, checking that it holds something."""
        if value.kind.name != "optional":
            return value
        scope.check("not None", node, negate(value.parts[0]))
        return content(value)

    def _constant(self, node: ast.Constant, constant: object) -> Value:
        if constant is None:
            return NOTHING
        if isinstance(constant, bool):
            return boolean(truth_value(constant))
        if isinstance(constant, int):
            if constant.bit_length() > MAX_LITERAL_BITS:
                raise Unsupported(node, "a huge number")
            return integer(num(constant))
        if isinstance(constant, str):
            return sequences.text(constant)
        raise Unsupported(node, f"`{type(constant).__name__}` values")

    def _name(self, node: ast.Name, name: str, scope: Scope) -> Value:
        if name in scope.env:
            if name in scope.unsure:
                scope.check(f"`{name}` is bound", node, scope.unsure[name])
            return scope.env[name]
        if name not in scope.local_names:
            constant = self.module.constant(name)
            if constant is not None:
                return self.value(constant, scope)
        raise Unsupported(node, f"the name `{name}`, which may be unbound or global")

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        if isinstance(node.op, ast.Not):
            return boolean(negate(self.condition(node.operand, scope)))
        operand = self.number(node.operand, scope)
        if isinstance(node.op, ast.USub):
            return integer(neg(operand))
        if isinstance(node.op, ast.Invert):
            return integer(sub(num(-1), operand))
        return integer(operand)

    def _bool_op(self, node: ast.BoolOp, scope: Scope) -> Value:
        is_and = isinstance(node.op, ast.And)
        values: list[tuple[Term, Value]] = []
        inner = scope
        for operand in node.values:
            value = self.value(operand, inner)
            decided = self.truth(operand, value)
            values.append((decided, value))
            inner = inner.under(decided if is_and else negate(decided))
        result = values[-1][1]
        for decided, value in reversed(values[:-1]):
            then, other = (result, value) if is_and else (value, result)
            result = choose(decided, then, other, node)
        return result

    def _compare(self, node: ast.Compare, scope: Scope) -> Term:
        left = self.value(node.left, scope)
        parts: list[Term] = []
        inner = scope
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.In | ast.NotIn):
                found = sequences.contains(self, right_node, left, inner)
                parts.append(found if isinstance(op, ast.In) else negate(found))
                if len(node.ops) > 1:
                    raise Unsupported(node, "`in` inside a chain of comparisons")
            else:
                right = self.value(right_node, inner)
                parts.append(self.compare(node, op, left, right, inner))
                left = right
            inner = inner.under(parts[-1])
        return both(*parts)

    def compare(
        self, node: ast.AST, op: ast.cmpop, left: Value, right: Value, scope: Scope
    ) -> Term:
        """Return one comparison of two values."""
        if isinstance(op, ast.Is | ast.IsNot):
            if NONE not in (left.kind, right.kind):
                raise Unsupported(node, "`is` with something other than None")
            identical = same(left, right, self.fresh)
            return identical if isinstance(op, ast.Is) else negate(identical)
        if UNKNOWN in (left.kind, right.kind):
            scope.check("an element of an empty list", node, FALSE)
            return FALSE
        if isinstance(op, ast.Eq):
            return same(left, right, self.fresh)
        if isinstance(op, ast.NotEq):
            return negate(same(left, right, self.fresh))
        if isinstance(op, ast.Gt | ast.LtE):
            left, right = right, left
        if NONE in (left.kind, right.kind):
            scope.check("not None", node, FALSE)
            return FALSE
        left, right = (self.present(node, v, scope) for v in (left, right))
        smaller = precedes(left, right, self.fresh)
        if smaller is None:
            raise Unsupported(node, f"order of `{left.kind}` and `{right.kind}`")
        return negate(smaller) if isinstance(op, ast.LtE | ast.GtE) else smaller

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.operate(node, node.op, left, right, scope)

    def operate(
        self,
        node: ast.AST,
        op: ast.operator,
        left: Value,
        right: Value,
        scope: Scope,
    ) -> Value:
        """Return the result of a binary operator."""
        left, right = (self.present(node, v, scope) for v in (left, right))
        if left.kind.is_sequence or right.kind.is_sequence:
            return sequences.operate(self, node, op, left, right, scope)
        if left.kind.name == "tuple" and right.kind.name == "tuple":
            if isinstance(op, ast.Add):
                return record((*items(left), *items(right)))
            raise Unsupported(node, "this operator on tuples")
        if left.kind == BOOLEAN and right.kind == BOOLEAN:
            logical = _logical(op, left.term, right.term)
            if logical is not None:
                return boolean(logical)
        a = self.as_number(node, left, scope)
        b = self.as_number(node, right, scope)
        return integer(self._arithmetic(node, op, a, b, scope))

    def _arithmetic(  # noqa: PLR0911 - one case an operator
        self, node: ast.AST, op: ast.operator, a: Term, b: Term, scope: Scope
    ) -> Term:
        match op:
            case ast.Add():
                return add(a, b)
            case ast.Sub():
                return sub(a, b)
            case ast.Mult():
                return mul(a, b)
            case ast.FloorDiv() | ast.Mod():
                return self.divide(node, a, b, scope)[isinstance(op, ast.Mod)]
            case ast.Pow():
                return self.power(node, a, b, scope)
            case ast.LShift() | ast.RShift() if (
                b.literal is not None and 0 <= b.literal <= _MAX_SHIFT
            ):
                factor = num(1 << b.literal)
                return (
                    mul(a, factor)
                    if isinstance(op, ast.LShift)
                    else floor_div(a, factor)
                )
            case ast.BitAnd():
                for value, mask in ((a, b), (b, a)):
                    bits = mask.literal
                    if bits is not None and bits >= 0 and bits & (bits + 1) == 0:
                        return floor_mod(value, num(bits + 1))
        raise Unsupported(node, f"operator `{type(op).__name__}` here")

    def divide(
        self, node: ast.AST, a: Term, b: Term, scope: Scope
    ) -> tuple[Term, Term]:
        """Return quotient and remainder, checking the divisor."""
        scope.check("no division by zero", node, negate(equal(b, ZERO)))
        if b.literal is None and self.oracle.implied(scope.path, less(ZERO, b)):
            return Term("div", (a, b), INT), Term("mod", (a, b), INT)
        return floor_div(a, b), floor_mod(a, b)

    def power(self, node: ast.AST, a: Term, b: Term, scope: Scope) -> Term:
        """Return `a ** b`, checking that the exponent is not negative."""
        # A negative exponent gives a float, which is outside the subset.
        scope.check("exponent is not negative", node, at_most(ZERO, b))
        if b.literal is None or b.literal > 4 or b.literal < 0:  # noqa: PLR2004 - small powers are written out
            return self.folds.power(a, b)
        result = ONE
        for _ in range(b.literal):
            result = mul(result, a)
        return result

    def subscript(
        self, node: ast.AST, whole: Value, index: ast.expr, scope: Scope
    ) -> Value:
        """Return `whole[index]`, checking that the index is in range."""
        whole = self.present(node, whole, scope)
        position = self.number(index, scope)
        if whole.kind.name == "tuple":
            number, size = position.literal, len(whole.kind.items)
            if number is None or not -size <= number < size:
                raise Unsupported(node, "an index into a tuple that is not a literal")
            return items(whole)[number]
        if whole.kind == list_of(UNKNOWN):
            # Its type is not known yet because nothing was put into it.
            scope.check("an element of an empty list", node, FALSE)
            return Value(UNKNOWN, ())
        if not whole.kind.is_sequence:
            raise Unsupported(node, f"an index into `{whole.kind}`")
        return element(whole, self.position(node, whole, position, scope))

    def position(self, node: ast.AST, whole: Value, index: Term, scope: Scope) -> Term:
        """Return an index as the number of elements before it, checking the range."""
        length = whole.length
        in_range = both(at_most(neg(length), index), less(index, length))
        if index.literal is not None:
            negative = index.literal < 0
            needed = num(-index.literal if negative else index.literal + 1)
            scope.check("index in range", node, at_most(needed, length))
            return add(length, index) if negative else index
        if self.oracle.implied(scope.path, at_most(ZERO, index)):
            scope.check("index in range", node, less(index, length))
            return index
        scope.check("index in range", node, in_range)
        if self.oracle.implied(scope.path, less(index, ZERO)):
            return add(length, index)
        return ite(less(index, ZERO), add(length, index), index)


def _logical(op: ast.operator, a: Term, b: Term) -> Term | None:
    match op:
        case ast.BitAnd():
            return both(a, b)
        case ast.BitOr():
            return either(a, b)
        case ast.BitXor():
            return negate(equal(a, b))
        case _:
            return None


def choose(
    decided: Term, then: Value, other: Value, node: ast.AST | None = None
) -> Value:
    """Return `then if decided else other` under the kind that holds both."""
    if decided == TRUE:
        return then
    if decided == FALSE:
        return other
    kind = join(then.kind, other.kind, node)
    pairs = zip(
        convert(then, kind, node).parts, convert(other, kind, node).parts, strict=True
    )
    return Value(kind, tuple(ite(decided, a, b) for a, b in pairs))
