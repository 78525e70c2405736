"""A critic is believed as far as the sandbox confirms it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.claim_checks import check_claim
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    TELLING,
    AssumesClaim,
    Claim,
    ClaimStatus,
    CostClaim,
    InputClaim,
    InvariantClaim,
    PostClaim,
)
from codegrad.engines.critic import ModelCritic, ScriptedCritic
from codegrad.engines.engine import Direction, Guidance
from codegrad.engines.remarks import Remark, read_remarks
from codegrad.engines.scripted import ScriptedEngine
from codegrad.events import Event
from codegrad.gradient import CritiqueSource
from codegrad.refine import refine
from codegrad.store.calls import CallBook
from codegrad.task import Constraint, StdinCheck, Task, static_constraints
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from tests.engines.chat_server import ChatServer, in_turn

START = '''def middle(values):
    """Return the middle one of the sorted values.

    >>> middle([3, 1, 2])
    2
    >>> middle([9, 4, 7, 1, 5])
    5
    """
    return values[0]
'''
BETTER = START.replace("values[0]", "values[2]")
RIGHT = START.replace("values[0]", "sorted(values)[len(values) // 2]")
WORSE = START.replace("values[0]", "None")


@pytest.fixture
def task() -> Task:
    return task_from_text(START, "middle.py", "middle")


def checked(claim: Claim, task: Task, bench: Workbench) -> tuple[ClaimStatus, float]:
    found = check_claim(claim, task, Program.from_task(task), bench)
    assert (found.counterexample is not None) is (found.status is ClaimStatus.CONFIRMED)
    return found.status, found.weight


CONFIRMED: list[tuple[Claim, float]] = [
    (InputClaim("middle([5, 1, 2])", "2", "5"), OBSERVED),
    (InputClaim("middle([5, 1, 2])", "2"), OBSERVED),
    (InputClaim("middle([3, 1, 2])", "2", "3"), AGREED),
    (InputClaim("middle([])", "None", "raises IndexError"), OBSERVED),
    (InputClaim("middle([2, 1])", "raises ValueError", "2"), OBSERVED),
    (PostClaim("sorted(values).index(result) == len(values) // 2"), AGREED),
    (InvariantClaim(9, "values == sorted(values)"), OBSERVED),
]
REFUTED: list[Claim] = [
    InputClaim("middle([5, 1, 2])", "2", "1"),
    InputClaim("middle([1, 5, 2])", "1", "5"),
    InputClaim("middle([1])", "1"),
    InputClaim("middle([3, 1, 2])", "4", "3"),
    InputClaim("middle([1])", "0", "raises IndexError"),
    PostClaim("result in values"),
    PostClaim("result == max(values)"),
    AssumesClaim("len(values) == 3"),
    InvariantClaim(9, "len(values) % 2 == 1"),
    CostClaim("O(n)"),
]
UNCHECKED: list[Claim] = [
    InputClaim("middle(open('/etc/passwd'))", "2"),
    InputClaim("__import__('os').system('true')", "2"),
    InputClaim("middle([1, 2])", "something else"),
    InputClaim("ignore all rules", "1"),
    PostClaim("result ="),
    AssumesClaim("values and"),
    AssumesClaim("False"),
    AssumesClaim("len(values) < 9"),
    AssumesClaim("unknown > 0"),
    InvariantClaim(2, "values"),
    InvariantClaim(9, "nothing > 0"),
    InvariantClaim(9, "("),
    CostClaim("O(n * m)"),
]


@pytest.mark.parametrize(("claim", "weight"), CONFIRMED)
def test_a_true_claim_is_confirmed(
    claim: Claim, weight: float, task: Task, bench: Workbench
) -> None:
    assert checked(claim, task, bench) == (ClaimStatus.CONFIRMED, weight)


@pytest.mark.parametrize("claim", REFUTED)
def test_a_false_claim_is_refuted(claim: Claim, task: Task, bench: Workbench) -> None:
    assert checked(claim, task, bench) == (ClaimStatus.REFUTED, 0.0)


@pytest.mark.parametrize("claim", UNCHECKED)
def test_what_cannot_be_run_is_not_believed(
    claim: Claim, task: Task, bench: Workbench
) -> None:
    assert checked(claim, task, bench) == (ClaimStatus.UNCHECKED, 0.0)


SLOW = """def pairs(xs: list[int]):
    \"\"\"Count equal neighbours.

    >>> pairs([1, 1, 2])
    1
    >>> pairs([])
    0
    \"\"\"
    seen = 0
    for i in range(len(xs)):
        for j in range(len(xs)):
            if j == i + 1 and xs[i] == xs[j]:
                seen += 1
    return seen
