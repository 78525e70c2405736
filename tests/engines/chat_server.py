"""A real HTTP server that speaks the OpenAI chat protocol and can fail on purpose.

`python -m tests.engines.chat_server FOLDER` serves until it is killed; it writes its
address to FOLDER/address and a line for each reply that a provider would bill to
FOLDER/billed.
"""

import base64
import json
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.engines.serving import serving

JSON = "application/json"
Answer = Callable[[str, Mapping[str, Any]], str]
"""The reply to the last user message, given the whole request body."""


@dataclass(frozen=True)
class Fault:
    """What is done instead of answering."""

    kind: str
    """`status`, `cut`, `clean cut`, `slow`, `empty`, `no code`, `not json`, `error
    body`, `raw` or `endless`; a cut is an error of the line, a clean cut a stream that
    just ends."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    body: bytes = b""
    """Of `raw`: what is sent; of `endless`: what is sent again and again."""


Faults = Callable[[int, str], Fault | None]
"""The fault for the n-th request (from 1), given the last user message."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    chat: "ChatServer"
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        if self.chat.hides_list and (
            self.headers["authorization"] != f"Bearer {self.chat.key}"
        ):
            self.reply(401, {"error": {"message": "Incorrect API key provided"}})
            return
        listed = [{"id": name} for name in self.chat.models or ["loop"]]
        self.reply(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(size))
        with self.chat._lock:
            self.chat._now += 1
            self.chat.most_at_once = max(self.chat.most_at_once, self.chat._now)
            self.chat.requests.append(body)
            self.chat.arrivals.append(time.monotonic())
            number = len(self.chat.requests)
        try:
            self.chat.serve(self, body, number)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.chat._lock:
                self.chat._now -= 1

    def stream(self, text: str, body: Mapping[str, Any], cut: str) -> None:
        """Answer piece by piece; a cut ends it in the middle."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pieces = list(chunks(text, body))
        for piece in pieces[: len(pieces) // 2] if cut else pieces:
            raw = f"data: {piece}\n\n".encode()
            self.wfile.write(f"{len(raw):x}\r\n".encode() + raw + b"\r\n")
            self.wfile.flush()
            time.sleep(self.chat.piece_s)
        if cut == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def stream_for_ever(self, piece: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(piece)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def handle(self) -> None:
        # A client that is killed is part of what is tested.
        with suppress(ConnectionError):
            super().handle()

    def reply(
        self,
        status: int,
        data: object,
        headers: Mapping[str, str] | None = None,
        *,
        cut: bool = False,
    ) -> None:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        for name, value in {"content-type": JSON, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if cut else raw)
        if cut:
            self.close_connection = True


@dataclass
class ChatServer:
    """The server and what it saw."""

    answer: Answer
    faults: Faults = lambda _number, _prompt: None
    delay_s: float = 0.0
    key: str = ""
    """The key that clients must send; empty accepts every key."""

    hides_list: bool = False
    """Whether it lists its models to those with the key alone."""

    login: str = ""
    """The name and password that clients must send, instead of a key."""

    lacks: Collection[str] = ()
    """What it refuses as real servers do: `system`, `schema`, `stream`,
    `temperature`, `max_tokens`; `answers at once` ignores that a stream was asked
    for."""

    context_tokens: int = 1_000_000
    models: Collection[str] = ()
    """The models that it knows; none is every model."""

    piece_s: float = 0.0
    """Pause between two pieces of a stream."""

    billed_to: Path | None = None
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    billed: Counter[str] = field(default_factory=Counter)
    """Complete, readable replies by the last user message."""

    most_at_once: int = 0
    arrivals: list[float] = field(default_factory=list)
    url: str = ""
    port: int = 0
    """Where it listens; 0 takes a free one, which it keeps when it runs again."""

    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def running(self) -> "Iterator[ChatServer]":
        handler = type("Bound", (_Handler,), {"chat": self})
        with serving(handler, self.port) as self.port:
            self.url = f"http://127.0.0.1:{self.port}/v1"
            yield self

    def serve(self, handler: Any, body: Mapping[str, Any], number: int) -> None:
        prompt = last_prompt(body)
        wanted = f"Bearer {self.key}" if self.key else ""
        if self.login:
            wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if wanted and handler.headers["authorization"] != wanted:
            handler.reply(401, {"error": {"message": "Incorrect API key provided"}})
            return
        if problem := self.refusal(body):
            status, message = problem
            handler.reply(status, {"error": {"message": message}})
            return
        fault = self.faults(number, prompt)
        if fault is not None and self.fail(handler, fault, body):
            return
        time.sleep(self.delay_s)
        text = self.answer(prompt, body)
        if fault is not None and fault.kind == "empty":
            text = ""
        elif fault is not None and fault.kind == "no code":
            text = "I am afraid that I cannot do that."
        self.bill(prompt)
        if self.streams(body):
            handler.stream(text, body, "")
        else:
            handler.reply(200, completion(text, body))

    def bill(self, prompt: str) -> None:
        """Note a reply that a provider would charge for: the work is done."""
        with self._lock:
            self.billed[prompt] += 1
            if self.billed_to is not None:
                with self.billed_to.open("a") as lines:
                    lines.write(json.dumps(prompt) + "\n")

    def streams(self, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream")) and "answers at once" not in self.lacks

    def refusal(self, body: Mapping[str, Any]) -> tuple[int, str] | None:
        """Return how a server refuses what it does not have or know."""
        roles = {m["role"] for m in body["messages"]}
        needed = sum(len(str(m["content"])) // 3 for m in body["messages"])
        model = body["model"]
        problems = {
            (404, f"The model `{model}` does not exist."): (
                self.models and model not in self.models
            ),
            (
                400,
                f"This model's maximum context length is {self.context_tokens} "
                f"tokens. However, your messages resulted in {needed} tokens.",
            ): needed > self.context_tokens,
            (400, "System role not supported"): (
                "system" in self.lacks and "system" in roles
            ),
            (400, "Unknown parameter: 'response_format'."): (
                "schema" in self.lacks and "response_format" in body
            ),
            (400, "Unsupported value: 'temperature' does not support 0.5."): (
                "temperature" in self.lacks and "temperature" in body
            ),
            **{
                (400, f"Unrecognized request argument supplied: {name}"): (
                    name in self.lacks and name in body
                )
                for name in ("max_tokens", "max_completion_tokens")
            },
            (422, "streaming is not supported"): (
                "stream" in self.lacks and body.get("stream")
            ),
        }
        return next((problem for problem, holds in problems.items() if holds), None)

    def fail(self, handler: Any, fault: Fault, body: Mapping[str, Any]) -> bool:
        match fault.kind:
            case "status":
                error = {"error": {"message": "injected"}}
                handler.reply(fault.status, error, fault.headers)
            case "cut" | "clean cut" if self.streams(body):
                handler.stream("x " * 50, body, fault.kind)
            case "cut" | "clean cut":
                handler.reply(200, completion("x" * 500, body), cut=True)
            case "slow":
                time.sleep(fault.seconds)
                handler.close_connection = True
            case "raw":
                handler.reply(fault.status, fault.body, fault.headers)
            case "endless":
                handler.stream_for_ever(fault.body)
            case "not json":
                handler.reply(200, b"proxy error")
            case "error body":
                handler.reply(200, {"error": {"message": "upstream is down"}})
            case _:
                return False
        return True


def last_prompt(body: Mapping[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else json.dumps(content)


def completion(text: str, body: Mapping[str, Any]) -> dict[str, Any]:
    words = sum(len(str(m["content"])) // 4 for m in body["messages"])
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": words,
            "completion_tokens": len(text) // 4,
            "total_tokens": words + len(text) // 4,
        },
    }


def chunks(text: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the events of a stream: a word at a time, the end, the usage."""
    whole = completion(text, body)
    frame = {
        "id": whole["id"],
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
    }

    def event(delta: Mapping[str, str], reason: str | None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps({**frame, "choices": [choice]})

    yield event({"role": "assistant", "content": ""}, None)
    for piece in re.findall(r"\S*\s*", text):
        if piece:
            yield event({"content": piece}, None)
    yield event({}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield json.dumps({**frame, "choices": [], "usage": whole["usage"]})
    yield "[DONE]"


def in_turn(replies: Sequence[str]) -> Answer:
    """Answer with the replies in turn, the last one for ever."""
    left = list(replies)
    lock = threading.Lock()

    def answer(_prompt: str, _body: Mapping[str, Any]) -> str:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer


def counted() -> Answer:
    """Answer each prompt differently each time that it comes."""
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def answer(prompt: str, _body: Mapping[str, Any]) -> str:
        with lock:
            seen[prompt] += 1
            return f"{len(prompt)}: {seen[prompt]}"

    return answer


def main(folder: Path) -> None:
    server = ChatServer(counted(), delay_s=0.05, billed_to=folder / "billed")
    with server.running():
        partial = folder / "address.part"
        partial.write_text(server.url)
        partial.rename(folder / "address")
        while os.getppid() != 1:
            time.sleep(0.1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
