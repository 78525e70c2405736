"""The command in a folder of its own, against a real server on this machine."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegrad.cli.main import run
from tests.engines.chat_server import ChatServer

STUB = '''def double_all(items):
    """Return every item twice as large.

    >>> double_all([1, 2])
    [2, 4]
    >>> double_all([])
    []
    """
    raise NotImplementedError
'''
CODE = "```python\ndef double_all(items):\n    return [2 * item for item in items]\n```"
WRONG = "```python\ndef double_all(items):\n    return items\n```"
REVIEW = '{"critiques": [{"line": 9, "problem": "nothing is done", "change": "do it"}]}'
SPEAKS_FIRST = ["--strategy", "no-search", "--budget", "calls=12,candidates=50"]


def answer(prompt: str, body: Mapping[str, Any]) -> str:
    del prompt
    return REVIEW if body["model"] == "reviewer" else CODE


def always(text: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda _prompt, _body: text


class Shell:
    """The command in a folder, and what it printed."""

    def __init__(
        self, folder: Path, server: ChatServer, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.file = folder / "double.py"
        self.file.write_text(STUB)
        self.server = server
        self._capture = capture

    def refine(self, *options: str) -> tuple[int, str, str]:
        options = options or ("--engine", "openai:coder")
        code = run(["refine", str(self.file), *SPEAKS_FIRST, *options])
        return code, *self.printed()

    def printed(self) -> tuple[str, str]:
        """Return what was printed since the last time."""
        out, err = self._capture.readouterr()
        assert "Traceback" not in err
        assert "sk-right" not in out + err
        return out, err
