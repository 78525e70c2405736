"""A task as JSON text and back, so that a run can be continued without its files.

In: a `Task`. Out: text that `task_from_json` turns into an equal `Task`. Invariant:
values cross as tagged plain data (the sandbox's codec), never as pickle or as code.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.errors import StoreError
from codegrad.sandbox.child import decode, encode
from codegrad.task import (
    AgreementCheck,
    AssertionCheck,
    Behaviour,
    BehaviourCheck,
    CallCheck,
    Check,
    ClauseCheck,
    Constraint,
    CostCheck,
    LintCheck,
    Origin,
    PytestCheck,
    RaisesCheck,
    ReferenceCheck,
    Repository,
    StdinCheck,
    SyntaxCheck,
    Task,
    TypesCheck,
    UnreadableCheck,
)

_FORMAT = 1
_CHECKS: dict[str, type[Check]] = {
    "syntax": SyntaxCheck,
    "lint": LintCheck,
    "types": TypesCheck,
    "call": CallCheck,
    "raises": RaisesCheck,
    "assertion": AssertionCheck,
    "stdin": StdinCheck,
    "pytest": PytestCheck,
    "clause": ClauseCheck,
    "unreadable": UnreadableCheck,
    "reference": ReferenceCheck,
    "behaviour": BehaviourCheck,
    "agreement": AgreementCheck,
    "cost": CostCheck,
}
_TAGS = {kind: tag for tag, kind in _CHECKS.items()}
_VALUES = frozenset({"args", "kwargs", "expected"})
"""The fields of checks that hold values of the candidate's world."""

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def task_to_json(task: Task) -> str:
    """Return `task` as ASCII JSON text.

    Raises:
        StoreError: If a test holds a value that is not plain data.

    Example:
        >>> task = Task("m.py::f", "f", {"m.py": "def f(): ..."}, "m.py")
        >>> task_from_json(task_to_json(task)) == task
        True
    """
    return json.dumps(
        {
            "format": _FORMAT,
            "name": task.name,
            "entry_point": task.entry_point,
            "sources": dict(task.sources),
            "main": task.main,
            "constraints": [_constraint_to_json(c) for c in task.constraints],
            "prompt": task.prompt,
            "context": task.context,
            "prelude": task.prelude,
            "variables": task.variables,
            "contract": {
                "clauses": [_clause_to_json(c) for c in task.contract.clauses],
                "problems": task.contract.problems,
            },
            "repository": _repository_to_json(task.repository),
            "path": None if task.path is None else str(task.path),
            "notes": task.notes,
            "reference": task.reference,
        }
    )


def task_from_json(text: str) -> Task:
    """Return the task that `task_to_json` wrote.

    Raises:
        StoreError: If `text` is something else, or of a newer CodeGrad.
    """
    try:
        data = json.loads(text)
        if data["format"] != _FORMAT:
            raise StoreError(
                f"the stored task has format {data['format']!r} and this CodeGrad "
                f"reads {_FORMAT}; continue the run with the version that began it"
            )
        variables, path = data["variables"], data["path"]
        return Task(
            name=data["name"],
            entry_point=data["entry_point"],
            sources=data["sources"],
            main=data["main"],
            constraints=tuple(_constraint_from_json(c) for c in data["constraints"]),
            prompt=data["prompt"],
            context=data["context"],
            prelude=data["prelude"],
            variables=None if variables is None else tuple(variables),
            contract=Contract(
                tuple(_clause_from_json(c) for c in data["contract"]["clauses"]),
                tuple(data["contract"]["problems"]),
            ),
            repository=_repository_from_json(data["repository"]),
            path=None if path is None else Path(path),
            notes=tuple(data["notes"]),
            # Absent from tasks stored before references existed.
            reference=data.get("reference", ""),
        )
    except _UNREADABLE as error:
        raise StoreError(
            f"the stored task cannot be read ({type(error).__name__}: {error}); "
            "start the run again from its file"
        ) from error


def _constraint_to_json(constraint: Constraint) -> dict[str, Any]:
    check: dict[str, Any] = {"type": _TAGS[type(constraint.check)]}
    for field in fields(constraint.check):
        value = getattr(constraint.check, field.name)
        if field.name in _VALUES:
            plain = encode(dict(value) if field.name == "kwargs" else value)
            if _has_opaque(plain):
                raise StoreError(
                    f"{constraint.name} ({constraint.text}) cannot be stored: its "
                    f"{field.name} hold more than plain data; write it as a pytest test"
                )
            check[field.name] = plain
        elif isinstance(value, Clause):
            check[field.name] = _clause_to_json(value)
        else:
            check[field.name] = value
    return {
        "name": constraint.name,
        "stage": constraint.stage,
        "text": constraint.text,
        "check": check,
        "origin": constraint.origin.value,
        "hard": constraint.hard,
        "trust": constraint.trust,
    }


def _constraint_from_json(data: Mapping[str, Any]) -> Constraint:
    values = dict(data["check"])
    kind = _CHECKS[values.pop("type")]
    for name in _VALUES & values.keys():
        values[name] = decode(values[name])
    if kind is ClauseCheck:
        values["clause"] = _clause_from_json(values["clause"])
    elif kind is BehaviourCheck:
        values["behaviour"] = Behaviour(values["behaviour"])
    elif kind is AgreementCheck:
        values["peers"] = tuple(values["peers"])
    return Constraint(
        name=data["name"],
        stage=data["stage"],
        text=data["text"],
        check=kind(**values),
        origin=Origin(data["origin"]),
        hard=data["hard"],
        trust=data.get("trust"),
    )


def _has_opaque(encoded: object) -> bool:
    """Tell whether the codec gave up somewhere inside; its tag for that is `o`."""
    pending = [encoded]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if "o" in item:
                return True
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return False


def _clause_to_json(clause: Clause) -> dict[str, Any]:
    return {
        "kind": clause.kind.value,
        "expression": clause.expression,
        "line": clause.line,
        "syntax": clause.syntax,
    }


def _clause_from_json(data: Mapping[str, Any]) -> Clause:
    return Clause(
        ClauseKind(data["kind"]), data["expression"], data["line"], data["syntax"]
    )


def _repository_to_json(repository: Repository | None) -> dict[str, Any] | None:
    if repository is None:
        return None
    return {
        "root": str(repository.root),
        "tests": repository.tests,
        "python": str(repository.python),
        "files": repository.files,
    }


def _repository_from_json(data: Mapping[str, Any] | None) -> Repository | None:
    if data is None:
        return None
    return Repository(
        Path(data["root"]),
        tuple(data["tests"]),
        Path(data["python"]),
        tuple(data["files"]),
    )
