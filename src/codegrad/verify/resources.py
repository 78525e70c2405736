"""What repeated calls keep: memory, open files, threads.

In: a session. Out: whether the last of several rounds of calls still took more. The
first rounds fill caches; a leak goes on.
"""

from itertools import pairwise

from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.task import Constraint
from codegrad.verdict import Counterexample, Verdict
from codegrad.verify.calls import describe
from codegrad.verify.session import (
    Session,
    passed,
    refuted,
    smallest_first,
    unknown,
    usual_inputs,
)

STAGE = "robustness"
_MEASURED = """

def _codegrad_resources(arguments, rounds, repeats):
    import copy, gc, os, threading, tracemalloc
    def opened():  # the least number that is free tells how many are taken
        number = os.dup(0)
        os.close(number)
        return number
    tracemalloc.start()
    rows = []
    for _ in range(rounds):
        for _ in range(repeats):
            {entry}(*copy.deepcopy(arguments))
        gc.collect()
        rows.append([opened(), threading.active_count(),
                     tracemalloc.get_traced_memory()[0]])
    return rows
"""
_ROUNDS, _REPEATS = 6, 10
_LEAK_BYTES = 200
_KEPT = (("open files", 1), ("threads", 1), ("bytes", _LEAK_BYTES))
"""What is counted, and the growth in a round from which it is a leak."""


def steady_resources(constraint: Constraint, session: Session) -> Verdict:
    """Return whether repeated calls keep memory, files and threads as they are."""
    usual = smallest_first(usual_inputs(session))
    chosen = usual[-1:] if len(usual) < _ROUNDS else [usual[len(usual) // 2]]
    run = session.bench.sandbox.call(
        session.source + _MEASURED.format(entry=session.entry),
        "_codegrad_resources",
        [Call((args, _ROUNDS, _REPEATS)) for args in chosen],
        limits=session.bench.limits,
        context=session.task.context,
    )
    outcome = run.calls[0] if run.calls else CallOutcome(Ending.NOT_RUN)
    rows = outcome.value
    if not _are_counts(rows):
        return unknown(constraint, STAGE, f"not measured: {describe(outcome)}")
    for (what, most), counts in zip(_KEPT, zip(*rows, strict=True), strict=True):
        steps = [later - earlier for earlier, later in pairwise(counts[2:])]
        if min(steps) >= most:
            example = Counterexample(
                session.call_text(chosen[0]),
                f"{what} that stay the same",
                f"keeps {min(steps) / _REPEATS:g} {what} more after every call",
            )
            return refuted(constraint, STAGE, [example], _ROUNDS * _REPEATS, 1.0)
    return passed(constraint, STAGE, _ROUNDS * _REPEATS, "")


def _are_counts(rows: object) -> bool:
    return (
        isinstance(rows, list)
        and len(rows) == _ROUNDS
        and all(
            isinstance(row, list)
            and len(row) == len(_KEPT)
            and all(isinstance(count, int) for count in row)
            for row in rows
        )
    )
