"""The final choice among candidates that all pass what is visible.

In: module texts and their task. Out: how much each agrees with the others on inputs
that were generated, and the order that follows. Invariant: deterministic for a seed and
independent of the order of the candidates but for equal ones; no expectation is needed,
and none of a hidden test is read.

Source: several right programs agree on every input, wrong ones are wrong in different
ways (execution-based minimum Bayes risk, Shi et al. 2022; distinguishing inputs as in
S*, arXiv 2502.14382).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codegrad.optim.mentioned import with_mentioned
from codegrad.optim.program_inputs import program_inputs
from codegrad.sandbox import Call, CallOutcome, Ending, Limits, ProgramOutcome
from codegrad.task import Task
from codegrad.verify.generation import inputs_of
from codegrad.verify.inputs import Args
from codegrad.verify.shrink import size
from codegrad.verify.stage import Workbench
from codegrad.verify.variety import enlarged, is_handy, varied

INPUTS = 300
"""Inputs on which candidates are compared: known ones and inputs like them."""

VARIED = 200
"""Further inputs, which are less like the known ones."""

BATCH = 50
"""Inputs of one job, in the order of their size."""

MAX_HANGS = 2
"""Jobs in which a program hung, or ran out of memory, after which it is not asked for
larger inputs: each costs seconds."""

PROGRAM_INPUTS = 40
"""Inputs of programs, which need a process each."""

QUICK_S = 0.1
"""Processor seconds within which one must return for others to count as hanging. A
program near the limit passes or fails it by what else the machine does."""

LIMITS = Limits(wall_s=1.0, cpu_s=1.0, memory_mb=512)
_DIGITS = 9
_LEAST = 10.0 ** (1 - _DIGITS)
_EXACT = 2**53
_TOO_LARGE = frozenset({Ending.TIMEOUT, Ending.DIED})
_ENDED_WELL = frozenset({Ending.RETURNED, Ending.EXITED})
RETURNED, NOT_RUN = "= ", str(Ending.NOT_RUN)
"""How the text of a behaviour begins that is a result, and the one of none at all."""

_HANGS = str(Ending.TIMEOUT)
_NOT_LOADED = "not loaded"


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

    Candidates that do the same on all of them are compared on large inputs as well.
    """
    selection = by_agreement(
        behaviours(task, candidates, bench, inputs=inputs, seed=seed),
        is_program=task.is_program,
    )
    return among_equals(task, candidates, selection, bench)


def is_comparable(task: Task) -> bool:
    """Return whether inputs can be generated on which candidates are compared."""
    return task.repository is None and "." not in task.entry_point


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
    if not is_comparable(task):
        return [() for _ in candidates]
    if task.is_program:
        return _outputs(task, candidates, bench, seed)
    found = inputs_of(with_mentioned(task), inputs, seed=seed)
    known = [k.args for k in found.known if is_handy(k.args)]
    chosen = [*known, *found.generated][:inputs]
    old = {repr(args) for args in chosen}
    models = known or found.generated[:BATCH]
    chosen += [a for a in varied(models, VARIED, seed=seed) if repr(a) not in old]
    return _calls(task, candidates, sorted(chosen, key=size), bench)


def _calls(
    task: Task, candidates: Sequence[str], inputs: Sequence[Args], bench: Workbench
) -> list[tuple[str, ...]]:
    """Return what calls with `inputs` give, as texts."""
    found: dict[str, tuple[str, ...]] = {}
    quickest = [math.inf] * len(inputs)
    for source in candidates:
        if source in found or not inputs:
            continue
        outcomes: list[str] = []
        hangs = 0
        for start in range(0, len(inputs), BATCH):
            run = bench.sandbox.call(
                source,
                task.entry_point,
                [Call(args) for args in inputs[start : start + BATCH]],
                limits=LIMITS,
                context=task.context,
            )
            if not run.load.ok:
                break
            _take_times(quickest, run.calls, start)
            outcomes += map(_behaviour, run.calls)
            hangs += any(outcome.kind in _TOO_LARGE for outcome in run.calls)
            if hangs == MAX_HANGS:
                outcomes += [NOT_RUN] * (len(inputs) - len(outcomes))
                break
        found[source] = tuple(outcomes) if len(outcomes) == len(inputs) else ()
    return _clear(candidates, found, quickest)


def _take_times(
    quickest: list[float],
    outcomes: Sequence[CallOutcome | ProgramOutcome],
    start: int = 0,
) -> None:
    """Lower the times of inputs, the first at `start`, to what `outcomes` took."""
    for position, outcome in enumerate(outcomes, start):
        if outcome.kind in _ENDED_WELL:
            quickest[position] = min(quickest[position], outcome.cpu_s)


def _clear(
    candidates: Sequence[str],
    found: Mapping[str, tuple[str, ...]],
    quickest: Sequence[float],
) -> list[tuple[str, ...]]:
    """Return what each did; who hangs where nobody is quick was not measured there."""
    return [
        tuple(
            NOT_RUN if what.startswith(_HANGS) and least > QUICK_S else what
            for what, least in zip(found.get(source, ()), quickest, strict=False)
        )
        for source in candidates
    ]


