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
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from codegrad.errors import SandboxError, TestsError, UnsafeSandboxError
from codegrad.sandbox import child, pytest_driver
from codegrad.sandbox.confined import confined_command
from codegrad.sandbox.layers import LayerReport, layer_report
from codegrad.sandbox.limits import Limits
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

MAX_FILE_BYTES = 50 << 20
"""Larger files are not copied."""

MIN_PYTHON = (3, 9)
MIN_PYTEST = 7

_ROOT_MARKS = (
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "pytest.ini",
    "tox.ini",
    ".git",
)

_NEVER_COPIED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".eggs",
    }
)

_NEVER_COPIED_FROM_ROOT = frozenset({"build", "dist"})

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
    _ask_interpreter(python)
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


@lru_cache(maxsize=8)
def _ask_interpreter(python: Path) -> tuple[str, ...]:
    """Return the import path of an interpreter that can run the tests."""
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter that the user named
            [str(python), "-s", "-E", "-c", _QUESTION],
            cwd="/",
            capture_output=True,
            timeout=START_S,
            check=True,
        )
        version, pytest_version, path = json.loads(answer.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
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


# -------------------------------------------------------------------- scratch copy


class ScratchCopy:
    """A copy of a project in a temporary folder; gone when the block ends.

    Version control, environments, caches and build products are not copied, nor
    files over 50 MB, nor links that lead outside; `left_out` says what of the last
    two there was.

    Raises:
        TestsError: If the project cannot be read or there is no room for the copy.
    """

    def __init__(self, root: Path) -> None:
        self._original = Path(os.path.abspath(root))  # noqa: PTH100 - as given
        self._folder: Path | None = None
        self.left_out: list[str] = []

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="codegrad-copy-")).resolve()
        try:
            self.root.mkdir()
            for name in ("home", "tmp", "cache"):
                (self._folder / name).mkdir()
            self._copy(self._original, self.root)
        except OSError as error:
            self.close()
            raise TestsError(
                f"{self._original} could not be copied: {error}"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copy."""
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None

    @property
    def folder(self) -> Path:
        """The temporary folder: the copy with a home, tmp and cache beside it."""
        if self._folder is None:
            raise SandboxError("the scratch copy is used outside its `with` block")
        return self._folder

    @property
    def root(self) -> Path:
        """The copy of the project's folder; it keeps the folder's name."""
        return (
            self.folder / "work"
            if not self._original.name
            else (self.folder / self._original.name)
        )

    def overlay(self, sources: Sources) -> None:
        """Write module texts over the copy, by path relative to the root.

        Raises:
            TestsError: If a path leads outside the copy.
        """
        for path, text in sources.items():
            target = Path(os.path.normpath(self.root / path))
            parent = target.parent
            parent.mkdir(parents=True, exist_ok=True)
            if not parent.resolve().is_relative_to(self.root):
                raise TestsError(f"{path} is not a file below {self._original}")
            with suppress(FileNotFoundError):
                target.unlink()
            target.write_text(text, encoding="utf-8", newline="")

    def _copy(self, source: Path, target: Path) -> None:
        with os.scandir(source) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if not self._is_skipped(source, entry):
                    self._copy_entry(entry, target / entry.name)

    def _is_skipped(self, source: Path, entry: os.DirEntry[str]) -> bool:
        if entry.name in _NEVER_COPIED:
            return True
        if source == self._original and entry.name in _NEVER_COPIED_FROM_ROOT:
            return True
        # An environment under any other name.
        return (Path(entry.path) / "pyvenv.cfg").exists()

    def _copy_entry(self, entry: os.DirEntry[str], target: Path) -> None:
        shown = os.path.relpath(entry.path, self._original)
        if entry.is_symlink():
            self._copy_link(Path(entry.path), target, shown)
        elif entry.is_dir():
            target.mkdir()
            self._copy(Path(entry.path), target)
        elif not entry.is_file():
            self.left_out.append(f"{shown} was not copied: it is not a regular file")
        elif entry.stat().st_size > MAX_FILE_BYTES:
            self.left_out.append(f"{shown} was not copied: it is over 50 MB")
        else:
            try:
                shutil.copy2(entry.path, target)
            except PermissionError:
                self.left_out.append(f"{shown} was not copied: it may not be read")
                return
            target.chmod(target.stat().st_mode | stat.S_IRUSR | stat.S_IWUSR)

    def _copy_link(self, link: Path, target: Path, shown: str) -> None:
        root = self._original.resolve()
        destination = link.resolve()
        if not destination.is_relative_to(root):
            self.left_out.append(f"{shown} was not copied: the link leads outside")
            return
        inside = self.root / destination.relative_to(root)
        target.symlink_to(os.path.relpath(inside, target.parent))


def _remove(folder: Path) -> None:
    """Remove a tree, also where a test took away the right to do so."""
    for path, names, _ in os.walk(folder):
        for name in names:
            full = Path(path) / name
            if not full.is_symlink():
                with suppress(OSError):
                    full.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def import_folders(root: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Return the folders, relative to root, that have to lead `sys.path`.

    First the folders from which `files` are imported: for each file the nearest
    folder upwards that is no package; then `src` if it exists, then the root.
    """
    folders: dict[str, None] = {}
    for file in files:
        folder = (root / file).parent
        while (folder / "__init__.py").exists() and folder != root:
            folder = folder.parent
        if folder != root and folder.is_relative_to(root):
            folders[folder.relative_to(root).as_posix()] = None
    if (root / "src").is_dir():
        folders["src"] = None
    folders["."] = None
    return tuple(folders)


# ------------------------------------------------------------------- one process


_BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("_codegrad_driver", sys.argv.pop(1))
driver = sys.modules["_codegrad_driver"] = module_from_spec(spec)
spec.loader.exec_module(driver)
driver.main()
"""
"""Loads the driver without the current folder, or the driver's, on `sys.path`."""


@dataclass(slots=True)
class _Setting:
    """What all processes of one run share."""

    repository: Repository
    copy: ScratchCopy
    limits: Limits
    allow_unsafe: bool
    import_path: tuple[str, ...]
    layers_off: tuple[str, ...] = ()
    layers: LayerReport = field(default_factory=lambda: layer_report({"states": {}}))

    def job(self, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - becomes JSON
        """Return a driver's job with what never changes."""
        root = self.copy.root
        folders = import_folders(root, self.repository.files)
        return {
            "mode": "suite",
            "root": str(root),
            "paths": [os.path.normpath(root / folder) for folder in folders],
            "tests": list(self.repository.tests),
            "files": list(self.repository.files),
            "cache": str(self.copy.folder / "cache"),
            "select": None,
            "trace": False,
            **fields,
        }

    def command(self, report_fd: int) -> list[str]:
        python = self.repository.python
        folder = self.copy.folder
        environment = {
            "PATH": f"{python.parent}{os.pathsep}{os.defpath}",
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "USER": "codegrad",
            "LOGNAME": "codegrad",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if (python.parent.parent / "pyvenv.cfg").exists():
            environment["VIRTUAL_ENV"] = str(python.parent.parent)
        package = Path(pytest_driver.__file__).parent.parent
        driver = str(Path(pytest_driver.__file__))
        return confined_command(
            [str(python), "-s", "-c", _BOOTSTRAP, driver],
            cwd=self.copy.root,
            write_paths=(folder,),
            read_paths=(
                package / "sandbox" / "pytest_driver.py",
                package / "search",
                # The supervisor itself imports from our own standard library.
                Path(sysconfig.get_path("stdlib")),
                *self._dependencies(),
            ),
            env=environment,
            limits=self.limits,
            allow_unsafe=self.allow_unsafe,
            layers_off=self.layers_off,
            report_fd=report_fd,
        )

    def _dependencies(self) -> list[Path]:
        """Return what the interpreter imports from, except the user's own project.

        An editable install puts the project's folder on the import path; leaving it
        unreadable makes sure that only the copy is tested.
        """
        root = self.repository.root.resolve()
        prefix = self.repository.python.parent.parent
        kept = []
        for entry in map(Path, self.import_path):
            is_project = entry.resolve().is_relative_to(root)
            if not is_project or entry.is_relative_to(prefix):
                kept.append(entry)
        return [path for path in kept if path.exists() and path != Path("/")]


class _Ended(Exception):  # noqa: N818 - a signal inside this module, no error
    """The driver's channel closed."""


class _Process:
    """One driver process: a job in, frames out, killed with all that it started."""

    def __init__(self, setting: _Setting, job: Mapping[str, Any]) -> None:
        self._setting = setting
        self._report, writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                setting.command(writer),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                pass_fds=(writer,),
                start_new_session=True,
            )
        finally:
            os.close(writer)
        self._pending = json.dumps(job).encode()
        root = f"{setting.copy.root}{os.sep}"
        self._root = json.dumps(root)[1:-1].encode()
        self._buffer = bytearray()
        self._received = 0
        self._stderr = bytearray()
        self.status: int | None = None
        self._selector = selectors.DefaultSelector()
        self._streams = {
            "stdin": _fd(self._process.stdin),
            "stdout": _fd(self._process.stdout),
            "stderr": _fd(self._process.stderr),
        }
        os.set_blocking(self._streams["stdin"], False)
        self._selector.register(self._streams["stdin"], selectors.EVENT_WRITE, "in")
        self._selector.register(self._streams["stdout"], selectors.EVENT_READ, "out")
        self._selector.register(self._streams["stderr"], selectors.EVENT_READ, "err")

    def frame(self, deadline: float) -> dict[str, Any]:
        """Return the next frame; the deadline is on the monotonic clock.

        Raises:
            TimeoutError: If none came in time.
            _Ended: If none will come any more.
        """
        while True:
            line = self._line()
            if line is not None:
                with suppress(ValueError):
                    message = json.loads(line)
                    if isinstance(message, dict):
                        return message
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _ in self._selector.select(left):
                self._serve(key)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        # Nobody wants to read the path of a folder that is gone.
        return line.replace(self._root, b"")

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data == "in":
            self._write(key.fd)
            return
        data = os.read(key.fd, 1 << 16)
        if key.data == "err":
            self._stderr += data
            del self._stderr[: -self._setting.limits.output_bytes]
            if not data:
                self._selector.unregister(key.fd)
            return
        self._received += len(data)
        self._buffer += data
        if not data or self._received > self._setting.limits.result_bytes:
            raise _Ended

    def _write(self, fd: int) -> None:
        try:
            sent = os.write(fd, self._pending)
        except BrokenPipeError:
            sent = len(self._pending)
        self._pending = self._pending[sent:]
        if not self._pending and self._process.stdin is not None:
            self._selector.unregister(fd)
            self._process.stdin.close()

    def close(self) -> None:
        """Kill whatever is left and learn which layers held.

        Raises:
            UnsafeSandboxError: If the layers that make it a sandbox are missing.
            SandboxError: If the program was not started.
        """
        self._selector.close()
        if self._process.poll() is None:
            # The supervisor kills the tree that it supervises before it ends.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        stderr = self._process.stderr
        if stderr is not None and not stderr.closed:
            os.set_blocking(stderr.fileno(), False)
            with suppress(BlockingIOError, OSError):
                self._stderr += os.read(stderr.fileno(), 1 << 16)
        for stream in (self._process.stdin, self._process.stdout, stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._read_report()

    def _read_report(self) -> None:
        """Learn from the supervisor which layers held and how the program ended."""
        message: dict[str, Any] = {}
        try:
            while True:
                message.update(child.read_frame(self._report))
        except (EOFError, ValueError):
            pass
        finally:
            os.close(self._report)
        if "layers" in message:
            self._setting.layers = layer_report(message["layers"])
        self.status = message.get("status")
        refused = message.get("refused")
        if not refused and "layers" in message:
            return
        if "layers" in message and not self._setting.layers.is_safe:
            raise UnsafeSandboxError(
                f"{refused}; allow it with --allow-unsafe", self._setting.layers.missing
            )
        if "failed_layer" in message:
            raise _LayerFailed(str(message["failed_layer"]))
        reason = refused or self.last_words()
        raise SandboxError(f"the tests could not be started: {reason}")

    def last_words(self) -> str:
        """Return the line of standard error that says most."""
        lines = self._stderr.decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if line.startswith(("E  ", "ERROR"))]
        chosen = [line.strip() for line in errors or lines[-1:] if line.strip()]
        return chosen[-1].removeprefix("E ").strip() if chosen else "no output"


class _LayerFailed(Exception):  # noqa: N818 - a signal inside this module, no error
    """A layer could not be applied and cannot be undone: start again without it."""


def _fd(stream: Any) -> int:  # noqa: ANN401 - an optional pipe
    if stream is None:
        raise SandboxError("a pipe of the test process was not opened")
    return int(stream.fileno())


# ------------------------------------------------------------------- the whole suite


def run_suite(
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
    import_path = _ask_interpreter(repository.python)
    with ScratchCopy(repository.root) as copy:
        copy.overlay(sources)
        setting = _Setting(repository, copy, limits, allow_unsafe, import_path)
        return _SuiteRunner(setting, select, trace=trace).run()


class _SuiteRunner:
    """Follows the processes of one run of a suite."""

    def __init__(
        self, setting: _Setting, select: Sequence[str] | None, *, trace: bool
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
        except _LayerFailed as failed:
            self._setting.layers_off += (str(failed),)
            return self._follow(job)

    def _follow(self, job: Mapping[str, Any]) -> bool:
        process = _Process(self._setting, job)
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
        except _Ended:
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

    def _break_off(self, ended: str, process: _Process) -> None:
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

    def _finish(self, frame: dict[str, Any], process: _Process) -> None:
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
        """Tell a module that cannot be imported from tests that cannot."""
        repository = self._setting.repository
        under_test = {*repository.files}
        place = broken.get("place")
        path = broken.get("module") or (place[0] if place else "")
        if path in under_test:
            if self._load is None:
                line = place[1] if place and place[0] == path else 1
                self._set_load(broken["error"], broken["message"], (path, line))
            return
        where = f"{place[0]}:{place[1]}" if place else broken["node"]
        error = "" if broken["error"] in _SELF_EVIDENT else broken["error"]
        said = ": ".join(filter(None, (where, error, broken["message"])))
        hint = ""
        if broken["error"] == "ModuleNotFoundError":
            hint = (
                f"; install it for {repository.python} or name another interpreter "
                "with --python"
            )
        raise TestsError(f"the tests do not collect: {said}{hint}")

    def _set_load(
        self, error: str, message: str, place: tuple[str, int] | None
    ) -> None:
        files = self._setting.repository.files
        path, line = place or (files[0] if files else "the project", 1)
        self._load = LoadFailure(error, message, path, line)

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


def search_job(
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
    import_path = _ask_interpreter(repository.python)
    copy = ScratchCopy(repository.root)
    setting = _Setting(repository, copy, limits, allow_unsafe, import_path)
    texts = {**sources, path: job["source"]}
    return SearchRun(setting, texts, path, {"tests": [], **job})


class SearchRun:
    """A kernel at work on a project: iterate once, then ask how it ended."""

    def __init__(
        self, setting: _Setting, texts: Sources, path: str, job: dict[str, Any]
    ) -> None:
        self._setting = setting
        self._texts = texts
        self._path = path
        self._job = job
        self.ended: Literal["finished", "timeout", "died"] = "died"
        """How it ended; valid after iteration."""
        self.mark = -1
        """The candidate that was tried last; -1 if none was."""

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
            except _LayerFailed as failed:
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
        process = _Process(self._setting, job)
        frame: dict[str, Any] = {}
        try:
            while "finish" not in frame:
                frame = self._next_frame(process, mark)
                if _KERNEL_FRAMES & frame.keys():
                    yield frame
            self.ended = "finished"
        except TimeoutError:
            self.ended = "timeout"
        except _Ended:
            self.ended = "died"
        finally:
            self.mark = _read_mark(mark)
            process.close()
        if self.ended == "finished" and frame["broken"]:
            yield from self._refusal(frame["broken"][0])

    def _next_frame(self, process: _Process, mark: Path) -> dict[str, Any]:
        """Return the next frame, however long it takes while candidates go by.

        Raises:
            TimeoutError: If one candidate, or the preparation, takes too long.
            _Ended: If the process ended.
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
