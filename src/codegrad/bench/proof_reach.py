"""How many small functions does the prover prove, and is it ever wrong?

Run as `python -m codegrad.bench.proof_reach`. Prints how many functions are proved with
the invariants given and without, the median cost, how many conditions the second solver
confirmed or contradicted, and how many proved functions broke their contract on
generated inputs (the last two must be 0). The functions are our own; they are executed
here to check them.
"""

import ast
import copy
import itertools
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import TextIO

from codegrad.bench.proof_corpus import BARE, GIVEN, functions
from codegrad.bench.proof_styles import STYLES_BARE, STYLES_GIVEN
from codegrad.contract import ClauseKind, Contract
from codegrad.prove.inputs import inputs
from codegrad.prove.kinds import (
    Kind,
    is_telling,
    join,
    join_all,
    kind_of_annotation,
    kind_of_value,
)
from codegrad.prove.proof import prove
from codegrad.prove.result import ProofResult
from codegrad.prove.subset import Function, Module, parameters
from codegrad.verdict import Status

Caller = Callable[[Callable[..., object], tuple[object, ...]], object]

SURVIVED_INPUTS = 2000
_MOST_PARTS = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """One function of the corpus and what became of it."""

    name: str
    """The function."""

    result: ProofResult
    """What the prover says."""

    broken: int
    """On how many generated inputs the contract did not hold."""

    tried: int
    """How many generated inputs met the preconditions."""


def attempt(name: str, source: str, *, count: int = SURVIVED_INPUTS) -> Attempt:
    """Return the proof of a corpus function and its test on `count` inputs."""
    result = prove(source, name)
    tried = broken = 0
    if result.status is Status.PROVED:
        tried, broken = survive(name, source, count=count)
    return Attempt(name, result, broken, tried)


def survive(  # noqa: PLR0913 - what the proof was about, and how much to try
    name: str,
    source: str,
    contract: Contract | None = None,
    *,
    count: int,
    seed: int = 1,
    runs: Sequence[tuple[object, ...]] = (),
    call: Caller | None = None,
) -> tuple[int, int]:
    """Return how many inputs met the preconditions, and how many broke the contract.

    Inputs are generated until `count` of them met the preconditions, ten times as
    many at most. An exception breaks the contract. `runs` give types where there are
    no annotations.
    """
    namespace: dict[str, object] = {"implies": lambda a, b: not a or b}
    exec(compile(source, name, "exec"), namespace)  # noqa: S102 - our own functions
    module = Module(source)
    if contract is not None:
        module.override(name, contract)
    function = module.function(name)
    kinds = _kinds(function, runs)
    before = [_compiled(c) for c in function.clauses(ClauseKind.PRE)]
    after = [(_compiled(c), sees) for c, sees in function.promises()]
    called = namespace[name]
    assert callable(called)
    tried = broken = 0
    generated = itertools.chain.from_iterable(
        inputs(kinds, function.node, count=count, seed=seed + 100 * part)
        for part in range(_MOST_PARTS)
    )
    for arguments in generated:
        passed = dict(zip(kinds, arguments, strict=True))
        if not _holds(before, namespace | passed):
            continue
        tried += 1
        broken += _breaks(call or _plainly, called, passed, namespace, after)
        if tried >= count:
            break
    return tried, broken


def _kinds(function: Function, runs: Sequence[tuple[object, ...]]) -> dict[str, Kind]:
    defaults = function.defaults()
    found = {}
    for place, parameter in enumerate(parameters(function.node)):
        if is_telling(parameter.annotation):
            assert parameter.annotation is not None
            kind = kind_of_annotation(parameter.annotation)
        else:
            kind = join_all(kind_of_value(run[place]) for run in runs)
        if parameter.arg in defaults:
            kind = join(kind, kind_of_value(defaults[parameter.arg]))
        found[parameter.arg] = kind
    return found


def _compiled(clause: ast.expr) -> CodeType:
    return compile(ast.unparse(clause), "<clause>", "eval")


def _holds(clauses: Sequence[CodeType], scope: dict[str, object]) -> bool:
    try:
        return all(eval(c, scope) for c in clauses)  # noqa: S307 - our own contracts
    except Exception:  # noqa: BLE001 - a clause that raises does not hold
        return False


def _plainly(called: Callable[..., object], arguments: tuple[object, ...]) -> object:
    return called(*arguments)


def _breaks(
    call: Caller,
    called: Callable[..., object],
    passed: Mapping[str, object],
    namespace: Mapping[str, object],
    after: Sequence[tuple[CodeType, bool]],
) -> bool:
    given = copy.deepcopy(dict(passed))
    try:
        result = call(called, tuple(given.values()))
    except Exception:  # noqa: BLE001 - a proved function raises nothing
        return True
    fixed = {f"old_{n}": v for n, v in passed.items()} | {"result": result}
    return not all(
        _holds([clause], {**namespace, **(given if sees else passed), **fixed})
        for clause, sees in after
    )


def report(title: str, attempts: Sequence[Attempt], out: TextIO) -> None:
    """Print the figures of one part of the corpus."""
    proved = [a for a in attempts if a.result.status is Status.PROVED]
    conditions = [c for a in proved for c in a.result.conditions]
    asked = [c for c in conditions if c.first != "trivial"]
    confirmed = sum(c.first == c.second == "holds" for c in asked)
    contradicted = sum(c.is_contradicted for a in attempts for c in a.result.conditions)
    share = 100 * len(proved) / max(1, len(attempts))
    cost = statistics.median(a.result.cpu_s for a in attempts)
    slowest = max(a.result.cpu_s for a in attempts)
    lines = [
        f"{title}: {len(proved)} of {len(attempts)} proved ({share:.0f} %)",
        f"  CPU: median {cost:.2f} s, most {slowest:.2f} s",
        f"  conditions: {len(asked)}, by both solvers {confirmed}, "
        f"contradicted {contradicted}",
        f"  on generated inputs: {sum(a.tried for a in proved)} calls, "
        f"{sum(a.broken for a in proved)} broke a proved contract",
    ]
    lines += [
        f"  not proved: {a.name}: "
        f"{next(c.reason for c in a.result.clauses if c.reason)}"
        for a in attempts
        if a.result.status is not Status.PROVED
    ]
    out.write("\n".join(lines) + "\n")


def main() -> int:
    """Measure the whole corpus; return 1 if a proof was wrong."""
    wrong = 0
    for title, text in (
        ("invariants given", GIVEN),
        ("inference only", BARE),
        ("other styles, invariants given", STYLES_GIVEN),
        ("other styles, inference only", STYLES_BARE),
    ):
        attempts = [attempt(name, source) for name, source in functions(text)]
        report(title, attempts, sys.stdout)
        wrong += sum(a.broken for a in attempts)
        wrong += sum(c.is_contradicted for a in attempts for c in a.result.conditions)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
