import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from codegrad.sandbox import Call, Sandbox
from tests.sandbox.attack_runner import Arena, arena
from tests.sandbox.attacks import (
    ATTACKS,
    CHEATS,
    ESCAPES,
    HEAP_SCAN,
    TIMES,
    Attack,
    Expectation,
)

RUNNER = Path(__file__).with_name("attack_runner.py")
CORPUS = Path(__file__).resolve().parents[3] / "shared/prototypes/attacks"
EXPECTED: dict[str, Expectation] = {"PASS": "pass", "NOTPASS": "not pass"}
SLOW = {attack.name for attack in TIMES} | {"recursion without a limit"}
QUICK_COMBINATIONS = ["namespaces", "landlock", "pid_namespace,private_root"]


def marked(attack: Attack) -> object:
    slow = attack.name in SLOW and attack.name != "an endless loop"
    marks = [pytest.mark.slow] if slow else []
    return pytest.param(attack, id=attack.name.replace(" ", "-"), marks=marks)


@pytest.fixture(scope="module")
def here() -> Iterator[Arena]:
    with arena() as made:
        yield made


@pytest.mark.parametrize("attack", [marked(attack) for attack in ATTACKS])
def test_attack_fails_before_and_after_an_honest_job(
    here: Arena, attack: Attack
) -> None:
    assert here.faults(attack) == []
    assert here.sandbox.restarts == 0


def corpus() -> list[Attack]:
    found = []
    for path in sorted(CORPUS.glob("*.py")):
        source = path.read_text()
        for line in source.splitlines():
            if line.startswith("# expect:"):
                word = line.partition(":")[2].strip()
                found.append(Attack(path.stem, EXPECTED.get(word, "harmless"), source))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the attack corpus is not on this disk")
def test_no_program_of_the_corpus_beats_one_long_lived_worker(here: Arena) -> None:
    faults = {attack.name: here.faults(attack) for attack in corpus()}
    assert {name: found for name, found in faults.items() if found} == {}


def graded(command: Sequence[str], off: str, names: Sequence[str]) -> dict[str, object]:
    done = subprocess.run(
        [*command, str(RUNNER), off, *names],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def ordinary_user() -> list[str]:
    python = "/usr/bin/python3"
    if os.getuid() != 0:
        pytest.skip("needs root to become an ordinary user")
    version = "import sys; print(sys.version_info >= (3, 11))"
    if not Path(python).exists() or not shutil.which("setpriv"):
        pytest.skip("needs /usr/bin/python3 and setpriv, for a user who owns nothing")
    answer = subprocess.run([python, "-c", version], capture_output=True, check=True)
    if answer.stdout.strip() != b"True":
        pytest.skip(f"{python} is older than 3.11")
    identity = ["--reuid=20017", "--regid=20017", "--clear-groups"]
    return ["setpriv", *identity, python, "-B"]


def test_an_ordinary_user_is_as_safe() -> None:
    names = [attack.name for attack in (*CHEATS, *ESCAPES)]
    report = graded(ordinary_user(), "-", names)
    assert report["uid"] == 20017
    assert report["missing"] == []
    assert report["faults"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("off", ["-", *QUICK_COMBINATIONS])
def test_an_ordinary_user_survives_every_attack(off: str) -> None:
    assert graded(ordinary_user(), off, [])["faults"] == {}


@pytest.mark.parametrize("off", QUICK_COMBINATIONS)
def test_escapes_fail_without_some_of_the_layers(off: str) -> None:
    with arena(off.split(",")) as here:
        faults = {attack.name: here.faults(attack) for attack in ESCAPES}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.slow
@pytest.mark.parametrize("off", QUICK_COMBINATIONS)
def test_all_attacks_fail_without_some_of_the_layers(off: str) -> None:
    with arena(off.split(",")) as here:
        faults = {attack.name: here.faults(attack) for attack in ATTACKS}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("other", ["", ",pid_namespace", ",namespaces"])
def test_no_daemon_survives_even_where_forks_are_allowed(other: str) -> None:
    daemon = next(attack for attack in ESCAPES if "daemon" in attack.name)
    with arena(f"seccomp{other}".split(",")) as here:
        assert here.faults(daemon) == []


def leftovers(sandbox: Sandbox, pattern: bytes) -> object:
    (outcome,) = sandbox.call(HEAP_SCAN, "solve", [Call((pattern,))]).calls
    assert outcome.error == ""
    return outcome.value


def test_memory_scan_finds_what_is_there(sandbox: Sandbox) -> None:
    source = HEAP_SCAN + "\nkept = 'remembered ' + str(12345)\n"
    (outcome,) = sandbox.call(source, "solve", [Call((b"remembered [1]2345",))]).calls
    assert outcome.value > 0


@pytest.mark.parametrize("size", [1, 4000])
def test_nothing_of_earlier_jobs_is_left_in_memory(size: int) -> None:
    # The pattern does not match itself: it has brackets where the text has none.
    with Sandbox() as sandbox:
        earlier = (
            "def solve(x):\n    'candidate-was-here'\n    return 'result-was-' + x"
        )
        padding = "\n# padding that makes the frame long" * size
        test = "assert solve('here') == 'result-was-here', 'test-was-here'"
        for _ in range(3):
            run = sandbox.check(
                earlier + padding,
                "solve",
                [test + padding],
            )
            assert run.tests[0].kind == "passed"
            sandbox.call(earlier + padding, "solve", [Call(("argument-was-here",))])
        pattern = b"(candidate|test|result|argument)-was-[h]ere"
        assert leftovers(sandbox, pattern) == 0
