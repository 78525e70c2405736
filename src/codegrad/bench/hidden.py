"""Hidden tests, and the one question that may be asked about each final answer.

In: final answers. Out: verdicts, in a ledger, with every question written down before
it is asked. Invariant: a verdict exists only for an answer that is final; nothing of
the hidden tests leaves this module but pass or fail of a suite.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from codegrad.bench.executors import Batch, Executor
from codegrad.bench.inputs import mutated_inputs
from codegrad.bench.ledger import Ledger
from codegrad.bench.problems import Case, Dataset, Problem, Suite
from codegrad.bench.samples import Sample
from codegrad.bench.solve import Answer
from codegrad.bench.verdicts import Outcome
from codegrad.errors import DatasetError
from codegrad.sandbox import Call, Ending, Limits, Sandbox

AGREEMENT = "agreement"
"""The suite of QuixBugs that compares with the correct program on other inputs."""

_INPUTS = 200
_REFERENCE_LIMITS = Limits(wall_s=10.0, cpu_s=60.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one final answer."""

    passed: Mapping[str, bool]
    """By suite: whether it and those before it were passed."""

    failed: str = ""
    """How the first suite that was not passed ended: `fail`, `timeout`, ..."""


class Judge:
    """Holds the hidden tests of one dataset.

    Args:
        dataset: The problems with their tests.
        executor: Where answers are graded.
        ledger: Where questions and verdicts are kept.
        problem_of: The problem of a task, where the two have different names.
    """

    def __init__(
        self,
        dataset: Dataset,
        executor: Executor,
        ledger: Ledger,
        *,
        problem_of: Callable[[str], Problem | None] | None = None,
    ) -> None:
        self._dataset = dataset
        self._executor = executor
        self._ledger = ledger
        self._problem_of = problem_of or dataset.problems.get

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self._dataset.name

    def ask(
        self, answers: Sequence[Answer], progress: Callable[[int, int], None] | None
    ) -> None:
        """Grade the answers that have no verdict yet, each once.

        Raises:
            DatasetError: If a reference of the dataset does not answer.
            OutputError: If a verdict cannot be written.
        """
        waiting = {a.key: a for a in answers if self._row(a.key) not in self._ledger}
        batches = list(self._batches(waiting.values()))
        total = sum(len(batch.samples) for batch in batches)
        for batch in batches:
            for sample in batch.samples:
                self._note_question(sample.key.hex())
        graded = self._executor.run(batches, lambda s: waiting[s.key.hex()].source)
        for done, (sample, verdict) in enumerate(graded, 1):
            outcomes = {name: str(one) for name, one in verdict.outcomes.items()}
            self._ledger.add(
                self._row(sample.key.hex()),
                {"judge": self.name, "answer": sample.key.hex(), "outcomes": outcomes},
            )
            if progress is not None:
                progress(done, total)

    def _row(self, key: str) -> str:
        return f"{key} {self.name}"

    def _note_question(self, key: str) -> None:
        """Write down that a question is about to be asked.

        After a kill between question and verdict it is asked, and counted, again.
        """
        number = 1
        while (row := f"{self._row(key)} asked {number}") in self._ledger:
            number += 1
        self._ledger.add(row, {"judge": self.name, "asked": number})

    def _batches(self, answers: Iterable[Answer]) -> Iterable[Batch]:
        by_task: dict[str, list[Answer]] = {}
        for answer in answers:
            by_task.setdefault(answer.task_id, []).append(answer)
        for task_id, found in by_task.items():
            problem = self._problem_of(task_id)
            if problem is not None:
                samples = (
                    Sample(task_id, bytes.fromhex(one.key), 0, 0, 0) for one in found
                )
                yield Batch(problem, tuple(samples))


class Judgements:
    """What a ledger says about final answers; asks nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self.queries = 0
        """How many questions were asked, in all processes that wrote the ledger."""

        self.suites: dict[str, tuple[str, ...]] = {}
        """The suites of each judge, in order."""

        self._found: dict[tuple[str, str], Judgement] = {}
        for _, row in ledger.rows():
            if "asked" in row:
                self.queries += 1
                continue
            judge, outcomes = row["judge"], row["outcomes"]
            known = self.suites.get(judge, ())
            self.suites[judge] = tuple(dict.fromkeys((*known, *outcomes)))
            self._found[judge, row["answer"]] = _judgement(outcomes)

    def of(self, judge: str, answer: Answer) -> Judgement | None:
        """Return what a judge said about an answer; None if it was not asked."""
        return self._found.get((judge, answer.key))


def _judgement(outcomes: Mapping[str, str]) -> Judgement:
    passed, holds, failed = {}, True, ""
    for name, outcome in outcomes.items():
        if holds and outcome != Outcome.PASSED:
            holds, failed = False, outcome
        passed[name] = holds
    return Judgement(passed, failed)


def twin_of(dataset: Dataset) -> Callable[[str], Problem | None]:
    """Return how a task is found in its twin: by its number.

    HumanEval, HumanEval+ and HumanEvalFix number the same problems alike.
    """
    by_number = {_number(name): one for name, one in dataset.problems.items()}
    return lambda task_id: by_number.get(_number(task_id))


def _number(task_id: str) -> str:
    return task_id.rpartition("/")[2]


def with_agreement(dataset: Dataset, *, allow_unsafe: bool = False) -> Dataset:
    """Return QuixBugs judged also by inputs that no solver has seen.

    The tests of QuixBugs are what a solver works with, so passing them says little.
    Programs on plain values have to agree with the correct program on up to 200
    inputs mutated from the tests', as far as that returns on them.
    """
    with Sandbox(allow_unsafe=allow_unsafe) as sandbox:
        problems = {
            name: _with_agreement(problem, sandbox)
            for name, problem in dataset.problems.items()
        }
    return replace(dataset, problems=problems)


def _with_agreement(problem: Problem, sandbox: Sandbox) -> Problem:
    known = [tuple(c.args) for suite in problem.suites for c in suite.cases]
    inputs = mutated_inputs(known, 3 * _INPUTS)
    if not inputs:
        return problem
    run = sandbox.call(
        problem.reference,
        problem.entry_point,
        [Call(args) for args in inputs],
        limits=_REFERENCE_LIMITS,
    )
    inside: list[Any] = [
        args
        for args, one in zip(inputs, run.calls, strict=True)
        if one.kind == Ending.RETURNED
    ]
    if not inside:
        raise DatasetError(f"the correct program of {problem.task_id} does not answer")
    cases = tuple(Case(args) for args in inside[:_INPUTS])
    suite = Suite(AGREEMENT, cases, states_expected=False)
    return replace(problem, suites=(*problem.suites, suite))
