"""Arguments that are one object twice, and outcomes that differ.

In: a session. Out: a call whose result depends on whether equal arguments, or equal
rows of one argument, are the same object.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.verdict import Counterexample
from codegrad.verify.calls import describe
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import agree, is_opaque
from codegrad.verify.session import Session

_MAX_ALIASED = 3
_ALIASED = """

def _codegrad_aliased(arguments, first, second):
    arguments = list(arguments)
    if second < 0:
        arguments[first] = [arguments[first][0]] * len(arguments[first])
    else:
        arguments[second] = arguments[first]
    return {entry}(*arguments)
"""
_ROWS = -1
"""Stands for a second argument where the rows of the first are one object."""


def alias_difference(session: Session) -> Counterexample | None:
    """Return a call that depends on whether two equal things are one object."""
    for args, first, second in _candidates(session):
        run = session.bench.sandbox.call(
            session.source + _ALIASED.format(entry=session.entry),
            "_codegrad_aliased",
            [Call((list(args), first, second))],
            limits=session.candidate.limits,
            context=session.task.context,
        )
        differing, _ = differences([args], session.candidate.call([args]), run.calls)
        if differing:
            _, apart, aliased = differing[0]
            what = (
                f"the rows of argument {first + 1} one list"
                if second == _ROWS
                else f"arguments {first + 1} and {second + 1} the same list"
            )
            return Counterexample(
                f"{session.call_text(args)} with {what}",
                f"{describe(apart)}, as with lists of their own",
                describe(aliased),
            )
    return None


def _candidates(session: Session) -> Iterator[tuple[Args, int, int]]:
    """Yield inputs with two equal lists, and the places of these."""
    for known in session.inputs.known[:_MAX_ALIASED]:
        args = known.args
        for first, second in combinations(range(len(args)), 2):
            if isinstance(args[first], list) and isinstance(args[second], list):
                equal = (*args[:second], args[first], *args[second + 1 :])
                if session.in_domain([equal]):
                    yield equal, first, second
        for index, value in enumerate(args):
            if isinstance(value, list) and len(value) > 1 and _are_lists(value):
                rows = [list(value[0]) for _ in value]
                equal = (*args[:index], rows, *args[index + 1 :])
                if session.in_domain([equal]):
                    yield equal, index, _ROWS


def _are_lists(value: Sequence[object]) -> bool:
    return all(isinstance(item, list) for item in value)


def differences(
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
