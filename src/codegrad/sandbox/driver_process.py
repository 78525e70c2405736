"""One process of the pytest driver: a job in, frames out, confined.

In: what all processes of a run share (`Setting`) and a job. Out: frames, one by one.
Invariant: when `DriverProcess.close` returns, the process and all that it started is
gone.
"""

import json
import os
import selectors
import signal
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegrad.errors import SandboxError, UnsafeSandboxError
from codegrad.sandbox import child, pytest_driver
from codegrad.sandbox.confined import confined_command
from codegrad.sandbox.layers import LayerReport, layer_report
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.scratch_copy import ScratchCopy, import_folders
from codegrad.task import Repository

_BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("_codegrad_driver", sys.argv.pop(1))
driver = sys.modules["_codegrad_driver"] = module_from_spec(spec)
spec.loader.exec_module(driver)
driver.main()
"""
"""Loads the driver without the current folder, or the driver's, on `sys.path`."""


@dataclass(slots=True)
class Setting:
    """What all processes of one run share."""

    repository: Repository
    copy: ScratchCopy
    limits: Limits
    allow_unsafe: bool
    import_path: tuple[str, ...]
    layers_off: tuple[str, ...] = ()
    layers: LayerReport = field(default_factory=lambda: layer_report({"states": {}}))

    def job(self, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - becomes JSON
        """Return a driver's job with what never changes."""
        root = self.copy.root
        folders = import_folders(root, self.repository.files)
        return {
            "mode": "suite",
            "root": str(root),
            "paths": [os.path.normpath(root / folder) for folder in folders],
            "tests": list(self.repository.tests),
            "files": list(self.repository.files),
            "cache": str(self.copy.folder / "cache"),
            "select": None,
            "trace": False,
            **fields,
        }

    def command(self, report_fd: int) -> list[str]:
        """Return the command of a confined driver that reports to `report_fd`."""
        python = self.repository.python
        folder = self.copy.folder
        environment = {
            "PATH": f"{python.parent}{os.pathsep}{os.defpath}",
            "LANG": "C.UTF-8",
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "USER": "codegrad",
            "LOGNAME": "codegrad",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if (python.parent.parent / "pyvenv.cfg").exists():
            environment["VIRTUAL_ENV"] = str(python.parent.parent)
        package = Path(pytest_driver.__file__).parent.parent
        driver = str(Path(pytest_driver.__file__))
        return confined_command(
            [str(python), "-s", "-c", _BOOTSTRAP, driver],
            cwd=self.copy.root,
            write_paths=(folder,),
            read_paths=(
                package / "sandbox" / "pytest_driver.py",
                package / "search",
                # The supervisor itself imports from our own standard library.
                Path(sysconfig.get_path("stdlib")),
                *self._dependencies(),
            ),
            env=environment,
            limits=self.limits,
            allow_unsafe=self.allow_unsafe,
            layers_off=self.layers_off,
            report_fd=report_fd,
        )

    def _dependencies(self) -> list[Path]:
        """Return what the interpreter imports from, except the user's own project.

        An editable install puts the project's folder on the import path; leaving it
        unreadable makes sure that only the copy is tested.
        """
        root = self.repository.root.resolve()
        prefix = self.repository.python.parent.parent
        kept = []
        for entry in map(Path, self.import_path):
            is_project = entry.resolve().is_relative_to(root)
            if not is_project or entry.is_relative_to(prefix):
                kept.append(entry)
        return [path for path in kept if path.exists() and path != Path("/")]


class LayerFailedError(Exception):
    """A layer could not be applied and cannot be undone: start again without it."""


class ChannelClosedError(Exception):
    """The driver's channel closed."""


class DriverProcess:
    """One driver process: a job in, frames out, killed with all that it started."""

    def __init__(self, setting: Setting, job: Mapping[str, Any]) -> None:
        self._setting = setting
        self._report, writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                setting.command(writer),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                pass_fds=(writer,),
                start_new_session=True,
            )
        finally:
            os.close(writer)
        self._pending = json.dumps(job).encode()
        root = f"{setting.copy.root}{os.sep}"
        self._root = json.dumps(root)[1:-1].encode()
        self._buffer = bytearray()
        self._received = 0
        self._stderr = bytearray()
        self.status: int | None = None
        self._selector = selectors.DefaultSelector()
        self._streams = {
            "stdin": _fd(self._process.stdin),
            "stdout": _fd(self._process.stdout),
            "stderr": _fd(self._process.stderr),
        }
        os.set_blocking(self._streams["stdin"], False)
        self._selector.register(self._streams["stdin"], selectors.EVENT_WRITE, "in")
        self._selector.register(self._streams["stdout"], selectors.EVENT_READ, "out")
        self._selector.register(self._streams["stderr"], selectors.EVENT_READ, "err")

    def frame(self, deadline: float) -> dict[str, Any]:
        """Return the next frame; the deadline is on the monotonic clock.

        Raises:
            TimeoutError: If none came in time.
            ChannelClosedError: If none will come any more.
        """
        while True:
            line = self._line()
            if line is not None:
                with suppress(ValueError, RecursionError, MemoryError):
                    message = json.loads(line)
                    if isinstance(message, dict):
                        return message
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for key, _ in self._selector.select(left):
                self._serve(key)

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        # Nobody wants to read the path of a folder that is gone.
        return line.replace(self._root, b"")

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.data == "in":
            self._write(key.fd)
            return
        data = os.read(key.fd, 1 << 16)
        if key.data == "err":
            self._stderr += data
            del self._stderr[: -self._setting.limits.output_bytes]
            if not data:
                self._selector.unregister(key.fd)
            return
        self._received += len(data)
        self._buffer += data
        if not data or self._received > self._setting.limits.result_bytes:
            raise ChannelClosedError

    def _write(self, fd: int) -> None:
        try:
            sent = os.write(fd, self._pending)
        except BrokenPipeError:
            sent = len(self._pending)
        self._pending = self._pending[sent:]
        if not self._pending and self._process.stdin is not None:
            self._selector.unregister(fd)
            self._process.stdin.close()

    def close(self) -> None:
        """Kill whatever is left and learn which layers held.

        Raises:
            UnsafeSandboxError: If the layers that make it a sandbox are missing.
            SandboxError: If the program was not started.
        """
        self._selector.close()
        if self._process.poll() is None:
            # The supervisor kills the tree that it supervises before it ends.
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(2.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        stderr = self._process.stderr
        if stderr is not None and not stderr.closed:
            os.set_blocking(stderr.fileno(), False)
            with suppress(BlockingIOError, OSError):
                self._stderr += os.read(stderr.fileno(), 1 << 16)
        for stream in (self._process.stdin, self._process.stdout, stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._read_report()

    def _read_report(self) -> None:
        """Learn from the supervisor which layers held and how the program ended."""
        message: dict[str, Any] = {}
        try:
            while True:
                message.update(child.read_frame(self._report))
        except (EOFError, ValueError):
            pass
        finally:
            os.close(self._report)
        if "layers" in message:
            self._setting.layers = layer_report(message["layers"])
        self.status = message.get("status")
        refused = message.get("refused")
        if not refused and "layers" in message:
            return
        if "layers" in message and not self._setting.layers.is_safe:
            raise UnsafeSandboxError(
                f"{refused}; allow it with --allow-unsafe", self._setting.layers.missing
            )
        if "failed_layer" in message:
            raise LayerFailedError(str(message["failed_layer"]))
        reason = refused or self.last_words()
        raise SandboxError(f"the tests could not be started: {reason}")

    def last_words(self) -> str:
        """Return the line of standard error that says most."""
        lines = self._stderr.decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if line.startswith(("E  ", "ERROR"))]
        chosen = [line.strip() for line in errors or lines[-1:] if line.strip()]
        return chosen[-1].removeprefix("E ").strip() if chosen else "no output"


def _fd(stream: Any) -> int:  # noqa: ANN401 - an optional pipe
    if stream is None:
        raise SandboxError("a pipe of the test process was not opened")
    return int(stream.fileno())
