"""A language model as an engine: plans first, then proposals along the gradient.

In: a model's name; task, program and direction. Out: complete texts, not verified.
Invariant: what a step asks is a function of the task and of `state`, so a step that is
taken again after a kill finds its replies on the disk and pays nothing twice.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.apart import answer_schema, apart_prompt, read_inputs
from codegrad.engines.chat import ChatReply, ChatRequest, Sampling, Wire, token_guess
from codegrad.engines.client import Asked, ChatClient, Waiting
from codegrad.engines.critic import ModelCritic
from codegrad.engines.cut import Cut
from codegrad.engines.engine import (
    Answer,
    Direction,
    Progress,
    Proposal,
    ProposedInputs,
    silent,
)
from codegrad.engines.extraction import Extraction, extract
from codegrad.engines.host import Host
from codegrad.engines.local import wire_to
from codegrad.engines.patience import Patience
from codegrad.engines.plans import Plans, label_of, outcomes
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
from codegrad.engines.purse import Purse
from codegrad.engines.troubles import Troubles
from codegrad.errors import EngineError, OutageError
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task
from codegrad.verify.stage import Workbench

_SAMPLES_A_SEED = 1_000_000
"""More than a run asks for: replies that were recorded for one seed are another's."""

_MARGIN = 700
"""Tokens of a second question beside the first."""


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
    """Rounds in a row without any usable answer before the engine gives up."""


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
        self._replies = 0
        self._dry = 0
        self._asked: Counter[str] = Counter()
        self._first_sample = seed * _SAMPLES_A_SEED
        self._plans = Plans()
        self._notes: list[str] = []
        self._cut = Cut.NOTHING
        self._troubles = Troubles()
        self._waiting: Waiting = lambda _: None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    @property
    def trouble(self) -> str:
        """What kept replies of the run from being used; empty if nothing did."""
        return self._troubles.sentence("answer")

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
        purse = Purse(self.client, budget)
        self._notes, self._cut = [], Cut.NOTHING
        target = target_of(task, program, direction)
        self._round += 1
        self._waiting = lambda note: progress(0, f"{self.model}: {note}")
        self._waiting("preparing")
        wanted = direction.guidance.proposals or self.style.width
        try:
            plans = self._plans_of(task, program, target, direction, purse, wanted)
            prompts = [
                proposal_prompt(
                    task, program, target, direction, plan=plan, size=self._room
                )
                for plan in plans
            ]
        except PromptTooLongError as error:
            return Answer(spent=purse.spent, exhausted=True, note=str(error))
        asked = self._ask(prompts, purse.left, "code")
        first = self._replies + 1
        self._replies += wanted
        labels = [label_of(n, plan) for n, plan in enumerate(plans, first)]
        proposals = self._proposals(
            program, target, list(zip(labels, prompts, asked, strict=True)), purse
        )
        if proposals:
            self._dry = 0
        elif not self._cut or any(a.reply for a in asked):
            self._dry += 1
        failed = [a for a in asked if a.reply is None]
        if failed and len(failed) == len(asked):
            self._refuse(failed[0], program)
        is_over = self._dry >= self.style.patience or any(a.is_final for a in failed)
        # A filter that refuses a whole round would refuse the next one, which is paid.
        is_over = is_over or (bool(asked) and all(a.is_withheld for a in asked))
        return Answer(
            proposals,
            purse.spent,
            exhausted=is_over,
            cut=self._cut,
            note=self._note(asked, proposals, prompts),
        )

    def distinguish(
        self, task: Task, first: str, second: str, *, budget: Budget
    ) -> ProposedInputs:
        """Ask for inputs on which two programs may differ."""
        purse = Purse(self.client, budget)
        try:
            prompt = apart_prompt(task, first, second, size=self._room)
        except PromptTooLongError as error:
            return ProposedInputs(note=str(error))
        request = ChatRequest(
            self.model,
            self.client.wire.endpoint,
            prompt.messages,
            Sampling(self.style.temperature, max_tokens=self.style.max_tokens),
            self._first_sample,
            answer_schema(),
        )
        (asked,) = self.client.ask([request], budget=purse.left, label="apart")
        if asked.reply is None:
            return ProposedInputs((), purse.spent, asked.problem, asked.cut)
        found = read_inputs(asked.reply.text, task)
        note = "" if found else "the answer names no input that can be executed"
        return ProposedInputs(tuple(found), purse.spent, note)

    def reviewer(self, bench: Workbench) -> ModelCritic:
        """Return a critic that asks the same model, in the same ledger."""
        return ModelCritic(
            self.model,
            bench=bench,
            client=self.client,
            max_tokens=self.style.max_tokens,
            context_tokens=self.style.context_tokens,
        )

    def _plans_of(  # noqa: PLR0913, PLR0917 - what approaches depend on
        self,
        task: Task,
        program: Program,
        target: Target,
        direction: Direction,
        purse: Purse,
        wanted: int,
    ) -> list[str]:
        """Return the approach of each proposal; empty texts if there are none.

        They are asked for once for the code as it is, and again, the old ones named,
        if they brought no step.
        """
        count = self.style.plans
        if not count or not direction.guidance.plans:
            return [""] * wanted
        key = _digest(program.sources[target.path])
        if self._plans.are_wanted(key, renews=direction.guidance.attempts):
            tried = outcomes(self._plans.old(key), direction.momentum)
            prompt = plan_prompt(
                task, program, target, count, tried=tried, size=self._room
            )
            (asked,) = self._ask([prompt], purse.left, "plans")
            if asked.reply is not None:
                self._plans.name(key, read_plans(asked.reply.text, count))
            else:
                self._notes.append(f"no approaches: {asked.problem}")
        return self._plans.follow(key, wanted)

    def _ask(
        self,
        prompts: Sequence[Prompt],
        budget: Budget,
        label: str,
        *,
        max_tokens: int | None = None,
    ) -> list[Asked]:
        for prompt in prompts:
            self._notes += [n for n in prompt.left_out if n not in self._notes]
        sampling = Sampling(
            self.style.temperature, max_tokens=max_tokens or self.style.max_tokens
        )
        endpoint = self.client.wire.endpoint
        requests: list[ChatRequest] = []
        for prompt in prompts:
            request = ChatRequest(self.model, endpoint, prompt.messages, sampling)
            sample = self._first_sample + self._asked[request.key]
            self._asked[request.key] += 1
            requests.append(replace(request, sample=sample))
        where = f"round {self._round}: {label}"
        found = self.client.ask(
            requests, budget=budget, label=where, waiting=self._waiting
        )
        self._cut = max(self._cut, *(asked.cut for asked in found))
        for asked in found:
            if asked.reply is None:
                self._troubles.unanswered(asked.problem, asked.cut)
        return found

    def _proposals(
        self,
        program: Program,
        target: Target,
        asked: Sequence[tuple[str, Prompt, Asked]],
        purse: Purse,
    ) -> list[Proposal]:
        """Read the replies; what cannot be read is asked for once more."""
        found: list[tuple[str, Extraction]] = []
        again: list[tuple[str, Prompt]] = []
        form = answer_form(program, target)
        limit = self.style.max_tokens
        for label, prompt, one in asked:
            if one.reply is None:
                continue
            extraction = self._extract(one, program, target)
            if extraction.source is not None:
                found.append((label, extraction))
                continue
            if one.reply.is_cut:
                limit = self._longer(prompt)
            text, problem = one.reply.text, extraction.problem
            question = correction(prompt, text, problem, form, size=self._room)
            if question is None:
                self._notes.append(f"{label}: {problem}; there is no room to ask again")
            else:
                again.append((label, question))
        if again:
            questions = [prompt for _, prompt in again]
            replies = self._ask(questions, purse.left, "again", max_tokens=limit)
            for (label, _), one in zip(again, replies, strict=True):
                extraction = self._extract(one, program, target)
                if extraction.source is not None:
                    found.append((f"{label}, second answer", extraction))
                else:
                    self._notes.append(f"{label}: {extraction.problem}")
        return _ranked(found, program, target)

    def _longer(self, prompt: Prompt) -> int:
        """Return the limit of a second answer where the first was cut: up to twice.

        As much as fits, for a model that has to think first.
        """
        used = sum(token_guess(message.text) for message in prompt.messages)
        room = self.style.context_tokens - used - _MARGIN
        return max(self.style.max_tokens, min(2 * self.style.max_tokens, room))

    def _extract(self, asked: Asked, program: Program, target: Target) -> Extraction:
        if asked.reply is None:
            return Extraction(problem=asked.problem)
        found = self._read(asked.reply, program, target.path, target.function)
        own = program.entry_point if target.path == program.main else ""
        if found.source is None and own not in {"", target.function}:
            # Whoever is asked for another function may find the fault in the task's.
            again = self._read(asked.reply, program, target.path, own)
            found = again if again.source is not None else found
        self._troubles.answered(found.problem if found.source is None else "")
        return found

    def _read(
        self, reply: ChatReply, program: Program, path: str, function: str
    ) -> Extraction:
        return extract(
            reply.text,
            current=program.sources[path],
            entry_point=function,
            is_cut=reply.is_cut,
        )

    def _refuse(self, failed: Asked, program: Program) -> None:
        """Say that the model cannot be used, while nothing is lost by it."""
        over = failed.problem.startswith(("the budget is spent", "stopped by"))
        over = over or failed.is_alone
        if not program.history and not self.client.charged and not over:
            is_down = failed.cut is Cut.OUTAGE
            raise (OutageError if is_down else EngineError)(failed.problem)

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
        if self.client.wire.estimates:
            parts.append("tokens estimated")
        parts += dict.fromkeys(
            a.reply.withheld for a in asked if a.reply and a.reply.withheld
        )
        # What stood in the way of the answers mostly did so before, with the plans.
        notes = [n for n in self._notes if n.partition(": ")[2] not in problems]
        return "; ".join([*parts, *problems, *notes])

    def state(self) -> dict[str, Any]:
        """Return what decides the next requests and what is in the ledger."""
        return {
            "round": self._round,
            "replies": self._replies,
            "dry": self._dry,
            "troubles": self._troubles.state(),
            "asked": dict(self._asked),
            "plans": self._plans.state(),
            "charged": self.client.charged,
            "payer": self.client.payer,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`; replies that were paid since are found on the disk."""
        self._round = int(state["round"])
        self._replies = int(state["replies"])
        self._dry = int(state["dry"])
        self._troubles.restore(state.get("troubles", {}))
        self._asked = Counter(state["asked"])
        self._plans.restore(state["plans"])
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
