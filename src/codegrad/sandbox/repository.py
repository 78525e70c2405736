"""Run a project's own pytest suite on a scratch copy, isolated.

In: a `Repository`, module texts to put over the copy. Out: one `NodeOutcome` a test
(`run_suite`), or the frames of the search kernel (`search_job`). Invariant: the
user's folder is never written, and what the project's code does is an outcome; only
tests that cannot be used at all are an exception.

pytest shares a process with the code under test, so these results are isolated but
not forge-proof; `SuiteRun.forge_proof` says so.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from codegrad.errors import SandboxError, TestsError
from codegrad.sandbox import pytest_driver
from codegrad.sandbox.confined import run_confined
from codegrad.sandbox.driver_process import (
    ChannelClosedError,
    DriverProcess,
    LayerFailedError,
    Setting,
)
from codegrad.sandbox.layers import LayerReport
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.scratch_copy import ScratchCopy
from codegrad.task import Repository, Sources

SUITE_LIMITS = Limits(
    wall_s=30.0,
    cpu_s=900.0,
    memory_mb=8192,
    output_bytes=1 << 16,
    result_bytes=256 << 20,
    file_bytes=1 << 30,
)
"""The default: `wall_s` is for one test, `cpu_s` for each process as a whole."""

START_S = 60.0
"""Seconds that importing and collecting may take, at least."""

MAX_RESTARTS = 3
"""Fresh processes after a test that hangs or ends its process."""

MIN_PYTHON = (3, 9)
MIN_PYTEST = 7
_MOST_LINKS = 20

_ROOT_MARKS = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "pytest.ini",
    "tox.ini",
    ".git",
)

NodeKind = Literal[
    "passed", "failed", "raised", "timeout", "died", "skipped", "not_run"
]


# ------------------------------------------------------------------ what comes out


@dataclass(frozen=True, slots=True)
class LineState:
    """What the variables held when a line of the project was reached."""

    path: str
    line: int
    values: tuple[tuple[str, str], ...]
    """Name and shortened text, in name order."""


@dataclass(frozen=True, slots=True)
class NodeTrace:
    """What one test reached in the project's files, test code aside."""

    lines: Mapping[str, tuple[int, ...]]
    """Lines that ran, by path."""

    calls: tuple[tuple[str, str], ...] = ()
    """Caller and callee, each as `path::function`, in order of first call."""

    exception_lines: tuple[tuple[str, int], ...] = ()
    """Path and line of each place that an exception went through."""

    states: tuple[LineState, ...] = ()
    """Values at lines, for failing tests: the first 200 and the last 100."""

    entries: tuple[str, ...] = ()
    """Calls that test code made into the project, for failing tests, last ones."""


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """What became of one test."""

    node: str
    """pytest's name for it."""

    kind: NodeKind
    """`failed`: an assertion of the test; `raised`: any other exception, also in
    set-up; `died`: the test ended its process; `not_run`: see `message`."""

    message: str = ""
    """The first line of the assertion or exception."""

    error: str = ""
    """Name of the exception's type."""

    observed: str = ""
    expected: str = ""
    """The two sides of the comparison that failed, as short text."""

    has_values: bool = False
    """Whether `observed` and `expected` are known."""

    statement: str = ""
    """The statement of the test that failed, on one line."""

    test_place: tuple[str, int] | None = None
    """Path and line of that statement."""

    place: tuple[str, int] | None = None
    """Path and line of the deepest frame in the project, test code aside."""

    stdout: str = ""
    """The end of what the test printed."""

    duration_s: float = 0.0
    trace: NodeTrace | None = None

    @property
    def holds(self) -> bool:
        """Whether the test passed."""
        return self.kind == "passed"


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """Why no test could run: the code under test cannot be imported."""

    error: str
    message: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """The outcome of one run of a project's tests."""

    outcomes: tuple[NodeOutcome, ...]
    """One a selected test, in the order in which they were collected."""

    layers: LayerReport
    load: LoadFailure | None = None
    """Set if the code under test cannot be imported; then every outcome is
    `not_run`, and without `select` there is none."""

    restarts: int = 0
    """Fresh processes that were needed."""

    left_out: tuple[str, ...] = ()
    """What was not copied and why, one sentence each."""

    test_files: tuple[str, ...] = ()
    """Project files that are test code, relative to the root."""

    wall_s: float = 0.0
    forge_proof: bool = False
    """Always false: pytest shares its process with the code under test."""

    @property
    def failing(self) -> tuple[NodeOutcome, ...]:
        """The tests that ran and did not pass."""
        quiet = {"passed", "skipped", "not_run"}
        return tuple(o for o in self.outcomes if o.kind not in quiet)


