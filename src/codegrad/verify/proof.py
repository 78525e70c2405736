"""Stage: proof of the postconditions, by `codegrad.prove`.

The prover reads the candidate's text and runs nothing; it works in a process of its
own, which may crash or run out of memory. A counterexample that it finds
is replayed on the real function, in the sandbox, before it refutes anything. A
postcondition counts as `PROVED` only if the function was also proved to end and to
raise nothing. A finding names the line where a clause is open and, after a replayed
violation, the part of it that is false, the values, and which way they have to change.
"""

import ast
from collections.abc import Sequence

from codegrad.contract import Clause, ClauseKind
from codegrad.prove.process import Prover
from codegrad.prove.result import (
    NO_EXCEPTION,
    ClauseResult,
    ProofResult,
    ReplayResult,
)
from codegrad.prove.subset import stored_names
from codegrad.task import ClauseCheck, Constraint, Sources, Task
from codegrad.tasks.literals import call_text, shorten
from codegrad.verdict import Counterexample, Finding, Span, Status, Verdict
from codegrad.verify.clauses import bind, clause_prelude, clause_test, known_inputs
from codegrad.verify.failing_clause import explain
from codegrad.verify.stage import Workbench

_OBSERVED = "result == "
CPU_S = 3.0
"""CPU seconds for one candidate; what is open then stays open."""


