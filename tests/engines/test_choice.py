"""Which engine a name, an address and the environment mean."""

import http.server
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from codegrad.cli.models import Models
from codegrad.engines.addresses import Address
from codegrad.engines.choice import (
    DEFAULT_MODELS,
    check_address,
    check_model,
    choose,
    is_openai,
    local_servers,
    ollama_address,
    served_models,
    survey,
)
from codegrad.engines.keys import NO_KEY
from codegrad.engines.providers import ProviderWire
from codegrad.errors import UsageError
from tests.engines.asking import question
from tests.engines.chat_server import ChatServer
from tests.engines.serving import serving
from tests.engines.test_providers import Wired

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *("CODEGRAD_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"),
        *("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(lambda *_: "x", models=["coder", "other"]).running() as running:
        yield running


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/v1"),
        (":5000", "http://127.0.0.1:5000/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("http://box", "http://box:80/v1"),
        ("https://box/under/", "https://box:443/under/v1"),
        ("[::]:7000", "http://[::1]:7000/v1"),
        ("box:no-port", "http://box:11434/v1"),
        (' "box" ', "http://box:11434/v1"),
    ],
)
def test_the_address_of_ollama_is_read_as_ollama_reads_it(
    host: str, address: str
) -> None:
    assert ollama_address(host) == address


def test_a_server_at_its_usual_place_is_found(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = urlsplit(server.url).netloc
    monkeypatch.setenv("OLLAMA_HOST", where)
    assert next(local_servers()) == ("Ollama", server.url, ["coder", "other"])
    chosen = choose("auto")
    assert (chosen.engine, chosen.base_url) == ("openai:coder", f"http://@{where}/v1")
    assert chosen.reason == f"Ollama answers at {server.url}"


def test_a_server_that_was_found_gets_no_key(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = NO_KEY  # with any other it refuses
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE)
    monkeypatch.setenv("OLLAMA_HOST", urlsplit(server.url).netloc)
    models = Models.chosen("auto", None, None, "on")
    later = Models.stored(models.to_data())
    for roles in (models.roles, later.roles):
        wired = Wired(server)
        wired.wire = ProviderWire(roles.engine, base_url=roles.base_url)
        assert wired.wire.endpoint == server.url
        assert wired.send(question(server, "q"), longest_s=60.0).text == "x"


def test_a_named_server_without_models_is_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codegrad.engines.choice.LOCAL_SERVERS", {"Ollama": 9})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE)
    chosen = choose("auto")
    assert chosen.engine == "search"
    assert chosen.reason.startswith("$OPENAI_BASE_URL lists no models; name one with")


def test_a_named_server_that_refuses_the_key_is_said_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("codegrad.engines.choice.LOCAL_SERVERS", {"Ollama": 9})
    with ChatServer(answer=lambda *_: "x").running() as server:
        server.key, server.hides_list = "sk-right", True
        monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-0123456789")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        assert choose("auto").reason.startswith("$OPENAI_BASE_URL refuses the key")
        with pytest.raises(UsageError, match="refuses the key, or wants one"):
            choose("auto", server.url)


def test_an_address_is_for_models_of_the_openai_protocol_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", NOWHERE)
    assert choose("openai:m", NOWHERE).base_url == NOWHERE
    other = choose("anthropic:m", NOWHERE)
    assert (other.base_url, other.reason) == (None, "as named")
    monkeypatch.setenv("CODEGRAD_MODEL", "anthropic:m")
    assert choose("auto").base_url is None
    monkeypatch.setenv("CODEGRAD_MODEL", "openai:m")
    assert choose("auto").base_url == NOWHERE
    assert is_openai("openai:m")
    assert not is_openai("local:openai.gguf")


@pytest.mark.parametrize("models", [[], ["anthropic:m", "local:m.gguf"]])
def test_an_address_that_nobody_asks_is_one_sentence(models: list[str]) -> None:
    with pytest.raises(UsageError, match="no openai:MODEL takes part; name one with"):
        check_address(NOWHERE, models)
    check_address(None, models)
    check_address(NOWHERE, [*models, "openai:m"])


def test_auto_takes_the_first_that_is_there(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codegrad.engines.choice.LOCAL_SERVERS", {"Ollama": 9})
    assert choose("auto").engine == "search"
    monkeypatch.setenv("OPENAI_API_KEY", "sk")
    assert choose("auto").engine == f"openai:{DEFAULT_MODELS['openai']}"
    assert choose("auto").base_url is None
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    assert choose("auto").engine == "openai:coder"
    monkeypatch.setenv("CODEGRAD_MODEL", "search")
    assert choose("auto").engine == "search"
    assert choose("auto", server.url).engine == "openai:coder", "what is typed wins"


@pytest.mark.parametrize("address", ["", NOWHERE, "the server"])
@pytest.mark.parametrize("keys", [[], ["OPENAI_API_KEY"], ["ANTHROPIC_API_KEY"]])
@pytest.mark.parametrize("is_local", [False, True])
def test_auto_takes_only_what_is_listed_as_working(
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    keys: list[str],
    *,
    is_local: bool,
) -> None:
    monkeypatch.setattr("codegrad.engines.choice.LOCAL_SERVERS", {"Ollama": 9})
    for name in keys:
        monkeypatch.setenv(name, "sk")
    if address:
        url = server.url if address == "the server" else address
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    if is_local:
        monkeypatch.setenv("OLLAMA_HOST", urlsplit(server.url).netloc)
    chosen = choose("auto")
    working = [engine for engine in survey() if engine.works]
    first = next((e.auto for e in working if e.auto), None)
    assert chosen == first or (chosen.engine == "search" and first is None)
    if address == NOWHERE:
        assert chosen.engine != f"openai:{DEFAULT_MODELS['openai']}"


def test_an_address_without_models_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="lists no models; start the server"):
        choose("auto", NOWHERE)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gpt-5", "unknown engine 'gpt-5'; known: auto, search, openai:MODEL"),
        ("openai:", "unknown model 'openai:'"),
        ("local:gpt", "unknown model 'local:gpt'; write local:PATH.gguf"),
    ],
)
def test_a_name_that_is_none_lists_what_is_known(name: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        choose(name)
    check_model("google:anything")


class Odd(http.server.BaseHTTPRequestHandler):
    """Answers what a list of models is not."""

    body = b""
    status = 200

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)


@contextmanager
def odd_server(body: bytes, status: int) -> Iterator[str]:
    handler = type("Bound", (Odd,), {"body": body, "status": status})
    with serving(handler) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>", 200),
        (b"[]", 200),
        (b'{"data": 3}', 200),
        (b'{"data": [{}]}', 200),
        (b'{"data": [{"id": "m"}]}', 404),
    ],
)
def test_what_is_no_list_of_models_is_none(body: bytes, status: int) -> None:
    with odd_server(body, status) as url:
        assert served_models(Address(url)) == []
    assert served_models(Address("http://127.0.0.1:notaport/v1")) == []


def test_the_survey_shows_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    found = {one.name: one for one in survey()}
    assert found["search"].works
    assert found["openai:MODEL"].works
    assert not found["anthropic:MODEL"].works
    assert "sk-secret" not in str(found)
