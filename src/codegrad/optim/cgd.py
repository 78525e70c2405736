"""Code gradient descent: propose along the gradient, project onto what is verified.

One step: aggregate the gradients of the variables into a direction, add momentum (what
was tried before and what became of it), ask the engines in order, verify every
proposal, accept the best one if no hard constraint regresses and the loss falls.

Source: the constrained optimisation of CodeGrad (arXiv 2508.10059), which alternates
gradient proposals with verification as projected gradient descent does; acceptance is
monotone here, so the best program so far is never lost.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.code import Code, Program
from codegrad.engines.engine import (
    Answer,
    Attempt,
    Direction,
    Engine,
    Progress,
    Proposal,
    silent,
)
from codegrad.errors import UsageError
from codegrad.gradient import Gradient
from codegrad.loss import Judge, Loss
from codegrad.task import ClauseCheck, Sources, Task

MAX_MOMENTUM = 40
"""Attempts that are remembered; the oldest are dropped first."""

MAX_VERIFIED = 12
"""Proposals of one engine call that are verified; the rest keeps its rank."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One proposal after verification."""

    engine: str
    proposal: Proposal
    loss: Loss
    accepted: bool
    reason: str
    """Why it was not accepted; empty if it was."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did."""

    trials: tuple[Trial, ...] = ()
    spent: Spent = field(default_factory=Spent)
    exhausted: bool = False
    """Whether no engine has anything more to offer."""

    notes: tuple[str, ...] = ()

    @property
    def accepted(self) -> Trial | None:
        """The proposal that was accepted, if one was."""
        return next((trial for trial in self.trials if trial.accepted), None)


