"""Runs a project's own pytest suite from inside and reports test by test.

This file runs in the user's interpreter (any CPython >= 3.9 with pytest >= 7), in a
scratch copy of the project, confined. In: one JSON job on standard input. Out: JSON
lines on the descriptor that was standard output. Importing it needs no pytest and
does nothing. Invariant: what the project does is a frame, never an exception.

A job is a JSON object:

    mode        "suite" runs the tests once; "search" hands them to the search kernel
    root        the scratch copy, which is also the working directory
    paths       folders put first on `sys.path`, in order
    tests       what pytest is given: files and folders, relative to root
    select      node ids to run, or null for all that are collected
    files       modules of the project that may be at fault, relative to root
    trace       whether to record coverage, calls and values
    package     folder of our package, for the search kernel
    search      the kernel's job and the path of the module to edit

Frames, one JSON object a line: `collected`; `start` and `end` for each test; with
trace, `again` and `values` for failing tests; at last `finish`, which also says what
could not be collected. In search mode the kernel's frames come before `finish`.
"""

from __future__ import annotations

import ast
import bisect
import collections
import contextlib
import json
import mmap
import os
import reprlib
import signal
import sys
import threading
import time
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

MAX_REPR = 200
"""Characters of one value in a frame."""

MAX_MESSAGE = 500
"""Characters of a message in a frame."""

MAX_STDOUT = 4000
"""Characters kept of what one test printed: the last ones."""

FIRST_STATES = 200
LAST_STATES = 100
"""Recorded states of variables in one test: the first and the last ones."""

MAX_ENTRY_CALLS = 20
"""Recorded calls from test code into the project, the last ones."""

MAX_EVENTS = 400_000
"""Traced lines of one test; after that it runs on untraced."""

MAX_VALUE_EVENTS = 20_000
"""Lines of one test at which values are looked at: this costs far more."""

WATCH_SHARE = 0.25
"""Part of a test's deadline after which it says what it has reached so far."""

USAGE_ERROR = 4
"""pytest's exit status for what is reported by an exception afterwards."""

MAX_VALUED_TESTS = 20
"""Failing tests that are run once more to record values."""

_Event = dict[str, Any]


# ------------------------------------------------------------------- frames ----


class Frames:
    """Writes frames to a descriptor of its own; silent in a forked child."""

    def __init__(self, fd: int, mark: mmap.mmap | None = None) -> None:
        self._fd = fd
        self._pid = os.getpid()
        self._mark = mark

    def __call__(self, frame: dict[str, Any], /) -> None:
        """Send one frame."""
        if os.getpid() != self._pid:
            return
        data = memoryview(json.dumps(frame, check_circular=False).encode() + b"\n")
        while data:
            data = data[os.write(self._fd, data) :]

    def mark(self, index: int, /) -> None:
        """Record which candidate is being tried; survives a kill."""
        if self._mark is not None:
            self._mark[:8] = index.to_bytes(8, "little", signed=True)


# -------------------------------------------------------------------- values ----


