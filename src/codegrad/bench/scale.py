"""What a million samples cost and where more machines stop helping.

    python -m codegrad.bench.scale [--samples N] [--price DOLLARS] [--json FILE]

Measures on this machine what a sample and an input cost, inside the grading process
and in the samples' own processes; what a sample costs in memory and on disk; then
simulates more samples, inputs and cores (`codegrad.bench.simulation`), and checks the
prediction against a real run of N samples that the measurement has not seen.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain, cycle, islice, repeat
from pathlib import Path
from typing import Any

from codegrad.bench.crew import LocalCrew, cores
from codegrad.bench.datasets import open_dataset
from codegrad.bench.evaluate import BATCH, evaluate
from codegrad.bench.executors import LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset, Problem
from codegrad.bench.results import Results
from codegrad.bench.samples import SampleFile
from codegrad.bench.simulation import Load, Simulated, simulate

INPUTS = (1, 30, 300)
"""Inputs of the problems that are measured."""

MILLION = 1_000_000
HUMANEVAL_PLUS = 758
"""Inputs of a HumanEval+ problem, base and plus, in the mean."""

_MEASURED = 150
_ROUNDS = 3
_TURNS = 15
_PRICE = 0.04


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured; seconds are processor time."""

    inside_s: float
    inside_input_s: float
    outside_s: float
    outside_input_s: float
    start_s: float
    """Of one worker: its sandbox and the first host."""

    turn_s: float
    """Of turning to another problem, which a worker does for each batch."""

    read_s: float
    """Of one line of the file of samples."""

    write_s: float
    """Of one line of results."""

    sample_bytes: float
    """Memory that each sample takes as long as an evaluation lasts."""

    row_bytes: float
    """Bytes of one result on disk."""

    worker_mb: float
    """Memory of the processes of one worker."""

    dispatch_s: float
    """In the process that hands a batch to another process and takes its result."""

    def load(self, inputs: int) -> Load:
        """Return what a sample with so many inputs costs."""
        inside = self.inside_s + self.inside_input_s * inputs
        outside = self.outside_s + self.outside_input_s * inputs
        outside += self.turn_s / BATCH
        return Load(inside + self.read_s + self.write_s, outside)


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor and wall seconds of a piece of work."""

    inside_s: float
    outside_s: float
    wall_s: float

    @property
    def cpu_s(self) -> float:
        """Processor seconds of both."""
        return self.inside_s + self.outside_s


class _Meter:
    """Reads clocks: this process, the processes that it waited for, the wall."""

    def __init__(self) -> None:
        self._before = self._now()

    def read(self) -> Spent:
        """Return what was spent since the meter was made."""
        now = self._now()
        return Spent(*(b - a for a, b in zip(self._before, now, strict=True)))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        outside = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = outside.ru_utime + outside.ru_stime
        return time.process_time(), spent, time.monotonic()


def _problem(inputs: int) -> dict[str, Any]:
    """Return a HumanEval+ record of ordinary work: sort, filter, join."""
    values = [[[(n * k) % 17 for k in range(12)], n % 5] for n in range(inputs)]
    return {
        "task_id": f"Scale/{inputs}",
        "prompt": "def chosen(items, low):\n",
        "entry_point": "chosen",
        "canonical_solution": (
            "    return sorted(x * 2 for x in items if x > low), len(set(items))\n"
        ),
        "base_input": values[:1],
        "plus_input": values[1:],
        "atol": 0,
    }


def _sample(inputs: int, number: int) -> dict[str, str]:
    """Return a right sample unlike all others, or each tenth time a wrong one."""
    right = "sorted(x * 2 for x in items if x > low), len(set(items))"
    wrong = "sorted(x * 2 for x in items), len(items)"
    body = wrong if number % 10 == 0 else right
    return {
        "task_id": f"Scale/{inputs}",
        "completion": f"    # number {number}\n    return {body}\n",
    }


def _write(path: Path, rows: Iterator[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    return path


def _samples(count: int) -> Iterator[dict[str, Any]]:
    for number, inputs in enumerate(islice(cycle(INPUTS), count)):
        yield _sample(inputs, number)


def measure(folder: Path, dataset: Dataset) -> Costs:
    """Return what things cost on this machine now, medians of several rounds."""
    references = References(dataset.checksum, folder / "answers")
    rounds = [_measured(dataset, references) for _ in range(_ROUNDS)]
    inside, inside_input, outside, outside_input, start, turn = (
        statistics.median(column) for column in zip(*rounds, strict=True)
    )
    return Costs(
        max(0.0, inside),
        max(0.0, inside_input),
        max(0.0, outside),
        max(0.0, outside_input),
        start,
        max(0.0, turn),
        *_measure_files(folder, dataset),
        worker_mb=_worker_mb(dataset, references),
        dispatch_s=_dispatch_s(dataset),
    )


def _measured(dataset: Dataset, references: References) -> tuple[float, ...]:
    """Return one sample's and one input's cost, inside and outside, and a start's."""
    spent: dict[int, Spent] = {}
    starts: dict[int, Spent] = {}
    for inputs in (INPUTS[0], INPUTS[-1]):
        starts[inputs] = _grade(dataset, references, [inputs])
        spent[inputs] = _grade(dataset, references, [inputs] * (1 + _MEASURED))
    low, high = INPUTS[0], INPUTS[-1]

    def per_sample(inputs: int, field: str) -> float:
        whole, one = getattr(spent[inputs], field), getattr(starts[inputs], field)
        return float(whole - one) / _MEASURED

    found: list[float] = []
    for field in ("inside_s", "outside_s"):
        slope = (per_sample(high, field) - per_sample(low, field)) / (high - low)
        found += [per_sample(low, field) - slope * low, slope]
    in_turn = _grade(dataset, references, [low, INPUTS[1]] * _TURNS)
    in_a_row = _grade(dataset, references, [low] * _TURNS + [INPUTS[1]] * _TURNS)
    turn = (in_turn.cpu_s - in_a_row.cpu_s) / (2 * _TURNS - 2)
    return *found, starts[low].cpu_s, turn


