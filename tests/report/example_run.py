"""A run written by hand, event by event, as `codegrad.events` documents them."""

from collections.abc import Mapping, Sequence
from typing import Any

from codegrad.events import Event
from codegrad.store.journal import RunStatus, RunSummary

START = '''"""Middle values."""


def median(numbers):
    """Return the median of numbers.

    >>> median([3, 1, 2])
    2
    """
    ordered = numbers
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return ordered[middle]
'''
SORTED = START.replace("ordered = numbers", "ordered = sorted(numbers)")
_LAST = "    return ordered[middle]\n"
END = SORTED.removesuffix(_LAST) + (
    "    return (ordered[middle - 1] + ordered[middle]) / 2\n"
)

SUMMARY = RunSummary(
    id="01mqz4b7k2",
    name="median.py::median",
    started=1_795_000_000.0,
    status=RunStatus.VERIFIED,
    steps=2,
    candidates=412,
    seconds=3.4,
    sentence="verified: 4 of 4 hard constraints hold",
)

_NAMES = {
    "syntax": ("syntax", "the source compiles", "derived", True),
    "lint": ("lint", "no lint errors", "derived", False),
    "types": ("types", "no type errors", "derived", False),
    "doctest 1": ("tests", "median([3, 1, 2]) == 2", "derived", True),
    "test 1": ("tests", "median([4, 1, 3, 2]) == 2.5", "given", True),
    "test 2": ("tests", "median([7]) == 7", "given", True),
}
CONSTRAINTS: list[dict[str, Any]] = [
    {"name": name, "stage": stage, "text": text, "origin": origin, "hard": hard}
    for name, (stage, text, origin, hard) in _NAMES.items()
]
TYPES_NOT_RUN = {"types": "ty is not installed"}


def loss(*refuted: str, sentence: str = "") -> dict[str, Any]:
    """A loss in which the named constraints are refuted and all others hold."""
    verdicts: list[dict[str, Any]] = [
        {
            "constraint": name,
            "stage": stage,
            "status": "refuted" if name in refuted else "passed",
            "reason": "",
            "checked": 1,
            "distance": 0.5 if name in refuted else 0.0,
            "counterexamples": [],
            "findings": [],
            "forge_proof": True,
        }
        for name, (stage, *_) in _NAMES.items()
        if name not in TYPES_NOT_RUN
    ]
    count = len(refuted)
    value = count - 0.5 if count else 0.0
    ladder = ["syntax", "lint", "types", "tests"]
    return {
        "value": value,
        "hard": [0, 0, 0, count],
        "ladder": ladder,
        "soft": 0,
        "distance": 0.5 if count else 0.0,
        "verdicts": verdicts,
        "not_run": dict(TYPES_NOT_RUN),
        "sentence": sentence
        or (
            f"refuted: {count} of 4 hard constraints do not hold; not run: types"
            if count
            else "verified: 4 of 4 hard constraints hold (0 proved, 4 tested by 3 "
            "executions); not run: types"
        ),
    }


def critique(constraint: str, line: int, **changes: Any) -> dict[str, Any]:
    """A critique with a counterexample, values and suspicions."""
    return {
        "constraint": constraint,
        "kind": "wrong value",
        "path": "median.py",
        "function": "median",
        "line": line,
        "end_line": line,
        "direction": "make median([3, 1, 2]) return 2: the list is not in order",
        "weight": 0.9,
        "hard": True,
        "source": "verifier",
        "counterexamples": [
            {
                "call": "median([3, 1, 2])",
                "expected": "2",
                "observed": "1",
                "line": None,
                "shrunk_from": "",
            }
        ],
        "findings": [],
        "values": [{"line": line, "values": [["numbers", "[3, 1, 2]"]]}],
        "lines": [[10, 0.9], [11, 0.4], [13, 0.7], [14, 0.2]],
    } | changes


def proposal(sources: Mapping[str, str], after: dict[str, Any]) -> dict[str, Any]:
    """A proposal that was accepted."""
    return {
        "engine": "search",
        "label": "wrap in sorted()",
        "line": 10,
        "sources": dict(sources),
        "cost": {"candidates": 103},
        "loss": after,
        "accepted": True,
        "reason": "",
    }


