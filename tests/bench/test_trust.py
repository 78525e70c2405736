"""The map from agreement to trust rises and is judged on tasks it did not see."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

from codegrad.bench.trust import Derived, fitted, main, report, unseen_trust


def drawn(count: int) -> list[Derived]:
    """Return derivations whose chance to be right is their agreement."""
    rng = random.Random(3)
    rows = []
    for number in range(count):
        agreed = rng.random()
        right = rng.random() < agreed
        rows.append(Derived(f"t{number % 25}", "pool", 4, agreed, right))
    return rows


def test_the_fitted_map_rises_and_follows_what_was_right() -> None:
    knots = fitted(drawn(3000))
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(knots))
    assert all(abs(share - agreed) < 0.15 for agreed, share in knots)


def test_trust_in_a_task_comes_from_other_tasks() -> None:
    rows = [Derived(f"t{n}", "pool", 4, 0.9, n != 0) for n in range(10)]
    odd = [Derived("t0", "pool", 4, 0.9, is_right=False) for _ in range(500)]
    judged = unseen_trust([*rows, *odd])
    seen_alone = [trust for trust, right in judged if not right]
    assert set(seen_alone) == {1.0}, "its own failures were not in the map"


def test_the_report_names_the_error_of_calibration() -> None:
    text = report(drawn(800))
    assert "800 derived examples of 25 tasks" in text
    assert "calibration error 0.0" in text


def test_a_missing_folder_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path)]) == 2
    assert "does not exist" in capsys.readouterr().err
