"""Generated constraints are suspects: soft, numbered, and never against the user."""

import json
from dataclasses import replace

import pytest

from codegrad.budget import Budget
from codegrad.engines.claims import (
    Claim,
    CostClaim,
    InputClaim,
    PostClaim,
    PropertyClaim,
    Suggestion,
)
from codegrad.engines.critic import ScriptedCritic
from codegrad.engines.language import ScriptedSource
from codegrad.engines.remarks import Remark
from codegrad.engines.scripted import ScriptedEngine
from codegrad.events import Event
from codegrad.optim.hypotheses import UNSEEN, Hypotheses
from codegrad.optim.trust import SOFT
from codegrad.refine import refine
from codegrad.result import Outcome
from codegrad.store.task_json import task_from_json, task_to_json
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    ClauseCheck,
    Constraint,
    CostCheck,
    Origin,
    RaisesCheck,
    StdinCheck,
    Task,
    static_constraints,
)
from codegrad.tasks.python_file import task_from_text
from codegrad.verdict import Status
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

START = '''def middle(values):
    """Return the middle one of the sorted values.

    >>> middle([3, 1, 2])
    2
    >>> middle([9, 4, 7, 1, 5])
    5
    """
    return values[0]
'''
RIGHT = START.replace("values[0]", "sorted(values)[len(values) // 2]")
ALSO = START.replace("values[0]", "sorted(list(values))[(len(values)) // 2]")
THIRD = START.replace(
    "return values[0]",
    "ordered = sorted(values)\n    return ordered[len(ordered) // 2]",
)
OVERFIT = START.replace(
    "return values[0]", "return {3: 2, 9: 5}.get(values[0], values[0])"
)
GOOD = InputClaim("middle([7, 5, 6])", "6")
BAD = InputClaim("middle([7, 5, 6])", "7")
AGAINST = InputClaim("middle([3, 1, 2])", "3")
POST = PostClaim("result in values")
EMPTY = PostClaim("result == result")
WRONG_POST = PostClaim("result == max(values)")


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "middle.py", "middle")


def weighed(task: Task, bench: Workbench, *claims: Claim) -> dict[str, float]:
    hypotheses = Hypotheses(task, bench)
    hypotheses.add(Suggestion(claim, "model") for claim in claims)
    hypotheses.weigh([RIGHT, ALSO, THIRD, OVERFIT])
    return {str(row["claim"]): row["trust"] for row in hypotheses.to_data()}


def test_what_independent_programs_agree_on_is_trusted(
    task: Task, bench: Workbench
) -> None:
    trust = weighed(task, bench, GOOD, BAD, POST)
    assert trust[str(GOOD)] > SOFT > trust[str(BAD)]
    assert trust[str(POST)] > SOFT


@pytest.mark.parametrize("claim", [AGAINST, WRONG_POST, EMPTY])
def test_what_the_examples_contradict_or_nothing_breaks_is_not_trusted(
    claim: Claim, task: Task, bench: Workbench
) -> None:
    assert weighed(task, bench, claim, GOOD)[str(claim)] == 0


RAISING = START.replace(
    ">>> middle([9",
    ">>> middle([])\n    Traceback (most recent call last):\n"
    "    ValueError: empty\n    >>> middle([9",
)
BOUND = START.replace(
    '    """\n    return',
    '\n    pre: len(values) > 0\n    post: result in values\n    """\n    return',
)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (RAISING, InputClaim("middle([])", "None")),
        (RAISING, InputClaim("middle( [] )", "raises IndexError")),
        (START, InputClaim("middle([3,1,2])", "raises IndexError")),
        (BOUND, InputClaim("middle([])", "raises IndexError")),
        (BOUND, InputClaim("middle([5, 1, 3])", "77")),
    ],
)
def test_what_the_user_says_otherwise_is_not_trusted_whoever_agrees(
    text: str, claim: InputClaim, bench: Workbench
) -> None:
    task = task_from_text(text, "middle.py", "middle")
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(claim, "model", others=9)])
    hypotheses.weigh([])
    (row,) = hypotheses.to_data()
    assert (row["trust"], row["why"]) == (0, "the user says otherwise")


def test_a_run_that_the_user_gave_is_not_doubted(bench: Workbench) -> None:
    case = Constraint("case 1", "tests", "2 -> 4", StdinCheck("2\n", "4\n"))
    constraints = (*static_constraints(), case)
    task = Task("p.py", "", {"p.py": "print(input())\n"}, "p.py", constraints)
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(InputClaim("2", "6"), "model", others=9)])
    hypotheses.weigh([])
    assert hypotheses.to_data()[0]["trust"] == 0


