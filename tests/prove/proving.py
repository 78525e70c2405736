"""Proofs for the tests: whatever is proved is attacked on real Python, too."""

from collections.abc import Sequence

from codegrad.bench.proof_reach import SURVIVED_INPUTS, survive
from codegrad.contract import Contract
from codegrad.prove import proof
from codegrad.prove.result import ProofResult, Replay
from codegrad.verdict import Status


def prove(  # noqa: PLR0913 - the options of `proof.prove`
    source: str,
    entry: str,
    contract: Contract | None = None,
    *,
    runs: Sequence[tuple[object, ...]] = (),
    replay: Replay | None = None,
    cpu_s: float = proof.DEFAULT_CPU_S,
    infer: bool = True,
    count: int = SURVIVED_INPUTS,
) -> ProofResult:
    """Return the result; fail if a proved function breaks on some of `count` inputs."""
    result = proof.prove(
        source, entry, contract, runs=runs, replay=replay, cpu_s=cpu_s, infer=infer
    )
    if result.status is Status.PROVED:
        tried, broken = survive(entry, source, contract, count=count, runs=runs)
        assert not broken, f"proved, and broken on {broken} of {tried} inputs: {source}"
    return result
