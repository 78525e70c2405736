"""The textual gradient: what is wrong, where, with which evidence, which direction.

In: verdicts and blame (`codegrad.blame`). Out: `Critique`s in a fixed order and the
text of a `Gradient`. Invariant: the order is a function of the critiques alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from codegrad.verdict import Counterexample, Finding, Span

_MAX_EXAMPLES_SHOWN = 3


class CritiqueSource(StrEnum):
    """Who made a critique."""

    VERIFIER = "verifier"
    """A stage: it ran, and this is what came out."""

    CRITIC = "critic"
    """A backward model: a hypothesis that was executed before it got here."""


@dataclass(frozen=True, slots=True)
class LineValues:
    """What the variables held when a line was reached on the failing input."""

    line: int
    values: tuple[tuple[str, str], ...]
    """Name and shortened repr, in name order."""


@dataclass(frozen=True, slots=True)
class BlockValues:
    """What a run of statements did to the variables on the failing input."""

    line: int
    end_line: int
    code: str
    """The statements in one line, shortened."""

    before: tuple[tuple[str, str], ...] = ()
    """The variables that it mentions: name and shortened repr, in name order."""

    after: tuple[tuple[str, str], ...] = ()
    """The variables that are others afterwards."""

    returned: str = ""
    """What it returned, if it did."""

    skipped: int = 0
    """Blocks that ran before it and are not told."""

    def __str__(self) -> str:
        where = f"lines {self.line}-{self.end_line}"
        if self.line == self.end_line:
            where = f"line {self.line}"
        gap = f"({self.skipped} blocks left out) " if self.skipped else ""
        after = [f"{name} = {value}" for name, value in self.after]
        after += [f"returns {self.returned}"] if self.returned else []
        before = ", ".join(f"{name} = {value}" for name, value in self.before)
        told = f"{before} -> {', '.join(after)}" if after else before
        return f"{gap}{where} `{self.code}`" + (f": {told.strip()}" if told else "")


@dataclass(frozen=True, slots=True)
class Critique:
    """One reason to change one place."""

    constraint: str
    """The name of the constraint that is not satisfied."""

    kind: str
    """What went wrong: `wrong value`, `raised`, `timeout`, `syntax`, `lint`, ..."""

    path: str
    function: str
    span: Span
    direction: str
    """What to change, in one sentence."""

    counterexamples: tuple[Counterexample, ...] = ()
    findings: tuple[Finding, ...] = ()
    values: tuple[LineValues, ...] = ()
    lines: tuple[tuple[int, float], ...] = ()
    """Suspicion of each line of the function, 0 to 1, by line."""

    blocks: tuple[BlockValues, ...] = ()
    """What ran on the first counterexample, in order."""

    source: CritiqueSource = CritiqueSource.VERIFIER
    hard: bool = True
    weight: float = 1.0
    """How strongly the evidence points here, 0 to 1."""

    def to_data(self) -> dict[str, Any]:
        """Return the critique as JSON-able data."""
        return {
            "constraint": self.constraint,
            "kind": self.kind,
            "path": self.path,
            "function": self.function,
            "line": self.span.line,
            "end_line": self.span.end_line or self.span.line,
            "direction": self.direction,
            "weight": self.weight,
            "hard": self.hard,
            "source": str(self.source),
            "counterexamples": [asdict(example) for example in self.counterexamples],
            "values": [
                {"line": state.line, "values": [list(pair) for pair in state.values]}
                for state in self.values
            ],
            "lines": [list(pair) for pair in self.lines],
            "blocks": [str(block) for block in self.blocks],
        }

    def sort_key(self) -> tuple[object, ...]:
        """Hard before soft, strongest evidence first, then place and name."""
        return (
            not self.hard,
            -round(self.weight, 6),
            self.path,
            self.span.line,
            self.constraint,
            self.kind,
        )


class Gradient:
    """The critiques of one variable, strongest first, without repetition."""

    def __init__(self, critiques: Iterable[Critique] = ()) -> None:
        ordered = sorted(critiques, key=Critique.sort_key)
        self.critiques: tuple[Critique, ...] = tuple(dict.fromkeys(ordered))

    def __iter__(self) -> Iterator[Critique]:
        return iter(self.critiques)

    def __len__(self) -> int:
        return len(self.critiques)

    def __bool__(self) -> bool:
        return bool(self.critiques)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gradient) and self.critiques == other.critiques

    def __hash__(self) -> int:
        return hash(self.critiques)

    def __add__(self, other: "Gradient") -> "Gradient":
        """Accumulate two gradients, as two backward passes do."""
        return Gradient((*self.critiques, *other.critiques))

    @property
    def weight(self) -> float:
        """The strongest hard evidence in it, 0 if there is none."""
        return max((c.weight for c in self.critiques if c.hard), default=0.0)

    def suspicion(self) -> dict[int, float]:
        """Return the highest suspicion of each line over all critiques."""
        found: dict[int, float] = {}
        for critique in self.critiques:
            for line, weight in critique.lines:
                found[line] = max(found.get(line, 0.0), weight)
        return dict(sorted(found.items()))

    def render(self) -> str:
        """Return the gradient as text for a person or a model.

        Example:
            >>> wrong = Critique("test 1", "wrong value", "m.py", "f", Span(2),
            ...     "make f(1) return 2", (Counterexample("f(1)", "2", "1"),))
            >>> print(Gradient([wrong]).render())
            - [test 1] wrong value at line 2 of f: make f(1) return 2
                f(1): expected 2, observed 1
        """
        lines: list[str] = []
        for critique in self.critiques:
            lines.append(
                f"- [{critique.constraint}] {critique.kind} at {critique.span} of "
                f"{critique.function}: {critique.direction}"
            )
            shown = critique.counterexamples[:_MAX_EXAMPLES_SHOWN]
            lines += [f"    {example}" for example in shown]
            for state in critique.values:
                values = ", ".join(f"{name} = {value}" for name, value in state.values)
                lines.append(f"    at line {state.line}: {values}")
        return "\n".join(lines)
