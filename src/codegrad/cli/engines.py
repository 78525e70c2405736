"""`codegrad engines`."""

import click

from codegrad.cli.options import json_option
from codegrad.cli.session import echo_json
from codegrad.engines.choice import choose, survey


@click.command("engines")
@json_option
def command(as_json: bool) -> int:  # noqa: FBT001 - click's calling convention
    """List the engines, whether they would work here, and what auto means."""
    found = survey()
    chosen = choose("auto")
    if as_json:
        echo_json(
            {
                "engines": [
                    {"name": e.name, "works": e.works, "why": e.why} for e in found
                ],
                "auto": {"engine": chosen.engine, "reason": chosen.reason},
            }
        )
        return 0
    width = max(len(engine.name) for engine in found)
    for engine in found:
        mark = "yes" if engine.works else "no "
        click.echo(f"{engine.name:<{width}}  {mark}  {engine.why}")
    click.echo(f"\nauto: {chosen.engine} ({chosen.reason})")
    return 0
