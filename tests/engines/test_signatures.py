"""The target can be called after a reply as it could before."""

import pytest

from codegrad.engines.extraction import extract
from codegrad.engines.signatures import callable_as_before

MODULE = "def f(text, sep=','):\n    return None\n"


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        # Other names, in the body and in nested functions and comprehensions.
        (
            "def f(s, d=','):\n    return [x for x in s.split(d) if x != s]\n",
            "def f(text, sep=','):\n"
            "    return [x for x in text.split(sep) if x != text]\n",
        ),
        (
            "def f(s, d=','):\n"
            "    def g():\n        return s.s, h(s=d)\n    return g\n",
            "def f(text, sep=','):\n"
            "    def g():\n        return text.s, h(s=sep)\n    return g\n",
        ),
        # A dropped default comes back, with or without an annotation.
        ("def f(text, sep):\n    return 1\n", "def f(text, sep=','):\n    return 1\n"),
        (
            "def f(s: str, d: str) -> str:\n    return s\n",
            "def f(text: str, sep: str = ',') -> str:\n    return text\n",
        ),
        # A further parameter disturbs nobody.
        (
            "def f(s, sep=',', depth=0):\n    return s\n",
            "def f(text, sep=',', depth=0):\n    return text\n",
        ),
        # Calls of the function know the names of the reply.
        (
            "def f(s, sep=','):\n    return s and f(s=s[1:])\n",
            "def f(text, sep=','):\n    return text and f(text=text[1:])\n",
        ),
        # What stands outside of the body means something else.
        (
            "@deco(s)\ndef f(s: s, sep=','):\n    return s\n",
            "@deco(s)\ndef f(text: s, sep=','):\n    return text\n",
        ),
        # Bytes are not characters.
        (
            "def f(s, d=','):\n    é = s; return 'é', s, d\n",
            "def f(text, sep=','):\n    é = text; return 'é', text, sep\n",
        ),
    ],
)
def test_the_names_of_the_module_stay(reply: str, kept: str) -> None:
    found = callable_as_before(reply, MODULE, "f")
    assert found.text == kept
    assert not found.notes


@pytest.mark.parametrize(
    "reply",
    [
        "def f(s, sep=','):\n    text = s\n    return text\n",
        "def f(s, sep=','):\n    return f'{s}'\n",
        "def f(s, sep=','):\n    return lambda s: s\n",
        "def f(s, sep=','):\n    try: g()\n    except E as s: raise s\n",
        "def f(text):\n    return text\n",
        "def f(text, sep, more):\n    return text\n",
        "def f(*args):\n    return args\n",
        "def f(text, sep=',', *, more):\n    return text\n",
        "def f(text, sep=',', k=1, *args):\n    return text\n",
        "async def f(text, sep=','):\n    return text\n",
        "def f(sep, text=','):\n    return text\n",
        "def f(s, sep=','):\n    return locals()['s']\n",
        "def f(s, sep=','):\n    class K: s = 3\n    return K.s\n",
        "def f(\uff58, sep=','):\n    return \uff58\n",  # Python takes it for x
    ],
)
def test_a_signature_that_cannot_be_kept_is_said(reply: str) -> None:
    found = callable_as_before(reply, MODULE, "f")
    assert found.text == reply
    assert "its callers may have to change" in found.notes[0]


def test_exchanged_parameters_keep_their_meaning() -> None:
    module = "def f(x, low, high):\n    return None\n"
    reply = "def f(x, high, low):\n    return max(low, min(x, high))\n"
    found = callable_as_before(reply, module, "f")
    assert found.text == reply.replace("high, low", "low, high")


def test_another_default_is_said() -> None:
    found = callable_as_before("def f(text, sep=';'):\n    return 1\n", MODULE, "f")
    assert found.notes == ("the default of sep of f was ',' and is ';'",)


def test_a_dropped_default_of_a_keyword_comes_back() -> None:
    module = "def f(*, a, b=2, c: int = 3):\n    return None\n"
    reply = "def f(*, c: int, b, a):\n    return a + b + c\n"
    found = callable_as_before(reply, module, "f")
    assert found.text == reply.replace("c: int, b", "c: int = 3, b=2")


def test_a_module_with_old_line_ends_is_no_trouble() -> None:
    module = "import os\rdef f(text):\r    return text\r"
    reply = "def f(s):\r    return s + 1\r"
    assert callable_as_before(reply, module, "f").text == (
        "def f(text):\r    return text + 1\r"
    )


def test_a_method_keeps_its_parameters() -> None:
    module = "class A:\n    def f(self, text):\n        return text\n"
    reply = "class A:\n    def f(self, s):\n        return s.strip()\n"
    found = callable_as_before(reply, module, "A.f")
    assert (
        found.text == "class A:\n    def f(self, text):\n        return text.strip()\n"
    )


def test_a_reply_is_read_that_way() -> None:
    reply = "```python\ndef f(s, d=','):\n    return s.split(d)\n```"
    found = extract(reply, current=MODULE, entry_point="f")
    assert found.source == "def f(text, sep=','):\n    return text.split(sep)\n"
