"""What a server bears: how much at once, when it rests, when it is given up."""

from codegrad.engines.host import Host


def entered(host: Host) -> int:
    return sum(host.enter() for _ in range(20))


def test_a_busy_server_is_asked_less_and_then_slowly_more() -> None:
    host = Host(parallel=8)
    assert entered(host) == 8
    host.is_busy(0.0)
    for _ in range(8):
        host.leave()
    assert entered(host) == 4
    for _ in range(40):
        host.answered()
    assert 0 < entered(host) <= 4
    for _ in range(400):
        host.answered()
    for _ in range(8):
        host.leave()
    assert entered(host) == 8


def test_one_rest_halves_once() -> None:
    host = Host(parallel=8)
    host.is_busy(30.0)
    host.is_busy(60.0)
    assert 59 < host.rest_s <= 60
    assert entered(host) == 4


def test_the_circuit_opens_after_failures_in_a_row() -> None:
    host = Host(failures=3)
    host.failed("one")
    host.failed("two")
    host.answered()
    host.failed("three")
    assert host.opened == ""
    host.failed("four")
    host.failed("five")
    assert host.opened.startswith("five; 3 requests in a row have failed")
    host.failed("six")
    assert host.opened.startswith("five;"), "the first reason is the one that tells"
