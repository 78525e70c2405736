"""The project file: `[tool.codegrad]` in the nearest pyproject.toml.

In: a target. Out: defaults for the options of the command that was typed. Invariant:
what is typed wins, and which file was used is said.
"""

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from codegrad.budget import Budget
from codegrad.errors import UsageError
from codegrad.verify.ladder import Ladder

FILE = "pyproject.toml"
TABLE = "tool.codegrad"
_HOTTEST = 2


@dataclass(frozen=True, slots=True)
class _Setting:
    """One key of the table."""

    option: str
    """The parameter of the commands that it is the default of."""

    read: Callable[[Any, Path], Any]
    """Returns the value; raises ValueError or TypeError that says what is expected."""


def find(target: Path) -> Path | None:
    """Return the nearest pyproject.toml above `target` with our table, if any.

    Raises:
        UsageError: If a file on the way is not TOML or cannot be read.
    """
    start = target.absolute()
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file() and _table(path) is not None:
            return path
    return None


def read(path: Path) -> dict[str, Any]:
    """Return the values of the table in `path`, by the commands' parameters.

    Paths are relative to the folder of the file.

    Raises:
        UsageError: If a key is unknown or a value cannot be used.
    """
    values: dict[str, Any] = {}
    for key, value in (_table(path) or {}).items():
        setting = _SETTINGS.get(key)
        if key == "base-url":
            # Who writes a repository must not decide who is sent the user's key.
            raise UsageError(
                f"{path}: base-url is not read from a project file, because your key "
                "is sent there; type --base-url"
            )
        if setting is None:
            raise UsageError(
                f"{path}: unknown key {key!r} in [{TABLE}]; known: "
                f"{', '.join(_SETTINGS)}"
            )
        try:
            values[setting.option] = setting.read(value, path.parent)
        except (TypeError, ValueError) as error:
            raise UsageError(f"{path}: {key} in [{TABLE}]: {error}") from error
    return values


def _table(path: Path) -> Mapping[str, Any] | None:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}; correct it") from error
    tools = document.get("tool", {})
    found = tools.get("codegrad") if isinstance(tools, dict) else None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{path}: [{TABLE}] must be a table of settings")
    return found


def _text(value: Any, _: Path) -> str:  # noqa: ANN401 - any TOML value
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected a text, found {value!r}")
    return value


def _stages(value: Any, _: Path) -> str:  # noqa: ANN401
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"expected a list of stages, found {value!r}")
    names = [name.strip() for name in names]
    Ladder.of(names)
    return ",".join(names)


def _budget(value: Any, _: Path) -> Budget:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError(f"expected a number or a text like '90s', found {value!r}")
    return Budget.parse(str(value))


def _seconds(value: Any, _: Path) -> float:  # noqa: ANN401
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not 0 < value < math.inf:
        raise ValueError(f"expected a number of seconds above 0, found {value!r}")
    return float(value)


def _whole(value: Any, _: Path) -> int:  # noqa: ANN401
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, found {value!r}")
    return value


def _count(value: Any, folder: Path) -> int:  # noqa: ANN401
    if _whole(value, folder) < 1:
        raise ValueError(f"expected a whole number above 0, found {value!r}")
    return int(value)


def _temperature(value: Any, _: Path) -> float:  # noqa: ANN401
    number = not isinstance(value, bool) and isinstance(value, int | float)
    if not number or not 0 <= value <= _HOTTEST:
        raise ValueError(f"expected a number from 0 to {_HOTTEST}, found {value!r}")
    return float(value)


def _interpreter(value: Any, folder: Path) -> Path:  # noqa: ANN401
    path = folder / _text(value, folder)
    if not path.exists():
        raise ValueError(f"{path} does not exist")
    return path


def _tests(value: Any, folder: Path) -> list[str]:  # noqa: ANN401
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"expected a list of paths, found {value!r}")
    return [str(folder / name) for name in names]


_SETTINGS = {
    "stages": _Setting("stages", _stages),
    "tests": _Setting("tests", _tests),
    "python": _Setting("python", _interpreter),
    "timeout": _Setting("timeout_s", _seconds),
    "seed": _Setting("seed", _whole),
    "budget": _Setting("budget", _budget),
    "engine": _Setting("engine", _text),
    "critic": _Setting("critic", _text),
    "strategy": _Setting("strategy", _text),
    "cache": _Setting("cache", _text),
    "max-tokens": _Setting("max_tokens", _count),
    "context": _Setting("context", _count),
    "temperature": _Setting("temperature", _temperature),
    "reply-timeout": _Setting("reply_timeout", _seconds),
    "parallel": _Setting("parallel", _count),
}


def take_defaults(
    context: click.Context, parameter: click.Parameter, target: str
) -> str:
    """Fill the command's defaults from the project file of its target.

    A callback of the eager argument TARGET: options that were not typed are looked
    up in the context after it.
    """
    del parameter
    path = find(Path(target.partition("::")[0]))
    if path is not None:
        context.default_map = read(path)
        context.meta[TABLE] = path
    return target


def settings_note(context: click.Context) -> str:
    """Return which settings came from which file; empty if none did."""
    path = context.meta.get(TABLE)
    used = [
        key
        for key, setting in _SETTINGS.items()
        if context.get_parameter_source(setting.option) is ParameterSource.DEFAULT_MAP
    ]
    return f"{', '.join(used)} from [{TABLE}] of {path}" if used else ""
