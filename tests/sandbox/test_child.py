import errno
import math
import os
import struct
import sys
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.sandbox import child
from codegrad.sandbox.child import Kernel, Opaque, Yielded, decode, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False)
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner), max_leaves=4)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.frozensets(keys)
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(values)
def test_plain_values_cross_unchanged_with_their_types(value: Any) -> None:
    back = decode(encode(value))
    assert back == value
    assert repr(sorted(map(repr, back)) if isinstance(back, (set, frozenset)) else back)
    assert type(back) is type(value)


@settings(max_examples=50, deadline=None)
@given(values)
def test_frames_carry_what_was_packed(value: Any) -> None:
    body = child.pack(["frame", encode(value)])
    assert struct.unpack_from("<I", body)[0] == len(body) - 4


@pytest.mark.parametrize(
    "value",
    [
        range(1, 9, 2),
        deque([1, 2]),
        bytearray(b"ab"),
        Decimal("1.50"),
        Fraction(1, 3),
        int,
        -0.0,
        math.inf,
    ],
)
def test_other_builtin_values_cross_too(value: Any) -> None:
    back = decode(encode(value))
    assert (type(back), back, repr(back)) == (type(value), value, repr(value))


def test_not_a_number_stays_unequal_to_itself() -> None:
    back = decode(encode([math.nan]))[0]
    assert math.isnan(back)
    assert back != back  # noqa: PLR0124 - this is what the test is about


def test_subclasses_lose_their_overrides() -> None:
    class Same(list[int]):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None

    class Colour(IntEnum):
        RED = 3

    pair = namedtuple("pair", "a b")
    assert decode(encode(Same([1]))) != [2]
    assert type(decode(encode(Colour.RED))) is int
    assert type(decode(encode(pair(1, 2)))) is tuple
    assert decode(encode(Counter("aab"))) == {"a": 2, "b": 1}
    assert list(decode(encode(OrderedDict(b=1, a=2)))) == ["b", "a"]


def test_objects_cross_as_opaque_and_equal_nothing() -> None:
    first, second = decode(encode([SimpleNamespace(), SimpleNamespace()]))
    assert isinstance(first, Opaque)
    assert first != second
    assert "SimpleNamespace" in repr(first)


def test_iterators_cross_as_what_they_yield_and_are_no_list() -> None:
    back = decode(encode(iter([1, 2])))
    assert back == Yielded((1, 2))
    assert back != [1, 2]


def test_an_iterator_without_end_becomes_opaque() -> None:
    assert isinstance(decode(encode(iter(int, 1))), Opaque)


def test_cycles_and_small_graphs_that_unfold_have_a_bounded_size() -> None:
    cycle: list[Any] = []
    cycle.append(cycle)
    assert "too deep" in str(encode(cycle))
    wide: list[Any] = []
    for _ in range(100):
        wide = [wide] * 2
    assert encode(wide) == {"o": "too large"}


