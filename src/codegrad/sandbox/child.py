"""Everything that runs on the far side of the trust border.

This one file needs only the standard library of CPython 3.9 or later, because it
also runs inside the user's own interpreter. It is started in one of two ways:

* ``main(["zygote", CONFIG])`` confines itself once, then forks one child for each
  part of a job. The zygote handles control messages only: what to fork, with which
  limits and descriptors, and when to kill. The source of a candidate, its tests,
  expectations and results never enter its memory, so that a later child, which
  inherits that memory, cannot find them there. A child reads its job from its own
  channel after the fork and answers on the same channel.
* ``main(["exec", CONFIG])`` confines itself and runs an arbitrary program, with a
  supervisor that leaves no process behind.

The parent imports this module for the codec alone (`encode`, `decode`, `Opaque`,
`Yielded`). Importing has no side effect.
"""

# Values of any type cross here; modules are imported where they are needed, because
# the parent imports this file for its codec and pathlib alone costs 4 ms.
# ruff: noqa: ANN401, PLC0415
# ruff: noqa: PTH102, PTH103, PTH106, PTH110, PTH111, PTH112, PTH115, PTH123, PTH211

from __future__ import annotations

import collections
import contextlib
import errno
import functools
import io
import json
import os
import struct
import sys
import time
import types
from typing import TYPE_CHECKING, Any, Callable, NoReturn, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

# ---------------------------------------------------------------- values ----

MAX_DEPTH = 150
"""Nesting beyond this many containers crosses as an `Opaque`."""

MAX_NODES = 2_000_000
"""A value of more items crosses as an `Opaque`: a small graph can unfold to 2**n."""

MAX_YIELDED = 10_000
"""Items taken from an iterator before it counts as endless."""


class Opaque:
    """Stands for a value that cannot cross the border; equal only to itself."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Yielded:
    """The items of an iterator that crossed, in order; not equal to a list."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Any, ...]) -> None:
        self.items = items

    def __eq__(self, other: object) -> bool:
        return type(other) is Yielded and other.items == self.items

    def __hash__(self) -> int:
        return hash(self.items)

    def __repr__(self) -> str:
        return f"<yielded {list(self.items)!r}>"


_PLAIN = frozenset({str, bool, type(None)})
_INT_BOUND = 1 << 63
_NON_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def encode(value: Any) -> Any:
    """Return `value` as JSON-ready data that `decode` turns back into plain values.

    Only builtin types cross. A subclass of a builtin crosses as that builtin,
    without its overrides; an iterator crosses as the items it yields; anything else
    crosses as an `Opaque` with the name of its type.

    Example:
        >>> decode(encode({1: (2, {3})}))
        {1: (2, {3})}
    """
    return _Encoder().top(value)


class _TooLargeError(Exception):
    """More items than may cross."""


