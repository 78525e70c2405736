"""The archive keeps what alone satisfies something, and drops what is dominated."""

from collections.abc import Collection

from codegrad.loss import Loss
from codegrad.optim import archive as module
from codegrad.optim.archive import Archive, passes_all
from codegrad.task import Constraint, SyntaxCheck
from codegrad.verdict import Status, Verdict

NAMES = ("a", "b", "c")
CONSTRAINTS = tuple(Constraint(n, "tests", n, SyntaxCheck()) for n in NAMES)


def loss(held: Collection[str], size: int = 1) -> Loss:
    verdicts = [
        Verdict(n, "tests", Status.PASSED if n in held else Status.REFUTED)
        for n in NAMES
    ]
    return Loss(CONSTRAINTS, verdicts, ladder=("tests",), size=size)


def filled(*rows: tuple[str, Loss]) -> Archive:
    archive = Archive({"m.py": ""})
    for text, found in rows:
        archive.add({"m.py": text}, found, label=text, engine="m")
    return archive


def labels(archive: Archive) -> list[str]:
    return [member.label for _, member in archive.front()]


def test_a_candidate_that_alone_passes_some_test_is_kept() -> None:
    archive = filled(("most", loss("ab")), ("alone", loss("c")), ("worse", loss("a")))
    assert labels(archive) == ["most", "alone"]
    (other,) = archive.others(frozenset("ab"), at_most=3)
    assert (other.label, other.satisfies) == ("alone", ("c",))


def test_of_two_that_satisfy_the_same_the_lower_loss_is_on_the_front() -> None:
    archive = filled(("long", loss("a", 9)), ("short", loss("a", 2)))
    assert labels(archive) == ["short"]


def test_the_front_follows_what_comes_later() -> None:
    archive = filled(("half", loss("a")))
    assert labels(archive) == ["half"]
    archive.add({"m.py": "all"}, loss("abc"), label="all", engine="m")
    assert labels(archive) == ["all"]
    assert [m.label for _, m in archive.passing()] == ["all"]


def test_a_text_that_comes_again_is_counted_and_not_kept_twice() -> None:
    archive = filled(("x", loss("a")), ("x", loss("a")), ("y", loss("b")))
    assert [m.votes for m in archive] == [2, 1]
    assert not archive.vote("unknown")


def test_when_it_is_full_what_is_dominated_goes_first() -> None:
    rows = [(f"w{number}", loss("a", number)) for number in range(2, 60)]
    archive = filled(("best", loss("ab")), ("alone", loss("c")), *rows)
    assert len(archive) == module.MAX_MEMBERS
    assert labels(archive) == ["best", "alone"]


def test_passing_needs_every_hard_constraint() -> None:
    assert passes_all(loss("abc"))
    assert not passes_all(loss("ab"))
