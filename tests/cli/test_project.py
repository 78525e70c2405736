from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegrad.budget import Budget
from codegrad.cli import check, refine
from codegrad.cli.project import find, read
from codegrad.errors import CodeGradError, UsageError

RIGHT = '''
def inc(x):
    """Add one.

    >>> inc(1)
    2
    """
    return x + 1
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "m.py").write_text(RIGHT)
    return tmp_path


def write(project: Path, table: str, *, place: str = "") -> Path:
    path = project / place / "pyproject.toml"
    path.write_text(f"[project]\nname = 'x'\n[tool.codegrad]\n{table}\n")
    return path


def run_check(project: Path, *arguments: str) -> Result:
    target = str(project / "pkg" / "m.py")
    return CliRunner().invoke(
        check.command, [target, *arguments], standalone_mode=False
    )


def test_the_values_become_those_of_the_options(project: Path) -> None:
    (project / "env").mkdir()
    path = write(
        project,
        'stages = ["syntax", "tests"]\nbudget = "90s"\ntimeout = 2\nseed = 4\n'
        'engine = "search"\npython = "env"\ntests = ["t.json"]\n'
        "max-tokens = 900\ncontext = 8000\ntemperature = 0\nreply-timeout = 60\n"
        "parallel = 2",
    )
    assert read(path) == {
        "stages": "syntax,tests",
        "budget": Budget.parse("90s"),
        "timeout_s": 2.0,
        "seed": 4,
        "engine": "search",
        "python": project / "env",
        "tests": [str(project / "t.json")],
        "max_tokens": 900,
        "context": 8000,
        "temperature": 0.0,
        "reply_timeout": 60.0,
        "parallel": 2,
    }


def test_the_nearest_file_with_our_table_counts(project: Path) -> None:
    outer = write(project, "seed = 1")
    assert find(project / "pkg" / "m.py") == outer
    (project / "pkg" / "pyproject.toml").write_text("[project]\nname = 'y'\n")
    assert find(project / "pkg" / "m.py") == outer
    inner = write(project, "seed = 2", place="pkg")
    assert find(project / "pkg" / "m.py") == inner
    assert find(project / "pkg") == inner


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("stage = 1", "unknown key 'stage' in .*; known: stages, tests"),
        ('stages = ["magic"]', "stages in .*unknown stage 'magic'; known: syntax"),
        ("stages = 3", "expected a list of stages, found 3"),
        ("stages = [3]", "expected a list of stages"),
        ('timeout = "long"', "timeout in .*expected a number of seconds"),
        ("timeout = 0", "expected a number of seconds above 0, found 0"),
        ("timeout = nan", "expected a number of seconds above 0, found nan"),
        ("reply-timeout = inf", "expected a number of seconds above 0, found inf"),
        ("temperature = nan", "expected a number from 0 to 2"),
        ("timeout = true", "expected a number of seconds"),
        ('budget = "much"', "cannot read the budget 'much'"),
        ("budget = true", "expected a number or a text like '90s'"),
        ("max-tokens = 0", "max-tokens in .*expected a whole number above 0, found 0"),
        ("context = 1.5", "context in .*expected a whole number"),
        ("temperature = 3", "expected a number from 0 to 2, found 3"),
        ('temperature = "hot"', "expected a number from 0 to 2"),
        ("seed = 1.5", "seed in .*expected a whole number"),
        ("engine = 3", "engine in .*expected a text"),
        ('python = "gone/python"', "gone/python does not exist"),
        ("tests = 3", "expected a list of paths"),
        ('base-url = "http://localhost:1"', "base-url is not read .*your key is sent"),
        ("= 3", "is not TOML"),
    ],
)
def test_a_bad_value_is_one_sentence_with_file_and_key(
    project: Path, table: str, sentence: str
) -> None:
    write(project, table)
    result = run_check(project)
    assert isinstance(result.exception, UsageError)
    with pytest.raises(CodeGradError, match=f"pyproject.toml.*{sentence}"):
        raise result.exception


def test_a_table_that_is_none_is_one_sentence(project: Path) -> None:
    (project / "pyproject.toml").write_text("tool.codegrad = 3\n")
    with pytest.raises(UsageError, match="must be a table"):
        find(project / "pkg" / "m.py")


def test_settings_of_the_project_are_used_and_said(project: Path) -> None:
    path = write(project, 'stages = ["syntax", "tests"]\nengine = "search"')
    result = run_check(project)
    assert result.return_value == 0, result.output
    assert f"note: stages from [tool.codegrad] of {path}" in result.output
    assert "evidence: not run: lint" in result.output


def test_what_is_typed_wins(project: Path) -> None:
    write(project, 'stages = ["all"]')
    result = run_check(project, "--stages", "syntax")
    assert "note: stages" not in result.output
    assert "evidence: not run: example 1" in result.output


def test_refine_takes_its_settings_from_the_project(project: Path) -> None:
    path = write(project, 'stages = ["syntax", "tests"]\nbudget = 10\nseed = 3')
    result = CliRunner().invoke(
        refine.command,
        [str(project / "pkg" / "m.py"), "--seed", "5", "--engine", "search"],
        standalone_mode=False,
    )
    assert result.return_value == 0, result.output
    assert f"note: stages, budget from [tool.codegrad] of {path}" in result.output
