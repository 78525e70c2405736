# ruff: noqa: FBT003 - truth values are what the tests expect
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

import codegrad.search.frontier as frontier_module
from codegrad.sandbox import Sandbox
from codegrad.search.frontier import RIVAL_CANDIDATES, Batch, Frontier
from tests.search.jobs import KERNEL, Json, call, code, runner

RunJob = Callable[[Json], Any]
TWO_EDITS = """\
def f(a, b):
    total = a - b
    items = [a, b, 1]
    return [total, items[0:1]]
"""
TWO_TESTS = [
    call([4, 1], [5, [4, 1]]),
    call([0, 0], [0, [0, 0]]),
    call([-3, 8], [5, [-3, 8]]),
]


@pytest.fixture(scope="module")
def run_job() -> Iterator[RunJob]:
    with Sandbox(preload=(KERNEL,)) as sandbox:
        yield runner(sandbox)


def payload(tests: list[Json], **more: Any) -> Json:
    return {"entry": "f", "tests": tests, **more}


def search(frontier: Frontier, source: str, budget: int, step: int) -> Batch:
    spent = 0
    while True:
        batch = frontier.advance(source, step)
        spent += batch.spent
        if batch.proposals or batch.exhausted or spent >= budget:
            return batch


def test_a_single_edit_is_found_and_ranked(run_job: RunJob) -> None:
    source = "def f(a, b):\n    return a > b  # larger\n"
    tests = [call([1, 2], True), call([2, 1], False), call([1, 1], False)]
    batch = Frontier(payload(tests), run_job).advance(source, 2000)
    best = batch.proposals[0]
    assert best.source == source.replace(">", "<")
    assert best.plausible
    assert (best.depth, best.line, best.score) == (1, 2, 3.0)
    assert best.rivals == len(batch.proposals) - 1
    assert (batch.passed, batch.total) == (1, 3)


def test_two_edits_are_found_over_a_better_program(run_job: RunJob) -> None:
    batch = search(Frontier(payload(TWO_TESTS), run_job), TWO_EDITS, 20_000, 4000)
    best = batch.proposals[0]
    names: Json = {}
    exec(best.source, names)
    assert names["f"](7, 2) == [9, [7, 2]]
    assert best.depth == 2
    assert "+" in best.template


def test_a_saved_search_goes_on_as_if_never_stopped(run_job: RunJob) -> None:
    undisturbed = Frontier(payload(TWO_TESTS), run_job)
    saved = Frontier(payload(TWO_TESTS), run_job)
    for _ in range(12):
        expected = undisturbed.advance(TWO_EDITS, 1500)
        state = json.loads(json.dumps(saved.state()))
        saved = Frontier.from_state(state, run_job)
        assert saved.advance(TWO_EDITS, 1500) == expected
        if expected.proposals:
            break
    assert expected.proposals


def test_the_budget_is_kept_but_for_the_rivals(run_job: RunJob) -> None:
    frontier = Frontier(payload(TWO_TESTS), run_job)
    for _ in range(3):
        batch = frontier.advance(TWO_EDITS, 100)
        assert 100 <= batch.spent <= 105
        assert not batch.proposals
    near = Frontier(payload([call([1], 2), call([5], 6)]), run_job)
    batch = near.advance("def f(x):\n    return x", 10)
    assert batch.proposals
    assert batch.spent <= 10 + RIVAL_CANDIDATES


def test_what_repairs_a_part_is_handed_over_once(run_job: RunJob) -> None:
    source = "def f(x):\n    return x - 1\n"
    tests = [call([1], 2), call([5], 6), call([0], -1), code("assert other == 1")]
    kept = [tests[0], tests[1], tests[3]]
    frontier = Frontier(payload(kept, parts=True), run_job)
    frontier.advance(source, 20_000, single_only=True)
    assert frontier.has_tried_single
    assert frontier.is_one_of_several
    parts = frontier.take_parts()
    assert (parts[0].source, parts[0].gained) == (source.replace("-", "+"), 2)
    assert not parts[0].plausible
    assert not frontier.take_parts()
    # The third test holds as it is, and each of these parts would break it.
    broken = Frontier(payload(tests, parts=True), run_job)
    broken.advance(source, 20_000, single_only=True)
    assert source.replace("-", "+") not in [p.source for p in broken.take_parts()]
    silent = Frontier(payload(kept), run_job)
    silent.advance(source, 20_000, single_only=True)
    assert not silent.take_parts()