# ------------------------------------------------------------- root and interpreter


def find_root(path: Path) -> Path:
    """Return the project folder that `path` lies in.

    That is the nearest folder upwards with a project file or `.git`; if there is
    none, the folder of `path` itself.
    """
    start = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps `..`
    folder = start if start.is_dir() else start.parent
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in _ROOT_MARKS):
            return candidate
    return folder


def find_python(root: Path, asked: Path | None = None) -> Path:
    """Return the interpreter that has the project's dependencies, and pytest.

    In order: `asked`, the `.venv` or `venv` of `root`, the active environment, the
    interpreter that runs this.

    Raises:
        TestsError: If it cannot be run, is too old, or has no usable pytest.
    """
    python = asked or _default_python(root)
    _ask_interpreter(python, root)
    return Path(os.path.abspath(python))  # noqa: PTH100 - a venv's link must not be resolved


def _default_python(root: Path) -> Path:
    for name in (".venv", "venv"):
        python = root / name / "bin" / "python"
        if python.exists():
            return python
    active = os.environ.get("VIRTUAL_ENV")
    if active and (Path(active) / "bin" / "python").exists():
        return Path(active) / "bin" / "python"
    return Path(sys.executable)


_QUESTION = """\
import json, sys
try:
    import pytest
    version = pytest.__version__
except ImportError:
    version = ""
print(json.dumps([sys.version_info[:2], version, sys.path]))
"""


def _ask_directly(python: Path) -> str:
    """Ask the user's own interpreter, or a script in its place."""
    return subprocess.run(  # noqa: S603 - the interpreter that the user named
        [str(python), "-s", "-E", "-c", _QUESTION],
        cwd="/",
        capture_output=True,
        timeout=START_S,
        check=True,
        text=True,
    ).stdout


def _ask_confined(python: Path) -> str:
    """Ask an interpreter that came with the project: as little trusted as it is.

    Where nothing isolates it is asked all the same; the tests are refused later.
    """
    return run_confined(
        [str(python), "-s", "-E", "-c", _QUESTION],
        cwd=Path("/"),
        read_paths=_interpreter_paths(python),
        limits=Limits(wall_s=START_S, cpu_s=START_S),
        allow_unsafe=True,
    ).stdout


def _interpreter_paths(python: Path) -> list[Path]:
    """Return what an interpreter needs to read to start, and its supervisor."""
    hops = [python]
    while hops[-1].is_symlink() and len(hops) < _MOST_LINKS:
        hops.append(hops[-1].parent / hops[-1].readlink())
    found = [
        Path(sysconfig.get_path("stdlib")),
        *(program.parent.parent for program in (*hops, python.resolve())),
    ]
    return [path for path in found if path.exists() and path != Path("/")]


