"""Approaches are followed in turn, and not for ever."""

import json

from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.engine import Attempt
from codegrad.engines.plans import PATIENCE, Plans, label_of, outcomes


def test_each_proposal_follows_the_next_approach() -> None:
    plans = Plans()
    plans.name("p", ["a", "b", "c"])
    assert plans.follow("p", 2) + plans.follow("p", 2) == ["a", "b", "c", "a"]
    assert plans.follow("other", 2) == ["", ""]


def test_approaches_are_renewed_once_all_were_followed_without_a_step() -> None:
    plans = Plans()
    assert plans.are_wanted("p", renews=True)
    plans.name("p", ["a", "b", "c"])
    for _ in range(PATIENCE):
        assert not plans.are_wanted("p", renews=True)
        plans.follow("p", 1)
    assert not plans.are_wanted("p", renews=True), "c was not followed"
    plans.follow("p", 1)
    assert plans.are_wanted("p", renews=True)
    assert not plans.are_wanted("p", renews=False)
    plans.name("p", [])
    assert plans.of("p") == ["a", "b", "c"], "nothing was named in their place"
    plans.name("p", ["d"])
    assert (plans.of("p"), plans.old("p")) == (["d"], ["a", "b", "c", "d"])


def test_who_names_nothing_is_not_asked_again() -> None:
    plans = Plans()
    plans.name("p", [])
    for _ in range(9):
        plans.follow("p", 3)
    assert not plans.are_wanted("p", renews=True)


def test_what_became_of_an_approach_is_read_from_the_momentum() -> None:
    long = "Sort the values and then walk over them from both ends at once, slowly."
    tried = [
        Attempt(label_of(3, long), 0, accepted=False, outcome="breaks example 1"),
        Attempt("reply 4", 0, accepted=False, outcome="does not lower the loss"),
    ]
    found = outcomes([long, "Use a heap."], tried)
    assert [(a.label, a.outcome) for a in found] == [
        (long, "breaks example 1"),
        ("Use a heap.", "brought nothing"),
    ]


@given(st.lists(st.tuples(st.sampled_from("pq"), st.integers(0, 3)), max_size=12))
def test_a_restored_one_goes_on_where_it_was(steps: list[tuple[str, int]]) -> None:
    plans = Plans()
    for key, count in steps:
        if plans.are_wanted(key, renews=True):
            plans.name(key, [f"{key}{count}{n}" for n in range(count)])
        plans.follow(key, count)
        other = Plans()
        other.restore(json.loads(json.dumps(plans.state())))
        assert other.state() == plans.state()
