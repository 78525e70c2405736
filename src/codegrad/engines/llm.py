"""A language model as an engine: plans first, then proposals along the gradient.

In: a model's name; task, program and direction. Out: complete texts, not verified.
Invariant: what a step asks is a function of the task and of `state`, so a step that is
taken again after a kill finds its replies on the disk and pays nothing twice.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.chat import ChatRequest, Sampling, Wire
from codegrad.engines.client import Asked, ChatClient, Patience, Waiting
from codegrad.engines.engine import Answer, Direction, Progress, Proposal, silent
from codegrad.engines.extraction import Extraction, extract
from codegrad.engines.host import Host
from codegrad.engines.local import wire_to
from codegrad.engines.prompts import (
    Prompt,
    PromptTooLongError,
    Target,
    answer_form,
    correction,
    plan_prompt,
    proposal_prompt,
    read_plans,
    target_of,
)
from codegrad.errors import EngineError
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task

_PLAN_SHOWN = 60
_SAMPLES_A_SEED = 1_000_000
"""More than a run asks for: replies that were recorded for one seed are another's."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a model is used."""

    width: int = 3
    """Proposals of one step, asked for at the same time."""

    plans: int = 3
    """Approaches that are asked for first; 0 asks for code at once."""

    temperature: float | None = 0.8
    max_tokens: int = 4096
    """Of one reply."""

    context_tokens: int = 32_000
    """What fits into one request, the reply included."""

    patience: int = 3
    """Rounds in a row without anything new before the engine gives up."""


