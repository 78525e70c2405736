"""What happens in a run, one object for each thing that happened.

In: the loop. Out: `Event`s for the journal, the report and the live view. Invariant:
`data` holds only what JSON holds, so that a stored event equals the emitted one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a run's journal.

    Kinds and their data:

    - `started`: `task` (name), `engine` (names), `critic` and `source` (names, empty
      if there is none), `strategy`, `budget`, `seed`, `notes`,
      `sources` ({path: text}), `environment` ({name: version}), `constraints`
      ([{name, stage, text, origin, hard}]).
    - `resumed`: nothing; the run goes on after `step`, what came later is void.
    - `verified`: `loss` (see below); the current program after verification.
    - `gradient`: `critiques` ([{constraint, kind, path, function, line, end_line,
      direction, weight, hard, source, counterexamples, values, lines}]).
    - `reviewed`: `critic`, `critiques` (those that are left), `claims` ([{claim,
      status, why}]: confirmed, refuted, unchecked), `note`, `spent`.
    - `missing`: `who` (a critic or a source of constraints), `why`; said once of one
      that failed, the run goes on without.
    - `constraints`: `note`, `hypotheses` ([{claim, source, others, against, trust,
      why}]), `adopted` ([{name, text, trust, hard}]), `spent`; what is generated.
    - `progress`: `engine`, `candidates` (so far in the run), `note`; not stored.
    - `proposed`: `engine`, `label`, `line`, `sources`, `cost`, `loss`, `accepted`,
      `reason` (why it was rejected); one for each proposal that was verified.
    - `stepped`: `accepted` (bool), `loss`, `sources`, `spent`; the end of a step.
    - `apart`: `note`, `inputs` (calls or standard inputs that a model named and that
      tell the answers apart), `spent`; before the choice.
    - `chosen`: `label`, `why`, `distinguishing` (inputs that tell the candidates
      apart), `sources`, `loss`; which of several candidates is the answer.
    - `checkpoint`: `state`, from which the run can be continued exactly.
    - `finished`: `status` (`verified`, `exhausted`, `undecided`, `interrupted`,
      `unchanged`), `reason`, `sources`, `loss`, `spent`, `evidence`, `missing` (what
      could not help and why, in sentences), `more` (as `Result.more`).
    - `certified`: `certificate`, the document of docs/certificate.md; after the end.

    A `loss` is {value, hard ([n by stage]), ladder ([stage]), soft, distance,
    verdicts ([{constraint, stage, status, reason, checked, distance,
    counterexamples, findings, forge_proof}]), not_run ({name: why}), sentence}.
    An `evidence` is [{constraint, text, origin, hard, stage, status, checked, reason,
    forge_proof}].
    """

    kind: str
    step: int
    """Steps count from 1; 0 is before the first."""

    data: Mapping[str, Any]
    seq: int = 0
    """Place in the run, from 1, given by the journal."""

    at: float = 0.0
    """Seconds since the epoch, given by the journal."""


Listener = Callable[[Event], None]
"""Receives every event of a run as it happens; must not raise."""
