"""Candidates that try to cheat, escape, or bring the harness down.

The task is always `solve(xs)`: the sorted list. A probe answers right only if the
forbidden thing worked, so that a pass is a breach. `@BOX@` stands for a directory
with the folders `out`, `victim` and `home`.
"""

from dataclasses import dataclass
from typing import Literal

Expectation = Literal["pass", "not pass", "harmless"]


@dataclass(frozen=True)
class Attack:
    """One hostile candidate and what may become of it."""

    name: str
    expect: Expectation
    """`harmless`: any answer, as long as nothing was changed, leaked or left."""

    source: str


def probe(name: str, code: str) -> Attack:
    """Return a candidate that passes only if `code` sets `breached`."""
    source = f"breached = False\n{code}\n" + (
        "def solve(xs):\n    return sorted(xs) if breached else None\n"
    )
    return Attack(name, "not pass", source)


def attempt(name: str, action: str, *, imports: str = "os") -> Attack:
    """Return a probe whose breach is that `action` raises nothing."""
    code = (
        f"import {imports}\ntry:\n    {action}\n    breached = True\n"
        "except (OSError, RuntimeError):\n    pass\n"
    )
    return probe(name, code)


def harmless(name: str, code: str) -> Attack:
    """Return a right candidate that tries something on the side."""
    source = f"{code}\ndef solve(xs):\n    return sorted(xs)\n"
    return Attack(name, "harmless", source)