class _ShortRepr(reprlib.Repr):
    """Short text of plain values; of other objects the type and plain attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = 20
        self.maxdict = self.maxdeque = self.maxarray = 20
        self.maxstring = self.maxother = self.maxlong = MAX_REPR
        self.maxlevel = 4

    def repr_instance(self, x: Any, level: int) -> str:  # noqa: ANN401 - any object
        cls = type(x)
        if isinstance(x, (type, types.ModuleType)):
            return f"<{x.__name__}>"
        if cls.__module__ in _TRUSTED_MODULES:
            return repr(x)
        attributes = getattr(x, "__dict__", None)
        if level <= 1 or type(attributes) is not dict:
            return f"<{cls.__name__}>"
        pairs = list(attributes.items())[:5]
        inner = " ".join(f"{k}={self.repr1(v, level - 2)}" for k, v in pairs)
        return f"<{cls.__name__} {inner}>" if inner else f"<{cls.__name__}>"


_TRUSTED_MODULES = frozenset(
    {"builtins", "datetime", "decimal", "fractions", "pathlib", "uuid", "re"}
)
_SHORT = _ShortRepr()


def short_repr(value: object) -> str:
    """Return the text of a value, at most `MAX_REPR` characters, whatever it is.

    The project's own `__repr__` is not called: it might be what is broken.

    Example:
        >>> short_repr({"a": [1, 2]})
        "{'a': [1, 2]}"
    """
    try:
        text = _SHORT.repr(value)
    except Exception:  # noqa: BLE001 - a lazy attribute, a container being changed
        text = f"<{type(value).__name__}>"
    return text if len(text) <= MAX_REPR else text[: MAX_REPR - 3] + "..."


def _safe_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an exception with a broken __str__
        return f"<{type(value).__name__}>"


# --------------------------------------------------------------------- trace ----


class Functions:
    r"""The functions of one source file, to name a line's function.

    Nested functions, lambdas and comprehensions count as the function they are in.

    Example:
        >>> functions = Functions("def f():\n    return 1\nx = 2")
        >>> functions.at(2), functions.at(3)
        ('f', '')
    """

    def __init__(self, source: str) -> None:
        spans: list[tuple[int, int, str]] = []
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            tree = ast.Module([], [])
        self._collect(tree.body, "", spans)
        self._spans = sorted(spans)
        self._starts = [start for start, _, _ in self._spans]

    def _collect(
        self, body: Iterable[ast.stmt], prefix: str, spans: list[tuple[int, int, str]]
    ) -> None:
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                spans.append((start, node.end_lineno or start, prefix + node.name))
            elif isinstance(node, ast.ClassDef):
                self._collect(node.body, f"{prefix}{node.name}.", spans)
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                for part in ("body", "orelse", "finalbody"):
                    self._collect(getattr(node, part, ()), prefix, spans)
                for handler in getattr(node, "handlers", ()):
                    self._collect(handler.body, prefix, spans)

    def at(self, line: int) -> str:
        """Return the qualified name of the function at a line, or ""."""
        index = bisect.bisect_right(self._starts, line) - 1
        if index >= 0 and line <= self._spans[index][1]:
            return self._spans[index][2]
        return ""


class Project:
    """Knows which files belong to the project, and which of them are tests."""

    def __init__(
        self, root: str, files: Iterable[str], tests: Iterable[str] = ()
    ) -> None:
        self.root = os.path.realpath(root)
        self.files = frozenset(files)
        self.tests: set[str] = set()
        named = [os.path.normpath(test.partition("::")[0]) for test in tests]
        self._folders = tuple(f"{n}/" for n in named if n != "." and "." not in n)
        self._paths: dict[str, str | None] = {}
        self._functions: dict[str, Functions] = {}

    def relative(self, filename: str) -> str | None:
        """Return a file's path in the project; None for a file outside."""
        if filename not in self._paths:
            self._paths[filename] = self._find(filename)
        return self._paths[filename]

    def _find(self, filename: str) -> str | None:
        if not filename.endswith(".py"):
            return None
        path = os.path.realpath(filename)
        if not path.startswith(self.root + os.sep) or not Path(path).is_file():
            return None
        return path[len(self.root) + 1 :].replace(os.sep, "/")

    def add_test_file(self, filename: str) -> None:
        """Count a file as test code, unless it is under test itself."""
        path = self.relative(filename)
        if path is not None and path not in self.files:
            self.tests.add(path)

    def is_test(self, path: str) -> bool:
        """Whether a project file is test code, by role or by where it lies."""
        if path in self.files:
            return False
        return (
            path in self.tests
            or path.startswith(self._folders)
            or Path(path).name == "conftest.py"
        )

    def subject(self, filename: str) -> str | None:
        """Return the path of a file that may be at fault; None for any other."""
        path = self.relative(filename)
        return None if path is None or self.is_test(path) else path

    def modules(self, paths: Iterable[str]) -> dict[str, str]:
        """Return where the modules under test were imported from, by path.

        Args:
            paths: The folders that were put first on `sys.path`.
        """
        found: dict[str, str] = {}
        for path in sorted(self.files):
            for name in _module_names([*paths, self.root], self.root, path):
                file = getattr(sys.modules.get(name), "__file__", None)
                if file and path not in found:
                    found[path] = os.path.realpath(file)
        return found

    def function(self, path: str, line: int) -> str:
        """Return the function at a line of a project file."""
        if path not in self._functions:
            try:
                source = Path(self.root, path).read_text(encoding="utf-8")
            except (OSError, ValueError):
                source = ""
            self._functions[path] = Functions(source)
        return self._functions[path].at(line)


