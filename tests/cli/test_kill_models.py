"""A run on models that is killed at random moments: same result, nothing paid twice.

`pytest -m slow -s tests/cli/test_kill_models.py` prints the moments.
"""

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegrad.engines.streams import reply_text
from codegrad.store.calls import CallBook
from tests.engines.chat_server import ChatServer

COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]
KILLS = 20
KILLS_A_RUN = 5
"""Then a run is left alone, so that several of them end however busy the machine is."""

TEXT = '''def roman(number):
    """Return a number below 40 in Roman numerals.

    >>> roman(4)
    'IV'
    >>> roman(18)
    'XVIII'
    >>> roman(39)
    'XXXIX'
    """
    raise NotImplementedError
'''
HEAD = "```python\ndef roman(number):\n"
# The mark stands on a line that every version changes, so that what a prompt says of
# earlier versions is the same whatever their marks are.
STEPS = [
    HEAD + '    return "IV" if number == 4 else ""  # version\n```',
    HEAD + '    return {4: "IV", 18: "XVIII"}.get(number, "")  # version\n```',
    HEAD
    + '    text = ""  # version\n'
    + '    for value, letters in [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:'
    + "\n        while number >= value:\n            text += letters\n"
    + "            number -= value\n    return text\n```",
]
REVIEW = {
    "critiques": [
        {
            "line": 11,
            "problem": "not every number is handled",
            "change": "subtract the largest value that fits",
            "claim": {"call": "roman(39)", "expected": "'XXXIX'"},
        }
    ]
}