def test_after_a_batch_the_search_goes_on_to_other_programs(run_job: RunJob) -> None:
    tests = [call([[3, 1, 2]], [1, 2, 3])]
    frontier = Frontier(payload(tests), run_job)
    source = "def f(xs):\n    return xs\n"
    first = frontier.advance(source, 1000)
    second = search(frontier, source, 3000, 1000)
    shown = {proposal.source for proposal in first.proposals}
    assert shown
    assert not shown & {proposal.source for proposal in second.proposals}


def test_a_passing_program_leaves_nothing_to_search(run_job: RunJob) -> None:
    batch = Frontier(payload([call([1], 1)]), run_job).advance(
        "def f(x):\n    return x", 100
    )
    assert (batch.exhausted, batch.passed, batch.total, batch.spent) == (True, 1, 1, 0)


def test_a_program_that_cannot_be_loaded_says_why(run_job: RunJob) -> None:
    batch = Frontier(payload([call([1], 1)]), run_job).advance(
        "def f(x):\n  retrun x", 100
    )
    assert batch.exhausted
    assert "SyntaxError" in batch.error


def test_another_program_starts_anew(run_job: RunJob) -> None:
    frontier = Frontier(payload([call([1], 3)]), run_job)
    frontier.advance("def f(x):\n    return x", 5)
    batch = frontier.advance("def f(x):\n    return x + 1", 500)
    assert any("x + 2" in proposal.source for proposal in batch.proposals)


@pytest.mark.parametrize(
    "deed",
    [
        "os.kill(os.getpid(), 9)",
        pytest.param("time.sleep(3600)", marks=pytest.mark.slow),
    ],
)
def test_candidates_that_kill_or_hang_the_child_are_left_out(deed: str) -> None:
    source = (
        f"import os, time\ndef f(x):\n    if x > 1:\n        {deed}\n    return x - 1\n"
    )
    tests = [call([1], 2), call([0], 1), call([-1], 0)]
    with Sandbox(preload=(KERNEL,)) as sandbox:
        frontier = Frontier(payload(tests), runner(sandbox, wall_s=0.5))
        batch = frontier.advance(source, 2000)
    assert batch.proposals
    assert "return x + 1" in batch.proposals[0].source


def test_a_test_that_kills_the_child_does_not_end_the_search() -> None:
    source = (
        "import os\ndef f(x):\n    if x == 5:\n"
        "        os.kill(os.getpid(), 9)\n    return x\n"
    )
    tests = [call([5], 6), call([1], 2), call([3], 4)]
    with Sandbox(preload=(KERNEL,)) as sandbox:
        frontier = Frontier(payload(tests), runner(sandbox, wall_s=2.0))
        batch = frontier.advance(source, 300)
    assert batch.total == 3
    assert batch.passed == 0
    assert batch.spent > 0


def test_an_empty_function_is_written(run_job: RunJob) -> None:
    source = 'def f(s):\n    """Reverse the text in upper case."""\n'
    tests = [
        code("assert f('ab') == 'BA'\nassert f('') == ''\nassert f('xyz') == 'ZYX'")
    ]
    batch = search(
        Frontier(payload(tests, prompt="Reverse the text in upper case."), run_job),
        source,
        5000,
        2000,
    )
    names: Json = {}
    exec(batch.proposals[0].source, names)
    assert names["f"]("hello") == "OLLEH"
    assert batch.proposals[0].template == "stub"


@pytest.mark.slow
def test_a_right_but_slow_repair_gets_its_steps(run_job: RunJob) -> None:
    source = (
        "def f(n):\n    k = 0\n    while k * k < n and k == 0:\n        k += 3\n"
        "    return k * 7\n"
    )
    tests = [call([25 * 10**8], 350_007), call([0], 0), call([900], 210)]
    batch = search(Frontier(payload(tests), run_job), source, 20_000, 5000)
    assert any("while k * k < n:" in proposal.source for proposal in batch.proposals)


def test_nodes_of_equal_promise_and_cost_wait_in_order() -> None:
    frontier = Frontier({"tests": []}, _no_job)
    first, second = frontier_module._Node("a"), frontier_module._Node("b")
    frontier._push(first)
    frontier._push(second)
    sources = [item[3]["source"] for item in sorted(frontier._state.queue)]
    assert sources == ["a", "b"]


def _no_job(job: object) -> NoReturn:
    raise AssertionError(job)
