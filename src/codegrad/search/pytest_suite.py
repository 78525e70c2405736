"""The search kernel on a project's own pytest tests, in the project's process.

In: a pytest session that has collected its items, and a kernel job for one module.
Out: the kernel's frames. The functions that may change are live objects, so a
candidate is put in place by swapping the code of the function itself: whoever
imported it sees the change. Only items that reach one of these functions, or fail,
are run. A candidate found here is a suggestion: a fresh process decides.

An item with no fixtures is called directly if that gives the same result as pytest's
own protocol; the others go through the protocol, from set-up to tear-down of all
scopes. If items do not repeat their results, every run gets a forked child.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import gc
import importlib
import inspect
import json
import marshal
import os
import signal
import sys
import types
import unittest
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from codegrad.search import kernel
from codegrad.search.cases import (
    ALARM,
    OUT_OF_TICKS,
    WRONG_VALUE_CREDIT,
    Alarm,
    Result,
)
from codegrad.search.similarity import similarity
from codegrad.search.subject import RUNTIME, GuardSite, Subject, Ticks, Unit

BASE_TICKS = 200_000
"""Steps that an item may take while the suite is being prepared."""

MAX_KEY = 200
"""Characters of a failure's key."""

MAX_STATE_ITEMS = 2_000
"""Larger module-level containers are not brought back between candidates."""

PASSED = Result(ok=True, key=None, similarity=1.0)


class Comparison(Protocol):
    """The comparison that an assert made and that did not hold."""

    @property
    def operator(self) -> str:
        """The operator as it is written."""

    @property
    def left(self) -> object:
        """The value on the left."""

    @property
    def right(self) -> object:
        """The value on the right."""


class Driver(Protocol):
    """What this module needs of the driver's plugin."""

    job: dict[str, Any]

    @property
    def frames(self) -> kernel.Emit:
        """Where frames go."""

    @property
    def comparison(self) -> Comparison | None:
        """The comparison that failed last since `forget`."""

    def forget(self) -> None:
        """Forget the comparison: another test begins."""

    def watch_comparisons(self) -> None:
        """Take note of comparisons also in tests that are called directly."""

    def run_quietly(self, item: Any, /) -> BaseException | None:  # noqa: ANN401 - pytest's item
        """Run one item in pytest's own way; return what it failed with, if it did."""

    def note_comparison(self, op: str, left: object, right: object, /) -> None:
        """Remember the sides of a comparison that failed."""

    def module_names(self, path: str, /) -> Iterator[str]:
        """Yield the dotted names under which a project file may be imported."""


# ------------------------------------------------------------------- live functions


class LiveSubject(Subject):
    """A module that is loaded already: decorators are not applied again."""

    def compile_unit(
        self, unit: Unit, guards: Sequence[GuardSite] = ()
    ) -> types.CodeType:
        """Compile one unit without its decorators; see `Subject.compile_unit`."""
        node = unit.node
        assert not isinstance(node, ast.Module)
        decorators, node.decorator_list = node.decorator_list, []
        try:
            return super().compile_unit(unit, guards)
        finally:
            node.decorator_list = decorators


def find_functions(unit: Unit, namespace: dict[str, Any], file: str) -> list[Any]:
    """Return the live function objects that a unit's definition made.

    They are found wherever they are, so a decorator that wrapped one does not hide
    it.
    """
    node = unit.node
    assert not isinstance(node, ast.Module)
    first_line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return [
        candidate
        for candidate in gc.get_objects()
        if type(candidate) is types.FunctionType
        and candidate.__globals__ is namespace
        and candidate.__code__.co_name == node.name
        and candidate.__code__.co_firstlineno == first_line
        and os.path.realpath(candidate.__code__.co_filename) == file
    ]


def function_code(code: types.CodeType, unit: Unit) -> types.CodeType:
    """Return the code of a unit's function from inside the compiled definition.

    Raises:
        ValueError: If the definition is not in it.
    """
    for name in unit.name.split("."):
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType) and constant.co_name == name:
                code = constant
                break
        else:
            raise ValueError(f"{unit.name} is not defined in its own code")
    return code