class _Encoder:
    """One encoding; counts the nodes so that the result has a bounded size."""

    def __init__(self) -> None:
        self.left = MAX_NODES
        self.has_opaque = False

    def top(self, value: Any) -> Any:
        try:
            return self.encode(value, 0)
        except _TooLargeError:
            return self.opaque("too large")

    def encode(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is int:
            return value if -_INT_BOUND < value < _INT_BOUND else {"i": hex(value)}
        if kind is float:
            return value if value - value == 0.0 else {"n": repr(value)}
        if depth > MAX_DEPTH:
            return self.opaque("too deep")
        encoder = _ENCODERS.get(kind)
        if encoder is not None:
            return encoder(self, value, depth + 1)
        return self.other(value, kind, depth + 1)

    def items(self, values: Collection[Any], depth: int) -> list[Any]:
        # A container costs more than its items: nesting is what unfolds.
        self.left -= len(values) + 2
        if self.left < 0:
            raise _TooLargeError
        return [self.encode(value, depth) for value in values]

    def pairs(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> list[Any]:
        return [self.items(pair, depth) for pair in pairs]

    def opaque(self, name: str) -> dict[str, Any]:
        self.has_opaque = True
        return {"o": name[:200]}

    def yielded(self, values: Iterable[Any], depth: int) -> Any:
        found: list[Any] = []
        for value in values:
            if len(found) == MAX_YIELDED:
                return self.opaque("endless iterator")
            found.append(self.encode(value, depth))
        return {"g": found}

    def other(self, value: Any, kind: type, depth: int) -> Any:
        for base, to_base in _BASES:
            # type.__mro__ cannot be faked, unlike __class__ and isinstance.
            if base in type.__dict__["__mro__"].__get__(kind):
                return self.encode(to_base(value), depth)
        module = kind.__module__
        if module == "numpy":
            return self.numpy(value, kind, depth)
        if kind is type and getattr(value, "__module__", "") == "builtins":
            return {"T": value.__name__}
        if kind.__name__ in _EXACT and module == _EXACT[kind.__name__]:
            return {"x": [kind.__name__, str(value)]}
        if _is_iterator(kind):
            return self.yielded(value, depth)
        return self.opaque(f"{module}.{kind.__qualname__}")

    def numpy(self, value: Any, kind: type, depth: int) -> Any:
        if kind.__name__ == "ndarray":
            array = [str(value.dtype), self.encode(value.tolist(), depth)]
            return {"a": array}
        if hasattr(kind, "item") and kind.__name__ != "matrix":
            item = value.item()
            if type(item) is not kind:
                return self.encode(item, depth)
        return self.opaque(f"numpy.{kind.__qualname__}")


_EXACT = {"Fraction": "fractions", "Decimal": "decimal"}
_EXACT_CHARS = 4000
"""Characters, and decimal places, of an exact number that cross the border."""

_MOST_COLLISIONS = 64
"""Members of a set or dict that may share one hash."""

_VIEWS = {
    type({}.keys()): "keys",
    type({}.values()): "values",
    type({}.items()): "items",
}


def _is_iterator(kind: type) -> bool:
    return kind.__module__ in ("builtins", "itertools") and (
        kind is types.GeneratorType or hasattr(kind, "__next__")
    )


_Encode = Callable[[_Encoder, Any, int], Any]
_ENCODERS: dict[type, _Encode] = {
    list: lambda self, value, depth: self.items(value, depth),
    tuple: lambda self, value, depth: {"t": self.items(value, depth)},
    dict: lambda self, value, depth: {"d": self.pairs(value.items(), depth)},
    set: lambda self, value, depth: {"s": self.items(value, depth)},
    frozenset: lambda self, value, depth: {"f": self.items(value, depth)},
    bytes: lambda _self, value, _depth: {"b": value.hex()},
    bytearray: lambda _self, value, _depth: {"B": value.hex()},
    complex: lambda self, value, depth: {
        "c": self.items((value.real, value.imag), depth)
    },
    range: lambda self, value, depth: {
        "r": self.items((value.start, value.stop, value.step), depth)
    },
    collections.deque: lambda self, value, depth: {"q": self.items(value, depth)},
    **{
        view: lambda self, value, depth: {
            "v": [_VIEWS[type(value)], self.items(value, depth)]
        }
        for view in _VIEWS
    },
}

_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    # Slot functions of the base itself, so that no override is called.
    (int, lambda value: int.__add__(value, 0)),
    (float, lambda value: float.__add__(value, 0.0)),
    (str, lambda value: str.__getitem__(str.__add__(value, " "), slice(-1))),
    (list, lambda value: list.__getitem__(value, slice(None))),
    (tuple, lambda value: tuple.__getitem__(tuple.__add__(value, (None,)), slice(-1))),
    (dict, lambda value: dict(dict.items(value))),
    (set, lambda value: set(set.__iter__(value))),
    (frozenset, lambda value: frozenset(frozenset.__iter__(value))),
    (bytes, lambda value: bytes.__getitem__(bytes.__add__(value, b" "), slice(-1))),
)


def decode(data: Any) -> Any:
    """Return the value that `encode` wrote; iterators come back as `Yielded`.

    Raises:
        ValueError: If `data` was not written by `encode`.
        TypeError: If `data` was not written by `encode`.

    Example:
        >>> decode({"t": [1, {"i": "0x10000000000000000"}]})
        (1, 18446744073709551616)
    """
    kind = type(data)
    if kind is list:
        return [decode(item) for item in data]
    if kind is not dict:
        return data
    if len(data) != 1:
        raise ValueError("not an encoded value")
    ((tag, body),) = data.items()
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise ValueError("not an encoded value")
    return decoder(body)


def _decode_view(body: Any) -> Any:
    kind, items = body[0], [decode(item) for item in body[1]]
    if kind == "keys":
        return dict.fromkeys(_distinct(items)).keys()
    if kind == "items":
        _distinct([key for key, _ in items])
        return dict(items).items()
    return dict(enumerate(items)).values()


def _decode_exact(body: Any) -> Any:
    name, text = body
    if len(text) > _EXACT_CHARS:
        raise ValueError("not an encoded value")
    if name == "Fraction":
        # Not from arbitrary text: "1e30000000" is short and takes minutes.
        above, _, below = text.partition("/")
        return __import__("fractions").Fraction(int(above), int(below or 1))
    value = __import__("decimal").Decimal(text)
    if value.is_snan() or abs(value.adjusted()) > _EXACT_CHARS:
        return Opaque("decimal.Decimal")
    return value


def _distinct(items: list[Any]) -> list[Any]:
    """Return items for a set or dict, unless their hashes were made to collide.

    Raises:
        ValueError: If more than a few dozen share one hash.
    """
    if len(items) > _MOST_COLLISIONS:
        counts = collections.Counter(map(hash, items))
        if max(counts.values()) > _MOST_COLLISIONS:
            raise ValueError("not an encoded value")
    return items


def _decode_array(body: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return Opaque("numpy.ndarray")
    return numpy.array(decode(body[1]), dtype=body[0])


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "t": lambda body: tuple([decode(item) for item in body]),
    "d": lambda body: dict(
        zip(
            _distinct([decode(key) for key, _ in body]),
            [decode(value) for _, value in body],
        )
    ),
    "s": lambda body: set(_distinct([decode(item) for item in body])),
    "f": lambda body: frozenset(_distinct([decode(item) for item in body])),
    "i": lambda body: int(body, 16),
    "n": lambda body: _NON_FINITE[body],
    "b": bytes.fromhex,
    "B": bytearray.fromhex,
    "c": lambda body: complex(decode(body[0]), decode(body[1])),
    "r": lambda body: range(*[decode(item) for item in body]),
    "q": lambda body: collections.deque([decode(item) for item in body]),
    "g": lambda body: Yielded(tuple([decode(item) for item in body])),
    "v": _decode_view,
    "x": _decode_exact,
    "a": _decode_array,
    "T": lambda body: vars(__import__("builtins"))[body],
    "o": Opaque,
}


# ---------------------------------------------------------------- frames ----

FRAME_BYTES = 64 << 20
"""The largest frame that either side of a channel accepts."""

_HEADER = struct.Struct("<I")


def pack(message: Any) -> bytes:
    """Return `message` as one frame: four bytes of length, then JSON."""
    body = json.dumps(message, separators=(",", ":"), check_circular=False).encode()
    return _HEADER.pack(len(body)) + body


def write_frame(fd: int, message: Any) -> None:
    """Write one frame to a blocking descriptor."""
    data = memoryview(pack(message))
    while data:
        data = data[os.write(fd, data) :]


def read_frame(fd: int) -> Any:
    """Read one frame from a blocking descriptor.

    Raises:
        EOFError: If the other side is gone.
        ValueError: If the frame is too large or not JSON.
    """
    (size,) = _HEADER.unpack(_read_exactly(fd, _HEADER.size))
    if size > FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes is too large")
    return json.loads(_read_exactly(fd, size))


def _read_exactly(fd: int, size: int) -> bytes:
    chunks = []
    while size:
        chunk = os.read(fd, min(size, 1 << 20))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


# --------------------------------------------------------- system calls ----

_X86_64 = """
read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10
munmap=11 brk=12 rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 ioctl=16 pread64=17
pwrite64=18 readv=19 writev=20 access=21 pipe=22 select=23 sched_yield=24 mremap=25
msync=26 mincore=27 madvise=28 dup=32 dup2=33 pause=34 nanosleep=35 getitimer=36
alarm=37 setitimer=38 getpid=39 socket=41 connect=42 accept=43 sendto=44 recvfrom=45
sendmsg=46 recvmsg=47 shutdown=48 bind=49 listen=50 socketpair=53 clone=56 fork=57
vfork=58 execve=59 exit=60 wait4=61 kill=62 uname=63 fcntl=72 flock=73 fsync=74
fdatasync=75 ftruncate=77 getdents=78 getcwd=79 chdir=80 fchdir=81 rename=82 mkdir=83
rmdir=84 creat=85 unlink=87 readlink=89 chmod=90 fchmod=91 umask=95 gettimeofday=96
getrlimit=97 getrusage=98 sysinfo=99 times=100 ptrace=101 getuid=102 syslog=103
getgid=104 geteuid=107 getegid=108 setpgid=109 getppid=110 getpgrp=111 setsid=112
getgroups=115 getresuid=118 getresgid=120 getpgid=121 getsid=124 capset=126
rt_sigtimedwait=128 rt_sigqueueinfo=129 rt_sigsuspend=130 sigaltstack=131 statfs=137
fstatfs=138 vhangup=153 modify_ldt=154 pivot_root=155 prctl=157 arch_prctl=158
adjtimex=159 setrlimit=160 chroot=161 acct=163 settimeofday=164 mount=165 umount2=166
swapon=167 swapoff=168 reboot=169 sethostname=170 setdomainname=171 iopl=172 ioperm=173
init_module=175 delete_module=176 quotactl=179 nfsservctl=180 gettid=186 tkill=200
time=201 futex=202 sched_getaffinity=204 lookup_dcookie=212 getdents64=217
set_tid_address=218 restart_syscall=219 fadvise64=221 clock_settime=227
clock_gettime=228 clock_getres=229 clock_nanosleep=230 exit_group=231 epoll_wait=232
epoll_ctl=233 tgkill=234 kexec_load=246 waitid=247 add_key=248 request_key=249
keyctl=250 openat=257 mkdirat=258 newfstatat=262 unlinkat=263 renameat=264
readlinkat=267 faccessat=269 pselect6=270 ppoll=271 unshare=272 set_robust_list=273
get_robust_list=274 epoll_pwait=281 accept4=288 eventfd2=290 epoll_create1=291 dup3=292
pipe2=293 rt_tgsigqueueinfo=297 perf_event_open=298 fanotify_init=300 prlimit64=302
open_by_handle_at=304 clock_adjtime=305 setns=308 process_vm_readv=310
process_vm_writev=311 kcmp=312 finit_module=313 seccomp=317 getrandom=318
memfd_create=319 kexec_file_load=320 bpf=321 execveat=322 userfaultfd=323 membarrier=324
preadv2=327 pwritev2=328 statx=332 rseq=334 pidfd_send_signal=424 io_uring_setup=425
io_uring_enter=426 io_uring_register=427 open_tree=428 move_mount=429 fsopen=430
fsconfig=431 fsmount=432 fspick=433 pidfd_open=434 clone3=435 close_range=436
pidfd_getfd=438 faccessat2=439 process_madvise=440 mount_setattr=442 quotactl_fd=443
landlock_create_ruleset=444 landlock_add_rule=445 landlock_restrict_self=446
memfd_secret=447
"""
_AARCH64 = """
getcwd=17 lookup_dcookie=18 eventfd2=19 epoll_create1=20 epoll_ctl=21 epoll_pwait=22
dup=23 dup3=24 fcntl=25 ioctl=29 flock=32 mkdirat=34 unlinkat=35 renameat=38 umount2=39
mount=40 pivot_root=41 nfsservctl=42 statfs=43 fstatfs=44 ftruncate=46 faccessat=48
chdir=49 fchdir=50 chroot=51 fchmod=52 openat=56 close=57 vhangup=58 pipe2=59
quotactl=60 getdents64=61 lseek=62 read=63 write=64 readv=65 writev=66 pread64=67
pwrite64=68 pselect6=72 ppoll=73 readlinkat=78 newfstatat=79 fstat=80 fsync=82
fdatasync=83 acct=89 capset=91 exit=93 exit_group=94 waitid=95 set_tid_address=96
unshare=97 futex=98 set_robust_list=99 get_robust_list=100 nanosleep=101 getitimer=102
setitimer=103 kexec_load=104 init_module=105 delete_module=106 clock_settime=112
clock_gettime=113 clock_getres=114 clock_nanosleep=115 syslog=116 ptrace=117
sched_getaffinity=123 sched_yield=124 restart_syscall=128 kill=129 tkill=130 tgkill=131
sigaltstack=132 rt_sigsuspend=133 rt_sigaction=134 rt_sigprocmask=135
rt_sigtimedwait=137 rt_sigqueueinfo=138 rt_sigreturn=139 reboot=142 getresuid=148
getresgid=150 times=153 setpgid=154 getpgid=155 getsid=156 setsid=157 getgroups=158
uname=160 sethostname=161 setdomainname=162 getrlimit=163 setrlimit=164 getrusage=165
umask=166 prctl=167 gettimeofday=169 settimeofday=170 adjtimex=171 getpid=172
getppid=173 getuid=174 geteuid=175 getgid=176 getegid=177 gettid=178 sysinfo=179
socket=198 socketpair=199 bind=200 listen=201 accept=202 connect=203 sendto=206
recvfrom=207 shutdown=210 sendmsg=211 recvmsg=212 brk=214 munmap=215 mremap=216
add_key=217 request_key=218 keyctl=219 clone=220 execve=221 mmap=222 fadvise64=223
swapon=224 swapoff=225 mprotect=226 msync=227 mincore=232 madvise=233
rt_tgsigqueueinfo=240 perf_event_open=241 accept4=242 wait4=260 prlimit64=261
fanotify_init=262 open_by_handle_at=265
clock_adjtime=266 setns=268 process_vm_readv=270 process_vm_writev=271
kcmp=272 finit_module=273 seccomp=277 getrandom=278 memfd_create=279 bpf=280
execveat=281 userfaultfd=282 membarrier=283 preadv2=286 pwritev2=287 statx=291 rseq=293
kexec_file_load=294 pidfd_send_signal=424 io_uring_setup=425 io_uring_enter=426
io_uring_register=427 open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432
fspick=433 pidfd_open=434 clone3=435 close_range=436 pidfd_getfd=438 faccessat2=439
process_madvise=440 mount_setattr=442 quotactl_fd=443 landlock_create_ruleset=444
landlock_add_rule=445 landlock_restrict_self=446 memfd_secret=447
"""

_ARCHITECTURES = {
    # machine: (system call numbers, AUDIT_ARCH constant of the seccomp ABI)
    "x86_64": (_X86_64, 0xC000003E),
    "aarch64": (_AARCH64, 0xC00000B7),
}


class Kernel:
    """The system calls of this machine through ctypes."""

    def __init__(self) -> None:
        import ctypes

        self.ctypes: Any = ctypes
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.syscall.restype = ctypes.c_long
        machine = os.uname().machine
        table, self.audit_arch = _ARCHITECTURES.get(machine, ("", 0))
        self.numbers = {
            name: int(number)
            for name, _, number in (entry.partition("=") for entry in table.split())
        }

    def call(self, name: str, *arguments: Any) -> int:
        """Make one system call.

        Raises:
            OSError: If the kernel refuses, or the machine is not known.
        """
        if name not in self.numbers:
            raise OSError(errno.ENOSYS, f"no number for {name} on this machine")
        result: int = self.libc.syscall(self.numbers[name], *arguments)
        if result < 0:
            self.fail()
        return result

    def prctl(self, option: int, value: int = 0) -> None:
        """Set one attribute of this process; raises OSError where it is refused."""
        long = self.ctypes.c_ulong
        if self.libc.prctl(option, long(value), long(0), long(0), long(0)):
            self.fail()

    def mount(
        self, source: str, target: str, kind: str, flags: int, data: str = ""
    ) -> None:
        """Mount something somewhere; raises OSError where it is refused."""
        result = self.libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            self.ctypes.c_ulong(flags),
            data.encode() if data else None,
        )
        if result:
            self.fail()

    def fail(self) -> NoReturn:
        """Raise the error that the last call left behind."""
        number = self.ctypes.get_errno()
        raise OSError(number, os.strerror(number))


PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
SIGKILL = 9
SIGXCPU = 24


# ------------------------------------------------------------- seccomp ----

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10

_ALLOWED = """
read write close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
rt_sigprocmask rt_sigreturn rt_sigtimedwait rt_sigsuspend pread64 pwrite64 readv writev
access pipe select sched_yield mremap msync mincore madvise dup dup2 pause nanosleep
getitimer alarm setitimer getpid exit uname fsync fdatasync ftruncate getdents getcwd
gettimeofday getrlimit getrusage sysinfo times getuid getgid geteuid getegid getppid
getpgrp getpgid getsid getgroups getresuid getresgid sigaltstack statfs fstatfs
arch_prctl gettid time futex sched_getaffinity getdents64 set_tid_address
restart_syscall fadvise64 clock_gettime clock_getres clock_nanosleep exit_group openat
open newfstatat readlink readlinkat faccessat faccessat2 pselect6 ppoll set_robust_list
get_robust_list eventfd2 epoll_create1 epoll_ctl epoll_wait epoll_pwait dup3 pipe2
getrandom membarrier preadv2 pwritev2 statx rseq close_range umask fcntl flock mkdir
rmdir unlink rename creat mkdirat unlinkat renameat chdir fchdir fchmod chmod
"""
"""What a zygote and its children may ask of the kernel."""

_ZYGOTE_ONLY = """
wait4 waitid clone fork vfork sendto recvfrom sendmsg recvmsg kill setrlimit prlimit64
prctl seccomp landlock_restrict_self setpgid tkill tgkill ioctl socketpair shutdown
"""
"""What the zygote needs besides; each child gives these up before it reads its job."""

_EXEC_DENIED = """
ptrace process_vm_readv process_vm_writev process_madvise io_uring_setup io_uring_enter
io_uring_register mount umount2 pivot_root move_mount open_tree fsopen fsconfig fsmount
fspick mount_setattr keyctl add_key request_key bpf perf_event_open userfaultfd
kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff
unshare setns pidfd_getfd kcmp open_by_handle_at acct quotactl quotactl_fd syslog
settimeofday clock_settime adjtimex clock_adjtime lookup_dcookie chroot memfd_secret
vhangup nfsservctl iopl ioperm modify_ldt fanotify_init sethostname setdomainname
"""
"""What a confined program may not ask of the kernel; everything else it may."""


def _refuse(number: int) -> int:
    return 0x00050000 | number


class Filter:
    """A compiled seccomp filter, ready to be installed after a fork.

    `actions` maps system call numbers to a return value or to a list of
    instructions; all others get `default`. The numbers are found by binary search,
    which costs a third of a linear list.
    """

    def __init__(
        self,
        kernel: Kernel,
        actions: Mapping[int, int | list[bytes]],
        default: int,
    ) -> None:
        self.kernel = kernel
        self.actions = actions
        self.default = default
        program = b"".join(self._prologue() + self._search(self._ranges()))
        ctypes = kernel.ctypes
        self._buffer = ctypes.create_string_buffer(program, len(program))

        # struct sock_fprog: a count and, after padding, the address.
        address = ctypes.addressof(self._buffer)
        self._program = struct.pack("HxxxxxxQ", len(program) // 8, address)

    def install(self) -> None:
        """Restrict this thread and all that it starts, for good."""
        self.kernel.call("seccomp", 1, 0, self._program)

    def _prologue(self) -> list[bytes]:
        # A foreign architecture has other numbers: x32 would walk past the table.
        return [
            _instruction(0x20, 4),
            _instruction(0x15, self.kernel.audit_arch, 1, 0),
            _instruction(0x06, _KILL),
            _instruction(0x20, 0),
            _instruction(0x35, 0x40000000, 0, 1),
            _instruction(0x06, _KILL),
        ]

    def _ranges(self) -> list[tuple[int, int | list[bytes]]]:
        ranges: list[tuple[int, int | list[bytes]]] = [(0, self.default)]
        for number in sorted(self.actions):
            for start, action in (
                (number, self.actions[number]),
                (number + 1, self.default),
            ):
                if start == ranges[-1][0]:
                    ranges[-1] = (start, action)
                else:
                    ranges.append((start, action))
        merged = ranges[:1]
        for start, action in ranges[1:]:
            if action != merged[-1][1]:
                merged.append((start, action))
        return merged

    def _search(self, ranges: list[tuple[int, int | list[bytes]]]) -> list[bytes]:
        if len(ranges) == 1:
            action = ranges[0][1]
            return action if isinstance(action, list) else [_instruction(0x06, action)]
        middle = len(ranges) // 2
        below, above = self._search(ranges[:middle]), self._search(ranges[middle:])
        start = ranges[middle][0]
        if len(below) <= 255:  # noqa: PLR2004 - a conditional jump has eight bits
            return [_instruction(0x35, start, len(below), 0), *below, *above]
        jump = [_instruction(0x35, start, 0, 1), _instruction(0x05, len(below))]
        return [*jump, *below, *above]


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand & 0xFFFFFFFF)


def _argument_is_any(index: int, values: Sequence[int], otherwise: int) -> list[bytes]:
    """Allow the call if its argument equals one of `values`."""
    code = [_instruction(0x20, 16 + 8 * index)]
    for value in values:
        code += [_instruction(0x15, value, 0, 1), _instruction(0x06, _ALLOW)]
    return [*code, _instruction(0x06, otherwise)]


def _argument_is_none(index: int, values: Sequence[int], refusal: int) -> list[bytes]:
    """Refuse the call if its argument equals one of `values`."""
    code = [_instruction(0x20, 16 + 8 * index)]
    for value in values:
        code += [_instruction(0x15, value, 0, 1), _instruction(0x06, refusal)]
    return [*code, _instruction(0x06, _ALLOW)]


def _flags(mask: int, if_set: int, if_clear: int) -> list[bytes]:
    """Decide a clone by whether any of the flags in `mask` is set."""
    return [
        _instruction(0x20, 16),
        _instruction(0x45, mask, 0, 1),
        _instruction(0x06, if_set),
        _instruction(0x06, if_clear),
    ]


def _numbers(kernel: Kernel, names: str) -> list[int]:
    return [kernel.numbers[name] for name in names.split() if name in kernel.numbers]


def zygote_filter(kernel: Kernel) -> Filter:
    """Return the allowlist that a zygote and everything below it lives under."""
    actions: dict[int, int | list[bytes]] = dict.fromkeys(
        _numbers(kernel, _ALLOWED + _ZYGOTE_ONLY), _ALLOW
    )
    # glibc falls back to clone, whose flags a filter can read.
    actions[kernel.numbers["clone3"]] = _refuse(errno.ENOSYS)
    actions[kernel.numbers["clone"]] = _flags(
        _CLONE_NAMESPACES, _refuse(errno.EPERM), _ALLOW
    )
    return Filter(kernel, actions, _refuse(errno.EPERM))


def job_filter(kernel: Kernel) -> Filter:
    """Return the second filter, which takes the zygote's privileges from a child."""
    denied = _refuse(errno.EPERM)
    actions: dict[int, int | list[bytes]] = dict.fromkeys(
        _numbers(kernel, _ZYGOTE_ONLY), denied
    )
    actions[kernel.numbers["clone"]] = _flags(
        _CLONE_THREAD, _ALLOW, _refuse(errno.EAGAIN)
    )
    # Reading a limit is harmless and some libraries do it at import.
    actions[kernel.numbers["prlimit64"]] = _argument_is_any(2, (0,), denied)
    actions[kernel.numbers["ioctl"]] = _argument_is_any(
        1, (0x5401, 0x5451), _refuse(errno.ENOTTY)
    )
    return Filter(kernel, actions, _ALLOW)


def exec_filter(kernel: Kernel, families: Sequence[int] | None) -> Filter:
    """Return the denylist of a confined program.

    `families` are the socket address families it may use; None means any.
    """
    denied = _refuse(errno.EPERM)
    actions: dict[int, int | list[bytes]] = dict.fromkeys(
        _numbers(kernel, _EXEC_DENIED), denied
    )
    actions[kernel.numbers["clone3"]] = _refuse(errno.ENOSYS)
    actions[kernel.numbers["clone"]] = _flags(_CLONE_NAMESPACES, denied, _ALLOW)
    # TIOCSTI and TIOCLINUX would type into the user's terminal.
    actions[kernel.numbers["ioctl"]] = _argument_is_none(1, (0x5412, 0x541C), denied)
    if families is not None:
        actions[kernel.numbers["socket"]] = _argument_is_any(
            0, families, _refuse(errno.EACCES)
        )
    return Filter(kernel, actions, _ALLOW)


# ------------------------------------------------------------ landlock ----

_FS_EXECUTE, _FS_WRITE, _FS_READ, _FS_READ_DIR = 1, 2, 4, 8
_FS_MAKE_SPECIAL = 1 << 6 | 1 << 11  # character and block devices
_FS_REFER, _FS_TRUNCATE, _FS_IOCTL = 1 << 13, 1 << 14, 1 << 15


def landlock_abi(kernel: Kernel) -> int:
    """Return the version of Landlock that the kernel speaks.

    Raises:
        OSError: If the kernel has no Landlock, or it is switched off.
    """
    return kernel.call("landlock_create_ruleset", None, kernel.ctypes.c_size_t(0), 1)


