"""Examples in a docstring -> constraints.

In: the docstring of a function. Out: constraints in order and notes on examples that
could not be used. Read are doctests (`>>> f(1)`), and lines that state a result in
words or signs: `f(1) == 2`, `f(1) => 2`, `f(1) -> 2`, `f(1) returns 2`.
"""

import ast
import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Check,
    Constraint,
    Origin,
    RaisesCheck,
)
from codegrad.tasks.literals import LiteralCall, call_text, literal_call, shorten

_STATES = re.compile(
    r"\s*(?:==>|==|=>|->|➞|→|⇒|=|#\s*=>|#|returns|should return|should be|is)\s*",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Examples:
    """What a docstring says by example."""

    constraints: list[Constraint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_examples(docstring: str, function: str, *, entry_point: str) -> Examples:
    """Return the examples that `docstring` of `function` gives.

    Constraints are named `example N`, or `FUNCTION example N` if `function` is not the
    entry point of the task. An expectation that is not a literal is compared as
    doctest compares it, by its printed form.

    Example:
        >>> found = read_examples("Add one. inc(1) => 2", "inc", entry_point="inc")
        >>> [c.text for c in found.constraints]
        ['inc(1) == 2']
    """
    found = Examples()
    checks = list(_doctests(docstring, function, found.notes))
    if not checks:
        checks = list(_statements(docstring, function))
    prefix = "" if function == entry_point else f"{function} "
    seen: set[str] = set()
    for text, check in checks:
        if text in seen:
            continue
        seen.add(text)
        found.constraints.append(
            Constraint(
                name=f"{prefix}example {len(seen)}",
                stage="tests",
                text=shorten(text),
                check=check,
                origin=Origin.DERIVED,
            )
        )
    return found


def _doctests(
    docstring: str, function: str, notes: list[str]
) -> Iterator[tuple[str, Check]]:
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError as error:
        notes.append(f"the doctests of {function} cannot be read: {error}")
        return
    setup = ""
    for example in examples:
        source, want = example.source.strip(), example.want.strip()
        if not want:
            setup += example.source
            continue
        flags = {doctest.ELLIPSIS, doctest.SKIP} & example.options.keys()
        check = None if flags else _doctest_check(source, want, example, setup)
        if check is None:
            notes.append(f"not checked: the example `{shorten(source, 60)}`")
            continue
        yield (
            f"{source} == {want}" if not example.exc_msg else source + " raises",
            check,
        )


def _doctest_check(
    source: str, want: str, example: doctest.Example, setup: str
) -> Check | None:
    try:
        node = ast.parse(source, mode="eval").body
    except SyntaxError:
        return None
    call = None if setup else literal_call(node)
    if example.exc_msg is not None:
        error = example.exc_msg.partition(":")[0].strip().rpartition(".")[2]
        return _raises(source, error, setup, call)
    return _returns(node, source, want, setup, call)


def _raises(source: str, error: str, setup: str, call: LiteralCall | None) -> Check:
    if call:
        return RaisesCheck(call.args, error, call.kwargs, call.function)
    return AssertionCheck(
        f"{setup}try:\n    {source}\nexcept Exception as error:\n"
        f"    assert type(error).__name__ == {error!r}\n"
        f"else:\n    assert False, 'nothing was raised'\n"
    )


def _returns(
    node: ast.expr, source: str, want: str, setup: str, call: LiteralCall | None
) -> Check:
    expected = _literal_text(want)
    if call and expected is not None:
        return CallCheck(call.args, expected[0], call.kwargs, function=call.function)
    if call:
        return CallCheck(
            call.args,
            None,
            call.kwargs,
            prints=want,
            compares_result=False,
            function=call.function,
        )
    printed = _printed_argument(node)
    if printed is not None:
        return AssertionCheck(f"{setup}assert str({printed}) == {want!r}\n")
    if expected is not None:
        return AssertionCheck(f"{setup}assert ({source}) == {want}\n")
    return AssertionCheck(f"{setup}assert repr({source}) == {want!r}\n")


def _printed_argument(node: ast.expr) -> str | None:
    """Return the argument of `print(x)`, which doctest compares as text."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and len(node.args) == 1
        and not node.keywords
    ):
        return ast.unparse(node.args[0])
    return None


def _literal_text(text: str) -> tuple[object] | None:
    try:
        return (ast.literal_eval(text),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _statements(docstring: str, function: str) -> Iterator[tuple[str, Check]]:
    for start in re.finditer(rf"(?<![\w.]){re.escape(function)}\s*\(", docstring):
        end = _call_end(docstring, start.end() - 1)
        if end is None:
            continue
        try:
            node = ast.parse(docstring[start.start() : end], mode="eval").body
        except (SyntaxError, ValueError):
            continue
        call = literal_call(node)
        sign = _STATES.match(docstring, end)
        if call is None or sign is None:
            continue
        line = docstring[sign.end() :].partition("\n")[0].strip()
        expected = _longest_literal(line)
        if expected is not None:
            text = call_text(function, call.args, call.kwargs)
            check = CallCheck(call.args, expected[0], call.kwargs, function=function)
            yield f"{text} == {expected[0]!r}", check


def _call_end(text: str, opening: int) -> int | None:
    """Return the index behind the bracket that closes the one at `opening`."""
    depth = 0
    quote = ""
    for index in range(opening, min(len(text), opening + 2000)):
        char = text[index]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                return index + 1
    return None


def _longest_literal(line: str) -> tuple[object] | None:
    """Return the literal that `line` starts with, if it stands for itself there."""
    for end in range(len(line), 0, -1):
        following = line[end:]
        if following[:1].isalnum() or following[:1] in {"'", '"', "_"}:
            continue  # this would cut a word or a string in two
        if following.lstrip()[:1] in set("+-*/%=<>&|^[("):
            continue  # the literal is only the beginning of an expression
        found = _literal_text(line[:end].strip().rstrip(".,;"))
        if found is not None and found[0] is not Ellipsis:
            return found
    return None