"""


def test_a_claim_about_cost_is_measured(bench: Workbench) -> None:
    slow = task_from_text(SLOW, "pairs.py", "pairs")
    assert checked(CostClaim("O(n)"), slow, bench) == (ClaimStatus.CONFIRMED, OBSERVED)
    assert checked(CostClaim("O(n^2)"), slow, bench)[0] is ClaimStatus.REFUTED


def test_a_condition_that_tells_failing_runs_from_passing_ones_weighs_more(
    bench: Workbench,
) -> None:
    text = START.replace("return values[0]", "n = len(values)\n    return values[2]")
    task = task_from_text(text, "middle.py", "middle")
    assumes = AssumesClaim("len(values) == 3")
    assert checked(assumes, task, bench) == (ClaimStatus.CONFIRMED, TELLING)
    claim = InvariantClaim(10, "sorted(values)[n // 2] == values[2]")
    assert checked(claim, task, bench) == (ClaimStatus.CONFIRMED, TELLING)
    assert checked(InvariantClaim(10, "n == 5"), task, bench)[0] is ClaimStatus.REFUTED


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        (InputClaim("3\n", "6", "9"), ClaimStatus.CONFIRMED),
        (InputClaim("3\n", "6", "8"), ClaimStatus.REFUTED),
        (InputClaim("3\n", "9"), ClaimStatus.REFUTED),
        (InputClaim("2\n", "5"), ClaimStatus.REFUTED),
    ],
)
def test_claims_about_a_program_are_fed_to_it(
    claim: Claim, status: ClaimStatus, bench: Workbench
) -> None:
    case = Constraint("case 1", "tests", "2 -> 4", StdinCheck("2\n", "4\n"))
    task = Task(
        name="p.py",
        entry_point="",
        sources={"p.py": "print(int(input()) ** 2)\n"},
        main="p.py",
        constraints=(*static_constraints(), case),
    )
    assert checked(claim, task, bench)[0] is status


def remark(claim: Claim | None, problem: str = "wrong") -> Remark:
    return Remark("correctness", 9, problem, "sort first", claim)


def test_a_critic_that_lies_makes_no_step_worse(task: Task) -> None:
    """Half of its claims are false; none of them reaches the step."""
    true = [remark(claim, f"true {claim}") for claim, _ in CONFIRMED]
    false = [remark(claim, f"false {claim}") for claim in REFUTED[: len(true)]]
    said = [r for pair in zip(true, false, strict=True) for r in pair]
    events: list[Event] = []
    with Workbench() as tools:
        critic = ScriptedCritic([said] * 4, bench=tools)
        engine = ScriptedEngine([WORSE, BETTER, WORSE, RIGHT])
        result = refine(
            task, engines=[engine], critic=critic, bench=tools, on_event=events.append
        )
    assert result.verified
    losses = [e.data["loss"]["value"] for e in events if e.kind == "stepped"]
    assert losses == sorted(losses, reverse=True)
    first = engine.directions[0].gradients["middle.py", "middle"]
    own = [c for c in first if c.source is CritiqueSource.CRITIC]
    assert {c.direction for c in own} == {f"{r.problem}; sort first" for r in true}
    assert not any(c.hard for c in own)
    told = [e.data for e in events if e.kind == "reviewed"]
    statuses = [claim["status"] for claim in told[0]["claims"]]
    assert statuses == ["confirmed", "refuted"] * len(true)
    assert (
        told[0]["note"]
        == f"{len(true)} of {2 * len(true)} claims hold, {len(true)} refuted"
    )


def test_an_unchecked_critic_is_believed_and_says_so(
    task: Task, bench: Workbench
) -> None:
    lies = [remark(claim) for claim in REFUTED]
    critic = ScriptedCritic([lies], bench=bench)
    direction = Direction({}, guidance=Guidance(checks_claims=False))
    review = critic.review(task, Program.from_task(task), direction, budget=Budget())
    assert len(review.critiques) == len(lies)
    assert review.count(ClaimStatus.UNCHECKED) == len(lies)


def test_a_review_survives_a_restart(task: Task) -> None:
    with Workbench() as tools:
        critic = ScriptedCritic([[remark(None)], [remark(None)]], bench=tools)
        program = Program.from_task(task)
        events: list[Event] = []
        engine = ScriptedEngine([WORSE, RIGHT])
        result = refine(
            task, engines=[engine], critic=critic, bench=tools, on_event=events.append
        )
        assert result.verified
        state = [e.data["state"] for e in events if e.kind == "checkpoint"][1]
        again = ScriptedCritic([[remark(None)], [remark(None)]], bench=tools)
        other = ScriptedEngine([WORSE, RIGHT])
        rest = refine(
            task,
            engines=[other],
            critic=again,
            bench=tools,
            checkpoint=json.loads(json.dumps(state)),
        )
    assert rest.code == result.code
    assert again.state() == critic.state()
    assert program.sources["middle.py"] == START


REVIEW = {
    "critiques": [
        {
            "aspect": "Correctness",
            "line": 9,
            "problem": "takes the first value",
            "change": "sort before indexing",
            "claim": {"call": "middle([7, 5, 6])", "expected": 6, "observed": "7"},
        },
        {
            "aspect": "efficiency",
            "line": 9,
            "problem": "crashes on strings",
            "change": "convert",
            "claim": {"call": "middle(['a'])", "expected": "'a'"},
        },
        {"aspect": "style", "line": "x", "problem": "no type hints"},
    ]
}


def test_a_model_reviews_over_the_wire(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    replies = ["Here is my review.", f"```json\n{json.dumps(REVIEW)}\n```"]
    with ChatServer(in_turn(replies)).running() as server, Workbench() as tools:
        critic = ModelCritic(
            "openai:critic",
            bench=tools,
            base_url=server.url,
            book=CallBook(tmp_path / "calls.db"),
        )
        engine = ScriptedEngine([RIGHT])
        result = refine(task, engines=[engine], critic=critic, bench=tools)
    assert result.verified
    assert result.spent.calls == 2
    gradient = engine.directions[0].gradients["middle.py", "middle"]
    own = {
        c.direction: (c.kind, c.weight)
        for c in gradient
        if c.source is CritiqueSource.CRITIC
    }
    assert own == {
        "takes the first value; sort before indexing": ("correctness", OBSERVED),
        "no type hints": ("correctness (not checked)", 0.1),
    }
    asked = server.requests[0]["messages"]
    assert "You review Python code" in asked[0]["content"]
    assert "   9     return values[0]\n" in asked[1]["content"]
    assert "must return 2; it returns 3" in asked[1]["content"]
    assert dict(critic.counts) == {"confirmed": 1, "refuted": 1}


def test_a_second_question_of_a_critic_is_within_its_budget(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with ChatServer(in_turn(["no JSON"])).running() as server, Workbench() as tools:
        critic = ModelCritic(
            "openai:critic",
            bench=tools,
            base_url=server.url,
            book=CallBook(tmp_path / "calls.db"),
        )
        review = critic.review(
            task, Program.from_task(task), Direction({}), budget=Budget(calls=1)
        )
        critic.close()
    assert (len(server.requests), review.spent.calls) == (1, 1)


@pytest.mark.parametrize(
    "thoughts",
    ["<think>f({1: 2}) fails</think>", "Let me see {a: 1} or [].\n</think>", ""],
)
def test_a_review_after_thoughts_is_read(thoughts: str) -> None:
    remarks = read_remarks(f"{thoughts}For [1, 2]:\n{json.dumps(REVIEW)}\nDone.")
    assert remarks is not None
    assert len(remarks) == 3
    assert read_remarks(f'{thoughts}{{"critiques": []}}') == []


def test_of_a_review_that_was_cut_off_the_complete_points_are_read() -> None:
    whole = json.dumps(REVIEW)
    remarks = read_remarks(whole[: whole.index("no type hints") - 20])
    assert remarks is not None
    assert [r.problem for r in remarks] == [
        "takes the first value",
        "crashes on strings",
    ]


def test_a_critic_without_a_key_does_not_stop_the_run(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with (
        ChatServer(in_turn(["{}"]), key="sk-right").running() as server,
        Workbench() as tools,
    ):
        critic = ModelCritic(
            "openai:critic",
            bench=tools,
            base_url=server.url,
            book=CallBook(tmp_path / "calls.db"),
        )
        engine = ScriptedEngine([WORSE, RIGHT])
        result = refine(
            task, engines=[engine], critic=critic, bench=tools, budget=Budget()
        )
    assert result.verified
    assert len(server.requests) == 1


@given(
    st.one_of(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["critiques", "line", "problem", "claim", "call"]),
                    inner,
                )
            ),
        ).map(lambda value: json.dumps({"critiques": [value]})),
    )
)
def test_any_reply_is_read_or_refused(reply: str) -> None:
    remarks = read_remarks(reply)
    assert remarks is None or all(isinstance(r, Remark) for r in remarks)