class Recorder:
    """Records what one test reaches in the project's own files.

    Threads that the test starts are followed too.

    Args:
        values: Whether to record values and calls from test code as well.
    """

    def __init__(self, project: Project, *, values: bool = False) -> None:
        self._project = project
        self._values = values
        self._subjects: dict[str, str | None] = {}
        self._lines: set[tuple[str, int]] = set()
        self._calls: dict[tuple[str, str], None] = {}
        self._exceptions: dict[tuple[str, int], None] = {}
        self._first: list[tuple[str, int, dict[str, str]]] = []
        self._last: collections.deque[tuple[str, int, dict[str, str]]] = (
            collections.deque(maxlen=LAST_STATES)
        )
        self._entries: collections.deque[str] = collections.deque(
            maxlen=MAX_ENTRY_CALLS
        )
        self._events = 0

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Record inside the block; the tracer that was there comes back after."""
        before = sys.gettrace()
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)
            threading.settrace(before)

    def coverage(self) -> dict[str, Any]:
        """Return the lines, the pairs of caller and callee, where it raised."""
        lines: dict[str, list[int]] = {}
        for path, line in sorted(self._lines):
            lines.setdefault(path, []).append(line)
        return {
            "lines": lines,
            "calls": [list(pair) for pair in self._calls],
            "exceptions": [list(place) for place in self._exceptions],
        }

    def values(self) -> dict[str, Any]:
        """Return the states of variables and the calls that test code made."""
        return {
            "states": [
                [path, line, sorted(state.items())]
                for path, line, state in [*self._first, *self._last]
            ],
            "entries": list(self._entries),
        }

    def _subject(self, code: types.CodeType) -> str | None:
        name = code.co_filename
        try:
            return self._subjects[name]
        except KeyError:
            path = self._subjects[name] = self._project.subject(name)
            return path

    def _on_call(self, frame: types.FrameType, event: str, arg: object) -> Any:  # noqa: ANN401 - a trace function
        del event, arg
        path = self._subject(frame.f_code)
        if path is None:
            return None
        self._lines.add((path, frame.f_lineno))
        self._note_call(path, frame)

        def on_event(frame: types.FrameType, event: str, arg: object) -> Any:  # noqa: ANN401 - a trace function
            del arg
            if event == "line":
                self._lines.add((path, frame.f_lineno))
                self._events += 1
                if self._events > MAX_EVENTS:
                    return None
                if self._values and self._events <= MAX_VALUE_EVENTS:
                    self._note_values(path, frame)
            elif event == "exception":
                self._exceptions[(path, frame.f_lineno)] = None
            return on_event

        return on_event

    def _note_call(self, path: str, frame: types.FrameType) -> None:
        code, caller = frame.f_code, frame.f_back
        if caller is None or code.co_name.startswith("<"):
            return
        callee = self._project.function(path, code.co_firstlineno)
        outer = self._subject(caller.f_code)
        if outer is not None:
            name = self._project.function(outer, caller.f_lineno)
            self._calls[(f"{outer}::{name}", f"{path}::{callee}")] = None
        elif self._values:
            self._entries.append(_call_text(frame, callee))

    def _note_values(self, path: str, frame: types.FrameType) -> None:
        state = {
            name: short_repr(value)
            for name, value in list(frame.f_locals.items())[:20]
            if name[0] != "." and not name.startswith("__")
        }
        states = self._first if len(self._first) < FIRST_STATES else self._last
        states.append((path, frame.f_lineno, state))


def _call_text(frame: types.FrameType, name: str) -> str:
    code = frame.f_code
    count = code.co_argcount + code.co_kwonlyargcount
    names = list(code.co_varnames[:count])
    shown = []
    for index, parameter in enumerate(names):
        if index == 0 and parameter in {"self", "cls"}:
            continue
        value = short_repr(frame.f_locals.get(parameter))
        keyword = index >= code.co_argcount
        shown.append(f"{parameter}={value}" if keyword else value)
    return f"{name or code.co_name}({', '.join(shown)})"


# ------------------------------------------------------------------ outcomes ----


class Comparison(NamedTuple):
    """The two sides of a comparison that an assert made and that did not hold."""

    operator: str
    left: object
    right: object


class Failure(NamedTuple):
    """What ended a test, in the words of a frame."""

    kind: str
    """`failed` for an assertion of the test, `raised` for any other exception."""

    error: str
    message: str
    observed: str
    expected: str
    has_values: bool
    statement: str
    """The source of the test's statement that failed."""

    test_place: tuple[str, int] | None
    """Where in the test."""

    place: tuple[str, int] | None
    """The deepest line of the project's own files, tests aside."""


