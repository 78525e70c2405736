"""Run untrusted code somewhere else: confined, limited, and without survivors."""

from codegrad.sandbox.child import Opaque, Yielded, decode, encode
from codegrad.sandbox.confined import ConfinedRun, confined_command, run_confined
from codegrad.sandbox.layers import Layer, LayerReport, LayerState
from codegrad.sandbox.limits import Limits
from codegrad.sandbox.outcome import (
    Call,
    CallOutcome,
    CallRecord,
    CallRun,
    CheckRun,
    Ending,
    LoadOutcome,
    ProgramOutcome,
    TestOutcome,
    Trace,
)
from codegrad.sandbox.worker import KernelRun, Sandbox

__all__ = [
    "Call",
    "CallOutcome",
    "CallRecord",
    "CallRun",
    "CheckRun",
    "ConfinedRun",
    "Ending",
    "KernelRun",
    "Layer",
    "LayerReport",
    "LayerState",
    "Limits",
    "LoadOutcome",
    "Opaque",
    "ProgramOutcome",
    "Sandbox",
    "TestOutcome",
    "Trace",
    "Yielded",
    "confined_command",
    "decode",
    "encode",
    "run_confined",
]
