"""Seconds and memory of `codegrad evaluate` as the number of samples grows.

    python -m codegrad.bench.evaluate_scale --data DIR [--counts 1000,10000,100000]

The samples are different variants of the references of the first twenty tasks of
HumanEval, one in ten of them wrong. Each count is one run of the command. The largest
is killed with SIGKILL after a third of its samples and started again; every sample
must have one result in the end, and none may have been graded twice.
"""

import argparse
import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TASKS = 20
_KILL_AT = 3
_SAMPLE_S = 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the command."""

    wall_s: float
    cpu_s: float
    own_mb: float
    """The most memory of the process itself, in MiB."""

    tree_mb: float
    """The most memory of it and all its children together, shared pages once."""

    summary: dict[str, Any]
    """What it printed; empty if it was killed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command on each count of samples and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.evaluate_scale")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--counts", default="1000,10000,100000")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    counts = [int(count) for count in options.counts.split(",")]
    with tempfile.TemporaryDirectory(prefix="codegrad-scale-") as name:
        folder = Path(name)
        with gzip.open(options.data / "HumanEval.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines][:_TASKS]
        data = folder / "data.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for count in counts:
            samples = _written(folder / f"{count}.jsonl", rows, count)
            command = _command(samples, data, options.workers)
            kill_at = count // _KILL_AT if count == max(counts) else 0
            for line in _lines(folder, samples, command, count, kill_at):
                print(line, flush=True)  # noqa: T201 - a program
    return 0


def _written(path: Path, rows: Sequence[dict[str, Any]], count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            row = rows[number % len(rows)]
            is_wrong = number // len(rows) % 10 == 9  # noqa: PLR2004 - one in ten
            body = "    return None\n" if is_wrong else row["canonical_solution"]
            completion = f"{body}\n_variant = {number}\n"
            one = {"task_id": row["task_id"], "completion": completion}
            file.write(json.dumps(one) + "\n")
    return path


def _command(samples: Path, data: Path, workers: int) -> list[str]:
    program = "from codegrad.cli.main import main; main()"
    options = ["--dataset", "humaneval", "--data", str(data), "--json"]
    head = [sys.executable, "-c", program, "evaluate", str(samples)]
    return [*head, *options, "--workers", str(workers)]


def _lines(
    folder: Path, samples: Path, command: Sequence[str], count: int, kill_at: int
) -> Iterator[str]:
    results = samples.with_name(f"{samples.name}.results.jsonl")
    if kill_at:
        killed = _measured(folder, command, results, kill_at)
        kept = max(0, _count(results) - 1)
        yield (
            f"{count:7} samples: killed with SIGKILL after {killed.wall_s:.1f} s; "
            f"{kept} results are kept"
        )
    run = _measured(folder, command, results, 0)
    new = run.summary["unique"] - run.summary["resumed"]
    with results.open() as file:
        next(file)
        names = [json.loads(line)["key"] for line in file]
    if len(names) != count or len(set(names)) != count:
        raise SystemExit(f"{len(names)} results, {len(set(names))} different")
    right = sum(task["passed"]["base"] for task in run.summary["tasks"].values())
    yield (
        f"{count:7} samples: {new} graded in {run.wall_s:.1f} s "
        f"({new / run.wall_s:.0f} a second, {1000 * run.cpu_s / new:.2f} ms CPU each), "
        f"{run.summary['resumed']} known before; {right} right; peak memory "
        f"{run.own_mb:.0f} MiB, with its children {run.tree_mb:.0f} MiB"
    )


def _measured(
    folder: Path, command: Sequence[str], results: Path, kill_at: int
) -> Measured:
    """Run the command; kill it once it has written `kill_at` results, if not 0."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    out = folder / "out.json"
    started = time.perf_counter()
    before = os.times()
    with out.open("w") as file:
        process = subprocess.Popen(command, stdout=file, env=environment)  # noqa: S603 - our own
    stop = threading.Event()
    peaks = [0.0, 0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, stop, peaks))
    watcher.start()
    while process.poll() is None:
        time.sleep(0.2)
        if kill_at and _count(results) > kill_at:
            process.send_signal(signal.SIGKILL)
            process.wait()
            break
    stop.set()
    watcher.join()
    wall = time.perf_counter() - started
    after = os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    summary = {} if kill_at else json.loads(out.read_text())
    return Measured(wall, cpu, peaks[0], peaks[1], summary)


def _watch(pid: int, stop: threading.Event, peaks: list[float]) -> None:
    while not stop.wait(_SAMPLE_S):
        sizes = [_memory_mb(one) for one in _tree(pid)]
        if sizes:
            peaks[0] = max(peaks[0], sizes[0])
            peaks[1] = max(peaks[1], sum(sizes))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def _memory_mb(pid: int) -> float:
    with contextlib.suppress(OSError, IndexError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _count(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(
            chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")
        )


if __name__ == "__main__":
    sys.exit(main())
