"""The command line as a user types it: real processes, real files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]

WRONG = '''\
# The largest of several numbers.
def largest(items):
    """Return the largest item.

    >>> largest([3, 9, 2])
    9
    >>> largest([-5, -1])
    -1
    """
    return min(items)  # why not
'''
RIGHT = WRONG.replace("min(items)", "max(items)")


def codegrad(
    *arguments: str | Path, cwd: Path, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "m.py"
    path.write_text(WRONG, encoding="utf-8")
    return path


def test_refine_shows_diff_evidence_and_next_command_and_writes_nothing(
    wrong: Path, tmp_path: Path
) -> None:
    done = codegrad("refine", "m.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "verified: 3 of 3 hard constraints hold" in done.stdout
    assert "-    return min(items)  # why not\n+    return max(items)" in done.stdout
    assert "evidence: passed: example 1" in done.stdout
    run = done.stdout.rstrip().rpartition("next: codegrad apply ")[2]
    assert wrong.read_text() == WRONG
    applied = codegrad("apply", run, cwd=tmp_path)
    assert applied.returncode == 0, applied.stderr
    assert wrong.read_text() == RIGHT


def test_a_result_of_another_type_than_the_doctest_shows_is_refuted_and_repaired(
    tmp_path: Path,
) -> None:
    text = (
        "def middle(xs):\n"
        '    """Return the middle place.\n\n'
        "    >>> middle([5, 6, 7, 8])\n    2\n"
        "    >>> middle([5, 6])\n    1\n"
        '    """\n'
        "    return len(xs) / 2\n"
    )
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    checked = codegrad("check", "m.py", cwd=tmp_path)
    assert checked.returncode == 1
    assert "2.0" in checked.stdout
    done = codegrad("refine", "m.py", "--apply", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "m.py").read_text() == text.replace("/ 2", "// 2")


