"""Text that tries to be more than text."""

from collections.abc import Mapping
from typing import Any

from codegrad.events import Event
from tests.report.example_run import CONSTRAINTS, numbered, verified_run

HOSTILE = (
    "</script><script>alert(1)</script> <img src=x onerror=alert(2)> ]]> --> "
    "</style><style>*{display:none}</style> </title> \" onload='alert(3)' "
    "{{ 7 * 7 }} {% raw %} &lt;b&gt; [bold red]markup[/bold red] [/] :smile: "
    "\x1b[31mred\x1b]0;title\x07 \x9b2J \x00 \ud800 \udcff \u202e\u2066 javascript:x "
    '<iframe src="http://example.com/"> <a href=//example.com>'
)
"""Ends elements, styles terminals, hides text, and calls for scripts."""


def hostile_run() -> list[Event]:
    """The verified run with every text replaced that may come from outside."""
    known = {c["name"] for c in CONSTRAINTS}
    keep = {"source", "status", "ladder", "stage", "origin", "constraint", "name"}
    return numbered(
        [
            Event(event.kind, event.step, _poison(event.data, keep, known))
            for event in verified_run()
        ]
    )


def _poison(data: Mapping[str, Any], keep: set[str], known: set[str]) -> dict[str, Any]:
    def change(key: str, value: object) -> Any:
        if isinstance(value, Mapping):
            return {
                inner
                if inner in known or key != "sources"
                else f"{HOSTILE}.py": change(inner, item)
                for inner, item in value.items()
            }
        if isinstance(value, list):
            return [change(key, item) for item in value]
        if isinstance(value, str) and key not in keep:
            return value + f"\n# {HOSTILE}\n" if "\n" in value else HOSTILE
        return value

    return {key: change(key, value) for key, value in data.items()}