def _grade(dataset: Dataset, references: References, order: Sequence[int]) -> Spent:
    """Return what samples of the problems with so many inputs cost, in order."""
    meter = _Meter()
    with Grader(references) as grader:
        for number, inputs in enumerate(order):
            problem = dataset.problems[f"Scale/{inputs}"]
            completion = _sample(inputs, number)["completion"]
            grader.grade(problem, problem.prompt + completion)
    return meter.read()


def _measure_files(
    folder: Path, dataset: Dataset, count: int = 2000
) -> tuple[float, float, float, float]:
    """Return the seconds to read and to write a line, and bytes in memory, on disk."""
    path = _write(folder / "lines.jsonl", _samples(count))
    with Grader(References(dataset.checksum, folder / "answers")) as grader:
        problem = dataset.problems[f"Scale/{INPUTS[0]}"]
        verdict = grader.grade(problem, problem.reference)
    tracemalloc.start()
    with SampleFile(path, dataset) as file, Results(None, {}) as kept:
        for sample in file.samples:
            kept.add(sample.key, sample.task_id, verdict)
        held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    meter = _Meter()
    with SampleFile(path, dataset) as file:
        read = meter.read()
        for sample in file.samples:
            file.source(sample)
        again = meter.read()
        meter = _Meter()
        rows = folder / "rows.jsonl"
        with Results(rows, {}) as results:
            for sample in file.samples:
                results.add(sample.key, sample.task_id, verdict)
        written = meter.read()
    del again
    size = rows.stat().st_size / count
    return read.inside_s / count, written.inside_s / count, held / count, size


def _worker_mb(dataset: Dataset, references: References) -> float:
    """Return the memory of the processes of one worker, counted once where shared."""
    problem = dataset.problems[f"Scale/{INPUTS[-1]}"]
    with Grader(references) as grader:
        grader.grade(problem, problem.reference)
        return sum(map(_proportional_mb, _descendants(os.getpid())))


def _dispatch_s(dataset: Dataset, count: int = 300) -> float:
    """Return what a batch of 32 samples costs the process that hands it out."""
    name = f"Scale/{INPUTS[-1]}"
    completion = _sample(INPUTS[-1], 1)["completion"]
    item = dataset.problems[name], (completion,) * BATCH
    found = LocalCrew(1).results(_handed_back, repeat(item, count + 1))
    next(found)  # the process is there now
    meter = _Meter()
    assert sum(1 for _ in found) == count
    return meter.read().inside_s / count


def _handed_back(item: tuple[Problem, tuple[str, ...]]) -> tuple[str, ...]:
    """Return what is as large as the verdicts on the samples."""
    return item[1]


def _descendants(pid: int) -> Iterator[int]:
    tasks = Path(f"/proc/{pid}/task")
    for children in tasks.glob("*/children"):
        for child in children.read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _proportional_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in text.splitlines() if line.startswith("Pss:")]
    return int(found[0]) / 1024 if found else 0.0


@dataclass(frozen=True, slots=True)
class Checked:
    """A prediction beside what happened."""

    samples: int
    workers: int
    predicted_cpu_s: float
    cpu_s: float
    predicted_wall_s: float
    """On as many cores as the other processes of this machine left to the run."""

    wall_s: float
    cores_left: float
    predicted_mb: float
    peak_mb: float