def test_trusted_hypotheses_become_soft_constraints_with_their_number(
    task: Task, bench: Workbench
) -> None:
    hypotheses = Hypotheses(task, bench)
    raised = InputClaim("middle([])", "raises IndexError")
    claims: list[Claim] = [GOOD, POST, raised, CostClaim("O(n^2)")]
    hypotheses.add(Suggestion(claim, "model", others=2) for claim in claims)
    assert hypotheses.weigh([RIGHT, ALSO])
    found = hypotheses.constraints()
    kinds = [type(constraint.check) for constraint in found]
    assert kinds == [CallCheck, ClauseCheck, RaisesCheck, CostCheck]
    for constraint in found:
        assert constraint.origin is Origin.GENERATED
        assert not constraint.hard
        assert constraint.is_guess
        assert constraint.trust is not None
        assert SOFT <= constraint.trust < 1
    extended = Task("t", "middle", task.sources, task.main, (*task.constraints, *found))
    assert task_from_json(task_to_json(extended)) == extended


MIRRORED = PropertyClaim("middle(values) == -middle([-v for v in values])")
FIRST = PropertyClaim("middle(values) == middle(values[:1])")
KEPT = PostClaim("values == old_values")
SORTING = START.replace(
    "return values[0]", "values.sort()\n    return values[len(values) // 2]"
)


def test_properties_and_invariants_are_weighed_like_examples(
    task: Task, bench: Workbench
) -> None:
    trust = weighed(task, bench, MIRRORED, FIRST, KEPT)
    assert trust[str(MIRRORED)] > SOFT
    assert trust[str(FIRST)] < SOFT
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(KEPT, "model", 2), Suggestion(MIRRORED, "model", 2)])
    hypotheses.weigh([SORTING])
    kept, mirrored = hypotheses.to_data()
    assert kept["why"].startswith("0 of 1 candidates")
    assert mirrored["why"].startswith("1 of 1 candidates")


def test_a_candidate_that_returns_no_value_says_nothing(
    task: Task, bench: Workbench
) -> None:
    opaque = START.replace("return values[0]", "return print")
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(POST, "model"), Suggestion(KEPT, "model")])
    hypotheses.weigh([opaque])
    whys = [row["why"] for row in hypotheses.to_data()]
    assert all(why.startswith("0 of 0 candidates") for why in whys)


def test_a_property_that_the_examples_break_is_not_trusted(bench: Workbench) -> None:
    text = START.replace("[9, 4, 7, 1, 5]", "[2, 1, 3]")
    task = task_from_text(text.replace("    5\n", "    3\n"), "middle.py", "middle")
    swapped = PropertyClaim("middle([3, 1, 2]) == middle([2, 1, 3])")
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(swapped, "model", others=9)])
    hypotheses.weigh([])
    assert hypotheses.to_data()[0]["trust"] == 0


def test_a_trusted_property_is_a_soft_test_of_candidates(
    task: Task, bench: Workbench
) -> None:
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(MIRRORED, "model", others=2)])
    hypotheses.weigh([RIGHT, ALSO])
    again = Hypotheses(task, bench)
    again.restore(json.loads(json.dumps(hypotheses.to_data())))
    (constraint,) = again.constraints()
    assert isinstance(constraint.check, AssertionCheck)
    assert not constraint.hard
    extended = replace(task, constraints=(*task.constraints, constraint))
    assert task_from_json(task_to_json(extended)) == extended
    loss = VerificationLoss(extended, bench=bench)
    for source, status in ((RIGHT, Status.PASSED), (OVERFIT, Status.REFUTED)):
        verdicts = loss.evaluate({task.main: source}).verdicts
        found = {v.constraint: v.status for v in verdicts}
        assert found[constraint.name] is status


def test_only_the_user_lets_a_generated_constraint_veto(
    task: Task, bench: Workbench
) -> None:
    hypotheses = Hypotheses(task, bench, hard_from=SOFT)
    hypotheses.add([Suggestion(GOOD, "model"), Suggestion(BAD, "model")])
    hypotheses.weigh([RIGHT, ALSO, THIRD])
    (constraint,) = hypotheses.constraints()
    assert constraint.hard
    assert not constraint.is_guess


def test_answers_alone_are_not_trusted_like_programs(
    task: Task, bench: Workbench
) -> None:
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(CostClaim("O(n^2)"), "model", others=50)])
    hypotheses.weigh([])
    (constraint,) = hypotheses.constraints()
    assert constraint.trust == UNSEEN


def test_weighing_goes_on_after_a_restart(task: Task, bench: Workbench) -> None:
    hypotheses = Hypotheses(task, bench)
    seen = InputClaim("middle([8,5,6])", "6", "8")
    said = [
        Suggestion(GOOD, "model", 1, 0),
        Suggestion(POST, "model"),
        Suggestion(seen, "critic"),
    ]
    hypotheses.add(said)
    hypotheses.weigh([RIGHT, ALSO])
    again = Hypotheses(task, bench)
    again.restore(json.loads(json.dumps(hypotheses.to_data())))
    assert again.constraints() == hypotheses.constraints()
    again.add([*said, Suggestion(InputClaim("middle([8, 5, 6])", "6"), "critic")])
    assert again.to_data() == hypotheses.to_data(), "heard before, whoever says it"
    assert not again.weigh([RIGHT, ALSO])


