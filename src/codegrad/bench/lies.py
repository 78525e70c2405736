"""Truths and falsehoods about a wrong program, in equal parts.

In: what the program and a reference do on the same inputs. Out: claims, each with its
kind. Invariant: only the reference decides which is which, and no claim shows it.
"""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.engines.claims import AssumesClaim, Claim, InputClaim, PostClaim
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import CallCheck, Task
from codegrad.tasks.literals import call_text
from codegrad.verify.comparison import matches
from codegrad.verify.inputs import Args

TRUTHS = 4
"""True claims of one review, and false ones."""

TRUE = "true: they differ"


@dataclass(frozen=True, slots=True)
class Told:
    """A claim, and whether it is true by the reference."""

    claim: Claim
    kind: str

    @property
    def is_true(self) -> bool:
        """Whether the reference says so."""
        return self.kind == TRUE


def told_of(
    task: Task,
    known: Sequence[tuple[Args, Any, CallOutcome]],
    rng: random.Random,
) -> tuple[Told, ...]:
    """Return as many truths as falsehoods, mixed; nothing if there is no truth."""
    differ = [row for row in known if not is_met(row)][:TRUTHS]
    true = [
        Told(_claim(task, args, meant, _shown(done)), TRUE)
        for args, meant, done in differ
    ]
    lies = list(_lies(task, known, differ))
    rng.shuffle(lies)
    both = [*true, *lies[: len(true)]]
    rng.shuffle(both)
    return tuple(both) if len(lies) >= len(true) else ()


def is_met(row: tuple[Args, Any, CallOutcome]) -> bool:
    """Return whether a program did what the reference does."""
    _, meant, done = row
    return done.kind is Ending.RETURNED and matches(done.value, meant)


def _lies(
    task: Task,
    known: Sequence[tuple[Args, Any, CallOutcome]],
    differ: Sequence[tuple[Args, Any, CallOutcome]],
) -> Iterator[Told]:
    agree = [row for row in known if is_met(row)]
    for args, meant, done in differ[:2]:
        said = repr(_other_than(done.value))
        yield Told(_claim(task, args, meant, said), "observation is false")
    for args, meant, done in agree[:2]:
        yield Told(_claim(task, args, meant, ""), "it does so already")
        wanted = _other_than(done.value)
        lie = _claim(task, args, wanted, repr(done.value))
        yield Told(lie, "expectation is false")
    for check in _examples(task)[:2]:
        wanted = _other_than(check.expected)
        yield Told(_claim(task, check.args, wanted, ""), "against an example")
        yield Told(PostClaim(f"result != {check.expected!r}"), "postcondition is false")
        yield Told(PostClaim("result == result"), "postcondition holds already")
    for args, _, _ in differ[:1]:
        names = _parameters(task)
        if len(names) == len(args):
            pairs = zip(names, args, strict=True)
            holds = " and ".join(f"{name} == {value!r}" for name, value in pairs)
            yield Told(AssumesClaim(holds), "assumption is false")


def _examples(task: Task) -> list[CallCheck]:
    checks = (c.check for c in task.constraints)
    return [c for c in checks if isinstance(c, CallCheck) and not c.kwargs]


def _parameters(task: Task) -> list[str]:
    for node in ast.parse(task.source).body:
        if isinstance(node, ast.FunctionDef) and node.name == task.entry_point:
            return [a.arg for a in node.args.args]
    return []


def _claim(task: Task, args: Args, expected: object, observed: str) -> InputClaim:
    return InputClaim(call_text(task.entry_point, args, {}), repr(expected), observed)


def _shown(outcome: CallOutcome) -> str:
    if outcome.kind is Ending.RETURNED:
        return repr(outcome.value)
    return f"raises {outcome.error}" if outcome.kind is Ending.RAISED else ""


def _other_than(value: object) -> object:  # noqa: PLR0911 - one answer a type
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case list():
            return [*value, 0]
        case tuple():
            return (*value, 0)
        case None:
            return 0
        case _:
            return None
