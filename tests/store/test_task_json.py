import dataclasses
import json
import math
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.errors import StoreError
from codegrad.store.task_json import task_from_json, task_to_json
from codegrad.task import (
    AgreementCheck,
    AssertionCheck,
    Behaviour,
    BehaviourCheck,
    CallCheck,
    Check,
    ClauseCheck,
    Constraint,
    CostCheck,
    LintCheck,
    Origin,
    PytestCheck,
    RaisesCheck,
    ReferenceCheck,
    Repository,
    StdinCheck,
    SyntaxCheck,
    Task,
    TypesCheck,
    UnreadableCheck,
)

texts = st.text(st.characters(exclude_categories=()), max_size=20)  # surrogates too
hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=8)
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.tuples(inner, inner) | st.frozensets(inner, max_size=3) | st.tuples(inner)
    ),
    max_leaves=4,
)
values = st.recursive(
    hashable | st.sets(hashable, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(hashable, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=6,
)
arguments = st.lists(values, max_size=3).map(tuple)
keywords = st.dictionaries(texts, values, max_size=2)
clauses = st.builds(
    Clause, st.sampled_from(ClauseKind), texts, st.integers(0, 99), texts
)
checks: dict[type, st.SearchStrategy[Any]] = {
    SyntaxCheck: st.just(SyntaxCheck()),
    LintCheck: st.just(LintCheck()),
    TypesCheck: st.just(TypesCheck()),
    CallCheck: st.builds(
        CallCheck,
        arguments,
        values,
        keywords,
        st.none() | st.floats(0, 1),
        st.none() | texts,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        texts,
        st.booleans(),
    ),
    RaisesCheck: st.builds(RaisesCheck, arguments, texts, keywords, texts),
    AssertionCheck: st.builds(AssertionCheck, texts, st.booleans()),
    StdinCheck: st.builds(StdinCheck, texts, texts),
    PytestCheck: st.builds(PytestCheck, texts),
    ClauseCheck: st.builds(ClauseCheck, clauses),
    UnreadableCheck: st.builds(UnreadableCheck, texts),
    ReferenceCheck: st.just(ReferenceCheck()),
    BehaviourCheck: st.builds(BehaviourCheck, st.sampled_from(Behaviour)),
    AgreementCheck: st.builds(AgreementCheck, st.lists(texts, max_size=2).map(tuple)),
    CostCheck: st.builds(CostCheck, texts),
}
constraints = st.builds(
    Constraint,
    texts,
    texts,
    texts,
    st.one_of(*checks.values()),
    st.sampled_from(Origin),
    st.booleans(),
)
several_texts = st.lists(texts, max_size=2).map(tuple)
paths = st.sampled_from([Path(), Path("/a/b c.py"), Path("x\udcff.py"), Path("..")])
tasks = st.builds(
    Task,
    name=texts,
    entry_point=texts,
    sources=st.dictionaries(texts, texts, max_size=3),
    main=texts,
    constraints=st.lists(constraints, max_size=4).map(tuple),
    prompt=texts,
    context=texts,
    prelude=texts,
    variables=st.none() | several_texts,
    contract=st.builds(
        Contract, st.lists(clauses, max_size=2).map(tuple), several_texts
    ),
    repository=st.none()
    | st.builds(Repository, paths, several_texts, paths, several_texts),
    path=st.none() | paths,
    notes=several_texts,
    reference=texts,
)


@given(tasks)
def test_a_task_comes_back_equal_and_of_the_same_types(task: Task) -> None:
    text = task_to_json(task)
    found = task_from_json(text)
    assert found == task
    assert list(found.sources) == list(task.sources)
    assert text.isascii()


@given(values)
def test_a_value_comes_back_with_its_types(value: object) -> None:
    task = dataclasses.replace(_TASK, constraints=(_call(value),))
    check = task_from_json(task_to_json(task)).constraints[0].check
    assert isinstance(check, CallCheck)
    assert check.expected == value
    assert _shape(check.expected) == _shape(value)


def test_every_kind_of_check_is_stored() -> None:
    assert set(checks) == set(get_args(Check))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 2**64, -(2**700), True, 1, 1.0]
)
def test_unusual_numbers_come_back_exactly(value: object) -> None:
    task = dataclasses.replace(_TASK, constraints=(_call(value),))
    check = task_from_json(task_to_json(task)).constraints[0].check
    assert isinstance(check, CallCheck)
    assert repr(check.expected) == repr(value)
    assert type(check.expected) is type(value)


def test_a_value_that_is_not_plain_data_is_refused_by_name() -> None:
    task = dataclasses.replace(_TASK, constraints=(_call([object()]),))
    with pytest.raises(StoreError, match=r"test 1 .*f\(\).* cannot be stored"):
        task_to_json(task)


def test_a_string_in_the_tagged_form_stays_a_string() -> None:
    value = {"o": "opaque", "t": [1]}
    task = dataclasses.replace(_TASK, constraints=(_call(value),))
    check = task_from_json(task_to_json(task)).constraints[0].check
    assert isinstance(check, CallCheck)
    assert check.expected == value


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '"x"', '{"format": 1}', "[" * 100_000]
)
def test_text_that_is_no_task_is_a_store_error(text: str) -> None:
    with pytest.raises(StoreError, match="start the run again"):
        task_from_json(text)


def test_a_task_stored_before_there_were_references_is_read() -> None:
    data = json.loads(task_to_json(_TASK))
    del data["reference"]
    assert task_from_json(json.dumps(data)) == _TASK


def test_a_task_of_a_newer_version_is_refused() -> None:
    data = json.loads(task_to_json(_TASK)) | {"format": 2}
    with pytest.raises(StoreError, match="the version that began it"):
        task_from_json(json.dumps(data))


_TASK = Task("m.py::f", "f", {"m.py": "def f(): ..."}, "m.py")


def _call(value: object) -> Constraint:
    return Constraint("test 1", "tests", "f() == ...", CallCheck((), value))


def _shape(value: object) -> object:
    """Types all the way down, in an order of its own for sets."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind, [(_shape(k), _shape(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return kind, [_shape(item) for item in value]
    if isinstance(value, set | frozenset):
        return kind, sorted(repr(_shape(item)) for item in value)
    return kind, repr(value)
