"""What is put right in a raw reply before a client library reads it.

In: a reply as it was kept. Out: the same, or one that differs in what a server of
little care gets wrong around the text: a content type, counts of tokens, a byte that
is no UTF-8. Invariant: what the model said is not changed; a reply without such faults
is returned as it is.
"""

import json
import re

from codegrad.engines.chat import RawReply
from codegrad.engines.streams import STREAM_KIND, is_stream

MAX_TOKENS = 100_000_000
"""More than any model reads or writes in one reply."""

_JSON_KIND = "application/json"
_COUNT = re.compile(r"(tokens|_count|TokenCount)$")
_USAGES = ("usage", "usageMetadata")


def mended(raw: RawReply) -> RawReply:
    """Return a reply that client libraries can read, if that can be made of it."""
    body = raw.body
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    if is_stream(raw.kind, body):
        lines = body.split(b"\n")
        body = b"\n".join(map(_mended_line, lines))
        return RawReply(raw.status, STREAM_KIND, body)
    kind = _JSON_KIND if body.lstrip()[:1] in {b"{", b"["} else raw.kind
    return RawReply(raw.status, kind, _mended_json(body))


def _mended_line(line: bytes) -> bytes:
    head, colon, data = line.partition(b":")
    return head + colon + _mended_json(data) if head == b"data" else line


def _mended_json(text: bytes) -> bytes:
    """Return JSON whose counts of tokens can be used, with 0 where they cannot."""
    if b"usage" not in text:
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(data, dict):
        return text
    # Anthropic's stream counts what was sent in the message that it begins with.
    places = [data, data.get("message")]
    odd = [
        (place, name)
        for place in places
        if isinstance(place, dict)
        for name in _USAGES
        if not _is_sane(name, place.get(name))
    ]
    for place, name in odd:
        place[name] = _NOTHING[name]
    return json.dumps(data).encode() if odd else text


_NOTHING = {
    "usage": dict.fromkeys(
        (
            *("prompt_tokens", "completion_tokens", "total_tokens"),
            *("input_tokens", "output_tokens"),
        ),
        0,
    ),
    "usageMetadata": {"promptTokenCount": 0, "totalTokenCount": 0},
}


def _is_sane(name: str, value: object) -> bool:
    if _COUNT.search(name):
        if isinstance(value, int) and not isinstance(value, bool):
            return 0 <= value <= MAX_TOKENS
        return value is None
    if isinstance(value, dict):
        return all(_is_sane(str(key), inner) for key, inner in value.items())
    if isinstance(value, list):
        return name not in _USAGES and all(isinstance(row, dict) for row in value)
    return name not in _USAGES or value is None
