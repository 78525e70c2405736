import pytest

from codegrad.bench.simulation import Load, simulate

LOAD = Load(inside_s=1.0, outside_s=9.0)


def test_one_worker_does_one_thing_after_the_other() -> None:
    assert simulate([LOAD] * 5, workers=1, cores=8).seconds == pytest.approx(50)


def test_cores_are_never_used_twice_at_a_time() -> None:
    for workers in (1, 2, 5, 40):
        for cores in (1, 2, 3):
            found = simulate([LOAD] * 200, workers=workers, cores=cores)
            assert found.core_share <= 1.0 + 1e-9
            assert found.seconds >= 200 * 10 / cores - 1e-6
            assert found.seconds >= 200 * 1.0


def test_one_interpreter_bounds_the_rate_and_more_processes_lift_it() -> None:
    many = simulate([LOAD] * 2000, workers=64, cores=64)
    assert many.per_second == pytest.approx(1.0, rel=0.05)
    assert many.interpreter_share == pytest.approx(1.0, rel=0.05)
    parts = simulate([LOAD] * 2000, workers=64, cores=64, processes=8)
    assert 5.0 < parts.per_second <= 6.4


def test_nothing_takes_no_time() -> None:
    assert simulate([], workers=2, cores=2).seconds == 0.0
