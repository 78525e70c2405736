"""Try, from inside the sandbox, what the sandbox should refuse.

A kernel for `Sandbox.kernel`: it emits one frame that names each forbidden thing and
whether it worked. `job` is a mapping with the `port` of a listener on loopback and
the `path` of a file of the user. It runs in any CPython 3.9 or later.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(job: Mapping[str, Any], emit: Callable[[Any], None]) -> None:
    """Emit a mapping from each forbidden action to whether it was possible."""
    libc = ctypes.CDLL(None)
    actions: dict[str, Callable[[], Any]] = {
        "read a file of the user": lambda: os.stat(job["path"]) and open(job["path"]),  # noqa: PTH116, PTH123, SIM115 - closed with the process
        "write a file beside it": lambda: os.open(
            job["path"] + ".written", os.O_CREAT | os.O_WRONLY
        ),
        "look at a process": lambda: open("/proc/1/status"),  # noqa: PTH123, SIM115 - as above
        "start a process": _fork,
        "execute a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - a probe
        "connect to this machine": lambda: socket.create_connection(
            ("127.0.0.1", job["port"]), 1.0
        ),
        "signal its parent": lambda: os.kill(os.getppid(), 0),
        "make a namespace": lambda: _expect_zero(libc.unshare(0x10000000)),
    }
    emit({name: _works(action) for name, action in actions.items()})


def _works(action: Callable[[], Any]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _expect_zero(result: int) -> None:
    if result:
        raise OSError
