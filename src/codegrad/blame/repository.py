"""Blame in a project: from the trace of each test to the functions at fault.

In: a traced `SuiteRun`. Out: observations for the gradient, and the functions of all
files from most to least suspicious. Invariant: plain data in, plain data out; the
order is a function of the data alone.
"""

from collections.abc import Iterable, Mapping

from codegrad.blame.observation import Observation
from codegrad.blame.spectrum import line_suspicion
from codegrad.sandbox.repository import NodeOutcome, NodeTrace, SuiteRun

Function = tuple[str, str]
"""Path of a file and qualified name of a function in it."""

CALLER_SHARE = 0.9
"""Suspicion that a function keeps if one that it calls is as suspicious: what was
computed wrongly inside is seen by everybody outside."""


def observe_suite(run: SuiteRun) -> list[Observation]:
    """Return one observation for each traced test and file, by node name."""
    return [
        observation
        for outcome in run.outcomes
        if outcome.trace is not None
        for observation in _observations(outcome, outcome.trace)
    ]


def _observations(outcome: NodeOutcome, trace: NodeTrace) -> Iterable[Observation]:
    for path, lines in sorted(trace.lines.items()):
        prefix = f"{path}::"
        exceptions = [line for file, line in trace.exception_lines if file == path]
        if outcome.kind == "timeout" and outcome.place and outcome.place[0] == path:
            exceptions.append(outcome.place[1])
        yield Observation(
            constraint=outcome.node,
            path=path,
            lines=frozenset(lines),
            exception_lines=tuple(dict.fromkeys(exceptions)),
            values=tuple(
                (state.line, state.values)
                for state in trace.states
                if state.path == path
            ),
            calls=tuple(
                (caller.removeprefix(prefix), callee.removeprefix(prefix))
                for caller, callee in trace.calls
                if callee.startswith(prefix)
            ),
        )


def localise(
    run: SuiteRun, functions: Mapping[Function, tuple[int, int]]
) -> list[tuple[Function, float]]:
    """Return the functions that failing tests reached, the most suspicious first.

    A function has the suspicion of its most suspicious line (Ochiai, more where an
    exception went through), scaled so that the highest of all files is 1. A caller of
    an equally suspicious function gets a little less than the callee. Equal ones
    stand in the order of `functions`.

    Args:
        run: A run with `trace`.
        functions: First and last line of each function that may be at fault.
    """
    outcomes = [
        outcome
        for outcome in run.outcomes
        if outcome.trace is not None and outcome.kind != "skipped"
    ]
    failed = [not outcome.holds for outcome in outcomes]
    traces = [outcome.trace or NodeTrace({}) for outcome in outcomes]
    # Lines of all files together, so that files can be compared: (path, line) pairs
    # are numbered because the spectrum counts plain numbers.
    places = sorted(
        {(path, n) for trace in traces for path, ns in trace.lines.items() for n in ns}
        | {place for trace in traces for place in trace.exception_lines}
    )
    numbers = {place: number for number, place in enumerate(places)}
    found = line_suspicion(
        [
            {numbers[path, n] for path, ns in trace.lines.items() for n in ns}
            for trace in traces
        ],
        failed,
        [[numbers[place] for place in trace.exception_lines] for trace in traces],
    )
    by_place = {places[number]: weight for number, weight in found.items()}
    share = {
        function: max(
            (by_place.get((function[0], n), 0.0) for n in range(first, last + 1)),
            default=0.0,
        )
        for function, (first, last) in functions.items()
    }
    _discount_callers(share, run)
    ranked = sorted(share.items(), key=lambda item: -item[1])
    return [(function, round(s, 6)) for function, s in ranked if s > 0]


def _discount_callers(share: dict[Function, float], run: SuiteRun) -> None:
    before = dict(share)
    pairs = {
        (_function(caller), _function(callee))
        for outcome in run.failing
        if outcome.trace is not None
        for caller, callee in outcome.trace.calls
        if caller != callee
    }
    for caller, callee in sorted(pairs):
        if (callee, caller) in pairs or caller not in before:
            continue
        if before.get(callee, 0.0) >= before[caller] > 0:
            share[caller] = before[caller] * CALLER_SHARE


def _function(name: str) -> Function:
    path, _, function = name.partition("::")
    return path, function
