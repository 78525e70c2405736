"""Edits are applied where they fit exactly one place, all of them or none."""

import difflib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.engines.search_replace import (
    Edit,
    EditError,
    apply_edits,
    find_edits,
)

TEXT = """def first(xs):
    total = 0
    for x in xs:
        total += x
    return total


def second(xs):
    total = 1
    for x in xs:
        total *= x
    return total
"""


def block(search: str, replace: str) -> str:
    return f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"


def test_blocks_are_found_in_order_between_prose() -> None:
    reply = f"First:\n\n{block('a', 'b')}\n\nthen\n```\n{block('c', '')}\n```\nDone."
    assert find_edits(reply) == [Edit(("a",), ("b",)), Edit(("c",), ("",))]


def test_a_block_that_is_not_ended_is_no_edit() -> None:
    with pytest.raises(EditError, match="not ended"):
        find_edits(f"{block('a', 'b')}\n<<<<<<< SEARCH\nc\n=======\nd\n")


def test_a_diff_is_read_as_edits_without_its_headers() -> None:
    reply = (
        "```diff\n--- a/m.py\n+++ b/m.py\n@@ -2,3 +2,3 @@\n     total = 0\n"
        "-    for x in xs:\n+    for x in sorted(xs):\n         total += x\n"
        "\\ No newline at end of file\n```\n- not part of it\n"
    )
    assert apply_edits(TEXT, find_edits(reply)) == TEXT.replace(
        "for x in xs:\n        total += x", "for x in sorted(xs):\n        total += x"
    )


@pytest.mark.parametrize(
    ("search", "problem"),
    [
        ("    return total", "fits 2 places"),
        ("    return nothing at all", "does not fit the code"),
        ("\n\n", "searches for nothing"),
        ("    for x in xs :", "fits two places alike"),
    ],
)
def test_an_edit_without_one_place_is_refused_with_the_reason(
    search: str, problem: str
) -> None:
    with pytest.raises(EditError, match=problem):
        apply_edits(TEXT, find_edits(block(search, "    pass")))


def test_the_second_edit_is_named_if_it_does_not_fit() -> None:
    edits = [Edit(("    total = 0",), ("    total = 5",)), Edit(("gone",), ("x",))]
    with pytest.raises(EditError, match="edit 2 does not fit"):
        apply_edits(TEXT, edits)


@pytest.mark.parametrize(
    "search",
    [
        "    total = 1",
        "total = 1",
        "        total = 1   ",
        "\n    total = 1\n",
        "    total =  1",
    ],
)
def test_slips_in_white_space_are_forgiven(search: str) -> None:
    shift = len(search.strip("\n")) - len(search.strip("\n").lstrip())
    edited = apply_edits(TEXT, find_edits(block(search, f"{' ' * shift}total = 2")))
    assert edited == TEXT.replace("total = 1", "total = 2")


def test_the_new_lines_move_with_the_place_that_was_found() -> None:
    reply = block(
        "for x in xs:\n    total *= x", "for x in xs:\n    if x:\n        y()"
    )
    assert "    for x in xs:\n        if x:\n            y()\n" in apply_edits(
        TEXT, find_edits(reply)
    )


LINES = st.lists(
    st.text(st.characters(codec="ascii", exclude_characters="\n\r\v\f\x1c\x1d\x1e"))
    .map(str.rstrip)
    .filter(lambda line: line.strip() and not line.strip().startswith(("<", "=", ">"))),
    min_size=1,
    max_size=8,
    unique_by=str.strip,
)


@given(LINES, st.data())
def test_a_line_that_is_there_once_is_replaced_and_nothing_else(
    lines: list[str], data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(lines) - 1))
    text = "\n".join(lines) + "\n"
    edit = Edit((lines[position],), ("# new",))
    edited = apply_edits(text, [edit]).splitlines()
    assert edited == [*lines[:position], "# new", *lines[position + 1 :]]


@given(st.text(), st.text())
def test_whatever_is_written_is_applied_or_refused(reply: str, text: str) -> None:
    with suppress(EditError):
        assert isinstance(apply_edits(text, find_edits(reply)), str)


