"""Many measurements over several processes, kept in a file as they come.

In: jobs, a function that yields records for one, and a file. Out: all records, those
of an earlier run included. Invariant: a record is on disk before it is counted; a run
that was stopped goes on where it was; a process that dies is an error, not an end.
"""

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from codegrad.errors import CodeGradError

Record = Mapping[str, Any]
"""What was measured: plain values, `key` among them."""

_SHOWN_EVERY_S = 20.0


def earlier_records(path: Path | None) -> list[Record]:
    """Return the records of a file that an earlier run left; a torn line is dropped."""
    if path is None or not path.exists():
        return []
    found: list[Record] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def run_jobs(
    jobs: Sequence[Any],
    work: Callable[[Any], Iterable[Record]],
    *,
    processes: int,
    out: Path | None,
    title: str,
) -> list[Record]:
    """Return the records of all jobs, in any order; `out` gets each at once.

    `work` is run in a fresh process, so it must be importable and its job must be
    picklable.

    Raises:
        CodeGradError: If a process ends without an answer.
    """
    found: list[Record] = []
    if not jobs:
        return found
    lost = 0
    began = shown = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context) as pool:
        waiting = [pool.submit(_listed, work, job) for job in jobs]
        for number, done in enumerate(as_completed(waiting), 1):
            try:
                records = done.result()
            except BrokenProcessPool:
                lost += 1  # jobs that were finished before are still to come
                continue
            _append(out, records)
            found += records
            if time.monotonic() - shown > _SHOWN_EVERY_S:
                shown = time.monotonic()
                say(
                    f"  {title}: {number} of {len(jobs)} jobs, {len(found)} records, "
                    f"{shown - began:.0f} s",
                    to_error=True,
                )
    if lost:
        raise CodeGradError(
            f"{title}: a process was killed, most likely for want of memory; {lost} of "
            f"{len(jobs)} jobs are missing; start the same command again to go on, "
            "with fewer --jobs"
        )
    return found


def _listed(work: Callable[[Any], Iterable[Record]], job: Any) -> list[Record]:  # noqa: ANN401 - what the caller sends
    return list(work(job))


def _append(out: Path | None, records: Sequence[Record]) -> None:
    if out is None:
        return
    with out.open("a", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record) + "\n")


def say(text: str, *, to_error: bool = False) -> None:
    """Print one line at once."""
    print(text, file=sys.stderr if to_error else sys.stdout, flush=True)
