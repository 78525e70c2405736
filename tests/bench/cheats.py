"""Samples that try to pass without being right, beyond `tests.sandbox.attacks`.

The task is `solve(xs)`, the sorted list. Each knows how the answers travel: these are
the attempts of someone who has read the grader.
"""

from tests.sandbox.attacks import Attack, wrong

_FORGED = """
import marshal, os, struct
def record(kind, body): return struct.pack('<cI', kind, len(body)) + body
"""

CHEATS: tuple[Attack, ...] = (
    wrong(
        "a result equal to everything",
        "return Any()",
        """
class Any(list):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __class__ = list
""",
    ),
    wrong(
        "a class that is every class",
        "return Any()",
        """
class Meta(type):
    __eq__ = lambda *_: True
    __hash__ = lambda _: 0
    __instancecheck__ = lambda *_: True
class Any(metaclass=Meta):
    __eq__ = lambda *_: True
    __hash__ = lambda _: 0
""",
    ),
    wrong(
        "the writer of answers replaced",
        "return 0",
        """
import marshal, json
marshal.dumps = lambda *_: b'[' + bytes(4)
json.dumps = lambda *_, **__: '["", {"o": "x"}]'
""",
    ),
    wrong(
        "modules replaced",
        "return 0",
        """
import sys, types
for name in list(sys.modules):
    if 'codegrad' in name or name in ('marshal', 'struct', 'hashlib'):
        sys.modules[name] = types.ModuleType(name)
""",
    ),
    wrong(
        "the inputs emptied",
        "return []",
        """
import gc
for one in gc.get_objects():
    if type(one).__name__ == '_Answers':
        one.inputs = ()
        one.job['only'] = []
""",
    ),
    wrong(
        "the answering code replaced",
        "return 0",
        """
import sys
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()):
        if type(value).__name__ == '_Answers':
            type(value).call = lambda self, _: self.parts.append(b'.' + bytes(4))
    frame = frame.f_back
""",
    ),
    wrong(
        "an end without answers",
        "os._exit(0)",
        _FORGED + "data = record(b'O', b'') + record(b'.', b'')\n"
        "os.write(3, struct.pack('<I', len(data)) + data)\n",
    ),
    wrong(
        "answers that claim to be digests",
        "return 0",
        _FORGED
        + "data = record(b'O', b'') + record(b'D', bytes(40)) * 4 + record(b'.', b'')\n"
        "os.write(3, struct.pack('<I', len(data)) + data)\nos._exit(0)\n",
    ),
    wrong(
        "answers of an unknown kind",
        "return 0",
        _FORGED
        + "data = record(b'O', b'') + record(b'?', b'') * 4 + record(b'.', b'')\n"
        "os.write(3, struct.pack('<I', len(data)) + data)\nos._exit(0)\n",
    ),
    wrong(
        "an answer that nests for ever",
        "return 0",
        _FORGED + "data = record(b'O', b'') + record(b'M', b'[\\1\\0\\0\\0' * 100000)\n"
        "os.write(3, struct.pack('<I', len(data)) + data)\nos._exit(0)\n",
    ),
    wrong(
        "an answer with a billion items",
        "return 0",
        _FORGED + "data = record(b'O', b'') + record(b'M', b'[\\xff\\xff\\xff\\x3f')\n"
        "os.write(3, struct.pack('<I', len(data)) + data)\nos._exit(0)\n",
    ),
    wrong(
        "the cache of expected answers",
        "return ANSWER",
        """
import os
ANSWER = None
for base in ('/root', '/home', '/tmp', '/var/tmp', os.path.expanduser('~')):
    for folder, _, files in os.walk(base):
        for name in files:
            if name.endswith(('.answers', '.jsonl')):
                ANSWER = open(os.path.join(folder, name), 'rb').read()
""",
    ),
    wrong(
        "the source of another sample",
        "return FOUND or 0",
        """
import gc
FOUND = [o for o in gc.get_objects() if isinstance(o, dict) and 'HONEST' in o]
""",
    ),
    wrong("an exit while loading", "return sorted(xs)", "raise SystemExit(0)\n"),
    wrong("an exit that looks like success", "import os\nos._exit(0)"),
    wrong(
        "a handler at exit",
        "return 0",
        """
import atexit, os
atexit.register(lambda: os.write(3, bytes(64)))
""",
    ),
    wrong(
        "every exception swallowed",
        "return 0",
        """
import sys
sys.excepthook = sys.unraisablehook = lambda *_: None
class Silent(BaseException):
    def __init__(self, *_): pass
for name in ('Exception', 'BaseException', 'ValueError', 'TypeError'):
    __builtins__[name] = Silent
""",
    ),
    wrong("a generator without an end", "while True:\n    yield 1"),
    wrong("a list that holds itself", "xs.append(xs)\nreturn xs"),
    wrong(
        "a list nested without an end",
        "found = []\nfor _ in range(100000):\n    found = [found]\nreturn found",
    ),
    wrong("a gigabyte", "return 'x' * (1 << 30)"),
    wrong("a long integer", "return 1 << (1 << 26)"),
    wrong(
        "a recursion that crashes",
        "return solve(xs)",
        """
import sys
sys.setrecursionlimit(10 ** 9)
""",
    ),
    wrong(
        "a thread that answers later",
        "return 0",
        """
import threading, time, os
def later():
    time.sleep(0.01)
    os.write(3, bytes([5, 0, 0, 0]) + b'.' + bytes(4))
threading.Thread(target=later, daemon=True).start()
""",
    ),
    wrong(
        "comparison by a lying number",
        "return Lying()",
        """
class Lying(float):
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = lambda *_: True
    __sub__ = __rsub__ = lambda *_: 0.0
    __hash__ = float.__hash__
""",
    ),
)
"""None of these may pass."""

OUT_OF_TIME: tuple[Attack, ...] = (
    wrong(
        "the clock taken away",
        "while True:\n    pass",
        "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\n"
        "signal.setitimer(signal.ITIMER_PROF, 0)\n",
    ),
    wrong("a sleep", "import time\ntime.sleep(1e6)"),
    wrong("a loop inside the interpreter", "return sum(range(10 ** 12))"),
    wrong(
        "signs of life without answers",
        "while True:\n    os.write(3, bytes(4))",
        "import os\n",
    ),
)
"""None of these may pass; each costs seconds."""
