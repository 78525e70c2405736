"""Calls of growing size, made and measured in the candidate's process.

In: a program and what is known of its inputs. Out: a `Series`: the cost at each size,
of the most expensive of several families (random, sorted, all equal). Inputs are made
where they are used, because large ones would be slow to send. Invariant: counts of
operations are the same in every run, as long as the budget is not what ends them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codegrad.contract import ClauseKind
from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.task import Task
from codegrad.verify.contracts import clause_source
from codegrad.verify.generation import Inputs
from codegrad.verify.operation_count import COUNTER, PREAMBLE
from codegrad.verify.shapes import Shape
from codegrad.verify.stage import Workbench

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
_LARGE_SIZES = (2048, 4096, 8192)
_HUGE_SIZES = (16384, 32768)
"""Where counts alone decide, no noise has to be outgrown."""

_REPEATS = 5

_MOST_OPERATIONS = 600_000
"""Operations that one call may be expected to take and still be made."""

_SIZED = frozenset({"list", "tuple", "str", "set", "frozenset", "dict"})

_DRIVER = """

_cg_state = {"spent": 0.0, "last": [], "families": None, "keeps": True,
             "quick": set()}

def _cg_item(kind, rng, n, extra):
    if kind == "int":
        # Three times as fast as randint, which takes longer than many candidates.
        span = 10 * n + 10
        if extra["signed"]:
            return int(rng.random() * (2 * span + 1)) - span
        return int(rng.random() * (span + 1)) + extra["low"]
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
        # Operations are counted the same on a busy machine; seconds are not.
        most = __most__ if mode == "count" else cpu_s * 0.4
        if last[-1] * ratio * ratio > most:
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
            before = __counter__()
            started = time.thread_time()
            __entry__(*copied)
            once = time.thread_time() - started
            if mode == "count":
                found[family] = float(__counter__() - before)
                slowest = max(slowest, found[family])
                continue
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
class Series:
    """What one program cost at growing sizes."""

    points: list[tuple[int, float]]
    """Size and cost, smallest size first."""

    trouble: str
    """Why there are no points, if there are none."""

    cpu_s: float


def run_series(  # noqa: PLR0913 - what one series depends on
    mode: str,
    source: str,
    task: Task,
    specs: Sequence[object],
    bench: Workbench,
    *,
    cpu_s: float,
    passes: int = 1,
    sizes: Sequence[int] = (),
) -> Series:
    """Return the cost of `source` at growing sizes.

    Args:
        mode: `count` for operations (`source` is instrumented), `time` for nanoseconds.
        source: The program.
        task: Its task, for the preconditions.
        specs: How to make each argument.
        bench: The workbench to run on.
        cpu_s: Processor seconds for all calls together.
        passes: How often quick calls are measured, some time apart.
        sizes: The sizes, from 4 upwards; by default up to a few thousand.
    """
    before = task.contract.of(ClauseKind.PRE)
    condition = " and ".join(f"({clause.expression})" for clause in before) or "True"
    domain = clause_source(task, condition)
    driver = (
        _DRIVER.replace("__entry__", task.entry_point)
        .replace("__counter__", COUNTER)
        .replace("__most__", str(_MOST_OPERATIONS))
    )
    glue = "\ndef _cg_domain(*arguments):\n    return _codegrad_clause(None, "
    glue += "arguments, *arguments)\n"
    wall_s = max(2.0, 2 * cpu_s)
    limits = replace(bench.limits, wall_s=min(bench.limits.wall_s, wall_s))
    if not sizes:
        sizes = (*_SIZES, *_LARGE_SIZES, *(_HUGE_SIZES if passes > 1 else ()))
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
        return Series([], f"not loaded: {load.error}: {load.message}", run.cpu_s)
    trouble = next(
        (f"{o.error}: {o.message}" for o in run.calls if o.kind is Ending.RAISED), ""
    )
    return Series(_worst_family(calls, run.calls), trouble, run.cpu_s)


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


def specifications(inputs: Inputs) -> list[object] | None:
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
