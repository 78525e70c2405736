import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegrad.errors import SandboxError, UnsafeSandboxError
from codegrad.sandbox import (
    Call,
    CheckRun,
    Ending,
    LayerState,
    Limits,
    Sandbox,
    Yielded,
)

SHORT = Limits(wall_s=0.5)


def source(text: str) -> str:
    return textwrap.dedent(text)


def kinds(run: CheckRun) -> list[str]:
    return [outcome.kind.value for outcome in run.tests]


def test_calls_come_back_in_order_with_values_errors_and_prints(
    sandbox: Sandbox,
) -> None:
    candidate = source("""
        def f(x, *, times=1):
            print("got", x)
            if x < 0:
                raise ValueError("below zero")
            return [x] * times
    """)
    run = sandbox.call(
        candidate, "f", [Call((1,)), Call((-1,)), Call((2,), {"times": 2})]
    )
    assert run.load.ok
    first, second, third = run.calls
    assert (first.kind, first.value, first.stdout) == ("returned", [1], "got 1\n")
    assert (second.kind, second.error, second.line) == ("raised", "ValueError", 5)
    assert second.message == "below zero"
    assert third.value == [2, 2]
    assert first.mutated is None


def test_each_call_has_its_own_arguments_and_reports_their_change(
    sandbox: Sandbox,
) -> None:
    given = [3, 1]
    run = sandbox.call("def f(xs): xs.sort()", "f", [Call((given,)), Call((given,))])
    assert given == [3, 1]
    assert [outcome.mutated for outcome in run.calls] == [([1, 3],), ([1, 3],)]


def test_what_follows_a_hang_or_a_death_still_runs(sandbox: Sandbox) -> None:
    candidate = source("""
        import os
        def f(x):
            if x == 1:
                while True: pass
            if x == 2:
                os._exit(0)
            if x == 3:
                os.abort()
            return x
    """)
    run = sandbox.call(candidate, "f", [Call((i,)) for i in range(6)], limits=SHORT)
    endings = ["returned", "timeout", "died", "died", "returned", "returned"]
    assert [outcome.kind.value for outcome in run.calls] == endings
    assert run.calls[5].value == 5
    assert sandbox.restarts == 0


def test_after_a_hang_the_rest_has_less_time_and_says_so(sandbox: Sandbox) -> None:
    candidate = "def f(x):\n    while x: pass\n    return x\n"
    calls = [Call((1,)), Call((1,)), Call((0,))]
    run = sandbox.call(candidate, "f", calls, limits=Limits(wall_s=1.5))
    kinds = [outcome.kind.value for outcome in run.calls]
    assert kinds == ["timeout", "not_run", "returned"]
    assert "earlier" in run.calls[1].message


def test_after_three_fresh_children_the_rest_is_not_run(sandbox: Sandbox) -> None:
    run = sandbox.call("import os\ndef f(x): os._exit(1)", "f", [Call((1,))] * 6)
    assert [outcome.kind.value for outcome in run.calls] == ["died"] * 4 + [
        "not_run"
    ] * 2


@pytest.mark.parametrize(
    ("text", "ending", "error"),
    [
        ("def f(x) return x", Ending.RAISED, "SyntaxError"),
        ("import nothing_like_this", Ending.RAISED, "ModuleNotFoundError"),
        ("g = 1", Ending.RAISED, "NameError"),
        ("while True: pass", Ending.TIMEOUT, ""),
        ("import os; os._exit(0)", Ending.DIED, ""),
        ("x = '\\0'\nraise SystemExit", Ending.RAISED, "SystemExit"),
    ],
)
def test_a_module_that_cannot_be_loaded_says_why(
    sandbox: Sandbox, text: str, ending: Ending, error: str
) -> None:
    run = sandbox.call(text, "f", [Call((1,))], limits=SHORT)
    assert (run.load.ending, run.load.error) == (ending, error)
    assert [outcome.kind for outcome in run.calls] == [Ending.NOT_RUN]
    check = sandbox.check(text, "f", ["f(1)"], limits=SHORT)
    assert (check.load.ending, check.load.error) == (ending, error)
    assert kinds(check) == ["not_run"]