def check(folder: Path, dataset: Dataset, costs: Costs, count: int) -> Checked:
    """Return how a real evaluation of `count` new samples went, and was to go."""
    rows = (_sample(inputs, 10**6 + n) for n, inputs in _numbered(count))
    path = _write(folder / "check.jsonl", rows)
    workers = cores()
    before_mb = _own_mb()
    references = References(dataset.checksum, folder / "answers")
    meter = _Meter()
    with (
        SampleFile(path, dataset) as file,
        Results(folder / "check.results.jsonl", {}) as results,
    ):
        pool = LocalPool(lambda: Grader(references), workers)
        summary = evaluate(file, dataset, results, pool)
    spent = meter.read()
    assert summary.graded == count
    loads = [costs.load(inputs) for _, inputs in _numbered(count)]
    left = min(float(workers), spent.cpu_s / spent.wall_s)
    ideal = simulate(loads, workers=workers, cores=workers)
    # The cores that were left, not those that there are, decide the wall clock.
    slowed = max(1.0, ideal.core_share * workers / left)
    start = costs.start_s * workers
    return Checked(
        count,
        workers,
        sum(one.inside_s + one.outside_s for one in loads) + start,
        spent.cpu_s,
        ideal.seconds * slowed + start / left,
        spent.wall_s,
        left,
        before_mb + count * costs.sample_bytes / 2**20,
        _own_mb(),
    )


def _numbered(count: int) -> Iterator[tuple[int, int]]:
    return enumerate(islice(cycle(INPUTS), count))


def _own_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tables(costs: Costs, price: float) -> Iterator[str]:
    """Yield what the costs mean for a million samples, line by line."""
    yield "a million samples        processor hours   dollars   one core   8   64 cores"
    for inputs in (1, 10, 100, HUMANEVAL_PLUS, 10_000):
        load = costs.load(inputs)
        hours = MILLION * (load.inside_s + load.outside_s) / 3600
        found = [
            _million(load, workers=n, count=n, processes=max(1, n // 8)).seconds
            for n in (1, 8, 64)
        ]
        shown = "  ".join(f"{seconds / 3600:7.2f} h" for seconds in found)
        yield f"{inputs:6} inputs a sample {hours:14.2f} {hours * price:11.2f}  {shown}"
    yield ""
    yield "where one process stops helping: samples a second"
    yield "inputs   workers:     1      2      4      8     16     32   bound by"
    for inputs in (1, 100, HUMANEVAL_PLUS):
        load = costs.load(inputs)
        rates = [_million(load, n, n).per_second for n in (1, 2, 4, 8, 16, 32)]
        bound = 1 / load.inside_s if load.inside_s else float("inf")
        shown = " ".join(f"{rate:6.0f}" for rate in rates)
        yield f"{inputs:6}            {shown}   {bound:,.0f}: one interpreter"
    yield ""
    memory = MILLION * costs.sample_bytes / 2**20
    yield (
        f"memory: {memory:,.0f} MiB a million samples, {costs.worker_mb:.0f} MiB a "
        f"worker; results: {MILLION * costs.row_bytes / 2**20:,.0f} MiB on disk, "
        f"written at {1 / costs.write_s:,.0f} rows a second"
    )
    yield (
        f"one process hands out {1 / costs.dispatch_s:,.0f} batches of {BATCH} a "
        f"second to others: {BATCH / costs.dispatch_s:,.0f} samples a second"
    )


def _million(load: Load, workers: int, count: int, processes: int = 1) -> Simulated:
    """Return a million samples, from a simulated share that is long enough."""
    share = 20_000
    loads = chain.from_iterable([load] for _ in range(share))
    found = simulate(loads, workers=workers, cores=count, processes=processes)
    return Simulated(
        found.seconds * MILLION / share,
        MILLION,
        found.interpreter_share,
        found.core_share,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, simulate, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--price", type=float, default=_PRICE)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="codegrad-scale-") as name:
        folder = Path(name)
        path = _write(folder / "scale.jsonl", map(_problem, INPUTS))
        dataset = open_dataset("humaneval+", path)
        costs = measure(folder, dataset)
        checked = check(folder, dataset, costs, options.samples)
    for field, value in asdict(costs).items():
        unit = "us" if field.endswith("_s") else field.rpartition("_")[2]
        shown = value * 1e6 if field.endswith("_s") else value
        _say(f"{field.removesuffix('_s'):16} {shown:12,.1f} {unit}")
    _say("")
    for line in tables(costs, options.price):
        _say(line)
    _say("")
    for field, value in asdict(checked).items():
        _say(f"{field:18} {value:12,.2f}")
    if options.json:
        document = {"costs": asdict(costs), "check": asdict(checked)}
        options.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
