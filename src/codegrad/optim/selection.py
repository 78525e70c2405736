"""The final choice among candidates that all pass what is visible.

In: module texts and their task. Out: how much each agrees with the others on inputs
that were generated, and the order that follows. Invariant: deterministic for a seed;
no expectation is needed, and none of a hidden test is read.

Source: several right programs agree on every input, wrong ones are wrong in different
ways (execution-based minimum Bayes risk, Shi et al. 2022; distinguishing inputs as in
S*, arXiv 2502.14382).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codegrad.optim.mentioned import with_mentioned
from codegrad.optim.program_inputs import program_inputs
from codegrad.sandbox import Call, CallOutcome, Ending, Limits, ProgramOutcome
from codegrad.task import Task
from codegrad.verify.generation import inputs_of
from codegrad.verify.stage import Workbench

INPUTS = 300
"""Inputs on which candidates are compared."""

PROGRAM_INPUTS = 40
"""Inputs of programs, which need a process each."""

LIMITS = Limits(wall_s=1.0, cpu_s=1.0)
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Selection:
    """Candidates in the order of preference."""

    order: tuple[int, ...]
    """Positions of the candidates, the preferred one first."""

    agreement: tuple[float, ...]
    """For each candidate, how many others share its results on average, 0 to 1."""

    distinguishing: int = 0
    """Inputs on which the candidates were not of one mind."""


def select(
    task: Task,
    candidates: Sequence[str],
    bench: Workbench,
    *,
    inputs: int = INPUTS,
    seed: int = 0,
) -> Selection:
    """Return the candidates ordered by agreement; equal ones keep their order.

    Inputs on which most candidates raise or hang are outside what the function is for
    and do not count.
    """
    return by_agreement(behaviours(task, candidates, bench, inputs=inputs, seed=seed))


def behaviours(
    task: Task,
    candidates: Sequence[str],
    bench: Workbench,
    *,
    inputs: int = INPUTS,
    seed: int = 0,
) -> list[tuple[str, ...]]:
    """Return what each candidate does on the same generated inputs, as texts.

    Nothing for methods, whose inputs cannot be generated.
    """
    if task.repository is not None or "." in task.entry_point:
        return [() for _ in candidates]
    if task.is_program:
        return _outputs(task, candidates, bench, seed)
    found_inputs = inputs_of(with_mentioned(task), inputs, seed=seed)
    chosen = [*(k.args for k in found_inputs.known), *found_inputs.generated][:inputs]
    calls = [Call(args) for args in chosen]
    found: dict[str, tuple[str, ...]] = {}
    for source in candidates:
        if source in found or not calls:
            continue
        run = bench.sandbox.call(
            source, task.entry_point, calls, limits=LIMITS, context=task.context
        )
        found[source] = tuple(map(_behaviour, run.calls)) if run.load.ok else ()
    return [found.get(source, ()) for source in candidates]


def _outputs(
    task: Task, candidates: Sequence[str], bench: Workbench, seed: int
) -> list[tuple[str, ...]]:
    """Return what programs print for the same inputs."""
    stdins = program_inputs(task, PROGRAM_INPUTS, seed=seed)
    found: dict[str, tuple[str, ...]] = {}
    for source in candidates:
        if source not in found:
            runs = bench.sandbox.program(
                source, stdins, limits=LIMITS, context=task.context
            )
            found[source] = tuple(map(_printed, runs))
    return [found[source] for source in candidates]


def _printed(outcome: ProgramOutcome) -> str:
    if outcome.kind is Ending.EXITED:
        return f"= {' '.join(outcome.stdout.split())}"
    return f"{outcome.kind} {outcome.error}"


def by_agreement(
    seen: Sequence[tuple[str, ...]], votes: Sequence[int] | None = None
) -> Selection:
    """Return the order that follows from what candidates do.

    `votes` says how many answers came to each candidate, one if it is left out.

    Example:
        >>> by_agreement([("= 1", "= 2"), ("= 1", "= 3"), ("= 1", "= 3")]).order
        (1, 2, 0)
    """
    weights = list(votes or [1] * len(seen))
    width = max(map(len, seen), default=0)
    scores = [0.0] * len(seen)
    counted = distinguishing = 0
    for position in range(width):
        column = [row[position] if row else "not loaded" for row in seen]
        shares: Counter[str] = Counter()
        for what, weight in zip(column, weights, strict=True):
            shares[what] += weight
        common, _ = shares.most_common(1)[0]
        if not common.startswith("= "):
            continue
        counted += 1
        distinguishing += len(shares) > 1
        for index, what in enumerate(column):
            scores[index] += shares[what] / sum(weights)
    agreement = tuple(score / counted if counted else 0.0 for score in scores)
    order = sorted(range(len(seen)), key=lambda index: (-agreement[index], index))
    return Selection(tuple(order), agreement, distinguishing)


def _behaviour(outcome: CallOutcome) -> str:
    if outcome.kind == "returned":
        return f"= {_canonical(outcome.value)}"
    return f"{outcome.kind} {outcome.error}"


def _canonical(value: object) -> str:
    """Return equal texts for values that a test would take for equal."""
    match value:
        case float():
            return f"{value:.{_DIGITS}g}"
        case int() if not isinstance(value, bool):
            return _whole(value)
        case list() | tuple():
            items = ", ".join(map(_canonical, value))
            return f"[{items}]" if isinstance(value, list) else f"({items})"
        case dict():
            rows = sorted(f"{_canonical(k)}: {_canonical(v)}" for k, v in value.items())
            return f"{{{', '.join(rows)}}}"
        case set() | frozenset():
            return f"set({', '.join(sorted(map(_canonical, value)))})"
        case _:
            return repr(value)


def _whole(value: int) -> str:
    """Write a whole number as the float that equals it is written."""
    return f"{value:.{_DIGITS}g}" if abs(value) < 10**_DIGITS else hex(value)
