import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from codegrad.blame.repository import localise, observe_suite
from codegrad.errors import TestsError
from codegrad.sandbox.repository import (
    SUITE_LIMITS,
    NodeOutcome,
    SuiteRun,
    find_python,
    find_root,
    run_suite,
)
from codegrad.task import Repository
from tests.repository.projects import CART, PRICE, content, write, write_shop

PYTHON = Path(sys.executable)
QUICK = replace(SUITE_LIMITS, wall_s=2.0)
FIXED = PRICE.replace("price + price", "price - price")

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def shop(root: Path, *tests: str, package: str = "") -> Repository:
    files = (f"{package}shop/cart.py", f"{package}shop/price.py")
    return Repository(root, tests or ("tests",), PYTHON, files)


def by_name(run: SuiteRun) -> dict[str, NodeOutcome]:
    return {outcome.node.rpartition("::")[2]: outcome for outcome in run.outcomes}


@pytest.fixture(scope="module", params=["", "src/"], ids=["flat", "src"])
def traced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SimpleNamespace:
    package = request.param
    root = write_shop(tmp_path_factory.mktemp("shop"), package=package)
    before = content(root)
    run = run_suite(shop(root, package=package), {}, trace=True)
    return SimpleNamespace(
        package=package, run=run, before=before, after=content(root), root=root
    )


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    def build(files: dict[str, str]) -> Path:
        root = tmp_path / "project"
        write_shop(root)
        write(root, files)
        return root

    return build


# -- outcomes


def test_every_test_has_its_own_outcome(traced: SimpleNamespace) -> None:
    kinds = {name: outcome.kind for name, outcome in by_name(traced.run).items()}
    assert kinds == {
        "test_total_without_discount": "passed",
        "test_total_with_discount": "failed",
        "test_is_empty[items0-True]": "passed",
        "test_is_empty[items1-False]": "passed",
        "test_files_are_written": "passed",
        "test_a_program_is_started": "passed",
        "test_discounted[200-50-100]": "failed",
        "test_discounted[80-0-80]": "passed",
        "test_discounted[100-10-90]": "failed",
        "test_a_negative_discount_is_refused": "passed",
        "test_replaced": "passed",
        "test_skipped": "skipped",
        "test_half": "failed",
    }
    assert not traced.run.forge_proof
    assert traced.run.load is None
    assert traced.run.restarts == 0


def test_a_failed_comparison_tells_both_sides(traced: SimpleNamespace) -> None:
    outcome = by_name(traced.run)["test_total_with_discount"]
    assert (outcome.observed, outcome.expected) == ("275", "225")
    assert outcome.statement == "assert total(basket, 10) == 225"
    assert outcome.test_place == ("tests/test_cart.py", 14)


def test_sides_of_a_unittest_assertion_are_known(traced: SimpleNamespace) -> None:
    outcome = by_name(traced.run)["test_half"]
    assert (outcome.observed, outcome.expected) == ("15", "5")


def test_users_folder_is_not_touched(traced: SimpleNamespace) -> None:
    assert traced.after == traced.before


# -- trace and blame


def test_trace_holds_lines_calls_and_values_of_the_project(
    traced: SimpleNamespace,
) -> None:
    package = traced.package
    trace = by_name(traced.run)["test_total_with_discount"].trace
    assert trace is not None
    assert set(trace.lines) == {f"{package}shop/cart.py", f"{package}shop/price.py"}
    assert trace.lines[f"{package}shop/price.py"] == (4, 6, 8)
    caller, callee = (
        f"{package}shop/cart.py::total",
        f"{package}shop/price.py::discounted",
    )
    assert (caller, callee) in trace.calls
    assert trace.entries == ("total([(100, 2), (50, 1)], 10)",)
    at_return = [s for s in trace.states if s.path.endswith("price.py") and s.line == 8]
    assert ("percent", "10") in at_return[0].values


def test_place_of_an_exception_is_in_the_trace(traced: SimpleNamespace) -> None:
    trace = by_name(traced.run)["test_a_negative_discount_is_refused"].trace
    assert trace is not None
    assert (f"{traced.package}shop/price.py", 7) in trace.exception_lines


def test_function_at_fault_is_found_behind_its_caller(traced: SimpleNamespace) -> None:
    cart, price = f"{traced.package}shop/cart.py", f"{traced.package}shop/price.py"
    functions = {
        (cart, "total"): (8, 14),
        (cart, "is_empty"): (17, 19),
        (price, "discounted"): (4, 8),
    }
    ranked = localise(traced.run, functions)
    assert [function for function, _ in ranked] == [
        (price, "discounted"),
        (cart, "total"),
    ]
    assert ranked[0][1] > ranked[1][1]


def test_each_traced_test_is_observed_by_file(traced: SimpleNamespace) -> None:
    found = {(o.constraint, o.path) for o in observe_suite(traced.run)}
    node = "tests/test_cart.py::test_total_with_discount"
    assert (node, f"{traced.package}shop/cart.py") in found
    assert (node, f"{traced.package}shop/price.py") in found


