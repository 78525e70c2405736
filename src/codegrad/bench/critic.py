"""A critic that lies: what of its lies is caught, and does any step get worse?

    python -m codegrad.bench.critic --data DIR [--each 2] [--json FILE]

For recorded wrong programs of development tasks a scripted critic is made from known
truths (inputs on which the program and the reference differ) and as many falsehoods of
several kinds. An obedient engine does to the letter whatever of it reaches the step,
offers another wrong program too, and a right one last. Printed: the claims by kind and
what became of them; the accepted steps, and how many got worse by the loss or on
generated inputs that nobody saw; and the runs that end with less than their best. All
this for the strategy as it is shipped, with search, repairs and restarts; without
these; and for a critic that is believed and a loop that takes every step. Only what
this program prints knows the reference.
"""

import argparse
import ast
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from codegrad.bench.datasets import open_dataset
from codegrad.bench.lies import TRUE, Told, is_met, told_of
from codegrad.bench.pool import quick
from codegrad.bench.problems import Problem
from codegrad.bench.rows import read_rows
from codegrad.bench.visible import visible_tasks
from codegrad.budget import Budget, Spent
from codegrad.code import Program
from codegrad.engines.claims import Claim, ClaimStatus, InputClaim
from codegrad.engines.critic import ScriptedCritic
from codegrad.engines.engine import (
    Answer,
    Direction,
    Engine,
    Guidance,
    Progress,
    Proposal,
    silent,
)
from codegrad.engines.extraction import extract
from codegrad.engines.intent import Expectation
from codegrad.engines.remarks import Remark
from codegrad.engines.search import SearchEngine
from codegrad.errors import CodeGradError
from codegrad.events import Event
from codegrad.gradient import CritiqueSource
from codegrad.optim.strategy import CODEGRAD, Critic, Gate, Strategy
from codegrad.refine import refine
from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.task import Task
from codegrad.tasks.literals import read_call
from codegrad.verify.generation import inputs_of
from codegrad.verify.inputs import Args
from codegrad.verify.stage import Workbench

STEPS = 3
SEARCHED = 300
"""Candidates of the search in one step: few, so that the critic has a say too."""

SHIPPED = CODEGRAD
PROJECTED = replace(
    CODEGRAD, name="the model and the gate alone", searches=False, restarts=False
)
BELIEVED = replace(
    PROJECTED,
    name="believed, every step taken",
    gate=Gate.NONE,
    critic=Critic.UNCHECKED,
    guidance=Guidance(checks_claims=False),
)
_SHOWN_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Case:
    """A wrong program, what the critic will say of it, and what could be proposed."""

    task: Task
    told: tuple[Told, ...]
    other: str
    right: str
    unseen: tuple[tuple[Args, Any], ...]
    """Inputs that no claim is about, with what the reference returns."""


@dataclass(slots=True)
class Tally:
    """What happened over all cases."""

    claims: dict[str, Counter[str]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    steps: int = 0
    accepted: int = 0
    worse_loss: int = 0
    """Accepted steps after which the loss is higher."""

    worse_unseen: int = 0
    """Accepted steps after which fewer unseen inputs are right."""

    solved: int = 0
    spoilt: int = 0
    """Runs that end with fewer unseen inputs right than they began with."""

    lost: int = 0
    """Runs that end with a higher loss than they had reached."""

    @property
    def caught(self) -> float:
        """The share of false claims that never reached a step."""
        false = sum((c for k, c in self.claims.items() if k != TRUE), Counter[str]())
        return 1 - false[str(ClaimStatus.CONFIRMED)] / max(1, false.total())


class ObedientEngine:
    """Does what the critic says, to the letter; then offers `other`, then `right`."""

    name = "obedient"

    def __init__(self, case: Case) -> None:
        self._claims = {str(told.claim): told.claim for told in case.told}
        self._case = case
        self._step = 0

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,  # noqa: ARG002 - a list costs nothing
        progress: Progress = silent,
    ) -> Answer:
        """Return the program with special cases for what reached the step."""
        self._step += 1
        source = program.sources[task.main]
        texts = [
            patched
            for gradient in direction.gradients.values()
            for critique in gradient
            if critique.source is CritiqueSource.CRITIC
            for text, claim in self._claims.items()
            if critique.direction.startswith(text[:_SHOWN_LIMIT])
            and (patched := special_case(source, task, claim))
        ]
        if self._step > 1:
            texts.append(self._case.other)
        if self._step == STEPS:
            texts.append(self._case.right)
        progress(len(texts), "obeying")
        return Answer(
            [
                Proposal({**program.sources, task.main: text}, f"obeyed {n}")
                for n, text in enumerate(dict.fromkeys(texts), 1)
            ],
            Spent(candidates=len(texts)),
            exhausted=self._step >= STEPS,
        )

    def state(self) -> dict[str, Any]:
        """Return how far it is."""
        return {"step": self._step}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._step = int(state["step"])

    def close(self) -> None:
        """Hold nothing."""


