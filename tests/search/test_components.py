"""A component's source and its function are the same operation."""

import collections
import itertools
import math
import statistics

import pytest

from codegrad.search.components import COMPONENTS, Component, select_components
from codegrad.search.kinds import GROUPS, kind_of

SAMPLES: list[object] = [
    0, 3, -2, 1.5, -0.5, True, False, None, "", "ab C", "12", "1", "10", [], [3, 1, 2],
    [0.5, 2], ["b", "aa"], [True, False],
    [[1], []], [("k", 1)], [1, "a"], (1, "b"), {"a": 1},
    {1: 2}, {1, 2}, {"a"},
]  # fmt: skip
MODULES = {
    "math": math,
    "statistics": statistics,
    "collections": collections,
    "itertools": itertools,
}


def outcome(compute: object, *arguments: object) -> object:
    try:
        return repr(compute(*arguments))  # type: ignore[operator]  # a component's function
    except Exception as error:  # noqa: BLE001 - whatever is refused, both must refuse
        return type(error)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.template)
def test_source_and_function_agree_on_samples(component: Component) -> None:
    source = component.template.format("a", "b", "c")
    pools = [
        [value for value in SAMPLES if kind_of([value]) in GROUPS[group]]
        for group in component.signature
    ]
    defined = 0
    for operands in itertools.product(*pools):
        variables = dict(zip("abc", operands, strict=False))
        written = outcome(lambda v: eval(source, {**MODULES, **v}), variables)
        assert outcome(component.function, *operands) == written
        defined += isinstance(written, str)
    assert defined


@pytest.mark.parametrize(
    "component", [c for c in COMPONENTS if c.is_commutative], ids=lambda c: c.template
)
def test_commutative_operations_may_swap_their_operands(component: Component) -> None:
    pool = [
        value for value in SAMPLES if kind_of([value]) in GROUPS[component.signature[0]]
    ]
    for a, b in itertools.combinations(pool, 2):
        assert (component.function(a, b)) == (component.function(b, a))


def test_every_component_names_what_it_needs() -> None:
    needs = {name for component in COMPONENTS for name in component.names}
    assert {"math", "len", "sorted", "str"} <= needs
    assert not needs & {"x", "key", "items", "values", "count", "not"}


def test_a_rare_component_is_cheap_only_when_the_prompt_speaks_of_it() -> None:
    def cost(prompt: str) -> int:
        found = select_components(prompt, names={"len"})
        return next(c.cost for c in found if c.template == "{}.swapcase()")

    assert cost("Swap the case of each letter.") == 1
    assert cost("Return the total.") > 1


def test_components_of_the_prompt_come_first() -> None:
    first = select_components("Reverse it.")[0]
    assert first.template == "{}[::-1]"
