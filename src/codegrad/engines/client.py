"""Asks models: many requests at once, retries, one price for each reply.

In: requests and what may be spent. Out: replies in the order of the requests. The
invariant: a request is on the disk before it is sent and its raw reply before it is
read; the same request is never sent twice while or after it was answered; nothing is
sent that could break a limit.

Failures: a busy server (429) makes everybody wait as long as it asks; other passing
ones are tried again with growing, jittered pauses; a server that refuses a feature is
asked at once without it. A key or a model that is refused ends this client alone;
when several requests in a row have failed for good, the rest is not sent by anybody
(the circuit is open, see `host`). When the journal cannot be written, nothing more is
sent, what is on its way is waited for, and `StoreError` is raised.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.engines.allowance import Allowance, worst_of
from codegrad.engines.background import Background
from codegrad.engines.chat import (
    ChatReply,
    ChatRequest,
    RawReply,
    Trouble,
    Wire,
    WireError,
)
from codegrad.engines.cut import Cut
from codegrad.engines.hearing import Hearing
from codegrad.engines.host import Host
from codegrad.engines.patience import Patience, spoken
from codegrad.errors import StoreError
from codegrad.store.calls import (
    CacheMode,
    CallBook,
    CallOutcome,
    RecordedCall,
    Settlement,
    new_session,
)

_OF_A_REQUEST = {Trouble.PASSING, Trouble.UNREADABLE}
"""Failures that may be the fault of what was asked."""

_LOOK_S = 0.2
_TURN_S = 0.02

Waiting = Callable[[str], None]
"""Hears a few times a second how the requests are getting on."""


def _unheard(situation: str) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one request."""

    reply: ChatReply | None
    problem: str = ""
    """Why there is no reply, in one sentence."""

    is_final: bool = False
    """Whether this client will answer no other request either."""

    is_withheld: bool = False
    """Whether there is a reply, and the provider kept its text back."""

    is_alone: bool = False
    """Whether it got no reply while others got theirs, so no outage is to blame."""

    was_recorded: bool = False
    """Whether the reply was on the disk already."""

    cut: Cut = Cut.NOTHING
    """Whether it may be answered later, and what stands in the way now."""


def _asked(reply: ChatReply) -> Asked:
    """Return what became of a request that was answered; of nothing, nothing."""
    if reply.withheld and not reply.text.strip():
        return Asked(None, reply.withheld, is_withheld=True)
    return Asked(reply)


