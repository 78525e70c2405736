"""Fixtures that several rooms share; everything behind them is real."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from codegrad.sandbox import Limits
from codegrad.verify.stage import Workbench

# No test depends on how fast this machine happens to be.
settings.register_profile("codegrad", deadline=None)
settings.load_profile("codegrad")


@pytest.fixture(scope="session")
def bench() -> Iterator[Workbench]:
    """One isolated worker for all tests that only need one."""
    with Workbench(limits=Limits(wall_s=2.0, cpu_s=2.0)) as workbench:
        yield workbench


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the runs of a test out of the user's own store."""
    monkeypatch.setenv("CODEGRAD_STORE", str(tmp_path / "store" / "runs.db"))


@pytest.fixture(autouse=True)
def no_real_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep `auto` from finding a key or a server of the machine."""
    monkeypatch.setenv("CODEGRAD_MODEL", "search")
    for name in ("OPENAI", "ANTHROPIC", "GOOGLE", "GEMINI"):
        monkeypatch.delenv(f"{name}_API_KEY", raising=False)


def pytest_configure() -> None:
    """Hear Ctrl-C: who starts us in the background may have it ignored, and a child
    would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
