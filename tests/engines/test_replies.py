"""Whatever a reply is, its thoughts are not its answer and its JSON is found."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.prompts import read_plans
from codegrad.engines.replies import json_values, without_thoughts

PLANS = "1. Sort.\n2. Heap.\n3. Count."


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>1. The user wants\n2. Hmm {{x}}\n</think>\n\n{PLANS}",
        f"<think>\n1. The user wants\n2. Hmm {{x}}\n</think>\n\n{PLANS}",
        f"1. The user wants\n2. Hmm {{x}}\n</think>\n\n{PLANS}",
        f"[THINK]1. Well[/THINK]{PLANS}",
        f"◁think▷1. Well◁/think▷{PLANS}",
        f"<seed:think>1. Well</seed:think>{PLANS}",
        f"<reasoning>1. Well</reasoning>\n{PLANS}\n<think>4. And",
    ],
)
def test_thoughts_are_not_the_answer(reply: str) -> None:
    assert read_plans(reply, 3) == ["Sort.", "Heap.", "Count."]


@pytest.mark.parametrize(
    ("reply", "values"),
    [
        ('{"a": 1}', [{"a": 1}]),
        ('```json\n{"a": 1}\n```', [{"a": 1}]),
        ("[1, 2]", [[1, 2]]),
        ('For [1] and {x} it is {"a": {"b": "}"}}; or {"a": 2}', None),
        ('{"a": "two\nlines"}', [{"a": "two\nlines"}]),
        ('<think>{"a": 0}</think>{"a": 1}', [{"a": 1}]),
        ('{"a": ["x", "y, ]", "z', [{"a": ["x", "y, ]"]}]),
        ('{"a": 12', []),
        ("", []),
        ("{" * 5000, []),
        ('{"a": ' * 3000, []),
    ],
)
def test_json_is_found(reply: str, values: list[object] | None) -> None:
    found = list(json_values(reply))
    wanted = [{"a": {"b": "}"}}, {"a": 2}] if values is None else values
    assert [v for n, v in enumerate(found) if v not in found[:n]] == wanted


def test_what_is_complete_of_an_answer_that_was_cut_off_is_found() -> None:
    whole: dict[str, list[dict[str, object]]] = {
        "rows": [{"text": '\\"}],'}, {"text": "x", "n": [1, 2]}]
    }
    text = json.dumps(whole)
    for end in range(len(text)):
        found = next(json_values(f"So: {text[:end]}"), None)
        if found is not None and "rows" in found:
            rows = found["rows"]
            assert all(
                row.items() <= full.items()
                for row, full in zip(rows[:1], whole["rows"], strict=False)
            )
    assert next(json_values(text[:-4])) == {
        "rows": [whole["rows"][0], {"text": "x", "n": [1]}]
    }
    assert next(json_values(text)) == whole


@given(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_anything_can_be_read(noise: str, value: object) -> None:
    assert isinstance(without_thoughts(noise), str)
    list(json_values(noise))
    assert value in list(json_values(json.dumps(value))) or value is None
