"""Stage 9: what a function does besides returning the right value.

Arguments that are changed, state that is kept between calls, results that differ from
process to process, odd inputs that hang, memory that grows. All of it is soft, because
nobody asked for it; hard is only the contract's `raises:`.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from codegrad.errors import SandboxError
from codegrad.sandbox import (
    Call,
    CallOutcome,
    Ending,
    decode,
    encode,
    run_confined,
)
from codegrad.sandbox import child as sandbox_child
from codegrad.task import Behaviour, BehaviourCheck, Constraint, Sources, Task
from codegrad.tasks.literals import shorten
from codegrad.verdict import Counterexample, Verdict
from codegrad.verify.aliasing import alias_difference, differences
from codegrad.verify.boundaries import odd_inputs
from codegrad.verify.calls import describe
from codegrad.verify.contracts import allowed_errors, is_allowed
from codegrad.verify.inputs import Args
from codegrad.verify.resources import steady_resources
from codegrad.verify.session import (
    Session,
    passed,
    refuted,
    smallest_first,
    unknown,
    usual_inputs,
)
from codegrad.verify.stage import Workbench

STAGE = "robustness"
CPU_S = 3.0
"""Processor seconds that the calls of one candidate may take together."""

_MAX_REPEATED = 40
_MAX_ALIASED = 3
_IN_PLACE = ("in place", "in-place", "inplace", "modif", "mutat")


class RobustnessStage:
    """Looks at what a function does besides returning a value.

    Args:
        cpu_s: Processor seconds for the candidate's calls.
    """

    name = STAGE

    def __init__(self, *, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return one verdict for each constraint, in order."""
        remembered = bench.memory.of(task)
        problem = remembered.inputs.problem
        session = Session(sources, remembered, bench, cpu_s=self._cpu_s)
        if not problem:
            session.candidate.call(session.inputs.all[:1])
            load = session.candidate.load
            if not load.ok:
                problem = f"the module cannot be loaded: {load.error}: {load.message}"
        if problem:
            return [unknown(c, STAGE, problem) for c in constraints]
        return [_judge(constraint, session) for constraint in constraints]


_Judge = Callable[[Constraint, Session], Verdict]


def _judge(constraint: Constraint, session: Session) -> Verdict:
    check = constraint.check
    judge = _JUDGES.get(check.behaviour) if isinstance(check, BehaviourCheck) else None
    if judge is None:
        return unknown(constraint, STAGE, f"{constraint.name} is for another stage")
    return judge(constraint, session)


def _only_raises(constraint: Constraint, session: Session) -> Verdict:
    allowed = allowed_errors(session.task)
    inputs = session.in_domain(session.inputs.all)

    def fails(args: Args, outcome: CallOutcome) -> bool:
        return (
            outcome.kind is Ending.RAISED
            and not is_allowed(outcome.error, allowed)
            and not session.is_excused(args, outcome)
        )

    def fails_many(batch: Sequence[Args]) -> list[bool]:
        inside = session.in_domain(batch)
        found = zip(inside, session.candidate.call(inside), strict=True)
        failing = {repr(args) for args, outcome in found if fails(args, outcome)}
        return [repr(args) in failing for args in batch]

    outcomes = session.candidate.call(inputs)
    pairs = list(zip(inputs, outcomes, strict=True))
    checked = sum(not session.is_excused(a, o) for a, o in pairs)
    failing = [a for a, o in pairs if fails(a, o)]
    if not failing:
        return passed(constraint, STAGE, checked, "")
    smallest = smallest_first(failing)[0]
    args = session.shrunk(smallest, fails_many)
    expected = f"raises nothing but {', '.join(allowed) or 'what it names'}"
    outcome = session.candidate.call([args])[0]
    example = session.counterexample(args, expected, outcome, smallest)
    return refuted(constraint, STAGE, [example], checked, len(failing) / checked)


def _keeps_arguments(constraint: Constraint, session: Session) -> Verdict:
    if any(word in session.task.prompt.lower() for word in _IN_PLACE):
        return unknown(constraint, STAGE, "the statement speaks of changing arguments")
    inputs = usual_inputs(session)
    outcomes = session.candidate.call(inputs)
    pairs = [
        (args, outcome)
        for args, outcome in zip(inputs, outcomes, strict=True)
        if outcome.kind is Ending.RETURNED
    ]
    if pairs and all(outcome.value is None for _, outcome in pairs):
        return unknown(constraint, STAGE, "it returns nothing: it may work in place")
    changed = [(a, o) for a, o in pairs if o.mutated is not None]
    if not changed:
        return passed(constraint, STAGE, len(pairs), "")
    args, outcome = min(changed, key=lambda pair: len(repr(pair[0])))
    after = shorten(", ".join(map(repr, outcome.mutated or ())))
    example = Counterexample(
        session.call_text(args), "arguments that stay as they are", f"leaves {after}"
    )
    share = len(changed) / len(pairs)
    return refuted(constraint, STAGE, [example], len(pairs), share)


