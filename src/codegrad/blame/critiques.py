"""From verdicts to critiques: which function, which line, which values, what to change.

In: a program and its loss. Out: `Critique`s. Blame flows from a failing check through
the calls it made to the functions it reached; each function's share is the suspicion
of its most suspicious line (see `codegrad.blame.spectrum`). A function whose own
examples fail is blamed before its callers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from codegrad.blame.blocks import block_values
from codegrad.blame.observation import Observation
from codegrad.blame.repository import CALLER_SHARE
from codegrad.blame.spectrum import line_suspicion
from codegrad.code import MODULE, Code, Program
from codegrad.gradient import BlockValues, Critique, LineValues
from codegrad.loss import Loss
from codegrad.task import (
    AgreementCheck,
    BehaviourCheck,
    CallCheck,
    Check,
    ClauseCheck,
    Constraint,
    CostCheck,
    PytestCheck,
    RaisesCheck,
    ReferenceCheck,
    Sources,
    StdinCheck,
    Task,
)
from codegrad.tasks.literals import read_call
from codegrad.verdict import Finding, Span, Status, Verdict

Observe = Callable[[Sources, Task, Sequence[Constraint]], Sequence[Observation]]

_LINES_WITH_VALUES = 4
_VERDICTS_WITH_BLOCKS = 3
_STATIC_STAGES = frozenset({"syntax", "lint", "types"})
_OWN_EXAMPLES_SHARE = 0.6
"""What is left of the blame of a caller when a callee's own examples fail."""