def sides(comparison: Comparison, statement: str) -> tuple[object, object]:
    """Return (observed, expected): a literal on the left is the expectation.

    Example:
        >>> sides(Comparison("==", 3, 4), "assert 3 == f(1)")
        (4, 3)
    """
    left, right = comparison.left, comparison.right
    try:
        test = ast.parse(statement.strip()).body[0]
    except (SyntaxError, IndexError, ValueError):
        return left, right
    compare = test.test if isinstance(test, ast.Assert) else None
    if isinstance(compare, ast.Compare) and _is_literal(compare.left):
        return (left, right) if _is_literal(compare.comparators[0]) else (right, left)
    return left, right


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def unittest_comparison(traceback: types.TracebackType | None) -> Any:  # noqa: ANN401 - Optional[Comparison], of any values
    """Return the comparison that a `TestCase.assertEqual` refused, if one did."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_name.startswith("assert") and "unittest" in code.co_filename:
            values = traceback.tb_frame.f_locals
            if "first" in values and "second" in values:
                operator = "==" if "Equal" in code.co_name else code.co_name
                return Comparison(operator, values["first"], values["second"])
        traceback = traceback.tb_next
    return None


def describe_failure(
    project: Project, error: BaseException, comparison: Comparison | None
) -> Failure:
    """Return what an exception that left a test says about the project."""
    name = type(error).__name__
    place: tuple[str, int] | None = None
    test_place: tuple[str, int] | None = None
    deepest_is_test = True
    traceback = error.__traceback__
    while traceback is not None:
        path = project.relative(traceback.tb_frame.f_code.co_filename)
        if path is not None:
            deepest_is_test = project.is_test(path)
            if deepest_is_test:
                test_place = (path, traceback.tb_lineno)
            else:
                place = (path, traceback.tb_lineno)
        traceback = traceback.tb_next
    is_assertion = isinstance(error, AssertionError) or name == "Failed"
    failed = is_assertion and deepest_is_test
    statement = _statement(project, test_place)
    comparison = comparison or unittest_comparison(error.__traceback__)
    observed = expected = ""
    if failed and comparison is not None:
        left, right = sides(comparison, statement)
        observed, expected = short_repr(left), short_repr(right)
        if comparison.operator not in {"==", "is"}:
            expected = f"{comparison.operator} {expected}"
    text = _safe_text(error).strip()
    first = text.splitlines()[0] if text else ""
    return Failure(
        kind="failed" if failed else "raised",
        error=name,
        message=_advice(name, first[:MAX_MESSAGE]),
        observed=observed,
        expected=expected,
        has_values=bool(observed or expected),
        statement=statement,
        test_place=test_place,
        place=place,
    )


_NETWORK_ERRORS = frozenset(
    {"gaierror", "URLError", "ConnectionError", "ConnectError", "ConnectTimeout"}
)


def _advice(name: str, message: str) -> str:
    unreachable = name in _NETWORK_ERRORS or "Network is unreachable" in message
    return message + " (the sandbox has no network)" if unreachable else message


def _statement(project: Project, place: tuple[str, int] | None) -> str:
    """Return the source of the innermost statement at a place, on one line."""
    if place is None:
        return ""
    path, line = place
    try:
        source = Path(project.root, path).read_text(encoding="utf-8")
        tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError):
        return ""
    found = ""
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or hasattr(node, "body"):
            continue
        if node.lineno <= line <= (node.end_lineno or node.lineno):
            found = ast.get_source_segment(source, node) or found
    return " ".join(found.split())[:MAX_MESSAGE]


# -------------------------------------------------------------------- plugin ----


class Plugin:
    """Listens to one pytest session and sends its frames."""

    def __init__(self, job: dict[str, Any], frames: Frames) -> None:
        self.job = job
        self.frames = frames
        self.project = Project(job["root"], job["files"], job["tests"])
        self.comparison: Comparison | None = None
        self._failures: dict[str, Failure] = {}
        self._failing: list[Any] = []
        self.broken: list[_Event] = []
        self._is_finished = False
        self._quiet = False
        self._error: BaseException | None = None

    # -- collection

    def pytest_collectreport(self, report: Any) -> None:  # noqa: ANN401 - pytest's
        """Note what could not be collected, unless its exception was seen."""
        if report.failed and all(b["node"] != report.nodeid for b in self.broken):
            self.broken.append({"node": report.nodeid, **_crash_text(report)})

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:  # noqa: ANN401 - pytest's
        """Add the place to a collection error, whose report holds only text."""
        if not hasattr(report, "result") or call.excinfo is None:
            return
        event = load_event(self.project, call.excinfo.value)
        self.broken = [b for b in self.broken if b["node"] != node.nodeid]
        self.broken.append({"node": node.nodeid, **event})

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the selected tests; runs after the project's own hooks."""
        for item in items:
            if type(item).__name__ != "DoctestItem":
                self.project.add_test_file(str(item.fspath))
        for module in list(sys.modules.values()):
            name = getattr(module, "__file__", None)
            if isinstance(name, str) and Path(name).name == "conftest.py":
                self.project.add_test_file(name)
        if self.job["select"] is not None:
            keep = set(self.job["select"])
            items[:] = [item for item in items if item.nodeid in keep]
        self.frames(
            {
                "collected": [item.nodeid for item in items],
                "tests": sorted(self.project.tests),
            }
        )

    def refuse(self, error: Exception) -> None:
        """Note that pytest refuses its command line or configuration."""
        lines = _safe_text(error).splitlines()
        told = [line for line in lines if "error:" in line.lower()] or lines
        message = told[0].partition("error: ")[2] or told[0]
        event = {
            "error": "UsageError",
            "message": message,
            "place": None,
            "is_test": True,
        }
        self.broken.append({"node": "", **event})

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Send the last frame before pytest tidies up, which can take seconds."""
        if int(exitstatus) != USAGE_ERROR:
            self.finish()

    def finish(self) -> None:
        """Send the last frame, once."""
        if not self._is_finished:
            self._is_finished = True
            modules = self.project.modules(self.job["paths"])
            self.frames({"finish": True, "broken": self.broken, "modules": modules})

    # -- running

    def pytest_assertrepr_compare(self, op: str, left: object, right: object) -> None:
        """Remember the sides of the comparison that failed."""
        self.note_comparison(op, left, right)

    def pytest_runtest_makereport(self, call: Any) -> None:  # noqa: ANN401 - pytest's
        """Look at the exception while it is still one."""
        if self._quiet:
            if call.excinfo is not None and self._error is None:
                error = call.excinfo.value
                is_outcome = type(error).__name__ in {"Skipped", "XFailed"}
                self._error = None if is_outcome else error
            return
        if call.excinfo is not None and call.when not in self._failures:
            self._failures[call.when] = describe_failure(
                self.project, call.excinfo.value, self.comparison
            )

    def run_quietly(self, item: Any) -> BaseException | None:  # noqa: ANN401 - pytest's
        """Run one test with all plugins; return what it failed with, if it did."""
        self._quiet = True
        self._error = None
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        finally:
            self._quiet = False
        return self._error

    def _run_protocol_quietly(self, item: Any) -> None:  # noqa: ANN401 - pytest's
        from _pytest.assertion import util  # noqa: PLC0415 - importable without pytest
        from _pytest.runner import runtestprotocol  # noqa: PLC0415 - importable without pytest

        # Explaining the difference of two values costs more than most tests.
        explain, util._reprcompare = util._reprcompare, self.note_comparison  # noqa: SLF001 - the only way to it
        self.comparison = None
        try:
            reports = runtestprotocol(item, log=False, nextitem=None)
        finally:
            util._reprcompare = explain  # noqa: SLF001 - as above
        if self._error is None and any(report.failed for report in reports):
            self._error = AssertionError("failed without an exception")

    def forget(self) -> None:
        """Forget the comparison: another test begins."""
        self.comparison = None

    def watch_comparisons(self) -> None:
        """Take note of comparisons also in tests that are called directly."""
        from _pytest.assertion import util  # noqa: PLC0415 - importable without pytest

        util._reprcompare = self.note_comparison  # noqa: SLF001 - the only way to it

    def note_comparison(self, op: str, left: object, right: object) -> None:
        """Remember the sides of a comparison that failed."""
        self.comparison = Comparison(op, left, right)

    def module_names(self, path: str) -> Iterator[str]:
        """Yield the dotted names under which a project file may be imported."""
        folders = [*self.job["paths"], self.project.root]
        return _module_names(folders, self.project.root, path)

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool:  # noqa: ANN401 - pytest's
        """Run one test in pytest's way and send its outcome."""
        if self._quiet:
            self._run_protocol_quietly(item)
            return True
        self.frames({"start": item.nodeid})
        started = time.perf_counter()
        recorder = Recorder(self.project) if self.job["trace"] else None
        with self._watching(recorder):
            reports = self.run_item(item, nextitem, recorder)
        event = self._outcome(reports)
        event["node"] = item.nodeid
        event["duration_s"] = round(time.perf_counter() - started, 6)
        if event["kind"] in {"failed", "raised"}:
            self._failing.append(item)
        if recorder is not None:
            event["trace"] = recorder.coverage()
        self.frames({"end": event})
        if nextitem is None and self.job["trace"]:
            self._record_values()
        return True

    def run_item(self, item: Any, nextitem: Any, recorder: Recorder | None) -> Any:  # noqa: ANN401 - pytest's
        """Run one test; return pytest's reports of its phases."""
        from _pytest.runner import runtestprotocol  # noqa: PLC0415 - importable without pytest

        self._failures.clear()
        self.comparison = None
        recording = recorder.recording() if recorder else contextlib.nullcontext()
        with recording:
            return runtestprotocol(item, log=False, nextitem=nextitem)

    @contextlib.contextmanager
    def _watching(self, recorder: Recorder | None) -> Iterator[None]:
        """Send what a test that runs on and on has reached, before it is killed."""
        deadline_s = self.job.get("deadline_s") or 0.0

        def report(number: int, frame: types.FrameType | None) -> None:
            del number
            place = None
            while frame is not None and place is None:
                path = self.project.subject(frame.f_code.co_filename)
                place = (path, frame.f_lineno) if path else None
                frame = frame.f_back
            trace = recorder.coverage() if recorder else None
            self.frames({"hanging": {"place": place, "trace": trace}})

        # User CPU time: no test framework uses this timer, and a thread would be
        # counted by the tests' own checks.
        before = signal.signal(signal.SIGVTALRM, report)
        signal.setitimer(signal.ITIMER_VIRTUAL, WATCH_SHARE * deadline_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, before)

    def _record_values(self) -> None:
        """Run failing tests once more for the values; the outcomes stand already."""
        for item in self._failing[:MAX_VALUED_TESTS]:
            self.frames({"again": item.nodeid})
            recorder = Recorder(self.project, values=True)
            self.run_item(item, None, recorder)
            self.frames({"values": {"node": item.nodeid, **recorder.values()}})

    def _outcome(self, reports: list[Any]) -> _Event:
        event: _Event = {"kind": "passed"}
        for report in reports:
            if report.failed:
                event.update(self._failed(report))
                break
            if report.skipped:
                reason = report.longrepr
                text = reason[2] if isinstance(reason, tuple) else reason
                message = _safe_text(text).strip()[:MAX_MESSAGE]
                event.update({"kind": "skipped", "message": message})
                break
        printed = "".join(report.capstdout for report in reports[-1:])
        event["stdout"] = printed[-MAX_STDOUT:]
        return event

    def _failed(self, report: Any) -> _Event:  # noqa: ANN401 - pytest's report
        failure = self._failures.get(report.when)
        if failure is None:
            # For example a strict xfail that passed: no exception was raised.
            text = _safe_text(report.longrepr).strip()
            return {"kind": "failed", "message": text[:MAX_MESSAGE]}
        event = dict(failure._asdict())
        if report.when != "call":
            event["kind"] = "raised"
            event["message"] = f"in {report.when}: {failure.message}"
        return event


