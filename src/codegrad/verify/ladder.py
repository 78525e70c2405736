"""The ladder: all stages in order, cheapest first.

Invariant: a stage runs only if no earlier stage refuted a hard constraint; what did
not run is reported with the reason, never as success.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from codegrad.errors import UsageError
from codegrad.task import ClauseCheck, Constraint, ReferenceCheck, Sources, Task
from codegrad.verdict import Status, Verdict
from codegrad.verify.efficiency import EfficiencyStage
from codegrad.verify.lint import LintStage
from codegrad.verify.proof import ProofStage
from codegrad.verify.properties import PropertiesStage
from codegrad.verify.robustness import RobustnessStage
from codegrad.verify.stage import Stage, Workbench
from codegrad.verify.symbolic import SymbolicStage
from codegrad.verify.syntax import SyntaxStage
from codegrad.verify.tests import TestsStage
from codegrad.verify.types import TypesStage

STAGES: tuple[Stage, ...] = (
    SyntaxStage(),
    LintStage(),
    TypesStage(),
    TestsStage(),
    PropertiesStage(),
    ProofStage(),
    EfficiencyStage(),
    SymbolicStage(),
    RobustnessStage(),
)
"""Every stage, in the order in which they run."""

OPTIONAL_STAGES = frozenset({"symbolic"})
"""Stages that run only when they are asked for by name: seconds for each constraint."""


CLAUSE_STAGES = frozenset({"properties", "proof", "symbolic"})
"""Stages that add to what the tests establish about postconditions: the strongest
status counts, and any `REFUTED` wins."""

REFERENCE_STAGES = frozenset({"symbolic"})
"""Stages that add to what `properties` establish about the reference."""


@dataclass(frozen=True, slots=True)
class LadderRun:
    """What one pass over the ladder established."""

    verdicts: tuple[Verdict, ...]
    not_run: Mapping[str, str] = field(default_factory=dict)
    """Why, by constraint name."""


class Ladder:
    """The stages to run, in order; by default all that are not optional."""

    def __init__(self, stages: Sequence[Stage] | None = None) -> None:
        if stages is None:
            stages = [stage for stage in STAGES if stage.name not in OPTIONAL_STAGES]
        self.stages = tuple(stages)

    @classmethod
    def of(cls, names: Sequence[str]) -> "Ladder":
        """Return the ladder with only the named stages.

        Raises:
            UsageError: If a name is not that of a stage.
        """
        known = {stage.name: stage for stage in STAGES}
        for name in names:
            if name not in known:
                raise UsageError(f"unknown stage {name!r}; known: {', '.join(known)}")
        return cls([stage for stage in STAGES if stage.name in names])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the stages, in order."""
        return tuple(stage.name for stage in self.stages)

    def run(
        self,
        sources: Sources,
        task: Task,
        bench: Workbench,
        *,
        on_stage: Callable[[str], None] | None = None,
    ) -> LadderRun:
        """Verify `sources` against `task`; `on_stage` hears each stage start."""
        verdicts: list[Verdict] = []
        not_run: dict[str, str] = {}
        hard = {c.name for c in task.constraints if c.hard}
        stopped_by = ""
        for stage in self.stages:
            constraints = constraints_of(stage.name, task)
            if stopped_by:
                for constraint in task.of_stage(stage.name):
                    not_run[constraint.name] = f"{stopped_by} is refuted"
                continue
            if not constraints:
                continue
            if on_stage:
                on_stage(stage.name)
            found = stage.run(sources, task, constraints, bench)
            verdicts += found
            if any(v.status is Status.REFUTED and v.constraint in hard for v in found):
                stopped_by = stage.name
        for constraint in task.constraints:
            if constraint.stage not in self.names:
                not_run[constraint.name] = f"stage {constraint.stage} was not asked for"
        return LadderRun(tuple(verdicts), not_run)


def constraints_of(stage: str, task: Task) -> tuple[Constraint, ...]:
    """Return the constraints that a stage is given: its own, and those it adds to."""
    return tuple(
        constraint
        for constraint in task.constraints
        if constraint.stage == stage
        or (stage in CLAUSE_STAGES and isinstance(constraint.check, ClauseCheck))
        or (stage in REFERENCE_STAGES and isinstance(constraint.check, ReferenceCheck))
    )
