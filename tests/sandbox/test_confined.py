import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from codegrad.errors import SandboxError, UnsafeSandboxError
from codegrad.sandbox import ConfinedRun, Limits, confined_command, run_confined

FALLBACKS = [(), ("namespaces",), ("landlock",), ("private_root",), ("pid_namespace",)]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "work"


def run(work: Path, code: str, *off: str, wall_s: float = 20.0) -> ConfinedRun:
    return run_confined(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=work,
        write_paths=[work],
        limits=Limits(wall_s=wall_s, cpu_s=20.0),
        layers_off=off,
    )


@pytest.mark.parametrize("off", FALLBACKS)
def test_a_program_writes_where_it_may_and_reads_no_secrets(
    work: Path, off: tuple[str, ...]
) -> None:
    code = f"""
        import subprocess
        from pathlib import Path
        Path("made").write_text("here")
        print(subprocess.run(["echo", "child"], capture_output=True).stdout)
        for path in ({str(work.parent / "secret")!r}, "/etc/passwd"):
            try: print("READ", Path(path).read_text())
            except OSError: pass
        for path in ({str(work.parent / "new")!r}, "/usr/new", "/etc/new"):
            try: Path(path).write_text("x")
            except OSError: pass
    """
    done = run(work, code, *off)
    assert (done.kind, done.stdout) == ("exited", "b'child\\n'\n"), done.stderr
    assert (work / "made").read_text() == "here"
    # A write to the private /tmp may succeed: it is not the machine's.
    for path in (work.parent / "new", Path("/usr/new"), Path("/etc/new")):
        assert not path.exists()


@pytest.mark.parametrize("off", [(), ("namespaces",)])
def test_the_network_is_out_of_reach(work: Path, off: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
            import socket
            try: socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 1)
            except OSError: print("refused")
        """
        assert run(work, code, *off).stdout == "refused\n"


def test_a_program_can_talk_to_itself(work: Path) -> None:
    code = """
        import multiprocessing, socket
        if __name__ == "__main__":
            server = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(server.getsockname(), 1)
            with multiprocessing.Pool(2) as pool:
                print(pool.map(abs, [-1, -2]))
    """
    done = run(work, code)
    if "namespaces" in done.layers.missing:
        pytest.skip("needs namespaces")
    assert done.stdout == "[1, 2]\n", done.stderr


@pytest.mark.parametrize("off", FALLBACKS)
def test_nothing_survives_a_program(work: Path, off: tuple[str, ...]) -> None:
    code = f"""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open("started", "w").close()
                {str(work)!r}
                time.sleep(60)
            os._exit(0)
        while not os.path.exists("started"): time.sleep(0.01)
    """
    assert run(work, code, *off).kind == "exited"
    assert (work / "started").exists()
    assert alive(work) == []


@pytest.mark.parametrize("off", [(), ("namespaces",)])
def test_a_hang_is_killed_with_all_that_it_started(
    work: Path, off: tuple[str, ...]
) -> None:
    code = f"""
        import os, time
        for _ in range(3):
            os.fork()
        os.setsid()
        print("started", flush=True)
        time.sleep(60) or {str(work)!r}
    """
    done = run(work, code, *off, wall_s=1.0)
    assert done.kind == "timeout"
    assert done.wall_s < 10
    assert "started" in done.stdout
    assert alive(work) == []


def alive(work: Path) -> list[str]:
    """Return the processes that carry the path in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(work).encode() in command:
                found.append(entry.name)
    return found


def test_status_signals_and_output_are_reported(work: Path) -> None:
    done = run(work, "import sys; print('out'); print('err', file=sys.stderr); exit(7)")
    assert (done.kind, done.returncode) == ("exited", 7)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert done.cpu_s > 0
    done = run(work, "import os; os.kill(os.getpid(), 11)")
    assert (done.kind, done.returncode) == ("died", 128 + 11)


def test_output_beyond_the_limit_is_dropped(work: Path) -> None:
    done = run_confined(
        [sys.executable, "-c", "print('x' * 100000); print('end')"],
        cwd=work,
        limits=Limits(output_bytes=1000),
    )
    assert done.truncated
    assert done.stdout == "x" * 1000
    assert done.returncode == 0


def test_the_environment_is_the_given_one(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEGRAD_TEST_SECRET", "1")
    done = run_confined(
        [sys.executable, "-c", "import os; print(dict(os.environ), flush=True)"],
        cwd=work,
        env={"GIVEN": "yes"},
    )
    assert "'GIVEN': 'yes'" in done.stdout
    assert "SECRET" not in done.stdout


def test_refused_system_calls_stay_refused(work: Path) -> None:
    code = """
        import ctypes, os
        libc = ctypes.CDLL(None)
        print(libc.unshare(0x10000000), libc.ptrace(0, 0, 0, 0),
              libc.mount(b"none", b"/", None, 0, None))
    """
    assert run(work, code).stdout == "-1 -1 -1\n"


def test_a_program_that_does_not_exist_is_an_error(work: Path) -> None:
    with pytest.raises(SandboxError, match="no-such-program"):
        run_confined(["no-such-program"], cwd=work)


def test_without_landlock_and_namespaces_it_refuses(work: Path) -> None:
    with pytest.raises(UnsafeSandboxError, match="allow_unsafe"):
        run(work, "print(1)", "landlock", "namespaces")
    done = run_confined(
        [sys.executable, "-c", "print(1)"],
        cwd=work,
        layers_off=("landlock", "namespaces"),
        allow_unsafe=True,
    )
    assert done.stdout == "1\n"


def test_the_command_works_from_any_process_api(work: Path) -> None:
    command = confined_command([sys.executable, "-c", "exit(5)"], cwd=work)
    assert subprocess.run(command, check=False).returncode == 5
    command = confined_command(["no-such-program"], cwd=work)
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == 125
    assert b"not started" in done.stderr
