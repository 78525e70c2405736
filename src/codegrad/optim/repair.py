"""Near misses of a model, repaired by the built-in search before it is paid again.

In: proposals that were verified and failed. Out: programs that pass every test the
search can see, not yet verified. Invariant: a repair costs candidates of the run's own
budget and nothing else; the same proposals give the same repairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from codegrad.budget import Budget, Spent
from codegrad.code import Program, fingerprint
from codegrad.engines.engine import Direction, Progress, Proposal, silent
from codegrad.engines.imports import with_imports
from codegrad.engines.search import IMPORTS, SearchEngine
from codegrad.errors import EngineError
from codegrad.loss import Judge, Loss
from codegrad.optim.archive import passes_all
from codegrad.task import Task
from codegrad.verify.stage import Workbench

NEAR_MISSES = 3
"""Proposals of one answer that are repaired, the nearest first."""

CANDIDATES = 2000
"""Candidates of one repair."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A program that passes what the search can see."""

    parent: str
    """What it is a repair of, by fingerprint."""

    proposal: Proposal
    is_answer: bool = False
    """Whether it is still the engine's own answer: it lacked imports only."""


class Repairs:
    """Repairs near misses; `spent` and `notes` are those of the last call."""

    def __init__(self, bench: Workbench, *, seed: int = 0) -> None:
        self.bench = bench
        self._seed = seed
        self.spent = Spent()
        self.notes: list[str] = []

    def of(
        self,
        task: Task,
        judged: Sequence[tuple[Proposal, Loss]],
        judge: Judge,
        budget: Budget,
        progress: Progress = silent,
    ) -> list[Repair]:
        """Return the repairs of near misses.

        Imports are added to each. The search edits none if a proposal passes: what
        holds needs no repair.
        """
        self.spent, self.notes = Spent(), []
        if task.repository is not None:
            return []
        near = [
            self._imported(task, *row, judge)
            for row in judged
            if "syntax" in row[1].satisfied and not passes_all(row[1])
        ]
        near.sort(key=lambda row: row[2].key)
        # A repair asks no model: it goes on where calls, tokens or money are spent.
        budget = replace(budget, calls=None, tokens=None, money=None)
        found = [
            Repair(parent, whole, is_answer=True)
            for parent, whole, loss in near
            if passes_all(loss)
        ]
        holds = bool(found) or any(passes_all(loss) for _, loss in judged)
        for parent, proposal, loss in near[:NEAR_MISSES] if not holds else ():
            left = budget.left(self.spent)
            if left.exhausted(Spent()):
                break
            repaired = self._search(task, proposal, loss, left, progress)
            found += [Repair(parent, one) for one in repaired]
        if found or (near and not holds):
            self.notes.append(
                f"search: {len(found)} repairs of {len(near[:NEAR_MISSES])} near misses"
            )
        return found

    def _imported(
        self, task: Task, proposal: Proposal, loss: Loss, judge: Judge
    ) -> tuple[str, Proposal, Loss]:
        """Return the proposal with the imports that it lacks, and whose it was."""
        parent = fingerprint(proposal.sources)
        text = proposal.sources[task.main]
        whole = with_imports(text)
        if whole == text:
            return parent, proposal, loss
        sources = {**proposal.sources, task.main: whole}
        self.spent = self.spent + Spent(candidates=1)
        label = f"{proposal.label}, repaired: {IMPORTS}"
        found = judge(sources)
        if found.key[:2] > loss.key[:2]:
            return parent, proposal, loss
        return parent, replace(proposal, sources=sources, label=label), found

    def _search(
        self,
        task: Task,
        proposal: Proposal,
        loss: Loss,
        budget: Budget,
        progress: Progress,
    ) -> list[Proposal]:
        program = Program(
            proposal.sources,
            task.main,
            task.entry_point,
            variables=task.variables,
            task=task,
        )
        loss.attached(program).backward()
        gradients = {
            (code.path, code.name): code.grad
            for code in program.codes
            if code.grad and code.requires_grad
        }
        engine = SearchEngine(
            bench=self.bench, seed=self._seed, step_candidates=CANDIDATES
        )
        try:
            answer = engine.propose(
                task, program, Direction(gradients), budget=budget, progress=progress
            )
        except EngineError:
            return []  # no test that the search could follow
        self.spent = self.spent + answer.spent
        return [
            Proposal(
                one.sources,
                f"{proposal.label}, repaired: {one.label}",
                one.line,
                one.cost,
            )
            for one in answer.proposals[:1]
        ]