# -- sources and selection


def test_given_sources_are_tested_instead_of_the_users(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    run = run_suite(shop(root), {"shop/price.py": FIXED})
    assert not run.failing
    assert (root / "shop/price.py").read_text() == PRICE


def test_only_selected_tests_run(tmp_path: Path) -> None:
    root = write_shop(tmp_path / "shop")
    nodes = ["tests/test_price.py::test_replaced", "tests/test_price.py::test_gone"]
    run = run_suite(shop(root), {}, select=nodes)
    assert [(o.node, o.kind) for o in run.outcomes] == [
        (nodes[0], "passed"),
        (nodes[1], "not_run"),
    ]


# -- what stops a test


def test_hanging_test_is_a_timeout_and_the_rest_still_runs(
    project: Callable[[dict[str, str]], Path],
) -> None:
    root = project(
        {
            "tests/test_more.py": """\
            from shop import cart

            def test_between():
                assert cart.is_empty([])

            def test_loops():
                cart.total([(1, 1)])

            def test_after():
                assert cart.is_empty([])
            """
        }
    )
    endless = CART.replace(
        "    result = 0\n", "    result = 0\n    while True:\n        result += 1\n"
    )
    limits = replace(SUITE_LIMITS, wall_s=4.0)
    run = run_suite(
        shop(root, "tests/test_more.py"),
        {"shop/cart.py": endless},
        trace=True,
        limits=limits,
    )
    found = by_name(run)
    kinds = {name: outcome.kind for name, outcome in found.items()}
    assert kinds == {
        "test_between": "passed",
        "test_loops": "timeout",
        "test_after": "passed",
    }
    assert run.restarts == 1
    # Where it was: the loop that was put into the function.
    assert found["test_loops"].place in {("shop/cart.py", 11), ("shop/cart.py", 12)}


def test_test_that_ends_its_process_died_and_the_rest_still_runs(
    project: Callable[[dict[str, str]], Path],
) -> None:
    root = project(
        {
            "tests/test_more.py": """\
            import os

            def test_exits():
                os._exit(3)

            def test_after():
                pass
            """
        }
    )
    run = run_suite(shop(root, "tests/test_more.py"), {})
    first, second = run.outcomes
    assert (first.kind, second.kind) == ("died", "passed")
    assert "exit status 3" in first.message


@pytest.mark.slow
def test_after_too_many_deaths_the_rest_is_not_run(
    project: Callable[[dict[str, str]], Path],
) -> None:
    tests = "import os, pytest\n@pytest.mark.parametrize('n', range(6))\n"
    root = project({"tests/test_more.py": tests + "def test_exits(n): os._exit(1)\n"})
    run = run_suite(shop(root, "tests/test_more.py"), {})
    assert [outcome.kind for outcome in run.outcomes] == ["died"] * 4 + ["not_run"] * 2


def test_nothing_is_left_running(project: Callable[[dict[str, str]], Path]) -> None:
    name = f"codegrad-survivor-{os.getpid()}"
    root = project(
        {
            "tests/test_more.py": f"""\
            import subprocess, sys

            def test_starts_a_daemon():
                code = "import time; time.sleep(300)"
                subprocess.Popen(
                    [sys.executable, "-c", code, {name!r}], start_new_session=True
                )
            """
        }
    )
    run = run_suite(shop(root, "tests/test_more.py"), {})
    assert run.outcomes[0].kind == "passed"
    listing = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True)
    assert name not in listing.stdout


# -- isolation


def test_tests_reach_neither_the_users_files_nor_the_network(
    project: Callable[[dict[str, str]], Path], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    root = project({})
    write(
        root,
        {
            "tests/test_more.py": f"""\
            import os
            import pathlib
            import socket
            import urllib.request

            def test_writes_to_the_project():
                pathlib.Path({str(root / "evil")!r}).write_text("x")

            def test_reads_outside():
                pathlib.Path({str(secret)!r}).read_text()

            def test_writes_beside_itself():
                (pathlib.Path(__file__).parent / "evil").write_text("x")
                pathlib.Path("evil").write_text("x")
                (pathlib.Path.home() / "evil").write_text("x")

            def test_downloads():
                urllib.request.urlopen("http://192.0.2.1/", timeout=1)

            def test_talks_to_itself():
                server = socket.socket()
                server.bind(("127.0.0.1", 0))
                server.listen()
                socket.create_connection(server.getsockname()).close()
                server.close()
            """
        },
    )
    before = content(root)
    found = by_name(run_suite(shop(root, "tests/test_more.py"), {}))
    assert found["test_writes_to_the_project"].kind == "raised"
    assert found["test_reads_outside"].kind == "raised"
    assert found["test_writes_beside_itself"].kind == "passed"
    assert found["test_downloads"].kind == "raised"
    assert "the sandbox has no network" in found["test_downloads"].message
    assert found["test_talks_to_itself"].kind == "passed"
    assert content(root) == before
    assert not (Path.home() / "evil").exists()


# -- code that cannot be imported is a value


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("def discounted(:\n", "SyntaxError", 1),
        ("x = 1\n1 / 0\n", "ZeroDivisionError", 2),
        ("def discount(): pass\n", "ImportError", 1),
    ],
)
def test_module_that_cannot_be_imported_is_reported(
    tmp_path: Path, source: str, error: str, line: int
) -> None:
    root = write_shop(tmp_path / "shop")
    node = "tests/test_cart.py::test_total_without_discount"
    run = run_suite(shop(root), {"shop/price.py": source}, select=[node])
    assert run.load is not None
    assert (run.load.path, run.load.error, run.load.line) == (
        "shop/price.py",
        error,
        line,
    )
    assert [outcome.kind for outcome in run.outcomes] == ["not_run"]


