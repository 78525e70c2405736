"""The backward engine: a model that reviews, whose claims are executed.

In: task, program, and what the verifiers found. Out: `Review`, critiques that add to
the gradient. Invariant: a claim that does not hold never reaches the step, and every
claim is counted as confirmed, refuted or unchecked; a critic vetoes nothing and
accepts nothing, it only says where to look.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from codegrad.budget import Budget, Spent
from codegrad.code import MODULE, Program
from codegrad.engines.chat import ChatRequest, Sampling, Wire
from codegrad.engines.claim_checks import check_claim
from codegrad.engines.claims import (
    AGREED,
    OBSERVED,
    CheckedClaim,
    ClaimStatus,
    InputClaim,
    PostClaim,
    Suggestion,
)
from codegrad.engines.client import Asked, ChatClient, Waiting
from codegrad.engines.cut import Cut
from codegrad.engines.engine import Direction, Progress, silent
from codegrad.engines.host import Host
from codegrad.engines.local import wire_to
from codegrad.engines.patience import Patience
from codegrad.engines.prompts import (
    Prompt,
    PromptTooLongError,
    correction,
    review_prompt,
    target_of,
)
from codegrad.engines.purse import Purse
from codegrad.engines.remarks import REVIEW, Remark, answer_schema, read_remarks
from codegrad.engines.troubles import Troubles
from codegrad.gradient import Critique, CritiqueSource
from codegrad.store.calls import CacheMode, CallBook
from codegrad.task import Task
from codegrad.verdict import Span
from codegrad.verify.stage import Workbench

MOST_FAILURES = 3
"""Reviews in a row that may fail before a critic is given up."""

OPINION = 0.1
"""Weight of a critique without a claim that could be run."""

_FORM = (
    'Answer with JSON only: {"critiques": [{"aspect": ..., "line": ..., "problem": '
    '..., "change": ..., "claim": ...}]}'
)


@dataclass(frozen=True, slots=True)
class Review:
    """What a critic said, after its claims were run."""

    critiques: tuple[Critique, ...] = ()
    """Those that are left, for the gradient."""

    claims: tuple[CheckedClaim, ...] = ()
    spent: Spent = field(default_factory=Spent)
    note: str = ""
    is_over: bool = False
    """Whether asking again would bring nothing."""

    problem: str = ""
    """Why there is no review, if there is none."""

    cut: Cut = Cut.NOTHING
    """Whether that is only so now: a run that goes on later asks again."""

    def count(self, status: ClaimStatus) -> int:
        """Return how many claims came out so."""
        return sum(checked.status is status for checked in self.claims)

    def suggestions(self, source: str) -> tuple[Suggestion, ...]:
        """Return what was confirmed and no constraint says yet, as hypotheses.

        That the program does what was claimed is known; that it should do something
        else is not, so it has to be trusted before it is checked.
        """
        found: list[Suggestion] = []
        for checked in self.claims:
            claim = checked.claim
            if checked.status is not ClaimStatus.CONFIRMED:
                continue
            if isinstance(claim, InputClaim) and checked.weight < AGREED:
                claim = replace(claim, observed="")
            elif not isinstance(claim, PostClaim):
                continue
            found.append(Suggestion(claim, source))
        return tuple(found)

    def to_data(self) -> dict[str, Any]:
        """Return the review as JSON-able data."""
        return {
            "critiques": [critique.to_data() for critique in self.critiques],
            "claims": [
                {"claim": str(c.claim), "status": str(c.status), "why": c.why}
                for c in self.claims
            ],
            "note": self.note,
        }


class Reviewer(Protocol):
    """Something that reviews a program; see the module for the contract."""

    @property
    def name(self) -> str:
        """The name used in events."""
        ...

    def review(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Review:
        """Return critiques of `program`, spending at most `budget`."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what has to be kept, as JSON-able data."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class ModelCritic:
    """A language model as the backward engine.

    One question a step; nothing is asked again about a program that was reviewed.
    With the `client` of an engine both are in one ledger.
    """

    def __init__(  # noqa: PLR0913 - everything but the model has a default
        self,
        model: str,
        *,
        bench: Workbench | None = None,
        base_url: str | None = None,
        book: CallBook | None = None,
        payer: str = "",
        cache: CacheMode = CacheMode.ON,
        patience: Patience | None = None,
        wire: Wire | None = None,
        host: Host | None = None,
        client: ChatClient | None = None,
        max_tokens: int = 4096,
        context_tokens: int = 32_000,
    ) -> None:
        self.name = model
        self.client = client or ChatClient(
            wire or wire_to(model, base_url=base_url),
            book or CallBook(CallBook.default_path()),
            payer=payer,
            mode=cache,
            patience=patience,
            host=host,
        )
        self._bench = bench or Workbench()
        self._sampling = Sampling(0.2, max_tokens=max_tokens)
        self._room = context_tokens - max_tokens
        self.counts: Counter[str] = Counter()
        """Claims of the run by status."""

        self._troubles = Troubles()
        self._failures = 0
        self._waiting: Waiting = lambda _: None

    @property
    def trouble(self) -> str:
        """What kept reviews of the run from being used; empty if nothing did."""
        return self._troubles.sentence("review")

    def review(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Review:
        """Ask for a review, run its claims, and return what holds.

        After several reviews in a row that failed it is over.
        """
        purse = Purse(self.client, budget)
        progress(0, f"asking {self.name} for a review")
        target = target_of(task, program, direction)
        try:
            prompt = review_prompt(task, program, target, direction, size=self._room)
        except PromptTooLongError as error:
            self._troubles.unanswered(str(error), Cut.NOTHING)
            return Review(note=str(error), is_over=True, problem=str(error))
        self._waiting = lambda note: progress(0, f"{self.name}: {note}")
        remarks = self._remarks(prompt, purse)
        if isinstance(remarks, Review):
            return self._failed(replace(remarks, spent=purse.spent))
        self._failures = 0
        self._troubles.answered()
        review = run_claims(
            remarks,
            task,
            program,
            target.path,
            self._bench,
            checks=direction.guidance.checks_claims,
        )
        self.counts.update(str(checked.status) for checked in review.claims)
        return replace(review, spent=purse.spent)

    def _failed(self, review: Review) -> Review:
        """Return the review that is none, over if there were too many of them."""
        if review.cut is not Cut.LIMIT:
            self._failures += 1
        if review.is_over or self._failures < MOST_FAILURES:
            return review
        note = f"{review.note}; {self._failures} reviews in a row failed: given up"
        return replace(review, note=note, is_over=True)

    def _remarks(self, prompt: Prompt, purse: Purse) -> list[Remark] | Review:
        """Ask, and once more if the answer cannot be read; or say what went wrong."""
        asked = self._ask(prompt, purse.left)
        remarks = read_remarks(asked.reply.text) if asked.reply else None
        if asked.reply is not None and remarks is None:
            problem = "it is not the JSON that was asked for"
            if asked.reply.is_cut:
                problem = "it was cut off; write fewer points"
            text = asked.reply.text
            again = correction(prompt, text, problem, _FORM, size=self._room)
            if again is not None:
                asked = self._ask(again, purse.left)
                remarks = read_remarks(asked.reply.text) if asked.reply else None
        if remarks is not None:
            return remarks
        if asked.reply is not None:
            problem = "its answer is not the JSON that was asked for"
            self._troubles.answered(problem)
            return Review(note=problem, problem=problem)
        problem = asked.problem
        self._troubles.unanswered(problem, asked.cut)
        return Review(
            note=problem, is_over=asked.is_final, problem=problem, cut=asked.cut
        )

    def _ask(self, prompt: Prompt, budget: Budget) -> Asked:
        request = ChatRequest(
            self.name,
            self.client.wire.endpoint,
            prompt.messages,
            self._sampling,
            answer_schema=answer_schema(),
        )
        (asked,) = self.client.ask(
            [request], budget=budget, label=REVIEW, waiting=self._waiting
        )
        return asked

    def state(self) -> dict[str, Any]:
        """Return what is in the ledger, and how reviews went so far."""
        return {
            "charged": self.client.charged,
            "payer": self.client.payer,
            "counts": dict(self.counts),
            "troubles": self._troubles.state(),
            "failures": self._failures,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self.client.payer = str(state["payer"])
        self.client.charge_again(state["charged"])
        self.counts = Counter(state["counts"])
        self._troubles.restore(state.get("troubles", {}))
        self._failures = int(state.get("failures", 0))

    def close(self) -> None:
        """End the connections."""
        self.client.close()
        self.client.book.close()


class ScriptedCritic:
    """A critic that says what it is told, for tests and docs; its claims are run."""

    name = "scripted critic"

    def __init__(
        self, remarks: Sequence[Sequence[Remark]], *, bench: Workbench | None = None
    ) -> None:
        self._remarks = [tuple(some) for some in remarks]
        self._bench = bench or Workbench()
        self._next = 0
        self.counts: Counter[str] = Counter()
        """Claims of the run by status."""

    def review(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,  # noqa: ARG002 - a list costs nothing
        progress: Progress = silent,
    ) -> Review:
        """Return the next remarks, their claims run."""
        progress(0, "reading the script")
        if self._next >= len(self._remarks):
            return Review(is_over=True, note="the script is at its end")
        remarks = self._remarks[self._next]
        self._next += 1
        target = target_of(task, program, direction)
        review = run_claims(
            remarks,
            task,
            program,
            target.path,
            self._bench,
            checks=direction.guidance.checks_claims,
        )
        self.counts.update(str(checked.status) for checked in review.claims)
        return review

    def state(self) -> dict[str, Any]:
        """Return how far the script is."""
        return {"next": self._next, "counts": dict(self.counts)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Skip what was said before."""
        self._next = int(state["next"])
        self.counts = Counter(state["counts"])

    def close(self) -> None:
        """Hold nothing."""


def run_claims(  # noqa: PLR0913 - what a claim is run against
    remarks: Sequence[Remark],
    task: Task,
    program: Program,
    path: str,
    bench: Workbench,
    *,
    checks: bool = True,
) -> Review:
    """Return the remarks on the file at `path` that hold, as critiques.

    A remark whose claim is not confirmed is dropped; one without a claim stays as an
    opinion of little weight. Without `checks` every claim is believed: the ablation.
    """
    critiques: list[Critique] = []
    claims: list[CheckedClaim] = []
    for number, remark in enumerate(remarks, 1):
        checked = None
        if remark.claim is not None and not checks:
            why = "it is believed: the strategy runs no claim"
            checked = CheckedClaim(
                remark.claim, ClaimStatus.UNCHECKED, why, weight=OBSERVED
            )
            claims.append(checked)
        elif remark.claim is not None:
            checked = check_claim(remark.claim, task, program, bench)
            claims.append(checked)
            if checked.status is not ClaimStatus.CONFIRMED:
                continue
        critiques.append(_critique(number, remark, checked, path, program))
    review = Review(tuple(critiques), tuple(claims))
    return replace(review, note=_note(review))


def _critique(
    number: int,
    remark: Remark,
    checked: CheckedClaim | None,
    path: str,
    program: Program,
) -> Critique:
    last = program.sources[path].count("\n") + 1
    line = min(max(1, remark.line), last)
    owner = program.owner(path, line)
    function = program.entry.name if owner.name == MODULE else owner.name
    weight = checked.weight if checked else OPINION
    found = checked.counterexample if checked else None
    advice = "; ".join(text for text in (remark.problem, remark.change) if text)
    return Critique(
        constraint=f"critic {number}",
        kind=remark.aspect + ("" if checked else " (not checked)"),
        path=path,
        function=function,
        span=Span(line),
        direction=advice,
        counterexamples=(found,) if found else (),
        lines=((line, weight),) if checked and remark.line else (),
        source=CritiqueSource.CRITIC,
        hard=False,
        weight=weight,
    )


def _note(review: Review) -> str:
    if not review.claims:
        return f"{len(review.critiques)} critiques, no claim that could be run"
    refuted = review.count(ClaimStatus.REFUTED)
    unchecked = review.count(ClaimStatus.UNCHECKED)
    parts = [
        f"{review.count(ClaimStatus.CONFIRMED)} of {len(review.claims)} claims hold"
    ]
    if refuted:
        parts.append(f"{refuted} refuted")
    if unchecked:
        parts.append(f"{unchecked} could not be run")
    return ", ".join(parts)
