"""One request on its way, and where the code below the providers finds it.

The client libraries between a request and the network know nothing of journals; what
passes is told to the `Exchange` of the context that the request was sent from.
Invariant: what is handed over holds no key, also if the server sent one back.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from codegrad.engines.chat import BROKEN_OFF, Heard, RawReply, unheard
from codegrad.engines.keys import Secrets
from codegrad.engines.streams import Arrivals, reply_text

_TAIL = 500
"""Characters that are looked through again for a key: more than one has."""

_KEY_IN_PIECES = (
    "sent your key back in its answer, which was not kept; do not ask this server, "
    "and change the key"
)


@dataclass(slots=True)
class Exchange:
    """One request on its way: what arrived, and who is told."""

    keep: Callable[[RawReply], None]
    heard: Heard = unheard
    on_life: Callable[[], None] = lambda: None
    """Told of every sign of life."""

    secrets: Secrets = field(default_factory=Secrets)
    raw: RawReply | None = None
    """What was handed over."""

    failure: Exception | None = None
    """What went wrong when it was handed over; it comes before all that the client
    libraries make of it on the way up."""

    ends_at: float = float("inf")
    """When the whole reply has to be there, by the monotonic clock."""

    was_made: bool = False
    """Whether the client library had a request to send."""

    was_sent: bool = False
    """Whether any of it was sent."""

    stopped: str = ""
    """What the server did that its reply was not taken any further."""

    retry_after: str = ""
    location: str = ""
    """Headers of the reply."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    _tail: str = ""

    def note(self, chunk: bytes) -> None:
        """Take notice of bytes that arrived."""
        self.on_life()
        piece = self.arrivals.feed(chunk)
        self._tail = (self._tail + piece)[-_TAIL - len(piece) :]
        if self.secrets.are_in(self._tail):
            # The last piece of a key that comes in several is not passed on.
            self.heard = unheard
        self.heard(piece)

    def end(self, raw: RawReply) -> None:
        """Hand over what arrived, before anything is read from it."""
        has_text = bool(reply_text(raw.kind, raw.body))
        raw = self.secrets.hidden(raw, has_text=has_text)
        if self.secrets.are_in(reply_text(raw.kind, raw.body)):
            # Cut in pieces or written with escapes, so there is nothing to replace.
            self.stopped = _KEY_IN_PIECES
            raw = RawReply(BROKEN_OFF, raw.kind, b"")
        self.raw = raw
        try:
            self.keep(raw)
        except Exception as error:
            self.failure = error
            raise


EXCHANGE: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The exchange that the requests of this context belong to."""

RECORDED: ContextVar[RawReply | None] = ContextVar("recorded", default=None)
"""The reply that `replaying_client` answers with."""
