"""Examples in a docstring -> constraints.

In: the docstring of a function. Out: constraints in order and notes on examples that
could not be used. Read are doctests (`>>> f(1)`), and where there are none what is
stated in words or signs (see `codegrad.tasks.worded`). A doctest of a call with
literals that shows a literal also says of what types the numbers in it are.
"""

import ast
import doctest
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Check,
    Constraint,
    Origin,
    RaisesCheck,
)
from codegrad.tasks.literals import (
    LiteralCall,
    call_text,
    has_gap,
    literal_call,
    shorten,
    show,
    text_condition,
)
from codegrad.tasks.worded import stated_examples

_PROMPT = re.compile(r"^(?=[ \t]*>>> )", re.MULTILINE)


@dataclass(slots=True)
class Examples:
    """What a docstring says by example."""

    constraints: list[Constraint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_examples(
    docstring: str,
    function: str,
    *,
    entry_point: str,
    parameters: Sequence[str] = (),
    as_written: str = "",
) -> Examples:
    """Return the examples that `docstring` of `function` gives.

    Constraints are named `example N`, or `FUNCTION example N` if `function` is not the
    entry point of the task. An expectation that is not a literal is compared as
    doctest compares it, by its printed form. What is stated under names other than
    those of the function and its `parameters` is a guess, and so soft. `as_written` is
    the docstring with its escapes, which are meant where its doctests make no sense
    without them.

    Example:
        >>> found = read_examples("Add one. inc(1) => 2", "inc", entry_point="inc")
        >>> [c.text for c in found.constraints]
        ['inc(1) == 2']
    """
    found = Examples()
    examples = _parsed(docstring, as_written, function, found.notes)
    checks = list(_doctests(examples, function, found.notes))
    if not checks:
        checks = _stated(docstring, function, parameters, found.notes)
    prefix = "" if function == entry_point else f"{function} "
    seen: set[str] = set()
    for text, check, is_sure in checks:
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
                hard=is_sure,
            )
        )
    return found


def _parsed(
    docstring: str, as_written: str, function: str, notes: list[str]
) -> list[doctest.Example]:
    """Return the doctests of a docstring, those that can be read if not all can."""
    parse = doctest.DocTestParser().get_examples
    try:
        found = parse(docstring)
        if all(_is_python(example.source) for example in found):
            return found
    except ValueError:
        found = []
    try:
        written = parse(as_written)
    except ValueError:
        written = []
    if written and all(_is_python(example.source) for example in written):
        notes.append(
            f"the doctests of {function} are read with their escapes as written; "
            f"Python reads the docstring otherwise: put an r before it"
        )
        return written
    return found or list(_one_by_one(docstring, function, notes))


def _one_by_one(
    docstring: str, function: str, notes: list[str]
) -> Iterator[doctest.Example]:
    """Yield the doctests that can be read on their own."""
    parse = doctest.DocTestParser().get_examples
    for part in _PROMPT.split(docstring)[1:]:
        try:
            yield from parse(part)
        except ValueError:
            notes.append(
                f"not checked: the example `{shorten(part.strip(), 60)}` of "
                f"{function}, which is no doctest that can be read"
            )


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _stated(
    text: str, function: str, parameters: Sequence[str], notes: list[str]
) -> list[tuple[str, Check, bool]]:
    """Return what a text states in words or signs."""
    found: list[tuple[str, Check, bool]] = []
    for stated in stated_examples(text, function, parameters):
        call = call_text(function, stated.args, stated.kwargs)
        check = CallCheck(
            stated.args, stated.expected, stated.kwargs, function=function
        )
        shown = f"{call} == {show(stated.expected)}"
        found.append((shown, check, stated.is_sure))
        if not stated.is_sure:
            notes.append(
                f"the example `{shorten(shown, 60)}` is a guess at what the text of "
                f"{function} means; it is checked, and vetoes nothing"
            )
    return found


