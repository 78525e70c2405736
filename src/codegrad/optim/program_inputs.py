r"""Standard inputs like the known ones, for telling programs apart.

In: the inputs that a task's tests give. Out: changed copies of them. Invariant: the
form stays: as many lines and as many words on a line; what looks like a count of what
follows is not touched, so that most of the inputs are still valid.
"""

import random
import re
from collections.abc import Iterator, Sequence

from codegrad.task import StdinCheck, Task

_NUMBER = re.compile(r"-?\d+")
_MAX_TRIES = 20
_STEPS = (-2, -1, 1, 2)


def program_inputs(task: Task, count: int, *, seed: int = 0) -> list[str]:
    r"""Return about `count` inputs made from those of the task's tests, and these.

    Example:
        >>> from codegrad.task import Constraint
        >>> tests = (Constraint("t", "tests", "", StdinCheck("3\n1 2 3\n", "6")),)
        >>> task = Task("t", "", {"m.py": ""}, "m.py", tests)
        >>> texts = program_inputs(task, 20)
        >>> texts[0], {text.splitlines()[0] for text in texts}
        ('3\n1 2 3\n', {'3'})
    """
    known = [c.check.stdin for c in task.constraints if isinstance(c.check, StdinCheck)]
    found = dict.fromkeys(known)
    rng = random.Random(seed)  # noqa: S311 - inputs that can be made again
    for _ in range(_MAX_TRIES * count):
        if len(found) >= count + len(known) or not known:
            break
        found.setdefault(_changed(rng.choice(known), rng))
    return list(found)


def _changed(text: str, rng: random.Random) -> str:
    """Return a text with one to three words changed."""
    rows = [line.split(" ") for line in text.split("\n")]
    places = [place for place in _places(rows) if not _is_count(rows, *place)]
    if not places:
        return text
    for row, column in rng.sample(places, min(len(places), rng.randint(1, 3))):
        if rng.random() < 0.2 and _is_list(rows[row]):  # noqa: PLR2004 - now and then
            rng.shuffle(rows[row])
        else:
            rows[row][column] = _changed_word(rows[row][column], rows, rng)
    return "\n".join(" ".join(row) for row in rows)


def _places(rows: Sequence[Sequence[str]]) -> Iterator[tuple[int, int]]:
    for number, row in enumerate(rows):
        for column, word in enumerate(row):
            if word:
                yield number, column


def _is_count(rows: Sequence[Sequence[str]], row: int, column: int) -> bool:
    """Return whether a word may say how much follows."""
    word = rows[row][column]
    if not word.isdecimal():
        return False
    rest = rows[row + 1 :]
    after = sum(any(line) for line in rest)
    lengths = {after, len(rows[row]) - column - 1}
    for line in rest[:2]:
        lengths |= {len(line), *map(len, line[:1])}
    # The first word of several cases says how many there are.
    return int(word) in lengths - {0} or (row == column == 0 and after > 1)


def _is_list(row: Sequence[str]) -> bool:
    return len(row) > 2 and all(map(_NUMBER.fullmatch, row))  # noqa: PLR2004 - a pair is no list


def _changed_word(word: str, rows: Sequence[Sequence[str]], rng: random.Random) -> str:
    if _NUMBER.fullmatch(word):
        near = int(word) + rng.choice(_STEPS)
        same_sign = [w for row in rows for w in row if _NUMBER.fullmatch(w)]
        if near < 0 <= int(word):
            near = 0
        return rng.choice([str(near), str(near), rng.choice(same_sign)])
    words = [w for row in rows for w in row if not w.isdecimal()]
    letters = sorted(set("".join(words)))
    place = rng.randrange(len(word))
    alike = [x for x in letters if _kind(x) == _kind(word[place])] or [word[place]]
    return word[:place] + rng.choice(alike) + word[place + 1 :]


def _kind(letter: str) -> tuple[bool, bool, bool]:
    return letter.isdecimal(), letter.isupper(), letter.islower()
