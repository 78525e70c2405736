"""What is proposed after a command works as it is printed."""

import io
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from codegrad.budget import Spent
from codegrad.cli.main import run
from codegrad.cli.session import unwritten
from codegrad.loss import Loss
from codegrad.result import Outcome, Result
from codegrad.store.calls import CallBook
from codegrad.tasks.python_file import task_from_text

FAR = '''def f(xs, k):
    """Return what no edit reaches.

    >>> f([3, 1, 2], 2)
    {'zq': [7, 1], 'k': 31}
    """
    total = 0
    for x in xs:
        if x > k:
            total += x
    return total
'''
WRONG = '''def largest(items):
    """Return the largest item.

    >>> largest([3, 9, 2])
    9
    """
    return min(items)
'''
_Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> _Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far.py").write_text(FAR)
    (tmp_path / "wrong.py").write_text(WRONG)

    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        return code, *capsys.readouterr()

    return called


def proposed(out: str) -> list[str]:
    """Return the arguments of the command that was proposed."""
    return shlex.split(out.rstrip().rpartition("next: ")[2])[1:]


def test_a_search_whose_candidates_are_spent_goes_on_with_more(
    command: _Command,
) -> None:
    _, out, _ = command("refine", "far.py", "--budget", "candidates=60")
    again = proposed(out)
    assert again[::2] == ["resume", "--budget"]
    assert again[3] == "candidates=120"
    assert proposed(command("show", again[1])[1]) == again
    _, out, _ = command(*again)
    assert "(120 candidates)" in out
    assert proposed(out)[3] == "candidates=240"


def test_the_store_that_was_given_is_in_the_next_command(command: _Command) -> None:
    store = ("--store", "my runs.db")
    _, out, _ = command("refine", "wrong.py", *store)
    assert proposed(out)[0] == "apply"
    assert proposed(out)[2:] == list(store)
    assert proposed(command("show", proposed(out)[1], *store)[1]) == proposed(out)
    assert command(*proposed(out))[0] == 0
    assert "max(items)" in Path("wrong.py").read_text()


def test_a_resumed_run_proposes_no_target_whose_tests_it_does_not_know(
    command: _Command,
) -> None:
    Path("e.json").write_text('[{"args": [[1], 1], "expected": 3}]')
    given = ("--tests", "e.json", "--budget", "candidates=0")
    _, out, _ = command("refine", "far.py", *given)
    assert proposed(out) == ["grad", "far.py", "--tests", "e.json"]
    _, listed, _ = command("runs", "--limit", "1")
    run_id = listed.split()[0]
    _, out, _ = command("resume", run_id)
    assert proposed(out) == ["show", run_id]
    assert command(*proposed(out))[0] == 0


def test_files_that_one_output_cannot_hold_are_named() -> None:
    task = task_from_text(WRONG, "a.py", None)
    loss = Loss(task.constraints, (), ladder=())
    sources = {"a.py": "x = 1\n", "b.py": "y = 1\n"}
    both = Result(task, Outcome.EXHAUSTED, "", sources, loss, Spent(), 1)
    said = unwritten(both, Path("out.py"), "codegrad apply 01x")
    assert said == "out.py holds a.py alone; changed and not written: b.py"
    one = Result(task, Outcome.EXHAUSTED, "", {"a.py": ""}, loss, Spent(), 1)
    assert not unwritten(one, Path("out.py"), "codegrad apply 01x")


@pytest.mark.parametrize(
    ("model", "ways"), [("openai:x", 1), ("anthropic:claude-haiku-4-5", 0)]
)
def test_a_missing_key_names_only_what_helps(
    command: _Command, monkeypatch: pytest.MonkeyPatch, model: str, ways: int
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = command("refine", "wrong.py", "--engine", model)
    assert code == 2
    assert "_API_KEY" in err
    assert err.count("--base-url") == ways


def test_clearing_without_a_terminal_says_to_give_yes(
    command: _Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with CallBook(tmp_path / "calls.db") as book:
        book.intend("k", "{}", payer="run", session="1", label="")
        book.intend("l", "{}", payer="run", session="1", label="")
    store = ("--store", str(tmp_path / "runs.db"))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = command("cache", *store, "clear")
    assert code == 2
    assert "delete all 2 calls" in err
    assert "--yes" in err
    code, out, _ = command("cache", *store, "clear", "--older-than", "1d")
    assert (code, out) == (0, "nothing to clear\n")
    code, out, _ = command("cache", *store, "clear", "--yes")
    assert (code, out) == (0, "2 calls deleted\n")