# -- tests that cannot be used are an error


@pytest.mark.parametrize(
    ("files", "tests", "words"),
    [
        ({"tests/test_x.py": "import nosuchthing\n"}, "tests", "tests/test_x.py:1"),
        ({"tests/test_x.py": "def test(:\n"}, "tests", "tests/test_x.py:1"),
        ({"tests/conftest.py": "import nosuchthing\n"}, "tests", "conftest.py:1"),
        ({"tests/empty.py": "x = 1\n"}, "tests/empty.py", "no tests"),
        ({}, "tests/test_gone.py", "not found"),
        ({"pytest.ini": "[pytest]\naddopts = --frob\n"}, "tests", "--frob"),
    ],
    ids=["import", "syntax", "conftest", "none", "missing", "option"],
)
def test_unusable_tests_are_refused_with_the_reason(
    project: Callable[[dict[str, str]], Path],
    files: dict[str, str],
    tests: str,
    words: str,
) -> None:
    with pytest.raises(TestsError) as caught:
        run_suite(shop(project(files), tests), {})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_configuration_of_the_project_is_respected(
    project: Callable[[dict[str, str]], Path],
) -> None:
    options = (
        "[pytest]\naddopts = -x -q\npython_functions = check_*\npythonpath = lib\n"
    )
    root = project(
        {
            "pytest.ini": options,
            "lib/helper.py": "ANSWER = 42\n",
            "tests/test_more.py": """\
            import helper

            def check_fails():
                assert helper.ANSWER == 41

            def check_after():
                assert helper.ANSWER == 42
            """,
        }
    )
    run = run_suite(shop(root, "tests/test_more.py"), {})
    assert {o.node.rpartition("::")[2]: o.kind for o in run.outcomes} == {
        "check_fails": "failed",
        "check_after": "passed",
    }


# -- root and interpreter


def test_root_is_the_nearest_folder_with_a_project_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "mod.py").touch()
    assert find_root(inner / "mod.py") == tmp_path
    (tmp_path / "a" / "setup.cfg").touch()
    assert find_root(inner / "mod.py") == tmp_path / "a"


def test_python_of_the_projects_environment_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert find_python(tmp_path) == PYTHON
    python = tmp_path / ".venv" / "bin" / "python"
    venv.create(tmp_path / ".venv", with_pip=False)
    packages = tmp_path / ".venv" / "lib" / f"python{VERSION}" / "site-packages"
    (packages / "pytest.py").write_text('__version__ = "9.0"\n')
    assert find_python(tmp_path) == python


def test_a_program_in_the_place_of_the_projects_python_reaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    python = tmp_path / "p" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho gone > {tmp_path}/escaped\n")
    python.chmod(0o755)
    with pytest.raises(TestsError, match="is not a Python that runs"):
        find_python(tmp_path / "p")
    assert not (tmp_path / "escaped").exists()


def test_python_without_pytest_is_refused(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    command = [sys.executable, "-m", "venv", "--without-pip", str(bare)]
    subprocess.run(command, check=True)
    with pytest.raises(TestsError, match="pytest is not installed"):
        find_python(tmp_path, bare / "bin" / "python")


def test_what_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TestsError, match="is not a Python that runs"):
        find_python(tmp_path, Path("/bin/false"))


# -- environments of other projects


def pip_install(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "-q", "--no-build-isolation"]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("package", ["", "src/"], ids=["flat", "src"])
def test_editable_install_does_not_get_around_the_copy(
    environment: Path, tmp_path: Path, package: str
) -> None:
    root = write_shop(tmp_path / "shop", package=package)
    pip_install(environment, "--editable", str(root))
    repository = replace(shop(root, package=package), python=environment)
    assert len(run_suite(repository, {}).failing) == 4
    fixed = run_suite(repository, {f"{package}shop/price.py": FIXED})
    assert not fixed.failing


@pytest.mark.slow
def test_installed_package_does_not_get_around_the_copy(
    environment: Path, tmp_path: Path
) -> None:
    root = write_shop(tmp_path / "shop", package="src/")
    pip_install(environment, str(root))
    repository = replace(shop(root, package="src/"), python=environment)
    fixed = run_suite(repository, {"src/shop/price.py": FIXED})
    assert not fixed.failing
