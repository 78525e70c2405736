"""What in the text of a sample an honest solution has no use for.

This names; it does not judge. A sample is isolated whatever it says, and a phrase here
changes no verdict: it tells the reader which samples to look at. It reads the text, so
a sample that hides its phrases is named only by what it does; see
`codegrad.bench.judging`.
"""

import re

_PHRASES: tuple[tuple[str, str, str], ...] = (
    # What it is called, words of which one is there, and what then has to match.
    (
        "looks into the frames of its caller",
        "_getframe currentframe inspect f_back f_locals f_globals tb_frame",
        r"\b(?:_getframe|currentframe|f_back|f_locals|f_globals|tb_frame)\b"
        r"|\binspect\.stack\b",
    ),
    (
        "searches the objects that are alive",
        "gc __subclasses__",
        r"\bgc\.get_\w+|\bimport gc\b|\b__subclasses__\b",
    ),
    ("reaches past the interpreter", "ctypes cffi /proc", r"ctypes|cffi|/proc/"),
    (
        "starts, ends or signals processes",
        "os. posix subprocess multiprocessing",
        r"\b(?:os|posix)\.(?:_exit|abort|fork|kill|exec[lv]|spawn|system|popen|setsid"
        r"|posix_spawn)|\b(?:subprocess|multiprocessing)\b",
    ),
    (
        "changes signals or timers",
        "signal",
        r"\bsignal\.(?:signal|alarm|setitimer|pthread_\w+|siginterrupt)\b",
    ),
    (
        "traces itself or replaces modules",
        "settrace setprofile sys.modules meta_path",
        "settrace|setprofile|sys.modules|meta_path",
    ),
    (
        "changes the builtins",
        "builtins",
        r"\b__builtins__\b|\bbuiltins\.\w+ *=[^=]",
    ),
    (
        "uses descriptors that are not its own",
        "os. posix open",
        r"\b(?:os|posix)\.(?:write|dup|closerange|fdopen|ftruncate)|\bopen\( *[3-9]",
    ),
    (
        "uses the network",
        "socket urllib requests http",
        r"(?m)^\s*(?:import|from)\s+(?:socket|urllib|requests|http)\b",
    ),
    (
        "changes files, or looks for files or secrets",
        "/etc/ .ssh os. posix",
        r"/etc/\w|\.ssh\b|\b(?:os|posix)\.(?:environ|walk|listdir|scandir|unlink|remove"
        r"|rename|link|symlink|mkdir|open)\b",
    ),
    (
        "runs code at its end, or when it is read",
        "atexit __reduce",
        r"\batexit\b|__reduce",
    ),
)
_WORDED = tuple(
    (name, tuple(words.split()), re.compile(pattern))
    for name, words, pattern in _PHRASES
)


def suspicions(source: str) -> list[str]:
    r"""Return what the text of a sample mentions that it has no use for.

    Example:
        >>> suspicions("import os\ndef f(): os._exit(0)")
        ['starts, ends or signals processes']
        >>> suspicions("def f(x): return x + 1")
        []
    """
    return [
        name
        for name, words, pattern in _WORDED
        # Finding words is a tenth of the cost of matching the pattern.
        if any(word in source for word in words) and pattern.search(source)
    ]
