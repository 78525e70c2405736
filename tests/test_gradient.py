"""Gradients are ordered, complete and without repetition."""

import random

from hypothesis import given
from hypothesis import strategies as st

from codegrad.gradient import Critique, CritiqueSource, Gradient, LineValues
from codegrad.verdict import Counterexample, Span

critiques = st.builds(
    Critique,
    constraint=st.sampled_from(["test 1", "test 2", "lint"]),
    kind=st.sampled_from(["wrong value", "raised"]),
    path=st.just("m.py"),
    function=st.sampled_from(["f", "g"]),
    span=st.builds(Span, st.integers(1, 20)),
    direction=st.sampled_from(["do this", "do that"]),
    hard=st.booleans(),
    weight=st.floats(0, 1),
    lines=st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), max_size=3).map(
        tuple
    ),
)


@given(st.lists(critiques, max_size=6), st.randoms())
def test_the_order_does_not_depend_on_the_order_of_arrival(
    found: list[Critique], rng: random.Random
) -> None:
    shuffled = list(found)
    rng.shuffle(shuffled)
    keys = [c.sort_key() for c in Gradient(found)]
    assert keys == [c.sort_key() for c in Gradient(shuffled)]
    assert keys == sorted(keys)


@given(st.lists(critiques, max_size=6))
def test_hard_evidence_comes_first_and_nothing_is_said_twice(
    found: list[Critique],
) -> None:
    gradient = Gradient([*found, *found])
    assert len(gradient) == len(set(found))
    hardness = [c.hard for c in gradient]
    assert hardness == sorted(hardness, reverse=True)


@given(st.lists(critiques, max_size=4), st.lists(critiques, max_size=4))
def test_accumulating_is_the_gradient_of_both(
    first: list[Critique], second: list[Critique]
) -> None:
    assert set(Gradient(first) + Gradient(second)) == set(first) | set(second)


@given(st.lists(critiques, max_size=6))
def test_suspicion_is_the_highest_over_all_critiques(found: list[Critique]) -> None:
    for line, weight in Gradient(found).suspicion().items():
        given_weights = [w for c in found for n, w in c.lines if n == line]
        assert weight == max(given_weights)


def test_rendering_shows_place_direction_evidence_and_values() -> None:
    critique = Critique(
        "test 1",
        "raised",
        "m.py",
        "f",
        Span(4),
        "f([]) must return 0; it raises IndexError",
        (Counterexample("f([])", "0", "raises IndexError", 4),),
        values=(LineValues(4, (("xs", "[]"),)),),
        source=CritiqueSource.VERIFIER,
    )
    assert Gradient([critique]).render() == (
        "- [test 1] raised at line 4 of f: f([]) must return 0; it raises IndexError\n"
        "    f([]): expected 0, observed raises IndexError\n"
        "    at line 4: xs = []"
    )
