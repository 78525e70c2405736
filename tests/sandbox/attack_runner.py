"""Grade every attack with one sandbox; print the failures as JSON.

Run as ``python attack_runner.py LAYERS_OFF NAME...`` by an ordinary user or by root:
``LAYERS_OFF`` is a list with commas, or ``-``; without names, all attacks run.
"""

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from codegrad.sandbox import Ending, Limits, Sandbox  # noqa: E402 - the path is above
from tests.sandbox.attacks import ATTACKS, Attack  # noqa: E402 - as above

CASES: tuple[tuple[list[int], list[int]], ...] = (
    ([3, 1, 2], [1, 2, 3]),
    ([], []),
    ([5, 5, 1], [1, 5, 5]),
    ([9, -4, 7, 7, 0], [-4, 0, 7, 7, 9]),
)
TEST = "\n".join(f"assert solve({given}) == {wanted}" for given, wanted in CASES)
HONEST = "def solve(xs):\n    return sorted(xs)\n"
LIMITS = Limits(wall_s=1.5, cpu_s=4.0)


class Arena:
    """A sandbox, listeners that must not be reached, files that must not change."""

    def __init__(self, folder: Path, layers_off: Sequence[str] = ()) -> None:
        self.box = folder / "box"
        self.marker = folder / "marker"
        for name in ("box/out", "box/victim", "box/home", "marker"):
            (folder / name).mkdir(parents=True)
        (self.box / "home/id_ed25519").write_text("FAKE PRIVATE KEY")
        os.environ["CODEGRAD_TEST_SECRET"] = "1"
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0codegrad-attack-{self.port}")
        self.abstract.listen()
        for listener in (self.server, self.abstract):
            threading.Thread(target=_accept, args=(listener,), daemon=True).start()
        self.sandbox = Sandbox(
            layers_off=layers_off, read_paths=[self.marker], allow_unsafe=True
        )
        self.missing = self.sandbox.layers.missing
        self.processes = len(self.alive())

    def close(self) -> None:
        """End the sandbox and the listeners."""
        self.sandbox.close()
        self.server.close()
        self.abstract.close()

    def alive(self) -> list[int]:
        """Return the processes of this sandbox, which carry the marker's path."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit():
                    command = (entry / "cmdline").read_bytes()
                    if str(self.marker).encode() in command:
                        found.append(int(entry.name))
        return found

    def passes(self, source: str) -> bool:
        """Return whether a candidate passes the test."""
        run = self.sandbox.check(source, "solve", [TEST], limits=LIMITS)
        return run.load.ok and run.tests[0].kind is Ending.PASSED

    def faults(self, attack: Attack) -> list[str]:
        """Return what went wrong with an attack before and after an honest job."""
        victim = self.box / "victim/file"
        victim.write_text("precious")
        source = attack.source.replace("@BOX@", str(self.box))
        source = source.replace("@PORT@", str(self.port))
        found = []
        for moment in ("at first", "after an honest job"):
            passed = self.passes(source)
            if attack.expect == "not pass" and passed:
                found.append(f"fooled {moment}")
            if attack.expect == "pass" and not passed:
                found.append(f"a right answer was refused {moment}")
            if not self.passes(HONEST):
                found.append(f"the worker is broken {moment}")
        if not victim.exists() or victim.read_text() != "precious":
            found.append("a file was changed")
        if list((self.box / "out").iterdir()):
            found.append("a file was made")
        if len(self.alive()) != self.processes:
            found.append("a process survived")
        return found


def _accept(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()


@contextlib.contextmanager
def arena(layers_off: Sequence[str] = ()) -> Iterator[Arena]:
    """Set up an arena in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="codegrad-arena-") as folder:
        made = Arena(Path(folder), layers_off)
        try:
            yield made
        finally:
            made.close()


def main(arguments: Sequence[str]) -> None:
    """Run the attacks that are asked for."""
    off = () if arguments[0] == "-" else arguments[0].split(",")
    names = set(arguments[1:])
    with arena(off) as here:
        faults = {
            attack.name: here.faults(attack)
            for attack in ATTACKS
            if not names or attack.name in names
        }
        report = {
            "uid": os.getuid(),
            "missing": here.missing,
            "count": len(faults),
            "faults": {name: found for name, found in faults.items() if found},
            "restarts": here.sandbox.restarts,
        }
    print(json.dumps(report))  # noqa: T201 - the result of this program


if __name__ == "__main__":
    main(sys.argv[1:])
