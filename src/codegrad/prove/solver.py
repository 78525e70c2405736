"""The first solver: Z3.

In: what is known and what has to follow. Out: an `Answer`. Invariant: `HOLDS` only if
Z3 finds the negation unsatisfiable; everything else, time limits included, is not.

Effort is bounded by Z3's resource count, which is the same in every run, and by time
as a second fence. This is the only file that imports Z3.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

import z3  # type: ignore[import-untyped]  # it ships no types

from codegrad.prove.terms import (
    BOOL,
    INT,
    Application,
    Function,
    Term,
    element_of,
    functions_of,
)

QUICK_RESOURCES = 20_000
GUESS_RESOURCES = 400_000
FULL_RESOURCES = 1_500_000
QUICK_WALL_MS = 1_000
FULL_WALL_MS = 12_000
WALL_PER_CPU = 3.0
"""Solvers measure time by the wall; a busy machine gives us a share of it."""
_SIMPLE_OPERATORS = frozenset({"app", "forall", "exists", "store"})


Z3Object: TypeAlias = Any
"""Z3 ships no types; its objects stay inside this file."""


class Outcome(StrEnum):
    """What a solver says about a condition."""

    HOLDS = "holds"
    """The path implies the goal."""

    FAILS = "fails"
    """There are values that satisfy the path and not the goal."""

    UNDECIDED = "undecided"
    """The solver gave up within its limits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome for one condition."""

    outcome: Outcome
    """What the solver says."""

    values: Mapping[Term, int | bool] = field(default_factory=dict)
    """Values of the terms asked for, where the solver offers a model."""


@dataclass(slots=True)
class Z3Solver:
    """Z3 with a translation cache; one object serves one proof."""

    deadline_s: float
    """When to stop, on the clock of `time.process_time`."""

    calls: int = 0
    """How many questions were asked."""

    _context: Z3Object = field(default_factory=z3.Context)
    _terms: dict[Term, Z3Object] = field(default_factory=dict)
    _functions: dict[str, Z3Object] = field(default_factory=dict)
    _needs: dict[str, tuple[Function, ...]] = field(default_factory=dict)
    _axioms: dict[str, list[Z3Object]] = field(default_factory=dict)
    _seeded: dict[Term, list[Z3Object]] = field(default_factory=dict)
    _quick: dict[tuple[tuple[Term, ...], Term], bool] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """The version of Z3."""
        return str(z3.get_version_string())

    def implied(self, path: tuple[Term, ...], goal: Term) -> bool:
        """Return whether the quantifier-free facts of the path imply the goal."""
        if goal.op == "bool":
            return goal.name == "true"
        facts = tuple(p for p in path if _is_simple(p))
        key = (facts, goal)
        if key not in self._quick:
            solver = self._solver(QUICK_RESOURCES, QUICK_WALL_MS, models=False)
            for fact in facts:
                solver.add(self._term(fact))
            solver.add(z3.Not(self._term(goal)))
            self._quick[key] = self._check(solver) == z3.unsat
        return self._quick[key]

    def proves(self, path: tuple[Term, ...], goal: Term) -> bool:
        """Return whether the path implies the goal, with full effort."""
        return self.answer(path, goal).outcome is Outcome.HOLDS

    def answer(
        self,
        path: Sequence[Term],
        goal: Term,
        *,
        wanted: Sequence[Term] = (),
        resources: int = FULL_RESOURCES,
    ) -> Answer:
        """Return whether the path implies the goal; on failure, values of `wanted`."""
        if goal.op == "bool" and goal.name == "true":
            return Answer(Outcome.HOLDS)
        solver = self._asserted(path, resources, models=False)
        found = self._try(solver, goal)
        if found == z3.unsat:
            return Answer(Outcome.HOLDS)
        if not wanted:
            fails = found == z3.sat
            return Answer(Outcome.FAILS if fails else Outcome.UNDECIDED)
        solver = self._asserted(path, GUESS_RESOURCES, models=True)
        found = self._try(solver, goal)
        if found == z3.unsat:
            return Answer(Outcome.HOLDS)
        values = self._values(solver, wanted)
        outcome = Outcome.FAILS if found == z3.sat else Outcome.UNDECIDED
        return Answer(outcome, values)

    def holding(
        self, path: Sequence[Term], goals: Sequence[Term], *, resources: int
    ) -> list[bool]:
        """Return for each goal whether the path implies it."""
        solver = self._asserted(path, resources, models=False)
        found = []
        for number, goal in enumerate(goals):
            if goal.op == "bool":
                found.append(goal.name == "true")
                continue
            # Not `push` and `pop`: a push instantiates quantifiers without any limit.
            switch = z3.Bool(f"goal~{number}", self._context)
            found.append(self._try(solver, goal, switch) == z3.unsat)
        return found

    def core(self, path: Sequence[Term], goal: Term) -> list[Term] | None:
        """Return facts of the path that are enough for the goal; None if none are."""
        if goal.op == "bool" and goal.name == "true":
            return []
        solver = self._solver(FULL_RESOURCES, FULL_WALL_MS, models=False)
        solver.set("unsat_core", True)  # noqa: FBT003 - Z3's own signature
        switches = {}
        for number, fact in enumerate(path):
            switch = z3.Bool(f"fact~{number}", self._context)
            switches[str(switch)] = fact
            self._add_axioms(solver, fact)
            for seed in self._seeds(fact):
                solver.add(seed)
            solver.assert_and_track(self._term(fact), switch)
        if self._try(solver, goal) != z3.unsat:
            return None
        return [switches[str(s)] for s in solver.unsat_core() if str(s) in switches]

    def satisfiable(self, path: Sequence[Term]) -> bool | None:
        """Return whether the facts have a model; None if it is not known."""
        solver = self._asserted(path, FULL_RESOURCES, models=True)
        found = self._check(solver)
        if found == z3.unknown:
            return None
        return bool(found == z3.sat)

    def _asserted(
        self, path: Sequence[Term], resources: int, *, models: bool
    ) -> Z3Object:
        solver = self._solver(resources, FULL_WALL_MS, models=models)
        for fact in path:
            self._add(solver, fact)
        return solver

    def _try(
        self, solver: Z3Object, goal: Term, switch: Z3Object | None = None
    ) -> Z3Object:
        """Ask whether the negated goal is possible; with a switch, only this time."""
        self._add_axioms(solver, goal)
        for seed in self._seeds(goal):
            solver.add(seed)
        negated = z3.Not(self._term(goal))
        if switch is None:
            solver.add(negated)
            return self._check(solver)
        solver.add(z3.Implies(switch, negated))
        return self._check(solver, switch)

    def _add(self, solver: Z3Object, fact: Term) -> None:
        self._add_axioms(solver, fact)
        for seed in self._seeds(fact):
            solver.add(seed)
        solver.add(self._term(fact))

    def _seeds(self, term: Term) -> list[Z3Object]:
        """Return trivial facts that show the solver the ground terms of quantifiers.

        Quantifiers are instantiated with terms that occur outside of quantifiers; a
        witness such as `a[0]` often occurs only inside one.
        """
        if term not in self._seeded:
            found: list[Z3Object] = []
            for ground in _ground_reads(term):
                name = f"seed~{len(self._seeded)}~{len(found)}"
                seed = z3.Const(name, self._sort(ground.sort))
                found.append(seed == self._term(ground))
            self._seeded[term] = found
        return self._seeded[term]

    def _add_axioms(self, solver: Z3Object, term: Term) -> None:
        for function in self._needed(term):
            if function.name not in self._axioms:
                self._axioms[function.name] = [self._term(a) for a in function.axioms]
            for axiom in self._axioms[function.name]:
                solver.add(axiom)

    def _needed(self, term: Term) -> tuple[Function, ...]:
        return functions_of([term])

    def _solver(self, resources: int, timeout_ms: int, *, models: bool) -> Z3Object:
        solver = z3.SimpleSolver(ctx=self._context)
        solver.set("auto_config", False)  # noqa: FBT003 - Z3's own signature
        solver.set("smt.mbqi", models)
        left_ms = WALL_PER_CPU * 1000 * (self.deadline_s - time.process_time())
        solver.set("timeout", int(max(10, min(timeout_ms, left_ms))))
        solver.set("rlimit", resources)
        return solver

    def _check(self, solver: Z3Object, *assumed: Z3Object) -> Z3Object:
        self.calls += 1
        if time.process_time() >= self.deadline_s:
            return z3.unknown
        try:
            return solver.check(*assumed)
        except z3.Z3Exception:
            return z3.unknown

    def _values(
        self, solver: Z3Object, wanted: Sequence[Term]
    ) -> dict[Term, int | bool]:
        try:
            model = solver.model()
        except z3.Z3Exception:
            return {}
        values: dict[Term, int | bool] = {}
        for term in wanted:
            found = model.eval(self._term(term), model_completion=True)
            if z3.is_int_value(found):
                values[term] = found.as_long()
            elif z3.is_true(found) or z3.is_false(found):
                values[term] = z3.is_true(found)
        return values

    def _sort(self, sort: str) -> Z3Object:
        if sort == INT:
            return z3.IntSort(self._context)
        if sort == BOOL:
            return z3.BoolSort(self._context)
        return z3.ArraySort(z3.IntSort(self._context), self._sort(element_of(sort)))

    def _function(self, function: Function) -> Z3Object:
        if function.name in self._functions:
            return self._functions[function.name]
        sorts = [self._sort(p.sort) for p in function.parameters]
        result = self._sort(function.sort)
        if not function.definition:
            made = z3.Function(function.name, *sorts, result)
            self._functions[function.name] = made
            return made
        made = z3.RecFunction(function.name, *sorts, result)
        # Registered before the body is translated: the body may mention it.
        self._functions[function.name] = made
        parameters = [self._term(p) for p in function.parameters]
        z3.RecAddDefinition(made, parameters, self._term(function.definition[0]))
        return made

    def _term(self, term: Term) -> Z3Object:
        found = self._terms.get(term)
        if found is None:
            found = self._translate(term)
            self._terms[term] = found
        return found

    def _translate(  # noqa: PLR0911 - one case for each kind of term
        self, term: Term
    ) -> Z3Object:
        if term.op == "var":
            return z3.Const(str(term.name), self._sort(term.sort))
        if term.op == "int":
            return z3.IntVal(term.name, self._context)
        if term.op == "bool":
            return z3.BoolVal(term.name == "true", self._context)
        if isinstance(term, Application):
            return self._function(term.function)(*(self._term(a) for a in term.args))
        args = [self._term(a) for a in term.args]
        if term.op == "forall":
            return z3.ForAll(args[:-1], args[-1])
        if term.op == "exists":
            return z3.Exists(args[:-1], args[-1])
        return _OPERATORS[term.op](*args)


_OPERATORS: dict[str, Z3Object] = {
    "+": lambda a, b: a + b,
    "neg": lambda a: -a,
    "*": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "mod": lambda a, b: a % b,
    "<=": lambda a, b: a <= b,
    "=": lambda a, b: a == b,
    "not": z3.Not,
    "and": z3.And,
    "or": z3.Or,
    "=>": z3.Implies,
    "ite": z3.If,
    "select": z3.Select,
    "store": z3.Store,
}


def _is_simple(term: Term) -> bool:
    return not term.quantified and not _mentions_functions(term)


def _mentions_functions(term: Term) -> bool:
    pending, seen = [term], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op in _SIMPLE_OPERATORS:
            return True
        pending.extend(node.args)
    return False


def _ground_reads(term: Term) -> list[Term]:
    """Return array reads and applications inside quantifiers that bind none of it."""
    if not term.quantified:
        return []
    found: list[Term] = []
    pending: list[tuple[Term, frozenset[str]]] = [(term, frozenset())]
    while pending:
        node, bound = pending.pop()
        if node.op in ("forall", "exists"):
            bound |= {str(b.name) for b in node.args[:-1]}
            pending.append((node.args[-1], bound))
            continue
        readable = node.op in ("select", "app") and node.args
        if bound and readable and not node.variables & bound and node not in found:
            found.append(node)
        pending.extend((a, bound) for a in node.args)
    return found
