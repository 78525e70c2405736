"""The report of which isolation layers hold on this machine."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LayerState(StrEnum):
    """What became of one layer."""

    ON = "on"
    """The layer holds."""

    OFF = "off"
    """The layer was switched off by the caller."""

    UNAVAILABLE = "unavailable"
    """The kernel, or the policy of a container, refused it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One isolation layer."""

    name: str
    """What it is called in messages and in the report of `codegrad doctor`."""

    state: LayerState
    """Whether it holds."""

    reason: str = ""
    """Why it is unavailable, in the words of the operating system."""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """All layers of one sandbox, outermost first."""

    layers: tuple[Layer, ...]
    """Every layer that exists, whether or not it holds."""

    landlock_abi: int = 0
    """The version of Landlock that the kernel speaks; 0 if none."""

    platform: str = ""
    """Operating system, release and machine."""

    python: str = ""
    """The version of the interpreter that runs the untrusted code."""

    @property
    def is_safe(self) -> bool:
        """Whether the files of the user are out of reach of untrusted code."""
        on = {layer.name for layer in self.layers if layer.state is LayerState.ON}
        return bool(on & {"landlock", "private_root"})

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the layers that do not hold."""
        return tuple(
            layer.name for layer in self.layers if layer.state is not LayerState.ON
        )

    def __str__(self) -> str:
        """Return one line a layer, for a terminal."""
        lines = [
            f"{layer.name}: {layer.state}" + (f" ({layer.reason})" * bool(layer.reason))
            for layer in self.layers
        ]
        return "\n".join([*lines, f"landlock ABI: {self.landlock_abi}"])


def layer_report(data: Mapping[str, Any]) -> LayerReport:
    """Return the report that a child sent as JSON.

    Example:
        >>> data = {"states": {"landlock": ["on", ""]}, "landlock_abi": 4}
        >>> layer_report(data).is_safe
        True
    """
    system = platform.uname()
    return LayerReport(
        layers=tuple(
            Layer(str(name), LayerState(state), str(reason))
            for name, (state, reason) in data["states"].items()
        ),
        landlock_abi=int(data.get("landlock_abi", 0)),
        platform=f"{system.system} {system.release} {system.machine}",
        python=str(data.get("python", "")),
    )
