"""Run an arbitrary program, such as the user's own test runner, in isolation.

The program may start processes and threads and talk to itself over loopback. It
reads only the system, its interpreter and what the caller names, writes only what
the caller names and a private temporary directory, and leaves no process behind.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from codegrad.errors import SandboxError, UnsafeSandboxError
from codegrad.sandbox import child
from codegrad.sandbox.layers import LayerReport, layer_report
from codegrad.sandbox.limits import Limits

_SYSTEM_PATHS = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/lib32",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/ssl",
    "/etc/hosts",
)

BOOTSTRAP = """\
import sys
sys.path[:] = [entry for entry in sys.path if entry]
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("_codegrad_child", sys.argv[1])
child = sys.modules["_codegrad_child"] = module_from_spec(spec)
spec.loader.exec_module(child)
child.main(sys.argv[2:])
"""
"""Loads the child from its file, so that its compiled form is found in the cache."""


@dataclass(frozen=True, slots=True)
class ConfinedRun:
    """What became of a confined program."""

    kind: Literal["exited", "timeout", "died"]
    """`exited`: ended by itself, with any status; `timeout`: killed at its deadline;
    `died`: ended by a signal, or its supervisor was killed."""

    returncode: int
    """The exit status; 128 + the number of the signal that ended it."""

    stdout: str
    """What it wrote to standard output, up to the limit."""

    stderr: str
    """What it wrote to standard error, up to the limit."""

    wall_s: float
    """Seconds from start to end."""

    cpu_s: float
    """Processor seconds of the program and its reaped children; 0 if killed."""

    layers: LayerReport
    """The isolation layers that held."""

    truncated: bool = False
    """Whether output beyond the limit was dropped."""


def confined_command(  # noqa: PLR0913 - each option is one of the confinement's own
    argv: Sequence[str],
    *,
    cwd: Path,
    write_paths: Sequence[Path] = (),
    read_paths: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    network: bool = False,
    allow_unsafe: bool = False,
    layers_off: Sequence[str] | Mapping[str, str] = (),
    report_fd: int = -1,
) -> list[str]:
    """Return a command that runs `argv` confined, from any process API.

    The interpreter's prefix of `argv[0]` and its base installation are readable
    without being named, and so is `cwd`; `write_paths` are readable too. `env` is
    the complete environment of the program. The command must be started by a thread
    that outlives it, because the program is killed with that thread. Its exit status
    is that of the program, 128 + a signal, or 125 if it was not started. Layers in
    `layers_off` are left out; a mapping also says why. `report_fd`, if it is passed
    to the command, gets frames about the layers and the end of the program.
    """
    limits = limits or Limits()
    reasons = layers_off if isinstance(layers_off, Mapping) else {}
    reads = {*_SYSTEM_PATHS, *_interpreter_paths(argv[0])}
    reads |= {_absolute(path) for path in (cwd, *read_paths)}
    config = {
        "argv": list(argv),
        "cwd": _absolute(cwd),
        "env": dict(env or {"PATH": os.defpath}),
        "read_paths": sorted(reads),
        "write_paths": [_absolute(path) for path in write_paths],
        "limits": {
            "memory": limits.memory_mb << 20,
            "cpu": max(1, round(limits.cpu_s)),
            "file": limits.file_bytes,
            "files": 1024,
        },
        "network": network,
        "allow_unsafe": allow_unsafe,
        "layers_off": {**dict.fromkeys(layers_off, ""), **reasons},
        "report_fd": report_fd,
    }
    return [
        sys.executable,
        "-I",
        "-S",
        "-c",
        BOOTSTRAP,
        child.__file__,
        "exec",
        json.dumps(config),
    ]


def run_confined(  # noqa: PLR0913 - each option is one of the confinement's own
    argv: Sequence[str],
    *,
    cwd: Path,
    write_paths: Sequence[Path] = (),
    read_paths: Sequence[Path] = (),
    env: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    network: bool = False,
    allow_unsafe: bool = False,
    layers_off: Sequence[str] = (),
) -> ConfinedRun:
    """Run a program to its end, isolated, and return what it printed.

    HOME, TMPDIR and the user's name are set to throwaway values unless `env` says
    otherwise. Output beyond `limits.output_bytes` a stream is read and dropped. At
    `limits.wall_s` the program and all that it started is killed.

    Raises:
        UnsafeSandboxError: If neither Landlock nor namespaces are available and
            `allow_unsafe` is false.
        SandboxError: If the program could not be started.
    """
    limits = limits or Limits()
    scratch = Path(tempfile.mkdtemp(prefix="codegrad-run-"))
    try:
        for name in ("home", "tmp"):
            (scratch / name).mkdir()
        full_env = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "HOME": str(scratch / "home"),
            "TMPDIR": str(scratch / "tmp"),
            "USER": "codegrad",
            "LOGNAME": "codegrad",
            "PYTHONHASHSEED": "0",
            **(env or {}),
        }
        off = dict.fromkeys(layers_off, "")
        while True:
            reader, writer = os.pipe()
            command = confined_command(
                argv,
                cwd=cwd,
                write_paths=(*write_paths, scratch),
                read_paths=read_paths,
                env=full_env,
                limits=limits,
                network=network,
                allow_unsafe=allow_unsafe,
                layers_off=off,
                report_fd=writer,
            )
            try:
                return _run(command, limits, reader, writer)
            except _LayerFailedError as failure:
                off[failure.layer] = str(failure)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _LayerFailedError(Exception):
    """A layer failed half-way; the next attempt leaves it out."""

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(reason)
        self.layer = layer


def _run(command: list[str], limits: Limits, reader: int, writer: int) -> ConfinedRun:
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            pass_fds=(writer,),
            start_new_session=True,
        )
    finally:
        os.close(writer)
    try:
        return _Watch(limits).follow(process, reader)
    finally:
        _end(process)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        os.close(reader)


@dataclass(slots=True)
class _Stream:
    """One captured stream: what was kept, and whether it went on."""

    limit: int
    kept: bytearray = field(default_factory=bytearray)
    is_truncated: bool = False

    def feed(self, data: bytes) -> None:
        room = self.limit - len(self.kept)
        self.kept += data[:room]
        self.is_truncated |= len(data) > room

    def text(self) -> str:
        return self.kept.decode("utf-8", "replace")


class _Watch:
    """Follows one confined program to its end."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.stdout = _Stream(limits.output_bytes)
        self.stderr = _Stream(limits.output_bytes)
        self.report = _Stream(1 << 16)

    def follow(self, process: subprocess.Popen[bytes], reader: int) -> ConfinedRun:
        """Read the streams until the end or the deadline; return the outcome."""
        started = time.monotonic()
        deadline = started + self.limits.wall_s
        if process.stdout is None or process.stderr is None:
            raise SandboxError("the streams of the program were not opened")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout.fileno(), 1, self.stdout)
            selector.register(process.stderr.fileno(), 1, self.stderr)
            selector.register(reader, 1, self.report)
            is_late = False
            while selector.get_map():
                left = deadline - time.monotonic()
                if left <= 0 and not is_late:
                    is_late = True
                    _end(process)
                    deadline = time.monotonic() + 2.0
                elif left <= 0:
                    break
                for key, _ in selector.select(max(left, 0)):
                    data = os.read(key.fd, 1 << 16)
                    key.data.feed(data)
                    if not data:
                        selector.unregister(key.fd)
        wall_s = time.monotonic() - started
        if not is_late:
            process.wait()
        return self._outcome(process, wall_s, is_late=is_late)

    def _outcome(
        self, process: subprocess.Popen[bytes], wall_s: float, *, is_late: bool
    ) -> ConfinedRun:
        message = self._frames()
        if "failed_layer" in message:
            raise _LayerFailedError(message["failed_layer"], message["refused"])
        report = layer_report(message.get("layers", {"states": {}}))
        refused = message.get("refused")
        if refused and not report.is_safe and "layers" in message:
            text = f"{refused}; allow it with allow_unsafe (--allow-unsafe)"
            raise UnsafeSandboxError(text, report.missing)
        if refused or not ("layers" in message or is_late):
            raise SandboxError(f"not started: {refused or self.stderr.text()}")
        status = message.get("status", 128 + signal.SIGKILL)
        ended_by_cpu = status == 128 + signal.SIGXCPU
        if is_late or ended_by_cpu:
            kind: Literal["exited", "timeout", "died"] = "timeout"
        else:
            kind = "exited" if process.returncode < 128 else "died"  # noqa: PLR2004 - 128 + signal
        return ConfinedRun(
            kind=kind,
            returncode=status,
            stdout=self.stdout.text(),
            stderr=self.stderr.text(),
            wall_s=wall_s,
            cpu_s=float(message.get("cpu_s", 0.0)),
            layers=report,
            truncated=self.stdout.is_truncated or self.stderr.is_truncated,
        )

    def _frames(self) -> dict[str, Any]:
        message: dict[str, Any] = {}
        data = bytes(self.report.kept)
        while len(data) >= 4:  # noqa: PLR2004 - the length of a header
            size = int.from_bytes(data[:4], "little")
            message.update(json.loads(data[4 : 4 + size]))
            data = data[4 + size :]
        return message


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the supervisor, and with it everything that it supervises."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _absolute(path: Path) -> str:
    # Not resolved: the program should see the path that the caller gave.
    return os.path.abspath(path)  # noqa: PTH100 - Path.absolute keeps `..`


def _interpreter_paths(executable: str) -> list[str]:
    """Return the prefixes that the program at `executable` needs to read."""
    found = shutil.which(executable)
    if found is None:
        return []
    path = Path(_absolute(Path(found)))
    prefixes = [path.parent.parent] if path.parent.name == "bin" else [path]
    real = path.resolve()
    if real.parent.name == "bin":
        prefixes.append(real.parent.parent)
    link = path
    for _ in range(16):
        if not link.is_symlink():
            break
        link = link.parent / link.readlink()
        if link.parent.name == "bin":
            prefixes.append(Path(_absolute(link.parent.parent)))
    settings = prefixes[0] / "pyvenv.cfg"
    if settings.is_file():
        for line in settings.read_text(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                home = Path(value.strip())
                prefixes += [home.parent, home.resolve().parent]
    unsafe = {Path("/"), Path.home()}
    return [str(prefix) for prefix in prefixes if prefix not in unsafe]