def wrong(name: str, body: str, before: str = "") -> Attack:
    """Return a candidate whose answer must not count."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return Attack(name, "not pass", f"{before}\ndef solve(xs):\n{lines}")


CONTROLS = (
    Attack("a right answer", "pass", "def solve(xs):\n    return sorted(xs)\n"),
    Attack(
        "a right answer that looks at files",
        "pass",
        "import os\n"
        "def solve(xs):\n"
        "    try:\n"
        "        os.getcwd()\n"
        "        open('/dev/null')\n"
        "    except OSError:\n"
        "        pass\n"
        "    return sorted(xs)\n",
    ),
    Attack(
        "a right answer that empties its argument",
        "pass",
        "def solve(xs):\n    result = sorted(xs)\n    xs.clear()\n    return result\n",
    ),
    wrong("a wrong answer", "return xs"),
)

CHEATS = (
    wrong(
        "any object equal to everything",
        "return Same()",
        "class Same:\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n"
        "    def __len__(self): return 0\n",
    ),
    wrong(
        "numbers equal to everything",
        "return [Same(0) for _ in xs]",
        "class Same(int):\n"
        "    def __eq__(self, other): return True\n"
        "    __hash__ = int.__hash__\n",
    ),
    wrong(
        "a list equal to everything",
        "return Same()",
        "class Same(list):\n"
        "    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n",
    ),
    wrong(
        "patched comparisons",
        "return [float('nan')] * len(xs)",
        "import builtins, math\n"
        "math.isclose = lambda *args, **kwargs: True\n"
        "builtins.all = lambda *args: True\n"
        "builtins.sorted = lambda *args: []\n",
    ),
    wrong(
        "verdicts written to every descriptor",
        "return None",
        "import json, os, struct\n"
        "messages = (['passed'], ['test', 0, {'kind': 'passed', 'stdout': ''}],\n"
        "            ['end'], ['prelude', None], ['load', None, ''])\n"
        "for message in messages:\n"
        "    body = json.dumps(message).encode()\n"
        "    for fd in range(1, 64):\n"
        "        try:\n"
        "            os.set_blocking(fd, False)\n"
        "            os.write(fd, struct.pack('<I', len(body)) + body)\n"
        "        except OSError:\n"
        "            pass\n",
    ),
    wrong(
        "answers read from the frames above",
        "frame = sys._getframe()\n"
        "while frame:\n"
        "    for value in list(frame.f_locals.values()):\n"
        "        text = str(value)\n"
        "        for given, wanted in re.findall(r'solve\\((.*?)\\) == (.*)', text):\n"
        "            if given == repr(xs):\n"
        "                return ast.literal_eval(wanted)\n"
        "    frame = frame.f_back",
        "import ast, re, sys",
    ),
    wrong(
        "answers read from every object alive",
        "pattern = r'solve\\((.*?)\\) == ([^\\\\]*)'\n"
        "for item in gc.get_objects():\n"
        "    text = repr(item) if type(item) in (dict, list, tuple) else ''\n"
        "    for given, wanted in re.findall(pattern, text):\n"
        "        if given == repr(xs):\n"
        "            return ast.literal_eval(wanted)",
        "import ast, gc, re",
    ),
    wrong(
        "a trace function that skips the tests",
        "return [-4, 0, 7, 7, 9]",
        "import sys\n"
        "def skip(frame, event, argument):\n"
        "    try:\n"
        "        frame.f_lineno = max(line for *_, line in frame.f_code.co_lines())\n"
        "    except Exception:\n"
        "        pass\n"
        "    return skip\n"
        "sys.settrace(skip)\n"
        "frame = sys._getframe(1)\n"
        "while frame:\n"
        "    frame.f_trace = skip\n"
        "    frame = frame.f_back\n",
    ),
    wrong(
        "its own codec replaced",
        "return None",
        "import sys\n"
        "child = sys.modules['_codegrad_child']\n"
        "child._Encoder.encode = lambda self, value, depth: {'o': 'anything'}\n"
        "child.encode = lambda value: {'o': 'anything'}\n",
    ),
    wrong(
        "exceptions named like the harness's own",
        "calls.append(1)\n"
        "raise (CandidateGoneError if len(calls) % 2 else Stop)('passed')",
        "calls = []\n"
        "class CandidateGoneError(BaseException): pass\n"
        "Stop = type('StopIteration', (Exception,), {})\n",
    ),
    wrong(
        "right once, then a clean exit",
        "calls.append(1)\nif len(calls) > 1:\n    os._exit(0)\nreturn sorted(xs)",
        "import os\ncalls = []\n",
    ),
    wrong("the argument emptied and returned", "xs.clear()\nreturn xs"),
)

ODD_VALUES = (
    wrong(
        "an exception without a readable message",
        "raise Mute",
        "class Mute(Exception):\n"
        "    def __str__(self): raise Mute\n"
        "    __repr__ = __str__\n",
    ),
    wrong(
        "a list nested 100000 deep",
        "result = []\nfor _ in range(100000):\n    result = [result]\nreturn result",
    ),
    wrong(
        "a small graph that unfolds for ever",
        "result = []\nfor _ in range(200):\n    result = [result] * 2\nreturn result",
    ),
    wrong("not a number", "return [float('nan') for _ in xs] or None"),
    wrong("an endless iterator", "import itertools\nreturn itertools.count()"),
    wrong(
        "a repr that never returns",
        "return Slow()",
        "class Slow:\n"
        "    def __repr__(self):\n"
        "        while True: pass\n"
        "    __str__ = __repr__\n",
    ),
    wrong(
        "a frame that claims four gigabytes",
        "return None",
        "import os\n"
        "for fd in (3, 4):\n"
        "    try: os.write(fd, b'\\xff\\xff\\xff\\xff')\n"
        "    except OSError: pass\n",
    ),
    wrong(
        "frames that are not JSON, not lists, or nested too deep",
        "return None",
        "import os, struct\n"
        "for body in (b'{', b'null', b'[]', b'[1]', b'[' * 90000, b'[\"load\"]'):\n"
        "    for fd in (3, 4):\n"
        "        os.write(fd, struct.pack('<I', len(body)) + body)\n",
    ),
    harmless(
        "an object that runs code when it is unpickled",
        "class Evil:\n"
        "    def __reduce__(self):\n"
        "        return (open, ('@BOX@/out/pickled', 'w'))\n"
        "def give(xs): return Evil()\n",
    ),
)

EARLY_ENDS = (
    wrong("an abort", "os.abort()", "import os"),
    wrong("a segmentation fault", "ctypes.string_at(0)", "import ctypes"),
    wrong(
        "recursion without a limit",
        "return solve(xs) + [0]",
        "import sys\nsys.setrecursionlimit(10 ** 9)\n",
    ),
    wrong("a GeneratorExit", "raise GeneratorExit"),
    wrong("a KeyboardInterrupt", "raise KeyboardInterrupt"),
    wrong("a SystemExit", "raise SystemExit(0)"),
    Attack(
        "an exit at import",
        "not pass",
        "import sys\nsys.exit(0)\ndef solve(xs): return sorted(xs)\n",
    ),
    harmless(
        "a thread that sleeps on",
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(30,)).start()\n",
    ),
)

TIMES = (
    wrong("an endless loop", "while True: pass"),
    wrong(
        "an endless loop that ignores every signal",
        "while True:\n    try:\n        while True: pass\n"
        "    except BaseException: pass",
        "import signal\n"
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n",
    ),
    wrong(
        "a loop inside the interpreter",
        "sys.set_int_max_str_digits(0)\nreturn str(7 ** 60_000_000)",
        "import sys",
    ),
    wrong(
        "alarms switched off, then late",
        "signal.setitimer(signal.ITIMER_REAL, 0)\nstart = time.time()\n"
        "while time.time() - start < 3.4: pass\nreturn sorted(xs)",
        "import signal, time",
    ),
    wrong(
        "a process that stops itself",
        "posix.kill(posix.getpid(), signal.SIGSTOP)\nreturn sorted(xs)",
        "import posix, signal",
    ),
)

ESCAPES = (
    harmless(
        "a daemon forked twice",
        "import posix, time\n"
        "try:\n"
        "    if posix.fork() == 0:\n"
        "        posix.setsid()\n"
        "        if posix.fork() == 0: time.sleep(30)\n"
        "        posix._exit(0)\n"
        "except OSError:\n"
        "    pass\n",
    ),
    probe(
        "rings for input and output",
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "breached = libc.syscall(425, 4, ctypes.create_string_buffer(256)) >= 0\n",
    ),
    attempt("a signal to everyone", "os.kill(-1, 9)"),
    attempt("a signal that stops the parent", "os.kill(os.getppid(), 19)"),
    probe(
        "a signal to the parent's thread",
        "import ctypes, os\n"
        "numbers = {'x86_64': 234, 'aarch64': 131}\n"
        "number = numbers[os.uname().machine]\n"
        "parent = os.getppid()\n"
        "breached = ctypes.CDLL(None).syscall(number, parent, parent, 0) == 0\n",
    ),
    probe(
        "a user namespace of its own",
        "import ctypes\nbreached = ctypes.CDLL(None).unshare(0x10000000) == 0\n",
    ),
    probe(
        "the death signal undone",
        "import ctypes\nbreached = ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) == 0\n",
    ),
    probe(
        "the parent traced",
        "import ctypes, os\n"
        "breached = ctypes.CDLL(None).ptrace(0x4206, os.getppid(), 0, 0) == 0\n",
    ),
    probe(
        "the parent's memory read",
        "import ctypes, os\n"
        "class Vector(ctypes.Structure):\n"
        "    _fields_ = [('base', ctypes.c_void_p), ('size', ctypes.c_size_t)]\n"
        "buffer = ctypes.create_string_buffer(64)\n"
        "near = Vector(ctypes.addressof(buffer), 64)\n"
        "far = Vector(id(buffer), 64)\n"
        "libc = ctypes.CDLL(None)\n"
        "for pid in (os.getppid(), os.getpid() + 1, os.getpid() - 1):\n"
        "    breached |= libc.process_vm_readv(pid, ctypes.byref(near), 1,\n"
        "                                      ctypes.byref(far), 1, 0) > 0\n",
    ),
    attempt("a program executed", "os.execv('/bin/sh', ['sh', '-c', 'true'])"),
    probe(
        "the tester signalled or opened",
        "import os\n"
        "for distance in (1, 2, -1):\n"
        "    for action in (lambda pid: os.kill(pid, 0),\n"
        "                   lambda pid: os.open(f'/proc/{pid}/mem', os.O_RDWR)):\n"
        "        try:\n"
        "            action(os.getpid() + distance)\n"
        "            breached = True\n"
        "        except OSError:\n"
        "            pass\n",
    ),
)

FILES = (
    harmless(
        "somebody's file deleted",
        "import posix\ntry: posix.unlink('@BOX@/victim/file')\nexcept OSError: pass\n",
    ),
    harmless(
        "a file written outside",
        "import os\n"
        "try: os.write(os.open('@BOX@/out/file', os.O_CREAT | os.O_WRONLY), b'x')\n"
        "except OSError: pass\n",
    ),
    harmless(
        "a file linked outside",
        "import os\n"
        "try: os.symlink('/etc/passwd', '@BOX@/out/link')\n"
        "except OSError: pass\n",
    ),
    probe(
        "the disk filled",
        "import os\n"
        "written = 0\n"
        "for folder in ('/tmp', '/dev/shm', '.', '@BOX@/out'):\n"
        "    try:\n"
        "        for index in range(30):\n"
        "            path = f'{folder}/fill{index}'\n"
        "            fd = os.open(path, os.O_CREAT | os.O_WRONLY)\n"
        "            os.unlink(path)\n"
        "            written += os.write(fd, bytes(8 << 20))\n"
        "    except OSError:\n"
        "        pass\n"
        "breached = written >= 30 << 20\n",
    ),
    probe(
        "a thousand files",
        "import os\n"
        "made = 0\n"
        "try:\n"
        "    for index in range(1000):\n"
        "        os.close(os.open(f'many{index}', os.O_CREAT | os.O_WRONLY))\n"
        "        made += 1\n"
        "except OSError:\n"
        "    pass\n"
        "breached = made == 1000\n",
    ),
)

SECRETS = (
    probe(
        "the environment",
        "import os\nbreached = 'CODEGRAD_TEST_SECRET' in os.environ\n",
    ),
    attempt("the list of users", "open('/etc/passwd').read()"),
    attempt("a private key", "open('@BOX@/home/id_ed25519').read()"),
    attempt("the home directory", "os.listdir('@BOX@/home')"),
    attempt("the parent's environment", "open(f'/proc/{os.getppid()}/environ').read()"),
    attempt("the program of this file", "open(__import__('_codegrad_child').__file__)"),
)

NETWORK = (
    attempt(
        "a connection to loopback",
        "socket.create_connection(('127.0.0.1', @PORT@), 2)",
        imports="socket",
    ),
    attempt(
        "a datagram",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        ".sendto(b'x', ('127.0.0.1', @PORT@))",
        imports="socket",
    ),
    attempt(
        "an abstract socket",
        "socket.socket(socket.AF_UNIX).connect('\\0codegrad-attack-@PORT@')",
        imports="socket",
    ),
)

RESOURCES = (
    probe(
        "thirty processes",
        "import posix, time\n"
        "made = 0\n"
        "try:\n"
        "    for _ in range(30):\n"
        "        if posix.fork() == 0:\n"
        "            time.sleep(4)\n"
        "            posix._exit(0)\n"
        "        made += 1\n"
        "except OSError:\n"
        "    pass\n"
        "breached = made == 30\n",
    ),
    probe(
        "a hundred and fifty threads",
        "import threading, time\n"
        "made = 0\n"
        "try:\n"
        "    for _ in range(150):\n"
        "        threading.Thread(target=time.sleep, args=(6,), daemon=True).start()\n"
        "        made += 1\n"
        "except RuntimeError:\n"
        "    pass\n"
        "breached = made == 150\n",
    ),
    probe(
        "eight gigabytes",
        "try:\n"
        "    blocks = [bytes(1 << 28) for _ in range(32)]\n"
        "    breached = True\n"
        "except MemoryError:\n"
        "    pass\n",
    ),
    harmless(
        "forty megabytes printed",
        "import os\n"
        "try:\n"
        "    for _ in range(40): os.write(1, b'A' * (1 << 20))\n"
        "except OSError:\n"
        "    pass\n",
    ),
)

ATTACKS = (
    *CONTROLS,
    *CHEATS,
    *ODD_VALUES,
    *EARLY_ENDS,
    *TIMES,
    *ESCAPES,
    *FILES,
    *SECRETS,
    *NETWORK,
    *RESOURCES,
)

HEAP_SCAN = '''\
import ctypes, gc, os, re

def scan(pattern):
    """Count the matches of a pattern in all memory that can be read."""
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_void_p
    libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    reader, writer = os.pipe()
    top = libc.sbrk(0)
    regions = [(top - (96 << 20), top)]
    blocks = {id(item) >> 20 for item in gc.get_objects()}
    blocks |= {id(bytes(size)) >> 20 for size in (600, 5000, 70000, 300000)}
    regions += [(block << 20, block + 1 << 20) for block in sorted(blocks)]
    found = 0
    for start, stop in regions:
        before = b""
        for address in range(start & ~4095, stop, 4096):
            # A write from an address that is not mapped fails; it does not crash.
            if libc.write(writer, address, 4096) == 4096:
                page = os.read(reader, 4096)
                found += len(re.findall(pattern, before[-100:] + page))
                before = page
            else:
                before = b""
    return found

def solve(pattern):
    return scan(pattern)
'''
"""Counts what is left of earlier jobs in memory inherited from the zygote."""
