"""Stage 7: how processor time grows with the size of the input.

The judge is a deterministic count of operations (see `operation_count`), which is the
same on a busy machine. Processor times are the second opinion: where the model of the
counter knows all that a program calls, they can only object, and only clearly; where it
does not, both have to agree. Where they disagree nothing is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from codegrad.task import Constraint, CostCheck, Sources, Task
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.generation import Inputs
from codegrad.verify.growing_calls import run_series, specifications
from codegrad.verify.growth import Fit, Growth, fit, growth_of
from codegrad.verify.operation_count import instrument, unmodelled
from codegrad.verify.session import Session, unknown
from codegrad.verify.stage import Workbench
from codegrad.verify.time_limit import TimeLimit, judge_time_limit, time_limit_of

STAGE = "efficiency"
CPU_S = 1.0
"""Processor seconds that the timed calls of one candidate may take together."""

_QUICK_SHARE = 0.3
"""What is left of that where times can only object."""

_PASSES = 3
"""Times that quick calls are measured, where times have to agree."""

_CLEAR = 0.1
"""Relative error below which times are clear about a class."""

_ODD = 0.5
"""Relative error above which times are clearly of another class."""

_CLOSE = 3.0
"""A class is not excluded by times if its error is at most this much larger."""

_EXPLAINED = 0.1
"""A class whose error is below this explains times by itself."""

_FLAT = 1.6
"""Times that grow by no more than this factor over thousandfold sizes are flat."""

_MANY = 18
"""Sizes over which times must have been measured to call them flat."""

_POOR = 0.35
"""Relative error above which no class explains a series."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one program."""

    growth: Growth | None
    """The class on which times and counts agree; None if they do not."""

    least: Growth | None = None
    """The slower-growing of what times and counts say by themselves."""

    reason: str = ""
    sizes: int = 0
    operations: tuple[tuple[int, float], ...] = ()
    """Size and operations counted, smallest size first."""

    times: tuple[tuple[int, float], ...] = ()
    """Size and nanoseconds, smallest size first."""

    cpu_s: float = 0.0


