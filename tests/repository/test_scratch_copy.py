from pathlib import Path

import pytest

from codegrad.errors import TestsError
from codegrad.sandbox.scratch_copy import MAX_FILE_BYTES, ScratchCopy, import_folders
from tests.repository.projects import content, write


def test_copy_leaves_out_environments_caches_and_build_products(tmp_path: Path) -> None:
    kept = {"mod.py": "x = 1\n", "src/build/mod.py": "x = 2\n"}
    left = {
        ".git/HEAD": "",
        ".venv/lib/x.py": "",
        "myenv/pyvenv.cfg": "",
        "build/mod.py": "",
        "__pycache__/mod.pyc": "",
    }
    write(tmp_path, {**kept, **left})
    with ScratchCopy(tmp_path) as copy:
        assert set(content(copy.root)) == set(kept)


def test_copy_is_gone_after_the_block(tmp_path: Path) -> None:
    with ScratchCopy(tmp_path) as copy:
        folder = copy.folder
        (folder / "work").mkdir()
        (folder / "work").chmod(0)
    assert not folder.exists()


def test_links_stay_inside_and_large_files_are_reported(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    root = tmp_path / "project"
    write(root, {"a/mod.py": "x = 1\n"})
    (root / "link.py").symlink_to(root / "a" / "mod.py")
    (root / "leak").symlink_to(outside)
    with (root / "large").open("wb") as large:
        large.truncate(MAX_FILE_BYTES + 1)
    with ScratchCopy(root) as copy:
        assert (copy.root / "link.py").resolve() == copy.root / "a" / "mod.py"
        assert not (copy.root / "leak").exists()
        assert not (copy.root / "large").exists()
        assert [sentence.partition(" ")[0] for sentence in copy.left_out] == [
            "large",
            "leak",
        ]


def test_overlay_writes_the_copy_only(tmp_path: Path) -> None:
    write(tmp_path, {"mod.py": "x = 1\n"})
    with ScratchCopy(tmp_path) as copy:
        copy.overlay({"mod.py": "x = 2\n", "new/mod.py": "x = 3\n"})
        assert (copy.root / "mod.py").read_text() == "x = 2\n"
        assert (copy.root / "new/mod.py").read_text() == "x = 3\n"
        with pytest.raises(TestsError, match="not a file below"):
            copy.overlay({"../../evil.py": ""})
    assert content(tmp_path) == {"mod.py": b"x = 1\n"}


def test_import_folders_start_where_the_packages_lie(tmp_path: Path) -> None:
    write(tmp_path, {"lib/pkg/__init__.py": "", "lib/pkg/mod.py": "", "src/x.py": ""})
    assert import_folders(tmp_path, ["lib/pkg/mod.py"]) == ("lib", "src", ".")
