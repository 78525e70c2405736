"""An experiment as text for a terminal and as a self-contained web page.

In: the document of `codegrad.bench.compare`. Out: text, HTML. Invariant: the page
needs no script and no network, and says what was asked of the hidden tests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from codegrad.report.printable import one_line

_Document = Mapping[str, Any]

_PLOT = 400.0
"""Width of the drawing of an interval, in its own units."""


def headline(document: _Document) -> str:
    """Return in one line what was compared on what."""
    plan = document["plan"]
    tasks, engine = len(plan["tasks"]), plan["engine"]
    critic = f", critic {plan['critic']}" if plan["critic"] else ""
    return (
        f"{plan['benchmark']}: {tasks} tasks, engine {engine}{critic}, "
        f"{plan['samples']} x {plan['seeds']} answers a task and strategy"
    )


def hidden_line(document: _Document) -> str:
    """Return how often hidden tests were asked about how many final answers."""
    hidden = document["hidden"]
    judges = "" if hidden["judges"] == 1 else f" by {hidden['judges']} judges"
    return (
        f"hidden tests: {hidden['queries']} queries for {hidden['answers']} final "
        f"answers{judges}, each after all answers were final"
    )


def table_text(document: _Document) -> str:
    """Return the table of an experiment as aligned text."""
    head, *rows = _table(document)
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def difference_lines(document: _Document) -> list[str]:
    """Return each paired difference in a line."""
    return [
        f"{found['ours']} minus {found['theirs']}, {_column(found)}: "
        f"{found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}], better on "
        f"{found['better']}, worse on {found['worse']} of {found['tasks']} tasks"
        for found in document["differences"]
    ]


def render_benchmark(document: _Document) -> str:
    """Return the page of an experiment."""
    head, *rows = _table(document)
    return _template().render(
        document=document,
        plan=document["plan"],
        headline=headline(document),
        hidden=hidden_line(document),
        head=head,
        rows=rows,
        bars=list(_bars(document)),
        width=_PLOT,
        tasks=list(_task_rows(document)),
    )


def _table(document: _Document) -> list[list[str]]:
    columns = [f"{judge} {suite}" for judge, suite in document["columns"]]
    samples = document["plan"]["samples"]
    head = ["strategy"]
    for column in columns:
        head += [f"{column} pass@1", "95 %"]
        head += [f"pass@{samples}"] if samples > 1 else []
    head += ["verified", "right of these"]
    head += ["candidates", "calls", "tokens", "$", "seconds"]
    return [head, *(_cells(row, samples) for row in document["strategies"])]


def _cells(row: Mapping[str, Any], samples: int) -> list[str]:
    cells = [row["name"]]
    for score in row["scores"]:
        found = score["pass_at_1"]
        cells += [f"{found['mean']:.3f}", f"[{found['low']:.3f}, {found['high']:.3f}]"]
        if samples > 1:
            at_k = {int(k): value for k, value in score["pass_at_k"].items()}
            cells.append(f"{at_k[samples]:.3f}" if samples in at_k else "-")
    last = row["scores"][-1]["verified_and_right"] if row["scores"] else None
    cells += [_share(row["verified"]), _share(last)]
    spent = row["per_answer"]
    cells += [_number(spent[name], 0) for name in ("candidates", "calls", "tokens")]
    # A price that is not known is not 0, and not missing either.
    money = "unknown" if row.get("unpriced") else _number(spent["money"], 4)
    return [*cells, money, _number(spent["seconds"], 1)]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _column(found: Mapping[str, Any]) -> str:
    return f"{found['judge']} {found['suite']}"


@dataclass(frozen=True, slots=True)
class _Bar:
    """An interval as it is drawn."""

    label: str
    column: str
    text: str
    low: float
    mean: float
    high: float
    zero: float
    tone: str


def _bars(document: _Document) -> Iterator[_Bar]:
    found = document["differences"]
    reach = max(
        (abs(one[side]) for one in found for side in ("low", "high")), default=0
    )
    reach = max(reach, 0.05)

    def place(value: float) -> float:
        return round((value + reach) / (2 * reach) * _PLOT, 1)

    for one in found:
        tone = "good" if one["low"] > 0 else "bad" if one["high"] < 0 else "open"
        yield _Bar(
            f"{one['ours']} minus {one['theirs']}",
            _column(one),
            f"{one['mean']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]",
            place(one["low"]),
            place(one["mean"]),
            place(one["high"]),
            place(0.0),
            tone,
        )


def _task_rows(document: _Document) -> Iterator[tuple[str, Sequence[tuple[str, str]]]]:
    """Yield each task with a cell, and its tone, for each strategy."""
    for task, cells in document["tasks"].items():
        shown = []
        for name in document["plan"]["strategies"]:
            cell = cells.get(name)
            if cell is None:
                shown.append(("-", "none"))
                continue
            tone = "good" if cell["right"] == cell["answers"] else "open"
            tone = tone if cell["right"] else "bad"
            text = f"{cell['right']}/{cell['answers']} right"
            text += f", {cell['verified']} verified"
            shown.append((text, tone))
        yield task, shown


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["line"] = lambda value: one_line(str(value))
    source = resources.files("codegrad.report").joinpath("benchmark.html.j2")
    return environment.from_string(source.read_text(encoding="utf-8"))
