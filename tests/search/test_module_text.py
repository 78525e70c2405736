"""Positions of a tree lead to the bytes that they stand for."""

import ast

import pytest

from codegrad.search.module_text import (
    ModuleText,
    indent_of,
    indent_unit,
    string_lines,
)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_node_is_found_behind_wide_characters_and_any_line_end(
    newline: str,
) -> None:
    text = "ä = 'ö'; b = [1,\n  'ü', z]  # ß\nc = b".replace("\n", newline)
    source = ModuleText(text)
    names = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)]
    found = [source.data[source.start(n) : source.end(n)].decode() for n in names]
    assert found == [n.id for n in names]
    assert source.newline == newline.encode()


def test_a_decorated_definition_starts_at_its_first_decorator() -> None:
    text = "x = 1\n@ first\n@second(2)\ndef f(): pass\n"
    node = ast.parse(text).body[1]
    source = ModuleText(text)
    assert text[source.start(node) :].startswith("@ first")
    assert text[source.bare_start(node) :].startswith("def f")


def test_a_statement_after_a_semicolon_or_a_continuation_begins_no_line() -> None:
    text = "a; b\nif a: \\\n  b\n  \nc  # d\n"
    source = ModuleText(text)
    assert source.begins_line(text.index("a"))
    assert not source.begins_line(text.index("b"))
    assert not source.begins_line(text.index("b\n  \n"))
    assert source.finishes_line(text.index("c  #") + 1)
    assert not source.finishes_line(1)


def test_indentation_is_what_the_text_uses() -> None:
    for unit in ("\t", "  ", "        "):
        text = f"x = 1\ndef f():\n{unit}if x:\n{unit * 2}pass\n"
        assert indent_unit(ModuleText(text), ast.parse(text)) == unit.encode()
    assert indent_unit(ModuleText("x = 1"), ast.parse("x = 1")) == b"    "
    assert indent_of(b" \x0c  ") == b"  "


def test_lines_inside_strings_are_known() -> None:
    tree = ast.parse("x = '''a\nb\nc'''\ny = (1,\n2)\nz = f'''{x}\n'''\n")
    assert string_lines(tree) >= {2, 3, 7}
    assert not string_lines(tree) & {1, 4, 5, 6}
