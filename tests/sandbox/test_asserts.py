import pytest

from codegrad.sandbox.asserts import rewrite_asserts
from codegrad.sandbox.child import CHECK_NAME, ComparisonError, _check


def run(text: str) -> None:
    names = {"f": lambda x: x + 1, CHECK_NAME: _check}
    exec(rewrite_asserts(text, "f"), names)


@pytest.mark.parametrize(
    "text",
    [
        "assert f(1) == 2",
        "assert 2 == f(1)",
        "assert f(1) is not None",
        "assert f(-1) is 0 or True",
        "assert abs(f(1) - 2.0000001) < 1e-3",
        "assert abs(f(1) - 2) <= 0",
        "assert f(1)",
        "assert not f(-1)",
        "assert f(1) == 2 == f(1)",
        "for i in range(3):\n    assert f(i) == i + 1, f'at {i}'",
        "def check(c):\n    assert c(1) == 2\ncheck(f)",
    ],
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_asserts_that_hold_still_hold(text: str) -> None:
    run(text)


@pytest.mark.parametrize(
    ("text", "observed", "expected"),
    [
        ("assert f(1) == 3", 2, 3),
        ("assert 3 == f(1)", 2, 3),
        ("assert abs(3 - f(1)) < 0.5", 2, 3),
        ("assert f(-1)", 0, True),
        ("assert not f(1)", 2, False),
        ("assert f(1) is None", 2, None),
        ("x = f(1)\nassert x == 3", 2, 3),
    ],
)
def test_asserts_that_fail_know_both_sides(
    text: str, observed: object, expected: object
) -> None:
    with pytest.raises(ComparisonError) as caught:
        run(text)
    assert (caught.value.observed, caught.value.expected) == (observed, expected)


def test_the_message_is_evaluated_only_on_failure() -> None:
    run("assert f(1) == 2, 1 / 0")
    with pytest.raises(ZeroDivisionError):
        run("assert f(1) == 3, 1 / 0")


@pytest.mark.parametrize("text", ["assert f(1", "assert x > 1", "(" * 500 + "assert"])
def test_what_is_not_understood_is_left_alone(text: str) -> None:
    assert rewrite_asserts(text, "f") == text
