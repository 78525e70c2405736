"""Replies as they arrive: pieces of text, and what people can read of a raw reply.

In: the bytes of a reply in the dialects of OpenAI, Anthropic and Google, as one JSON
document or as a stream of events. Out: text. Invariant: nothing here decides whether
a reply is used; bytes that are not understood give no text and never an error.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

STREAM_KIND = "text/event-stream"
"""The content type of a reply that comes in pieces."""

_DATA = b"data:"
_FIELDS = (_DATA, b"event:", b"id:", b"retry:", b":")
_END = b"[DONE]"
_REPLY = frozenset({"choices", "content", "candidates"})
_ERRORS = range(400, 600)
_DIGITS = 3
_SHOWN = 5
_DEEPEST = 10

Json = dict[str, Any]
"""An object of JSON."""


def is_stream(kind: str, body: bytes) -> bool:
    """Return whether a reply comes in pieces, whatever its content type says.

    Example:
        >>> is_stream("text/plain", b"data: {}"), is_stream(STREAM_KIND, b" {}")
        (True, False)
    """
    start = body[:1000].lstrip()
    if start.startswith(_FIELDS):
        return True
    return kind.lower().startswith(STREAM_KIND) and start[:1] not in {b"{", b"[", b"<"}


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
        self._rest: list[bytes] = []

    def feed(self, chunk: bytes) -> str:
        """Return the text that became complete with `chunk`."""
        head, end, tail = chunk.rpartition(b"\n")
        if not end:
            self._rest.append(chunk)
            return ""
        lines = b"".join([*self._rest, head]).split(b"\n")
        self._rest = [tail]
        return "".join(map(_piece, filter(None, map(_event, lines))))


def ends_well(body: bytes) -> bool:
    """Return whether a stream says that it is complete.

    Example:
        >>> ends_well(b'data: {"choices": [{"finish_reason": null}]}')
        False
        >>> ends_well(b"data: [DONE]")
        True
    """
    return any(map(_is_done, body.splitlines())) or any(map(_is_end, events(body)))


def _is_done(line: bytes) -> bool:
    return line.removeprefix(_DATA).strip() == _END


def _is_end(event: Json) -> bool:
    if event.get("type") == "message_stop":
        return True
    if row(event.get("promptFeedback")).get("blockReason"):
        return True
    return any(finish_reasons(event))


def finish_reasons(document: Json) -> list[object]:
    """Return why the choices of a document or an event ended; None of one that goes on.

    Example:
        >>> finish_reasons({"choices": [{"finish_reason": "stop"}, {}]})
        ['stop', None]
    """
    ends = [choice.get("finish_reason") for choice in rows(document.get("choices"))]
    return ends + [one.get("finishReason") for one in rows(document.get("candidates"))]


def reply_text(kind: str, body: bytes) -> str:
    """Return what the model said in a raw reply; empty if that cannot be read.

    Example:
        >>> reply_text("", b'{"choices": [{"message": {"content": "yes"}}]}')
        'yes'
    """
    if is_stream(kind, body):
        return "".join(map(_piece, events(body)))
    document = _parsed(body)
    return _whole(document) if document else ""


def is_whole(kind: str, body: bytes) -> bool:
    r"""Return whether a reply is complete and no error.

    What fails after the end of a stream takes nothing from what was said.

    Example:
        >>> end, error = b'data: [DONE]', b'data: {"error": "no log"}'
        >>> is_whole("", end + b"\n" + error), is_whole("", error + b"\n" + end)
        (True, False)
    """
    if not is_stream(kind, body):
        return not reported_error(kind, body).said
    for line in body.splitlines():
        event = _event(line)
        if event is not None and _reported_in(event).said:
            return False
        if (event is not None and _is_end(event)) or _is_done(line):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Reported:
    """What a server says went wrong."""

    said: str = ""
    """In one line; empty if it says nothing."""

    status: int | None = None
    """The HTTP status that it names, if that is one of an error."""


def reported_error(kind: str, body: bytes) -> Reported:
    """Return what a server says went wrong, in any of the forms that servers use.

    Example:
        >>> reported_error("", b'{"object": "error", "message": "no", "code": 400}')
        Reported(said='no', status=400)
        >>> reported_error("", b'{"detail": [{"loc": ["n"], "msg": "odd"}]}').said
        'n: odd'
    """
    is_reply = is_stream(kind, body)
    for document in documents(kind, body):
        is_reply = is_reply or bool(_REPLY & document.keys())
        reported = _reported_in(document)
        if reported.said:
            return reported
    if kind.lower().startswith("text/plain") and not is_reply:
        return Reported(" ".join(body.decode("utf-8", "replace").split()))
    return Reported()


def _reported_in(document: Json) -> Reported:
    found = document.get("error") or document.get("errors")
    if not found and not _REPLY & document.keys():
        found = _plain(document)
    said = " ".join(_words(found).split())
    return Reported(said, _status_in(document)) if said else Reported()


def documents(kind: str, body: bytes) -> Iterator[Json]:
    """Yield the events of a stream or what a reply in one piece consists of."""
    if is_stream(kind, body):
        return events(body)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    # Google wraps an error in a list.
    return iter(rows(data) or [row(data)])


def _plain(document: Json) -> object:
    """Return what is said without an `error` around it: FastAPI, Mistral, vLLM."""
    message = document.get("message")
    found = message if isinstance(message, str) else None
    return found or document.get("detail") or row(message).get("detail")


def _words(found: object, depth: int = 0) -> str:
    if depth > _DEEPEST:
        return ""
    if isinstance(found, list):
        parts = (_words(one, depth + 1) for one in found[:_SHOWN])
        return "; ".join(filter(None, parts))
    if isinstance(found, dict):
        what = found.get("message") or found.get("msg") or found.get("type")
        place = found.get("loc")
        steps = place[:_DEEPEST] if isinstance(place, list) else []
        path = ".".join(str(step) for step in steps if isinstance(step, str | int))
        said = what if isinstance(what, str) else _words(what, depth + 1)
        return f"{path}: {said}" if path and said else said
    return "" if found is None or found is True else str(found)


def _status_in(document: Json) -> int | None:
    error = row(document.get("error"))
    named = (error.get("code"), error.get("status"), document.get("code"))
    for one in named:
        number = one
        if isinstance(one, str) and one.isdecimal() and len(one) == _DIGITS:
            number = int(one)
        if isinstance(number, int) and number in _ERRORS:
            return number
    return None


def events(body: bytes) -> Iterator[Json]:
    """Yield the JSON events of a stream."""
    yield from filter(None, map(_event, body.split(b"\n")))


def _event(line: bytes) -> Json | None:
    if not line.startswith(_DATA):
        return None
    text = line.removeprefix(_DATA).strip()
    # Millions of lines that are no events must not take a minute.
    return _parsed(text) if text[:1] == b"{" and text[-1:] == b"}" else None


def _parsed(text: bytes) -> Json | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _piece(event: Json) -> str:
    """Return the text of one event of a stream."""
    for choice in rows(event.get("choices")):
        return _said(row(choice.get("delta")).get("content"))
    if "delta" in event:
        return _string(row(event["delta"]).get("text"))
    return _google(event)


def _whole(document: Json) -> str:
    for choice in rows(document.get("choices")):
        return _said(row(choice.get("message")).get("content"))
    if "content" in document:
        return _said(document["content"])
    return _google(document)


def _google(document: Json) -> str:
    for candidate in rows(document.get("candidates")):
        return _said(row(candidate.get("content")).get("parts"))
    return ""


def rows(value: object) -> list[Json]:
    """Return the objects in a list; none if it is no list."""
    found = value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, dict)]


def row(value: object) -> Json:
    """Return an object; an empty one if it is none."""
    return value if isinstance(value, dict) else {}


def _said(content: object) -> str:
    """Return a text that is written as one or as a list of parts."""
    parts = "".join(_string(part.get("text")) for part in rows(content))
    return _string(content) or parts


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