class _Live:
    """The function objects of one unit, and what they were."""

    def __init__(self, functions: list[Any], *, has_defaults: bool) -> None:
        self.functions = functions
        self.has_defaults = has_defaults
        self._saved = [
            (f.__code__, f.__defaults__, f.__kwdefaults__) for f in functions
        ]

    def put(self, code: types.CodeType, made: Any = None) -> None:  # noqa: ANN401 - a function or None
        """Swap the code; also the defaults if a function that was made has them.

        Raises:
            ValueError: If the free variables of old and new code differ.
        """
        for function in self.functions:
            function.__code__ = code
            if made is not None:
                function.__defaults__ = made.__defaults__
                function.__kwdefaults__ = made.__kwdefaults__

    def remember(self) -> None:
        """Make what is in place now the original."""
        self._saved = [
            (f.__code__, f.__defaults__, f.__kwdefaults__) for f in self.functions
        ]

    def restore(self) -> None:
        """Put the original back."""
        for function, saved in zip(self.functions, self._saved):
            function.__code__, function.__defaults__, function.__kwdefaults__ = saved


class ModuleState:
    """Module-level containers and caches, brought back in place between candidates."""

    def __init__(self, modules: Sequence[types.ModuleType]) -> None:
        self._containers: list[tuple[Any, Any]] = []
        self._caches: list[Any] = []
        for module in modules:
            for name, value in list(vars(module).items()):
                if not name.startswith("__"):
                    self._note(value)
        dicts = {id(vars(module)) for module in modules}
        self._caches = [
            found
            for found in gc.get_objects()
            if isinstance(found, _CACHE)
            and id(getattr(found.__wrapped__, "__globals__", None)) in dicts
        ]

    def _note(self, value: Any) -> None:  # noqa: ANN401 - any global
        if type(value) in {list, dict, set} and len(value) <= MAX_STATE_ITEMS:
            # What cannot be copied or compared is left as it is.
            with contextlib.suppress(Exception):
                pristine = copy.deepcopy(value)
                if pristine == value:
                    self._containers.append((value, pristine))

    def restore(self) -> None:
        """Bring everything back to what it was."""
        for cache in self._caches:
            cache.cache_clear()
        for live, pristine in self._containers:
            try:
                is_same = bool(live == pristine)
            except Exception:  # noqa: BLE001 - comparing runs the project's code
                is_same = False
            if not is_same:
                fresh = copy.deepcopy(pristine)
                live.clear()
                live.extend(fresh) if isinstance(live, list) else live.update(fresh)


@functools.lru_cache(maxsize=1)
def _cached() -> None: ...


_CACHE = type(_cached)


# ----------------------------------------------------------------------------- items


class ForwardedTicks(Ticks):
    """A step counter whose count may come from a forked child."""

    forwarded: int | None = None

    def reset(self) -> None:
        """Start counting again."""
        self.forwarded = None
        super().reset()

    @property
    def used(self) -> int:
        """Steps taken since the last reset, here or in the child."""
        return super().used if self.forwarded is None else self.forwarded


class _Item:
    """One test: how to run it and what its parameters were."""

    def __init__(self, item: Any) -> None:  # noqa: ANN401 - pytest's item
        self.item = item
        self.is_direct = False
        spec = getattr(item, "callspec", None)
        self._params: dict[str, Any] = getattr(spec, "params", {})
        self._pristine: dict[str, Any] = {}
        for name, value in self._params.items():
            if isinstance(value, (list, dict, set, bytearray)):
                with contextlib.suppress(Exception):
                    self._pristine[name] = copy.deepcopy(value)
        # Formatting a failure costs more than most tests.
        item.repr_failure = lambda *_, **__: ""

    @property
    def params(self) -> dict[str, Any]:
        """The values of the parameters, fresh if they are mutable."""
        for name, value in self._pristine.items():
            self._params[name] = copy.deepcopy(value)
        return self._params

    @property
    def is_plain(self) -> bool:
        """Whether it is a function that needs nothing but its parameters."""
        item = self.item
        names = set(getattr(item, "fixturenames", None) or ())
        if any(True for _ in item.iter_markers("xfail")) or _is_async(
            getattr(item, "function", None)
        ):
            return False
        if type(item).__name__ == "TestCaseFunction":
            return _needs_no_class_setup(item.cls) and all(
                name == "request" or name.startswith("_unittest_setUpClass")
                for name in names
            )
        return (
            type(item).__name__ == "Function"
            and names == set(self._params)
            and not hasattr(item.cls, "setup_method")
        )

    def call(self) -> BaseException | None:
        """Call the test function itself; return what it raised."""
        item = self.item
        try:
            if type(item).__name__ == "TestCaseFunction":
                item.cls(item.originalname).debug()
            elif item.cls is None:
                item.function(**self.params)
            else:
                item.function(item.cls(), **self.params)
        except (Alarm, unittest.SkipTest) as stopped:
            if isinstance(stopped, Alarm):
                raise
        except BaseException as error:  # noqa: BLE001 - whatever the test does
            return error
        return None


