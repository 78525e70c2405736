"""The certificate: what was established about a program, as a document that replays.

In: a task, its texts, the loss that they have. Out: JSON as `certificate.schema.json`
describes it (docs/certificate.md). Invariant: a row's status follows from the verdicts
that stand beside it, so that the document never says more than what ran.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from codegrad.errors import CertificateError
from codegrad.evidence import EvidenceRow
from codegrad.loss import Loss
from codegrad.store.schema import Schema
from codegrad.store.task_json import task_to_json
from codegrad.task import Sources, Task
from codegrad.verdict import Verdict
from codegrad.verify.ladder import STAGES, Ladder
from codegrad.verify.stage import Workbench
from codegrad.verify.tools import tool_versions

SCHEMA = "codegrad-certificate/1"
"""Name and version of the document."""

Document = dict[str, Any]
"""A certificate as JSON-able data."""


def schema() -> Schema:
    """Return the JSON Schema of the document."""
    text = resources.files("codegrad.store").joinpath("certificate.schema.json")
    found: Schema = json.loads(text.read_text(encoding="utf-8"))
    return found


def certify(  # noqa: PLR0913 - what a certificate is about
    task: Task,
    sources: Sources,
    loss: Loss,
    bench: Workbench,
    ladder: Ladder,
    *,
    run: str = "",
    strength: Mapping[str, Any] | None = None,
) -> Document:
    """Return the certificate of `sources`, whose loss under `ladder` is `loss`.

    Raises:
        StoreError: If a test holds a value that is not plain data.
    """
    # Where the file stood is of no use elsewhere.
    stated = json.loads(task_to_json(replace(task, path=None)))
    document: Document = {
        "schema": SCHEMA,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "sentence": loss.evidence.sentence(),
        "verified": loss.verified,
        "run": run,
        "task": {"sha256": digest(canonical(stated)), "document": stated},
        "sources": [
            {"path": path, "sha256": digest(text), "text": text}
            for path, text in sources.items()
        ],
        "repository": suite_files(task),
        "how": how(bench, ladder),
        "tools": tool_versions(),
        "isolation": _isolation(bench),
        "rows": [_row(row, loss.verdicts) for row in loss.evidence.rows],
        "not_run": _not_run(loss, ladder),
        "proof": _proof(loss.verdicts),
        "strength": None if strength is None else dict(strength),
    }
    return document | {"sha256": seal(document)}


def how(bench: Workbench, ladder: Ladder) -> Document:
    """Return what a replay has to set: stages, seed, limits."""
    return {
        "stages": list(ladder.asked),
        "seed": bench.memory.seed,
        "inputs": bench.memory.count,
        "wall_s": bench.limits.wall_s,
        "cpu_s": bench.limits.cpu_s,
        "memory_mb": bench.limits.memory_mb,
        "suite_wall_s": bench.suite_limits.wall_s,
        "python": str(bench.python or ""),
    }


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(data: object) -> str:
    """Return JSON text that is the same for equal data.

    Example:
        >>> canonical({"b": 1, "a": [2]})
        '{"a":[2],"b":1}'
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


def seal(document: Mapping[str, Any]) -> str:
    """Return the hash of a document without its own.

    It shows that something was changed, not by whom: whoever changes the document can
    seal it again. What a claim is worth shows when it is replayed.
    """
    rest = {name: value for name, value in document.items() if name != "sha256"}
    return digest(canonical(rest))


def to_text(document: Document) -> str:
    """Return the document as it is written to a file."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def suite_files(task: Task, root: Path | None = None) -> list[Document]:
    """Return the hashes of the project's own test files; none for other tasks.

    Raises:
        CertificateError: If a file of the tests cannot be read.
    """
    if task.repository is None:
        return []
    folder = root or task.repository.root
    found: list[Document] = []
    for name in task.repository.tests:
        place = folder / name.partition("::")[0]
        paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for path in paths:
            try:
                text = path.read_bytes().decode("utf-8", "surrogateescape")
            except OSError as error:
                raise CertificateError(
                    f"the tests {path} cannot be read: {error.strerror}"
                ) from error
            shown = path.relative_to(folder).as_posix()
            found.append({"path": shown, "sha256": digest(text)})
    return found


def _isolation(bench: Workbench) -> Document:
    layers = bench.sandbox.layers
    return {
        "safe": layers.is_safe,
        "platform": layers.platform,
        "python": layers.python,
        "landlock_abi": layers.landlock_abi,
        "layers": [
            {"name": x.name, "state": str(x.state), "reason": x.reason}
            for x in layers.layers
        ],
    }


def _row(row: EvidenceRow, verdicts: Sequence[Verdict]) -> Document:
    return {
        "constraint": row.constraint,
        "text": row.text,
        "origin": row.origin,
        "hard": row.hard,
        "stage": row.stage,
        "status": row.label,
        "checked": row.checked,
        "reason": row.reason,
        "forge_proof": row.forge_proof,
        "trust": row.trust,
        "verdicts": [_verdict(v) for v in verdicts if v.constraint == row.constraint],
    }


def _verdict(verdict: Verdict) -> Document:
    return {
        "stage": verdict.stage,
        "status": verdict.status.name.lower(),
        "checked": verdict.checked,
        "reason": verdict.reason,
        "counterexamples": [asdict(e) for e in verdict.counterexamples],
        "findings": len(verdict.findings),
        "cpu_s": round(verdict.cpu_s, 3),
    }


def _not_run(loss: Loss, ladder: Ladder) -> list[Document]:
    spoke = {verdict.stage for verdict in loss.verdicts}
    found = []
    for stage in (stage.name for stage in STAGES):
        if stage in spoke:
            continue
        own = [c.name for c in loss.constraints if c.stage == stage]
        if stage not in ladder.names:
            why = "it was not asked for"
        else:
            reasons = [loss.not_run[name] for name in own if name in loss.not_run]
            why = reasons[0] if reasons else "the task has nothing for it"
        found.append({"stage": stage, "why": why})
    return found


def _proof(verdicts: Sequence[Verdict]) -> Mapping[str, Any] | None:
    """Return the record of the proof; all clauses of a contract share it."""
    records = [v.record for v in verdicts if v.record is not None]
    # Through JSON, so that the document is equal to what is read back.
    return json.loads(json.dumps(records[0])) if records else None
