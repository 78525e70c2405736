"""The last decision of a run: which of several candidates is the answer.

In: the archive of a run, its task. Out: `Chosen`, or nothing where there is no choice;
what answers have in common that break an example. Invariant: a candidate that passes
all that is visible is only replaced by another that does; no expectation is invented
and none of a hidden test is read.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from codegrad.code import fingerprint
from codegrad.loss import Loss
from codegrad.optim.archive import Archive, Member
from codegrad.optim.gate import is_stub
from codegrad.optim.selection import (
    RETURNED,
    among_equals,
    behaviours,
    by_agreement,
)
from codegrad.optim.surroundings import needs
from codegrad.task import Origin, Sources, Task
from codegrad.verify.stage import Workbench

TRUSTED_ANSWERS = 5
"""Independent answers from which agreement against an example is believed."""

TRUSTED_SHARE = 1 / 3
"""Share of them that must behave alike on every input that was generated."""

KEPT = 0.6
"""Share of inputs on which an edit must do what the answers have in common. Fixing an
oversight changes little; bending a program to a wrong example changes most of it."""

OPINIONS = 2
"""Answers that pass and do the same before no more are asked for, at least."""

MAJORITY = 2
"""How many times as many as all that do otherwise, at least."""

ALIKE = 0.98
"""Share of inputs on which answers do the same that are called alike: some inputs lie
outside of what the task is about."""

_WORDS = re.compile(r"\w+|[^\w\s]")
_SAME = 3
"""Digits of the partial credit in which candidates are called equally near."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The answer and why it is the one."""

    key: str
    """Its fingerprint in the archive."""

    why: str
    distinguishing: int = 0
    """Inputs on which the candidates were not of one mind."""


@dataclass(frozen=True, slots=True)
class Common:
    """What the largest group of answers does, although it breaks an example."""

    key: str
    behaviour: tuple[str, ...]
    votes: int
    answers: int

    def __str__(self) -> str:
        return f"{self.votes} of {self.answers} answers"


def choose(
    task: Task, archive: Archive, program: Sources, current: Loss, bench: Workbench
) -> Chosen | None:
    """Return the candidate to end with, if agreement has anything to say.

    Of candidates that are agreed with equally, one that needs less of its
    surroundings is taken, then one that changes less of a program that was there;
    else the program itself stays.

    Only answers of engines have a say: an edit by the built-in search is made to pass,
    and edits of one program are wrong in the same way. An edit of the program is taken
    if it does as the answers do.
    """
    if task.repository is not None:
        return None
    answers = [row for row in archive.items() if row[1].is_answer]
    rows = [row for row in answers if row[1].passes]
    if not rows:
        common = common_answer(task, archive, bench)
        passing = [archive.sources(m)[task.main] for _, m in archive.passing()]
        if not all(common and objection(task, common, t, bench) for t in passing):
            return None
        if common is not None:
            why = f"{common} behave alike against an example of the docstring"
            return Chosen(common.key, why)
        rows = _nearest(answers, current)
    preferred = fingerprint(program)
    edits = [] if is_stub(task.source, task.entry_point) else _edits(archive)
    if not rows or not (rows[1:] or edits):
        return _only(rows, archive, preferred)
    # What may be an example is one if an answer satisfies it: that is seldom chance.
    fitting = max(member.fits for _, member in rows)
    rows = [row for row in rows if row[1].fits == fitting]
    rows += [row for row in edits if row[1].fits >= fitting]
    if len(rows) == 1:
        why = "it alone does what seems to be an example in the statement"
        return Chosen(rows[0][0], why)
    return _of_one_mind(task, archive, rows, preferred, bench)


