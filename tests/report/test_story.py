import json
from pathlib import Path

import pytest

from codegrad.errors import StoreError
from codegrad.events import Event
from codegrad.report.story import Story, changed_paths
from codegrad.store.journal import Store
from codegrad.verdict import Status
from tests.report.example_run import (
    END,
    SORTED,
    START,
    SUMMARY,
    finished,
    killed_run,
    long_run,
    loss,
    numbered,
    started,
    unchanged_run,
    verified_run,
)


def test_a_run_is_read_step_by_step() -> None:
    story = Story.from_events(verified_run())
    assert story.start == {"median.py": START}
    assert story.end == {"median.py": END}
    first, second = story.steps
    assert (first.before, first.after) == ({"median.py": START}, {"median.py": SORTED})
    assert (second.before, second.after) == ({"median.py": SORTED}, {"median.py": END})
    assert [proposal.accepted for proposal in first.proposals] == [False, True]
    assert [critique.span.line for critique in first.critiques] == [10, 14]
    assert [name for name, _ in story.losses] == ["start", "step 1", "step 2"]
    assert [view.value for _, view in story.losses] == [1.5, 0.5, 0.0]
    assert story.state("running") == "verified"


def test_the_choice_among_candidates_is_told_with_its_reason() -> None:
    *before, end = verified_run()
    data = {
        "label": "answer 3",
        "why": "most agree with it",
        "distinguishing": 4,
        "sources": {"median.py": SORTED},
        "loss": loss(),
    }
    story = Story.from_events([*before, Event("chosen", 2, data)])
    assert story.choice == "answer 3: most agree with it"
    assert story.end == {"median.py": SORTED}
    assert Story.from_events([*before, Event("chosen", 2, data), end]).choice
    assert not Story.from_events(verified_run()).choice


def test_a_refuted_verdict_stays_refuted() -> None:
    story = Story.from_events(killed_run())
    found = {row.constraint: row.status for row in story.evidence}
    assert found["test 1"] is Status.REFUTED
    assert found["test 2"] is Status.PASSED
    assert found["types"] is None


def test_statuses_may_be_words_or_numbers() -> None:
    for status in (0, "REFUTED", "refuted"):
        data = loss("test 1")
        data["verdicts"] = [v | {"status": status} for v in data["verdicts"]]
        story = Story.from_events([started(), Event("verified", 0, {"loss": data})])
        assert {v.status for v in story.start_loss.verdicts} == {Status.REFUTED}  # type: ignore[union-attr]  # it was read


def test_every_beginning_of_a_run_can_be_read() -> None:
    events = verified_run()
    for length in range(len(events)):
        story = Story.from_events(events[:length])
        assert story.status == ""
        assert story.state("running") == "running"
        assert story.state("verified") == "interrupted"
        assert story.sentence("interrupted").startswith("Interrupted: best so far")


def test_a_run_read_from_the_journal_is_the_same(tmp_path: Path) -> None:
    with Store(tmp_path / "runs.db") as store:
        run = store.create("{}", "{}", "x")
        for event in verified_run():
            run.append(event)
        assert Story.from_events(run.events()) == Story.from_events(verified_run())


def test_verified_is_not_said_without_evidence() -> None:
    refuted = [
        row | {"status": "refuted"} if row["constraint"] == "test 1" else row
        for row in finished("verified").data["evidence"]
    ]
    for evidence in (refuted, []):
        last = finished("verified", evidence=evidence, loss=loss("test 1"))
        story = Story.from_events([started(), last])
        assert story.state("verified") == "exhausted"
        assert story.sentence("exhausted").startswith("Not verified: refuted")


@pytest.mark.parametrize(
    ("state", "sentence", "command"),
    [
        ("verified", "Verified after 0 steps: 4 of 4 ", "codegrad apply 01x"),
        ("unchanged", "Nothing to change: verified", "codegrad check 'a b.py::f'"),
        ("exhausted", "Not verified: no ideas; verified", "codegrad resume 01x"),
        ("failed", "Failed: no ideas.", "codegrad resume 01x"),
        ("interrupted", "Interrupted: best so far verified", "codegrad resume 01x"),
        ("running", "Still running: so far verified", "codegrad show 01x"),
    ],
)
def test_each_end_has_a_sentence_and_a_next_command(
    state: str, sentence: str, command: str
) -> None:
    events = [started(task="a b.py::f"), finished(state, "no ideas.")]
    story = Story.from_events(events)
    assert story.sentence(state).startswith(sentence)
    assert story.sentence(state).endswith(".")
    assert story.next_command("01x", state).startswith(command)


def test_settings_are_told_as_a_person_would() -> None:
    story = Story.from_events([started()])
    assert story.budget == "candidates 60,000"
    assert story.seed == "1234"
    assert story.environment == "codegrad 0.1.0, python 3.11.2"


def test_several_files_are_overlaid() -> None:
    sources = {"a.py": "x = 1\n", "b.py": "y = 1\n"}
    step = {"accepted": True, "loss": loss(), "sources": {"b.py": "y = 2\n"}}
    story = Story.from_events([started(sources=sources), Event("stepped", 1, step)])
    assert story.end == {"a.py": "x = 1\n", "b.py": "y = 2\n"}
    assert changed_paths(sources, story.end) == ["b.py"]


def test_a_long_run_keeps_every_step() -> None:
    story = Story.from_events(long_run(300))
    assert [step.number for step in story.steps] == list(range(1, 301))


@pytest.mark.parametrize(
    "event",
    [
        Event("started", 0, {}),
        Event("verified", 0, {"loss": {"value": "high"}}),
        Event("gradient", 1, {"critiques": [{"constraint": "x", "source": "rumour"}]}),
        Event("stepped", 1, {"accepted": True, "sources": 7}),
        Event("finished", 1, {"status": "verified", "evidence": [{"status": 9}]}),
    ],
)
def test_an_event_that_is_not_as_documented_is_a_store_error(event: Event) -> None:
    with pytest.raises(StoreError, match=rf"event 1 \({event.kind}\) .*cannot be read"):
        Story.from_events(numbered([event]))


def test_an_unknown_kind_of_event_is_passed_over() -> None:
    events = [*unchanged_run(), Event("novelty", 3, {"x": 1})]
    assert Story.from_events(events) == Story.from_events(unchanged_run())


def test_the_example_is_json() -> None:
    for event in [*verified_run(), *unchanged_run(), *long_run(2)]:
        assert json.loads(json.dumps(event.data)) == event.data
    assert SUMMARY.status == "verified"


def test_what_a_resumed_run_did_again_is_told_once() -> None:
    events = verified_run()
    second = next(i for i, e in enumerate(events) if e.step == 2)
    redone = [*events[: second + 2], Event("resumed", 1, {}), *events[second:]]
    whole, resumed = Story.from_events(events), Story.from_events(redone)
    assert resumed.steps == whole.steps
    assert resumed.end == whole.end


def test_a_run_that_started_over_is_told_from_its_second_start() -> None:
    events = verified_run()
    story = Story.from_events([*events[:3], *events])
    assert story == Story.from_events(events)
