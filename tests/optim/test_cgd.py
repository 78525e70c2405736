"""One step: propose, verify, accept only what is not worse; remember the rest."""

import pytest

from codegrad.code import Code
from codegrad.engines.scripted import ScriptedEngine
from codegrad.errors import UsageError
from codegrad.optim.cgd import CGD, Step
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from codegrad.verify.verification import VerificationLoss

HEAD = 'def f(x):\n    """f(1) == 1, f(2) == 4, f(3) == 9"""\n'
START = HEAD + "    return 1\n"
BETTER = HEAD + "    return 1 if x == 1 else 4\n"
RIGHT = HEAD + "    return x * x\n"
REGRESSES = HEAD + "    return 4\n"
BROKEN = HEAD + "    return (\n"
HANGS = HEAD + "    while True: pass\n"


class Descent:
    """The loop of the README over a script."""

    def __init__(self, bench: Workbench, replies: list[str], width: int = 1) -> None:
        self.task = task_from_text(START, "m.py", "f")
        self.engine = ScriptedEngine(replies, width=width)
        self.code = Code.from_task(self.task)
        self.loss_fn = VerificationLoss(self.task, bench=bench)
        self.optim = CGD([self.code], engines=[self.engine])

    def step(self) -> Step:
        loss = self.loss_fn(self.code)
        self.optim.zero_grad()
        loss.backward()
        return self.optim.step()


def test_a_better_proposal_is_accepted_and_a_worse_one_is_not(
    bench: Workbench,
) -> None:
    descent = Descent(bench, [REGRESSES, BROKEN, BETTER, START, RIGHT])
    accepted = [descent.step().accepted is not None for _ in range(5)]
    assert accepted == [False, False, True, False, True]
    assert descent.code.program.sources["m.py"] == RIGHT


def test_the_reason_of_a_rejection_is_kept_as_momentum(bench: Workbench) -> None:
    descent = Descent(bench, [REGRESSES, RIGHT])
    descent.step()
    descent.step()
    first, second = descent.optim.momentum
    assert (first.accepted, first.outcome) == (False, "breaks example 1")
    assert (second.accepted, second.outcome) == (True, "accepted")
    assert descent.engine.directions[1].momentum == (first,)


def test_the_best_of_several_proposals_is_taken(bench: Workbench) -> None:
    descent = Descent(bench, [BETTER, HANGS, RIGHT], width=3)
    step = descent.step()
    assert step.accepted is not None
    assert step.accepted.proposal.sources["m.py"] == RIGHT
    assert step.trials[0].reason == "another proposal is better"


def test_a_proposal_that_was_tried_is_not_verified_again(bench: Workbench) -> None:
    descent = Descent(bench, [REGRESSES, REGRESSES])
    (first,) = descent.step().trials
    (again,) = descent.step().trials
    assert (first.reason, again.reason) == ("breaks example 1", "was proposed before")
    assert [a.outcome for a in descent.optim.momentum] == [first.reason, again.reason]


def test_a_proposal_that_changes_nothing_is_an_event_of_its_own(
    bench: Workbench,
) -> None:
    descent = Descent(bench, [START, BETTER, BETTER, BETTER])
    reasons = [t.reason for _ in range(4) for t in descent.step().trials]
    assert reasons == ["changes nothing", "", "changes nothing", "changes nothing"]


def test_the_direction_is_the_gradient_of_the_variable(bench: Workbench) -> None:
    descent = Descent(bench, [RIGHT])
    descent.step()
    ((key, gradient),) = descent.engine.directions[0].gradients.items()
    assert key == ("m.py", "f")
    assert {c.constraint for c in gradient} == {"example 2", "example 3"}


def test_a_later_engine_is_asked_only_if_the_earlier_found_nothing(
    bench: Workbench,
) -> None:
    task = task_from_text(START, "m.py", "f")
    first, second = ScriptedEngine([REGRESSES, RIGHT]), ScriptedEngine([BETTER, RIGHT])
    code = Code.from_task(task)
    loss_fn = VerificationLoss(task, bench=bench)
    optim = CGD([code], engines=[first, second])
    for _ in range(2):
        loss_fn(code).backward()
        optim.step()
    assert (first.state(), second.state()) == ({"next": 2}, {"next": 1})


def test_a_state_that_is_restored_goes_on_in_the_same_place(bench: Workbench) -> None:
    script = [REGRESSES, BETTER, RIGHT]
    whole = Descent(bench, script)
    steps = [whole.step() for _ in range(3)]

    half = Descent(bench, script)
    half.step()
    state = half.optim.state()
    rest = Descent(bench, script)
    rest.optim.restore(state)
    assert [rest.step().trials[0].reason for _ in range(2)] == [
        s.trials[0].reason for s in steps[1:]
    ]
    assert rest.optim.momentum == whole.optim.momentum


def test_a_step_without_a_loss_is_explained(bench: Workbench) -> None:
    descent = Descent(bench, [RIGHT])
    with pytest.raises(UsageError, match=r"loss\.backward"):
        descent.optim.step()
    with pytest.raises(UsageError, match="at least one engine"):
        CGD([descent.code], engines=[])
    with pytest.raises(UsageError, match="at least one variable"):
        CGD([], engines=[descent.engine])
