"""What an experiment says: one row a strategy, and what separates them.

In: final answers and what the judges said. Out: one JSON document, from which the
table and the page are drawn. Tasks are the units: intervals draw tasks again.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from codegrad.bench.bootstrap import mean_interval, paired_difference
from codegrad.bench.experiment import SCHEMA, Plan
from codegrad.bench.hidden import Judgements
from codegrad.bench.passk import mean_pass_at_k
from codegrad.bench.solve import Answer
from codegrad.optim.strategy import strategy_of

SPENT = ("candidates", "calls", "tokens", "money")

Column = tuple[str, str]
"""A judge and one of its suites."""


def compare(
    plan: Plan,
    answers: Sequence[Answer],
    judgements: Judgements,
    *,
    hashes: Mapping[str, str],
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the document of an experiment.

    The first strategy is compared with each other one, on every suite.
    """
    columns = [
        (judge, suite)
        for judge, suites in judgements.suites.items()
        for suite in suites
    ]
    rights = {column: _rights(answers, judgements, column) for column in columns}
    rows = [
        _row(plan, name, [a for a in answers if a.strategy == name], rights)
        for name in plan.strategies
    ]
    return {
        "schema": SCHEMA,
        "plan": plan.about(),
        "columns": [list(column) for column in columns],
        "strategies": rows,
        "differences": list(_differences(plan, answers, rights)),
        "hidden": {
            "queries": judgements.queries,
            "answers": len(answers),
            "judges": len(judgements.suites),
        },
        "tasks": _tasks(plan, answers, rights[columns[-1]] if columns else {}),
        "hashes": dict(hashes),
        "notes": list(notes),
    }


def _rights(
    answers: Iterable[Answer], judgements: Judgements, column: Column
) -> dict[str, bool]:
    """Return whether each answer that was judged passes the suite, by key."""
    judge, suite = column
    found: dict[str, bool] = {}
    for answer in answers:
        judgement = judgements.of(judge, answer)
        if judgement is not None and suite in judgement.passed:
            found[answer.key] = judgement.passed[suite]
    return found


def _by_task(
    answers: Iterable[Answer], right: Mapping[str, bool]
) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for answer in answers:
        if answer.key in right:
            found.setdefault(answer.task_id, []).append(right[answer.key])
    return found


def _row(
    plan: Plan,
    name: str,
    answers: Sequence[Answer],
    rights: Mapping[Column, Mapping[str, bool]],
) -> dict[str, Any]:
    verified = [answer for answer in answers if answer.verified]
    unpriced = sum(answer.unpriced for answer in answers)
    unknown = {"money": None} if unpriced else {}
    scores = []
    for (judge, suite), right in rights.items():
        by_task = _by_task(answers, right)
        shares = [statistics.fmean(found) for found in by_task.values()]
        counts = [(len(found), sum(found)) for found in by_task.values()]
        held = [right[a.key] for a in verified if a.key in right]
        scores.append(
            {
                "judge": judge,
                "suite": suite,
                "tasks": len(by_task),
                "pass_at_1": asdict(mean_interval(shares)),
                "pass_at_k": mean_pass_at_k(counts, sorted({1, plan.samples})),
                "by_seed": _by_seed(plan, answers, right),
                "verified_and_right": _mean(held),
            }
        )
    return {
        "name": name,
        "summary": strategy_of(name).summary,
        "answers": len(answers),
        "scores": scores,
        "verified": _mean([answer.verified for answer in answers]),
        "per_answer": {
            **{n: _mean([a.spent.get(n, 0.0) for a in answers]) for n in SPENT},
            "seconds": _mean([a.seconds for a in answers]),
            "steps": _mean([a.steps for a in answers]),
            **unknown,
        },
        "total": {
            **{n: round(sum(a.spent.get(n, 0.0) for a in answers), 6) for n in SPENT},
            "seconds": round(sum(a.seconds for a in answers), 1),
            **unknown,
        },
        "unpriced": unpriced,
    }


def _by_seed(
    plan: Plan, answers: Sequence[Answer], right: Mapping[str, bool]
) -> list[float | None]:
    return [
        _mean([right[a.key] for a in answers if a.seed == seed and a.key in right])
        for seed in range(plan.seeds)
    ]


def _differences(
    plan: Plan,
    answers: Sequence[Answer],
    rights: Mapping[Column, Mapping[str, bool]],
) -> Iterable[dict[str, Any]]:
    ours, *others = plan.strategies
    for theirs in others:
        for (judge, suite), right in rights.items():
            left, other = (
                _by_task([a for a in answers if a.strategy == name], right)
                for name in (ours, theirs)
            )
            tasks = [task for task in plan.tasks if task in left and task in other]
            pairs = [
                (statistics.fmean(left[task]), statistics.fmean(other[task]))
                for task in tasks
            ]
            found = paired_difference([a for a, _ in pairs], [b for _, b in pairs])
            yield {
                "ours": ours,
                "theirs": theirs,
                "judge": judge,
                "suite": suite,
                **asdict(found),
                "better": sum(a > b for a, b in pairs),
                "worse": sum(a < b for a, b in pairs),
                "tasks": len(tasks),
            }


def _tasks(
    plan: Plan, answers: Iterable[Answer], right: Mapping[str, bool]
) -> dict[str, Any]:
    found: dict[str, dict[str, Any]] = {task: {} for task in plan.tasks}
    for answer in answers:
        cell = found[answer.task_id].setdefault(
            answer.strategy,
            {"answers": 0, "verified": 0, "right": 0, "seconds": 0.0, "reason": ""},
        )
        cell["answers"] += 1
        cell["verified"] += answer.verified
        cell["right"] += right.get(answer.key, False)
        cell["seconds"] = round(cell["seconds"] + answer.seconds, 3)
        cell["reason"] = cell["reason"] or ("" if answer.verified else answer.reason)
    return found


def _mean(values: Sequence[float]) -> float | None:
    return round(statistics.fmean(values), 6) if values else None
