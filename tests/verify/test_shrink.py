from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from codegrad.verify.shrink import BATCH, Args, shrink, size

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=6)
    | st.binary(max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.sets(st.integers(-99, 99), max_size=4)
    ),
    max_leaves=8,
)
arguments = st.lists(values, min_size=1, max_size=3).map(tuple)


@given(arguments, st.integers(0, 6))
def test_result_still_fails_and_never_grows(args: Args, limit: int) -> None:
    def fails(candidate: Args) -> bool:
        return size(candidate)[0] > limit

    if not fails(args):
        return
    found = shrink(args, lambda batch: [fails(c) for c in batch])
    assert fails(found)
    assert size(found) <= size(args)
    assert [type(a) for a in found] == [type(a) for a in args]


@given(arguments)
def test_the_given_arguments_are_not_changed(args: Args) -> None:
    before = repr(args)
    shrink(args, lambda batch: [True for _ in batch], max_calls=5)
    assert repr(args) == before


@given(arguments)
def test_what_fails_everywhere_becomes_as_small_as_its_types_allow(args: Args) -> None:
    found = shrink(args, lambda batch: [True for _ in batch], max_calls=500)
    assert size(found)[0] == 1 + len(found)


@given(arguments, st.integers(1, 7))
def test_the_predicate_is_asked_at_most_so_often(args: Args, limit: int) -> None:
    batches: list[Sequence[Args]] = []

    def fails_many(batch: Sequence[Args]) -> list[bool]:
        batches.append(batch)
        return [False for _ in batch]

    shrink(args, fails_many, max_calls=limit)
    assert len(batches) <= limit
    assert all(0 < len(batch) <= BATCH for batch in batches)


def test_the_item_that_matters_is_kept() -> None:
    def fails_many(batch: Sequence[Args]) -> list[bool]:
        return [any(x > 41 for x in xs) for (xs,) in batch]

    assert shrink(([3, 99, -7, 100, 5],), fails_many) == ([42],)


def test_two_lists_of_one_length_shrink_together() -> None:
    def fails_many(batch: Sequence[Args]) -> list[bool]:
        return [len(a) == len(b) and 7 in a for a, b in batch]

    found = shrink(([1, 7, 3], [4, 5, 6]), fails_many, max_calls=200)
    assert found == ([7], [0])


def test_a_text_becomes_short_and_plain() -> None:
    def fails_many(batch: Sequence[Args]) -> list[bool]:
        return ["(" in text for (text,) in batch]

    assert shrink(("ab((cd) e",), fails_many) == ("(",)


def test_not_a_number_is_larger_than_any_number() -> None:
    nan: Any = float("nan")
    assert size(nan) > size(1e300)
    assert size(-3) > size(3)