class Ruleset:
    """A Landlock ruleset: what may be read and written; nothing else may."""

    def __init__(self, kernel: Kernel, *, network: bool = False) -> None:
        self.kernel = kernel
        self.abi = landlock_abi(kernel)
        self.handled = (1 << 13) - 1
        for since, right in ((2, _FS_REFER), (3, _FS_TRUNCATE), (5, _FS_IOCTL)):
            if self.abi >= since:
                self.handled |= right
        tcp = 3 if self.abi >= 4 and not network else 0  # noqa: PLR2004 - ABI history
        scoped = 3 if self.abi >= 6 else 0  # noqa: PLR2004 - signals, abstract sockets
        size = 8 if self.abi < 4 else 16 if self.abi < 6 else 24  # noqa: PLR2004 - ABI
        attributes = struct.pack("QQQ", self.handled, tcp, scoped)
        ctypes = kernel.ctypes
        self.fd = kernel.call(
            "landlock_create_ruleset",
            ctypes.c_char_p(attributes),
            ctypes.c_size_t(size),
            0,
        )

    def allow(self, path: str, *, write: bool = False) -> None:
        """Allow everything beneath `path`; a path that does not exist is skipped."""
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return
        try:
            rights = _FS_EXECUTE | _FS_READ | _FS_READ_DIR
            if write:
                rights = self.handled & ~_FS_MAKE_SPECIAL
            if not os.path.isdir(path):
                rights &= _FS_EXECUTE | _FS_READ | _FS_WRITE | _FS_TRUNCATE | _FS_IOCTL
            rule = struct.pack("=Qi", rights & self.handled, fd)
            ctypes = self.kernel.ctypes
            self.kernel.call("landlock_add_rule", self.fd, 1, ctypes.c_char_p(rule), 0)
        finally:
            os.close(fd)

    def enforce(self) -> None:
        """Restrict this thread and all that it starts, for good."""
        self.kernel.call("landlock_restrict_self", self.fd, 0)


# ---------------------------------------------------------- namespaces ----

_NEWNS, _NEWUTS, _NEWIPC = 0x00020000, 0x04000000, 0x08000000
_NEWUSER, _NEWPID, _NEWNET = 0x10000000, 0x20000000, 0x40000000
_NOBODY = 65534
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT = 1, 2, 4, 32
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2
_MS_RELATIME = 1 << 21
_ST_RELATIME = 4096


def enter_namespaces(kernel: Kernel, *, pid: bool, network: bool = False) -> None:
    """Leave the machine's users, mounts, IPC, host name (and network) behind.

    With `pid`, the next fork becomes the init of a new PID namespace.

    Raises:
        OSError: If the kernel or a container's policy refuses.
    """
    uid, gid = os.getuid(), os.getgid()
    flags = _NEWUSER | _NEWNS | _NEWIPC | _NEWUTS
    if not network:
        flags |= _NEWNET
    kernel.call("unshare", flags | (_NEWPID if pid else 0))
    # An inner root would get its capabilities back at the next exec.
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid or _NOBODY} {uid} 1"),
        ("gid_map", f"{gid or _NOBODY} {gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def enter_private_root(
    kernel: Kernel,
    read: Iterable[str],
    write: Iterable[str],
    *,
    proc: bool,
    scratch: bool,
) -> None:
    """Replace the file system by an empty one that shows only the given paths.

    With `scratch` there is a private /tmp and /dev/shm; with `proc` a /proc that
    shows the PID namespace. What was reachable through sockets in the file system
    is gone.

    Raises:
        OSError: If the kernel or a container's policy refuses.
    """
    kernel.mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    # pivot_root takes the new mount off /tmp again, so /tmp itself can be shown.
    kernel.mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=755,size=16m")  # noqa: S108 - any existing directory would do
    os.mkdir("/tmp/.old")  # noqa: S108 - inside the new, empty mount
    kernel.call("pivot_root", b"/tmp", b"/tmp/.old")
    os.chdir("/")
    for name in ("/tmp", "/dev", "/dev/shm", "/proc"):  # noqa: S108 - in the new root
        os.mkdir(name)
    for name in ("/tmp", "/dev/shm") if scratch else ():  # noqa: S108 - as above
        options = "mode=1777,size=256m"
        kernel.mount("tmpfs", name, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    for link in ("/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        with contextlib.suppress(OSError):
            os.symlink(os.readlink("/.old" + link), link)
    devices = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]
    for path in sorted({*devices, *read}):
        # What lies beneath a path that is shown already is shown with it.
        if not os.path.lexists(path):
            _show(kernel, path, writable=path in devices)
    for path in sorted(set(write)):
        _show(kernel, path, writable=True)
    if proc:
        with contextlib.suppress(OSError):
            kernel.mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | 8)
    for index, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{index}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    kernel.call("umount2", b"/.old", _MNT_DETACH)
    os.rmdir("/.old")
    kernel.mount("none", "/", "", _MS_REMOUNT | _MS_RDONLY | _MS_NOSUID | _MS_NODEV)


