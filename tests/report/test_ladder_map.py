import itertools

from codegrad.report.ladder_map import SYMBOLS, rung, stages
from codegrad.report.story import LossView
from codegrad.task import Constraint, SyntaxCheck
from codegrad.verdict import Status, Verdict


def view(*statuses: Status | None) -> tuple[list[Constraint], LossView]:
    names = [f"test {n}" for n in range(len(statuses))]
    verdicts = tuple(
        Verdict(name, "tests", status)
        for name, status in zip(names, statuses, strict=True)
        if status is not None
    )
    constraints = [Constraint(name, "tests", "", SyntaxCheck()) for name in names]
    return constraints, LossView(0.0, ("syntax", "tests"), verdicts, {}, "")


def test_a_rung_is_as_good_as_its_worst_constraint() -> None:
    order = [Status.REFUTED, Status.UNKNOWN, None, Status.PASSED, Status.PROVED]
    words = ["refuted", "unknown", "not run", "passed", "proved"]
    for first, second in itertools.product(range(5), repeat=2):
        constraints, loss = view(order[first], order[second])
        found = rung("tests", constraints, loss)
        assert found is not None
        assert found.word == words[min(first, second)]
        assert found.held == (first > 2) + (second > 2)
        assert found.total == 2


def test_a_rung_counts_in_words() -> None:
    constraints, loss = view(Status.REFUTED, Status.PASSED, Status.PASSED)
    found = rung("tests", constraints, loss)
    assert found is not None
    assert found.text == "1 refuted, 2 passed of 3"


def test_a_stage_without_constraints_has_no_rung() -> None:
    constraints, loss = view(Status.PASSED)
    assert rung("proof", constraints, loss) is None


def test_stages_stand_in_ladder_order_and_once() -> None:
    constraints, loss = view(Status.PASSED)
    other = Constraint("p", "proof", "", SyntaxCheck())
    assert stages([*constraints, other], [loss, loss]) == ["syntax", "tests", "proof"]


def test_no_two_statuses_share_a_symbol() -> None:
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
    assert set(SYMBOLS) == {s.name.lower() for s in Status} | {"not run"}
