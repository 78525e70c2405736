"""Certificates as a user makes and replays them: real processes, real files."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from codegrad.cli import check, refine
from codegrad.errors import OutputError
from codegrad.store.certificate import seal, to_text
from codegrad.store.journal import Store
from tests.cli.test_commands import RIGHT, WRONG, codegrad

STAGES = ("--stages", "syntax,tests,properties")


@pytest.fixture
def right(tmp_path: Path) -> Path:
    path = tmp_path / "m.py"
    path.write_text(RIGHT, encoding="utf-8")
    return path


def test_a_check_is_certified_with_its_strength_and_replays(
    right: Path, tmp_path: Path
) -> None:
    done = codegrad(
        "check", "m.py", *STAGES, "--strength", "--certificate", "c.json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "written: c.json" in done.stdout
    assert "strength: evidence strength " in done.stdout
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["verified"] is True
    assert document["strength"]["tried"] > 0
    assert document["tools"]["hypothesis"]
    assert document["isolation"]["safe"] is True
    again = codegrad("recheck", "c.json", "--source", "m.py", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "the certificate holds: " in again.stdout
    assert "agrees: example 1: claimed passed, found passed" in again.stdout
    right.write_text(WRONG)
    changed = codegrad("recheck", "c.json", "--source", "m.py", cwd=tmp_path)
    assert changed.returncode == 2
    assert "m.py is not what was certified" in changed.stderr


def test_a_forged_certificate_is_weaker_when_replayed(
    right: Path, tmp_path: Path
) -> None:
    assert right.exists()
    codegrad("check", "m.py", *STAGES, "--certificate", "c.json", cwd=tmp_path)
    path = tmp_path / "c.json"
    document = json.loads(path.read_text())
    document["how"]["stages"] = ["syntax"]
    document["sha256"] = seal(document)
    path.write_text(to_text(document))
    done = codegrad("recheck", "c.json", "--json", cwd=tmp_path)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["holds"] is False
    weaker = [r["constraint"] for r in found["rows"] if r["agreement"] == "weaker"]
    assert weaker[:2] == ["example 1", "example 2"]
    path.write_text(path.read_text().replace('"verified": true', '"verified": false'))
    assert "was changed after" in codegrad("recheck", path, cwd=tmp_path).stderr


def test_a_run_keeps_its_certificate_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(WRONG)
    done = codegrad("refine", "m.py", *STAGES, "--certificate", "c.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["sources"][0]["text"] == RIGHT
    story = codegrad("show", document["run"], cwd=tmp_path).stdout
    assert f"certificate: sha256 {document['sha256']}" in story
    kept = codegrad("show", document["run"], "--certificate", cwd=tmp_path).stdout
    assert json.loads(kept) == document
    codegrad("report", document["run"], "-o", "r.html", cwd=tmp_path)
    assert document["sha256"] in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("gone/c.json", "does not exist; create it first"),
        (".", "it is a folder; name a file"),
    ],
)
@pytest.mark.parametrize("option", ["--certificate", "--output"])
def test_a_place_that_cannot_be_written_is_said_before_the_search(
    tmp_path: Path, option: str, place: str, sentence: str
) -> None:
    path = tmp_path / "m.py"
    path.write_text(WRONG)
    result = CliRunner().invoke(
        refine.command,
        [str(path), option, str(tmp_path / place)],
        standalone_mode=False,
    )
    assert isinstance(result.exception, OutputError)
    assert sentence in str(result.exception)
    with Store(Store.default_path()) as store:
        assert store.runs() == []


@pytest.mark.parametrize("command", [check.command, refine.command])
def test_the_stages_are_listed_in_the_help(command: click.Command) -> None:
    words = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert "syntax, lint, types, tests, properties, proof" in words
