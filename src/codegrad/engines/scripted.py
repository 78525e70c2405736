"""An engine that answers from a list: for tests, docs and demonstrations."""

from collections.abc import Mapping, Sequence
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.engine import (
    Answer,
    Direction,
    Progress,
    Proposal,
    ProposedInputs,
    silent,
)
from codegrad.task import Task


class ScriptedEngine:
    r"""Proposes the given texts of the main module, `width` of them at a time.

    Asked for inputs that tell programs apart, it names `inputs`.

    Example:
        >>> engine = ScriptedEngine(["def f(): return 1\n", "def f(): return 2\n"])
        >>> engine.state()
        {'next': 0}
    """

    name = "scripted"

    def __init__(
        self, replies: Sequence[str], *, width: int = 1, inputs: Sequence[str] = ()
    ) -> None:
        self._replies = tuple(replies)
        self._inputs = tuple(inputs)
        self._width = width
        self._next = 0
        self.directions: list[Direction] = []
        """Every direction that was received, in order."""

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,  # noqa: ARG002 - a list costs nothing
        progress: Progress = silent,
    ) -> Answer:
        """Return the next replies as candidates."""
        self.directions.append(direction)
        chosen = self._replies[self._next : self._next + self._width]
        start = self._next
        self._next += len(chosen)
        progress(len(chosen), "reading the script")
        return Answer(
            [
                Proposal({**program.sources, task.main: text}, f"reply {start + n}")
                for n, text in enumerate(chosen, 1)
            ],
            Spent(candidates=len(chosen)),
            exhausted=self._next >= len(self._replies),
        )

    def distinguish(
        self,
        task: Task,  # noqa: ARG002 - a list knows no task
        first: str,  # noqa: ARG002
        second: str,  # noqa: ARG002
        *,
        budget: Budget,  # noqa: ARG002 - a list costs nothing
    ) -> ProposedInputs:
        """Return the inputs."""
        return ProposedInputs(self._inputs)

    def state(self) -> dict[str, Any]:
        """Return how many replies were given."""
        return {"next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Skip the replies that were given before."""
        self._next = int(state["next"])

    def close(self) -> None:
        """Hold nothing."""
