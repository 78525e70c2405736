"""Proposals of engines -> what may become the program.

In: proposals and the loss of the program as it is. Out: each with its own loss and, if
it may not be taken, the reason; the best of them. Invariant: nothing is taken that was
not verified; a text is verified once; the program itself is not changed here.

Source: the projection onto the constraints of projected gradient descent, as CodeGrad
(arXiv 2508.10059) uses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from codegrad.budget import Budget
from codegrad.code import Program, fingerprint
from codegrad.engines.engine import Answer, Engine, Progress, Proposal
from codegrad.engines.search import SearchEngine
from codegrad.loss import Judge, Loss
from codegrad.optim.archive import Archive, passes_all
from codegrad.optim.choice import common_answer, is_settled, objection
from codegrad.optim.gate import is_stub, refusal
from codegrad.optim.repair import Repairs
from codegrad.optim.selection import is_comparable
from codegrad.optim.strategy import Gate, Strategy
from codegrad.task import Task

MAX_VERIFIED = 12
"""Proposals of one search that are verified; what it ranks lower is left out."""

NO_CHANGE = "changes nothing"
KNOWN = "was proposed before"
"""Why a proposal is not verified again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A proposal with its loss, before one is chosen."""

    engine: str
    proposal: Proposal
    loss: Loss
    reason: str

    @property
    def is_new(self) -> bool:
        """Whether its text was verified for the first time."""
        return self.reason not in {NO_CHANGE, KNOWN}


class Projection:
    """Verifies proposals for one program and keeps those that are worth it."""

    def __init__(
        self,
        program: Program,
        task: Task,
        strategy: Strategy,
        repairs: Repairs | None,
        *,
        asks_a_model: bool,
    ) -> None:
        self.program = program
        self.task = task
        self.strategy = strategy
        self.repairs = repairs if strategy.searches else None
        self._bench = repairs.bench if repairs else None
        self.archive = Archive(task.sources)
        self.tried: set[str] = set()
        """Fingerprints of what was proposed."""

        self._asks_a_model = asks_a_model

    @property
    def is_at_a_stub(self) -> bool:
        """Whether the program is nothing that could be lost."""
        return self.task.repository is None and is_stub(
            self.program.sources[self.task.main], self.task.entry_point
        )

    def judged(
        self, engine: Engine, answer: Answer, current: Loss, judge: Judge
    ) -> list[Judged]:
        """Verify the proposals of one answer that were not verified before."""
        judged: list[Judged] = []
        is_ranked = isinstance(engine, SearchEngine)
        for proposal in answer.proposals:
            if is_ranked and len(judged) == MAX_VERIFIED:
                break
            key = fingerprint(proposal.sources)
            is_new_here = not is_ranked and self.archive.is_known_edit(key)
            is_known = key in self.tried and not is_new_here
            if is_known and not is_ranked:
                self.archive.vote(key, proposal.votes)
            if dict(proposal.sources) == dict(self.program.sources):
                judged.append(Judged(engine.name, proposal, current, NO_CHANGE))
            elif is_known and self.strategy.gate is not Gate.NONE:
                if not is_ranked:
                    judged.append(Judged(engine.name, proposal, current, KNOWN))
            else:
                judged.append(self._verify(engine.name, proposal, current, judge))
            self.tried.add(key)
        return judged

    def _verify(
        self,
        engine: str,
        proposal: Proposal,
        current: Loss,
        judge: Judge,
        parent: str = "",
    ) -> Judged:
        """Verify one proposal and keep it in the archive if it is worth it."""
        loss = judge(proposal.sources)
        reason = refusal(self.strategy.gate, loss, current, from_stub=self.is_at_a_stub)
        if engine == SearchEngine.name and passes_all(loss) and not reason:
            reason = self._objection(proposal)
        if (passes_all(loss) and not reason) or engine != SearchEngine.name:
            self.archive.add(
                proposal.sources,
                loss,
                label=proposal.label,
                engine=engine,
                votes=proposal.votes,
                parent=parent,
            )
        return Judged(engine, proposal, loss, reason)

    def _objection(self, proposal: Proposal) -> str:
        """Return why an edit that passes is not believed, or an empty text."""
        if self.repairs is None or not self._asks_a_model:
            return ""
        bench = self.repairs.bench
        common = common_answer(self.task, self.archive, bench)
        if common is None:
            return ""
        return objection(self.task, common, proposal.sources[self.task.main], bench)

    def repaired(
        self,
        judged: Sequence[Judged],
        current: Loss,
        judge: Judge,
        budget: Budget,
        progress: Progress,
    ) -> list[Judged]:
        """Return what the built-in search makes of near misses, verified."""
        assert self.repairs is not None
        found = self.repairs.of(
            self.task,
            [(one.proposal, one.loss) for one in judged if one.is_new],
            judge,
            budget,
            progress,
        )
        writers = {fingerprint(one.proposal.sources): one.engine for one in judged}
        repaired: list[Judged] = []
        for one in found:
            key = fingerprint(one.proposal.sources)
            is_new_here = one.is_answer and self.archive.is_known_edit(key)
            if key in self.tried and not is_new_here:
                if one.is_answer:
                    self.archive.vote(key, one.proposal.votes)
                continue
            self.tried.add(key)
            by = writers[one.parent] if one.is_answer else SearchEngine.name
            repaired.append(self._verify(by, one.proposal, current, judge, one.parent))
        return repaired

    @property
    def can_compare(self) -> bool:
        """Whether what candidates do can be compared beyond the visible tests."""
        is_gated = self.strategy.gate is Gate.MONOTONE
        return is_gated and self._bench is not None and is_comparable(self.task)

    def is_settled(self) -> bool:
        """Return whether the answers that pass are of one mind."""
        assert self._bench is not None
        return is_settled(self.task, self.archive, self._bench)

    def again(
        self, proposals: Sequence[tuple[str, Proposal]], current: Loss, judge: Judge
    ) -> list[Judged]:
        """Verify proposals that waited for what others answer."""
        return [self._verify(by, one, current, judge) for by, one in proposals]

    def best(self, judged: Sequence[Judged], current: Loss) -> int | None:
        """Return which proposal is accepted, if one is."""
        allowed = [i for i, one in enumerate(judged) if not one.reason]
        if self.strategy.gate is Gate.NONE:
            return allowed[0] if allowed else None
        if self.strategy.gate is Gate.MORE_TESTS:
            return min(
                allowed, key=lambda i: (-len(judged[i].loss.satisfied), i), default=None
            )
        return min(
            allowed,
            key=lambda i: (*_standing(judged[i].loss, current), i),
            default=None,
        )


def _standing(loss: Loss, current: Loss) -> tuple[tuple[int, ...], float, int]:
    """Return what orders acceptable proposals before the engine's own rank does.

    Partial credit counts only where no further constraint is satisfied: beside one
    that is, an overfit edit can bring other wrong results nearer by chance.
    """
    hard, partial, soft, _ = loss.key
    return hard, partial if hard == current.key[0] else 0.0, soft