class Critic:
    """Turns a loss into critiques; deterministic given the verdicts."""

    def __init__(self, task: Task, observe: Observe) -> None:
        self._task = task
        self._observe = observe

    def __call__(self, program: Program, loss: Loss) -> list[Critique]:
        """Return the critiques of every variable that the loss concerns."""
        critiques = [c for v in loss.verdicts for c in self._static(program, v)]
        failing = [
            v
            for v in loss.verdicts
            if v.status is Status.REFUTED and v.stage not in _STATIC_STAGES
        ]
        if failing:
            critiques += self._dynamic(program, loss, failing)
        return critiques

    def _constraint(self, name: str) -> Constraint:
        return next(c for c in self._task.constraints if c.name == name)

    def _static(self, program: Program, verdict: Verdict) -> Iterator[Critique]:
        if verdict.status is not Status.REFUTED or verdict.stage not in _STATIC_STAGES:
            return
        hard = self._constraint(verdict.constraint).hard
        for finding in verdict.findings:
            owner = program.owner(program.main, finding.span.line)
            yield Critique(
                constraint=verdict.constraint,
                kind=verdict.stage,
                path=owner.path,
                function=owner.name,
                span=finding.span,
                direction=_static_direction(finding),
                findings=(finding,),
                lines=((finding.span.line, 1.0 if hard else 0.3),),
                hard=hard,
                weight=1.0 if hard else 0.3,
            )

    def _dynamic(
        self, program: Program, loss: Loss, failing: Sequence[Verdict]
    ) -> Iterator[Critique]:
        failed = {verdict.constraint for verdict in failing}
        chosen = sorted(
            (c for c in loss.constraints if c.stage not in _STATIC_STAGES),
            key=lambda constraint: constraint.name not in failed,
        )
        observations = list(self._observe(program.sources, self._task, chosen))
        shrunk = self._on_shrunk(program, failing[:_VERDICTS_WITH_BLOCKS])
        # A constraint on generated inputs has no run of its own: its counterexample is.
        own = {observation.constraint for observation in observations}
        for name, found in shrunk.items():
            observations += [] if name in own else found
        suspicion = _suspicion(observations, failed)
        for verdict in failing:
            seen = [o for o in observations if o.constraint == verdict.constraint]
            for critique in self._for_test(program, verdict, seen, suspicion, failed):
                states = shrunk.get(verdict.constraint, seen[:1])
                yield replace(critique, blocks=_blocks(program, critique, states))

    def _on_shrunk(
        self, program: Program, failing: Sequence[Verdict]
    ) -> dict[str, Sequence[Observation]]:
        """Return what shrunk counterexamples did, by the constraint they refute."""
        calls: list[Constraint] = []
        for verdict in failing:
            example = next(iter(verdict.counterexamples), None)
            own = self._constraint(verdict.constraint).check
            if example is None or isinstance(own, CallCheck | RaisesCheck):
                continue
            call = read_call(example.call)
            if call is not None:
                check = CallCheck(call.args, None, call.kwargs, function=call.function)
                calls.append(Constraint(verdict.constraint, "tests", "", check))
        if not calls:
            return {}
        found = self._observe(program.sources, self._task, calls)
        return {observation.constraint: [observation] for observation in found}

    def _for_test(
        self,
        program: Program,
        verdict: Verdict,
        observations: Sequence[Observation],
        suspicion: dict[tuple[str, int], float],
        failed: set[str],
    ) -> Iterator[Critique]:
        constraint = self._constraint(verdict.constraint)
        reached: dict[tuple[str, str], dict[int, float]] = {}
        bodies = {(site.path, site.name): site.body for site in program.sites()}
        for observation in observations:
            for line in sorted(observation.lines):
                owner = program.owner(observation.path, line)
                if owner.name == MODULE and self._task.entry_point:
                    continue  # definitions run at import; they are not at fault
                if line < bodies.get((owner.path, owner.name), 0):
                    continue  # entering a function is no reason to blame its header
                weight = suspicion.get((observation.path, line), 0.0)
                reached.setdefault((owner.path, owner.name), {})[line] = weight
        if not reached:
            owner = _fallback(program, verdict)
            reached = {(owner.path, owner.name): {_line_of(verdict, owner): 1.0}}
        ill = self._refuted_functions(failed)
        called = _equally_blamed_callers(program, reached)
        for (path, function), lines in reached.items():
            top = max(lines.values())
            share = CALLER_SHARE if (path, function) in called else 1.0
            if ill - {function} and function not in ill:
                share = _OWN_EXAMPLES_SHARE
            best = min(line for line, weight in lines.items() if weight == top)
            yield Critique(
                constraint=verdict.constraint,
                kind=_kind(verdict),
                path=path,
                function=function,
                span=Span(verdict.counterexamples[0].line or best)
                if verdict.counterexamples and verdict.counterexamples[0].line in lines
                else Span(best),
                direction=_direction(constraint, verdict),
                counterexamples=verdict.counterexamples,
                findings=verdict.findings,
                values=_values(observations, path, lines),
                lines=tuple(sorted((n, round(w * share, 6)) for n, w in lines.items())),
                hard=constraint.hard,
                weight=round(top * share, 6),
            )

    def _refuted_functions(self, failed: set[str]) -> set[str]:
        """Return the functions, other than the entry point, whose examples fail."""
        names = set()
        for constraint in self._task.constraints:
            check = constraint.check
            if constraint.name in failed and isinstance(check, CallCheck | RaisesCheck):
                names.add(check.function or self._task.entry_point)
        return names - {self._task.entry_point}


def _blocks(
    program: Program, critique: Critique, observations: Sequence[Observation]
) -> tuple[BlockValues, ...]:
    states = next((o.values for o in observations if o.path == critique.path), ())
    return block_values(program.sources[critique.path], critique.function, states)


def _suspicion(
    observations: Sequence[Observation], failed: set[str]
) -> dict[tuple[str, int], float]:
    """Return the suspicion of each line of each file, over all checks together."""
    runs: dict[str, tuple[set[tuple[str, int]], list[tuple[str, int]]]] = {}
    for observation in observations:
        lines, raised = runs.setdefault(observation.constraint, (set(), []))
        lines |= {(observation.path, line) for line in observation.lines}
        raised += [(observation.path, line) for line in observation.exception_lines]
    return line_suspicion(
        [lines for lines, _ in runs.values()],
        [name in failed for name in runs],
        [raised for _, raised in runs.values()],
    )