def started(**changes: Any) -> Event:
    """The first event of a run."""
    return Event(
        "started",
        0,
        {
            "task": "median.py::median",
            "engine": "built-in search (no provider is configured)",
            "budget": {"candidates": 60000, "seconds": None},
            "seed": 1234,
            "sources": {"median.py": START},
            "constraints": CONSTRAINTS,
            "environment": {"codegrad": "0.1.0", "python": "3.11.2"},
        }
        | changes,
    )


def finished(status: str, reason: str = "", **changes: Any) -> Event:
    """The last event of a run that found the correct program."""
    final = loss()
    evidence = [
        {
            "constraint": c["name"],
            "text": c["text"],
            "origin": c["origin"],
            "hard": c["hard"],
            "stage": c["stage"],
            "status": None if c["name"] in TYPES_NOT_RUN else "passed",
            "checked": 0 if c["name"] in TYPES_NOT_RUN else 1,
            "reason": TYPES_NOT_RUN.get(c["name"], ""),
            "forge_proof": True,
        }
        for c in CONSTRAINTS
    ]
    return Event(
        "finished",
        2,
        {
            "status": status,
            "reason": reason,
            "sources": {"median.py": END},
            "loss": final,
            "spent": {"candidates": 412, "seconds": 3.42, "calls": 0},
            "evidence": evidence,
        }
        | changes,
    )


def verified_run() -> list[Event]:
    """A run of two accepted steps, the first with a rejected proposal before it."""
    first, second, last = loss("doctest 1", "test 1"), loss("test 1"), loss()
    reversed_text = START.replace("ordered = numbers", "ordered = numbers[::-1]")
    rejected = proposal({"median.py": reversed_text}, first) | {
        "label": "reverse the list",
        "accepted": False,
        "reason": "the loss does not fall",
    }
    return numbered(
        [
            started(),
            Event("verified", 0, {"loss": first}),
            Event("verified", 1, {"loss": first}),
            Event(
                "gradient",
                1,
                {"critiques": [critique("doctest 1", 10), critique("test 1", 14)]},
            ),
            Event("proposed", 1, rejected),
            Event("proposed", 1, proposal({"median.py": SORTED}, second)),
            Event(
                "stepped",
                1,
                {
                    "accepted": True,
                    "loss": second,
                    "sources": {"median.py": SORTED},
                    "spent": {"candidates": 103, "seconds": 0.9},
                },
            ),
            Event("checkpoint", 1, {"state": {"anything": [1, 2]}}),
            Event("gradient", 2, {"critiques": [critique("test 1", 14)]}),
            Event("proposed", 2, proposal({"median.py": END}, last)),
            Event(
                "stepped",
                2,
                {
                    "accepted": True,
                    "loss": last,
                    "sources": {"median.py": END},
                    "spent": {"candidates": 412, "seconds": 3.4},
                },
            ),
            finished("verified"),
        ]
    )


def killed_run() -> list[Event]:
    """The same run, killed while its second step was under way."""
    return verified_run()[:9]


def unchanged_run() -> list[Event]:
    """A run whose tests passed already."""
    return numbered(
        [
            started(sources={"median.py": END}),
            Event("verified", 0, {"loss": loss()}),
            finished("unchanged", "every test passes already"),
        ]
    )


def long_run(steps: int) -> list[Event]:
    """A run of many steps that never succeeds."""
    events = [started(), Event("verified", 0, {"loss": loss("test 1")})]
    for step in range(1, steps + 1):
        text = START + f"# step {step}\n"
        outcome = loss("test 1")
        outcome["value"] = round(2 - step / steps, 3)
        accepted = step % 3 == 0
        events += [
            Event("gradient", step, {"critiques": [critique("test 1", 14)]}),
            Event(
                "proposed",
                step,
                proposal({"median.py": text}, outcome) | {"accepted": accepted},
            ),
            Event(
                "stepped",
                step,
                {
                    "accepted": accepted,
                    "loss": outcome,
                    "sources": {"median.py": text} if accepted else {},
                    "spent": {"candidates": step * 10, "seconds": step * 0.1},
                },
            ),
        ]
    return numbered(events)


def numbered(events: Sequence[Event]) -> list[Event]:
    """The events with the places and times that a journal would give them."""
    return [
        Event(event.kind, event.step, event.data, seq, SUMMARY.started + seq)
        for seq, event in enumerate(events, 1)
    ]
