"""`codegrad doctor`."""

import platform
import shutil
from pathlib import Path

import click

from codegrad import __version__
from codegrad.cli.main import EXIT_COULD_NOT_RUN
from codegrad.cli.options import json_option
from codegrad.cli.session import echo_json
from codegrad.sandbox import Call, LayerReport, LayerState, Sandbox
from codegrad.store.journal import Store
from codegrad.verify.tools import tool_versions

_MARKS = {
    LayerState.ON: "on",
    LayerState.OFF: "off",
    LayerState.UNAVAILABLE: "unavailable",
}


@click.command("doctor")
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    help="Also try this interpreter as the one that runs the code.",
)
@json_option
def command(
    python: Path | None,
    as_json: bool,  # noqa: FBT001 - click's calling convention
) -> int:
    """Report the isolation layers and the tools of this machine."""
    with Sandbox(python, allow_unsafe=True) as sandbox:
        run = sandbox.call("def f(x):\n    return x + 1\n", "f", [Call((1,))])
        layers = sandbox.layers
    works = run.load.ok and run.calls[0].value == 2  # noqa: PLR2004 - 1 + 1
    tools = {name: version or None for name, version in tool_versions().items()}
    del tools["codegrad"], tools["python"]  # these have lines of their own
    store = Store.default_path()
    safe = layers.is_safe and works
    if as_json:
        echo_json(
            {
                "codegrad": __version__,
                "python": platform.python_version(),
                "platform": layers.platform,
                "sandbox_python": layers.python,
                "safe": safe,
                "landlock_abi": layers.landlock_abi,
                "layers": [
                    {"name": x.name, "state": str(x.state), "reason": x.reason}
                    for x in layers.layers
                ],
                "tools": tools,
                "store": str(store),
            }
        )
        return 0 if safe else EXIT_COULD_NOT_RUN
    click.echo(f"codegrad {__version__} on Python {platform.python_version()}")
    click.echo(f"platform        {layers.platform}")
    click.echo(f"runs code with  Python {layers.python}")
    click.echo(f"runs are kept   {store}")
    for name, version in tools.items():
        click.echo(f"{name:<15} {version or 'not installed'}")
    click.echo(f"pytest          {shutil.which('pytest') or 'not on the path'}")
    click.echo()
    _show_layers(layers)
    if not works:
        click.echo("the isolated worker did not answer; please report this output")
    return 0 if safe else EXIT_COULD_NOT_RUN


def _show_layers(layers: LayerReport) -> None:
    for layer in layers.layers:
        reason = f"  {layer.reason}" if layer.reason else ""
        click.echo(f"  {layer.name:<16} {_MARKS[layer.state]:<12}{reason}")
    if layers.landlock_abi:
        click.echo(f"  Landlock ABI {layers.landlock_abi}")
    click.echo(
        "untrusted code is isolated"
        if layers.is_safe
        else "NOT a sandbox: untrusted code could read and write your files; "
        "codegrad refuses to run it unless you pass --allow-unsafe"
    )
