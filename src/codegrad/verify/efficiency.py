"""Stage 7: how processor time grows with the size of the input.

Two measures have to agree: the least of several processor times, and a deterministic
count of operations (see `operation_count`). Inputs of growing size are made in the
candidate's process, in several families (random, sorted, all equal); at each size the
most expensive family counts. Where the measures disagree nothing is said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from codegrad.contract import ClauseKind
from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.task import Constraint, CostCheck, Sources, Task
from codegrad.verdict import Counterexample, Status, Verdict
from codegrad.verify.contracts import clause_source
from codegrad.verify.generation import Inputs
from codegrad.verify.growth import Fit, Growth, fit, growth_of
from codegrad.verify.operation_count import COUNTER, PREAMBLE, instrument
from codegrad.verify.session import unknown
from codegrad.verify.shapes import Shape
from codegrad.verify.stage import Workbench

STAGE = "efficiency"
CPU_S = 1.0
"""Processor seconds that the timed calls of one candidate may take together."""

_SIZES = (
    4,
    5,
    6,
    7,
    8,
    9,
    11,
    13,
    16,
    19,
    23,
    32,
    45,
    64,
    91,
    128,
    181,
    256,
    362,
    512,
    724,
    1024,
)
_LARGE_SIZES = (2048, 4096, 8192, 16384, 32768)
_REPEATS = 5
_PASSES = 3
"""Times that quick calls are measured again, later."""

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

_SIZED = frozenset({"list", "tuple", "str", "set", "frozenset", "dict"})

_DRIVER = """

_cg_state = {"spent": 0.0, "last": [], "families": None, "keeps": True,
             "quick": set()}

def _cg_item(kind, rng, n, extra):
    if kind == "int":
        return rng.randint(-10 * n - 10, 10 * n + 10) if extra["signed"] else (
            rng.randint(extra["low"], extra["low"] + 10 * n + 10))
    if kind == "float":
        return rng.uniform(0.0, 10.0 * n)
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "str":
        return "".join(rng.choice(extra["letters"]) for _ in range(6))
    return None

def _cg_argument(spec, family, n, rng):
    kind, item, value, extra = spec
    if kind == "keep":
        return value
    if kind == "number":
        return n
    if kind == "str":
        if family == "equal":
            return extra["letters"][0] * n
        return "".join(rng.choice(extra["letters"]) for _ in range(n))
    if item.startswith("list "):
        side = max(1, int(n ** 0.5)) if extra["square"] else n
        width = side if extra["square"] else 4
        rows = [[_cg_item(item[5:], rng, n, extra) for _ in range(width)]
                for _ in range(side)]
        return rows
    found = [_cg_item(item, rng, n, extra) for _ in range(n)]
    if family == "equal" and not extra["distinct"]:
        found = found[:1] * n
    if extra["distinct"]:
        found = list(dict.fromkeys(found))
    if family == "sorted" or extra["sorted"]:
        found.sort()
    if kind == "dict":
        return {("k%d" % index): entry for index, entry in enumerate(found)}
    return {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind](
        found)

def _cg_copies(arguments):
    return [
        [row[:] if type(row) is list else row for row in value]
        if type(value) is list else
        value.copy() if type(value) in (dict, set) else value
        for value in arguments
    ]

def _cg_measure(mode, specs, n, repeats, cpu_s, again):
    # Sizes grow from call to call; a process that is new in the middle knows nothing.
    # The clock is that of the thread: under a limit on processor time the clock of
    # the process is moved by ticks of several milliseconds (Linux).
    import gc, random, time
    state = _cg_state
    if state["families"] is None:
        if n > 4 or again:
            return None
        # Numbers alone come in one family.
        made = any(spec[0] not in ("keep", "number") for spec in specs)
        state["families"] = ["random", "sorted", "equal"] if made else ["random"]
    last = state["last"]
    if again:
        if n not in state["quick"]:
            return None
    elif len(last) > 1 and last[-2] > 0:
        ratio = max(1.0, last[-1] / last[-2])
        if last[-1] * ratio * ratio > cpu_s * 0.4:
            return None
    if state["spent"] > cpu_s:
        return None
    began = time.thread_time()
    try:
        found, slowest = _cg_costs(mode, specs, n, repeats, gc, random, time)
    finally:
        gc.enable()
        state["spent"] += time.thread_time() - began
    if not again:
        last.append(slowest)
        if slowest < 5e-5:
            state["quick"].add(n)
    return found or None

