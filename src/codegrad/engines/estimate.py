"""What a run on models may cost, before the first request.

In: task, budget, the share that each model has in the run. Out: numbers and one
sentence. Invariant: a price that is unknown is said to be unknown, never 0; what is
said to be the most is the most, whichever model the calls go to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.chat import Wire, token_guess
from codegrad.engines.engine import Direction
from codegrad.engines.llm import Style
from codegrad.engines.prompts import PromptTooLongError, proposal_prompt, target_of
from codegrad.task import Task

_FEEDBACK = 400
"""Tokens that the gradient and earlier attempts typically add to a prompt."""

_AROUND_CODE = 150
"""Tokens of a reply beside the code."""

_THOUGHTS = 2000
"""Tokens that a model which thinks first typically spends on it."""


class NamedWire(Wire, Protocol):
    """A way to a model that says which."""

    name: str

    @property
    def thinks(self) -> bool:
        """Whether the model thinks before it answers."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """What one model is asked for."""

    wire: NamedWire
    calls: int
    """In a step, or in the whole run if `is_once`."""

    style: Style
    is_once: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of one model."""

    model: str
    calls: int
    is_once: bool
    tokens_in: int
    """Of a typical prompt."""

    tokens_out: int
    """Of a typical reply."""

    money: float | None
    """US dollars for a typical call; None if the price is unknown."""

    worst: float | None
    """US dollars if prompt and reply are as long as they may be."""

    @property
    def tokens(self) -> int:
        """Of a typical call."""
        return self.tokens_in + self.tokens_out

    def sentence(self) -> str:
        """Say how often the model is asked, and how much."""
        size = f"about {self.tokens_in:,} tokens in and {self.tokens_out:,} out each"
        if self.is_once:
            return f"{self.model} is asked {_times(self.calls)} before, {size}"
        return f"a step asks {self.model} {_times(self.calls)}, {size}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected of one run."""

    models: tuple[Expected, ...]
    calls: int | None
    """The most that the budget allows; None if it does not say."""

    money: float | None = None
    """The most US dollars that the budget allows; None if it does not say."""

    @property
    def money_a_step(self) -> float | None:
        """US dollars for a typical step; None if a price is unknown."""
        return _sum([_times_known(m.money, m.calls) for m in self._stepwise])

    @property
    def typical(self) -> float | None:
        """US dollars for all calls; None if a price or their number is unknown."""
        once = [m for m in self.models if m.is_once]
        before = sum(m.calls for m in once)
        paid = _sum([_times_known(m.money, m.calls) for m in once])
        a_step = self.money_a_step
        if self.calls is None or paid is None or a_step is None:
            return None
        steps = max(0, self.calls - before) / max(
            1, sum(m.calls for m in self._stepwise)
        )
        return paid + a_step * steps

    @property
    def worst(self) -> float | None:
        """US dollars that are never exceeded; None if a price is unknown."""
        dearest = [m.worst for m in self.models]
        if self.calls is None or any(one is None for one in dearest):
            return self.money
        most = self.calls * max(one or 0.0 for one in dearest)
        return most if self.money is None else min(most, self.money)

    @property
    def _stepwise(self) -> list[Expected]:
        return [m for m in self.models if not m.is_once]

    def sentence(self) -> str:
        """Return the estimate for people."""
        parts = [model.sentence() for model in self.models]
        unknown = [m.model for m in self.models if m.money is None]
        if len(unknown) == len(self.models):
            parts.append("price unknown")
        elif unknown:
            parts.append(f"price of {' and '.join(unknown)} unknown")
        elif not any(m.worst for m in self.models):
            parts.append("free of charge")
        elif self._stepwise:
            parts.append(f"${self.money_a_step:.4f} a step")
        if self.calls is not None:
            parts.append(self._most(self.calls))
        return f"estimate: {'; '.join(parts)}"

    def _most(self, calls: int) -> str:
        counted = self._stepwise or self.models
        of_all = sum(m.calls for m in counted)
        tokens = calls * sum(m.calls * m.tokens for m in counted) // of_all
        most = f"at most {calls:,} calls: typically {tokens:,} tokens"
        if self.typical and self.worst:
            typical = min(self.typical, self.worst)
            most += f", ${typical:.2f}, never more than ${self.worst:.2f}"
        return most


def estimate(task: Task, budget: Budget, shares: Sequence[Share]) -> Estimate:
    """Return what a run of `task` is expected to cost.

    The prompt is a real one, for the program as it is; what it will hold of feedback
    and how long replies will be is guessed.
    """
    models = tuple(_expected(task, share) for share in shares)
    counted = [m for m in models if not m.is_once] or list(models)
    of_all = sum(m.calls for m in counted)
    a_call = sum(m.calls * m.tokens for m in counted) // max(1, of_all)
    return Estimate(models, _calls(budget, max(1, a_call)), budget.money)


def _expected(task: Task, share: Share) -> Expected:
    program = Program.from_task(task)
    target = target_of(task, program, Direction({}))
    style, wire = share.style, share.wire
    room = style.context_tokens - style.max_tokens
    try:
        prompt = proposal_prompt(task, program, target, Direction({}), size=room)
        said = sum(len(m.text) // 4 for m in prompt.messages)
        tokens_in = min(room, said + _FEEDBACK)
    except PromptTooLongError:
        tokens_in = room
    code = token_guess(program.sources[target.path]) * 3 // 4
    thoughts = _THOUGHTS if wire.thinks else 0
    tokens_out = min(style.max_tokens, code + _AROUND_CODE + thoughts)
    return Expected(
        wire.name,
        share.calls,
        share.is_once,
        tokens_in,
        tokens_out,
        wire.cost(tokens_in, tokens_out),
        wire.cost(room, style.max_tokens),
    )


def _calls(budget: Budget, tokens_a_call: int) -> int | None:
    limits = [budget.calls] if budget.calls is not None else []
    if budget.tokens is not None:
        limits.append(budget.tokens // tokens_a_call)
    return min(limits, default=None)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _times_known(money: float | None, number: int) -> float | None:
    return None if money is None else money * number


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
