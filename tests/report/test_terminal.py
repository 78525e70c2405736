import io
import re
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from codegrad.events import Event
from codegrad.gradient import Critique
from codegrad.report.story import Story
from codegrad.report.terminal import (
    LiveProgress,
    show_critiques,
    show_diff,
    show_evidence,
    show_next,
    show_runs,
    show_story,
    show_verdict,
)
from tests.report.example_run import (
    END,
    START,
    SUMMARY,
    finished,
    killed_run,
    long_run,
    loss,
    started,
    unchanged_run,
    verified_run,
)
from tests.report.hostile import HOSTILE, hostile_run

STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Output:
    """A console and what was written to it."""

    def __init__(
        self, *, terminal: bool, width: int = 100, encoding: str = "utf-8"
    ) -> None:
        self.bytes = io.BytesIO()
        self.stream = io.TextIOWrapper(self.bytes, encoding=encoding, newline="")
        self.console = Console(
            file=self.stream,
            force_terminal=terminal,
            width=width,
            color_system="standard" if terminal else None,
            legacy_windows=False,
        )

    @property
    def text(self) -> str:
        self.stream.flush()
        return self.bytes.getvalue().decode(self.stream.encoding)


def plain_story(events: list[Event], width: int = 80) -> str:
    output = Output(terminal=False, width=width)
    show_story(output.console, SUMMARY, events)
    return output.text


def test_a_piped_story_has_one_fact_a_line() -> None:
    lines = plain_story(verified_run()).splitlines()
    assert "run: 01mqz4b7k2" in lines
    assert "seed: 1234" in lines
    assert "  counterexample: median([3, 1, 2]): expected 2, observed 1" in lines
    assert "  values: at line 10: numbers = [3, 1, 2]" in lines
    assert "next: codegrad apply 01mqz4b7k2" in lines
    assert (
        "evidence: not run: types: no type errors (types, derived, soft, 0 checked)"
        " - ty is not installed" in lines
    )
    (verdict,) = [line for line in lines if line.startswith("verdict: ")]
    assert verdict.startswith("verdict: Verified after 2 steps: 4 of 4 hard")


def test_another_next_command_can_be_given() -> None:
    output = Output(terminal=False)
    show_story(output.console, SUMMARY, [], next_command="codegrad demo")
    assert output.text.splitlines()[-1] == "next: codegrad demo"


def test_piped_output_does_not_depend_on_the_width() -> None:
    assert plain_story(verified_run(), 20) == plain_story(verified_run(), 400)


@pytest.mark.parametrize(
    "events", [verified_run(), killed_run(), unchanged_run(), long_run(90), []]
)
def test_piped_output_has_no_styles(events: list[Event]) -> None:
    assert "\x1b" not in plain_story(events)


def test_a_terminal_shows_the_same_facts() -> None:
    output = Output(terminal=True)
    show_story(output.console, SUMMARY, verified_run())
    text = STYLE.sub("", output.text)
    for part in (
        "✓ Verified after 2 steps",
        "median([3, 1, 2]): expected 2, observed 1",
        "ty is not installed",
        "- not run",
        "Next: codegrad apply 01mqz4b7k2",
        "ordered = sorted(numbers)",
    ):
        assert part in text
    assert "\x1b[" in output.text


def test_a_terminal_line_fits_the_width() -> None:
    output = Output(terminal=True, width=40)
    show_evidence(output.console, Story.from_events(verified_run()).evidence)
    assert all(len(line) <= 40 for line in STYLE.sub("", output.text).splitlines())


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_hostile_text_can_neither_style_nor_steer(
    encoding: str, *, terminal: bool
) -> None:
    output = Output(terminal=terminal, encoding=encoding, width=4000)
    story = Story.from_events(hostile_run())
    show_story(output.console, SUMMARY, hostile_run())
    show_critiques(output.console, story.steps[0].critiques)
    show_runs(output.console, [SUMMARY])
    with LiveProgress(output.console) as progress:
        for event in hostile_run():
            progress(event)
        progress(Event("progress", 3, {"candidates": 5, "note": HOSTILE}))
    live = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|2K|1A|[0-9]*[AGK])|\r")
    text = live.sub("", output.text)
    assert all(c.isprintable() or c in "\n\t" for c in text)
    assert "[bold red]markup[/bold red] [/] :smile:" in text


def test_the_piped_difference_is_a_patch(tmp_path: Path) -> None:
    output = Output(terminal=False, width=20)
    start = START.replace("    ordered", "\tif True:\n\t\tpass\n    ordered")
    after = {
        "median.py": start.replace("= numbers", "= sorted(numbers)"),
        "b.py": "x\n",
    }
    show_diff(output.console, {"median.py": start, "b.py": "y\n"}, after)
    for path, text in {"median.py": start, "b.py": "y\n"}.items():
        (tmp_path / path).write_text(text)
    done = subprocess.run(
        ["git", "apply", "-p0", "-"],
        cwd=tmp_path,
        input=output.text.encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path: (tmp_path / path).read_text() for path in after} == after


def test_no_difference_prints_nothing() -> None:
    output = Output(terminal=False)
    show_diff(output.console, {"m.py": START}, {"m.py": START})
    assert output.text == ""


