"""A certificate, replayed: does what it claims hold here and now?

In: the text of a certificate. Out: `Certificate` once the document is sound by itself,
then `Comparison` once the same stages ran again. Invariant: a claim that the
certificate's own verdicts do not bear is refused before anything runs.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from codegrad import __version__
from codegrad.errors import CertificateError, StoreError
from codegrad.evidence import Evidence, EvidenceRow
from codegrad.loss import Loss
from codegrad.sandbox import Limits
from codegrad.sandbox.repository import SUITE_LIMITS
from codegrad.store.certificate import (
    SCHEMA,
    Document,
    canonical,
    digest,
    schema,
    seal,
    suite_files,
)
from codegrad.store.schema import violation
from codegrad.store.task_json import task_from_json
from codegrad.task import Sources, Task
from codegrad.verdict import Status, strongest
from codegrad.verify.ladder import Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.tools import USED_BY, tool_versions
from codegrad.verify.verification import VerificationLoss

_NAME = SCHEMA.partition("/")[0]
_LONGEST_S = 3600.0
_MOST_INPUTS = 100_000


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that is sound by itself; nothing has been replayed."""

    document: Document
    task: Task
    sources: Sources

    @property
    def how(self) -> Mapping[str, Any]:
        """Stages, seed and limits of the original run."""
        found: Mapping[str, Any] = self.document["how"]
        return found

    def ladder(self) -> Ladder:
        """Return the ladder that ran.

        Raises:
            UsageError: If it has a stage that is not known here.
        """
        return Ladder.of(self.how["stages"]) if self.how["stages"] else Ladder()


class Agreement(StrEnum):
    """How what ran now compares with a claim."""

    AGREES = "agrees"
    """The status is the claimed one."""

    STRONGER = "stronger"
    """More was established than is claimed."""

    WEAKER = "weaker"
    """Less was established than is claimed."""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One constraint: the claim, and what ran now."""

    constraint: str
    hard: bool
    claimed: str
    found: str
    agreement: Agreement
    claimed_checked: int
    checked: int
    reason: str
    """What the replay says."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The replay beside the certificate, row by row."""

    rows: tuple[ComparedRow, ...]
    loss: Loss
    differences: tuple[str, ...]
    """Tools and layers that differ from those of the certificate, one sentence each."""

    def count(self, agreement: Agreement) -> int:
        """Return how many rows compare like that."""
        return sum(row.agreement is agreement for row in self.rows)

    @property
    def holds(self) -> bool:
        """Whether nothing is weaker than claimed."""
        return not self.count(Agreement.WEAKER)

    def sentence(self) -> str:
        """Return the outcome in one sentence."""
        weaker, stronger = map(self.count, (Agreement.WEAKER, Agreement.STRONGER))
        rows = len(self.rows)
        if weaker:
            text = f"the certificate does not hold here: {weaker} of {rows} rows weaker"
        else:
            text = f"the certificate holds: {rows - stronger} of {rows} rows agree"
        return f"{text}, {stronger} stronger" if stronger else text


