"""Crews: one function, many items, each item in another process.

In: a function that can be imported by its name, and items. Out: a result for each item,
once, in any order. Invariant: an item whose process is lost is done again elsewhere;
no item is yielded twice.
"""

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, Protocol, TypeVar

from codegrad.errors import CodeGradError, InternalError, SandboxError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

Work = Callable[[_Item], _Result]
"""Makes a result of an item; called in another process."""

ATTEMPTS = 3
"""Processes that one item may cost before it is given up."""

INTERRUPT = signal.SIGUSR1
"""Interrupts a worker; the Ctrl-C of a terminal reaches all of them, and must not."""

_WAITING_RESULTS = 64


class Crew(Protocol):
    """Runs a function elsewhere."""

    def results(
        self, work: Work[_Item, _Result], items: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Yield the result for each item, once, in any order.

        Closing the iterator ends the work that is under way. Items are taken as they
        are needed, so that memory does not grow with their number.

        Raises:
            CodeGradError: What `work` raised, or that processes are lost again and
                again.
        """
        ...

    def stop(self) -> bool:
        """Begin no more items, and interrupt those that are under way.

        What they have to save they save first; `results` ends when all of them have.
        Returns whether this is possible here; may be called by a signal's handler.
        """
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception that crosses a process border as a sentence."""

    text: str
    is_fault: bool
    """Whether it is a fault of ours and not of the user or the machine."""

    def error(self) -> CodeGradError:
        """Return what to raise on this side."""
        return InternalError(self.text) if self.is_fault else CodeGradError(self.text)


def guarded(work: Work[Any, Any], item: object) -> object:
    """Return the result of `work`, or a `Refusal`; runs on the other side."""
    try:
        return work(item)
    except CodeGradError as error:
        return Refusal(str(error), is_fault=isinstance(error, InternalError))
    except Exception as error:  # noqa: BLE001 - raised again on the other side
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        return Refusal(text, is_fault=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


Worker = AbstractContextManager[Callable[[_Item], Iterable[_Result]]]
"""Is entered in its own thread; what it gives turns an item into results."""


def in_threads(
    new_worker: Callable[[threading.Event], Worker[_Item, _Result]],
    items: Iterable[_Item],
    count: int,
    *,
    on_stop: Callable[[], None] = lambda: None,
) -> Iterator[_Result]:
    """Yield the results of `count` threads that share the items, as they come.

    Results that nobody has taken are bounded, so that workers wait for whoever writes
    them down. When the iterator is closed the event that workers were made with is
    set, `on_stop` is called, and the threads are waited for.
    """
    shared = _Shared(items)
    done: queue.Queue[_Result | _Raised | None] = queue.Queue(_WAITING_RESULTS)

    def run() -> None:
        try:
            with new_worker(shared.stop) as function:
                for item in shared:
                    for result in function(item):
                        done.put(result)
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            done.put(_Raised(error))
        done.put(None)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        left = count
        while left:
            found = done.get()
            if found is None:
                left -= 1
            elif isinstance(found, _Raised):
                raise found.error
            else:
                yield found
    finally:
        shared.stop.set()
        on_stop()
        _drain(done, threads)


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


class _Shared(Iterator[_Item]):
    """An iterator that several threads take from, until they are told to stop."""

    def __init__(self, items: Iterable[_Item]) -> None:
        self.stop = threading.Event()
        self._items = iter(items)
        self._lock = threading.Lock()

    def __next__(self) -> _Item:
        with self._lock:
            if self.stop.is_set():
                raise StopIteration
            return next(self._items)


def _drain(done: "queue.Queue[Any]", threads: Iterable[threading.Thread]) -> None:
    """Let workers that wait to hand something over come to their end."""
    while any(thread.is_alive() for thread in threads):
        with contextlib.suppress(queue.Empty):
            done.get(timeout=0.05)


class LocalCrew:
    """Processes of this machine, one a core, each used for many items.

    They are started anew, not forked, so that nothing of this process's memory is in
    theirs: an item is all that a worker knows.

    Args:
        workers: How many; by default one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()
        self._members: list[_Member] = []
        self._stops: list[threading.Event] = []

    def results(
        self, work: Work[_Item, _Result], items: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Yield the result for each item; see `Crew.results`."""
        members: list[_Member] = []

        def new_member(stop: threading.Event) -> _Member:
            member = _Member(work, stop)
            members.append(member)
            self._members.append(member)
            self._stops.append(stop)
            return member

        def kill_all() -> None:
            for member in members:
                member.kill()

        return in_threads(new_member, items, self.workers, on_stop=kill_all)

    def stop(self) -> bool:
        """Interrupt the workers; see `Crew.stop`."""
        for stop in self._stops:
            stop.set()
        for member in self._members:
            member.interrupt()
        return True


class _Member:
    """One worker process, seen from the thread that waits for it."""

    def __init__(self, work: Work[Any, Any], stop: threading.Event) -> None:
        self._work = work
        self._stop = stop
        self._lock = threading.Lock()
        self._process: SpawnProcess | None = None
        self._near: Connection | None = None

    def __enter__(self) -> Callable[[Any], Iterable[Any]]:
        return self._do

    def __exit__(self, *raised: object) -> None:
        self._end()

    def kill(self) -> None:
        """End the process now; may be called from another thread."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def interrupt(self) -> None:
        """Let the process save what it has, and end; may be called by a handler."""
        process = self._process
        # One that is closed by now has no number any more: a ValueError.
        with contextlib.suppress(ProcessLookupError, ValueError):
            if process is not None and process.pid is not None:
                os.kill(process.pid, INTERRUPT)

    def _do(self, item: object) -> Iterable[Any]:
        for _ in range(ATTEMPTS):
            try:
                near = self._near or self._start()
                if self._stop.is_set():
                    # It may have come before there was a process to interrupt.
                    return []
                near.send((self._work, item))
                found = near.recv()
            except (EOFError, OSError):
                self._end()
                if self._stop.is_set():
                    return []
                continue
            if isinstance(found, Refusal):
                raise found.error()
            return [found]
        raise SandboxError(
            f"a worker process ended {ATTEMPTS} times at the same piece of work; it is "
            "likely that memory ran out: use fewer --workers. Finished work is kept"
        )

    def _start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        near, far = context.Pipe()
        process = context.Process(target=_serve, args=(far,), daemon=True)
        with self._lock:
            if self._stop.is_set():
                raise EOFError
            # Ctrl-C is for the process that the user started; it ends this one.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._process = process
        far.close()
        self._near = near
        return near

    def _end(self) -> None:
        with self._lock:
            near, self._near = self._near, None
            process, self._process = self._process, None
        if near is not None:
            near.close()
        if process is not None:
            process.join(_GRACE_S)
            process.kill()
            process.join()
            process.close()


_GRACE_S = 5.0


def _serve(far: Connection) -> None:
    """Answer items until the other side is gone; runs in the worker process."""
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(INTERRUPT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            work, item = far.recv()
            far.send(guarded(work, item))


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN this is not inherited by what a worker starts."""


def _end_with_parent() -> None:
    """A killed parent must not leave a worker that goes on and spends money."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
