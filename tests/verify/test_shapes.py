import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.verify.shapes import (
    ANY,
    admits,
    join,
    shape_of,
    shape_of_annotation,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(values, min_size=1, max_size=4))
def test_a_shape_made_of_values_admits_them_all(found: list[object]) -> None:
    shape = join(map(shape_of, found))
    assert all(admits(shape, value) for value in found)


@given(st.lists(values, max_size=4))
def test_the_order_of_what_is_joined_does_not_matter(found: list[object]) -> None:
    shapes = [shape_of(value) for value in found]
    assert str(join(shapes)) == str(join(reversed(shapes)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", "int"),
        ("'list[int]'", "list[int]"),
        ("typing.List[str]", "list[str]"),
        ("Dict[str, List[float]]", "dict[str, list[float]]"),
        ("int | None", "None | int"),
        ("Union[int, str]", "int | str"),
        ("tuple[int, str]", "tuple[int, str]"),
        ("Tuple[int, ...]", "tuple[int, ...]"),
        ("list", "list"),
        ("Any", "any"),
        ("np.ndarray", "any"),
        ("Callable[[int], int]", "any"),
        ("'not python('", "any"),
    ],
)
def test_an_annotation_is_read(text: str, expected: str) -> None:
    node = ast.parse(text, mode="eval").body
    assert str(shape_of_annotation(node)) == expected


@pytest.mark.parametrize(
    ("seen", "other"),
    [(1, None), (1, "1"), ([1], (1,)), ([1], ["a"]), ("a", b"a"), ((1, 2), (1, 2, 3))],
)
def test_a_shape_refuses_another_kind(seen: object, other: object) -> None:
    assert not admits(shape_of(seen), other)


def test_nothing_known_admits_everything() -> None:
    assert join([]) == ANY
    assert admits(ANY, object())
