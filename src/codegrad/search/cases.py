"""Tests as callables: what a job's test records become inside the child.

`Suite` is the border between the search and whatever runs the tests. `CaseSuite` is
the ordinary one: the module lives in a namespace of its own, and each record is a
function in it. Another suite (say, of collected pytest items in this process) only
has to keep the contract of `Suite`.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import math
import operator
import signal
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from codegrad.search.exactness import has_same_types
from codegrad.search.similarity import similarity
from codegrad.search.subject import RUNTIME, TICK, Subject, Ticks, Unit
from codegrad.search.values import decode

EXPECT = "__codegrad_expect__"
THUNK = "__codegrad_case__"
OUT_OF_TICKS = "!ticks"
ALARM = "!alarm"
MAX_KEY = 200
WRONG_VALUE_CREDIT = 0.9
"""A wrong value of full similarity is still less than a pass."""


class Alarm(BaseException):
    """The CPU alarm went off; no candidate code should catch it."""


def _on_alarm(*_: object) -> None:
    raise Alarm


@contextlib.contextmanager
def cpu_alarm(seconds: float) -> Iterator[None]:
    """Raise `Alarm` inside the block when it has used so many CPU seconds.

    The alarm repeats every half second, for code that swallows the first.
    """
    signal.signal(signal.SIGPROF, _on_alarm)
    signal.setitimer(signal.ITIMER_PROF, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


class Mismatch(AssertionError):  # noqa: N818 - an outcome, not a fault
    """A test's own comparison failed.

    Attributes:
        observed: The left-hand side.
        expected: The right-hand side.
    """

    def __init__(self, observed: object, expected: object) -> None:
        super().__init__("not as expected")
        self.observed = observed
        self.expected = expected


class WrongTypes(Mismatch):
    """The value is the expected one, and numbers in it are of other types."""


class Result(NamedTuple):
    """What one test made of the program as installed."""

    ok: bool
    """Whether the test passed."""

    key: str | None
    """What came out instead, short; equal keys mean the same failure. `!` begins an
    exception's name. A passing test has None, or `~` if only equal in value
    (`1` for `True`)."""

    similarity: float
    """Partial credit, 1.0 for a pass."""


class StepCounter(Protocol):
    """Counts and limits the steps of one test; `Ticks` is the ordinary one."""

    limit: int
    """Steps that a test may take, from the next reset on."""

    def reset(self) -> None:
        """Start counting again, up to `limit`."""

    @property
    def used(self) -> int:
        """Steps taken since the last reset."""


def _failure(key: str, similarity: float = 0.0) -> Result:
    return Result(ok=False, key=key, similarity=similarity)


class Suite(Protocol):
    """Tests that can be run one by one on a program that changes underneath.

    Everything happens in one process. `run` never raises for what the program or the
    test does, except `Alarm`, which must pass through. `install` followed by
    `restore` leaves the suite as it was. Results may not depend on which tests ran
    before.
    """

    namespace: dict[str, Any]
    """Globals of the program: where names in expressions are looked up."""

    @property
    def ticks(self) -> StepCounter:
        """The step counter of the namespace that the program's functions use."""

    def __len__(self) -> int:
        """Return the number of tests."""

    def run(self, index: int) -> Result:
        """Run one test on the program as installed, from `ticks.reset()` on."""

    def install(self, unit: Unit, code: types.CodeType) -> None:
        """Put a unit in place, compiled by `Subject.compile_unit`.

        Raises:
            Exception: Whatever executing the definition raises.
        """

    def restore(self, unit: Unit) -> None:
        """Put the original unit back, and any state that the tests may change."""

    def expectations(self) -> list[object]:
        """Return expected values that are known literally, to learn their types."""

    def literals(self) -> list[object]:
        """Return all literals in the tests, inputs too: what may be overfitted to."""


_COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.Is: operator.is_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def _expect(compare: str, observed: object, expected: object) -> None:
    if not _BY_NAME[compare](observed, expected):
        raise Mismatch(observed, expected)


_BY_NAME = {kind.__name__: function for kind, function in _COMPARISONS.items()}