def special_case(source: str, task: Task, claim: Claim) -> str | None:
    """Return the module that does what a claim wants on its input alone."""
    if not isinstance(claim, InputClaim):
        return None
    call, wanted = read_call(claim.call), Expectation.read(claim.expected)
    if call is None or wanted is None or wanted.error:
        return None
    return (
        f"{source}\n\n_inner = {task.entry_point}\n\n\n"
        f"def {task.entry_point}(*args):\n"
        f"    if args == {call.args!r}:\n"
        f"        return {wanted.value!r}\n"
        f"    return _inner(*args)\n"
    )


def cases(folder: Path, each: int, bench: Workbench) -> Iterator[Case]:
    """Yield `each` wrong programs of every development task, with their critic.

    Raises:
        DatasetError: If a file cannot be read.
    """
    path = folder / "HumanEvalPlus.jsonl.gz"
    problems = open_dataset("humaneval+", path).problems
    tasks = visible_tasks("humaneval+", path)
    wrong, right = (
        _completions(folder / f"{kind}_humaneval_dev.jsonl.gz")
        for kind in ("wrong", "right")
    )
    for task_id in sorted(wrong):
        problem = problems[task_id]
        stub = quick(tasks[task_id])
        modules = _modules(wrong[task_id], stub)
        good = _modules(right.get(task_id, ()), stub)
        rng = random.Random(task_id)  # noqa: S311 - a script that can be repeated
        rng.shuffle(modules)
        made = 0
        for index, module in enumerate(modules):
            if made == each or not good:
                break
            task = replace(stub, sources={stub.main: module})
            case = _case(task, problem, modules[index - 1], good[0], rng, bench)
            if case is not None:
                made += 1
                yield case