def _module_names(folders: Iterable[str], root: str, path: str) -> Iterator[str]:
    """Yield the dotted names under which a project file may be imported."""
    full = str(Path(root, path))
    for folder in folders:
        prefix = os.path.realpath(folder) + os.sep
        if full.startswith(prefix):
            dotted = full[len(prefix) : -len(".py")].replace(os.sep, ".")
            yield (
                dotted[: -len(".__init__")] if dotted.endswith(".__init__") else dotted
            )


_WRAPPERS = frozenset({"CollectError", "ConftestImportFailure"})
"""pytest's own exceptions around the one that matters."""


def load_event(project: Project, error: BaseException) -> _Event:
    """Return what a failed import says: the error itself and where it came from."""
    # pytest wraps an ImportError in its own CollectError, with the cause as text.
    cause: BaseException = error
    while cause.__cause__ is not None and type(cause).__name__ in _WRAPPERS:
        cause = cause.__cause__
    failure = describe_failure(project, cause, None)
    place = failure.place or failure.test_place
    if isinstance(cause, SyntaxError) and cause.filename:
        path = project.relative(cause.filename)
        place = (path, cause.lineno or 1) if path else place
    text = _safe_text(cause).strip() or type(cause).__name__
    lines = [line for line in text.splitlines() if line.strip()]
    message = lines[-1] if type(cause).__name__ in _WRAPPERS else lines[0]
    return {
        "error": type(cause).__name__,
        "message": message[:MAX_MESSAGE],
        "place": place,
        "is_test": place is None or project.is_test(place[0]),
        "module": _module_at_fault(project, cause),
    }


