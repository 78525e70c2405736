"""Missing imports: which are added, where, and what is left alone."""

import json

import pytest

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.engine import Direction
from codegrad.engines.imports import with_imports
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import IMPORTS, SearchEngine
from codegrad.optim.strategy import strategy_of
from codegrad.refine import refine
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("math.sqrt(x)", "import math"),
        ("sqrt(x)", "from math import sqrt"),
        ("defaultdict(int)", "from collections import defaultdict"),
        ("datetime.datetime.now()", "import datetime"),
        ("datetime.now()", "from datetime import datetime"),
        ("datetime.strptime(x, '%Y')", "from datetime import datetime"),
        ("copy.deepcopy(x)", "import copy"),
        ("deepcopy(x)", "from copy import deepcopy"),
        ("reduce(max, x)", "from functools import reduce"),
        ("os.path.join(x)", "import os"),
        ("cast(Optional[int], x)", "from typing import Optional"),
        ("sys.maxsize", "import sys"),
    ],
)
def test_a_name_is_imported_as_it_is_used(body: str, line: str) -> None:
    found = with_imports(f"def f(x):\n    return {body}\n")
    assert line in found.splitlines()
    assert with_imports(found) == found


def test_what_is_no_line_end_for_the_parser_is_none_here() -> None:
    before, after = '"""Tools\x0c.\u2028"""\r\n', "def f(x): return math.floor(x)\r\n"
    found = with_imports(before + after)
    assert found == f"{before}import math\r\n\r\n{after}"


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return x\n",
        "def f(x): return x.math + unheard(x)\n",
        "import math as m\ndef f(math): return math.sqrt(m.pi)\n",
        "from math import *\ndef f(x): return sqrt(x)\n",
        "def f(x):\n    for math in x: pass\n    return math\n",
        "def f(x): return numpy.array(x) + np.array(x)\n",
        "def f(:\n",
        "def f(x):\n    match x:\n        case [product, *count]: return product\n",
        "exec('heapify = 1')\ndef f(x): return heapify(x)\n",
        "from __future__ import annotations; x = math.e\n",
        "def f(x): return random.shuffl(x)\n",
        "",
    ],
)
def test_what_is_defined_or_unknown_is_left_alone(text: str) -> None:
    assert with_imports(text) == text


def test_imports_stand_behind_docstring_and_future_and_before_decorators() -> None:
    text = (
        '#!/usr/bin/env python3\n"""Doc."""\nfrom __future__ import annotations\n\n'
        "@lru_cache\ndef f(x):\n    return x\n"
    )
    lines = with_imports(text).splitlines()
    assert (
        lines.index("from functools import lru_cache") == lines.index("@lru_cache") - 2
    )
    assert lines[:3] == text.splitlines()[:3]
    assert with_imports("def f(x):\r\n    return math.e").startswith("import math\r\n")


TEXT = '''def area(r: float) -> List[float]:
    """Area.

    >>> area(0)
    [0.0]
    >>> area(2)
    [12.566370614359172]
    """
    return [math.pi * r * r]
'''


def test_the_search_adds_them_first(bench: Workbench) -> None:
    result = refine(task_from_text(TEXT, "m.py", None), bench=bench)
    assert result.verified
    assert result.spent.candidates == 1
    assert result.code.endswith(TEXT)


def test_it_searches_on_where_imports_are_not_all_that_is_wrong(
    bench: Workbench,
) -> None:
    text = TEXT.replace("r * r", "r + r")
    result = refine(task_from_text(text, "m.py", None), bench=bench)
    assert result.verified
    assert "import math" in result.code


def test_they_are_proposed_once_also_after_a_restart(bench: Workbench) -> None:
    task = task_from_text(TEXT.replace("r * r", "r"), "m.py", None)
    program, direction = Program.from_task(task), Direction({})
    first, second = SearchEngine(bench=bench), SearchEngine(bench=bench)
    small = Budget(candidates=5)
    (proposal,) = first.propose(task, program, direction, budget=small).proposals
    assert proposal.label == IMPORTS
    second.restore(json.loads(json.dumps(first.state())))
    again = second.propose(task, program, direction, budget=small)
    assert all(p.label != IMPORTS for p in again.proposals)


def test_an_answer_that_lacks_only_imports_is_a_near_miss(bench: Workbench) -> None:
    stub = TEXT.replace("return [math.pi * r * r]", "raise NotImplementedError")
    task = task_from_text("from typing import List\n" + stub, "m.py", None)
    engine = ScriptedEngine(["from typing import List\n" + TEXT])
    result = refine(
        task, engines=[engine], strategy=strategy_of("codegrad"), bench=bench
    )
    assert result.verified
    assert "import math" in result.code
