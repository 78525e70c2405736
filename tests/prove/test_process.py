"""The prover's process: what happens to it is an answer, and it is used again."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.prove.process import Prover
from codegrad.prove.proof import prove
from codegrad.prove.result import ProofResult, ReplayResult
from codegrad.verdict import Status
from tests.prove.judge import observe

DOUBLE = '''
def double(n: int) -> int:
    """post: result == 2 * n"""
    return n + n
'''
WRONG = '''
def middle(a: int, b: int) -> int:
    """pre: a <= b
    post: a <= result <= b"""
    return (a + b) // 2 + 1
'''
FERMAT = '''
def f(a: int, b: int, c: int) -> bool:
    """pre: a > 0 and b > 0 and c > 0
    post: a ** 3 + b ** 3 != c ** 3"""
    return True
'''


def squared(times: int) -> str:
    lines = ["def f(n: int) -> int:", '    """post: result > n"""', "    x = n + 3"]
    return "\n".join([*lines, *["    x = x * x"] * times, "    return x", ""])


@pytest.fixture
def prover() -> Iterator[Prover]:
    with Prover() as made:
        yield made


def children() -> set[int]:
    """Return the processes of ours that prove things."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            status = (entry / "status").read_text()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"PPid:\t{os.getpid()}\n" in status and b"prove.worker" in command:
            found.add(int(entry.name))
    return found


def test_answers_are_those_of_the_same_process(prover: Prover) -> None:
    far, near = prover.prove(DOUBLE, "double"), prove(DOUBLE, "double")

    assert far.status is Status.PROVED
    assert far.clauses == near.clauses
    assert far.certificate is not None
    assert near.certificate is not None
    assert far.certificate.conditions == near.certificate.conditions
    assert far.certificate.assumptions == near.certificate.assumptions


def test_one_process_answers_many_questions() -> None:
    before = children()
    with Prover() as made:
        made.prove(DOUBLE, "double")
        first = children() - before
        made.prove(DOUBLE, "double")
        made.prove("def f(:", "f")

        assert children() - before == first
    assert len(first) == 1


def test_close_ends_the_process() -> None:
    before = children()
    with Prover() as made:
        made.prove(DOUBLE, "double")
        assert children() - before
    assert children() == before


def test_replay_is_run_on_this_side(prover: Prover) -> None:
    seen: list[int] = []

    def replay(arguments: tuple[object, ...]) -> ReplayResult:
        seen.append(os.getpid())
        return observe(WRONG, "middle", arguments)

    result = prover.prove(WRONG, "middle", replay=replay)

    assert result.status is Status.REFUTED
    assert set(seen) == {os.getpid()}
    assert result.counterexample is not None
    assert observe(WRONG, "middle", result.counterexample).violated


def test_contract_and_runs_reach_the_other_side(prover: Prover) -> None:
    contract = Contract((Clause(ClauseKind.POST, "result == a + 1", 1, "docstring"),))
    source = "def f(a):\n    return a + 1\n"

    result = prover.prove(source, "f", contract, runs=[(1,), (2,), (object(),)])

    assert result.status is Status.PROVED


def test_killed_solver_is_unknown_and_the_next_question_is_answered(
    prover: Prover,
) -> None:
    before = children()
    found: list[ProofResult] = []
    asking = threading.Thread(
        target=lambda: found.append(prover.prove(FERMAT, "f", cpu_s=60.0))
    )
    asking.start()
    while not (working := children() - before):
        pass
    os.kill(working.pop(), signal.SIGKILL)
    asking.join()

    assert found[0].status is Status.UNKNOWN
    assert "SIGKILL" in found[0].stopped
    assert "SIGKILL" in found[0].clauses[0].reason
    assert prover.prove(DOUBLE, "double").status is Status.PROVED


def test_segmentation_fault_is_named(prover: Prover) -> None:
    def crash(arguments: tuple[object, ...]) -> ReplayResult:
        del arguments
        for child in children():
            os.kill(child, signal.SIGSEGV)
        return ReplayResult(is_in_domain=False)

    result = prover.prove(WRONG, "middle", replay=crash)

    assert result.status is Status.UNKNOWN
    assert "SIGSEGV" in result.stopped


def test_number_that_no_memory_holds_is_unknown() -> None:
    with Prover(memory_mb=700) as small:
        result = small.prove(squared(70), "f", cpu_s=0.1)

        assert result.status is Status.UNKNOWN
        assert result.clauses[0].reason
        assert small.prove(DOUBLE, "double").status is Status.PROVED


def test_too_little_memory_to_start_is_unknown() -> None:
    with Prover(memory_mb=40) as tiny:
        result = tiny.prove(DOUBLE, "double")

    assert result.status is Status.UNKNOWN
    assert result.stopped


def test_error_of_the_replay_is_the_callers_and_leaves_no_process() -> None:
    before = children()

    def fail(arguments: tuple[object, ...]) -> ReplayResult:
        del arguments
        raise KeyboardInterrupt

    with Prover() as made, pytest.raises(KeyboardInterrupt):
        made.prove(WRONG, "middle", replay=fail)

    assert children() == before


def test_interrupt_ends_asker_and_worker() -> None:
    program = (
        "import sys, time\n"
        "from codegrad.prove.process import Prover\n"
        "def replay(arguments):\n"
        "    print('asked', flush=True)\n"
        "    time.sleep(600)\n"
        "try:\n"
        "    Prover().prove(sys.argv[1], 'middle', replay=replay)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, WRONG],
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as asker:
        assert asker.stdout is not None
        assert asker.stdout.readline() == b"asked\n"
        group = os.getpgid(asker.pid)
        assert len(_members(group)) == 2
        os.killpg(group, signal.SIGINT)
        assert asker.stdout.read() == b"interrupted\n"

    assert not _members(group)


def _members(group: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group:
                found.append(int(entry.name))
        except ProcessLookupError:
            continue
    return found


def test_result_survives_the_journey_as_text() -> None:
    result = prove(WRONG, "middle", replay=lambda a: observe(WRONG, "middle", a))

    assert ProofResult.from_dict(result.to_dict()) == result