class ChatClient:
    """Asks one model on behalf of one run.

    Requests run in a thread of the client's own, so that it can be used from any
    thread, also one in which an event loop runs. `close` ends it.
    """

    def __init__(  # noqa: PLR0913 - all but the first two have a default
        self,
        wire: Wire,
        book: CallBook,
        *,
        payer: str = "",
        mode: CacheMode = CacheMode.ON,
        patience: Patience | None = None,
        host: Host | None = None,
    ) -> None:
        self.wire = wire
        self.book = book
        self.payer = payer or secrets.token_hex(8)
        """The run in whose ledger replies count."""

        self.mode = mode
        self.patience = patience or Patience()
        self.host = host or self.patience.host()
        """What the server bears; clients of one server share it."""

        self.lost = 0
        """Requests of earlier processes of this run that may have been billed."""

        self.spent = Spent()
        """What this client's run has paid, earlier processes included."""

        self.unpriced = 0
        """Replies whose price is unknown."""

        self._session = new_session()
        self._charged: set[str] = set()
        self._unread: dict[str, int] = {}
        """The recorded replies that cannot be read, by the keys of their requests."""

        self._flights: dict[str, asyncio.Task[Asked]] = {}
        self._background = Background()
        self._draining = False
        self._stopped = ""
        self._refused = ""
        self._reserved = Spent()
        self._checked_lost = False
        self._settlements: list[Settlement] = []
        self._uses: list[tuple[int, str]] = []
        self._hearing = Hearing()

    def ask(
        self,
        requests: Sequence[ChatRequest],
        *,
        budget: Budget,
        label: str = "",
        waiting: Waiting = _unheard,
    ) -> list[Asked]:
        """Return what became of each request, in order.

        `budget` is what may be spent now; `waiting` is called from this thread.
        `KeyboardInterrupt` waits for the replies that are on their way and are paid
        for, then goes on its way; a second one does not wait.

        Raises:
            StoreError: If the journal cannot be written.
        """
        limit = Allowance(budget, self.spent, time.monotonic())
        self._count_lost()
        self._draining = False
        self._stopped = ""
        self._reserved = Spent()
        self._hearing = Hearing()
        future = self._background.submit(self._ask_all(requests, limit, label))
        try:
            return self._await(future, waiting)
        except KeyboardInterrupt:
            self._draining = True
            if count := self._hearing.on_the_way:
                what = "1 reply that is" if count == 1 else f"{count} replies that are"
                left = "it" if count == 1 else "them"
                waiting(
                    f"stopping: waiting for {what} paid for; Ctrl-C again leaves {left}"
                )
            future.result()
            raise
        finally:
            self.book.settle(self._settlements)
            self.book.note_uses(self.payer, self._uses)
            self._settlements.clear()
            self._uses.clear()

    def _await(self, future: "Future[list[Asked]]", waiting: Waiting) -> list[Asked]:
        while not wait([future], _LOOK_S).done:
            situation = self._hearing.situation
            if self.host.rest_s:
                situation = f"the server is busy, {spoken(self.host.rest_s)} to wait"
            waiting(situation)
        return future.result()

    def _count_lost(self) -> None:
        """Put into the ledger what earlier processes of the run may have paid."""
        if self._checked_lost:
            return
        self._checked_lost = True
        for lost in self.book.give_up_on_lost(self.payer, self._session):
            self.lost += self._charge_lost(
                lost.call, ChatRequest.from_json(lost.request)
            )

    def _charge_lost(self, call: int, request: ChatRequest) -> bool:
        """Put a request without a usable reply into the ledger, if it is not there.

        It may have been billed, so it counts at its worst.
        """
        entry = f"lost {call}"
        if entry in self._charged:
            return False
        self._charged.add(entry)
        price = self.wire.price(request)
        self.unpriced += price is None
        self.spent = self.spent + worst_of(request, price)
        return True

    def charge_again(self, keys: Sequence[str]) -> None:
        """Say what the ledger of a resumed run holds already."""
        self._charged |= set(keys)

    @property
    def charged(self) -> list[str]:
        """What this run has in its ledger: keys of replies, numbers of other calls."""
        return sorted(self._charged)

    def close(self) -> None:
        """End the thread and the connections; the client may be used again."""
        self._background.close(self.wire.close)

    async def _ask_all(
        self, requests: Sequence[ChatRequest], limit: Allowance, label: str
    ) -> list[Asked]:
        answers: list[Asked] = []
        failures: list[BaseException] = []
        # What is on the disk is paid: it counts before anything new may be sent.
        found: dict[str, Asked] = {}
        for request in requests:
            if request.key not in found:
                found[request.key] = await self._recorded(request, label)
        for one in await asyncio.gather(
            *(self._once(r, found[r.key], limit, label) for r in requests),
            return_exceptions=True,
        ):
            if isinstance(one, BaseException):
                failures.append(one)
            else:
                answers.append(one)
        if failures:
            raise failures[0]
        return answers

    async def _once(
        self, request: ChatRequest, found: Asked, limit: Allowance, label: str
    ) -> Asked:
        """Ask, or wait for the same request that is on its way."""
        flight = self._flights.get(request.key)
        if flight is None:
            flight = asyncio.ensure_future(self._answer(request, found, limit, label))
            self._flights[request.key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(request.key, None))
        return await asyncio.shield(flight)

    async def _answer(
        self, request: ChatRequest, found: Asked, limit: Allowance, label: str
    ) -> Asked:
        try:
            while (asked := await self._tried(request, found, limit, label)) is None:
                await asyncio.sleep(_LOOK_S)
                found = await self._recorded(request, label)
        except StoreError as error:
            self._stopped = str(error)
            raise
        return asked

    async def _tried(
        self, request: ChatRequest, found: Asked, limit: Allowance, label: str
    ) -> Asked | None:
        """Return the recorded reply or a new one; None while somebody else asks."""
        if found.was_recorded or found.is_final:
            return found
        if reason := await self._turn(request, limit):
            return self._unsent(reason)
        try:
            return await self._attempts(request, limit, label)
        finally:
            self.host.leave()

    async def _recorded(self, request: ChatRequest, label: str) -> Asked:
        """Return the recorded reply; final without one if nothing may be sent."""
        replays = self.mode is CacheMode.REPLAY
        found = self.book.find(
            request.key, payer=self.payer, of_others=self.mode is not CacheMode.OFF
        )
        if found is None or found.body is None or found.status is None:
            problem = "no reply to this request is recorded; run once with --cache on"
            return Asked(None, problem, is_final=replays)
        raw = RawReply(found.status, found.kind or "", found.body)
        is_own = found.payer == self.payer
        try:
            reply = await self.wire.read(request, raw)
        except WireError as error:
            self._unread[request.key] = found.id
            self._charge_unread(found, request, error)
            return Asked(None, f"recorded, but {error}", is_final=replays)
        if is_own:
            self._charge(request.key, reply.tokens, reply.money)
        else:
            self._uses.append((found.id, label))
        if found.outcome is CallOutcome.OPEN:
            self._settle(found.id, CallOutcome.USED, reply)
        return replace(_asked(reply), was_recorded=True)

    def _charge_unread(
        self, found: RecordedCall, request: ChatRequest, error: WireError
    ) -> None:
        """Keep in the ledger what was paid for a reply that cannot be read now.

        One that was read before stays as it is: another version may read it again.
        """
        if found.payer != self.payer:
            return
        if found.outcome is CallOutcome.OPEN:
            self._note_failure(found.id, request, error)
        else:
            self._charge(request.key, found.tokens, found.money)

    async def _attempts(
        self, request: ChatRequest, limit: Allowance, label: str
    ) -> Asked | None:
        attempt, replies = 0, self.host.replies
        while True:
            if reason := await self._rest(request, limit):
                return self._unsent(reason)
            call = self._intend(request, label)
            if call is None:
                return None
            asked, error = await self._send(call, request, limit)
            if error is None:
                self.host.answered()
                return asked
            if error.trouble is Trouble.ADAPTED:
                continue
            attempt += 1
            given_up = self._given_up(request, error, attempt, replies, limit)
            if given_up is not None:
                return given_up
            await self._pause(attempt - 1, error, limit)

    def _given_up(
        self,
        request: ChatRequest,
        error: WireError,
        attempts: int,
        replies: int,
        limit: Allowance,
    ) -> Asked | None:
        """Return why a request that failed is not sent again; None if it is."""
        problem = str(error)
        if error.trouble is Trouble.FINAL:
            self._refused = problem
            return self._unsent(problem)
        if error.trouble is Trouble.REFUSED:
            return Asked(None, problem)
        most = self.patience.most_attempts(error, has_replied=self.host.has_replied)
        if attempts >= most:
            problem = f"{problem}; gave up after {attempts} attempts"
            self.host.failed(problem)
            if self._fails_alone(request, error, replies):
                return Asked(None, problem, is_alone=True)
            return Asked(None, problem, cut=Cut.OUTAGE)
        if reason := self._too_long(error, limit):
            return self._unsent(reason)
        return None

    def _fails_alone(self, request: ChatRequest, error: WireError, before: int) -> bool:
        """Return whether others were answered while this request failed for good.

        `before` is how many were when it was sent first. Two that fail one after the
        other, or a server that nobody reaches, are an outage.
        """
        if self.host.opened or error.trouble not in _OF_A_REQUEST:
            return False
        if self.host.failures == 1 and self.host.replies > before:
            return True
        return self.book.fails_alone(
            request.key, request.endpoint, payer=self.payer, session=self._session
        )

    def _unsent(self, reason: str) -> Asked:
        """Return what became of a request that is not sent now, nor any other."""
        is_down = reason in {self._refused, self.host.opened}
        cut = Cut.OUTAGE if is_down else Cut.LIMIT
        return Asked(None, reason, is_final=True, cut=cut)

    def _too_long(self, error: WireError, limit: Allowance) -> str:
        """Return why what a server asks to wait is not waited, or nothing."""
        wait_s = error.retry_after_s or 0.0
        if wait_s > self.patience.longest_rest_s:
            self._refused = (
                f"{error}; it asks to wait {spoken(wait_s)}, which is too long for a "
                "run: go on later with `codegrad resume`"
            )
            return self._refused
        return limit.cannot_wait(wait_s)

    async def _turn(self, request: ChatRequest, limit: Allowance) -> str:
        """Wait for a place at the server; return why nothing may be sent, if so."""
        while not (reason := self._refusal(request, limit)):
            if self.host.enter():
                return ""
            await asyncio.sleep(_TURN_S)
        return reason

    async def _rest(self, request: ChatRequest, limit: Allowance) -> str:
        """Wait while the server is busy; return why nothing may be sent, if so."""
        while not (reason := self._refusal(request, limit)):
            if not self.host.rest_s:
                return ""
            await asyncio.sleep(min(self.host.rest_s, _LOOK_S))
        return reason

    def _intend(self, request: ChatRequest, label: str) -> int | None:
        """Record that `request` is sent; None if another client is or was answered.

        Who uses only its own replies does not wait for those of others.
        """
        row: dict[str, Any] = {
            "payer": self.payer,
            "session": self._session,
            "label": label,
        }
        if self.mode is CacheMode.OFF:
            return self.book.intend(request.key, request.to_json(), **row)
        lease_s = self.patience.longest_s
        return self.book.intend_alone(
            request.key,
            request.to_json(),
            lease_s=lease_s,
            known=self._unread.get(request.key, 0),
            **row,
        )

    async def _send(
        self, call: int, request: ChatRequest, limit: Allowance
    ) -> tuple[Asked, WireError | None]:
        reserve = worst_of(request, self.wire.price(request))
        self._reserved = self._reserved + reserve

        def keep(raw: RawReply) -> None:
            self.book.keep(call, raw.status, raw.kind, raw.body)

        self._hearing.on_the_way += 1
        try:
            reply = await self.wire.send(
                request,
                keep,
                timeout_s=min(self.patience.timeout_s, limit.seconds_left()),
                longest_s=min(self.patience.longest_s, limit.seconds_left()),
                heard=self._hearing.hear,
            )
        except WireError as error:
            self._note_failure(call, request, error)
            return Asked(None), error
        except StoreError:
            self._charge_lost(call, request)
            raise
        finally:
            self._hearing.on_the_way -= 1
            self._reserved = self._reserved - reserve
        # A second reply to one question is asked for if the first cannot be read now.
        entry = f"again {call}" if request.key in self._charged else request.key
        self._charge(entry, reply.tokens, reply.money)
        self._settle(call, CallOutcome.USED, reply)
        return _asked(reply), None

    def _note_failure(self, call: int, request: ChatRequest, error: WireError) -> None:
        """Settle a request without a reply at once: others may wait for its end."""
        if not error.may_be_billed:
            self.book.settle([Settlement(call, CallOutcome.FAILED)])
            return
        self._charge_lost(call, request)
        is_open = error.trouble is Trouble.PASSING
        outcome = CallOutcome.UNKNOWN if is_open else CallOutcome.FAILED
        price = self.wire.price(request)
        tokens = worst_of(request, price).tokens
        self.book.settle([Settlement(call, outcome, tokens, price)])

    def _settle(self, call: int, outcome: CallOutcome, reply: ChatReply) -> None:
        self._settlements.append(Settlement(call, outcome, reply.tokens, reply.money))

    def _charge(self, entry: str, tokens: int, money: float | None) -> None:
        if entry in self._charged:
            return
        self._charged.add(entry)
        self.unpriced += money is None
        self.spent = self.spent + Spent(calls=1, tokens=tokens, money=money or 0.0)

    def _refusal(self, request: ChatRequest, limit: Allowance) -> str:
        """Return why `request` must not be sent now, or nothing."""
        if self._draining:
            return "stopped by the user"
        if self._stopped or self._refused:
            return self._stopped or self._refused
        if self.host.opened:
            return self.host.opened
        return limit.refusal(
            self.spent + self._reserved, request, self.wire.price(request)
        )

    async def _pause(self, attempt: int, error: WireError, limit: Allowance) -> None:
        rest_s = self.patience.rest_s(attempt, error)
        if error.trouble is Trouble.BUSY or error.retry_after_s is not None:
            # Who says when to come back says it to everybody.
            self.host.is_busy(rest_s)
            return
        end = time.monotonic() + min(rest_s, limit.seconds_left())
        while not self._draining and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.2))
