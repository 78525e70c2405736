"""Hosts: many candidates on the same inputs, each in a process of its own."""

import json
import marshal
from collections.abc import Iterator
from typing import Any

import pytest

from codegrad.sandbox import Ending, Sandbox, answering
from codegrad.sandbox.hosting import MODULE, Host, HostLimits, HostRun

INPUTS = [((2,), {}), ((3,), {}), ((), {"x": 4})]
END = answering.record(answering.END, b"")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=[MODULE]) as one:
        yield one


@pytest.fixture
def host(sandbox: Sandbox) -> Iterator[Host]:
    with Host(sandbox, INPUTS) as one:
        yield one


def records(host: Host, source: str) -> tuple[bytes, HostRun]:
    seen = [b""]

    def take(data: bytearray) -> bool:
        seen.append(bytes(data))
        return not data.endswith(END)

    run = host.run(source, "f", take)
    return seen[-1], run


def right(*values: Any) -> bytes:
    plain = [answering.plain_record(marshal.dumps(value, 2)) for value in values]
    return answering.record(answering.LOADED, b"") + b"".join(plain) + END


def test_a_candidate_answers_every_input_in_order(host: Host) -> None:
    data, run = records(host, "def f(x): return [x, x * x]")
    assert data == right([2, 4], [3, 9], [4, 16])
    assert run.ending is Ending.EXITED


def test_a_candidate_sees_nothing_of_the_one_before(host: Host) -> None:
    first = """
import builtins, sys, gc
builtins.left = 'SECRET' + 'LEFT'
sys.modules['left'] = builtins
def f(x):
    for held in gc.get_objects():
        if type(held) is tuple and held == (3,):
            pass
    return 1
"""
    second = """
import builtins, sys, gc
def f(x):
    named = hasattr(builtins, 'left') or 'left' in sys.modules
    text = any(isinstance(o, str) and o.startswith('SECRET' + 'L')
               for held in gc.get_objects() if type(held) is dict
               for o in list(held.values()))
    return named or text
"""
    records(host, first)
    data, _ = records(host, second)
    nothing = [False] * len(INPUTS)
    assert data == right(*nothing)


def test_a_candidate_that_changes_the_inputs_changes_only_its_own(
    sandbox: Sandbox,
) -> None:
    with Host(sandbox, [(([3, 1],), {}), (([3, 1],), {})]) as host:
        for _ in range(2):
            data, _ = records(host, "def f(xs):\n    xs.append(9)\n    return len(xs)")
            assert data == right(3, 3)


def test_it_stops_at_the_first_exception_and_says_which(host: Host) -> None:
    data, _ = records(host, "def f(x): return 6 // (x - 3)")
    rest = data.removeprefix(right(-6).removesuffix(END)).removesuffix(END)
    kind, size = answering.RECORD.unpack_from(rest)
    assert (kind, size) == (answering.RAISED, len(rest) - answering.RECORD.size)
    assert json.loads(rest[answering.RECORD.size :])["error"] == "ZeroDivisionError"


def test_a_call_that_spends_its_time_is_ended_and_the_host_goes_on(
    sandbox: Sandbox,
) -> None:
    source = "def f(x):\n    while x == 3: pass\n    return x"
    with Host(sandbox, INPUTS, HostLimits(call_s=0.2)) as host:
        data, _ = records(host, source)
        timeout = answering.record(answering.TIMEOUT, b"")
        assert data == right(2).removesuffix(END) + timeout
        data, _ = records(host, "def f(x): return x")
        assert data == right(2, 3, 4)


def test_a_sleeping_candidate_is_killed(sandbox: Sandbox) -> None:
    source = "import time\ndef f(x): time.sleep(60)"
    with Host(sandbox, INPUTS, HostLimits(silence_s=0.3)) as host:
        _, run = records(host, source)
    assert run.ending is Ending.TIMEOUT


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\nos._exit(0)", "the process ended without an answer"),
        ("import os\ndef f(x): os._exit(0)", "the process ended without an answer"),
        ("import ctypes\nctypes.string_at(0)", "the process was ended by SIGSEGV"),
    ],
)
def test_a_candidate_that_ends_its_process_is_named(
    host: Host, source: str, message: str
) -> None:
    data, run = records(host, source)
    assert END not in data
    assert (run.ending, run.message) == (Ending.DIED, message)


