"""Grade samples: right ones pass, wrong ones say why, hostile ones get nowhere."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from codegrad.bench.expectation import References
from codegrad.bench.grading import Grader
from codegrad.bench.oracles import EQUAL, HUMANEVAL_ORACLES
from codegrad.bench.problems import Problem, Suite
from codegrad.bench.verdicts import Outcome
from codegrad.sandbox import Sandbox
from tests.bench.small import problem, small_dataset
from tests.sandbox.attacks import ATTACKS, TIMES, Attack

CORPUS = Path(__file__).resolve().parents[3] / "shared/prototypes/attacks"
SORTING = problem(
    (([3, 1, 2],), [1, 2, 3]),
    (([],), []),
    (([5, 5, 1],), [1, 5, 5]),
    (([9, -4, 7, 7, 0],), [-4, 0, 7, 7, 9]),
    entry="solve",
)
SORTING = dataclasses.replace(
    SORTING, reference="def solve(xs):\n    return sorted(xs)\n"
)
HONEST = "def solve(xs):\n    return sorted(xs)\n"
SLOW = {attack.name for attack in TIMES} | {"recursion without a limit"}


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(References("", None)) as one:
        yield one


def test_a_reference_passes_and_an_empty_program_does_not(
    grader: Grader, tmp_path: Path
) -> None:
    for one in small_dataset(tmp_path).problems.values():
        assert grader.grade(one, one.reference).passed
        verdict = grader.grade(one, one.empty)
        assert verdict.outcomes == {"base": "fail", "plus": "not_run"}


def test_the_first_wrong_result_is_reported(grader: Grader, tmp_path: Path) -> None:
    one = small_dataset(tmp_path).problems["Small/0"]
    verdict = grader.grade(one, "def double(x): return x * 2 if x >= 0 else x")
    failure = verdict.failure
    assert verdict.outcomes == {"base": "pass", "plus": "fail"}
    assert failure is not None
    assert (failure.suite, failure.given) == ("plus", "-3")
    assert (failure.expected, failure.observed) == ("-6", "-3")


def test_floats_are_compared_with_a_tolerance(grader: Grader, tmp_path: Path) -> None:
    one = small_dataset(tmp_path).problems["Small/1"]
    assert grader.grade(one, "def third(x): return x * (1 / 3) + 1e-8").passed
    assert not grader.grade(one, "def third(x): return x / 3 + 1e-4").passed


def test_long_results_are_compared_whole(grader: Grader, tmp_path: Path) -> None:
    one = small_dataset(tmp_path).problems["Small/2"]
    assert grader.grade(one, "def repeat(t, n): return ''.join([t] * n)").passed
    source = "def repeat(t, n): return t * n if n < 9 else t * (n - 1) + 'aa'"
    verdict = grader.grade(one, source)
    assert verdict.outcomes == {"base": "pass", "plus": "fail"}


@pytest.mark.parametrize(
    ("result", "passes"),
    [
        ("[float(k) for k in range(9000)]", True),
        ("[k + (k == 7) for k in range(9000)]", False),
        ("[bool(k) if k < 2 else k for k in range(9000)]", True),
        ("list(range(9000)) if not RANDOM else [1]", False),
    ],
)
def test_long_results_in_other_types_are_compared_by_value(
    grader: Grader, result: str, *, passes: bool
) -> None:
    long = problem(((), list(range(9000))))
    source = f"import time\nRANDOM = time.time_ns() % 2\ndef f(): return {result}"
    if "RANDOM" in result:
        # The second answer is another: it is bound to the digest of the first.
        source = "import os\ndef f():\n    return [os.getpid()] * 9000"
    assert grader.grade(long, source).passed is passes


def test_a_wrong_answer_cannot_be_corrected_when_it_is_asked_for_again(
    grader: Grader,
) -> None:
    source = """
from __main__ import *
import sys
right = list(range(9000))
def f():
    frame = sys._getframe()
    while frame is not None:
        job = getattr(frame.f_locals.get('self'), 'job', None)
        if isinstance(job, dict) and job.get('only') is not None:
            return [float(k) for k in right]
        frame = frame.f_back
    return right[::-1]
