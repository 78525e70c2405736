"""Guesses of loop invariants, as Python text.

In: a loop, the contract, the kinds of the names at its head. Out: conditions that are
often invariants: the postcondition for the part done so far, bounds, unchanged parts,
relations among integers. Invariant: none is trusted; order is from likely to wild.
"""

import ast
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from codegrad.contract import ClauseKind
from codegrad.prove.conditions import LoopInfo
from codegrad.prove.kinds import BOOLEAN, INTEGER
from codegrad.prove.subset import Function, parameters

_MAX_TEXT = 300
_MAX_CONSTANTS = 6


@dataclass(frozen=True, slots=True)
class _Names:
    """The names that a guess about one loop may mention."""

    numbers: list[str]
    """Integers at the head, the index of a `for` included."""

    moving: list[str]
    """Those of them that change from round to round."""

    sequences: list[str]
    """Lists and strings."""

    grown: list[str]
    """Lists and strings that the loop changes."""

    flags: list[str]
    """Booleans that the loop changes."""


def guesses(info: LoopInfo, function: Function) -> Iterator[str]:
    """Yield candidate invariants of a loop, without repetition.

    Example:
        >>> from codegrad.prove.kinds import INTEGER
        >>> from codegrad.prove.subset import Module
        >>> f = Module('''
        ... def f(n: int) -> int:
        ...     "post: result == n"
        ...     i = 0
        ...     while i < n:
        ...         i += 1
        ...     return i
        ... ''').function("f")
        >>> info = LoopInfo(f.body[1], "f", {"n": INTEGER, "i": INTEGER}, ("i",))
        >>> {"i >= 0", "i <= n"} <= set(guesses(info, f))
        True
    """
    names = _names(info, function)
    seen: set[str] = set()
    for text in itertools.chain(
        _bounds(info, names),
        _lengths(info, names),
        _from_contract(info, function, names),
        _unchanged(function, names),
        _folds(names),
        _from_tests(info, names),
        _from_comparisons(info, names),
    ):
        if text not in seen and len(text) <= _MAX_TEXT:
            seen.add(text)
            yield text


def index_names(loop: ast.For | ast.While) -> list[str]:
    """Return the names that count the rounds of a loop."""
    if not isinstance(loop, ast.For):
        return []
    rounds = f"_i{loop.lineno}"
    match loop:
        case ast.For(
            target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[_])
        ):
            return [name]
        case ast.For(
            target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"))
        ):
            return [name, rounds]
        case ast.For(
            target=ast.Tuple(elts=[ast.Name(id=name), *_]),
            iter=ast.Call(func=ast.Name(id="enumerate"), args=[_], keywords=[]),
        ):
            return [name]
    return [rounds]


def _names(info: LoopInfo, function: Function) -> _Names:
    kinds = {n: k for n, k in info.kinds.items() if not n.startswith("_i")}
    index = index_names(info.node)
    numbers = [n for n, k in kinds.items() if k == INTEGER and n not in index]
    moving = [n for n in numbers if n in info.changed]
    arguments = {p.arg for p in parameters(function.node)}
    changed_arguments = [f"old_{n}" for n in moving if n in arguments]
    sequences = [n for n, k in kinds.items() if k.is_sequence]
    return _Names(
        [*numbers, *index, *changed_arguments],
        [*moving, *index],
        sequences,
        [n for n in sequences if n in info.changed],
        [n for n, k in kinds.items() if k == BOOLEAN and n in info.changed],
    )


def _constants(node: ast.AST) -> list[int]:
    found = {0, 1, -1}
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and type(inner.value) is int:
            found.add(inner.value)
    return sorted(found, key=abs)[:_MAX_CONSTANTS]


