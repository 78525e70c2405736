"""Accepted programs judge others: where they are of one mind, and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from codegrad.bench.accepted import AcceptedPrograms, differences, main
from codegrad.engines.pool import as_module
from codegrad.optim.selection import NOT_RUN
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench

PROMPT = '''def second(items: list) -> int:
    """Return the second largest different item of at least two.

    >>> second([3, 9, 2])
    3
    """
'''
HEAD = "def second(items):\n    "
SORTED = HEAD + "return sorted(set(items))[-2]\n"
REMOVED = HEAD + "return max(set(items) - {max(items)})\n"
LENIENT = (
    HEAD + "found = sorted(set(items), reverse=True)\n"
    "    return found[1] if len(found) > 1 else -1\n"
)
SAME_TWICE = HEAD + "return sorted(items)[-2]\n"
BY_PLACE = HEAD + "return items[0]\n"
LARGEST = HEAD + "return max(items)\n"
BROKEN = HEAD + "return (\n"


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    with Workbench() as found:
        yield found


@pytest.fixture(scope="module")
def task() -> Task:
    return task_from_text(PROMPT, "m.py", "second")


@pytest.mark.parametrize(
    ("source", "is_right"),
    [
        (REMOVED, True),
        (LENIENT, True),
        (SAME_TWICE, False),
        (BY_PLACE, False),
        (LARGEST, False),
        (BROKEN, False),
    ],
)
def test_a_program_is_right_if_it_does_as_accepted_ones_do(
    source: str, task: Task, bench: Workbench, *, is_right: bool
) -> None:
    # The two differ where fewer than two different items are given.
    accepted = AcceptedPrograms({"t": [SORTED, LENIENT]}, bench)
    assert accepted.is_right("t", task, source) is is_right


def test_one_accepted_program_judges_nobody(task: Task, bench: Workbench) -> None:
    accepted = AcceptedPrograms({"t": [SORTED, SORTED, BROKEN]}, bench)
    assert accepted.is_right("t", task, BY_PLACE) is None
    assert accepted.is_right("other", task, BY_PLACE) is None
    assert not accepted.can_judge("other")


def test_an_accepted_program_is_right_unless_others_are_asked(
    task: Task, bench: Workbench
) -> None:
    accepted = AcceptedPrograms({"t": [SORTED, REMOVED, SAME_TWICE]}, bench)
    module = as_module(SAME_TWICE, task)
    assert module is not None
    assert accepted.is_right("t", task, module) is True
    assert accepted.is_right("t", task, module, by_others=True) is False


def test_only_inputs_on_which_all_judges_agree_count() -> None:
    judges = [
        ["= 1", "= 1", "raised ValueError", NOT_RUN],
        ["= 1", "= 2", "raised ValueError", "= 3"],
    ]
    assert differences(["= 1", "= 1", "= 1", "= 3"], judges) == (0, 2)
    assert differences(["= 2", "= 1", "= 1", "= 4"], judges) == (2, 2)
    assert differences([], judges) == (2, 2)
    assert differences([NOT_RUN] * 4, judges) == (0, 0)


def test_a_folder_without_the_files_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "right_lcb_dev.jsonl.gz cannot be read" in capsys.readouterr().err
