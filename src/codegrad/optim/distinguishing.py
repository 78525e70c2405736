"""Inputs that tell answers apart, asked of a model and executed.

In: the texts of answers that are equal so far, the engines of a run, a budget. Out:
`Apart`: the inputs on which they really differ, and the task with these as inputs to
compare on. Invariant: what a model says is only where to look; every input is executed,
meets the preconditions, and nothing is expected of it.

Source: the adaptive input synthesis of S* (arXiv 2502.14382).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice

from codegrad.budget import Budget, Spent
from codegrad.engines.cut import Cut
from codegrad.engines.engine import Distinguisher, Engine
from codegrad.engines.intent import is_admitted
from codegrad.engines.literal_calls import possible_call
from codegrad.sandbox import Call, CallOutcome, Ending, Limits
from codegrad.task import CallCheck, Check, Constraint, Origin, StdinCheck, Task
from codegrad.tasks.literals import read_call
from codegrad.verify.comparison import matches, same_output
from codegrad.verify.stage import Workbench

PAIRS = 3
"""Pairs of answers that a model is asked about: calls of it at most."""

_LIMITS = Limits(wall_s=1.0, cpu_s=1.0)


@dataclass(frozen=True, slots=True)
class Apart:
    """What tells answers apart."""

    task: Task
    """The task with the inputs among those to compare on; for nothing else."""

    inputs: tuple[str, ...] = ()
    """Calls or standard inputs on which the answers were not of one mind."""

    spent: Spent = field(default_factory=Spent)
    note: str = ""
    """What happened, in a few words; empty if nobody was asked."""

    cut: Cut = Cut.NOTHING
    """Whether somebody could not be asked all that was wanted."""


def tell_apart(
    task: Task,
    answers: Sequence[str],
    engines: Sequence[Engine],
    bench: Workbench,
    *,
    budget: Budget,
) -> Apart:
    """Return inputs on which texts of the main module differ, asked of an engine.

    The first engine that can is asked about the first pairs, as long as the budget
    lasts. Without one, or with a single answer, nothing is asked.
    """
    asked = next((e for e in engines if isinstance(e, Distinguisher)), None)
    different = list(dict.fromkeys(answers))
    is_foreign = task.repository is not None or "." in task.entry_point
    if asked is None or is_foreign or not different[1:]:
        return Apart(task)
    spent, cut = Spent(), Cut.NOTHING
    named: dict[str, None] = {}
    problems: dict[str, None] = {}
    for first, second in islice(combinations(different, 2), PAIRS):
        found = asked.distinguish(task, first, second, budget=budget.left(spent))
        spent, cut = spent + found.spent, max(cut, found.cut)
        named.update(dict.fromkeys(found.texts))
        if found.note:
            problems[found.note] = None
            break
    inputs = tuple(_distinguishing(task, different, list(named), bench))
    note = f"{len(inputs)} of {len(named)} named inputs tell {len(different)} apart"
    return Apart(
        _with_inputs(task, inputs), inputs, spent, "; ".join([note, *problems]), cut
    )


def _distinguishing(
    task: Task, answers: Sequence[str], inputs: Sequence[str], bench: Workbench
) -> Iterator[str]:
    """Yield the inputs on which not all answers do the same."""
    if task.is_program:
        yield from _by_runs(task, answers, inputs, bench)
        return
    calls = {
        text: call.args
        for text in inputs
        if (call := possible_call(text, task.source)) is not None
        and call.function == task.entry_point
        and not call.kwargs
    }
    valid = [text for text, args in calls.items() if is_admitted(args, task, bench)]
    if not valid:
        return
    rows: list[Sequence[CallOutcome]] = []
    for source in answers:
        run = bench.sandbox.call(
            source,
            task.entry_point,
            [Call(calls[text]) for text in valid],
            limits=_LIMITS,
            context=task.context,
        )
        if run.load.ok:
            rows.append(run.calls)
    for text, column in zip(valid, zip(*rows, strict=True), strict=False):
        if any(not _is_alike(column[0], other) for other in column[1:]):
            yield text


def _by_runs(
    task: Task, answers: Sequence[str], inputs: Sequence[str], bench: Workbench
) -> Iterator[str]:
    if not inputs:
        return
    rows = [
        [
            outcome.stdout if outcome.kind is Ending.EXITED else None
            for outcome in bench.sandbox.program(
                source, inputs, limits=_LIMITS, context=task.context
            )
        ]
        for source in answers
    ]
    for text, column in zip(inputs, zip(*rows, strict=True), strict=True):
        first = column[0]
        if any(
            (first is None) is not (other is None)
            or (first is not None and not same_output(first, other or ""))
            for other in column[1:]
        ):
            yield text


def _is_alike(first: CallOutcome, second: CallOutcome) -> bool:
    if first.kind is not Ending.RETURNED or second.kind is not Ending.RETURNED:
        return (first.kind, first.error) == (second.kind, second.error)
    return matches(first.value, second.value, 1e-9)


def _with_inputs(task: Task, inputs: Sequence[str]) -> Task:
    """Return the task with inputs to compare on; nothing is expected of them."""
    added = [
        Constraint(
            f"apart {number}",
            "tests",
            "an input that tells answers apart",
            _as_input(text, task),
            Origin.DERIVED,
            hard=False,
        )
        for number, text in enumerate(inputs, 1)
    ]
    return replace(task, constraints=(*task.constraints, *added))


def _as_input(text: str, task: Task) -> Check:
    if task.is_program:
        return StdinCheck(text, "")
    call = read_call(text)
    assert call is not None
    return CallCheck(call.args, None, compares_result=False)
