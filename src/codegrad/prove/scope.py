"""Where an expression is evaluated: names, what is known, and what must be checked.

In: the state of a path. Out: `Check`s, the things that would raise if they were false.
Invariant: a check is recorded with everything that was decided before it, and nothing
that comes after.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from codegrad.prove.symbolic import Value
from codegrad.prove.terms import TRUE, Term, both, for_all, implies


class Mode(StrEnum):
    """What is done with an expression."""

    CODE = "code"
    """It is executed; what it checks must be proved."""

    GOAL = "goal"
    """It is a condition to be proved; what it checks must be proved too."""

    ASSUMPTION = "assumption"
    """It is a condition that held; then what it checks held too."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must be true, or evaluation raises."""

    reason: str
    """What is checked, for example `index in range`."""

    node: ast.AST
    """The expression that would raise."""

    goal: Term
    """The condition, with what guards its evaluation as premise."""

    facts_before: int
    """How many facts of the expression were established before it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One point of evaluation; narrower scopes share their lists."""

    env: Mapping[str, Value]
    """The values of names."""

    path: tuple[Term, ...]
    """What is known here, guards included."""

    mode: Mode
    """What the expression is for."""

    unsure: Mapping[str, Term] = field(default_factory=dict)
    """Names that may be unbound, and when they are bound."""

    local_names: frozenset[str] = frozenset()
    """Names that cannot mean a global or a builtin."""

    guards: tuple[Term, ...] = ()
    """What was decided since the evaluation (or the binder around it) began."""

    checks: list[Check] = field(default_factory=list)
    """What must be true, in order of evaluation."""

    facts: list[Term] = field(default_factory=list)
    """What calls established, in order of evaluation."""

    is_bound: bool = False
    """Whether a variable bound by a comprehension is in scope."""

    def under(self, *conditions: Term) -> "Scope":
        """Return the scope where these conditions hold as well."""
        added = tuple(c for c in conditions if c != TRUE)
        return replace(self, path=(*self.path, *added), guards=(*self.guards, *added))

    def binder(self) -> "Scope":
        """Return a scope for the inside of a comprehension, with its own checks."""
        return replace(self, guards=(), checks=[], is_bound=True)

    def bind(self, names: Mapping[str, Value]) -> "Scope":
        """Return the scope with more names."""
        local = self.local_names | names.keys()
        unsure = {n: c for n, c in self.unsure.items() if n not in names}
        return replace(
            self, env={**self.env, **names}, local_names=local, unsure=unsure
        )

    def hide(self, names: Iterable[str]) -> "Scope":
        """Return the scope where these names are local and not bound yet."""
        hidden = frozenset(names)
        env = {n: v for n, v in self.env.items() if n not in hidden}
        return replace(self, env=env, local_names=self.local_names | hidden)

    def check(self, reason: str, node: ast.AST, goal: Term) -> None:
        """Record that `goal` is needed here."""
        guarded = implies(both(*self.guards), goal)
        if guarded != TRUE:
            self.checks.append(Check(reason, node, guarded, len(self.facts)))

    def establish(self, *facts: Term) -> None:
        """Record what holds here from now on."""
        guard = both(*self.guards)
        self.facts.extend(implies(guard, f) for f in facts)

    def close(self, bound: list[Term], inner: "Scope", when: Term = TRUE) -> None:
        """Take over the checks of a binder, for all values of its variables.

        `when` is the condition under which the binder certainly looked at all of
        them; assumptions may only use the checks then.
        """
        for item in inner.checks:
            goal = for_all(bound, item.goal)
            if self.mode is Mode.ASSUMPTION:
                goal = implies(when, goal)
            guarded = implies(both(*self.guards), goal)
            self.checks.append(
                Check(item.reason, item.node, guarded, item.facts_before)
            )
