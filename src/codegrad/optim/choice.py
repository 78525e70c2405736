"""The last decision of a run: which of several candidates is the answer.

In: the archive of a run, its task. Out: `Chosen`, or nothing where there is no choice.
Invariant: a candidate that passes all that is visible is only replaced by another that
does; no expectation is invented and none of a hidden test is read.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codegrad.optim.archive import Archive, Member
from codegrad.optim.selection import Selection, behaviours, by_agreement
from codegrad.task import Origin, Task
from codegrad.verify.stage import Workbench

TRUSTED_ANSWERS = 5
"""Independent answers from which agreement against an example is believed."""

TRUSTED_SHARE = 0.5
"""Share of them that must behave alike on every input that was generated."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The answer and why it is the one."""

    key: str
    """Its fingerprint in the archive."""

    why: str
    distinguishing: int = 0
    """Inputs on which the candidates were not of one mind."""


def choose(task: Task, archive: Archive, bench: Workbench) -> Chosen | None:
    """Return the candidate to end with, if agreement has anything to say.

    Answers of engines come before edits of them by the built-in search: an edit is
    made to pass, and edits of one program are wrong in the same way.
    """
    if task.repository is not None:
        return None
    passing = archive.passing()
    answers = [row for row in passing if row[1].is_answer]
    if len(answers) > 1:
        return _of_one_mind(task, archive, answers, bench)
    if passing:
        return None
    return against_examples(task, archive, bench)


def _of_one_mind(
    task: Task,
    archive: Archive,
    rows: Sequence[tuple[str, Member]],
    bench: Workbench,
) -> Chosen | None:
    selection = agreement(task, archive, rows, bench)
    best = selection.order[0]
    if not selection.distinguishing:
        return Chosen(rows[best][0], "no generated input tells the candidates apart")
    share = selection.agreement[best]
    why = (
        f"{len(rows)} candidates pass; on {selection.distinguishing} generated inputs "
        f"that tell them apart this one agrees with most ({share:.0%} on average)"
    )
    return Chosen(rows[best][0], why, selection.distinguishing)


def agreement(
    task: Task,
    archive: Archive,
    rows: Sequence[tuple[str, Member]],
    bench: Workbench,
) -> Selection:
    """Return the order of candidates by what they do on generated inputs."""
    texts = [archive.sources(member)[task.main] for _, member in rows]
    seen = behaviours(task, texts, bench)
    return by_agreement(seen, [member.votes for _, member in rows])


def against_examples(task: Task, archive: Archive, bench: Workbench) -> Chosen | None:
    """Return what most answers agree on although every one breaks an example.

    Then the example is suspect, not the answers: examples in docstrings are wrong at
    times, and independent programs are not wrong in the same way. Tests that were
    given are never suspected.
    """
    if task.repository is not None or archive.passing():
        return None
    rows = [row for row in archive.items() if row[1].is_answer]
    votes = sum(member.votes for _, member in rows)
    if votes < TRUSTED_ANSWERS or not _breaks_only_examples(task, rows):
        return None
    texts = [archive.sources(member)[task.main] for _, member in rows]
    groups: Counter[tuple[str, ...]] = Counter()
    first: dict[tuple[str, ...], str] = {}
    for (key, member), seen in zip(rows, behaviours(task, texts, bench), strict=True):
        if seen:
            groups[seen] += member.votes
            first.setdefault(seen, key)
    if not groups:
        return None
    common, count = groups.most_common(1)[0]
    if count < TRUSTED_SHARE * votes:
        return None
    why = f"{count} of {votes} answers behave alike against an example of the docstring"
    return Chosen(first[common], why)


def _breaks_only_examples(task: Task, rows: Sequence[tuple[str, Member]]) -> bool:
    """Return whether all that the answers break was read from a text."""
    given = {
        c.name
        for c in task.constraints
        if c.hard and c.origin is Origin.GIVEN and c.stage != "syntax"
    }
    return any(given <= set(member.satisfied) for _, member in rows)
