"""The child's side runs in interpreters older than ours, without our package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codegrad.search import kernel
from tests.search.jobs import call, job, run_here

PACKAGE = Path(kernel.__file__).parents[1]
SCRIPT = """
import json, sys, types
package = types.ModuleType("codegrad")
package.__path__ = [sys.argv[1]]
sys.modules["codegrad"] = package
from codegrad.search import kernel

class Emit:
    def __call__(self, frame):
        print(json.dumps(frame), file=sys.stderr)

    def mark(self, index):
        pass

kernel.run(json.loads(sys.stdin.read()), Emit())
"""


def interpreter(version: str) -> str | None:
    """Return a Python of this version: on the path or kept by pyenv."""
    kept = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    for python in [*map(str, sorted(kept)), shutil.which(f"python{version}")]:
        if python and not subprocess.run([python, "-c", ""], check=False).returncode:
            return python
    return None


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_another_interpreter_gives_the_same_answer(version: str) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} is not installed")
    wanted = job(
        "def f(x):\n    return x - 1\n", [call([1], 2), call([5], 6)], count=200
    )
    done = subprocess.run(
        [python, "-I", "-c", SCRIPT, str(PACKAGE)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stderr.splitlines()] == run_here(
        wanted
    ).sent


def test_the_child_side_needs_the_standard_library_only() -> None:
    modules = {name.partition(".")[0] for name in sys.stdlib_module_names}
    code = (
        "import sys, types; p = types.ModuleType('codegrad'); "
        f"p.__path__ = [{str(PACKAGE)!r}]; sys.modules['codegrad'] = p; "
        "import codegrad.search.kernel; print(*sys.modules)"
    )
    listed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    tops = {name.partition(".")[0] for name in listed}
    assert tops - modules <= {"codegrad", "__main__", "__mp_main__"}