def _show(kernel: Kernel, path: str, *, writable: bool) -> None:
    """Bind `path` of the old root to the same place in the new one."""
    old = _resolve_in_old_root(path)
    if old is None:
        return
    if os.path.exists(path):
        pass
    elif os.path.isdir(old):
        os.makedirs(path)
    else:
        os.makedirs(path.rpartition("/")[0], exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    kernel.mount(old, path, "", _MS_BIND | _MS_REC)
    if not writable:
        present = os.statvfs(path).f_flag
        # The flags of the old mount are locked: leaving one out is refused.
        kept = present & 0x40E | (_MS_RELATIME if present & _ST_RELATIME else 0)
        kernel.mount("none", path, "", _MS_BIND | _MS_REMOUNT | _MS_RDONLY | kept)


def _resolve_in_old_root(path: str) -> str | None:
    """Return where `path` was before the new root, following links; None if absent."""
    done, parts = "", [part for part in path.split("/") if part][::-1]
    for _ in range(256):
        if not parts:
            return "/.old" + done
        part = parts.pop()
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        step = f"{done}/{part}"
        try:
            link = os.readlink("/.old" + step)
        except OSError:
            if not os.path.exists("/.old" + step):
                return None
            done = step
            continue
        if link.startswith("/"):
            done = ""
        parts += [part for part in link.split("/") if part not in ("", ".")][::-1]
    return None


def drop_capabilities(kernel: Kernel) -> None:
    """Give up what the user namespace granted; a later exec cannot regain it."""
    header = struct.pack("Ii", 0x20080522, 0)
    kernel.call("capset", header, bytes(24))


def bring_loopback_up() -> None:
    """Let programs talk to themselves over 127.0.0.1 in an empty network."""
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sH14x", b"lo", 1 | 64)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(probe, 0x8914, request)  # SIOCSIFFLAGS


# --------------------------------------------------------------- layers ----

LAYERS = (
    "namespaces",
    "pid_namespace",
    "private_root",
    "no_new_privs",
    "landlock",
    "seccomp",
    "rlimits",
)


class LayerStates:
    """What became of each layer: state and, where it is missing, the reason."""

    def __init__(self, off: Mapping[str, str]) -> None:
        self.off = off
        self.states: dict[str, list[str]] = {}
        self.landlock_abi = 0

    def attempt(self, name: str, apply: Callable[[], Any]) -> Any:
        """Apply one layer unless it is switched off; record what happened."""
        if name in self.off:
            reason = self.off[name]
            self.states[name] = ["unavailable" if reason else "off", reason]
            return None
        try:
            result = apply()
        except OSError as error:
            self.states[name] = ["unavailable", str(error)]
            return None
        self.states[name] = ["on", ""]
        return result

    def is_on(self, name: str) -> bool:
        """Whether the layer holds."""
        return self.states.get(name, [""])[0] == "on"

    @property
    def is_safe(self) -> bool:
        """Whether the files of the user are out of reach."""
        return self.is_on("landlock") or self.is_on("private_root")

    def to_data(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        return {"states": self.states, "landlock_abi": self.landlock_abi}


def set_limits(limits: Mapping[str, int]) -> None:
    """Lower the resource limits of this process that differ from job to job."""
    import resource

    _lower(resource.RLIMIT_AS, limits["memory"], limits["memory"])
    _lower(resource.RLIMIT_FSIZE, limits["file"], limits["file"])
    # SIGXCPU at the soft limit tells a timeout from a crash; SIGKILL comes after.
    _lower(resource.RLIMIT_CPU, limits["cpu"], limits["cpu"] + 1)


def set_common_limits(files: int) -> None:
    """Lower the resource limits that all jobs share; children inherit them."""
    import resource

    _lower(resource.RLIMIT_NOFILE, files, files)
    for name in ("RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"):
        if hasattr(resource, name):
            _lower(getattr(resource, name), 0, 0)


def _lower(kind: int, soft: int, hard: int) -> None:
    import resource

    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses some of them
        resource.setrlimit(kind, (soft, hard))


def kill_descendants(proc: int, *, everything: bool) -> None:
    """Kill and reap every process below this one.

    With `everything`, this process is the init of its own PID namespace and one
    signal reaches all. Otherwise it is a subreaper: the children of a killed
    process become its own, so it repeats until none is left. `proc` is a descriptor
    of /proc, opened before the root was replaced.
    """
    for _ in range(10_000):
        if everything:
            with contextlib.suppress(OSError):
                os.kill(-1, SIGKILL)
        else:
            for pid in _children(proc):
                with contextlib.suppress(OSError):
                    os.kill(pid, SIGKILL)
        try:
            pid, _ = os.waitpid(-1, 0 if everything else os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.001)


def open_proc() -> int:
    """Return a descriptor of /proc, or -1 where there is none."""
    try:
        return os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1


def _children(proc: int) -> list[int]:
    try:
        path = f"self/task/{os.getpid()}/children"
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return []
    with open(fd) as listing:
        return [int(pid) for pid in listing.read().split()]


# ------------------------------------------------------- confined program ----


def exec_main(config: Mapping[str, Any]) -> NoReturn:
    """Confine this process as `config` says and run a program in it.

    Exit status: that of the program, 128 + the signal that ended it, or 125 if it
    was not started (the reason is on the report descriptor, or on stderr).
    """
    import resource  # os.wait4 needs it, when its file may be out of sight
    import signal

    del resource
    report_fd: int = config.get("report_fd", -1)
    proc = open_proc()
    kernel = Kernel() if sys.platform == "linux" else None
    states = LayerStates(config["layers_off"])
    if kernel is not None:
        kernel.prctl(PR_SET_PDEATHSIG, SIGKILL)
        _enter_exec_namespaces(kernel, states, config)
    read = [*config["read_paths"]]
    write = [*config["write_paths"]]
    try:
        ruleset, filter_ = _exec_layers(kernel, states, config, read, write)
    except OSError as error:
        # Half a new root cannot be undone: the parent tries again without it.
        _report(report_fd, {"refused": str(error), "failed_layer": "private_root"})
        sys.exit(125)
    states.states["rlimits"] = ["on", ""]
    if not states.is_safe and not config["allow_unsafe"]:
        missing = "neither Landlock nor a private file system is available"
        _report(report_fd, {"refused": missing, "layers": states.to_data()})
        sys.exit(125)
    _report(report_fd, {"layers": states.to_data()})
    is_init = states.is_on("pid_namespace")
    signal.signal(signal.SIGTERM, lambda *_: _end_supervision(proc, is_init=is_init))
    program = os.fork()
    if program == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _become(kernel, config, ruleset, filter_, report_fd)
    _supervise(program, report_fd, proc, is_init=is_init)


def _enter_exec_namespaces(
    kernel: Kernel, states: LayerStates, config: Mapping[str, Any]
) -> None:
    want_pid = "pid_namespace" not in states.off
    network = config["network"]
    states.attempt(
        "namespaces", lambda: enter_namespaces(kernel, pid=want_pid, network=network)
    )
    if not states.is_on("namespaces"):
        reason = states.states["namespaces"]
        states.states["pid_namespace"] = states.states["private_root"] = reason
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
        return
    states.attempt("pid_namespace", lambda: None)
    if want_pid:
        follow_init(kernel)
    else:
        kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if not network:
        with contextlib.suppress(OSError):
            bring_loopback_up()


def follow_init(kernel: Kernel) -> None:
    """Fork the init of the new PID namespace; the caller becomes that init.

    The process that called stays behind, ends its init when it is told to, and
    ends with the status of its init. When it dies, the kernel kills the init and
    with it the whole namespace.
    """
    import signal

    init = os.fork()
    if init == 0:
        kernel.prctl(PR_SET_PDEATHSIG, SIGKILL)
        return
    os.closerange(0, 256)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(init, SIGKILL))
    status = 0
    while True:
        with contextlib.suppress(InterruptedError):
            _, status = os.waitpid(init, 0)
            break
    os._exit(_exit_code(status))


def _exec_layers(
    kernel: Kernel | None,
    states: LayerStates,
    config: Mapping[str, Any],
    read: list[str],
    write: list[str],
) -> tuple[Ruleset | None, Filter | None]:
    """Apply what the supervisor shares; return what only the program gets."""
    if kernel is None:
        for name in LAYERS:
            states.states.setdefault(name, ["unavailable", "needs Linux"])
        return None, None
    if states.is_on("namespaces"):
        has_pid = states.is_on("pid_namespace")
        if "private_root" in states.off:
            states.attempt("private_root", lambda: None)
        else:
            enter_private_root(kernel, read, write, proc=has_pid, scratch=True)
            states.states["private_root"] = ["on", ""]
            read, write = [*read, "/proc"], [*write, "/tmp", "/dev/shm"]  # noqa: S108 - private
        drop_capabilities(kernel)
    states.attempt("no_new_privs", lambda: kernel.prctl(PR_SET_NO_NEW_PRIVS, 1))
    ruleset = states.attempt("landlock", lambda: _exec_ruleset(kernel, read, write))
    if ruleset is not None:
        states.landlock_abi = ruleset.abi
    families: tuple[int, ...] | None = None
    if not config["network"]:
        # A socket in the file system (a container engine's) leads out of any
        # network namespace; only a private root hides it.
        families = (_AF_UNIX,) if states.is_on("private_root") else ()
        families += (_AF_INET, _AF_INET6) if states.is_on("namespaces") else ()
    filter_ = states.attempt("seccomp", lambda: exec_filter(kernel, families))
    return ruleset, filter_


def _exec_ruleset(kernel: Kernel, read: list[str], write: list[str]) -> Ruleset:
    # An empty network needs no TCP rule, and loopback should work in it.
    ruleset = Ruleset(kernel, network=True)
    for path in read:
        ruleset.allow(path)
    devices = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]
    for path in [*write, *devices]:
        ruleset.allow(path, write=True)
    return ruleset


def _become(
    kernel: Kernel | None,
    config: Mapping[str, Any],
    ruleset: Ruleset | None,
    filter_: Filter | None,
    report_fd: int,
) -> NoReturn:
    try:
        if kernel is not None:
            kernel.prctl(PR_SET_PDEATHSIG, SIGKILL)
        os.chdir(config["cwd"])
        set_common_limits(config["limits"]["files"])
        set_limits(config["limits"])
        if ruleset is not None:
            ruleset.enforce()
        if filter_ is not None:
            filter_.install()
        if report_fd >= 0:
            os.set_inheritable(report_fd, False)  # noqa: FBT003 - os names it so
        os.execvpe(config["argv"][0], config["argv"], config["env"])  # noqa: S606 - as asked
    except OSError as error:
        _report(report_fd, {"refused": f"{config['argv'][0]}: {error}"})
    os._exit(125)


def _supervise(program: int, report_fd: int, proc: int, *, is_init: bool) -> NoReturn:
    """Reap until the program ends, then kill whatever it left behind."""
    status = 0
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except InterruptedError:
            continue
        if pid == program:
            break
    kill_descendants(proc, everything=is_init)
    cpu = usage.ru_utime + usage.ru_stime
    _report(report_fd, {"status": _exit_code(status), "cpu_s": cpu})
    os._exit(_exit_code(status))


def _end_supervision(proc: int, *, is_init: bool) -> NoReturn:
    kill_descendants(proc, everything=is_init)
    os._exit(128 + 15)


def _report(fd: int, message: Mapping[str, Any]) -> None:
    if fd >= 0:
        with contextlib.suppress(OSError):
            write_frame(fd, message)
    elif "refused" in message:
        sys.stderr.write(f"codegrad: not started: {message['refused']}\n")


def _exit_code(status: int) -> int:
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)


# --------------------------------------------------------------- zygote ----

CHANNEL = 3
"""The descriptor on which a child reads its job and writes what it found."""

LINK = 4
"""The descriptor between tester and candidate, or of the mark of a kernel job."""

_ZYGOTE_FILES = 64
"""Descriptors that a zygote and each of its children may have open."""

CONTROL_BYTES = 1 << 15
"""The largest control message."""

LEAN = """
array bisect cmath collections collections.abc contextlib copy functools heapq io
itertools json math operator random re string time typing
fcntl gc mmap resource signal socket _thread
"""
"""Modules that nearly every candidate imports, and those that a child itself needs:
paid once, inherited by every child."""

PRELOADED = f"""
{LEAN} abc ast calendar dataclasses datetime decimal enum fractions hashlib numbers
queue reprlib statistics textwrap traceback unittest
"""
"""Modules that candidates commonly import, unless a sandbox is asked to be lean: they
add a fifth to the cost of a fork."""


def zygote_main(config: Mapping[str, Any]) -> None:
    """Confine this process once, then fork a child for each part of each job."""
    import gc
    import socket

    # Low numbers only: a child closes what lies below 256.
    control = socket.socket(fileno=os.dup(config["control"]))
    os.close(config["control"])
    kernel = Kernel() if sys.platform == "linux" else None
    states = LayerStates(config["layers_off"])
    zygote = Zygote(control, kernel, states)
    zygote.must_seed = "random" in sys.modules
    try:
        with _no_fork_hooks():
            zygote.confine(config)
    except OSError as error:
        message = {"failed_layer": "private_root", "refused": str(error)}
        control.send(pack(message)[_HEADER.size :])
        return
    hello = {**states.to_data(), "python": sys.version.split()[0]}
    control.send(json.dumps(hello).encode())
    _capture()
    gc.collect()
    gc.freeze()
    gc.disable()
    zygote.serve()


