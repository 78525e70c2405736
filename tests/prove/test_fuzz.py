"""Random functions against the prover: no false proof, no error."""

import pytest

from codegrad.bench.proof_reach import survive
from codegrad.prove.proof import prove
from codegrad.verdict import Status
from tests.prove.fuzz import Writer
from tests.prove.judge import limited

_INPUTS = 2000


def plausible(seed: int) -> str | None:
    """Return a function whose contract holds on a few inputs, if it runs on any."""
    writer = Writer(seed)
    text = writer.function()
    claims = ["True", *dict.fromkeys(writer.claims(12))]
    kept = [c for c in claims if _holds_on_some(text.replace("POSTS", _post(c)))]
    if not kept:
        return None
    wanted = kept[-2:] if seed % 3 else kept[:1]
    return text.replace("POSTS", "".join(map(_post, wanted)))


def _post(claim: str) -> str:
    return f"    post: {claim}\n"


def _holds_on_some(source: str) -> bool:
    tried, broken = survive("f", source, count=5, call=limited, seed=3)
    return tried > 0 and not broken


def attack(seeds: range) -> int:
    """Prove and attack a function for each seed; return how many were proved."""
    proved = 0
    for seed in seeds:
        source = plausible(seed)
        if source is None:
            continue
        result = prove(source, "f", cpu_s=0.5)
        assert not any(c.is_contradicted for c in result.conditions), source
        if result.status is Status.PROVED:
            proved += 1
            tried, broken = survive("f", source, count=_INPUTS, call=limited)
            assert not broken, f"seed {seed}, {broken} of {tried}:\n{source}"
    return proved


def test_some_random_functions_are_proved_and_none_falsely() -> None:
    assert attack(range(60)) > 3


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_many_random_functions_are_not_proved_falsely(part: int) -> None:
    assert attack(range(1000 + 100 * part, 1100 + 100 * part)) > 3