def among_equals(
    task: Task,
    candidates: Sequence[str],
    selection: Selection,
    bench: Workbench,
    votes: Sequence[int] | None = None,
) -> Selection:
    """Return the selection with its best, if they are equal, ordered by large inputs.

    There a program shows that it is slow, or was right for small inputs only.
    """
    if not selection.order:
        return selection
    top = selection.agreement[selection.order[0]]
    best = [i for i in selection.order if selection.agreement[i] == top]
    if len(best) < 2 or task.is_program or "." in task.entry_point:  # noqa: PLR2004 - one is no choice
        return selection
    known = inputs_of(with_mentioned(task), BATCH)
    models = [k.args for k in known.known] or list(known.generated)
    seen = _calls(task, [candidates[i] for i in best], enlarged(models), bench)
    again = by_agreement(seen, [votes[i] for i in best] if votes else None)
    first = [best[i] for i in again.order]
    rest = [i for i in selection.order if i not in set(first)]
    # Less than any difference on the other inputs, which count first.
    agreement = list(selection.agreement)
    for index, share in zip(best, again.agreement, strict=True):
        agreement[index] += share * _LEAST
    return Selection(
        (*first, *rest),
        tuple(agreement),
        selection.distinguishing + again.distinguishing,
    )


def _outputs(
    task: Task, candidates: Sequence[str], bench: Workbench, seed: int
) -> list[tuple[str, ...]]:
    """Return what programs print for the same inputs."""
    stdins = program_inputs(task, PROGRAM_INPUTS, seed=seed)
    found: dict[str, tuple[str, ...]] = {}
    quickest = [math.inf] * len(stdins)
    for source in candidates:
        if source not in found:
            runs = bench.sandbox.program(
                source, stdins, limits=LIMITS, context=task.context
            )
            _take_times(quickest, runs)
            found[source] = tuple(map(_printed, runs))
    return _clear(candidates, found, quickest)


def _printed(outcome: ProgramOutcome) -> str:
    if outcome.kind is Ending.EXITED:
        return f"{RETURNED}{' '.join(outcome.stdout.split())}"
    return f"{outcome.kind} {outcome.error}".strip()


def by_agreement(
    seen: Sequence[tuple[str, ...]],
    votes: Sequence[int] | None = None,
    *,
    is_program: bool = False,
) -> Selection:
    """Return the order that follows from what candidates do.

    An input counts if at least half of those that came to an end returned something
    (more than half for programs, whose generated inputs are malformed more often):
    others are outside what the function is for. Who hangs agrees with nobody and says
    nothing of the input, but is one of those among whom a result has its share. Who was
    not run on an input is not measured by it.

    Args:
        seen: What each candidate did, as texts; nothing for one that does not load.
        votes: How many answers came to each candidate, one if it is left out. The same
            text twice is hardly two opinions, so a vote weighs less the more there are.
        is_program: Whether they read standard input.

    Example:
        >>> by_agreement([("= 1", "= 2"), ("= 1", "= 3"), ("= 1", "= 3")]).order
        (1, 2, 0)
    """
    weights = [math.sqrt(count) for count in votes or [1] * len(seen)]
    width = max(map(len, seen), default=0)
    scores, ran = [0.0] * len(seen), [0] * len(seen)
    distinguishing = 0
    for position in range(width):
        column = [row[position] if row else _NOT_LOADED for row in seen]
        shares: dict[str, float] = defaultdict(float)
        for what, weight in zip(column, weights, strict=True):
            shares[what] += weight
        asked = sum(weights) - shares.pop(NOT_RUN, 0.0)
        ended = asked - shares.pop(_HANGS, 0.0)
        returned = sum(w for what, w in shares.items() if what.startswith(RETURNED))
        if not returned or returned * 2 < ended + is_program * _LEAST:
            continue
        distinguishing += len(set(column)) > 1
        for index, what in enumerate(column):
            ran[index] += what != NOT_RUN
            if what.startswith(RETURNED):
                scores[index] += shares[what] / asked
    # Sums of the same numbers in another order differ in the last digits.
    agreement = tuple(
        round(score / count, _DIGITS) if count else 0.0
        for score, count in zip(scores, ran, strict=True)
    )
    order = sorted(range(len(seen)), key=lambda index: (-agreement[index], index))
    return Selection(tuple(order), agreement, distinguishing)


def _behaviour(outcome: CallOutcome) -> str:
    if outcome.kind == "returned":
        return f"{RETURNED}{_canonical(outcome.value)}"
    return f"{outcome.kind} {outcome.error}".strip()


def _canonical(value: object) -> str:
    """Return equal texts for values that a test would take for equal."""
    match value:
        case float() if not value.is_integer() or abs(value) > _EXACT:
            return f"{value:.{_DIGITS}g}"
        case bool() | int() | float():
            return _whole(int(value))
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
    """Write a whole number; a large one with all its digits."""
    return f"{value:.{_DIGITS}g}" if abs(value) < 10**_DIGITS else hex(value)