class ProofStage:
    """Tries to prove each postcondition for all inputs."""

    name = "proof"

    def __init__(self) -> None:
        self._prover = Prover()

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return `PROVED`, `UNKNOWN` with the reason, or a replayed `REFUTED`."""
        wanted = [c for c in constraints if isinstance(c.check, ClauseCheck)]
        if not wanted:
            return []
        changed = _changed_words(sources[task.main], task)
        if changed:
            reason = f"`{changed}`, which the contract uses, is not the task's own"
            return [
                Verdict(c.name, self.name, Status.UNKNOWN, reason, distance=1.0)
                for c in wanted
            ]
        result = self._prover.prove(
            _whole(sources[task.main], task),
            task.entry_point,
            task.contract,
            runs=[args for args, kwargs in known_inputs(task) if not kwargs],
            replay=lambda args: _replay(sources[task.main], task, args, bench),
            cpu_s=CPU_S,
        )
        return [self._verdict(constraint, task, result) for constraint in wanted]

    def _verdict(
        self, constraint: Constraint, task: Task, result: ProofResult
    ) -> Verdict:
        clause = _clause(constraint)
        found = next(
            (c for c in result.clauses if c.expression == clause.expression), None
        )
        status, reason = _standing(result, found)
        example = None
        if (
            result.replayed is not None
            and result.counterexample is not None
            and result.replayed.violated == clause.expression
        ):
            status, example = Status.REFUTED, _counterexample(task, clause, result)
            reason = str(example)
        findings = () if status is Status.PROVED else _findings(task, clause, result)
        return Verdict(
            constraint.name,
            self.name,
            status,
            reason,
            counterexamples=(example,) if example else (),
            findings=findings,
            checked=len(result.conditions),
            distance=0.0 if status.holds else 1.0,
            cpu_s=result.cpu_s,
            record=result.certificate.to_dict() if result.certificate else None,
        )


def _whole(source: str, task: Task) -> str:
    """Return the module and what runs before it, lines of the module unchanged.

    The prover asks which names a file binds, not in which order; what the context
    binds (a builtin, for example) means something else in the module, too.
    """
    return f"{source}\n{task.context}" if task.context else source


def _changed_words(source: str, task: Task) -> str:
    """Return a name in the contract that the candidate binds to something else.

    A candidate must not prove its contract by changing what the contract says.
    """
    try:
        own, given = _bindings(source), _bindings(task.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # nothing is proved of it
    pending = [
        name
        for clause in task.contract.clauses
        if clause.kind in {ClauseKind.PRE, ClauseKind.POST}
        for name in _names(ast.parse(clause.expression, mode="eval"))
    ]
    seen = {task.entry_point}
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        nodes = given.get(name, [])
        if list(map(ast.dump, nodes)) != list(map(ast.dump, own.get(name, []))):
            return name
        pending += [other for node in nodes for other in _names(node)]
    return ""


def _bindings(source: str) -> dict[str, list[ast.stmt]]:
    """Return the statements at the top of a file by the names that they bind."""
    found: dict[str, list[ast.stmt]] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = {node.name}
        else:
            names = stored_names([node])
        for name in names:
            found.setdefault(name, []).append(node)
    return found


def _names(node: ast.AST) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


def _standing(result: ProofResult, found: ClauseResult | None) -> tuple[Status, str]:
    obstacle = _obstacle(result, found)
    if obstacle:
        return Status.UNKNOWN, obstacle
    count = len(result.conditions)
    return Status.PROVED, f"{count} conditions; memory and recursion depth aside"


def _obstacle(result: ProofResult, found: ClauseResult | None) -> str:
    """Return why a clause is not proved; empty if it is."""
    raises = next((c for c in result.clauses if c.expression == NO_EXCEPTION), None)
    if result.vacuous:
        return "the preconditions contradict each other"
    if result.stopped or result.unsupported:
        outside = f"not in the provable subset: {''.join(result.unsupported[:1])}"
        return f"the prover stopped: {result.stopped}" if result.stopped else outside
    if found is None:
        return "the prover did not reach this clause"
    if found.status is not Status.PROVED:
        return found.reason or "not proved"
    if raises is None or raises.status is not Status.PROVED:
        return "holds if it returns; an exception is not ruled out"
    return "" if result.terminates else "partial correctness: it may not end"


def _clause(constraint: Constraint) -> Clause:
    assert isinstance(constraint.check, ClauseCheck)
    return constraint.check.clause


def _counterexample(task: Task, clause: Clause, result: ProofResult) -> Counterexample:
    arguments = result.counterexample or ()
    observed = result.replayed.observed if result.replayed else ""
    return Counterexample(
        call=shorten(call_text(task.entry_point, arguments, {})),
        expected=f"post: {clause.expression}",
        observed=observed,
        line=_line(clause, result),
    )


def _line(clause: Clause, result: ProofResult) -> int | None:
    """Return where the clause (or else something before it) is not proved."""
    open_ = [c for c in result.conditions if not c.holds]
    own = [c for c in open_ if c.text == clause.expression]
    return next((c.line for c in (*own, *open_)), None)


def _findings(task: Task, clause: Clause, result: ProofResult) -> tuple[Finding, ...]:
    """Return which condition is open at which line, and which values break it."""
    line = _line(clause, result)
    if line is None:
        return ()
    message = f"`{clause.expression}` is not proved where the call ends in this line"
    seen = result.replayed
    if seen is not None and seen.violated == clause.expression:
        message = _explanation(task, clause, result) or message
    return (Finding("proof", message, Span(line)),)


def _explanation(task: Task, clause: Clause, result: ProofResult) -> str:
    text = result.replayed.observed if result.replayed else ""
    if not text.startswith(_OBSERVED) or task.contract.sees_change(clause):
        return ""
    try:
        observed = ast.literal_eval(text.removeprefix(_OBSERVED))
    except (ValueError, SyntaxError):
        return ""  # too long to be shown whole
    values = bind(task, result.counterexample or (), {})
    known = {name: ast.literal_eval(value) for name, value in values}
    known |= {f"old_{name}": value for name, value in known.items()}
    return explain(task.source, clause.expression, known | {"result": observed})


def _replay(
    source: str, task: Task, args: tuple[object, ...], bench: Workbench
) -> ReplayResult:
    """Run the real function on `args` and look at every clause."""
    clauses = [
        c.check.clause for c in task.constraints if isinstance(c.check, ClauseCheck)
    ]
    run = bench.sandbox.check(
        source,
        task.entry_point,
        [clause_test(task, clause, (args, {})) for clause in clauses],
        prelude="\n".join([task.prelude, clause_prelude(task)]),
        context=task.context,
        limits=bench.limits,
    )
    for clause, outcome in zip(clauses, run.tests, strict=True):
        if not outcome.calls:
            return ReplayResult(is_in_domain=False)
        last = outcome.calls[-1]
        if last.kind != "returned":
            observed = f"raises {last.value}"
            return ReplayResult(
                is_in_domain=True, violated=clause.expression, observed=observed
            )
        if outcome.kind == "failed":
            observed = f"{_OBSERVED}{shorten(repr(last.value))}"
            return ReplayResult(
                is_in_domain=True, violated=clause.expression, observed=observed
            )
    return ReplayResult(is_in_domain=True)