def test_the_context_is_part_of_the_module(sandbox: Sandbox) -> None:
    context = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: 'int'\n"
    run = sandbox.call("def f(x): return P(x).x", "f", [Call((7,))], context=context)
    assert run.calls[0].value == 7


def test_large_values_cross_both_ways(sandbox: Sandbox) -> None:
    text = "x" * 3_000_000
    run = sandbox.call("def f(t): return t + '!'", "f", [Call((text,)), Call((text,))])
    assert [outcome.value for outcome in run.calls] == [text + "!"] * 2


def test_more_results_than_allowed_end_the_job(sandbox: Sandbox) -> None:
    limits = Limits(result_bytes=100_000)
    run = sandbox.call("def f(): return 'x' * 200000", "f", [Call(())], limits=limits)
    assert run.calls[0].kind is Ending.DIED
    assert "more results" in run.calls[0].message


def test_memory_and_printing_are_limited(sandbox: Sandbox) -> None:
    limits = Limits(memory_mb=512, output_bytes=100)
    run = sandbox.call("def f(n): return len(bytes(n))", "f", [Call((1 << 30,))])
    assert run.calls[0].value == 1 << 30
    run = sandbox.call(
        "def f(n): return len(bytes(n))", "f", [Call((1 << 30,))], limits=limits
    )
    assert run.calls[0].error == "MemoryError"
    run = sandbox.call("def f(): print('x' * 500)", "f", [Call(())], limits=limits)
    assert run.calls[0].stdout == "x" * 100


def test_processor_time_is_limited(sandbox: Sandbox) -> None:
    limits = Limits(wall_s=30.0, cpu_s=0.5)
    run = sandbox.call("def f():\n  while True: pass", "f", [Call(())], limits=limits)
    assert run.calls[0].kind is Ending.TIMEOUT
    assert "processor" in run.calls[0].message


def test_the_same_job_gives_the_same_result_in_every_zygote() -> None:
    candidate = "import random\ndef f(): return random.random(), hash('x'), set('abcd')"
    found: list[Any] = []
    for _ in range(2):
        with Sandbox() as fresh:
            found += fresh.call(candidate, "f", [Call(())]).calls
            found += fresh.call(candidate, "f", [Call(())]).calls
    assert len({outcome.value[:2] for outcome in found}) == 1


