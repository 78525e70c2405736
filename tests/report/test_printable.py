import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from codegrad.report.printable import count, one_line, shorten, visible

any_text = st.text(st.characters(exclude_categories=()))


@given(any_text)
def test_visible_text_has_no_control_direction_or_surrogate_character(
    text: str,
) -> None:
    for character in visible(text):
        if character in "\n\t":
            continue
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        assert unicodedata.bidirectional(character) not in {
            "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI",
        }  # fmt: skip


@given(any_text)
def test_one_line_is_one_line_and_can_be_encoded(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    one_line(text).encode()


def test_ordinary_text_is_left_alone() -> None:
    text = "naïve → 数学 ✓\n\tdef f(): ..."
    assert visible(text) == text


@given(st.text(max_size=200), st.integers(2, 100))
def test_shortened_text_says_how_much_is_missing(text: str, limit: int) -> None:
    found = shorten(text, limit)
    if len(text) <= limit:
        assert found == text
    else:
        half = limit // 2
        assert found.startswith(text[:half])
        assert found.endswith(text[-half:])
        assert f"{len(text) - 2 * half:,} characters" in found


def test_counts_are_in_words() -> None:
    assert count(1, "step") == "1 step"
    assert count(12_345, "step") == "12,345 steps"
