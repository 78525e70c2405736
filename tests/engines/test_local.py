"""Local weights: names without the extra, and a tiny model that really runs with it."""

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codegrad.budget import Budget
from codegrad.engines.chat import ChatRequest, Message, Role, Sampling
from codegrad.engines.client import ChatClient
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.local import (
    LocalWire,
    fingerprint,
    is_installed,
    models_folder,
    thread_count,
    weights_of,
)
from codegrad.engines.patience import Patience
from codegrad.errors import EngineError, UsageError
from codegrad.refine import refine
from codegrad.result import Outcome
from codegrad.store.calls import CallBook
from codegrad.tasks.python_file import task_from_text
from tests.engines.tiny_gguf import write_tiny_model

ONE_AT_A_TIME = Patience(parallel=1)
needs_extra = pytest.mark.skipif(
    not is_installed(), reason="the extra `local` is not installed; make test-local"
)


def local(test: object) -> object:
    return pytest.mark.local(needs_extra(test))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGRAD_THREADS", "1")


def test_a_name_means_a_file_or_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEGRAD_MODELS", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    assert weights_of("local:./m.gguf").url is None
    assert weights_of("local:m.gguf#sha256=AB").digest == "ab"
    known = weights_of("local:qwen2.5-coder-1.5b")
    assert known.url == (
        "https://hub.example/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
        "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    )
    assert known.path.is_relative_to(tmp_path)
    assert not known.is_here
    other = weights_of("local:owner/repo/file.gguf")
    assert other.url == "https://hub.example/owner/repo/resolve/main/file.gguf"
    address = weights_of("local:http://127.0.0.1:9/a/file.gguf")
    assert address.url == "http://127.0.0.1:9/a/file.gguf"
    assert list(tmp_path.iterdir()) == [], "a name alone loads nothing"


def test_a_file_that_is_there_is_not_taken_for_a_name_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    write_tiny_model(tmp_path / "a" / "b" / "m.gguf")
    assert weights_of("local:a/b/m.gguf").url is None


def test_an_unknown_name_lists_what_is_known() -> None:
    with pytest.raises(UsageError, match=r"local:PATH.gguf.*local:qwen2.5-coder-7b"):
        weights_of("local:gpt-9")


def test_models_are_kept_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODEGRAD_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert models_folder() == Path("/somewhere/codegrad/models")


def test_threads_can_be_said_and_leave_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEGRAD_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.delenv("CODEGRAD_THREADS")
    assert thread_count() >= 1


def test_the_same_seed_writes_the_same_model(tmp_path: Path) -> None:
    first = write_tiny_model(tmp_path / "a.gguf").read_bytes()
    assert write_tiny_model(tmp_path / "b.gguf").read_bytes() == first
    assert first[:4] == b"GGUF"


def test_weights_of_one_base_are_told_apart(tmp_path: Path) -> None:
    size, tensor = 20 << 20, 512 << 10
    base = bytearray(b"GGUF" + bytes(size))
    path = tmp_path / "m.gguf"
    path.write_bytes(base)
    found = {fingerprint(path)}
    for start in (0, size // 3, size // 2, size - tensor):
        tuned = bytearray(base)
        tuned[start : start + tensor] = b"\x01" * tensor
        path.write_bytes(tuned)
        found.add(fingerprint(path))
    path.write_bytes(base + b"\0")
    found.add(fingerprint(path))
    assert len(found) == 6
    (tmp_path / "copy.gguf").write_bytes(base)
    assert fingerprint(tmp_path / "copy.gguf") in found


def test_a_file_that_is_small_or_empty_has_a_name_too(tmp_path: Path) -> None:
    for text in (b"", b"GGUF"):
        (tmp_path / "m.gguf").write_bytes(text)
        assert len(fingerprint(tmp_path / "m.gguf")) == 16


@pytest.mark.skipif(is_installed(), reason="the extra is installed here")
def test_without_the_extra_the_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m.gguf")
    with pytest.raises(EngineError, match=r"pip install 'codegrad\[local\]'"):
        LocalWire(f"local:{model}")


class Asking:
    """A client of the tiny model."""

    def __init__(self, model: Path, book: Path) -> None:
        self.wire = LocalWire(f"local:{model}", context_tokens=512)
        self.book = CallBook(book)
        self.client = ChatClient(self.wire, self.book, patience=ONE_AT_A_TIME)

    def ask(self, text: str, **options: str) -> str:
        request = ChatRequest(
            self.wire.name,
            self.wire.endpoint,
            (Message(Role.SYSTEM, "s"), Message(Role.USER, text)),
            Sampling(temperature=0.0, max_tokens=24, seed=1),
            **options,  # type: ignore[arg-type]  # the schema is text
        )
        (asked,) = self.client.ask([request], budget=Budget())
        return asked.reply.text if asked.reply else f"! {asked.problem}"

    def close(self) -> None:
        self.client.close()
        self.book.close()


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    model = write_tiny_model(tmp_path / "tiny.gguf")
    opened = Asking(model, tmp_path / "calls.db")
    yield opened
    opened.close()


@local
def test_a_tiny_model_is_loaded_and_answers(asking: Asking) -> None:
    first = asking.ask("def f(x):")
    assert first
    assert not first.startswith("!")
    assert asking.client.spent.calls == 1
    assert 20 < asking.client.spent.tokens < 200
    assert asking.client.spent.money == 0.0
    assert asking.client.unpriced == 0
    (call,) = asking.book.calls()
    assert (call.kind or "").startswith("text/event-stream")
    assert asking.wire.endpoint.startswith("local ")


@local
def test_a_recorded_reply_needs_no_model(asking: Asking, tmp_path: Path) -> None:
    first = asking.ask("def f(x):")
    asking.close()
    again = Asking(tmp_path / "tiny.gguf", tmp_path / "calls.db")
    assert again.ask("def f(x):") == first
    assert again.client.spent.calls == 0
    again.close()


@local
def test_a_model_keeps_to_a_schema(asking: Asking) -> None:
    schema = {
        "type": "object",
        "properties": {"line": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["line"],
        "additionalProperties": False,
    }
    reply = asking.ask("where?", answer_schema=json.dumps(schema))
    assert 1 <= json.loads(reply)["line"] <= 9


@local
def test_a_prompt_that_does_not_fit_is_a_sentence(asking: Asking) -> None:
    assert "too large for the context of local:" in asking.ask("def f(x):" * 400)


@local
def test_a_file_that_is_no_model_is_a_sentence(tmp_path: Path) -> None:
    other = tmp_path / "m.gguf"
    other.write_bytes(b"not a model")
    with pytest.raises(EngineError, match="no GGUF file"):
        LocalWire(f"local:{other}")
    with pytest.raises(EngineError, match="cannot be read"):
        LocalWire("local:./nothing.gguf")


@local
def test_a_model_is_called_the_same_before_and_after_it_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed in its first minutes has to find its replies again."""
    monkeypatch.setenv("CODEGRAD_MODELS", str(tmp_path / "models"))
    write_tiny_model(tmp_path / "tiny.gguf")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        name = f"local:http://127.0.0.1:{server.server_port}/tiny.gguf"
        first = LocalWire(name)
        assert not first.served.weights.is_here
        before = first.endpoint
        server.shutdown()
    assert LocalWire(name).endpoint == before
    first.served.weights.path.write_bytes(b"GGUF other weights")
    assert first.endpoint == before, "a run does not change its name"
    assert LocalWire(name).endpoint != before


@local
def test_a_damaged_model_is_a_sentence(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m.gguf")
    model.write_bytes(model.read_bytes()[:60_000])
    asking = Asking(model, tmp_path / "calls.db")
    assert "cannot be loaded" in asking.ask("q")
    asking.close()


TEXT = '''def middle(values):
    """Return the middle one.

    >>> middle([3, 1, 2])
    2
    """
    return values[0]
'''


@local
def test_noise_from_a_model_ends_with_the_best_so_far(
    tmp_path: Path,
) -> None:
    model = write_tiny_model(tmp_path / "tiny.gguf", context=4096)
    engine = LLMEngine(
        f"local:{model}",
        wire=LocalWire(f"local:{model}", context_tokens=4096),
        style=Style(width=1, plans=1, max_tokens=64, context_tokens=4096, patience=1),
        book=CallBook(tmp_path / "calls.db"),
        patience=ONE_AT_A_TIME,
    )
    task = task_from_text(TEXT, "middle.py", "middle")
    result = refine(task, engines=[engine], budget=Budget(calls=4, candidates=50))
    assert result.outcome in {Outcome.EXHAUSTED, Outcome.VERIFIED}
    assert 2 <= result.spent.calls <= 4


@local
def test_a_run_on_local_weights_from_the_command_line(
    tmp_path: Path,
) -> None:
    write_tiny_model(tmp_path / "tiny.gguf", context=4096)
    (tmp_path / "m.py").write_text(TEXT)
    command = "from codegrad.cli.main import main; main()"
    done = subprocess.run(
        [
            *(sys.executable, "-c", command, "refine", "m.py", "--json"),
            *("--engine", "local:./tiny.gguf", "--budget", "candidates=1,calls=2"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert json.loads(done.stdout)["spent"]["calls"] in {0, 1, 2}
    assert "Traceback" not in done.stderr
