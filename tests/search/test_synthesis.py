"""What is found computes what was asked, the same way every time."""

import ast
import collections
import itertools
import math
import os
import statistics
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegrad.search.kinds import kind_of
from codegrad.search.synthesis import (
    body_for,
    enumerate_expressions,
    is_same,
    prompt_constants,
    solve_examples,
)

MODULES = {
    "math": math,
    "statistics": statistics,
    "collections": collections,
    "itertools": itertools,
}
NAMES = {*dir(__builtins__), "len", "sum", "max", "sorted", "list", "range", *MODULES}
VALUES = st.one_of(
    st.integers(-9, 9),
    st.text("aB 1", max_size=4),
    st.lists(st.integers(-9, 9), max_size=4),
    st.lists(st.text("ab", max_size=3), max_size=3),
    st.booleans(),
    st.floats(-9, 9),
)


def value_of(source: str, variables: dict[str, object]) -> object:
    return eval(source, {**MODULES, **variables})


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), min_size=1, max_size=3)
)
def test_every_expression_has_the_values_that_python_computes(
    states: list[dict[str, object]],
) -> None:
    found = enumerate_expressions(
        states, [0, "-"], names=NAMES, max_size=4, max_tried=4_000
    )
    for expression in found:
        for state, value in zip(states, expression.values, strict=True):
            assert repr(value_of(expression.source, state)) == repr(value)
        assert expression.kind == kind_of(expression.values)
        used = {
            n.id
            for n in ast.walk(ast.parse(expression.source))
            if isinstance(n, ast.Name)
        }
        assert expression.variables == used & set(states[0])


def test_no_two_expressions_have_the_same_values_and_sizes_never_fall() -> None:
    states = [{"n": 3, "xs": [3, 1]}, {"n": 0, "xs": [5]}]
    found = list(enumerate_expressions(states, [0, 1], max_size=4, max_kept=800))
    assert len(found) > 300
    plain = [[sorted(v) if isinstance(v, set) else v for v in e.values] for e in found]
    behaviours = [
        (e.kind, repr(values)) for e, values in zip(found, plain, strict=True)
    ]
    assert len(set(behaviours)) == len(found)
    assert [e.size for e in found] == sorted(e.size for e in found)


def test_only_wanted_kinds_are_yielded() -> None:
    states = [{"xs": [3, 1]}, {"xs": [5]}]
    found = list(enumerate_expressions(states, [0], kinds=["bool"], max_size=4))
    assert "xs == sorted(xs)" in [e.source for e in found]
    assert {e.kind for e in found} == {"bool"}


def test_a_builtin_hidden_by_a_variable_is_not_used() -> None:
    states = [{"len": [3, 1]}, {"len": [5]}]
    sources = [e.source for e in enumerate_expressions(states, [0], max_size=3)]
    assert "sum(len)" in sources
    assert not any("len(" in source for source in sources)


def test_modules_are_used_only_where_they_are_available() -> None:
    states = [{"n": 12, "m": 18}, {"n": 5, "m": 10}]

    def sources(names: set[str] | None) -> list[str]:
        found = enumerate_expressions(
            states, [], names=names, prompt="greatest common divisor", max_size=3
        )
        return [e.source for e in found]

    assert "math.gcd(n, m)" in sources({"math"})
    assert not any("math" in source for source in sources(None))


def test_variables_that_are_missing_or_opaque_in_a_state_are_left_out() -> None:
    states = [{"a": 1, "b": 2, "c": object()}, {"a": 3, "c": object()}]
    found = enumerate_expressions(states, [], max_size=3)
    assert {name for e in found for name in e.variables} == {"a"}


def test_no_states_give_no_expressions() -> None:
    assert list(enumerate_expressions([], [1])) == []


def test_the_budget_is_kept() -> None:
    states = [{"a": 2, "s": "ab"}, {"a": 5, "s": "c"}]
    assert len(list(enumerate_expressions(states, [1], max_kept=40))) == 40
    few = list(enumerate_expressions(states, [1], max_tried=100))
    more = list(enumerate_expressions(states, [1], max_tried=1_000))
    assert 0 < len(few) <= 100
    assert more[: len(few)] == few
    assert len(more) > len(few)


def test_values_stay_small_however_operations_grow_them() -> None:
    states = [{"n": 10**29, "s": "x" * 1_900}, {"n": 7, "s": "y"}]
    found = enumerate_expressions(
        states, [300], prompt="power repeat range", max_size=5, max_tried=20_000
    )
    for expression in found:
        assert len(repr(expression.values)) < 50_000


