"""Where batches of samples are graded: on the cores of this machine, or by a crew.

An executor takes batches and gives verdicts in any order. The same batches give the
same verdicts on each.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

from codegrad.bench.crew import Crew, cores, in_threads
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.problems import Problem
from codegrad.bench.samples import Sample
from codegrad.bench.verdicts import Verdict

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
        self._workers = workers or cores()

    def run(
        self, batches: Sequence[Batch], source_of: SourceOf
    ) -> Iterator[tuple[Sample, Verdict]]:
        """Yield the verdict on each sample; see `Executor.run`."""

        @contextmanager
        def worker(
            stop: threading.Event,
        ) -> Iterator[Callable[[Batch], Iterator[tuple[Sample, Verdict]]]]:
            with self._new_grader() as grader:

                def graded(batch: Batch) -> Iterator[tuple[Sample, Verdict]]:
                    for sample in batch.samples:
                        if stop.is_set():
                            break
                        yield sample, grader.grade(batch.problem, source_of(sample))

                yield graded

        return in_threads(worker, batches, min(self._workers, max(1, len(batches))))


@dataclass(frozen=True, slots=True)
class GraderSpec:
    """What a grader in another process is made of."""

    checksum: str
    """The SHA-256 of the dataset's file."""

    answers: Path | None = None
    """Where the answers of references are kept on that machine."""

    python: Path | None = None
    """The interpreter of the samples."""

    allow_unsafe: bool = False
    """Go on where samples cannot be isolated."""


@dataclass(frozen=True, slots=True)
class _Lot:
    spec: GraderSpec
    problem: Problem
    samples: tuple[Sample, ...]
    sources: tuple[str, ...]


class CrewGrading:
    """Grades in other processes, on this machine or on others.

    Args:
        crew: Who does it.
        spec: What its graders are made of.
    """

    def __init__(self, crew: Crew, spec: GraderSpec) -> None:
        self._crew = crew
        self._spec = spec

    def run(
        self, batches: Sequence[Batch], source_of: SourceOf
    ) -> Iterator[tuple[Sample, Verdict]]:
        """Yield the verdict on each sample; see `Executor.run`."""
        lots = (
            _Lot(
                self._spec,
                batch.problem,
                batch.samples,
                tuple(map(source_of, batch.samples)),
            )
            for batch in batches
        )
        for verdicts in self._crew.results(_graded, lots):
            yield from verdicts


def _graded(lot: _Lot) -> list[tuple[Sample, Verdict]]:
    grader = _grader(lot.spec)
    return [
        (sample, grader.grade(lot.problem, source))
        for sample, source in zip(lot.samples, lot.sources, strict=True)
    ]


@cache
def _grader(spec: GraderSpec) -> Grader:
    """Return the grader of a worker process, which lives as long as the process."""
    return Grader(
        References(spec.checksum, spec.answers),
        python=spec.python,
        allow_unsafe=spec.allow_unsafe,
    )
