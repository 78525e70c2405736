"""One request on its way, and where the code below the providers finds it.

The client libraries between a request and the network know nothing of journals; what
passes is told to the `Exchange` of the context that the request was sent from.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from codegrad.engines.chat import Heard, RawReply, unheard
from codegrad.engines.streams import Arrivals


@dataclass(slots=True)
class Exchange:
    """One request on its way: what arrived, and who is told."""

    keep: Callable[[RawReply], None]
    heard: Heard = unheard
    on_life: Callable[[], None] = lambda: None
    """Told of every sign of life."""

    raw: RawReply | None = None
    """What was handed over."""

    failure: Exception | None = None
    """What went wrong when it was handed over; it comes before all that the client
    libraries make of it on the way up."""

    arrivals: Arrivals = field(default_factory=Arrivals)

    def note(self, chunk: bytes) -> None:
        """Take notice of bytes that arrived."""
        self.on_life()
        self.heard(self.arrivals.feed(chunk))

    def end(self, raw: RawReply) -> None:
        """Hand over what arrived, before anything is read from it."""
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
