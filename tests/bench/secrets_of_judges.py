"""A benchmark with marks in what is visible and what is hidden, and an engine that
looks for them wherever it can."""

import gc
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from codegrad.bench.solve import Answer, Job
from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.engine import Answer as Reply
from codegrad.engines.engine import Direction, Progress, Proposal, silent
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.store.task_json import task_from_json
from codegrad.task import Task

HIDDEN = "HIDDEN"
VISIBLE = "VISIBLE"


def mark(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(8)}"


def marked_rows(count: int = 2) -> list[dict[str, Any]]:
    """Return HumanEval+ records: shout a text."""
    return [
        {
            "task_id": f"Marked/{number}",
            "prompt": (
                f"def shout{number}(text):\n"
                f'    """Return the text in capitals ({mark(VISIBLE)}).\n\n'
                f"    >>> shout{number}('ab')\n    'AB'\n"
                f"    >>> shout{number}('Ab c')\n    'AB C'\n"
                '    """\n'
            ),
            "entry_point": f"shout{number}",
            "canonical_solution": f"    return text.upper()  # {mark(HIDDEN)}\n",
            "base_input": [[mark(HIDDEN)]],
            "plus_input": [[""], [mark(HIDDEN) * 3]],
            "atol": 0,
            "contract": f"assert {mark(HIDDEN)!r}",
            "test": f"def check(candidate): assert {mark(HIDDEN)!r}",
        }
        for number in range(count)
    ]


def write_marked(path: Path, count: int = 2) -> Path:
    lines = [json.dumps(row) + "\n" for row in marked_rows(count)]
    path.write_text("".join(lines))
    return path


class Thief:
    """Proposes what makes the visible tests pass, and looks around first."""

    name = "thief"

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {HIDDEN: [], VISIBLE: []}

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Reply:
        del direction, budget, progress
        for text in (*_objects(), *_memory()):
            for kind, marks in self.found.items():
                # The pattern is built here, so that it does not find itself.
                marks.extend(re.findall(kind + "-[0-9a-f]{16}", text))
        source = program.sources[task.main].replace("pass", "return text.upper()")
        return Reply([Proposal({task.main: source}, "stolen")], Spent(candidates=1))

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        del state

    def close(self) -> None:
        pass


def _objects() -> Iterator[str]:
    """Yield every text that any tracked object refers to."""
    for found in gc.get_objects():
        for part in gc.get_referents(found):
            if isinstance(part, str):
                yield part


def _memory() -> Iterator[str]:
    """Yield the memory of this process, as far as it can be read."""
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:  # noqa: PTH123 - files of the kernel
        for line in maps:
            place, rights = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if "rw" in rights and end - start < 1 << 28:
                try:
                    memory.seek(start)
                    yield memory.read(end - start).decode("latin-1")
                except OSError:
                    continue


def steal(job: Job) -> Answer:
    """Solve a job with the thief; the answer's reason says what it found."""
    thief = Thief()
    result = refine(
        task_from_json(job.task), engines=[thief], strategy=strategy_of("best-of-n")
    )
    found = {kind: len(set(marks)) for kind, marks in thief.found.items()}
    return Answer(
        job.key.hex(),
        job.task_id,
        job.strategy,
        job.seed,
        job.sample,
        result.code,
        result.verified,
        str(result.outcome),
        json.dumps(found),
        "",
        result.steps,
        result.spent.to_dict(),
        0.0,
    )


def write_down(job: Job) -> Answer:
    """Answer at once, right or wrong by the seed."""
    task = task_from_json(job.task)
    right = "return text.upper()" if job.seed == 0 else "return text.title()"
    return Answer(
        job.key.hex(),
        job.task_id,
        job.strategy,
        job.seed,
        job.sample,
        task.source.replace("pass", right),
        job.seed == 0,
        "verified",
        "",
        "",
        1,
        {"candidates": 1},
        0.5,
    )
