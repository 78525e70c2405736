"""CodeGrad: an optimiser for code.

Say what a piece of Python must satisfy; CodeGrad verifies it in several steps, turns
what it found into a gradient, lets an engine step along it, and projects the step back
onto what is verified::

    import codegrad as cg

    task = cg.Task.from_file("median.py")
    result = cg.refine(task)
    print(result.code, result.evidence.sentence())

Importing the package does nothing; names are loaded when they are first used.
"""

from __future__ import annotations

import importlib

_HOMES = {
    "Budget": "budget",
    "CGD": "optim.cgd",
    "Code": "code",
    "CodeGradError": "errors",
    "Constraint": "task",
    "Contract": "contract",
    "Counterexample": "verdict",
    "Critique": "gradient",
    "Event": "events",
    "Evidence": "evidence",
    "Gradient": "gradient",
    "LLMEngine": "engines.llm",
    "Ladder": "verify.ladder",
    "Loss": "loss",
    "ModelCritic": "engines.critic",
    "Origin": "task",
    "Outcome": "result",
    "Program": "code",
    "Result": "result",
    "ScriptedEngine": "engines.scripted",
    "SearchEngine": "engines.search",
    "Spent": "budget",
    "Status": "verdict",
    "Store": "store.journal",
    "Strategy": "optim.strategy",
    "Task": "task",
    "Verdict": "verdict",
    "VerificationLoss": "verify.verification",
    "Workbench": "verify.stage",
    "refine": "refine",
    "strategy_of": "optim.strategy",
}

__all__ = sorted([*_HOMES, "__version__"])  # noqa: PLE0605 - one table, checked by a test

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'codegrad' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"codegrad.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
