"""The certificate of a result: what was established and what was not run.

In: the constraints of a task, the verdicts on them, the stages that did not run.
Out: `Evidence`, one row for each constraint. Invariant: a row's status is None exactly
when no stage reached a conclusion on its constraint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codegrad.task import Constraint
from codegrad.verdict import Status, Verdict, strongest


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """What is known about one constraint."""

    constraint: str
    text: str
    origin: str
    hard: bool
    stage: str
    status: Status | None
    """The strongest status over all stages; None if nothing ran."""

    checked: int
    """How many inputs or files were looked at."""

    reason: str
    """Why it was not run, or what the stage said."""

    forge_proof: bool = True
    trust: float | None = None
    """How far a generated constraint is trusted, 0 to 1."""

    @property
    def provenance(self) -> str:
        """Who asked for it, and how far a generated one is trusted."""
        if self.trust is None:
            return self.origin
        return f"{self.origin}, trust {self.trust:.2f}"

    @property
    def place(self) -> str:
        """The stage as shown to people, with whether it could only advise."""
        return self.stage if self.hard else f"{self.stage}: soft"

    @property
    def is_open_guess(self) -> bool:
        """Whether nobody asked for it and nothing was established."""
        is_open = self.status is None or self.status is Status.UNKNOWN
        return is_open and self.origin == "generated" and not self.hard

    @property
    def label(self) -> str:
        """The status as shown to people: `passed`, `refuted`, ..., `not run`."""
        return "not run" if self.status is None else self.status.name.lower()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All rows in the order of the task's constraints."""

    rows: tuple[EvidenceRow, ...]

    @classmethod
    def collect(
        cls,
        constraints: Sequence[Constraint],
        verdicts: Sequence[Verdict],
        not_run: Mapping[str, str],
    ) -> "Evidence":
        """Summarise `verdicts`; `not_run` says why by constraint name."""
        by_name: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            by_name.setdefault(verdict.constraint, []).append(verdict)
        return cls(
            tuple(
                _row(constraint, by_name.get(constraint.name, []), not_run)
                for constraint in constraints
            )
        )

    @property
    def verified(self) -> bool:
        """Whether every hard constraint holds and at least one was more than syntax."""
        hard = [row for row in self.rows if row.hard]
        return all(row.status is not None and row.status.holds for row in hard) and any(
            row.stage != "syntax" for row in hard
        )

    @property
    def refuted(self) -> bool:
        """Whether a hard constraint is refuted."""
        return any(row.hard and row.status is Status.REFUTED for row in self.rows)

    def count(self, status: Status | None, *, hard: bool = True) -> int:
        """Return how many constraints have `status` (None: not run)."""
        return sum(row.status is status and row.hard is hard for row in self.rows)

    def to_data(self) -> list[dict[str, Any]]:
        """Return the rows as JSON-able data, the status as its label."""
        return [
            {
                "constraint": row.constraint,
                "text": row.text,
                "origin": row.origin,
                "hard": row.hard,
                "stage": row.stage,
                "status": row.label,
                "checked": row.checked,
                "reason": row.reason,
                "forge_proof": row.forge_proof,
                "trust": row.trust,
            }
            for row in self.rows
        ]

    def sentence(self) -> str:
        """Return the result in one sentence that claims no more than what ran."""
        hard = [row for row in self.rows if row.hard]
        tests = [row for row in hard if row.stage != "syntax"]
        if not tests:
            return "nothing to verify: no test, example or contract says what must hold"
        runs = sum(row.checked for row in tests)
        if self.refuted:
            bad = self.count(Status.REFUTED)
            text = f"refuted: {bad} of {len(hard)} hard constraints do not hold"
        elif self.verified:
            proved = self.count(Status.PROVED)
            passed = self.count(Status.PASSED)
            text = (
                f"verified: {len(hard)} of {len(hard)} hard constraints hold "
                f"({proved} proved, {passed} tested by {_times(runs, 'execution')})"
            )
        else:
            open_rows = sum(
                row.status is None or row.status is Status.UNKNOWN for row in hard
            )
            text = f"undecided: {open_rows} of {len(hard)} hard constraints are open"
        if any(not row.forge_proof for row in tests):
            text += "; tests shared a process with the code (isolated, not forge-proof)"
        faults = [
            row.constraint
            for row in self.rows
            if row.status is Status.REFUTED and not row.hard
        ]
        if faults:
            text += f"; soft checks found faults: {', '.join(faults)}"
        missing = [
            row.constraint
            for row in self.rows
            if row.status is None and not row.is_open_guess
        ]
        if missing:
            text += f"; not run: {', '.join(missing[:5])}"
            if len(missing) > 5:  # noqa: PLR2004 - one line is enough
                text += f" and {len(missing) - 5} more"
        return text


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _reason(verdicts: Sequence[Verdict], decisive: Verdict | None) -> str:
    """Return the decisive stage's reason, and what other stages left open."""
    parts = [decisive.reason] if decisive and decisive.reason else []
    if decisive and decisive.status is not Status.REFUTED:
        parts += [
            f"{verdict.stage}: {verdict.reason}"
            for verdict in verdicts
            if verdict is not decisive and verdict.status is Status.UNKNOWN
        ]
    return "; ".join(parts)


def _row(
    constraint: Constraint, verdicts: Sequence[Verdict], not_run: Mapping[str, str]
) -> EvidenceRow:
    status = strongest(v.status for v in verdicts) if verdicts else None
    decisive = next((v for v in verdicts if v.status is status), None)
    return EvidenceRow(
        constraint=constraint.name,
        text=constraint.text,
        origin=str(constraint.origin),
        hard=constraint.hard,
        stage=decisive.stage if decisive else constraint.stage,
        status=status,
        checked=sum(v.checked for v in verdicts),
        reason=_reason(verdicts, decisive)
        or not_run.get(constraint.name, "" if decisive else "its stage did not run"),
        forge_proof=all(v.forge_proof for v in verdicts),
        trust=constraint.trust,
    )
