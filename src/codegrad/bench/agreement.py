"""Do our verdicts agree with those that were recorded for real model output?

    python -m codegrad.bench.agreement --data DIR [--only NAME] [--json FILE]

Every row of the recorded samples is graded. HumanEval is compared with `base_pass`,
HumanEval+ and MBPP+ with `base_pass` and `plus_pass`, LiveCodeBench with the official
verdict on its private tests, of which only the public tests are here: a right sample
that is rejected is a fault, a wrong one that is accepted is not. Printed are counts and
each row that differs, with the reason of our verdict.
"""

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import cache_folder, open_dataset
from codegrad.bench.executors import Batch, LocalPool
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Dataset
from codegrad.bench.samples import Sample, sample_key
from codegrad.bench.verdicts import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class Recording:
    """Recorded samples of one dataset, and what they are compared with."""

    dataset: str
    """The name of the dataset."""

    data: str
    """Its file."""

    rows: Sequence[str]
    """The files of samples."""

    suites: Mapping[str, str]
    """Suite -> the field with the recorded verdict; empty if the file says it."""


_HUMANEVAL = ("right_humaneval_dev", "wrong_humaneval_dev")
_MBPP = ("right_mbpp_dev", "wrong_mbpp_dev")
RECORDINGS = {
    "humaneval": Recording("humaneval", "HumanEval", _HUMANEVAL, {"base": "base_pass"}),
    "humaneval+": Recording(
        "humaneval+",
        "HumanEvalPlus",
        _HUMANEVAL,
        {"base": "base_pass", "plus": "plus_pass"},
    ),
    "mbpp+": Recording(
        "mbpp+", "MbppPlus", _MBPP, {"base": "base_pass", "plus": "plus_pass"}
    ),
    "livecodebench": Recording(
        "livecodebench",
        "livecodebench_dev",
        ("right_lcb_dev", "wrong_lcb_dev"),
        {"public": ""},
    ),
}
"""The recordings by the name on the command line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded sample and both verdicts."""

    task_id: str
    source: str
    recorded: Mapping[str, bool]
    """By suite; a suite without a recorded verdict is not here."""

    verdict: Verdict
    about: str
    """Who wrote it, and what the record says about its failure."""

    def passed(self, suite: str) -> bool:
        """Return whether we say that it passes a suite and those before it."""
        names = list(self.verdict.outcomes)
        before = names[: names.index(suite) + 1] if suite in names else names
        return all(self.verdict.outcomes[name] is Outcome.PASSED for name in before)

    @property
    def differing(self) -> list[str]:
        """The suites whose verdict is another."""
        return [
            suite
            for suite, value in self.recorded.items()
            if self.passed(suite) != value
        ]


def graded(folder: Path, recording: Recording, workers: int | None) -> list[Row]:
    """Grade every row of a recording.

    Raises:
        DatasetError: If the dataset cannot be read.
    """
    dataset = open_dataset(recording.dataset, folder / f"{recording.data}.jsonl.gz")
    rows = list(_rows(folder, recording, dataset))
    sources: dict[bytes, str] = {}
    by_task: dict[str, dict[bytes, Sample]] = {}
    for task_id, source, _, _ in rows:
        key = sample_key(task_id, source)
        sources[key] = source
        by_task.setdefault(task_id, {})[key] = Sample(task_id, key, 0, 0, 0)
    references = References(dataset.checksum, cache_folder() / "answers")
    batches = [
        Batch(dataset.problems[name], tuple(samples.values()))
        for name, samples in by_task.items()
    ]
    pool = LocalPool(lambda: Grader(references), workers)
    found = pool.run(batches, lambda sample: sources[sample.key])
    verdicts = {sample.key: verdict for sample, verdict in found}
    return [
        Row(task_id, source, recorded, verdicts[sample_key(task_id, source)], about)
        for task_id, source, recorded, about in rows
    ]


def _rows(
    folder: Path, recording: Recording, dataset: Dataset
) -> Iterator[tuple[str, str, dict[str, bool], str]]:
    for name in recording.rows:
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                task_id = str(row["task_id"]).removeprefix("LCB/")
                if task_id not in dataset.problems:
                    continue
                verdicts = {
                    suite: row.get(field) if field else name.startswith("right")
                    for suite, field in recording.suites.items()
                }
                yield (
                    task_id,
                    str(row["code"]),
                    {suite: bool(v) for suite, v in verdicts.items() if v is not None},
                    f"{row['model']}: {str(row.get('fails') or '')[:150]}",
                )


def lines(name: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the table of one recording, and its differences."""
    yield f"{name}: {len(rows)} rows, {len({row.task_id for row in rows})} tasks"
    for suite in RECORDINGS[name].suites:
        counts = Counter(
            (row.recorded[suite], row.passed(suite))
            for row in rows
            if suite in row.recorded
        )
        right, wrong = (
            sum(counts[value, ours] for ours in (True, False))
            for value in (True, False)
        )
        yield (
            f"  {suite:7} recorded right {right}: {counts[True, True]} pass, "
            f"{counts[True, False]} do not; recorded wrong {wrong}: "
            f"{counts[False, False]} do not pass, {counts[False, True]} do"
        )
    yield from _differences(name, rows)


def _differences(name: str, rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for suite in row.differing:
            if name == "livecodebench" and not row.recorded[suite]:
                continue  # only public tests are here: expected
            failure = row.verdict.failure
            ours = "pass" if failure is None else f"{failure.suite}: {failure.reason}"
            shown = f"; given {failure.given[:80]}" if failure and failure.given else ""
            recorded = "right" if row.recorded[suite] else "wrong"
            text = " ".join(f"{ours}{shown}; record: {row.about}".split())
            yield f"    {row.task_id} {suite}: recorded {recorded}, ours {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade the recordings and print how far the verdicts agree."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.agreement")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=list(RECORDINGS), default="")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    document: dict[str, Any] = {}
    for name in [options.only] if options.only else list(RECORDINGS):
        started = time.monotonic()
        rows = graded(options.data, RECORDINGS[name], options.workers)
        print("\n".join(lines(name, rows)))  # noqa: T201 - a program
        print(f"  {time.monotonic() - started:.1f} s", flush=True)  # noqa: T201
        document[name] = [
            {
                "task_id": row.task_id,
                "source": row.source,
                "recorded": row.recorded,
                "outcomes": {k: v.value for k, v in row.verdict.outcomes.items()},
                "reason": row.verdict.failure.reason if row.verdict.failure else "",
                "about": row.about,
            }
            for row in rows
            if row.differing
        ]
    if options.json:
        options.json.write_text(json.dumps(document, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
