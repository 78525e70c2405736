import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.report.highlight import diff, highlighted, source_lines
from tests.report.example_run import END, START

any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\n\"'#\\<&"))
line_lists = st.lists(st.sampled_from(["a", "b", "    c", ""]), max_size=30)


@given(any_text)
def test_highlighting_keeps_every_line_and_every_character(text: str) -> None:
    lines = highlighted(text)
    expected = source_lines(text)
    plain = [html.unescape(re.sub(r"<[^>]*>", "", line)) for line in lines]
    assert [*plain, ""][: len(expected) + 1] == [*expected, ""]


@given(any_text)
def test_highlighting_writes_no_tag_but_its_own(text: str) -> None:
    for line in highlighted(text):
        rest = re.sub(r'<i class="[a-z]">|</i>', "", line)
        assert "<" not in rest
        assert line.count("<i ") == line.count("</i>")


@given(line_lists, line_lists)
def test_a_difference_holds_both_texts(old: list[str], new: list[str]) -> None:
    before, after = "\n".join([*old, "end"]), "\n".join([*new, "end"])
    found = diff("m.py", before, after)
    removed = [line for line in found.lines if line.sign == "-"]
    added = [line for line in found.lines if line.sign == "+"]
    same = [line for line in found.lines if line.sign == " "]
    assert (len(removed), len(added)) == (found.removed, found.added)
    for line in [*removed, *same]:
        assert line.old is not None
        assert source_lines(before)[line.old - 1] == line.text
    for line in [*added, *same]:
        assert line.new is not None
        assert source_lines(after)[line.new - 1] == line.text
    kept = [text for n, text in enumerate([*old, "end"], 1)
            if n not in {line.old for line in removed}]  # fmt: skip
    others = [text for n, text in enumerate([*new, "end"], 1)
              if n not in {line.new for line in added}]  # fmt: skip
    assert kept == others


def test_a_difference_says_how_many_lines_are_left_out() -> None:
    found = diff("m.py", START, END)
    assert found.lines[0].text == "6 unchanged lines"
    assert (found.removed, found.added) == (2, 2)


def test_equal_texts_have_no_difference() -> None:
    assert diff("m.py", START, START).lines == ()


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "def (", '"""', "\\", "\ufeffx"])
def test_broken_source_is_shown_all_the_same(text: str) -> None:
    assert len(highlighted(text)) >= len(source_lines(text))
