"""Models from the command line, tried against a real server as a user would."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegrad.cli.models import Models
from codegrad.engines.capacity import Capacity
from codegrad.store.journal import Store
from tests.engines.chat_server import ChatServer

STUB = '''def roman(number):
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
BUDGET = ["--budget", "candidates=200,calls=20"]
"""Little for the search, which is asked before the model."""

ANSWER = """```python
def roman(number):
    text = ""
    for value, letters in [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]:
        while number >= value:
            text += letters
            number -= value
    return text
```"""
REVIEW = {
    "critiques": [
        {
            "aspect": "completeness",
            "line": 11,
            "problem": "nothing is implemented",
            "change": "subtract the largest value that fits",
            "claim": {
                "call": "roman(9)",
                "expected": "'IX'",
                "observed": "raises NotImplementedError",
            },
        },
        {
            "problem": "returns the empty text",
            "claim": {"call": "roman(1)", "expected": "'I'", "observed": "''"},
        },
    ]
}


def answer(prompt: str, body: Mapping[str, Any]) -> str:
    if body["model"] == "reviewer":
        return json.dumps(REVIEW)
    if "different approaches" in prompt:
        return "1. Subtract greedily.\n2. Map each digit.\n3. Look it up."
    return ANSWER


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer, key="sk-right").running() as running:
        yield running


COMMAND = [sys.executable, "-c", "from codegrad.cli.main import main; main()"]


class Shell:
    """A folder and the real command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "roman.py").write_text(STUB)
        self.env = {
            **os.environ,
            "OPENAI_API_KEY": "sk-right",
            "CODEGRAD_STORE": str(folder / "store" / "runs.db"),
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_refine_with_a_model_and_a_critic_needs_only_the_key(
    shell: Shell, server: ChatServer
) -> None:
    models = ["--engine", "openai:coder", "--critic", "openai:reviewer", *BUDGET]
    done = shell.run("refine", "roman.py", *models, "--base-url", server.url, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["verified"]
    assert "for value, letters in" in document["files"][0]["source"]
    assert document["spent"]["calls"] == 5
    assert sum(server.billed.values()) == 5
    asked = [str(r["messages"][-1]["content"]) for r in server.requests]
    told = [p for p in asked if "subtract the largest value that fits" in p]
    assert len(told) == 3, "the confirmed claim is in every proposal's prompt"
    assert not any("returns the empty text" in prompt for prompt in asked)

    run = document["run"]
    shown = shell.run("show", run, "--step", "1", "--prompts")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.count("=== call") == 5
    assert "Follow this approach: Map each digit." in shown.stdout
    assert "sk-right" not in shown.stdout
    before = shell.run("show", run, "--step", "0", "--prompts")
    assert "no model was asked" in before.stdout
    listed = json.loads(shell.run("show", run, "--prompts", "--json").stdout)
    assert {call["outcome"] for call in listed} == {"used"}

    replayed = shell.run(
        *("refine", "roman.py", *models, "--base-url", server.url),
        *("--cache", "replay", "--json"),
    )
    assert json.loads(replayed.stdout)["verified"]
    assert json.loads(replayed.stdout)["spent"]["calls"] == 0
    assert sum(server.billed.values()) == 5
    again = shell.run("refine", "roman.py", *models, "--base-url", server.url)
    assert f"openai:coder ({server.url})" in again.stderr
    assert "paid: nothing; 5 replies of earlier runs used" in again.stderr
    story = shell.run("show", run).stdout
    assert "engine: search, openai:coder; critic openai:reviewer\n" in story
    assert re.search(r"^spent: .*5 calls, [\d,]+ tokens, ", story, re.MULTILINE)
    for stored in (shell.folder / "store").iterdir():
        assert b"sk-right" not in stored.read_bytes()


@pytest.mark.parametrize(
    ("options", "key", "sentence"),
    [
        (
            ["--engine", "search"],
            "sk-right",
            "--base-url names a server that speaks the OpenAI protocol, and no",
        ),
        (
            ["--engine", "openai:m", "--max-tokens", "4000", "--context", "4096"],
            "sk-right",
            "--max-tokens 4000 leaves too little of a context of 4096 tokens",
        ),
        (["--engine", "openai:coder"], "sk-wrong", "refused the key for openai:coder"),
        (["--engine", "mistral"], "sk-right", "unknown engine 'mistral'; known: auto"),
        (["--engine", "openai:"], "sk-right", "unknown model 'openai:'"),
        (["--critic", "x"], "sk-right", "unknown model 'x'"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    shell: Shell, server: ChatServer, options: list[str], key: str, sentence: str
) -> None:
    shell.env["OPENAI_API_KEY"] = key
    options = [*options, *BUDGET, "--base-url", server.url]
    done = shell.run("refine", "roman.py", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert key not in done.stderr


def test_what_is_said_of_the_models_is_used_and_stored(
    shell: Shell, server: ChatServer
) -> None:
    sizes = ["--max-tokens", "900", "--context", "9000", "--temperature", "0.3"]
    waits = ["--reply-timeout", "30", "--parallel", "1"]
    models = ["--engine", "openai:coder", "--critic", "openai:reviewer"]
    done = shell.run(
        *("refine", "roman.py", *models, *sizes, *waits, *BUDGET, "--json"),
        *("--base-url", server.url),
    )
    assert done.returncode == 0, done.stderr
    assert {r["max_tokens"] for r in server.requests} == {900}
    asked = [r["temperature"] for r in server.requests if r["model"] == "coder"]
    assert set(asked) == {0.3}
    assert server.most_at_once == 1
    with Store(shell.folder / "store" / "runs.db") as store:
        config = store.open(json.loads(done.stdout)["run"]).config_json
    stored = Models.stored(json.loads(config))
    assert stored.capacity == Capacity(900, 9000, 0.3, 30.0, 1)
    assert stored.base_url == server.url


@pytest.mark.slow
def test_auto_takes_the_model_of_the_named_server(
    shell: Shell, server: ChatServer
) -> None:
    done = shell.run("refine", "roman.py", "--base-url", server.url)
    assert done.returncode == 0, done.stderr
    assert f"engine openai:loop (the first model of {server.url})" in done.stderr
    assert server.requests


def test_a_missing_key_is_explained(shell: Shell) -> None:
    del shell.env["OPENAI_API_KEY"]
    done = shell.run("refine", "roman.py", "--engine", "openai:gpt-5-mini")
    assert done.returncode == 2
    assert "no key for openai: set OPENAI_API_KEY" in done.stderr


def test_engines_says_what_would_work(shell: Shell) -> None:
    shell.env["OLLAMA_HOST"] = "127.0.0.1:9"
    done = shell.run("engines", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    works = {engine["name"]: engine["works"] for engine in document["engines"]}
    assert (works["search"], works["openai:MODEL"]) == (True, True)
    assert works["Ollama (local)"] is False
    assert document["auto"] == {
        "engine": "search",
        "reason": "$CODEGRAD_MODEL names it",
    }
    assert "sk-right" not in done.stdout
    assert "search" in shell.run("engines").stdout


def test_the_cost_is_said_before_and_after(shell: Shell, server: ChatServer) -> None:
    models = ["--engine", "openai:coder", *BUDGET]
    done = shell.run("refine", "roman.py", *models, "--base-url", server.url)
    before, _, after = done.stderr.partition("estimate: ")
    assert "paid: " not in before
    assert re.search(r"paid: \d+ calls?, [\d,]+ tokens in and out; price unk", after)