def _equally_blamed_callers(
    program: Program, reached: dict[tuple[str, str], dict[int, float]]
) -> set[tuple[str, str]]:
    """Return the functions that call one that is at least as suspicious."""
    top = {key: max(lines.values()) for key, lines in reached.items()}
    graph = program.call_graph
    return {
        caller
        for caller in top
        for callee in graph.get(caller, ())
        if callee != caller
        and top.get(callee, 0.0) >= top[caller]
        and caller not in graph.get(callee, ())
    }


def _static_direction(finding: Finding) -> str:
    if finding.code == "syntax":
        return f"write valid Python: {finding.message}"
    return f"resolve {finding.code}: {finding.message}"


def _fallback(program: Program, verdict: Verdict) -> Code:
    line = next((e.line for e in verdict.counterexamples if e.line), None)
    return program.owner(program.main, line) if line else program.entry


def _line_of(verdict: Verdict, owner: Code) -> int:
    line = next((e.line for e in verdict.counterexamples if e.line), None)
    if line:
        return line
    for site in owner.program.sites():
        if (site.path, site.name) == (owner.path, owner.name):
            return site.span.line
    return 1


def _kind(verdict: Verdict) -> str:
    if not verdict.counterexamples:
        return "refuted"
    observed = verdict.counterexamples[0].observed
    for start, kind in (
        ("raises", "raised"),
        ("does not return", "timeout"),
        ("timeout", "timeout"),
        ("ends the process", "crash"),
        ("the module cannot be loaded", "load error"),
    ):
        if observed.startswith(start):
            return kind
    return "wrong value"


def _direction(constraint: Constraint, verdict: Verdict) -> str:
    if not verdict.counterexamples:
        return f"make it hold: {constraint.text}"
    example = verdict.counterexamples[0]
    observed = example.observed
    match constraint.check:
        case CostCheck():
            return f"{example.call} must cost {example.expected}; it costs {observed}"
        case BehaviourCheck():
            return f"{example.call}: expected {example.expected}; it shows {observed}"
    if _kind(verdict) == "wrong value":
        observed = f"{_verb(constraint.check)} {observed}"
    wish = _wish(constraint.check, example.expected)
    return f"{example.call} must {wish}; it {observed}"


def _verb(check: Check) -> str:
    match check:
        case StdinCheck():
            return "prints"
        case ClauseCheck() | PytestCheck():
            return "gives"
        case _:
            return "returns"


def _wish(check: Check, expected: str) -> str:
    match check:
        case RaisesCheck(error=error):
            return f"raise {error}"
        case CallCheck(prints=str()):
            return expected.replace("prints", "print", 1)
        case StdinCheck():
            return f"print {expected}"
        case ClauseCheck():
            return f"satisfy `{expected}`"
        case CallCheck() | ReferenceCheck() | AgreementCheck():
            return f"return {expected}"
        case _:
            return f"give {expected}"


def _values(
    observations: Sequence[Observation], path: str, lines: dict[int, float]
) -> tuple[LineValues, ...]:
    """Return the last state seen at each of the most suspicious lines.

    A line's state is that on arriving there, and what it returned if it did.
    """
    last: dict[int, dict[str, str]] = {}
    for observation in observations:
        if observation.path != path:
            continue
        for line, values in observation.values:
            if line in lines:
                arrived = dict(values)
                if "<return>" in arrived:
                    arrived = {**last.get(line, {}), **arrived}
                last[line] = arrived
    ranked = sorted(last, key=lambda line: (-lines[line], line))[:_LINES_WITH_VALUES]
    return tuple(
        LineValues(line, tuple(sorted(last[line].items()))) for line in sorted(ranked)
    )
