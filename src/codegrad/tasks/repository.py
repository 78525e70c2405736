"""A function of a real repository with its own pytest tests -> task."""

from collections.abc import Sequence
from pathlib import Path

from codegrad.errors import TestsError
from codegrad.task import Task


def read_repository_task(
    path: Path, name: str | None, tests: Sequence[str], python: Path | None
) -> Task:
    raise TestsError("not there yet")