def test_apply_writes_the_file_and_keeps_mode_bom_and_line_ends(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.py"
    path.write_bytes(b"\xef\xbb\xbf" + WRONG.replace("\n", "\r\n").encode())
    path.chmod(0o750)
    done = codegrad("refine", "m.py", "--apply", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == b"\xef\xbb\xbf" + RIGHT.replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o750
    assert f"written: {path}" in done.stdout
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_output_writes_another_file(wrong: Path, tmp_path: Path) -> None:
    done = codegrad("refine", "m.py", "--output", "new.py", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "new.py").read_text() == RIGHT
    assert wrong.read_text() == WRONG


def test_json_is_one_document_with_the_documented_fields(
    wrong: Path, tmp_path: Path
) -> None:
    done = codegrad("refine", str(wrong), "--json", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert set(document) == {
        "schema",
        "run",
        "task",
        "status",
        "reason",
        "verified",
        "sentence",
        "steps",
        "spent",
        "files",
        "diff",
        "evidence",
        "notes",
        "exit_code",
    }
    assert document["verified"] is True
    assert document["files"][0]["source"] == RIGHT
    described = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
    assert all(f"`{name}`" in described for name in document)


def test_tests_that_pass_already_are_said_and_nothing_changes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.py"
    path.write_text(RIGHT)
    before = path.stat().st_mtime_ns
    done = codegrad("refine", "m.py", "--apply", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing was changed" in done.stdout
    assert path.stat().st_mtime_ns == before


def test_check_reports_without_changing_and_says_1_for_refuted(
    wrong: Path, tmp_path: Path
) -> None:
    done = codegrad("check", "m.py", cwd=tmp_path)
    assert done.returncode == 1
    assert "refuted: 2 of 3" in done.stdout
    assert "largest([3, 9, 2]): expected 9, observed 2" in done.stdout
    wrong.write_text(RIGHT)
    assert codegrad("check", "m.py", cwd=tmp_path).returncode == 0


def test_check_of_chosen_stages_lists_what_was_not_run(
    wrong: Path, tmp_path: Path
) -> None:
    done = codegrad("check", "m.py", "--stages", "syntax,lint", cwd=tmp_path)
    assert done.returncode == 0
    assert wrong.exists()
    assert "not run" in done.stdout
    assert "verified" not in done.stdout.partition("\n")[0].replace("to verify", "")
    unknown = codegrad("check", "m.py", "--stages", "magic", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "unknown stage 'magic'; known: syntax" in unknown.stderr


def test_grad_shows_direction_and_values(wrong: Path, tmp_path: Path) -> None:
    done = codegrad("grad", wrong.name, cwd=tmp_path)
    assert done.returncode == 1
    assert "largest([3, 9, 2]) must return 9; it returns 2" in done.stdout
    assert "items = [3, 9, 2]" in done.stdout
    document = json.loads(codegrad("grad", wrong.name, "--json", cwd=tmp_path).stdout)
    assert document["gradients"][0]["function"] == "largest"


def test_runs_show_and_report_know_a_run(wrong: Path, tmp_path: Path) -> None:
    run = json.loads(codegrad("refine", wrong.name, "--json", cwd=tmp_path).stdout)[
        "run"
    ]
    assert run in codegrad("runs", cwd=tmp_path).stdout
    story = codegrad("show", run, cwd=tmp_path)
    assert story.returncode == 0
    assert "accepted" in story.stdout
    step = codegrad("show", run, "--step", "1", cwd=tmp_path).stdout
    assert "-    return min(items)" in step, "what the step changed"
    assert "+def largest" not in step, "the whole file is no change"
    assert "evidence" not in step
    assert "step 1" not in codegrad("show", run, "--step", "0", cwd=tmp_path).stdout
    report = codegrad("report", run, "-o", "r.html", cwd=tmp_path)
    assert report.stdout.strip() == str(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert "verified" in page
    assert "<script" not in page
    ended = codegrad("resume", run, cwd=tmp_path)
    assert ended.returncode == 0
    assert "verified: 3 of 3" in ended.stdout
    unknown = codegrad("show", "zzzz", cwd=tmp_path)
    assert unknown.returncode == 2
    for more in ([], ["--prompts"], ["--json"]):
        done = codegrad("show", run, "--step", "99", *more, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"run {run} has no step 99; it has only --step 0, what was" in (
            done.stderr
        )


def test_doctor_reports_layers_and_tools(tmp_path: Path) -> None:
    done = codegrad("doctor", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in (
        "landlock",
        "seccomp",
        "rlimits",
        "ruff",
        "untrusted code is isolated",
    ):
        assert word in done.stdout
    assert json.loads(codegrad("doctor", "--json", cwd=tmp_path).stdout)["safe"]


BAD_INPUT = [
    (["refine", "none.py"], "does not exist"),
    (["refine", "."], "is a folder"),
    (["refine", "empty.py"], "is empty"),
    (["refine", "nofunction.py"], "defines no function"),
    (["refine", "two.py"], "say which one: two.py::a"),
    (["refine", "two.py::c"], "it defines: a, b"),
    (["refine", "broken.py"], "line 1"),
    (["refine", "bytes.py"], "not UTF-8"),
    (["refine", "m.py", "--tests", "none"], "does not exist"),
    (["refine", "m.py", "--tests", "contradiction.py"], "no program can satisfy both"),
    (["refine", "m.py", "--engine", "magic"], "unknown engine 'magic'"),
    (["refine", "m.py", "--budget", "lots"], "cannot read the budget"),
    (["refine", "m.py", "--output", "no/such/folder/x.py"], "cannot be written"),
    (["refine"], "Missing argument"),
    (["frobnicate"], "No such command"),
]


@pytest.mark.parametrize(("arguments", "sentence"), BAD_INPUT)
def test_bad_input_is_one_sentence_exit_2_and_no_traceback(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    for name, text in {
        "m.py": WRONG,
        "empty.py": "",
        "nofunction.py": "x = 1\n",
        "two.py": "def a(): ...\ndef b(): ...\n",
        "broken.py": "def f(:\n",
        "contradiction.py": "assert largest([1]) == 1\nassert largest([1]) == 2\n",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "bytes.py").write_bytes(b"def f(): '\xff'\n")
    done = codegrad(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "m.py").read_text() == WRONG


def test_a_result_that_is_not_verified_is_never_offered_or_written(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.py"
    path.write_text(HOPELESS)
    done = codegrad("refine", "m.py", "--budget", "300", "--json", cwd=tmp_path)
    run = json.loads(done.stdout)["run"]
    assert "apply" not in codegrad("show", run, cwd=tmp_path).stdout
    applied = codegrad("apply", run, cwd=tmp_path)
    assert applied.returncode == 1
    assert "nothing was written" in applied.stdout
    assert path.read_text() == HOPELESS


HOPELESS = '''\
def f(x):
    """Nobody knows.

    >>> f(1)
    'u7Zq'
    >>> f(2)
    'Kp0w'
    >>> f(3)
    '9xLm'
    >>> f(4)
    'bW3e'
    """
    total = 0
    for k in range(x):
        if k % 2 == 0 and total < 10:
            total += k * x
        else:
            total -= 1
    return str(total)
'''


def test_a_task_that_is_not_solved_exits_1_and_keeps_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(HOPELESS)
    done = codegrad("refine", "m.py", "--budget", "300", "--apply", cwd=tmp_path)
    assert done.returncode == 1
    assert "refuted: 4 of 5" in done.stdout
    assert path.read_text() == HOPELESS


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import os\n    while True: os.fork()",
        "return [0] * 10**12",
        "while True: print('x' * 10**6)",
    ],
)
def test_hostile_code_is_refuted_not_fatal(tmp_path: Path, body: str) -> None:
    text = f'def f(x):\n    """f(1) == 1"""\n    {body}\n'
    (tmp_path / "m.py").write_text(text)
    done = codegrad("check", "m.py", "--timeout", "1", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "refuted" in done.stdout


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(HOPELESS.replace("'u7Zq'", "'0'"))
    process = subprocess.Popen(
        [*COMMAND, "refine", "m.py", "--apply", "--budget", "2000"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.0)
    path.write_text("# mine\n" + path.read_text())
    process.communicate(timeout=120)
    assert path.read_text().startswith("# mine\n")


def test_ctrl_c_keeps_the_best_and_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(HOPELESS)
    process = subprocess.Popen(
        [*COMMAND, "refine", "m.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(4.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "next: codegrad resume " in out or "interrupted" in err
    assert path.read_text() == HOPELESS


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_a_read_only_store_is_explained(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(WRONG)
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=20011",
            "--regid=20011",
            "--clear-groups",
            *COMMAND,
            "refine",
            str(tmp_path / "m.py"),
            "--store",
            str(folder / "runs.db"),
        ],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "Permission denied" in done.stderr and "python" in done.stderr:
        pytest.skip("an ordinary user cannot read this interpreter")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_two_runs_at_once_both_succeed(tmp_path: Path) -> None:
    running = []
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(WRONG)
        running.append(
            subprocess.Popen(
                [*COMMAND, "refine", name, "--apply"],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        )
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert (
        (tmp_path / "one.py").read_text() == (tmp_path / "two.py").read_text() == RIGHT
    )


def test_the_demo_repairs_two_functions_and_writes_a_report(tmp_path: Path) -> None:
    done = codegrad("demo", "--output", "d", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "verified: 8 of 8" in done.stdout
    assert "range(len(readings) - size + 1)" in done.stdout
    assert (tmp_path / "d" / "report.html").exists()
    assert str(tmp_path / "d" / "report.html") in done.stdout