def _doctests(
    examples: Sequence[doctest.Example], function: str, notes: list[str]
) -> Iterator[tuple[str, Check, bool]]:
    setup = ""
    for example in examples:
        source, want = example.source.strip(), example.want.strip()
        if not want:
            # `>>> f(1) == 2` and `>>> f(1) 2`: doctest takes the first for a
            # statement that prints nothing.
            stated = _stated(f">>> {source}", function, (), notes) if not setup else []
            yield from stated
            setup += "" if stated else example.source
            continue
        check = _doctest_check(source, example, setup)
        if check is None:
            notes.append(f"not checked: the example `{shorten(source, 60)}`")
            continue
        shown = f"{source} raises" if example.exc_msg else f"{source} == {want}"
        yield shown, check, True


def _doctest_check(source: str, example: doctest.Example, setup: str) -> Check | None:
    if doctest.SKIP in example.options:
        return None
    try:
        node = ast.parse(source, mode="eval").body
    except SyntaxError:
        return None
    call = None if setup else literal_call(node)
    if example.exc_msg is not None:
        error = example.exc_msg.partition(":")[0].strip().rpartition(".")[2]
        return _raises(source, error, setup, call)
    printed = _printed_arguments(node)
    if printed is not None:
        texts = ", ".join(f"str({argument})" for argument in printed)
        return AssertionCheck(setup + _same_text(f"' '.join([{texts}])", example))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
        return None
    return _returns(ast.unparse(node), example, setup, call)


def _raises(source: str, error: str, setup: str, call: LiteralCall | None) -> Check:
    if call:
        return RaisesCheck(call.args, error, call.kwargs, call.function)
    return AssertionCheck(
        f"{setup}try:\n    {source}\nexcept Exception as error:\n"
        f"    assert type(error).__name__ == {error!r}\n"
        f"else:\n    assert False, 'nothing was raised'\n"
    )


def _returns(
    source: str, example: doctest.Example, setup: str, call: LiteralCall | None
) -> Check | None:
    want = example.want.strip()
    expected = _literal_text(want)
    any_spacing, any_at_dots = _looseness(example)
    if expected and has_gap(expected[0]) and not any_at_dots:
        return None  # `[1, ...]` means more than doctest makes of it
    # Where a literal holds no text, blanks are no part of its value.
    is_loose = any_at_dots or (any_spacing and not (expected and _is_bare(want)))
    if expected and call and not is_loose:
        return CallCheck(
            call.args, expected[0], call.kwargs, function=call.function, exact=True
        )
    if call:
        return CallCheck(
            call.args,
            None,
            call.kwargs,
            prints=_wanted(example),
            any_spacing=any_spacing,
            any_at_dots=any_at_dots,
            compares_result=False,
            function=call.function,
        )
    if expected and not is_loose:
        return AssertionCheck(f"{setup}assert ({source}) == {want}\n")
    return AssertionCheck(setup + _same_text(f"repr({source})", example))


def _looseness(example: doctest.Example) -> tuple[bool, bool]:
    """Return whether white space, and what stands at `...`, may be any."""
    spacing = bool(example.options.get(doctest.NORMALIZE_WHITESPACE))
    dots = bool(example.options.get(doctest.ELLIPSIS)) and "..." in example.want
    return spacing, dots


def _is_bare(want: str) -> bool:
    return not {"'", '"'} & set(want)


def _wanted(example: doctest.Example) -> str:
    """Return what has to be printed, without what only the notation needs."""
    return re.sub(r"(?m)^<BLANKLINE>$", "", example.want).rstrip()


def _same_text(shown: str, example: doctest.Example) -> str:
    """Return the assertion that a text is the wanted one, as doctest compares."""
    spacing, dots = _looseness(example)
    same = text_condition(
        f"{shown}.rstrip()", _wanted(example), any_spacing=spacing, any_at_dots=dots
    )
    return f"assert {same}\n"


def _printed_arguments(node: ast.expr) -> list[str] | None:
    """Return the arguments of `print(x, y)`, which doctest compares as text."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
        and not node.keywords
        and not any(isinstance(argument, ast.Starred) for argument in node.args)
    ):
        return [ast.unparse(argument) for argument in node.args]
    return None


def _literal_text(text: str) -> tuple[object] | None:
    try:
        return (ast.literal_eval(text),)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
