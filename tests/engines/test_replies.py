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


CODE = [
    "```python\nEND = '</think>'\n```",
    "~~~\nx = tags[think]\n~~~",
    "```py\n# </thinking> ends it, <think> begins it\nx = 1\n```\n",
    'Text\n```\nPROMPT = """\n<think>\n</think>\n"""\n```\nText',
    "1. So:\n\n   ```\n   x = '[think]'\n   ```\n",
    "```\n<<<<<<< SEARCH\nx = '<think>'\n=======\nx = '</think>'\n>>>>>>> REPLACE\n```",
    "```js\nx = '</think>';\n```\n```python\nx = '[/THINK]'\n```",
]


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize(
    "thought",
    [
        "",
        "<think>Hm.</think>",
        "<think>\n```python\nx = 1\n```\n</think>\n",
        "<think>\n```python\nx = 1\n</think>\n",
        "Hm.\n```\nx = 1\n```\n</think>\n",
        "Hm.\n```python\nx = 1\n</think>\n",
        "<think>\n```\nx = '</think>'\n```\nHm.\n</think>",
        "<think>Hm.</think>\nFirst.\n</think>",
    ],
)
def test_marks_in_fenced_code_are_code(thought: str, code: str) -> None:
    assert without_thoughts(f"{thought}{code}").lstrip("\n") == code
    assert without_thoughts(f"{thought}{code}<think>Hm.").lstrip("\n") == code


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("```python\nx = '</think>'\n", "```python\nx = '</think>'\n"),
        ("```python\nx = 1</think>1. A", "1. A"),
        ("<think>\n```\nx = '</think>'\n```\n1. A", "'\n```\n1. A"),
        ("<think>```\na\n</think>\n```\nb\n```", "\n```\nb\n```"),
        ("<think>a</think>b<think>```\nc", "b"),
        ("<think>\n```\n</think>\n```\nb\n```<think>c</think>", "\n```\nb\n```"),
    ],
)
def test_a_fence_that_is_not_closed_is_one_if_it_holds_code(
    reply: str, answer: str
) -> None:
    assert without_thoughts(reply) == answer


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
