"""Weights on this machine: a model file served by llama.cpp inside this process.

In: `local:PATH.gguf`, or `local:NAME` for a file that is downloaded once. Out: a
`Wire`. Invariant: nothing is loaded before the first request and nothing downloaded
before its key is made, because a reply is filed under what the file holds; the server
listens on this machine alone, and only with a key that is made anew each time.

Needs the extra `local` (xllamacpp). Its server speaks the OpenAI protocol, so requests
go the same way as to any other server: streams, structured output, recorded replies.
"""

import asyncio
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    Heard,
    RawReply,
    Trouble,
    Wire,
    WireError,
    unheard,
)
from codegrad.engines.download import Report, download, unreported
from codegrad.engines.providers import ProviderWire
from codegrad.errors import EngineError, UsageError

LOCAL = "local"
"""The provider's name."""


def is_local(name: str) -> bool:
    """Return whether a model's name is one of weights on this machine."""
    return name.partition(":")[0] == LOCAL


CONTEXT_TOKENS = 16_384
"""What a request and its reply may take; more costs memory."""

_HUB = "https://huggingface.co"
_ON_HUB = re.compile(r"[^/.~][^/]*/[^/]+/[^/]+")
_MAGIC = b"GGUF"
_SAMPLES = 256
_SAMPLE = 1 << 12
_SIBLINGS = "devices/system/cpu/cpu*/topology/thread_siblings_list"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that has a short name."""

    file: str
    """`OWNER/REPOSITORY/FILE` on the model hub."""

    needs: str
    """Disk and memory, for people."""


KNOWN = {
    "qwen2.5-coder-1.5b": KnownModel(
        "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        "1.1 GB on disk, 3 GB of memory",
    ),
    "qwen2.5-coder-7b": KnownModel(
        "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF/qwen2.5-coder-7b-instruct-q4_k_m.gguf",
        "4.7 GB on disk, 8 GB of memory",
    ),
}
"""Models by short name; any other file of the hub is `local:OWNER/REPO/FILE.gguf`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a model's file is, or where it comes from."""

    path: Path
    url: str | None = None
    """Where it is loaded from if it is not there yet."""

    digest: str | None = None
    """SHA-256 that was asked for."""

    @property
    def is_here(self) -> bool:
        """Whether the file is on this machine."""
        return self.path.is_file()


