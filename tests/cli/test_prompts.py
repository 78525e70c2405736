"""What was asked and what came back is shown as what became of it."""

import json

import pytest

from codegrad.cli.prompts import call_document, show_prompts
from codegrad.engines.remarks import REVIEW
from codegrad.store.calls import CallOutcome, RecordedCall
from tests.engines.chat_server import completion

MESSAGE = {"role": "user", "text": "Review it.", "content": "Review it."}
BODY = {"model": "m", "messages": [MESSAGE]}


def call(said: str, *, label: str = REVIEW, outcome: str = "used") -> RecordedCall:
    reply = json.dumps(completion(said, BODY)).encode()
    request = json.dumps(BODY)
    return RecordedCall(
        *(1, "key", "run", label, request, 0.0, 200, "application/json", reply),
        CallOutcome(outcome),
    )


@pytest.mark.parametrize(
    "said", ["It looks right to me.", '{"critiques": ', '{"remarks": []}', ""]
)
def test_a_review_that_could_not_be_read_is_not_shown_as_used(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_prompts([call(said)], "run")
    shown = capsys.readouterr().out
    assert "--- reply (it could not be read: " in shown
    assert "(used)" not in shown
    assert said in shown
    document = call_document(call(said))
    assert "not the JSON that was asked for" in str(document["problem"])
    assert document["outcome"] == "used", "it is paid for all the same"


@pytest.mark.parametrize(
    ("given", "shown_as"),
    [
        (call('{"critiques": []}'), "used"),
        (call('So:\n```json\n{"critiques": [{"problem": "late"}]}\n```'), "used"),
        (call("def f(): ...", label="round 1: proposals"), "used"),
        (call("no", outcome="failed"), "failed"),
    ],
)
def test_other_replies_are_shown_as_what_became_of_them(
    given: RecordedCall, shown_as: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_prompts([given], "run")
    assert f"--- reply ({shown_as})" in capsys.readouterr().out
    assert call_document(given)["problem"] is None
