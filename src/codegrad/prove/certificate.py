"""The record of a proof, as plain data.

In: conditions and what the solvers said. Out: dataclasses that JSON can hold:
`prove(...).certificate.to_dict()`, or `Verdict.record` of the proof stage, is the data
(conditions with the SHA-256 of their SMT-LIB text, answers of both solvers, invariants,
measures, assumptions, CPU seconds); `json.dumps` takes it as it is.
Invariant: a record says who decided what; it never sums up more than its lines.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from codegrad.contract import Contract

SCHEMA = "codegrad-proof/1"


@dataclass(frozen=True, slots=True)
class ConditionRecord:
    """One verification condition and its fate."""

    function: str
    """Where it arose."""

    kind: str
    """What it is for."""

    line: int
    """The line of the file."""

    text: str
    """The Python source of what is claimed."""

    first: str
    """What Z3 says: `holds`, `fails`, `undecided`; `trivial` if nothing was asked."""

    second: str
    """What cvc5 says, likewise; `not asked` if it was not."""

    sha256: str
    """The hash of the SMT-LIB text that was decided; empty if trivial."""

    @property
    def holds(self) -> bool:
        """Whether some solver proved it and none found a counterexample."""
        answers = (self.first, self.second)
        return "fails" not in answers and (
            "holds" in answers or self.first == "trivial"
        )

    @property
    def is_contradicted(self) -> bool:
        """Whether one solver proved what the other refuted."""
        return {self.first, self.second} == {"holds", "fails"}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was proved, of which text, by which tools, on which assumptions."""

    source_sha256: str
    """The hash of the source text."""

    contract_sha256: str
    """The hash of the clauses of the entry function."""

    entry: str
    """The function."""

    solvers: tuple[tuple[str, str], ...]
    """Names and versions."""

    conditions: tuple[ConditionRecord, ...]
    """Every condition, in order of generation."""

    invariants: tuple[tuple[str, str], ...]
    """Loop (`function:line`) and invariant that the proof used."""

    measures: tuple[tuple[str, str], ...]
    """Loop or function and the measure that was proved to fall."""

    assumptions: tuple[str, ...]
    """What the proof takes for granted, one sentence each."""

    cpu_s: float
    """CPU seconds spent."""

    def to_dict(self) -> dict[str, object]:
        """Return the record as JSON-ready data."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Certificate":
        """Return the record that `to_dict` (or `asdict`) described."""
        fields = {n: v for n, v in found.items() if n != "schema"}
        for name in ("solvers", "invariants", "measures"):
            fields[name] = tuple((key, text) for key, text in fields[name])
        fields["conditions"] = tuple(ConditionRecord(**c) for c in fields["conditions"])
        fields["assumptions"] = tuple(fields["assumptions"])
        return cls(**fields)


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal.

    Example:
        >>> digest("")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_contract(contract: Contract) -> str:
    """Return a hash of the kinds and expressions of a contract."""
    return digest("\n".join(f"{c.kind}: {c.expression}" for c in contract.clauses))