def _stateless(constraint: Constraint, session: Session) -> Verdict:
    inputs = usual_inputs(session)[:_MAX_REPEATED]
    again = [args for args in reversed(inputs) for _ in range(2)]
    run = session.bench.sandbox.call(
        session.source,
        session.entry,
        [Call(args) for args in again],
        limits=session.candidate.limits,
        context=session.task.context,
    )
    first = session.candidate.call(again)
    differing, checked = differences(again, first, run.calls)
    if not differing:
        return passed(constraint, STAGE, checked, "")
    args, earlier, later = differing[0]
    example = Counterexample(
        session.call_text(args),
        f"{describe(earlier)}, as when it was called in another order",
        describe(later),
    )
    return refuted(
        constraint, STAGE, [example], checked, len(differing) / max(1, checked)
    )


def _deterministic(constraint: Constraint, session: Session) -> Verdict:
    inputs = usual_inputs(session)[:_MAX_REPEATED]
    try:
        outcomes = _in_another_process(session, inputs)
    except (OSError, SandboxError, ValueError) as error:
        return unknown(constraint, STAGE, f"no second process: {error}")
    if outcomes is None:
        return unknown(constraint, STAGE, "the second process did not finish")
    run = session.bench.sandbox.call(
        session.source,
        session.entry,
        [Call(args) for args in inputs],
        limits=session.candidate.limits,
        context=session.task.context,
    )
    differing, checked = differences(inputs, run.calls, outcomes)
    if not differing:
        return passed(constraint, STAGE, checked, "two processes, two hash seeds")
    args, first, second = differing[0]
    example = Counterexample(
        session.call_text(args), f"{describe(first)}, as before", describe(second)
    )
    return refuted(
        constraint, STAGE, [example], checked, len(differing) / max(1, checked)
    )


_SECOND_PROCESS = """
import importlib.util, io, json, sys
spec = importlib.util.spec_from_file_location("_codegrad_child", sys.argv[1])
child = sys.modules["_codegrad_child"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
job = json.load(open(sys.argv[2]))
out, sys.stdout = sys.stdout, io.StringIO()
space = {"__name__": "candidate"}
exec(job["context"], space)
exec(job["source"], space)
for args in job["calls"]:
    try:
        value = space[job["entry"]](*map(child.decode, args))
        found = ["returned", child.encode(value), ""]
    except Exception as error:
        found = ["raised", None, type(error).__name__]
    print(json.dumps(found), file=out, flush=True)
"""


def _in_another_process(
    session: Session, inputs: Sequence[Args]
) -> list[CallOutcome] | None:
    """Call in a process of another interpreter, with another hash seed.

    Children of one zygote share its hash seed and the state of `random`.
    """
    job = {
        "source": session.source,
        "context": session.task.context,
        "entry": session.entry,
        "calls": [[encode(value) for value in args] for args in inputs],
    }
    with tempfile.TemporaryDirectory(prefix="codegrad-second-") as folder:
        root = Path(folder).resolve()
        (root / "job.json").write_text(json.dumps(job))
        (root / "second.py").write_text(_SECOND_PROCESS)
        python = str(session.bench.python or sys.executable)
        run = run_confined(
            [python, "-I", str(root / "second.py"), sandbox_child.__file__, "job.json"],
            cwd=root,
            read_paths=[Path(sandbox_child.__file__)],
            env={"PYTHONHASHSEED": "4242"},
            limits=session.bench.limits,
            allow_unsafe=session.bench.allow_unsafe,
        )
    if run.returncode != 0:
        return None
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    if len(rows) != len(inputs):
        return None
    return [
        CallOutcome(Ending(str(kind)), decode(value), str(error))
        for kind, value, error in rows
    ]


def _boundaries(constraint: Constraint, session: Session) -> Verdict:
    normal = next(iter(usual_inputs(session)), ())
    odd = odd_inputs(session.inputs.shapes, normal)
    inside = {repr(a) for a in session.in_domain([item.args for item in odd])}
    odd = [item for item in odd if repr(item.args) in inside]
    outcomes = session.candidate.call([item.args for item in odd])
    checked = sum(outcome.kind is not Ending.NOT_RUN for outcome in outcomes)
    failing = [
        (item.args, outcome)
        for item, outcome in zip(odd, outcomes, strict=True)
        if not item.is_large
        and (not item.is_number or session.inputs.profile.admits(item.args))
        and _is_fatal(session, item.args, outcome)
    ]
    alias = alias_difference(session)
    if alias:
        return refuted(constraint, STAGE, [alias], checked + 1, 1 / (checked + 1))
    if not failing:
        return passed(constraint, STAGE, checked, "")
    args, outcome = failing[0]
    example = session.counterexample(args, "comes to an end", outcome, args)
    return refuted(constraint, STAGE, [example], checked, len(failing) / checked)


def _is_fatal(session: Session, args: Args, outcome: CallOutcome) -> bool:
    match outcome.kind:
        case Ending.TIMEOUT | Ending.DIED:
            return session.candidate.is_confirmed(args)
        case Ending.RAISED:
            return outcome.error in {"RecursionError", "MemoryError"}
        case _:
            return False


_JUDGES: dict[Behaviour, _Judge] = {
    Behaviour.ONLY_RAISES: _only_raises,
    Behaviour.KEEPS_ARGUMENTS: _keeps_arguments,
    Behaviour.STATELESS: _stateless,
    Behaviour.DETERMINISTIC: _deterministic,
    Behaviour.BOUNDARIES: _boundaries,
    Behaviour.STEADY_MEMORY: steady_resources,
}
