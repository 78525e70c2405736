"""Code gradient descent: propose along the gradient, project onto what is verified.

One step: aggregate the gradients of the variables into a direction, add momentum (what
was tried before and what became of it), ask the engines in order, verify every
proposal, repair near misses of models with the built-in search, and accept the best
one that the strategy's gate lets through.

Source: the constrained optimisation of CodeGrad (arXiv 2508.10059), which alternates
gradient proposals with verification as projected gradient descent does; acceptance is
monotone here, so the best program so far is never lost.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.code import Code, Program, fingerprint
from codegrad.engines.cut import Cut
from codegrad.engines.engine import (
    Answer,
    Attempt,
    Direction,
    Engine,
    Progress,
    Proposal,
    changed_line,
    silent,
)
from codegrad.engines.search import SearchEngine
from codegrad.engines.troubles import Troubled
from codegrad.errors import EngineError, OutageError, UsageError
from codegrad.gradient import Gradient
from codegrad.loss import Loss
from codegrad.optim.aggregate import Aggregate, aggregate
from codegrad.optim.archive import Archive, Member, passes_all
from codegrad.optim.projection import Judged, Projection
from codegrad.optim.repair import Repairs
from codegrad.optim.strategy import CODEGRAD, Strategy
from codegrad.task import ClauseCheck, Task

MAX_MOMENTUM = 40
"""Attempts that are remembered; the oldest are dropped first."""

MAX_OTHERS = 2
"""Candidates of the archive that an engine is shown."""

BARREN = 3
"""Answers in a row without anything new after which an engine has no more to offer."""

ROUNDS = 3
"""Rounds of answers that a program waits for, if it passes all that is visible."""

PATIENCE = 3
"""Steps without an accepted proposal after which it goes on from another candidate."""


WAITS = "waits for other answers"
"""Why a program that passes is not accepted yet."""


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

    cut: Cut = Cut.NOTHING
    """Whether an engine could not ask all that it wanted, and may later."""

    notes: tuple[str, ...] = ()
    moved: bool = False
    """Whether the program is now another candidate from the archive."""

    @property
    def accepted(self) -> Trial | None:
        """The proposal that was accepted, if one was."""
        return next((trial for trial in self.trials if trial.accepted), None)


class CGD:
    """The optimiser over the variables of one program.

    Engines are asked in order; a later one is asked only if no proposal of the earlier
    ones could be accepted in this step.
    """

    def __init__(  # noqa: PLR0913 - everything but the variables has a default
        self,
        params: Sequence[Code],
        *,
        engines: Sequence[Engine],
        task: Task | None = None,
        strategy: Strategy = CODEGRAD,
        repairs: Repairs | None = None,
        on_trial: Callable[[Trial], None] | None = None,
    ) -> None:
        if not params:
            raise UsageError("CGD needs at least one variable; pass [code]")
        if not engines:
            raise UsageError("CGD needs at least one engine, e.g. SearchEngine()")
        self.params = tuple(params)
        self.engines = _allowed(engines, strategy)
        found = task or self.program.task
        if found is None:
            raise UsageError("the program has no task; pass CGD(..., task=task)")
        self.strategy = strategy
        self._on_trial = on_trial
        self._start = Program.from_task(found)
        self._projection = Projection(
            self.program, found, strategy, repairs, asks_a_model=self.asks_a_model
        )
        self._momentum: list[Attempt] = []
        self._reflections: list[str] = []
        self._exhausted: set[int] = set()
        self._cut = [Cut.NOTHING] * len(self.engines)
        self._barren = [0] * len(self.engines)
        self._fruitless = 0
        self._said: dict[str, str] = {}
        self._home: Member | None = None
        self._waiting: list[tuple[str, Proposal]] = []
        self._rounds = 0
        self.unheard: dict[str, str] = {}
        """Models that were to be heard beside what passes and could not, and why."""

    @property
    def program(self) -> Program:
        """The program whose variables are optimised."""
        return self.params[0].program

    @property
    def asks_a_model(self) -> bool:
        """Whether an engine beside the built-in search takes part."""
        return any(not isinstance(engine, SearchEngine) for engine in self.engines)

    @property
    def is_at_a_stub(self) -> bool:
        """Whether the program is nothing that could be lost."""
        return self._projection.is_at_a_stub

    @property
    def archive(self) -> Archive:
        """The candidates that are worth keeping."""
        return self._projection.archive

    @property
    def momentum(self) -> tuple[Attempt, ...]:
        """What was tried before, oldest first."""
        return tuple(self._momentum)

    @property
    def waits(self) -> bool:
        """Whether a program that passes waits for other answers."""
        return bool(self._waiting)

    def retarget(self, task: Task) -> None:
        """Go on with the same texts and other generated constraints."""
        self._projection.task = task

    def zero_grad(self) -> None:
        """Forget the gradients of every variable of the program."""
        self.program.zero_grad()

    def reflect(self, text: str) -> None:
        """Remember what a review said, if the strategy remembers reviews."""
        if text and self.strategy.reflections:
            self._reflections.append(text)
            del self._reflections[: -self.strategy.reflections]

    def direction(self) -> Direction:
        """Return the aggregated gradient of the variables, with momentum.

        What the strategy does not show is left out.
        """
        guidance = self.strategy.guidance
        if not self.strategy.refines:
            return Direction({}, guidance=guidance)
        loss = self.program.loss
        return Direction(
            self._aggregate().gradients,
            self.momentum if guidance.attempts else (),
            guidance,
            tuple(self._reflections),
            self.archive.others(loss.satisfied, at_most=MAX_OTHERS)
            if loss is not None and guidance.attempts
            else (),
        )

    def _aggregate(self) -> Aggregate:
        guidance = self.strategy.guidance
        chosen = {(code.path, code.name) for code in self._variables()}
        gradients = {
            (code.path, code.name): shown
            for code in self.program.codes
            if code.requires_grad
            and (code.path, code.name) in chosen
            and (shown := guidance.shown(code.grad or Gradient()))
        }
        return aggregate(gradients, self._said if guidance.attempts else {})

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
        direction, aggregated = self.direction(), self._aggregate()
        self._said = dict(aggregated.expected)
        limits, began, spent = budget or Budget(), time.monotonic(), Spent()

        def left() -> Budget:
            elapsed = Spent(seconds=time.monotonic() - began)
            return limits.left(spent + elapsed)

        trials: list[Trial] = []
        notes: list[str] = list(aggregated.notes)
        for index, engine in self._in_turn():
            answer = self._ask(engine, direction, left(), progress)
            self._cut[index] = answer.cut
            spent = spent + answer.spent
            self._count(engine, answer)
            if answer.note:
                notes.append(f"{engine.name}: {answer.note}")
            judged = self._projection.judged(engine, answer, current, current.judge)
            if self._is_barren(index, answer, judged):
                notes.append(f"{engine.name}: nothing new in {BARREN} answers")
            if answer.exhausted:
                self._exhausted.add(index)
            repairs = self._projection.repairs
            if repairs and not isinstance(engine, SearchEngine) and not self._waiting:
                judged += self._projection.repaired(
                    judged, current, current.judge, left(), progress
                )
                spent = spent + repairs.spent
                notes += repairs.notes
            if self._is_open(judged):
                judged = self._put_off(judged, current)
            else:
                judged += self._taken_up(current)
            trials += self._project(judged, current)
            if any(trial.accepted for trial in trials):
                break
        exhausted = len(self._exhausted) == len(self.engines)
        step = Step(tuple(trials), spent, exhausted, max(self._cut), tuple(notes))
        return self._moved(step, current) if self.strategy.restarts else step

    def _in_turn(self) -> Iterator[tuple[int, Engine]]:
        """Yield the engines that are asked; the search not while something waits."""
        for index, engine in enumerate(self.engines):
            has_found = bool(self._waiting) and isinstance(engine, SearchEngine)
            if index not in self._exhausted and not has_found:
                yield index, engine

    def _ask(
        self, engine: Engine, direction: Direction, budget: Budget, progress: Progress
    ) -> Answer:
        program = self.program if self.strategy.refines else self._start
        try:
            return engine.propose(
                self._projection.task,
                program,
                direction,
                budget=budget,
                progress=progress,
            )
        except EngineError as error:
            # A task without tests is one for a model, not for the search; and what
            # waits is not lost because nobody can be heard beside it.
            is_search = isinstance(engine, SearchEngine)
            if not (self.asks_a_model if is_search else self._waiting):
                raise
            cut = Cut.OUTAGE if isinstance(error, OutageError) else Cut.NOTHING
            return Answer(exhausted=True, note=str(error), cut=cut)

    def _count(self, engine: Engine, answer: Answer) -> None:
        """Count what a model says, or does not say, while something waits for it."""
        if not self._waiting or isinstance(engine, SearchEngine):
            return
        self._rounds += 1
        self.unheard.pop(engine.name, None)
        if not answer.proposals and answer.cut is not Cut.LIMIT:
            trouble = engine.trouble if isinstance(engine, Troubled) else ""
            self.unheard[engine.name] = answer.note or trouble

    @property
    def _may_wait(self) -> bool:
        """Whether a model can be heard before a program that passes is accepted.

        Few tests let wrong programs pass. What other answers do is worth some rounds of
        them, where it can be compared.
        """
        return (
            self.strategy.consults
            and self._projection.can_compare
            and self._rounds < ROUNDS
            and any(
                index not in self._exhausted and not self._cut[index]
                for index, engine in enumerate(self.engines)
                if not isinstance(engine, SearchEngine)
            )
        )

    def _is_open(self, judged: Sequence[Judged]) -> bool:
        """Return whether what passes waits: answers are not of one mind yet."""
        is_asked = self._may_wait and (self.waits or any(map(_passes, judged)))
        return is_asked and not self._projection.is_settled()

    def _put_off(self, judged: list[Judged], current: Loss) -> list[Judged]:
        """Let the best of those that pass wait; none of them may be accepted yet."""
        passing = list(filter(_passes, judged))
        best = self._projection.best(passing, current)
        if best is None:
            return judged
        self._waiting.append((passing[best].engine, passing[best].proposal))
        return [replace(j, reason=WAITS) if _passes(j) else j for j in judged]

    def _taken_up(self, current: Loss) -> list[Judged]:
        """Return what waited, verified again; nothing waits any more."""
        if not self._waiting:
            return []
        assert current.judge is not None
        judged = self._projection.again(self._waiting, current, current.judge)
        self._waiting, self._rounds = [], 0
        return judged

    def _moved(self, step: Step, current: Loss) -> Step:
        """Go on from another candidate if steps have not helped for too long."""
        if step.accepted is not None:
            self._fruitless = 0
            if self._home is not None and step.accepted.loss.key < self._home.key:
                self._home = None
            return step
        self._fruitless += bool(step.trials)
        if self._fruitless < PATIENCE:
            return step
        self._fruitless = 0
        here = fingerprint(self.program.sources)
        target = next(
            (
                (key, member)
                for key, member in self.archive.front()
                if not member.visited and key != here and not member.passes
            ),
            None,
        )
        if target is None:
            if not self.settle():
                return step
            note = "returns to the best program: no other candidate is left"
            return replace(step, notes=(*step.notes, note), moved=True)
        if self._home is None:
            self._home = Member.of(self._start.sources, self.program.sources, current)
        key, member = target
        self.archive.visit(key)
        self.program.update(self.archive.sources(member))
        self._exhausted.clear()
        note = f"goes on from {member.label}: {PATIENCE} steps brought nothing"
        return replace(step, notes=(*step.notes, note), moved=True, exhausted=False)

    def settle(self) -> bool:
        """Return to the best program if the run went on from another one.

        What still waits passes, so it is the best. Returns whether the program changed.
        """
        home, self._home = self._home, None
        waiting, self._waiting = self._waiting, []
        if waiting:
            self.program.update(waiting[0][1].sources)
        elif home is not None:
            self.program.update(self.archive.sources(home))
        return bool(waiting) or home is not None

    def _is_barren(self, index: int, answer: Answer, judged: Sequence[Judged]) -> bool:
        """Return whether an engine has brought nothing new for too long.

        A search that tries candidates without success is not barren. Of an engine that
        could not ask, and has nothing to show, nothing is known.
        """
        is_new = any(one.is_new for one in judged)
        is_search = isinstance(self.engines[index], SearchEngine)
        works = is_search and not answer.proposals and answer.spent != Spent()
        if is_new or works:
            self._barren[index] = 0
        elif answer.proposals or not answer.cut:
            self._barren[index] += 1
        if self._barren[index] < BARREN:
            return False
        self._exhausted.add(index)
        return True

    def _project(self, judged: Sequence[Judged], current: Loss) -> list[Trial]:
        """Accept the best of the proposals that may be; remember all of them."""
        best = self._projection.best(judged, current)
        trials: list[Trial] = []
        known = {call for attempt in self._momentum for call in attempt.inputs}
        learned = False
        for index, one in enumerate(judged):
            accepted = index == best
            why = one.reason or ("" if accepted else "another proposal is better")
            trial = Trial(one.engine, one.proposal, one.loss, accepted, why)
            trials.append(trial)
            failed = _inputs_that_failed(one.loss) if one.is_new else ()
            learned = learned or not set(failed) <= known
            attempt = Attempt(
                one.proposal.label,
                one.proposal.line,
                accepted,
                "accepted" if accepted else why,
                failed,
                changed_line(self.program.sources, one.proposal.sources),
            )
            # Whoever is heard beside what waits is not to know of it.
            self._momentum += [attempt] if why != WAITS else []
            if self._on_trial:
                self._on_trial(trial)
        del self._momentum[:-MAX_MOMENTUM]
        if best is not None:
            self.program.update(judged[best].proposal.sources)
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
            "reflections": list(self._reflections),
            "tried": sorted(self._projection.tried),
            "exhausted": sorted(self._exhausted),
            "cut": [int(cut) for cut in self._cut],
            "barren": list(self._barren),
            "fruitless": self._fruitless,
            "said": dict(self._said),
            "home": self._home.to_data() if self._home else None,
            "waiting": [
                [engine, {**asdict(one), "sources": dict(one.sources)}]
                for engine, one in self._waiting
            ],
            "rounds": self._rounds,
            "unheard": dict(self.unheard),
            "archive": self.archive.state(),
            "engines": [engine.state() for engine in self.engines],
        }

    def restore(self, state: Mapping[str, Any], *, has_room: bool = False) -> None:
        """Go on from what `state` returned.

        Who had no more to offer in an outage is asked again; whom a limit kept from
        it, only if there is room for more than there was.
        """
        self._momentum = [
            Attempt(**{**attempt, "inputs": tuple(attempt["inputs"])})
            for attempt in state["momentum"]
        ]
        self._reflections = list(state["reflections"])
        self._projection.tried = set(state["tried"])
        cuts = state.get("cut", self._cut)
        over = {Cut.OUTAGE, Cut.LIMIT} if has_room else {Cut.OUTAGE}
        self._cut = [Cut.NOTHING if cut in over else Cut(cut) for cut in cuts]
        self._exhausted = {n for n in state["exhausted"] if cuts[n] not in over}
        self._barren = list(state["barren"])
        self._fruitless = int(state["fruitless"])
        self._said = dict(state["said"])
        self._home = Member.from_data(state["home"]) if state["home"] else None
        self._waiting = [
            (engine, Proposal(**one)) for engine, one in state.get("waiting", ())
        ]
        self._rounds = int(state.get("rounds", 0))
        self.unheard = dict(state.get("unheard", {}))
        self.archive.restore(state["archive"])
        for engine, engine_state in zip(self.engines, state["engines"], strict=True):
            engine.restore(engine_state)


def _passes(one: Judged) -> bool:
    """Return whether a proposal may be taken and passes all that is visible."""
    return not one.reason and passes_all(one.loss)


def _allowed(engines: Sequence[Engine], strategy: Strategy) -> tuple[Engine, ...]:
    """Return the engines that the strategy asks.

    Raises:
        UsageError: If none is left.
    """
    if strategy.searches:
        return tuple(engines)
    found = tuple(e for e in engines if not isinstance(e, SearchEngine))
    if not found:
        raise UsageError(
            f"the strategy {strategy.name} does not use the built-in search; "
            "name a model with --engine"
        )
    return found


def _inputs_that_failed(loss: Loss) -> tuple[str, ...]:
    """Return the calls on which a candidate broke a postcondition."""
    clauses = {c.name for c in loss.constraints if isinstance(c.check, ClauseCheck)}
    return tuple(
        example.call
        for verdict in loss.verdicts
        if verdict.constraint in clauses
        for example in verdict.counterexamples
    )