def test_an_argument_that_cannot_cross_is_the_callers_mistake(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        sandbox.call("def f(x): return x", "f", [Call((lambda: 1,))])


def test_a_trace_has_lines_values_exceptions_and_calls(sandbox: Sandbox) -> None:
    candidate = source("""
        def f(xs):
            total = 0
            for x in xs:
                total += g(x)
            return total

        def g(x):
            return 6 // x
    """)
    run = sandbox.call(candidate, "f", [Call(([1, 2],)), Call(([0],))], trace=True)
    good, bad = (outcome.trace for outcome in run.calls)
    assert good is not None
    assert bad is not None
    assert dict(good.lines) == {3: 1, 4: 3, 5: 2, 6: 1, 9: 2}
    assert good.calls == (("", "f"), ("f", "g"))
    assert (5, (("xs", "[1, 2]"), ("total", "6"), ("x", "2"))) in good.values
    assert (6, (("<return>", "9"),)) in good.values
    assert bad.exception_lines == (9, 5)
    assert good.events == 9


@pytest.mark.parametrize(
    "body",
    ["x = 0\n    while True:\n        x += 1", "while True: pass"],
)
def test_a_traced_hang_ends_with_the_trace_so_far(sandbox: Sandbox, body: str) -> None:
    run = sandbox.call(
        f"def f():\n    {body}\n", "f", [Call(()), Call(())], limits=SHORT, trace=True
    )
    for outcome in run.calls:
        assert outcome.kind is Ending.TIMEOUT
        assert outcome.trace is not None
        assert outcome.trace.lines
        assert len(outcome.trace.values) <= 300


def test_failed_asserts_say_what_was_observed_and_expected(sandbox: Sandbox) -> None:
    tests = [
        "assert f(1) == 2",
        "assert f(1) == 3, 'should be three'",
        "assert 4 == f(1)",
        "assert abs(f(1) - 9) < 1e-6",
        "assert not f(1)",
        "assert f(1) is None",
        "assert f(1) == 2 == f(3)",
    ]
    run = sandbox.check("def f(x): return x + 1", "f", tests)
    assert kinds(run) == ["passed"] + ["failed"] * 6
    pairs = [(one.observed, one.expected) for one in run.tests if one.has_values]
    assert pairs == [(2, 3), (2, 4), (2, 9), (2, False), (2, None)]
    assert run.tests[1].message == "should be three"
    assert run.tests[1].error == "AssertionError"
    assert not run.tests[6].has_values
    assert run.is_forge_proof
    record = run.tests[0].calls[0]
    assert (record.args, record.kwargs, record.kind, record.value) == (
        (1,),
        {},
        "returned",
        2,
    )


def test_exceptions_cross_as_their_own_type(sandbox: Sandbox) -> None:
    candidate = source("""
        class Odd(Exception): pass
        def f(x):
            if x == "key": return {}["missing"]
            if x == "unicode": return b"\\xff".decode()
            raise Odd("strange")
    """)
    tests = [
        "try: f('key')\nexcept KeyError as e: assert e.args == ('missing',)",
        "try: f('unicode')\nexcept UnicodeDecodeError as e: assert e.start == 0",
        "f('own')",
    ]
    run = sandbox.check(candidate, "f", tests)
    assert kinds(run) == ["passed", "passed", "raised"]
    odd = run.tests[2]
    assert (odd.error, odd.message, odd.line) == ("Odd", "strange", 6)


def test_changes_of_arguments_reach_the_test(sandbox: Sandbox) -> None:
    candidate = "def f(xs, d, s): xs.append(1); d['k'] = 2; s.add(3)"
    test = (
        "a, b, c = [], {}, set()\nf(a, b, c)\nassert (a, b, c) == ([1], {'k': 2}, {3})"
    )
    assert kinds(sandbox.check(candidate, "f", [test])) == ["passed"]


def test_generators_are_iterators_on_the_other_side(sandbox: Sandbox) -> None:
    candidate = "def f(n):\n    yield from range(n)\n"
    run = sandbox.check(candidate, "f", ["assert list(f(3)) == [0, 1, 2]", "f(2) == 1"])
    assert kinds(run) == ["passed", "passed"]
    assert sandbox.call(candidate, "f", [Call((2,))]).calls[0].value == Yielded((0, 1))


def test_other_functions_of_the_candidate_are_reachable_but_hide_no_builtin(
    sandbox: Sandbox,
) -> None:
    candidate = source("""
        def f(x): return x * 2
        def helper(x): return x + 1
        def sorted(xs): return f(xs)
    """)
    tests = ["assert helper(1) == 2", "assert sorted([2, 1]) == [1, 2]"]
    assert kinds(sandbox.check(candidate, "f", tests)) == ["passed", "passed"]


def test_the_prelude_is_shared_and_each_test_has_its_own_names(
    sandbox: Sandbox,
) -> None:
    prelude = "LIMIT = 5\ndef close(a, b): assert a == b, 'not close'"
    tests = ["LIMIT = 6\nclose(f(1), 1)", "assert LIMIT == 5", "close(f(1), 2)"]
    run = sandbox.check("def f(x): return x", "f", tests, prelude=prelude)
    assert kinds(run) == ["passed", "passed", "failed"]
    assert run.tests[2].message == "not close"


def test_a_broken_prelude_or_test_is_reported_as_such(sandbox: Sandbox) -> None:
    run = sandbox.check("def f(x): return x", "f", ["f(1)"], prelude="1 / 0")
    assert run.prelude.error == "ZeroDivisionError"
    assert kinds(run) == ["not_run"]
    run = sandbox.check("def f(x): return x", "f", ["assert f(1", "f(1)"])
    assert kinds(run) == ["raised", "passed"]
    assert run.tests[0].error == "SyntaxError"


def test_an_early_end_of_the_tester_does_not_disturb_the_rest(sandbox: Sandbox) -> None:
    tests = ["import os; os._exit(0)", "assert f(1) == 1", "while True: pass", "f(1)"]
    for _ in range(2):
        run = sandbox.check("def f(x): return x", "f", tests, limits=SHORT)
        assert kinds(run) == ["died", "passed", "timeout", "passed"]
    assert sandbox.restarts == 0


def test_a_death_of_the_candidate_is_one_tests_death(sandbox: Sandbox) -> None:
    candidate = "import os\ndef f(x):\n    if x: os.abort()\n    return x\n"
    run = sandbox.check(candidate, "f", ["f(0)", "try: f(1)\nexcept: pass", "f(0)"])
    assert kinds(run) == ["passed", "died", "passed"]
    assert "SIG" in run.tests[1].message


def test_objects_of_the_candidate_need_a_shared_process(sandbox: Sandbox) -> None:
    candidate = "class Node:\n    v = 1\ndef f(n): return n.v\n"
    tests = ["assert f(Node()) == 1", "assert f(Node()) == 2"]
    context = "import collections"
    split = sandbox.check(candidate, "f", ["f(object())"], context=context)
    assert split.tests[0].is_opaque
    run = sandbox.check(candidate, "f", tests, shared=True)
    assert kinds(run) == ["passed", "failed"]
    assert not run.is_forge_proof


@pytest.mark.parametrize("shared", [False, True])
def test_each_test_has_its_own_trace(sandbox: Sandbox, *, shared: bool) -> None:
    candidate = "def f(x):\n    if x:\n        return 1\n    while not x: pass\n"
    tests = ["f(1)", "f(0)", "f(1)"]
    run = sandbox.check(candidate, "f", tests, trace=True, shared=shared, limits=SHORT)
    assert kinds(run) == ["passed", "timeout", "passed"]
    lines = [[line for line, _ in one.trace.lines] for one in run.tests if one.trace]
    assert lines == [[2, 3], [2, 4], [2, 3]]


def test_prints_of_candidate_and_test_are_kept(sandbox: Sandbox) -> None:
    run = sandbox.check("def f(): print('one')", "f", ["f()\nprint('two')"])
    assert run.tests[0].stdout == "one\ntwo\n"


def test_programs_read_and_write_through_every_door(sandbox: Sandbox) -> None:
    program = source("""
        import os, sys
        first = sys.stdin.buffer.readline().decode()
        print("text", first.strip())
        print("raw", sys.stdin.buffer.read().decode().strip(), file=sys.stderr)
        sys.stdout.flush()
        os.write(1, b"descriptor\\n")
        sys.stdout.buffer.write(b"buffer\\n")
        sys.exit(3)
    """)
    (outcome,) = sandbox.program(program, ["a\nb\n"])
    assert (outcome.kind, outcome.returncode) == (Ending.EXITED, 3)
    assert outcome.stdout == "text a\ndescriptor\nbuffer\n"
    assert outcome.stderr == "raw b\n"


def test_programs_end_in_every_way(sandbox: Sandbox) -> None:
    program = source("""
        import os
        word = input()
        if word == "hang":
            while True: pass
        if word == "flood":
            while True: print("x" * 1000)
        if word == "die":
            os.abort()
        if word == "leave":
            os._exit(4)
        if word == "guarded" and __name__ == "__main__":
            print("main")
        int(word)
    """)
    words = ["hang", "flood", "die", "leave", "guarded", "7", ""]
    limits = Limits(wall_s=0.8, output_bytes=5000)
    outcomes = sandbox.program(program, words, limits=limits)
    assert [outcome.kind.value for outcome in outcomes] == [
        "timeout",
        "output_limit",
        "died",
        "exited",
        "raised",
        "exited",
        "raised",
    ]
    assert len(outcomes[1].stdout) == 5000
    assert outcomes[3].returncode == 4
    assert (outcomes[4].stdout, outcomes[4].error) == ("main\n", "ValueError")
    assert outcomes[4].line == 14
    assert outcomes[6].error == "EOFError"


def test_a_program_gets_long_input_and_need_not_read_it(sandbox: Sandbox) -> None:
    text = "5\n" * 1_000_000
    read, unread = "print(len(__import__('sys').stdin.read()))", "print('done')"
    assert sandbox.program(read, [text])[0].stdout == f"{len(text)}\n"
    assert sandbox.program(unread, [text])[0].stdout == "done\n"


SELFCHECK = "codegrad.sandbox.selfcheck"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("off", [(), ("namespaces",), ("landlock",)])
def test_a_kernel_finds_every_door_shut(
    listener: socket.socket, tmp_path: Path, off: tuple[str, ...]
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("secret")
    job = {"port": listener.getsockname()[1], "path": str(mine)}
    with Sandbox(preload=[SELFCHECK], layers_off=off) as sandbox:
        run = sandbox.kernel(SELFCHECK, job)
        (found,) = list(run)
    assert run.ended == "finished", run.message
    assert not any(found.values()), found


def test_a_kernel_that_fails_or_was_not_preloaded_says_so() -> None:
    with Sandbox(preload=[SELFCHECK]) as sandbox:
        run = sandbox.kernel(SELFCHECK, {})
        assert list(run) == []
        assert run.ended == "died"
        assert "KeyError" in run.message
        with pytest.raises(ValueError, match="preload"):
            sandbox.kernel("codegrad.search.kernel", {})


KERNEL = """
import time
def run(job, emit):
    for index in range(job["count"]):
        emit.mark(index)
        emit([index])
        if index == job["hang_at"]:
            while True: pass
        time.sleep(job["pause"])
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Sandbox]:
    # A module of an ordinary name is found where candidates may read.
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages/small_kernel.py").write_text(KERNEL)
    python = tmp_path / "python"
    folder = tmp_path / "site-packages"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with Sandbox(python, preload=["small_kernel"]) as made:
        yield made


def test_frames_of_a_kernel_stream_and_the_mark_survives_its_death(
    kernel: Sandbox,
) -> None:
    job = {"count": 9, "hang_at": 4, "pause": 0}
    run = kernel.kernel("small_kernel", job, limits=Limits(wall_s=0.5))
    assert [frame[0] for frame in run] == [0, 1, 2, 3, 4]
    assert (run.ended, run.mark) == ("timeout", 4)
    again = kernel.kernel("small_kernel", {**job, "hang_at": -1})
    assert len(list(again)) == 9
    assert (again.ended, again.mark) == ("finished", 8)


def test_a_kernel_may_take_long_as_long_as_it_moves(kernel: Sandbox) -> None:
    job = {"count": 5, "hang_at": -1, "pause": 0.3}
    run = kernel.kernel("small_kernel", job, limits=Limits(wall_s=0.8))
    assert len(list(run)) == 5
    assert run.ended == "finished"


def test_a_kernel_that_nobody_listens_to_is_killed(kernel: Sandbox) -> None:
    run = kernel.kernel("small_kernel", {"count": 9, "hang_at": 2, "pause": 0})
    for frame in run:
        if frame == [1]:
            break
    run.close()
    job = {"count": 1, "hang_at": -1, "pause": 0}
    assert len(list(kernel.kernel("small_kernel", job))) == 1


def test_every_layer_is_reported(sandbox: Sandbox) -> None:
    report = sandbox.layers
    names = [layer.name for layer in report.layers]
    assert {"landlock", "seccomp", "namespaces", "rlimits"} <= set(names)
    assert report.is_safe
    assert "Linux" in report.platform or not report.landlock_abi
    assert "seccomp: on" in str(report)


def test_a_machine_without_landlock_and_namespaces_is_refused() -> None:
    off = ("landlock", "namespaces")
    with Sandbox(layers_off=off) as sandbox:
        with pytest.raises(UnsafeSandboxError, match="allow_unsafe") as caught:
            sandbox.call("def f(): return 1", "f", [Call(())])
        assert "landlock" in caught.value.missing
    with Sandbox(layers_off=off, allow_unsafe=True) as sandbox:
        assert sandbox.call("def f(): return 1", "f", [Call(())]).calls[0].value == 1
        states = {layer.name: layer.state for layer in sandbox.layers.layers}
        assert states["landlock"] is LayerState.OFF


def test_an_interpreter_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be started"):
        _ = Sandbox(tmp_path / "absent").layers
    with pytest.raises(SandboxError, match="did not start"):
        _ = Sandbox(Path("/bin/false")).layers


def zygotes(parent: int) -> list[int]:
    """Return all processes below `parent`."""
    below: list[int] = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for word in (task / "children").read_text().split():
            below += [int(word), *zygotes(int(word))]
    return below


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_zygote_killed_from_outside_is_replaced() -> None:
    with Sandbox() as sandbox:
        sandbox.call("def f(): return 1", "f", [Call(())])
        assert sandbox._process is not None
        for victim in (-1, 0):
            tree = [
                sandbox._process.process.pid,
                *zygotes(sandbox._process.process.pid),
            ]
            os.kill(tree[victim], signal.SIGKILL)
            time.sleep(0.05)
            run = sandbox.call("def f(): return 2", "f", [Call(())])
            assert run.calls[0].value == 2
        assert sandbox.restarts == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_zygote_killed_during_a_job_costs_one_child() -> None:
    with Sandbox() as sandbox:
        assert sandbox.layers.is_safe
        assert sandbox._process is not None
        tree = zygotes(sandbox._process.process.pid)
        timer = threading.Timer(0.3, os.kill, (tree[0], signal.SIGKILL))
        timer.start()
        candidate = "import time\ndef f(x):\n    time.sleep(x)\n    return x\n"
        run = sandbox.call(candidate, "f", [Call((20,)), Call((0,))], limits=Limits(30))
        timer.join()
        assert [outcome.kind.value for outcome in run.calls] == ["died", "returned"]
        assert sandbox.restarts == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_left_when_the_parent_is_killed() -> None:
    code = source("""
        import sys
        from codegrad.sandbox import Call, Limits, Sandbox
        sandbox = Sandbox()
        sandbox.layers
        print(sandbox._process.process.pid, flush=True)
        hang = "def f():\\n  while True: pass"
        sandbox.call(hang, "f", [Call(())], limits=Limits(60, 60))
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    below = int(parent.stdout.readline())
    time.sleep(0.3)
    tree = [below, *zygotes(below)]
    assert len(tree) >= 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(tree) == []


def gone(pids: list[int]) -> list[int]:
    """Wait for processes to end; return those that do not."""
    for _ in range(100):
        pids = [pid for pid in pids if is_running(pid)]
        if not pids:
            break
        time.sleep(0.05)
    return pids


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


def interpreters() -> list[Any]:
    found = sorted(Path("/root/.pyenv/versions").glob("3.*/bin/python3"))
    return [
        pytest.param(path, id=path.parts[-3])
        for path in found
        if int(path.parts[-3].split(".")[1]) >= 9
    ]


@pytest.mark.parametrize("python", interpreters())
def test_every_interpreter_from_3_9_on_can_run_candidates(python: Path) -> None:
    candidate = source("""
        import sys
        from dataclasses import dataclass
        def f(x):
            return sys.version_info[:2], x
    """)
    with Sandbox(python) as sandbox:
        run = sandbox.call(candidate, "f", [Call((1,))], trace=True)
        assert run.load.ok, run.load
        assert run.calls[0].value[1] == 1
        version = ".".join(map(str, run.calls[0].value[0]))
        assert sandbox.layers.python.startswith(version)
        tests = ["assert f(1)[1] == 1", "assert f(1)[1] == 2"]
        assert kinds(sandbox.check(candidate, "f", tests)) == ["passed", "failed"]
        assert sandbox.program("print(input())", ["hello"])[0].stdout == "hello\n"


def test_importing_the_room_starts_nothing_and_is_light() -> None:
    code = "import sys, codegrad.sandbox; print('ctypes' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
