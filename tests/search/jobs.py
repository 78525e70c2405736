"""Jobs for the kernel and ways to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from codegrad.sandbox import Limits, Sandbox, encode
from codegrad.search import kernel

KERNEL = "codegrad.search.kernel"
Json = dict[str, Any]


class Frames:
    """Keeps what the kernel reports; stands in for the child's end of the channel."""

    def __init__(self) -> None:
        self.sent: list[Json] = []
        self.marks: list[int] = []

    def __call__(self, frame: Json, /) -> None:
        self.sent.append(frame)

    def mark(self, index: int, /) -> None:
        self.marks.append(index)

    @property
    def analysis(self) -> Json:
        found: Json = self.sent[0]["analysis"]
        return found

    @property
    def end(self) -> Json:
        found: Json = self.sent[-1]["end"]
        return found

    def hits(self, status: str) -> list[Json]:
        hits = [frame["hit"] for frame in self.sent if "hit" in frame]
        return [hit for hit in hits if hit["status"] == status]


def call(args: Iterable[object], expected: object, **more: object) -> Json:
    """Return a call record."""
    record = {"kind": "call", "args": encode(tuple(args)), "expected": encode(expected)}
    return {**record, "kwargs": encode({}), "tolerance": None, **more}


def code(source: str) -> Json:
    """Return a record of statements."""
    return {"kind": "code", "source": source}


def job(source: str, tests: list[Json], **more: Any) -> Json:
    """Return a complete job; the entry is `f` unless given."""
    fields = {
        "source": source,
        "context": "",
        "entry": "f",
        "functions": None,
        "tests": tests,
        "suspicion": None,
        "phase": "edits",
        "start": 0,
        "count": 3000,
        "indices": None,
        "tick_limit": None,
        "extra": 3000,
        "prompt": "",
        "seed": 0,
    }
    return {**fields, **more}


def run_here(wanted: Json) -> Frames:
    """Run a job in this process: for programs that are known to be harmless."""
    frames = Frames()
    kernel.run(wanted, frames)
    return frames


def runner(sandbox: Sandbox, wall_s: float = 10.0) -> Callable[[Json], Any]:
    """Return a `run_job` that runs each job confined."""
    limits = Limits(wall_s=wall_s, cpu_s=300.0)

    def run_job(wanted: Json) -> Any:
        return sandbox.kernel(KERNEL, wanted, limits=limits)

    return run_job
