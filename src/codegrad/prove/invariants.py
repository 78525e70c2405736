"""Inference of loop invariants: guess, look at runs, keep what is inductive.

In: the loops of a function, its contract, small inputs. Out: for each loop the guesses
that hold on entry and after every round, given only each other. Invariant: what is kept
was proved; a guess that a solver cannot decide is dropped.
"""

import ast
from collections.abc import Callable, Mapping, Sequence

from codegrad.contract import ClauseKind
from codegrad.prove.conditions import (
    Condition,
    Guesses,
    Invariant,
    LoopInfo,
    Tag,
    given_invariants,
    place_of,
)
from codegrad.prove.interpret import (
    RAISES,
    Abandoned,
    HeadState,
    Interpreter,
)
from codegrad.prove.relations import relations
from codegrad.prove.solver import GUESS_RESOURCES, Z3Solver
from codegrad.prove.subset import Function
from codegrad.prove.templates import guesses as templates
from codegrad.prove.templates import index_names
from codegrad.prove.terms import Term

_MAX_STATES = 40
_MAX_ABANDONED = 8
_MAX_GUESSES = 60
_MAX_OUTER = 30
_MAX_LENGTHS = 2
_MAX_ROUNDS = 12
_MAX_COLUMNS = 6


def given(function: Function) -> dict[str, list[Invariant]]:
    """Return the invariants that the author wrote, in two readings.

    A condition at the head of a `for` body is meant for the rounds that take place;
    often it holds at the exit too, one past the last index, and is more useful there.
    """
    found: dict[str, list[Invariant]] = {}
    for node in ast.walk(function.node):
        if isinstance(node, ast.For | ast.While):
            texts = list(given_invariants(node))
            readings = [Invariant(t, is_given=True) for t in texts]
            if isinstance(node, ast.For):
                readings += [
                    Invariant(t, is_guarded=True, is_given=True) for t in texts
                ]
            found[place_of(function.name, node)] = readings
    return found


def guessed(
    info: LoopInfo,
    function: Function,
    interpreter: Interpreter,
    states: Sequence[HeadState],
    outer: Sequence[Invariant] = (),
) -> list[Invariant]:
    """Return guesses that hold in every state seen, most likely first.

    `outer` are the guesses for the loops around this one: what they say often stays
    true while this one runs.
    """
    sample = _sample(states)
    found: list[Invariant] = []
    texts = [*_relations(info, sample), *templates(info, function)]
    for part, most in (
        (texts, _MAX_GUESSES),
        ([g.text for g in outer], _MAX_GUESSES + _MAX_OUTER),
    ):
        for text in dict.fromkeys(part):
            if len(found) >= most:
                break
            guess = Invariant(text)
            if guess not in found and _holds_in_all(text, interpreter, sample):
                found.append(guess)
    return found


def _sample(states: Sequence[HeadState]) -> list[HeadState]:
    """Return some states: every exit counts, the others are thinned out."""
    if len(states) <= _MAX_STATES:
        return list(states)
    step = len(states) / _MAX_STATES
    return [states[int(n * step)] for n in range(_MAX_STATES)]


def _holds_in_all(
    text: str, interpreter: Interpreter, states: Sequence[HeadState]
) -> bool:
    node = ast.parse(text, mode="eval").body
    seen = False
    # The last states are of the largest inputs and refute most guesses at once.
    for state in reversed(states):
        try:
            if not interpreter.holds(node, state.env):
                return False
        except (Abandoned, *RAISES):
            return False
        seen = True
    return seen


def _relations(info: LoopInfo, states: Sequence[HeadState]) -> list[str]:
    index = index_names(info.node)
    columns = [n for n in (*info.changed, *index[:1]) if _always_int(n, states)]
    columns = list(dict.fromkeys(columns))
    others = [n for n in info.kinds if _always_int(n, states) and n not in columns]
    columns = [*columns, *others][:_MAX_COLUMNS]
    if not columns:
        return []
    found = _equations(columns, states)
    fixed = [f"len({s})" for s in _fixed(info, states)][:_MAX_LENGTHS]
    if fixed:
        lengths = _equations([*columns[:4], *fixed], states)
        found += [text for text in lengths if text not in found]
    squares = [f"{a} * {b}" for n, a in enumerate(columns) for b in columns[n:]]
    return [*found, *_equations([*columns[:4], *squares[:8]], states)]


