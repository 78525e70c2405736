"""The search inside the candidate's process: one job in, frames out.

A job names a program, its tests and a range of candidates; the kernel analyses the
program, makes the candidates in their fixed order, tries those in the range, and
reports. The same job always has the same answer. Nothing here is a verdict: what
the kernel calls plausible is verified again elsewhere.

A job is a JSON object:

    source      text of the module
    context     source executed before it, never edited ("" for none)
    entry       name of the function that call tests call
    functions   qualified names that may change, or null for all
    tests       records: {"kind": "call" | "raises" | "code" | "stdin", ...}; a call
                may name another "function" than the entry, and be "exact" about
                types of numbers
    suspicion   {line: weight} from outside, or null
    phase       "edits" | "ticks" | "holes" | "stub"
    start       index of the first candidate
    count       how much to spend at most: each candidate counts 1, and 1 more for
                every 5,000 steps that it took
    indices     the candidates to try instead of a range, or null
    hanging     tests that hang with the program as it is: run last, only for what
                passes all others
    tick_limit  steps a candidate may take in one test, or null for the default
    parts       whether to report what makes failing tests pass and breaks none
    extra       how many more candidates to try after the first plausible one
    prompt      what the function should do, in words
    seed        carried along; nothing here draws random numbers

Frames: one `{"analysis": ...}`, any number of `{"hit": ...}`, one `{"end": ...}`.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from codegrad.search.analysis import Analysis, analyse
from codegrad.search.cases import CaseSuite, Suite
from codegrad.search.edits import Edit
from codegrad.search.evaluate import Evaluator, Outcome, Status
from codegrad.search.generate import generate_edits
from codegrad.search.holes import hole_edits, stub_edits
from codegrad.search.splice import splice
from codegrad.search.subject import Subject, is_stub

Job = dict[str, Any]

MAX_PARTS = 4
"""Hits of one job that are reported because they make some failing tests pass."""

MAX_PARTIAL = 24
"""Partial hits of one job that are reported, the most promising."""

ALIKE_PENALTY = 0.03
"""What each earlier hit of the same score takes from the promise of a partial hit:
equal scores mostly mean equal behaviour."""

COST_WEIGHT = 0.1
"""What a unit of cost takes from the promise of a partial hit."""

TICKS_PER_CANDIDATE = 5_000
"""Steps that cost about as much as making and trying a candidate."""

COLLECT_EVERY = 512
"""Candidates between two garbage collections."""

RECURSION_MARGIN = 940
"""Frames that the candidate may use: a little less than a fresh interpreter has, so
that what is found here does not fail there for its depth."""


class Emit(Protocol):
    """How the kernel reports."""

    def __call__(self, frame: dict[str, Any], /) -> None:
        """Send one frame."""

    def mark(self, index: int, /) -> None:
        """Record which candidate is being tried; survives a kill.

        -1 is none yet; -2 - i is test i, run on the program as it is.
        """


class _Silence:
    """Stands in for a standard stream; takes all, gives nothing."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """Do nothing."""

    def read(self, size: int = -1) -> str:
        del size
        return ""

    def readline(self, size: int = -1) -> str:
        del size
        return ""

    def isatty(self) -> bool:
        return False


def run(job: Job, emit: Emit) -> None:
    """Carry out one job; see the module for its fields and the frames.

    A program that cannot be loaded is reported in the analysis frame.
    """
    streams = sys.stdin, sys.stdout
    limit = sys.getrecursionlimit()
    sys.stdin = sys.stdout = _Silence()
    sys.setrecursionlimit(_depth() + RECURSION_MARGIN)
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # candidates are often doubtful Python
            _run(job, emit)
    finally:
        gc.enable()
        sys.setrecursionlimit(limit)
        sys.stdin, sys.stdout = streams


def _depth() -> int:
    depth, frame = 0, sys._getframe()  # noqa: SLF001 - no public way in CPython
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def _run(job: Job, emit: Emit) -> None:
    program = any(test["kind"] == "stdin" for test in job["tests"])
    try:
        subject = Subject(job["source"], job.get("functions"), program=program)
        suite = CaseSuite(
            subject,
            job["tests"],
            entry=job.get("entry") or "",
            context=job.get("context") or "",
        )
    except BaseException as error:  # noqa: BLE001 - loading the module runs its code
        message = f"{type(error).__name__}: {error}"[:300]
        counts = {"passed": 0, "total": len(job["tests"]), "generated": 0}
        emit({"analysis": {**counts, "error": message}})
        emit({"end": {"tried": 0, "spent": 0, "next": job.get("start", 0)}})
        return
    search(job, emit, subject, suite)


def search(job: Job, emit: Emit, subject: Subject, suite: Suite) -> None:
    """Carry out a job on a program and a suite that are already loaded.

    This is the entry for suites of another kind than a job's records.
    """
    given = job.get("suspicion") or {}
    analysis = analyse(
        suite,
        {int(line): weight for line, weight in given.items()},
        hanging=job.get("hanging") or (),
        on_test=lambda index: emit.mark(-2 - index),
    )
    emit.mark(-1)
    if analysis.passed == len(suite):
        candidates: Sequence[Edit] = []
    else:
        candidates = _candidates(job, subject, suite, analysis)
    emit({"analysis": _report(subject, suite, analysis, len(candidates))})
    sweep = _Sweep(job, emit, subject, suite, analysis)
    tried, following = sweep.try_all(candidates)
    emit({"end": {"tried": tried, "spent": sweep.spent(tried), "next": following}})


def _report(
    subject: Subject, suite: Suite, analysis: Analysis, generated: int
) -> dict[str, Any]:
    ranked = sorted(analysis.suspicion.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "passed": analysis.passed,
        "total": len(suite),
        "generated": generated,
        # Such a test never ran a function of this module: no edit here changes it.
        "apart": sum(analysis.ticks[index] == 0 for index in analysis.failing),
        "score": sum(1.0 if r.ok else 0.5 * r.similarity for r in analysis.results),
        "suspicion": [[line, round(weight, 4)] for line, weight in ranked],
        "tick_limit": analysis.tick_limit,
        "stub": any(is_stub(unit.node) for unit in subject.units),
    }


def _candidates(
    job: Job, subject: Subject, suite: Suite, analysis: Analysis
) -> Sequence[Edit]:
    entry = job.get("entry") or ""
    if job["phase"] == "holes":
        return hole_edits(subject, suite, analysis, entry)
    if job["phase"] == "stub":
        return stub_edits(subject, job["tests"], entry, job.get("prompt") or "")
    return generate_edits(subject, suite, analysis, entry)


class _Sweep:
    """Tries candidates in order and reports what is worth it."""

    def __init__(
        self,
        job: Job,
        emit: Emit,
        subject: Subject,
        suite: Suite,
        analysis: Analysis,
    ) -> None:
        self._job = job
        self._emit = emit
        self._subject = subject
        if job.get("tick_limit"):
            analysis.tick_limit = job["tick_limit"]
        self._evaluator = Evaluator(subject, suite, analysis)
        self._missing = len(suite) - self._evaluator.base_score
        self._partial: dict[float, list[tuple[int, Edit]]] = {}
        self._parts: list[tuple[int, float, int, Edit, Outcome]] = []
        self._left: int | None = None

    def try_all(self, candidates: Sequence[Edit]) -> tuple[int, int]:
        """Try the job's candidates; return how many, and the index to go on from."""
        tried, following = 0, self._job.get("start", 0)
        gc.collect()
        gc.freeze()
        for index in self._indices(len(candidates)):
            if self._left is not None:
                if self._left <= 0:
                    break
                self._left -= 1
            self._emit.mark(index)
            self._try(index, candidates[index])
            tried, following = tried + 1, index + 1
            if self.spent(tried) >= self._job["count"]:
                break
            if tried % COLLECT_EVERY == 0:
                gc.collect()
        for promise, score, index, edit in self._best_partial():
            self._hit(index, edit, Outcome(Status.PARTIAL, score), promise)
        self._parts.sort(key=lambda item: item[:3])
        for _, _, index, edit, outcome in self._parts[:MAX_PARTS]:
            self._hit(index, edit, outcome, is_part=True)
        gc.unfreeze()
        return tried, following

    def spent(self, tried: int) -> int:
        """Return what so many candidates have cost; see `count` of a job."""
        return tried + self._evaluator.ticks // TICKS_PER_CANDIDATE

    def _indices(self, generated: int) -> Iterator[int]:
        wanted = self._job.get("indices")
        start, count = self._job.get("start", 0), self._job["count"]
        if wanted is None:
            yield from range(start, min(generated, start + count))
        else:
            kept = [i for i in wanted if start <= i < generated]
            yield from kept[:count]

    def _try(self, index: int, edit: Edit) -> None:
        outcome = self._evaluator.evaluate(edit)
        if outcome.status is Status.PLAUSIBLE:
            self._hit(index, edit, outcome)
            if self._left is None:
                self._left = self._job.get("extra", 0)
        elif outcome.status is Status.PARTIAL:
            alike = self._partial.setdefault(round(outcome.score, 6), [])
            if len(alike) < MAX_PARTIAL:
                alike.append((index, edit))
            if outcome.gained and self._job.get("parts"):
                part = (-outcome.gained, edit.cost, index, edit, outcome)
                self._parts.append(part)
        elif outcome.status is Status.TICKS:
            hit = {"index": index, "status": "ticks", "cost": edit.cost}
            self._emit({"hit": hit})

    def _best_partial(self) -> list[tuple[float, float, int, Edit]]:
        """Return (promise, score, index, edit), the most promising first.

        Promise is the share of what is missing that the edit gains, less for its
        cost: a costly special case gains much and leads nowhere.
        """
        found = []
        for score, alike in self._partial.items():
            gain = (score - self._evaluator.base_score) / self._missing
            for rank, (index, edit) in enumerate(alike):
                lacking = COST_WEIGHT * edit.cost + ALIKE_PENALTY * rank
                found.append((gain - lacking, score, index, edit))
        found.sort(key=lambda item: (-item[0], item[2]))
        return found[:MAX_PARTIAL]

    def _hit(
        self,
        index: int,
        edit: Edit,
        outcome: Outcome,
        promise: float = 1.0,
        *,
        is_part: bool = False,
    ) -> None:
        is_offered = is_part or outcome.status is Status.PLAUSIBLE
        lost = self._evaluator.lost_lines(edit) if is_offered else 0
        self._emit(
            {
                "hit": {
                    "index": index,
                    "status": "part" if is_part else outcome.status.value,
                    "gained": outcome.gained,
                    "score": outcome.score,
                    "promise": promise,
                    "strict": outcome.strict,
                    "lost": lost,
                    "cost": edit.cost,
                    "template": edit.template,
                    "line": edit.line,
                    "edit": edit.describe(),
                    "source": self._render(edit),
                }
            }
        )

    def _render(self, edit: Edit) -> str:
        old = edit.apply(positions=False)
        try:
            return splice(self._subject.source, self._subject.clean_tree())
        finally:
            edit.undo(old)
