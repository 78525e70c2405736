import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codegrad.errors import CertificateError
from codegrad.sandbox import Limits
from codegrad.store.certificate import (
    Document,
    canonical,
    certify,
    digest,
    schema,
    seal,
    to_text,
)
from codegrad.store.recheck import (
    Agreement,
    certificate_of,
    check_here,
    check_source,
    read_certificate,
    replay,
    settled,
    workbench_of,
)
from codegrad.store.schema import violation
from codegrad.task import Repository
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.tools import PACKAGES
from codegrad.verify.verification import VerificationLoss
from tests.verify.harness import task_of

CLAMP = '''
def clamp(x: int, low: int, high: int) -> int:
    """Return x, or the bound that it is beyond.

    >>> clamp(5, 1, 9)
    5

    pre: low <= high
    post: low <= result <= high
    """
    if x < low:
        return low
    if x > high:
        return high
    return x
'''
STAGES = ["syntax", "tests", "properties", "proof"]


@pytest.fixture(scope="module")
def original(bench: Workbench) -> Document:
    """The certificate of a function whose postcondition is proved."""
    task = task_of(CLAMP, "clamp")
    ladder = Ladder.of(STAGES)
    loss_fn = VerificationLoss(task, bench=bench, ladder=ladder)
    loss = loss_fn.complete(loss_fn.evaluate(task.sources), task.sources)
    return certify(task, task.sources, loss, bench, ladder)


@pytest.fixture
def document(original: Document) -> Document:
    return copy.deepcopy(original)


def resealed(document: Document) -> Document:
    """Return a forged document as a careful forger would leave it."""
    return document | {"sha256": seal(document)}


def row_of(document: Document, name: str) -> dict[str, Any]:
    row: dict[str, Any] = next(r for r in document["rows"] if r["constraint"] == name)
    return row


def test_a_certificate_follows_its_schema_and_is_plain_json(
    document: Document,
) -> None:
    assert violation(document, schema()) == ""
    assert json.loads(to_text(document)) == document


def test_a_proof_is_recorded_with_conditions_and_both_solvers(
    document: Document,
) -> None:
    row = row_of(document, "post 1")
    assert row["status"] == "proved"
    assert {v["stage"] for v in row["verdicts"]} == {"tests", "properties", "proof"}
    assert document["proof"]["conditions"]
    assert {name for name, _ in document["proof"]["solvers"]} == {"z3", "cvc5"}
    kinds = {condition["kind"] for condition in document["proof"]["conditions"]}
    assert "postcondition" in " ".join(kinds)
    assert document["proof"]["source_sha256"] == document["sources"][0]["sha256"]


def test_what_was_not_run_is_named_with_the_reason(document: Document) -> None:
    reasons = {entry["stage"]: entry["why"] for entry in document["not_run"]}
    assert reasons["robustness"] == "it was not asked for"
    assert row_of(document, "stateless")["status"] == "not run"
    assert "verdicts" in row_of(document, "stateless")


def test_a_replay_on_the_same_machine_agrees_row_by_row(document: Document) -> None:
    certificate = certificate_of(document)
    check_here(certificate)
    with workbench_of(certificate) as bench:
        found = replay(certificate, bench)
    assert found.holds
    assert {row.agreement for row in found.rows} == {Agreement.AGREES}
    assert [row.checked for row in found.rows] == [
        row["checked"] for row in document["rows"]
    ]
    assert found.differences == ()


def test_a_forged_claim_that_is_sealed_again_is_weaker_when_replayed(
    document: Document,
) -> None:
    """Whoever changes verdicts, rows and hashes alike still cannot change the code."""
    wrong = CLAMP.replace("return high", "return high + 1")
    document["sources"][0] |= {"text": wrong, "sha256": digest(wrong)}
    document["proof"]["source_sha256"] = digest(wrong)
    certificate = certificate_of(resealed(document))
    with workbench_of(certificate) as bench:
        found = replay(certificate, bench)
    assert not found.holds
    weaker = [r.constraint for r in found.rows if r.agreement is Agreement.WEAKER]
    assert "post 1" in weaker
    assert "does not hold here" in found.sentence()


def _change_status(document: Document) -> None:
    row_of(document, "stateless")["status"] = "passed"


def _drop_the_proof(document: Document) -> None:
    document["proof"] = None


def _fail_a_condition(document: Document) -> None:
    document["proof"]["conditions"][0]["second"] = "fails"