def _bounds(info: LoopInfo, names: _Names) -> Iterator[str]:
    for name in names.moving:
        for value in _constants(info.node):
            yield f"{name} >= {value}"
        yield f"{name} <= 0"
        yield f"{name} <= 1"
    others = [*names.numbers, *(f"len({s})" for s in names.sequences)]
    for name in names.moving:
        for other in others:
            if other != name:
                yield f"{name} <= {other}"
                yield f"{name} >= {other}"
                yield f"{name} == {other}"
                yield f"{name} <= {other} + 1"
    if isinstance(info.node, ast.While):
        yield from _weakened(info.node.test)


def _weakened(test: ast.expr) -> Iterator[str]:
    """Yield what may still hold when the condition of a `while` fails."""
    match test:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _weakened(value)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            a, b = ast.unparse(left), ast.unparse(right)
            if isinstance(op, ast.Lt):
                yield f"{a} <= {b}"
            elif isinstance(op, ast.Gt):
                yield f"{a} >= {b}"
            elif isinstance(op, ast.LtE):
                yield f"{a} <= {b} + 1"
            elif isinstance(op, ast.GtE):
                yield f"{a} + 1 >= {b}"
            elif isinstance(op, ast.NotEq):
                yield f"{a} <= {b}"
                yield f"{a} >= {b}"


def _lengths(info: LoopInfo, names: _Names) -> Iterator[str]:
    index = index_names(info.node)
    for name in names.grown:
        size = f"len({name})"
        others = [*index, *names.numbers, *(f"len({s})" for s in names.sequences)]
        for other in [*others, f"len(old_{name})"]:
            if other != size:
                yield f"{size} == {other}"
                yield f"{size} <= {other}"
                yield f"{size} == {other} + 1"
        for counter in [*index, *names.moving]:
            for other in [f"len({s})" for s in names.sequences if s != name]:
                yield f"{size} + {counter} == {other}"
                yield f"{size} + {counter} + 1 == {other}"


def _unchanged(function: Function, names: _Names) -> Iterator[str]:
    arguments = {p.arg for p in parameters(function.node)}
    for name in names.grown:
        if name not in arguments:
            continue
        ends = [("0", f"len({name})")]
        for counter in names.moving:
            ends += [("0", counter), (counter, f"len({name})")]
            ends += [(f"{counter} + 1", f"len({name})"), ("0", f"{counter} + 1")]
        for low, high in itertools.permutations(names.moving, 2):
            ends += [(low, high), (low, f"{high} + 1")]
        for low, high in ends:
            yield f"all({name}[_q] == old_{name}[_q] for _q in range({low}, {high}))"
        last = f"old_{name}[len({name}) - 1 - _q]"
        for counter in names.moving:
            yield f"all({name}[_q] == {last} for _q in range({counter}))"
            ends_at = f"range({counter} + 1, len({name}))"
            yield f"all({name}[_q] == {last} for _q in {ends_at})"


def _folds(names: _Names) -> Iterator[str]:
    for name, sequence in itertools.product(names.moving, names.sequences):
        for counter in names.moving:
            if counter == name:
                continue
            for fold in ("sum", "max", "min"):
                yield f"{name} == {fold}({sequence}[:{counter}])"
                yield f"{name} == {fold}({sequence}[:{counter} + 1])"
    for flag in names.flags:
        yield flag
        yield f"not {flag}"


def _from_comparisons(info: LoopInfo, names: _Names) -> Iterator[str]:
    """Yield that what the body compares one element with holds for a whole part."""
    for node in ast.walk(info.node):
        match node:
            case ast.Compare(left=left, ops=[_], comparators=[right]):
                for element, other in ((left, right), (right, left)):
                    for name in names.sequences:
                        if _reads(element, name, info.node):
                            yield from _for_parts(name, ast.unparse(other), names)


def _from_tests(info: LoopInfo, names: _Names) -> Iterator[str]:
    """Yield that the rounds so far failed the tests that the body makes."""
    for node in ast.walk(info.node):
        if not isinstance(node, ast.If):
            continue
        yield from _from_both_ends(node.test, names)
        for counter in names.moving:
            if _mentions(node.test, counter):
                test = ast.unparse(rewrite(node.test, {counter: "_q"}))
                yield f"all(not ({test}) for _q in range({counter}))"
                for low in _starts(info.node):
                    yield f"all(not ({test}) for _q in range({low}, {counter}))"
        match info.node:
            case ast.For(target=ast.Name(id=name), iter=ast.Name(id=source)):
                if _mentions(node.test, name):
                    test = ast.unparse(rewrite(node.test, {name: "_q"}))
                    part = f"{source}[:_i{info.node.lineno}]"
                    yield f"all(not ({test}) for _q in {part})"


