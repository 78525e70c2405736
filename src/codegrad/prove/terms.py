"""First-order terms over integers, booleans and arrays, and the functions they use.

In: constructors called by the other files of the room. Out: immutable `Term`s that the
two solver files translate. Sorts are SMT-LIB text (`Int`, `Bool`, `(Array Int Int)`).
Invariant: every constructor returns a term equal to what its name says; it may only
fold constants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

INT = "Int"
BOOL = "Bool"
_ARRAY = "(Array Int "
MAX_LITERAL_BITS = 4096
"""Python prints longer numbers only on request, and few proofs need them."""


def array_of(sort: str) -> str:
    """Return the sort of arrays from integers to `sort`."""
    return f"{_ARRAY}{sort})"


def element_of(sort: str) -> str:
    """Return the sort of the elements of an array sort."""
    return sort[len(_ARRAY) : -1]


class Term:
    """An operator over argument terms; compared by structure."""

    __slots__ = ("_hash", "args", "name", "op", "quantified", "sort", "variables")

    def __init__(
        self, op: str, args: tuple["Term", ...], sort: str, name: str | int = ""
    ) -> None:
        self.op = op
        self.args = args
        self.sort = sort
        self.name = name
        self._hash = hash((op, args, sort, name))
        self.quantified: bool = op in ("forall", "exists") or any(
            a.quantified for a in args
        )
        if op == "var":
            self.variables: frozenset[str] = frozenset((str(name),))
        elif not args:
            self.variables = frozenset()
        else:
            self.variables = frozenset().union(*(a.variables for a in args))
            if op in ("forall", "exists"):
                self.variables -= {str(b.name) for b in args[:-1]}

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Term)
            and self._hash == other._hash
            and self.op == other.op
            and self.name == other.name
            and self.sort == other.sort
            and self.args == other.args
        )

    def __repr__(self) -> str:
        if self.op in ("var", "int", "bool"):
            return str(self.name)
        head = f"{self.op} {self.name}".strip()
        return f"({head} {' '.join(map(repr, self.args))})"

    @property
    def literal(self) -> int | None:
        """The value of an integer literal; None for any other term."""
        return self.name if self.op == "int" and isinstance(self.name, int) else None


TRUE = Term("bool", (), BOOL, "true")
FALSE = Term("bool", (), BOOL, "false")


def var(name: str, sort: str) -> Term:
    """Return the variable of that name."""
    return Term("var", (), sort, name)


def num(value: int) -> Term:
    """Return an integer literal."""
    return Term("int", (), INT, int(value))


ZERO = num(0)
ONE = num(1)


def truth_value(value: bool) -> Term:  # noqa: FBT001 - the value is the subject
    """Return a boolean literal."""
    return TRUE if value else FALSE


def _linear(term: Term) -> tuple[Term | None, int]:
    """Return `(rest, c)` with `term == rest + c`; no rest means a literal."""
    if term.literal is not None:
        return None, term.literal
    if term.op == "+" and term.args[1].literal is not None:
        return term.args[0], term.args[1].literal
    return term, 0


def add(left: Term, right: Term) -> Term:
    """Return the sum; a literal summand is kept last and folded.

    Example:
        >>> add(add(var("i", INT), ONE), num(-1))
        i
    """
    left_rest, left_constant = _linear(left)
    right_rest, right_constant = _linear(right)
    constant = left_constant + right_constant
    if left_rest is None and right_rest is None:
        return num(constant)
    if left_rest is None or right_rest is None:
        rest = right_rest if left_rest is None else left_rest
        assert rest is not None
    elif right_rest.op == "neg" and right_rest.args[0] == left_rest:
        return num(constant)
    elif right_rest.op == "neg" and left_rest.op == "+":
        # (x + y) - x and (x + y) - y appear with every slice of a slice.
        if left_rest.args[0] == right_rest.args[0]:
            return add(left_rest.args[1], num(constant))
        if left_rest.args[1] == right_rest.args[0]:
            return add(left_rest.args[0], num(constant))
        rest = Term("+", (left_rest, right_rest), INT)
    else:
        rest = Term("+", (left_rest, right_rest), INT)
    return rest if constant == 0 else Term("+", (rest, num(constant)), INT)


def neg(term: Term) -> Term:
    """Return the negation of an integer."""
    if term.literal is not None:
        return num(-term.literal)
    if term.op == "neg":
        return term.args[0]
    rest, constant = _linear(term)
    if constant and rest is not None:
        return add(neg(rest), num(-constant))
    return Term("neg", (term,), INT)


def sub(left: Term, right: Term) -> Term:
    """Return the difference."""
    return ZERO if left == right else add(left, neg(right))


def mul(left: Term, right: Term) -> Term:
    """Return the product."""
    if left.literal is not None and right.literal is not None:
        size = left.literal.bit_length() + right.literal.bit_length()
        if size <= MAX_LITERAL_BITS:
            return num(left.literal * right.literal)
    for one, other in ((left, right), (right, left)):
        if one.literal == 0:
            return ZERO
        if one.literal == 1:
            return other
        if one.literal == -1:
            return neg(other)
    return Term("*", (left, right), INT)


def _euclidean(op: str, left: Term, right: Term) -> Term:
    """Return SMT-LIB `div` or `mod`, which equal Python's for a positive divisor."""
    if left.literal is not None and right.literal is not None and right.literal > 0:
        a, b = left.literal, right.literal
        return num(a // b if op == "div" else a % b)
    return Term(op, (left, right), INT)


def floor_div(left: Term, right: Term) -> Term:
    """Return Python's `left // right`; unspecified for a zero divisor."""
    if right.literal is not None and right.literal > 0:
        return left if right.literal == 1 else _euclidean("div", left, right)
    positive = _euclidean("div", left, right)
    return ite(less(ZERO, right), positive, _euclidean("div", neg(left), neg(right)))


def floor_mod(left: Term, right: Term) -> Term:
    """Return Python's `left % right`; unspecified for a zero divisor."""
    if right.literal is not None and right.literal > 0:
        return _euclidean("mod", left, right)
    positive = _euclidean("mod", left, right)
    negative = neg(_euclidean("mod", neg(left), neg(right)))
    return ite(less(ZERO, right), positive, negative)


def less(left: Term, right: Term) -> Term:
    """Return `left < right`."""
    return negate(at_most(right, left))


def at_most(left: Term, right: Term) -> Term:
    """Return `left <= right`."""
    difference = sub(right, left)
    if difference.literal is not None:
        return truth_value(difference.literal >= 0)
    return Term("<=", (left, right), BOOL)


def equal(left: Term, right: Term) -> Term:
    """Return equality of two terms of one sort."""
    assert left.sort == right.sort, f"{left.sort} against {right.sort}"
    if left == right:
        return TRUE
    if left.sort == INT:
        difference = sub(left, right)
        if difference.literal is not None:
            return truth_value(difference.literal == 0)
    if left.sort == BOOL:
        for one, other in ((left, right), (right, left)):
            if one == TRUE:
                return other
            if one == FALSE:
                return negate(other)
    return Term("=", (left, right), BOOL)


def negate(term: Term) -> Term:
    """Return the logical negation."""
    if term == TRUE:
        return FALSE
    if term == FALSE:
        return TRUE
    return term.args[0] if term.op == "not" else Term("not", (term,), BOOL)


def both(*terms: Term) -> Term:
    """Return the conjunction; of nothing, true."""
    return _connect("and", TRUE, FALSE, terms)


def either(*terms: Term) -> Term:
    """Return the disjunction; of nothing, false."""
    return _connect("or", FALSE, TRUE, terms)


def _connect(op: str, unit: Term, absorbing: Term, terms: Iterable[Term]) -> Term:
    kept: list[Term] = []
    for term in terms:
        if term == absorbing:
            return absorbing
        for part in term.args if term.op == op else (term,):
            if part != unit and part not in kept:
                kept.append(part)
    if not kept:
        return unit
    return kept[0] if len(kept) == 1 else Term(op, tuple(kept), BOOL)


def implies(premise: Term, conclusion: Term) -> Term:
    """Return the implication."""
    if conclusion == TRUE or premise == FALSE:
        return TRUE
    if premise == TRUE:
        return conclusion
    if conclusion == FALSE:
        return negate(premise)
    return Term("=>", (premise, conclusion), BOOL)


def ite(condition: Term, then: Term, otherwise: Term) -> Term:
    """Return `then if condition else otherwise`."""
    if condition == TRUE or then == otherwise:
        return then
    if condition == FALSE:
        return otherwise
    if then == TRUE and otherwise == FALSE:
        return condition
    if then == FALSE and otherwise == TRUE:
        return negate(condition)
    return Term("ite", (condition, then, otherwise), then.sort)


def select(array: Term, index: Term) -> Term:
    """Return the element of `array` at `index`; arrays are total."""
    while array.op == "store":
        distance = sub(array.args[1], index).literal
        if distance == 0:
            return array.args[2]
        if distance is None:
            break
        array = array.args[0]
    return Term("select", (array, index), element_of(array.sort))


def store(array: Term, index: Term, value: Term) -> Term:
    """Return `array` with one element replaced."""
    assert element_of(array.sort) == value.sort
    return Term("store", (array, index, value), array.sort)


def quantify(op: str, bound: Sequence[Term], body: Term) -> Term:
    """Return `forall` or `exists` over the bound variables that `body` mentions."""
    used = tuple(b for b in bound if b.name in body.variables)
    if not used:
        return body
    if body.op == op:
        return Term(op, (*used, *body.args), BOOL)
    return Term(op, (*used, body), BOOL)


def for_all(bound: Sequence[Term], body: Term) -> Term:
    """Return the universal closure of `body` over `bound`."""
    return quantify("forall", bound, body)


def there_is(bound: Sequence[Term], body: Term) -> Term:
    """Return the existential closure of `body` over `bound`."""
    return quantify("exists", bound, body)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function symbol with, possibly, a definition and true statements about it."""

    name: str
    """Unique in one proof."""

    parameters: tuple[Term, ...]
    """Variables; the definition mentions no others."""

    sort: str
    """The sort of its values."""

    definition: list[Term] = field(default_factory=list)
    """Empty, or one term; well-founded if it mentions the function itself."""

    axioms: list[Term] = field(default_factory=list)
    """Closed terms that follow from the intended meaning."""

    def __call__(self, *args: Term) -> Term:
        """Return the application to `args`."""
        assert [a.sort for a in args] == [p.sort for p in self.parameters], self.name
        return Application(self, args)


class Application(Term):
    """The value of a `Function` for some arguments."""

    __slots__ = ("function",)

    def __init__(self, function: Function, args: tuple[Term, ...]) -> None:
        super().__init__("app", args, function.sort, function.name)
        self.function = function


def functions_of(terms: Iterable[Term]) -> tuple[Function, ...]:
    """Return every function that the terms need, definitions and axioms included.

    In order of first use; what a definition needs comes after it.
    """
    found: dict[str, Function] = {}
    seen: set[int] = set()
    pending = list(terms)
    while pending:
        term = pending.pop()
        if id(term) in seen:
            continue
        seen.add(id(term))
        pending.extend(term.args)
        if isinstance(term, Application) and term.function.name not in found:
            found[term.function.name] = term.function
            pending.extend(term.function.definition)
            pending.extend(term.function.axioms)
    return tuple(found.values())


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """Return `term` with other arguments of the same sorts, constants folded."""
    if isinstance(term, Application):
        return term.function(*args)
    if term.op in ("forall", "exists"):
        return quantify(term.op, args[:-1], args[-1])
    maker = _MAKERS.get(term.op)
    return maker(*args) if maker else Term(term.op, args, term.sort, term.name)


_MAKERS: dict[str, Callable[..., Term]] = {
    "+": add,
    "neg": neg,
    "*": mul,
    "<=": at_most,
    "=": equal,
    "not": negate,
    "and": both,
    "or": either,
    "=>": implies,
    "ite": ite,
    "select": select,
    "store": store,
}


def substitute(term: Term, replaced: Mapping[str, Term]) -> Term:
    """Return `term` with variables replaced; bound variables have unique names.

    Example:
        >>> i = var("i", INT)
        >>> substitute(at_most(i, num(3)), {"i": add(i, ONE)})
        (<= (+ i 1) 3)
    """
    memo: dict[Term, Term] = {}

    def walk(node: Term) -> Term:
        if not node.variables & replaced.keys():
            return node
        if node.op == "var":
            return replaced[str(node.name)]
        if node not in memo:
            memo[node] = rebuild(node, tuple(walk(a) for a in node.args))
        return memo[node]

    return walk(term)
