from collections.abc import Callable, Mapping

import pytest

from codegrad.verdict import Status, Verdict
from codegrad.verify.inputs import Known
from codegrad.verify.metamorphoses import metamorphoses
from codegrad.verify.round_trip import opposite_of
from codegrad.verify.stage import Workbench
from tests.verify.harness import judge, task_of

_SHIFT = '''
def decode_shift(s: str) -> str:
    """Take `encode_shift` back.

    >>> decode_shift("bcd")
    'abc'
    >>> decode_shift("yz")
    'xy'
    >>> decode_shift("nnb")
    'mma'
    """
    return "".join(chr((ord(c) - ord("a") - 1) % 26 + ord("a")) for c in s)

def encode_shift(s):
    return "".join(chr((ord(c) - ord("a") + 1) % 26 + ord("a")) for c in s)
'''

_ROOT = '''
def root(n: int) -> int:
    """Return the whole part of the square root.

    >>> root(0)
    0
    >>> root(1)
    1
    >>> root(5)
    2
    >>> root(9)
    3
    >>> root(26)
    5
    >>> root(70)
    8
    """
    {body}
'''


def _generalises(bench: Workbench, text: str, entry: str) -> Verdict:
    found: Mapping[str, Verdict] = judge(bench, "properties", task_of(text, entry))
    return found["generalises"]


def test_what_its_opposite_does_not_take_back_is_found(bench: Workbench) -> None:
    right = _generalises(bench, _SHIFT, "decode_shift")
    assert right.status is Status.PASSED
    assert "encode_shift takes decode_shift back" in right.reason
    wrong = _SHIFT.replace("- 1) % 26", "- 1 - (len(s) > 4)) % 26")
    verdict = _generalises(bench, wrong, "decode_shift")
    assert verdict.status is Status.REFUTED
    assert "takes decode_shift back" in verdict.counterexamples[0].expected


@pytest.mark.parametrize(
    ("entry", "other"),
    [
        ("encode", "decode"),
        ("decode_it", "encode_it"),
        ("to_roman", "from_roman"),
        ("decompress", "compress"),
    ],
)
def test_opposites_are_told_by_their_names(entry: str, other: str) -> None:
    assert opposite_of(entry, f"def {other}(x): ...\ndef {entry}(x): ...\n") == other
    assert opposite_of(entry, f"def {entry}(x): ...\n") == ""


def test_a_function_that_rises_in_the_examples_must_go_on_rising(
    bench: Workbench,
) -> None:
    right = _ROOT.replace("{body}", "import math\n    return math.isqrt(n)")
    wrong = _ROOT.replace(
        "{body}", "import math\n    return 0 if n == 40 else math.isqrt(n)"
    )
    assert _generalises(bench, right, "root").status is Status.PASSED
    verdict = _generalises(bench, wrong, "root")
    assert verdict.status is Status.REFUTED
    assert "no smaller result" in verdict.counterexamples[0].expected


@pytest.mark.parametrize(
    "result", [lambda n: n % 3, lambda n: n * 0, lambda n: [n], lambda n: (n - 2) ** 2]
)
def test_examples_without_an_order_suggest_none(
    result: Callable[[int], object],
) -> None:
    known = [Known((n,), result(n), has_expected=True) for n in range(6)]
    assert not any("larger" in change.text for change in metamorphoses(known))
