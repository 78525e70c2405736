import pytest

from codegrad.errors import ContradictionError
from codegrad.tasks.pytest_contradictions import check_test_files

HEAD = "import pytest\nfrom mod import f\nimport mod\n"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def test_a():\n    assert f(1) == 2", "def test_b():\n    assert f(1) == 3"),
        ("def test_a():\n    assert 2 == f(1)", "def test_b():\n    assert f(1) == 3"),
        (
            "def test_a():\n    assert f(1, k=[2]) == 2",
            "def test_b():\n    assert f(1, k=[2]) is None",
        ),
        (
            "@pytest.mark.parametrize('n, r', [(1, 2), (2, 3)])\n"
            "def test_a(n, r):\n    assert f(n) == r",
            "def test_b():\n    assert f(2) == 4",
        ),
    ],
    ids=["plain", "swapped", "keyword", "parametrize"],
)
def test_two_results_of_one_call_are_named_with_their_places(
    first: str, second: str
) -> None:
    files = {"tests/test_a.py": HEAD + first, "tests/test_b.py": HEAD + second}
    with pytest.raises(ContradictionError) as caught:
        check_test_files(files)
    assert "tests/test_a.py:" in caught.value.first
    assert "tests/test_b.py:5" in caught.value.second


@pytest.mark.parametrize(
    "body",
    [
        "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(1) == 2.0",
        "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(2) == 3",
        "def test_a():\n    mod.set(1)\n    assert f(1) == 2\n"
        "def test_b():\n    mod.set(2)\n    assert f(1) == 3",
        "def test_a(one):\n    assert f(1) == 2\n"
        "def test_b(two):\n    assert f(1) == 3",
        "def test_a():\n    assert mod.tick() == 1\n    assert mod.tick() == 2",
        "def test_a():\n    assert f(1) == 2\ndef g():\n    assert f(1) == 3",
        "def test_a(:\n",
    ],
    ids=["equal", "other", "state", "fixture", "counter", "no test", "syntax"],
)
def test_what_a_program_may_satisfy_is_no_contradiction(body: str) -> None:
    check_test_files({"test_a.py": HEAD + body})


def test_same_name_of_different_modules_is_no_contradiction() -> None:
    text = "def test():\n    assert f(1) == {}\n"
    one = "from one import f\n" + text.format(1)
    two = "from two import f\n" + text.format(2)
    check_test_files({"a.py": one, "b.py": two})