class _AssertsToExpectations(ast.NodeTransformer):
    """Turn each assert into a call that reports both sides."""

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test = node.test
        if (
            isinstance(test, ast.Compare)
            and len(test.ops) == 1
            and type(test.ops[0]) in _COMPARISONS
        ):
            name = type(test.ops[0]).__name__
            sides: list[ast.expr] = [test.left, test.comparators[0]]
        else:
            name = "Eq"
            truth = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), test))
            sides = [truth, ast.Constant(value=True)]
        call = ast.Call(
            ast.Name(EXPECT, ast.Load()), [ast.Constant(value=name), *sides], []
        )
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), node))


class _Rename(ast.NodeTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id == self.old:
            node.id = self.new
        return node


def _inline_check(body: list[ast.stmt]) -> list[ast.stmt]:
    """Unfold `def check(f): ...` followed by `check(name)` into its statements."""
    last = body[-1] if body else None
    if not (
        isinstance(last, ast.Expr)
        and isinstance(last.value, ast.Call)
        and isinstance(last.value.func, ast.Name)
        and len(last.value.args) == 1
        and isinstance(last.value.args[0], ast.Name)
    ):
        return body
    name, entry = last.value.func.id, last.value.args[0].id
    for position, node in enumerate(body[:-1]):
        if (
            isinstance(node, ast.FunctionDef)
            and node.name == name
            and len(node.args.args) == 1
            and not any(isinstance(n, (ast.Return, ast.Yield)) for n in ast.walk(node))
        ):
            rename = _Rename(node.args.args[0].arg, entry)
            inner = [rename.visit(statement) for statement in node.body]
            return body[:position] + body[position + 1 : -1] + inner
    return body


def _is_pure_assert(node: ast.Assert) -> bool:
    """Whether later statements cannot depend on the assert having run."""
    for part in ast.walk(node.test):
        if isinstance(part, ast.NamedExpr):
            return False
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            receiver = part.func.value
            if isinstance(receiver, ast.Name) and receiver.id not in {"math", "np"}:
                return False
    return True


def split_asserts(source: str) -> list[list[ast.stmt]]:
    r"""Return one list of statements per assertion, each runnable on its own.

    Statements that do not assert are repeated as set-up of every later part. A part
    also repeats earlier asserts that may change state.

    Raises:
        SyntaxError: If `source` does not parse.

    Example:
        >>> parts = split_asserts("x = 1\nassert f(x) == 1\nassert f(2) == 2")
        >>> [ast.unparse(ast.Module(part, [])) for part in parts]
        ['x = 1\nassert f(x) == 1', 'x = 1\nassert f(2) == 2']
    """
    setup: list[ast.stmt] = []
    parts: list[list[ast.stmt]] = []
    for node in _inline_check(ast.parse(source).body):
        asserts = [n for n in ast.walk(node) if isinstance(n, ast.Assert)]
        is_definition = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if not asserts or is_definition:
            setup.append(node)
            continue
        trivial = isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant)
        if not trivial:
            parts.append([*setup, node])
        if not isinstance(node, ast.Assert) or not _is_pure_assert(node):
            setup.append(node)
    if setup and (not parts or (setup[-1] is not parts[-1][-1] and _acts(setup[-1]))):
        parts.append(setup)
    return parts


