"""Edits whose new expression is synthesised instead of taken from a template.

A hole is an expression site; what may fill it is enumerated over the values that the
variables had there. One enumeration serves all sites of a statement.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import Any

from codegrad.search.analysis import Analysis, State
from codegrad.search.cases import Suite, split_asserts
from codegrad.search.edits import COST, HOLE_SIZE_COST, SUSPICION_WEIGHT, Edit, Piece
from codegrad.search.generate import UnitSites, suspicious_sites
from codegrad.search.kinds import BOOL, FLOAT, INT, LISTS, Kind, kind_of
from codegrad.search.sites import ExpressionSite, names_in
from codegrad.search.subject import (
    FUNCTIONS,
    Subject,
    Unit,
    is_docstring,
    is_stub,
    is_tick,
)
from codegrad.search.synthesis import (
    Expression,
    body_for,
    enumerate_expressions,
    solve_examples,
)
from codegrad.search.values import Opaque, decode

MAX_HOLE_EDITS = 9_000
"""Hole edits of a program, the cheapest."""

MAX_TRIED = 60_000
"""Expressions computed for one statement."""

MAX_TRIED_IN_ALL = 400_000
"""Expressions computed for one program."""

MAX_KEPT = 5_000
MAX_SIZE = 6
FIRST_STATES = 6
FURTHER_STATES = 10

COMMON_CONSTANTS: tuple[object, ...] = (0, 1, 2)
LATE_CONSTANTS: tuple[object, ...] = ("", " ", 10, -1)

STUB_COST = 1.0
"""Cost of a synthesised function body, beside its size."""

CONDITIONAL_COST = 3.0
"""Added for one that chooses between two half-fitting expressions."""


def hole_edits(
    subject: Subject, suite: Suite, analysis: Analysis, entry: str
) -> Sequence[Edit]:
    """Return edits that put a synthesised expression at a suspicious place."""
    found: list[Edit] = []
    left = MAX_TRIED_IN_ALL
    for sites in suspicious_sites(subject, suite, analysis, entry):
        filler = _Filler(sites, suite, analysis)
        for site in filler.holes():
            if not filler.is_known(site):
                if left <= 0:
                    break
                left -= MAX_TRIED
            found.extend(filler.fill(site))
    found.sort(key=lambda edit: edit.cost)
    return found[:MAX_HOLE_EDITS]


class _Filler:
    """Fills the holes of one unit."""

    def __init__(self, sites: UnitSites, suite: Suite, analysis: Analysis) -> None:
        self._sites = sites
        self._suspicion = analysis.suspicion
        self._namespace = suite.namespace
        self._expected = {type(value) for value in suite.expectations()}
        self._known: dict[tuple[int, frozenset[str]], Sequence[Expression]] = {}

    def holes(self) -> list[ExpressionSite]:
        """Return the sites worth filling, whole expressions of a statement first."""
        holes = [
            site
            for site in self._sites.expressions
            if site.line in self._suspicion
            and not site.is_stored
            and not site.is_function
            and not isinstance(site.parent, ast.Attribute)
            and not isinstance(site.node, ast.Lambda)
        ]
        holes.sort(key=lambda site: (not _is_whole(site), -self._suspicion[site.line]))
        return holes

    def is_known(self, site: ExpressionSite) -> bool:
        """Whether filling the site needs no further enumeration."""
        return (site.line, site.inner_names) in self._known

    def fill(self, site: ExpressionSite) -> Iterator[Edit]:
        """Yield the edits for one site."""
        states = self._states(site)
        if not states:
            self._known[site.line, site.inner_names] = ()
            return
        original = self._sites.scope.evaluate(site.node, states)
        kinds = self._kinds(site, original)
        penalty = SUSPICION_WEIGHT * (1 - self._suspicion[site.line])
        base = COST["hole" if _is_whole(site) else "hole:inner"] + penalty
        for expression in self._expressions(site, states):
            if kinds is not None and expression.kind not in kinds:
                continue
            if expression.source == site.text or self._is_misfit(site, expression):
                continue
            if original is not None and _same_values(expression.values, original):
                continue
            yield Edit(
                unit=self._sites.unit,
                parent=site.parent,
                field=site.field,
                index=site.index,
                source=expression.source,
                template="hole",
                cost=base + HOLE_SIZE_COST * expression.size,
                line=site.line,
            )

    def _states(self, site: ExpressionSite) -> list[State]:
        states = self._sites.scope.states(site, FIRST_STATES + 10 * FURTHER_STATES)
        further = states[FIRST_STATES:]
        step = max(1, len(further) // FURTHER_STATES)
        return states[:FIRST_STATES] + further[::step]

    def _expressions(
        self, site: ExpressionSite, states: list[State]
    ) -> Sequence[Expression]:
        key = (site.line, site.inner_names)
        if key not in self._known:
            scope = self._sites.scope
            visible = [
                {
                    name: value
                    for name, value in state.items()
                    if scope.is_visible(name, site.inner_names)
                    and not isinstance(value, Opaque)
                }
                for state in states
            ]
            self._known[key] = list(
                enumerate_expressions(
                    visible,
                    self._constants(),
                    names={*dir(builtins), *self._modules()},
                    max_size=MAX_SIZE,
                    max_kept=MAX_KEPT,
                    max_tried=MAX_TRIED,
                )
            )
        return self._known[key]

    def _modules(self) -> list[str]:
        module = type(ast)
        return [n for n, v in self._namespace.items() if isinstance(v, module)]

    def _constants(self) -> list[object]:
        constants = list(COMMON_CONSTANTS)
        for kind in ("int", "str", "float"):
            known = self._sites.donors.constants_of(kind)
            constants.extend(ast.literal_eval(text) for text in known)
        constants.extend(LATE_CONSTANTS)
        unique = {(type(value), value): value for value in constants}
        return list(unique.values())

    def _kinds(
        self, site: ExpressionSite, original: Sequence[object] | None
    ) -> set[Kind] | None:
        """Return the kinds that may stand here; None where nothing is known."""
        if site.is_condition or isinstance(site.node, (ast.Compare, ast.BoolOp)):
            return {BOOL}
        if not original:
            return None
        kind = kind_of(original)
        if kind in LISTS:
            return set(LISTS)
        return {INT, FLOAT} if kind in {INT, FLOAT} else {kind}

    def _is_misfit(self, site: ExpressionSite, expression: Expression) -> bool:
        """Whether the function would return a type that no test expects."""
        return (
            isinstance(site.parent, ast.Return)
            and bool(self._expected)
            and type(expression.values[0]) not in self._expected
        )


def _is_whole(site: ExpressionSite) -> bool:
    return isinstance(site.parent, ast.stmt)


def _same_values(values: Sequence[object], original: Sequence[object]) -> bool:
    try:
        return len(values) == len(original) and all(
            type(a) is type(b) and bool(a == b) for a, b in zip(values, original)
        )
    except Exception:  # noqa: BLE001 - comparing the candidate's objects runs its code
        return False


def stub_edits(
    subject: Subject, tests: Sequence[dict[str, Any]], entry: str, prompt: str
) -> Sequence[Edit]:
    """Return bodies for an empty function, synthesised from its examples."""
    examples = examples_of(tests, entry)
    found: list[Edit] = []
    for unit in subject.units:
        if unit.name == entry and is_stub(unit.node) and examples:
            found.extend(_bodies(unit, examples, prompt))
    return sorted(found, key=lambda edit: edit.cost)


def _bodies(
    unit: Unit, examples: Sequence[tuple[Sequence[object], object]], prompt: str
) -> Iterator[Edit]:
    node = unit.node
    assert isinstance(node, FUNCTIONS)
    names = [argument.arg for argument in node.args.args]
    fitting = [example for example in examples if len(example[0]) == len(names)]
    kept: list[Piece] = [
        item for item in node.body if is_tick(item) or is_docstring(item)
    ]
    text = prompt or ast.get_docstring(node) or ""
    modules = ("math", "statistics", "collections", "itertools")
    for found in solve_examples(names, fitting, prompt=text, modules=modules):
        body = body_for(found.source_expression, found.modules)
        unused = 0 if found.uses_all_arguments else len(names)
        yield Edit(
            unit=unit,
            parent=node,
            field="body",
            index=None,
            source="",
            template="stub",
            cost=STUB_COST
            + HOLE_SIZE_COST * (found.size + unused)
            + (CONDITIONAL_COST if found.conditional else 0),
            line=node.lineno,
            block=[*kept, body],
        )


def examples_of(
    tests: Sequence[dict[str, Any]], entry: str
) -> list[tuple[Sequence[object], object]]:
    """Return the arguments and expected values that test records state plainly.

    Example:
        >>> examples_of([{"kind": "code", "source": "assert f(2, 3) == 6"}], "f")
        [([2, 3], 6)]
    """
    found: list[tuple[Sequence[object], object]] = []
    for test in tests:
        if test["kind"] == "call":
            if test.get("function") in {None, entry} and not decode(
                test.get("kwargs") or {"d": []}
            ):
                arguments = list(decode(test["args"]))
                found.append((arguments, decode(test["expected"])))
        elif test["kind"] == "code":
            for statements in split_asserts(test["source"]):
                example = _example(statements[-1], entry) if statements else None
                if example is not None:
                    found.append(example)
    return found


def _example(node: ast.stmt, entry: str) -> tuple[Sequence[object], object] | None:
    if not isinstance(node, ast.Assert) or entry not in names_in(node.test):
        return None
    test = node.test
    expected: object = True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, expected = test.operand, False
    try:
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Eq, ast.Is)):
            expected = ast.literal_eval(test.comparators[0])
            test = test.left
        if (
            isinstance(test, ast.Call)
            and isinstance(test.func, ast.Name)
            and test.func.id == entry
            and not test.keywords
        ):
            return [ast.literal_eval(item) for item in test.args], expected
    except (ValueError, TypeError):
        pass
    return None
