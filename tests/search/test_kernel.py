from __future__ import annotations

import sys

from codegrad.search import kernel
from codegrad.search.cases import CaseSuite
from codegrad.search.subject import Subject
from tests.search.jobs import Frames, call, code, job, run_here

OFF_BY_ONE = """\
def f(xs):  # keep this comment
    '''Sum.'''
    total = 0
    for i in range(1, len(xs)):
        total += xs[i]   # and this one
    return total
"""
SUMS = [call([[1, 2, 3]], 6), call([[]], 0), call([[5]], 5)]


def test_a_job_is_analysed_searched_and_ended() -> None:
    frames = run_here(job(OFF_BY_ONE, SUMS))
    assert (frames.analysis["passed"], frames.analysis["total"]) == (1, 3)
    assert frames.analysis["generated"] > 500
    assert frames.end["next"] == frames.end["tried"] <= frames.end["spent"]
    best = frames.hits("plausible")[0]
    assert best["template"] == "constant"
    assert best["line"] == 4
    assert best["score"] == 3


def test_hits_keep_the_text_around_the_edit() -> None:
    hit = run_here(job(OFF_BY_ONE, SUMS)).hits("plausible")[0]
    assert hit["source"] == OFF_BY_ONE.replace("range(1, ", "range(0, ")


def test_the_same_job_has_the_same_answer() -> None:
    first, second = (run_here(job(OFF_BY_ONE, SUMS)).sent for _ in range(2))
    assert first == second


def test_chunks_cover_the_same_candidates_as_the_whole() -> None:
    whole = run_here(job(OFF_BY_ONE, SUMS, extra=10_000, count=10_000))
    found = []
    start = 0
    while True:
        part = run_here(job(OFF_BY_ONE, SUMS, start=start, count=300, extra=10_000))
        found += part.hits("plausible")
        if part.end["tried"] == 0:
            break
        start = part.end["next"]
    assert found == whole.hits("plausible")
    assert start == whole.analysis["generated"]


def test_after_a_plausible_one_so_many_more_are_tried() -> None:
    frames = run_here(job(OFF_BY_ONE, SUMS, extra=40))
    assert frames.end["tried"] == frames.hits("plausible")[0]["index"] + 1 + 40


def test_marks_name_the_tests_and_then_the_candidates() -> None:
    marks = run_here(job(OFF_BY_ONE, SUMS, start=5, count=3)).marks
    assert marks[:3] == [-2, -3, -4]
    assert marks[-4:] == [-1, 5, 6, 7]


def test_a_program_that_passes_is_not_edited() -> None:
    frames = run_here(job("def f(x):\n    return x", [call([1], 1)]))
    assert frames.analysis["generated"] == 0
    assert frames.end["tried"] == 0


def test_a_program_that_cannot_be_loaded_is_reported() -> None:
    for source in ("def f(:", "import missing_module_of_ours", "raise SystemExit(3)"):
        frames = run_here(job(source, SUMS))
        assert frames.analysis["error"]
        assert frames.end == {"tried": 0, "spent": 0, "next": 0}


def test_partial_hits_come_last_best_first() -> None:
    source = "def f(a, b):\n    return [a, b]"
    frames = run_here(job(source, [call([1, 2], [2, 3]), call([5, 5], [6, 7])]))
    hits = frames.hits("partial")
    promises = [hit["promise"] for hit in hits]
    assert promises
    assert promises == sorted(promises, reverse=True)
    assert all(hit["score"] > frames.analysis["score"] for hit in hits)


def test_candidates_out_of_steps_can_be_tried_with_more() -> None:
    source = "def f(n):\n    k = 0\n    while k < 1:\n        k += 1\n    return k"
    tests = [call([4_321], 4_321), call([4_005], 4_005)]
    first = run_here(job(source, tests, count=100))
    late = [hit["index"] for hit in first.hits("ticks")]
    assert late
    again = run_here(job(source, tests, phase="ticks", indices=late, tick_limit=50_000))
    assert "n" in [hit["edit"] for hit in again.hits("plausible")]


