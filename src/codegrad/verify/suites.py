"""Checks that are the project's own pytest tests."""

from collections.abc import Sequence

from codegrad.task import Constraint, Sources, Task
from codegrad.verdict import Verdict
from codegrad.verify.stage import Workbench


def run_pytest(
    sources: Sources, task: Task, constraints: Sequence[Constraint], bench: Workbench
) -> list[Verdict]:
    """Return one verdict for each `PytestCheck`, in order."""
    raise NotImplementedError
