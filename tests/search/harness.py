"""Runs kernel jobs in a forked child: what the sandbox does, without confinement."""

from __future__ import annotations

import json
import mmap
import os
import selectors
import signal
import struct
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

from codegrad.search import kernel

MARK = struct.Struct("q")


class Emit:
    def __init__(self, fd: int, shared: mmap.mmap) -> None:
        self._fd = fd
        self._shared = shared

    def __call__(self, frame: dict[str, Any], /) -> None:
        data = json.dumps(frame).encode() + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]

    def mark(self, index: int, /) -> None:
        MARK.pack_into(self._shared, 0, index)


class ForkedRun:
    """One job in one child; iterating yields its frames until it ends or stands."""

    def __init__(self, job: dict[str, Any], standstill_s: float) -> None:
        self.ended = "finished"
        self.cpu_s = 0.0
        self._shared = mmap.mmap(-1, MARK.size)
        MARK.pack_into(self._shared, 0, -1)
        self._standstill_s = standstill_s
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer Pythons warn of threads at fork
            self._pid = os.fork()
        if self._pid == 0:
            code = 1
            try:
                os.close(reading)
                kernel.run(job, Emit(writing, self._shared))
                code = 0
            except BaseException as error:  # noqa: BLE001 - a child must not return
                sys.stderr.write(f"kernel: {error!r}\n")
            finally:
                os._exit(code)
        os.close(writing)
        self._reading = reading

    @property
    def mark(self) -> int:
        mark: int = MARK.unpack_from(self._shared, 0)[0]
        return mark

    def __iter__(self) -> Iterator[dict[str, Any]]:
        buffer = b""
        last, since = self.mark, time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._reading, selectors.EVENT_READ)
            while True:
                if selector.select(0.2):
                    data = os.read(self._reading, 1 << 20)
                    if not data:
                        break
                    *lines, buffer = (buffer + data).split(b"\n")
                    since = time.monotonic()
                    yield from map(json.loads, lines)
                elif self.mark != last:
                    last, since = self.mark, time.monotonic()
                elif time.monotonic() - since > self._standstill_s:
                    self.ended = "timeout"
                    os.kill(self._pid, signal.SIGKILL)
                    break
        os.close(self._reading)
        _, status, usage = os.wait4(self._pid, 0)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        if status and self.ended == "finished":
            self.ended = "died"


class Forking:
    """A `run_job` that sums up what its jobs used."""

    def __init__(self, standstill_s: float = 20.0) -> None:
        self.cpu_s = 0.0
        self.jobs = 0
        self._standstill_s = standstill_s
        self.last: ForkedRun | None = None

    def __call__(self, job: dict[str, Any]) -> ForkedRun:
        self.collect()
        self.jobs += 1
        self.last = ForkedRun(json.loads(json.dumps(job)), self._standstill_s)
        return self.last

    def collect(self) -> None:
        if self.last is not None:
            self.cpu_s += self.last.cpu_s
            self.last = None
