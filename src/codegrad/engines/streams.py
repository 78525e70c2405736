"""Replies as they arrive: pieces of text, and what people can read of a raw reply.

In: the bytes of a reply in the dialects of OpenAI, Anthropic and Google, as one JSON
document or as a stream of events. Out: text. Invariant: nothing here decides whether
a reply is used; bytes that are not understood give no text and never an error.
"""

import json
from collections.abc import Iterator
from typing import Any

STREAM_KIND = "text/event-stream"
"""The content type of a reply that comes in pieces."""

_DATA = b"data:"
_END = b"[DONE]"
_Json = dict[str, Any]


class Arrivals:
    r"""Reads a stream piece by piece, however the network cuts it.

    Example:
        >>> arrivals = Arrivals()
        >>> arrivals.feed(b'data: {"choices": [{"delta": {"con')
        ''
        >>> arrivals.feed(b'tent": "def f"}}]}\n\n')
        'def f'
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> str:
        """Return the text that became complete with `chunk`."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return "".join(map(_piece, filter(None, map(_event, lines))))


def ends_well(body: bytes) -> bool:
    """Return whether a stream says that it is complete.

    Example:
        >>> ends_well(b'data: {"choices": [{"finish_reason": null}]}')
        False
        >>> ends_well(b"data: [DONE]")
        True
    """
    if any(line.removeprefix(_DATA).strip() == _END for line in body.splitlines()):
        return True
    return any(map(_is_end, events(body)))


def _is_end(event: _Json) -> bool:
    if event.get("type") == "message_stop":
        return True
    ends = [choice.get("finish_reason") for choice in _rows(event.get("choices"))]
    ends += [some.get("finishReason") for some in _rows(event.get("candidates"))]
    return any(ends)


def reply_text(kind: str, body: bytes) -> str:
    """Return what the model said in a raw reply; empty if that cannot be read.

    Example:
        >>> reply_text("", b'{"choices": [{"message": {"content": "yes"}}]}')
        'yes'
    """
    if kind.startswith(STREAM_KIND):
        return "".join(map(_piece, events(body)))
    document = _parsed(body)
    return _whole(document) if document else ""


def reported_error(kind: str, body: bytes) -> str:
    """Return what a server says went wrong, in one line; empty if it does not."""
    documents = (
        events(body) if kind.startswith(STREAM_KIND) else filter(None, [_parsed(body)])
    )
    for document in documents:
        found = document.get("error")
        if isinstance(found, dict):
            found = found.get("message") or found.get("type")
        if found:
            return " ".join(str(found).split())
    return ""


def events(body: bytes) -> Iterator[_Json]:
    """Yield the JSON events of a stream."""
    yield from filter(None, map(_event, body.split(b"\n")))


def _event(line: bytes) -> _Json | None:
    if not line.startswith(_DATA):
        return None
    return _parsed(line.removeprefix(_DATA))


def _parsed(text: bytes) -> _Json | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _piece(event: _Json) -> str:
    """Return the text of one event of a stream."""
    for choice in _rows(event.get("choices")):
        return _string(_row(choice.get("delta")).get("content"))
    if "delta" in event:
        return _string(_row(event["delta"]).get("text"))
    return _google(event)


def _whole(document: _Json) -> str:
    for choice in _rows(document.get("choices")):
        return _string(_row(choice.get("message")).get("content"))
    if "content" in document:
        parts = _rows(document["content"])
        return "".join(_string(part.get("text")) for part in parts)
    return _google(document)


def _google(document: _Json) -> str:
    for candidate in _rows(document.get("candidates")):
        parts = _rows(_row(candidate.get("content")).get("parts"))
        return "".join(_string(part.get("text")) for part in parts)
    return ""


def _rows(value: object) -> list[_Json]:
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict)]


def _row(value: object) -> _Json:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
