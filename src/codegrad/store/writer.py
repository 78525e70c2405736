"""Which process writes a run, and whether it is still there.

In: the running system. Out: a `writer` text that names one process for good. Invariant:
a process that reuses the number of a dead one is not taken for it.
"""

import os
import platform
from pathlib import Path

_PROC = Path("/proc")
_STATE_FIELD = 0
_START_FIELD = 19  # field 22 of /proc/PID/stat, counted after the name
_GONE = frozenset("ZXx")


def this_writer() -> str:
    """Return the text that identifies the calling process."""
    pid = os.getpid()
    return f"{pid} {_born(pid) or '-'} {_place()}"


def writer_pid(writer: str) -> int:
    """Return the process number in `writer`."""
    return int(writer.split(" ", 1)[0])


def is_alive(writer: str) -> bool:
    """Tell whether the process that `writer` names still runs here.

    A process of another machine, of another container or from before a restart cannot
    be seen and counts as gone; the journal notices two writers at their next event.

    Example:
        >>> is_alive(this_writer())
        True
        >>> is_alive("")
        False
    """
    pid_text, _, rest = writer.partition(" ")
    born, _, place = rest.partition(" ")
    if not pid_text.isdigit() or place != _place():
        return False
    pid = int(pid_text)
    return _answers(pid) if born == "-" else _born(pid) == born


def _born(pid: int) -> str | None:
    """Return when `pid` started, in clock ticks since the system did.

    None if there is no such process (a zombie is none) or no `/proc`.
    """
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may hold anything, parentheses included.
    fields = stat.rpartition(")")[2].split()
    if len(fields) <= _START_FIELD or fields[_STATE_FIELD] in _GONE:
        return None
    return fields[_START_FIELD]


def _place() -> str:
    """Name what process numbers refer to: this start of this system, or container."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