def read_certificate(path: Path) -> Certificate:
    """Return the certificate in a file.

    Raises:
        CertificateError: If it is missing, of another version, was changed, or claims
            more than its own verdicts say.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CertificateError(f"{path} does not exist; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(f"{path} cannot be read: {error}") from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CertificateError(f"{path} is not JSON: {error}") from error
    return certificate_of(document, str(path))


def certificate_of(document: object, name: str = "the certificate") -> Certificate:
    """Return a document as a certificate; see `read_certificate`."""
    _check_version(document, name)
    assert isinstance(document, dict)
    departs = violation(document, schema())
    if departs:
        raise CertificateError(f"{name} is not a certificate: {departs}")
    _check_hashes(document, name)
    try:
        task = task_from_json(json.dumps(document["task"]["document"]))
    except StoreError as error:
        raise CertificateError(f"{name}: {error}") from error
    sources = {entry["path"]: entry["text"] for entry in document["sources"]}
    if task.main not in sources:
        raise CertificateError(f"{name} holds no text of {task.main}")
    _check_claims(document, task, name)
    return Certificate(document, task, sources)


def _check_version(document: object, name: str) -> None:
    found = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(found, str) or found.partition("/")[0] != _NAME:
        raise CertificateError(f"{name} is not a certificate of CodeGrad")
    if found != SCHEMA:
        raise CertificateError(
            f"{name} has the schema {found!r} and this CodeGrad reads {SCHEMA!r}; "
            f"use the version that wrote it"
        )


def _check_hashes(document: Document, name: str) -> None:
    changed = ""
    if seal(document) != document["sha256"]:
        changed = "its contents"
    for entry in document["sources"]:
        if digest(entry["text"]) != entry["sha256"]:
            changed = f"the text of {entry['path']}"
    if digest(canonical(document["task"]["document"])) != document["task"]["sha256"]:
        changed = "the task"
    if changed:
        raise CertificateError(
            f"{name} was changed after it was written: {changed} does not have the "
            "hash that it states; make it again with `codegrad check --certificate`"
        )


def _check_claims(document: Document, task: Task, name: str) -> None:
    """Refuse a document that says more than the verdicts it holds."""
    rows = document["rows"]
    if [row["constraint"] for row in rows] != [c.name for c in task.constraints]:
        raise CertificateError(f"{name} does not have one row for each constraint")
    for row, constraint in zip(rows, task.constraints, strict=True):
        borne = [Status[verdict["status"].upper()] for verdict in row["verdicts"]]
        status = strongest(borne).name.lower() if borne else "not run"
        if row["status"] != status:
            raise CertificateError(
                f"{name} claims more than it shows: {row['constraint']} is said to be "
                f"{row['status']}, and its verdicts say {status}"
            )
        if row["status"] == "proved" and not _is_proved(document, task):
            raise CertificateError(
                f"{name} calls {row['constraint']} proved and holds no proof of it"
            )
        if row["hard"] != constraint.hard:
            raise CertificateError(
                f"{name} does not agree with its task on whether {row['constraint']} "
                "may veto"
            )
    evidence = Evidence(tuple(map(_evidence_row, rows)))
    if document["verified"] != evidence.verified:
        raise CertificateError(
            f"{name} says verified: {str(document['verified']).lower()}, and its rows "
            "say otherwise"
        )
    same_words = document["tools"].get("codegrad") == __version__
    if same_words and document["sentence"] != evidence.sentence():
        raise CertificateError(
            f"{name} says in words what its rows do not: they say "
            f"{evidence.sentence()!r}"
        )


def _is_proved(document: Document, task: Task) -> bool:
    """Return whether the record is of the certified text and every condition held."""
    proof = document["proof"] or {}
    texts = {entry["path"]: entry["sha256"] for entry in document["sources"]}
    conditions = proof.get("conditions") or ()
    return proof.get("source_sha256") == texts[task.main] and all(
        isinstance(c, dict) and "fails" not in {c.get("first"), c.get("second")}
        for c in conditions
    )


def _evidence_row(row: Document) -> EvidenceRow:
    label = row["status"]
    return EvidenceRow(
        constraint=row["constraint"],
        text=row["text"],
        origin=row["origin"],
        hard=row["hard"],
        stage=row["stage"],
        status=None if label == "not run" else Status[label.upper()],
        checked=row["checked"],
        reason=row["reason"],
        forge_proof=row["forge_proof"],
    )


def check_source(certificate: Certificate, path: Path) -> None:
    """Check that a file is the certified main module.

    Raises:
        CertificateError: If it cannot be read or is another text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(f"{path} cannot be read: {error}") from error
    main = certificate.task.main
    if text != certificate.sources[main]:
        raise CertificateError(
            f"{path} is not what was certified: its SHA-256 is {digest(text)[:12]}…, "
            f"that of the certified {main} is "
            f"{digest(certificate.sources[main])[:12]}…. The certificate says nothing "
            "about it; run `codegrad check --certificate` on it"
        )


def workbench_of(
    certificate: Certificate, python: Path | None = None, *, allow_unsafe: bool = False
) -> Workbench:
    """Return a workbench with the seed and the limits of the certificate.

    The interpreter is that of the caller: a certificate comes from anywhere, and what
    it names is not run.

    Raises:
        CertificateError: If the limits are senseless.
    """
    how = certificate.how
    longest = max(how["wall_s"], how["cpu_s"], how["suite_wall_s"])
    least = min(how["wall_s"], how["cpu_s"], how["suite_wall_s"], how["memory_mb"])
    if longest > _LONGEST_S or least <= 0 or not 0 < how["inputs"] <= _MOST_INPUTS:
        raise CertificateError(
            "the certificate asks for senseless limits; make it again with "
            "`codegrad check --certificate`"
        )
    limits = Limits(
        wall_s=how["wall_s"], cpu_s=how["cpu_s"], memory_mb=how["memory_mb"]
    )
    return Workbench(
        python=python,
        limits=limits,
        suite_limits=replace(SUITE_LIMITS, wall_s=how["suite_wall_s"]),
        allow_unsafe=allow_unsafe,
        seed=how["seed"],
        inputs=how["inputs"],
    )


