"""Stage 5: contracts, reference and generalised examples on generated inputs.

Inputs are mutations of the known ones first, then values drawn from the types, then
what Hypothesis finds; each kind of constraint has a module of its own. Hard are only
the contract and the reference. What no input reached stays `UNKNOWN`.
"""

from collections.abc import Sequence

from codegrad.task import (
    AgreementCheck,
    BehaviourCheck,
    ClauseCheck,
    Constraint,
    ReferenceCheck,
    Sources,
    Task,
)
from codegrad.verdict import Verdict
from codegrad.verify.agreement import judge_agreement
from codegrad.verify.generalisations import judge_behaviour
from codegrad.verify.postconditions import judge_clause
from codegrad.verify.reference import judge_reference
from codegrad.verify.session import Session, unknown
from codegrad.verify.stage import Workbench

CPU_S = 4.0
"""Processor seconds that the calls of one candidate may take together."""


class PropertiesStage:
    """Looks for inputs on which a property does not hold.

    Args:
        cpu_s: Processor seconds for the candidate's calls; what is left is `NOT_RUN`.
    """

    name = "properties"

    def __init__(self, *, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return one verdict for each constraint, in order."""
        remembered = bench.memory.of(task)
        problem = remembered.inputs.problem
        if problem:
            return [unknown(c, self.name, problem) for c in constraints]
        session = Session(sources, remembered, bench, cpu_s=self._cpu_s)
        session.candidate.call(session.inputs.all[:1])
        load = session.candidate.load
        if not load.ok:
            reason = f"the module cannot be loaded: {load.error}: {load.message}"
            return [unknown(c, self.name, reason) for c in constraints]
        return [self._judge(constraint, session) for constraint in constraints]

    def _judge(self, constraint: Constraint, session: Session) -> Verdict:
        match constraint.check:
            case ClauseCheck():
                return judge_clause(constraint, session)
            case ReferenceCheck():
                return judge_reference(constraint, session)
            case BehaviourCheck():
                return judge_behaviour(constraint, session)
            case AgreementCheck():
                return judge_agreement(constraint, session)
            case other:
                reason = f"{type(other).__name__} is not a property"
                return unknown(constraint, self.name, reason)
