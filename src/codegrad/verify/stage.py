"""What a stage is, and the workbench it runs on.

A stage takes module texts and a task and returns verdicts. It never raises for what a
candidate does; where it cannot conclude it returns `UNKNOWN` with the reason.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from codegrad.blame.observation import Observation, Observer
from codegrad.blame.repository import observe_suite
from codegrad.sandbox import Limits, Sandbox
from codegrad.sandbox.repository import SUITE_LIMITS, run_suite, search_job
from codegrad.search.frontier import JobRun
from codegrad.task import Constraint, PytestCheck, Sources, Task
from codegrad.verdict import Verdict
from codegrad.verify.generation import DEFAULT_INPUTS
from codegrad.verify.memory import Memory

SEARCH_KERNEL = "codegrad.search.kernel"
KERNEL_LIMITS = Limits(wall_s=30.0, cpu_s=600.0)
"""A batch child runs thousands of candidates; standing still is what ends it."""


class Workbench:
    """The tools that stages share: one isolated worker and its limits.

    The worker is started when it is first used and stopped by `close`; use it as a
    context manager. One thread at a time.
    """

    def __init__(  # noqa: PLR0913 - one value for each tool
        self,
        *,
        python: Path | None = None,
        limits: Limits | None = None,
        suite_limits: Limits = SUITE_LIMITS,
        allow_unsafe: bool = False,
        seed: int = 0,
        inputs: int = DEFAULT_INPUTS,
    ) -> None:
        self.python = python
        self.limits = limits or Limits(wall_s=3.0, cpu_s=3.0)
        self.suite_limits = suite_limits
        self.allow_unsafe = allow_unsafe
        self.memory = Memory(inputs, seed=seed)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The isolated worker.

        Raises:
            UnsafeSandboxError: If the machine cannot isolate and that is not allowed.
        """
        return Sandbox(
            self.python, allow_unsafe=self.allow_unsafe, preload=(SEARCH_KERNEL,)
        )

    def observe(
        self, sources: Sources, task: Task, constraints: Sequence[Constraint]
    ) -> list[Observation]:
        """Run checks again under observation and return where they went."""
        if task.repository is None:
            observer = Observer(lambda: self.sandbox, self.limits)
            return observer.observe(sources, task, constraints)
        run = run_suite(
            task.repository,
            sources,
            select=[
                c.check.node for c in constraints if isinstance(c.check, PytestCheck)
            ],
            trace=True,
            limits=self.suite_limits,
            allow_unsafe=self.allow_unsafe,
        )
        return [found for found in observe_suite(run) if found.path in sources]

    def search(
        self, task: Task, sources: Sources, path: str, job: Mapping[str, Any]
    ) -> JobRun:
        """Start a job of the search kernel on the module at `path`."""
        if task.repository is None:
            return self.sandbox.kernel(SEARCH_KERNEL, job, limits=KERNEL_LIMITS)
        return search_job(
            task.repository, sources, path, job, allow_unsafe=self.allow_unsafe
        )

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
