"""What a stage is, and the workbench it runs on.

A stage takes module texts and a task and returns verdicts. It never raises for what a
candidate does; where it cannot conclude it returns `UNKNOWN` with the reason.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from codegrad.blame.observation import Observer
from codegrad.sandbox import Limits, Sandbox
from codegrad.task import Constraint, Sources, Task
from codegrad.verdict import Verdict

SEARCH_KERNEL = "codegrad.search.kernel"


class Workbench:
    """The tools that stages share: one isolated worker and its limits.

    The worker is started when it is first used and stopped by `close`; use it as a
    context manager. One thread at a time.
    """

    def __init__(
        self,
        *,
        python: Path | None = None,
        limits: Limits | None = None,
        allow_unsafe: bool = False,
    ) -> None:
        self.python = python
        self.limits = limits or Limits(wall_s=3.0, cpu_s=3.0)
        self.allow_unsafe = allow_unsafe

    @cached_property
    def sandbox(self) -> Sandbox:
        """The isolated worker.

        Raises:
            UnsafeSandboxError: If the machine cannot isolate and that is not allowed.
        """
        return Sandbox(
            self.python, allow_unsafe=self.allow_unsafe, preload=(SEARCH_KERNEL,)
        )

    def observer(self) -> Observer:
        """Return what runs checks again under observation."""
        return Observer(lambda: self.sandbox, self.limits)

    def close(self) -> None:
        """Stop the worker, if it was started."""
        if "sandbox" in self.__dict__:
            self.sandbox.close()
            del self.__dict__["sandbox"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Stage(Protocol):
    """One verification technique.

    `run` is given the constraints of its own stage and returns at most one verdict
    for each, in their order; a constraint without a verdict was not run. It must not
    change its arguments, and must be deterministic up to time limits.
    """

    @property
    def name(self) -> str:
        """The name used in constraints, reports and `--stages`."""
        ...

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return what is established about `constraints` for `sources`."""
        ...