def _module_at_fault(project: Project, error: BaseException) -> str | None:
    """Return the project file that lacks a name which somebody wanted from it."""
    module: object = None
    if isinstance(error, ImportError) and type(error) is ImportError:
        module = sys.modules.get(error.name or "")
    elif isinstance(error, AttributeError):
        module = getattr(error, "obj", None)  # since Python 3.10
    file = (
        getattr(module, "__file__", None)
        if isinstance(module, types.ModuleType)
        else None
    )
    return project.relative(file) if isinstance(file, str) else None


def _crash_text(report: Any) -> _Event:  # noqa: ANN401 - pytest's report
    text = _safe_text(report.longrepr).strip()
    errors = [line for line in text.splitlines() if line.startswith("E ")]
    line = errors[-1][1:].strip() if errors else text.splitlines()[-1]
    return {"error": "", "message": line[:MAX_MESSAGE], "place": None, "is_test": True}


# ---------------------------------------------------------------------- main ----


def pytest_arguments(job: dict[str, Any]) -> list[str]:
    """Return pytest's command line: the project's configuration stays in force.

    Switched off is what would run the tests in another process, in another order,
    twice, or under another tracer.
    """
    from importlib import metadata  # noqa: PLC0415 - importable without pytest

    arguments = ["--maxfail=0", "-o", f"cache_dir={job['cache']}"]
    for distribution, options in (
        ("pytest-xdist", ["-n", "0"]),
        ("pytest-cov", ["--no-cov"]),
        ("pytest-rerunfailures", ["--reruns", "0"]),
        ("pytest-randomly", ["-p", "no:randomly"]),
    ):
        with contextlib.suppress(metadata.PackageNotFoundError):
            metadata.version(distribution)
            arguments += options
    if job["mode"] == "search":
        # Capturing descriptors costs more than most tests.
        arguments += ["--capture=sys", "--tb=no"]
    return [*arguments, *job["tests"]]