def _from_both_ends(test: ast.expr, names: _Names) -> Iterator[str]:
    """Yield that a test failed for two names that move towards each other."""
    for up, down in itertools.permutations(names.moving, 2):
        if _mentions(test, up) and _mentions(test, down):
            for name in names.sequences:
                ends = {up: "_q", down: f"(len({name}) - 1 - _q)"}
                failed = ast.unparse(rewrite(test, ends))
                yield f"all(not ({failed}) for _q in range({up}))"


def _starts(loop: ast.For | ast.While) -> Iterator[str]:
    """Yield where a loop over a range starts, if that is not 0."""
    match loop:
        case ast.For(iter=ast.Call(func=ast.Name(id="range"), args=[low, _, *_])):
            yield ast.unparse(low)


def _reads(node: ast.expr, sequence: str, loop: ast.For | ast.While) -> bool:
    match node:
        case ast.Subscript(value=ast.Name(id=name)):
            return name == sequence
        case ast.Name(id=name) if isinstance(loop, ast.For):
            targets = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
            sources = {n.id for n in ast.walk(loop.iter) if isinstance(n, ast.Name)}
            return name in targets and sequence in sources
    return False


def _for_parts(sequence: str, other: str, names: _Names) -> Iterator[str]:
    for counter in names.moving:
        for part in (
            f"range({counter})",
            f"range({counter}, len({sequence}))",
            f"range({counter} + 1, len({sequence}))",
        ):
            for relation in ("<", "<=", ">", ">=", "!="):
                yield f"all({sequence}[_q] {relation} {other} for _q in {part})"


def _from_contract(info: LoopInfo, function: Function, names: _Names) -> Iterator[str]:
    changed = {
        n
        for n in (p.arg for p in parameters(function.node))
        if n in info.changed and n not in names.grown
    }
    before = {n: f"old_{n}" for n in changed}
    atoms = [
        atom
        for clause in function.clauses(ClauseKind.POST)
        for atom in _atoms(_unshadowed(clause))
    ]
    cuts = list(_cuts(info, names))
    ends = [*(f"len({g})" for g in names.grown), *names.moving]
    for atom in _conjuncts(function.clauses(ClauseKind.PRE)):
        yield ast.unparse(atom)
    for atom in atoms:
        for result in _results(function, info):
            stated = _plainly(rewrite(atom, {**result, **before}))
            if _mentions(stated, "result"):
                continue
            yield ast.unparse(stated)
            for end in ends:
                yield ast.unparse(_narrowed(stated, end))
                yield ast.unparse(_narrowed(stated, end, only_first=True))
            yield from _about_parts(stated, names)
            yield from _about_bounds(stated, names)
            for cut in cuts:
                yield ast.unparse(rewrite(stated, cut))
                if isinstance(stated, ast.Call):
                    yield f"not {ast.unparse(rewrite(stated, cut))}"
    if changed:
        yield from _accumulated(atoms, function, changed)


def _plainly(claim: ast.expr) -> ast.expr:
    """Return `X` for `True == X` and `not X` for `False == X`."""
    match claim:
        case ast.Compare(
            left=ast.Constant(value=bool(value)), ops=[ast.Eq()], comparators=[other]
        ):
            return other if value else ast.UnaryOp(ast.Not(), other)
    return claim


