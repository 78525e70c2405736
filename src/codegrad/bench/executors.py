"""Where batches of samples are graded: on the cores of this machine.

An executor takes batches and gives verdicts in any order. The same batches give the
same verdicts on each.
"""

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from codegrad.bench.grading import Grader, Verdict
from codegrad.bench.problems import Problem
from codegrad.bench.samples import Sample

SourceOf = Callable[[Sample], str]
"""Returns the program of a sample."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Different samples of one problem."""

    problem: Problem
    """The problem."""

    samples: tuple[Sample, ...]
    """The samples."""


class Executor(Protocol):
    """Grades batches."""

    def run(
        self, batches: Sequence[Batch], source_of: SourceOf
    ) -> Iterator[tuple[Sample, Verdict]]:
        """Yield the verdict on each sample of the batches, once, in any order.

        Closing the iterator ends the work. What a sample does is in its verdict; an
        exception is a failure of ours, of the data, or of the machine.
        """
        ...


class LocalPool:
    """Grades on this machine, one worker a core.

    Workers are threads: each waits most of the time for its own confined processes.

    Args:
        new_grader: Makes the grader of one worker.
        workers: How many work at once; by default one a core.
    """

    def __init__(
        self, new_grader: Callable[[], Grader], workers: int | None = None
    ) -> None:
        self._new_grader = new_grader
        self._workers = workers or len(os.sched_getaffinity(0))

    def run(
        self, batches: Sequence[Batch], source_of: SourceOf
    ) -> Iterator[tuple[Sample, Verdict]]:
        """Yield the verdict on each sample; see `Executor.run`."""
        waiting: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        for batch in batches:
            waiting.put(batch)
        # Bounded, so that workers wait for whoever writes the verdicts down.
        done: queue.Queue[tuple[Sample, Verdict] | BaseException | None]
        done = queue.Queue(maxsize=1024)
        stop = threading.Event()
        count = min(self._workers, max(1, len(batches)))
        threads = [
            threading.Thread(
                target=self._work, args=(waiting, done, stop, source_of), daemon=True
            )
            for _ in range(count)
        ]
        for thread in threads:
            thread.start()
        try:
            while count:
                found = done.get()
                if found is None:
                    count -= 1
                elif isinstance(found, BaseException):
                    raise found
                else:
                    yield found
        finally:
            stop.set()
            _drain(done, threads)

    def _work(
        self,
        waiting: "queue.SimpleQueue[Batch]",
        done: "queue.Queue[tuple[Sample, Verdict] | BaseException | None]",
        stop: threading.Event,
        source_of: SourceOf,
    ) -> None:
        try:
            with self._new_grader() as grader:
                while not stop.is_set():
                    batch = waiting.get_nowait()
                    for sample in batch.samples:
                        if stop.is_set():
                            break
                        verdict = grader.grade(batch.problem, source_of(sample))
                        done.put((sample, verdict))
        except queue.Empty:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            done.put(error)
        done.put(None)


def _drain(
    done: "queue.Queue[tuple[Sample, Verdict] | BaseException | None]",
    threads: Sequence[threading.Thread],
) -> None:
    """Let workers that wait to hand something over come to their end."""
    while any(thread.is_alive() for thread in threads):
        try:
            done.get(timeout=0.05)
        except queue.Empty:
            continue