def test_a_terminal_difference_numbers_its_lines() -> None:
    output = Output(terminal=True)
    show_diff(output.console, {"m.py": START}, {"m.py": END})
    text = STYLE.sub("", output.text)
    assert "   10       -     ordered = numbers\n" in text
    assert "         10 +     ordered = sorted(numbers)\n" in text


def test_critiques_can_be_limited_and_say_so() -> None:
    critiques: list[Critique] = []
    for step in Story.from_events(verified_run()).steps:
        critiques += step.critiques
    output = Output(terminal=False)
    show_critiques(output.console, critiques, limit=1)
    assert output.text.count("critique: ") == 1
    assert "2 weaker critiques not shown" in output.text


def test_runs_are_one_line_each_when_piped() -> None:
    output = Output(terminal=False, width=10)
    show_runs(output.console, [SUMMARY, SUMMARY])
    first, second = output.text.splitlines()
    assert first == second
    assert first.startswith("01mqz4b7k2  2026-11-18T11:06:40Z  verified  steps=2  ")


def test_no_runs_are_said_to_be_none() -> None:
    output = Output(terminal=False)
    show_runs(output.console, [])
    assert output.text == "no runs yet\n"


def test_the_verdict_has_a_symbol_and_a_word_on_a_terminal() -> None:
    output = Output(terminal=True)
    show_verdict(output.console, "Not verified: no ideas left.", "exhausted")
    show_next(output.console, "codegrad resume 01x")
    text = STYLE.sub("", output.text)
    assert text == "✗ Not verified: no ideas left.\nNext: codegrad resume 01x\n"


# ----------------------------------------------------------- live view ----


class Clock:
    """A clock that only goes when it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def stepped(number: int, tried: int, value: float) -> Event:
    outcome = loss("test 1") | {"value": value}
    spent = {"candidates": tried, "seconds": 1.0}
    data = {"accepted": True, "loss": outcome, "sources": {}, "spent": spent}
    return Event("stepped", number, data)


def test_piped_progress_is_a_line_a_step_at_most_every_few_seconds() -> None:
    output, clock = Output(terminal=False, width=20), Clock()
    with LiveProgress(output.console, interval_s=2.0, clock=clock) as progress:
        progress(started())
        progress(stepped(1, 100, 2.0))
        clock.now += 1
        progress(stepped(2, 200, 1.0))
        clock.now += 1
        progress(stepped(3, 300, 1.5))
    assert output.text.splitlines() == [
        "step 1: accepted; 100 candidates; best loss 2; 0 s",
        "step 3: accepted; 300 candidates; 100/s; best loss 1; 2 s",
    ]


def test_what_was_tried_before_a_resume_does_not_count_as_speed() -> None:
    output, clock = Output(terminal=False), Clock()
    with LiveProgress(output.console, interval_s=0.0, clock=clock) as progress:
        progress(Event("progress", 4, {"candidates": 10_000}))
        clock.now += 10
        progress(stepped(5, 10_500, 1.0))
    assert "10,500 candidates; 50/s" in output.text


def test_a_terminal_shows_ladder_and_numbers_and_leaves_nothing_behind() -> None:
    output, clock = Output(terminal=True), Clock()
    with LiveProgress(output.console, clock=clock) as progress:
        for event in verified_run()[:6]:
            progress(event)
        progress(Event("progress", 1, {"candidates": 7, "note": "wrap in sorted()"}))
        assert progress._live is not None
        progress._live.refresh()
    text = STYLE.sub("", output.text)
    assert "✓ syntax 1/1" in text
    assert "✗ tests 1/3" in text
    assert "step 1 | 7 candidates | best loss 1.5 | 0 s | wrap in sorted()" in text
    assert output.text.endswith("\x1b[2K")
    assert "\x1b[?25h" in output.text


def test_a_reader_that_went_away_does_not_stop_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    with LiveProgress(Console(file=Gone())) as progress:
        progress(stepped(1, 1, 1.0))
        progress(finished("verified"))
    assert progress._step == 2


@pytest.mark.parametrize("terminal", [True, False])
def test_what_must_be_read_is_not_cut_off_however_narrow_it_is(
    *, terminal: bool
) -> None:
    stopping = (
        "openai:coder: stopping: waiting for 3 replies that are paid for; Ctrl-C again "
        "leaves them"
    )
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=30, height=20)
    with LiveProgress(console) as progress:
        progress(Event("progress", 1, {"candidates": 0, "note": stopping}))
        progress(Event("missing", 1, {"who": "critic c", "why": "it is not there"}))
    text = " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).split())
    assert stopping in text
    assert "critic c failed, the run goes on without it: it is not there" in text


@pytest.mark.parametrize(
    ("roles", "counted"),
    [
        ({"engine": "search"}, 1),
        ({"engine": "openai:coder"}, 0),
        ({"engine": "search", "critic": "openai:reviewer"}, 0),
    ],
)
def test_recorded_replies_are_not_counted_as_a_search_of_nothing(
    roles: dict[str, str], counted: int
) -> None:
    output = Output(terminal=False, width=80)
    with LiveProgress(output.console, clock=Clock()) as progress:
        progress(Event("started", 0, {**started().data, **roles}))
        progress(stepped(1, 0, 2.0))
    assert output.text.count("0 candidates") == counted
