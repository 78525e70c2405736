"""The one front door: refine a task until it is verified or the budget is spent.

In: a task, engines, a budget. Out: a `Result`, and an event for everything that
happened. Invariant: the best program so far is never lost, and after a checkpoint a
killed run goes on exactly as it would have.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from codegrad import checkpoint as checkpoints
from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.critic import Reviewer
from codegrad.engines.cut import Cut
from codegrad.engines.engine import Engine, Ledger, Paying
from codegrad.engines.language import ConstraintSource
from codegrad.engines.search import SearchEngine
from codegrad.engines.troubles import Troubled
from codegrad.errors import EngineError
from codegrad.events import Event, Listener
from codegrad.gradient import Gradient
from codegrad.loss import Loss
from codegrad.optim.backward import reviewer_for
from codegrad.optim.cgd import CGD, Trial
from codegrad.optim.choice import choose
from codegrad.optim.distinguishing import tell_apart
from codegrad.optim.hypotheses import Hypotheses
from codegrad.optim.repair import Repairs
from codegrad.optim.strategy import CODEGRAD, Choice, Strategy
from codegrad.result import Outcome, Result
from codegrad.task import Constraint, Origin, Task
from codegrad.verdict import Status
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.tools import tool_versions
from codegrad.verify.verification import VerificationLoss


def refine(  # noqa: PLR0913 - the front door; everything but the task has a default
    task: Task,
    *,
    engines: Sequence[Engine] | None = None,
    critic: Reviewer | None = None,
    strategy: Strategy = CODEGRAD,
    budget: Budget | None = None,
    seed: int = 0,
    on_event: Listener | None = None,
    checkpoint: Mapping[str, Any] | None = None,
    bench: Workbench | None = None,
    ladder: Ladder | None = None,
    source: ConstraintSource | None = None,
    hard_from: float | None = None,
) -> Result:
    """Return the best program for `task` that the budget allows.

    Without engines the built-in search is used, which needs no model. `strategy` is
    how the loop goes; see `codegrad.optim.strategy`. What `critic`
    says adds to the gradient if it holds when it is executed. Every event goes
    to `on_event` as it happens; give the `state` of a run's last `checkpoint` event to
    go on from there. `KeyboardInterrupt` ends the run with the best so far.
    `ladder` is what verifies, by default every stage that is not optional. What
    `source` reads in the statement is generated: it is checked once it is trusted, as
    a soft constraint, or as a hard one if its trust is at least `hard_from`.

    Raises:
        TypeError: If `task` is no task.
        UnsafeSandboxError: If this machine cannot isolate untrusted code.
        UsageError: If the strategy leaves no engine that could propose.
        EngineError: If an engine cannot work at all.

    Example:
        >>> from codegrad.tasks.python_file import task_from_text
        >>> text = '''
        ... def largest(items):
        ...     \"\"\"Return the largest item.
        ...
        ...     >>> largest([3, 9, 2])
        ...     9
        ...     >>> largest([-5, -1])
        ...     -1
        ...     \"\"\"
        ...     return min(items)
        ... '''
        >>> result = refine(task_from_text(text, "largest.py", None))
        >>> result.outcome.value, "max(items)" in result.code
        ('verified', True)
    """
    if not isinstance(task, Task):
        raise TypeError(
            f"refine takes a Task, not a {type(task).__name__}; read a file with "
            "codegrad.Task.from_file(PATH)"
        )
    with bench or Workbench() as tools:
        run = _Run(
            task,
            engines,
            critic,
            strategy,
            budget or Budget(),
            seed,
            on_event,
            tools,
            ladder,
            source,
            Hypotheses(task, tools, hard_from=hard_from),
        )
        try:
            if checkpoint is not None:
                run.restore(checkpoint)
            return run.loop()
        finally:
            run.close()


class _Run:
    """The state of one run; `loop` is the method of the paper on one page."""

    def __init__(  # noqa: PLR0913, PLR0917 - one value for each argument of `refine`
        self,
        task: Task,
        engines: Sequence[Engine] | None,
        critic: Reviewer | None,
        strategy: Strategy,
        budget: Budget,
        seed: int,
        on_event: Listener | None,
        bench: Workbench,
        ladder: Ladder | None,
        source: ConstraintSource | None,
        hypotheses: Hypotheses,
    ) -> None:
        self.task = self._given = task
        self.source = source
        self.hypotheses = hypotheses
        self.engines = list(engines or [SearchEngine(bench=bench, seed=seed)])
        self.critic = reviewer_for(strategy, critic, self.engines, bench)
        self.strategy = strategy
        self.budget = budget
        self.seed = seed
        self.on_event = on_event
        self.program = Program.from_task(task)
        self.loss_fn = VerificationLoss(
            task, bench=bench, ladder=ladder, on_stage=self._on_stage
        )
        self.optim = CGD(
            [self.program.entry],
            engines=self.engines,
            strategy=strategy,
            repairs=Repairs(bench, seed=seed),
            on_trial=self._on_trial,
        )
        self.step = 0
        self.spent = Spent()
        self._resumed = False
        self._notes: tuple[str, ...] = ()
        self._dry = False
        self._cut = self._unheard = self._unreviewed = self._alike = Cut.NOTHING
        self._missed: set[str] = set()
        self._reviewed = False
        self._heard = source is None
        self._puts_off = False
        self._accounted = self._paid()
        self._last: Mapping[str, Any] = {}
        self._ended_at: int | None = None

    def loop(self) -> Result:
        """Alternate verification, backward pass and step until there is an end."""
        self._begin()
        loss: Loss | None = None
        try:
            self._hear()
            loss = self._completed(self.loss_fn(self.program))
            self._emit("verified", {"loss": loss.to_data()})
            while not (end := self._end(loss)):
                self.step += 1
                self.optim.zero_grad()
                loss.backward()
                self._review()
                self._emit("gradient", {"critiques": self._critiques()})
                loss, is_whole = self._take_step(loss)
                loss = self._weighed(loss)
                if is_whole or not self._end(loss):
                    self._keep()
            state, cut = self.state(), self._whole_cut
            loss = self._settled(loss)
            if self.step:
                loss = self._choose(loss)
            if cut and not loss.verified and self.step != self._ended_at:
                self._leave(state, cut)
        except EngineError:
            self._account_cut_short()
            self._leave(self._last, Cut.OUTAGE)
            raise
        except KeyboardInterrupt:
            self._account_cut_short()
            if loss is None:
                raise
            loss = self._settled(loss)
            end = Outcome.INTERRUPTED, "stopped by the user"
        return self._finish(loss, *end)

    def _begin(self) -> None:
        if self._resumed:
            self._emit("resumed", {})
        else:
            self._emit("started", self._description())
            self._keep()

    def _keep(self) -> None:
        """Write down where a later run can go on."""
        self._last = self.state()
        self._emit("checkpoint", {"state": self._last})

    def _leave(self, state: Mapping[str, Any], cut: Cut) -> None:
        """Write down what the end has cost, beside where a later run takes it up."""
        spent = {**state, "spent": self.spent.to_dict()}
        charged = [ledger.charged for ledger in self._ledgers]
        found = checkpoints.ended(spent, self._last, cut, charged)
        self._emit("checkpoint", {"state": found})

    @property
    def _whole_cut(self) -> Cut:
        """What kept anybody of the run from asking all that was wanted."""
        return max(self._cut, self._unheard, self._unreviewed, self._alike)

    @property
    def _ledgers(self) -> list[Ledger]:
        parts: list[object] = [*self.engines, self.critic, self.source]
        return [part.client for part in parts if isinstance(part, Paying)]

    def _paid(self) -> Spent:
        """Return what this process has paid models, each ledger counted once."""
        ledgers = {id(ledger): ledger.spent for ledger in self._ledgers}
        return sum(ledgers.values(), Spent())

    def _account(self, spent: Spent, began: float) -> None:
        """Put into the ledger what a part of a step cost."""
        self.spent = self.spent + spent + Spent(seconds=time.monotonic() - began)
        self._accounted = self._paid()

    def _account_cut_short(self) -> None:
        """Put into the ledger what was paid for in a step that did not end."""
        self.spent = self.spent + (self._paid() - self._accounted)

    def _settled(self, loss: Loss) -> Loss:
        """Return to the best program, if the run went on from another one."""
        if loss.verified or not self.optim.settle():
            return loss
        return self.loss_fn(self.program)

    def _choose(self, loss: Loss) -> Loss:
        """End with the candidate that agreement speaks for, if there are several."""
        if self.strategy.choice is not Choice.AGREEMENT:
            return loss
        if self.optim.archive.passing()[1:]:
            self._on_progress(0, "telling the candidates that pass apart")
        chosen = choose(
            self._told_apart(),
            self.optim.archive,
            self.program.sources,
            loss,
            self.loss_fn.bench,
        )
        member = self.optim.archive.get(chosen.key) if chosen else None
        if chosen is None or member is None:
            return loss
        sources = self.optim.archive.sources(member)
        if dict(sources) != dict(self.program.sources):
            found = self.loss_fn.evaluate(sources)
            if loss.verified and not found.verified:
                return loss  # it passed once and does not now: it is not steady
            given = {c.name for c in self.task.constraints if c.origin is Origin.GIVEN}
            if (loss.satisfied - found.satisfied) & given:
                return loss  # likeness never breaks a test that the user gave
            if _broken_guesses(found) > _broken_guesses(loss):
                return loss  # what is trusted says more than likeness does
            self.program.update(sources)
            loss = self._completed(found.attached(self.program))
        self._emit(
            "chosen",
            {
                "label": member.label,
                "why": chosen.why,
                "distinguishing": chosen.distinguishing,
                "sources": dict(sources),
                "loss": loss.to_data(),
            },
        )
        return loss

    def _told_apart(self) -> Task:
        """Return the task with inputs that tell apart the answers that pass."""
        if not self.strategy.distinguishes:
            return self.task
        before = time.monotonic()
        answers = [
            self.optim.archive.sources(member)[self.task.main]
            for _, member in self.optim.archive.passing()
            if member.is_answer
        ]
        apart = tell_apart(
            self.task,
            answers,
            self.optim.engines,
            self.loss_fn.bench,
            budget=self.budget.left(self.spent),
        )
        self._account(apart.spent, before)
        self._alike = apart.cut
        if apart.note:
            self._emit(
                "apart",
                {
                    "note": apart.note,
                    "inputs": list(apart.inputs),
                    "spent": self.spent.to_dict(),
                },
            )
        return apart.task

    def _hear(self) -> None:
        """Ask once what the statement says, as constraints."""
        if self._heard or self._puts_off or self.source is None:
            return
        before = time.monotonic()
        suggested = self.source.suggest(
            self.task,
            budget=self.budget.left(self.spent),
            progress=self._on_progress,
        )
        self._account(suggested.spent, before)
        self._unheard = suggested.cut
        # What was read in part is not asked again: it would count twice.
        self._heard = bool(suggested.suggestions) or not suggested.cut
        if suggested.cut is not Cut.LIMIT:
            self._miss(f"source {self.source.name}", suggested.problem)
        self.hypotheses.add(suggested.suggestions)
        self.hypotheses.weigh([self.program.sources[self.task.main]])
        self._adopt(f"{self.source.name}: {suggested.note}")
        self._keep()

    def _weighed(self, loss: Loss) -> Loss:
        """Return the loss by the generated constraints that are trusted by now."""
        texts = [
            self.optim.archive.sources(member)[self.task.main]
            for _, member in self.optim.archive.items()
        ]
        if not self.hypotheses.weigh([*texts, self.program.sources[self.task.main]]):
            return loss
        self._adopt("weighed again: there are new candidates")
        return self._completed(self.loss_fn(self.program))

    def _adopt_quietly(self) -> tuple[Constraint, ...]:
        """Go on with the generated constraints that are trusted, and return them."""
        generated = self.hypotheses.constraints()
        if generated or self.task is not self._given:
            constraints = (*self._given.constraints, *generated)
            self.task = replace(self._given, constraints=constraints)
            self.loss_fn.task = self.program.task = self.task
            self.optim.retarget(self.task)
        return generated

    def _adopt(self, note: str) -> None:
        generated = self._adopt_quietly()
        self._emit(
            "constraints",
            {
                "note": note,
                "hypotheses": self.hypotheses.to_data(),
                "adopted": [
                    {"name": c.name, "text": c.text, "trust": c.trust, "hard": c.hard}
                    for c in generated
                ],
                "spent": self.spent.to_dict(),
            },
        )

    def _review(self) -> None:
        """Add to the gradients what the critic says and can show."""
        if self.critic is None or self._reviewed or self.optim.waits:
            return
        before = time.monotonic()
        review = self.critic.review(
            self.task,
            self.program,
            self.optim.direction(),
            budget=self.budget.left(self.spent),
            progress=self._on_progress,
        )
        self._account(review.spent, before)
        self._reviewed, self._unreviewed = review.is_over, review.cut
        if review.cut is not Cut.LIMIT:
            self._miss(f"critic {self.critic.name}", review.problem)
        self.optim.reflect("; ".join(c.direction for c in review.critiques))
        self.hypotheses.add(review.suggestions(self.critic.name))
        for code in self.program.codes:
            own = [
                critique
                for critique in review.critiques
                if (critique.path, critique.function) == (code.path, code.name)
            ]
            if own and code.requires_grad:
                code.grad = (code.grad or Gradient()) + Gradient(own)
        self._emit(
            "reviewed",
            {
                "critic": self.critic.name,
                **review.to_data(),
                "spent": self.spent.to_dict(),
            },
        )

    def _miss(self, who: str, why: str) -> None:
        """Say once that the run goes on without somebody."""
        if why and who not in self._missed:
            self._missed.add(who)
            self._emit("missing", {"who": who, "why": why})

    def _missing(self) -> list[str]:
        """Return what was to help and could not, and why."""
        engines = [f"engine {n}: {why}" for n, why in self.optim.unheard.items()]
        others = _troubles([("critic ", self.critic), ("source ", self.source)])
        return [*engines, *others]

    def _take_step(self, loss: Loss) -> tuple[Loss, bool]:
        """Return the loss after a step, and whether the step is done.

        One that a limit or an outage cut short is not: a run that ends with it keeps
        where it began, so a later one takes it again. What was paid is on the disk.
        """
        before = time.monotonic()
        step = self.optim.step(
            budget=self.budget.left(self.spent), progress=self._on_progress
        )
        self._account(step.spent, before)
        self._notes, self._dry = step.notes, step.exhausted
        self._cut = step.cut
        for name, why in self.optim.unheard.items():
            self._miss(f"engine {name}", why)
        if step.accepted:
            proved = step.accepted.loss
            loss = proved if proved.verified else self.loss_fn(self.program)
            loss = self._completed(loss)
        elif step.moved:
            loss = self.loss_fn(self.program)
        self._emit(
            "stepped",
            {
                "accepted": step.accepted is not None,
                "loss": loss.to_data(),
                "sources": dict(self.program.sources),
                "spent": self.spent.to_dict(),
                "notes": list(step.notes),
            },
        )
        improved = step.accepted is not None and self.strategy.steps is None
        return loss, loss.verified or improved or not step.cut

    def _completed(self, loss: Loss) -> Loss:
        """Add the dear soft checks to the loss of a verified program."""
        if not loss.verified:
            return loss
        try:
            return self.loss_fn.complete(loss, self.program.sources)
        except KeyboardInterrupt:
            return loss  # what holds, holds; the rest is reported as not run

    def _end(self, loss: Loss) -> tuple[Outcome, str] | None:
        says_nothing = all(c.stage == "syntax" for c in self.task.constraints if c.hard)
        if (
            not self.step
            and (loss.verified or says_nothing)
            and self.optim.asks_a_model
            and self.optim.is_at_a_stub
        ):
            return None  # a model may write it; a stub that passes is no answer
        if loss.verified:
            if self.step == 0:
                return Outcome.UNCHANGED, "every hard constraint holds already"
            return Outcome.VERIFIED, "every hard constraint holds"
        reason = self._why_over(loss, says_nothing=says_nothing)
        if not reason:
            return None
        if not self._dry or self._cut is Cut.LIMIT:
            troubles = _troubles([("", engine) for engine in self.optim.engines])
            reason = "; ".join([reason, *troubles])
        refuted = bool(loss.evidence.refuted)
        return Outcome.EXHAUSTED if refuted else Outcome.UNDECIDED, reason

    def _why_over(self, loss: Loss, *, says_nothing: bool) -> str:
        """Return why a run that is not verified ends here; empty if it goes on."""
        searches = any(isinstance(e, SearchEngine) for e in self.optim.engines)
        limits = self.budget.unpaid() if searches else self.budget
        if says_nothing:
            return "no test, example or contract says what must hold"
        if not loss.evidence.refuted:
            return "nothing is refuted, but not all could be checked"
        if self._dry:
            return "; ".join(self._notes) or "no engine has anything more to offer"
        if self.strategy.steps is not None and self.step >= self.strategy.steps:
            return f"the strategy {self.strategy.name} ends after {self.step} step"
        if limit := limits.exhausted(self.spent):
            return f"the budget is spent ({getattr(self.spent, limit):,g} {limit})"
        return ""

    def _finish(self, loss: Loss, outcome: Outcome, reason: str) -> Result:
        missing = self._missing()
        reason = "; ".join([reason, *missing])
        more = self._more(loss)
        self._emit(
            "finished",
            {
                "status": str(outcome),
                "reason": reason,
                "sources": dict(self.program.sources),
                "loss": loss.to_data(),
                "spent": self.spent.to_dict(),
                "evidence": loss.evidence.to_data(),
                "missing": missing,
                "more": more,
            },
        )
        return Result(
            self.task,
            outcome,
            reason,
            self.program.sources,
            loss,
            self.spent,
            self.step,
            self._whole_cut,
            tuple(missing),
            more,
        )

    def _more(self, loss: Loss) -> str:
        """Return the budget with which a resumed run can do what was left out."""
        of_models = replace(self.budget, candidates=None).exhausted(self.spent)
        asks = self.optim.asks_a_model and bool(of_models)
        if self._whole_cut is Cut.LIMIT or asks:
            return self.budget.raised(self.spent)
        is_over = loss.verified or self._dry or self.strategy.steps is not None
        if is_over or not self.budget.exhausted(self.spent):
            return ""
        return self.budget.raised(self.spent, for_models=False)

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as JSON-able data."""
        return {
            "budget": asdict(self.budget),
            "step": self.step,
            "sources": dict(self.program.sources),
            "spent": self.spent.to_dict(),
            "optimizer": self.optim.state(),
            "exhausted": self._dry,
            "cut": int(self._cut),
            "notes": list(self._notes),
            "critic": self.critic.state() if self.critic else None,
            "reviewed": self._reviewed,
            "unreviewed": int(self._unreviewed),
            "source": self.source.state() if self.source else None,
            "heard": self._heard,
            "unheard": int(self._unheard),
            "missed": sorted(self._missed),
            "hypotheses": self.hypotheses.to_data(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        charged = checkpoints.charged(state)
        had_ended = checkpoints.has_ended(state)
        has_room = checkpoints.has_room(state, self.budget)
        state = checkpoints.taken_up(state, self.budget)
        self._last = checkpoints.before(state)
        self.step = int(state["step"])
        if checkpoints.has_ended(state):
            self._ended_at = self.step
        if dict(state["sources"]) != dict(self.program.sources):
            self.program.update(state["sources"])
        self.spent = Spent(**state["spent"])
        self.hypotheses.restore(state.get("hypotheses", ()))
        self._heard = bool(state.get("heard", True)) or self.source is None
        self._adopt_quietly()
        self.optim.restore(state["optimizer"], has_room=has_room)
        self._dry = bool(state["exhausted"])
        self._cut = Cut(state.get("cut", Cut.NOTHING))
        again = {Cut.OUTAGE} if had_ended else set()
        again |= {Cut.LIMIT} if has_room else set()
        self._unreviewed = Cut(state.get("unreviewed", Cut.NOTHING))
        self._reviewed = bool(state.get("reviewed", False))
        if self._unreviewed in again:
            self._reviewed, self._unreviewed = False, Cut.NOTHING
        self._unheard = Cut(state.get("unheard", Cut.NOTHING))
        if self._unheard in again:
            self._unheard = Cut.NOTHING
        self._puts_off = bool(self._unheard)
        if not had_ended:
            self._missed = set(state.get("missed", ()))
        self._notes = tuple(state.get("notes", ()))
        if self.critic is not None and state.get("critic"):
            self.critic.restore(state["critic"])
        if self.source is not None and state.get("source"):
            self.source.restore(state["source"])
        for ledger, keys in zip(self._ledgers, charged, strict=False):
            ledger.charge_again(keys)
        self._resumed = True

    def close(self) -> None:
        """Stop what the engines hold."""
        for engine in self.engines:
            engine.close()
        if self.critic is not None:
            self.critic.close()
        if self.source is not None:
            self.source.close()

    def _description(self) -> dict[str, Any]:
        return {
            "task": self.task.name,
            "engine": ", ".join(engine.name for engine in self.optim.engines),
            "critic": self.critic.name if self.critic else "",
            "source": self.source.name if self.source else "",
            "strategy": self.strategy.name,
            "budget": asdict(self.budget),
            "seed": self.seed,
            "sources": dict(self.task.sources),
            "notes": list(self.task.notes),
            "environment": tool_versions(),
            "constraints": [
                {
                    "name": c.name,
                    "stage": c.stage,
                    "text": c.text,
                    "origin": str(c.origin),
                    "hard": c.hard,
                }
                for c in self.task.constraints
            ],
        }

    def _critiques(self) -> list[dict[str, Any]]:
        return [
            critique.to_data()
            for code in self.program.codes
            for critique in (code.grad or ())
        ]

    def _on_stage(self, stage: str) -> None:
        self._emit("progress", {"engine": "", "candidates": 0, "note": stage})

    def _on_progress(self, candidates: int, note: str) -> None:
        total = self.spent.candidates + candidates
        self._emit("progress", {"engine": "search", "candidates": total, "note": note})

    def _on_trial(self, trial: Trial) -> None:
        self._emit(
            "proposed",
            {
                "engine": trial.engine,
                "label": trial.proposal.label,
                "line": trial.proposal.line,
                "sources": dict(trial.proposal.sources),
                "cost": trial.proposal.cost,
                "loss": trial.loss.to_data(),
                "accepted": trial.accepted,
                "reason": trial.reason,
            },
        )

    def _emit(self, kind: str, data: Mapping[str, Any]) -> None:
        if self.on_event:
            self.on_event(Event(kind, self.step, data))


def _troubles(parts: Sequence[tuple[str, object]]) -> list[str]:
    """Return what went wrong for those that can say so, each after its role."""
    return [
        f"{role}{part.name}: {part.trouble}"
        for role, part in parts
        if isinstance(part, Troubled) and part.trouble
    ]


def _broken_guesses(loss: Loss) -> int:
    """Return how many generated constraints that are trusted are refuted."""
    refuted = {v.constraint for v in loss.verdicts if v.status is Status.REFUTED}
    return sum(c.trust is not None and c.name in refuted for c in loss.constraints)