def models_folder() -> Path:
    """Return where downloaded models are kept.

    `$CODEGRAD_MODELS`, or `codegrad/models` in `$XDG_CACHE_HOME` or in `~/.cache`.
    """
    if named := os.environ.get("CODEGRAD_MODELS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    base = Path(cache) if cache else Path.home() / ".cache"
    return base / "codegrad" / "models"


def weights_of(name: str) -> Weights:
    """Return the file that `local:NAME` means, without touching the network.

    NAME is a path that ends in .gguf, a short name of `KNOWN`, `OWNER/REPO/FILE.gguf`
    of the hub (`$HF_ENDPOINT` names another), or an address; `#sha256=...` after any
    of them is the checksum that it must have.

    Raises:
        UsageError: If it is none of these.
    """
    rest, _, digest = name.removeprefix(f"{LOCAL}:").partition("#sha256=")
    rest = KNOWN[rest].file if rest in KNOWN else rest
    wanted = digest.lower() or None
    if rest.endswith(".gguf"):
        path = Path(rest).expanduser()
        if "://" in rest:
            folder = hashlib.sha256(rest.encode()).hexdigest()[:8]
            path = models_folder() / folder / path.name
            return Weights(path, rest, wanted)
        if path.is_file() or not _ON_HUB.fullmatch(rest):
            return Weights(path, digest=wanted)
        owner, repository, file = rest.split("/")
        hub = os.environ.get("HF_ENDPOINT", _HUB).rstrip("/")
        url = f"{hub}/{owner}/{repository}/resolve/main/{file}"
        return Weights(models_folder() / owner / repository / file, url, wanted)
    known = ", ".join(f"local:{short}" for short in KNOWN)
    raise UsageError(
        f"unknown model {name!r}; write local:PATH.gguf, local:OWNER/REPO/FILE.gguf, "
        f"or one of {known}"
    )


def is_installed() -> bool:
    """Return whether the extra `local` is installed."""
    return find_spec("xllamacpp") is not None


def thread_count() -> int:
    """Return how many threads to compute with: one less than there are cores.

    `$CODEGRAD_THREADS` says otherwise. The threads of llama.cpp wait for each other
    spinning: as many as there are cores are many times slower than one if anything
    else runs.
    """
    wanted = os.environ.get("CODEGRAD_THREADS", "")
    if wanted.isdigit() and int(wanted):
        return int(wanted)
    cores = {path.read_text() for path in Path("/sys").glob(_SIBLINGS)}
    return max(1, min(len(cores) or 1, len(os.sched_getaffinity(0))) - 1)


class _Served:
    """A model and its server, in memory as long as any wire uses it."""

    def __init__(self, name: str, context_tokens: int, report: Report) -> None:
        self.weights = weights_of(name)
        self._context_tokens = context_tokens
        self._report = report
        self._server: Any = None
        self._key = secrets.token_hex(16)
        self._users = 0
        self._lock = threading.Lock()

    def file(self) -> Path:
        """Return the model's file, downloading it if it is not there.

        Raises:
            EngineError: If it cannot be downloaded, or is no model.
        """
        weights = self.weights
        if not weights.is_here and weights.url is not None:
            download(
                weights.url, weights.path, digest=weights.digest, report=self._report
            )
        _check_file(weights.path)
        return weights.path

    def start(self) -> tuple[str, str]:
        """Return address and key of the server, loading the model if need be.

        Raises:
            EngineError: If it cannot be loaded, or not downloaded before.
        """
        with self._lock:
            if self._server is None:
                self._server = self._load()
            self._users += 1
            return f"{self._server.listening_address}/v1", self._key

    def leave(self) -> None:
        """Let go of the memory if nobody else uses it."""
        with self._lock:
            self._users -= 1
            if self._users <= 0:
                # Its destructor ends the server's threads.
                self._server = None

    def _load(self) -> Any:  # noqa: ANN401 - a type of the extra
        path = self.file()
        import xllamacpp  # noqa: PLC0415 - an extra, and 100 MB of native code

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = self._context_tokens
        params.n_parallel = 1
        params.verbosity = -1
        params.cpuparams.n_threads = thread_count()
        params.cpuparams_batch.n_threads = thread_count()
        params.api_keys = [self._key]
        params.ui = False
        try:
            return xllamacpp.Server(params)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(
                f"{path} cannot be loaded ({error}); it may be damaged, of a "
                "newer kind than xllamacpp knows, or too large for the memory"
            ) from error


class LocalWire:
    """The way to a model in this process.

    With `shares` the model of another wire is used: it is in memory once.

    Raises:
        UsageError: If the name is not one of `weights_of`.
        EngineError: If the extra is not installed, or the file named by its path is
            missing or no model.
    """

    def __init__(
        self,
        name: str,
        *,
        context_tokens: int = CONTEXT_TOKENS,
        report: Report = unreported,
        shares: "LocalWire | None" = None,
    ) -> None:
        self.name = name
        self.served: _Served = (
            shares.served if shares else _Served(name, context_tokens, report)
        )
        """The model; wires of one model share it."""

        self._inner: ProviderWire | None = None
        self._reader: ProviderWire | None = None
        self._endpoint = ""
        self._starting = asyncio.Lock()
        if not is_installed():
            raise EngineError(
                "local models need the extra `local`; run "
                "`pip install 'codegrad[local]'`"
            )
        weights = self.served.weights
        if weights.url is None or weights.is_here:
            _check_file(weights.path)

    @property
    def endpoint(self) -> str:
        """The weights: what decides an answer here is the file, not an address.

        A file that is not there is downloaded for it.

        Raises:
            EngineError: If that fails.
        """
        if not self._endpoint:
            self._endpoint = f"local {fingerprint(self.served.file())}"
        return self._endpoint

    @property
    def thinks(self) -> bool:
        """Whether the model is known to think before it answers."""
        return False

    @property
    def estimates(self) -> bool:
        """Whether the tokens of any reply are an estimate: llama.cpp counts."""
        return False

    async def send(
        self,
        request: ChatRequest,
        keep: Callable[[RawReply], None],
        *,
        timeout_s: float,
        longest_s: float,
        heard: Heard = unheard,
    ) -> ChatReply:
        """Send `request`; the model is loaded by the first one."""
        async with self._starting:
            if self._inner is None:
                try:
                    where = await asyncio.to_thread(self.served.start)
                except EngineError as error:
                    raise WireError(str(error), Trouble.FINAL) from None
                self._inner = self._wire(*where)
        return await self._inner.send(
            request, keep, timeout_s=timeout_s, longest_s=longest_s, heard=heard
        )

    async def read(self, request: ChatRequest, raw: RawReply) -> ChatReply:
        """Return the reply that was recorded; no model is loaded."""
        if self._reader is None:
            self._reader = self._wire("http://127.0.0.1/v1", "")
        return await self._reader.read(request, raw)

    def price(self, request: ChatRequest) -> float:  # noqa: ARG002 - a wire's contract
        """Return 0: only electricity is paid."""
        return 0.0

    def cost(self, tokens_in: int, tokens_out: int) -> float:  # noqa: ARG002 - as above
        """Return 0."""
        return 0.0

    async def close(self) -> None:
        """Let go of the model and its memory."""
        if self._inner is not None:
            await self._inner.close()
            self.served.leave()
        if self._reader is not None:
            await self._reader.close()
        self._inner = self._reader = None

    def _wire(self, base_url: str, key: str) -> ProviderWire:
        wire = ProviderWire(
            f"openai:{self.served.weights.path.stem}",
            base_url=base_url,
            key=key,
            price=(0.0, 0.0),
        )
        wire.name = self.name
        return wire


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise EngineError(
            f"the model {path} cannot be read: {error.strerror}; correct the path, or "
            "name a model that is downloaded, see `codegrad engines`"
        ) from None
    if magic != _MAGIC:
        raise EngineError(f"{path} is no GGUF file, the form llama.cpp reads")


def fingerprint(path: Path) -> str:
    """Return what tells two files of weights apart: their size and samples.

    The samples are spread evenly, the first and the last bytes among them: two
    fine-tunes of one base have the same size and begin alike. To read gigabytes at
    each start would take longer than many runs.
    """
    size = path.stat().st_size
    found = hashlib.sha256(str(size).encode())
    last = max(0, size - _SAMPLE)
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek(last * number // (_SAMPLES - 1))
            found.update(file.read(_SAMPLE))
    return found.hexdigest()[:16]


def wire_to(  # noqa: PLR0913 - all but the name have a default
    name: str,
    *,
    base_url: str | None = None,
    price: tuple[float, float] | None = None,
    context_tokens: int = CONTEXT_TOKENS,
    report: Report = unreported,
    shares: Wire | None = None,
) -> ProviderWire | LocalWire:
    """Return the way to `provider:model`, local weights included.

    `context_tokens` is for local weights alone; a server has its own. `shares` is a
    way to the same weights that is open already.

    Raises:
        UsageError: If the name has another form.
        EngineError: If a key, a client or a model file is missing.
    """
    if is_local(name):
        if not isinstance(shares, LocalWire) or shares.name != name:
            shares = None
        return LocalWire(
            name, context_tokens=context_tokens, report=report, shares=shares
        )
    return ProviderWire(name, base_url=base_url, price=price)
