import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codegrad.errors import OutputError
from codegrad.events import Event
from codegrad.report.html import render_html, write_html
from codegrad.store.journal import RunStatus
from tests.report.example_run import (
    END,
    START,
    SUMMARY,
    critique,
    finished,
    killed_run,
    long_run,
    loss,
    numbered,
    proposal,
    started,
    unchanged_run,
    verified_run,
)
from tests.report.hostile import HOSTILE, hostile_run

VOID = {"meta", "br", "hr", "img", "link", "input", "circle", "path", "polyline"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RUNS = {
    "verified": verified_run(),
    "killed": killed_run(),
    "unchanged": unchanged_run(),
    "long": long_run(120),
    "hostile": hostile_run(),
    "only started": [started()],
    "empty": [],
}


class Page(HTMLParser):
    """The page as its elements, texts and complaints."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID or tag in {"circle", "path"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def page_of(events: Sequence[Event]) -> Page:
    return Page(render_html(SUMMARY, events))


@pytest.mark.parametrize("name", RUNS)
def test_the_page_is_balanced_and_has_no_script_and_no_request(name: str) -> None:
    text = render_html(SUMMARY, RUNS[name])
    page = Page(text)
    assert page.open == []
    assert text.isprintable() or all(c.isprintable() or c in "\n\t" for c in text)
    assert not {"script", "iframe", "img", "link", "object", "a", "form"} & {*page.tags}
    for _, attribute, value in page.attributes:
        assert not attribute.startswith("on")
        assert attribute not in {"src", "href", "style", "action", "background"}
        assert "url(" not in value
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", "content", policy) in page.attributes
    text.encode()


@pytest.mark.parametrize("name", RUNS)
def test_the_page_can_be_read_aloud(name: str) -> None:
    page = page_of(RUNS[name])
    assert ("html", "lang", "en") in page.attributes
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))  # noqa: B905, RUF007 - neighbours
    assert page.tags.count("caption") == page.tags.count("table")
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = [
        part
        for _, attribute, value in page.attributes
        if attribute == "aria-labelledby"
        for part in value.split()
    ]
    assert set(named) <= set(ids)


def test_the_page_tells_the_run_in_order() -> None:
    text = page_of(verified_run()).text
    order = [
        "CodeGrad report: median.py::median",
        "Verified after 2 steps: 4 of 4 hard constraints hold",
        "codegrad apply 01mqz4b7k2",
        "What changed, from start to end",
        "median.py: 2 lines removed, 2 lines added",
        "Stages by step",
        "1 refuted, 2 passed of 3",
        "Loss",
        "The loss was 1.5 at the start and 0 at the end",
        "Evidence",
        "ty is not installed",
        "Steps",
        "wrong value at line 10 of median",
        "make median([3, 1, 2]) return 2",
        "Counterexamples",
        "numbers = [3, 1, 2]",
        "Where it points",
        "▸ 0.90",
        "What was accepted",
        "rejected: the loss does not fall",
        "Spent",
        "412",
        "candidates 60,000",
        "codegrad 0.1.0, python 3.11.2",
    ]
    place = 0
    for part in order:
        assert part in text[place:], part
        place = text.index(part, place)


def test_everything_from_outside_is_shown_and_nothing_of_it_acts() -> None:
    page = page_of(hostile_run())
    shown = page.text
    for part in ("</script><script>alert(1)</script>", "{{ 7 * 7 }}", "␛[31mred"):
        assert part in shown
    assert "[bold red]markup[/bold red]" in shown
    assert page.tags.count("style") == 1
    assert page.tags.count("title") == 1 + page.tags.count("circle") + page.tags.count(
        "svg"
    ) + sum(
        value == "rejected" for _, name, value in page.attributes if name == "class"
    )
    assert HOSTILE not in shown


def test_a_killed_run_says_so_and_how_to_go_on() -> None:
    summary = replace(SUMMARY, status=RunStatus.INTERRUPTED)
    text = Page(render_html(summary, killed_run())).text
    assert "Interrupted: best so far refuted: 1 of 4" in text
    assert f"codegrad resume {SUMMARY.id}" in text
    assert "Step 2 … not finished" in text


def test_a_summary_cannot_make_a_run_verified() -> None:
    text = page_of(killed_run()).text
    assert "Verified" not in text


def test_a_run_without_steps_says_that_nothing_changed() -> None:
    text = page_of(unchanged_run()).text
    assert "Nothing to change: verified: 4 of 4" in text
    assert "The source is as it was at the start." in text
    assert "No step was taken." in text


def test_an_empty_run_is_a_page() -> None:
    summary = replace(SUMMARY, status=RunStatus.RUNNING)
    text = Page(render_html(summary, [])).text
    assert "Still running: so far nothing was verified." in text
    assert "Nothing was verified yet." in text


def test_of_very_many_steps_the_middle_is_left_out_and_said() -> None:
    page = page_of(long_run(120))
    text = page.text
    assert "50 steps in the middle are not drawn" in text
    assert "(50 steps in the middle not drawn)" in text
    assert page.tags.count("summary") >= 70
    for number, is_drawn in {1: 1, 50: 1, 51: 0, 100: 0, 101: 1, 120: 1}.items():
        assert (f" Step {number} " in text) == bool(is_drawn)


def test_every_changed_file_has_its_difference() -> None:
    sources = {"pkg/a.py": "x = 1\n", "pkg/b.py": "y = 1\n", "pkg/c.py": "z = 1\n"}
    after = {"pkg/a.py": "x = 2\n", "pkg/c.py": "z = 1\nz += 1\n"}
    step = {"accepted": True, "loss": loss(), "sources": after, "spent": {}}
    text = page_of([started(sources=sources), Event("stepped", 1, step)]).text
    assert "pkg/a.py: 1 line removed, 1 line added" in text
    assert "pkg/c.py: 0 lines removed, 1 line added" in text
    assert "pkg/b.py: " not in text


def test_long_values_are_cut_with_their_length_but_never_the_code() -> None:
    line = "x" * 5_000
    long_one = critique("test 1", 14, direction="go " * 5_000)
    sources = {"median.py": START + f"# {line}\n"}
    events = [
        started(sources=sources),
        Event("verified", 0, {"loss": loss("test 1")}),
        Event("gradient", 1, {"critiques": [long_one]}),
    ]
    text = page_of(numbered(events)).text
    assert line in text
    assert "14,400 characters" in text
    assert "go " * 1000 not in text


def test_a_long_file_shows_whole_functions_and_says_what_is_not_drawn() -> None:
    filler = "".join(f"def f{n}():\n    return {n}\n\n\n" for n in range(60))
    text = filler + "def wrong(x):\n    y = x\n    return y\n" + filler
    line = filler.count("\n") + 2
    events = [
        started(sources={"m.py": text}),
        Event("verified", 0, {"loss": loss("test 1")}),
        Event(
            "gradient", 1, {"critiques": [critique("t", line, path="m.py", lines=[])]}
        ),
    ]
    shown = page_of(numbered(events)).text
    assert f"lines 1 to {line - 2}: no critique points here" in shown
    assert f"lines {line + 2} to {text.count(chr(10))}: no critique" in shown
    assert re.search(rf"{line} ▸ 0.90 +y = x", shown)


def test_spans_outside_the_file_are_harmless() -> None:
    critiques = [
        critique("t", 999),
        critique("t", 0),
        critique("t", -3, end_line=10**9),
    ]
    events = [*verified_run()[:2], Event("gradient", 1, {"critiques": critiques})]
    assert "Where it points" in page_of(numbered(events)).text


def test_many_proposals_are_counted() -> None:
    tries = [
        proposal({"median.py": START}, loss("test 1")) | {"accepted": False}
        for _ in range(45)
    ]
    final = proposal({"median.py": END}, loss())
    events = [
        *verified_run()[:2],
        *(Event("proposed", 1, data) for data in [*tries, final]),
    ]
    text = page_of(numbered(events)).text
    assert "15 rejected ones more not drawn" in text
    assert "✓ accepted" in text


def test_a_shared_process_and_an_unrun_check_are_told() -> None:
    rows = [row | {"forge_proof": False} for row in finished("x").data["evidence"]]
    text = page_of([started(), finished("verified", evidence=rows)]).text
    assert "ran in one process with the code: isolated, not forge-proof" in text
    assert text.count("not forge-proof") == 1
    assert "- not run" in text


def test_another_next_command_can_be_given() -> None:
    text = render_html(SUMMARY, verified_run(), next_command="codegrad demo <now>")
    assert "codegrad demo <now>" in Page(text).text


# -------------------------------------------------------------- colours ----

ON_BACKGROUNDS = {
    "paper card gap ins del w1 w2 w3 w4": "ink soft",
    "card": "t-k t-s t-c t-n t-f t-b good bad open proof",
    "ins del w1 w2 w3 w4": "t-k t-s t-c t-n t-f t-b",
    "paper": "good bad open proof",
    "good-bg ins": "good",
    "bad-bg del": "bad",
    "open-bg": "open",
    "proof-bg": "proof",
    "none-bg": "soft",
}


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_text_has_enough_contrast(scheme: str) -> None:
    text = render_html(SUMMARY, [])
    blocks = [
        dict(re.findall(r"--([\w-]+): #([0-9a-f]{3,6});", block))
        for block in re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    ]
    colours = blocks[["light", "dark", "print"].index(scheme)]
    assert set(colours) == set(blocks[0])
    colours = {
        name: value if len(value) == 6 else "".join(c * 2 for c in value)
        for name, value in colours.items()
    }
    for backgrounds, foregrounds in ON_BACKGROUNDS.items():
        for below in backgrounds.split():
            for above in foregrounds.split():
                pair = sorted(luminance(colours[name]) for name in (above, below))
                contrast = (pair[1] + 0.05) / (pair[0] + 0.05)
                assert contrast >= 4.5, (above, below, round(contrast, 2))


# -------------------------------------------------------------- writing ----


def test_the_file_is_written_whole_and_readable(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_html(path, SUMMARY, verified_run())
    assert path.read_text(encoding="utf-8") == render_html(SUMMARY, verified_run())
    assert list(tmp_path.iterdir()) == [path]
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("place", ["missing/report.html", "folder"])
def test_a_place_that_cannot_be_written_is_an_output_error(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"cannot be written to .*--output FILE"):
        write_html(tmp_path / place, SUMMARY, verified_run())
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# -------------------------------------------------------------- browser ----


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium in PATH")
@pytest.mark.parametrize("name", ["verified", "hostile", "killed"])
def test_a_browser_draws_the_page_without_complaint(name: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_html(path, SUMMARY, RUNS[name])
    dom, log = _browse(path, "--dump-dom")
    assert "CONSOLE" not in log, log
    assert '<table class="heat">' in dom
    assert dom.count('<table class="data">') >= 3
    assert '<svg class="curve"' in dom
    assert 'id="verdict"' in dom
    assert "<script" not in dom


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium in PATH")
def test_a_browser_draws_the_page_on_a_narrow_screen(tmp_path: Path) -> None:
    path, picture = tmp_path / "report.html", tmp_path / "page.png"
    write_html(path, SUMMARY, verified_run())
    _, log = _browse(path, f"--screenshot={picture}", "--window-size=360,2000")
    assert "CONSOLE" not in log, log
    assert picture.stat().st_size > 20_000


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium in PATH")
def test_the_evidence_fits_a_usual_window(tmp_path: Path) -> None:
    rows = [
        row
        | {
            "text": "post: " + " and ".join(f"result >= xs[{n}]" for n in range(9)),
            "reason": "f([1, 2, 3, 4, 5], 'abc'): expected 1, observed " + "9" * 70,
            "forge_proof": False,
            "stage": "properties",
            "origin": "generated",
            "hard": False,
            "checked": 123456,
        }
        for row in finished("x").data["evidence"]
    ]
    text = render_html(SUMMARY, [started(), finished("verified", evidence=rows)])
    # The page's own policy stops scripts; this one only measures.
    policy = text.index('<meta http-equiv="Content-Security-Policy"')
    text = text[:policy] + text[text.index("\n", policy) :]
    measure = (
        "<script>const box = document.querySelector('[aria-label=Evidence]');"
        "document.title = `${box.scrollWidth} of ${box.clientWidth}`</script>"
    )
    path = tmp_path / "report.html"
    path.write_text(text.replace("</body>", f"{measure}</body>"), encoding="utf-8")
    dom, _ = _browse(path, "--dump-dom", "--window-size=1200,2000")
    found = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert found is not None
    assert int(found[1]) <= int(found[2])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium in PATH")
def test_the_policy_of_the_page_stops_a_script_that_got_in(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    text = render_html(SUMMARY, verified_run())
    attack = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
    path.write_text(text.replace("<main>", f"<main>{attack}"), encoding="utf-8")
    dom, log = _browse(path, "--dump-dom")
    assert "<title>taken" not in dom
    assert "CONSOLE" in log
    assert "Content Security Policy" in log


def _browse(path: Path, *options: str) -> tuple[str, str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
            *options,
            path.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout.decode(), done.stderr.decode(errors="replace")
