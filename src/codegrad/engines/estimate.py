"""What a run on a model may cost, before the first request.

In: task, budget, the way to the model. Out: numbers and one sentence. Invariant: a
price that is unknown is said to be unknown, never 0.
"""

from dataclasses import dataclass

from codegrad.budget import Budget
from codegrad.code import Program
from codegrad.engines.chat import Wire
from codegrad.engines.engine import Direction
from codegrad.engines.llm import Style
from codegrad.engines.prompts import PromptTooLongError, proposal_prompt, target_of
from codegrad.task import Task

_FEEDBACK = 400
"""Tokens that the gradient and earlier attempts typically add to a prompt."""

_AROUND_CODE = 150
"""Tokens of a reply beside the code."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected of one run."""

    model: str
    calls_a_step: int
    tokens_in: int
    """Of a typical prompt."""

    tokens_out: int
    """Of a typical reply."""

    calls: int | None
    """The most that the budget allows; None if it does not say."""

    money_a_call: float | None
    """US dollars for a typical call; None if the price is unknown."""

    worst_a_call: float | None
    """US dollars if the reply is as long as it may be."""

    def sentence(self) -> str:
        """Return the estimate for people."""
        parts = [
            f"estimate: a step asks {self.model} {self.calls_a_step} times, about "
            f"{self.tokens_in:,} tokens in and {self.tokens_out:,} out each"
        ]
        if self.money_a_call is None or self.worst_a_call is None:
            price = "price unknown"
        elif not self.worst_a_call:
            price = "free of charge"
        else:
            price = f"${self.money_a_call * self.calls_a_step:.4f} a step"
        parts.append(price)
        if self.calls is not None:
            tokens = self.calls * (self.tokens_in + self.tokens_out)
            most = f"at most {self.calls:,} calls: about {tokens:,} tokens"
            if self.money_a_call and self.worst_a_call:
                most += (
                    f", ${self.calls * self.money_a_call:.2f}, never more than "
                    f"${self.calls * self.worst_a_call:.2f}"
                )
            parts.append(most)
        return "; ".join(parts)


def estimate(
    task: Task, budget: Budget, wire: Wire, *, model: str, style: Style | None = None
) -> Estimate:
    """Return what a run of `task` on `model` is expected to cost.

    The prompt is a real one, for the program as it is; what it will hold of feedback
    and how long replies will be is guessed.
    """
    style = style or Style()
    program = Program.from_task(task)
    target = target_of(task, program, Direction({}))
    room = style.context_tokens - style.max_tokens
    try:
        prompt = proposal_prompt(task, program, target, Direction({}), size=room)
        tokens_in = sum(len(m.text) // 4 for m in prompt.messages) + _FEEDBACK
    except PromptTooLongError:
        tokens_in = room
    code = len(program.sources[target.path]) // 4
    tokens_out = min(style.max_tokens, code + _AROUND_CODE)
    return Estimate(
        model,
        style.width + bool(style.plans),
        tokens_in,
        tokens_out,
        _calls(budget, tokens_in + tokens_out),
        wire.cost(tokens_in, tokens_out),
        wire.cost(tokens_in, style.max_tokens),
    )


def _calls(budget: Budget, tokens_a_call: int) -> int | None:
    limits = [budget.calls] if budget.calls is not None else []
    if budget.tokens is not None:
        limits.append(budget.tokens // tokens_a_call)
    return min(limits, default=None)
