import marshal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.bench.records import (
    MalformedError,
    Record,
    own_class,
    read_value,
    split_records,
)
from codegrad.sandbox import answering

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.text(st.characters(categories=["Cs", "Ll"])),
    st.binary(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(st.integers(), max_size=4),
        st.frozensets(st.text(), max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=6,
)


@given(VALUES)
def test_plain_values_come_back_with_their_types(value: Any) -> None:
    data = marshal.dumps(value, answering.PLAIN_VERSION)
    found = read_value(Record(answering.PLAIN, data))
    assert found == value
    assert marshal.dumps(found, answering.PLAIN_VERSION) == data


@given(VALUES, VALUES)
def test_equal_bytes_mean_equal_values(left: Any, right: Any) -> None:
    first, second = (marshal.dumps(value, 2) for value in (left, right))
    assert first != second or left == right


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    for kind in (answering.PLAIN, answering.ENCODED):
        try:
            read_value(Record(kind, data))
        except MalformedError:
            continue


@pytest.mark.parametrize(
    "body",
    [
        marshal.dumps(compile("1", "", "eval"), 2),
        b"[" + (10**9).to_bytes(4, "little"),
        b"[" + (-1).to_bytes(4, "little", signed=True),
        b"(\x01\x00\x00\x00" * 5000 + b"N",
        b"r\x00\x00\x00\x00",
        b"",
    ],
    ids=["code", "huge", "negative", "deep", "reference", "empty"],
)
def test_what_is_not_a_plain_value_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        read_value(Record(answering.PLAIN, body))


def test_a_long_int_is_read_in_time_that_does_not_explode() -> None:
    value = 7**200_000
    assert read_value(Record(b"M", marshal.dumps(value, 2))) == value


def test_records_are_split_as_far_as_they_are_complete() -> None:
    data = answering.record(b"M", b"T") + answering.record(b"M", b"F")
    assert [one.body for _, one in split_records(data[:-1])] == [b"T"]
    ((stop, one),) = split_records(data, len(data) // 2)
    assert (stop, one.body) == (len(data), b"F")


def test_own_classes_are_named() -> None:
    assert own_class(Record(answering.ENCODED, b'["Same", [1]]')) == "Same"
    assert own_class(Record(answering.ENCODED, b"[[[")) == ""
    assert own_class(Record(answering.PLAIN, b"T")) == ""
