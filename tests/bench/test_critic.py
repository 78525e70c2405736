"""The lying critic of the benchmark is caught, and no projected step gets worse."""

from itertools import islice
from pathlib import Path

import pytest

from codegrad.bench.critic import (
    BELIEVED,
    PROJECTED,
    SHIPPED,
    cases,
    main,
    report,
    run,
)
from codegrad.bench.lies import TRUE
from codegrad.engines.claims import ClaimStatus
from codegrad.verify.stage import Workbench

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.slow
def test_half_of_the_claims_are_false_and_no_accepted_step_gets_worse(
    bench: Workbench,
) -> None:
    if not DATA.is_dir():
        pytest.skip("the recorded programs are not here")
    tallies, count = run(islice(cases(DATA, 1, bench), 12), bench)
    projected = tallies[PROJECTED.name]
    assert count == 12
    for strategy in (SHIPPED, PROJECTED):
        tally = tallies[strategy.name]
        assert tally.accepted > 0
        assert tally.worse_loss == tally.lost == 0
    assert projected.caught > 0.7
    true = projected.claims[TRUE]
    assert true[ClaimStatus.CONFIRMED] == true.total() > 0
    false = sum(c.total() for kind, c in projected.claims.items() if kind != TRUE)
    assert false == true.total()
    assert tallies[BELIEVED.name].worse_unseen > 0
    assert "false claims caught" in report(tallies, count)


def test_a_missing_folder_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "does not exist" in capsys.readouterr().err