@lru_cache(maxsize=8)
def _ask_interpreter(python: Path, root: Path) -> tuple[str, ...]:
    """Return the import path of an interpreter that can run the tests."""
    ask = _ask_confined if python.is_relative_to(root.absolute()) else _ask_directly
    try:
        version, pytest_version, path = json.loads(ask(python).splitlines()[-1])
    except (
        OSError,
        ValueError,
        IndexError,
        TypeError,
        SandboxError,
        subprocess.SubprocessError,
    ) as error:
        raise TestsError(
            f"{python} is not a Python that runs ({error}); name another interpreter "
            "with --python"
        ) from None
    if tuple(version) < MIN_PYTHON:
        raise TestsError(
            f"{python} is Python {version[0]}.{version[1]}, and 3.9 is needed; name "
            "another interpreter with --python"
        )
    if not pytest_version:
        raise TestsError(
            f"pytest is not installed in {python}; install it there or name another "
            "interpreter with --python"
        )
    if int(pytest_version.partition(".")[0]) < MIN_PYTEST:
        raise TestsError(
            f"{python} has pytest {pytest_version}, and {MIN_PYTEST} is needed; "
            "upgrade it there or name another interpreter with --python"
        )
    return tuple(str(entry) for entry in path if entry)


# ------------------------------------------------------------------- the whole suite


def run_suite(  # noqa: PLR0913 - independent options, each with a default
    repository: Repository,
    sources: Sources,
    *,
    select: Sequence[str] | None = None,
    trace: bool = False,
    limits: Limits = SUITE_LIMITS,
    allow_unsafe: bool = False,
) -> SuiteRun:
    """Run the project's tests on a copy with `sources` written over it.

    A test that takes longer than `limits.wall_s`, or that ends its process, is
    reported, and the rest runs in a fresh process; after `MAX_RESTARTS` of those the
    rest is `not_run`. Outcomes come in the order of collection.

    Args:
        repository: Where the project is, what to run, and with which interpreter.
        sources: Texts by path relative to the root; they need not exist there yet.
        select: Names of the tests to run; None runs all. A name that is not
            collected is `not_run`.
        trace: Whether to record coverage, calls and, for failing tests, values.
        limits: `wall_s` is for one test; the rest for one process.
        allow_unsafe: Run even where files cannot be protected.

    Raises:
        TestsError: If there are no tests, a test file cannot be imported, or the
            original modules would be tested instead of the copy.
        SandboxError: If the process could not be started.
    """
    import_path = _ask_interpreter(repository.python, repository.root)
    with ScratchCopy(repository.root) as copy:
        copy.overlay(sources)
        files = tuple(dict.fromkeys((*repository.files, *sources)))
        project = replace(repository, files=files)
        setting = Setting(project, copy, limits, allow_unsafe, import_path)
        return _SuiteRunner(setting, select, trace=trace).run()