def _needs_no_class_setup(cls: Any) -> bool:  # noqa: ANN401 - a TestCase
    own = (cls.setUpClass.__func__, cls.tearDownClass.__func__)
    plain = (
        unittest.TestCase.setUpClass.__func__,  # type: ignore[attr-defined]
        unittest.TestCase.tearDownClass.__func__,  # type: ignore[attr-defined]
    )
    return own == plain and not hasattr(cls, "setup_method")


def _is_async(function: object) -> bool:
    """Whether calling the function alone would not run it."""
    return inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(
        function
    )


class _Sides(NamedTuple):
    """The sides of a failed comparison, expectation last."""

    observed: object
    expected: object


def in_child(function: Callable[[], Any]) -> Any:  # noqa: ANN401 - what JSON holds
    """Return what `function` returns in a forked child; None if the child died."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # The child may leave only through here.
        try:
            data = json.dumps(function()).encode()
            with os.fdopen(writer, "wb") as pipe:
                pipe.write(data)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    try:
        return json.loads(data)
    except ValueError:
        return None


class Template:
    """A process that stays as it was when it was forked, and answers from children.

    It ends with this process, whose end of the pipe is then closed.

    Args:
        answer: Called in a child of the template, with a request; returns JSON.
    """

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        if os.fork() == 0:
            try:
                os.close(self._requests)
                os.close(self._answers)
                self._serve(requests, answers, answer)
            finally:
                os._exit(0)
        os.close(requests)
        os.close(answers)

    def ask(self, request: Any) -> Any:  # noqa: ANN401 - what JSON holds
        """Return the answer to a request; None if the child died."""
        write_all(self._requests, marshal.dumps(request))
        return json.loads(read_all(self._answers) or b"null")

    def _serve(self, requests: int, answers: int, answer: Callable[[Any], Any]) -> None:
        while True:
            data = read_all(requests)
            if not data:
                return
            reply = in_child(functools.partial(answer, marshal.loads(data)))  # noqa: S302 - from our own process
            write_all(answers, json.dumps(reply).encode())


def write_all(fd: int, data: bytes) -> None:
    """Write a message with its length to a pipe."""
    left = memoryview(len(data).to_bytes(4, "little") + data)
    while left:
        left = left[os.write(fd, left) :]


def read_all(fd: int) -> bytes:
    """Read a message from a pipe; nothing if the other side is gone."""
    size, data = 4, b""
    has_header = False
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part:
            return b""
        data += part
        if not has_header and len(data) == size:
            has_header, size, data = True, int.from_bytes(data, "little"), b""
    return data


class PytestSuite:
    """Collected items as a suite of the kernel; see `codegrad.search.cases.Suite`.

    Args:
        driver: The plugin that runs items.
        subject: The module; its units are reduced to those that are alive.
        module: The same module, as it is loaded.
        items: pytest's items.
        modules: Project modules whose state is brought back between candidates.

    Raises:
        ValueError: If none of the functions is alive.
    """

    program = False

    def __init__(
        self,
        driver: Driver,
        subject: LiveSubject,
        module: types.ModuleType,
        items: Sequence[Any],
        modules: Sequence[types.ModuleType],
    ) -> None:
        self._driver = driver
        self.namespace: dict[str, Any] = vars(module)
        self.namespace.update(RUNTIME)
        self._counter = ForwardedTicks(self.namespace, BASE_TICKS)
        self.ticks: Ticks = self._counter
        self._live: dict[str, _Live] = {}
        self._instrument(subject, os.path.realpath(str(module.__file__)))
        self._state = ModuleState(modules)
        self._forks = False
        self._template: Template | None = None
        self._current: tuple[Unit, types.CodeType] | None = None
        self._subject = subject
        self._items = [_Item(item) for item in items]
        self._choose()

    def _instrument(self, subject: LiveSubject, file: str) -> None:
        """Put counted code in place of the functions that may change."""
        for unit in list(subject.units):
            functions = find_functions(unit, self.namespace, file)
            if not functions:
                subject.units.remove(unit)
                continue
            assert not isinstance(unit.node, ast.Module)
            arguments = unit.node.args
            has_defaults = bool(arguments.defaults or any(arguments.kw_defaults))
            live = _Live(functions, has_defaults=has_defaults)
            self._live[unit.name] = live
            try:
                live.put(function_code(subject.compile_unit(unit), unit))
                live.remember()
                self.install(unit, subject.compile_unit(unit))
            except Exception:  # noqa: BLE001 - evaluating the defaults runs its code
                # For example a default that is a name of the class body.
                live.has_defaults = False
            self._current = None
            live.restore()
        if not self._live:
            raise ValueError("none of the functions that may change is in memory")

    def _choose(self) -> None:
        """Keep the items that matter and find the cheapest true way to run each.

        Everything is tried in a child, so that this process stays as it was.
        """
        plan = in_child(self._rehearse)
        if not isinstance(plan, list):
            # A test ended the process: keep all, and let a child die each time.
            self._forks = True
            return
        for item, (_, is_direct, repeats) in zip(self._items, plan):
            item.is_direct = is_direct
            self._forks = self._forks or not repeats
        kept = [i for i, (is_kept, _, _) in zip(self._items, plan) if is_kept]
        # Cheap ones first: they settle most candidates.
        self._items = sorted(kept, key=lambda item: not item.is_direct)

    def _rehearse(self) -> list[tuple[bool, bool, bool]]:
        """Return for each item whether it matters, runs directly, and repeats."""
        first = []
        for item in self._items:
            result = self._run_once(item)
            first.append((result, self.ticks.used > 0 or not result.ok))
        plan = []
        for item, (result, is_kept) in zip(self._items, first):
            repeats = is_direct = True
            if is_kept:
                repeats = self._run_once(item) == result
                item.is_direct = item.is_plain
                is_direct = item.is_direct and self._run_once(item) == result
                item.is_direct = False
            plan.append((is_kept, is_direct, repeats))
        return plan

    def __len__(self) -> int:
        return len(self._items)

    # -- running

    def run(self, index: int) -> Result:
        """Run one item; see `Suite.run`."""
        item = self._items[index]
        # A tracer has to see the run, and a child cannot tell what it saw.
        if self._forks and not item.is_direct and sys.gettrace() is None:
            return self._run_forked(index)
        return self._run_once(item)

    def _run_once(self, item: _Item) -> Result:
        self._state.restore()
        self.ticks.reset()
        self._driver.forget()
        if item.is_direct:
            error = item.call()
        else:
            _ = item.params
            error = self._driver.run_quietly(item.item)
        if isinstance(error, Alarm):
            raise error
        if self.ticks.used >= self.ticks.limit:
            return Result(ok=False, key=OUT_OF_TICKS, similarity=0.0)
        return PASSED if error is None else self._failure(error)

    def _failure(self, error: BaseException) -> Result:
        comparison = self._driver.comparison
        if isinstance(error, AssertionError) and comparison is not None:
            sides = _Sides(comparison.left, comparison.right)
            credit = 0.0
            if comparison.operator in {"==", "is"}:
                credit = max(
                    similarity(sides.observed, _plain(sides.expected)),
                    similarity(sides.expected, _plain(sides.observed)),
                )
            key = f"{_short(sides.observed)} {_short(sides.expected)}"
            return Result(ok=False, key=key, similarity=WRONG_VALUE_CREDIT * credit)
        name = type(error).__name__
        return Result(ok=False, key=f"!{name} {_text(error)[:60]}", similarity=0.0)

    def _run_forked(self, index: int) -> Result:
        self.ticks.reset()
        if self._template is None:
            self._template = Template(self._answer)
        timer = signal.getitimer(signal.ITIMER_PROF)
        unit, code = self._current or (None, None)
        name = None if unit is None else unit.name
        answer = self._template.ask((index, self.ticks.limit, timer, name, code))
        if answer is None:
            return Result(ok=False, key="!died", similarity=0.0)
        ok, key, credit, self._counter.forwarded = answer
        if key == ALARM:
            raise Alarm
        return Result(ok, key, credit)

    def _answer(self, request: Any) -> list[Any]:  # noqa: ANN401 - what was asked
        """Run one item on one candidate, in a child of the template."""
        index, limit, timer, name, code = request
        self.ticks.limit = limit
        signal.setitimer(signal.ITIMER_PROF, *timer)
        try:
            for unit in self._subject.units:
                if unit.name == name:
                    self.install(unit, code)
            return [*self._run_once(self._items[index]), self.ticks.used]
        except Alarm:
            return [False, ALARM, 0.0, self.ticks.used]

    # -- installing

    def install(self, unit: Unit, code: types.CodeType) -> None:
        """Swap the code of the live functions; see `Suite.install`."""
        live = self._live[unit.name]
        self._current = (unit, code)
        made = None
        if live.has_defaults:
            local: dict[str, Any] = {}
            exec(code, self.namespace, local)  # noqa: S102 - the candidate of this process
            made = local[unit.name.partition(".")[0]]
            if unit.owner is not None:
                made = vars(made)[unit.name.rpartition(".")[2]]
        live.put(function_code(code, unit), made)

    def restore(self, unit: Unit) -> None:
        """Put the original back; see `Suite.restore`."""
        self._current = None
        self._live[unit.name].restore()
        self._state.restore()

    # -- what the tests say literally

    def expectations(self) -> list[object]:
        """Return the literal sides of the items' comparisons, parameters included."""
        return [value for item in self._items for value in _expected_values(item.item)]

    def literals(self) -> list[object]:
        """Return the plain parameters and constants of the items."""
        found: list[object] = []
        for item in self._items:
            found += [v for v in item.params.values() if _is_plain_value(v)]
            found += [
                node.value
                for node in ast.walk(_definition(item.item))
                if isinstance(node, ast.Constant)
            ]
        return found