"""
    source = source.replace("from __main__ import *\n", "")
    assert not grader.grade(problem(((), list(range(9000)))), source).passed


def test_nan_is_not_equal_to_itself(grader: Grader) -> None:
    one = problem(((), float("nan")))
    assert not grader.grade(one, "def f(): return float('nan')").passed


def test_equal_values_of_other_types_pass_where_the_official_judge_says_so(
    grader: Grader,
) -> None:
    one = problem(((1,), 1), ((0,), 0))
    assert grader.grade(one, "def f(x): return bool(x)").passed
    counted = problem((("aab",), {"a": 2, "b": 1}))
    source = "from collections import Counter\ndef f(t): return Counter(t)"
    assert grader.grade(counted, source).passed


def test_a_judge_of_its_own_sees_the_arguments_as_they_were(grader: Grader) -> None:
    one = problem(
        (([-4, 0, 1],), 2.0), oracle=HUMANEVAL_ORACLES["find_zero"], tolerance=1e-4
    )
    assert grader.grade(one, "def f(xs): return -2.0").passed
    source = "def f(xs):\n    xs[:] = [0, 0, 0]\n    return 5.0"
    assert not grader.grade(one, source).passed


def test_tests_that_are_no_calls_run_beside_the_sample(grader: Grader) -> None:
    suite = Suite("base", checks=("for k in range(3):\n    assert f(k) == helper(k)",))
    suite = Suite("base", checks=suite.checks, prelude="def helper(k): return k + 1")
    one = Problem("T/1", "f", "", "", (suite,), EQUAL)
    assert grader.grade(one, "def f(k): return k + 1").passed
    verdict = grader.grade(one, "def f(k): return min(k + 1, 2)")
    assert verdict.failure is not None
    assert (verdict.failure.expected, verdict.failure.observed) == ("3", "2")
    assert grader.grade(one, "def f(k:").outcomes == {"base": Outcome.RAISED}


def test_programs_are_judged_by_what_they_print(grader: Grader) -> None:
    suite = Suite("public", programs=(("3\n", "6\n"), ("1.5\n", "3.00\n")))
    one = Problem("T/2", "", "", "", (suite,), EQUAL)
    assert grader.grade(one, "print(float(input()) * 2)").passed
    verdict = grader.grade(one, "print(int(input()) * 2)")
    assert verdict.outcomes == {"public": "error"}
    assert not grader.grade(one, "print(7)").passed
    source = (
        "import threading, time\n"
        "def main():\n    x = float(input())\n    time.sleep(0.05)\n    print(x * 2)\n"
        "threading.Thread(target=main).start()"
    )
    assert grader.grade(one, source).passed


@pytest.mark.parametrize(
    ("source", "outcome", "attempt"),
    [
        ("import sys\nsys.exit(0)", "error", "called sys.exit"),
        ("import os\ndef solve(xs): os._exit(0)", "died", "ended its own process"),
        (
            "def solve(xs): return open('/etc/passwd').read()",
            "error",
            "looked for files that it cannot see",
        ),
        (
            "class Same(list):\n    __eq__ = lambda *_: True\n"
            "def solve(xs): return Same()",
            "fail",
            "returned a Same with an __eq__ of its own",
        ),
        (
            "import os\n"
            "def solve(xs): os.write(3, bytes([6, 0, 0, 0]) + b'M\\1\\0\\0\\0r')",
            "died",
            "sent a forged answer",
        ),
        ("import os\ndef solve(xs): os.fork()", "error", "tried"),
    ],
)
def test_cheats_are_named(
    grader: Grader, source: str, outcome: str, attempt: str
) -> None:
    verdict = grader.grade(SORTING, source)
    assert verdict.outcomes == {"base": outcome}
    assert any(attempt in found for found in verdict.attempts), verdict


def test_forged_frames_do_not_pass(grader: Grader) -> None:
    for frame in ("b'O' + bytes(4) + b'.' + bytes(4)", "b'.' + bytes(4)"):
        source = f"""
import os, struct
body = {frame}
os.write(3, struct.pack('<I', len(body)) + body)
os._exit(0)
"""
        assert not grader.grade(SORTING, source).passed


def test_a_sample_that_stops_the_clock_is_stopped_by_the_parent(
    grader: Grader,
) -> None:
    quick = problem(((), 1))
    source = (
        "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\n"
        "def f():\n    while True: pass"
    )
    with _short_silence(grader, quick):
        assert grader.grade(quick, source).outcomes == {"base": "timeout"}


@contextlib.contextmanager
def _short_silence(grader: Grader, one: Problem) -> Iterator[None]:
    found = grader.expectation(one)
    limits = type(found.limits)(call_s=0.3, silence_s=0.5)
    object.__setattr__(found, "limits", limits)
    yield


def marked(attacks: Sequence[Attack]) -> list[object]:
    return [
        pytest.param(
            attack,
            id=attack.name.replace(" ", "-"),
            marks=[pytest.mark.slow] if attack.name in SLOW else [],
        )
        for attack in attacks
    ]


@pytest.mark.parametrize("attack", marked(ATTACKS))
def test_hostile_samples_do_not_pass_and_do_not_stop_the_run(
    grader: Grader, attack: Attack, tmp_path: Path
) -> None:
    source = attack.source.replace("@BOX@", str(tmp_path))
    verdict = grader.grade(SORTING, source)
    if attack.expect == "not pass":
        assert not verdict.passed
    if attack.expect == "pass":
        assert verdict.passed
    assert grader.grade(SORTING, HONEST).passed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason=f"{CORPUS} is not here")
def test_the_corpus_of_attacks_does_not_pass(grader: Grader, tmp_path: Path) -> None:
    passed = []
    for path in sorted(CORPUS.glob("*.py")):
        source = path.read_text()
        if "# expect:" not in source:
            continue
        verdict = grader.grade(SORTING, source.replace("@BOX@", str(tmp_path)))
        if "# expect: NOTPASS" in source and verdict.passed:
            passed.append(path.stem)
        if "# expect: PASS" in source:
            assert verdict.passed, path.stem
        assert grader.grade(SORTING, HONEST).passed, path.stem
    assert passed == []


def test_a_grader_that_lost_its_zygote_goes_on(grader: Grader) -> None:
    assert grader.grade(SORTING, HONEST).passed
    sandbox: Sandbox = next(iter(grader._sandboxes.values()))
    assert sandbox._process is not None
    sandbox._process.process.kill()
    grader.grade(SORTING, HONEST)
    assert grader.grade(SORTING, HONEST).passed
