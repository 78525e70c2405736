"""Stage 9: what a function does besides returning the right value.

Arguments that are changed, state that is kept between calls, results that differ from
process to process, odd inputs that hang, memory that grows. All of it is soft, because
nobody asked for it; hard is only the contract's `raises:`.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
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
from codegrad.verify.boundaries import odd_inputs
from codegrad.verify.calls import describe
from codegrad.verify.contracts import allowed_errors, is_allowed
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import agree, is_opaque
from codegrad.verify.session import (
    Session,
    passed,
    refuted,
    smallest_first,
    unknown,
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


def _usual_inputs(session: Session) -> list[Args]:
    """Return the known inputs and the generated ones that are like them."""
    known = [known.args for known in session.inputs.known]
    return session.in_domain([*known, *session.inputs.like]) or session.in_domain(
        session.inputs.all
    )


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
    inputs = _usual_inputs(session)
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
    inputs = _usual_inputs(session)[:_MAX_REPEATED]
    again = [args for args in reversed(inputs) for _ in range(2)]
    run = session.bench.sandbox.call(
        session.source,
        session.entry,
        [Call(args) for args in again],
        limits=session.candidate.limits,
        context=session.task.context,
    )
    first = session.candidate.call(again)
    differing, checked = _differences(again, first, run.calls)
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


def _differences(
    inputs: Sequence[Args],
    before: Sequence[CallOutcome],
    after: Sequence[CallOutcome],
) -> tuple[list[tuple[Args, CallOutcome, CallOutcome]], int]:
    """Return where two outcomes differ, and how many pairs could be compared."""
    differing = []
    checked = 0
    for args, first, second in zip(inputs, before, after, strict=True):
        decided = {Ending.RETURNED, Ending.RAISED}
        if first.kind not in decided or second.kind not in decided:
            continue
        if is_opaque(first.value) or is_opaque(second.value):
            continue
        checked += 1
        same = first.kind is second.kind and first.error == second.error
        if not same or not agree(first.value, second.value):
            differing.append((args, first, second))
    differing.sort(key=lambda row: len(repr(row[0])))
    return differing, checked


def _deterministic(constraint: Constraint, session: Session) -> Verdict:
    inputs = _usual_inputs(session)[:_MAX_REPEATED]
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
    differing, checked = _differences(inputs, run.calls, outcomes)
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
    normal = next(iter(_usual_inputs(session)), ())
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
    alias = _alias_difference(session)
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


_ALIASED = """

def _codegrad_aliased(arguments, first, second):
    arguments = list(arguments)
    arguments[second] = arguments[first]
    return {entry}(*arguments)
"""


def _alias_difference(session: Session) -> Counterexample | None:
    """Return a call that depends on whether two equal arguments are one object."""
    for args, first, second in _alias_candidates(session):
        run = session.bench.sandbox.call(
            session.source + _ALIASED.format(entry=session.entry),
            "_codegrad_aliased",
            [Call((list(args), first, second))],
            limits=session.candidate.limits,
            context=session.task.context,
        )
        differing, _ = _differences([args], session.candidate.call([args]), run.calls)
        if differing:
            _, apart, aliased = differing[0]
            return Counterexample(
                f"{session.call_text(args)} with arguments {first + 1} and "
                f"{second + 1} the same list",
                f"{describe(apart)}, as with two lists",
                describe(aliased),
            )
    return None


def _alias_candidates(session: Session) -> list[tuple[Args, int, int]]:
    """Return inputs with two equal lists, and the places of these."""
    found = []
    for known in session.inputs.known[:_MAX_ALIASED]:
        args = known.args
        for first, second in combinations(range(len(args)), 2):
            if isinstance(args[first], list) and isinstance(args[second], list):
                equal = (*args[:second], args[first], *args[second + 1 :])
                if session.in_domain([equal]):
                    found.append((equal, first, second))
    return found


_MEASURED = """

def _codegrad_memory(arguments, rounds, repeats):
    import copy, gc, tracemalloc
    tracemalloc.start()
    sizes = []
    for _ in range(rounds):
        for _ in range(repeats):
            {entry}(*copy.deepcopy(arguments))
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    return sizes
"""
_ROUNDS, _REPEATS = 6, 10
_LEAK_BYTES = 200


def _steady_memory(constraint: Constraint, session: Session) -> Verdict:
    usual = smallest_first(_usual_inputs(session))
    chosen = usual[-1:] if len(usual) < _ROUNDS else [usual[len(usual) // 2]]
    run = session.bench.sandbox.call(
        session.source + _MEASURED.format(entry=session.entry),
        "_codegrad_memory",
        [Call((args, _ROUNDS, _REPEATS)) for args in chosen],
        limits=session.bench.limits,
        context=session.task.context,
    )
    outcome = run.calls[0] if run.calls else CallOutcome(Ending.NOT_RUN)
    sizes = outcome.value
    if not isinstance(sizes, list) or len(sizes) != _ROUNDS:
        return unknown(constraint, STAGE, f"not measured: {describe(outcome)}")
    # The first rounds fill caches; a leak goes on.
    if not all(isinstance(size, int) for size in sizes):
        return unknown(constraint, STAGE, "not measured: no sizes")
    steps = [later - earlier for earlier, later in pairwise(sizes[2:])]
    if min(steps) >= _LEAK_BYTES:
        example = Counterexample(
            session.call_text(chosen[0]),
            "memory that stays the same",
            f"keeps {min(steps) // _REPEATS} bytes more after every call",
        )
        return refuted(constraint, STAGE, [example], _ROUNDS * _REPEATS, 1.0)
    return passed(constraint, STAGE, _ROUNDS * _REPEATS, "")


_JUDGES: dict[Behaviour, _Judge] = {
    Behaviour.ONLY_RAISES: _only_raises,
    Behaviour.KEEPS_ARGUMENTS: _keeps_arguments,
    Behaviour.STATELESS: _stateless,
    Behaviour.DETERMINISTIC: _deterministic,
    Behaviour.BOUNDARIES: _boundaries,
    Behaviour.STEADY_MEMORY: _steady_memory,
}