def _equations(columns: Sequence[str], states: Sequence[HeadState]) -> list[str]:
    rows = []
    for state in states:
        row = []
        for column in columns:
            factors = [_looked_up(f, state) for f in column.split(" * ")]
            value = 1
            for factor in factors:
                assert isinstance(factor, int)
                value *= factor
            row.append(value)
        rows.append(row)
    return relations(columns, rows)


def _fixed(info: LoopInfo, states: Sequence[HeadState]) -> list[str]:
    return [
        name
        for name in info.kinds
        if name not in info.changed
        and all(isinstance(s.env.get(name), list | str) for s in states)
    ]


def _looked_up(text: str, state: HeadState) -> object:
    name = text.removeprefix("len(").removesuffix(")")
    value = state.env[name]
    if name == text:
        return value
    assert isinstance(value, list | str)
    return len(value)


def _always_int(name: str, states: Sequence[HeadState]) -> bool:
    return bool(states) and all(type(s.env.get(name)) is int for s in states)


Generate = Callable[[Guesses], list[Condition]]
Rescue = Callable[[Condition], bool]


def prune(
    generate: Generate, guesses: Guesses, solver: Z3Solver, rescue: Rescue
) -> tuple[dict[str, list[Invariant]], list[Condition]]:
    """Return the guesses that are inductive together, and the conditions with them.

    `rescue` gets a second chance to prove a condition of an invariant that the author
    wrote.
    """
    kept = {place: list(items) for place, items in guesses.items()}
    for _ in range(_MAX_ROUNDS):
        conditions = generate(kept)
        failed = _failing(conditions, solver, rescue)
        if not failed:
            return kept, conditions
        kept = {
            place: [g for g in items if Tag(place, g) not in failed]
            for place, items in kept.items()
        }
    return {}, generate({})


def _failing(
    conditions: Sequence[Condition], solver: Z3Solver, rescue: Rescue
) -> set[Tag]:
    failed: set[Tag] = set()
    by_path: dict[tuple[Term, ...], list[Condition]] = {}
    for condition in conditions:
        if condition.tag is not None and isinstance(condition.tag.guess, Invariant):
            by_path.setdefault(condition.path, []).append(condition)
    for path, group in by_path.items():
        open_ = [c for c in group if c.tag not in failed]
        answers = solver.holding(
            path, [c.goal for c in open_], resources=GUESS_RESOURCES
        )
        for condition, holds in zip(open_, answers, strict=True):
            tag = condition.tag
            if holds or tag is None or tag in failed:
                continue
            assert isinstance(tag.guess, Invariant)
            if not (tag.guess.is_given and rescue(condition)):
                failed.add(tag)
    return failed


def needed(
    conditions: Sequence[Condition],
    chosen: Sequence[Condition],
    assumed: Mapping[Term, Tag],
    solver: Z3Solver,
) -> set[Tag] | None:
    """Return invariants that are enough for the conditions, and for themselves.

    `chosen` are the conditions of the measures in use. None if that is not known.
    """
    used: set[Tag] = set()
    pending = [*chosen, *(c for c in conditions if c.tag is None)]
    while pending:
        condition = pending.pop()
        core = solver.core(condition.path, condition.goal)
        if core is None:
            return None
        for tag in {assumed[f] for f in core if f in assumed} - used:
            used.add(tag)
            pending += [c for c in conditions if c.tag == tag]
    return used


def states_of(
    function: Function,
    interpreter: Interpreter,
    arguments: Sequence[tuple[object, ...]],
) -> Mapping[str, list[HeadState]]:
    """Return the states at the loops of a function on inputs that it accepts."""
    has_contract = bool(function.clauses(ClauseKind.PRE))
    abandoned = 0
    for given_arguments in arguments:
        if abandoned >= _MAX_ABANDONED:
            break
        if has_contract and not interpreter.accepts(function, given_arguments):
            continue
        try:
            interpreter.call(function.name, given_arguments)
        except Abandoned:
            abandoned += 1
        except RAISES:
            continue
    return interpreter.states