class CGD:
    """The optimiser over the variables of one program.

    Engines are asked in order; a later one is asked only if no proposal of the earlier
    ones could be accepted in this step.
    """

    def __init__(
        self,
        params: Sequence[Code],
        *,
        engines: Sequence[Engine],
        task: Task | None = None,
        on_trial: Callable[[Trial], None] | None = None,
    ) -> None:
        if not params:
            raise UsageError("CGD needs at least one variable; pass [code]")
        if not engines:
            raise UsageError("CGD needs at least one engine, e.g. SearchEngine()")
        self.params = tuple(params)
        self.engines = tuple(engines)
        found = task or self.program.task
        if found is None:
            raise UsageError("the program has no task; pass CGD(..., task=task)")
        self._task = found
        self._on_trial = on_trial
        self._momentum: list[Attempt] = []
        self._tried: set[str] = set()
        self._exhausted: set[int] = set()

    @property
    def program(self) -> Program:
        """The program whose variables are optimised."""
        return self.params[0].program

    @property
    def momentum(self) -> tuple[Attempt, ...]:
        """What was tried before, oldest first."""
        return tuple(self._momentum)

    def zero_grad(self) -> None:
        """Forget the gradients of every variable of the program."""
        self.program.zero_grad()

    def direction(self) -> Direction:
        """Return the aggregated gradient of the variables, with momentum."""
        chosen = {(code.path, code.name) for code in self._variables()}
        gradients: dict[tuple[str, str], Gradient] = {
            (code.path, code.name): code.grad
            for code in self.program.codes
            if code.grad and code.requires_grad and (code.path, code.name) in chosen
        }
        return Direction(gradients, self.momentum)

    def _variables(self) -> Iterator[Code]:
        """Yield the variables, and with an entry point all that it may call."""
        named = {(code.path, code.name) for code in self.params}
        if (self.program.entry.path, self.program.entry.name) in named:
            yield from self.program.codes
        else:
            yield from self.params

    def step(
        self, *, budget: Budget | None = None, progress: Progress = silent
    ) -> Step:
        """Take one step along the gradients of the last `loss.backward()`.

        The program changes only if a verified proposal is accepted.

        Raises:
            UsageError: If no loss has been propagated since the last change.
            EngineError: If an engine cannot work at all.
        """
        current = self.program.loss
        if current is None or current.judge is None:
            raise UsageError("call loss.backward() before optim.step()")
        direction = self.direction()
        left = budget or Budget()
        spent = Spent()
        trials: list[Trial] = []
        notes: list[str] = []
        for index, engine in enumerate(self.engines):
            if index in self._exhausted:
                continue
            answer = engine.propose(
                self._task,
                self.program,
                direction,
                budget=left.left(spent),
                progress=progress,
            )
            spent = spent + answer.spent
            if answer.note:
                notes.append(f"{engine.name}: {answer.note}")
            if answer.exhausted:
                self._exhausted.add(index)
            trials += self._project(engine, answer, current, current.judge)
            if any(trial.accepted for trial in trials):
                break
        exhausted = len(self._exhausted) == len(self.engines)
        return Step(tuple(trials), spent, exhausted, tuple(notes))

    def _project(
        self, engine: Engine, answer: Answer, current: Loss, judge: Judge
    ) -> list[Trial]:
        """Verify the proposals of one answer and accept the best that may be."""
        judged: list[tuple[Proposal, Loss, str]] = []
        for proposal in answer.proposals:
            key = _fingerprint(proposal.sources)
            if len(judged) == MAX_VERIFIED or key in self._tried:
                continue
            self._tried.add(key)
            if dict(proposal.sources) == dict(self.program.sources):
                judged.append((proposal, current, "changes nothing"))
                continue
            loss = judge(proposal.sources)
            judged.append((proposal, loss, loss.improves_on(current)))
        allowed = [i for i, (_, _, reason) in enumerate(judged) if not reason]
        best = min(
            allowed, key=lambda i: (*_standing(judged[i][1], current), i), default=None
        )
        trials: list[Trial] = []
        known = {call for attempt in self._momentum for call in attempt.inputs}
        learned = False
        for index, (proposal, loss, reason) in enumerate(judged):
            accepted = index == best
            why = reason or ("" if accepted else "another proposal is better")
            trial = Trial(engine.name, proposal, loss, accepted, why)
            trials.append(trial)
            outcome = "accepted" if accepted else why
            failed = _inputs_that_failed(loss)
            learned = learned or not set(failed) <= known
            self._momentum.append(
                Attempt(proposal.label, proposal.line, accepted, outcome, failed)
            )
            if self._on_trial:
                self._on_trial(trial)
        del self._momentum[:-MAX_MOMENTUM]
        if best is not None:
            self.program.update(judged[best][0].sources)
        if best is not None or learned:
            # What an engine had no more of was for a program, or a set of known
            # inputs, that is no longer the one in question.
            self._exhausted.clear()
        return trials

    def state(self) -> dict[str, Any]:
        """Return everything needed to go on later, as JSON-able data."""
        return {
            "momentum": [
                {**asdict(attempt), "inputs": list(attempt.inputs)}
                for attempt in self._momentum
            ],
            "tried": sorted(self._tried),
            "exhausted": sorted(self._exhausted),
            "engines": [engine.state() for engine in self.engines],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self._momentum = [
            Attempt(**{**attempt, "inputs": tuple(attempt["inputs"])})
            for attempt in state["momentum"]
        ]
        self._tried = set(state["tried"])
        self._exhausted = set(state["exhausted"])
        for engine, engine_state in zip(self.engines, state["engines"], strict=True):
            engine.restore(engine_state)


def _standing(loss: Loss, current: Loss) -> tuple[tuple[int, ...], float, int]:
    """Return what orders acceptable proposals before the engine's own rank does.

    Partial credit counts only where no further constraint is satisfied: beside one
    that is, an overfit edit can bring other wrong results nearer by chance.
    """
    hard, partial, soft, _ = loss.key
    return hard, partial if hard == current.key[0] else 0.0, soft


def _inputs_that_failed(loss: Loss) -> tuple[str, ...]:
    """Return the calls on which a candidate broke a postcondition."""
    clauses = {c.name for c in loss.constraints if isinstance(c.check, ClauseCheck)}
    return tuple(
        example.call
        for verdict in loss.verdicts
        if verdict.constraint in clauses
        for example in verdict.counterexamples
    )


def _fingerprint(sources: Sources) -> str:
    text = json.dumps(sorted(sources.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
