"""Hostile samples in one file: none passes, none stops the run, each is named."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.samples import sample_key
from tests.bench.cheats import CHEATS, OUT_OF_TIME
from tests.bench.small import write_rows
from tests.sandbox.attacks import ATTACKS, TIMES, Attack, Expectation

CORPUS = Path(__file__).resolve().parents[3] / "shared/prototypes/attacks"
SORTING: Mapping[str, Any] = {
    "task_id": "Sort/0",
    "prompt": "",
    "entry_point": "solve",
    "canonical_solution": "def solve(xs):\n    return sorted(xs)\n",
    "base_input": [[[3, 1, 2]], [[]]],
    "plus_input": [[[5, 5, 1]], [[9, -4, 7, 7, 0]]],
    "atol": 0,
}
HONEST = "HONEST = {0}\ndef solve(xs):\n    return sorted(xs)\n"
SLOW = {attack.name for attack in TIMES} | {"recursion without a limit"}


def submitted(attacks: Iterable[Attack], folder: Path) -> tuple[dict[str, Any], Any]:
    """Return the summary of an evaluation, and the outcome of each sample by name.

    Before and after each hostile sample comes an honest one.
    """
    box = folder / "box"
    box.mkdir()
    rows, names = [], []
    for number, attack in enumerate(attacks):
        names += [f"honest {number}", attack.name]
        source = attack.source.replace("@BOX@", str(box))
        rows += [HONEST.format(number), f"# {number}\n{source}"]
    data = write_rows(folder / "sorting.jsonl", [SORTING])
    samples = write_rows(
        folder / "hostile.jsonl",
        [{"task_id": "Sort/0", "solution": source} for source in rows],
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from codegrad.cli.main import main; main()"),
            *("evaluate", str(samples), "--dataset", "humaneval+", "--data", str(data)),
            *("--workers", "2", "--json"),
        ],
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(box.iterdir()) == []
    summary = json.loads(done.stdout)
    found = Path(summary["results"]).read_text().splitlines()[1:]
    assert len(found) == len(rows) == summary["graded"]
    by_key = {row["key"]: row for row in map(json.loads, found)}
    graded = {
        name: by_key[sample_key("Sort/0", source).hex()]
        for name, source in zip(names, rows, strict=True)
    }
    return summary, graded


def passed(row: Mapping[str, Any]) -> bool:
    return set(row["outcomes"].values()) == {"pass"}


def check(attacks: tuple[Attack, ...], folder: Path) -> None:
    _, graded = submitted(attacks, folder)
    wrongly = [one.name for one in attacks if one.expect == "not pass"]
    assert [name for name in wrongly if passed(graded[name])] == []
    rightly = [one.name for one in attacks if one.expect == "pass"]
    rightly += [name for name in graded if name.startswith("honest")]
    assert [name for name in rightly if not passed(graded[name])] == []


def test_cheats_do_not_pass(tmp_path: Path) -> None:
    check(CHEATS, tmp_path)


def test_known_attacks_do_not_pass(tmp_path: Path) -> None:
    check(tuple(one for one in ATTACKS if one.name not in SLOW), tmp_path)


@pytest.mark.slow
def test_attacks_on_the_clock_do_not_pass(tmp_path: Path) -> None:
    slow = tuple(one for one in ATTACKS if one.name in SLOW)
    check((*OUT_OF_TIME, *slow), tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason=f"{CORPUS} is not here")
def test_the_corpus_does_not_pass(tmp_path: Path) -> None:
    expect: dict[str, Expectation] = {"NOTPASS": "not pass", "PASS": "pass"}
    attacks = []
    for path in sorted(CORPUS.glob("*.py")):
        source = path.read_text()
        words = [line for line in source.splitlines() if line.startswith("# expect: ")]
        if words:
            kind = expect.get(words[0].removeprefix("# expect: ").strip(), "harmless")
            attacks.append(Attack(path.stem, kind, source))
    check(tuple(attacks), tmp_path)


def test_the_summary_says_which_sample_tried_what(tmp_path: Path) -> None:
    names = {
        "a result equal to everything": "__eq__ of its own",
        "the inputs emptied": "searches the objects",
        "an exit while loading": "called sys.exit",
        "an exit that looks like success": "ended its own process",
        "modules replaced": "replaces modules",
        "an answer with a billion items": "forged answer",
    }
    attacks = tuple(one for one in CHEATS if one.name in names)
    summary, _ = submitted(attacks, tmp_path)
    attempts = summary["attempts"]["Sort/0"]
    for number, attack in enumerate(attacks):
        place = 2 * number + 2
        told = [text for text, which in attempts.items() if place in which]
        assert any(names[attack.name] in text for text in told), (attack.name, told)
    honest = {2 * number + 1 for number in range(len(attacks))}
    assert not honest & {place for which in attempts.values() for place in which}