@pytest.mark.parametrize(
    "claim",
    [
        InputClaim("other([1])", "1"),
        InputClaim("middle(open('x'))", "1"),
        InputClaim("not a call", "1"),
        InputClaim("middle([1])", "something"),
    ],
)
def test_what_is_not_about_the_task_is_no_hypothesis(
    claim: Claim, task: Task, bench: Workbench
) -> None:
    hypotheses = Hypotheses(task, bench)
    hypotheses.add([Suggestion(claim, "model")])
    assert len(hypotheses) == 0


def test_runs_of_a_program_are_weighed_too(bench: Workbench) -> None:
    case = Constraint("case 1", "tests", "2 -> 4", StdinCheck("2\n", "4\n"))
    task = Task(
        "p.py",
        "",
        {"p.py": "print(input())\n"},
        "p.py",
        (*static_constraints(), case),
    )
    right = "print(int(input()) ** 2)\n"
    hypotheses = Hypotheses(task, bench)
    hypotheses.add(
        [
            Suggestion(InputClaim("3\n", "9\n"), "m"),
            Suggestion(InputClaim("3\n", "6\n"), "m"),
            Suggestion(POST, "m"),
        ]
    )
    hypotheses.weigh([right, right + "\n", "print(int(input()) * 2)\n"])
    (constraint,) = hypotheses.constraints()
    assert constraint.check == StdinCheck("3\n", "9\n")


def test_a_run_hears_the_source_once_and_shows_the_trust(task: Task) -> None:
    events: list[Event] = []
    source = ScriptedSource(
        [Suggestion(GOOD, "model", 2), Suggestion(AGAINST, "model", 2)]
    )
    with Workbench() as tools:
        result = refine(
            task,
            engines=[ScriptedEngine([OVERFIT, RIGHT], width=2)],
            source=source,
            bench=tools,
            on_event=events.append,
        )
    assert result.verified
    assert result.code == RIGHT, "of two that pass, the one that meets the guess"
    rows = [row for row in result.evidence.rows if row.origin == "generated"]
    (row,) = [row for row in rows if row.trust is not None]
    assert row.label == "passed"
    assert "trust 0." in row.provenance
    told = [event.data for event in events if event.kind == "constraints"]
    refuted = next(h for h in told[-1]["hypotheses"] if h["claim"] == str(AGAINST))
    assert refuted["why"] == "the user says otherwise"
    assert refuted["trust"] == 0


def test_a_wrong_guess_vetoes_nothing(task: Task) -> None:
    lie = Suggestion(InputClaim("middle([7, 5, 6])", "7"), "model", others=9)
    with Workbench() as tools:
        result = refine(
            task,
            engines=[ScriptedEngine([RIGHT])],
            source=ScriptedSource([lie]),
            bench=tools,
        )
    assert result.verified
    assert result.outcome is Outcome.VERIFIED
    assert result.code == RIGHT


def test_a_run_with_guesses_goes_on_as_it_would_have(task: Task) -> None:
    def parts(tools: Workbench) -> dict[str, object]:
        return {
            "engines": [ScriptedEngine([START.replace("0", "2"), RIGHT])],
            "source": ScriptedSource([Suggestion(GOOD, "model", 2)]),
            "bench": tools,
        }

    events: list[Event] = []
    with Workbench() as tools:
        whole = refine(task, on_event=events.append, **parts(tools))  # type: ignore[arg-type]
        states = [e.data["state"] for e in events if e.kind == "checkpoint"]
        for state in states:
            kept = json.loads(json.dumps(state))
            rest = refine(task, checkpoint=kept, **parts(tools))  # type: ignore[arg-type]
            assert rest.code == whole.code
            assert rest.evidence == whole.evidence


def test_a_confirmed_counterexample_joins_once_candidates_support_it(
    task: Task,
) -> None:
    said = Remark("correctness", 9, "takes the first", "sort", GOOD)
    lie = Remark("correctness", 9, "is fine", "-", InputClaim(BAD.call, "5"))
    events: list[Event] = []
    with Workbench() as tools:
        result = refine(
            task,
            engines=[ScriptedEngine([OVERFIT.replace("9: 5", "9: 9"), RIGHT, ALSO])],
            critic=ScriptedCritic([[said, lie]] * 3, bench=tools),
            bench=tools,
            budget=Budget(),
            on_event=events.append,
        )
    assert result.verified
    told = [event.data for event in events if event.kind == "constraints"]
    assert told, "no confirmed claim was weighed"
    adopted = {row["text"] for row in told[-1]["adopted"]}
    assert any("should give 6" in text for text in adopted)
    assert not any("should give 5" in text for text in adopted)
