"""The rules of the house that a reader would otherwise have to believe."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import codegrad

SOURCE = Path(codegrad.__file__).parent

# Lowest first: a module may import what stands in its own entry or above it.
ORDER: tuple[tuple[str, ...], ...] = (
    ("errors", "lines"),
    ("budget", "verdict"),
    ("contract",),
    ("task",),
    ("gradient", "evidence"),
    ("code", "loss"),
    ("events",),
    ("search",),
    ("sandbox",),
    ("tasks",),
    ("blame",),
    ("prove",),
    ("verify",),
    ("store",),
    ("engines",),
    ("optim",),
    ("result", "checkpoint"),
    ("refine",),
    ("report",),
    ("bench",),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

# The convenience `Task.from_file` is the one shortcut that looks the other way.
ALLOWED = {("task", "tasks")}

# A third-party package enters in one room.
HOMES = {
    "click": "cli",
    "crosshair": "verify",
    "cvc5": "prove",
    "genai_prices": "engines",
    "httpx2": "engines",
    "hypothesis": "verify",
    "jinja2": "report",
    "markupsafe": "report",
    "pydantic_ai": "engines",
    "pygments": "report",
    "ray": "bench",
    "rich": ("report", "cli"),
    "ruff": "verify",
    "ty": "verify",
    "xllamacpp": "engines",
    "z3": "prove",
}

CHILD_SIDE = [
    SOURCE / "sandbox" / "child.py",
    SOURCE / "sandbox" / "pytest_driver.py",
    *sorted(
        p for p in (SOURCE / "search").glob("*.py") if p.name not in {"frontier.py"}
    ),
]


def modules() -> Iterator[Path]:
    yield from sorted(SOURCE.rglob("*.py"))


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize(
    "path", list(modules()), ids=lambda p: str(p.relative_to(SOURCE))
)
def test_imports_point_one_way_and_packages_enter_in_their_room(path: Path) -> None:
    here = part(path)
    if here == "__init__":
        return
    assert here in RANK, f"{here} has no place in ORDER"
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "codegrad" and rest:
            there = rest.partition(".")[0]
            if there == "__version__" or (here, there) in ALLOWED:
                continue
            assert RANK[there] <= RANK[here], f"{path.name} imports {name}"
        elif top in HOMES:
            homes = HOMES[top]
            assert here in ((homes,) if isinstance(homes, str) else homes), (
                f"{path.name} imports {top}"
            )
        else:
            assert top in {*sys.stdlib_module_names, "codegrad", "pytest", "_pytest"}, (
                f"{path.name} imports {top}, which has no room"
            )


def test_the_layout_has_at_most_two_levels() -> None:
    for path in modules():
        assert len(path.relative_to(SOURCE).parts) <= 2, path


@pytest.mark.parametrize("path", CHILD_SIDE, ids=lambda p: p.name)
def test_child_side_files_are_python_39_and_standard_library(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for name in imported(path):
        top = name.partition(".")[0]
        allowed = {*sys.stdlib_module_names, "codegrad"}
        if path.name == "pytest_driver.py":
            allowed |= {"pytest", "_pytest"}
        assert top in allowed, name
        if top == "codegrad":
            assert name.startswith("codegrad.search"), name


def test_no_module_is_named_for_nothing() -> None:
    for path in modules():
        assert path.stem not in {"utils", "util", "common", "helpers", "misc"}


def test_every_exported_name_is_listed_and_can_be_loaded() -> None:
    assert codegrad.__all__ == sorted(codegrad.__all__)
    for name in codegrad.__all__:
        assert getattr(codegrad, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        codegrad.nonsense  # noqa: B018 - the access is the test


def test_importing_the_package_does_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, os\n"
        "before = set(sys.modules)\n"
        "import codegrad\n"
        "heavy = [m for m in set(sys.modules) - before if m.split('.')[0] in "
        "{'click', 'rich', 'jinja2', 'z3', 'hypothesis', 'sqlite3', 'asyncio'}]\n"
        "print(heavy, os.listdir('.'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[] []"
    assert done.stderr == ""


def test_help_loads_no_command_and_no_heavy_package() -> None:
    script = (
        "import sys\n"
        "from codegrad.cli.main import run\n"
        "code = run(['--help'])\n"
        "heavy = {'rich', 'jinja2', 'pygments', 'z3', 'cvc5', 'sqlite3', "
        "'pydantic_ai', 'pydantic', 'httpx2'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)), code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "refine" in done.stdout
    assert done.stdout.rstrip().endswith("loaded: [] 0")