class Answers:
    """The next of three versions, marked with how often it was asked for.

    There is one plan, so the proposals of a step are samples of one question, and no
    two of them are the same text: one that is used for another sample shows.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, prompt: str, body: Mapping[str, Any]) -> str:
        with self._lock:
            self._seen[prompt] += 1
            number = self._seen[prompt]
        return version(prompt, body).replace("# ", f"# {number} ", 1)


def without_marks(text: str) -> str:
    """Return a text as if every question had been asked once."""
    return re.sub(r"# \d+ ", "# ", text)


def version(prompt: str, body: Mapping[str, Any]) -> str:
    """Return what follows from the prompt alone: the next of three versions."""
    if body["model"] == "reviewer":
        return json.dumps(REVIEW)
    if "different approaches" in prompt:
        return "1. Subtract greedily."
    now = prompt.rpartition("as it is")[2]
    done = 2 if '18: "XVIII"' in now else 1 if '"IV" if number' in now else 0
    return STEPS[done]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(Answers(), delay_s=0.2, piece_s=0.01).running() as running:
        yield running


class Runs:
    """Runs of one task that differ in when they were killed."""

    def __init__(self, folder: Path, server: ChatServer) -> None:
        self.folder = folder
        (folder / "roman.py").write_text(TEXT)
        self.refine = [
            *("refine", "roman.py", "--json", "--strategy", "no-search"),
            *("--engine", "openai:coder", "--critic", "openai:reviewer"),
            *("--base-url", server.url, "--cache", "off"),
        ]
        self.env = {
            **os.environ,
            "OPENAI_API_KEY": "sk-any",
            "CODEGRAD_STORE": str(folder / "runs.db"),
        }

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ids(self) -> set[str]:
        path = self.folder / "runs.db"
        if not path.exists():
            return set()
        with sqlite3.connect(path) as db:
            return {row[0] for row in db.execute("SELECT id FROM runs")}

    def calls(self, run_id: str) -> list[tuple[str, str, int | None, str]]:
        with sqlite3.connect(self.folder / "calls.db") as db:
            return db.execute(
                "SELECT payer, key, status, outcome FROM calls WHERE payer LIKE ?",
                (f"{run_id}%",),
            ).fetchall()

    def marks(self, run_id: str) -> list[tuple[int, str]]:
        """Return the sample and the mark of each version that came."""
        with CallBook(self.folder / "calls.db") as book:
            return [
                (json.loads(call.request)["sample"], mark)
                for call in book.calls(run_id)
                for mark in re.findall(
                    r"# \d+ version", reply_text(call.kind or "", call.body or b"")
                )
                if call.status == 200
            ]

    def killed(
        self, rng: random.Random, lasts: float, most: int
    ) -> tuple[dict[str, Any], list[float]]:
        """Return what a run ends with that is killed and resumed, and when it was."""
        before = self.ids()
        moments: list[float] = []
        process = self.start(*self.refine)
        while True:
            moment = rng.uniform(0.2, lasts)
            try:
                out, err = process.communicate(
                    timeout=None if len(moments) == most else moment
                )
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                moments.append(moment)
            mine = self.ids() - before
            # Killed before the run was recorded: nothing was asked, start again.
            again = ["resume", mine.pop(), "--json"] if mine else self.refine
            process = self.start(*again)
        assert process.returncode == 0, err
        return json.loads(out), moments


def essence(document: dict[str, Any]) -> dict[str, Any]:
    kept = ("status", "files", "evidence", "steps", "exit_code", "diff")
    text = json.dumps({name: document[name] for name in kept})
    found: dict[str, Any] = json.loads(without_marks(text))
    return found


@pytest.mark.slow
def test_a_run_on_models_killed_twenty_times_pays_nothing_twice(
    tmp_path: Path, server: ChatServer
) -> None:
    runs = Runs(tmp_path, server)
    began = time.monotonic()
    out, err = runs.start(*runs.refine).communicate()
    lasts = time.monotonic() - began
    assert out, err
    undisturbed = json.loads(out)
    asked = set(map(without_marks, server.billed))
    assert undisturbed["verified"]
    assert undisturbed["steps"] >= 3
    figures = [f"undisturbed: {lasts:.1f} s, {undisturbed['spent']['calls']} calls"]

    rng = random.Random(11)
    kills = lost_in_all = 0
    while kills < KILLS:
        server.billed.clear()
        most = min(KILLS_A_RUN, KILLS - kills)
        document, moments = runs.killed(rng, lasts, most)
        kills += len(moments)
        assert essence(document) == essence(undisturbed)
        calls = runs.calls(document["run"])
        whole = Counter(
            (payer, key) for payer, key, status, _ in calls if status == 200
        )
        lost = sum(outcome == "unknown" for *_, outcome in calls)
        assert set(whole.values()) == {1}, "a reply that had arrived was paid again"
        billed = set(map(without_marks, server.billed))
        assert billed == asked, "a question was lost or invented"
        (source,) = [file["source"] for file in document["files"]]
        (mark,) = re.findall(r"# \d+ version", source)
        assert (0, mark) in runs.marks(document["run"]), "another sample was used"
        # A reply on its way when the process died may be billed; the ledger says so.
        twice = sum(server.billed.values()) - sum(whole.values())
        assert twice <= lost
        assert document["spent"]["calls"] == undisturbed["spent"]["calls"] + lost
        lost_in_all += lost
        shown = ", ".join(f"{moment:.1f}" for moment in moments)
        figures.append(
            f"killed at [{shown}] s: same result, {sum(whole.values())} replies each "
            f"used once, {lost} were on their way"
        )
    figures.append(f"{kills} kills, {lost_in_all} replies on their way, 0 paid twice")
    sys.stdout.write("\n" + "\n".join(figures) + "\n")
    assert (tmp_path / "roman.py").read_text() == TEXT


@pytest.mark.slow
def test_ctrl_c_waits_for_what_is_paid_and_resume_uses_it(
    tmp_path: Path, server: ChatServer
) -> None:
    runs = Runs(tmp_path, server)
    server.delay_s = 1.0
    process = runs.start(*runs.refine)
    while len(server.requests) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    stopped = json.loads(out)
    assert stopped["status"] == "interrupted"
    calls = runs.calls(stopped["run"])
    assert {status for _, _, status, _ in calls} == {200}, "a paid reply was dropped"
    assert len(calls) == len(server.requests)
    server.delay_s = 0.0
    out, err = runs.start("resume", stopped["run"], "--json").communicate()
    assert json.loads(out)["verified"], err
    used = Counter(key for _, key, *_ in runs.calls(stopped["run"]))
    assert sum(server.billed.values()) == sum(used.values())
    assert set(used.values()) == {1}, "a reply was paid twice"
