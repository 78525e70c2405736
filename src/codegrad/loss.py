"""The ordered loss and its backward pass.

In: the verdicts on a task's constraints. Out: `Loss`, totally ordered, whose
`backward` fills the gradients of the program's variables. Invariant: `backward` is a
function of the verdicts and the program; it asks no model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, total_ordering
from typing import Any

from codegrad.code import Program
from codegrad.evidence import Evidence
from codegrad.gradient import Critique, Gradient
from codegrad.task import Constraint, Sources
from codegrad.verdict import Verdict

Blamer = Callable[[Program, "Loss"], Sequence[Critique]]
"""Turns a loss into critiques by running the failing inputs under observation."""

Judge = Callable[[Sources], "Loss"]
"""Returns the loss of a candidate."""


@total_ordering
class Loss:
    """What is wrong with a program, from the most to the least important.

    Compared in this order: number of hard constraints that do not hold, by stage in
    ladder order; partial credit (mean distance of observed from expected results);
    number of soft constraints that do not hold; size of the program.
    """

    def __init__(  # noqa: PLR0913 - one value for each part of the order
        self,
        constraints: Sequence[Constraint],
        verdicts: Sequence[Verdict],
        *,
        ladder: Sequence[str],
        not_run: Mapping[str, str] | None = None,
        size: int = 0,
        program: Program | None = None,
        blamer: Blamer | None = None,
        judge: Judge | None = None,
    ) -> None:
        self.constraints = tuple(constraints)
        self.verdicts = tuple(verdicts)
        self.not_run = dict(not_run or {})
        self.ladder = tuple(ladder)
        self.size = size
        self.program = program
        """What `backward` fills; None for a candidate."""

        self._blamer = blamer
        self.judge = judge
        """Verifies another candidate against the same constraints."""

    @cached_property
    def evidence(self) -> Evidence:
        """What was established, constraint by constraint."""
        return Evidence.collect(self.constraints, self.verdicts, self.not_run)

    @property
    def verified(self) -> bool:
        """Whether every hard constraint holds; see `Evidence.verified`."""
        return self.evidence.verified

    @cached_property
    def satisfied(self) -> frozenset[str]:
        """The names of the hard constraints that hold."""
        return frozenset(
            row.constraint
            for row in self.evidence.rows
            if row.hard and row.status is not None and row.status.holds
        )

    @cached_property
    def key(self) -> tuple[tuple[int, ...], float, int, int]:
        """The value that is compared; smaller is better."""
        rows = self.evidence.rows
        hard = tuple(
            sum(
                c.hard and c.stage == stage and c.name not in self.satisfied
                for c in self.constraints
            )
            for stage in self.ladder
        )
        worst = {v.constraint: v.distance for v in self.verdicts if not v.status.holds}
        open_hard = [
            worst.get(row.constraint, 1.0)
            for row in rows
            if row.hard and row.constraint not in self.satisfied
        ]
        partial = sum(open_hard) / len(open_hard) if open_hard else 0.0
        soft = sum(
            len(v.findings) or 1
            for v in self.verdicts
            if not v.status.holds and self._is_soft(v.constraint)
        )
        return hard, round(partial, 9), soft, self.size

    def _is_soft(self, name: str) -> bool:
        return any(c.name == name and not c.hard for c in self.constraints)

    @property
    def value(self) -> float:
        """The loss as one number for plots: open hard constraints plus distance."""
        hard, partial, _, _ = self.key
        return sum(hard) - (1 - partial if sum(hard) else 0.0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loss) and self.key == other.key

    def __lt__(self, other: "Loss") -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Loss({self.evidence.sentence()})"

    def improves_on(self, other: "Loss") -> str:
        """Return an empty text if this loss may replace `other`, else why not.

        It may if every hard constraint that held still holds and the loss fell: the
        projection step of projected gradient descent.
        """
        lost = sorted(other.satisfied - self.satisfied)
        if lost:
            return f"breaks {', '.join(lost[:3])}" + (", ..." if len(lost) > 3 else "")  # noqa: PLR2004 - three names show the point
        if not self < other:
            return "does not lower the loss"
        return ""

    def to_data(self) -> dict[str, Any]:
        """Return the loss as JSON-able data; see `codegrad.events.Event`."""
        hard, partial, soft, _ = self.key
        return {
            "value": round(self.value, 6),
            "hard": list(hard),
            "ladder": list(self.ladder),
            "soft": soft,
            "distance": partial,
            "verdicts": [
                {
                    "constraint": v.constraint,
                    "stage": v.stage,
                    "status": v.status.name.lower(),
                    "reason": v.reason,
                    "checked": v.checked,
                    "distance": round(v.distance, 6),
                    "counterexamples": [asdict(e) for e in v.counterexamples],
                    "findings": [asdict(f) for f in v.findings],
                    "forge_proof": v.forge_proof,
                }
                for v in self.verdicts
            ],
            "not_run": self.not_run,
            "sentence": self.evidence.sentence(),
        }

    def attached(self, program: Program) -> "Loss":
        """Return this loss of a candidate as that of `program`, which has its texts."""
        return Loss(
            self.constraints,
            self.verdicts,
            ladder=self.ladder,
            not_run=self.not_run,
            size=self.size,
            program=program,
            blamer=self._blamer,
            judge=self.judge,
        )

    def backward(self) -> None:
        """Add this loss's critiques to the `grad` of the variables at fault.

        Also tells the program that this is its loss, for the optimiser's next step.
        Gradients accumulate over calls until `zero_grad`; a variable without
        `requires_grad` receives none. Runs the failing inputs once more, isolated
        and observed; asks no model.
        """
        if self.program is None or self._blamer is None:
            return
        self.program.loss = self
        if self.verified:
            return
        received: dict[tuple[str, str], list[Critique]] = {}
        for critique in self._blamer(self.program, self):
            key = (critique.path, critique.function)
            received.setdefault(key, []).append(critique)
        for code in self.program.codes:
            found = received.get((code.path, code.name))
            if found and code.requires_grad:
                code.grad = (code.grad or Gradient()) + Gradient(found)
