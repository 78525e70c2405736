"""The second solver: cvc5, which looks again at what the first one accepted.

In: SMT-LIB text. Out: an `Outcome`. It reads another translation of the same terms
than Z3 does, so an error in one of them shows. This is the only file that imports cvc5.
"""

import cvc5  # type: ignore[import-untyped]  # it ships no types

from codegrad.prove.solver import Outcome

DEFAULT_RESOURCES = 200_000
DEFAULT_TIME_MS = 9000


def version() -> str:
    """Return the version of cvc5."""
    return str(cvc5.__version__)


def decide(
    script: str, *, resources: int = DEFAULT_RESOURCES, time_ms: int = DEFAULT_TIME_MS
) -> Outcome:
    """Return what cvc5 says about a script of `smtlib.script`.

    Example:
        >>> decide("(set-logic ALL)(assert false)(check-sat)").value
        'holds'
    """
    manager = cvc5.TermManager()
    solver = cvc5.Solver(manager)
    solver.setOption("rlimit-per", str(resources))
    solver.setOption("tlimit-per", str(max(1, time_ms)))
    parser = cvc5.InputParser(solver)
    symbols = parser.getSymbolManager()
    answer = ""
    try:
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "condition")
        while not (command := parser.nextCommand()).isNull():
            answer += command.invoke(solver, symbols)
    except RuntimeError:
        # cvc5 refuses some inputs (for example a theory that it does not combine).
        return Outcome.UNDECIDED
    return _OUTCOMES.get(answer.strip(), Outcome.UNDECIDED)


_OUTCOMES = {"unsat": Outcome.HOLDS, "sat": Outcome.FAILS}
