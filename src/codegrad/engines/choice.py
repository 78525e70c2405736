"""Which engine: `auto`, `search` or a model; what would work on this machine.

In: the name that the user gave, the environment, local ports. Out: a `Choice` with its
reason. Invariant: nothing is sent to a model; a local server is only asked for its list
of models, and gets a fraction of a second to answer. A server that was found, not
named, gets no key, neither now nor later.
"""

import base64
import http.client
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from urllib.parse import unquote_to_bytes, urlsplit

from codegrad.engines.addresses import (
    BASE_URL_VARIABLE,
    Address,
    environment_address,
    typed_address,
)
from codegrad.engines.keys import PROVIDERS, key_of, key_variable
from codegrad.engines.local import (
    KNOWN,
    is_installed,
    is_local,
    thread_count,
    weights_of,
)
from codegrad.engines.providers import split_model
from codegrad.errors import UsageError

DEFAULT_MODELS = {
    "openai": "gpt-5-mini",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
}
"""What `auto` takes where only a key is given; $CODEGRAD_MODEL names another, or
`search`."""

LOCAL_SERVERS = {
    "Ollama": 11434,
    "llama.cpp": 8080,
    "vLLM": 8000,
    "LM Studio": 1234,
}
"""Servers that speak the OpenAI protocol, with their usual ports."""