def test_steps_count_in_what_is_spent() -> None:
    source = "def f(n):\n    while n:\n        n -= 1\n    return 1"
    frames = run_here(job(source, [call([4_000], 0), call([4_000], 1)], count=500))
    assert frames.end["tried"] < frames.end["spent"]
    assert frames.end["spent"] >= 500


def test_only_the_named_functions_change() -> None:
    source = "def g(x):\n    return x\ndef f(x):\n    return g(x)"
    frames = run_here(job(source, [call([1], 2)], functions=["g"]))
    hits = frames.hits("plausible")
    assert hits
    assert {hit["line"] for hit in hits} == {2}


def test_methods_are_repaired_in_their_class() -> None:
    source = (
        "class A:\n    def two(self):\n        return 1\n\n"
        "def f():\n    return A().two() * 2"
    )
    frames = run_here(job(source, [call([], 4)], functions=["A.two"]))
    sources = [hit["source"] for hit in frames.hits("plausible")]
    assert source.replace("return 1", "return 2") in sources


def test_code_tests_and_context_are_understood() -> None:
    frames = run_here(
        job(
            "def f(b):\n    return b.n - 1",
            [code("b = Box(3)\nassert f(b) == 4\nassert f(Box(0)) == 1")],
            context="class Box:\n    def __init__(self, n):\n        self.n = n",
        )
    )
    assert "(b.n) + (1)" in [hit["edit"] for hit in frames.hits("plausible")]


def test_whole_programs_are_repaired() -> None:
    source = "n = int(input())\nprint(n * n)\n"
    tests = [
        {"kind": "stdin", "stdin": "3", "stdout": "6\n"},
        {"kind": "stdin", "stdin": "5", "stdout": "10\n"},
    ]
    hits = run_here(job(source, tests, entry="")).hits("plausible")
    assert "n = int(input())\nprint(n + n)\n" in [hit["source"] for hit in hits]


def test_holes_are_filled_with_what_no_template_knows() -> None:
    source = "def f(xs, n):\n    return 0"
    tests = [call([[3, 9, 2], 4], 13), call([[1], 1], 2), call([[0, -3], 7], 7)]
    wanted = job(source, tests, phase="holes", tick_limit=20_000)
    hits = run_here(wanted).hits("plausible")
    assert hits[0]["template"] == "hole"
    assert "max(xs)" in hits[0]["edit"]


def test_an_empty_function_is_written_from_its_examples() -> None:
    source = 'def f(xs):\n    """Double each item."""\n'
    tests = [call([[1, 2]], [2, 4]), call([[]], []), code("assert f([5]) == [10]")]
    frames = run_here(job(source, tests, phase="stub", prompt="Double each item."))
    assert frames.analysis["stub"]
    hit = frames.hits("plausible")[0]
    names: dict[str, object] = {}
    exec(hit["source"], names)
    assert names["f"]([7, 0]) == [14, 0]  # type: ignore[operator]
    assert '"""Double each item."""' in hit["source"]


def test_edits_leave_an_empty_function_alone() -> None:
    frames = run_here(job("def f(xs):\n    pass", [call([[1]], 1)]))
    assert frames.analysis["generated"] == 0


def test_streams_and_limits_are_put_back() -> None:
    before = sys.stdin, sys.stdout, sys.getrecursionlimit()
    run_here(
        job("def f():\n    print(input())\n    return f()", [call([], 1)], count=50)
    )
    assert (sys.stdin, sys.stdout, sys.getrecursionlimit()) == before


def test_any_suite_can_be_searched() -> None:
    subject = Subject(OFF_BY_ONE)
    frames = Frames()
    suite = CaseSuite(subject, SUMS, entry="f")
    kernel.search(job(OFF_BY_ONE, []), frames, subject, suite)
    assert frames.hits("plausible")
