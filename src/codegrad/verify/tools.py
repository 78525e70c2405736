"""What a verdict depends on beside the code: the versions of the tools.

In: the installed packages. Out: versions by name. Invariant: a tool that is not
installed is named with an empty version, never left out.
"""

import importlib.metadata
import platform

from codegrad import __version__

PACKAGES = {
    "ruff": "ruff",
    "ty": "ty",
    "hypothesis": "hypothesis",
    "z3": "z3-solver",
    "cvc5": "cvc5",
    "crosshair": "crosshair-tool",
}
"""Distribution names by the tools' names."""

USED_BY = {
    "lint": ("ruff",),
    "types": ("ty",),
    "properties": ("hypothesis",),
    "proof": ("z3", "cvc5"),
    "symbolic": ("crosshair",),
}
"""Tools by the stages that need them."""


def tool_versions() -> dict[str, str]:
    """Return the version of each tool; empty if it is not installed.

    Example:
        >>> list(tool_versions())[:4]
        ['codegrad', 'python', 'ruff', 'ty']
    """
    return {
        "codegrad": __version__,
        "python": platform.python_version(),
        **{tool: _installed(package) for tool, package in PACKAGES.items()},
    }


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
