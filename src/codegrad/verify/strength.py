"""Evidence strength: how much "every constraint holds" is worth.

In: a program whose hard constraints hold, and the ladder that showed it. Out:
`Strength`: which single-edit mutants the same evidence refutes, which it lets live
although they behave differently, and the inputs that nobody checks. Invariant: a
mutant counts as equal only on inputs that were run, and the number of these is told.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from time import monotonic
from typing import Any

from codegrad.errors import UsageError
from codegrad.sandbox import CallOutcome, Ending
from codegrad.task import Sources, Task
from codegrad.tasks.literals import call_text
from codegrad.verdict import Status
from codegrad.verify.calls import describe
from codegrad.verify.inputs import Args
from codegrad.verify.ladder import Ladder
from codegrad.verify.memory import Memory
from codegrad.verify.mutants import Mutant, mutants
from codegrad.verify.oracles import is_sendable
from codegrad.verify.reference import EXPLORED, Comparison
from codegrad.verify.session import Session, smallest_first
from codegrad.verify.stage import Workbench

MOST = 100
"""Mutants that are tried; a sample, drawn with the seed, of what there is."""

SECONDS = 120.0
"""Wall-clock seconds after which no further mutant is begun."""

_STAGES = ("syntax", "tests", "properties", "proof", "robustness")
"""Stages whose hard constraints may refute a mutant. Times are left out (a busy
machine would count as evidence), and CrossHair, which takes seconds a mutant."""

_MUTANT_S = 1.0
"""Seconds that one test of a mutant may take; many mutants never return."""

_COMPARED_S = 2.0

Progress = Callable[[int, int], None]
"""Hears how many mutants of how many were tried."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that the evidence lets live, and an input that would end it."""

    line: int
    edit: str
    call: str
    """An input that nobody checks, as it can be pasted."""

    now: str
    """What the program does with it."""

    mutant: str
    """What the mutant does with it."""

    test: str
    """A test that would refute the mutant, to be confirmed by a person."""


