"""`codegrad refine --constraints-from`, as a user runs it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_models import ANSWER, BUDGET, Shell
from tests.engines.chat_server import ChatServer

SUGGESTED = {
    "examples": [
        {"call": "roman(9)", "expected": "IX"},
        {"call": "roman(18)", "expected": "'XIIX'"},
    ],
    "post": ["set(result) <= set('IVX')"],
}


def answer(prompt: str, body: Mapping[str, Any]) -> str:
    del body
    if "Write checks that every right solution passes" in prompt:
        return json.dumps(SUGGESTED)
    return ANSWER


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer, key="sk-right").running() as running:
        yield running


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_what_a_model_reads_is_soft_and_shown_with_its_trust(
    shell: Shell, server: ChatServer
) -> None:
    models = ["--engine", "openai:coder", "--constraints-from", "engine", *BUDGET]
    done = shell.run("refine", "roman.py", *models, "--base-url", server.url, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["verified"]
    trusted = [row for row in document["evidence"] if row["trust"] is not None]
    texts = " ".join(row["text"] for row in trusted)
    assert "set(result) <= set('IVX')" in texts
    assert "roman(9) should give 'IX'" in texts
    assert "XIIX" not in texts, "the docstring says otherwise"
    for row in trusted:
        assert row["origin"] == "generated"
        assert not row["hard"]
        assert 0.8 <= row["trust"] < 1
    paid = sum(server.billed.values())
    assert document["spent"]["calls"] == paid
    shown = shell.run("show", document["run"])
    assert "trust 0." in shown.stdout
    again = shell.run("show", document["run"], "--prompts")
    assert "Write checks that every right solution passes" in again.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--constraints-from", "engine", "--engine", "search"], "needs a model"),
        (["--constraints-from", "critic"], "needs --critic"),
        (["--constraints-from", "nonsense"], "unknown"),
        (["--hard-from", "0.9"], "needs --constraints-from"),
        (["--constraints-from", "openai:m", "--hard-from", "2"], "0.8<=x<=1"),
    ],
)
def test_a_source_that_cannot_be_is_said_in_one_sentence(
    options: list[str], sentence: str, shell: Shell
) -> None:
    done = shell.run("refine", "roman.py", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