class EfficiencyStage:
    """Measures how processor time grows and compares it with the stated limit."""

    name = STAGE

    def __init__(self, *, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return one verdict for each constraint, in order."""
        inputs = bench.memory.of(task).inputs
        source = sources[task.main]
        timed = {c.name: limit for c in constraints if (limit := _seconds(c))}
        session = Session(sources, bench.memory.of(task), bench)
        found = Measured(None)
        if len(timed) < len(constraints):
            found = measure(source, task, inputs, bench, cpu_s=self._cpu_s)
        return [
            judge_time_limit(c, timed[c.name], session)
            if c.name in timed
            else self._judge(c, found, task, inputs, bench)
            for c in constraints
        ]

    def _judge(
        self,
        constraint: Constraint,
        found: Measured,
        task: Task,
        inputs: Inputs,
        bench: Workbench,
    ) -> Verdict:
        assert isinstance(constraint.check, CostCheck)
        stated = constraint.check.limit
        limit = growth_of(stated) if stated else None
        if stated and limit is None:
            reason = (
                f"`{stated}` is not a class that is known, such as O(n log n), nor a "
                "time, such as 50 ms"
            )
            return replace(unknown(constraint, STAGE, reason), cpu_s=found.cpu_s)
        if found.growth is None:
            return replace(unknown(constraint, STAGE, found.reason), cpu_s=found.cpu_s)
        if limit is None and task.reference:
            limit = self._reference_growth(task, inputs, bench)
        if limit is None:
            reason = f"measured {found.growth}; no limit is stated"
            return replace(unknown(constraint, STAGE, reason), cpu_s=found.cpu_s)
        return _against(constraint, found, limit, task.entry_point)

    def _reference_growth(
        self, task: Task, inputs: Inputs, bench: Workbench
    ) -> Growth | None:
        """Return how the cost of the reference grows; measured once for a task."""
        known = bench.memory.of(task).reference_growth
        if task.reference not in known:
            found = measure(task.reference, task, inputs, bench, cpu_s=self._cpu_s)
            known[task.reference] = found.growth
        return known[task.reference]


def _seconds(constraint: Constraint) -> TimeLimit | None:
    assert isinstance(constraint.check, CostCheck)
    return time_limit_of(constraint.check.limit)


def _against(
    constraint: Constraint, found: Measured, limit: Growth, entry: str
) -> Verdict:
    assert found.growth is not None
    assert found.least is not None
    status = Status.REFUTED if found.least > limit else Status.PASSED
    if found.growth > limit >= found.least:
        reason = f"either {found.least} or {found.growth}; the limit is {limit}"
        return replace(unknown(constraint, STAGE, reason), cpu_s=found.cpu_s)
    examples: tuple[Counterexample, ...] = ()
    if status is Status.REFUTED:
        (first, early), (last, late) = found.operations[-3], found.operations[-1]
        examples = (
            Counterexample(
                call=f"{entry}(input of size {last})",
                expected=str(limit),
                observed=f"{found.growth}: {early:.0f} operations at size {first}, "
                f"{late:.0f} at size {last}",
            ),
        )
    return Verdict(
        constraint.name,
        STAGE,
        status,
        str(examples[0]) if examples else f"measured {found.growth}",
        counterexamples=examples,
        checked=found.sizes,
        distance=min(1.0, max(0, found.growth - limit) / len(Growth)),
        cpu_s=found.cpu_s,
    )


def measure(
    source: str,
    task: Task,
    inputs: Inputs,
    bench: Workbench,
    *,
    cpu_s: float = CPU_S,
) -> Measured:
    """Return how the cost of the entry point of `source` grows."""
    specs = specifications(inputs)
    if specs is None:
        reason = inputs.problem or "no parameter has a size that could grow"
        return Measured(None, reason=reason)
    try:
        counted, strange = instrument(source), unmodelled(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        return Measured(None, reason=f"the source cannot be instrumented: {error}")
    counts = run_series("count", counted, task, specs, bench, cpu_s=cpu_s)
    if not counts.points:
        trouble = counts.trouble or "no size could be measured"
        return Measured(None, reason=trouble, cpu_s=counts.cpu_s)
    times = run_series(
        "time",
        source,
        task,
        specs,
        bench,
        cpu_s=cpu_s if strange else cpu_s * _QUICK_SHARE,
        passes=_PASSES if strange else 1,
    )
    measured = Measured(
        None,
        sizes=len(counts.points),
        operations=tuple(counts.points),
        times=tuple(times.points),
        cpu_s=counts.cpu_s + times.cpu_s,
    )
    return _concluded(measured, strange)


def _concluded(measured: Measured, strange: Sequence[str]) -> Measured:
    """Return what counts and times say; `strange` are calls that cannot be counted."""
    by_count = fit(*_columns(measured.operations))
    by_time = fit(*_columns(measured.times))
    if by_count is None:
        reason = "too few sizes could be measured within the limits"
        return replace(measured, reason=reason)
    if not strange:
        growth, reason = _counted(by_count, by_time)
        return replace(measured, growth=growth, least=growth, reason=reason)
    if by_time is None:
        names = ", ".join(strange[:3])
        reason = f"the cost of {names} is not known, and no times could be measured"
        return replace(measured, reason=reason)
    is_flat = _is_flat(measured.times)
    growth, reason = _agreed(by_time, by_count, is_flat=is_flat)
    least = min(by_time.growth, by_count.growth, growth or by_count.growth)
    return replace(measured, growth=growth, least=least, reason=reason)


def _counted(by_count: Fit, by_time: Fit | None) -> tuple[Growth | None, str]:
    """Return the class of the counts, unless times clearly object."""
    growth = by_count.growth
    error = by_count.error(growth)
    if error > _POOR:
        return None, f"no class explains the operations counted (error {error:.0%})"
    if by_time is None or abs(by_time.growth - growth) <= 1:
        return growth, ""
    is_clear = by_time.error(by_time.growth) <= _CLEAR
    if is_clear and by_time.error(growth) > _ODD:
        return None, f"times look like {by_time.growth}, operations like {growth}"
    return growth, ""


def _is_flat(points: Sequence[tuple[int, float]]) -> bool:
    """Return whether times hardly grow, though the sizes do."""
    costs = [cost for _, cost in points]
    if len(costs) < _MANY:
        return False
    end = len(costs) // 3
    return median(costs[-end:]) <= _FLAT * median(costs[:end])


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    # One operation is at least counted for the call itself.
    return [float(n) for n, _ in points], [cost + 1.0 for _, cost in points]


def _agreed(by_time: Fit, by_count: Fit, *, is_flat: bool) -> tuple[Growth | None, str]:
    first, second = by_time.growth, by_count.growth
    if is_flat and second <= Growth.LOGARITHMIC:
        # What moves is the noise of a call of a few dozen nanoseconds.
        return second, ""
    worst = max(by_time.error(first), by_count.error(second))
    if worst > _POOR:
        return None, f"no class explains the measurements (error {worst:.0%})"
    if first is second:
        return first, ""
    is_close = by_time.error(second) <= _CLOSE * by_time.error(first) + 0.01
    if by_time.error(second) <= _EXPLAINED or (abs(first - second) == 1 and is_close):
        # Times alone cannot tell the two apart; counts have no noise.
        return second, ""
    return None, f"times look like {first}, operations like {second}"