@dataclass(frozen=True, slots=True)
class Strength:
    """What one piece of evidence is worth."""

    seed: int
    sites: int
    """Mutants that exist."""

    tried: int
    refuted: int
    equal: int
    """Mutants without a difference on the inputs tried."""

    undecided: int
    """Mutants that live and could not be compared."""

    inputs: int
    """Inputs with which a mutant is compared, at most."""

    survivors: tuple[Survivor, ...] = ()
    complete: bool = True
    """Whether the time was enough for all that were to be tried."""

    @property
    def share(self) -> float | None:
        """The share of refuted mutants of those not equal; None if there are none.

        What could not be compared counts as not refuted.
        """
        told = self.tried - self.equal
        return self.refuted / told if told else None

    def sentence(self) -> str:
        """Return what the evidence is worth in one sentence."""
        if self.share is None:
            return "evidence strength: there is no mutant to refute"
        told = self.tried - self.equal
        text = (
            f"evidence strength {self.share:.0%}: {self.refuted} of {told} "
            "single-edit mutants are refuted"
        )
        if self.equal:
            text += f"; of {self.equal} more no difference was found on "
            text += f"{self.inputs} inputs"
        if self.undecided:
            text += f"; {self.undecided} could not be compared"
        if self.tried < self.sites:
            text += f"; a sample of {self.sites}"
            text += "" if self.complete else ", cut short by the time limit"
        return text

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Strength":
        """Return what `to_data` wrote."""
        known = {name: value for name, value in data.items() if name != "share"}
        survivors = tuple(Survivor(**row) for row in known.pop("survivors"))
        return cls(**known, survivors=survivors)

    def to_data(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        data = asdict(self)
        data["survivors"] = [asdict(s) for s in self.survivors]
        return data | {"share": None if self.share is None else round(self.share, 4)}


def check_measurable(task: Task) -> None:
    """Check that `measure_strength` can say something about `task`.

    Raises:
        UsageError: If the tests are the project's own.
    """
    if task.repository is not None:
        raise UsageError(
            "evidence strength is measured for functions and programs, not with a "
            "project's own pytest tests; leave out --strength, or give examples or a "
            "contract"
        )


def measure_strength(  # noqa: PLR0913 - what is measured, and within which limits
    task: Task,
    sources: Sources,
    bench: Workbench,
    ladder: Ladder | None = None,
    *,
    most: int = MOST,
    seconds: float = SECONDS,
    progress: Progress | None = None,
) -> Strength:
    """Return how many mutants of `sources` the evidence for it refutes.

    The same seed and task give the same result, unless the time limit cuts it short
    (then `complete` is false).

    Raises:
        UsageError: If the tests are the project's own: each mutant would cost a whole
            run of pytest.
    """
    check_measurable(task)
    every = list(mutants(sources[task.main], task.entry_point))
    seed = bench.memory.seed
    chosen = every
    if len(every) > most:
        rng = random.Random(seed)  # noqa: S311 - a sample that can be drawn again
        places = sorted(rng.sample(range(len(every)), most))
        chosen = [every[place] for place in places]
    names = (ladder or Ladder()).names
    limits = replace(bench.limits, wall_s=min(bench.limits.wall_s, _MUTANT_S))
    with Workbench(
        python=bench.python,
        limits=limits,
        allow_unsafe=bench.allow_unsafe,
        seed=seed,
        inputs=bench.memory.count,
    ) as quick:
        trial = _Trial(
            task, sources, quick, Ladder.of([n for n in _STAGES if n in names])
        )
        began = monotonic()
        for number, mutant in enumerate(chosen):
            if monotonic() - began > seconds:
                break
            if progress:
                progress(number, len(chosen))
            trial.judge(mutant)
    return Strength(
        seed=seed,
        sites=len(every),
        tried=trial.tried,
        refuted=trial.refuted,
        equal=trial.equal,
        undecided=trial.undecided,
        inputs=trial.inputs,
        survivors=tuple(trial.survivors),
        complete=trial.tried == len(chosen),
    )


class _Trial:
    """Counts mutants by what becomes of them."""

    def __init__(
        self, task: Task, sources: Sources, bench: Workbench, ladder: Ladder
    ) -> None:
        self._task = task
        self._sources = sources
        self._bench = bench
        self._ladder = ladder
        # What the mutants are compared with is the program itself.
        self._mirror = replace(task, reference=sources[task.main])
        self._memory = Memory(bench.memory.count, seed=bench.memory.seed)
        self._telling: list[Args] = []
        self.tried = self.refuted = self.equal = self.undecided = self.inputs = 0
        self.survivors: list[Survivor] = []

    def judge(self, mutant: Mutant) -> None:
        """Find out what becomes of one mutant."""
        self.tried += 1
        if self._is_refuted(mutant):
            self.refuted += 1
            return
        remembered = self._memory.of(self._mirror)
        if remembered.inputs.problem or not self._task.entry_point:
            self.undecided += 1
            return
        session = Session(
            {self._task.main: mutant.source},
            remembered,
            self._bench,
            cpu_s=_COMPARED_S,
        )
        comparison = Comparison(session)
        failing = self._differing(session, comparison)
        if failing:
            self.survivors.append(self._survivor(mutant, session, failing))
        elif comparison.checked:
            self.equal += 1
            self.inputs = max(self.inputs, comparison.checked)
        else:
            self.undecided += 1

    def _is_refuted(self, mutant: Mutant) -> bool:
        sources = {**self._sources, self._task.main: mutant.source}
        run = self._ladder.quick(sources, self._task, self._bench)
        hard = {c.name for c in self._task.constraints if c.hard}
        return any(
            v.status is Status.REFUTED and v.constraint in hard for v in run.verdicts
        )

    def _differing(self, session: Session, comparison: Comparison) -> list[Args]:
        """Return an input that tells the mutant apart, if one is found.

        One that told another mutant apart comes first: few tests should end many.
        """
        for args in self._telling:
            if comparison.differing([args]):
                return [args]
        failing = comparison.differing(session.in_domain(session.inputs.all))
        failing = failing or comparison.differing(session.explore(EXPLORED))
        if not failing:
            return []
        admits = session.inputs.profile.admits
        like = [args for args in failing if admits(args)]

        def differs(batch: Sequence[Args]) -> list[bool]:
            # An input like the examples is the one that a person would test.
            found = comparison.differs_many(batch)
            return [
                bad and (not like or admits(args))
                for args, bad in zip(batch, found, strict=True)
            ]

        first = session.shrunk(smallest_first(like or failing)[0], differs)
        self._telling.append(first)
        return [first]

    def _survivor(
        self, mutant: Mutant, session: Session, failing: Sequence[Args]
    ) -> Survivor:
        args = failing[0]
        good = session.reference.call([args])[0]
        ours = session.candidate.call([args])[0]
        call = call_text(session.entry, args, {})
        return Survivor(
            line=mutant.line,
            edit=mutant.edit,
            call=session.call_text(args),
            now=describe(good),
            mutant=describe(ours),
            test=suggested_test(call, good),
        )


def suggested_test(call: str, outcome: CallOutcome) -> str:
    """Return a test that pins what the program does now, for a person to confirm.

    Example:
        >>> suggested_test("f(1)", CallOutcome(Ending.RETURNED, value=[2]))
        'assert f(1) == [2]  # to be confirmed: nobody checks this input'
    """
    remark = "  # to be confirmed: nobody checks this input"
    if outcome.kind is Ending.RETURNED and is_sendable(outcome.value):
        if outcome.value is None:
            return f"assert {call} is None{remark}"
        value = repr(outcome.value)
        if value in {"nan", "inf", "-inf"}:
            return f'assert repr({call}) == "{value}"{remark}'
        return f"assert {call} == {value}{remark}"
    return f"{call}{remark}: {describe(outcome)}"