def test_the_result_is_the_same_under_every_hash_seed() -> None:
    script = (
        "from codegrad.search.synthesis import *\n"
        "states = [{'s': 'hello', 'xs': ['b', 'a']}, {'s': 'ab', 'xs': ['q']}]\n"
        "found = enumerate_expressions(states, [0, ' '], prompt='distinct set',"
        " max_size=4, max_kept=3000)\n"
        "print([e.source for e in found])\n"
        "print(solve_examples(['s'], [(['aab'], 2), (['xyz'], 3)],"
        " prompt='number of distinct characters', max_tried=20000))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1


TASKS = [
    ("The largest minus the smallest.", ["xs"], [([[3, 9, 4]], 6), ([[5]], 0)]),
    ("Reverse the words.", ["s"], [(["a bc"], "bc a"), (["x y z"], "z y x")]),
    ("Keep what is longer than n.", ["words", "n"],
     [([["a", "bcd", "ef"], 1], ["bcd", "ef"]), ([["abc"], 3], [])]),
    ("Whether a divides b.", ["a", "b"],
     [([3, 9], True), ([4, 9], False), ([5, 10], True), ([7, 3], False)]),
    ("Multiply the items at the same place.", ["x", "y"],
     [([[1, 2], [3, 4]], [3, 8]), ([[5], [6]], [30])]),
    ("Average of the numbers.", ["xs"], [([[1, 2]], 1.5), ([[4]], 4.0)]),
    ("How often each neighbour grows.", ["xs"], [([[1, 2, 1, 4]], 2), ([[3, 2]], 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "names", "examples"), TASKS)
def test_the_first_solution_fits_every_example_and_uses_every_argument(
    prompt: str, names: list[str], examples: list[tuple[list[object], object]]
) -> None:
    solutions = solve_examples(names, examples, prompt=prompt)
    assert solutions[0].uses_all_arguments
    for solution in solutions:
        for arguments, expected in examples:
            variables = dict(zip(names, arguments, strict=True))
            assert is_same(value_of(solution.source_expression, variables), expected)


def test_the_wanted_rule_is_found_and_not_only_one_that_fits() -> None:
    prompt = "Keep the words that start with the prefix."
    examples = [
        ([["ab", "b", "ac"], "a"], ["ab", "ac"]),
        ([["no"], "yes"], []),
    ]
    first = solve_examples(["words", "prefix"], examples, prompt=prompt)[0]
    assert first.source_expression == "[x for x in words if x.startswith(prefix)]"


def test_loop_variables_never_take_the_name_of_an_argument() -> None:
    examples = [([[1, 2], 3], [4, 5]), ([[0], 7], [7])]
    first = solve_examples(["x", "y"], examples, prompt="Add y to each.")[0]
    variables: dict[str, object] = {"x": [10, 20], "y": 5}
    assert value_of(first.source_expression, variables) == [15, 25]


def test_truth_and_numbers_are_not_the_same_value() -> None:
    examples = [([3], True), ([-2], False), ([0], False)]
    first = solve_examples(["n"], examples, prompt="Is n positive?")[0]
    assert value_of(first.source_expression, {"n": 5}) is True
    assert not is_same([1], [True])
    assert not is_same([1.0], [1])
    assert is_same(0.1 + 0.2, 0.3)


def test_a_condition_needs_five_examples() -> None:
    def solutions(count: int) -> list[bool]:
        values = [([n], "even!" if n % 2 == 0 else "odd?") for n in range(count)]
        prompt = "Say 'even!' or 'odd?'."
        found = solve_examples(["n"], values, prompt=prompt, max_tried=20_000)
        return [solution.conditional for solution in found]

    assert not any(solutions(4))
    assert solutions(6)[-1:] == [True]


def test_no_examples_give_no_solutions() -> None:
    assert solve_examples(["a"], []) == []


def test_an_example_with_too_few_arguments_is_refused() -> None:
    with pytest.raises(ValueError, match="every example"):
        solve_examples(["a", "b"], [([1], 2)])


def test_literals_of_shown_calls_are_no_constants() -> None:
    prompt = "Count 'x' up to 7.\nf('secret') == 99\n>>> f('other')\n55\n"
    assert prompt_constants(prompt)[:5] == [0, 1, 2, 7, "x"]
    assert not {"secret", "other", 99, 55} & set(prompt_constants(prompt))


def test_a_body_runs_with_the_modules_that_it_needs() -> None:
    examples = [([9.0], 3.0), ([2.25], 1.5), ([16.0], 4.0)]
    first = solve_examples(["n"], examples, prompt="Square root.", modules=["math"])[0]
    body = body_for(first.source_expression, first.modules)
    namespace: dict[str, object] = {"n": 6.25}
    exec(
        "def f(n):\n" + "\n".join(f"    {line}" for line in body.splitlines()),
        namespace,
    )
    assert value_of("f(6.25)", namespace) == 2.5