def settled(
    certificate: Certificate, root: Path | None, python: Path | None
) -> Certificate:
    """Return the certificate with its project where it is on this machine.

    Raises:
        CertificateError: If the project or its interpreter has to be named.
    """
    repository = certificate.task.repository
    if repository is None:
        return certificate
    place = root or repository.root
    if not place.is_dir():
        raise CertificateError(
            f"the tests are those of the project {place}, which is not on this "
            "machine; name its folder here with --root"
        )
    if python is None and repository.python != Path(sys.executable):
        raise CertificateError(
            f"the tests ran with {repository.python}; an interpreter is not taken from "
            f"a certificate, name it: --python {repository.python}"
        )
    here = replace(repository, root=place, python=python or repository.python)
    return replace(certificate, task=replace(certificate.task, repository=here))


def check_here(certificate: Certificate) -> None:
    """Check that what the replay needs is on this machine.

    Raises:
        CertificateError: If a tool is missing, or the project's tests are missing or
            have changed.
    """
    document, here = certificate.document, tool_versions()
    spoke = {v["stage"] for row in document["rows"] for v in row["verdicts"]}
    for stage in sorted(spoke & USED_BY.keys()):
        for tool in USED_BY[stage]:
            if document["tools"].get(tool) and not here[tool]:
                raise CertificateError(
                    f"the certificate rests on {tool} {document['tools'][tool]} (stage "
                    f"{stage}), which is not installed here; install it and try again"
                )
    found = {f["path"]: f["sha256"] for f in suite_files(certificate.task)}
    for entry in document["repository"]:
        if found.get(entry["path"]) != entry["sha256"]:
            raise CertificateError(
                f"the test file {entry['path']} has changed since the certificate was "
                "written; make it again with `codegrad check --certificate`"
            )


def replay(
    certificate: Certificate,
    bench: Workbench,
    *,
    on_stage: Callable[[str], None] | None = None,
) -> Comparison:
    """Run the same stages with the same seed and limits, and compare row by row.

    Raises:
        UsageError: If a stage of the certificate is not known here.
    """
    loss_fn = VerificationLoss(
        certificate.task, bench=bench, ladder=certificate.ladder(), on_stage=on_stage
    )
    sources = certificate.sources
    loss = loss_fn.complete(loss_fn.evaluate(sources), sources)
    claims = certificate.document["rows"]
    rows = zip(claims, loss.evidence.rows, strict=True)
    return Comparison(
        tuple(_compared(claim, row) for claim, row in rows),
        loss,
        _differences(certificate.document, bench),
    )


_RANKS = {"refuted": 0, "not run": 1, "unknown": 1, "passed": 2, "proved": 3}


def _compared(claim: Document, row: EvidenceRow) -> ComparedRow:
    difference = _RANKS[row.label] - _RANKS[claim["status"]]
    agreement = Agreement.AGREES
    if difference:
        agreement = Agreement.STRONGER if difference > 0 else Agreement.WEAKER
    return ComparedRow(
        constraint=row.constraint,
        hard=row.hard,
        claimed=claim["status"],
        found=row.label,
        agreement=agreement,
        claimed_checked=claim["checked"],
        checked=row.checked,
        reason=row.reason,
    )


def _differences(document: Document, bench: Workbench) -> tuple[str, ...]:
    here = tool_versions()
    found = [
        f"{tool} was {version or 'not installed'}, here it is "
        f"{here.get(tool) or 'not installed'}"
        for tool, version in document["tools"].items()
        if here.get(tool, "") != version
    ]
    layers = bench.sandbox.layers
    before = document["isolation"]
    if layers.python != before["python"]:
        found.append(
            f"the code ran on Python {before['python']}, here on {layers.python}"
        )
    on = _active([(x["name"], x["state"]) for x in before["layers"]])
    now = _active([(x.name, str(x.state)) for x in layers.layers])
    if lost := [name for name in on if name not in now]:
        found.append(f"isolation layers missing here: {', '.join(lost)}")
    return tuple(found)


def _active(layers: Sequence[tuple[str, str]]) -> list[str]:
    return [name for name, state in layers if state == "on"]
