"""How large a question to a model may be, how long its reply, how patient one is.

In: what the user said, and what is known of the model. Out: `Style` and `Patience`.
Invariant: what the user said is kept to; all else suits the model.
"""

from dataclasses import dataclass

from codegrad.engines.llm import Style
from codegrad.engines.local import CONTEXT_TOKENS, is_local
from codegrad.engines.patience import Patience
from codegrad.errors import UsageError

CONTEXT = 32_000
"""What every model in use today has, and no more than a server of one's own may."""

THINKING_CONTEXT = 64_000
REPLY_TOKENS = 4096
THINKING_REPLY_TOKENS = 16_384
"""Of a model that thinks first: its thoughts are part of the reply."""

_AT_HOME = Patience(timeout_s=900.0, longest_s=7200.0, parallel=1)
"""For weights on this machine: one request at a time, however long it takes."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the user says of the models; None is what suits each."""

    max_tokens: int | None = None
    """Of one reply, thoughts included."""

    context_tokens: int | None = None
    """What fits into one request, the reply included."""

    temperature: float | None = None
    """Of proposals."""

    timeout_s: float | None = None
    """For a sign of life of a reply."""

    parallel: int | None = None
    """Requests to one server at the same time."""

    def check(self) -> None:
        """Check that the numbers go together.

        Raises:
            UsageError: If a reply would leave no room for a question.
        """
        longest, context = self.max_tokens, self.context_tokens
        if longest is not None and context is not None and longest * 4 > context * 3:
            raise UsageError(
                f"--max-tokens {longest} leaves too little of a context of {context} "
                "tokens for the question; a reply may take three quarters at most"
            )

    def style(self, name: str, *, thinks: bool = False) -> Style:
        """Return how the model `name` is asked; `thinks` if it thinks first."""
        context = CONTEXT_TOKENS if is_local(name) else CONTEXT
        longest = REPLY_TOKENS
        if thinks:
            context, longest = THINKING_CONTEXT, THINKING_REPLY_TOKENS
        context = self.context_tokens or max(context, 2 * (self.max_tokens or 0))
        longest = self.max_tokens or min(longest, context // 2)
        usual = Style()
        return Style(
            temperature=usual.temperature
            if self.temperature is None
            else self.temperature,
            max_tokens=longest,
            context_tokens=context,
        )

    def patience(self, name: str) -> Patience:
        """Return how long the server of the model `name` is waited for."""
        usual = _AT_HOME if is_local(name) else Patience()
        timeout_s = self.timeout_s or usual.timeout_s
        return Patience(
            timeout_s=timeout_s,
            longest_s=max(usual.longest_s, timeout_s),
            parallel=self.parallel or usual.parallel,
        )
