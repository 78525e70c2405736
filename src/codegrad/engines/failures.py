"""What became of a request that brought no readable reply.

In: what the client library raised, and what passed on the line. Out: a `WireError`
without anything that could hold the key. Invariant: what was never sent is neither
billed nor sent again.
"""

import re
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from codegrad.engines.chat import BROKEN_OFF, RawReply, Trouble, WireError
from codegrad.engines.exchange import Exchange
from codegrad.engines.refusals import (
    Feature,
    refusal,
    retry_after_s,
    shortened,
    unreachable,
)
from codegrad.engines.streams import reply_text, reported_error
from codegrad.errors import CodeGradError

_GOOD = 200
_REDIRECTS = range(300, 400)
_LOGIN = re.compile(r"//[^/]*@")
# What is read once is not read again in another way: a reply may be made to be slow.
_PAGE = re.compile(
    rb"\s*+(?><!--.*?-->\s*+)*+<(!doctype\s+html|html|head|body)\b", re.I | re.S
)
_TITLE = re.compile(rb"<title[^>]*+>([^<]*+)</title", re.I)
_PAGE_READ = 4096
_PAGE_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Asking:
    """Who was asked, and how."""

    name: str
    endpoint: str
    used: AbstractSet[Feature]
    """What the request used that it can do without."""

    has_answered: bool = False
    """Whether there was ever a readable reply."""


def explained(error: Exception, exchange: Exchange, asking: Asking) -> WireError:
    """Say what failed.

    A server that sends what the explanation itself fails on must not end a run.
    """
    try:
        return _explained(error, exchange, asking)
    except Exception as unforeseen:  # noqa: BLE001 - of what servers send is no list
        return WireError(
            f"the reply of {asking.endpoint} cannot be read "
            f"({type(unforeseen).__name__})",
            Trouble.UNREADABLE,
            may_be_billed=exchange.was_sent,
        )


def _explained(error: Exception, exchange: Exchange, asking: Asking) -> WireError:
    endpoint, raw = asking.endpoint, exchange.raw
    if isinstance(error, CodeGradError):
        return WireError(str(error), Trouble.FINAL)
    if exchange.stopped:
        said = f"{endpoint} {exchange.stopped}"
        return WireError(said, Trouble.FINAL, may_be_billed=True)
    if isinstance(error, TimeoutError):
        return _late(exchange, endpoint)
    if raw is None:
        return _no_reply(error, exchange, asking)
    if raw.status == BROKEN_OFF:
        return broken_off(endpoint)
    return _no_completion(raw, exchange, asking)


def _late(exchange: Exchange, endpoint: str) -> WireError:
    """Say what took too long."""
    if not exchange.was_sent:
        return unreachable(endpoint, "no connection came about in time")
    said = f"{endpoint} was silent for too long; see --reply-timeout"
    if time.monotonic() >= exchange.ends_at:
        said = (
            f"{endpoint} had not finished its reply when the time was over; "
            "see --reply-timeout and --max-tokens"
        )
    return WireError(said, Trouble.PASSING, may_be_billed=True)


def _no_completion(raw: RawReply, exchange: Exchange, asking: Asking) -> WireError:
    """Say what a whole reply is that is not the one that was asked for."""
    reported = reported_error(raw.kind, raw.body)
    said, status = exchange.secrets.hide(reported.said), raw.status
    if status == _GOOD and reported.status is not None:
        # Who has begun to answer with 200 can only say in the reply that it failed.
        status = reported.status
    if status != _GOOD:
        said = said or _page(raw)
    if status in _REDIRECTS:
        return _redirect(exchange, asking)
    has_text = raw.status == _GOOD and bool(reply_text(raw.kind, raw.body))
    if status != _GOOD:
        found = refusal(
            status,
            said,
            name=asking.name,
            endpoint=asking.endpoint,
            used=asking.used,
            retry_after_s=retry_after_s(exchange.retry_after),
        )
        found.may_be_billed = has_text
        return found
    if not said and (page := _page(raw)):
        return _no_model(page, asking)
    return WireError(
        f"the reply cannot be read: {shortened(said) or 'it is not the expected JSON'}",
        Trouble.UNREADABLE,
        # Who answers with an error alone has sent no completion to pay for.
        may_be_billed=has_text or not said,
    )


def _redirect(exchange: Exchange, asking: Asking) -> WireError:
    """Say where a server sends us; nobody else is given the key."""
    place = exchange.secrets.hide(exchange.location).partition("?")[0]
    place = _LOGIN.sub("//", place)
    to = f"to {shortened(place)!r}" if place else "somewhere else"
    return WireError(
        f"{asking.endpoint} redirects {to}, where the key was not sent; if that is the "
        "server, name its address",
        Trouble.FINAL,
    )


def broken_off(endpoint: str) -> WireError:
    """Return what it means that a reply ended before it was complete."""
    return WireError(
        f"{endpoint} broke off in the middle of a reply",
        Trouble.PASSING,
        may_be_billed=True,
    )


def _page(raw: RawReply) -> str:
    """Return what a reply is if it is a page for a browser."""
    is_page = raw.kind.lower().startswith(("text/html", "application/xhtml"))
    start = raw.body[:_PAGE_READ]
    if not is_page and not _PAGE.match(start):
        return ""
    title = _TITLE.search(start)
    words = " ".join(title[1].decode("utf-8", "replace").split()) if title else ""
    return f"a web page ({words[:_PAGE_SHOWN]!r})" if words else "a web page"


def _no_model(page: str, asking: Asking) -> WireError:
    """Say that somebody else answered; a server that worked may work again."""
    trouble = Trouble.PASSING if asking.has_answered else Trouble.FINAL
    return WireError(
        f"{asking.endpoint} answers with {page} instead of a model's reply: correct "
        "the address, which ends in /v1 at most servers, or check the proxy",
        trouble,
    )


def _no_reply(error: Exception, exchange: Exchange, asking: Asking) -> WireError:
    """Say why nothing came back: it was not sent, or the connection broke off."""
    from codegrad.engines.transport import (  # noqa: PLC0415 - imports httpx2
        is_before_sending,
        is_other_protocol,
    )

    causes = list(_causes(error))
    first = next(filter(is_before_sending, causes), None)
    last = first or causes[-1]
    words = _LOGIN.sub("//", exchange.secrets.hide(str(last)))
    said = f"{type(last).__name__}: {shortened(words)}"
    if exchange.was_made and (first is not None or not exchange.was_sent):
        return unreachable(asking.endpoint, said)
    if any(map(is_other_protocol, causes)) and not asking.has_answered:
        return WireError(
            f"{asking.endpoint} does not speak HTTP; correct the address ({said})",
            Trouble.FINAL,
        )
    if exchange.was_sent:
        return WireError(
            f"{asking.endpoint} broke off: {said}", Trouble.PASSING, may_be_billed=True
        )
    if Feature.SCHEMA in asking.used:
        # A client library knows for some models what they cannot do.
        return WireError(said, Trouble.ADAPTED, feature=Feature.SCHEMA)
    return WireError(
        f"the request for {asking.name} cannot be made, and nothing was sent ({said})",
        Trouble.FINAL,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from, the first cause last."""
    seen: list[BaseException] = []
    now: BaseException | None = error
    while now is not None and now not in seen:
        seen.append(now)
        yield now
        now = now.__cause__ or now.__context__