def _prove_another_text(document: Document) -> None:
    document["proof"]["source_sha256"] = digest("other")


def _say_verified(document: Document) -> None:
    document["verified"] = not document["verified"]


def _say_more(document: Document) -> None:
    document["sentence"] = "verified: everything is proved"


def _drop_a_row(document: Document) -> None:
    del document["rows"][0]


def _make_it_soft(document: Document) -> None:
    row_of(document, "post 1")["hard"] = False


def _change_the_text(document: Document) -> None:
    document["sources"][0]["text"] += "\n"


def _change_the_task(document: Document) -> None:
    document["task"]["document"]["prompt"] = "something else"


def _ask_for_hours(document: Document) -> None:
    document["how"]["wall_s"] = 1e9


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        (_change_status, "claims more than it shows: stateless is said to be passed"),
        (_drop_the_proof, "calls post 1 proved and holds no proof"),
        (_fail_a_condition, "calls post 1 proved and holds no proof"),
        (_prove_another_text, "calls post 1 proved and holds no proof"),
        (_say_verified, "its rows say otherwise"),
        (_say_more, "says in words what its rows do not"),
        (_drop_a_row, "does not have one row for each constraint"),
        (_make_it_soft, "does not agree with its task on whether post 1 may veto"),
        (_change_the_text, "the text of m.py does not have the hash"),
        (_change_the_task, "the task does not have the hash"),
        (_ask_for_hours, "senseless limits"),
    ],
)
def test_a_sealed_forgery_is_refused_before_anything_runs(
    document: Document, tamper: Callable[[Document], None], sentence: str
) -> None:
    tamper(document)
    with pytest.raises(CertificateError, match=sentence):
        workbench_of(certificate_of(resealed(document)))


def test_any_change_without_a_new_seal_shows(document: Document) -> None:
    document["made"] = "1999-01-01T00:00:00+00:00"
    with pytest.raises(CertificateError, match="was changed after it was written"):
        certificate_of(document)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a certificate of CodeGrad"),
        ('{"schema": "other/1"}', "is not a certificate of CodeGrad"),
        ('{"schema": "codegrad-certificate/7"}', "this CodeGrad reads"),
        ('{"schema": "codegrad-certificate/1"}', "the document has no field 'made'"),
    ],
)
def test_a_file_that_is_no_certificate_of_ours_is_one_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(CertificateError, match=sentence):
        read_certificate(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="does not exist"):
        read_certificate(tmp_path / "none.json")


def test_another_text_is_not_what_was_certified(
    document: Document, tmp_path: Path
) -> None:
    certificate = certificate_of(document)
    path = tmp_path / "m.py"
    path.write_bytes(certificate.sources["m.py"].encode())
    check_source(certificate, path)
    path.write_text(CLAMP + "# changed\n")
    with pytest.raises(CertificateError, match="says nothing about it"):
        check_source(certificate, path)


def test_a_tool_that_is_missing_here_is_named(
    document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PACKAGES, "cvc5", "no-such-package-here")
    with pytest.raises(CertificateError, match=r"cvc5 .* is not installed here"):
        check_here(certificate_of(document))


def test_an_interpreter_is_not_taken_from_a_certificate(
    document: Document, tmp_path: Path
) -> None:
    certificate = certificate_of(document)
    repository = Repository(tmp_path, ("tests",), Path("/opt/strange/python"))
    task = replace(certificate.task, repository=repository)
    strange = replace(certificate, task=task)
    with pytest.raises(CertificateError, match="--python /opt/strange/python"):
        settled(strange, None, None)
    with pytest.raises(CertificateError, match="name its folder here with --root"):
        settled(strange, tmp_path / "gone", Path("python"))
    here = settled(strange, None, Path("python")).task.repository
    assert here is not None
    assert here.python == Path("python")


def test_the_replay_has_the_seed_and_limits_of_the_certificate(
    document: Document,
) -> None:
    document["how"] |= {"seed": 7, "inputs": 50, "wall_s": 1.5, "cpu_s": 1.25}
    bench = workbench_of(certificate_of(resealed(document)))
    assert (bench.memory.seed, bench.memory.count) == (7, 50)
    assert bench.limits == Limits(wall_s=1.5, cpu_s=1.25, memory_mb=2048)


def test_equal_documents_have_one_canonical_text() -> None:
    assert canonical({"a": 1, "b": [1.5, "ä"]}) == canonical({"b": [1.5, "ä"], "a": 1})
