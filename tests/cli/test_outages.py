"""Models that are not there for a while, as the user of the command line sees it.

The command runs in this process, against a real server on this machine that fails, is
ended and comes back.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from codegrad.cli.main import run
from tests.engines.chat_server import ChatServer, Fault

STUB = '''def double_all(items):
    """Return every item twice as large.

    >>> double_all([1, 2])
    [2, 4]
    >>> double_all([])
    []
    """
    raise NotImplementedError
'''
HEAD = "```python\ndef double_all(items):\n    return "
RIGHT = HEAD + "[2 * item for item in items]\n```"
BUG = "return [3 * item for item in items]"
GONE = Fault("status", 503, {"retry-after": "0"})
BROKE = Fault("status", 402)


def wrong(prompt: str, _body: Mapping[str, Any]) -> str:
    """Answer every question differently, and never right."""
    if "different approaches" in prompt:
        return "1. Add each to itself.\n2. Multiply.\n3. Shift."
    return f"{HEAD}[item + {abs(hash(prompt)) % 10**6 + 5} for item in items]\n```"


def silent_critic(prompt: str, body: Mapping[str, Any]) -> str:
    return "Looks fine." if body["model"] == "reviewer" else wrong(prompt, body)


def without_code(_prompt: str, _body: Mapping[str, Any]) -> str:
    return "I am afraid that I cannot do that."


def right(prompt: str, body: Mapping[str, Any]) -> str:
    return wrong(prompt, body) if "different approaches" in prompt else RIGHT


class Shell:
    """The command in a folder, and a server that can be ended and come back."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.file = folder / "double.py"
        self.file.write_text(STUB)
        self.server = ChatServer(wrong)
        self._capture = capture
        self._running = ExitStack()

    def begin(self) -> None:
        self._running.enter_context(self.server.running())

    def end(self) -> None:
        self._running.close()

    def fail_after(self, answered: int, fault: Fault = GONE) -> None:
        self.server.faults = lambda n, _: fault if n > answered else None

    def recover(self) -> None:
        self.server.faults = lambda *_: None

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        out, err = self._capture.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def refine(self, *options: str, strategy: str = "no-search") -> tuple[int, Any]:
        code, out, err = self.run(
            *("refine", str(self.file), "--strategy", strategy, "--json"),
            *("--engine", "openai:coder", *options),
        )
        return code, json.loads(out) if out else err

    def resume(self, name: str, *options: str) -> tuple[int, Any]:
        code, out, err = self.run("resume", name, "--json", *options)
        return code, json.loads(out) if out else err

    @property
    def newest(self) -> str:
        _, out, _ = self.run("runs", "--json")
        return str(json.loads(out)[0]["id"])

    @property
    def paid_twice(self) -> int:
        """Replies to one and the same request, beside the first of each."""
        _, out, _ = self.run("show", self.newest, "--prompts", "--json")
        paid = [call for call in json.loads(out) if call["outcome"] == "used"]
        asked = {json.dumps(call["request"], sort_keys=True) for call in paid}
        return len(paid) - len(asked)


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    found = Shell(tmp_path, capsys)
    found.begin()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    monkeypatch.setenv("OPENAI_BASE_URL", found.server.url)
    yield found
    found.end()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [GONE, BROKE])
@pytest.mark.parametrize("answered", [2, 4, 6])
def test_a_run_whose_server_went_away_goes_on_when_it_is_back(
    shell: Shell, answered: int, fault: Fault
) -> None:
    shell.fail_after(answered, fault)
    code, ended = shell.refine()
    assert (code, ended["status"]) == (1, "exhausted"), ended
    asked = len(shell.server.requests)
    shell.recover()
    shell.server.answer = right
    code, resumed = shell.resume(ended["run"])
    assert (code, resumed["status"]) == (0, "verified"), resumed["reason"]
    assert len(shell.server.requests) > asked
    assert shell.paid_twice == 0
    assert resumed["spent"]["calls"] == sum(shell.server.billed.values())


def test_a_server_that_is_still_gone_is_said_and_nothing_is_lost(shell: Shell) -> None:
    shell.end()
    code, sentence = shell.refine()
    assert code == 2
    assert "start the server, or correct" in sentence
    code, sentence = shell.resume(shell.newest)
    assert code == 2
    assert sentence.count("codegrad: ") == 1
    shell.begin()
    shell.server.answer = right
    code, resumed = shell.resume(shell.newest)
    assert (code, resumed["status"]) == (0, "verified")


