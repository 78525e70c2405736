from pathlib import Path

import pytest

from codegrad.verify.generation import inputs_of
from codegrad.verify.inputs import Profile, known_calls, parameter_shapes
from codegrad.verify.mutation import Pool, mutations
from codegrad.verify.shapes import shape_of
from codegrad.verify.strategies import drawn, explored
from tests.verify.harness import DEDUPE, MEDIAN, task_of


def test_the_calls_of_the_examples_are_known_with_their_results() -> None:
    known = known_calls(task_of(MEDIAN, "median"))
    assert [(k.args, k.expected) for k in known] == [
        (([3, 1, 2],), 2),
        (([3, 1, 2, 4],), 2.5),
        (([7],), 7),
    ]


def test_types_are_inferred_from_the_examples() -> None:
    task = task_of(MEDIAN, "median")
    shapes = parameter_shapes(task, [k.args for k in known_calls(task)])
    assert shapes is not None
    assert [str(shape) for shape in shapes] == ["list[int]"]


def test_annotations_win_over_examples_and_are_completed_by_them() -> None:
    text = '''
def f(xs: list, n: float) -> int:
    """
    >>> f([1], 2)
    3
    """
'''
    task = task_of(text, "f")
    shapes = parameter_shapes(task, [k.args for k in known_calls(task)])
    assert shapes is not None
    assert [str(shape) for shape in shapes] == ["list[int]", "float"]


def test_a_function_of_which_nothing_is_known_has_no_inputs() -> None:
    inputs = inputs_of(task_of("def f(x):\n    return x\n", "f"))
    assert not inputs.all
    assert "add an example" in inputs.problem


def test_a_function_without_parameters_has_no_inputs() -> None:
    inputs = inputs_of(task_of("def f():\n    return 1\n", "f"))
    assert inputs.problem == "the function has no parameters"


def test_the_same_task_gives_the_same_inputs() -> None:
    first = inputs_of(task_of(DEDUPE, "dedupe"))
    second = inputs_of(task_of(DEDUPE, "dedupe"))
    assert first.generated == second.generated
    assert len(first.generated) > 150
    assert len({repr(args) for args in first.all}) == len(first.all)


def test_many_inputs_are_like_the_known_ones() -> None:
    inputs = inputs_of(task_of(DEDUPE, "dedupe"))
    assert len(inputs.like) > 60


def test_every_known_input_is_like_the_known_ones() -> None:
    known = [([1, 2], 3), ([4, 4, 9], 1), ([0], 2)]
    profile = Profile.of(known, [shape_of([1]), shape_of(1)])
    assert all(profile.admits(args) for args in known)


@pytest.mark.parametrize(
    ("known", "strange"),
    [
        ([("ab",), ("b",), ("cab",)], ("a1",)),
        ([("ab",), ("b",), ("cab",)], ("",)),
        ([(1,), (5,), (9,)], (-1,)),
        ([(1,), (5,), (9,)], (0,)),
        ([(1,), (5,), (9,)], (10**6,)),
        ([([1, 2],), ([3, 5, 9],), ([2],)], ([2, 1],)),
        ([([1, 2], [3, 4]), ([1], [2]), ([], [])], ([1], [2, 3])),
        ([("(())",), ("()",), ("()()",)], ("(",)),
        ([(1, 2), (3, 9), (0, 1)], (5, 4)),
        ([([1, 2], 1), ([1, 2, 3], 2), ([5], 0)], ([1, 2], 2)),
        ([(1,), (2,)], ("a",)),
        ([("1/2",), ("3/4",)], ("12",)),
        ([("1/2",), ("3/4",)], ("1/",)),
        ([({"k": 1},), ({"k": 2},)], ({"x": 1},)),
        ([([1, 2], [3]), ([1], []), ([1, 2, 3], [4, 5])], ([1], [2])),
    ],
)
def test_an_input_unlike_the_known_ones_is_told_apart(
    known: list[tuple[object, ...]], strange: tuple[object, ...]
) -> None:
    shapes = [shape_of(value) for value in known[0]]
    assert not Profile.of(known, shapes).admits(strange)


def test_mutations_keep_types_and_are_new() -> None:
    known = [([3, 1], "ab", {"k": (1, 2.5)})]
    found = mutations(known, 100, pool=Pool.of(known))
    assert len(found) == 100
    assert len({repr(args) for args in found} - {repr(known[0])}) == 100
    assert {tuple(type(v).__name__ for v in args) for args in found} == {
        ("list", "str", "dict")
    }


def test_constants_of_the_source_are_drawn() -> None:
    pool = Pool.of([(1,)], ["def f(n): return n == 77731"])
    found = drawn([shape_of(1)], 100, pool=pool)
    assert 77731 in {args[0] for args in found}


def test_the_alphabet_is_that_of_the_examples() -> None:
    pool = Pool.of([("[]",)])
    assert {c for (text,) in drawn([shape_of("")], 50, pool=pool) for c in text} <= set(
        "[]"
    )


def test_hypothesis_draws_the_same_twice_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pool = Pool.of([([1], "ab")])
    shapes = [shape_of([1]), shape_of("ab")]
    first = explored(shapes, 12, pool=pool)
    assert first == explored(shapes, 12, pool=pool)
    assert len(first) > 4
    assert list(tmp_path.iterdir()) == []
