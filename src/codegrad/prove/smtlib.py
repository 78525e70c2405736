"""SMT-LIB text of a condition.

In: what is known and what has to follow. Out: a script whose answer is `unsat` exactly
if it follows. Invariant: the text does not depend on anything but the terms.
"""

from collections.abc import Iterable, Sequence

from codegrad.prove.terms import Function, Term, functions_of, negate


def script(path: Sequence[Term], goal: Term) -> str:
    """Return the question whether `path` implies `goal`.

    Example:
        >>> from codegrad.prove.terms import INT, ONE, at_most, var
        >>> n = var("n", INT)
        >>> print(script([at_most(ONE, n)], at_most(n, n)).splitlines()[-2])
        (assert false)
    """
    claims = [*path, negate(goal)]
    functions = functions_of(claims)
    axioms = [a for f in functions for a in f.axioms]
    names: dict[str, str] = {}
    for term in (*claims, *axioms, *(d for f in functions for d in f.definition)):
        _collect(term, names, set())
    bound = {str(p.name) for f in functions for p in f.parameters}
    free = {n for t in (*claims, *axioms) for n in t.variables} | {
        n for f in functions for d in f.definition for n in d.variables - bound
    }
    lines = ["(set-logic ALL)"]
    lines += [
        f"(declare-fun {_quoted(n)} () {names[n]})" for n in sorted(free & names.keys())
    ]
    lines += [_declaration(f) for f in functions if not f.definition]
    defined = [f for f in functions if f.definition]
    if defined:
        heads = " ".join(_head(f) for f in defined)
        bodies = "\n  ".join(text(f.definition[0]) for f in defined)
        lines.append(f"(define-funs-rec ({heads})\n ({bodies}))")
    lines += [f"(assert {text(a)})" for a in axioms]
    lines += [f"(assert {text(c)})" for c in claims]
    lines.append("(check-sat)")
    return "\n".join(lines) + "\n"


def _collect(term: Term, names: dict[str, str], seen: set[int]) -> None:
    pending = [term]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == "var":
            names[str(node.name)] = node.sort
        pending.extend(node.args)


def _declaration(function: Function) -> str:
    sorts = " ".join(p.sort for p in function.parameters)
    return f"(declare-fun {_quoted(function.name)} ({sorts}) {function.sort})"


def _head(function: Function) -> str:
    parameters = " ".join(
        f"({_quoted(str(p.name))} {p.sort})" for p in function.parameters
    )
    return f"({_quoted(function.name)} ({parameters}) {function.sort})"


def _quoted(name: str) -> str:
    return f"|{name}|"


def text(term: Term) -> str:
    """Return the SMT-LIB text of a term."""
    if term.op == "var":
        return _quoted(str(term.name))
    if term.op == "bool":
        return str(term.name)
    if term.op == "int":
        value = int(term.name)
        return str(value) if value >= 0 else f"(- {-value})"
    if term.op in ("forall", "exists"):
        *bound, body = term.args
        heads = " ".join(f"({_quoted(str(b.name))} {b.sort})" for b in bound)
        return f"({term.op} ({heads}) {text(body)})"
    if term.op == "app":
        name = _quoted(str(term.name))
        return f"({name} {_joined(term.args)})" if term.args else name
    return f"({'-' if term.op == 'neg' else term.op} {_joined(term.args)})"


def _joined(terms: Iterable[Term]) -> str:
    return " ".join(text(t) for t in terms)
