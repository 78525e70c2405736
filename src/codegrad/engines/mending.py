"""What is put right in a raw reply before a client library reads it.

In: a reply as it was kept. Out: the same, or one that differs in what a server of
little care gets wrong around the text: the content type, a byte that is no UTF-8.
Invariant: what the model said is not changed.
"""

from codegrad.engines.chat import RawReply
from codegrad.engines.streams import STREAM_KIND, is_stream

_JSON_KIND = "application/json"


def mended(raw: RawReply) -> RawReply:
    """Return a reply that client libraries can read, if that can be made of it.

    Example:
        >>> mended(RawReply(200, "text/plain", b"[1]"))
        RawReply(status=200, kind='application/json', body=b'[1]')
    """
    kind, body = raw.kind, raw.body
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    if is_stream(kind, body):
        kind = STREAM_KIND
    elif body.lstrip()[:1] in {b"{", b"["}:
        kind = _JSON_KIND
    return RawReply(raw.status, kind, body)
