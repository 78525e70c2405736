import math

from codegrad.sandbox import Opaque
from codegrad.verify.inputs import Known
from codegrad.verify.oracles import agree, common_relations, is_opaque


def test_rounding_and_not_a_number_are_no_difference() -> None:
    assert agree({"a": [0.1 + 0.2, math.nan]}, {"a": [0.3, math.nan]})
    assert agree(1, 1.0)
    assert not agree([1.0], [1.1])
    assert not agree((1,), [1])
    assert not agree(math.nan, 1.0)
    assert not agree(10**400, 1.5)


def test_a_value_that_could_not_cross_is_found_inside() -> None:
    assert is_opaque([{"k": (1, Opaque("x.Y"))}])
    assert not is_opaque([{"k": (1, "x.Y")}])


def test_what_all_examples_share_is_found() -> None:
    lists = ([3, 1, 2], [9, 8], [5, 1, 1, 0])
    known = [Known((xs,), sorted(xs), has_expected=True) for xs in lists]
    texts = [relation.text for relation in common_relations(known)]
    assert texts == ["the result has the items of argument 1", "the result is sorted"]


def test_two_examples_are_not_enough() -> None:
    known = [Known((xs,), sorted(xs), has_expected=True) for xs in ([3, 1], [9, 8])]
    assert common_relations(known) == []


def test_one_example_against_it_is_enough() -> None:
    lists = ([3, 1, 2], [9, 8], [5, 1, 0], [7, 7, 1])
    known = [Known((xs,), sorted(set(xs)), has_expected=True) for xs in lists]
    texts = [relation.text for relation in common_relations(known)]
    assert "the result has the items of argument 1" not in texts
