"""What it costs to run one candidate in isolation, beside what it costs without.

``python -m codegrad.bench.sandbox_cost [N]`` runs every way N times in one
interleaved sequence, so that a busy machine slows all of them alike, and prints the
median wall and processor time of each and its ratio to the bare fork.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from codegrad.sandbox import Call, Sandbox

_SOURCE = "def f(xs):\n    return sorted(xs)\n"
_CALLS = (Call(([3, 1],)), Call(([],)))
_TESTS = ("assert f([3, 1]) == [1, 3]", "assert f([]) == []")
_PLAIN = _SOURCE + "\n".join(_TESTS)

_KERNEL = "codegrad.search.kernel"
_BATCH_JOB = {
    "source": "def f(xs):\n    low = xs[0]\n    for x in xs[1:]:\n"
    "        if x > low:\n            low = x\n    return low\n",
    "context": "",
    "entry": "f",
    "functions": None,
    "tests": [
        {"kind": "call", "args": {"t": [xs]}, "kwargs": {"d": []}, "expected": low}
        | {"tolerance": None}
        for xs, low in (([3, 1, 2], 1), ([5, 9], 5), ([4, 4, 0, 7], 0), ([6], 6))
    ],
    "suspicion": None,
    "phase": "edits",
    "start": 0,
    "count": 100_000,
    "indices": None,
    "tick_limit": None,
    "extra": 100_000,
    "prompt": "",
    "seed": 0,
}

_FORK_LOOP = """\
import os, sys, time
for line in sys.stdin:
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    usage = os.wait4(pid, 0)[2]
    print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, flush=True)
"""


def measure(count: int) -> dict[str, list[tuple[float, float]]]:
    """Return (wall, processor) seconds of `count` runs of each way.

    Processor time is that of the processes that run the candidate; that of the
    parent's own bookkeeping is part of the wall time.
    """
    fork = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-I", "-c", _FORK_LOOP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with Sandbox(preload=(_KERNEL,)) as sandbox, fork:
        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "bare fork, exit, wait": lambda: _bare(fork),
            "call (one child)": lambda: _timed(
                lambda: sandbox.call(_SOURCE, "f", _CALLS).cpu_s
            ),
            "check (candidate and tester)": lambda: _timed(
                lambda: sandbox.check(_SOURCE, "f", _TESTS).cpu_s
            ),
            "search candidate in a batch": lambda: _batch(sandbox),
            "python -I -c, not isolated": lambda: _timed(_interpreter),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for way in ways.values():
            way()
        for _ in range(count):
            for name, way in ways.items():
                found[name].append(way())
    return found


def _bare(process: subprocess.Popen[str]) -> tuple[float, float]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the streams of the forking process were not opened")
    process.stdin.write("\n")
    process.stdin.flush()
    wall, cpu = process.stdout.readline().split()
    return float(wall), float(cpu)


def _batch(sandbox: Sandbox) -> tuple[float, float]:
    """Return the cost of one candidate of a batch child, its start shared out."""
    start = time.perf_counter()
    run = sandbox.kernel(_KERNEL, _BATCH_JOB)
    tried = sum(frame["end"]["tried"] for frame in run if "end" in frame)
    return (time.perf_counter() - start) / tried, run.cpu_s / tried


def _timed(run: Callable[[], float]) -> tuple[float, float]:
    start = time.perf_counter()
    cpu = run()
    return time.perf_counter() - start, cpu


def _interpreter() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", "-c", _PLAIN], check=True)  # noqa: S603 - ours
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(found: dict[str, list[tuple[float, float]]]) -> str:
    """Return the medians and minima as text, one way a line.

    Example:
        >>> print(table({"a": [(0.001, 0.0005)]}))
        way                             wall us   min us   cpu us    ratio
        a                                  1000     1000      500      1.0
    """
    lines = [f"{'way':30}{'wall us':>9}{'min us':>9}{'cpu us':>9}{'ratio':>9}"]
    base = 0.0
    for name, runs in found.items():
        wall = statistics.median(run[0] for run in runs)
        least = min(run[0] for run in runs)
        # The kernel counts processor time in ticks: only the mean is exact.
        cpu = statistics.fmean(run[1] for run in runs)
        base = base or wall
        lines.append(
            f"{name:30}{wall * 1e6:9.0f}{least * 1e6:9.0f}{cpu * 1e6:9.0f}"
            f"{wall / base:9.1f}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    count = int(arguments[0]) if arguments else 200
    sys.stdout.write(f"{table(measure(count))}\n")
    sys.stdout.write(f"{count} runs each, load {os.getloadavg()[0]:.1f}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