@pytest.mark.slow
def test_what_to_do_after_an_outage_is_the_next_command(shell: Shell) -> None:
    shell.fail_after(4)
    _, out, _ = shell.run(
        *("refine", str(shell.file), "--strategy", "no-search"),
        *("--engine", "openai:coder"),
    )
    assert f"next: codegrad resume {shell.newest}" in out.replace(
        "python -m codegrad", "codegrad"
    )


@pytest.mark.slow
def test_an_outage_in_the_only_step_leaves_the_step_to_do(shell: Shell) -> None:
    shell.fail_after(0)
    code, _ = shell.refine(strategy="zero-shot")
    assert code == 2
    shell.recover()
    shell.server.answer = right
    code, resumed = shell.resume(shell.newest)
    assert (code, resumed["status"]) == (0, "verified")


@pytest.mark.parametrize("calls", [2, 3, 4, 6])
def test_a_run_whose_budget_ended_goes_on_with_a_larger_one(
    shell: Shell, calls: int
) -> None:
    code, ended = shell.refine("--budget", f"calls={calls}")
    assert code == 1
    assert "the budget is spent" in ended["reason"]
    assert len(shell.server.requests) == calls
    code, again = shell.resume(ended["run"])
    assert (code, again["status"]) == (1, "exhausted")
    assert len(shell.server.requests) == calls, "the old budget allows no more"
    shell.server.answer = right
    code, resumed = shell.resume(ended["run"], "--budget", "calls=20")
    assert (code, resumed["status"]) == (0, "verified")
    assert shell.paid_twice == 0
    assert resumed["spent"]["calls"] == sum(shell.server.billed.values())


def test_a_run_whose_time_is_over_pays_once_and_again_only_if_there_is_more_time(
    shell: Shell,
) -> None:
    shell.server.delay_s = 0.7
    code, ended = shell.refine("--budget", "seconds=1.7")
    assert code == 1
    asked = len(shell.server.requests)
    for _ in range(2):
        code, again = shell.resume(ended["run"])
        assert (code, again["status"]) == (1, "exhausted")
        assert again["reason"] == ended["reason"]
        assert again["spent"]["calls"] == ended["spent"]["calls"] == asked
    assert len(shell.server.requests) == asked
    shell.server.delay_s = 0.0
    shell.server.answer = right
    code, resumed = shell.resume(ended["run"], "--budget", "seconds=60")
    assert (code, resumed["status"]) == (0, "verified")
    assert resumed["spent"]["calls"] == len(shell.server.requests)
    _, out, _ = shell.run("show", ended["run"], "--json")
    assert "of a killed run" not in out


def test_a_new_budget_of_candidates_does_not_lift_the_limit_of_calls(
    shell: Shell,
) -> None:
    _, ended = shell.refine("--budget", "calls=2")
    _, out, _ = shell.run("resume", ended["run"], "--budget", "candidates=9", "--json")
    assert json.loads(out)["spent"]["calls"] <= 60


def test_a_critic_that_is_not_there_is_said_once_and_done_without(
    shell: Shell,
) -> None:
    shell.server.answer = right
    shell.server.models = ["coder"]
    code, out, err = shell.run(
        *("refine", str(shell.file), "--strategy", "no-search"),
        *("--engine", "openai:coder", "--critic", "openai:reviewer"),
    )
    assert code == 0
    assert err.count("critic openai:reviewer failed, the run goes on without it") == 1
    assert "does not know openai:reviewer" in err
    assert "missing: critic openai:reviewer: 1 review did not come (" in out
    _, out, _ = shell.run("show", shell.newest)
    assert "missing: critic openai:reviewer: 1 review did not come (" in out


def test_a_critic_that_cannot_be_read_is_given_up_and_named_in_the_reason(
    shell: Shell,
) -> None:
    shell.server.answer = silent_critic
    code, ended = shell.refine("--critic", "openai:reviewer", "--budget", "calls=24")
    assert code == 1
    reviews = [r for r in shell.server.requests if r["model"] == "reviewer"]
    assert len(reviews) <= 6, "three reviews, each asked for twice at most"
    assert (
        "critic openai:reviewer: 3 of 3 reviews could not be used (its answer is not "
        "the JSON that was asked for)" in ended["reason"]
    )


def test_a_critic_that_was_down_is_asked_by_the_resumed_run(shell: Shell) -> None:
    shell.server.models = ["coder"]
    _, ended = shell.refine("--critic", "openai:reviewer", "--budget", "calls=4")
    shell.server.models = []
    before = len(shell.server.requests)
    shell.resume(ended["run"], "--budget", "calls=9")
    asked = [r["model"] for r in shell.server.requests[before:]]
    assert "reviewer" in asked


