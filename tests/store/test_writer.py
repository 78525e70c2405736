import os
import subprocess
import sys

from codegrad.store.writer import is_alive, this_writer, writer_pid


def test_this_process_is_alive_and_named_by_its_number() -> None:
    assert is_alive(this_writer())
    assert writer_pid(this_writer()) == os.getpid()


def test_a_process_that_ended_is_gone() -> None:
    command = "from codegrad.store.writer import this_writer as w; print(w())"
    done = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert not is_alive(done.stdout.strip())


def test_a_process_that_waits_to_be_reaped_is_gone() -> None:
    command = (
        "from codegrad.store.writer import this_writer as w; print(w(), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        writer = process.stdout.readline().strip()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert writer_pid(writer) == process.pid
        assert not is_alive(writer)


def test_another_process_with_the_same_number_is_not_taken_for_the_writer() -> None:
    pid, born, place = this_writer().split(" ", 2)
    assert not is_alive(f"{pid} {int(born) + 1} {place}")


def test_a_process_from_before_a_restart_is_gone() -> None:
    pid, born, _ = this_writer().split(" ", 2)
    assert not is_alive(f"{pid} {born} another-boot pid:[1]")


def test_a_text_that_names_no_process_is_not_alive() -> None:
    assert not is_alive("")
    assert not is_alive("x y z")
