"""Every reference of the official files passes, and no empty program does."""

from pathlib import Path

import pytest

from codegrad.bench.datasets import open_dataset
from codegrad.bench.evaluate import self_test
from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader

DATA = Path(__file__).resolve().parents[3] / "shared/data"
FILES = {
    "quixbugs": ("quixbugs_dev", 9),
    "humanevalfix": ("humanevalfix_dev", 52),
    "humaneval": ("HumanEval", 164),
    "humaneval+": ("HumanEvalPlus", 164),
    "mbpp+": ("MbppPlus", 378),
    "livecodebench": ("livecodebench_dev", 0),
}
QUICK = ("quixbugs", "humanevalfix", "livecodebench")


@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not here")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name in FILES
    ],
)
def test_references_pass_and_empty_programs_do_not(name: str, tmp_path: Path) -> None:
    file, references = FILES[name]
    dataset = open_dataset(name, DATA / f"{file}.jsonl.gz")
    with Grader(References(dataset.checksum, tmp_path)) as grader:
        found = self_test(dataset, grader)
    assert dict(found.rejected) == {}
    assert found.accepted == ()
    # LiveCodeBench's files hold no reference.
    assert found.checked == references