def _acts(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Expr, ast.For, ast.With, ast.Try)) and not (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _short(value: object) -> str:
    try:
        if isinstance(value, (str, bytes, list, tuple, dict, set)):
            size = len(value)
            if size > MAX_KEY and isinstance(value, (str, bytes, list, tuple)):
                return f"{size}:{value[:50]!r}"[:MAX_KEY]
        return repr(value)[:MAX_KEY]
    except Exception:  # noqa: BLE001 - a candidate's own __repr__
        return "?"


def _strictly_equal(observed: object, expected: object) -> bool:
    if type(observed) is not type(expected):
        return False
    if isinstance(observed, (list, tuple)) and isinstance(expected, (list, tuple)):
        return all(map(_strictly_equal, observed, expected))
    return has_same_types(observed, expected)


def _close(observed: Any, expected: Any, tolerance: float) -> bool:  # noqa: ANN401
    number = (int, float)
    if isinstance(observed, number) and isinstance(expected, number):
        return observed == expected or abs(observed - expected) < tolerance
    if isinstance(observed, (list, tuple)) and isinstance(expected, (list, tuple)):
        return len(observed) == len(expected) and all(
            _close(a, b, tolerance) for a, b in zip(observed, expected)
        )
    if isinstance(observed, dict) and isinstance(expected, dict):
        return observed.keys() == expected.keys() and all(
            _close(observed[key], expected[key], tolerance) for key in expected
        )
    return bool(observed == expected)


def _same(observed: object, expected: object) -> bool:
    if isinstance(expected, float) and isinstance(observed, float):
        return observed == expected or (math.isnan(observed) and math.isnan(expected))
    return bool(observed == expected)


class _Pass(NamedTuple):
    strict: bool


Runner = Callable[[], _Pass]


class CaseSuite:
    """The test records of a job, run in a namespace that holds the module.

    Args:
        subject: The program; its module is executed here once.
        context: Source executed in the namespace before the module.
        tests: The job's records.
        entry: Name of the function that `call` and `raises` records call.

    Raises:
        Exception: Whatever executing the context or the module raises.
    """

    def __init__(
        self,
        subject: Subject,
        tests: list[dict[str, Any]],
        *,
        entry: str = "",
        context: str = "",
        tick_limit: int = 200_000,
    ) -> None:
        self._subject = subject
        self._entry = entry
        self._context = compile(context, "<context>", "exec", dont_inherit=True)
        self.program = any(test["kind"] == "stdin" for test in tests)
        self.namespace = self._fresh("candidate")
        self.ticks = Ticks(self.namespace, tick_limit)
        self._module_code = subject.compile_module()
        self._expected: list[object] = []
        self._literals: list[object] = []
        if not self.program:
            exec(self._context, self.namespace)  # noqa: S102 - the job of this process
            exec(self._module_code, self.namespace)  # noqa: S102
        self._state = _mutable_globals(self.namespace)
        self._saved: dict[str, Any] = {}
        self._runners: list[Runner] = []
        for test in tests:
            self._runners.extend(self._build(test))

    def _fresh(self, name: str) -> dict[str, Any]:
        return {"__name__": name, "__builtins__": __builtins__, **RUNTIME} | {
            EXPECT: _expect
        }

    def __len__(self) -> int:
        return len(self._runners)

    def expectations(self) -> list[object]:
        """Return the literal expected values."""
        return list(self._expected)

    def literals(self) -> list[object]:
        """Return every literal of the tests."""
        return list(self._literals)

    # -- running

    def run(self, index: int) -> Result:
        """Run one test; see `Suite.run`."""
        self.ticks.reset()
        try:
            passed = self._runners[index]()
        except Mismatch as mismatch:
            observed, expected = mismatch.observed, mismatch.expected
            alike = isinstance(mismatch, WrongTypes) or similarity(observed, expected)
            credit = WRONG_VALUE_CREDIT * alike
            return _failure(_short(observed), credit)
        except Alarm:
            return _failure(ALARM)
        except StopIteration:
            return _failure(OUT_OF_TICKS)
        except BaseException as error:  # noqa: BLE001 - SystemExit included
            return _failure(_error_key(error))
        return _STRICT_PASS if passed.strict else _LOOSE_PASS

    # -- installing

    def install(self, unit: Unit, code: types.CodeType) -> None:
        """Put a unit in place; see `Suite.install`."""
        if self._state:
            self._restore_state()
        if self.program:
            self._module_code = code
        elif unit.owner is None:
            name = unit.name
            self._saved[name] = self.namespace.get(name)
            exec(code, self.namespace)  # noqa: S102 - the job of this process
        else:
            self._install_method(unit, code)

    def _install_method(self, unit: Unit, code: types.CodeType) -> None:
        assert unit.owner is not None
        cls = self.namespace[unit.owner.name]
        method = unit.name.rpartition(".")[2]
        exec(code, self.namespace)  # noqa: S102 - the job of this process
        shell = self.namespace[unit.owner.name]
        self.namespace[unit.owner.name] = cls
        attribute = vars(shell)[method]
        _point_to_class(attribute, cls)
        self._saved.setdefault(unit.name, vars(cls)[method])
        setattr(cls, method, attribute)

    def restore(self, unit: Unit) -> None:
        """Put the original unit back; see `Suite.restore`."""
        if self.program:
            self._module_code = self._original_module_code()
        elif unit.owner is None:
            if unit.name in self._saved:
                self.namespace[unit.name] = self._saved.pop(unit.name)
        elif unit.name in self._saved:
            cls = self.namespace[unit.owner.name]
            method = unit.name.rpartition(".")[2]
            setattr(cls, method, self._saved.pop(unit.name))

    def _original_module_code(self) -> types.CodeType:
        if "" not in self._saved:
            self._saved[""] = self._subject.compile_module()
        code: types.CodeType = self._saved[""]
        return code

    def _restore_state(self) -> None:
        for name, value in self._state.items():
            self.namespace[name] = copy.deepcopy(value)

    # -- building

    def _build(self, test: dict[str, Any]) -> list[Runner]:
        kind = test["kind"]
        if kind == "call":
            return [self._call(test)]
        if kind == "raises":
            return [self._raises(test)]
        if kind == "stdin":
            return [self._stdin(test["stdin"], test["stdout"])]
        if kind == "code":
            return self._code(test["source"])
        raise ValueError(f"unknown kind of test: {kind!r}")

    def _thunk(self, test: dict[str, Any]) -> Callable[[], Any]:
        """Return a call of the entry that builds fresh arguments every time."""
        args = decode(test.get("args") or {"t": []})
        kwargs = decode(test.get("kwargs") or {"d": []})
        self._literals.extend(args)
        self._literals.extend(kwargs.values())
        entry = test.get("function") or self._entry
        if not entry.isidentifier() or any(
            not _is_immutable(value) for value in [*args, *kwargs.values()]
        ):
            return self._decoding_call(test, entry)
        namespace = self.namespace
        return lambda: namespace[entry](*args, **kwargs)

    def _decoding_call(
        self, test: dict[str, Any], entry_name: str
    ) -> Callable[[], Any]:
        args = decode(test.get("args") or {"t": []})
        kwargs = decode(test.get("kwargs") or {"d": []})
        namespace = self.namespace
        first, *rest = entry_name.split(".")

        def call() -> Any:  # noqa: ANN401 - the candidate's value
            entry = namespace[first]
            for name in rest:
                entry = getattr(entry, name)
            fresh = [_fresh_copy(value) for value in args]
            named = {name: _fresh_copy(value) for name, value in kwargs.items()}
            return entry(*fresh, **named)

        return call

    def _call(self, test: dict[str, Any]) -> Runner:
        thunk, expected = self._thunk(test), decode(test["expected"])
        tolerance, exact = test.get("tolerance"), bool(test.get("exact"))
        self._expected.append(expected)
        self._literals.append(expected)
        if tolerance is not None:

            def run_close() -> _Pass:
                observed = thunk()
                if not _close(observed, expected, tolerance):
                    raise Mismatch(observed, expected)
                if exact and not has_same_types(observed, expected):
                    raise WrongTypes(observed, expected)
                return _STRICT

            return run_close

        def run() -> _Pass:
            observed = thunk()
            if not _same(observed, expected):
                raise Mismatch(observed, expected)
            if exact and not has_same_types(observed, expected):
                raise WrongTypes(observed, expected)
            return _STRICT if _strictly_equal(observed, expected) else _LOOSE

        return run

    def _raises(self, test: dict[str, Any]) -> Runner:
        thunk, wanted = self._thunk(test), test["error"]

        def run() -> _Pass:
            try:
                observed = thunk()
            except Exception as error:
                if any(cls.__name__ == wanted for cls in type(error).__mro__):
                    return _STRICT
                raise
            raise Mismatch(observed, wanted)

        return run

    def _code(self, source: str) -> list[Runner]:
        runners = []
        for statements in split_asserts(source):
            for node in statements:
                self._note_literals(node)
            runners.append(self._statements(statements))
        return runners

    def _note_literals(self, node: ast.AST) -> None:
        for part in ast.walk(node):
            if isinstance(part, ast.Assert):
                self._note_expectation(part.test)
            if isinstance(part, ast.Constant):
                self._literals.append(part.value)

    def _note_expectation(self, test: ast.expr) -> None:
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            for side in (test.comparators[0], test.left):
                try:
                    self._expected.append(ast.literal_eval(side))
                except (ValueError, TypeError, SyntaxError):
                    continue
                return
        else:
            self._expected.append(True)

    def _statements(self, statements: list[ast.stmt]) -> Runner:
        transform = _AssertsToExpectations()
        body = [transform.visit(copy.deepcopy(node)) for node in statements]
        function = ast.parse(f"def {THUNK}(): pass").body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = body
        module = ast.fix_missing_locations(ast.Module([function], []))
        try:
            code = compile(module, "<test>", "exec", dont_inherit=True)
        except SyntaxError:
            return self._module_level(body)
        exec(code, self.namespace)  # noqa: S102 - the job of this process
        thunk = self.namespace.pop(THUNK)

        def run() -> _Pass:
            thunk()
            return _STRICT

        return run

    def _module_level(self, body: list[ast.stmt]) -> Runner:
        """Return a runner of statements that a function body cannot hold."""
        module = ast.fix_missing_locations(ast.Module(body, []))
        code = compile(module, "<test>", "exec", dont_inherit=True)

        def run() -> _Pass:
            exec(code, dict(self.namespace))  # noqa: S102 - the job of this process
            return _STRICT

        return run

    def _stdin(self, stdin: str, stdout: str) -> Runner:
        expected = _tokens_by_line(stdout)
        self._expected.append(stdout)

        def run() -> _Pass:
            observed = _tokens_by_line(self._run_program(stdin))
            if observed != expected:
                raise Mismatch(observed, expected)
            return _STRICT

        return run

    def _run_program(self, stdin: str) -> str:
        namespace = self._fresh("__main__")
        namespace[TICK] = self.namespace[TICK]
        captured = _Capture()
        saved = sys.stdin, sys.stdout
        sys.stdin, sys.stdout = _text_stream(stdin), captured.stream
        try:
            exec(self._context, namespace)  # noqa: S102 - the job of this process
            exec(self._module_code, namespace)  # noqa: S102
        except SystemExit:
            pass
        finally:
            sys.stdin, sys.stdout = saved
        return captured.text()


_STRICT, _LOOSE = _Pass(strict=True), _Pass(strict=False)
_STRICT_PASS = Result(ok=True, key=None, similarity=1.0)
_LOOSE_PASS = Result(ok=True, key="~", similarity=1.0)


class _Capture:
    """A text stream with a `.buffer`, kept in memory."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        self.stream = io.TextIOWrapper(
            self._bytes, encoding="utf-8", newline="", write_through=True
        )

    def text(self) -> str:
        """Return what was written."""
        return self._bytes.getvalue().decode("utf-8", "replace")


def _text_stream(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")


def _tokens_by_line(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.rstrip().split("\n")]
    return lines if lines != [""] else []


def _error_key(error: BaseException) -> str:
    if isinstance(error, RuntimeError) and "StopIteration" in str(error):
        return OUT_OF_TICKS
    try:
        return f"!{type(error).__name__}{str(error)[:60]}"
    except Exception:  # noqa: BLE001 - a candidate's own __repr__
        return f"!{type(error).__name__}"


def _point_to_class(attribute: object, cls: type) -> None:
    """Make zero-argument `super()` of a freshly compiled method see its class."""
    function = getattr(attribute, "__func__", getattr(attribute, "fget", attribute))
    if isinstance(function, types.FunctionType) and function.__closure__:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__):
            if name == "__class__":
                cell.cell_contents = cls


def _is_immutable(value: object) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_immutable, value))
    return value is None or isinstance(value, (int, float, str, bytes, complex))


def _fresh_copy(value: Any) -> Any:  # noqa: ANN401 - any plain value
    kind = type(value)
    if kind is list:
        if all(type(item) in _ATOMS for item in value):
            return value[:]
        return [_fresh_copy(item) for item in value]
    if kind is dict:
        return {key: _fresh_copy(item) for key, item in value.items()}
    if kind is tuple:
        return tuple([_fresh_copy(item) for item in value])
    if kind is set:
        return set(value)
    return value


_ATOMS = frozenset({int, float, str, bool, bytes, type(None)})


def _mutable_globals(namespace: dict[str, Any]) -> dict[str, Any]:
    """Return copies of the module's own mutable containers, by name."""
    kept = {}
    for name, value in namespace.items():
        if name.startswith("__") or not isinstance(value, (list, dict, set)):
            continue
        with contextlib.suppress(Exception):  # what cannot be copied stays as it is
            kept[name] = copy.deepcopy(value)
    return kept