def _about_parts(stated: ast.expr, names: _Names) -> Iterator[str]:
    """Yield what a claim about all elements says of the first and of the next one."""
    match stated:
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[whole]):
            if name in names.grown:
                yield f"{name} == ({ast.unparse(whole)})[:len({name})]"
        case ast.Call(
            func=ast.Name(id="all"),
            args=[
                ast.GeneratorExp(
                    elt=claim, generators=[ast.comprehension(target=ast.Name(id=index))]
                )
            ],
        ):
            for grown, number in itertools.product(names.grown, names.moving):
                at = {f"{grown}[{index}]": number, index: f"len({grown})"}
                if f"{grown}[{index}]" in ast.unparse(claim):
                    yield ast.unparse(rewrite(claim, at))


def _about_bounds(stated: ast.expr, names: _Names) -> Iterator[str]:
    """Yield a claim about `x + 1` for the name that closes in on it."""
    text = ast.unparse(stated)
    for name, other in itertools.permutations(names.moving, 2):
        for successor in (f"{name} + 1", f"1 + {name}"):
            if successor in text:
                yield ast.unparse(rewrite(stated, {successor: other}))


def _accumulated(
    atoms: Sequence[ast.expr], function: Function, changed: Iterable[str]
) -> Iterator[str]:
    """Yield that what is done and what is left make up the result."""
    before = {n: f"old_{n}" for n in changed}
    returned = [ast.unparse(e) for e in _returned(function)]
    for atom in atoms:
        match atom:
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                for one, other in ((left, right), (right, left)):
                    if ast.unparse(one) != "result" or _mentions(other, "result"):
                        continue
                    now = ast.unparse(other)
                    whole = ast.unparse(rewrite(other, before))
                    yield f"{now} == {whole}"
                    for name in dict.fromkeys(returned):
                        yield f"{name} + {now} == {whole}"
                        yield f"{name} * {now} == {whole}"
                        yield f"{now} - {name} == {whole}"


def _returned(function: Function) -> list[ast.expr]:
    return [
        n.value
        for s in function.body
        for n in ast.walk(s)
        if isinstance(n, ast.Return) and n.value is not None
    ]


def _results(function: Function, info: LoopInfo) -> Iterator[dict[str, str]]:
    """Yield what `result` may stand for while the loop runs."""
    seen: set[str] = set()
    candidates = [ast.unparse(e) for e in _returned(function)]
    candidates += [n for n in info.changed if n in info.kinds]
    for text in candidates:
        if text in seen:
            continue
        seen.add(text)
        node = ast.parse(text, mode="eval").body
        if isinstance(node, ast.Tuple):
            parts = {f"result[{n}]": ast.unparse(e) for n, e in enumerate(node.elts)}
            yield {**parts, "result": text}
        else:
            yield {"result": text}


def _cuts(info: LoopInfo, names: _Names) -> Iterator[dict[str, str]]:
    """Yield replacements that make a statement about a part of one about the whole."""
    fixed = [s for s in names.sequences if s not in names.grown]
    for counter in names.moving:
        for offset in ("", " + 1", " - 1"):
            at = f"{counter}{offset}"
            if fixed:
                yield {
                    **{f"len({s})": at for s in fixed},
                    **{s: f"{s}[:{at}]" for s in fixed},
                }
            yield from ({f"len({s})": at, s: f"{s}[:{at}]"} for s in fixed)
            yield from ({f"len({s})": at} for s in names.sequences)
            yield from ({s: f"{s}[:{at}]"} for s in names.grown)
            yield from ({n: f"({at})"} for n in names.numbers if n not in names.moving)
        yield from ({s: f"{s}[{counter}:]"} for s in fixed)
    for grown in names.grown:
        yield from (
            {f"len({s})": f"len({grown})"} for s in names.sequences if s != grown
        )
    for text in _limits(info.node):
        for counter in names.moving:
            yield {text: counter}


class _Narrower(ast.NodeTransformer):
    """Lets the ranges of comprehensions end somewhere else."""

    def __init__(self, end: str, *, only_first: bool) -> None:
        self.end = end
        self.only_first = only_first
        self.seen = 0

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.seen += 1
        match node.iter:
            case ast.Call(func=ast.Name(id="range"), args=[_] | [_, _] as bounds) if (
                self.seen == 1 or not self.only_first
            ):
                end = ast.parse(self.end, mode="eval").body
                bounds = [*bounds[:-1], end]
                node.iter = ast.Call(ast.Name("range", ast.Load()), bounds, [])
        self.generic_visit(node)
        return node