class _SuiteRunner:
    """Follows the processes of one run of a suite."""

    def __init__(
        self, setting: Setting, select: Sequence[str] | None, *, trace: bool
    ) -> None:
        self._setting = setting
        self._select = None if select is None else list(dict.fromkeys(select))
        self._trace = trace
        self._order: list[str] | None = None
        self._outcomes: dict[str, NodeOutcome] = {}
        self._current: str | None = None
        self._hanging: dict[str, Any] = {}
        self._load: LoadFailure | None = None
        self._test_files: tuple[str, ...] = ()
        self._restarts = 0

    def run(self) -> SuiteRun:
        started = time.monotonic()
        while not self._run_process() and self._load is None:
            if self._restarts >= MAX_RESTARTS or not self._missing():
                break
            self._restarts += 1
        why = "pytest stopped before it"
        if self._restarts >= MAX_RESTARTS:
            why = "too many tests before it ended or blocked their process"
        if self._load is not None:
            why = f"{self._load.path} cannot be imported: {self._load.message}"
        order = self._order or []
        selected = order if self._select is None else self._select
        for node in selected:
            message = why if node in order or self._load else "no test has this name"
            self._outcomes.setdefault(node, NodeOutcome(node, "not_run", message))
        ranks = {node: rank for rank, node in enumerate(order)}
        selected = sorted(selected, key=lambda node: ranks.get(node, len(ranks)))
        return SuiteRun(
            outcomes=tuple(self._outcomes[node] for node in selected),
            layers=self._setting.layers,
            load=self._load,
            restarts=self._restarts,
            left_out=tuple(self._setting.copy.left_out),
            test_files=self._test_files,
            wall_s=time.monotonic() - started,
        )

    def _missing(self) -> list[str]:
        return [node for node in self._order or () if node not in self._outcomes]

    def _run_process(self) -> bool:
        """Run what is missing in one process; return whether it came to its end."""
        select = self._select if self._order is None else self._missing()
        job = self._setting.job(
            select=select,
            trace=self._trace,
            deadline_s=self._setting.limits.wall_s,
        )
        try:
            return self._follow(job)
        except LayerFailedError as failed:
            self._setting.layers_off += (str(failed),)
            return self._follow(job)

    def _follow(self, job: Mapping[str, Any]) -> bool:
        process = DriverProcess(self._setting, job)
        self._current, self._hanging = None, {}
        wall_s = self._setting.limits.wall_s
        deadline = time.monotonic() + max(START_S, wall_s)
        ended = "died"
        try:
            while True:
                frame = process.frame(deadline)
                if "finish" in frame:
                    ended = "finished"
                    break
                self._take(frame)
                if "start" in frame or "again" in frame:
                    deadline = time.monotonic() + wall_s
                elif "hanging" not in frame:
                    deadline = time.monotonic() + max(START_S, wall_s)
        except TimeoutError:
            ended = "timeout"
        except ChannelClosedError:
            pass
        finally:
            process.close()
        if ended == "finished":
            self._finish(frame, process)
            return True
        self._break_off(ended, process)
        return False

    def _take(self, frame: dict[str, Any]) -> None:
        if "collected" in frame and self._order is None:
            self._order = list(dict.fromkeys(frame["collected"]))
            self._test_files = tuple(frame["tests"])
        elif "start" in frame:
            self._current = frame["start"]
        elif "end" in frame:
            outcome = _outcome(frame["end"])
            self._outcomes[outcome.node] = outcome
            self._current = None
        elif "hanging" in frame:
            self._hanging = frame["hanging"]
        elif "values" in frame:
            self._add_values(frame["values"])

    def _add_values(self, values: dict[str, Any]) -> None:
        outcome = self._outcomes.get(values["node"])
        if outcome is not None and outcome.trace is not None:
            trace = replace(
                outcome.trace,
                states=_states(values["states"]),
                entries=tuple(values["entries"]),
            )
            self._outcomes[outcome.node] = replace(outcome, trace=trace)

    def _break_off(self, ended: str, process: DriverProcess) -> None:
        """Give the test that was running its outcome."""
        wall_s = self._setting.limits.wall_s
        if self._order is None:
            late = f"importing and collecting took more than {max(START_S, wall_s):g} s"
            words = late if ended == "timeout" else process.last_words()
            self._set_load("TimeoutError" if ended == "timeout" else "", words, None)
            return
        if self._current is None:
            # Between tests, or while values were recorded: the outcomes stand.
            return
        place = self._hanging.get("place")
        trace = self._hanging.get("trace")
        late = f"no result after {wall_s:g} s"
        self._outcomes[self._current] = NodeOutcome(
            node=self._current,
            kind="timeout" if ended == "timeout" else "died",
            message=late if ended == "timeout" else _death(process.status),
            place=(place[0], place[1]) if place else None,
            duration_s=wall_s if ended == "timeout" else 0.0,
            trace=_node_trace(trace) if trace else None,
        )

    def _finish(self, frame: dict[str, Any], process: DriverProcess) -> None:
        self._check_modules(frame["modules"])
        for broken in frame["broken"]:
            self._judge_broken(broken)
        if self._load is None and not self._order and not self._select:
            tests = ", ".join(self._setting.repository.tests)
            if self._order is None:
                raise TestsError(f"pytest could not start: {process.last_words()}")
            raise TestsError(
                f"pytest found no tests in {tests}; name files or folders with tests "
                "with --tests"
            )

    def _judge_broken(self, broken: dict[str, Any]) -> None:
        """Tell code that cannot be imported from tests that cannot.

        Tests with names did collect once, so then it is the code in any case.
        """
        place, module = broken.get("place"), broken.get("module")
        hint = ""
        if broken["error"] == "ModuleNotFoundError":
            python = self._setting.repository.python
            hint = f"; install it for {python} or name another one with --python"
        message = f"{broken['message']}{hint}"
        if module or self._select is not None or (place and not broken["is_test"]):
            if self._load is None:
                own = place if place and module in {None, place[0]} else None
                where = own or ((module, 1) if module else None)
                self._set_load(broken["error"], message, where)
            return
        where = f"{place[0]}:{place[1]}" if place else broken["node"]
        error = "" if broken["error"] in _SELF_EVIDENT else broken["error"]
        said = ": ".join(filter(None, (where, error, message)))
        raise TestsError(f"the tests do not collect: {said}")

    def _set_load(self, error: str, message: str, place: Sequence[Any] | None) -> None:
        files = self._setting.repository.files
        path, line = place or (files[0] if files else "the project", 1)
        self._load = LoadFailure(error, message, str(path), int(line))

    def _check_modules(self, modules: Mapping[str, str]) -> None:
        for path, file in modules.items():
            # The driver's paths are absolute outside the copy only.
            if Path(file).is_absolute():
                raise TestsError(
                    f"the tests import {path} from {file}, not from the project that "
                    f"was named: remove that installation from "
                    f"{self._setting.repository.python}, or install the project there "
                    "with `pip install --editable`"
                )


