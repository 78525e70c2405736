"""Lines are those of Python's parser, and each keeps its end."""

import ast

import pytest

from codegrad.code import Program
from codegrad.lines import ended_like, lines_of, whole_lines
from codegrad.result import unified_diff

ODD = "s = '\x1c\u2028'\r\n\x0cdef f():\r    return 1\n\n\ndef g():\n    return 2"


def test_lines_joined_are_the_text() -> None:
    assert "".join(whole_lines(ODD)) == ODD
    assert [line.rstrip("\r\n") for line in whole_lines(ODD)] == lines_of(ODD)


def test_lines_are_counted_as_the_parser_does() -> None:
    places = {n.name: n.lineno for n in ast.parse(ODD).body if hasattr(n, "name")}
    assert {name: lines_of(ODD)[line - 1].strip() for name, line in places.items()} == {
        "f": "def f():",
        "g": "def g():",
    }


def test_a_variable_behind_a_form_feed_is_its_function() -> None:
    program = Program({"m.py": "# a\x0cb\n\x0cdef f():\n    return 1\n"}, "m.py", "f")
    assert program.entry.value == "\x0cdef f():\n    return 1\n"


@pytest.mark.parametrize(
    ("text", "model", "ended"),
    [
        ("a\nb\n", "x\n", "a\nb\n"),
        ("a\nb\n", "x\r\ny", "a\r\nb"),
        ("a\nb\n", "", "a\nb\n"),
        # One odd line does not change the others, nor is it changed with them.
        ("a\nb\nnew\nd\n", "a\nb\r\nc\nd\n", "a\nb\r\nnew\nd\n"),
        ("a\nb\nnew\n", "a\r\nb\nc\r\nd\r\n", "a\r\nb\nnew\r\n"),
        ("a\nb\n", "a\r\nb\nc", "a\r\nb"),
        ("", "a\r\nb\nc", ""),
    ],
)
def test_line_ends_are_kept(text: str, model: str, ended: str) -> None:
    assert ended_like(text, model) == ended


def test_a_patch_of_odd_lines_is_a_patch() -> None:
    before = "a = 1\x0c\nb = '\u2028'\r\nc = 3\n"
    shown = unified_diff(before, before.replace("3", "4"), "m.py")
    assert shown[3:] == [
        " a = 1\x0c\n",
        " b = '\u2028'\r\n",
        "-c = 3\n",
        "+c = 4\n",
    ]