def _definition(item: Any) -> ast.AST:  # noqa: ANN401 - pytest's item
    function = getattr(item, "function", None)
    code = getattr(function, "__code__", None)
    if code is None:
        return ast.Module([], [])
    for node in ast.walk(_parsed(code.co_filename)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = [node.lineno, *(d.lineno for d in node.decorator_list)]
            if node.name == code.co_name and min(lines) == code.co_firstlineno:
                return node
    return ast.Module([], [])


@functools.cache
def _parsed(filename: str) -> ast.Module:
    try:
        return ast.parse(Path(filename).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return ast.Module([], [])


def _expected_values(item: Any) -> list[object]:  # noqa: ANN401 - pytest's item
    params = getattr(getattr(item, "callspec", None), "params", {})
    found: list[object] = []
    for node in ast.walk(_definition(item)):
        if not isinstance(node, ast.Assert) or not isinstance(node.test, ast.Compare):
            continue
        for side in (node.test.comparators[0], node.test.left):
            name = side.id if isinstance(side, ast.Name) else ""
            if name in params and _is_plain_value(params[name]):
                found.append(params[name])
                break
            with contextlib.suppress(ValueError, TypeError, SyntaxError):
                found.append(ast.literal_eval(side))
                break
    return found


_PLAIN = (int, float, complex, str, bytes, list, tuple, dict, set, frozenset)


def _is_plain_value(value: object) -> bool:
    return value is None or type(value) in {*_PLAIN, bool}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a test
    """Return the number that a `pytest.approx` is about, or the value itself."""
    return value.expected if type(value).__name__ == "ApproxScalar" else value


def _short(value: object) -> str:
    try:
        return repr(value)[:MAX_KEY]
    except Exception:  # noqa: BLE001 - the project's own __repr__
        return "?"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the project's own __str__
        return ""


# ---------------------------------------------------------------------------- plugin


class SearchPlugin:
    """Runs the search in place of pytest's loop over the items."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def pytest_runtestloop(self, session: Any) -> bool | None:  # noqa: ANN401 - pytest's session
        """Carry out the search; leave a session that did not collect to pytest."""
        if session.testsfailed:
            return None
        self._driver.watch_comparisons()
        search = self._driver.job["search"]
        job = search["job"]
        try:
            module = self._module(search["path"])
            subject = LiveSubject(job["source"], job.get("functions"))
            names = {
                name
                for path in self._driver.job["files"]
                for name in self._driver.module_names(path)
            }
            modules = [m for n, m in list(sys.modules.items()) if n in names]
            suite = PytestSuite(self._driver, subject, module, session.items, modules)
        except BaseException as error:  # noqa: BLE001 - importing runs the project
            message = f"{type(error).__name__}: {_text(error)}"[:300]
            counts = {"passed": 0, "total": len(session.items), "generated": 0}
            self._driver.frames({"analysis": {**counts, "error": message}})
            self._driver.frames({"end": {"tried": 0, "next": job.get("start", 0)}})
            return True
        streams = sys.stdout, sys.stderr
        with open(os.devnull, "w", encoding="utf-8") as null:  # noqa: PTH123 - no file
            sys.stdout = sys.stderr = null
            try:
                kernel.search(job, self._driver.frames, subject, suite)
            finally:
                sys.stdout, sys.stderr = streams
        return True

    def _module(self, path: str) -> types.ModuleType:
        """Return the module of a project file, as the tests have it.

        Raises:
            ImportError: If it cannot be imported.
        """
        root = os.path.realpath(self._driver.job["root"])
        file = os.path.realpath(Path(root) / path)
        for module in list(sys.modules.values()):
            found = getattr(module, "__file__", None)
            if isinstance(found, str) and os.path.realpath(found) == file:
                return module
        return importlib.import_module(next(self._driver.module_names(path)))