class Zygote:
    """Forks, kills and reaps; knows nothing about what its children do."""

    def __init__(
        self, control: Any, kernel: Kernel | None, states: LayerStates
    ) -> None:
        self.control = control
        self.kernel = kernel
        self.states = states
        self.ruleset: Ruleset | None = None
        self.filter: Filter | None = None
        self.null = os.open(os.devnull, os.O_RDWR)
        self.proc = open_proc()
        self.pids: list[int] = []
        self.must_seed = False

    def confine(self, config: Mapping[str, Any]) -> None:
        """Apply the layers that all children inherit; prepare those that they add.

        Raises:
            OSError: If the private root failed half-way, which cannot be undone.
        """
        kernel, states = self.kernel, self.states
        if kernel is not None:
            self._enter_namespaces(kernel)
        common = LEAN if config["is_lean"] else PRELOADED
        preload([*common.split(), *config["preload"]], config["package"])
        read = [*readable_paths(), *config["read_paths"]]
        sys.path[:] = [
            entry
            for entry in sys.path
            if any(_is_beneath(entry, path) for path in read)
        ]
        states.attempt("rlimits", lambda: set_common_limits(_ZYGOTE_FILES))
        if kernel is None:
            for name in LAYERS:
                states.states.setdefault(name, ["unavailable", "needs Linux"])
            return
        if states.is_on("namespaces"):
            if "private_root" in states.off:
                states.attempt("private_root", lambda: None)
            else:
                enter_private_root(kernel, read, (), proc=False, scratch=False)
                states.states["private_root"] = ["on", ""]
            drop_capabilities(kernel)
        states.attempt("no_new_privs", lambda: kernel.prctl(PR_SET_NO_NEW_PRIVS, 1))
        # Otherwise a child of the same user could read this memory through /proc.
        states.attempt("undumpable", lambda: kernel.prctl(PR_SET_DUMPABLE, 0))
        self.ruleset = states.attempt("landlock", lambda: _job_ruleset(kernel, read))
        if self.ruleset is not None:
            states.landlock_abi = self.ruleset.abi
        states.attempt("seccomp", lambda: self._install_filters(kernel))

    def _enter_namespaces(self, kernel: Kernel) -> None:
        states = self.states
        want_pid = "pid_namespace" not in states.off
        states.attempt("namespaces", lambda: enter_namespaces(kernel, pid=want_pid))
        if states.is_on("namespaces"):
            states.attempt("pid_namespace", lambda: None)
        else:
            reason = states.states["namespaces"]
            states.states["pid_namespace"] = states.states["private_root"] = reason
        if states.is_on("pid_namespace"):
            follow_init(kernel)
        else:
            kernel.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def _install_filters(self, kernel: Kernel) -> None:
        self.filter = job_filter(kernel)
        zygote_filter(kernel).install()

    def serve(self) -> None:
        """Obey the parent until it goes away."""
        import signal
        import socket

        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            try:
                data, fds, _, _ = _receive(self.control, socket)
            except OSError:
                data, fds = b"", []
            if not data:
                self._kill()
                return
            message = json.loads(data)
            if "kids" in message:
                self._start(message["kids"], fds)
            elif "host" in message:
                self._start_host(message["host"], fds)
            else:
                self.control.send(json.dumps(self._end()).encode())

    def _start(self, kids: list[dict[str, Any]], fds: list[int]) -> None:
        groups, rest = [], list(fds)
        for kid in kids:
            groups.append(rest[: kid["fds"]])
            rest = rest[kid["fds"] :]
        for kid, own in zip(kids, groups):
            try:
                pid = os.fork()
            except OSError:
                break  # the parent sees its channel close
            if pid == 0:
                self._run_child(kid, own)
            self.pids.append(pid)
        for fd in fds:
            os.close(fd)

    def _start_host(self, module: str, fds: list[int]) -> None:
        """Fork a zygote that holds what the children of many jobs have in common.

        Nothing secret may be held: every child inherits it.
        """
        pid = os.fork()
        if pid == 0:
            try:
                self._become_host(module, fds)
            except BaseException:  # noqa: BLE001, S110 - whatever happens, never return
                pass
            finally:
                os._exit(0)
        self.pids.append(pid)
        for fd in fds:
            os.close(fd)

    def _become_host(self, module: str, fds: list[int]) -> None:
        if self.kernel is not None:
            self.kernel.prctl(PR_SET_PDEATHSIG, SIGKILL)
        self.control.close()
        self.pids = []
        sys.modules[module].host(self, *fds)

    def _end(self) -> dict[str, Any]:
        """Kill what is left of the job; return how each child ended."""
        everything = self.states.is_on("pid_namespace")
        # Killed before it is reaped: until then its number cannot be another's.
        for pid in self.pids:
            with contextlib.suppress(OSError):
                os.kill(pid, SIGKILL)
            with contextlib.suppress(OSError):
                os.killpg(pid, SIGKILL)
        ended = []
        for pid in self.pids:
            _, status, usage = os.wait4(pid, 0)
            cpu = usage.ru_utime + usage.ru_stime
            ended.append([status, cpu, usage.ru_maxrss])
        self.pids = []
        kill_descendants(self.proc, everything=everything)
        return {"ended": ended}

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            self._end()

    def _run_child(self, kid: Mapping[str, Any], fds: list[int]) -> NoReturn:
        """Confine a forked child, then let it play its role."""
        try:
            self._confine_child(kid, fds)
            _ROLES[kid["role"]]()
        except BaseException:  # noqa: BLE001, S110 - whatever happens, never return
            pass
        finally:
            os._exit(0)

    def _confine_child(self, kid: Mapping[str, Any], fds: list[int]) -> None:
        import fcntl
        import gc

        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        if self.kernel is not None:
            self.kernel.prctl(PR_SET_PDEATHSIG, SIGKILL)
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 32) for fd in fds]
        streams = [self.null] * 3
        if kid["role"] == "program":
            streams = high[1:]
            high = high[:1]
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
        for number, fd in enumerate(high):
            os.dup2(fd, CHANNEL + number)
        if self.states.is_on("rlimits"):
            set_limits(kid["limits"])
        if self.ruleset is not None:
            self.ruleset.enforce()
        os.closerange(CHANNEL + len(high), 256)
        if self.filter is not None:
            self.filter.install()
        import _thread

        # Large stacks let the limit on memory stop a bomb of threads.
        with contextlib.suppress(ValueError, OSError):
            _thread.stack_size(64 << 20)
        if self.must_seed:
            sys.modules["random"].seed(0)
        gc.enable()


@contextlib.contextmanager
def _no_fork_hooks() -> Iterator[None]:
    """Import modules without what they would do after each fork.

    `random` would seed itself from the system: same job, another run. `threading`
    looks for other threads, of which there are none, at the cost of 500 us.
    """
    register = os.register_at_fork
    vars(os)["register_at_fork"] = lambda **_hooks: None
    try:
        import random

        random.seed(0)
        yield
        import threading

        hook = getattr(threading, "_after_fork", None)
        if hook is not None:
            hook.__code__ = (lambda: None).__code__
    finally:
        vars(os)["register_at_fork"] = register


def _receive(control: Any, socket: Any) -> tuple[bytes, list[int], int, Any]:
    size = struct.calcsize("i")
    data, ancillary, flags, address = control.recvmsg(
        CONTROL_BYTES, socket.CMSG_SPACE(16 * size)
    )
    fds: list[int] = []
    for level, kind, body in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            count = len(body) // size
            fds += struct.unpack(f"{count}i", body[: count * size])
    return data, fds, flags, address