MODEL_VARIABLE = "CODEGRAD_MODEL"
PROBE_S = 0.3
_LIST_S = 2.0
_HERE = "127.0.0.1"
_MODULES = {"openai": "openai", "anthropic": "anthropic", "google": "google.genai"}
_MAX_LIST = 1_000_000
_GOOD = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine and why it is the one."""

    engine: str
    """`search`, or a model as `provider:model`."""

    reason: str
    base_url: str | None = None
    """Where it is asked; of a server that was found it says that no key is sent."""

    @property
    def is_model(self) -> bool:
        """Whether a language model is asked."""
        return self.engine != "search"


@dataclass(frozen=True, slots=True)
class Available:
    """One engine, whether it would work here, and why."""

    name: str
    works: bool
    why: str
    auto: Choice | None = None
    """What `auto` takes of it, if it takes anything of it."""

    problem: str = ""
    """What the server that the environment names does instead of listing models."""


def choose(name: str, base_url: str | None = None) -> Choice:
    """Return the engine that `--engine NAME --base-url URL` means, and why.

    Raises:
        UsageError: If the name is unknown, or a base address is none, holds a login
            or has no model.
    """
    if base_url is not None:
        base_url = typed_address(base_url).text
    if name == "search":
        return Choice("search", "built in: no key, no model, no network")
    if name != "auto":
        check_model(name, "engine")
        base_url = base_url if is_openai(name) else None
        return Choice(name, base_url or "as named", base_url)
    if base_url is not None:
        models, problem = _listing(typed_address(base_url), _key())
        if not models:
            raise UsageError(
                f"{base_url} {problem}; start the server, correct the address or the "
                "key, or name the model with --engine openai:MODEL"
            )
        return Choice(f"openai:{models[0]}", f"the first model of {base_url}", base_url)
    return _automatic()


def is_openai(name: str) -> bool:
    """Return whether a model is asked in the OpenAI protocol, so that it has a server.

    A server of one's own is for these alone: what another provider's key opens is not
    sent there.
    """
    return name.partition(":")[0] == "openai"


def check_address(base_url: str | None, models: Iterable[str]) -> None:
    """Check that a base address that was typed is somebody's.

    Raises:
        UsageError: If no model is asked there.
    """
    if base_url is not None and not any(map(is_openai, models)):
        raise UsageError(
            "--base-url names a server that speaks the OpenAI protocol, and no "
            "openai:MODEL takes part; name one with --engine, or leave it out"
        )


def check_model(name: str, what: str = "model") -> None:
    """Check that a name is one of a model; whether it would work is not asked.

    Raises:
        UsageError: If the name has another form.
    """
    provider = name.partition(":")[0]
    if is_local(name):
        weights_of(name)
        return
    if what == "engine" and provider not in PROVIDERS:
        known = ", ".join(f"{p}:MODEL" for p in PROVIDERS)
        raise UsageError(
            f"unknown engine {name!r}; known: auto, search, {known}, local:FILE.gguf"
        )
    split_model(name)


def _automatic() -> Choice:
    wanted = os.environ.get(MODEL_VARIABLE)
    if wanted == "search":
        return Choice("search", f"${MODEL_VARIABLE} names it")
    if wanted:
        check_model(wanted)
        server = environment_address() if is_openai(wanted) else None
        reason = f"${MODEL_VARIABLE} names it"
        return Choice(wanted, reason, server.text if server else None)
    # What is wrong with it is said before anybody else is asked.
    environment_address()
    reason = "built in: no key, no model, no network"
    # The local ports are asked only if nothing before them works.
    for one in chain(_hosted(), _servers()):
        if one.auto:
            return one.auto
        if one.problem:
            told = f"${BASE_URL_VARIABLE} {one.problem}"
            reason = f"{told}; name one with --engine openai:MODEL"
    return Choice("search", reason)


def local_servers() -> Iterator[tuple[str, str, list[str]]]:
    """Yield the local servers that answer, with their address and models."""
    addresses = [
        (name, f"http://{_HERE}:{port}/v1") for name, port in LOCAL_SERVERS.items()
    ]
    if host := os.environ.get("OLLAMA_HOST"):
        addresses[0] = ("Ollama", ollama_address(host))
    for name, url in addresses:
        if models := served_models(Address(url)):
            yield name, url, models


def ollama_address(host: str) -> str:
    """Return the address that `$OLLAMA_HOST` means, as Ollama itself reads it.

    Example:
        >>> ollama_address("127.0.0.1"), ollama_address("https://o.example/a/")
        ('http://127.0.0.1:11434/v1', 'https://o.example:443/a/v1')
        >>> ollama_address("0.0.0.0:8000"), ollama_address("[::1]")
        ('http://127.0.0.1:8000/v1', 'http://[::1]:11434/v1')
        >>> ollama_address("[::1")
        'http://127.0.0.1:11434/v1'
    """
    scheme, _, rest = host.strip().strip("\"'").rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
    except ValueError:
        parts = urlsplit(f"//{_HERE}")
    try:
        port = parts.port
    except ValueError:
        port = None
    # All addresses to listen at are none to ask at.
    name = {None: _HERE, "0.0.0.0": _HERE, "::": "::1"}.get(  # noqa: S104 - not bound
        parts.hostname, parts.hostname
    )
    name = f"[{name}]" if name and ":" in name else name
    port = port or {"http": 80, "https": 443}.get(scheme, LOCAL_SERVERS["Ollama"])
    return f"{scheme or 'http'}://{name}:{port}{parts.path.rstrip('/')}/v1"


def served_models(address: Address, *, key: str | None = None) -> list[str]:
    """Return the names of the models that a server lists; none if it is not one.

    `key` is only for an address that the user named: whoever listens at a usual port
    is not trusted with it.
    """
    return _listing(address, key)[0]


def _listing(address: Address, key: str | None) -> tuple[list[str], str]:
    """Return the models that a server lists, and what it does instead, if none."""
    parts = urlsplit(address.url)
    kind = (
        http.client.HTTPSConnection
        if parts.scheme == "https"
        else http.client.HTTPConnection
    )
    headers = {"accept": "application/json"}
    if address.login:
        login = base64.b64encode(unquote_to_bytes(address.login)).decode()
        headers["authorization"] = f"Basic {login}"
    elif key and not address.is_keyless:
        headers["authorization"] = f"Bearer {key}"
    try:
        with closing(
            kind(parts.hostname or "", parts.port, timeout=PROBE_S)
        ) as connection:
            connection.request("GET", parts.path.rstrip("/") + "/models", None, headers)
            response = connection.getresponse()
            if response.status != _GOOD:
                return [], _REFUSALS.get(response.status, _LISTS_NONE)
            listed = json.loads(_body_of(response))["data"]
        found = [name for row in listed if (name := str(row["id"])).isprintable()]
    except (OSError, http.client.HTTPException, *_NO_LIST):
        found = []
    return found, "" if found else _LISTS_NONE


_LISTS_NONE = "lists no models"
_REFUSALS = dict.fromkeys((401, 403), "refuses the key, or wants one")
_NO_LIST = (ValueError, KeyError, TypeError, RecursionError)


def _body_of(response: http.client.HTTPResponse) -> bytes:
    """Return what arrives in time: a stream that does not end is no list."""
    end = time.monotonic() + _LIST_S
    body = b""
    while (piece := response.read1(_MAX_LIST)) and len(body) < _MAX_LIST:
        body += piece
        if time.monotonic() > end:
            raise TimeoutError
    return body


def survey() -> list[Available]:
    """Return every engine that this version knows, and whether it would work here."""
    found = [Available("search", works=True, why="built in: no key, no network")]
    found += _hosted()
    found += _servers()
    return [*found, *_weights()]


def _hosted() -> Iterator[Available]:
    for provider, variables in PROVIDERS.items():
        name = f"{provider}:MODEL"
        variable = key_variable(provider)
        problem = _problem_of(provider)
        if not _has_client(provider):
            why = f"the client is not installed; pip install 'codegrad[{provider}]'"
            yield Available(name, works=False, why=why)
        elif problem:
            yield Available(name, works=False, why=problem)
        elif provider == "openai" and (server := environment_address()):
            models, problem = _listing(server, _key())
            why = f"{server.url} (${BASE_URL_VARIABLE}) {problem or 'lists models'}"
            reason = f"the first model of ${BASE_URL_VARIABLE}"
            auto = (
                Choice(f"openai:{models[0]}", reason, server.text) if models else None
            )
            works = bool(models)
            yield Available(name, works=works, why=why, auto=auto, problem=problem)
        elif variable is None:
            why = f"set {' or '.join(variables)}"
            yield Available(name, works=False, why=why)
        else:
            default = DEFAULT_MODELS[provider]
            why = f"${variable} is set; auto takes {default}"
            auto = Choice(f"{provider}:{default}", f"${variable} is set")
            yield Available(name, works=True, why=why, auto=auto)


def _problem_of(provider: str) -> str:
    """Return why the key or the address of a provider cannot be used, if so."""
    try:
        key_of(provider)
        if provider == "openai":
            environment_address()
    except UsageError as error:
        return str(error)
    return ""


def _servers() -> Iterator[Available]:
    answering = {name: (url, models) for name, url, models in local_servers()}
    for name, port in LOCAL_SERVERS.items():
        if name in answering:
            url, models = answering[name]
            why = f"{url} serves {', '.join(models[:5])}"
            reason = f"{name} answers at {url}"
            found = Address(url, is_keyless=True)
            auto = Choice(f"openai:{models[0]}", reason, found.text)
            yield Available(f"{name} (local)", works=True, why=why, auto=auto)
        else:
            way = "elsewhere: codegrad refine FILE --base-url URL"
            why = f"nothing answers at port {port}; {way}"
            yield Available(f"{name} (local)", works=False, why=why)


def _weights() -> Iterator[Available]:
    if not is_installed():
        why = "llama.cpp is not installed; pip install 'codegrad[local]'"
        yield Available("local:FILE.gguf", works=False, why=why)
        return
    why = f"llama.cpp is installed; {thread_count()} threads"
    yield Available("local:FILE.gguf", works=True, why=why)
    for short, model in KNOWN.items():
        state = "is here" if weights_of(short).is_here else "is downloaded at first use"
        yield Available(f"local:{short}", works=True, why=f"{state}; {model.needs}")


def _key() -> str | None:
    """Return the key for an address that the user named."""
    return key_of("openai")


def _has_client(provider: str) -> bool:
    try:
        return find_spec(_MODULES[provider]) is not None
    except ModuleNotFoundError:
        return False
