"""A client of the loopback server, as several test modules need it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codegrad.budget import Budget
from codegrad.engines.chat import ChatRequest, Message, Role, Sampling
from codegrad.engines.client import Asked, ChatClient
from codegrad.engines.patience import Patience
from codegrad.engines.providers import ProviderWire
from codegrad.store.calls import CallBook
from tests.engines.chat_server import ChatServer

FAST = Patience(timeout_s=8.0, attempts=15, pause_s=0.01, failures=3, parallel=8)


def echo(prompt: str, _body: object) -> str:
    return f"re: {prompt}"


def question(server: ChatServer, text: str, **options: Any) -> ChatRequest:
    return ChatRequest(
        "openai:loop",
        server.url,
        (Message(Role.SYSTEM, "s"), Message(Role.USER, text)),
        Sampling(temperature=0.5, max_tokens=100),
        **options,
    )


class Session:
    """A server, a journal and a client for them."""

    def __init__(
        self,
        server: ChatServer,
        folder: Path,
        *,
        price: tuple[float, float] | None = None,
        **options: Any,
    ) -> None:
        self.server = server
        self.book = CallBook(folder / "calls.db")
        options = {"payer": "run", "patience": FAST, **options}
        self.wire = ProviderWire("openai:loop", base_url=server.url, price=price)
        self.client = ChatClient(self.wire, self.book, **options)

    def ask(self, texts: Sequence[str], **limits: Any) -> list[Asked]:
        requests = [question(self.server, text) for text in texts]
        return self.client.ask(requests, budget=Budget(**limits))

    def close(self) -> None:
        self.client.close()
        self.book.close()
