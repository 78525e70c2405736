import json
from pathlib import Path
from typing import Any

import pytest

from codegrad.bench.visible import VISIBLE_FIELDS, visible_tasks
from codegrad.store.task_json import task_to_json
from codegrad.task import CallCheck, StdinCheck
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss
from tests.bench.secrets_of_judges import HIDDEN, VISIBLE, mark, marked_rows

CHECK = f"def check(candidate):\n    assert candidate(1) == {mark(HIDDEN)!r}\n"
PROMPT = 'def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    """\n'
ROWS: dict[str, dict[str, Any]] = {
    "humaneval": {
        "task_id": "T/0",
        "prompt": PROMPT.replace("Add", mark(VISIBLE)),
        "entry_point": "f",
        "canonical_solution": f"    return {mark(HIDDEN)!r}\n",
        "test": CHECK,
    },
    "mbpp+": {
        "task_id": "Mbpp/2",
        "prompt": f'"""\nAdd one {mark(VISIBLE)}.\nassert f(1) == 2\n"""\n',
        "entry_point": "f",
        "canonical_solution": mark(HIDDEN),
        "base_input": [[mark(HIDDEN)]],
        "plus_input": [[mark(HIDDEN)]],
        "assertion": mark(HIDDEN),
        "atol": 0,
    },
    "livecodebench": {
        "question_id": "1_A",
        "question_content": f"Add one. {mark(VISIBLE)}",
        "starter_code": "class Solution:\n    def f(self, x: int) -> int:\n        ",
        "metadata": '{"func_name": "f"}',
        "public_test_cases": [{"input": "1", "output": "2"}],
        "private_test_cases": [{"input": "7", "output": f'"{mark(HIDDEN)}"'}],
    },
    "quixbugs": {
        "name": "f",
        "buggy": f"def f(x):\n    return x\n# {mark(VISIBLE)}\n",
        "correct": f"def f(x):\n    return x + 1\n# {mark(HIDDEN)}\n",
        "cases": [[[1], 2], [[4], 5]],
    },
    "humanevalfix": {
        "task_id": "Python/0",
        "prompt": PROMPT.replace("Add", mark(VISIBLE)),
        "entry_point": "f",
        "buggy_solution": "    return x - 1\n",
        "canonical_solution": f"    return {mark(HIDDEN)!r}\n",
        "test": CHECK,
    },
}
ROWS["humaneval+"] = marked_rows(1)[0]


@pytest.mark.parametrize("benchmark", VISIBLE_FIELDS)
def test_a_task_holds_what_is_visible_and_nothing_that_is_hidden(
    benchmark: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS[benchmark]) + "\n")
    (task,) = visible_tasks(benchmark, path).values()
    text = task_to_json(task)
    assert VISIBLE in text
    assert HIDDEN not in text
    assert any(isinstance(c.check, CallCheck) for c in task.constraints)


def test_repair_starts_from_the_wrong_program_and_the_rest_from_a_stub(
    tmp_path: Path,
) -> None:
    starts = {}
    for benchmark, row in ROWS.items():
        path = tmp_path / "rows.jsonl"
        path.write_text(json.dumps(row) + "\n")
        (task,) = visible_tasks(benchmark, path).values()
        starts[benchmark] = task.source
    assert "return x - 1" in starts["humanevalfix"]
    assert "return x\n" in starts["quixbugs"]
    for benchmark in ("humaneval", "humaneval+", "mbpp+", "livecodebench"):
        assert "pass\n" in starts[benchmark]


def test_a_competition_s_program_is_fed_and_its_method_is_called(
    tmp_path: Path,
) -> None:
    program = {
        **ROWS["livecodebench"],
        "metadata": "{}",
        "starter_code": "",
        "public_test_cases": [{"input": "1\n", "output": "2\n"}],
    }
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(program) + "\n")
    (task,) = visible_tasks("livecodebench", path).values()
    assert task.is_program
    assert StdinCheck("1\n", "2\n") in [c.check for c in task.constraints]


def test_a_statement_that_contradicts_itself_has_no_tests_and_says_so(
    tmp_path: Path,
) -> None:
    prompt = (
        'def f(x):\n    """Add.\n\n    >>> f(1)\n    2\n    >>> f(1)\n    3\n    """\n'
    )
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**ROWS["humaneval"], "prompt": prompt}) + "\n")
    (task,) = visible_tasks("humaneval", path).values()
    assert not task.of_stage("tests")
    assert "no program can satisfy both" in task.notes[0]


def test_modules_that_an_assert_names_are_imported_beside_it(tmp_path: Path) -> None:
    prompt = "Halve.\nassert math.isclose(half(1), 0.5, rel_tol=0.001)\n"
    row = {**ROWS["mbpp+"], "prompt": prompt, "entry_point": "half"}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (task,) = visible_tasks("mbpp+", path).values()
    assert task.prelude == "import math\n"
    with Workbench() as bench:
        loss = VerificationLoss(task, bench=bench).evaluate(
            {task.main: "def half(n):\n    return n / 2\n"}
        )
    assert loss.verified