@pytest.mark.parametrize("data", [{}, {"t": 1, "d": 2}, {"z": 1}, {"t": None}])
def test_data_that_encode_did_not_write_is_refused(data: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(data)


ALLOWED = 0x7FFF0000
KILLED = 0x80000000
X86, ARM = 0xC000003E, 0xC00000B7


def refused(number: int) -> int:
    return 0x00050000 | number


class Machine:
    """Runs a seccomp program as the kernel would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr(
            os, "uname", lambda: SimpleNamespace(machine=name), raising=True
        )
        self.kernel = Kernel()
        monkeypatch.undo()

    def decide(
        self, filter_: child.Filter, call: str, *args: int, arch: int | None = None
    ) -> int:
        number = self.kernel.numbers[call]
        return self.run(filter_, number, args, arch or self.kernel.audit_arch)

    def run(
        self, filter_: child.Filter, number: int, args: tuple[int, ...], arch: int
    ) -> int:
        data = struct.pack("<IIQ6Q", number, arch, 0, *args, *[0] * (6 - len(args)))
        program = list(struct.iter_unpack("HBBI", filter_._buffer.raw))
        at = loaded = 0
        while True:
            code, yes, no, operand = program[at]
            at += 1
            if code == 0x20:
                (loaded,) = struct.unpack_from("<I", data, operand)
            elif code == 0x06:
                return int(operand)
            elif code == 0x05:
                at += operand
            else:
                holds = {
                    0x15: loaded == operand,
                    0x35: loaded >= operand,
                    0x45: bool(loaded & operand),
                }[code]
                at += yes if holds else no


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Machine:
    if sys.platform != "linux":
        pytest.skip("seccomp is Linux's")
    return Machine(monkeypatch, request.param)


def test_zygote_may_do_its_work_and_nothing_else(machine: Machine) -> None:
    filter_ = child.zygote_filter(machine.kernel)
    for name in ("read", "openat", "wait4", "sendmsg", "recvmsg", "kill", "prctl"):
        assert machine.decide(filter_, name) == ALLOWED, name
    for name in ("ptrace", "socket", "unshare", "mount", "bpf", "io_uring_setup"):
        assert machine.decide(filter_, name) == refused(errno.EPERM), name
    assert machine.decide(filter_, "execve") == refused(errno.EPERM)
    assert machine.decide(filter_, "clone3") == refused(errno.ENOSYS)
    assert machine.decide(filter_, "clone", 17) == ALLOWED
    assert machine.decide(filter_, "clone", 0x10000000) == refused(errno.EPERM)


def test_a_number_that_is_in_no_table_is_refused(machine: Machine) -> None:
    filter_ = child.zygote_filter(machine.kernel)
    arch = machine.kernel.audit_arch
    assert machine.run(filter_, 9999, (), arch) == refused(errno.EPERM)


def test_a_foreign_architecture_is_killed(machine: Machine) -> None:
    filter_ = child.zygote_filter(machine.kernel)
    other = ARM if machine.kernel.audit_arch == X86 else X86
    assert machine.decide(filter_, "read", arch=other) == KILLED
    x32_read = 0x40000000
    assert machine.run(filter_, x32_read, (), machine.kernel.audit_arch) == KILLED


def test_a_child_gives_up_what_only_the_zygote_needs(machine: Machine) -> None:
    filter_ = child.job_filter(machine.kernel)
    for name in ("kill", "tgkill", "sendmsg", "prctl", "wait4", "seccomp", "setrlimit"):
        assert machine.decide(filter_, name) == refused(errno.EPERM), name
    assert machine.decide(filter_, "read") == ALLOWED
    assert machine.decide(filter_, "clone", 0x00010000) == ALLOWED
    assert machine.decide(filter_, "clone", 17) == refused(errno.EAGAIN)
    assert machine.decide(filter_, "prlimit64", 0, 7, 0) == ALLOWED
    assert machine.decide(filter_, "prlimit64", 0, 7, 8) == refused(errno.EPERM)


def test_a_confined_program_may_do_almost_anything(machine: Machine) -> None:
    filter_ = child.exec_filter(machine.kernel, (1,))
    for name in ("execve", "kill", "mmap", "bind"):
        assert machine.decide(filter_, name) == ALLOWED, name
    for name in ("ptrace", "mount", "keyctl", "userfaultfd", "unshare"):
        assert machine.decide(filter_, name) == refused(errno.EPERM), name
    assert machine.decide(filter_, "socket", 1) == ALLOWED
    assert machine.decide(filter_, "socket", 2) == refused(errno.EACCES)
    assert machine.decide(filter_, "ioctl", 0, 0x5412) == refused(errno.EPERM)
    assert machine.decide(filter_, "ioctl", 0, 0x5401) == ALLOWED


def test_numbers_agree_with_the_headers_of_this_machine() -> None:
    header = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
    try:
        with open(header) as file:  # noqa: PTH123 - one short read
            lines = [line.split() for line in file]
    except OSError:
        pytest.skip(f"{header} is not on this disk")
    known = {
        words[1].removeprefix("__NR_"): int(words[2])
        for words in lines
        if len(words) == 3 and words[1].startswith("__NR_")
    }
    table = dict(entry.split("=") for entry in child._X86_64.split())
    assert {name: known[name] for name in table} == {
        name: int(number) for name, number in table.items()
    }
