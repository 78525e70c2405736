"""A project copied to a temporary folder, where its tests may do what they like.

In: the user's folder, module texts to write over the copy. Out: a folder that is gone
afterwards. Invariant: the user's folder is only read.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from codegrad.errors import SandboxError, TestsError
from codegrad.task import Sources

MAX_FILE_BYTES = 50 << 20
"""Larger files are not copied."""

_NEVER_COPIED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
        ".tox",
        ".nox",
        ".eggs",
    }
)

_NEVER_COPIED_FROM_ROOT = frozenset({"build", "dist"})


class ScratchCopy:
    """A copy of a project in a temporary folder; gone when the block ends.

    Version control, environments, caches and build products are not copied, nor
    files over 50 MB, nor links that lead outside; `left_out` says what of the last
    two there was.

    Raises:
        TestsError: If the project cannot be read or there is no room for the copy.
    """

    def __init__(self, root: Path) -> None:
        self._original = Path(os.path.abspath(root))  # noqa: PTH100 - as given
        self._folder: Path | None = None
        self.left_out: list[str] = []

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="codegrad-copy-")).resolve()
        try:
            self.root.mkdir()
            for name in ("home", "tmp", "cache"):
                (self._folder / name).mkdir()
            self._copy(self._original, self.root)
        except (OSError, RecursionError) as error:
            self.close()
            raise TestsError(
                f"{self._original} could not be copied: {error}"
            ) from error
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copy."""
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None

    @property
    def folder(self) -> Path:
        """The temporary folder: the copy with a home, tmp and cache beside it."""
        if self._folder is None:
            raise SandboxError("the scratch copy is used outside its `with` block")
        return self._folder

    @property
    def root(self) -> Path:
        """The copy of the project's folder; it keeps the folder's name."""
        return (
            self.folder / "work"
            if not self._original.name
            else (self.folder / self._original.name)
        )

    def overlay(self, sources: Sources) -> None:
        """Write module texts over the copy, by path relative to the root.

        Raises:
            TestsError: If a path leads outside the copy.
        """
        for path, text in sources.items():
            target = Path(os.path.normpath(self.root / path))
            parent = target.parent
            if not target.is_relative_to(self.root):
                raise TestsError(f"{path} is not a file below {self._original}")
            parent.mkdir(parents=True, exist_ok=True)
            if not parent.resolve().is_relative_to(self.root):
                raise TestsError(f"{path} is not a file below {self._original}")
            with suppress(FileNotFoundError):
                target.unlink()
            target.write_text(text, encoding="utf-8", newline="")

    def _copy(self, source: Path, target: Path) -> None:
        with os.scandir(source) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if not self._is_skipped(source, entry):
                    self._copy_entry(entry, target / entry.name)

    def _is_skipped(self, source: Path, entry: os.DirEntry[str]) -> bool:
        if entry.name in _NEVER_COPIED:
            return True
        if source == self._original and entry.name in _NEVER_COPIED_FROM_ROOT:
            return True
        # An environment under any other name.
        return (Path(entry.path) / "pyvenv.cfg").exists()

    def _copy_entry(self, entry: os.DirEntry[str], target: Path) -> None:
        shown = os.path.relpath(entry.path, self._original)
        if entry.is_symlink():
            self._copy_link(Path(entry.path), target, shown)
        elif entry.is_dir():
            target.mkdir()
            self._copy(Path(entry.path), target)
        elif not entry.is_file():
            self.left_out.append(f"{shown} was not copied: it is not a regular file")
        elif entry.stat().st_size > MAX_FILE_BYTES:
            self.left_out.append(f"{shown} was not copied: it is over 50 MB")
        else:
            try:
                shutil.copy2(entry.path, target)
            except PermissionError:
                self.left_out.append(f"{shown} was not copied: it may not be read")
                return
            target.chmod(target.stat().st_mode | stat.S_IRUSR | stat.S_IWUSR)

    def _copy_link(self, link: Path, target: Path, shown: str) -> None:
        root = self._original.resolve()
        try:
            destination = link.resolve()
        except (OSError, RuntimeError):  # RuntimeError: a loop, until Python 3.13
            self.left_out.append(f"{shown} was not copied: the link leads nowhere")
            return
        if not destination.is_relative_to(root):
            self.left_out.append(f"{shown} was not copied: the link leads outside")
            return
        inside = self.root / destination.relative_to(root)
        target.symlink_to(os.path.relpath(inside, target.parent))


def _remove(folder: Path) -> None:
    """Remove a tree, also where a test took away the right to do so."""
    for path, names, _ in os.walk(folder):
        for name in names:
            full = Path(path) / name
            if not full.is_symlink():
                with suppress(OSError):
                    full.chmod(stat.S_IRWXU)
    with suppress(RecursionError):  # a test may nest folders as deeply as it likes
        shutil.rmtree(folder, ignore_errors=True)


def import_folders(root: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Return the folders, relative to root, that have to lead `sys.path`.

    First the folders from which `files` are imported: for each file the nearest
    folder upwards that is no package; then `src` if it exists, then the root.
    """
    folders: dict[str, None] = {}
    for file in files:
        folder = (root / file).parent
        while (folder / "__init__.py").exists() and folder != root:
            folder = folder.parent
        if folder != root and folder.is_relative_to(root):
            folders[folder.relative_to(root).as_posix()] = None
    if (root / "src").is_dir():
        folders["src"] = None
    folders["."] = None
    return tuple(folders)
