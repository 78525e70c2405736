"""A workbench that runs every job once: experiments repeat the same jobs many times.

In: jobs for the sandbox. Out: what they gave, run or remembered. Invariant: what is
remembered is what the same job gave before in this process; nothing is stored.
"""

import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from codegrad.sandbox import CallRun, CheckRun, ProgramOutcome, Sandbox
from codegrad.search.frontier import JobRun
from codegrad.task import Sources, Task
from codegrad.verify.stage import SEARCH_KERNEL, Workbench

_T = TypeVar("_T")


class Jobs:
    """What jobs gave, by everything they depend on."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def once(self, key: Hashable, run: Callable[[], _T]) -> _T:
        """Return what `run` gives, or gave when it was asked for before."""
        if key not in self._known:
            self._known[key] = run()
        found: _T = self._known[key]
        return found

    def forget(self) -> None:
        """Drop everything."""
        self._known.clear()


class RememberingSandbox(Sandbox):
    """Runs each job once."""

    def __init__(self, jobs: Jobs, **options: Any) -> None:  # noqa: ANN401 - the sandbox's own
        super().__init__(**options)
        self._jobs = jobs

    def call(self, *args: Any, **options: Any) -> CallRun:  # noqa: ANN401 - as `Sandbox.call`
        """Call a function, or return what the same calls gave."""
        key = "call", repr(args), repr(options)
        return self._jobs.once(
            key, lambda: super(RememberingSandbox, self).call(*args, **options)
        )

    def check(self, *args: Any, **options: Any) -> CheckRun:  # noqa: ANN401 - as `Sandbox.check`
        """Run tests, or return what the same tests gave."""
        key = "check", repr(args), repr(options)
        return self._jobs.once(
            key, lambda: super(RememberingSandbox, self).check(*args, **options)
        )

    def program(self, *args: Any, **options: Any) -> tuple[ProgramOutcome, ...]:  # noqa: ANN401 - as `Sandbox.program`
        """Run a program, or return what it gave for the same inputs."""
        key = "program", repr(args), repr(options)
        return self._jobs.once(
            key, lambda: super(RememberingSandbox, self).program(*args, **options)
        )


class RememberedJob:
    """The frames of a search job that has ended."""

    def __init__(self, run: JobRun) -> None:
        self._frames: Sequence[Any] = tuple(run)
        self.ended = run.ended
        self.mark = run.mark

    def __iter__(self) -> Iterator[Any]:
        yield from self._frames


class RememberingBench(Workbench):
    """A workbench for many runs over the same programs; `end` stops its worker."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as `Workbench`
        super().__init__(**options)
        self._jobs = Jobs()

    @cached_property
    def sandbox(self) -> Sandbox:
        """The isolated worker; it runs each job once."""
        return RememberingSandbox(
            self._jobs,
            python=self.python,
            allow_unsafe=self.allow_unsafe,
            preload=(SEARCH_KERNEL,),
        )

    def search(
        self, task: Task, sources: Sources, path: str, job: Mapping[str, Any]
    ) -> JobRun:
        """Run a job of the search kernel to its end, or return what it gave."""
        key = "search", task.name, path, json.dumps(job, sort_keys=True, default=repr)
        run = super().search
        return self._jobs.once(
            key, lambda: RememberedJob(run(task, sources, path, job))
        )

    def forget(self) -> None:
        """Drop what is remembered: the next task has other programs."""
        self._jobs.forget()

    def close(self) -> None:
        """Keep the worker: the next run of the experiment needs it."""

    def end(self) -> None:
        """Stop the worker."""
        super().close()