def test_constraints_that_could_not_be_read_are_said_and_read_by_the_resumed_run(
    shell: Shell,
) -> None:
    shell.server.models = ["coder"]
    code, out, err = shell.run(
        *("refine", str(shell.file), "--strategy", "no-search", "--budget", "calls=4"),
        *("--engine", "openai:coder", "--constraints-from", "openai:reader"),
    )
    assert code == 1, out
    assert err.count("source openai:reader failed, the run goes on without it") == 1
    assert "source openai:reader: 3 answers did not come (" in out
    shell.server.models = []
    before = len(shell.server.requests)
    shell.resume(shell.newest, "--budget", "calls=9")
    asked = [r["model"] for r in shell.server.requests[before:]]
    assert asked.count("reader") == 3


def test_the_reason_names_the_budget_and_what_the_replies_lacked(
    shell: Shell,
) -> None:
    shell.server.answer = without_code
    code, ended = shell.refine("--budget", "calls=4")
    assert code == 1
    assert ended["reason"].startswith("the budget is spent (4 calls)")
    assert (
        "openai:coder: 3 of 3 answers could not be used (the reply holds no code)"
        in ended["reason"]
    )


def test_the_command_after_a_spent_budget_goes_on_with_more(shell: Shell) -> None:
    engine = ("--engine", "openai:coder", "--strategy", "no-search")
    code, out, _ = shell.run("refine", str(shell.file), *engine, "--budget", "calls=4")
    assert code == 1
    command = f"codegrad resume {shell.newest} --budget calls=8"
    assert out.rstrip().endswith(f"next: {command}")
    _, shown, _ = shell.run("show", shell.newest)
    assert shown.rstrip().endswith(f"next: {command}")
    shell.server.answer = right
    code, out, _ = shell.run(*command.split()[1:])
    assert code == 0, out


def test_no_calls_leave_the_search_which_costs_none(shell: Shell) -> None:
    shell.file.write_text(STUB.replace("raise NotImplementedError", BUG))
    code, ended = shell.refine("--budget", "calls=0", strategy="codegrad")
    assert (code, ended["status"]) == (0, "verified")
    shell.file.write_text(STUB.replace("[2, 4]", "['zq', 7.25, 'oo', {'k': 31}]"))
    code, ended = shell.refine("--budget", "calls=0", strategy="codegrad")
    assert (code, ended["status"]) == (1, "exhausted")
    assert (
        "openai:coder: nothing was asked (the budget is spent (calls))"
        in (ended["reason"])
    )
    assert not shell.server.requests


def stop_at(server: ChatServer, requests: int) -> threading.Thread:
    """Send Ctrl-C to this process when so many requests have arrived."""

    def wait() -> None:
        while len(server.requests) < requests:
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize(
    ("requests", "more"),
    [
        (1, ()),
        (3, ("--constraints-from", "openai:reader")),
        (1, ("--critic", "openai:reviewer")),
    ],
)
def test_ctrl_c_says_what_it_waits_for_and_resume_uses_it(
    shell: Shell, requests: int, more: tuple[str, ...], options: tuple[str, ...]
) -> None:
    shell.server.delay_s = 1.0
    shell.server.answer = right
    thread = stop_at(shell.server, requests)
    code, _, err = shell.run(
        *("refine", str(shell.file), "--strategy", "no-search"),
        *("--engine", "openai:coder", *more, *options),
    )
    thread.join()
    assert code == 130
    assert "stopping: waiting for " in err
    assert "paid for; Ctrl-C again leaves" in err
    assert len(shell.server.requests) == sum(shell.server.billed.values()) == requests
    shell.server.delay_s = 0.0
    code, resumed = shell.resume(shell.newest)
    assert (code, resumed["status"]) == (0, "verified")
    assert resumed["spent"]["calls"] == len(shell.server.requests)
    assert shell.paid_twice == 0


def test_money_of_calls_without_a_price_is_null(shell: Shell) -> None:
    _, ended = shell.refine("--budget", "calls=4")
    assert (ended["spent"]["calls"], ended["spent"]["money"]) == (4, None)
    _, again = shell.resume(shell.newest)
    assert again["spent"]["money"] is None
    _, out, _ = shell.run("cache", "--json")
    assert json.loads(out)["money"] is None