def _narrowed(clause: ast.expr, end: str, *, only_first: bool = False) -> ast.expr:
    copied = ast.parse(ast.unparse(clause), mode="eval").body
    narrowed = _Narrower(end, only_first=only_first).visit(copied)
    assert isinstance(narrowed, ast.expr)
    return narrowed


def _limits(loop: ast.For | ast.While) -> Iterator[str]:
    match loop:
        case ast.For(iter=ast.Call(func=ast.Name(id="range"), args=arguments)):
            yield from (ast.unparse(a) for a in arguments)
        case ast.While(test=test):
            for node in ast.walk(test):
                if isinstance(node, ast.Compare):
                    yield from (ast.unparse(c) for c in (node.left, *node.comparators))


def _atoms(clause: ast.expr) -> Iterator[ast.expr]:
    """Yield the conditions inside a condition, the whole first."""
    seen: set[str] = set()
    for part in _conjuncts([clause]):
        for node in (part, *_inner_conditions(part)):
            text = ast.unparse(node)
            if text not in seen:
                seen.add(text)
                yield node


def _inner_conditions(node: ast.expr) -> Iterator[ast.expr]:
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id="all" | "any")) if inner is not node:
                yield inner
            case ast.Call(func=ast.Name(id="implies"), args=[_, conclusion]):
                yield conclusion
            case ast.BoolOp() | ast.IfExp() if inner is node:
                parts = (
                    inner.values
                    if isinstance(inner, ast.BoolOp)
                    else [inner.body, inner.orelse]
                )
                yield from parts


def _conjuncts(clauses: Iterable[ast.expr]) -> Iterator[ast.expr]:
    for clause in clauses:
        match clause:
            case ast.BoolOp(op=ast.And(), values=values):
                yield from _conjuncts(values)
            case ast.Compare(left=left, ops=ops, comparators=rest) if len(ops) > 1:
                for low, op, high in zip([left, *rest], ops, rest, strict=False):
                    yield ast.Compare(low, [op], [high])
            case _:
                yield clause


class _Unshadow(ast.NodeTransformer):
    """Renames the variables of comprehensions, so that no name of a loop is caught."""

    def __init__(self) -> None:
        self.renamed: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self.renamed.get(node.id, node.id), node.ctx)


def _unshadowed(clause: ast.expr) -> ast.expr:
    renamer = _Unshadow()
    for node in ast.walk(clause):
        if isinstance(node, ast.comprehension):
            for inner in ast.walk(node.target):
                if isinstance(inner, ast.Name):
                    renamer.renamed.setdefault(inner.id, f"_q{len(renamer.renamed)}")
    copied = ast.parse(ast.unparse(clause), mode="eval").body
    renamed = renamer.visit(copied)
    assert isinstance(renamed, ast.expr)
    return renamed


class _Rewriter(ast.NodeTransformer):
    def __init__(self, replaced: Mapping[str, str]) -> None:
        self.replaced = replaced

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr):
            found = self.replaced.get(ast.unparse(node))
            if found is not None:
                return ast.parse(found, mode="eval").body
        self.generic_visit(node)
        return node


def rewrite(node: ast.expr, replaced: Mapping[str, str]) -> ast.expr:
    """Return an expression with parts replaced, the outermost first.

    Example:
        >>> tree = ast.parse("len(a) + a[0]", mode="eval").body
        >>> ast.unparse(rewrite(tree, {"len(a)": "n", "a": "b"}))
        'n + b[0]'
    """
    copied = ast.parse(ast.unparse(node), mode="eval").body
    done = _Rewriter(replaced).visit(copied)
    assert isinstance(done, ast.expr)
    return done


def _mentions(node: ast.expr, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))
