"""An engine that answers with recorded completions: experiments without a key.

In: a file of JSON lines (`task_id`, `code`), plain or gzipped. Out: each completion
once, as a candidate. Invariant: the order is the file's, or a function of the seed.
"""

import gzip
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.engine import Answer, Direction, Progress, Proposal, silent
from codegrad.engines.extraction import extract
from codegrad.errors import UsageError
from codegrad.task import Task


def read_pool(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a pool by task, in the order of the file.

    Raises:
        UsageError: If the file cannot be read or a row has no `task_id` or `code`.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        for number, line in enumerate(_lines(path), 1):
            row = json.loads(line)
            if not isinstance(row, dict) or not {"task_id", "code"} <= row.keys():
                raise UsageError(
                    f"{path}, line {number} is no completion: it needs task_id and code"
                )
            found.setdefault(str(row["task_id"]), []).append(row)
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"the pool {path} cannot be read: {error}") from error
    return found


class RecordedEngine:
    """Proposes texts that were recorded for one task, `width` of them at a time.

    All of them at once without `width`: what is recorded is paid. Their order is the
    given one, or a function of the seed.
    """

    name = "pool"

    def __init__(
        self, codes: Sequence[str], *, seed: int | None = None, width: int | None = None
    ) -> None:
        self._codes = list(codes)
        if seed is not None:
            random.Random(seed).shuffle(self._codes)  # noqa: S311 - an order
        self._width = width or len(self._codes)
        self._next = 0

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,  # noqa: ARG002 - what was recorded is paid
        progress: Progress = silent,
    ) -> Answer:
        """Return the next completions; those without usable code are left out."""
        start = self._next
        wanted = direction.guidance.proposals or self._width
        chosen = self._codes[start : start + wanted]
        self._next += len(chosen)
        progress(len(chosen), "reading the pool")
        proposals: list[Proposal] = []
        unusable = 0
        for number, code in enumerate(chosen, start + 1):
            source = as_module(code, task)
            if source is None:
                unusable += 1
                continue
            sources = {**program.sources, task.main: source}
            proposals.append(Proposal(sources, f"completion {number}"))
        return Answer(
            proposals,
            Spent(candidates=len(chosen)),
            exhausted=self._next >= len(self._codes),
            note=f"{unusable} completions without usable code" if unusable else "",
        )

    def state(self) -> dict[str, Any]:
        """Return how many completions were given."""
        return {"next": self._next}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Skip the completions that were given before."""
        self._next = int(state["next"])

    def close(self) -> None:
        """Hold nothing."""


class PoolEngine(RecordedEngine):
    """Proposes the completions that a file records for one task.

    Raises:
        UsageError: If the pool cannot be read or holds nothing for the task.
    """

    def __init__(
        self,
        path: Path | str,
        task_id: str,
        *,
        seed: int | None = None,
        width: int | None = None,
    ) -> None:
        pool = read_pool(Path(path))
        if task_id not in pool:
            known = ", ".join(list(pool)[:5])
            raise UsageError(
                f"{path} has no completion of {task_id!r}; it has: {known}, ..."
            )
        codes = [str(row["code"]) for row in pool[task_id]]
        super().__init__(codes, seed=seed, width=width)


def as_module(code: str, task: Task) -> str | None:
    """Return the module that a completion makes of the task's text, if it does."""
    found = extract(
        f"```python\n{code}\n```" if "```" not in code else code,
        current=task.source,
        entry_point=task.entry_point,
    )
    return found.source


def _lines(path: Path) -> Iterator[str]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from filter(str.strip, lines)
    else:
        with path.open(encoding="utf-8") as lines:
            yield from filter(str.strip, lines)
