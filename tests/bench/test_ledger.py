import subprocess
import sys
from pathlib import Path

import pytest

from codegrad.bench.ledger import Ledger, read_about
from codegrad.errors import DatasetError

ABOUT = {"schema": "s/1", "samples": 3}


def test_rows_are_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.jsonl"
    with Ledger(path, ABOUT) as ledger:
        ledger.add("a", {"value": 1})
        ledger.add("b", {"value": [2, None]})
        ledger.add("a", {"value": 9})
        checksum = ledger.checksum()
    with Ledger(path, ABOUT) as again:
        assert [(key, row["value"]) for key, row in again.rows()] == [
            ("a", 1),
            ("b", [2, None]),
        ]
        assert again.checksum() == checksum
    assert read_about(path) == ABOUT


def test_the_order_inside_a_row_is_kept(tmp_path: Path) -> None:
    with Ledger(tmp_path / "rows.jsonl", ABOUT) as ledger:
        ledger.add("a", {"outcomes": {"public": "pass", "private": "fail"}})
    with Ledger(tmp_path / "other.jsonl", ABOUT) as merged:
        merged.merge(tmp_path / "rows.jsonl")
    with Ledger(tmp_path / "other.jsonl", ABOUT) as again:
        assert list(again["a"]["outcomes"]) == ["public", "private"]


def test_after_a_cut_at_any_byte_the_complete_rows_are_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with Ledger(path, ABOUT) as ledger:
        for number in range(4):
            ledger.add(str(number), {"value": number})
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        complete, rest = 0, size
        while complete < len(lines) and rest >= len(lines[complete]):
            rest -= len(lines[complete])
            complete += 1
        with Ledger(path, ABOUT) as ledger:
            assert len(ledger) == max(0, complete - 1), size
            for number in range(4):
                ledger.add(str(number), {"value": number})
        assert path.read_bytes() == whole, size


def test_rows_about_something_else_are_refused_with_the_difference(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    Ledger(path, ABOUT).close()
    with pytest.raises(DatasetError, match=r"other settings \(samples 3, not 5\)"):
        Ledger(path, {**ABOUT, "samples": 5})
    path.write_text("[]\n")
    with pytest.raises(DatasetError, match="is no record of an experiment"):
        Ledger(path, ABOUT)


def test_the_checksum_does_not_depend_on_the_order(tmp_path: Path) -> None:
    sums = set()
    for name, order in (("one", "abc"), ("two", "cab")):
        with Ledger(tmp_path / name, ABOUT) as ledger:
            for key in order:
                ledger.add(key, {"value": key * 2})
            sums.add(ledger.checksum())
    assert len(sums) == 1


def test_a_full_disk_is_a_sentence_and_what_was_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from codegrad.bench.ledger import Ledger\n"
        "from codegrad.errors import OutputError\n"
        "ABOUT = {'schema': 's/1', 'samples': 3}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    with Ledger(Path(sys.argv[1]), ABOUT) as ledger:\n"
        "        for number in range(100):\n"
        "            ledger.add(str(number), {'value': 'x' * 200})\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written: File too large" in done.stdout
    assert "Make room or name another folder with --out" in done.stdout
    with Ledger(path, ABOUT) as ledger:
        assert len(ledger) > 10
        ledger.add("last", {"value": 1})
