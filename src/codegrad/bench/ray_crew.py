"""A crew on the nodes of a Ray cluster.

In: the address of a cluster, or none for one on this machine alone. Out: what
`codegrad.bench.crew.Crew` promises, with nodes that come and go. Ray is imported when
the first item is run; it is the extra `ray`.
"""

import contextlib
import importlib
import logging
import socket
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from codegrad import __version__
from codegrad.bench.crew import Refusal, Work, guarded
from codegrad.errors import CodeGradError, UsageError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

RETRIES = 10
"""How often Ray does an item again whose worker or node is gone."""

_WAITING = 4
"""Items that wait for each core of the cluster: enough to keep it busy, few enough
for memory not to grow with their number."""

_CONNECT_S = 5.0
_SCHEME = "ray://"


class RayCrew:
    """Runs a function on a Ray cluster, one item a core at a time.

    Args:
        address: `HOST:PORT` or `ray://HOST:PORT` of a cluster; None uses what
            $RAY_ADDRESS says, or starts a cluster on this machine.

    Raises:
        UsageError: If Ray is not installed or nothing answers at the address.
    """

    def __init__(self, address: str | None = None) -> None:
        self._ray = _imported()
        if address is not None:
            _check(address)
        self._address = address

    def results(
        self, work: Work[_Item, _Result], items: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Yield the result for each item; see `codegrad.bench.crew.Crew.results`."""
        ray = self._ray
        was_running = ray.is_initialized()
        if not was_running:
            self._connect()
        try:
            yield from self._spread(work, iter(items))
        except ray.exceptions.RayError as error:
            raise CodeGradError(
                f"the Ray cluster could not go on: {_first_line(error)}; finished work "
                "is kept, run the same command again"
            ) from error
        finally:
            if not was_running:
                ray.shutdown()

    def stop(self) -> bool:
        """Say that it cannot: Ray ends what it cancels; see `Crew.stop`."""
        return False

    def _connect(self) -> None:
        options: dict[str, Any] = {"logging_level": logging.ERROR}
        if self._address is None:
            options["include_dashboard"] = False
        try:
            self._ray.init(self._address, log_to_driver=False, **options)
        except (OSError, RuntimeError, ValueError) as error:
            where = self._address or "on this machine"
            raise UsageError(
                f"the Ray cluster {where} cannot be used: {_first_line(error)}"
            ) from error

    def _spread(
        self, work: Work[_Item, _Result], items: Iterator[_Item]
    ) -> Iterator[_Result]:
        ray = self._ray
        # An item whose node is gone is Ray's to repeat; what `work` raises is not.
        remote = ray.remote(_checked).options(num_cpus=1, max_retries=RETRIES)
        waiting: list[Any] = []
        is_over = False
        try:
            while waiting or not is_over:
                room = max(1, int(_WAITING * self._cores()))
                while not is_over and len(waiting) < room:
                    for item in items:
                        waiting.append(remote.remote(__version__, work, item))
                        break
                    else:
                        is_over = True
                ready, waiting = (
                    ray.wait(waiting, num_returns=1) if waiting else ([], [])
                )
                for reference in ready:
                    found = ray.get(reference)
                    if isinstance(found, Refusal):
                        raise found.error()
                    yield found
        finally:
            for reference in waiting:
                with contextlib.suppress(Exception):
                    ray.cancel(reference, force=True)

    def _cores(self) -> float:
        return float(self._ray.cluster_resources().get("CPU", 1.0))


def _checked(version: str, work: Work[Any, Any], item: object) -> object:
    """Do one item on a node, if the node has the same code."""
    if version != __version__:
        node = socket.gethostname()
        text = f"{node} runs codegrad {__version__}, not {version}; install the same"
        return Refusal(text, is_fault=False)
    return guarded(work, item)


def _imported() -> Any:  # noqa: ANN401 - a package without types here
    try:
        return importlib.import_module("ray")
    except ImportError:
        raise UsageError(
            "Ray is not installed; pip install 'codegrad[ray]', or leave out "
            "--executor ray"
        ) from None


def _check(address: str) -> None:
    """Find out quickly whether anything listens; Ray itself waits for minutes."""
    host, _, port = address.removeprefix(_SCHEME).rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(
            f"{address!r} is no address of a Ray cluster; write HOST:PORT or "
            "ray://HOST:PORT"
        )
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"no Ray cluster answers at {address} ({error}); start one with `ray start "
            "--head`, or correct --ray-address"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