def _completions(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in read_rows(path)[0]:
        found[str(row["task_id"])].append(str(row["code"]))
    return found


def _modules(codes: Sequence[str], stub: Task) -> list[str]:
    found = [
        extract(
            f"```python\n{code}\n```", current=stub.source, entry_point=stub.entry_point
        ).source
        for code in codes
    ]
    return list(dict.fromkeys(source for source in found if source))


def _case(  # noqa: PLR0913, PLR0917 - what a case is made of
    task: Task,
    problem: Problem,
    other: str,
    right: str,
    rng: random.Random,
    bench: Workbench,
) -> Case | None:
    inputs = inputs_of(task, 120).like
    rng.shuffle(inputs)
    truth = _run(problem.reference, problem.entry_point, inputs, bench)
    does = _run(task.source, task.entry_point, inputs, bench)
    known = [
        (args, meant.value, done)
        for args, meant, done in zip(inputs, truth, does, strict=False)
        if meant.kind is Ending.RETURNED and _is_plain(meant.value)
    ]
    half = len(known) // 2
    told = told_of(task, known[:half], rng)
    unseen = tuple((args, value) for args, value, _ in known[half:])
    if not told or not unseen:
        return None
    return Case(task, told, other, right, unseen)


def _run(
    source: str, entry: str, inputs: Sequence[Args], bench: Workbench
) -> Sequence[CallOutcome]:
    calls = [Call(args) for args in inputs]
    run = bench.sandbox.call(source, entry, calls, limits=bench.limits)
    return run.calls if run.load.ok else ()


def _is_plain(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError, RecursionError):
        return False


def carry_out(case: Case, strategy: Strategy, bench: Workbench, tally: Tally) -> None:
    """Run one case with one strategy and add what happened to `tally`."""
    remarks = [
        Remark("correctness", 1, str(told.claim), "", told.claim) for told in case.told
    ]
    events: list[Event] = []
    engines: list[Engine] = [ObedientEngine(case)]
    if strategy.searches:
        engines.insert(0, SearchEngine(bench=bench, step_candidates=SEARCHED))
    result = refine(
        case.task,
        engines=engines,
        critic=ScriptedCritic([remarks] * STEPS, bench=bench),
        strategy=strategy,
        bench=bench,
        on_event=events.append,
    )
    kinds = {str(told.claim): told.kind for told in case.told}
    first = next((e for e in events if e.kind == "reviewed"), None)
    for row in first.data["claims"] if first else ():
        tally.claims[kinds[row["claim"]]][row["status"]] += 1
    start = share = _share(case, case.task.source, bench)
    loss = next(e.data["loss"]["value"] for e in events if e.kind == "verified")
    best = loss
    source = case.task.source
    for event in events:
        if event.kind != "stepped":
            continue
        tally.steps += 1
        reached = event.data["loss"]["value"]
        # A restart goes on from another program: steps are compared with that one.
        if (text := event.data["sources"][case.task.main]) != source:
            now = _share(case, text, bench)
            if event.data["accepted"]:
                tally.accepted += 1
                tally.worse_loss += reached > loss
                tally.worse_unseen += now < share
            share, source = now, text
        loss, best = reached, min(best, reached)
    last = next(e.data["loss"]["value"] for e in events if e.kind == "finished")
    tally.lost += last > best
    end = _share(case, result.code, bench)
    tally.solved += end == 1
    tally.spoilt += end < start


def _share(case: Case, source: str, bench: Workbench) -> float:
    """Return the share of unseen inputs on which a program is right."""
    inputs = [args for args, _ in case.unseen]
    done = _run(source, case.task.entry_point, inputs, bench)
    pairs = zip(case.unseen, done, strict=False)
    right = sum(is_met((args, meant, what)) for (args, meant), what in pairs)
    return right / len(inputs)


def report(tallies: Mapping[str, Tally], count: int) -> str:
    """Return the tables as text."""
    checked = tallies[PROJECTED.name]
    lines = [f"{count} wrong programs, claims of the first review, each executed", ""]
    lines.append(f"{'claim':<32}{'confirmed':>11}{'refuted':>9}{'unchecked':>11}")
    for kind, found in sorted(checked.claims.items(), key=lambda row: row[0] != TRUE):
        row = "".join(
            f"{found[str(status)]:>{width}}"
            for status, width in zip(ClaimStatus, (11, 9, 11), strict=True)
        )
        lines.append(f"{kind:<32}{row}")
    lines += ["", f"false claims caught: {checked.caught:.1%}", ""]
    lines.append(
        f"{'strategy':<30}{'steps':>7}{'accepted':>10}{'worse: loss':>13}"
        f"{'unseen':>8}{'runs: lost':>12}{'spoilt':>8}{'all unseen right':>18}"
    )
    lines += [
        f"{name:<30}{t.steps:>7}{t.accepted:>10}{t.worse_loss:>13}"
        f"{t.worse_unseen:>8}{t.lost:>12}{t.spoilt:>8}{t.solved:>18}"
        for name, t in tallies.items()
    ]
    return "\n".join(lines) + "\n"


def run(
    chosen: Iterator[Case] | Sequence[Case],
    bench: Workbench,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[dict[str, Tally], int]:
    """Return what happened with each strategy, and the number of cases."""
    strategies = SHIPPED, PROJECTED, BELIEVED
    tallies = {strategy.name: Tally() for strategy in strategies}
    count = 0
    for count, case in enumerate(chosen, 1):
        for strategy in strategies:
            carry_out(case, strategy, bench, tallies[strategy.name])
        progress(count)
    return tallies, count


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 1 if a step through the gate, or its run, got worse."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.critic")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--each", type=int, default=2, help="programs of each task")
    parser.add_argument("--json", type=Path, dest="json_path")
    options = parser.parse_args(arguments)

    def said(count: int) -> None:
        sys.stderr.write(f"\r{count} programs")
        sys.stderr.flush()

    try:
        with Workbench() as bench:
            tallies, count = run(cases(options.data, options.each, bench), bench, said)
    except CodeGradError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stderr.write("\n")
    sys.stdout.write(report(tallies, count))
    projected = tallies[PROJECTED.name]
    gated = [tallies[strategy.name] for strategy in (SHIPPED, PROJECTED)]
    worse = sum(tally.worse_loss + tally.lost for tally in gated)
    if options.json_path is not None:
        data = {
            "programs": count,
            "caught": projected.caught,
            "claims": {kind: dict(found) for kind, found in projected.claims.items()},
            "worse": worse,
        }
        options.json_path.write_text(json.dumps(data, indent=2), encoding="utf-8")
    return int(worse > 0)


if __name__ == "__main__":
    sys.exit(main())
