"""What may be claimed about a program so that it can be checked by running it.

In: the JSON that a model wrote. Out: claims as values, and their one-line texts.
Invariant: a claim is a hypothesis; nothing here believes it (see
`codegrad.engines.claim_checks`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from codegrad.verdict import Counterexample

OBSERVED = 0.5
"""Weight of a claim whose observation was confirmed; what is right is only claimed."""

TELLING = 0.7
"""Weight of a claim that tells failing runs from passing ones."""

AGREED = 0.9
"""Weight of a claim that a constraint of the user confirms as well."""


class ClaimStatus(StrEnum):
    """What running a claim established."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNCHECKED = "unchecked"
    """It could not be run here; it is dropped too, and counted on its own."""


@dataclass(frozen=True, slots=True)
class InputClaim:
    """On this input the program does one thing and should do another."""

    call: str
    """A call with literal arguments, or the standard input of a program."""

    expected: str
    """A literal, `raises NAME`, or what a program should print."""

    observed: str = ""
    """What the program is said to do; empty if the critic does not say."""

    def __str__(self) -> str:
        said = f", not {self.observed}" if self.observed else ""
        return f"{self.call} should give {self.expected}{said}"


@dataclass(frozen=True, slots=True)
class PostClaim:
    """After every call this holds of `result` and the arguments, and it does not."""

    expression: str

    def __str__(self) -> str:
        return f"post: {self.expression}"


@dataclass(frozen=True, slots=True)
class AssumesClaim:
    """The program is right only where this holds of the arguments."""

    expression: str

    def __str__(self) -> str:
        return f"assumes: {self.expression}"


@dataclass(frozen=True, slots=True)
class InvariantClaim:
    """Whenever this line is reached this should hold of the variables, and does not."""

    line: int
    expression: str

    def __str__(self) -> str:
        return f"invariant at line {self.line}: {self.expression}"


@dataclass(frozen=True, slots=True)
class PropertyClaim:
    """A relation between calls of the function, whatever each of them returns."""

    expression: str
    """Over the parameters; it calls the function."""

    def __str__(self) -> str:
        return f"property: {self.expression}"


@dataclass(frozen=True, slots=True)
class CostClaim:
    """Processor time grows faster than this class, for example `O(n)`."""

    limit: str

    def __str__(self) -> str:
        return f"cost: more than {self.limit}"


Claim = (
    InputClaim | PostClaim | AssumesClaim | InvariantClaim | PropertyClaim | CostClaim
)


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim and what came of it."""

    claim: Claim
    status: ClaimStatus
    why: str
    counterexample: Counterexample | None = None
    """What was seen, if the claim is confirmed."""

    weight: float = 0.0
    """How much the confirmation says, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A constraint that somebody proposes, and how many came to it independently."""

    claim: Claim
    source: str
    """Who proposes it: a model's name, `critic`."""

    others: int = 0
    """Further answers that came to the same."""

    against: int = 0
    """Answers that came to something else for the same input."""


def read_claim(data: object) -> Claim | None:  # noqa: PLR0911 - one answer a kind
    """Return the claim that a model wrote, or None if it is none.

    Example:
        >>> str(read_claim({"call": "f([1])", "expected": 2, "observed": "1"}))
        'f([1]) should give 2, not 1'
        >>> str(read_claim({"line": 3, "invariant": "low <= high"}))
        'invariant at line 3: low <= high'
    """
    if not isinstance(data, Mapping):
        return None
    if post := _text(data.get("post")):
        return PostClaim(post)
    if assumed := _text(data.get("assumes")):
        return AssumesClaim(assumed)
    if relation := _text(data.get("property")):
        return PropertyClaim(relation)
    if invariant := _text(data.get("invariant")):
        line = data.get("line")
        if isinstance(line, int) and not isinstance(line, bool):
            return InvariantClaim(line, invariant)
        return None
    if limit := _text(data.get("cost")):
        return CostClaim(limit)
    call = data.get("call")
    call = data.get("stdin") if call is None else call
    expected = data.get("expected")
    if not isinstance(call, str) or expected is None:
        return None
    observed = data.get("observed")
    said = "" if observed is None else literal_text(observed)
    return InputClaim(call, literal_text(expected), said)


def literal_text(value: object) -> str:
    """Return Python source: models write a value as JSON as often as in quotes."""
    return value if isinstance(value, str) else repr(value)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