def _cg_costs(mode, specs, n, repeats, gc, random, time):
    state = _cg_state
    found, slowest = {}, 0.0
    for family in list(state["families"]):
        rng = random.Random(n)
        arguments = [_cg_argument(spec, family, n, rng) for spec in specs]
        try:
            if not _cg_domain(*arguments):
                continue
            copied = _cg_copies(arguments)
            started = time.thread_time()
            __entry__(*copied)
            once = time.thread_time() - started
            if once < 0.001:  # the first call found cold caches
                copied = _cg_copies(arguments)
                started = time.thread_time()
                __entry__(*copied)
                once = min(once, time.thread_time() - started)
        except Exception:
            state["families"].remove(family)
            continue
        if n <= 64 and copied != arguments:
            state["keeps"] = False
        slowest = max(slowest, once)
        if mode == "count":
            before = __counter__()
            __entry__(*_cg_copies(arguments))
            found[family] = float(__counter__() - before)
            continue
        rounds = max(1, min(400, int(0.0002 / max(once - 1e-6, 1e-7))))
        if not state["keeps"]:
            rounds = min(rounds, max(1, 20000 // n))
        if once < 0.001:
            tries = 3 * repeats
        else:
            tries = repeats if once < 0.02 else 3
        best = None
        gc.disable()
        for _ in range(tries):
            copies = [arguments] * rounds if state["keeps"] else [
                _cg_copies(arguments) for _ in range(rounds)]
            started = time.thread_time_ns()
            for item in copies:
                __entry__(*item)
            spent = (time.thread_time_ns() - started) / rounds
            best = spent if best is None else min(best, spent)
        gc.enable()
        found[family] = best
    return found, slowest
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one program."""

    growth: Growth | None
    """The class on which times and counts agree; None if they do not."""

    least: Growth | None = None
    """The slower-growing of what times and counts say by themselves."""

    reason: str = ""
    sizes: int = 0
    points: tuple[tuple[int, float], ...] = ()
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
        found = measure(source, task, inputs, bench, cpu_s=self._cpu_s)
        return [self._judge(c, found, task, inputs, bench) for c in constraints]

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
            reason = f"`{stated}` is not a class that is known, such as O(n log n)"
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
        (first, early), (last, late) = found.points[-3], found.points[-1]
        examples = (
            Counterexample(
                call=f"{entry}(input of size {last})",
                expected=str(limit),
                observed=f"{found.growth}: {early / 1e3:.1f} µs at size {first}, "
                f"{late / 1e3:.1f} µs at size {last}",
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
    specs = _specifications(inputs)
    if specs is None:
        reason = inputs.problem or "no parameter has a size that could grow"
        return Measured(None, reason=reason)
    try:
        counted = instrument(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        return Measured(None, reason=f"the source cannot be instrumented: {error}")
    timed = _run("time", source, task, specs, bench, cpu_s)
    counts = _run("count", counted, task, specs, bench, cpu_s)
    spent = timed.cpu_s + counts.cpu_s
    if not timed.points or not counts.points:
        trouble = timed.trouble or counts.trouble or "no size could be measured"
        return Measured(None, reason=trouble, cpu_s=spent)
    by_time = fit(*_columns(timed.points))
    by_count = fit(*_columns(counts.points))
    growth, reason = _agreed(by_time, by_count, is_flat=_is_flat(timed.points))
    least = (
        min(by_time.growth, by_count.growth, growth or by_count.growth)
        if by_time and by_count
        else None
    )
    return Measured(
        growth, least, reason, len(timed.points), tuple(timed.points), spent
    )


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


def _agreed(
    by_time: Fit | None, by_count: Fit | None, *, is_flat: bool
) -> tuple[Growth | None, str]:
    if by_time is None or by_count is None:
        return None, "too few sizes could be measured within the limits"
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


@dataclass(frozen=True, slots=True)
class _Series:
    points: list[tuple[int, float]]
    trouble: str
    cpu_s: float


def _run(  # noqa: PLR0913, PLR0917 - what one series depends on
    mode: str,
    source: str,
    task: Task,
    specs: Sequence[object],
    bench: Workbench,
    cpu_s: float,
) -> _Series:
    before = task.contract.of(ClauseKind.PRE)
    condition = " and ".join(f"({clause.expression})" for clause in before) or "True"
    domain = clause_source(task, condition)
    driver = _DRIVER.replace("__entry__", task.entry_point).replace(
        "__counter__", COUNTER
    )
    glue = "\ndef _cg_domain(*arguments):\n    return _codegrad_clause(None, "
    glue += "arguments, *arguments)\n"
    wall_s = max(2.0, 2 * cpu_s)
    limits = replace(bench.limits, wall_s=min(bench.limits.wall_s, wall_s))
    sizes = (*_SIZES, *_LARGE_SIZES)
    passes = _PASSES if mode == "time" else 1
    calls = [
        Call((mode, list(specs), n, _REPEATS, cpu_s, bool(number)))
        for number in range(passes)
        for n in sizes
    ]
    run = bench.sandbox.call(
        source + driver + glue,
        "_cg_measure",
        calls,
        limits=limits,
        context="\n".join([task.context, domain, PREAMBLE]),
    )
    if not run.load.ok:
        load = run.load
        return _Series([], f"not loaded: {load.error}: {load.message}", run.cpu_s)
    trouble = next(
        (f"{o.error}: {o.message}" for o in run.calls if o.kind is Ending.RAISED), ""
    )
    return _Series(_worst_family(calls, run.calls), trouble, run.cpu_s)


def _worst_family(
    calls: Sequence[Call], outcomes: Sequence[CallOutcome]
) -> list[tuple[int, float]]:
    """Return for each size the cost of the most expensive family of inputs.

    Noise only adds: the least of several passes counts, and no size costs more than
    a larger one of its family.
    """
    families: dict[str, dict[int, float]] = {}
    for call, outcome in zip(calls, outcomes, strict=True):
        found = outcome.value if outcome.kind is Ending.RETURNED else None
        if not isinstance(found, dict):
            continue
        for family, cost in found.items():
            if isinstance(cost, int | float):
                series = families.setdefault(str(family), {})
                n = int(call.args[2])
                series[n] = min(cost, series.get(n, cost))
    worst: dict[int, float] = {}
    for series in families.values():
        least = float("inf")
        for n in sorted(series, reverse=True):
            least = min(least, series[n])
            worst[n] = max(worst.get(n, 0.0), least)
    return sorted(worst.items())


def _specifications(inputs: Inputs) -> list[object] | None:
    """Return how to make each argument; None if nothing can grow.

    Containers and texts get `n` items; numbers grow only if there are none.
    """
    if not inputs.shapes:
        return None
    normal = inputs.all[0] if inputs.all else ()
    if len(normal) < len(inputs.shapes):
        return None
    shapes = [_main_shape(shape) for shape in inputs.shapes]
    has_sized = any(shape.kind in _SIZED for shape in shapes)
    has_number = any(shape.kind == "int" for shape in shapes)
    if not has_sized and not has_number:
        return None
    return [
        _specification(index, shape, normal[index], inputs, has_sized=has_sized)
        for index, shape in enumerate(shapes)
    ]


def _main_shape(shape: Shape) -> Shape:
    if shape.kind != "union":
        return shape
    sized = [part for part in shape.items if part.kind in _SIZED]
    return sized[0] if sized else shape.items[0]


def _specification(
    index: int, shape: Shape, normal: object, inputs: Inputs, *, has_sized: bool
) -> object:
    traits = {name for place, name in inputs.profile.traits if place == str(index)}
    inner = {name for place, name in inputs.profile.traits if place == f"{index}[]"}
    letters = inputs.pool.letters if inputs.pool else "abc"
    extra = {
        "letters": letters,
        "sorted": "sorted" in traits,
        "distinct": "distinct" in traits and "sorted" in traits,
        "square": "square" in traits,
        "signed": not inner & {"positive", "not negative", "above one"},
        "low": 2 if "above one" in inner else 1 if "positive" in inner else 0,
    }
    if shape.kind == "str":
        return ("str", "", None, extra)
    if shape.kind in _SIZED:
        item = _item_kind(shape)
        if item:
            return (shape.kind, item, None, extra)
    if not has_sized and shape.kind == "int":
        return ("number", "", None, extra)
    return ("keep", "", normal, extra)


def _item_kind(shape: Shape) -> str:
    """Return the kind of items that can be made for a container; empty if none."""
    item = _main_shape(shape.items[-1]) if shape.items else Shape("int")
    if shape.kind == "record":
        return ""
    if item.kind in {"int", "float", "bool", "str"}:
        return item.kind
    if item.kind == "any":
        return "int"
    if item.kind == "list":
        inner = _item_kind(item)
        return f"list {inner}" if inner and " " not in inner else ""
    return ""
