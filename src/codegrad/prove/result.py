"""What an attempt at a proof established, as plain data.

In: the fields. Out: dataclasses that another process can send as JSON. Invariant: a
result says no more than its clauses; `ProofResult.from_dict(result.to_dict())` is the
result again.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from codegrad.prove.certificate import Certificate, ConditionRecord
from codegrad.verdict import Status

MAY_NOT_END = "partial correctness only: a loop or recursion is not proved to end"
NO_EXCEPTION = "no exception"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What the real function did on an input."""

    is_in_domain: bool
    """Whether the preconditions hold for the input."""

    violated: str = ""
    """The clause that does not hold, or the exception; empty if the contract held."""

    observed: str = ""
    """What the function returned or raised, as text."""


Replay = Callable[[tuple[object, ...]], ReplayResult]


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """What was established about one postcondition."""

    expression: str
    """The clause; `no exception` for the absence of exceptions."""

    status: Status
    """`PASSED` never occurs: tests are another stage's business."""

    reason: str = ""
    """Why it is not proved."""


@dataclass(frozen=True, slots=True)
class ProofResult:
    """Everything that one attempt at a proof established."""

    entry: str
    """The function."""

    clauses: tuple[ClauseResult, ...] = ()
    """One for each postcondition, then one for the absence of exceptions."""

    terminates: bool = False
    """Whether every loop and recursion was proved to end."""

    vacuous: bool = False
    """Whether the preconditions contradict each other."""

    unsupported: tuple[str, ...] = ()
    """Constructs outside the subset, with their lines."""

    counterexample: tuple[object, ...] | None = None
    """Arguments that break the contract, as the replay confirmed."""

    replayed: ReplayResult | None = None
    """What the replay of the counterexample showed."""

    certificate: Certificate | None = None
    """The record; None if there were no conditions to record."""

    cpu_s: float = 0.0
    """CPU seconds spent."""

    stopped: str = ""
    """Why the prover did not come to its end: a crash or a limit; empty if it did."""

    @property
    def status(self) -> Status:
        """The status of the whole contract: that of its weakest clause."""
        return min((c.status for c in self.clauses), default=Status.UNKNOWN)

    @property
    def is_partially_correct(self) -> bool:
        """Whether all conditions are proved, termination aside."""
        reasons = {c.reason for c in self.clauses if c.status is not Status.PROVED}
        return bool(self.clauses) and reasons <= {MAY_NOT_END}

    @property
    def conditions(self) -> tuple[ConditionRecord, ...]:
        """The verification conditions and their fate."""
        return self.certificate.conditions if self.certificate else ()

    @property
    def invariants(self) -> tuple[tuple[str, str], ...]:
        """Loops and the invariants that the proof used."""
        return self.certificate.invariants if self.certificate else ()

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """Loops and functions and the measures that fall."""
        return self.certificate.measures if self.certificate else ()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able data; argument values are Python literals."""
        found = asdict(self)
        found["counterexample"] = repr(self.counterexample)
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "ProofResult":
        """Return the result that `to_dict` described."""
        replayed, certificate = found["replayed"], found["certificate"]
        rest = {
            "clauses": tuple(
                ClauseResult(**{**c, "status": Status(c["status"])})
                for c in found["clauses"]
            ),
            "unsupported": tuple(found["unsupported"]),
            "counterexample": ast.literal_eval(found["counterexample"]),
            "replayed": ReplayResult(**replayed) if replayed else None,
            "certificate": Certificate.from_dict(certificate) if certificate else None,
        }
        return cls(**{**found, **rest})
