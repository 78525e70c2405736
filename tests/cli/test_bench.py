"""`codegrad bench`, tried as a user would: real processes, a real model server."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegrad.store.calls import CallBook
from tests.bench.secrets_of_judges import write_marked
from tests.engines.chat_server import ChatServer, Fault

PATIENCE_S = 120.0
"""After which a server that nobody interrupts would answer."""

COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]
QUIXBUGS = {
    "name": "largest",
    "buggy": "def largest(items):\n    return min(items)\n",
    "correct": "def largest(items):\n    return max(items)\n",
    "cases": [[[[3, 9, 2]], 9], [[[-5, -1]], -1], [[[4]], 4]],
}
MBPP = {
    "task_id": "Mbpp/3",
    "prompt": "",
    "entry_point": "f",
    "canonical_solution": "def f(x): return x",
    "base_input": [[1]],
    "plus_input": [[2]],
    "assertion": "",
    "atol": 0,
}


def reply(prompt: str, body: Mapping[str, Any]) -> str:
    del body
    name = prompt.partition("def ")[2].partition("(")[0]
    return f"```python\ndef {name}(text):\n    return text.upper()\n```"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(reply, delay_s=0.3).running() as running:
        yield running


def with_model(shell: "Shell", server: ChatServer, *more: object) -> list[object]:
    """Return the arguments of an experiment on a model server."""
    return [
        *("humaneval+", "--engine", "openai:m", "--base-url", server.url),
        *("--data", shell.data, "--strategy", "zero-shot", *more),
    ]


class Shell:
    """A folder with a benchmark, and the real command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = write_marked(folder / "marked.jsonl", 4)
        self.quixbugs = folder / "quixbugs.jsonl"
        self.quixbugs.write_text(json.dumps(QUIXBUGS) + "\n")
        self.env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, "bench", *map(str, arguments)],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: object) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate()
        return process.returncode, out, err


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_built_in_search_repairs_and_is_judged(shell: Shell) -> None:
    code, out, err = shell.run(
        *("quixbugs", "--engine", "search", "--data", shell.quixbugs),
        *("--json", "r.json", "--html", "r.html", "--out", "out"),
    )
    assert code == 0, err
    assert "hidden tests: 1 queries for 1 final answers" in out
    document = json.loads((shell.folder / "r.json").read_text())
    (row,) = document["strategies"]
    assert [score["suite"] for score in row["scores"]] == ["base", "agreement"]
    assert [score["pass_at_1"]["mean"] for score in row["scores"]] == [1.0, 1.0]
    assert row["verified"] == 1.0
    answers = (shell.folder / "out" / "answers.jsonl").read_text().splitlines()
    assert "max(items)" in json.loads(answers[1])["source"]
    page = (shell.folder / "r.html").read_text()
    assert page == (shell.folder / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["humanevil"], "'humanevil' is not one of 'humaneval'"),
        ([], "name a benchmark: humaneval, "),
        (["quixbugs", "--data", "marked.jsonl"], "is not quixbugs: record 1 has no"),
        (["quixbugs", "--data", "marked.jsonl"], "it looks like humaneval"),
        (["quixbugs"], "quixbugs cannot be downloaded; name its file with --data"),
        (["humaneval+", "--data", "none.jsonl"], "none.jsonl does not exist"),
        (["humaneval+", "--only", "Marked/9"], "has no task Marked/9; it has Marked/0"),
        (["humaneval+", "--strategy", "magic"], "unknown strategy 'magic'; known: "),
        (["humaneval+", "--strategy", "best-of-n"], "does not use the built-in search"),
        (["humaneval+", "--engine", "openai:gpt-5-mini"], "no key for openai: set"),
        (
            ["humaneval+", "--base-url", "http://127.0.0.1:9/v1"],
            "--base-url names a server that speaks the OpenAI protocol, and no",
        ),
        (
            ["humaneval+", "--max-tokens", "9000", "--context", "9000"],
            "--max-tokens 9000 leaves too little of a context of 9000 tokens",
        ),
        (["humaneval+", "--engine", "telepathy"], "unknown engine 'telepathy'"),
        (["humaneval+", "--engine", "pool:none.jsonl"], "none.jsonl cannot be read"),
        (["humaneval+", "--engine", "pool"], "--engine pool:FILE"),
        (["humaneval+", "--shard", "5/4"], "'5/4' is not of the form i/n"),
        (["humaneval+", "--budget", "candidates=many"], "cannot read the budget"),
        (["humaneval+", "--ray-address", "a:1"], "--ray-address needs --executor ray"),
        (["quixbugs", "--data", "quixbugs.jsonl", "--twin", "x"], "--twin is a Human"),
        (["--merge", "nothing", "--out", "o"], "nothing cannot be merged: "),
        (["--merge", "nothing"], "codegrad bench --merge DIR --merge DIR --out DIR"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    shell: Shell, arguments: list[str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from codegrad.cli.main import run  # noqa: PLC0415 - the same code, no new process

    if arguments[:1] == ["humaneval+"] and "--data" not in arguments:
        arguments = [*arguments, "--data", str(shell.data)]
    before = Path.cwd()
    os.chdir(shell.folder)
    try:
        code = run(["bench", *arguments])
    finally:
        os.chdir(before)
    shown = capfd.readouterr().err
    assert code == 2, shown
    assert sentence in shown
    assert "Traceback" not in shown


@pytest.mark.skipif(
    importlib.util.find_spec("ray") is not None, reason="Ray is installed here"
)
@pytest.mark.parametrize("command", ["bench humaneval+", "evaluate s --dataset mbpp+"])
def test_without_ray_the_executor_says_how_to_get_it(
    shell: Shell, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from codegrad.cli.main import run  # noqa: PLC0415 - the same code, no new process

    data = shell.data
    if command.startswith("evaluate"):
        data = shell.folder / "mbpp.jsonl"
        data.write_text(json.dumps(MBPP) + "\n")
    more = ["--data", str(data), "--executor", "ray"]
    assert run([*command.split(), *more]) == 2
    assert "Ray is not installed; pip install 'codegrad[ray]'" in capfd.readouterr().err


def test_another_plan_does_not_fit_into_a_folder(shell: Shell) -> None:
    command = ("quixbugs", "--data", shell.quixbugs, "--out", "out")
    assert shell.run(*command, "--budget", "300")[0] == 0
    code, _, err = shell.run(*command, "--budget", "400")
    assert code == 2
    assert "an experiment with other settings (budget" in err


@pytest.mark.slow
def test_shards_of_a_model_s_answers_are_merged_by_the_command(
    shell: Shell, server: ChatServer
) -> None:
    asked = with_model(shell, server, "--samples", 2, "--max-tokens", 700)
    for number in (1, 2):
        part = shell.run(*asked, "--shard", f"{number}/2", "--out", f"p{number}")
        assert part[0] == 0, part[2]
        assert f"share {number} of 2" in part[1]
    code, out, err = shell.run("--merge", "p1", "--merge", "p2", "--out", "whole")
    assert code == 0, err
    assert "hidden tests: 8 queries for 8 final answers" in out
    assert "pass@2" in out
    assert {request["max_tokens"] for request in server.requests} == {700}


def test_a_budget_in_money_needs_a_price(shell: Shell, server: ChatServer) -> None:
    code, out, err = shell.run(*with_model(shell, server, "--budget", "money=1"))
    assert (code, out) == (2, "")
    assert "the price of openai:m is unknown, so a budget in money cannot" in err
    assert not server.requests


def test_an_outage_is_no_answer_and_the_same_command_goes_on(
    shell: Shell, server: ChatServer
) -> None:
    server.faults = lambda n, _: Fault("status", 402) if n > 2 else None
    command = with_model(shell, server, "--workers", 1, "--out", "out")
    code, out, err = shell.run(*command)
    assert (code, out) == (2, ""), err
    assert err.count("codegrad: ") == 1
    assert "2 of 4 answers are not there, because a model could not be asked" in err
    assert "no credit left for openai:m" in err
    assert "nothing was judged" in err
    assert len((shell.folder / "out" / "verdicts.jsonl").read_text().splitlines()) == 1
    server.faults = lambda *_: None
    code, out, err = shell.run(*command)
    assert code == 0, err
    assert "4 queries for 4 final answers" in out
    assert sum(server.billed.values()) == 4
    assert "unknown" in out
    assert "0.0000" not in out, "a price that is not known is not 0"


@pytest.mark.slow
def test_after_a_kill_nothing_is_lost_and_nothing_paid_twice(
    shell: Shell, server: ChatServer
) -> None:
    more = ("--samples", 3, "--workers", 1, "--out", "out")
    command = with_model(shell, server, *more)
    kills = 0
    for wanted in (3, 7):
        process = shell.start(*command)
        while sum(server.billed.values()) < wanted and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None, "it ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        kills += 1
        _wait_for_quiet(server)
    code, out, err = shell.run(*command)
    assert code == 0, err
    assert "still to pay: " in err
    assert "hidden tests: 12 queries for 12 final answers" in out
    # A request that was under way at a kill may have been billed and is asked again.
    assert 12 <= sum(server.billed.values()) <= 12 + kills
    document = json.loads((shell.folder / "out" / "report.json").read_text())
    (row,) = document["strategies"]
    assert row["answers"] == 12
    # The ledger counts what may have been billed, too: it never says too little.
    assert row["total"]["calls"] >= sum(server.billed.values())
    assert row["scores"][-1]["pass_at_1"]["mean"] == 1.0


def _wait_for_quiet(server: ChatServer) -> None:
    """Wait until a killed command's last request is answered, too."""
    before = -1
    while before != len(server.requests):
        before = len(server.requests)
        time.sleep(0.5)


def interrupted(
    shell: Shell, server: ChatServer, command: list[object], *, times: int
) -> tuple[int, str]:
    """Return how a command ends, and what it says, that is sent Ctrl-C."""
    process = shell.start(*command)
    while len(server.requests) < 4:
        assert process.poll() is None
        time.sleep(0.02)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.5)
    _, err = process.communicate()
    assert "Traceback" not in err
    assert "Task was destroyed" not in err
    return process.returncode, err


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_finished_or_paid_and_says_so(
    shell: Shell, server: ChatServer
) -> None:
    server.delay_s = 2.0
    more = ("--samples", 3, "--workers", 2, "--out", "out")
    command = with_model(shell, server, *more)
    code, err = interrupted(shell, server, command, times=1)
    assert code == 130, err
    assert "stopping: waiting for replies that are paid for" in err
    assert "of 12 answers are kept in out, run the same command again" in err
    with CallBook(shell.folder / "out" / "calls.db") as book:
        assert {call.status for call in book.calls()} == {200}, "a paid reply is lost"
        assert len(book.calls()) == len(server.requests)
    assert len((shell.folder / "out" / "verdicts.jsonl").read_text().splitlines()) == 1
    server.delay_s = 0.0
    code, _, err = shell.run(*command)
    assert code == 0, err
    assert sum(server.billed.values()) == 12, "a reply was paid twice"


@pytest.mark.slow
def test_a_second_interrupt_does_not_wait_and_is_quiet(
    shell: Shell, server: ChatServer
) -> None:
    ended = threading.Event()

    def late(prompt: str, body: Mapping[str, Any]) -> str:
        del prompt, body
        ended.wait(PATIENCE_S)
        return ""

    server.answer = late
    command = with_model(shell, server, "--samples", 3, "--workers", 4, "--out", "out")
    code, err = interrupted(shell, server, command, times=2)
    answered = dict(server.billed)
    ended.set()
    assert code == 130, err
    assert not answered, "it waited"
    assert "of 12 answers are kept in out, run the same command again" in err
