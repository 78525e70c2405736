"""An event loop in a thread of its own, so that work can be asked for from anywhere."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

_T = TypeVar("_T")
_JOIN_S = 5.0


class Background:
    """Runs coroutines in one thread, which begins with the first of them.

    Example:
        >>> async def answer() -> int:
        ...     return 42
        >>> background = Background()
        >>> background.submit(answer()).result()
        42
        >>> background.close()
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, _T]) -> "Future[_T]":
        """Begin `work`, and return what will hold its result."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="codegrad-chat", daemon=True
            )
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(
        self, last: Callable[[], Coroutine[Any, Any, None]] | None = None
    ) -> None:
        """Do `last` if the thread was begun, and end it; it may be begun again.

        Work that is still under way is given up.
        """
        if self._loop is None or self._thread is None:
            return
        with suppress(TimeoutError):
            self.submit(_give_up()).result(_JOIN_S)
        if last is not None:
            with suppress(TimeoutError):
                self.submit(last()).result(_JOIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_JOIN_S)
        if not self._thread.is_alive():
            self._loop.close()
        self._loop = self._thread = None


async def _give_up() -> None:
    """End every other task of this loop, so that none is destroyed while it waits."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