def _death(status: int | None) -> str:
    if status is None:
        return "the test ended its process"
    if status > _SIGNALLED:
        with suppress(ValueError):
            name = signal.Signals(status - _SIGNALLED).name
            return f"the process of the test was ended by {name}"
    return f"the test ended its process with exit status {status}"


_SIGNALLED = 128

_SELF_EVIDENT = frozenset({"", "UsageError"})
"""Errors of which the message says all."""


def _outcome(data: Mapping[str, Any]) -> NodeOutcome:
    place, test_place = data.get("place"), data.get("test_place")
    return NodeOutcome(
        node=data["node"],
        kind=data["kind"],
        message=data.get("message", ""),
        error=data.get("error", ""),
        observed=data.get("observed", ""),
        expected=data.get("expected", ""),
        has_values=data.get("has_values", False),
        statement=data.get("statement", ""),
        test_place=(test_place[0], test_place[1]) if test_place else None,
        place=(place[0], place[1]) if place else None,
        stdout=data.get("stdout", ""),
        duration_s=data.get("duration_s", 0.0),
        trace=_node_trace(data["trace"]) if data.get("trace") else None,
    )


def _node_trace(data: Mapping[str, Any]) -> NodeTrace:
    return NodeTrace(
        lines={path: tuple(lines) for path, lines in data["lines"].items()},
        calls=tuple((caller, callee) for caller, callee in data["calls"]),
        exception_lines=tuple((path, line) for path, line in data["exceptions"]),
    )


def _states(data: Sequence[Any]) -> tuple[LineState, ...]:
    return tuple(
        LineState(path, line, tuple((name, text) for name, text in values))
        for path, line, values in data
    )


# ------------------------------------------------------------------- the search


SEARCH_LIMITS = replace(SUITE_LIMITS, cpu_s=3600.0)
"""The default of a search: `wall_s` is how long one candidate may take."""

_POLL_S = 0.5
_NO_MARK = (-1).to_bytes(8, "little", signed=True)


