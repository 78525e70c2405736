"""How long grading takes on a machine that is not there: queues, not wishes.

In: what a sample costs the process that grades, and the processes that it starts. Out:
seconds, and what was busy. The grading process can use one core at a time (its threads
share an interpreter), the samples' processes all of them; each worker waits for its own
sample. Nothing is preempted, and waiting is in order.
"""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What one sample costs, in processor seconds."""

    inside_s: float
    """In the process that grades: reading, comparing, writing the result."""

    outside_s: float
    """In the sample's own processes."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it."""

    seconds: float
    samples: int
    interpreter_share: float
    """The share of the time in which the grading process was at work."""

    core_share: float
    """The share of all cores' time that was used."""

    @property
    def per_second(self) -> float:
        """Samples graded in a second."""
        return self.samples / self.seconds if self.seconds else 0.0


def simulate(
    loads: Iterable[Load], *, workers: int, cores: int, processes: int = 1
) -> Simulated:
    """Return how long `workers` on `cores` take for the samples.

    The workers are shared out over `processes` that grade, which is what shards and
    clusters do.

    Example:
        >>> found = simulate([Load(0.0, 1.0)] * 4, workers=2, cores=2)
        >>> found.seconds, found.core_share
        (2.0, 1.0)
        >>> simulate([Load(1.0, 0.0)] * 4, workers=4, cores=4).seconds
        4.0
    """
    ready = [(0.0, worker) for worker in range(workers)]
    free = [0.0] * cores
    interpreters = [0.0] * processes
    busy_inside = busy = end = 0.0
    count = 0
    for load in loads:
        count += 1
        now, worker = heapq.heappop(ready)
        process = worker % processes
        core = heapq.heappop(free)
        start = max(now, core, interpreters[process])
        inside = start + load.inside_s
        interpreters[process] = inside
        heapq.heappush(free, inside)
        core = heapq.heappop(free)
        outside = max(inside, core) + load.outside_s
        heapq.heappush(free, outside)
        heapq.heappush(ready, (outside, worker))
        busy_inside += load.inside_s
        busy += load.inside_s + load.outside_s
        end = max(end, outside)
    if not end:
        return Simulated(0.0, count, 0.0, 0.0)
    return Simulated(end, count, busy_inside / (end * processes), busy / (end * cores))
