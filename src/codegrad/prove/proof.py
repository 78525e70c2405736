"""Proof of a function's contract: the front door of the room.

In: source text, the name of a function, perhaps a contract, perhaps known inputs. Out:
a `ProofResult`. The source is read and interpreted, never executed here. Invariant:
`PROVED` needs every condition of the function and of all it calls proved, every loop
and recursion proved to end, and an input that meets the preconditions; `REFUTED` needs
a violation that the caller replayed on the real function.

Example:
    >>> result = prove('''
    ... def double(n: int) -> int:
    ...     "post: result == 2 * n"
    ...     return n + n
    ... ''', "double")
    >>> result.status.name
    'PROVED'
"""

import ast
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from codegrad.contract import ClauseKind, Contract
from codegrad.prove import second, smtlib
from codegrad.prove.certificate import (
    Certificate,
    ConditionRecord,
    digest,
    digest_contract,
)
from codegrad.prove.conditions import Condition, Generator, Invariant, Tag
from codegrad.prove.inputs import inputs
from codegrad.prove.interpret import Interpreter
from codegrad.prove.invariants import given, guessed, needed, prune, states_of
from codegrad.prove.kinds import (
    Kind,
    Unsupported,
    is_telling,
    join_all,
    kind_of_value,
)
from codegrad.prove.model import NotAnInput, decode, wanted
from codegrad.prove.result import (
    MAY_NOT_END,
    NO_EXCEPTION,
    ClauseResult,
    ProofResult,
    Replay,
    ReplayResult,
)
from codegrad.prove.solver import (
    GUESS_RESOURCES,
    WALL_PER_CPU,
    Outcome,
    Z3Solver,
)
from codegrad.prove.subset import Function, Module, parameters
from codegrad.prove.symbolic import items
from codegrad.prove.terms import FALSE, TRUE
from codegrad.verdict import Status

DEFAULT_CPU_S = 10.0
_INPUTS = 120
_MAX_FUNCTIONS = 12
_MAX_REPLAYS = 20

_ASSUMPTIONS = (
    "memory and recursion depth are not modelled",
    "arguments have the types given below, and no subclasses of them",
    "imported modules do not change builtins",
    "nothing else changes the arguments while the function runs",
)


def prove(  # noqa: PLR0913 - a front door with options
    source: str,
    entry: str,
    contract: Contract | None = None,
    *,
    runs: Sequence[tuple[object, ...]] = (),
    replay: Replay | None = None,
    cpu_s: float = DEFAULT_CPU_S,
    infer: bool = True,
) -> ProofResult:
    """Try to prove that a function keeps its contract on every input.

    Never raises for what the source or the contract does. `runs` are argument tuples
    of known calls; they give types where hints are missing and steer the inference of
    invariants. `replay` runs the real function; without it nothing is ever refuted.
    With `infer=False` only the invariants in the source are used.

    Args:
        source: The text of the module.
        entry: The name of a function at its top.
        contract: Used instead of the contract written on the function.
        runs: Positional arguments of known calls, as plain values.
        replay: Runs the real function on arguments, elsewhere.
        cpu_s: CPU seconds after which what is open stays open.
        infer: Whether to look for invariants that are not given.
    """
    started = time.process_time()
    attempt = None
    try:
        attempt = _Attempt(source, entry, contract, runs, started + cpu_s)
        result = attempt.run(infer=infer)
    except Unsupported as found:
        result = _refused(entry, str(found))
    except RecursionError:
        result = _refused(entry, "code that is nested too deeply")
    if replay is not None and attempt is not None:
        # What cannot be proved may still be refuted, as far as it can be interpreted.
        with suppress(Unsupported, RecursionError):
            result = attempt.refute(result, replay)
    spent = time.process_time() - started
    if result.certificate is not None:
        result = replace(result, certificate=replace(result.certificate, cpu_s=spent))
    return replace(result, cpu_s=spent)


def _refused(entry: str, what: str) -> ProofResult:
    clause = ClauseResult(NO_EXCEPTION, Status.UNKNOWN, f"unsupported: {what}")
    return ProofResult(entry, (clause,), unsupported=(what,))


@dataclass(frozen=True, slots=True)
class _Part:
    """The conditions of one function, after inference."""

    name: str
    conditions: list[Condition]
    invariants: dict[str, list[Invariant]]


