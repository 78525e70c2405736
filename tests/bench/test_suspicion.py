"""What the text of a sample mentions."""

import pytest

from codegrad.bench.suspicion import suspicions


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import sys\nsys._getframe(1).f_locals", "looks into the frames"),
        ("import gc\ngc.get_objects()", "searches the objects"),
        ("open('/proc/self/mem')", "reaches past the interpreter"),
        ("import posix\nposix.fork()", "starts, ends or signals processes"),
        ("signal.signal(signal.SIGPROF, None)", "changes signals or timers"),
        ("sys.modules['marshal'] = None", "traces itself or replaces modules"),
        ("builtins.len = lambda _: 0", "changes the builtins"),
        ("os.write(3, b'')", "uses descriptors"),
        ("import socket", "uses the network"),
        ("os.environ['KEY']", "changes files, or looks for files or secrets"),
        ("class A:\n    def __reduce__(self): ...", "runs code at its end"),
    ],
)
def test_what_is_mentioned_is_named(source: str, name: str) -> None:
    assert any(found.startswith(name) for found in suspicions(source))


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nfor line in sys.stdin: print(line)",
        "data = open(0).read()",
        "import os.path, math\ndef f(x): return math.gcd(x, 2)",
        "def signal(x): return x",
        "import threading\nthreading.Thread(target=print).start()",
    ],
)
def test_what_honest_programs_do_is_not(source: str) -> None:
    assert suspicions(source) == []
