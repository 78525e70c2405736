"""Who reviews in a run: the critic that is named, or the engine's own model.

In: a strategy, the critic and the engines of a run. Out: a reviewer, or none where the
strategy does without. Invariant: a strategy that is nothing but the word of a critic
never runs without one in silence.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from codegrad.engines.critic import Reviewer
from codegrad.engines.engine import Engine
from codegrad.errors import UsageError
from codegrad.optim.strategy import Critic, Strategy
from codegrad.verify.stage import Workbench


@runtime_checkable
class OwnReviewer(Protocol):
    """An engine whose model can review as well."""

    def reviewer(self, bench: Workbench) -> Reviewer:
        """Return a critic that asks the same model, in the same ledger."""
        ...


def reviewer_for(
    strategy: Strategy,
    critic: Reviewer | None,
    engines: Sequence[Engine],
    bench: Workbench,
) -> Reviewer | None:
    """Return who reviews in a run.

    Where a critic is believed and none is named, the model that writes reviews its own
    code, as Self-Refine, Reflexion and TextGrad do it.

    Raises:
        UsageError: If such a strategy has neither a critic nor a model.
    """
    if strategy.critic is Critic.OFF:
        return None
    if critic is not None or strategy.critic is Critic.CHECKED:
        return critic
    for engine in engines:
        if isinstance(engine, OwnReviewer):
            return engine.reviewer(bench)
    raise UsageError(
        f"the strategy {strategy.name} follows what a critic says, and there is none: "
        "name one with --critic, or a model with --engine that reviews its own code"
    )