class LLMEngine:
    """Proposes what a language model writes.

    The key is read from the environment when the engine is made and is stored nowhere.
    Without `book` calls are recorded beside the runs. `seed` decides which recorded
    replies are used again, not what a model answers: runs with different seeds ask
    for different samples.

    Raises:
        UsageError: If the model's name has another form than `provider:model`.
        EngineError: If there is no key for the provider and no `base_url`.
    """

    def __init__(  # noqa: PLR0913 - everything but the model has a default
        self,
        model: str,
        *,
        base_url: str | None = None,
        style: Style | None = None,
        book: CallBook | None = None,
        payer: str = "",
        cache: CacheMode = CacheMode.ON,
        patience: Patience | None = None,
        wire: Wire | None = None,
        host: Host | None = None,
        seed: int = 0,
    ) -> None:
        self.model = model
        self.style = style or Style()
        self.client = ChatClient(
            wire or wire_to(model, base_url=base_url),
            book or CallBook(CallBook.default_path()),
            payer=payer,
            mode=cache,
            patience=patience,
            host=host,
        )
        self._round = 0
        self._dry = 0
        self._asked: Counter[str] = Counter()
        self._first_sample = seed * _SAMPLES_A_SEED
        self._plans: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self._notes: list[str] = []
        self._waiting: Waiting = lambda _: None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    def generate(
        self, task: Task, *, budget: Budget, progress: Progress = silent
    ) -> Answer:
        """Return first versions of a task's code."""
        program = Program.from_task(task)
        return self.propose(
            task, program, Direction({}), budget=budget, progress=progress
        )

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Answer:
        """Ask for several next versions at once and return what can be read.

        How many, and whether plans come first, is the style's unless the direction's
        guidance says it.

        Raises:
            EngineError: If the model cannot be used at all and nothing is lost by
                saying so: no step was accepted yet.
        """
        before = self.client.spent
        self._notes = []
        target = target_of(task, program, direction)
        self._round += 1
        self._waiting = lambda note: progress(0, f"{self.model}: {note}")
        self._waiting("preparing")
        wanted = direction.guidance.proposals or self.style.width
        try:
            plans = (
                self._plans_for(task, program, target, budget)
                if direction.guidance.plans
                else []
            )
            prompts = [
                proposal_prompt(
                    task,
                    program,
                    target,
                    direction,
                    plan=self._plan(plans, number),
                    size=self._room,
                )
                for number in range(wanted)
            ]
        except PromptTooLongError as error:
            return Answer(exhausted=True, note=str(error))
        asked = self._ask(prompts, _left(budget, before, self.client.spent), "code")
        labels = [_label(n, self._plan(plans, n - 1)) for n in range(1, len(asked) + 1)]
        proposals = self._proposals(
            task, program, target, list(zip(labels, prompts, asked, strict=True)),
            _left(budget, before, self.client.spent),
        )  # fmt: skip
        self._remember(proposals)
        failed = [a for a in asked if a.reply is None]
        if failed and len(failed) == len(asked):
            self._refuse(failed[0], program)
        is_over = self._dry >= self.style.patience or any(a.is_final for a in failed)
        return Answer(
            proposals,
            _difference(self.client.spent, before),
            exhausted=is_over,
            note=self._note(asked, proposals, prompts),
        )

    def _plans_for(
        self, task: Task, program: Program, target: Target, budget: Budget
    ) -> list[str]:
        """Return approaches for the code as it is, asked for once."""
        if not self.style.plans:
            return []
        key = _digest(program.sources[target.path])
        if key not in self._plans:
            prompt = plan_prompt(
                task, program, target, self.style.plans, size=self._room
            )
            (asked,) = self._ask([prompt], budget, "plans")
            reply = asked.reply.text if asked.reply else ""
            self._plans[key] = read_plans(reply, self.style.plans)
        return self._plans[key]

    def _plan(self, plans: Sequence[str], number: int) -> str:
        """Return the plan of one proposal; later rounds begin with the next one."""
        return plans[(self._round - 1 + number) % len(plans)] if plans else ""

    def _ask(
        self, prompts: Sequence[Prompt], budget: Budget, label: str
    ) -> list[Asked]:
        for prompt in prompts:
            self._notes += [n for n in prompt.left_out if n not in self._notes]
        sampling = Sampling(self.style.temperature, max_tokens=self.style.max_tokens)
        requests: list[ChatRequest] = []
        for prompt in prompts:
            request = ChatRequest(
                self.model, self.client.wire.endpoint, prompt.messages, sampling
            )
            sample = self._first_sample + self._asked[request.key]
            self._asked[request.key] += 1
            requests.append(
                ChatRequest(
                    request.model,
                    request.endpoint,
                    request.messages,
                    sampling,
                    sample,
                )
            )
        where = f"round {self._round}: {label}"
        return self.client.ask(
            requests, budget=budget, label=where, waiting=self._waiting
        )

    def _proposals(
        self,
        task: Task,
        program: Program,
        target: Target,
        asked: Sequence[tuple[str, Prompt, Asked]],
        budget: Budget,
    ) -> list[Proposal]:
        """Read the replies; what cannot be read is asked for once more."""
        found: list[tuple[str, Extraction]] = []
        again: list[tuple[str, Prompt]] = []
        form = answer_form(program, target)
        for label, prompt, one in asked:
            if one.reply is None:
                continue
            extraction = self._extract(one, task, program, target)
            if extraction.source is not None:
                found.append((label, extraction))
                continue
            text = one.reply.text
            again.append((label, correction(prompt, text, extraction.problem, form)))
        if again:
            replies = self._ask([prompt for _, prompt in again], budget, "again")
            for (label, _), one in zip(again, replies, strict=True):
                extraction = self._extract(one, task, program, target)
                if extraction.source is not None:
                    found.append((f"{label}, second answer", extraction))
                else:
                    self._notes.append(f"{label}: {extraction.problem}")
        return _ranked(found, program, target)

    def _extract(
        self, asked: Asked, task: Task, program: Program, target: Target
    ) -> Extraction:
        del task
        if asked.reply is None:
            return Extraction(problem=asked.problem)
        return extract(
            asked.reply.text,
            current=program.sources[target.path],
            entry_point=target.function,
            is_cut=asked.reply.is_cut,
        )

    def _remember(self, proposals: Sequence[Proposal]) -> None:
        new = {_digest(repr(sorted(p.sources.items()))) for p in proposals}
        self._dry = 0 if new - self._seen else self._dry + 1
        self._seen |= new

    def _refuse(self, failed: Asked, program: Program) -> None:
        """Say that the model cannot be used, while nothing is lost by it."""
        over = failed.problem.startswith(("the budget is spent", "stopped by"))
        if not program.history and not self.client.charged and not over:
            raise EngineError(failed.problem)

    @property
    def _room(self) -> int:
        return self.style.context_tokens - self.style.max_tokens

    def _note(
        self,
        asked: Sequence[Asked],
        proposals: Sequence[Proposal],
        prompts: Sequence[Prompt],
    ) -> str:
        problems = dict.fromkeys(a.problem for a in asked if a.reply is None)
        recorded = sum(a.was_recorded for a in asked)
        parts = [f"{len(proposals)} of {len(prompts)} answers could be used"]
        if recorded:
            parts.append(f"{recorded} were on the disk already")
        if self.client.lost:
            lost = self.client.lost
            parts.append(f"{lost} requests of a killed run may have been billed")
        if self.client.unpriced:
            parts.append("price unknown")
        return "; ".join([*parts, *problems, *self._notes])

    def state(self) -> dict[str, Any]:
        """Return what decides the next requests and what is in the ledger."""
        return {
            "round": self._round,
            "dry": self._dry,
            "asked": dict(self._asked),
            "plans": self._plans,
            "seen": sorted(self._seen),
            "charged": self.client.charged,
            "payer": self.client.payer,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; replies that were paid since are found on the disk."""
        self._round = int(state["round"])
        self._dry = int(state["dry"])
        self._asked = Counter(state["asked"])
        self._plans = {key: list(plans) for key, plans in state["plans"].items()}
        self._seen = set(state["seen"])
        self.client.payer = str(state["payer"])
        self.client.charge_again(state["charged"])

    def close(self) -> None:
        """End the connections."""
        self.client.close()
        self.client.book.close()


def _ranked(
    found: Sequence[tuple[str, Extraction]], program: Program, target: Target
) -> list[Proposal]:
    """Return different texts, those that several replies agree on first."""
    votes = Counter(extraction.source for _, extraction in found)
    labels: dict[str, str] = {}
    for label, extraction in found:
        if extraction.source is not None:
            notes = f" ({'; '.join(extraction.notes)})" if extraction.notes else ""
            labels.setdefault(extraction.source, label + notes)
    proposals = [
        Proposal(
            {**program.sources, target.path: source},
            label,
            cost=1.0 / votes[source],
            votes=votes[source],
        )
        for source, label in labels.items()
    ]
    return sorted(proposals, key=lambda proposal: proposal.cost)


def _label(number: int, plan: str) -> str:
    if not plan:
        return f"reply {number}"
    short = plan if len(plan) <= _PLAN_SHOWN else plan[:_PLAN_SHOWN].rstrip() + "..."
    return f"reply {number}: {short}"


def _difference(whole: Spent, part: Spent) -> Spent:
    return Spent(
        calls=whole.calls - part.calls,
        tokens=whole.tokens - part.tokens,
        money=whole.money - part.money,
    )


def _left(budget: Budget, before: Spent, now: Spent) -> Budget:
    return budget.left(_difference(now, before))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
