"""What is known of a task whatever the candidate: its inputs, and what they lead to.

In: a task. Out: `Remembered`, worked out once. Invariant: nothing in it depends on a
candidate, so that every candidate meets the same inputs.
"""

from dataclasses import dataclass, field

from codegrad.sandbox import CallOutcome
from codegrad.task import Task
from codegrad.verify.generation import DEFAULT_INPUTS, Inputs, inputs_of
from codegrad.verify.growth import Growth
from codegrad.verify.inputs import Args


@dataclass(slots=True)
class Remembered:
    """What is known of a task whatever the candidate."""

    task: Task
    inputs: Inputs
    domain: dict[str, bool] = field(default_factory=dict)
    """Whether an input meets the preconditions, by its text."""

    domain_trouble: str = ""
    """What a precondition raised, if one did."""

    reference: dict[str, CallOutcome] = field(default_factory=dict)
    """What the reference does with an input, by its text."""

    explored: dict[int, list[Args]] = field(default_factory=dict)
    """What Hypothesis drew, by how much it was asked for."""

    peers: dict[str, dict[str, CallOutcome]] = field(default_factory=dict)
    """What another candidate does with an input, by the texts of both."""

    reference_growth: dict[str, Growth | None] = field(default_factory=dict)
    """How the cost of the reference grows, by its text; empty until measured."""


class Memory:
    """Remembers the task that was asked for last; a run has many candidates for one.

    Args:
        count: How many inputs are generated.
        seed: What they are drawn with.
    """

    def __init__(self, count: int = DEFAULT_INPUTS, *, seed: int = 0) -> None:
        self.count = count
        self.seed = seed
        self._last: Remembered | None = None

    def of(self, task: Task) -> Remembered:
        """Return what is known of `task`."""
        if self._last is None or self._last.task is not task:
            inputs = inputs_of(task, self.count, seed=self.seed)
            self._last = Remembered(task, inputs)
        return self._last
