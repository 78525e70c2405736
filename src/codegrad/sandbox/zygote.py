"""The parent's hold on one zygote process.

The zygote is told what to fork and when to kill; see `codegrad.sandbox.child`. It is
started when it is first needed and replaced when it dies or does not answer.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegrad.errors import SandboxError, UnsafeSandboxError
from codegrad.sandbox import child
from codegrad.sandbox.confined import BOOTSTRAP
from codegrad.sandbox.layers import LayerReport, layer_report
from codegrad.sandbox.limits import Limits

_START_S = 60.0
_ANSWER_S = 20.0
_PACKAGE = str(Path(__file__).resolve().parent.parent)


@dataclass(frozen=True, slots=True)
class Kid:
    """One child that a job needs."""

    role: str
    """What it does; a key of the child's table of roles."""

    fds: tuple[int, ...]
    """The descriptors that it gets, its channel first."""

    limits: Mapping[str, int]
    """The limits on its resources, in the kernel's units."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How one child ended."""

    status: int
    """The wait status."""

    cpu_s: float
    """Processor seconds, user and system."""

    memory_kb: int
    """The most memory that was resident."""


class ZygoteLostError(Exception):
    """The zygote died or did not answer; a new one is needed."""


class ZygoteProcess:
    """A running zygote."""

    def __init__(  # noqa: PLR0913 - one options list
        self,
        python: Path | None,
        *,
        allow_unsafe: bool,
        read_paths: Sequence[Path],
        preload: Sequence[str],
        layers_off: Sequence[str],
        is_lean: bool = False,
    ) -> None:
        off = dict.fromkeys(layers_off, "")
        config: dict[str, Any] = {
            "read_paths": [os.path.realpath(path) for path in read_paths],
            "preload": list(preload),
            "is_lean": is_lean,
            "package": _PACKAGE,
        }
        while True:
            hello = self._start(
                str(python or sys.executable), {**config, "layers_off": off}
            )
            if "failed_layer" not in hello:
                break
            off[hello["failed_layer"]] = hello["refused"]
            self.kill()
        self.layers: LayerReport = layer_report(hello)
        if not (self.layers.is_safe or allow_unsafe):
            self.kill()
            text = (
                "untrusted code cannot be isolated here: neither Landlock nor a "
                "private file system is available (missing: "
                f"{', '.join(self.layers.missing)}). Use a kernel with Landlock or "
                "user namespaces, or accept the risk with allow_unsafe "
                "(--allow-unsafe)"
            )
            raise UnsafeSandboxError(text, self.layers.missing)

    def _start(self, python: str, config: dict[str, Any]) -> dict[str, Any]:
        kind = socket.SOCK_STREAM if sys.platform == "darwin" else socket.SOCK_SEQPACKET
        self.control, far = socket.socketpair(socket.AF_UNIX, kind)
        config["control"] = far.fileno()
        # -I would ignore the hash seed; nothing else is in the environment.
        command = [python, "-s", "-B", "-c", BOOTSTRAP]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the caller's interpreter
                [*command, child.__file__, "zygote", json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(far.fileno(),),
                env={
                    "PATH": os.defpath,
                    "LANG": "C.UTF-8",
                    "PYTHONHASHSEED": "0",
                    "OPENBLAS_NUM_THREADS": "1",
                    "OMP_NUM_THREADS": "1",
                },
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            self.control.close()
            raise SandboxError(
                f"the interpreter {python} cannot be started: {error}"
            ) from error
        finally:
            far.close()
        self.control.settimeout(_START_S)
        try:
            hello: dict[str, Any] = json.loads(self.control.recv(child.CONTROL_BYTES))
        except (OSError, ValueError) as error:
            words = self._last_words()
            self.kill()
            raise SandboxError(
                f"the sandbox of {python} did not start: {words}"
            ) from error
        self.control.settimeout(_ANSWER_S)
        return hello

    def _last_words(self) -> str:
        self.process.kill()
        if self.process.stderr is None:
            return "no message"
        with contextlib.suppress(OSError, ValueError):
            lines = self.process.stderr.read().decode("utf-8", "replace").splitlines()
            if lines:
                return lines[-1]
        return "no message"

    def start(self, kids: Iterable[Kid]) -> None:
        """Fork the children of one job.

        Raises:
            ZygoteLostError: If the zygote is gone.
        """
        listed = list(kids)
        data = [
            {"role": kid.role, "fds": len(kid.fds), "limits": kid.limits}
            for kid in listed
        ]
        fds = [fd for kid in listed for fd in kid.fds]
        try:
            socket.send_fds(self.control, [json.dumps({"kids": data}).encode()], fds)
        except OSError as error:
            raise ZygoteLostError from error

    def start_host(self, module: str, fds: Sequence[int]) -> None:
        """Fork a host: its control socket and its data are the two of `fds`.

        Raises:
            ZygoteLostError: If the zygote is gone.
        """
        try:
            message = json.dumps({"host": module}).encode()
            socket.send_fds(self.control, [message], list(fds))
        except OSError as error:
            raise ZygoteLostError from error

    def end(self) -> tuple[Ended, ...]:
        """Kill and reap the children of the job; return how they ended, in order.

        Raises:
            ZygoteLostError: If the zygote is gone or does not answer.
        """
        try:
            self.control.send(b'{"end":1}')
            data = json.loads(self.control.recv(child.CONTROL_BYTES))
            return tuple(Ended(*entry) for entry in data["ended"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ZygoteLostError from error

    def kill(self) -> None:
        """End the zygote and everything below it."""
        # The zygote kills its children when this end closes. The kernel does it too,
        # where there is a PID namespace, when the process dies.
        self.control.close()
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


def kernel_limits(limits: Limits, *, calls: int = 1) -> dict[str, int]:
    """Return `limits` in the units of the kernel, for a child that makes `calls`."""
    return {
        "memory": limits.memory_mb << 20,
        "cpu": max(1, round(limits.cpu_s * max(1, calls) + 0.5)),
        "file": limits.file_bytes,
    }