def run_job(job: dict[str, Any], frames: Frames) -> None:
    """Carry out one job; see the module."""
    sys.dont_write_bytecode = True
    for folder in reversed(job["paths"]):
        sys.path.insert(0, folder)
    import pytest  # noqa: PLC0415 - importable without pytest

    plugin = Plugin(job, frames)
    plugins: list[object] = [plugin]
    pytest.hookimpl(trylast=True)(Plugin.pytest_collection_modifyitems)
    pytest.hookimpl(tryfirst=True)(Plugin.pytest_runtest_protocol)
    if job["mode"] == "search":
        load_search(job["package"])
        from codegrad.search.pytest_suite import SearchPlugin  # noqa: PLC0415 - importable without pytest

        pytest.hookimpl(tryfirst=True)(SearchPlugin.pytest_runtestloop)
        plugins.append(SearchPlugin(plugin))
    pytest.hookimpl(tryfirst=True)(Plugin.pytest_sessionfinish)
    _session(plugin, pytest_arguments(job), plugins)
    plugin.finish()


def _session(plugin: Plugin, arguments: list[str], plugins: list[object]) -> None:
    """Do what `pytest.main` does, but keep the exception of a broken conftest."""
    import pytest  # noqa: PLC0415 - importable without pytest
    from _pytest.config import ConftestImportFailure, _prepareconfig  # noqa: PLC0415 - importable without pytest

    try:
        config = _prepareconfig(arguments, plugins)
    except ConftestImportFailure as error:
        plugin.broken.append({"node": "", **load_event(plugin.project, error)})
        return
    except pytest.UsageError as error:
        plugin.refuse(error)
        return
    try:
        config.hook.pytest_cmdline_main(config=config)
    except pytest.UsageError as error:
        plugin.refuse(error)
    finally:
        config._ensure_unconfigure()  # noqa: SLF001 - as pytest.main does


def load_search(package: str) -> None:
    """Make `codegrad.search` importable without the rest of our package.

    Only the folder of the search is readable here: its parent cannot be listed.
    """
    for name, folder in (
        ("codegrad", package),
        ("codegrad.search", str(Path(package, "search"))),
    ):
        module = types.ModuleType(name)
        module.__path__ = [folder]
        sys.modules[name] = module


def main() -> None:
    """Read the job, keep the channel to ourselves, run."""
    job = json.load(sys.stdin)
    channel = os.dup(1)
    # What pytest and the project print goes where nobody parses it.
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    mark = None
    if job.get("mark"):
        with Path(job["mark"]).open("r+b") as file:
            mark = mmap.mmap(file.fileno(), 8)
    run_job(job, Frames(channel, mark))
