"""Run untrusted code somewhere else: confined, limited, and without survivors."""

from codegrad.sandbox.confined import ConfinedRun, confined_command, run_confined
from codegrad.sandbox.layers import Layer, LayerReport, LayerState
from codegrad.sandbox.limits import Limits

__all__ = [
    "ConfinedRun",
    "Layer",
    "LayerReport",
    "LayerState",
    "Limits",
    "confined_command",
    "run_confined",
]
