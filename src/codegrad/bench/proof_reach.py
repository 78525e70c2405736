"""How many small functions does the prover prove, and is it ever wrong?

Run as `python -m codegrad.bench.proof_reach`. Prints how many functions are proved with
the invariants given and without, the median cost, how many conditions the second solver
confirmed or contradicted, and how many proved functions broke their contract on
generated inputs (the last two must be 0). The functions are our own; they are executed
here to check them.
"""

import ast
import copy
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from codegrad.bench.proof_corpus import BARE, GIVEN, functions
from codegrad.contract import ClauseKind, read_contract
from codegrad.prove.inputs import inputs
from codegrad.prove.kinds import kind_of_annotation
from codegrad.prove.proof import prove
from codegrad.prove.result import ProofResult
from codegrad.verdict import Status

SURVIVED_INPUTS = 2000


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


def survive(name: str, source: str, *, count: int, seed: int = 1) -> tuple[int, int]:
    """Return how many inputs met the preconditions, and how many broke the contract."""
    namespace: dict[str, object] = {}
    exec(compile(source, name, "exec"), namespace)  # noqa: S102 - our own corpus
    function = namespace[name]
    assert callable(function)
    node = next(
        n
        for n in ast.parse(source).body
        if isinstance(n, ast.FunctionDef) and n.name == name
    )
    contract = read_contract(node)
    kinds = {
        a.arg: kind_of_annotation(a.annotation)
        for a in node.args.args
        if a.annotation is not None
    }
    before, after = (
        [compile(c.expression, name, "eval") for c in contract.of(kind)]
        for kind in (ClauseKind.PRE, ClauseKind.POST)
    )
    tried = broken = 0
    for arguments in inputs(kinds, node, count=count, seed=seed):
        given = dict(zip(kinds, copy.deepcopy(arguments), strict=True))
        if not all(eval(c, {**namespace, **given}) for c in before):  # noqa: S307 - our own corpus
            continue
        tried += 1
        old = {f"old_{n}": v for n, v in zip(kinds, arguments, strict=True)}
        scope = {**namespace, **given, **old, "result": function(**given)}
        broken += not all(eval(c, dict(scope)) for c in after)  # noqa: S307 - our own corpus
    return tried, broken


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
    for title, text in (("invariants given", GIVEN), ("inference only", BARE)):
        attempts = [attempt(name, source) for name, source in functions(text)]
        report(title, attempts, sys.stdout)
        wrong += sum(a.broken for a in attempts)
        wrong += sum(c.is_contradicted for a in attempts for c in a.result.conditions)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