def test_long_values_cross_as_digests_and_whole_when_asked_for(host: Host) -> None:
    source = "def f(x): return 'a' * (x * 100_000)"
    data, _ = records(host, source)
    assert len(data) < 1000
    assert data == right("a" * 200_000, "a" * 300_000, "a" * 400_000)
    seen = bytearray()

    def take(new: bytearray) -> bool:
        seen[:] = new
        return not new.endswith(END)

    host.run(source, "f", take, only=[1])
    assert marshal.dumps("a" * 300_000, 2) in seen


def test_values_that_are_not_plain_cross_in_the_codec_of_the_border(host: Host) -> None:
    source = "class L(list):\n    __eq__ = lambda *_: True\ndef f(x): return L([x])"
    data, _ = records(host, source)
    body = b'["L", [2]]'
    assert answering.record(answering.ENCODED, body) in data


def test_candidates_cannot_fork_or_write(host: Host) -> None:
    source = """
import os
def f(x):
    found = []
    for attempt in (os.fork, lambda: open('/tmp/x', 'w'), lambda: os.kill(1, 9)):
        try:
            attempt()
            found.append('done')
        except OSError:
            found.append('refused')
    return found
"""
    data, _ = records(host, source)
    refused = ["refused"] * 3
    assert data == right(refused, refused, refused)


def test_a_flood_of_results_is_cut_off(sandbox: Sandbox) -> None:
    source = "def f(x):\n    raise ValueError"
    with Host(sandbox, INPUTS, HostLimits(result_bytes=20)) as host:
        _, run = records(host, source)
    assert (run.ending, run.message) == (Ending.DIED, "more results than allowed")


def test_a_sandbox_hosts_one_task_after_the_other_and_other_jobs_between(
    sandbox: Sandbox,
) -> None:
    for factor in (2, 3):
        with Host(sandbox, [((factor,), {})]) as host:
            data, _ = records(host, "def f(x): return x * 10")
            assert data == right(factor * 10)
        (run,) = sandbox.program("print(1)", [""])
        assert run.stdout == "1\n"
    assert sandbox.restarts == 0


def test_inputs_that_are_not_plain_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="unmarshallable"):
        Host(sandbox, [((object(),), {})])


def test_a_host_goes_on_with_the_inputs_of_another_task(sandbox: Sandbox) -> None:
    with Host(sandbox, INPUTS) as host:
        assert records(host, "def f(x): return x")[0] == right(2, 3, 4)
        for factor in range(3):
            host.load([((factor,), {})])
            assert records(host, "def f(x): return x")[0] == right(factor)


def test_limits_change_with_the_inputs(sandbox: Sandbox) -> None:
    big = "def f(x): return len(bytearray(1 << 27))"
    with Host(sandbox, [((1,), {})], HostLimits(memory_mb=128)) as host:
        assert b"MemoryError" in records(host, big)[0]
        host.load([((1,), {})], HostLimits(memory_mb=4096))
        assert records(host, big)[0] == right(1 << 27)


def test_a_host_that_held_much_is_replaced(sandbox: Sandbox) -> None:
    long = "x" * (3 << 20)
    with Host(sandbox, [((long,), {})]) as host:
        for _ in range(3):
            assert records(host, "def f(x): return len(x)")[0] == right(3 << 20)
            host.load([((long,), {})])
    with Host(sandbox, INPUTS) as other:
        assert records(other, "def f(x): return x")[0] == right(2, 3, 4)


def test_a_host_that_died_holds_what_it_was_told_last(sandbox: Sandbox) -> None:
    with Host(sandbox, INPUTS) as host:
        assert records(host, "def f(x): return x")[0] == right(2, 3, 4)
        assert sandbox._process is not None
        sandbox._process.process.kill()
        sandbox._process.process.wait()
        host.load([((7,), {})])
        found = [records(host, "def f(x): return x")[0] for _ in range(2)]
        assert found[-1] == right(7)