def _change(before: str, after: str) -> int:
    """Return how many words and signs lie between the first and the last change.

    Example:
        >>> _change("return xs[0]", "return xs[1]"), _change("f(x)", "g(x, y)")
        (1, 5)
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    for _ in range(2):
        while old and new and old[-1] == new[-1]:
            old.pop()
            new.pop()
        old.reverse()
        new.reverse()
    return max(len(old), len(new))


def _only(
    rows: Sequence[tuple[str, Member]], archive: Archive, program: str
) -> Chosen | None:
    """Return the only answer if the program is an edit of another one."""
    if not rows or not archive.is_known_edit(program):
        return None
    return Chosen(rows[0][0], "it is the only answer that passes")


def _edits(archive: Archive) -> list[tuple[str, Member]]:
    """Return the edits of the program that pass."""
    return [row for row in archive.passing() if row[1].is_edit]


def _nearest(
    answers: Sequence[tuple[str, Member]], current: Loss
) -> list[tuple[str, Member]]:
    """Return the answers that are as near as the program; none if it is nearer."""
    best = min([_nearness(current.key), *(_nearness(m.key) for _, m in answers)])
    return [row for row in answers if _nearness(row[1].key) == best]


def _nearness(
    key: tuple[tuple[int, ...], float, int, int],
) -> tuple[tuple[int, ...], float]:
    hard, partial, *_ = key
    return hard, round(partial, _SAME)


def _of_one_mind(
    task: Task,
    archive: Archive,
    rows: Sequence[tuple[str, Member]],
    preferred: str,
    bench: Workbench,
) -> Chosen:
    texts = [archive.sources(member)[task.main] for _, member in rows]
    is_written = not is_stub(task.source, task.entry_point)
    changes = [_change(task.source, text) if is_written else 0 for text in texts]
    seen = behaviours(task, texts, bench)
    # An edit has no say: it was made to pass.
    votes = [member.votes if member.is_answer else 0 for _, member in rows]
    selection = by_agreement(seen, votes, is_program=task.is_program)
    selection = among_equals(task, texts, selection, bench, votes)
    top = selection.agreement[selection.order[0]]
    equal = [i for i in selection.order if selection.agreement[i] == top]
    # The program itself stays if nothing speaks for another one.
    best = min(
        equal,
        key=lambda i: (len(needs(texts[i])), changes[i], rows[i][0] != preferred),
    )
    if not selection.distinguishing:
        why = "no generated input tells the candidates apart"
        if len({len(needs(text)) for text in texts}) > 1:
            why += "; this one needs least of its surroundings"
        return Chosen(rows[best][0], why)
    why = (
        f"{len(rows)} candidates are equal so far; on {selection.distinguishing} "
        "generated inputs that tell them apart this one agrees with most "
        f"({selection.agreement[best]:.0%} on average)"
    )
    return Chosen(rows[best][0], why, selection.distinguishing)


def is_settled(task: Task, archive: Archive, bench: Workbench) -> bool:
    """Return whether the answers that pass are of one mind, so that no more are needed.

    An edit of the program that does as they do is one more opinion.
    """
    answers = [m for _, m in archive.passing() if m.is_answer]
    edits = [m for _, m in archive.passing() if m.is_edit]
    if not answers:
        return False
    votes = [m.votes for m in answers]
    texts = [archive.sources(m)[task.main] for m in (*answers, *edits)]
    seen = behaviours(task, texts, bench)
    own = seen[: len(votes)]
    best = seen[by_agreement(own, votes, is_program=task.is_program).order[0]]
    like = sum(v for v, row in zip(votes, own, strict=True) if _is_alike(best, row))
    is_edited = any(_is_alike(best, row) for row in seen[len(votes) :])
    return like + is_edited >= max(OPINIONS, MAJORITY * (sum(votes) - like))


def _is_alike(seen: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether another does the same wherever one returns, or nearly so."""
    pairs = [
        (a, b) for a, b in zip(seen, other, strict=False) if a.startswith(RETURNED)
    ]
    return sum(a == b for a, b in pairs) >= ALIKE * len(pairs) > 0


def common_answer(task: Task, archive: Archive, bench: Workbench) -> Common | None:
    """Return what many answers agree on although every one breaks an example.

    Then the example is suspect, not the answers: examples in docstrings are wrong at
    times, and independent programs are not wrong in the same way. Tests that were
    given are never suspected: an answer that breaks one has no say.
    """
    if task.repository is not None:
        return None
    given = {
        c.name
        for c in task.constraints
        if c.hard and c.origin is Origin.GIVEN and c.stage != "syntax"
    }
    rows = [
        (key, member)
        for key, member in archive.items()
        if member.is_answer and given <= set(member.satisfied)
    ]
    answers = sum(member.votes for _, member in rows)
    if answers < TRUSTED_ANSWERS or any(member.passes for _, member in rows):
        return None
    texts = [archive.sources(member)[task.main] for _, member in rows]
    groups: Counter[tuple[str, ...]] = Counter()
    alike: dict[tuple[str, ...], list[str]] = {}
    for (key, member), seen in zip(rows, behaviours(task, texts, bench), strict=True):
        if results := _results(seen):
            groups[results] += member.votes
            alike.setdefault(results, []).append(key)
    if not groups:
        return None
    behaviour, votes = groups.most_common(1)[0]
    first, *others = alike[behaviour]
    # One text is one opinion, however often it is given.
    if votes < TRUSTED_SHARE * answers or not others:
        return None
    return Common(first, behaviour, votes, answers)


def objection(task: Task, common: Common, source: str, bench: Workbench) -> str:
    """Return why an edit that passes is not believed, or an empty text."""
    (seen,) = behaviours(task, [source], bench)
    same = sum(a == b for a, b in zip(_results(seen), common.behaviour, strict=False))
    share = same / len(common.behaviour)
    if share >= KEPT:
        return ""
    return (
        f"does otherwise than {common} on {1 - share:.0%} of generated inputs, to "
        "satisfy an example"
    )


def _results(seen: Sequence[str]) -> tuple[str, ...]:
    """Return what was returned; in which way a call fails makes no difference."""
    return tuple(what if what.startswith(RETURNED) else "" for what in seen)