def _job_ruleset(kernel: Kernel, read: Iterable[str]) -> Ruleset:
    ruleset = Ruleset(kernel)
    for path in [*read, "/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]:
        ruleset.allow(path)
    ruleset.allow("/dev/null", write=True)
    return ruleset


def readable_paths() -> list[str]:
    """Return what this interpreter needs to read: its libraries, nothing of a user."""
    import sysconfig

    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = {sysconfig.get_path(name) for name in names}
    paths |= {
        entry
        for entry in sys.path
        if entry.endswith(("site-packages", "dist-packages"))
    }
    paths |= {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"}
    paths |= {"/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache"}
    base = f"{sys.base_prefix}/lib"
    if os.path.isdir(base):
        paths.add(base)
    home = os.path.expanduser("~")
    return sorted(path for path in paths if path and path not in ("/", home))


def _is_beneath(entry: str, path: str) -> bool:
    return entry == path or entry.startswith(path.rstrip("/") + "/")


def preload(names: Iterable[str], package: str) -> None:
    """Import modules before the first fork; those that are absent are left out.

    A name below `codegrad` is loaded from the directory `package` without running
    the initialisation of the packages above it, so that it also loads in an
    interpreter that does not have CodeGrad installed.
    """
    import importlib

    for name in names:
        if name.startswith("codegrad."):
            _make_packages(name, package)
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _make_packages(name: str, package: str) -> None:
    parts = name.split(".")[:-1]
    for count in range(1, len(parts) + 1):
        full = ".".join(parts[:count])
        if full not in sys.modules:
            module = types.ModuleType(full)
            module.__path__ = ["/".join([package, *parts[1:count]])]
            sys.modules[full] = module


# ------------------------------------------------------------ candidate ----

CANDIDATE_FILE = "<candidate>"
"""The file name in the code objects of a candidate."""

_MESSAGE_LENGTH = 500


def describe(error: BaseException, filename: str = CANDIDATE_FILE) -> dict[str, Any]:
    """Return an exception as data: its type, message and deepest line in a file."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None and isinstance(error, SyntaxError) and error.filename == filename:
        line = error.lineno
    return {"error": _name(error), "message": _text(error), "line": line}


def _name(error: BaseException) -> str:
    return str(type.__dict__["__name__"].__get__(type(error)))[:100]


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_LENGTH]
    except BaseException:  # noqa: BLE001 - the candidate wrote this __str__
        return "(the message cannot be shown)"


class _Sink(io.RawIOBase):
    """Keeps what is printed, up to a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(data)
        self.kept += bytes(data[: max(0, self.limit - len(self.kept))])
        return size

    def take(self) -> str:
        text = self.kept.decode("utf-8", "replace")
        self.kept.clear()
        return text


class _Capture:
    """Catches sys.stdout; `take` returns what was printed since the last time.

    The zygote makes one for all its children, which costs each of them less than
    making its own.
    """

    def __init__(self) -> None:
        self.sink = _Sink(0)
        self.stream = io.TextIOWrapper(
            cast("Any", self.sink),
            encoding="utf-8",
            errors="surrogateescape",
            write_through=True,
        )

    def begin(self, limit: int) -> _Capture:
        """Catch from now on, up to `limit` bytes at a time."""
        self.sink.limit = limit
        sys.stdout = self.stream
        return self

    def take(self) -> str:
        with contextlib.suppress(Exception):
            self.stream.flush()
        return self.sink.take()


@functools.cache
def _capture() -> _Capture:
    return _Capture()


class _Candidate:
    """The candidate's module, loaded in this process."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.capture = _capture().begin(job["output_bytes"])
        self.tracer = _Tracer(job["trace"]) if job.get("trace") else None
        self.namespace: dict[str, Any] = {}

    def load(self) -> dict[str, Any] | None:
        """Execute the source; return what went wrong, or None."""
        module = types.ModuleType("candidate")
        # dataclasses and typing look a class's module up by name.
        sys.modules["candidate"] = module
        self.namespace = module.__dict__
        try:
            for text, name in (
                (self.job.get("context") or "", "<context>"),
                (self.job["source"], CANDIDATE_FILE),
            ):
                code = compile(text, name, "exec", dont_inherit=True)
                exec(code, self.namespace)  # noqa: S102 - the purpose of this process
        except BaseException as error:  # noqa: BLE001 - turned into a message
            return describe(error)
        entry = self.job["entry"]
        if not callable(self.namespace.get(entry)):
            return describe(NameError(f"no function `{entry}` is defined"))
        return None

    def call(self, name: str, args: Any, kwargs: Any) -> dict[str, Any]:
        """Call a function with encoded arguments; return what happened, encoded."""
        function = self.namespace[name]
        positional = [_live(decode(arg)) for arg in args]
        named = {key: _live(decode(value)) for key, value in kwargs.items()}
        started = time.process_time()
        try:
            if self.tracer is not None:
                value = self.tracer.run(function, positional, named)
            else:
                value = function(*positional, **named)
            encoder = _Encoder()
            found = {"kind": "returned", "value": encoder.top(value)}
            found["opaque"] = encoder.has_opaque
        except BaseException as error:  # noqa: BLE001 - turned into a message
            found = {"kind": "raised", **describe(error)}
            found["args"] = encode(list(error.args)) if _is_builtin(error) else None
        found["cpu_s"] = time.process_time() - started
        found["mutated"] = _changed(positional, args)
        found["stdout"] = self.capture.take()
        return found


def _changed(values: list[Any], before: list[Any]) -> list[Any] | None:
    """Return `values` encoded if they differ from what they were `before`."""
    try:
        after = [encode(value) for value in values]
    except BaseException:  # noqa: BLE001 - an iterator can run the candidate's code
        return None
    return after if after != before else None


def _live(value: Any) -> Any:
    """Return `value` as the code under test expects it: an iterator as an iterator."""
    return iter(value.items) if type(value) is Yielded else value


def _is_builtin(error: BaseException) -> bool:
    return type(error).__module__ == "builtins"


def _send(message: Any) -> None:
    """Send a frame to the parent, with a note in place of one that is too large."""
    data = pack(message)
    if len(data) > FRAME_BYTES and type(message[-1]) is dict:
        message[-1]["value"] = {"o": "too large"}
        message[-1]["mutated"] = None
        data = pack(message)
    view = memoryview(data)
    while view:
        view = view[os.write(CHANNEL, view) :]


def _call_role() -> None:
    """Make the calls of a job and report each; see `Sandbox.call`."""
    job = read_frame(CHANNEL)
    candidate = _Candidate(job)
    failure = candidate.load()
    _send(["load", failure, candidate.capture.take()])
    if failure is not None:
        return
    for index, (args, kwargs) in enumerate(job["calls"]):
        if candidate.tracer is not None:
            candidate.tracer.begin(index)
        found = candidate.call(job["entry"], args, kwargs)
        if candidate.tracer is not None:
            found["trace"] = candidate.tracer.take()
        _send(["call", index, found])


def _serve_role() -> None:
    """Answer the tester's calls; see `Sandbox.check`."""
    job = read_frame(CHANNEL)
    candidate = _Candidate(job)
    failure = candidate.load()
    _send(["load", failure, candidate.capture.take()])
    if failure is not None:
        return
    names = [
        name
        for name, value in candidate.namespace.items()
        if callable(value) and not name.startswith("_") and type(name) is str
    ]
    write_frame(LINK, ["ready", names])
    tracer = candidate.tracer
    while True:
        try:
            message = read_frame(LINK)
        except EOFError:
            break
        if message[0] == "call":
            write_frame(LINK, candidate.call(*message[1:]))
        elif tracer is not None:
            _send_trace(tracer)
            tracer.begin(message[1])
    if tracer is not None:
        _send_trace(tracer)
    _send(["end"])


def _send_trace(tracer: _Tracer) -> None:
    if tracer.index >= 0:
        _send(["trace", tracer.index, tracer.take()])


# -------------------------------------------------------------- tracing ----

_FIRST_STATES = 200
_LAST_STATES = 100
_REPR_LENGTH = 200


class _Tracer:
    """Follows the lines, values, exceptions and calls of the candidate."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        import reprlib
        import signal

        self.signal = signal
        self.budget: int = settings["events"]
        self.wall_s: float = settings["wall_s"]
        self.index = -1
        self.repr = reprlib.Repr()
        for name in ("maxlist", "maxtuple", "maxdict", "maxset", "maxdeque"):
            setattr(self.repr, name, 20)
        self.repr.maxstring = self.repr.maxother = _REPR_LENGTH
        self.repr.maxlevel = 4
        self.begin(-1)

    def begin(self, index: int) -> None:
        """Forget what was seen; what follows belongs to call or test `index`."""
        self.index = index
        self.events = 0
        self.lines: dict[int, int] = {}
        self.first: list[Any] = []
        self.last: collections.deque[Any] = collections.deque(maxlen=_LAST_STATES)
        self.exceptions: dict[int, None] = {}
        self.calls: dict[tuple[str, str], None] = {}

    def take(self) -> dict[str, Any]:
        """Return what was seen since `begin`."""
        return {
            "lines": sorted(self.lines.items()),
            "values": [*self.first, *self.last],
            "exceptions": list(self.exceptions),
            "calls": list(self.calls),
            "events": self.events,
        }

    def run(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Call `function` under the tracer."""
        signal = self.signal
        signal.signal(signal.SIGALRM, lambda _number, frame: self._give_up(frame))
        signal.setitimer(signal.ITIMER_REAL, self.wall_s)
        sys.settrace(self._enter)
        try:
            value = function(*args, **kwargs)
            if type(value) is types.GeneratorType:
                # Its body runs only while it is read.
                value = iter(list(_first_items(value)))
            return value
        finally:
            sys.settrace(None)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _enter(self, frame: Any, event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename != CANDIDATE_FILE or event != "call":
            return None
        back = frame.f_back
        is_inner = back is not None and back.f_code.co_filename == CANDIDATE_FILE
        caller = _qualified(back.f_code) if is_inner else ""
        self.calls[(caller, _qualified(frame.f_code))] = None
        return self._step

    def _step(self, frame: Any, event: str, argument: Any) -> Any:
        line = frame.f_lineno
        if event == "line":
            self.events += 1
            self.lines[line] = self.lines.get(line, 0) + 1
            self._see(line, frame.f_locals.items())
            if self.events > self.budget:
                self._give_up(None)
        elif event == "exception":
            self.exceptions[line] = None
        elif event == "return":
            self._see(line, (("<return>", argument),))
        return self._step

    def _see(self, line: int, values: Iterable[tuple[str, Any]]) -> None:
        shown = [
            [name, self.repr.repr(value)[:_REPR_LENGTH]]
            for name, value in values
            if not isinstance(value, (types.ModuleType, types.FunctionType))
        ]
        (self.first if len(self.first) < _FIRST_STATES else self.last).append(
            [line, shown]
        )

    def _give_up(self, frame: Any) -> NoReturn:
        sys.settrace(None)
        while frame is not None and frame.f_code.co_filename != CANDIDATE_FILE:
            frame = frame.f_back
        if frame is not None:
            self.lines.setdefault(frame.f_lineno, 1)
            self._see(frame.f_lineno, frame.f_locals.items())
        # An exception could be caught by the candidate; leaving cannot.
        _send(["spent", self.index, self.take()])
        os._exit(0)


def _first_items(values: Iterator[Any]) -> Iterator[Any]:
    for count, value in enumerate(values):
        yield value
        if count > MAX_YIELDED:
            return


def _qualified(code: Any) -> str:
    return str(getattr(code, "co_qualname", code.co_name))


# --------------------------------------------------------------- tester ----


class CandidateGoneError(BaseException):
    """The candidate's process ended, or broke the protocol."""


class CannotCrossError(TypeError):
    """An argument is of a kind that cannot be sent to the candidate."""


class ComparisonError(AssertionError):
    """A failed assertion that knows what it compared."""

    def __init__(self, message: str, observed: Any, expected: Any) -> None:
        super().__init__(message)
        self.observed = observed
        self.expected = expected


_MAX_CALLS = 20


class _Link:
    """The tester's end of the link to the candidate."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.printed: list[str] = []
        self.line: int | None = None
        self.has_opaque = False
        self.is_gone = False

    def wait(self) -> list[str]:
        """Wait until the candidate is loaded; return the names it defines."""
        return [str(name) for name in self._read()[1]]

    def begin(self, index: int, *, is_traced: bool) -> None:
        """Start a test."""
        self.calls, self.printed, self.line = [], [], None
        self.has_opaque = False
        if is_traced:
            self._write(["test", index])

    def proxy(self, name: str) -> Callable[..., Any]:
        """Return a function that calls the candidate's function `name`."""

        def candidate(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        candidate.__name__ = candidate.__qualname__ = name
        return candidate

    def _call(self, name: str, args: Any, kwargs: Any) -> Any:
        encoder = _Encoder()
        sent = [encoder.top(arg) for arg in args]
        named = {key: encoder.top(value) for key, value in kwargs.items()}
        if encoder.has_opaque:
            self.has_opaque = True
            raise CannotCrossError(
                f"an argument of {name}() is of a kind that cannot be sent to the "
                "candidate's process"
            )
        self._write(["call", name, sent, named])
        found = self._read()
        self.printed.append(str(found["stdout"]))
        is_raised = found["kind"] == "raised"
        if len(self.calls) < _MAX_CALLS:
            what = found["error"] if is_raised else found["value"]
            self.calls.append([sent, named, found["kind"], what])
        if found["mutated"] is not None:
            for old, new in zip(args, found["mutated"]):
                _write_back(old, decode(new))
        if is_raised:
            self.line = found["line"]
            raise _rebuild(found)
        self.has_opaque |= bool(found["opaque"])
        return _live(decode(found["value"]))

    def _write(self, message: Any) -> None:
        try:
            write_frame(LINK, message)
        except OSError:
            self.is_gone = True
            raise CandidateGoneError from None

    def _read(self) -> Any:
        try:
            return read_frame(LINK)
        except (OSError, EOFError, ValueError, RecursionError):
            self.is_gone = True
            raise CandidateGoneError from None


def _write_back(old: Any, new: Any) -> None:
    """Make the tester's own argument look as the candidate left it."""
    if type(old) is not type(new):
        return
    if isinstance(old, (list, bytearray)):
        old[:] = new
    elif isinstance(old, dict):
        old.clear()
        old.update(new)
    elif isinstance(old, set):
        old.clear()
        old |= new
    elif isinstance(old, collections.deque):
        old.clear()
        old.extend(new)


def _rebuild(found: Mapping[str, Any]) -> BaseException:
    """Return the candidate's exception: a builtin type as itself, else a stand-in."""
    name = str(found["error"])
    kind: Any = vars(__import__("builtins")).get(name)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        kind = type(name, (Exception,), {})
        error: BaseException = kind(found["message"])
        return error
    try:
        error = kind(*decode(found["args"]))
    except Exception:  # noqa: BLE001 - arguments that do not fit the type
        error = kind.__new__(kind)
        error.args = (found["message"],)
    return error


def _test_role() -> None:
    """Run the tests against the candidate in another process."""
    job = read_frame(CHANNEL)
    link = _Link()
    names = link.wait()
    _run_tests(job, link, {name: link.proxy(name) for name in names}, None)


def _shared_role() -> None:
    """Run the tests in the process of the candidate."""
    job = read_frame(CHANNEL)
    candidate = _Candidate(job)
    failure = candidate.load()
    _send(["load", failure, candidate.capture.take()])
    if failure is None:
        _run_tests(job, None, candidate.namespace, candidate.tracer)


def _run_tests(
    job: Mapping[str, Any],
    link: _Link | None,
    names: Mapping[str, Any],
    tracer: _Tracer | None,
) -> None:
    entry = job["entry"]
    hidden = vars(__import__("builtins"))
    # The candidate must not replace what the tests take for granted.
    visible = {
        name: value
        for name, value in names.items()
        if link is None or name not in hidden
    }
    visible.update({entry: names[entry], "candidate": names[entry]})
    tester = _Tester(job, link, visible, tracer)
    failure = tester.prepare()
    _send(["prelude", failure])
    if failure is not None:
        return
    for index, test in enumerate(job["tests"]):
        outcome = tester.run(index, test)
        _send(["test", index, outcome])
        if outcome["kind"] == "died":
            break
    if tracer is not None:
        _send(["end"])


class _Tester:
    """Runs pieces of test code, each in its own copy of the prelude's names."""

    def __init__(
        self,
        job: Mapping[str, Any],
        link: _Link | None,
        names: Mapping[str, Any],
        tracer: _Tracer | None,
    ) -> None:
        self.job = job
        self.link = link
        self.tracer = tracer
        self.is_traced = bool(job.get("trace"))
        self.capture = _capture().begin(job["output_bytes"])
        self.namespace: dict[str, Any] = {
            **names,
            "__name__": "tests",
            CHECK_NAME: _check,
        }

    def prepare(self) -> dict[str, Any] | None:
        """Execute the prelude; return what went wrong, or None."""
        try:
            self._execute(self.job.get("prelude") or "", "<prelude>", self.namespace)
        except CandidateGoneError:
            return {"error": "CandidateGone", "message": "", "line": None}
        except BaseException as error:  # noqa: BLE001 - turned into a message
            return describe(error, "<prelude>")
        return None

    def run(self, index: int, test: str) -> dict[str, Any]:
        """Run one test; return its outcome as data."""
        if self.link is not None:
            self.link.begin(index, is_traced=self.is_traced)
        if self.tracer is not None:
            self.tracer.begin(index)
        try:
            self._execute_traced(test, f"<test {index}>")
            found: dict[str, Any] = {"kind": "passed"}
        except CandidateGoneError:
            found = {"kind": "died"}
        except BaseException as error:  # noqa: BLE001 - turned into a message
            found = self._failure(error)
        printed = self.capture.take()
        if self.link is not None:
            if self.link.is_gone:
                # Whatever the test made of it: `except:` catches this end, too.
                found = {"kind": "died"}
            found["calls"] = self.link.calls
            found["opaque"] = self.link.has_opaque
            if found.get("line") is None:
                found["line"] = self.link.line
            printed = "".join([*self.link.printed, printed])
        if self.tracer is not None:
            found["trace"] = self.tracer.take()
        found["stdout"] = printed[: self.job["output_bytes"]]
        return found

    def _failure(self, error: BaseException) -> dict[str, Any]:
        found = {"kind": "raised", **describe(error)}
        if isinstance(error, AssertionError):
            found["kind"] = "failed"
        if isinstance(error, ComparisonError):
            encoder = _Encoder()
            found["observed"] = encoder.top(error.observed)
            found["expected"] = encoder.top(error.expected)
        return found

    def _execute_traced(self, test: str, name: str) -> None:
        namespace = dict(self.namespace)
        if self.tracer is None:
            self._execute(test, name, namespace)
        else:
            self.tracer.run(self._execute, (test, name, namespace), {})

    def _execute(self, text: str, name: str, namespace: dict[str, Any]) -> None:
        if not text:
            return
        code = compile(text, name, "exec", dont_inherit=True)
        exec(code, namespace)  # noqa: S102 - the purpose of this process


CHECK_NAME = "__codegrad_check__"
"""What the parent writes in place of `assert`; see `codegrad.sandbox.asserts`."""


_HOLDS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "==": lambda left, right, _: left == right,
    "is": lambda left, right, _: left is right,
    "truth": lambda value, expected, _: bool(value) == expected,
    "<": lambda left, right, tolerance: abs(left - right) < tolerance,
    "<=": lambda left, right, tolerance: abs(left - right) <= tolerance,
}


def _check(  # noqa: PLR0913, PLR0917 - called by rewritten asserts, by position
    message: Callable[[], Any],
    kind: str,
    left: Any,
    right: Any,
    is_swapped: bool,  # noqa: FBT001 - as above
    tolerance: Any = None,
) -> None:
    """Stand in for an assert of a comparison."""
    holds = _HOLDS[kind](left, right, tolerance)
    if not holds:
        text = message()
        observed, expected = (right, left) if is_swapped else (left, right)
        raise ComparisonError("" if text is None else str(text), observed, expected)


# -------------------------------------------------- programs and kernels ----


def _program_role() -> None:
    """Run a source as a program that reads stdin and writes stdout."""
    job = read_frame(CHANNEL)
    for fd, (name, mode) in enumerate((("in", "r"), ("out", "w"), ("err", "w"))):
        stream = open(fd, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives on
        vars(sys).update({f"std{name}": stream, f"__std{name}__": stream})
    sys.argv = ["main.py"]
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    found: dict[str, Any] = {"kind": "exited", "returncode": 0}
    try:
        for text, name in (
            (job.get("context") or "", "<context>"),
            (job["source"], CANDIDATE_FILE),
        ):
            code = compile(text, name, "exec", dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - the purpose of this process
        _join_threads()
    except SystemExit as error:
        found["returncode"] = _exit_status(error)
    except BaseException as error:  # noqa: BLE001 - turned into a message
        found = {"kind": "raised", "returncode": 1, **describe(error)}
        with contextlib.suppress(BaseException):
            sys.stderr.write(f"{found['error']}: {found['message']}\n")
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    _send(["end", found])


def _join_threads() -> None:
    """Wait for the program's threads, as an interpreter does at its end."""
    threading = sys.modules.get("threading")
    while threading is not None:
        own = threading.current_thread()
        others = [t for t in threading.enumerate() if t is not own and not t.daemon]
        if not others:
            break
        for thread in others:
            thread.join()


def _exit_status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return int(error.code) & 0xFF
    with contextlib.suppress(BaseException):
        sys.stderr.write(f"{error.code}\n")
    return 1


class _Emit:
    """What a kernel reports with: frames, and a mark that survives its death."""

    def __init__(self) -> None:
        import mmap

        self._shared = mmap.mmap(LINK, 8)

    def __call__(self, message: Any) -> None:
        """Send one JSON-ready object to the parent."""
        _send(["frame", message])

    def mark(self, index: int) -> None:
        """Record how far the kernel has come."""
        struct.pack_into("<q", self._shared, 0, index)


def _kernel_role() -> None:
    """Run a preloaded function of ours together with candidate code."""
    job = read_frame(CHANNEL)
    _capture().begin(0)
    try:
        sys.modules[job["module"]].run(job["job"], _Emit())
    except BaseException as error:  # noqa: BLE001 - turned into a message
        import traceback

        found = describe(error)
        with contextlib.suppress(BaseException):
            found["message"] = traceback.format_exc()[-4000:]
        _send(["error", found])
        return
    _send(["end"])


_ROLES: dict[str, Callable[[], None]] = {
    "call": _call_role,
    "serve": _serve_role,
    "test": _test_role,
    "shared": _shared_role,
    "program": _program_role,
    "kernel": _kernel_role,
}


def main(arguments: Sequence[str]) -> None:
    """Run as `arguments` say: the role, then its configuration as JSON."""
    role, config = arguments[0], json.loads(arguments[1])
    if role == "exec":
        exec_main(config)
    zygote_main(config)
