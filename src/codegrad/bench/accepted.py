"""Judge a program by programs that the official judge accepted.

    python -m codegrad.bench.accepted --data DIR [--json FILE]

Where there are no hidden tests at hand (LiveCodeBench), accepted programs of other
authors are: what they agree on is right. A program is taken for right if it passes the
visible tests and does on generated inputs as they do, wherever they are of one mind.
The inputs are drawn with another seed than those of the final choice.

Some generated inputs lie outside the task, where accepted programs may do anything. So
at least two are needed, and a single difference refutes nobody.

The command prints how good a judge this is: each recorded program with an official
verdict that passes the public tests is judged by the other accepted ones.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codegrad.bench.remembering import RememberingBench
from codegrad.bench.visible import visible_tasks
from codegrad.engines.pool import as_module, read_pool
from codegrad.errors import CodeGradError
from codegrad.optim.selection import NOT_RUN, RETURNED, behaviours
from codegrad.sandbox import Limits
from codegrad.task import Task
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

LEAST = 2
"""Accepted programs that are needed: of one alone nobody knows where it is sure."""

MOST = 8
"""Accepted programs that are asked."""

DIFFERENCES = 2
"""Inputs on which a wrong program differs, at least."""

SEED = 1
"""Of the inputs; the final choice uses 0."""


class AcceptedPrograms:
    """The accepted programs of some tasks, as judges of others.

    Args:
        texts: By name of a task, texts that were accepted.
        bench: Where programs run.
    """

    def __init__(self, texts: Mapping[str, Iterable[str]], bench: Workbench) -> None:
        self._texts = {name: tuple(dict.fromkeys(t)) for name, t in texts.items()}
        self._bench = bench

    def can_judge(self, name: str) -> bool:
        """Return whether there are enough accepted programs of a task."""
        return len(self._texts.get(name, ())) >= LEAST

    def is_right(
        self, name: str, task: Task, source: str, *, by_others: bool = False
    ) -> bool | None:
        """Return whether a module does as the accepted ones; None if nobody can say.

        Args:
            name: Of the task, as in `texts`.
            task: The task, with its visible tests.
            source: The module.
            by_others: Ask only the accepted programs that are not this one.
        """
        judges = [
            m for text in self._texts.get(name, ()) if (m := as_module(text, task))
        ]
        if by_others:
            judges = [module for module in judges if module != source]
        return source in judges or self._judged(task, source, judges[:MOST])

    def _judged(self, task: Task, source: str, judges: Sequence[str]) -> bool | None:
        seen = behaviours(task, [*judges, source], self._bench, seed=SEED)
        loaded = [row for row in seen[:-1] if row]
        if len(loaded) < LEAST:
            return None
        if not self.passes(task, source):
            return False
        differing, agreed = differences(seen[-1], loaded)
        return differing < DIFFERENCES if agreed else None

    def passes(self, task: Task, source: str) -> bool:
        """Return whether a module breaks no visible test."""
        # A wrong answer to a visible test is no input outside the task.
        loss_fn = VerificationLoss(task, bench=self._bench)
        found = loss_fn.evaluate({**task.sources, task.main: source})
        return not found.evidence.refuted


def differences(row: Sequence[str], judges: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Return on how many inputs a program differs from judges of one mind, of how many.

    Args:
        row: What the program did, as texts; nothing if it cannot be loaded.
        judges: What each of the judges did on the same inputs.

    Example:
        >>> differences(["= 1", "= 2"], [["= 1", "= 3"], ["= 1", "= 3"]])
        (1, 2)
    """
    differing = agreed = 0
    for position, column in enumerate(zip(*judges, strict=True)):
        said = set(column) - {NOT_RUN}
        did = row[position] if row else ""
        if len(said) != 1 or did == NOT_RUN:
            continue
        wanted = said.pop()
        if wanted.startswith(RETURNED):
            agreed += 1
            differing += did != wanted
    return differing, agreed


def accepted_texts(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the accepted texts of recorded rows, by name of their task.

    Example:
        >>> accepted_texts([{"task_id": "a", "code": "x", "official_pass": True}])
        {'a': ['x']}
    """
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.get("official_pass") is True:
            found.setdefault(str(row["task_id"]), []).append(str(row["code"]))
    return found


def accepted_file(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file in which every program was accepted.

    Raises:
        UsageError: If it cannot be read.
    """
    return _with_verdict(path, accepted=True)


def recorded(folder: Path) -> list[dict[str, Any]]:
    """Return all recorded programs of LiveCodeBench with an official verdict.

    Raises:
        UsageError: If a file cannot be read.
    """
    rows = accepted_file(folder / "right_lcb_dev.jsonl.gz")
    rows += _with_verdict(folder / "wrong_lcb_dev.jsonl.gz", accepted=False)
    for path in sorted(folder.glob("pool_livecodebench_*.gz")):
        rows += [row for found in read_pool(path).values() for row in found]
    return [row for row in rows if row.get("official_pass") is not None]


def _with_verdict(path: Path, *, accepted: bool) -> list[dict[str, Any]]:
    found = read_pool(path).values()
    return [{**row, "official_pass": accepted} for rows in found for row in rows]


def judged(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what other accepted programs say of each program that passes its tests.

    Raises:
        CodeGradError: If a file cannot be read.
    """
    rows = recorded(folder)
    tasks = visible_tasks("livecodebench", folder / "livecodebench_dev.jsonl.gz")
    verdicts: dict[str, dict[str, bool]] = {}
    for row in rows:
        texts = verdicts.setdefault(str(row["task_id"]), {})
        texts[str(row["code"])] = row["official_pass"]
    bench = RememberingBench(limits=Limits(wall_s=2.0, cpu_s=2.0))
    accepted = AcceptedPrograms(accepted_texts(rows), bench)
    try:
        for name in sorted(verdicts):
            bench.forget()
            task = tasks[name.removeprefix("LCB/")]
            for text, official in verdicts[name].items():
                module = as_module(text, task)
                if module is not None and accepted.passes(task, module):
                    said = accepted.is_right(name, task, module, by_others=True)
                    yield {"task": name, "official": official, "said": said}
    finally:
        bench.end()


def report(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the table as text.

    Example:
        >>> print(report([{"official": True, "said": None}]).splitlines()[1])
        accepted            1       0       0           1
    """
    counts = Counter((row["official"], row["said"]) for row in rows)
    lines = [
        f"{'officially':<12}{'programs':>9}{'right':>8}{'wrong':>8}{'undecided':>12}"
    ]
    for official, name in ((True, "accepted"), (False, "rejected")):
        found = [counts[official, said] for said in (True, False, None)]
        lines.append(
            f"{name:<12}{sum(found):>9}{found[0]:>8}{found[1]:>8}{found[2]:>12}"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how often accepted programs say what the official judge says."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.accepted")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--json", type=Path, dest="json_path")
    options = parser.parse_args(arguments)
    try:
        rows = []
        for row in judged(options.data):
            rows.append(row)
            sys.stderr.write(f"\r{len(rows)} programs, {row['task']}\033[K")
    except CodeGradError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stderr.write("\n")
    sys.stdout.write(report(rows))
    if options.json_path is not None:
        options.json_path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
