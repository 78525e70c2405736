from collections.abc import Sequence

import pytest

from codegrad.errors import UsageError
from codegrad.evidence import Evidence
from codegrad.task import Task
from codegrad.verdict import Status
from codegrad.verify.ladder import STAGES, Ladder, LadderRun
from codegrad.verify.stage import Workbench
from tests.verify.harness import MEDIAN, task_of

COSTLY = '''
def pairs(xs: list[int]) -> int:
    """Count pairs.

    >>> pairs([1, 1])
    1

    cost: O(n)
    """
    return sum(x == y for i, x in enumerate(xs) for y in xs[:i])
'''


def stages_run(run: LadderRun) -> list[str]:
    return list(dict.fromkeys(verdict.stage for verdict in run.verdicts))


def statuses(run: LadderRun, task: Task) -> dict[str, str]:
    rows = Evidence.collect(task.constraints, run.verdicts, run.not_run).rows
    return {row.constraint: row.label for row in rows}


@pytest.fixture(scope="module")
def median_runs(bench: Workbench) -> tuple[Task, LadderRun, LadderRun, list[str]]:
    task = task_of(MEDIAN, "median")
    heard: list[str] = []
    ladder = Ladder()
    quick = ladder.quick(task.sources, task, bench)
    full = ladder.complete(quick, task.sources, task, bench, on_stage=heard.append)
    return task, quick, full, heard


def test_a_proposal_is_judged_without_the_dear_soft_stages(
    median_runs: tuple[Task, LadderRun, LadderRun, list[str]],
) -> None:
    task, quick, _, _ = median_runs
    assert "robustness" not in stages_run(quick)
    soft = {c.name for c in task.constraints if not c.hard}
    judged = {verdict.constraint for verdict in quick.verdicts}
    assert judged & soft == {"lint", "types"}
    assert "looked at when a program is accepted" in quick.not_run["stateless"]


def test_completing_adds_what_was_left_and_keeps_the_rest(
    median_runs: tuple[Task, LadderRun, LadderRun, list[str]],
) -> None:
    task, quick, full, heard = median_runs
    assert full.verdicts[: len(quick.verdicts)] == quick.verdicts
    assert heard == ["properties", "robustness"]
    labels = statuses(full, task)
    assert labels["stateless"] == "passed"
    assert labels["growth"] == "not run"
    assert full.not_run == {"growth": "stage efficiency was not asked for"}


def test_nothing_is_added_to_what_is_refuted(bench: Workbench) -> None:
    task = task_of(MEDIAN, "median")
    wrong = {task.main: MEDIAN.replace("sorted(xs)", "list(xs)")}
    quick = Ladder().quick(wrong, task, bench)
    assert Ladder().complete(quick, wrong, task, bench) is quick
    whole = Ladder().run(wrong, task, bench)
    assert whole.not_run["stateless"] == "tests is refuted"


def test_a_stated_cost_makes_its_stage_run(bench: Workbench) -> None:
    task = task_of(COSTLY, "pairs")
    run = Ladder().quick(task.sources, task, bench)
    assert stages_run(run)[-1] == "efficiency"
    assert statuses(run, task)["cost 1"] in {"refuted", "unknown"}


def test_a_clause_that_another_stage_judged_did_run(bench: Workbench) -> None:
    task = task_of(MEDIAN, "median")
    run = Ladder.of(["properties"]).run(task.sources, task, bench)
    assert "post 1" not in run.not_run
    assert run.not_run["example 1"] == "stage tests was not asked for"
    assert statuses(run, task)["post 1"] == "passed"


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["tests", "syntax"], ["syntax", "tests"]), (["all"], [s.name for s in STAGES])],
)
def test_named_stages_run_in_ladder_order(
    names: Sequence[str], expected: Sequence[str]
) -> None:
    assert list(Ladder.of(names).names) == expected
    assert Ladder.of(names).asked == tuple(expected)


def test_an_unknown_stage_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="unknown stage 'magic'; known: syntax, lint"):
        Ladder.of(["syntax", "magic"])


def test_every_late_soft_constraint_counts_as_open_until_it_is_looked_at(
    median_runs: tuple[Task, LadderRun, LadderRun, list[str]],
) -> None:
    task, quick, _, _ = median_runs
    rows = Evidence.collect(task.constraints, quick.verdicts, quick.not_run).rows
    late = [row for row in rows if row.stage in {"properties", "robustness"}]
    assert late
    assert all(row.status is None for row in late if not row.hard)
    assert all(row.status is not Status.PASSED for row in late if not row.hard)
