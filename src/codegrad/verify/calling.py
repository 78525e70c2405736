"""Many calls of one program, in batches and within a budget of processor time.

In: a program's text and inputs. Out: one outcome for each input, remembered. Invariant:
an input that was not called because the budget ran out says so (`NOT_RUN`).
"""

from collections.abc import Sequence
from dataclasses import replace

from codegrad.sandbox import Call, CallOutcome, Ending, Limits, LoadOutcome
from codegrad.verify.inputs import Args
from codegrad.verify.stage import Workbench

BATCH = 100
"""Inputs sent to one child."""

QUICK_S = 0.5
"""Seconds that one generated input may take; the tests have the full limit."""

_BIG_RESULT_MB = 512


class Caller:
    """Calls one function of one program and remembers what it returned.

    Args:
        bench: Its sandbox and limits.
        source: The program.
        entry: The function.
        context: Source to execute before the program.
        cpu_s: Processor seconds for all calls together.
        seen: Outcomes by the text of the input; used and added to.
    """

    def __init__(  # noqa: PLR0913 - a program is a source, an entry and a context
        self,
        bench: Workbench,
        source: str,
        entry: str,
        *,
        context: str = "",
        cpu_s: float = 4.0,
        seen: dict[str, CallOutcome] | None = None,
    ) -> None:
        self._bench = bench
        self._source = source
        self._entry = entry
        self._context = context
        self._left_s = cpu_s
        self._seen = {} if seen is None else seen
        self.load = LoadOutcome()
        self.cpu_s = 0.0
        self.hangs = 0

    @property
    def limits(self) -> Limits:
        """The limits of one generated call: those of the bench, but quicker."""
        limits = self._bench.limits
        return replace(
            limits,
            wall_s=min(limits.wall_s, QUICK_S),
            memory_mb=min(limits.memory_mb, _BIG_RESULT_MB),
        )

    def call(self, inputs: Sequence[Args]) -> list[CallOutcome]:
        """Return the outcome for each input, in order."""
        wanted = {repr(args): args for args in inputs}
        missing = [args for key, args in wanted.items() if key not in self._seen]
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            if self._left_s <= 0 or not self.load.ok:
                break
            for args, outcome in zip(part, self._run(part), strict=True):
                if outcome.kind is not Ending.NOT_RUN:
                    self._seen[repr(args)] = outcome
        nothing = CallOutcome(Ending.NOT_RUN, message="the budget was spent")
        return [self._seen.get(repr(args), nothing) for args in inputs]

    def _run(self, inputs: Sequence[Args]) -> Sequence[CallOutcome]:
        run = self._bench.sandbox.call(
            self._source,
            self._entry,
            [Call(args) for args in inputs],
            limits=self.limits,
            context=self._context,
        )
        self.load = run.load
        hangs = sum(outcome.kind is Ending.TIMEOUT for outcome in run.calls)
        self.hangs += hangs
        self.cpu_s += run.cpu_s
        # A call that sleeps costs no processor time but as much of the user's.
        self._left_s -= max(run.cpu_s, hangs * self.limits.wall_s)
        return run.calls

    def is_confirmed(self, args: Args) -> bool:
        """Return whether one call fails to return under the full limits, too."""
        run = self._bench.sandbox.call(
            self._source,
            self._entry,
            [Call(args)],
            limits=self._bench.limits,
            context=self._context,
        )
        return run.calls[0].kind is not Ending.RETURNED