def search_job(  # noqa: PLR0913 - independent options, each with a default
    repository: Repository,
    sources: Sources,
    path: str,
    job: Mapping[str, Any],
    *,
    limits: Limits = SEARCH_LIMITS,
    allow_unsafe: bool = False,
) -> "SearchRun":
    """Start a job of the search kernel with the project's own tests.

    The job is that of `codegrad.search.kernel` without `tests`; its `source` is the
    text of the module at `path`. An optional `select` names the tests that matter.

    Args:
        repository: Where the project is, what to run, and with which interpreter.
        sources: Texts of other modules, by path relative to the root.
        path: The module that is edited.
        job: The kernel's job.
        limits: `wall_s` is how long one candidate may take.
        allow_unsafe: Run even where files cannot be protected.

    Raises:
        TestsError: If the interpreter cannot run the tests.
    """
    import_path = _ask_interpreter(repository.python, repository.root)
    copy = ScratchCopy(repository.root)
    texts = {**sources, path: job["source"]}
    files = tuple(dict.fromkeys((path, *repository.files, *sources)))
    project = replace(repository, files=files)
    setting = Setting(project, copy, limits, allow_unsafe, import_path)
    return SearchRun(setting, texts, path, {"tests": [], **job})


class SearchRun:
    """A kernel at work on a project: iterate once, then ask how it ended."""

    def __init__(
        self, setting: Setting, texts: Sources, path: str, job: dict[str, Any]
    ) -> None:
        self._setting = setting
        self._texts = texts
        self._path = path
        self._job = job
        self.ended: Literal["finished", "timeout", "died"] = "died"
        """How it ended; valid after iteration."""
        self.mark = -1
        """The candidate that was tried last; -1 if none was."""

        self.on_mark: Callable[[int], None] = lambda _: None
        """Hears a few times a second which candidate is tried."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the kernel's frames as they come.

        Raises:
            TestsError: If the tests do not collect.
            SandboxError: If the process could not be started.
        """
        with self._setting.copy as copy:
            copy.overlay(self._texts)
            mark = copy.folder / "mark"
            try:
                yield from self._follow(mark)
            except LayerFailedError as failed:
                self._setting.layers_off += (str(failed),)
                yield from self._follow(mark)

    def _follow(self, mark: Path) -> Iterator[Any]:
        mark.write_bytes(_NO_MARK)
        job = self._setting.job(
            mode="search",
            select=self._job.get("select"),
            package=str(Path(pytest_driver.__file__).parent.parent),
            mark=str(mark),
            search={"path": self._path, "job": self._job},
        )
        process = DriverProcess(self._setting, job)
        frame: dict[str, Any] = {}
        try:
            while not {"finish", "end"} & frame.keys():
                frame = self._next_frame(process, mark)
                if _KERNEL_FRAMES & frame.keys():
                    yield frame
            self.ended = "finished"
        except TimeoutError:
            self.ended = "timeout"
        except ChannelClosedError:
            self.ended = "died"
        finally:
            self.mark = _read_mark(mark)
            process.close()
        if self.ended == "finished" and frame.get("broken"):
            yield from self._refusal(frame["broken"][0])

    def _next_frame(self, process: DriverProcess, mark: Path) -> dict[str, Any]:
        """Return the next frame, however long it takes while candidates go by.

        Raises:
            TimeoutError: If one candidate, or the preparation, takes too long.
            ChannelClosedError: If the process ended.
        """
        wall_s = self._setting.limits.wall_s
        before = _read_mark(mark)
        patience = wall_s if before >= 0 else max(START_S, 4 * wall_s)
        since = time.monotonic()
        while True:
            try:
                return process.frame(time.monotonic() + _POLL_S)
            except TimeoutError:
                now = _read_mark(mark)
                if now != before:
                    before, since, patience = now, time.monotonic(), wall_s
                    self.on_mark(now)
                if time.monotonic() - since > patience:
                    raise

    def _refusal(self, broken: Mapping[str, Any]) -> Iterator[Any]:
        """Say in the kernel's frames that the module cannot be loaded."""
        message = f"{broken['error']}: {broken['message']}"
        counts = {"passed": 0, "total": 0, "generated": 0}
        yield {"analysis": {**counts, "error": message}}
        yield {"end": {"tried": 0, "next": self._job.get("start", 0)}}


_KERNEL_FRAMES = frozenset({"analysis", "hit", "end"})


def _read_mark(path: Path) -> int:
    try:
        data = path.read_bytes()
    except OSError:
        return -1
    return int.from_bytes(data[:8], "little", signed=True)
