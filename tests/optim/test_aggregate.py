"""The direction: said once, strongest first, contradictions noticed."""

import pytest

from codegrad.code import Program
from codegrad.engines.claims import InputClaim
from codegrad.engines.critic import run_claims
from codegrad.engines.remarks import Remark
from codegrad.gradient import Critique, CritiqueSource, Gradient
from codegrad.optim.aggregate import aggregate
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Counterexample, Span
from codegrad.verify.stage import Workbench


def critique(
    expected: str, source: CritiqueSource = CritiqueSource.CRITIC, weight: float = 0.5
) -> Critique:
    return Critique(
        f"{source} {weight}",
        "wrong value",
        "m.py",
        "f",
        Span(3),
        f"make f(1) give {expected}",
        (Counterexample("f(1)", expected, "0"),),
        source=source,
        weight=weight,
    )


KEY = ("m.py", "f")
FACT = critique("2", CritiqueSource.VERIFIER, 1.0)


def test_the_same_advice_at_the_same_place_counts_once_the_strongest() -> None:
    found = aggregate({KEY: Gradient([critique("2"), critique("2", weight=0.9)])}, {})
    assert [c.weight for c in found.gradients[KEY]] == [0.9]


def test_a_critic_that_contradicts_what_ran_is_not_followed() -> None:
    found = aggregate({KEY: Gradient([critique("3"), FACT])}, {})
    assert found.gradients[KEY].critiques == (FACT,)
    assert found.notes == (
        "a critic expects 3 of f(1), where 2 was expected before; it is not followed",
    )


def test_a_critic_that_contradicts_an_earlier_review_is_not_followed() -> None:
    first = aggregate({KEY: Gradient([critique("3")])}, {})
    assert first.gradients
    second = aggregate({KEY: Gradient([critique("4")])}, first.expected)
    assert (second.gradients, len(second.notes)) == ({}, 1)


def test_what_ran_is_never_dropped_and_clauses_contradict_nothing() -> None:
    clause = critique("result >= 0", CritiqueSource.VERIFIER, 1.0)
    found = aggregate({KEY: Gradient([clause, FACT, critique("2")])}, {"f(1)": "7"})
    assert {FACT, clause} <= set(found.gradients[KEY])
    assert found.expected["f(1)"] == "2"
    assert found.notes == ()


TEXT = 'def f(x):\n    """Double.\n\n    >>> f(3)\n    6\n    """\n    return [x]\n'


def reviewed(bench: Workbench, *expected: str) -> Gradient:
    """Return the critiques that real claims about `f(1)` become."""
    task = task_from_text(TEXT, "m.py", "f")
    remarks = [
        Remark("correctness", 7, f"must be {said}", "", InputClaim("f( 1 )", said))
        for said in expected
    ]
    program = Program.from_task(task)
    return Gradient(run_claims(remarks, task, program, "m.py", bench).critiques)


@pytest.mark.parametrize(
    ("first", "second"), [("2", "3"), ("[2]", "[3]"), ("2", "raises ValueError")]
)
def test_real_claims_that_contradict_each_other_are_noticed(
    first: str, second: str, bench: Workbench
) -> None:
    found = aggregate({KEY: reviewed(bench, first, second)}, {})
    assert [c.direction for c in found.gradients[KEY]] == [f"must be {first}"]
    assert found.notes == (
        f"a critic expects {second} of f(1), where {first} was expected before; it is "
        "not followed",
    )
    later = aggregate({KEY: reviewed(bench, second)}, found.expected)
    assert (later.gradients, len(later.notes)) == ({}, 1)


def test_the_same_value_in_another_spelling_is_no_contradiction(
    bench: Workbench,
) -> None:
    found = aggregate({KEY: reviewed(bench, "{'a':2, 'b': 1}", "{'b': 1, 'a': 2}")}, {})
    assert (len(found.gradients[KEY].critiques), found.notes) == (2, ())