class _Attempt:
    """One attempt at one entry function."""

    def __init__(
        self,
        source: str,
        entry: str,
        contract: Contract | None,
        runs: Sequence[tuple[object, ...]],
        deadline_s: float,
    ) -> None:
        self.source = source
        self.entry = entry
        self.runs = list(runs)
        self.deadline_s = deadline_s
        self.module = Module(source)
        if contract is not None:
            self.module.override(entry, contract)
        self.function = self.module.function(entry)
        self.solver = Z3Solver(deadline_s)
        self.observed = self._observed_kinds()
        self.generator = Generator(
            self.module, self.solver, kinds=self.observed, entry=entry
        )
        self.candidates: list[tuple[object, ...]] = []
        self._open: list[Condition] = []
        self._first: dict[tuple[object, object], Outcome] = {}
        self._second: dict[tuple[object, object], Outcome] = {}

    def _observed_kinds(self) -> dict[str, Kind]:
        names = [p.arg for p in parameters(self.function.node)]
        columns = list(
            zip(*(r for r in self.runs if len(r) == len(names)), strict=True)
        )
        found: dict[str, Kind] = {}
        for name, column in zip(names, columns, strict=False):
            try:
                found[name] = join_all(kind_of_value(v) for v in column)
            except Unsupported:
                continue
        return found

    def run(self, *, infer: bool) -> ProofResult:
        """Return what can be established without running anything."""
        parts: list[_Part] = []
        done: list[str] = []
        pending = [self.entry]
        while pending:
            name = pending.pop(0)
            done.append(name)
            if len(done) > _MAX_FUNCTIONS:
                raise Unsupported(None, "a call graph of too many functions")
            parts.append(self._part(name, infer=infer))
            pending += [n for n in self.generator.needed if n not in (*done, *pending)]
        plain = [c for p in parts for c in p.conditions if c.tag is None]
        self._open = [
            c for c in plain if c.function == self.entry and not self._decided(c)
        ]
        chosen = [c for part in parts for c in self._chosen(part.name, part.conditions)]
        ends = all(found for _, found in chosen) and not self._has_cycle()
        # The second look costs more than the first; it is for what may be proved.
        confirm = all(map(self._decided, plain))
        records = [self._record(c, confirm=confirm) for c in plain]
        kept = [
            self._record(c, confirm=confirm)
            for part in parts
            for c in part.conditions
            if c.tag is not None and isinstance(c.tag.guess, Invariant)
        ]
        measures = [
            (m, [self._record(c, confirm=confirm) for c in found])
            for m, found in chosen
        ]
        certificate = Certificate(
            source_sha256=digest(self.source),
            contract_sha256=digest_contract(self.function.contract),
            entry=self.entry,
            solvers=(("z3", self.solver.version), ("cvc5", second.version())),
            conditions=(*records, *kept, *(r for _, found in measures for r in found)),
            invariants=tuple(
                (place, _shown(guess))
                for part in parts
                for place, guesses in part.invariants.items()
                for guess in guesses
            ),
            measures=(
                *(m for m, _ in measures),
                *self.generator.evaluator.callees.ghost_measures.items(),
            ),
            assumptions=(*_ASSUMPTIONS, *self._typing()),
            cpu_s=0.0,
        )
        vacuous, witnessed = self._domain()
        result = ProofResult(
            self.entry, terminates=ends, vacuous=vacuous, certificate=certificate
        )
        trouble = ""
        if vacuous:
            trouble = "the preconditions contradict each other: no input meets them"
        elif not witnessed:
            trouble = "no input is known to meet the preconditions"
        elif not all(r.holds for r in kept):
            trouble = "the solvers disagree about an invariant"
        elif not ends:
            trouble = MAY_NOT_END
        return replace(result, clauses=self._clauses(records, trouble))

    def _typing(self) -> Iterable[str]:
        kinds = self.generator.parameter_kinds(self.function)
        for parameter in parameters(self.function.node):
            origin = (
                "as annotated"
                if is_telling(parameter.annotation)
                else "as seen in runs"
            )
            yield f"`{parameter.arg}` is `{kinds[parameter.arg]}`, {origin}"

    # Conditions of one function

    def _part(self, name: str, *, infer: bool) -> _Part:
        function = self.module.function(name)
        generate = partial(self.generator.generate, name)
        written = given(function)
        invariants, conditions = self._pruned(generate, written)
        if not infer or not written or self._all_hold(name, conditions):
            return _Part(name, conditions, invariants)
        interpreter = Interpreter(self.module)
        states = states_of(function, interpreter, self._inputs(function))
        more: dict[str, list[Invariant]] = {}
        # A loop comes before the loops inside it.
        for place, info in self.generator.loops.items():
            if info.function == name:
                outer = [
                    g
                    for other, guesses in more.items()
                    if info.node in ast.walk(self.generator.loops[other].node)
                    for g in guesses
                    if not g.is_guarded
                ]
                found = guessed(
                    info, function, interpreter, states.get(place, ()), outer
                )
                known = {w.text for w in written.get(place, ())}
                fresh = [g for g in found if g.text not in known]
                more[place] = [*written.get(place, ()), *fresh]
        wider, again = self._pruned(generate, more)
        if not self._all_hold(name, again):
            return _Part(name, again, wider)
        return self._reduced(name, generate, _Part(name, again, wider))

    def _pruned(
        self,
        generate: Callable[[Mapping[str, Sequence[Invariant]]], list[Condition]],
        guesses: Mapping[str, Sequence[Invariant]],
    ) -> tuple[dict[str, list[Invariant]], list[Condition]]:
        kept, conditions = prune(generate, guesses, self.solver, self._rescued)
        for condition in conditions:
            tag = condition.tag
            if tag is not None and isinstance(tag.guess, Invariant):
                key = (condition.path, condition.goal)
                self._first.setdefault(key, Outcome.HOLDS)
        return kept, conditions

    def _rescued(self, condition: Condition) -> bool:
        key = (condition.path, condition.goal)
        self._first[key] = Outcome.UNDECIDED
        return self._second_opinion(condition) is Outcome.HOLDS

    def _reduced(
        self,
        name: str,
        generate: Callable[[Mapping[str, Sequence[Invariant]]], list[Condition]],
        whole: _Part,
    ) -> _Part:
        """Return the same proof with the invariants that it needs, if that is known."""
        measures = [
            c for _, found in self._chosen(name, whole.conditions) for c in found
        ]
        used = needed(whole.conditions, measures, self.generator.assumed, self.solver)
        if used is None:
            return whole
        fewer = {
            place: [g for g in guesses if Tag(place, g) in used]
            for place, guesses in whole.invariants.items()
        }
        kept, again = self._pruned(generate, fewer)
        return _Part(name, again, kept) if self._all_hold(name, again) else whole

    def _inputs(self, function: Function) -> list[tuple[object, ...]]:
        try:
            kinds = self.generator.parameter_kinds(function)
        except Unsupported:
            return []
        made = list(inputs(kinds, function.node, count=_INPUTS))
        return [*(self.runs if function.name == self.entry else ()), *made]

    def _all_hold(self, name: str, conditions: Sequence[Condition]) -> bool:
        plain = [c for c in conditions if c.tag is None]
        return all(self._decided(c) for c in plain) and all(
            records for _, records in self._chosen(name, conditions)
        )

    def _decided(self, condition: Condition) -> bool:
        """Return whether some solver proves a condition, Z3 first."""
        key = (condition.path, condition.goal)
        if key not in self._first:
            answer = self.solver.answer(condition.path, condition.goal)
            self._first[key] = answer.outcome
        if self._first[key] is Outcome.HOLDS:
            return True
        return self._second_opinion(condition) is Outcome.HOLDS

    def _second_opinion(self, condition: Condition) -> Outcome:
        """Return what the second solver says."""
        key = (condition.path, condition.goal)
        if condition.goal == FALSE and not condition.path:
            return Outcome.FAILS
        if key not in self._second:
            left_s = self.deadline_s - time.process_time()
            left_ms = int(1000 * WALL_PER_CPU * left_s)
            if left_ms <= 0:
                return Outcome.UNDECIDED
            script = smtlib.script(condition.path, condition.goal)
            self._second[key] = second.decide(
                script, time_ms=min(second.DEFAULT_TIME_MS, left_ms)
            )
        return self._second[key]

    # Measures

    def _chosen(
        self, name: str, conditions: Sequence[Condition]
    ) -> list[tuple[tuple[str, str], list[Condition]]]:
        """Return for each place the first measure all of whose conditions hold.

        An empty list of conditions means that no measure was found.
        """
        groups: dict[str, dict[str, list[Condition]]] = {}
        for place, texts in self.generator.measured.items():
            if place.split(":")[0] == name:
                groups[place] = {t: [] for t in texts}
        for condition in conditions:
            tag = condition.tag
            if tag is not None and isinstance(tag.guess, str):
                groups[tag.place][tag.guess].append(condition)
        chosen = []
        for place, candidates in groups.items():
            best: tuple[str, list[Condition]] = ("", [])
            for text, found in candidates.items():
                if found and all(self._decided(c) for c in found):
                    best = (text, found)
                    break
            chosen.append(((place, best[0]), best[1]))
        return chosen

    # Records

    def _record(self, condition: Condition, *, confirm: bool = True) -> ConditionRecord:
        key = (condition.path, condition.goal)
        trivial = condition.goal == TRUE
        if trivial:
            first, second_answer, text = "trivial", "not asked", ""
        else:
            held = self._decided(condition)
            if held and confirm:
                self._second_opinion(condition)
            first = self._first[key].value
            second_answer = self._second.get(key, "not asked")
            text = digest(smtlib.script(condition.path, condition.goal))
        return ConditionRecord(
            condition.function,
            condition.kind,
            condition.line,
            condition.text,
            first,
            str(second_answer),
            text,
        )

    def _has_cycle(self) -> bool:
        """Return whether functions call each other in a circle, other than directly."""
        edges = {(a, b) for a, b in self.generator.edges if a != b}
        while True:
            more = {(a, d) for a, b in edges for c, d in edges if b == c} - edges
            if not more:
                return any(a == b for a, b in edges)
            edges |= more

    def _domain(self) -> tuple[bool, bool]:
        """Return whether no input meets the preconditions, and whether one is known."""
        interpreter = Interpreter(self.module)
        if any(
            interpreter.accepts(self.function, a) for a in self._inputs(self.function)
        ):
            return False, True
        found = self.solver.satisfiable(self.generator.precondition)
        return found is False, found is True

    def _clauses(
        self, records: Sequence[ConditionRecord], trouble: str
    ) -> tuple[ClauseResult, ...]:
        def is_post(record: ConditionRecord) -> bool:
            return record.function == self.entry and record.kind.startswith(
                "postcondition"
            )

        others = [r for r in records if not is_post(r)]
        bad = next((r for r in others if not r.holds), None)
        reason = trouble
        if bad is not None:
            reason = f"line {bad.line}: {bad.kind} is not proved: `{bad.text}`"
        safe = Status.UNKNOWN if reason else Status.PROVED
        clauses = []
        for clause in self.function.clauses(ClauseKind.POST):
            text = ast.unparse(clause)
            own = [r for r in records if is_post(r) and r.text == text]
            open_ = next((r for r in own if not r.holds), None)
            if open_ is not None:
                why = f"line {open_.line}: not proved ({open_.first})"
                clauses.append(ClauseResult(text, Status.UNKNOWN, why))
            else:
                clauses.append(ClauseResult(text, safe, reason))
        return (*clauses, ClauseResult(NO_EXCEPTION, safe, reason))

    # Refutation

    def refute(self, result: ProofResult, replay: Replay) -> ProofResult:
        """Return the result with a replayed counterexample, if there is one."""
        if result.status is Status.PROVED:
            return result
        tried: list[tuple[object, ...]] = []
        for arguments in self._suspects(result):
            if arguments in tried:
                continue
            if len(tried) >= _MAX_REPLAYS:
                break
            tried.append(arguments)
            seen = replay(arguments)
            if seen.is_in_domain and seen.violated:
                return _refuted(result, arguments, seen)
        return result

    def _suspects(self, result: ProofResult) -> Iterator[tuple[object, ...]]:
        interpreter = Interpreter(self.module)
        for arguments in self._inputs(self.function):
            if time.process_time() >= self.deadline_s:
                break
            if interpreter.accepts(self.function, arguments) and interpreter.violates(
                self.function, arguments
            ):
                yield arguments
        if result.certificate is not None:
            yield from self._models()

    def _models(self) -> Iterator[tuple[object, ...]]:
        """Yield the inputs that the first solver offers for conditions left open."""
        start = self.generator.arguments.get(self.entry)
        if start is None:
            return
        terms = wanted(start)
        for condition in self._open:
            answer = self.solver.answer(
                condition.path, condition.goal, wanted=terms, resources=GUESS_RESOURCES
            )
            try:
                yield tuple(decode(part, answer.values) for part in items(start))
            except NotAnInput:
                continue


def _refuted(
    result: ProofResult, arguments: tuple[object, ...], seen: ReplayResult
) -> ProofResult:
    clauses = [
        replace(c, status=Status.REFUTED, reason=f"observed {seen.observed}")
        if c.expression == seen.violated
        else c
        for c in result.clauses
    ]
    if all(c.status is not Status.REFUTED for c in clauses):
        added = ClauseResult(seen.violated, Status.REFUTED, f"observed {seen.observed}")
        clauses = [c for c in clauses if c.expression != NO_EXCEPTION] + [added]
    return replace(
        result, clauses=tuple(clauses), counterexample=arguments, replayed=seen
    )


def _shown(guess: Invariant) -> str:
    return f"{guess.text} (in every round)" if guess.is_guarded else guess.text
