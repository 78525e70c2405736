"""What the framework itself costs for a step: no network, a scripted engine.

    python -m codegrad.bench.overhead [--steps N] [--json FILE]

Every step has one proposal that is worse than the program, so that the loop goes on to
the end. The run is made twice: the second time what the sandbox gave is remembered, and
what is left is the loop: blame, optimiser, archive, events and checkpoints as JSON.
Times are processor time of this process, which a busy machine does not change much;
memory is what Python allocated in a further run.
"""

import argparse
import gc
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from codegrad.bench.pool import quick
from codegrad.bench.remembering import RememberingBench
from codegrad.budget import Budget
from codegrad.engines.scripted import ScriptedEngine
from codegrad.events import Event
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

START = '''def scaled(items, factor):
    """Return the items, each times the factor.

    >>> scaled([1, 2], 3)
    [3, 6]
    >>> scaled([], 3)
    []
    """
    return [item + factor for item in items]
'''
STEPS = 200


@dataclass(frozen=True, slots=True)
class Overhead:
    """What so many steps cost."""

    steps: int
    median_ms: float
    """Milliseconds of a step."""

    slowest_ms: float
    first_ms: float
    """Milliseconds of a step of the first tenth, on average."""

    last_ms: float
    """The same of the last tenth: what grows with the run shows here."""

    checkpoint_kib: float
    """Size of the last checkpoint as JSON."""

    memory_kib: float | None = None
    """What Python still held at the end of what it allocated in the run."""

    peak_kib: float | None = None


def measure(steps: int = STEPS) -> dict[str, Overhead]:
    """Return what `steps` steps cost, with the sandbox and without it.

    Example:
        >>> sorted(measure(3))
        ['framework alone', 'with the sandbox']
    """
    bench = RememberingBench()
    try:
        first = _run(steps, bench)
        second = _run(steps, bench)
        gc.collect()
        tracemalloc.start()
        _run(steps, bench)
        kept, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    finally:
        bench.end()
    alone = replace(
        second, memory_kib=round(kept / 1024, 1), peak_kib=round(peak / 1024, 1)
    )
    return {"with the sandbox": first, "framework alone": alone}


def _run(steps: int, bench: Workbench) -> Overhead:
    replies = [f"{START}\n\nNUMBER = {number}\n" for number in range(steps)]
    marks: list[float] = []
    size = 0

    def listen(event: Event) -> None:
        nonlocal size
        if event.kind == "checkpoint":
            size = len(json.dumps(event.data["state"]))
            marks.append(time.process_time())

    refine(
        quick(task_from_text(START, "scaled.py", "scaled")),
        engines=[ScriptedEngine(replies)],
        strategy=strategy_of("no-search"),
        budget=Budget(candidates=None),
        on_event=listen,
        bench=bench,
    )
    times = [1000 * (after - before) for before, after in pairwise(marks)]
    tenth = max(1, len(times) // 10)
    return Overhead(
        steps=len(times),
        median_ms=round(statistics.median(times), 2),
        slowest_ms=round(max(times), 2),
        first_ms=round(statistics.fmean(times[:tenth]), 2),
        last_ms=round(statistics.fmean(times[-tenth:]), 2),
        checkpoint_kib=round(size / 1024, 1),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found = {name: asdict(row) for name, row in measure(options.steps).items()}
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
