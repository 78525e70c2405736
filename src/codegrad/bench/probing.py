"""Test code that only compares calls with values -> cases.

A loop such as `for x in range(9): assert candidate(x) == x + y` is code, but what it
asks for does not depend on the candidate. It is run once, isolated, with a stand-in
that writes down what it is called with and compared to; each sample is then judged by
those calls, which costs one process instead of two, and the sample never sees the test.
"""

import ast
import marshal
import re
from collections.abc import Iterator
from dataclasses import replace

from codegrad.bench.problems import Case, Problem, Suite
from codegrad.sandbox import Call, Ending, Limits, Sandbox

MOST_CASES = 2000
"""Checks that make more calls than this stay code."""

_PROBE = """
import copy as _probe_copy
class _ProbeAnswer:
    __slots__ = ("call",)
    __hash__ = None
    def __init__(self, *call):
        self.call = call
    def __eq__(self, other):
        _probe_found.append([*self.call, _probe_copy.deepcopy(other)])
        return True
    def __ne__(self, other):
        raise TypeError
    __bool__ = __ne__
_probe_found = []
def _probe_stand_in(*args, **kwargs):
    return _ProbeAnswer(_probe_copy.deepcopy(args), _probe_copy.deepcopy(kwargs))
def _probe(text, entry):
    names = dict(globals())
    names.update({"candidate": _probe_stand_in, entry: _probe_stand_in})
    exec(compile(text, "<test>", "exec"), names)
    return _probe_found
"""


def probed(problem: Problem, sandbox: Sandbox) -> Problem:
    """Return the problem with checks replaced by cases where that means the same."""
    suites = tuple(
        _probed_suite(suite, problem, sandbox) if suite.checks else suite
        for suite in problem.suites
    )
    return problem if suites == problem.suites else replace(problem, suites=suites)


def _probed_suite(suite: Suite, problem: Problem, sandbox: Sandbox) -> Suite:
    if suite.shares_process or not suite.states_expected:
        return suite
    cases, checks = list(suite.cases), []
    for check in suite.checks:
        found = _cases(check, suite.prelude, problem, sandbox)
        if found is None:
            checks.append(check)
        else:
            cases += found
    return replace(
        suite,
        cases=tuple(cases),
        checks=tuple(checks),
        prelude=suite.prelude if checks else "",
    )


def _cases(
    check: str, prelude: str, problem: Problem, sandbox: Sandbox
) -> list[Case] | None:
    entry = problem.entry_point
    is_used = re.search(rf"\b{re.escape(entry)}\b", prelude) is not None
    if is_used or not _only_compares(check, {"candidate", entry}):
        return None
    run = sandbox.call(
        f"{prelude}\n{_PROBE}",
        "_probe",
        [Call((check, entry))],
        limits=Limits(wall_s=20.0, cpu_s=5.0),
        context=problem.context,
    )
    outcome = run.calls[0] if run.calls else None
    if outcome is None or outcome.kind is not Ending.RETURNED:
        return None
    found = outcome.value
    if not isinstance(found, list) or not 0 < len(found) <= MOST_CASES:
        return None
    try:
        # What is not plain would not reach the sample as it is.
        marshal.dumps(found)
    except ValueError:
        return None
    return [Case(args, kwargs, expected) for args, kwargs, expected in found]


def _only_compares(check: str, names: set[str]) -> bool:
    r"""Return whether all that `check` does with the candidate is `assert f(...) == x`.

    Example:
        >>> _only_compares("for x in (1, 2):\n    assert f(x) == x", {"f"})
        True
        >>> _only_compares("if f(1) == 2: assert f(2) == 3", {"f"})
        False
    """
    try:
        tree = ast.parse(check)
    except (SyntaxError, ValueError, RecursionError):
        return False
    judged = {id(name) for name in _judged_names(tree, names)}
    used = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id in names
    ]
    return bool(used) and all(id(node) in judged for node in used)


def _judged_names(tree: ast.Module, names: set[str]) -> Iterator[ast.Name]:
    for node in ast.walk(tree):
        test = node.test if isinstance(node, ast.Assert) else None
        if not isinstance(test, ast.Compare) or len(test.ops) != 1:
            continue
        sides = [test.left, *test.comparators]
        calls = [
            side.func
            for side in sides
            if isinstance(side, ast.Call)
            and isinstance(side.func, ast.Name)
            and side.func.id in names
        ]
        if isinstance(test.ops[0], ast.Eq) and len(calls) == 1:
            yield from calls