def test_line_ends_of_the_reply_and_of_the_code_may_differ() -> None:
    reply = "<<<<<<< SEARCH\nb = 2\n=======\nb = 3\n>>>>>>> REPLACE\n"
    for said in (reply, reply.replace("\n", "\r\n")):
        assert apply_edits("a = 1\r\nb = 2\r\n", find_edits(said)) == (
            "a = 1\r\nb = 3\r\n"
        )
        assert apply_edits("\x0ca = '\u2028'\nb = 2\n", find_edits(said)) == (
            "\x0ca = '\u2028'\nb = 3\n"
        )


SQL = """def query(n):
    sql = '''
-- all rows
SELECT * FROM t
'''
    ++n
    return sql, --n


def other():
    return 1
"""


def test_lines_of_a_diff_that_begin_with_its_signs_are_lines() -> None:
    body = (
        "     sql = '''\n--- all rows\n+-- some rows\n SELECT * FROM t\n '''\n"
        "-    ++n\n+++n\n"
    )
    later = "@@ -9,2 +9,2 @@\n def other():\n-    return 1\n+    return 2\n"
    expected = SQL.replace("-- all", "-- some").replace("    ++n", "++n")
    for header in ("--- a/m.py\n+++ b/m.py\n", ""):
        for between in ("", header, f"diff --git a/m.py b/m.py\nindex 1..2\n{header}"):
            diff = f"{header}@@ -2,5 +2,5 @@\n{body}{between}{later}"
            edited = apply_edits(SQL, find_edits(f"```diff\n{diff}```"))
            assert edited == expected.replace("return 1", "return 2")


@given(LINES, st.data())
def test_a_diff_of_any_lines_leads_to_them(
    lines: list[str], data: st.DataObject
) -> None:
    signs = st.sampled_from(["", "-", "--", "+", "++", " "])
    before = [data.draw(signs) + line for line in lines]
    after = [data.draw(signs) + line for line in before]
    diff = list(difflib.unified_diff(before, after, "m.py", "m.py", "", "", 9, ""))
    text = "\n".join(before) + "\n"
    if len(set(map(str.strip, before))) == len(before):
        edited = apply_edits(text, find_edits("\n".join(diff)))
        assert edited.split() == "\n".join(after).split()


def test_signs_at_the_end_of_a_diff_are_lines() -> None:
    assert find_edits("@@ -1 +1 @@\n--- a\n+++ b\n") == [Edit(("-- a",), ("++ b",))]


HEADING = """def f():
    '''Doc.

    Title
    =====

    Chapter
    =======
    '''
    return 1


Head
=======
"""


@pytest.mark.parametrize(
    ("search", "replace"),
    [
        ("    Title\n    =====", "    Titles\n    ======"),
        ("    Chapter\n    =======\n    '''", "    '''"),
        ("    Title\n    =====\n\n    Chapter\n    =======", "    Title\n    ====="),
        ("    Title", "    Title\n    =======\n    Other"),
    ],
)
@pytest.mark.parametrize("indent", ["", "  "])
def test_an_underlined_heading_does_not_divide_a_block(
    search: str, replace: str, indent: str
) -> None:
    reply = block(search, replace)
    for mark in ("<<<<<<< SEARCH", "\n=======\n", ">>>>>>> REPLACE"):
        first = "\n" if mark[0] == "\n" else ""
        reply = reply.replace(mark, first + indent + mark.lstrip("\n"))
    assert find_edits(reply) == [
        Edit(tuple(search.split("\n")), tuple(replace.split("\n")))
    ]
    assert apply_edits(HEADING, find_edits(reply)) == HEADING.replace(search, replace)


@pytest.mark.parametrize("size", [4, 5, 7, 9])
def test_marks_of_another_size_are_read(size: int) -> None:
    search = "Title\n=======" if size != 7 else "Title\n====="
    same = f"{'<' * size} SEARCH\n{search}\n{'=' * size}\nb\n{'>' * size} REPLACE"
    assert find_edits(same) == [Edit(tuple(search.split("\n")), ("b",))]
    other = f"<<<<<<< SEARCH\na\n{'=' * size}\nb\n>>>>>>> REPLACE"
    assert find_edits(other) == [Edit(("a",), ("b",))]
