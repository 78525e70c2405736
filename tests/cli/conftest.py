"""A shell of a user who has nothing but a key and the address of a server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell, answer
from tests.engines.chat_server import ChatServer


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answer, key="sk-right").running() as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    return Shell(tmp_path, server, capsys)
