"""What somebody expects of an input, and what the user has said of it already.

In: a claim about one input, the task. Out: `Expectation`, `Said`. Invariant: only what
the user gave counts as said: examples, tests and the contract, never what a model
generated.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.contract import Clause, ClauseKind
from codegrad.engines.claims import InputClaim
from codegrad.engines.literal_calls import can_be_sent
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import CallCheck, Constraint, Origin, RaisesCheck, StdinCheck, Task
from codegrad.tasks.literals import LiteralCall, literal, read_call, show
from codegrad.verify.comparison import matches, same_output
from codegrad.verify.contracts import allowed_errors, evaluate, is_allowed
from codegrad.verify.inputs import entry_node
from codegrad.verify.stage import Workbench


@dataclass(frozen=True, slots=True)
class Expectation:
    """A result as a value, or an exception by name."""

    value: Any = None
    error: str = ""

    @classmethod
    def read(cls, text: str) -> "Expectation | None":
        """Return what `text` expects, or None if it is no literal and no `raises`.

        Example:
            >>> Expectation.read("raises ValueError: empty").error
            'ValueError'
            >>> Expectation.read("[1, 2]").value
            [1, 2]
        """
        words = text.strip().split()
        if len(words) >= 2 and words[0] in {"raise", "raises"}:  # noqa: PLR2004 - NAME
            return cls(error=words[1].rstrip(":.,(").partition("(")[0])
        try:
            is_literal, value = literal(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        return cls(value=value) if is_literal and can_be_sent(value) else None

    def is_met(self, outcome: CallOutcome) -> bool:
        """Return whether a call did what is expected."""
        if self.error:
            return outcome.kind == "raised" and outcome.error == self.error
        return outcome.kind == "returned" and matches(outcome.value, self.value)

    def __str__(self) -> str:
        return f"raises {self.error}" if self.error else show(self.value)


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says about one input."""

    text: str
    agrees: bool
    """Whether a claim about it expects the same."""


def said_of(claim: InputClaim, task: Task, bench: Workbench) -> Said | None:
    """Return what an example, a test or the contract says of a claimed input.

    An example that agrees is the last word, whatever the contract says; None if
    nothing is said.
    """
    if task.is_program:
        return _said_by_runs(claim, task)
    call, expected = read_call(claim.call), Expectation.read(claim.expected)
    if call is None or expected is None:
        return None
    for constraint in _given(task):
        check = constraint.check
        if isinstance(check, CallCheck | RaisesCheck) and _is_about(check, call, task):
            return Said(constraint.text, _agrees(check, expected))
    if call.function != task.entry_point:
        return None
    broken = next(_broken_clauses(call, expected, task, bench), "")
    return Said(broken, agrees=False) if broken else None


def is_admitted(args: tuple[Any, ...], task: Task, bench: Workbench) -> bool:
    """Return whether arguments meet the preconditions, as far as they can be asked."""
    before = task.contract.of(ClauseKind.PRE)
    return not any(_broken(before, None, args, task, bench))


def _given(task: Task) -> Iterator[Constraint]:
    return (c for c in task.constraints if c.origin is not Origin.GENERATED)


def _said_by_runs(claim: InputClaim, task: Task) -> Said | None:
    for constraint in _given(task):
        check = constraint.check
        if isinstance(check, StdinCheck) and same_output(check.stdin, claim.call):
            agrees = same_output(check.stdout, claim.expected)
            return Said(constraint.text, agrees)
    return None


def _is_about(check: CallCheck | RaisesCheck, call: LiteralCall, task: Task) -> bool:
    named = (check.function or task.entry_point, check.args, dict(check.kwargs))
    return named == (call.function, call.args, call.kwargs)


def _agrees(check: CallCheck | RaisesCheck, expected: Expectation) -> bool:
    if isinstance(check, RaisesCheck):
        return expected.error == check.error
    if expected.error or not check.compares_result:
        return False
    return matches(expected.value, check.expected, check.tolerance)


def _broken_clauses(
    call: LiteralCall, expected: Expectation, task: Task, bench: Workbench
) -> Iterator[str]:
    """Yield the clauses that the arguments or the expected result break."""
    args = _positional(call, task)
    if args is None:
        return
    before = task.contract.of(ClauseKind.PRE)
    yield from _broken(before, None, args, task, bench)
    allowed = allowed_errors(task)
    if expected.error:
        if allowed and not is_allowed(expected.error, allowed):
            yield f"raises: {', '.join(allowed)}"
        return
    after = task.contract.of(ClauseKind.POST)
    yield from _broken(after, expected.value, args, task, bench)


def _broken(
    clauses: Sequence[Clause],
    result: object,
    args: tuple[Any, ...],
    task: Task,
    bench: Workbench,
) -> Iterator[str]:
    for clause in clauses:
        if clause.kind is ClauseKind.POST and task.contract.sees_change(clause):
            continue  # what the call does to the arguments is not claimed
        (outcome,) = evaluate(
            bench.sandbox, task, clause.expression, [(result, args, args)], bench.limits
        )
        if outcome.kind is Ending.RETURNED and not outcome.value:
            yield f"{clause.kind}: {clause.expression}"


def _positional(call: LiteralCall, task: Task) -> tuple[Any, ...] | None:
    """Return the arguments in the order of the parameters; None if some are unclear."""
    node = entry_node(task.source, task.entry_point)
    if node is None:
        return None
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    values = list(call.args)
    left = dict(call.kwargs)
    for name in names[len(values) :]:
        if name not in left:
            break
        values.append(left.pop(name))
    return tuple(values) if not left and len(values) <= len(names) else None
